// Children: records, cursors and snapshots keep the store alive, and close() waits for none of
// them.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "lists.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

// Makes a child of one kind and returns it.
using Child = std::shared_ptr<void>;
struct Maker {
  const char* name;
  std::function<Child(const Tenant&, const Rich&)> make;
};

#define CHILD(...)                                                             \
  [](const Tenant& t, const Rich& r) -> Child {                                \
    (void)r;                                                                   \
    return std::make_shared<std::decay_t<decltype(__VA_ARGS__)>>(__VA_ARGS__); \
  }

const Maker kMakers[] = {
    {"snapshot", CHILD(t.snapshot().value())},
    {"user", CHILD(t.profile().value())},
    {"project", CHILD(t.project(r.project).value())},
    {"version", CHILD(t.version(r.project, 1).value())},
    {"document", CHILD(t.document(r.document).value())},
    {"revision", CHILD(t.revision(r.document, 1).value())},
    {"task", CHILD(t.task(r.task).value())},
    {"task revision", CHILD(t.task_revision(r.task, 1).value())},
    {"session", CHILD(t.session(r.chat).value())},
    {"message", CHILD(t.message(r.chat, 1).value())},
    {"message by id", CHILD(t.message(r.message_id).value())},
    {"event", CHILD(t.event(r.event).value())},
    {"effective documents", CHILD(t.effective_documents(r.project).value())},
    {"failed and good answers", CHILD(t.get(std::vector<TaskId>{r.task, TaskId()}))},
    {"cursor of projects", CHILD(t.projects())},
    {"cursor of revisions", CHILD(t.revisions(r.document))},
    {"cursor of tasks", CHILD(t.tasks(r.project))},
    {"cursor of messages", CHILD(t.messages(r.chat))},
    {"cursor of events", CHILD(t.events())},
    {"call", CHILD(t.call(r.call).value())},
    {"cursor of usage", CHILD(t.usage({.from_month = 202501, .to_month = 202512}))},
};

TEST_CASE("children: what one thread made and another dropped is counted once and no more") {
  World w;
  const Rich r = enrich(w.store(), w.user("a@x"), "a");
  const Tenant t = w.store().tenant(r.owner);
  (void)t.project(r.project);  // from here on it comes from the cache
  constexpr size_t kThreads = 8;
  constexpr size_t kEach = 20;
  std::vector<std::vector<Project>> made(kThreads);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (size_t n = 0; n < kEach; ++n) made[i].push_back(t.project(r.project).value());
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(w.store().stats().live_children == kThreads * kEach);
  threads.clear();
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { made[(i + 1) % kThreads].clear(); });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(w.store().stats().live_children == 0);
  CHECK_CODE(ok, w.store().close());
}

TEST_CASE("children: close() refuses while one lives, says how many, and the store stays open") {
  World w;
  const Rich r = enrich(w.store(), w.user("a@x"), "a");
  const Tenant t = w.store().tenant(r.owner);
  CHECK(w.store().stats().live_children == 0);
  for (const Maker& maker : kMakers) {
    CAPTURE(maker.name);
    Child child = maker.make(t, r);
    const uint64_t live = w.store().stats().live_children;
    CHECK(live >= 1);
    const Status refused = w.store().close();
    CHECK(name_of(refused) == "failed_precondition");
    CHECK(refused.message().find(std::to_string(live)) != std::string_view::npos);
    CHECK_CODE(ok, t.append_event({.type = "still open"}));
    CHECK_CODE(ok, t.profile());
    child.reset();
    CHECK(w.store().stats().live_children == 0);
  }
  Child snapshot = kMakers[0].make(t, r);
  Child cursor = kMakers[17].make(t, r);
  Child record = kMakers[2].make(t, r);
  const Status refused = w.store().close();
  CHECK(refused.message().find("3") != std::string_view::npos);
  snapshot.reset();
  CHECK(w.store().close().code() == Code::failed_precondition);
  cursor.reset();
  CHECK(w.store().close().code() == Code::failed_precondition);
  record.reset();
  CHECK_CODE(ok, w.store().close());
}

TEST_CASE("children: values that were refused or read to their end count for nothing") {
  World w;
  const Rich r = enrich(w.store(), w.user("a@x"), "a");
  const Tenant t = w.store().tenant(r.owner);
  const Result<Project> none = t.project(forged<ProjectId>(1));
  CHECK(none.code() == Code::not_found);
  CHECK_CODE(ok, t.messages(r.chat));
  Project moved_from = t.project(r.project).value();
  { const Project gone = std::move(moved_from); }
  CHECK_CODE(ok, w.store().close());
}

TEST_CASE("children: each keeps a destroyed store open, and the last lets it go") {
  World w;
  const Rich r = enrich(w.store(), w.user("a@x"), "a");
  w.reopen();
  for (const Maker& maker : kMakers) {
    CAPTURE(maker.name);
    Child child;
    {
      const Tenant t = w.store().tenant(r.owner);
      child = maker.make(t, r);
    }
    w.held.reset();
    CHECK_CODE(busy, Store::open(w.path, w.options));
    child.reset();
    w.open();
  }
}

TEST_CASE("children: records and cursors of a destroyed store stay readable") {
  World w;
  const Rich r = enrich(w.store(), w.user("a@x"), "a");
  std::optional<Tenant> t = w.store().tenant(r.owner);
  const std::string then = walk(*t);
  const Project project = t->project(r.project).value();
  const Revision revision = t->revision(r.document, 3).value();
  const Snapshot snapshot = t->snapshot().value();
  Cursor<ChatMessage> messages = t->messages(r.chat);
  CHECK(messages.next());
  CHECK(messages->content() == "What first?");
  w.held.reset();
  // A tenant keeps its store alive too.
  CHECK(walk(*t, &snapshot) == then);
  t.reset();
  CHECK(project.name() == "Tea house");
  CHECK(revision.content().value() == "# Text");
  CHECK(messages->content() == "What first?");
  uint64_t rows = 1;
  while (messages.next()) ++rows;
  CHECK(messages.status().ok());
  CHECK(rows == 4);
}

TEST_CASE("children: after close() every call is closed, and closing again as well") {
  World w;
  const Rich r = enrich(w.store(), w.user("a@x"), "a");
  const Tenant t = w.store().tenant(r.owner);
  const Service s = w.service();
  WriteBatch batch = t.batch();
  batch.append_event({.type = "t"});
  WriteBatch handed = t.batch();
  handed.append_event({.type = "t"});
  Importer importer = s.importer(r.owner);
  importer.event({.type = "t"}, "id", {.created_at = Time{1}, .actor = {}});
  REQUIRE(w.store().close().ok());
  const std::vector<TaskId> ids = {r.task};
  check_calls({
      CALL(closed, t.profile()),
      CALL(closed, t.owner_seq()),
      CALL(closed, t.snapshot()),
      CALL(closed, t.project(r.project)),
      CALL(closed, t.task(r.task)),
      CALL(closed, t.event(r.event)),
      CALL(closed, t.last_seq(r.chat)),
      CALL(closed, t.latest_documents(r.project)),
      CALL(closed, t.get(ids).at(0)),
      CALL(closed, t.commit(batch)),
      CALL(closed, t.submit(std::move(handed)).wait()),
      CALL(closed, t.append_event({.type = "t"})),
      CALL(closed, s.create_user({.email = "b@x"})),
      CALL(closed, s.find_user_by_email("a@x")),
      CALL(closed, s.users()),
      CALL(closed, s.tenant(r.owner).profile()),
      CALL(closed, importer.commit()),
      CALL(closed, w.store().sync()),
      CALL(closed, w.store().drive()),
      CALL(closed, w.store().health()),
      CALL(closed, w.store().check()),
      CALL(closed, w.store().compact()),
      CALL(closed, w.store().checkpoint(w.directory.sub("copy"))),
      CALL(closed, w.store().tenant(r.owner).profile()),
      CALL(closed, w.store().close()),
  });
  for (const List& list : all_lists()) {
    CAPTURE(list.name);
    CHECK(list.page(t, r, {}).status.code() == Code::closed);
  }
  CHECK(batch.size() == 1);
  Status answer;
  handed = t.batch();
  handed.append_event({.type = "t"});
  t.submit(std::move(handed), {}, [&](Result<Receipt> done) { answer = done.status(); });
  CHECK(name_of(answer) == "closed");
  w.store().stats();  // says nothing of use, and does not fall over
}

TEST_CASE("children: a record that was moved from answers zeros and empty text") {
  World w;
  const Rich r = enrich(w.store(), w.user("a@x"), "a");
  const Tenant t = w.store().tenant(r.owner);
  Project a = t.project(r.project).value();
  const std::string name(a.name());
  Project b = std::move(a);
  CHECK(b.valid());
  CHECK(b.name() == name);
  // NOLINTBEGIN(bugprone-use-after-move): what this test is about.
  CHECK_FALSE(a.valid());
  CHECK(a.id().is_nil());
  CHECK(a.owner().is_nil());
  CHECK(a.name().empty());
  CHECK(a.current_version() == 0);
  CHECK(a.created_at() == Time{0});
  CHECK(a.commit_seq() == 0);
  CHECK(a.actor().name.empty());
  a = std::move(b);
  CHECK(a.valid());
  CHECK(a.name() == name);
  CHECK_FALSE(b.valid());

  Revision one = t.revision(r.document, 1).value();
  Revision two = std::move(one);
  CHECK(two.content().value() == R"({"goal":1})");
  CHECK_FALSE(one.valid());
  CHECK(one.rev() == 0);
  CHECK(one.content_bytes() == 0);
  CHECK_FALSE(one.change_note().has_value());
  const Result<std::string_view> none = one.content();
  if (none.ok()) CHECK(none->empty());
  ChatMessage message = t.message(r.chat, 2).value();
  const ChatMessage held = std::move(message);
  CHECK(message.content().empty());
  CHECK_FALSE(message.metadata().has_value());
  CHECK_FALSE(message.token_count().has_value());
  CHECK(message.id().is_nil());
  // NOLINTEND(bugprone-use-after-move)
  CHECK(held.content() == "Buy tea.");
}

TEST_CASE("children: text stays where it is while the store goes on") {
  World w;
  const Rich r = enrich(w.store(), w.user("a@x"), "a");
  const Tenant t = w.store().tenant(r.owner);
  const ChatMessage message = t.message(r.chat, 1).value();
  const Project project = t.project(r.project).value();
  const std::string_view content = message.content();
  const std::string_view name = project.name();
  for (int i = 0; i < 50; ++i) t.add_version(r.project, {.name = "Another"}).value();
  CHECK_CODE(ok, w.store().compact());
  CHECK(content == "What first?");
  CHECK(name == "Tea house");
  CHECK(message.content().data() == content.data());
}

}  // namespace
}  // namespace bcstore
