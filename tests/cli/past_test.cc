// context and diff, on a loaded history.
#include <vector>

#include "bcstore/bcstore.h"
#include "cli/verbs.h"
#include "cli_fixture.h"

namespace bcstore {
namespace {

using namespace cli_fixture;  // NOLINT(google-build-using-namespace)

void load_history(const TempDir& dir) {
  dir.file("users.jsonl", user_row(2));
  dir.file("projects.jsonl", project_row(10, 2, "2024-01-01T00:00:00Z"));
  dir.file("documents.jsonl", document_row(20, 10, 1, "prd"));
  dir.file("document_revisions.jsonl",
           revision_row(20, 1, "first\\n") + revision_row(20, 2, "first\\nsecond\\n"));
  dir.file("tasks.jsonl", task_row(30, 10, "task 30", "2024-01-01T00:00:00Z"));
  dir.file("chat_sessions.jsonl", session_row(40, 10, "2024-01-01T00:00:00Z"));
  dir.file("chat_messages.jsonl", message_row(40, 0, "hello") + message_row(40, 1, "hi there"));
  const Answer answer = load(dir);
  REQUIRE(answer.code == 0);
}

std::string context_in(const std::string& told) {
  const size_t at = told.rfind("context ");
  return at == std::string::npos ? "" : told.substr(at + 8, told.size() - at - 9);
}

TEST_CASE("context: the same command gives the same bytes, and so does its id") {
  TempDir dir;
  load_history(dir);
  const std::vector<std::string> words{"context", id(10),   "--user",   id(2),
                                       "--db",    dir.db(), "--budget", "500"};
  const Answer first = command(words);
  REQUIRE(first.code == 0);
  CHECK(has(first.out, "# "));
  CHECK(has(first.out, "second"));
  CHECK(has(first.out, "task 30"));
  CHECK(has(first.out, "hi there"));
  CHECK(command(words).out == first.out);
  const std::vector<std::string> again{"context", id(10),   "--user",  id(2),
                                       "--db",    dir.db(), "--again", context_in(first.err)};
  CHECK(command(again).out == first.out);

  std::vector<std::string> past = words;
  past.insert(past.end(), {"--json", "--as-of", "2020-01-01T00:00:00Z"});
  const Answer before = command(past);
  CHECK(before.code == 1);
  past.back() = "2020-01-01";
  CHECK(command(past).err == before.err);
  CHECK(has(before.err, "not_found"));
  past.back() = "commit:99999";
  CHECK(has(command(past).err, "invalid_argument"));
  for (const char* none : {"yesterday", "2020-13-01", "2020-02-30", "01-01-2020"}) {
    past.back() = none;
    CHECK(command(past).code == 2);
  }
  past.back() = "version:1";
  const Answer json = command(past);
  CHECK(json.code == 0);
  CHECK(json.out.starts_with("{\"id\":\""));
}

TEST_CASE("diff: since a moment, as text and JSON") {
  TempDir dir;
  load_history(dir);
  {
    Store store = Store::open(dir.db()).value();
    const Tenant tenant = store.tenant(UserId::parse(id(2)).value());
    const DocumentId document = DocumentId::parse(id(20)).value();
    const NewRevision text{.content = "first\nchanged\n", .content_type = ContentType::text};
    REQUIRE(tenant.add_revision(document, text).ok());
    const TaskId task = TaskId::parse(id(30)).value();
    REQUIRE(tenant.record_activity(task, TaskAction::complete).ok());
  }
  std::vector<std::string> words{"diff", id(10),   "--user", id(2),
                                 "--db", dir.db(), "--from", "commit:0"};
  CHECK(has(command(words).err, "not_found"));
  uint64_t last = 0;
  {
    const Store store = Store::open(dir.db()).value();
    last = store.stats().last_commit_seq;
  }
  words.back() = "commit:" + std::to_string(last - 2);
  const Answer text = command(words);
  CHECK(text.code == 0);
  CHECK(has(text.out, "prd: version 1 revision 2"));
  CHECK(has(text.out, "@@ -2,1 +2,1 @@"));
  CHECK(has(text.out, "open, revision 1 -> complete, revision 1: task 30"));
  words.insert(words.end(), {"--to", "version:1", "--json"});
  const Answer json = command(words);
  CHECK(json.code == 0);
  CHECK(has(json.out, "\"before_line\": 2"));
  CHECK(has(json.out, "\"tasks_left_out\": 0"));
}

}  // namespace
}  // namespace bcstore
