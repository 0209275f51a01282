// Projects: versions without gaps, every status a record, lists that begin with the newest.
#include <algorithm>
#include <string>
#include <vector>

#include "fixture.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

TEST_CASE("projects: create_project checks its arguments, the user, then the id") {
  World w;
  const Tenant t = w.tenant("a@x");
  const Tenant nobody = w.store().tenant(forged<UserId>(1));
  const ProjectId taken = t.create_project({.name = "P", .idea_prompt = ""}).value();
  const std::string name(kMaxNameBytes, 'n');
  const std::string text(kMaxTextBytes, 't');
  check_writes(
      w,
      {
          CALL(invalid_argument, t.create_project({.name = "", .idea_prompt = "x"})),
          CALL(invalid_argument, t.create_project({.name = name + "n", .idea_prompt = "x"})),
          CALL(invalid_argument, t.create_project({.name = kNul, .idea_prompt = "x"})),
          CALL(invalid_argument, t.create_project({.name = "P", .idea_prompt = kNul})),
          CALL(invalid_argument, t.create_project({.name = "P", .idea_prompt = text + "t"})),
          CALL(invalid_argument, t.create_project({.name = "P", .idea_prompt = "\xC3"})),
          CALL(invalid_argument,
               t.create_project({.name = "P", .idea_prompt = "", .change_note = text + "t"})),
          CALL(invalid_argument,
               t.create_project({.name = "P", .idea_prompt = "", .change_note = "\xFF"})),
          CALL(invalid_argument,
               t.create_project(
                   {.name = "P", .idea_prompt = "", .status = static_cast<ProjectStatus>(0)})),
          CALL(invalid_argument,
               t.create_project(
                   {.name = "P", .idea_prompt = "", .status = static_cast<ProjectStatus>(4)})),
          CALL(invalid_argument,
               t.create_project({.name = "P", .idea_prompt = "", .id = ProjectId()})),
          CALL(invalid_argument, nobody.create_project({.name = "", .idea_prompt = ""})),
          CALL(not_found, nobody.create_project({.name = "P", .idea_prompt = ""})),
          CALL(already_exists, t.create_project({.name = "P", .idea_prompt = "", .id = taken})),
          CALL(ok, t.create_project({.name = name, .idea_prompt = text, .change_note = text})),
          CALL(ok, t.create_project({.name = "P", .idea_prompt = "", .change_note = ""})),
          CALL(ok, t.create_project({.name = "P", .idea_prompt = "", .id = forged<ProjectId>(1)})),
      });
  const Status again = t.create_project({.name = "Q", .idea_prompt = "", .id = taken}).status();
  CHECK(again.existing() == taken.uuid());
  for (std::string_view bad : kBadUtf8) {
    CHECK_CODE(invalid_argument, t.create_project({.name = bad, .idea_prompt = ""}));
  }
}

TEST_CASE("projects: a new project is at version 1, with the status that it was given") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId id =
      t.create_project({.name = "Tea", .idea_prompt = "Sell", .change_note = "begin"}).value();
  const Project p = t.project(id).value();
  CHECK(p.id() == id);
  CHECK(p.owner() == t.owner());
  CHECK(p.name() == "Tea");
  CHECK(p.idea_prompt() == "Sell");
  CHECK(p.status() == ProjectStatus::processing);
  CHECK(p.current_version() == 1);
  CHECK(p.created_at() == Time{kStartUs});
  CHECK(p.actor() == Actor::of_user(t.owner()));
  const ProjectVersion v = t.version(id, 1).value();
  CHECK(v.project() == id);
  CHECK(v.version() == 1);
  CHECK(v.name() == "Tea");
  CHECK(v.idea_prompt() == "Sell");
  CHECK(v.change_note() == "begin");
  CHECK(v.status() == ProjectStatus::processing);
  CHECK(v.commit_seq() == p.commit_seq());
  const auto status = [](const ProjectStatusChange& row) {
    return std::to_string(row.number()) + std::string(to_string(row.status()));
  };
  CHECK(rows_of(t.status_history(id), status) == std::vector<std::string>{"1processing"});
  const ProjectId ready =
      t.create_project({.name = "R", .idea_prompt = "", .status = ProjectStatus::ready}).value();
  CHECK(t.project(ready).value().status() == ProjectStatus::ready);
  CHECK(rows_of(t.status_history(ready), status) == std::vector<std::string>{"1ready"});
  const ProjectVersion bare = t.version(ready, 1).value();
  CHECK_FALSE(bare.change_note().has_value());
}

TEST_CASE("projects: add_version") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId p = t.create_project({.name = "One", .idea_prompt = "I"}).value();
  const std::string too_long(kMaxTextBytes + 1, 'n');
  check_writes(w, {
                      CALL(invalid_argument, t.add_version(ProjectId(), {})),
                      CALL(invalid_argument, t.add_version(p, {.change_note = too_long})),
                      CALL(invalid_argument, t.add_version(p, {.change_note = kNul})),
                      CALL(invalid_argument, t.add_version(p, {.name = ""})),
                      CALL(invalid_argument, t.add_version(p, {.name = std::string(1025, 'n')})),
                      CALL(invalid_argument, t.add_version(p, {.idea_prompt = "\xFF"})),
                      CALL(invalid_argument, t.add_version(forged<ProjectId>(1), {.name = ""})),
                      CALL(not_found, t.add_version(forged<ProjectId>(1), {})),
                      CALL(not_found, t.add_version(forged<ProjectId>(1), {.expected_current = 1})),
                      CALL(conflict, t.add_version(p, {.expected_current = 0})),
                      CALL(conflict, t.add_version(p, {.expected_current = 2})),
                      CALL(ok, t.add_version(p, {.change_note = "two", .expected_current = 1})),
                      CALL(conflict, t.add_version(p, {.expected_current = 1})),
                      CALL(ok, t.add_version(p, {.name = "Three"})),
                      CALL(ok, t.add_version(p, {.idea_prompt = ""})),
                      CALL(ok, t.set_status(p, ProjectStatus::ready)),
                  });
  CHECK(t.add_version(p, {}).value() == 5);
  struct Row {
    uint32_t version;
    std::string name, prompt, note;
    ProjectStatus status;
    bool operator==(const Row&) const = default;
  };
  const std::vector<Row> expected = {
      {5, "Three", "", "-", ProjectStatus::ready},
      {4, "Three", "", "-", ProjectStatus::processing},
      {3, "Three", "I", "-", ProjectStatus::processing},
      {2, "One", "I", "two", ProjectStatus::processing},
      {1, "One", "I", "-", ProjectStatus::processing},
  };
  const auto pick = [](const ProjectVersion& v) {
    return Row{v.version(), std::string(v.name()), std::string(v.idea_prompt()),
               std::string(v.change_note().value_or("-")), v.status()};
  };
  CHECK(rows_of(t.versions(p), pick) == expected);
  std::vector<Row> backward = rows_of(t.versions(p, {.reverse = true}), pick);
  std::reverse(backward.begin(), backward.end());
  CHECK(backward == expected);
  const Project head = t.project(p).value();
  CHECK(head.current_version() == 5);
  CHECK(head.name() == "Three");
  CHECK(head.idea_prompt().empty());
  check_calls({
      CALL(ok, t.version(p, 5)),
      CALL(not_found, t.version(p, 6)),
      CALL(not_found, t.version(p, 0)),
      CALL(not_found, t.version(p, 0xFFFF'FFFF)),
      CALL(not_found, t.version(forged<ProjectId>(1), 1)),
      CALL(invalid_argument, t.version(ProjectId(), 1)),
      CALL(not_found, t.versions(forged<ProjectId>(1))),
      CALL(invalid_argument, t.versions(ProjectId())),
  });
}

TEST_CASE("projects: every status is a record, also the same one again") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  check_writes(w, {
                      CALL(invalid_argument, t.set_status(ProjectId(), ProjectStatus::ready)),
                      CALL(invalid_argument, t.set_status(p, static_cast<ProjectStatus>(0))),
                      CALL(invalid_argument, t.set_status(p, static_cast<ProjectStatus>(4))),
                      CALL(invalid_argument, t.set_status(p, static_cast<ProjectStatus>(255))),
                      CALL(not_found, t.set_status(forged<ProjectId>(1), ProjectStatus::ready)),
                      CALL(not_found, t.set_status(forged<ProjectId>(1), ProjectStatus::ready,
                                                   ProjectStatus::ready)),
                      CALL(conflict, t.set_status(p, ProjectStatus::ready, ProjectStatus::ready)),
                      CALL(ok, t.set_status(p, ProjectStatus::ready, ProjectStatus::processing)),
                      CALL(ok, t.set_status(p, ProjectStatus::archived)),
                      CALL(ok, t.set_status(p, ProjectStatus::archived)),
                      CALL(ok, t.set_status(p, ProjectStatus::processing, ProjectStatus::archived)),
                      CALL(ok, t.set_status(p, ProjectStatus::archived)),
                      CALL(ok, t.set_status(p, ProjectStatus::ready)),
                  });
  const Result<Receipt> done = t.set_status(p, ProjectStatus::ready);
  REQUIRE(done.ok());
  REQUIRE(done->operations.size() == 1);
  CHECK(done->operations[0].number == 8);
  CHECK(done->operations[0].id == p.uuid());
  const std::vector<int> expected = {2, 2, 3, 1, 3, 3, 2, 1};
  std::vector<uint32_t> numbers;
  const std::vector<int> got = rows_of(t.status_history(p), [&](const ProjectStatusChange& row) {
    numbers.push_back(row.number());
    CHECK(row.project() == p);
    return static_cast<int>(row.status());
  });
  CHECK(got == expected);
  CHECK(numbers == std::vector<uint32_t>{8, 7, 6, 5, 4, 3, 2, 1});
  CHECK(t.project(p).value().status() == ProjectStatus::ready);
  CHECK(t.project(p).value().current_version() == 1);
  CHECK_CODE(not_found, t.status_history(forged<ProjectId>(1)));
  CHECK_CODE(invalid_argument, t.status_history(ProjectId()));
}

TEST_CASE("projects: the list is in order of creation, whatever the ids and the clock say") {
  World w;
  const Tenant t = w.tenant("a@x");
  const auto id = [](const Project& p) { return p.id(); };
  CHECK(rows_of(t.projects(), id).empty());
  std::vector<ProjectId> newest_first;
  for (uint8_t i = 0; i < 6; ++i) {
    const auto given = forged<ProjectId>(static_cast<uint8_t>(i % 2 == 0 ? 100 - i : 100 + i));
    newest_first.insert(newest_first.begin(), given);
    w.clock->advance(i % 3 == 0 ? -kDayUs : kSecondUs);
    t.create_project({.name = "P", .idea_prompt = "", .id = given}).value();
  }
  CHECK(rows_of(t.projects(), id) == newest_first);
  std::vector<ProjectId> oldest_first(newest_first.rbegin(), newest_first.rend());
  CHECK(rows_of(t.projects({.oldest_first = true}), id) == oldest_first);
  CHECK(rows_of(t.projects({.limit = 2}), id) ==
        std::vector<ProjectId>(newest_first.begin(), newest_first.begin() + 2));

  t.set_status(newest_first[1], ProjectStatus::ready).value();
  t.set_status(newest_first[4], ProjectStatus::ready).value();
  t.set_status(newest_first[0], ProjectStatus::archived).value();
  const std::vector<ProjectId> ready = {newest_first[1], newest_first[4]};
  CHECK(rows_of(t.projects({.status = ProjectStatus::ready}), id) == ready);
  CHECK(rows_of(t.projects({.status = ProjectStatus::archived}), id) ==
        std::vector<ProjectId>{newest_first[0]});
  CHECK(rows_of(t.projects({.status = ProjectStatus::processing}), id).size() == 3);
  CHECK(rows_of(t.projects(), id) == newest_first);
  CHECK_CODE(invalid_argument, t.projects({.status = static_cast<ProjectStatus>(9)}));
}

TEST_CASE("projects: many at once, each with its own answer, in order") {
  World w;
  const Tenant t = w.tenant("a@x");
  const Tenant b = w.tenant("b@x");
  const ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  const ProjectId q = t.create_project({.name = "Q", .idea_prompt = ""}).value();
  const ProjectId foreign = b.create_project({.name = "B", .idea_prompt = ""}).value();
  const std::vector<ProjectId> ids = {q, forged<ProjectId>(1), p, foreign, ProjectId(), q};
  const std::vector<Result<Project>> got = t.get(ids);
  REQUIRE(got.size() == ids.size());
  const std::vector<Code> expected = {Code::ok,        Code::not_found,        Code::ok,
                                      Code::not_found, Code::invalid_argument, Code::ok};
  for (size_t i = 0; i < ids.size(); ++i) {
    CHECK(name_of(got[i].status()) == to_string(expected[i]));
    if (got[i].ok()) CHECK(got[i]->id() == ids[i]);
  }
  CHECK(t.get(std::vector<ProjectId>{}).empty());
  const std::vector<ProjectId> most(kMaxPageRows, p);
  const std::vector<Result<Project>> many = t.get(most);
  CHECK(many.size() == kMaxPageRows);
  CHECK(many.back().ok());
  const std::vector<ProjectId> more(kMaxPageRows + 1, p);
  for (const Result<Project>& answer : t.get(more)) {
    REQUIRE(answer.code() == Code::invalid_argument);
  }
}

}  // namespace
}  // namespace bcstore
