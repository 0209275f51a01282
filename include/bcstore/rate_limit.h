// Rate limits: how often an owner may do something, and what a limiter answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace bcstore {

// Limits of a policy; what is beyond them is refused with `invalid_argument`.
inline constexpr size_t kMaxPolicyNameBytes = 32;
inline constexpr int64_t kMaxRatePeriodUs = int64_t{366} * 86'400 * 1'000'000;
// How long an empty allowance may take to fill up: ten years.
inline constexpr int64_t kMaxRefillUs = int64_t{3'660} * 86'400 * 1'000'000;

// `rate` units in each `period_us`, evenly: one unit comes back every period_us / rate
// microseconds, exactly, also where that is no whole number. Up to `burst` units are kept for those
// who asked for nothing, and may be taken at once. So in any span of t microseconds at most
// burst + t * rate / period_us units are given.
struct RateLimitPolicy {
  uint32_t rate = 0;      // units in a period; at least 1
  int64_t period_us = 0;  // microseconds; 1 to kMaxRatePeriodUs
  uint32_t burst = 0;     // units; at least 1, and burst * period_us / rate <= kMaxRefillUs
  friend bool operator==(const RateLimitPolicy&, const RateLimitPolicy&) = default;
};

inline constexpr size_t kMaxRateLimits = 16;  // of a store

// A limit that a store keeps for every owner, by name (Options::rate_limits).
struct RateLimit {
  std::string name;  // 1 to kMaxPolicyNameBytes - 1
  RateLimitPolicy free;
  // Of an owner who is Pro or whose use is unlimited, and counted apart; nullopt: the same.
  std::optional<RateLimitPolicy> pro = std::nullopt;
  // What a batch takes is written in its own commit: not even the end of the process forgives it.
  // Otherwise a killed process forgives the last seconds, of each owner at most one burst; so do
  // limits that make room, the next to be full first, when 65,536 of all owners' are not full.
  bool strict = false;
};

// What the limiter answered. A denied request took nothing.
struct RateLimitDecision {
  bool allowed = false;
  // Whole units that could be taken now, after this decision.
  uint32_t remaining = 0;
  // Microseconds until the same request would be allowed if nobody else took anything: 0 when it
  // was allowed, nullopt when it costs more than the policy's burst and therefore never will be.
  std::optional<int64_t> retry_after_us = 0;
  // Microseconds until `burst` units could be taken again if nobody took anything.
  int64_t reset_after_us = 0;
  friend bool operator==(const RateLimitDecision&, const RateLimitDecision&) = default;
};

}  // namespace bcstore
