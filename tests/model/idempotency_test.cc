// Idempotency keys: the same request again is answered and not done again.
#include <functional>
#include <string>
#include <vector>

#include "rich.h"
#include "walk.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

using Fill = std::function<void(WriteBatch&, const Rich&)>;
struct Verb {
  const char* name;
  Fill fill;
  Fill other;  // the same verb with other arguments
};

NewCall call(const Rich& r, int64_t micros) {
  return {.agent = "a",
          .model = "m",
          .latency_us = 1,
          .cost_micros = micros,
          .currency = "USD",
          .session = r.chat};
}

#define FILL [](WriteBatch & b, const Rich& r)

// Every verb of WriteBatch. Each commit is built anew, as a retry would.
const Verb kVerbs[] = {{"create_project", FILL{(void)r;
b.create_project({.name = "N", .idea_prompt = "i"});
}  // namespace
, FILL {
  (void)r;
  b.create_project({.name = "M", .idea_prompt = "i"});
}
}  // namespace bcstore
, {"add_version", FILL{b.add_version(r.project, {.change_note = "n"});
}
, FILL { b.add_version(r.project, {}); }
}
, {"set_status", FILL{b.set_status(r.project, ProjectStatus::ready);
}
, FILL { b.set_status(r.neighbour, ProjectStatus::ready); }
}
, {"create_document", FILL{b.create_document(r.project, {.section = Section::marketing});
}
, FILL { b.create_document(r.project, {.section = Section::overview}); }
}
, {"add_revision", FILL{b.add_revision(r.document, {.content = "[1]"});
}
, FILL { b.add_revision(r.document, {.content = "[2]"}); }
}
, {"set_lock", FILL{b.set_lock(r.document, true);
}
, FILL { b.set_lock(r.document, false); }
}
, {"create_task", FILL{b.create_task(r.project, {.title = "N"});
}
, FILL { b.create_task(r.project, {.title = "N", .phase = 0}); }
}
, {"revise_task", FILL{b.revise_task(r.task, {.title = "N"});
}
, FILL { b.revise_task(r.task, {.description = "N"}); }
}
, {"record_activity", FILL{b.record_activity(r.task, TaskAction::reopen);
}
, FILL { b.record_activity(r.task, TaskAction::complete); }
}
, {"start_chat", FILL{b.start_chat(r.project, {.title = "N"});
}
, FILL { b.start_chat(r.project); }
}
, {"rename_chat", FILL{b.rename_chat(r.chat, "N");
}
, FILL { b.rename_chat(r.chat, std::nullopt); }
}
, {"append_message", FILL{b.append_message(r.chat, {.role = Role::user, .content = "N"});
}
, FILL { b.append_message(r.chat, {.role = Role::assistant, .content = "N"}); }
}
, {"append_event", FILL{(void)r;
b.append_event({.type = "N"});
}
, FILL {
  (void)r;
  b.append_event({.type = "N", .payload = "1"});
}
}
, {"record_call", FILL{b.record_call(call(r, 1));
}
, FILL { b.record_call(call(r, 2)); }
}
, {"edit_profile", FILL{(void)r;
b.edit_profile({.full_name = "N"});
}
, FILL {
  (void)r;
  b.edit_profile({.full_name = "M"});
}
}
,
}
;

bool same_operations(const Receipt& a, const Receipt& b) {
  if (a.operations.size() != b.operations.size()) return false;
  for (size_t i = 0; i < a.operations.size(); ++i) {
    if (a.operations[i].id != b.operations[i].id) return false;
    if (a.operations[i].number != b.operations[i].number) return false;
  }
  return true;
}

void check_replay(const Result<Receipt>& again, const Receipt& first) {
  REQUIRE(again.ok());
  CHECK(again->replayed);
  CHECK(again->commit_seq == first.commit_seq);
  CHECK(again->owner_seq == first.owner_seq);
  CHECK(again->committed_at == first.committed_at);
  CHECK(same_operations(*again, first));
}

TEST_CASE(
    "idempotency: every verb is done once and answered as often as asked, also after reopening") {
  World w;
  const UserId owner = w.user("a@x");
  const Rich rich = enrich(w.store(), owner, "a");
  std::vector<Receipt> first;
  for (const Verb& verb : kVerbs) {
    CAPTURE(verb.name);
    const Tenant t = w.store().tenant(owner);
    const CommitOptions options{.idempotency_key = verb.name};
    WriteBatch batch = t.batch();
    verb.fill(batch, rich);
    const Result<Receipt> done = t.commit(batch, options);
    REQUIRE(done.ok());
    CHECK_FALSE(done->replayed);
    first.push_back(*done);
    const std::string before = walk(t);
    const uint64_t commits = w.commits();
    w.clock->advance(kSecondUs);

    WriteBatch retry = t.batch();
    verb.fill(retry, rich);
    check_replay(t.commit(retry, options), *done);
    CHECK(retry.size() == 0);
    // A relaxed retry is the same request: how it is acknowledged is not what it does.
    verb.fill(retry, rich);
    check_replay(t.commit(retry, {.durability = Durability::relaxed, .idempotency_key = verb.name}),
                 *done);
    WriteBatch other = t.batch();
    verb.other(other, rich);
    CHECK_CODE(conflict, t.commit(other, options));
    WriteBatch longer = t.batch();
    verb.fill(longer, rich);
    verb.fill(longer, rich);
    CHECK_CODE(conflict, t.commit(longer, options));
    CHECK(w.commits() == commits);
    CHECK(walk(t) == before);
  }
  w.reopen();
  const Tenant t = w.store().tenant(owner);
  const std::string before = walk(t);
  for (size_t i = 0; i < first.size(); ++i) {
    CAPTURE(kVerbs[i].name);
    WriteBatch retry = t.batch();
    kVerbs[i].fill(retry, rich);
    check_replay(t.commit(retry, {.idempotency_key = kVerbs[i].name}), first[i]);
  }
  CHECK(walk(t) == before);
}

TEST_CASE("idempotency: the one-line verbs give the first run's answer") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId p =
      t.create_project({.name = "P", .idea_prompt = ""}, {.idempotency_key = "p"}).value();
  CHECK(t.create_project({.name = "P", .idea_prompt = ""}, {.idempotency_key = "p"}).value() == p);
  const DocumentId d =
      t.create_document(p, {.section = Section::prd}, {.idempotency_key = "d"}).value();
  CHECK(t.create_document(p, {.section = Section::prd}, {.idempotency_key = "d"}).value() == d);
  for (int i = 0; i < 2; ++i) {
    CHECK(t.add_version(p, {}, {.idempotency_key = "v"}).value() == 2);
    CHECK(t.add_revision(d, {.content = "1"}, {.idempotency_key = "r"}).value() == 1);
    CHECK(t.set_status(p, ProjectStatus::ready, std::nullopt, {.idempotency_key = "s"})
              .value()
              .replayed == (i == 1));
    CHECK(t.set_lock(d, false, true, {.idempotency_key = "l"}).value().replayed == (i == 1));
    CHECK(t.edit_profile({.full_name = "A", .expected_rev = 1}, {.idempotency_key = "e"})
              .value()
              .replayed == (i == 1));
  }
  const TaskId task = t.create_task(p, {.title = "T"}, {.idempotency_key = "t"}).value();
  CHECK(t.create_task(p, {.title = "T"}, {.idempotency_key = "t"}).value() == task);
  const ChatSessionId chat = t.start_chat(p, {}, {.idempotency_key = "c"}).value();
  CHECK(t.start_chat(p, {}, {.idempotency_key = "c"}).value() == chat);
  const uint64_t event = t.append_event({.type = "e"}, {.idempotency_key = "ev"}).value();
  CHECK(t.append_event({.type = "e"}, {.idempotency_key = "ev"}).value() == event);
  for (int i = 0; i < 2; ++i) {
    CHECK(t.append_message(chat, {.role = Role::user, .content = "m", .expected_seq = 0},
                           {.idempotency_key = "m"})
              .value() == 1);
    CHECK(
        t.revise_task(task, {.title = "U", .expected_rev = 1}, {.idempotency_key = "rt"}).value() ==
        2);
    CHECK(t.record_activity(task, TaskAction::complete, TaskState::open, {.idempotency_key = "ra"})
              .value() == 1);
    CHECK(t.rename_chat(chat, "n", 0, {.idempotency_key = "rc"}).value().replayed == (i == 1));
  }
  CHECK(t.last_seq(chat).value() == 1);
}

TEST_CASE("idempotency: minted ids stand by their place, given ids for themselves") {
  World w;
  const Tenant t = w.tenant("a@x");
  const auto build = [&](std::string_view second) {
    WriteBatch batch = t.batch();
    const ProjectId p = batch.create_project({.name = "P", .idea_prompt = ""});
    const ProjectId q = batch.create_project({.name = "Q", .idea_prompt = ""});
    batch.create_task(second == "p" ? p : q, {.title = "T"});
    return batch;
  };
  WriteBatch first = build("p");
  const Receipt done = t.commit(first, {.idempotency_key = "k"}).value();
  WriteBatch same = build("p");
  check_replay(t.commit(same, {.idempotency_key = "k"}), done);
  // The ids of the first run are the valid ones.
  CHECK_CODE(ok, t.project(ProjectId(done.operations[0].id)));
  CHECK_CODE(ok, t.task(TaskId(done.operations[2].id)));
  WriteBatch swapped = build("q");
  CHECK_CODE(conflict, t.commit(swapped, {.idempotency_key = "k"}));

  const auto given = [&](uint8_t n) {
    return t.create_project({.name = "G", .idea_prompt = "", .id = forged<ProjectId>(n)},
                            {.idempotency_key = "g"});
  };
  CHECK(given(1).value() == forged<ProjectId>(1));
  CHECK(given(1).value() == forged<ProjectId>(1));
  CHECK_CODE(conflict, given(2));
  CHECK_CODE(conflict,
             t.create_project({.name = "G", .idea_prompt = ""}, {.idempotency_key = "g"}));
}

TEST_CASE("idempotency: a refusal is not remembered") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId p = forged<ProjectId>(1);
  const CommitOptions options{.idempotency_key = "k"};
  CHECK_CODE(not_found, t.create_task(p, {.title = "T"}, options));
  CHECK_CODE(not_found, t.create_task(p, {.title = "T"}, options));
  t.create_project({.name = "P", .idea_prompt = "", .id = p}).value();
  const TaskId task = t.create_task(p, {.title = "T"}, options).value();
  CHECK(t.create_task(p, {.title = "T"}, options).value() == task);
  // Nor does a refused request take the key from another one.
  CHECK_CODE(conflict,
             t.set_status(p, ProjectStatus::ready, ProjectStatus::ready, {.idempotency_key = "s"}));
  CHECK_CODE(ok, t.append_event({.type = "t"}, {.idempotency_key = "s"}));
}

TEST_CASE("idempotency: a replay comes before what the store would say now") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  const uint64_t seq = t.owner_seq().value();
  const CommitOptions options{.idempotency_key = "k", .expected_owner_seq = seq};
  WriteBatch batch = t.batch();
  batch.add_version(p, {.expected_current = 1});
  const Receipt done = t.commit(batch, options).value();
  CHECK(done.owner_seq == seq + 1);
  // Both expectations would fail by now.
  batch.add_version(p, {.expected_current = 1});
  check_replay(t.commit(batch, options), done);
  CHECK(t.project(p).value().current_version() == 2);
}

TEST_CASE("idempotency: keys are remembered per owner") {
  World w;
  const Tenant a = w.tenant("a@x");
  const Tenant b = w.tenant("b@x");
  const CommitOptions options{.idempotency_key = "same"};
  const uint64_t in_a = a.append_event({.type = "t"}, options).value();
  const uint64_t in_b = b.append_event({.type = "t"}, options).value();
  CHECK(in_a != in_b);
  CHECK_CODE(ok, b.event(in_b));
  CHECK_CODE(not_found, b.event(in_a));
  CHECK_CODE(conflict, b.append_event({.type = "u"}, options));
  CHECK(a.append_event({.type = "t"}, options).value() == in_a);
}

TEST_CASE("idempotency: 1 to 64 bytes of any value") {
  World w;
  const Tenant t = w.tenant("a@x");
  const std::string longest(kMaxIdempotencyKeyBytes, 'k');
  const std::string too_long(kMaxIdempotencyKeyBytes + 1, 'k');
  const uint64_t commits = w.commits();
  CHECK_CODE(invalid_argument, t.append_event({.type = "t"}, {.idempotency_key = too_long}));
  CHECK_CODE(invalid_argument,
             w.service().create_user({.email = "c@x"}, {.idempotency_key = too_long}));
  CHECK(w.commits() == commits);
  const std::string_view keys[] = {"k", longest, std::string_view("\0", 1), "\xFF\xFE",
                                   std::string_view("k\0", 2)};
  for (std::string_view key : keys) {
    const uint64_t id = t.append_event({.type = "t"}, {.idempotency_key = key}).value();
    CHECK(t.append_event({.type = "t"}, {.idempotency_key = key}).value() == id);
  }
  // No key: done again each time.
  const uint64_t one = t.append_event({.type = "t"}, {.idempotency_key = ""}).value();
  CHECK(t.append_event({.type = "t"}, {.idempotency_key = ""}).value() != one);
}

TEST_CASE("idempotency: the window ends exactly, and not with the day") {
  for (const int64_t window : {kSecondUs, 3600 * kSecondUs, kDayUs, kMaxIdempotencyWindowUs}) {
    CAPTURE(window);
    World w([&](Options& o) { o.idempotency_window_us = window; });
    const Tenant t = w.tenant("a@x");
    // Ten minutes before midnight.
    const int64_t begin = parse_time("2025-08-20T23:50:00Z")->us;
    w.clock->set(begin);
    const CommitOptions options{.idempotency_key = "k"};
    const auto append = [&] { return t.append_event({.type = "t"}, options).value(); };
    const uint64_t first = append();
    w.clock->set(begin + window - 1);
    CHECK(append() == first);
    w.reopen();
    const Tenant again = w.store().tenant(t.owner());
    CHECK(again.append_event({.type = "t"}, options).value() == first);
    w.clock->set(begin + window + 1);
    const uint64_t second = again.append_event({.type = "t"}, options).value();
    CHECK(second != first);
    CHECK(again.append_event({.type = "t"}, options).value() == second);
    // An expired key is free for another request.
    w.clock->set(begin + 3 * window);
    CHECK_CODE(ok, again.append_event({.type = "other"}, options));
    CHECK_CODE(conflict, again.append_event({.type = "t"}, options));
  }
}

TEST_CASE("idempotency: windows outside one second to thirty days are refused at open") {
  TempDir dir;
  for (const int64_t window :
       {int64_t{0}, int64_t{-1}, kSecondUs - 1, kMaxIdempotencyWindowUs + 1}) {
    Options options;
    options.idempotency_window_us = window;
    CHECK_CODE(invalid_argument, Store::open(dir.sub("store"), options));
  }
}

TEST_CASE("idempotency: the service's verbs") {
  World w;
  const Service s = w.service();
  const UserId a = s.create_user({.email = "a@x"}, {.idempotency_key = "sign-up"}).value();
  const uint64_t commits = w.commits();
  CHECK(s.create_user({.email = "a@x"}, {.idempotency_key = "sign-up"}).value() == a);
  CHECK(w.commits() == commits);
  CHECK_CODE(conflict, s.create_user({.email = "b@x"}, {.idempotency_key = "sign-up"}));
  const Receipt done = s.link_stripe_customer(a, "cus", {.idempotency_key = "link"}).value();
  check_replay(s.link_stripe_customer(a, "cus", {.idempotency_key = "link"}), done);
  CHECK_CODE(conflict, s.link_stripe_customer(a, "other", {.idempotency_key = "link"}));
  w.reopen();
  CHECK(w.service().create_user({.email = "a@x"}, {.idempotency_key = "sign-up"}).value() == a);
}

}  // namespace
}  // namespace bcstore
