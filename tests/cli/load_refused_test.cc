// Rows that a load refuses: each with its file, its line and a reason, and the others land.
#include <vector>

#include "cli_fixture.h"

namespace bcstore {
namespace {

using namespace cli_fixture;  // NOLINT(google-build-using-namespace)

// One user with a project, two versions, a document, a task and a session.
void write_parents(const TempDir& dir) {
  dir.file("users.jsonl", user_row(1));
  dir.file("projects.jsonl", project_row(10, 1, "2024-01-01T00:00:00Z"));
  dir.file("project_versions.jsonl", version_row(10, 1, "2024-01-01T00:00:00Z"));
  dir.file("documents.jsonl", document_row(20, 10, 1, "prd"));
  dir.file("tasks.jsonl", task_row(30, 10, "task", "2024-01-01T00:00:00Z"));
  dir.file("chat_sessions.jsonl", session_row(40, 10, "2024-01-01T00:00:00Z"));
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

struct BadRow {
  std::string table;
  std::string row;
  std::string_view reason;
};

std::vector<BadRow> bad_users() {
  const std::string good = user_row(5);
  return {
      {"users", "{\"id\":\n", "invalid JSON"},
      {"users", "\"text\"\n", "not a JSON object"},
      {"users", "{\"id\":\"\xFF\"}\n", "invalid UTF-8"},
      {"users", replaced(good, R"("id":)", R"("no":)"), "\"id\" is missing"},
      {"users", replaced(good, id(5), "5"), "\"id\" is not a UUID"},
      {"users", replaced(good, id(5), to_string(Uuid::nil())), "invalid_argument"},
      {"users", replaced(good, "u5@example.com", ""), "invalid_argument"},
      {"users", replaced(good, "u5@example.com", "a\\u0000"), "invalid_argument"},
      {"users", replaced(good, "u5@example.com", "U1@EXAMPLE.com"), "already_exists"},
      {"users", replaced(good, "false", "0"), "\"is_pro\" is not true or false"},
      {"users", replaced(good, "2024-01-01T00:00:00Z", "yesterday"),
       "\"created_at\" is not a time"},
      {"users", replaced(good, "\"2024-01-01T00:00:00Z\"", "null"), "\"created_at\" is null"},
      {"users", replaced(user_row(1), "u1@", "u9@"), "conflict"},
  };
}

std::vector<BadRow> bad_projects() {
  const std::string good = project_row(15, 1, "2024-01-01T00:00:00Z");
  const std::string version = version_row(10, 2, "2024-01-01T00:00:00Z");
  const std::string document = document_row(25, 10, 1, "tech");
  return {
      {"projects", replaced(good, id(1), id(99)), "is not known"},
      {"projects", replaced(good, "ready", "done"), "\"status\" is none of the names"},
      {"projects", replaced(good, "project 15", ""), "invalid_argument"},
      {"projects", replaced(good, "\"project 15\"", "7"), "\"name\" is not a string"},
      {"projects", replaced(good, "2024-01", "2024-13"), "\"created_at\" is not a time"},
      {"projects", project_row(10, 1, "2025-01-01T00:00:00Z"), "conflict"},
      {"project_versions", replaced(version, id(10), id(99)), "is not known"},
      {"project_versions", version_row(10, 0, "2024-01-01T00:00:00Z"), "invalid_argument"},
      {"project_versions", version_row(10, 5, "2024-01-01T00:00:00Z"), "version"},
      {"project_versions", version_row(10, 1, "2025-01-01T00:00:00Z"), "conflict"},
      {"project_versions", replaced(version, ":2,", ":\"2\","), "\"version\" is not a whole"},
      {"documents", replaced(document, id(10), id(99)), "is not known"},
      {"documents", replaced(document, "tech", "technology"), "\"section\" is none of the names"},
      {"documents", document_row(25, 10, 9, "tech"), "not_found"},
      {"documents", document_row(25, 10, 1, "prd"), "already_exists"},
      {"documents", replaced(document, ":1,", ":-1,"), "\"version\" is not a whole"},
  };
}

std::vector<BadRow> bad_children() {
  const std::string task = task_row(35, 10, "task", "2024-01-01T00:00:00Z");
  const std::string activity = activity_row(30, "complete", "2024-01-01T00:00:00Z");
  const std::string event = event_row(10, "{}", "2024-01-01T00:00:00Z");
  return {
      {"document_revisions", revision_row(99, 1, "text"), "is not known"},
      {"document_revisions", revision_row(20, 7, "text"), "rev"},
      {"document_revisions", revision_row(20, 0, "text"), "invalid_argument"},
      {"document_revisions", replaced(revision_row(20, 1, "x"), ":\"x\"", ":{}"), "not a string"},
      {"document_revisions", revision_row(20, 1, ""), "invalid_argument"},
      {"document_revisions", replaced(revision_row(20, 1, "x"), "body_md", "b"), "is missing"},
      {"tasks", replaced(task, "\"task\"", "null"), "\"title\" is null"},
      {"tasks", replaced(task, "\"phase\":2", "\"phase\":2.5"), "\"phase\" is not a whole"},
      {"tasks", replaced(task, id(10), id(99)), "is not known"},
      {"task_activity", replaced(activity, id(30), id(99)), "is not known"},
      {"task_activity", replaced(activity, "complete", "done"), "\"action\" is none of the names"},
      {"task_activity", replaced(activity, "\"user_id\":null", "\"user_id\":1"), "not a string"},
      {"chat_sessions", session_row(45, 99, "2024-01-01T00:00:00Z"), "is not known"},
      {"chat_sessions", session_row(45, 10, "noon"), "\"started_at\" is not a time"},
      {"chat_messages", message_row(99, 0, "x"), "is not known"},
      {"chat_messages", replaced(message_row(40, 0, "x"), "\"user\"", "\"system\""),
       "invalid_argument"},
      {"chat_messages", replaced(message_row(40, 0, "x"), "\"user\"", "\"bot\""),
       "\"role\" is none of the names"},
      {"chat_messages", replaced(message_row(40, 0, "x"), "null", "-1"), "invalid_argument"},
      {"chat_messages", replaced(message_row(40, 0, "x"), "\"seq\":0", "\"seq\":\"0\""),
       "\"seq\" is not a whole"},
      {"events", replaced(event, "agent.tool_call", ""), "invalid_argument"},
      {"events", replaced(event, id(10), id(99)), "is not known"},
      {"events", replaced(event, "project_id", "project"), "\"project_id\" is missing"},
  };
}

TEST_CASE("Every kind of bad row is refused with its file, its line and a reason") {
  std::vector<BadRow> rows = bad_users();
  for (const BadRow& row : bad_projects()) rows.push_back(row);
  for (const BadRow& row : bad_children()) rows.push_back(row);
  TempDir dir;
  write_parents(dir);
  Answer parents = load(dir);
  REQUIRE(parents.code == 0);
  REQUIRE(parents.err.empty());
  for (const char* table :
       {"users", "projects", "project_versions", "documents", "tasks", "chat_sessions"}) {
    dir.remove(std::string(table) + ".jsonl");
  }
  for (const BadRow& bad : rows) {
    CAPTURE(bad.row);
    std::string name = bad.table + ".jsonl";
    dir.file(name, "\n" + bad.row);
    Answer answer = load(dir);
    CHECK(answer.code == 0);
    CHECK(counts_of(answer, bad.table) == Counts{1, 0, 0, 1});
    CHECK(answer.err.starts_with(name + ":2: "));
    CHECK_MESSAGE(has(answer.err, bad.reason), answer.err);
    dir.remove(name);
  }
  Store store = reopen(dir);
  Result<CheckReport> report = store.check();
  REQUIRE(report.ok());
  CHECK(report->violations == 0);
}

TEST_CASE("Good rows land around bad ones, and 50 refusals are printed at most") {
  TempDir dir;
  std::string users;
  for (int user = 1; user <= 60; ++user) users += user_row(user) + "{\"id\":" + "\n";
  dir.file("users.jsonl", users);
  Answer answer = load(dir);
  CHECK(answer.code == 0);
  CHECK(counts_of(answer, "users") == Counts{120, 60, 0, 60});
  CHECK(has(answer.err, "users.jsonl:100: "));
  CHECK_FALSE(has(answer.err, "users.jsonl:102: "));
  CHECK(answer.err.ends_with("... and 10 more\n"));
}

TEST_CASE("A row that the store refuses does not take the rest of its batch with it") {
  TempDir dir;
  write_parents(dir);
  std::string tasks;
  for (int task = 30; task < 40; ++task) {
    tasks += task_row(task, 10, task % 5 == 0 ? "" : "title", "2024-01-01T00:00:00Z");
  }
  dir.file("tasks.jsonl", tasks);
  Answer answer = load(dir);
  CHECK(answer.code == 0);
  CHECK(counts_of(answer, "tasks") == Counts{10, 8, 0, 2});
  CHECK(has(answer.err, "tasks.jsonl:1: invalid_argument"));
  CHECK(has(answer.err, "tasks.jsonl:6: invalid_argument"));
}

TEST_CASE("A strict load ends at the first refused row, and what was written stays") {
  TempDir dir;
  write_parents(dir);
  dir.file("users.jsonl", user_row(1) + "{}\n" + user_row(2));
  Answer answer = load(dir, {"--strict"});
  CHECK(answer.code == 1);
  CHECK(counts_of(answer, "users") == Counts{2, 1, 0, 1});
  CHECK(counts_of(answer, "projects") == Counts{});
  CHECK(has(answer.err, "users.jsonl:2: \"id\" is missing"));
  CHECK(has(answer.err, "what was written before stays"));
  {
    Store store = reopen(dir);
    CHECK(store.tenant(id_of<UserId>(1)).profile().ok());
    CHECK(store.tenant(id_of<UserId>(2)).profile().code() == Code::not_found);
  }

  dir.file("users.jsonl", user_row(1));
  dir.file("tasks.jsonl", task_row(30, 10, "good", "2024-01-01T00:00:00Z") +
                              task_row(31, 77, "bad", "2024-01-02T00:00:00Z"));
  Answer later = load(dir, {"--strict"});
  CHECK(later.code == 1);
  CHECK(counts_of(later, "projects") == all_written(1));
  CHECK(counts_of(later, "tasks").refused == 1);
  CHECK(counts_of(later, "chat_sessions") == Counts{});
}

TEST_CASE("A project whose row for version 1 is bad gets a derived one") {
  TempDir dir;
  write_parents(dir);
  dir.file("project_versions.jsonl", version_row(10, 1, "then"));
  Answer answer = load(dir);
  CHECK(answer.code == 0);
  CHECK(counts_of(answer, "projects") == all_written(1));
  CHECK(counts_of(answer, "project_versions") == Counts{1, 0, 0, 1});
  CHECK(derived_versions(answer) == 1);
  CHECK(has(answer.err, "project_versions.jsonl:1: \"created_at\" is not a time"));
}

TEST_CASE("Children of a refused row are refused, unless an earlier load brought the parent") {
  TempDir dir;
  write_parents(dir);
  dir.file("projects.jsonl", project_row(10, 99, "2024-01-01T00:00:00Z"));
  Answer answer = load(dir);
  CHECK(answer.code == 0);
  CHECK(has(answer.err, "projects.jsonl:1: user " + id(99) + " is not known"));
  CHECK(has(answer.err, "tasks.jsonl:1: project " + id(10) + " is not known"));
  CHECK(counts_of(answer, "documents") == Counts{1, 0, 0, 1});

  write_parents(dir);
  CHECK(counts_of(load(dir), "tasks") == all_written(1));
  dir.file("projects.jsonl", project_row(10, 1, "2025-01-01T00:00:00Z"));
  dir.file("tasks.jsonl", task_row(31, 10, "another", "2024-01-01T00:00:00Z"));
  Answer later = load(dir);
  CHECK(counts_of(later, "projects") == Counts{1, 0, 0, 1});
  CHECK(counts_of(later, "tasks") == all_written(1));
}

}  // namespace
}  // namespace bcstore
