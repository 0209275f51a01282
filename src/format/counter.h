// Counter: an owner's credit balance as it lies in the store, and the deltas that are merged into
// it without reading it.
//
// A counter is a record of kind credit_counter whose meta part holds four buckets and an epoch:
// what is there to spend of the allowance and of the granted credits, and what live holds took of
// each. A delta is a function of it, for each bucket
//
//     x -> max(floor, x + delta)
//
// Two such functions compose to a third of the same form (first f, then g):
//
//     delta = f.delta + g.delta        floor = max(g.floor, f.floor + g.delta)
//
// so deltas may be combined in any grouping, as long as their order stays, and the result is the
// same to the byte. Nothing decides here: whether there is a credit to spend was decided before
// the delta was written. The floor is a defence, not the rule.
//
// Invariants
//  - Total: any bytes in, bytes out. What is not a delta, or not of the counter's epoch, or runs
//    over, turns the counter into kPoison, which no later delta heals and which every read answers
//    with `corruption`, for that owner alone.
//  - A delta carries the epoch of the counter that it was made for: one that outlives a reset of
//    the balance (a put of the whole counter under the next epoch) can not be applied to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "format/record.h"

namespace bcstore::format {

struct Counter {
  int64_t allowance = 0;
  int64_t granted = 0;
  uint64_t epoch = 0;
  int64_t held_allowance = 0;
  int64_t held_granted = 0;
  static constexpr size_t kBytes = 40;
  friend bool operator==(const Counter&, const Counter&) = default;
};
std::string pack(const Counter& counter);
bool unpack(std::string_view meta, Counter* counter);
// The whole value of a counter under this key.
std::string counter_value(std::string_view key, const Counter& counter);

struct BucketDelta {
  int64_t delta = 0;
  int64_t floor = 0;
  friend bool operator==(const BucketDelta&, const BucketDelta&) = default;
};
struct CounterDelta {
  uint64_t epoch = 0;
  BucketDelta allowance;
  BucketDelta granted;
  BucketDelta held_allowance{};
  BucketDelta held_granted{};
  friend bool operator==(const CounterDelta&, const CounterDelta&) = default;
};

// A delta as it is written, 88 bytes, all little-endian:
//   0   version         u64  kDeltaVersion
//   8   epoch           u64
//   16  allowance       i64 delta, i64 floor
//   32  granted         i64 delta, i64 floor
//   48  held_allowance  i64 delta, i64 floor
//   64  held_granted    i64 delta, i64 floor
//   80  checksum        u64  XXH3-64 of bytes 0 to 79, seeded with the hash of the key
inline constexpr size_t kDeltaBytes = 88;
inline constexpr uint64_t kDeltaVersion = 1;
// No number in a counter or delta is larger. A single delta of ours is below 2^31, so 2^30 of them
// may be combined before one could run over.
inline constexpr int64_t kMaxCounter = int64_t{1} << 61;

// Neither a counter nor a delta: shorter than either.
inline constexpr std::string_view kPoison = "poison";

std::string delta_value(std::string_view key, const CounterDelta& delta);
std::optional<CounterDelta> parse_delta(std::string_view key, std::string_view value);

// The delta that does what `first` and then `second` do, or kPoison.
std::string combine_deltas(std::string_view key, std::string_view first, std::string_view second);
// The counter after the delta, or kPoison. `value` nullopt: there was no counter, which is nonsense
// too, because every balance begins with a put.
std::string apply_delta(std::string_view key, std::optional<std::string_view> value,
                        std::string_view delta);

}  // namespace bcstore::format
