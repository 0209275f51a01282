// The verbs that look at a store, and the command line itself.
#include <simdjson.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "cli/command.h"
#include "cli_fixture.h"

namespace bcstore {
namespace {

using namespace cli_fixture;  // NOLINT(google-build-using-namespace)

void load_history(const TempDir& dir) {
  dir.file("users.jsonl", user_row(1) + user_row(2));
  dir.file("projects.jsonl",
           project_row(10, 2, "2024-01-01T00:00:00Z") + project_row(11, 2, "2024-01-02T00:00:00Z"));
  dir.file("documents.jsonl", document_row(20, 10, 1, "prd") + document_row(21, 10, 1, "tech"));
  dir.file("document_revisions.jsonl",
           revision_row(20, 1, "first") + revision_row(20, 2, "# Goals\\n\\n100 customers\\n"));
  std::string tasks;
  for (int task = 0; task < 12; ++task) {
    tasks += task_row(30 + task, 10, fmt::format("task {}", task), "2024-01-01T00:00:00Z");
  }
  dir.file("tasks.jsonl", tasks);
  dir.file("task_activity.jsonl", activity_row(30, "complete", "2024-01-02T00:00:00Z"));
  dir.file("chat_sessions.jsonl", session_row(40, 10, "2024-01-01T00:00:00Z") +
                                      session_row(41, 10, "2024-01-02T00:00:00Z"));
  dir.file("chat_messages.jsonl", message_row(40, 0, "hello") + message_row(40, 1, "hi there"));
  Answer answer = load(dir);
  REQUIRE(answer.code == 0);
  REQUIRE(answer.err.empty());
}

// Garbage at the end of a store's log, as a loss of power may leave it.
void tear_log(const TempDir& dir) {
  for (const auto& entry : std::filesystem::directory_iterator(dir.db())) {
    if (entry.path().extension() != ".log") continue;
    std::ofstream(entry.path(), std::ios::binary | std::ios::app) << "torn by a loss of power";
  }
}

TEST_CASE("A store whose log was torn opens, and every verb says so in one line") {
  TempDir dir;
  load_history(dir);
  for (const std::vector<std::string>& words : {std::vector<std::string>{"check", "--db", dir.db()},
                                                {"stats", "--db", dir.db()},
                                                {"show", "--db", dir.db()},
                                                {"load", dir.input(), "--db", dir.db()}}) {
    CAPTURE(words.front());
    tear_log(dir);
    const Answer torn = command(words);
    CHECK(torn.code == 0);
    CHECK(torn.err.find("cut 23 bytes off ") != std::string::npos);
    CHECK(torn.err.find("loss of power") != std::string::npos);
    CHECK(command({"check", "--db", dir.db()}).err.empty());
  }
}

TEST_CASE("A command line that means nothing is a usage error, and help is none") {
  TempDir dir;
  const std::vector<std::vector<std::string>> bad = {
      {},
      {"unknown"},
      {"load"},
      {"load", dir.input()},
      {"load", dir.input(), "--db", dir.db(), "--tables", "users,nothing"},
      {"check"},
      {"check", "--db"},
      {"stats", "--db", dir.db(), "more"},
      {"doc"},
      {"doc", "show", "--db", dir.db()},
      {"doc", "show", "1", "--user", id(1), "--db", dir.db()},
      {"doc", "show", id(1), "--user", id(1), "--db", dir.db(), "--rev", "-1"},
      {"doc", "show", id(1), "--user", id(1), "--db", dir.db(), "--rev", "4294967296"},
      {"show", "--db", dir.db(), "--user", "me"},
      {"user", "find", "--db", dir.db()},
  };
  for (const std::vector<std::string>& words : bad) {
    CAPTURE(fmt::format("{}", fmt::join(words, " ")));
    Answer answer = command(words);
    CHECK(answer.code == 2);
    CHECK(answer.out.empty());
    CHECK_FALSE(answer.err.empty());
  }
  CHECK_FALSE(std::filesystem::exists(dir.db()));
  Answer help = command({"--help"});
  CHECK(help.code == 0);
  CHECK(has(help.out, "load"));
  CHECK(has(command({"--version"}).out, "bcstore "));
}

TEST_CASE("No verb but load makes a store that is not there") {
  TempDir dir;
  const std::vector<std::vector<std::string>> verbs = {{"check"},
                                                       {"stats"},
                                                       {"show"},
                                                       {"user", "list"},
                                                       {"user", "find", "a@example.com"},
                                                       {"doc", "show", id(1), "--user", id(1)}};
  for (std::vector<std::string> words : verbs) {
    CAPTURE(words[0]);
    words.insert(words.end(), {"--db", dir.db()});
    Answer answer = command(words);
    CHECK(answer.code == 1);
    CHECK(has(answer.err, "bcstore: not_found"));
    CHECK(answer.out.empty());
    CHECK_FALSE(std::filesystem::exists(dir.db()));
  }
}

TEST_CASE("check and stats answer in text and in JSON") {
  TempDir dir;
  load_history(dir);
  Answer check = command({"check", "--db", dir.db(), "--json", "--deep"});
  CHECK(check.code == 0);
  simdjson::dom::parser parser;
  simdjson::dom::element answer;
  REQUIRE(parser.parse(check.out).get(answer) == simdjson::SUCCESS);
  CHECK(answer["violations"].get_uint64().value() == 0);
  CHECK(answer["checked"].get_object().value().size() > 3);
  CHECK(answer["listed"].error() != simdjson::SUCCESS);
  CHECK(has(command({"check", "--db", dir.db()}).out, "\n0 violations\n"));

  Answer stats = command({"stats", "--db", dir.db(), "--json"});
  CHECK(stats.code == 0);
  REQUIRE(parser.parse(stats.out).get(answer) == simdjson::SUCCESS);
  CHECK(answer["disk_bytes"].get_uint64().value() > 0);
  CHECK(answer["last_commit_seq"].get_uint64().value() > 0);
  CHECK(answer["families"].get_array().value().size() > 3);
  CHECK(has(command({"stats", "--db", dir.db()}).out, "on disk in all"));
}

TEST_CASE("doc show writes the exact bytes and nothing else") {
  TempDir dir;
  load_history(dir);
  auto show = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"doc", "show", id(20), "--db", dir.db(), "--user"};
    words.insert(words.end(), more.begin(), more.end());
    return command(words);
  };
  CHECK(show({id(2)}).out == "# Goals\n\n100 customers\n");
  CHECK(show({id(2), "--rev", "1"}).out == "first");
  CHECK(show({id(2), "--rev", "1"}).code == 0);
  Answer later = show({id(2), "--rev", "3"});
  CHECK(later.code == 1);
  CHECK(later.out.empty());
  CHECK(has(later.err, "not_found"));
  // Somebody else's document is not found, as ever.
  CHECK(show({id(1)}).code == 1);
  CHECK(show({id(99)}).code == 1);
}

TEST_CASE("show prints the documents, the open tasks and the last messages of a project") {
  TempDir dir;
  load_history(dir);
  const std::string_view expected =
      "project 10\n"
      "ready, version 1, of u2@example.com\n"
      "  an idea\n"
      "\n"
      "Documents\n"
      "  prd        version 1, revision 2 of 2024-02-26\n"
      "    # Goals\n"
      "    100 customers\n"
      "  tech       version 1, empty\n"
      "\n"
      "Open tasks (11)\n"
      "  phase 2   task 1\n"
      "  phase 2   task 2\n"
      "  phase 2   task 3\n"
      "  phase 2   task 4\n"
      "  phase 2   task 5\n"
      "  phase 2   task 6\n"
      "  phase 2   task 7\n"
      "  phase 2   task 8\n"
      "  phase 2   task 9\n"
      "  phase 2   task 10\n"
      "  ... and 1 more\n"
      "\n"
      "Last messages (2024-01-01)\n"
      "  user      hello\n"
      "  assistant hi there\n";
  CHECK(command({"show", "--db", dir.db()}).out == expected);
  CHECK(command({"show", "--db", dir.db(), "--user", id(2)}).out == expected);
  CHECK(command({"show", "--db", dir.db(), "--project", id(10)}).out == expected);

  Answer empty = command({"show", "--db", dir.db(), "--project", id(11), "--user", id(2)});
  CHECK(empty.code == 0);
  CHECK(has(empty.out, "Documents\n  none yet\n\nOpen tasks (0)\n  none\n\nLast messages\n  none"));
  CHECK(command({"show", "--db", dir.db(), "--project", id(99)}).code == 1);
  CHECK(command({"show", "--db", dir.db(), "--user", id(1)}).code == 1);
  CHECK(command({"show", "--db", dir.db(), "--user", id(1), "--project", id(10)}).code == 1);
}

TEST_CASE("show tells what the owner's calls of models add up to") {
  TempDir dir;
  load_history(dir);
  uint32_t month = 0;
  {
    Store store = reopen(dir);
    const Tenant t = store.tenant(id_of<UserId>(2));
    NewCall call{.agent = "planner",
                 .model = "tea-1",
                 .latency_us = 1'000'000,
                 .cost_micros = 1'500'000,
                 .currency = "EUR",
                 .input_tokens = 1'000,
                 .output_tokens = 20};
    t.record_call(call).value();
    call.latency_us = 4'000'000;
    call.status = CallStatus::error;
    const CallRecord last = t.call(t.record_call(call).value()).value();
    month = last.month();
  }
  const std::string out = command({"show", "--db", dir.db(), "--user", id(2)}).out;
  CHECK(
      has(out, fmt::format("\nCalls of models\n  {} tea-1: 2 calls, 1 failed, 2,000 tokens in and "
                           "40 out, 3.000000 EUR, 2.5 s on average, 4.0 s at most\n",
                           month)));
  CHECK_FALSE(has(command({"show", "--db", dir.db(), "--user", id(2)}).err, "bcstore:"));
}

TEST_CASE("Users are listed, and found by their address") {
  TempDir dir;
  load_history(dir);
  Answer list = command({"user", "list", "--db", dir.db()});
  CHECK(list.code == 0);
  CHECK(has(list.out, id(1) + "  u1@example.com\n"));
  CHECK(has(list.out, id(2) + "  u2@example.com\n"));
  simdjson::dom::parser parser;
  Answer json = command({"user", "list", "--db", dir.db(), "--json"});
  CHECK(parser.parse(json.out).get_array().value().size() == 2);
  CHECK(command({"user", "find", "U2@example.com", "--db", dir.db()}).out ==
        id(2) + "  u2@example.com\n");
  CHECK(command({"user", "find", "u9@example.com", "--db", dir.db()}).code == 1);
}

TEST_CASE("Output that cannot be written is an error") {
  TempDir dir;
  load_history(dir);
  const std::string db = dir.db();
  const char* argv[] = {"bcstore", "stats", "--db", db.c_str()};
  std::ostringstream out;
  std::ostringstream err;
  out.setstate(std::ios::badbit);
  CHECK(cli::run_command(4, argv, {}, out, err) == 1);
  CHECK(has(err.str(), "could not be written"));
}

}  // namespace
}  // namespace bcstore
