#include "model/rate_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "format/little_endian.h"
#include "format/record.h"

namespace bcstore::model {

namespace {

constexpr size_t kPackedBytes = 16;

// What a record says of one policy; 0: nothing. Bytes of the disk are untrusted.
int64_t packed_ahead_us(std::string_view packed, uint64_t name_hash) {
  for (; packed.size() >= kPackedBytes; packed.remove_prefix(kPackedBytes)) {
    if (format::get_le<uint64_t>(packed.data()) != name_hash) continue;
    const auto us = format::get_le<uint64_t>(packed.data() + 8);
    return static_cast<int64_t>(std::min(us, uint64_t{kMaxRefillUs} + 1));
  }
  return 0;
}

}  // namespace

RateBook::RateBook(std::vector<RateLimit> limits) : limits_(std::move(limits)) {
  for (const RateLimit& limit : limits_) {
    policies_.push_back(policy_name(limit, false));
    if (limit.pro) policies_.push_back(policy_name(limit, true));
  }
}

const RateLimit* RateBook::find(std::string_view name) const {
  for (const RateLimit& limit : limits_) {
    if (limit.name == name) return &limit;
  }
  return nullptr;
}

bool RateBook::knows(UserId owner, const RateLimit& limit, bool is_pro) const {
  return limiter_.knows(owner, policy_name(limit, is_pro));
}

void RateBook::restore(UserId owner, std::string_view ahead, Time saved, Time now) {
  std::vector<RateLimitEntry> entries;
  for (; ahead.size() >= kPackedBytes; ahead.remove_prefix(kPackedBytes)) {
    const auto hash = format::get_le<uint64_t>(ahead.data());
    for (const std::string& name : policies_) {
      if (format::hash64(name) != hash) continue;
      entries.push_back(
          {owner, name, static_cast<int64_t>(format::get_le<uint64_t>(ahead.data() + 8))});
    }
  }
  limiter_.restore(entries, now.us - saved.us, now.us);
}

bool RateBook::knows_all(UserId owner) const {
  return std::all_of(policies_.begin(), policies_.end(),
                     [&](const std::string& name) { return limiter_.knows(owner, name); });
}

std::string RateBook::pack(UserId owner, Time now, std::string_view kept, Time kept_at) const {
  const int64_t elapsed_us = std::max<int64_t>(0, now.us - kept_at.us);
  std::string out;
  for (const std::string& name : policies_) {
    int64_t ahead_us = limiter_.ahead_us(owner, name, now.us);
    if (ahead_us == 0 && !limiter_.knows(owner, name)) {
      ahead_us = std::max<int64_t>(0, packed_ahead_us(kept, format::hash64(name)) - elapsed_us);
    }
    if (ahead_us == 0) continue;
    char bytes[kPackedBytes];
    format::put_le(bytes, format::hash64(name));
    format::put_le(bytes + 8, static_cast<uint64_t>(ahead_us));
    out.append(bytes, sizeof bytes);
  }
  return out;
}

Result<RateLimitDecision> RateBook::acquire(UserId owner, const RateLimit& limit, bool is_pro,
                                            uint64_t cost, Time now, Acquired* acquired) {
  const RateLimitPolicy& policy = is_pro && limit.pro ? *limit.pro : limit.free;
  std::string name = policy_name(limit, is_pro);
  Result<RateLimitDecision> decision = limiter_.try_acquire(owner, name, policy, cost, now.us);
  if (!decision.ok() || !decision->allowed || cost == 0) return decision;
  if (acquired != nullptr) *acquired = {owner, std::move(name), policy, cost, now.us};
  const std::lock_guard lock(mutex_);
  if (changed_.size() < kMaxChanged) changed_.insert(owner);
  changed_count_.store(changed_.size(), std::memory_order_relaxed);
  return decision;
}

void RateBook::give_back(const Acquired& acquired, Time now) {
  limiter_.give_back(acquired.owner, acquired.policy_name, acquired.policy, acquired.cost,
                     acquired.at_us, now.us);
}

std::vector<UserId> RateBook::take_changed(size_t most) {
  std::vector<UserId> taken;
  const std::lock_guard lock(mutex_);
  while (taken.size() < most && !changed_.empty()) {
    taken.push_back(*changed_.begin());
    changed_.erase(changed_.begin());
  }
  changed_count_.store(changed_.size(), std::memory_order_relaxed);
  return taken;
}

bool RateBook::take_changed(UserId owner) {
  const std::lock_guard lock(mutex_);
  const bool was = changed_.erase(owner) != 0;
  changed_count_.store(changed_.size(), std::memory_order_relaxed);
  return was;
}

void RateBook::put_back(UserId owner) {
  try {
    const std::lock_guard lock(mutex_);
    if (changed_.size() < kMaxChanged) changed_.insert(owner);
    changed_count_.store(changed_.size(), std::memory_order_relaxed);
  } catch (...) {  // NOLINT(bugprone-empty-catch): no memory; what it takes next tells of it again
  }
}

Status check_rate_limits(const std::vector<RateLimit>& limits) {
  if (limits.size() > kMaxRateLimits) {
    return Status(Code::invalid_argument, fmt::format("rate_limits: more than {}", kMaxRateLimits));
  }
  for (const RateLimit& limit : limits) {
    if (limit.name.size() >= kMaxPolicyNameBytes) {
      return Status(Code::invalid_argument, fmt::format("rate_limits: a name of more than {} bytes",
                                                        kMaxPolicyNameBytes - 1));
    }
    if (Status s = check_rate_policy(limit.name, limit.free); !s.ok()) return s;
    if (limit.pro) {
      if (Status s = check_rate_policy(limit.name, *limit.pro); !s.ok()) return s;
    }
    const auto same = [&](const RateLimit& other) { return other.name == limit.name; };
    if (std::count_if(limits.begin(), limits.end(), same) > 1) {
      return Status(Code::invalid_argument,
                    fmt::format("rate_limits: {} is there twice", limit.name));
    }
  }
  return Status();
}

}  // namespace bcstore::model
