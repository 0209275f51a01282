// Expectations: every member `expected...`, matched and not, and the one that covers every verb.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "rich.h"
#include "walk.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

// One expectation. `put` adds the operation, expecting this value; numbers stand for enumerators.
struct Expectation {
  const char* name;
  uint64_t actual;
  std::vector<uint64_t> wrong;
  std::function<void(WriteBatch&, const Rich&, uint64_t)> put;
};

const Expectation kExpectations[] = {
    {"add_version.expected_current",
     2,
     {0, 1, 3, 0xFFFF'FFFF},
     [](WriteBatch& b, const Rich& r, uint64_t n) {
       b.add_version(r.project, {.expected_current = static_cast<uint32_t>(n)});
     }},
    {"set_status.expected",
     3,
     {1, 2},
     [](WriteBatch& b, const Rich& r, uint64_t n) {
       b.set_status(r.project, ProjectStatus::archived, static_cast<ProjectStatus>(n));
     }},
    {"add_revision.expected_rev",
     3,
     {0, 1, 2, 4, 0xFFFF'FFFF},
     [](WriteBatch& b, const Rich& r, uint64_t n) {
       b.add_revision(r.document, {.content = "1", .expected_rev = static_cast<uint32_t>(n)});
     }},
    {"add_revision.expected_rev of none",
     0,
     {1},
     [](WriteBatch& b, const Rich& r, uint64_t n) {
       b.add_revision(r.bare, {.content = "1", .expected_rev = static_cast<uint32_t>(n)});
     }},
    {"set_lock.expected",
     0,
     {1},
     [](WriteBatch& b, const Rich& r, uint64_t n) { b.set_lock(r.document, false, n != 0); }},
    {"set_lock.expected of a locked one",
     1,
     {0},
     [](WriteBatch& b, const Rich& r, uint64_t n) { b.set_lock(r.bare, true, n != 0); }},
    {"revise_task.expected_rev",
     2,
     {0, 1, 3},
     [](WriteBatch& b, const Rich& r, uint64_t n) {
       b.revise_task(r.task, {.title = "x", .expected_rev = static_cast<uint32_t>(n)});
     }},
    {"record_activity.expected",
     2,
     {1},
     [](WriteBatch& b, const Rich& r, uint64_t n) {
       b.record_activity(r.task, TaskAction::complete, static_cast<TaskState>(n));
     }},
    {"record_activity.expected of none",
     1,
     {2},
     [](WriteBatch& b, const Rich& r, uint64_t n) {
       b.record_activity(r.unphased, TaskAction::reopen, static_cast<TaskState>(n));
     }},
    {"rename_chat.expected_rename",
     1,
     {0, 2},
     [](WriteBatch& b, const Rich& r, uint64_t n) {
       b.rename_chat(r.chat, "x", static_cast<uint32_t>(n));
     }},
    {"append_message.expected_seq",
     4,
     {0, 3, 5, ~0ull},
     [](WriteBatch& b, const Rich& r, uint64_t n) {
       b.append_message(r.chat, {.role = Role::user, .content = "x", .expected_seq = n});
     }},
    {"append_message.expected_seq of none",
     0,
     {1},
     [](WriteBatch& b, const Rich& r, uint64_t n) {
       b.append_message(r.quiet, {.role = Role::user, .content = "x", .expected_seq = n});
     }},
    {"edit_profile.expected_rev",
     0,
     {},  // the actual value is filled in by the test
     [](WriteBatch& b, const Rich&, uint64_t n) {
       b.edit_profile({.full_name = "x", .expected_rev = static_cast<uint32_t>(n)});
     }},
};

std::vector<Expectation> expectations(const Tenant& t) {
  std::vector<Expectation> all(std::begin(kExpectations), std::end(kExpectations));
  all.back().actual = t.profile().value().rev();
  all.back().wrong = {0, all.back().actual - 1, all.back().actual + 1};
  return all;
}

TEST_CASE("expectation: a mismatch tells what was there, and nothing is written") {
  World w;
  const Rich rich = enrich(w.store(), w.user("a@x"), "a");
  const Tenant t = w.store().tenant(rich.owner);
  const std::string before = walk(t);
  const uint64_t commits = w.commits();
  const uint64_t seq = t.owner_seq().value();
  for (const Expectation& e : expectations(t)) {
    for (const uint64_t wrong : e.wrong) {
      CAPTURE(e.name);
      CAPTURE(wrong);
      WriteBatch batch = t.batch();
      batch.append_event({.type = "rides along"});
      e.put(batch, rich, wrong);
      const Status refused = t.commit(batch).status();
      CHECK(name_of(refused) == "conflict");
      CHECK(refused.actual() == e.actual);
      CHECK(refused.operation() == 1u);
      CHECK(batch.size() == 2);
    }
  }
  CHECK(w.commits() == commits);
  CHECK(t.owner_seq().value() == seq);
  CHECK(walk(t) == before);
}

TEST_CASE("expectation: a match is as good as none") {
  for (size_t i = 0; i < std::size(kExpectations); ++i) {
    CAPTURE(kExpectations[i].name);
    World w;
    const Rich rich = enrich(w.store(), w.user("a@x"), "a");
    const Tenant t = w.store().tenant(rich.owner);
    const Expectation e = expectations(t)[i];
    WriteBatch batch = t.batch();
    e.put(batch, rich, e.actual);
    CHECK_CODE(ok, t.commit(batch));
  }
}

TEST_CASE("expectation: an operation expects what the one before it in the batch left") {
  World w;
  const Rich rich = enrich(w.store(), w.user("a@x"), "a");
  const Tenant t = w.store().tenant(rich.owner);
  WriteBatch batch = t.batch();
  batch.add_revision(rich.document, {.content = "4", .expected_rev = 3});
  batch.add_revision(rich.document, {.content = "5", .expected_rev = 3});
  const Status refused = t.commit(batch).status();
  CHECK(refused.code() == Code::conflict);
  CHECK(refused.actual() == 4u);
  CHECK(refused.operation() == 1u);
  CHECK(t.document(rich.document).value().current_rev() == 3);
}

TEST_CASE("expectation: expected_owner_seq covers every verb, before its own checks") {
  World w;
  const Rich rich = enrich(w.store(), w.user("a@x"), "a");
  const Tenant t = w.store().tenant(rich.owner);
  const Tenant b = w.tenant("b@x");
  const uint64_t seq = t.owner_seq().value();
  const uint64_t commits = w.commits();
  const std::string before = walk(t);
  for (const uint64_t wrong : {uint64_t{0}, seq - 1, seq + 1, ~uint64_t{0}}) {
    const CommitOptions o{.expected_owner_seq = wrong};
    for (const Expectation& e : expectations(t)) {
      CAPTURE(e.name);
      WriteBatch batch = t.batch();
      e.put(batch, rich, e.actual);
      const Status refused = t.commit(batch, o).status();
      CHECK(refused.code() == Code::conflict);
      CHECK(refused.actual() == seq);
      CHECK_FALSE(refused.operation().has_value());
    }
    const std::vector<Status> lines = {
        t.create_project({.name = "P", .idea_prompt = ""}, o).status(),
        t.create_document(rich.project, {.section = Section::tasks}, o).status(),
        t.create_task(rich.project, {.title = "T"}, o).status(),
        t.start_chat(rich.project, {}, o).status(),
        t.append_event({.type = "t"}, o).status(),
        // Before what the operations would answer.
        t.add_version(forged<ProjectId>(1), {}, o).status(),
        w.service().link_stripe_customer(rich.owner, rich.customer, o).status(),
    };
    for (const Status& refused : lines) {
      CHECK(name_of(refused) == "conflict");
      CHECK(refused.actual() == seq);
    }
  }
  // Arguments come first.
  CHECK_CODE(invalid_argument, t.append_event({.type = ""}, {.expected_owner_seq = 0}));
  CHECK(w.commits() == commits);
  CHECK(walk(t) == before);

  // Another owner's commits do not count.
  b.append_event({.type = "t"}).value();
  CHECK_CODE(ok, t.append_event({.type = "t"}, {.expected_owner_seq = seq}));
  CHECK_CODE(conflict, t.append_event({.type = "t"}, {.expected_owner_seq = seq}));
  CHECK(t.append_event({.type = "t"}, {.expected_owner_seq = seq}).status().actual() == seq + 1);
}

}  // namespace
}  // namespace bcstore
