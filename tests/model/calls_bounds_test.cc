// Calls of models at their bounds: sums that are full, models that are too many, damage; and what a
// call costs when everything is known.
#include <functional>
#include <limits>
#include <string>

#include "calls.h"
#include "planted.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using format::Key;
using format::Kind;

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

TEST_CASE("calls: a sum that would pass an int64 is refused, up to it it is not") {
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

TEST_CASE("calls: the models of a month are bounded") {
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

TEST_CASE("calls: a damaged sum refuses the calls that it is of, and no others") {
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
