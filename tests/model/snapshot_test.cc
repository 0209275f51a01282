// Snapshots: several reads that agree, until they are too old.
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "lists.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

TEST_CASE("snapshot: every read of one snapshot shows the store as it was") {
  Listed w;
  const std::string then = walk(w.t);
  Result<Snapshot> snapshot = w.t.snapshot();
  REQUIRE(snapshot.ok());
  CHECK(walk(w.t, &*snapshot) == then);
  w.clock->advance(kSecondUs);
  for (const List& list : w.lists) list.append(w.t, w.a);
  CHECK_CODE(ok, w.t.edit_profile({.email = "later@x", .full_name = "Later"}));
  CHECK_CODE(ok, w.t.rename_chat(w.a.chat, "Later"));
  CHECK_CODE(ok, w.t.revise_task(w.a.unphased, {.phase = std::optional<int32_t>(1)}));
  CHECK(walk(w.t, &*snapshot) == then);
  const std::string now = walk(w.t);
  CHECK(now != then);
  // Writing everything out and merging it does not take the past from a snapshot.
  CHECK_CODE(ok, w.store().compact());
  CHECK(walk(w.t, &*snapshot) == then);
  CHECK(walk(w.t) == now);
}

TEST_CASE("snapshot: reads by key do not see what came later") {
  World w;
  const Rich r = enrich(w.store(), w.user("a@x"), "a");
  const Tenant t = w.store().tenant(r.owner);
  const Snapshot snapshot = t.snapshot().value();
  const ReadOptions past{.snapshot = &snapshot};
  const ProjectId project = t.create_project({.name = "New", .idea_prompt = ""}).value();
  const DocumentId document = t.create_document(r.project, {.section = Section::marketing}).value();
  const TaskId task = t.create_task(r.project, {.title = "New"}).value();
  const ChatSessionId chat = t.start_chat(r.project).value();
  const uint64_t event = t.append_event({.type = "new"}).value();
  t.add_revision(r.document, {.content = "4"}).value();
  t.append_message(r.chat, {.role = Role::user, .content = "5"}).value();
  t.add_version(r.project, {}).value();
  t.revise_task(r.task, {.title = "3"}).value();
  check_calls({
      CALL(not_found, t.project(project, past)),
      CALL(not_found, t.document(document, past)),
      CALL(not_found, t.task(task, past)),
      CALL(not_found, t.session(chat, past)),
      CALL(not_found, t.event(event, past)),
      CALL(not_found, t.revision(r.document, 4, past)),
      CALL(not_found, t.message(r.chat, 5, past)),
      CALL(not_found, t.version(r.project, 3, past)),
      CALL(not_found, t.task_revision(r.task, 3, past)),
      CALL(not_found, t.versions(project, {.snapshot = &snapshot})),
      CALL(not_found, t.messages(chat, {.snapshot = &snapshot})),
      CALL(not_found, t.effective_documents(r.project, 3, past)),
      CALL(ok, t.project(project)),
      CALL(ok, t.revision(r.document, 4)),
  });
  CHECK(t.project(r.project, past).value().current_version() == 2);
  CHECK(t.document(r.document, past).value().current_rev() == 3);
  CHECK(t.newest_revision(r.document, past).value().rev() == 3);
  CHECK(t.task(r.task, past).value().rev() == 2);
  CHECK(t.last_seq(r.chat, past).value() == 4);
  CHECK(t.latest_documents(r.project, past).value().size() == 2);
  CHECK(t.latest_documents(r.project).value().size() == 3);
  const std::vector<ProjectId> ids = {r.project, project};
  const std::vector<Result<Project>> got = t.get(ids, past);
  CHECK(got[0].ok());
  CHECK(got[1].code() == Code::not_found);
}

TEST_CASE("snapshot: the one that a check takes for itself has no age") {
  World w([](Options& o) { o.snapshot_max_age_us = 1; });
  (void)enrich(w.store(), w.user("a@x"), "a");
  const Result<CheckReport> report = w.store().check();
  INFO(report.status().to_string());
  REQUIRE(report.ok());
  CHECK(report->violations == 0);
  CHECK(w.store().logical_hash(HashScope::state).ok());
}

TEST_CASE("snapshot: stops answering when it is too old, and not before") {
  // The age is of the machine's steady clock: an injected clock may step back.
  constexpr int64_t kMaxAgeUs = 2 * kSecondUs;
  World w([](Options& o) { o.snapshot_max_age_us = kMaxAgeUs; });
  const Rich r = enrich(w.store(), w.user("a@x"), "a");
  const Tenant t = w.store().tenant(r.owner);
  const auto begin = std::chrono::steady_clock::now();
  const Snapshot snapshot = t.snapshot().value();
  const ReadOptions past{.snapshot = &snapshot};
  CHECK(w.store().stats().snapshots == 1);
  w.clock->advance(10 * kMaxAgeUs);
  const Status by_key = t.profile(past).status();
  const Status by_list = status_of(t.projects({.snapshot = &snapshot}));
  // A busy machine may take longer than the limit itself: then the answers say nothing.
  if (std::chrono::steady_clock::now() - begin < std::chrono::microseconds(kMaxAgeUs)) {
    CHECK(name_of(by_key) == "ok");
    CHECK(name_of(by_list) == "ok");
  }
  std::this_thread::sleep_for(std::chrono::microseconds(kMaxAgeUs + 1000));
  CHECK(w.store().stats().oldest_snapshot_age_us >= kMaxAgeUs);
  const std::vector<ProjectId> ids = {r.project};
  check_calls({
      CALL(failed_precondition, t.profile(past)),
      CALL(failed_precondition, t.project(r.project, past)),
      CALL(failed_precondition, t.version(r.project, 1, past)),
      CALL(failed_precondition, t.document(r.document, past)),
      CALL(failed_precondition, t.effective_documents(r.project, 1, past)),
      CALL(failed_precondition, t.latest_documents(r.project, past)),
      CALL(failed_precondition, t.revision(r.document, 1, past)),
      CALL(failed_precondition, t.newest_revision(r.document, past)),
      CALL(failed_precondition, t.task(r.task, past)),
      CALL(failed_precondition, t.task_revision(r.task, 1, past)),
      CALL(failed_precondition, t.session(r.chat, past)),
      CALL(failed_precondition, t.last_seq(r.chat, past)),
      CALL(failed_precondition, t.message(r.chat, 1, past)),
      CALL(failed_precondition, t.message(r.message_id, past)),
      CALL(failed_precondition, t.event(r.event, past)),
      CALL(failed_precondition, t.get(ids, past)[0]),
      CALL(ok, t.profile()),
  });
  for (const List& list : all_lists()) {
    CAPTURE(list.name);
    CHECK(list.page(t, r, {.snapshot = &snapshot}).status.code() == Code::failed_precondition);
    CHECK(list.page(t, r, {}).status.ok());
  }
}

TEST_CASE("snapshot: an age limit of 0 is none") {
  World w([](Options& o) { o.snapshot_max_age_us = 0; });
  const Tenant t = w.tenant("a@x");
  const Snapshot snapshot = t.snapshot().value();
  w.clock->advance(4000 * kDayUs);
  CHECK_CODE(ok, t.profile({.snapshot = &snapshot}));
}

TEST_CASE("snapshot: of one tenant serves another of the same store, and tokens go with it") {
  World w;
  const Rich a = enrich(w.store(), w.user("a@x"), "a");
  const Rich b = enrich(w.store(), w.user("b@x"), "b");
  const Tenant ta = w.store().tenant(a.owner);
  const Tenant tb = w.store().tenant(b.owner);
  const std::string then = walk(tb);
  const Snapshot snapshot = ta.snapshot().value();
  tb.append_event({.type = "later"}).value();
  CHECK(walk(tb, &snapshot) == then);
  // A page begun on a snapshot may be continued on the present.
  std::string token;
  {
    Cursor<ChatMessage> page = ta.messages(a.chat, {.limit = 3, .snapshot = &snapshot});
    while (page.next()) token = page.token();
  }
  ta.append_message(a.chat, {.role = Role::user, .content = "5"}).value();
  const auto seq = [](const ChatMessage& m) { return m.seq(); };
  CHECK(rows_of(ta.messages(a.chat, {.after = token, .snapshot = &snapshot}), seq) ==
        std::vector<uint64_t>{4});
  CHECK(rows_of(ta.messages(a.chat, {.after = token}), seq) == std::vector<uint64_t>{4, 5});
}

TEST_CASE("snapshot: of another store is refused, a moved one moves") {
  World w;
  World elsewhere;
  const Tenant t = w.tenant("a@x");
  const Tenant other = elsewhere.store().tenant(
      elsewhere.service().create_user({.email = "a@x", .id = t.owner()}).value());
  const Snapshot foreign = other.snapshot().value();
  CHECK_CODE(invalid_argument, t.profile({.snapshot = &foreign}));
  CHECK_CODE(invalid_argument, t.projects({.snapshot = &foreign}));
  Snapshot first = t.snapshot().value();
  t.append_event({.type = "later"}).value();
  const Snapshot second = std::move(first);
  CHECK(rows_of(t.events({.with_audit = false, .snapshot = &second}), [](const Event& e) {
          return e.id();
        }).empty());
}

}  // namespace
}  // namespace bcstore
