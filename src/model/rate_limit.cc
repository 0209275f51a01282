#include "model/rate_limit.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "model/validate.h"

namespace bcstore::model {

namespace {

// In (1/rate)ths of a microsecond, from the shard's time on. The largest sum that can occur is
// below 2^82: kMaxRefillUs is below 2^49 and a rate below 2^32.
__extension__ using Parts = unsigned __int128;

// Times further from 0 than 73,000 years count as that, so that sums of them fit.
constexpr int64_t kFarUs = int64_t{1} << 61;

int64_t bounded(int64_t us) { return std::clamp(us, -kFarUs, kFarUs); }

Parts full_of(const RateLimitPolicy& policy) {
  return Parts{policy.burst} * static_cast<uint64_t>(policy.period_us);
}

int64_t rounded_up_us(Parts parts, uint32_t rate) {
  return static_cast<int64_t>((parts + rate - 1) / rate);
}

}  // namespace

Status check_rate_policy(std::string_view name, const RateLimitPolicy& policy) {
  const auto invalid = [name](std::string_view reason) {
    return Status(Code::invalid_argument, fmt::format("rate limit {}: {}", name, reason));
  };
  if (Status s = check_text("rate limit's name", name, kMaxPolicyNameBytes, Empty::refused);
      !s.ok()) {
    return s;
  }
  if (policy.rate == 0) return invalid("the rate must be at least 1");
  if (policy.burst == 0) return invalid("the burst must be at least 1");
  if (policy.period_us < 1 || policy.period_us > kMaxRatePeriodUs) {
    return invalid(
        fmt::format("a period of {} us is not within 1 to {}", policy.period_us, kMaxRatePeriodUs));
  }
  if (full_of(policy) > Parts{policy.rate} * static_cast<uint64_t>(kMaxRefillUs)) {
    return invalid(fmt::format("the burst of {} takes longer than {} us to come back", policy.burst,
                               kMaxRefillUs));
  }
  return Status();
}

RateLimiter::RateLimiter(size_t max_entries)
    : max_shard_entries_(std::max<size_t>(1, max_entries / kShards)) {}

size_t RateLimiter::KeyHash::operator()(const Key& key) const {
  return std::hash<UserId>()(key.owner) * 31 + std::hash<std::string_view>()(key.name);
}

RateLimiter::Parts RateLimiter::ahead_of(const Arrival& arrival, int64_t now_us, uint32_t rate) {
  if (arrival.us < now_us) return 0;
  const Parts ahead = Parts{rate} * static_cast<uint64_t>(arrival.us - now_us);
  if (arrival.parts == 0) return ahead;
  return ahead + (arrival.rate == rate ? arrival.parts : rate);
}

RateLimiter::Arrival RateLimiter::arrival_after(int64_t now_us, Parts ahead, uint32_t rate) {
  return {now_us + static_cast<int64_t>(ahead / rate), static_cast<uint32_t>(ahead % rate), rate};
}

int64_t RateLimiter::Shard::time_at(int64_t us) {
  us = bounded(us);
  if (!has_time || us >= now_us) {
    has_time = true;
    is_behind = false;
    now_us = us;
  } else if (!is_behind || us < behind_us) {
    is_behind = true;
    behind_us = us;
  } else if (us - behind_us >= kStepBackUs) {
    step_back_to(us);
  }
  return now_us;
}

void RateLimiter::Shard::step_back_to(int64_t us) {
  const int64_t step_us = now_us - us;
  std::erase_if(entries, [&](const auto& entry) { return entry.second.us < now_us; });
  for (auto& [key, arrival] : entries) arrival.us -= step_us;
  now_us = us;
  is_behind = false;
}

// Room for one entry and, so that not every new one has to look through all, for an eighth.
void RateLimiter::Shard::make_room(size_t max_entries) {
  if (entries.size() < max_entries) return;
  std::erase_if(entries, [&](const auto& entry) { return entry.second.us < now_us; });
  const size_t kept = max_entries - std::max<size_t>(1, max_entries / 8);
  if (entries.size() <= kept) return;
  std::vector<int64_t> times;
  times.reserve(entries.size());
  for (const auto& [key, arrival] : entries) times.push_back(arrival.us);
  const size_t dropped = entries.size() - kept;
  const auto last = times.begin() + static_cast<std::ptrdiff_t>(dropped - 1);
  std::nth_element(times.begin(), last, times.end());
  size_t left = dropped;
  const int64_t last_us = *last;
  left -= std::erase_if(entries, [&](const auto& entry) { return entry.second.us < last_us; });
  std::erase_if(entries, [&](const auto& entry) {
    return entry.second.us == last_us && left > 0 && left-- > 0;
  });
  forgiven += dropped;
}

Result<RateLimitDecision> RateLimiter::try_acquire(UserId owner, std::string_view name,
                                                   const RateLimitPolicy& policy, uint64_t cost,
                                                   int64_t now_us) {
  if (Status s = check_rate_policy(name, policy); !s.ok()) return s;
  const Parts full = full_of(policy);
  const auto period = static_cast<uint64_t>(policy.period_us);
  Shard& shard = shard_of(owner);
  const std::lock_guard lock(shard.mutex);
  const int64_t now = shard.time_at(now_us);
  Key key{owner, std::string(name)};
  const auto found = shard.entries.find(key);
  Parts ahead = 0;
  if (found != shard.entries.end()) ahead = ahead_of(found->second, now, policy.rate);
  // Only another policy of the same name may have gone further than the whole burst takes.
  const bool is_cut = ahead > full;
  ahead = std::min(ahead, full);

  RateLimitDecision decision;
  decision.allowed = cost <= policy.burst && Parts{cost} * period <= full - ahead;
  if (decision.allowed) {
    ahead += Parts{cost} * period;
  } else if (cost > policy.burst) {
    decision.retry_after_us = std::nullopt;
  } else {
    decision.retry_after_us = rounded_up_us(ahead + Parts{cost} * period - full, policy.rate);
  }
  decision.remaining = static_cast<uint32_t>((full - ahead) / period);
  decision.reset_after_us = rounded_up_us(ahead, policy.rate);
  if (cost == 0 || cost > policy.burst || (!decision.allowed && !is_cut)) return decision;

  const Arrival arrival = arrival_after(now, ahead, policy.rate);
  if (found != shard.entries.end()) {
    found->second = arrival;
  } else {
    shard.make_room(max_shard_entries_);
    shard.entries.emplace(std::move(key), arrival);
  }
  return decision;
}

void RateLimiter::give_back(UserId owner, std::string_view name, const RateLimitPolicy& policy,
                            uint64_t cost, int64_t acquired_us, int64_t now_us) {
  if (!check_rate_policy(name, policy).ok() || cost > policy.burst) return;
  Shard& shard = shard_of(owner);
  const std::lock_guard lock(shard.mutex);
  const int64_t now = shard.time_at(now_us);
  const int64_t elapsed_us = now - bounded(acquired_us);
  const auto found = shard.entries.find(Key{owner, std::string(name)});
  // With a clock that was set back meanwhile nobody knows what has come back.
  if (found == shard.entries.end() || elapsed_us < 0) return;
  const Parts taken = Parts{cost} * static_cast<uint64_t>(policy.period_us);
  const Parts returned = Parts{policy.rate} * static_cast<uint64_t>(elapsed_us);
  if (taken <= returned) return;
  const Parts ahead = ahead_of(found->second, now, policy.rate);
  if (ahead <= taken - returned) {
    shard.entries.erase(found);
  } else {
    found->second = arrival_after(now, ahead - (taken - returned), policy.rate);
  }
}

// The time that a call would see, without telling the shard of it.
int64_t RateLimiter::Shard::peek(int64_t us) const {
  return has_time ? std::max(now_us, bounded(us)) : bounded(us);
}

int64_t RateLimiter::ahead_us(UserId owner, std::string_view name, int64_t now_us) const {
  const Shard& shard = shard_of(owner);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(Key{owner, std::string(name)});
  if (found == shard.entries.end()) return 0;
  const Arrival& arrival = found->second;
  return std::max<int64_t>(0, arrival.us - shard.peek(now_us) + (arrival.parts > 0 ? 1 : 0));
}

bool RateLimiter::knows(UserId owner, std::string_view name) const {
  const Shard& shard = shard_of(owner);
  const std::lock_guard lock(shard.mutex);
  return shard.entries.contains(Key{owner, std::string(name)});
}

void RateLimiter::restore(const std::vector<RateLimitEntry>& entries, int64_t elapsed_us,
                          int64_t now_us) {
  elapsed_us = std::max<int64_t>(elapsed_us, 0);
  for (const RateLimitEntry& entry : entries) {
    const int64_t ahead_us = std::min(entry.ahead_us, kMaxRefillUs + 1) - elapsed_us;
    if (entry.ahead_us <= 0 || ahead_us <= 0 || entry.policy.size() > kMaxPolicyNameBytes) continue;
    Shard& shard = shard_of(entry.owner);
    const std::lock_guard lock(shard.mutex);
    const Arrival arrival{shard.time_at(now_us) + ahead_us, 0, 1};
    Key key{entry.owner, entry.policy};
    const auto found = shard.entries.find(key);
    if (found == shard.entries.end()) {
      shard.make_room(max_shard_entries_);
      shard.entries.emplace(std::move(key), arrival);
    } else if (found->second.us < arrival.us) {
      found->second = arrival;
    }
  }
}

size_t RateLimiter::entries() const {
  size_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.entries.size();
  }
  return sum;
}

uint64_t RateLimiter::forgiven() const {
  uint64_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.forgiven;
  }
  return sum;
}

}  // namespace bcstore::model
