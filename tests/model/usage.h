// What the calls of an owner add up to: as the store tells it, and as the test folds them.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

#include "lists.h"

namespace bcstore::fixture {

// What a month's calls of one model and currency add up to, told by the test itself.
struct Fold {
  int64_t calls = 0, failed = 0, input = 0, output = 0, cached = 0, cost = 0, total = 0,
          longest = 0;
  friend bool operator==(const Fold&, const Fold&) = default;
};
using Pair = std::tuple<uint32_t, std::string, std::string>;  // month, model, currency
using Folds = std::map<Pair, Fold>;

inline void add(Folds* folds, const CallRecord& c) {
  Fold& f = (*folds)[{c.month(), std::string(c.model()), std::string(c.currency())}];
  f.calls += 1;
  f.failed += c.status() == CallStatus::ok ? 0 : 1;
  f.input += c.input_tokens();
  f.output += c.output_tokens();
  f.cached += c.cached_tokens();
  f.cost += c.cost_micros();
  f.total += c.latency_us();
  f.longest = std::max(f.longest, c.latency_us());
}

inline Folds folded(const Tenant& t) {
  Folds folds;
  const Status read = each_row(
      [&](std::string_view after) { return t.calls({.limit = kMaxPageRows, .after = after}); },
      [&](const CallRecord& c) { add(&folds, c); });
  CHECK(read.ok());
  return folds;
}

inline Folds told(const Tenant& t, uint32_t from = 101, uint32_t to = 999912) {
  Folds folds;
  const auto open = [&](std::string_view after) {
    return t.usage({.from_month = from, .to_month = to, .limit = 7, .after = after});
  };
  const Status read = each_row(open, [&](const UsageRow& r) {
    const Pair pair{r.month(), std::string(r.model()), std::string(r.currency())};
    CHECK_FALSE(folds.contains(pair));
    folds[pair] = {
        r.calls(),         r.failed_calls(), r.input_tokens(),     r.output_tokens(),
        r.cached_tokens(), r.cost_micros(),  r.total_latency_us(), r.longest_latency_us()};
  });
  CHECK(read.ok());
  return folds;
}

template <class Change>
NewCall with(Change change) {
  NewCall call = tea_call();
  change(call);
  return call;
}

}  // namespace bcstore::fixture
