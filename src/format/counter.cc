#include "format/counter.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "format/little_endian.h"

namespace bcstore::format {

namespace {

constexpr std::array kBuckets = {&Counter::allowance, &Counter::granted, &Counter::held_allowance,
                                 &Counter::held_granted};
constexpr std::array kDeltas = {&CounterDelta::allowance, &CounterDelta::granted,
                                &CounterDelta::held_allowance, &CounterDelta::held_granted};
static_assert(kDeltaBytes == 8 * (2 * kDeltas.size() + 3));

uint64_t get_u64(std::string_view bytes, size_t at) { return get_le<uint64_t>(bytes.data() + at); }

int64_t get_i64(std::string_view bytes, size_t at) {
  return static_cast<int64_t>(get_u64(bytes, at));
}

bool in_range(int64_t n) { return n >= -kMaxCounter && n <= kMaxCounter; }
bool in_range(const Counter& counter) {
  return std::ranges::all_of(kBuckets, [&](auto bucket) { return in_range(counter.*bucket); });
}
bool in_range(const CounterDelta& delta) {
  return std::ranges::all_of(kDeltas, [&](auto bucket) {
    return in_range((delta.*bucket).delta) && in_range((delta.*bucket).floor);
  });
}

// Sums of two numbers in range do not overflow.
BucketDelta combine(const BucketDelta& first, const BucketDelta& second) {
  return {first.delta + second.delta, std::max(second.floor, first.floor + second.delta)};
}

int64_t apply(int64_t x, const BucketDelta& d) { return std::max(d.floor, x + d.delta); }

uint64_t checksum(std::string_view key, std::string_view bytes) {
  return hash64(bytes.substr(0, kDeltaBytes - 8), hash64(key));
}

}  // namespace

std::string pack(const Counter& counter) {
  std::string out(Counter::kBytes, '\0');
  put_le(out.data(), static_cast<uint64_t>(counter.allowance));
  put_le(out.data() + 8, static_cast<uint64_t>(counter.granted));
  put_le(out.data() + 16, counter.epoch);
  put_le(out.data() + 24, static_cast<uint64_t>(counter.held_allowance));
  put_le(out.data() + 32, static_cast<uint64_t>(counter.held_granted));
  return out;
}

bool unpack(std::string_view meta, Counter* counter) {
  if (meta.size() != Counter::kBytes) return false;
  *counter = {get_i64(meta, 0), get_i64(meta, 8), get_u64(meta, 16), get_i64(meta, 24),
              get_i64(meta, 32)};
  return in_range(*counter);
}

std::string counter_value(std::string_view key, const Counter& counter) {
  return std::string(Draft(Kind::credit_counter, pack(counter)).seal(key));
}

std::string delta_value(std::string_view key, const CounterDelta& delta) {
  std::string out(kDeltaBytes, '\0');
  put_le(out.data(), kDeltaVersion);
  put_le(out.data() + 8, delta.epoch);
  char* at = out.data() + 16;
  for (const auto bucket : kDeltas) {
    put_le(at, static_cast<uint64_t>((delta.*bucket).delta));
    put_le(at + 8, static_cast<uint64_t>((delta.*bucket).floor));
    at += 16;
  }
  put_le(at, checksum(key, out));
  return out;
}

std::optional<CounterDelta> parse_delta(std::string_view key, std::string_view value) {
  if (value.size() != kDeltaBytes || get_u64(value, 0) != kDeltaVersion ||
      get_u64(value, kDeltaBytes - 8) != checksum(key, value)) {
    return std::nullopt;
  }
  CounterDelta delta;
  delta.epoch = get_u64(value, 8);
  size_t at = 16;
  for (const auto bucket : kDeltas) {
    delta.*bucket = {get_i64(value, at), get_i64(value, at + 8)};
    at += 16;
  }
  if (!in_range(delta)) return std::nullopt;
  return delta;
}

std::string combine_deltas(std::string_view key, std::string_view first, std::string_view second) {
  const std::optional<CounterDelta> f = parse_delta(key, first);
  const std::optional<CounterDelta> g = parse_delta(key, second);
  if (!f || !g || f->epoch != g->epoch) return std::string(kPoison);
  CounterDelta both;
  both.epoch = f->epoch;
  for (const auto bucket : kDeltas) both.*bucket = combine((*f).*bucket, (*g).*bucket);
  if (!in_range(both)) return std::string(kPoison);
  return delta_value(key, both);
}

std::string apply_delta(std::string_view key, std::optional<std::string_view> value,
                        std::string_view delta) {
  const std::optional<CounterDelta> by = parse_delta(key, delta);
  Parsed parsed;
  Counter counter;
  if (!by || !value || !parse_record(key, *value, &parsed).ok() ||
      parsed.kind != Kind::credit_counter || !unpack(parsed.meta, &counter) ||
      counter.epoch != by->epoch) {
    return std::string(kPoison);
  }
  for (size_t i = 0; i < kBuckets.size(); ++i) {
    counter.*kBuckets[i] = apply(counter.*kBuckets[i], (*by).*kDeltas[i]);
  }
  if (!in_range(counter)) return std::string(kPoison);
  return counter_value(key, counter);
}

}  // namespace bcstore::format
