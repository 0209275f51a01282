// Tasks: revised like documents, listed by phase, with a log of what was done that decides the
// state.
#include <algorithm>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "fixture.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

using Phase = std::optional<int32_t>;
constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
constexpr int32_t kMax = std::numeric_limits<int32_t>::max();

struct OneProject : World {
  Tenant t = tenant("a@x");
  ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
};

TEST_CASE("tasks: create_task checks arguments, project, then the id") {
  OneProject w;
  const Tenant& t = w.t;
  const ProjectId p = w.p;
  const ProjectId none = forged<ProjectId>(1);
  const TaskId taken = t.create_task(p, {.title = "T"}).value();
  const std::string name(kMaxNameBytes, 'n');
  const std::string text(kMaxTextBytes, 't');
  check_writes(
      w, {
             CALL(invalid_argument, t.create_task(ProjectId(), {.title = "T"})),
             CALL(invalid_argument, t.create_task(p, {.title = ""})),
             CALL(invalid_argument, t.create_task(p, {.title = name + "n"})),
             CALL(invalid_argument, t.create_task(p, {.title = kNul})),
             CALL(invalid_argument, t.create_task(p, {.title = "\xFF"})),
             CALL(invalid_argument, t.create_task(p, {.title = "T", .description = text + "t"})),
             CALL(invalid_argument, t.create_task(p, {.title = "T", .description = kNul})),
             CALL(invalid_argument, t.create_task(p, {.title = "T", .id = TaskId()})),
             CALL(invalid_argument, t.create_task(none, {.title = ""})),
             CALL(not_found, t.create_task(none, {.title = "T"})),
             CALL(not_found, t.create_task(none, {.title = "T", .id = taken})),
             CALL(already_exists, t.create_task(p, {.title = "T", .id = taken})),
             CALL(ok, t.create_task(p, {.title = name, .description = text, .phase = kMax})),
             CALL(ok, t.create_task(p, {.title = "T", .phase = kMin, .id = forged<TaskId>(1)})),
         });
  CHECK(t.create_task(p, {.title = "T", .id = taken}).status().existing() == taken.uuid());
  const Task task = t.task(taken).value();
  CHECK(task.id() == taken);
  CHECK(task.project() == p);
  CHECK(task.title() == "T");
  CHECK(task.description().empty());
  CHECK_FALSE(task.phase().has_value());
  CHECK(task.state() == TaskState::open);
  CHECK(task.rev() == 1);
  CHECK(task.activity_count() == 0);
  CHECK(task.created_at() == Time{kStartUs});
  CHECK(t.task(forged<TaskId>(1)).value().phase() == kMin);
  check_calls({
      CALL(not_found, t.task(forged<TaskId>(2))),
      CALL(invalid_argument, t.task(TaskId())),
      CALL(not_found, t.task_revision(taken, 2)),
      CALL(not_found, t.task_revision(taken, 0)),
      CALL(not_found, t.task_revision(forged<TaskId>(2), 1)),
      CALL(not_found, t.task_revisions(forged<TaskId>(2))),
      CALL(invalid_argument, t.task_revisions(TaskId())),
      CALL(not_found, t.activity(forged<TaskId>(2))),
      CALL(invalid_argument, t.activity(TaskId())),
      CALL(not_found, t.tasks(none)),
      CALL(invalid_argument, t.tasks(ProjectId())),
      CALL(invalid_argument, t.tasks(p, {.state = static_cast<TaskState>(3)})),
  });
}

TEST_CASE("tasks: revise_task") {
  OneProject w;
  const Tenant& t = w.t;
  const TaskId task = t.create_task(w.p, {.title = "One", .description = "d", .phase = 3}).value();
  const TaskId none = forged<TaskId>(1);
  const std::string long_title(kMaxNameBytes + 1, 'n');
  const std::string long_text(kMaxTextBytes + 1, 't');
  check_writes(w, {
                      CALL(invalid_argument, t.revise_task(TaskId(), {.title = "x"})),
                      CALL(invalid_argument, t.revise_task(task, {.title = ""})),
                      CALL(invalid_argument, t.revise_task(task, {.title = long_title})),
                      CALL(invalid_argument, t.revise_task(task, {.description = long_text})),
                      CALL(invalid_argument, t.revise_task(task, {.description = kNul})),
                      CALL(invalid_argument, t.revise_task(none, {.title = ""})),
                      CALL(not_found, t.revise_task(none, {.title = "x"})),
                      CALL(not_found, t.revise_task(none, {.title = "x", .expected_rev = 1})),
                      CALL(conflict, t.revise_task(task, {.title = "x", .expected_rev = 0})),
                      CALL(conflict, t.revise_task(task, {.title = "x", .expected_rev = 2})),
                      CALL(ok, t.revise_task(task, {.title = "Two", .expected_rev = 1})),
                      CALL(ok, t.revise_task(task, {.description = ""})),
                      CALL(ok, t.revise_task(task, {.phase = Phase(-7)})),
                      CALL(ok, t.revise_task(task, {.phase = Phase()})),
                      CALL(ok, t.revise_task(task, {.title = "Two"})),
                  });
  CHECK(
      t.revise_task(task, {.title = "Seven", .description = "seven", .phase = Phase(7)}).value() ==
      7);
  using Row = std::tuple<uint32_t, std::string, std::string, Phase>;
  const auto pick = [](const TaskRevision& r) {
    return Row{r.rev(), std::string(r.title()), std::string(r.description()), r.phase()};
  };
  const std::vector<Row> expected = {
      {7, "Seven", "seven", 7}, {6, "Two", "", {}}, {5, "Two", "", {}}, {4, "Two", "", -7},
      {3, "Two", "", 3},        {2, "Two", "d", 3}, {1, "One", "d", 3},
  };
  CHECK(rows_of(t.task_revisions(task), pick) == expected);
  CHECK(pick(t.task_revision(task, 4).value()) == expected[3]);
  CHECK(t.task_revision(task, 4).value().task() == task);
  const Task head = t.task(task).value();
  CHECK(head.rev() == 7);
  CHECK(head.title() == "Seven");
  CHECK(head.description() == "seven");
  CHECK(head.phase() == 7);
  CHECK(head.project() == w.p);
}

TEST_CASE("tasks: activity is a log, and its last row is the state") {
  OneProject w;
  const Tenant& t = w.t;
  const TaskId task = t.create_task(w.p, {.title = "T"}).value();
  const TaskId none = forged<TaskId>(1);
  const auto complete = TaskAction::complete;
  const auto reopen = TaskAction::reopen;
  check_writes(w, {
                      CALL(invalid_argument, t.record_activity(TaskId(), complete)),
                      CALL(invalid_argument, t.record_activity(task, static_cast<TaskAction>(0))),
                      CALL(invalid_argument, t.record_activity(task, static_cast<TaskAction>(3))),
                      CALL(not_found, t.record_activity(none, complete)),
                      CALL(not_found, t.record_activity(none, complete, TaskState::open)),
                      CALL(conflict, t.record_activity(task, complete, TaskState::complete)),
                      CALL(ok, t.record_activity(task, complete, TaskState::open)),
                      CALL(conflict, t.record_activity(task, complete, TaskState::open)),
                      CALL(ok, t.record_activity(task, complete)),
                      CALL(ok, t.record_activity(task, reopen, TaskState::complete)),
                      CALL(ok, t.record_activity(task, reopen)),
                  });
  CHECK(t.task(task).value().state() == TaskState::open);
  CHECK(t.as_agent("bot").record_activity(task, complete).value() == 5);
  const Task head = t.task(task).value();
  CHECK(head.state() == TaskState::complete);
  CHECK(head.activity_count() == 5);
  CHECK(head.rev() == 1);
  const auto pick = [&](const TaskActivity& row) {
    CHECK(row.task() == task);
    return std::to_string(row.seq()) + std::string(to_string(row.action()));
  };
  const std::vector<std::string> expected = {"5complete", "4reopen", "3reopen", "2complete",
                                             "1complete"};
  CHECK(rows_of(t.activity(task), pick) == expected);
  CHECK(rows_of(t.activity(task, {.limit = 1}), [](const TaskActivity& row) {
          return row.actor();
        }) == std::vector<Actor>{Actor::of_agent("bot")});
  CHECK(t.record_activity(task, reopen, TaskState::open).status().actual() ==
        static_cast<uint64_t>(TaskState::complete));
}

TEST_CASE("tasks: listed by phase in signed order, unset last, creation order within a phase") {
  OneProject w;
  const Tenant& t = w.t;
  struct Made {
    Phase phase;
    uint8_t id;  // given, so that the order of ids is not the order of creation
  };
  const std::vector<Made> made = {{5, 90},    {Phase(), 80}, {-1, 70}, {5, 60},       {0, 50},
                                  {kMin, 40}, {kMax, 30},    {5, 20},  {Phase(), 10}, {-1, 5}};
  for (const Made& row : made) {
    w.clock->advance(-kSecondUs);
    t.create_task(w.p, {.title = "T", .phase = row.phase, .id = forged<TaskId>(row.id)}).value();
  }
  const auto id = [](const Task& task) { return static_cast<int>(task.id().uuid().bytes[15]); };
  using Ids = std::vector<int>;
  CHECK(rows_of(t.tasks(w.p), id) == Ids{40, 70, 5, 50, 90, 60, 20, 30, 80, 10});
  CHECK(rows_of(t.tasks(w.p, {.phase = Phase(5)}), id) == Ids{90, 60, 20});
  CHECK(rows_of(t.tasks(w.p, {.phase = Phase(-1)}), id) == Ids{70, 5});
  CHECK(rows_of(t.tasks(w.p, {.phase = Phase(kMin)}), id) == Ids{40});
  CHECK(rows_of(t.tasks(w.p, {.phase = Phase(kMax)}), id) == Ids{30});
  CHECK(rows_of(t.tasks(w.p, {.phase = Phase()}), id) == Ids{80, 10});
  CHECK(rows_of(t.tasks(w.p, {.phase = Phase(6)}), id).empty());

  t.record_activity(forged<TaskId>(60), TaskAction::complete).value();
  t.record_activity(forged<TaskId>(10), TaskAction::complete).value();
  t.record_activity(forged<TaskId>(50), TaskAction::complete).value();
  t.record_activity(forged<TaskId>(50), TaskAction::reopen).value();
  CHECK(rows_of(t.tasks(w.p, {.state = TaskState::complete}), id) == Ids{60, 10});
  CHECK(rows_of(t.tasks(w.p, {.state = TaskState::open}), id) ==
        Ids{40, 70, 5, 50, 90, 20, 30, 80});
  CHECK(rows_of(t.tasks(w.p, {.phase = Phase(5), .state = TaskState::open}), id) == Ids{90, 20});
  CHECK(rows_of(t.tasks(w.p, {.phase = Phase(5), .state = TaskState::complete, .limit = 1}), id) ==
        Ids{60});

  // A task that moves to another phase keeps its place in the order of creation.
  t.revise_task(forged<TaskId>(90), {.phase = Phase(-1)}).value();
  t.revise_task(forged<TaskId>(40), {.phase = Phase(5)}).value();
  t.revise_task(forged<TaskId>(80), {.phase = Phase(5)}).value();
  CHECK(rows_of(t.tasks(w.p), id) == Ids{90, 70, 5, 50, 80, 60, 40, 20, 30, 10});
  // And is there once.
  CHECK(t.task(forged<TaskId>(90)).value().phase() == -1);
}

TEST_CASE("tasks: of another project are not listed, and many are read at once") {
  OneProject w;
  const ProjectId q = w.t.create_project({.name = "Q", .idea_prompt = ""}).value();
  const TaskId a = w.t.create_task(w.p, {.title = "a", .phase = 1}).value();
  const TaskId b = w.t.create_task(q, {.title = "b", .phase = 1}).value();
  const auto id = [](const Task& task) { return task.id(); };
  CHECK(rows_of(w.t.tasks(w.p), id) == std::vector<TaskId>{a});
  CHECK(rows_of(w.t.tasks(q), id) == std::vector<TaskId>{b});
  const std::vector<TaskId> ids = {b, TaskId(), a, forged<TaskId>(1)};
  const std::vector<Result<Task>> got = w.t.get(ids);
  REQUIRE(got.size() == 4);
  CHECK(got[0].value().title() == "b");
  CHECK(got[1].code() == Code::invalid_argument);
  CHECK(got[2].value().title() == "a");
  CHECK(got[3].code() == Code::not_found);
}

}  // namespace
}  // namespace bcstore
