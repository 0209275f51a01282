// What a load does with numbers and with equal rows: messages, revisions, activity, events.
#include <vector>

#include "cli_fixture.h"

namespace bcstore {
namespace {

using namespace cli_fixture;  // NOLINT(google-build-using-namespace)

void write_parents(const TempDir& dir) {
  dir.file("users.jsonl", user_row(1));
  dir.file("projects.jsonl", project_row(10, 1, "2024-01-01T00:00:00Z"));
  dir.file("documents.jsonl", document_row(20, 10, 1, "prd"));
  dir.file("tasks.jsonl", task_row(30, 10, "task", "2024-01-01T00:00:00Z"));
  dir.file("chat_sessions.jsonl", session_row(40, 10, "2024-01-01T00:00:00Z") +
                                      session_row(41, 10, "2024-01-01T00:00:00Z"));
}

std::string messages(int session, int first, int last) {
  std::string rows;
  for (int seq = first; seq <= last; ++seq) {
    rows += message_row(session, seq, fmt::format("message {}", seq));
  }
  return rows;
}

Answer load_messages(const TempDir& dir, const std::string& rows) {
  dir.file("chat_messages.jsonl", rows);
  Answer answer = load(dir, {"--tables", "chat_messages"});
  CHECK(answer.code == 0);
  return answer;
}

std::string stored_messages(const TempDir& dir, int session) {
  Store store = reopen(dir);
  std::string text;
  Tenant tenant = store.tenant(id_of<UserId>(1));
  Cursor<ChatMessage> stored = tenant.messages(id_of<ChatSessionId>(session));
  while (stored.next()) text += fmt::format("{}:{}|", stored->seq(), stored->content());
  REQUIRE(stored.status().ok());
  return text;
}

std::string without_ids(std::string rows) {
  for (size_t at = rows.find("{\"id\":"); at != std::string::npos; at = rows.find("{\"id\":", at)) {
    rows.erase(at + 1, rows.find(',', at) - at);
  }
  return rows;
}

TEST_CASE("Messages count from 0 or from 1 in a file, and from 1 in the store") {
  for (int first : {0, 1}) {
    CAPTURE(first);
    TempDir dir;
    write_parents(dir);
    REQUIRE(load(dir).code == 0);
    std::string rows = messages(40, first, first + 2) + messages(41, first, first);
    CHECK(counts_of(load_messages(dir, rows), "chat_messages") == all_written(4));
    CHECK(stored_messages(dir, 40) ==
          fmt::format("1:message {}|2:message {}|3:message {}|", first, first + 1, first + 2));
    CHECK(counts_of(load_messages(dir, rows), "chat_messages") == all_present(4));
    CHECK(counts_of(load_messages(dir, without_ids(rows)), "chat_messages").written == 0);
  }
}

TEST_CASE("A file may go on where an earlier one ended, by either way of counting") {
  for (int first : {0, 1}) {
    for (bool with_ids : {true, false}) {
      CAPTURE(first);
      CAPTURE(with_ids);
      TempDir dir;
      write_parents(dir);
      REQUIRE(load(dir).code == 0);
      std::string begin = messages(40, first, first + 3);
      std::string rest = messages(40, first + 4, first + 5);
      if (!with_ids) begin = without_ids(begin), rest = without_ids(rest);
      CHECK(counts_of(load_messages(dir, begin), "chat_messages") == all_written(4));
      CHECK(counts_of(load_messages(dir, rest), "chat_messages") == all_written(2));
      CHECK(counts_of(load_messages(dir, rest), "chat_messages") == all_present(2));
      CHECK(counts_of(load_messages(dir, begin + rest), "chat_messages") == all_present(6));
      CHECK(stored_messages(dir, 40).ends_with(fmt::format("6:message {}|", first + 5)));
    }
  }
}

TEST_CASE("A gap in the messages refuses the rows after it, until the mended file is loaded") {
  TempDir dir;
  write_parents(dir);
  REQUIRE(load(dir).code == 0);
  Answer gap = load_messages(dir, messages(40, 0, 1) + messages(40, 3, 5) + messages(41, 0, 1));
  CHECK(counts_of(gap, "chat_messages") == Counts{7, 4, 0, 3});
  for (int line : {3, 4, 5}) CHECK(has(gap.err, fmt::format("chat_messages.jsonl:{}: ", line)));

  std::string broken = messages(40, 0, 1) + "{\"seq\":2\n" + messages(40, 3, 5);
  CHECK(counts_of(load_messages(dir, broken), "chat_messages") == Counts{6, 0, 2, 4});
  CHECK(counts_of(load_messages(dir, messages(40, 0, 5)), "chat_messages") == Counts{6, 4, 2, 0});
  CHECK(stored_messages(dir, 40) ==
        "1:message 0|2:message 1|3:message 2|4:message 3|5:message 4|6:message 5|");
  CHECK(counts_of(load_messages(dir, messages(40, 8, 9)), "chat_messages") == Counts{2, 0, 0, 2});
}

// The first row of a session was unreadable once, and the others moved up by one: the mended file
// could never be loaded then.
TEST_CASE("A broken first message does not shift its session") {
  TempDir dir;
  write_parents(dir);
  REQUIRE(load(dir).code == 0);
  std::string broken = "{\"seq\":0\n" + messages(40, 1, 2) + messages(41, 0, 1);
  Answer answer = load_messages(dir, broken);
  CHECK(counts_of(answer, "chat_messages") == Counts{5, 2, 0, 3});
  CHECK(has(answer.err, "chat_messages.jsonl:2: the session starts at 1"));
  CHECK(counts_of(load_messages(dir, messages(40, 0, 2)), "chat_messages") == all_written(3));

  // With more sessions than broken rows it is certain that the file counts from 1.
  TempDir other;
  write_parents(other);
  REQUIRE(load(other).code == 0);
  Answer certain = load_messages(other, messages(40, 1, 2) + messages(41, 1, 1) + "{\"seq\":\n");
  CHECK(counts_of(certain, "chat_messages") == Counts{4, 3, 0, 1});
}

TEST_CASE("A message that differs from the one that is stored is a conflict") {
  TempDir dir;
  write_parents(dir);
  REQUIRE(load(dir).code == 0);
  REQUIRE(counts_of(load_messages(dir, messages(40, 0, 2)), "chat_messages").written == 3);
  std::string changed = messages(40, 0, 0) + message_row(40, 1, "changed") + messages(40, 2, 3);
  Answer answer = load_messages(dir, changed);
  CHECK(counts_of(answer, "chat_messages") == Counts{4, 1, 2, 1});
  CHECK(has(answer.err, "chat_messages.jsonl:2: conflict"));
}

TEST_CASE("System messages load with the flag that allows them") {
  TempDir dir;
  write_parents(dir);
  std::string row = message_row(40, 0, "be kind");
  row.replace(row.find("\"user\""), 6, "\"system\"");
  row.replace(row.rfind('}'), 1, R"(,"name":"n","call_id":"c","metadata":{"a": 1}})");
  dir.file("chat_messages.jsonl", row);
  CHECK(counts_of(load(dir), "chat_messages") == Counts{1, 0, 0, 1});
  CHECK(counts_of(load(dir, {"--allow-system-roles"}), "chat_messages") == all_written(1));
  Store store = reopen(dir);
  Result<ChatMessage> message = store.tenant(id_of<UserId>(1)).message(id_of<ChatSessionId>(40), 1);
  REQUIRE(message.ok());
  CHECK(message->role() == Role::system);
  CHECK(message->name() == "n");
  CHECK(message->call_id() == "c");
  CHECK(message->metadata() == R"({"a": 1})");
}

TEST_CASE("A gap in the revisions refuses the rows after it, and JSON contents keep their bytes") {
  TempDir dir;
  write_parents(dir);
  std::string json = revision_row(20, 2, "x");
  json.replace(json.find(R"("body_md":"x")"), 13, R"("content": { "b" : [1.50, "\u00e9"]})");
  dir.file("document_revisions.jsonl", revision_row(20, 4, "four") + json +
                                           revision_row(20, 1, "one") +
                                           revision_row(20, 5, "five"));
  Answer answer = load(dir);
  CHECK(counts_of(answer, "document_revisions") == Counts{4, 2, 0, 2});
  CHECK(has(answer.err, "document_revisions.jsonl:1: "));
  CHECK(has(answer.err, "document_revisions.jsonl:4: "));
  dir.file("document_revisions.jsonl", revision_row(20, 3, "three") + revision_row(20, 4, "four"));
  CHECK(counts_of(load(dir), "document_revisions") == all_written(2));

  Answer bytes = command({"doc", "show", id(20), "--rev", "2", "--user", id(1), "--db", dir.db()});
  CHECK(bytes.code == 0);
  CHECK(bytes.out == R"({ "b" : [1.50, "\u00e9"]})");
}

TEST_CASE("Equal rows without a key are all written, once") {
  TempDir dir;
  write_parents(dir);
  std::string twin = activity_row(30, "complete", "2024-02-01T00:00:00Z");
  // The same instant, written in another way, by another actor, of another action.
  std::string same_time = activity_row(30, "complete", "2024-02-01T01:00:00.000000+01:00");
  std::string other = activity_row(30, "reopen", "2024-02-01T00:00:00Z");
  dir.file("task_activity.jsonl", twin + other + twin + same_time);
  std::string event = event_row(10, "{\"a\":1}", "2024-02-01T00:00:00Z");
  dir.file("events.jsonl", event + event_row(10, "{\"a\": 1}", "2024-02-01T00:00:00Z") + event);
  Answer first = load(dir);
  CHECK(counts_of(first, "task_activity") == all_written(4));
  CHECK(counts_of(first, "events") == all_written(3));
  Answer second = load(dir);
  CHECK(counts_of(second, "task_activity") == all_present(4));
  CHECK(counts_of(second, "events") == all_present(3));
  dir.file("task_activity.jsonl", twin + twin + other + same_time + twin);
  CHECK(counts_of(load(dir), "task_activity") == Counts{5, 1, 4, 0});
}

TEST_CASE("An event may belong to a user directly") {
  TempDir dir;
  write_parents(dir);
  std::string event = event_row(10, "{}", "2024-02-01T00:00:00Z");
  event.replace(event.find("\"project_id\":\"" + id(10)), 14 + id(10).size(),
                "\"user_id\":\"" + id(1));
  dir.file("events.jsonl", event);
  CHECK(counts_of(load(dir), "events") == all_written(1));
  Store store = reopen(dir);
  EventList list;
  list.with_audit = false;
  Tenant tenant = store.tenant(id_of<UserId>(1));
  Cursor<Event> events = tenant.events(list);
  REQUIRE(events.next());
  CHECK(events->project() == std::nullopt);
}

}  // namespace
}  // namespace bcstore
