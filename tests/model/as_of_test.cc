// The past: what a read answered then is what it answers as of then, whatever came since.
#include <random>
#include <string>
#include <vector>

#include "fixture.h"
#include "past.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

constexpr size_t kMoments = 60;

Action random_change(std::mt19937_64& random) {
  Action action{.verb = static_cast<Action::Verb>(random() % Action::kInBatch)};
  action.object = static_cast<uint8_t>(random() % 3 == 0 ? random() % kObjects : random() % 2);
  action.a = static_cast<uint8_t>(random());
  action.b = static_cast<uint8_t>(random());
  return action;
}

// What the numbered actions do not do: tasks that change their phase.
void move_task(const Tenant& tenant, std::mt19937_64& random) {
  const auto phase = static_cast<int32_t>(random() % 4) - 2;
  std::optional<int32_t> to;
  if (phase != -2) to = phase;
  TaskEdit change;
  change.phase.emplace(to);
  (void)tenant.revise_task(object<TaskId>(static_cast<uint8_t>(random() % 3)), change);
}

struct Moment {
  uint64_t commit = 0;
  Time time;
  std::string seen;
};

std::string first_difference(std::string_view a, std::string_view b) {
  size_t at = 0;
  while (at < a.size() && at < b.size() && a[at] == b[at]) ++at;
  const auto line_of = [&](std::string_view text) {
    const size_t from = text.rfind('\n', at == 0 ? 0 : at - 1);
    return std::string(text.substr(from == std::string_view::npos ? 0 : from + 1, 300));
  };
  return "now:\n" + line_of(a) + "\n--- then:\n" + line_of(b);
}

void compare_with_copies(uint64_t which) {
  const uint64_t seed = seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed + which);
  World w;
  REQUIRE(perform(w.store(), {.verb = Action::create_user}).starts_with("ok"));
  for (const Action::Verb verb :
       {Action::create_project, Action::create_document, Action::start_chat, Action::create_task}) {
    REQUIRE(perform(w.store(), {.verb = verb, .b = 1}).starts_with("ok"));
  }
  std::vector<Moment> moments;
  while (moments.size() < kMoments) {
    w.clock->advance(1 + static_cast<int64_t>(random() % (random() % 20 == 0 ? kDayUs * 20 : 50)));
    const Tenant tenant = w.store().tenant(user_of(0));
    const uint64_t before = w.commits();
    if (random() % 8 == 0) {
      move_task(tenant, random);
    } else {
      perform(w.store(), random_change(random));
    }
    if (w.commits() == before) continue;
    if (random() % 3 == 0) continue;  // several commits from one moment to the next
    moments.push_back({w.commits(), w.clock->now(), PastWalk(tenant, {}).run()});
    if (random() % 25 == 0) w.reopen();
    if (random() % 25 == 0) CHECK(w.store().compact().ok());
  }
  const Tenant tenant = w.store().tenant(user_of(0));
  for (const Moment& moment : moments) {
    CAPTURE(moment.commit);
    const size_t page_rows = random() % 2 == 0 ? kMaxPageRows : 1 + random() % 3;
    const std::string by_commit = PastWalk(tenant, AsOf::commit(moment.commit), page_rows).run();
    CHECK_MESSAGE(by_commit == moment.seen, first_difference(by_commit, moment.seen));
    const std::string by_time = PastWalk(tenant, AsOf::time(moment.time), page_rows).run();
    CHECK_MESSAGE(by_time == moment.seen, first_difference(by_time, moment.seen));
  }
}

TEST_CASE("as of: every read answers what it answered then, first") { compare_with_copies(0); }
TEST_CASE("as of: every read answers what it answered then, second") { compare_with_copies(1); }

TEST_CASE("as of: what is not there yet is refused") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId project = t.create_project({.name = "P", .idea_prompt = ""}).value();
  const uint64_t last = w.commits();
  CHECK_CODE(invalid_argument, t.project(project, {.as_of = AsOf::commit(last + 1)}));
  CHECK_CODE(invalid_argument, t.projects({.as_of = AsOf::commit(last + 1)}));
  CHECK_CODE(invalid_argument,
             t.project(project, {.as_of = AsOf::time(Time{w.clock->now().us + 1})}));
  CHECK_CODE(ok, t.project(project, {.as_of = AsOf::time(w.clock->now())}));
  CHECK_CODE(not_found, t.project(project, {.as_of = AsOf::commit(last - 1)}));
  CHECK_CODE(not_found, t.versions(project, {.as_of = AsOf::commit(last - 1)}));
  CHECK_CODE(not_found, t.profile({.as_of = AsOf::commit(0)}));
  CHECK_CODE(not_found, t.project(project, {.as_of = AsOf::version(2)}));
  CHECK_CODE(not_found, t.project(project, {.as_of = AsOf::version(0)}));
  CHECK_CODE(ok, t.project(project, {.as_of = AsOf::version(1)}));
  // A version of what?
  CHECK_CODE(invalid_argument, t.profile({.as_of = AsOf::version(1)}));
  CHECK_CODE(invalid_argument, t.events({.as_of = AsOf::version(1)}));
  // What has no past says so.
  CHECK_CODE(invalid_argument, t.subscriptions({.as_of = AsOf::commit(last)}));
  CHECK_CODE(invalid_argument, t.credit_holds({.as_of = AsOf::commit(last)}));
  CHECK_CODE(ok, t.credits({.as_of = AsOf::commit(last)}));
  CHECK_CODE(not_found, t.subscription("sub", {.as_of = AsOf::commit(last)}));
  CHECK_CODE(invalid_argument, t.subscription("sub", {.as_of = AsOf::commit(last + 1)}));
  CHECK_CODE(not_found, t.credit_hold(forged<CreditHoldId>(1), {.as_of = AsOf::commit(last)}));
}

TEST_CASE("as of: a version is what the project was until the next one came") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId project = t.create_project({.name = "one", .idea_prompt = ""}).value();
  const DocumentId document =
      t.create_document(project, {.section = Section::prd, .content = "\"1\""}).value();
  const TaskId task = t.create_task(project, {.title = "T"}).value();
  REQUIRE(t.add_revision(document, {.content = "\"2\""}).ok());
  // The clock stands still: commits keep the order.
  REQUIRE(t.add_version(project, {.name = "two"}).ok());
  REQUIRE(t.add_revision(document, {.content = "\"3\""}).ok());
  REQUIRE(t.record_activity(task, TaskAction::complete).ok());
  REQUIRE(t.create_document(project, {.section = Section::prd, .content = "\"of 2\""}).ok());

  const ReadOptions first{.as_of = AsOf::version(1)};
  const Project was = t.project(project, first).value();
  CHECK(was.name() == "one");
  const auto documents = t.effective_documents(project, std::nullopt, first);
  REQUIRE(documents.ok());
  REQUIRE(documents->size() == 1);
  CHECK(documents->front().id() == document);
  CHECK(documents->front().current_rev() == 2);
  CHECK(rows_of(t.tasks(project, {.as_of = AsOf::version(1)}),
                [](const Task& row) { return row.state(); }) == std::vector{TaskState::open});
  const auto of_two = t.effective_documents(project, std::nullopt, {.as_of = AsOf::version(2)});
  REQUIRE(of_two.ok());
  CHECK(of_two->front().version() == 2);
}

TEST_CASE("as of: imported history is travelled by its own times") {
  World w;
  const UserId user = w.user("a@x");
  const Tenant t = w.store().tenant(user);
  Service service = w.service();
  const ProjectId project = object<ProjectId>(1);
  const DocumentId document = object<DocumentId>(1);
  const auto day = [](int64_t n) { return Time{kStartUs - 100 * kDayUs + n * kDayUs}; };
  Importer importer = service.importer(user);
  const auto row = [&](int64_t n) { return Importer::Row{day(n), Actor::of_user(user)}; };
  importer.project(project, {.name = "P", .idea_prompt = ""}, row(1));
  importer.document(document, project, {.section = Section::prd}, row(2));
  for (uint32_t rev = 1; rev <= 5; ++rev) {
    // The third says that it is older than the second: it counts from the second on.
    importer.revision(document, rev, {.content = "\"text\""}, row(rev == 3 ? 3 : 2 + 2 * rev));
  }
  const auto imported = importer.commit();
  REQUIRE(imported.ok());
  for (const ImportedRow& one : *imported) REQUIRE(one.outcome == ImportOutcome::written);
  const auto rev_at = [&](int64_t n) {
    const Result<Document> found = t.document(document, {.as_of = AsOf::time(day(n))});
    return found.ok() ? static_cast<int>(found->current_rev()) : -1;
  };
  CHECK(rev_at(1) == -1);
  CHECK(rev_at(2) == 0);
  CHECK(rev_at(3) == 0);
  CHECK(rev_at(4) == 1);
  CHECK(rev_at(5) == 1);
  CHECK(rev_at(6) == 3);
  CHECK(rev_at(9) == 3);
  CHECK(rev_at(10) == 4);
  CHECK(rev_at(12) == 5);
}

}  // namespace
}  // namespace bcstore
