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
// An entry that memory has dropped was full again, or had to make room (rate_limit.h). The record
// on disk then still tells of it: a new one takes over, less the time that passed, what the old one
// said of limits that memory does not know. So what was once written is not forgiven, and of a
// strict limit nothing is.
//
// Owners whose limits changed wait in a list for their record to be written; it is as long as
// memory is for arrival times. Where it is half full it is written at once, and what is beyond its
// end waits for the owner to take again.
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
  static constexpr size_t kMaxChanged = RateLimiter::kDefaultEntries;

  explicit RateBook(std::vector<RateLimit> limits);

  // nullptr: no limit has that name.
  const RateLimit* find(std::string_view name) const;
  // False: what the disk says should be restored first.
  bool knows(UserId owner, const RateLimit& limit, bool is_pro) const;
  // `ahead` is what pack() gave at `saved`.
  void restore(UserId owner, std::string_view ahead, Time saved, Time now);
  // Whether nothing of the record on disk is needed to write another.
  bool knows_all(UserId owner) const;
  // Of every limit of the owner that is not full: a hash of its policy's name and the microseconds
  // until it is, 8 bytes each, little-endian. Of those that memory does not know what `kept` says,
  // which was packed at `kept_at`.
  std::string pack(UserId owner, Time now, std::string_view kept, Time kept_at) const;

  Result<RateLimitDecision> acquire(UserId owner, const RateLimit& limit, bool is_pro,
                                    uint64_t cost, Time now, Acquired* acquired = nullptr);
  void give_back(const Acquired& acquired, Time now);

  // Owners that took something since they were last given out here, at most `most`; or whether this
  // one did. They are given out before they are packed: what is taken from then on counts anew.
  std::vector<UserId> take_changed(size_t most);
  bool take_changed(UserId owner);
  void put_back(UserId owner);  // it was not written
  bool has_changed() const { return changed_count_.load(std::memory_order_relaxed) != 0; }
  // So many that they should not wait for their time.
  bool is_crowded() const {
    return changed_count_.load(std::memory_order_relaxed) >= kMaxChanged / 2;
  }

 private:
  // Two policies of one limit are counted apart: whoever is upgraded has the whole burst. Each name
  // ends with its mark, so that no limit's name is that of another's policy.
  static std::string policy_name(const RateLimit& limit, bool is_pro) {
    return limit.name + (is_pro && limit.pro ? '+' : '-');
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
