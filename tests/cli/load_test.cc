// `bcstore load` on a small history: order, repetition, subsets.
#include <algorithm>
#include <cstdlib>
#include <random>
#include <sstream>
#include <vector>

#include "cli/load.h"
#include "cli_fixture.h"

namespace bcstore {
namespace {

using namespace cli_fixture;  // NOLINT(google-build-using-namespace)

constexpr int kUser = 1;
constexpr int kOther = 2;
constexpr int kProject = 10;
constexpr int kEarlier = 11;
constexpr int kDocument = 20;
constexpr int kTask = 30;
constexpr int kSession = 40;

struct InputFile {
  std::string name;
  std::vector<std::string> rows;
};

std::vector<InputFile> small_history() {
  return {
      {"users", {user_row(kUser), user_row(kOther)}},
      {"projects",
       {project_row(kProject, kUser, "2024-01-05T10:00:00+02:00"),
        project_row(kEarlier, kUser, "2024-01-03T00:00:00.1234567Z"),
        project_row(12, kOther, "2024-01-04T00:00:00Z")}},
      {"project_versions",
       {version_row(kProject, 1, "2024-01-06T00:00:00Z"),
        version_row(kProject, 2, "2024-01-05T00:00:00Z"),
        version_row(kProject, 3, "2024-01-07T00:00:00Z"),
        version_row(12, 1, "2024-01-04T00:00:01Z")}},
      {"documents",
       {document_row(kDocument, kProject, 1, "prd"), document_row(21, kProject, 3, "prd"),
        document_row(22, kProject, 2, "tech"), document_row(23, 12, 1, "overview")}},
      {"document_revisions",
       {revision_row(kDocument, 1, "# One"), revision_row(kDocument, 2, "# Two"),
        revision_row(kDocument, 3, "# Three \\u00e9"), revision_row(21, 1, "later"),
        revision_row(23, 1, "other")}},
      {"tasks",
       {task_row(kTask, kProject, "second", "2024-02-02T00:00:00Z"),
        task_row(31, kProject, "first", "2024-02-01T00:00:00Z"),
        task_row(32, 12, "other", "2024-02-01T00:00:00Z")}},
      {"task_activity",
       {activity_row(kTask, "complete", "2024-02-03T00:00:00Z"),
        activity_row(kTask, "reopen", "2024-02-04T00:00:00Z"),
        activity_row(kTask, "complete", "2024-02-05T00:00:00Z"),
        activity_row(kTask, "complete", "2024-02-05T00:00:00Z"),
        activity_row(32, "complete", "2024-02-05T00:00:00Z")}},
      {"chat_sessions",
       {session_row(kSession, kProject, "2024-03-01T00:00:00Z"),
        session_row(41, 12, "2024-03-01T00:00:00Z")}},
      {"chat_messages",
       {message_row(kSession, 0, "hello"), message_row(kSession, 1, "hi"),
        message_row(kSession, 2, "what now?"), message_row(41, 0, "other")}},
      {"events",
       {event_row(kProject, R"({"a": [1, 2.0 , "x"]})", "2024-03-02T00:00:00Z"),
        event_row(kProject, "null", "2024-03-01T00:00:00Z"),
        event_row(12, "[]", "2024-03-01T00:00:00Z"), event_row(12, "[]", "2024-03-01T00:00:00Z")}},
  };
}

void write(const TempDir& dir, const InputFile& file) {
  std::string text;
  for (const std::string& row : file.rows) text += row;
  dir.file(file.name + ".jsonl", text);
}

uint64_t rows_of(const std::vector<InputFile>& files, std::string_view name) {
  for (const InputFile& file : files) {
    if (file.name == name) return file.rows.size();
  }
  return 0;
}

void check_versions(const Tenant& tenant) {
  Result<Project> project = tenant.project(id_of<ProjectId>(kProject));
  REQUIRE(project.ok());
  CHECK(project->current_version() == 3);
  CHECK(project->created_at() == parse_time("2024-01-05T08:00:00Z"));
  Result<ProjectVersion> first = tenant.version(project->id(), 1);
  REQUIRE(first.ok());
  CHECK(first->change_note() == "note 1");
  CHECK(first->created_at() == parse_time("2024-01-06T00:00:00Z"));
  CHECK(first->actor() == Actor::of_agent({}));
  Result<ProjectVersion> derived = tenant.version(id_of<ProjectId>(kEarlier), 1);
  REQUIRE(derived.ok());
  CHECK(derived->change_note() == std::nullopt);
  CHECK(derived->created_at() == parse_time("2024-01-03T00:00:00.123456Z"));
}

void check_documents(const Tenant& tenant) {
  Result<Document> document = tenant.document(id_of<DocumentId>(kDocument));
  REQUIRE(document.ok());
  CHECK(document->is_locked());
  CHECK(document->current_rev() == 3);
  Result<Revision> third = tenant.revision(document->id(), 3);
  REQUIRE(third.ok());
  CHECK(third->content_type() == ContentType::text);
  CHECK(third->change_note() == "change 3");
  Result<std::string_view> content = third->content();
  REQUIRE(content.ok());
  CHECK(*content == "# Three \xC3\xA9");
}

void check_tasks(const Tenant& tenant) {
  std::vector<std::string> titles;
  Cursor<Task> tasks = tenant.tasks(id_of<ProjectId>(kProject));
  while (tasks.next()) titles.emplace_back(tasks->title());
  CHECK(titles == std::vector<std::string>{"first", "second"});
  Result<Task> task = tenant.task(id_of<TaskId>(kTask));
  REQUIRE(task.ok());
  CHECK(task->phase() == 2);
  CHECK(task->description().empty());
  CHECK(task->activity_count() == 4);
  CHECK(task->state() == TaskState::complete);
}

void check_chat(const Tenant& tenant) {
  ChatSessionId session = id_of<ChatSessionId>(kSession);
  std::string text;
  Cursor<ChatMessage> messages = tenant.messages(session);
  while (messages.next()) {
    text +=
        fmt::format("{} {} {}|", messages->seq(), to_string(messages->role()), messages->content());
  }
  CHECK(text == "1 user hello|2 assistant hi|3 user what now?|");
  Result<ChatMessage> second = tenant.message(id_of<MessageId>(kSession * 1000 + 1));
  REQUIRE(second.ok());
  CHECK(second->seq() == 2);
  CHECK(second->token_count() == std::nullopt);
}

void check_events(const Tenant& tenant) {
  std::vector<std::string> payloads;
  EventList list;
  list.with_audit = false;
  Cursor<Event> events = tenant.events(list);
  while (events.next()) {
    payloads.emplace_back(events->payload().value_or("absent"));
    CHECK(events->project() == id_of<ProjectId>(kProject));
    CHECK(events->type() == "agent.tool_call");
  }
  CHECK(payloads == std::vector<std::string>{"absent", R"({"a": [1, 2.0 , "x"]})"});
}

void check_store(const TempDir& dir) {
  Store store = reopen(dir);
  Tenant tenant = store.tenant(id_of<UserId>(kUser));
  check_versions(tenant);
  check_documents(tenant);
  check_tasks(tenant);
  check_chat(tenant);
  check_events(tenant);
  Result<CheckReport> report = store.check();
  REQUIRE(report.ok());
  CHECK(report->violations == 0);
}

TEST_CASE("Rows load in any order within their files, and a second load adds nothing") {
  const char* given = std::getenv("BCSTORE_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed);
  TempDir dir;
  std::vector<InputFile> files = small_history();
  for (InputFile& file : files) {
    std::shuffle(file.rows.begin(), file.rows.end(), random);
    write(dir, file);
  }
  Answer first = load(dir);
  CHECK(first.code == 0);
  CHECK(first.err.empty());
  for (const InputFile& file : files) {
    CHECK(counts_of(first, file.name) == all_written(file.rows.size()));
  }
  CHECK(derived_versions(first) == 1);
  check_store(dir);

  for (InputFile& file : files) {
    std::shuffle(file.rows.begin(), file.rows.end(), random);
    write(dir, file);
  }
  Answer second = load(dir);
  CHECK(second.code == 0);
  CHECK(second.err.empty());
  for (const InputFile& file : files) {
    CHECK(counts_of(second, file.name) == all_present(file.rows.size()));
  }
  CHECK(derived_versions(second) == 0);
  check_store(dir);
}

TEST_CASE("Tables load one at a time as well: what they hang on is looked up in the store") {
  TempDir dir;
  const std::vector<InputFile> files = small_history();
  for (const InputFile& file : files) write(dir, file);
  for (std::string_view tables :
       {"users", "projects,project_versions", "documents", "document_revisions", "tasks",
        "task_activity", "chat_sessions", "chat_messages", "events"}) {
    CAPTURE(tables);
    Answer answer = load(dir, {"--tables", std::string(tables)});
    CHECK(answer.code == 0);
    CHECK(answer.err.empty());
    std::string first(tables.substr(0, tables.find(',')));
    CHECK(counts_of(answer, first) == all_written(rows_of(files, first)));
  }
  check_store(dir);
  Answer again = load(dir);
  for (const InputFile& file : files) {
    CHECK(counts_of(again, file.name) == all_present(file.rows.size()));
  }
}

TEST_CASE("Packed files load like plain ones, and two of one table are refused") {
  TempDir dir;
  dir.file("users.jsonl.zst", zst(user_row(kUser)) + zst(user_row(kOther)));
  dir.file("projects.jsonl.gz", gz(project_row(kProject, kUser, "2024-01-01T00:00:00Z")));
  dir.file("README.md", "not read");
  dir.file("message_vectors.jsonl.zst", "not read");
  Answer answer = load(dir);
  CHECK(answer.code == 0);
  CHECK(counts_of(answer, "users") == all_written(2));
  CHECK(counts_of(answer, "projects") == all_written(1));
  CHECK(has(answer.out, R"("skipped_files": ["README.md", "message_vectors.jsonl.zst"])"));
  CHECK_FALSE(has(answer.out, "\"tasks\""));

  dir.file("users.jsonl", user_row(kUser));
  Answer twice = load(dir);
  CHECK(twice.code == 1);
  CHECK(has(twice.err, "users.jsonl and users.jsonl.zst"));
}

TEST_CASE("An archive that is cut off loads the rows before the cut, and the load fails") {
  TempDir dir;
  std::string users;
  for (int user = 1; user <= 200; ++user) users += user_row(user);
  std::string first = zst(users);
  std::string second = zst(user_row(500));
  dir.file("users.jsonl.zst", first + second.substr(0, second.size() - 4));
  dir.file("projects.jsonl", project_row(1000, 7, "2024-01-01T00:00:00Z"));
  Answer answer = load(dir);
  CHECK(answer.code == 1);
  CHECK(has(answer.err, "users.jsonl.zst: the archive ends too early"));
  Counts counts = counts_of(answer, "users");
  CHECK(counts.refused == 0);
  CHECK(counts.written >= 200);
  CHECK(counts_of(answer, "projects") == all_written(1));
}

TEST_CASE("A directory that holds nothing to load is an error, and no store is made") {
  TempDir dir;
  dir.file("README.md", "nothing here");
  CHECK(load(dir).code == 1);
  CHECK_FALSE(std::filesystem::exists(dir.db()));
  Answer none = command({"load", dir.input() + "/none", "--db", dir.db()});
  CHECK(none.code == 1);
  CHECK_FALSE(std::filesystem::exists(dir.db()));
}

TEST_CASE("Progress is drawn when it is asked for, and taken away at the end") {
  TempDir dir;
  dir.file("users.jsonl", user_row(kUser));
  cli::LoadArgs args{.directory = dir.input(), .db = dir.db(), .with_progress = true};
  std::ostringstream out;
  std::ostringstream err;
  CHECK(cli::run_load(args, out, err) == 0);
  CHECK(err.str().starts_with(
      "\rusers               reading  [##############################] 100%"));
  CHECK(err.str().ends_with("\r\x1b[K"));
}

TEST_CASE("The summary for people names every table that was found") {
  TempDir dir;
  dir.file("users.jsonl", user_row(kUser));
  dir.file("projects.jsonl", project_row(kProject, kUser, "2024-01-01T00:00:00Z"));
  dir.file("notes.txt", "");
  Answer answer = command({"load", dir.input(), "--db", dir.db()});
  CHECK(answer.code == 0);
  CHECK(has(answer.out, "users                          1           1           0           0"));
  CHECK(has(answer.out, "1 of the projects came without a row for version 1"));
  CHECK(has(answer.out, "Not read: notes.txt"));
}

}  // namespace
}  // namespace bcstore
