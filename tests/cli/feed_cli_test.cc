// The verbs feed, standby and promote.
#include <simdjson.h>

#include <filesystem>
#include <sstream>
#include <vector>

#include "cli/verbs.h"
#include "cli_fixture.h"

namespace bcstore {
namespace {

using namespace cli_fixture;  // NOLINT(google-build-using-namespace)

void load_some(const TempDir& dir) {
  dir.file("users.jsonl", user_row(1) + user_row(2));
  dir.file("projects.jsonl",
           project_row(10, 2, "2024-01-01T00:00:00Z") + project_row(11, 1, "2024-01-02T00:00:00Z"));
  dir.file("documents.jsonl", document_row(20, 10, 1, "prd"));
  dir.file("document_revisions.jsonl", revision_row(20, 1, "first"));
  dir.file("chat_sessions.jsonl", session_row(40, 10, "2024-01-01T00:00:00Z"));
  dir.file("chat_messages.jsonl", message_row(40, 0, "hello") + message_row(40, 1, "hi there"));
  const Answer answer = load(dir);
  REQUIRE(answer.code == 0);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST_CASE("cli feed: one commit a line, as text and as JSON, of all and of one user") {
  TempDir dir;
  load_some(dir);
  const Answer all = command({"feed", "--db", dir.db()});
  REQUIRE(all.code == 0);
  CHECK(all.err.empty());
  const auto lines = lines_of(all.out);
  REQUIRE(lines.size() > 3);
  CHECK(lines[0].starts_with("1  "));
  CHECK(has(all.out, "message " + id(40) + " 2"));

  const Answer json = command({"feed", "--db", dir.db(), "--json", "--user", id(2)});
  REQUIRE(json.code == 0);
  simdjson::dom::parser parser;
  uint64_t last = 0;
  for (const std::string& line : lines_of(json.out)) {
    simdjson::dom::element entry = parser.parse(line);
    CHECK(std::string_view(entry["owner"]) == id(2));
    const uint64_t seq = entry["commit_seq"];
    CHECK(seq > last);
    last = seq;
    CHECK(simdjson::dom::array(entry["changes"]).size() > 0);
  }
  CHECK(last > 0);
  const Answer after = command({"feed", "--db", dir.db(), "--after", std::to_string(last)});
  CHECK(after.code == 0);
  for (const std::string& line : lines_of(after.out)) CHECK(std::stoull(line) > last);
  const Answer some = command({"feed", "--db", dir.db(), "--kinds", "revision,message"});
  CHECK(has(some.out, "revision " + id(20) + " 1"));
  CHECK_FALSE(has(some.out, "project"));
  CHECK(command({"feed", "--db", dir.db(), "--kinds", "nothing"}).code == 2);
  const Answer beyond = command({"feed", "--db", dir.db(), "--after", "1000000"});
  CHECK(beyond.code == 1);
  CHECK(has(beyond.err, "failed_precondition"));
  CHECK(command({"feed", "--db", dir.input()}).code == 1);
}

TEST_CASE("cli feed: a follower shows each commit once, and waits while the store is taken") {
  TempDir dir;
  load_some(dir);
  const auto once = lines_of(command({"feed", "--db", dir.db()}).out);
  const Answer thrice =
      command({"feed", "--db", dir.db(), "--follow", "--interval", "1", "--rounds", "3"});
  CHECK(thrice.code == 0);
  CHECK(lines_of(thrice.out) == once);
  {
    const Store taken = reopen(dir);
    CHECK(command({"feed", "--db", dir.db()}).code == 1);
    const Answer waits =
        command({"feed", "--db", dir.db(), "--follow", "--interval", "1", "--rounds", "2"});
    CHECK(waits.code == 0);
    CHECK(waits.out.empty());
  }
}

TEST_CASE("cli standby: it is made, follows, and takes over") {
  TempDir dir;
  load_some(dir);
  const std::string standby = dir.db() + "-standby";
  const auto hash = [](const std::string& db, const char* scope) {
    return command({"hash", "--db", db, "--scope", scope}).out;
  };
  const auto follow = [&] {
    const Answer answer = command({"standby", "--from", dir.db(), "--to", standby});
    INFO(answer.err);
    REQUIRE(answer.code == 0);
    for (const char* scope : {"content", "state"})
      CHECK(hash(standby, scope) == hash(dir.db(), scope));
    CHECK(command({"check", "--db", standby}).code == 0);
    CHECK(command({"check", "--db", dir.db()}).code == 0);
  };
  follow();
  dir.file("chat_messages.jsonl", message_row(40, 0, "hello") + message_row(40, 1, "hi there") +
                                      message_row(40, 2, "more"));
  REQUIRE(load(dir).code == 0);
  follow();
  // A load refuses every row that is new.
  dir.file("users.jsonl", user_row(1) + user_row(2) + user_row(3));
  CHECK(has(command({"load", dir.input(), "--db", standby}).err, "the store is a standby"));
  CHECK(hash(standby, "content") == hash(dir.db(), "content"));
  CHECK(command({"promote", "--db", dir.db()}).code == 1);
  const Answer dropped = command({"standby", "--from", dir.db(), "--drop"});
  CHECK(dropped.code == 0);
  CHECK(
      has(command({"standby", "--from", dir.db(), "--to", standby}).err, "make the standby anew"));
  CHECK(command({"standby", "--from", dir.db()}).code == 2);
  CHECK(command({"standby", "--from", dir.db(), "--to", standby, "--drop"}).code == 2);
  const Answer promoted = command({"promote", "--db", standby});
  CHECK(promoted.code == 0);
  CHECK(command({"load", dir.input(), "--db", standby}).code == 0);
  CHECK(command({"standby", "--from", dir.db(), "--to", standby}).code == 1);
  std::filesystem::remove_all(standby);
}

}  // namespace
}  // namespace bcstore
