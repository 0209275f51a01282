#include "model/call_sums.h"

#include <algorithm>
#include <string>

#include "bcstore/types.h"
#include "format/record.h"

namespace bcstore::model {

namespace {

struct Summand {
  int64_t CallSums::*field;
  const char* name;
};
constexpr Summand kSummands[] = {{&CallSums::calls, "calls"},
                                 {&CallSums::failed_calls, "failed_calls"},
                                 {&CallSums::input_tokens, "input_tokens"},
                                 {&CallSums::output_tokens, "output_tokens"},
                                 {&CallSums::cached_tokens, "cached_tokens"},
                                 {&CallSums::cost_micros, "cost_micros"},
                                 {&CallSums::total_latency_us, "total_latency_us"}};

}  // namespace

const char* CallSums::add(const CallSums& more) {
  CallSums sum = *this;
  for (const Summand& one : kSummands) {
    if (__builtin_add_overflow(sum.*one.field, more.*one.field, &(sum.*one.field))) return one.name;
  }
  sum.longest_latency_us = std::max(longest_latency_us, more.longest_latency_us);
  *this = sum;
  return nullptr;
}

CallSums sums_of(const fb::Call& call) {
  CallSums sums;
  sums.calls = 1;
  sums.failed_calls = static_cast<CallStatus>(call.status()) == CallStatus::ok ? 0 : 1;
  sums.input_tokens = call.input_tokens();
  sums.output_tokens = call.output_tokens();
  sums.cached_tokens = call.cached_tokens();
  sums.cost_micros = call.cost_micros();
  sums.total_latency_us = sums.longest_latency_us = call.latency_us();
  return sums;
}

CallSums sums_of(const fb::CallRollup& rollup) {
  CallSums sums;
  sums.calls = rollup.calls();
  sums.failed_calls = rollup.failed_calls();
  sums.input_tokens = rollup.input_tokens();
  sums.output_tokens = rollup.output_tokens();
  sums.cached_tokens = rollup.cached_tokens();
  sums.cost_micros = rollup.cost_micros();
  sums.total_latency_us = rollup.total_latency_us();
  sums.longest_latency_us = rollup.longest_latency_us();
  return sums;
}

bool put_sums(const CallSums& sums, fb::CallRollup* rollup) {
  return rollup->mutate_calls(sums.calls) && rollup->mutate_failed_calls(sums.failed_calls) &&
         rollup->mutate_input_tokens(sums.input_tokens) &&
         rollup->mutate_output_tokens(sums.output_tokens) &&
         rollup->mutate_cached_tokens(sums.cached_tokens) &&
         rollup->mutate_cost_micros(sums.cost_micros) &&
         rollup->mutate_total_latency_us(sums.total_latency_us) &&
         rollup->mutate_longest_latency_us(sums.longest_latency_us);
}

// A currency always has three letters: no two pairs read alike.
Uuid rollup_hash(std::string_view model, std::string_view currency, uint64_t store_salt) {
  std::string both(currency);
  both += model;
  return format::text_hash(both, store_salt);
}

}  // namespace bcstore::model
