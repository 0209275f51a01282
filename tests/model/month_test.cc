// Months: the bucket of a stream never goes back, and paging across an edge is exact.
#include <algorithm>
#include <string>
#include <vector>

#include "fixture.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

struct Chatting : World {
  Tenant t = tenant("a@x");
  ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  ChatSessionId chat = t.start_chat(p).value();

  uint64_t say(std::string_view time) {
    clock->set(parse_time(time)->us);
    return t
        .append_message(chat, {.role = Role::user, .content = time},
                        {.durability = Durability::relaxed})
        .value();
  }
  uint64_t note(std::string_view time) {
    clock->set(parse_time(time)->us);
    return t.append_event({.type = time}, {.durability = Durability::relaxed}).value();
  }
};

TEST_CASE("month: the clock steps back over an edge, the bucket stays") {
  Chatting w;
  struct Row {
    std::string_view time;
    uint32_t month;
  };
  const std::vector<Row> rows = {
      {"2025-08-31T23:59:59.999999Z", 202508}, {"2025-09-01T00:00:00Z", 202509},
      {"2025-08-31T23:59:59Z", 202509},        {"2024-01-01T00:00:00Z", 202509},
      {"2025-09-30T12:00:00Z", 202509},        {"2025-12-31T23:59:59.999999Z", 202512},
      {"2026-01-01T00:00:00Z", 202601},        {"2025-12-31T23:59:59Z", 202601},
      {"2026-03-01T00:00:00Z", 202603},
  };
  Time last_created{0};
  for (size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(rows[i].time);
    CHECK(w.say(rows[i].time) == i + 1);
    const ChatMessage m = w.t.message(w.chat, i + 1).value();
    CHECK(m.month() == rows[i].month);
    CHECK(m.created_at() >= last_created);
    CHECK(m.effective_at() >= m.created_at());
    last_created = m.created_at();
  }
  std::vector<uint32_t> months;
  uint64_t seq = 0;
  Cursor<ChatMessage> all = w.t.messages(w.chat);
  while (all.next()) {
    CHECK(all->seq() == ++seq);
    months.push_back(all->month());
  }
  REQUIRE(months.size() == rows.size());
  for (size_t i = 0; i < rows.size(); ++i) CHECK(months[i] == rows[i].month);
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("month: a stream's bucket is its own") {
  Chatting w;
  w.say("2026-05-01T00:00:00Z");
  w.reopen();
  const Tenant t = w.store().tenant(w.t.owner());
  w.clock->set(parse_time("2025-09-02T00:00:00Z")->us);
  const ChatSessionId other = t.start_chat(w.p).value();
  t.append_message(other, {.role = Role::user, .content = "x"}).value();
  t.append_message(w.chat, {.role = Role::user, .content = "x"}).value();
  // Time does not go back either, whatever the clock says after reopening.
  const ChatMessage second = t.message(w.chat, 2).value();
  CHECK(second.month() == 202605);
  CHECK(second.created_at() >= *parse_time("2026-05-01T00:00:00Z"));
}

TEST_CASE("month: pages across edges are exact in both directions and at every size") {
  Chatting w;
  const std::vector<std::string> times = {"2025-08-30T00:00:00Z", "2025-08-31T23:59:59Z",
                                          "2025-09-01T00:00:00Z", "2025-09-01T00:00:01Z",
                                          "2025-11-30T00:00:00Z", "2025-12-01T00:00:00Z",
                                          "2026-02-28T23:59:59Z", "2026-03-01T00:00:00Z"};
  std::vector<uint64_t> expected;
  for (const std::string& time : times) {
    expected.push_back(w.say(time));
    w.note(time);
  }
  for (const bool newest_first : {false, true}) {
    for (size_t limit = 1; limit <= times.size(); ++limit) {
      std::vector<uint64_t> seqs;
      std::vector<std::string> types;
      std::string after;
      for (;;) {
        Cursor<ChatMessage> page =
            w.t.messages(w.chat, {.newest_first = newest_first, .limit = limit, .after = after});
        std::string last;
        while (page.next()) {
          seqs.push_back(page->seq());
          last = page.token();
        }
        REQUIRE(page.status().ok());
        if (last.empty()) break;
        after = last;
      }
      after.clear();
      for (;;) {
        Cursor<Event> page = w.t.events(
            {.newest_first = newest_first, .limit = limit, .after = after, .with_audit = false});
        std::string last;
        while (page.next()) {
          types.emplace_back(page->type());
          last = page.token();
        }
        REQUIRE(page.status().ok());
        if (last.empty()) break;
        after = last;
      }
      if (newest_first) {
        std::reverse(seqs.begin(), seqs.end());
        std::reverse(types.begin(), types.end());
      }
      CHECK(seqs == expected);
      CHECK(types == times);
    }
  }
  // From a sequence on either side of an edge.
  const auto seq = [](const ChatMessage& m) { return m.seq(); };
  for (uint64_t from = 1; from <= times.size(); ++from) {
    const std::vector<uint64_t> up =
        rows_of(w.t.messages(w.chat, {.limit = 2, .from_seq = from}), seq);
    CHECK(up.front() == from);
    const std::vector<uint64_t> down =
        rows_of(w.t.messages(w.chat, {.newest_first = true, .from_seq = from}), seq);
    CHECK(down.size() == from);
    CHECK(down.front() == from);
    CHECK(w.t.message(w.chat, from).value().seq() == from);
  }
}

TEST_CASE("month: events of each month are exactly its own") {
  Chatting w;
  for (const std::string_view time : {"2025-08-31T23:59:59.999999Z", "2025-09-01T00:00:00Z",
                                      "2025-08-01T00:00:00Z", "2025-10-01T00:00:00Z"}) {
    w.note(time);
  }
  size_t total = 0;
  for (const uint32_t month : {202508u, 202509u, 202510u}) {
    Cursor<Event> rows = w.t.events({.month = month});
    while (rows.next()) {
      CHECK(rows->month() == month);
      ++total;
    }
    CHECK(rows.status().ok());
  }
  // Audit events lie in no month.
  const auto id = [](const Event& e) { return e.id(); };
  CHECK(total == rows_of(w.t.events({.with_audit = false}), id).size());
  CHECK(rows_of(w.t.events({.month = 202509}), [](const Event& e) {
          return std::string(e.type());
        }) == std::vector<std::string>{"2025-09-01T00:00:00Z", "2025-08-01T00:00:00Z"});
}

}  // namespace
}  // namespace bcstore
