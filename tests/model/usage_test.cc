// What calls of models add up to: each month's sums are those of its calls, within their bounds.
#include "usage.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "planted.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using format::Kind;

constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};

TEST_CASE("usage: a range of months is one, and its tokens are its own") {
  World w;
  const Rich a = enrich(w.store(), w.user("a@x"), "a");
  const Tenant t = w.store().tenant(a.owner);
  const auto usage = [&](uint32_t from, uint32_t to, std::string_view after = {}) {
    return t.usage({.from_month = from, .to_month = to, .limit = 1, .after = after});
  };
  check_calls({
      CALL(invalid_argument, usage(202513, 202601)),
      CALL(invalid_argument, usage(202500, 202601)),
      CALL(invalid_argument, usage(202501, 202600)),
      CALL(invalid_argument, usage(0, 202601)),
      CALL(invalid_argument, usage(202501, 1'000'001)),
      CALL(invalid_argument, usage(202509, 202508)),
      CALL(invalid_argument, t.calls({.month = 202513})),
      CALL(ok, usage(202508, 202508)),
      CALL(ok, usage(202601, 202612)),
      CALL(not_found,
           w.store().tenant(forged<UserId>(1)).usage({.from_month = 202501, .to_month = 202512})),
      CALL(not_found, w.store().tenant(forged<UserId>(1)).calls()),
  });
  Cursor<UsageRow> first = usage(202508, 202509);
  REQUIRE(first.next());
  const std::string token = first.token();
  check_calls({CALL(ok, usage(202508, 202509, token)),
               CALL(invalid_argument, usage(202508, 202510, token)),
               CALL(invalid_argument, t.calls({.after = token}))});
  Cursor<UsageRow> second = usage(202508, 202509, token);
  REQUIRE(second.next());
  CHECK(second->model() != first->model());
  CHECK_FALSE(second.next());
}

TEST_CASE("usage: the sums are those of random calls, whatever was refused, closed or killed") {
  const uint64_t seed = seed_from_environment(20'250'815);
  MESSAGE("BCSTORE_SEED=" << seed);
  std::mt19937_64 random(seed);
  const auto below = [&](uint64_t n) { return static_cast<int64_t>(random() % n); };
  World w;
  const UserId owners[] = {w.user("a@x"), w.user("b@x")};
  const std::string models[] = {"m", "mm", "model-large", "m-SD"};
  const std::string_view currencies[] = {"USD", "EUR", "MUS"};
  std::map<UserId, int64_t> written;
  for (int round = 0; round < 150; ++round) {
    const UserId owner = owners[below(2)];
    const Tenant t = w.store().tenant(owner);
    WriteBatch batch = t.batch();
    const int64_t calls = 1 + below(6);
    for (int64_t i = 0; i < calls; ++i) {
      const int64_t latency = below(90'000'000);
      batch.record_call({.agent = "a",
                         .model = models[below(4)],
                         .latency_us = latency,
                         .cost_micros = below(5'000'000),
                         .currency = currencies[below(3)],
                         .status = static_cast<CallStatus>(1 + below(5)),
                         .input_tokens = below(200'000),
                         .output_tokens = below(8'000),
                         .cached_tokens = below(100'000),
                         .first_token_us = below(2) ? std::optional(latency / 2) : std::nullopt});
    }
    // A batch whose last operation is refused leaves nothing.
    const bool refused = below(5) == 0;
    if (refused) batch.set_status(forged<ProjectId>(1), ProjectStatus::ready);
    const Status answer = t.commit(batch, kRelaxed).status();
    CHECK(name_of(answer) == (refused ? "not_found" : "ok"));
    if (!refused) written[owner] += calls;
    if (below(6) == 0) w.clock->advance(below(40) * kDayUs);
    if (below(20) == 0) w.reopen();
    if (below(20) == 0) w.kill();
  }
  for (const UserId owner : owners) {
    const Tenant t = w.store().tenant(owner);
    const Folds sums = told(t);
    CHECK(sums == folded(t));
    int64_t all = 0;
    for (const auto& [pair, fold] : sums) all += fold.calls;
    CHECK(all == written[owner]);
  }
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("usage: many threads record into one sum") {
  World w([](Options& o) { o.group_fill_us = 60; });
  const Tenant t = w.tenant("a@x");
  constexpr int kThreads = 8;
  constexpr int kEach = 50;
  std::atomic<int> failures{0};
  std::vector<std::thread> running;
  for (int n = 0; n < kThreads; ++n) {
    running.emplace_back([&, n] {
      const Tenant mine = t.as_agent("thread " + std::to_string(n));
      uint64_t last = 0;
      for (int i = 0; i < kEach; ++i) {
        NewCall call = tea_call(i % 5 == 0 ? "rare" : "tea");
        call.output_tokens = n;
        const Result<uint64_t> id =
            mine.record_call(call, i % 16 == 0 ? CommitOptions{} : kRelaxed);
        if (!id.ok() || *id <= last) {
          ++failures;
        } else {
          last = *id;
        }
      }
    });
  }
  for (std::thread& one : running) one.join();
  CHECK(failures == 0);
  const Folds sums = told(t);
  REQUIRE(sums.size() == 2);
  CHECK(sums == folded(t));
  CHECK(sums.at({202508, "rare", "USD"}).calls == kThreads * kEach / 5);
  CHECK(sums.at({202508, "tea", "USD"}).cost == 7 * kThreads * kEach * 4 / 5);
  CHECK(w.store().check().value().violations == 0);
}

// A rollup as it was planted, and nothing cached.
struct Planted : EngineWorld {
  UserId owner = user("a@x");
  Tenant tenant() { return store().tenant(owner); }
  void plant(const std::function<void(fb::CallRollup&)>& change) {
    const fixture::Row row = rows_of_kind(*this, owner, Kind::call_rollup).at(0);
    put(row.family, row.key, remade<fb::CallRollup>(row, row.key, change));
    reopen();
  }
};

TEST_CASE("usage: a sum that would pass an int64 is refused, up to it it is not") {
  struct Sum {
    std::string_view name;
    std::function<void(fb::CallRollup&, int64_t)> set;
    std::function<void(NewCall&, int64_t)> give;
  };
  const std::vector<Sum> sums = {
      {"input_tokens", [](auto& r, int64_t n) { r.mutate_input_tokens(n); },
       [](NewCall& c, int64_t n) { c.input_tokens = n; }},
      {"output_tokens", [](auto& r, int64_t n) { r.mutate_output_tokens(n); },
       [](NewCall& c, int64_t n) { c.output_tokens = n; }},
      {"cached_tokens", [](auto& r, int64_t n) { r.mutate_cached_tokens(n); },
       [](NewCall& c, int64_t n) { c.cached_tokens = n; }},
      {"cost_micros", [](auto& r, int64_t n) { r.mutate_cost_micros(n); },
       [](NewCall& c, int64_t n) { c.cost_micros = n; }},
      {"total_latency_us", [](auto& r, int64_t n) { r.mutate_total_latency_us(n); },
       [](NewCall& c, int64_t n) { c.latency_us = n; }},
      {"calls", [](auto& r, int64_t n) { r.mutate_calls(n + 9); }, [](NewCall&, int64_t) {}},
      {"failed_calls", [](auto& r, int64_t n) { r.mutate_failed_calls(n + 9); },
       [](NewCall& c, int64_t) { c.status = CallStatus::error; }},
  };
  for (const Sum& sum : sums) {
    CAPTURE(sum.name);
    Planted w;
    w.tenant().record_call(tea_call()).value();
    constexpr int64_t kLeft = 10;
    w.plant([&](fb::CallRollup& r) { sum.set(r, INT64_MAX - kLeft); });
    const auto give = [&](int64_t n) {
      return w.tenant().record_call(with([&](NewCall& c) {
        c.latency_us = c.cost_micros = 0;
        sum.give(c, n);
      }));
    };
    if (sum.name.ends_with("calls")) {
      CHECK_CODE(ok, give(0));
    } else {
      CHECK_CODE(invalid_argument, give(kLeft + 1));
      CHECK_CODE(ok, give(kLeft));
    }
    const Folds before = told(w.tenant());
    const uint64_t commits = w.commits();
    const Status refused = give(1).status();
    INFO(refused.to_string());
    CHECK(name_of(refused) == "invalid_argument");
    CHECK(refused.message().find(sum.name) != std::string_view::npos);
    CHECK(w.commits() == commits);
    CHECK(told(w.tenant()) == before);
    // Another model has sums of its own.
    CHECK_CODE(ok, w.tenant().record_call(tea_call("other")));
  }
}

TEST_CASE("usage: the models of a month are bounded") {
  World w;
  const UserId owner = w.user("a@x");
  const auto name = [](size_t n) { return "model " + std::to_string(n); };
  const auto record = [&](size_t first, size_t last) {
    const Tenant t = w.store().tenant(owner);
    WriteBatch batch = t.batch();
    for (size_t n = first; n < last; ++n) batch.record_call(tea_call(name(n)));
    return t.commit(batch).status();
  };
  CHECK_CODE(ok, record(0, kMaxCallModels - 1));
  CHECK_CODE(invalid_argument, record(kMaxCallModels - 1, kMaxCallModels + 1));
  for (const bool reopened : {false, true}) {
    CAPTURE(reopened);
    if (reopened) w.reopen();
    CHECK_CODE(ok, record(kMaxCallModels - 1, kMaxCallModels));
    const Status refused = record(kMaxCallModels, kMaxCallModels + 1);
    INFO(refused.to_string());
    CHECK(name_of(refused) == "invalid_argument");
    CHECK(refused.message().find("202508") != std::string_view::npos);
    CHECK(refused.message().find(std::to_string(kMaxCallModels)) != std::string_view::npos);
    // Another currency is another sum; another owner and another month have room.
    CHECK_CODE(invalid_argument,
               w.store().tenant(owner).record_call(with([](NewCall& c) { c.currency = "EUR"; })));
    CHECK_CODE(ok, record(3, 4));
  }
  CHECK_CODE(ok, w.tenant("b@x").record_call(tea_call("one more")));
  w.clock->advance(31 * kDayUs);
  CHECK_CODE(ok, record(kMaxCallModels, kMaxCallModels + 1));
  const Tenant t = w.store().tenant(owner);
  CHECK(told(t).size() == kMaxCallModels + 1);
  CHECK(told(t) == folded(t));
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("usage: a damaged sum refuses the calls that it is of, and no others") {
  Planted w;
  w.tenant().record_call(tea_call()).value();
  const fixture::Row row = rows_of_kind(w, w.owner, Kind::call_rollup).at(0);
  w.put(row.family, row.key, flipped(row.value, row.value.size() - 1));
  w.reopen();
  const Tenant t = w.tenant();
  CHECK_CODE(corruption, t.record_call(tea_call()));
  CHECK_CODE(corruption, t.usage({.from_month = 202508, .to_month = 202508}));
  CHECK_CODE(ok, t.calls());
  CHECK_CODE(ok, t.record_call(tea_call("other")));
  CHECK(w.store().check().value().violations == 1);
}

}  // namespace
}  // namespace bcstore
