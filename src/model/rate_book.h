// RateBook: the limits that a store was opened with, what is left of them, and what is kept of that
// on disk.
//
// Decided on is what is in memory. A record for each owner (kind rate_state) says how far ahead its
// limits were when it was written. It is read when an owner is met that memory does not know, and
// written in two ways: of a strict limit in the commit that took from it; of the others for all
// owners that changed, with the first commit after kSaveUs since the last time, and by sync() and
// close(). So a process that is killed forgives what was taken since then, of one owner at most one
// burst, and nothing of a strict limit.
//
// An entry that memory has dropped was full again, or was forgiven to make room (rate_limit.h); the
// record on disk is older and tells no more than that.
//
// Thread contract: all calls from many threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "bcstore/options.h"
#include "model/rate_limit.h"

namespace bcstore::model {

// Something that was taken, and may have to be given back.
struct Acquired {
  UserId owner;
  std::string policy_name;
  RateLimitPolicy policy;
  uint64_t cost = 0;
  int64_t at_us = 0;
};

class RateBook {
 public:
  static constexpr int64_t kSaveUs = 5'000'000;
  static constexpr size_t kMaxChanged = size_t{1} << 16;

  explicit RateBook(std::vector<RateLimit> limits);

  // nullptr: no limit has that name.
  const RateLimit* find(std::string_view name) const;
  // False: what the disk says should be restored first.
  bool knows(UserId owner, const RateLimit& limit, bool is_pro) const;
  // `ahead` is what pack() gave at `saved`.
  void restore(UserId owner, std::string_view ahead, Time saved, Time now);
  // Of every limit of the owner that is not full: a hash of its name and the microseconds until it
  // is, 8 bytes each, little-endian.
  std::string pack(UserId owner, Time now) const;

  Result<RateLimitDecision> acquire(UserId owner, const RateLimit& limit, bool is_pro,
                                    uint64_t cost, Time now, Acquired* acquired = nullptr);
  void give_back(const Acquired& acquired, Time now);

  // Owners that took something since they were last given out here, at most `most`.
  std::vector<UserId> take_changed(size_t most);
  bool has_changed() const { return changed_count_.load(std::memory_order_relaxed) != 0; }
  void saved(UserId owner);  // by its own commit

 private:
  // Two policies of one limit are counted apart: whoever is upgraded has the whole burst.
  static std::string policy_name(const RateLimit& limit, bool is_pro) {
    return is_pro && limit.pro ? limit.name + '+' : limit.name;
  }

  const std::vector<RateLimit> limits_;
  std::vector<std::string> policies_;  // names of all
  RateLimiter limiter_;
  std::mutex mutex_;
  std::unordered_set<UserId> changed_;
  std::atomic<size_t> changed_count_{0};
};

// `invalid_argument` naming the limit and what is wrong with it.
Status check_rate_limits(const std::vector<RateLimit>& limits);

}  // namespace bcstore::model
