// What calls add up to: a rollup is the sum of an owner's calls of one month, model and currency.
#pragma once

#include <cstdint>
#include <string_view>

#include "bcstore/id.h"
#include "records_generated.h"

namespace bcstore::model {

struct CallSums {
  int64_t calls = 0, failed_calls = 0;
  int64_t input_tokens = 0, output_tokens = 0, cached_tokens = 0;
  int64_t cost_micros = 0;
  int64_t total_latency_us = 0, longest_latency_us = 0;

  // The name of the sum that would pass an int64, and then nothing has changed; else nullptr.
  const char* add(const CallSums& more);
  friend bool operator==(const CallSums&, const CallSums&) = default;
};

CallSums sums_of(const fb::Call& call);
CallSums sums_of(const fb::CallRollup& rollup);
// False when the rollup has no room for them.
bool put_sums(const CallSums& sums, fb::CallRollup* rollup);

// What stands for model and currency in the key of a rollup.
Uuid rollup_hash(std::string_view model, std::string_view currency, uint64_t store_salt);

}  // namespace bcstore::model
