// Calls of models: what was recorded reads back, in its month, and what it refers to is there.
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "engine_world.h"
#include "usage.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
TEST_CASE("calls: every field reads back as it was given") {
  World w;
  const Rich a = enrich(w.store(), w.user("a@x"), "a");
  const Tenant t = w.store().tenant(a.owner);
  const CallRecord c = t.call(a.call).value();
  CHECK(c.id() == a.call);
  CHECK((c.id() >> 16) == c.commit_seq());
  CHECK(c.month() == 202508);
  CHECK(c.agent() == "planner");
  CHECK(c.model() == kRichModel);
  CHECK(c.status() == CallStatus::ok);
  CHECK(c.input_tokens() == 1'200);
  CHECK(c.output_tokens() == 340);
  CHECK(c.cached_tokens() == 1'000);
  CHECK(c.latency_us() == 2'500'000);
  CHECK(c.first_token_us() == 400'000);
  CHECK(c.cost_micros() == 12'345);
  CHECK(c.currency() == "USD");
  CHECK(c.project() == a.project);
  CHECK(c.session() == a.chat);
  CHECK(c.message_seq() == 2u);
  CHECK(c.event() == a.event);
  CHECK(c.hold() == a.chat.uuid());
  CHECK(c.created_at() == Time{kStartUs});
  CHECK(c.actor() == Actor::of_user(a.owner));

  const NewCall least{
      .agent = "a", .model = "m", .latency_us = 0, .cost_micros = 0, .currency = "AAA"};
  const CallRecord bare = t.call(t.as_agent("helper").record_call(least).value()).value();
  CHECK(bare.input_tokens() == 0);
  CHECK(bare.latency_us() == 0);
  CHECK_FALSE(bare.first_token_us().has_value());
  CHECK_FALSE(bare.project().has_value());
  CHECK_FALSE(bare.session().has_value());
  CHECK_FALSE(bare.message_seq().has_value());
  CHECK_FALSE(bare.event().has_value());
  CHECK_FALSE(bare.hold().has_value());
  CHECK(bare.actor() == Actor::of_agent("helper"));

  const std::string agent(kMaxEventTypeBytes, 'a');
  const std::string model(kMaxModelBytes, 'm');
  const NewCall most{.agent = agent,
                     .model = model,
                     .latency_us = kMaxCallUs,
                     .cost_micros = kMaxCallCostMicros,
                     .currency = "ZZZ",
                     .status = CallStatus::rate_limited,
                     .input_tokens = kMaxCallTokens,
                     .output_tokens = kMaxCallTokens,
                     .cached_tokens = kMaxCallTokens,
                     .first_token_us = kMaxCallUs};
  const CallRecord full = t.call(t.record_call(most).value()).value();
  CHECK(full.agent() == agent);
  CHECK(full.model() == model);
  CHECK(full.status() == CallStatus::rate_limited);
  CHECK(full.latency_us() == kMaxCallUs);
  CHECK(full.first_token_us() == kMaxCallUs);
  CHECK(full.cost_micros() == kMaxCallCostMicros);
  CHECK(full.cached_tokens() == kMaxCallTokens);
  check_calls({
      CALL(not_found, t.call(0)),
      CALL(not_found, t.call(a.call + 1)),
      CALL(not_found, t.call(a.call - 1)),
      CALL(not_found, t.call(a.event)),
      CALL(not_found, t.event(a.call)),
      CALL(not_found, t.call(~0ull)),
  });
  CHECK(told(t) == folded(t));
}

TEST_CASE("calls: bad arguments are refused, each with its name") {
  World w;
  const Rich a = enrich(w.store(), w.user("a@x"), "a");
  const Tenant t = w.store().tenant(a.owner);
  struct Bad {
    std::string_view names;
    std::function<void(NewCall&)> spoil;
  };
  const std::vector<Bad> all = {
      {"agent", [](NewCall& c) { c.agent = ""; }},
      {"model", [](NewCall& c) { c.model = ""; }},
      {"status", [](NewCall& c) { c.status = static_cast<CallStatus>(0); }},
      {"status", [](NewCall& c) { c.status = static_cast<CallStatus>(6); }},
      {"currency", [](NewCall& c) { c.currency = ""; }},
      {"currency", [](NewCall& c) { c.currency = "US"; }},
      {"currency", [](NewCall& c) { c.currency = "USDT"; }},
      {"currency", [](NewCall& c) { c.currency = "usd"; }},
      {"currency", [](NewCall& c) { c.currency = "U1D"; }},
      {"currency", [](NewCall& c) { c.currency = kNul; }},
      {"currency", [](NewCall& c) { c.currency = "\xE2\x82\xAC"; }},  // the euro sign
      {"input_tokens", [](NewCall& c) { c.input_tokens = -1; }},
      {"input_tokens", [](NewCall& c) { c.input_tokens = kMaxCallTokens + 1; }},
      {"output_tokens", [](NewCall& c) { c.output_tokens = -1; }},
      {"output_tokens", [](NewCall& c) { c.output_tokens = kMaxCallTokens + 1; }},
      {"cached_tokens", [](NewCall& c) { c.cached_tokens = INT64_MIN; }},
      {"cached_tokens", [](NewCall& c) { c.cached_tokens = INT64_MAX; }},
      {"cost_micros", [](NewCall& c) { c.cost_micros = -1; }},
      {"cost_micros", [](NewCall& c) { c.cost_micros = kMaxCallCostMicros + 1; }},
      {"latency_us", [](NewCall& c) { c.latency_us = -1; }},
      {"latency_us", [](NewCall& c) { c.latency_us = kMaxCallUs + 1; }},
      {"first_token_us", [](NewCall& c) { c.first_token_us = -1; }},
      {"first_token_us", [](NewCall& c) { c.first_token_us = c.latency_us + 1; }},
      {"project", [](NewCall& c) { c.project = ProjectId(); }},
      {"session", [](NewCall& c) { c.session = ChatSessionId(); }},
      {"message_seq", [](NewCall& c) { c.message_seq = 1; }},
      {"message_seq",
       [&](NewCall& c) {
         c.session = a.chat;
         c.message_seq = 0;
       }},
      {"event", [](NewCall& c) { c.event = 0; }},
      {"hold", [](NewCall& c) { c.hold = Uuid(); }},
  };
  const uint64_t commits = w.commits();
  const Folds before = told(t);
  for (const Bad& bad : all) {
    const Status answer = t.record_call(with(bad.spoil)).status();
    INFO(bad.names, " -> ", answer.to_string());
    CHECK(name_of(answer) == "invalid_argument");
    CHECK(answer.message().find(bad.names) != std::string_view::npos);
  }
  CHECK(w.commits() == commits);
  CHECK(told(t) == before);
}

TEST_CASE("calls: what a call refers to must be the owner's, and be there") {
  World w;
  const Rich a = enrich(w.store(), w.user("a@x"), "a");
  const Rich b = enrich(w.store(), w.user("b@x"), "b");
  const Tenant t = w.store().tenant(a.owner);
  const uint64_t later = t.append_event({.type = "later"}).value();
  const auto of_project = [](ProjectId id) { return with([&](NewCall& c) { c.project = id; }); };
  const auto of_chat = [](ChatSessionId id, std::optional<uint64_t> seq) {
    return with([&](NewCall& c) {
      c.session = id;
      c.message_seq = seq;
    });
  };
  const auto of_event = [](uint64_t id) { return with([&](NewCall& c) { c.event = id; }); };
  check_writes(w, {
                      CALL(not_found, t.record_call(of_project(forged<ProjectId>(1)))),
                      CALL(not_found, t.record_call(of_project(b.project))),
                      CALL(not_found, t.record_call(of_chat(forged<ChatSessionId>(1), {}))),
                      CALL(not_found, t.record_call(of_chat(b.chat, {}))),
                      CALL(not_found, t.record_call(of_chat(b.chat, 1))),
                      CALL(not_found, t.record_call(of_chat(a.chat, 5))),
                      CALL(not_found, t.record_call(of_chat(a.quiet, 1))),
                      CALL(not_found, t.record_call(of_event(b.event))),
                      CALL(not_found, t.record_call(of_event(a.call))),
                      CALL(not_found, t.record_call(of_event(a.event + 1))),
                      CALL(not_found, t.record_call(of_event(1))),
                      CALL(not_found, t.record_call(of_event(later + 1))),
                      CALL(not_found, t.record_call(of_event(~0ull))),
                      CALL(ok, t.record_call(of_project(a.project))),
                      CALL(ok, t.record_call(of_chat(a.chat, 4))),
                      CALL(ok, t.record_call(of_event(a.event))),
                      CALL(ok, t.record_call(of_event(later))),
                  });
  // An event of the same commit is not there yet, though its id can be guessed.
  WriteBatch batch = t.batch();
  batch.append_event({.type = "now"});
  batch.record_call(of_event((w.commits() + 1) << 16));
  CHECK_CODE(not_found, t.commit(batch));
  w.reopen();
  const Tenant again = w.store().tenant(a.owner);
  check_writes(w, {
                      CALL(ok, again.record_call(of_event(a.event))),
                      CALL(ok, again.record_call(of_event(later))),
                      CALL(not_found, again.record_call(of_event(a.event - 1))),
                  });
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("calls: ids rise with those of events, in the order of a batch") {
  World w;
  const Tenant t = w.tenant("a@x");
  WriteBatch batch = t.batch();
  batch.append_event({.type = "1"});
  batch.record_call(tea_call("2"));
  batch.record_call(tea_call("3"));
  batch.append_event({.type = "4"});
  batch.record_call(tea_call("2"));
  const Receipt receipt = t.commit(batch).value();
  REQUIRE(receipt.operations.size() == 5);
  for (size_t i = 0; i < 5; ++i) {
    CHECK(receipt.operations[i].id.is_nil());
    CHECK(receipt.operations[i].number == (receipt.commit_seq << 16) + i);
  }
  const auto id = [](const CallRecord& c) { return c.id() & 0xFFFF; };
  CHECK(rows_of(t.calls(), id) == std::vector<uint64_t>{1, 2, 4});
  CHECK(rows_of(t.calls({.newest_first = true}), id) == std::vector<uint64_t>{4, 2, 1});
  CHECK(told(t) == folded(t));
}

TEST_CASE("calls: a key counts once, and an expectation that fails not at all") {
  World w;
  const Tenant t = w.tenant("a@x");
  const uint64_t id = t.record_call(tea_call(), {.idempotency_key = "k"}).value();
  CHECK(t.record_call(tea_call(), {.idempotency_key = "k"}).value() == id);
  CHECK_CODE(conflict, t.record_call(tea_call("other"), {.idempotency_key = "k"}));
  CHECK_CODE(conflict, t.record_call(tea_call(), {.expected_owner_seq = 99}));
  const Folds once = told(t);
  REQUIRE(once.size() == 1);
  CHECK(once.begin()->second.calls == 1);
}

TEST_CASE("calls: months across an edge and a clock that steps back") {
  World w;
  const Tenant t = w.tenant("a@x");
  struct Row {
    std::string_view time;
    uint32_t month;
  };
  const std::vector<Row> rows = {
      {"2025-08-31T23:59:59.999999Z", 202508}, {"2025-09-01T00:00:00Z", 202509},
      {"2025-08-31T23:59:59Z", 202509},        {"2025-11-30T12:00:00Z", 202511},
      {"2025-12-31T23:59:59.999999Z", 202512}, {"2026-01-01T00:00:00Z", 202601},
      {"2025-12-31T00:00:00Z", 202601},        {"2026-01-31T00:00:00Z", 202601},
  };
  std::vector<uint64_t> ids;
  for (const Row& row : rows) {
    w.clock->set(parse_time(row.time)->us);
    ids.push_back(t.record_call(tea_call()).value());
    const CallRecord c = t.call(ids.back()).value();
    CHECK(c.month() == row.month);
  }
  const auto id = [](const CallRecord& c) { return c.id(); };
  for (const bool newest_first : {false, true}) {
    for (size_t limit = 1; limit <= rows.size(); ++limit) {
      std::vector<uint64_t> seen;
      const auto open = [&](std::string_view after) {
        return t.calls({.newest_first = newest_first, .limit = limit, .after = after});
      };
      CHECK(each_row(open, [&](const CallRecord& c) { seen.push_back(c.id()); }).ok());
      if (newest_first) std::reverse(seen.begin(), seen.end());
      CHECK(seen == ids);
    }
  }
  // Month by month, in pages: nothing twice, nothing left out.
  std::vector<uint64_t> by_month;
  for (const uint32_t month : {202508u, 202509u, 202510u, 202511u, 202512u, 202601u}) {
    const auto open = [&](std::string_view after) {
      return t.calls({.limit = 2, .after = after, .month = month});
    };
    const Status read = each_row(open, [&](const CallRecord& c) {
      CHECK(c.month() == month);
      by_month.push_back(c.id());
    });
    CHECK(read.ok());
  }
  CHECK(by_month == ids);
  CHECK(rows_of(t.calls({.newest_first = true, .month = 202509}), id) ==
        std::vector<uint64_t>{ids[2], ids[1]});
  CHECK(told(t) == folded(t));
  CHECK(told(t, 202509, 202511).size() == 2);
  CHECK(told(t, 202510, 202510).empty());
  CHECK(told(t, 202601, 202601).begin()->second.calls == 3);
  w.reopen();
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("calls: a snapshot sees the calls and sums of its moment") {
  World w;
  const Tenant t = w.tenant("a@x");
  t.record_call(tea_call()).value();
  const Snapshot then = t.snapshot().value();
  t.record_call(tea_call()).value();
  const auto count = [](const UsageRow& r) { return r.calls(); };
  const UsageRange range{.from_month = 202508, .to_month = 202508};
  UsageRange past = range;
  past.snapshot = &then;
  CHECK(rows_of(t.usage(range), count) == std::vector<int64_t>{2});
  CHECK(rows_of(t.usage(past), count) == std::vector<int64_t>{1});
  CHECK(rows_of(t.calls({.snapshot = &then}), [](const CallRecord&) { return 0; }).size() == 1);
}

TEST_CASE("calls: one more call of a known model reads nothing and is one change") {
  EngineWorld w;
  const Rich a = enrich(w.store(), w.user("a@x"), "a");
  const Tenant t = w.store().tenant(a.owner);
  const uint64_t event = t.append_event({.type = "t"}).value();
  const NewCall call = with([&](NewCall& c) {
    c.project = a.project;
    c.session = a.chat;
    c.message_seq = 1;
    c.event = event;
  });
  t.record_call(call).value();
  const Asked asked = w.ask([&] { t.record_call(call).value(); });
  CHECK(asked.calls == 0);
  CHECK(asked.applies == 1);
}

}  // namespace
}  // namespace bcstore
