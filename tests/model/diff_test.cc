// What changed: in a project between two moments, and between two contents.
#include <string>
#include <vector>

#include "fixture.h"
#include "model/diff_content.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

TEST_CASE("diff: documents, tasks, status and version between two commits") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId project = t.create_project({.name = "one", .idea_prompt = ""}).value();
  const DocumentId prd =
      t.create_document(project, {.section = Section::prd, .content = "\"1\""}).value();
  const DocumentId tech =
      t.create_document(project, {.section = Section::tech, .content = "\"1\""}).value();
  const TaskId kept = t.create_task(project, {.title = "kept"}).value();
  const TaskId changed = t.create_task(project, {.title = "changed"}).value();
  const uint64_t before = w.commits();
  REQUIRE(t.add_revision(prd, {.content = "\"2\""}).ok());
  REQUIRE(t.add_revision(prd, {.content = "\"3\""}).ok());
  REQUIRE(t.create_document(project, {.section = Section::overview, .content = "\"n\""}).ok());
  REQUIRE(t.record_activity(changed, TaskAction::complete).ok());
  const TaskId added = t.create_task(project, {.title = "added"}).value();
  REQUIRE(t.set_status(project, ProjectStatus::ready).ok());
  REQUIRE(t.add_version(project, {.name = "two"}).ok());
  const uint64_t after = w.commits();
  REQUIRE(t.add_revision(tech, {.content = "\"later\""}).ok());
  REQUIRE(t.revise_task(kept, {.title = "later"}).ok());

  const ProjectDiff diff = t.diff(project, AsOf::commit(before), AsOf::commit(after)).value();
  CHECK(diff.before.status() == ProjectStatus::processing);
  CHECK(diff.after.status() == ProjectStatus::ready);
  CHECK(diff.before.current_version() == 1);
  CHECK(diff.after.current_version() == 2);
  CHECK(diff.after.name() == "two");
  REQUIRE(diff.documents.size() == 2);
  CHECK(diff.documents[0].section == Section::overview);
  CHECK_FALSE(diff.documents[0].before.has_value());
  CHECK(diff.documents[1].before->current_rev() == 1);
  CHECK(diff.documents[1].after->current_rev() == 3);
  REQUIRE(diff.tasks.size() == 2);
  CHECK(diff.tasks[0].before->id() == changed);
  CHECK(diff.tasks[0].before->state() == TaskState::open);
  CHECK(diff.tasks[0].after->state() == TaskState::complete);
  CHECK_FALSE(diff.tasks[1].before.has_value());
  CHECK(diff.tasks[1].after->id() == added);
  CHECK(diff.tasks_left_out == 0);

  // The other way round, and nothing.
  const ProjectDiff back = t.diff(project, AsOf::commit(after), AsOf::commit(before)).value();
  CHECK_FALSE(back.documents[0].after.has_value());
  CHECK_FALSE(back.tasks[1].after.has_value());
  const ProjectDiff none = t.diff(project, AsOf::commit(after), AsOf::commit(after)).value();
  CHECK(none.documents.empty());
  CHECK(none.tasks.empty());
  // Until now; by versions.
  CHECK(t.diff(project, AsOf::commit(after)).value().documents.size() == 1);
  CHECK(t.diff(project, AsOf::version(1), AsOf::version(2)).value().documents.size() == 1);

  CHECK_CODE(not_found, t.diff(project, AsOf::commit(1), AsOf::commit(after)));
  CHECK_CODE(not_found, w.tenant("b@x").diff(project, AsOf::commit(after)));
  CHECK_CODE(invalid_argument, t.diff(project, AsOf::commit(w.commits() + 1)));
  CHECK_CODE(not_found, t.diff(project, AsOf::version(3)));
}

TEST_CASE("diff: more changed tasks than one diff tells are counted") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId project = t.create_project({.name = "one", .idea_prompt = ""}).value();
  const uint64_t before = w.commits();
  for (size_t n = 0; n < 2; ++n) {
    WriteBatch batch = t.batch();
    for (size_t i = 0; i < 600; ++i) batch.create_task(project, {.title = "T"});
    REQUIRE(t.commit(batch).ok());
  }
  const ProjectDiff diff = t.diff(project, AsOf::commit(before)).value();
  CHECK(diff.tasks.size() == kMaxDiffTasks);
  CHECK(diff.tasks_left_out == 200);
}

TEST_CASE("diff: changed tasks that would take too much memory are counted") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId project = t.create_project({.name = "one", .idea_prompt = ""}).value();
  const uint64_t before = w.commits();
  const std::string words(size_t{1} << 20, 'd');
  for (size_t n = 0; n < 70; ++n) {
    REQUIRE(t.create_task(project, {.title = "T", .description = words}).ok());
  }
  const ProjectDiff diff = t.diff(project, AsOf::commit(before)).value();
  CHECK(diff.tasks.size() == 63);
  CHECK(diff.tasks_left_out == 7);
}

std::string told(const ContentDiff& diff) {
  std::string out = diff.is_coarse ? "coarse " : "";
  for (const JsonChange& one : diff.paths) {
    const char sign[] = {'+', '-', '~'};
    out += std::string(1, sign[static_cast<size_t>(one.kind) - 1]) + one.path + ' ';
  }
  for (const LineChange& one : diff.lines) {
    out += std::to_string(one.before_line) + ',' + std::to_string(one.before_count) + ':' +
           std::to_string(one.after_line) + ',' + std::to_string(one.after_count) + ' ';
  }
  return out;
}
std::string json_diff(std::string_view a, std::string_view b) {
  const ContentDiff diff = model::diff_contents(a, b, true);
  return (diff.is_json ? "json " : "lines ") + told(diff);
}
std::string line_diff(std::string_view a, std::string_view b) {
  return told(model::diff_contents(a, b, false));
}

TEST_CASE("diff: of JSON the changed paths") {
  CHECK(json_diff(R"({"a":1,"b":{"c":[1,2]}})", R"({"a":1,"b":{"c":[1,3]},"d/e":0})") ==
        "json ~/b/c/1 +/d~1e ");
  CHECK(json_diff(R"({"a":1,"b":2})", R"({"b":2})") == "json -/a ");
  CHECK(json_diff("1", "\"1\"") == "json ~ ");
  CHECK(json_diff(R"({"a":1})", R"({ "a" : 1 })") == "json ");
  // A number that no double holds.
  CHECK(json_diff("[1e999]", "[2e999]") == "lines 1,1:1,1 ");
}

TEST_CASE("diff: of texts the changed lines") {
  CHECK(line_diff("a\nb\nc\n", "a\nx\nc\n") == "2,1:2,1 ");
  CHECK(line_diff("a\nb\n", "a\nb\nc\n") == "2,0:3,1 ");
  CHECK(line_diff("a\nb\nc", "b\nc") == "1,1:0,0 ");
  CHECK(line_diff("", "a\n") == "0,0:1,1 ");
  CHECK(line_diff("a\nb\nc\nd\ne\n", "a\nB\nc\nd\nE\n") == "2,1:2,1 5,1:5,1 ");
  CHECK(line_diff("a", "a\n") == "1,1:1,1 ");
  CHECK(line_diff("same\n", "same\n").empty());
  std::string many, other;
  for (size_t i = 0; i < kMaxDiffLines + 1; ++i) {
    many += std::to_string(i) + "\n";
    other += std::to_string(i) + "!\n";
  }
  CHECK(line_diff(many, other) == "coarse 1,5001:1,5001 ");
}

TEST_CASE("diff: contents of revisions, also of two documents") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId project = t.create_project({.name = "one", .idea_prompt = ""}).value();
  const DocumentId json =
      t.create_document(project, {.section = Section::prd, .content = R"({"a":1})"}).value();
  REQUIRE(t.add_revision(json, {.content = R"({"a":2})"}).ok());
  const DocumentId text =
      t.create_document(
           project, {.section = Section::tech, .content = "a\n", .content_type = ContentType::text})
          .value();
  CHECK(told(t.diff_contents({json, 1}, {json, 2}).value()) == "~/a ");
  CHECK_FALSE(t.diff_contents({json, 1}, {text, 1}).value().is_json);
  CHECK_CODE(not_found, t.diff_contents({json, 1}, {json, 3}));
  CHECK_CODE(not_found,
             t.diff_contents({json, 1}, {json, 2}, {.as_of = AsOf::commit(w.commits() - 2)}));
}

}  // namespace
}  // namespace bcstore
