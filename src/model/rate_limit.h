// RateLimiter: a generic cell rate algorithm (GCRA) for each (owner, policy).
//
// The virtual scheduling algorithm of ITU-T I.371 and of the ATM Forum's traffic management
// specification, with a cost: all that is kept is a theoretical arrival time, the instant at which
// the allowance will be full again. A request moves it on by what its cost takes to refill, and is
// denied if it would then lie further ahead than the whole burst takes. Prior art as a service:
// B. Leach, "Rate limiting, cells, and GCRA", and the module redis-cell after it.
//
// Exactness: a unit takes period/rate microseconds, which is seldom a whole number. The arrival
// time is whole microseconds and a count of (1/rate)ths of one, sums are made in (1/rate)ths with
// 128 bits, and nothing is rounded but the answer's own times (up) and units (down). So 3 in 10 s
// is 3 in 10 s for ever. Only where a policy of the same name comes with another rate, and in a
// checkpoint, the fraction is rounded up to a whole microsecond, against the owner.
//
// Time: `now_us` may come from any clock. A shard's time never goes back. A caller who was held up
// after reading the clock is asked about at the shard's time; so is everybody after the clock was
// set back, until it has run on from its new place for kStepBackUs with nobody reading the old
// time: then the arrival times are moved back with it. So a clock that is set back grants nothing,
// and holds up what would have come back for kStepBackUs. One that is set forward is time that
// passed.
//
// Bounds: at most `max_entries` entries of less than kEntryBytes. An entry whose time has passed
// says what no entry says, and is dropped when there is no room. Where all are still ahead the
// nearest ones are dropped, an eighth of them at once: what stood between is forgiven, at most one
// burst each, unless somebody else kept it (rate_book.h does).
//
// Thread contract: all calls from many threads. An owner's entries lie in one shard, with one
// mutex.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bcstore/id.h"
#include "bcstore/rate_limit.h"
#include "bcstore/status.h"

namespace bcstore::model {

// `invalid_argument` naming what is wrong with the name or the policy.
Status check_rate_policy(std::string_view name, const RateLimitPolicy& policy);

// What a checkpoint keeps of an entry: relative to the time when it was made, so that the clock
// before and the clock after need not agree.
struct RateLimitEntry {
  UserId owner;
  std::string policy;    // its name
  int64_t ahead_us = 0;  // until the allowance is full; rounded up, at least 1
  friend bool operator==(const RateLimitEntry&, const RateLimitEntry&) = default;
};

class RateLimiter {
 public:
  static constexpr size_t kShards = 16;
  static constexpr size_t kDefaultEntries = size_t{1} << 16;
  static constexpr size_t kEntryBytes = 192;
  static constexpr int64_t kStepBackUs = 1'000'000;

  // At least one entry a shard, whatever `max_entries` says.
  explicit RateLimiter(size_t max_entries = kDefaultEntries);

  // Takes `cost` units if they are there. Cost 0 changes nothing and tells what is there. A cost
  // above the burst is never allowed, and changes nothing.
  Result<RateLimitDecision> try_acquire(UserId owner, std::string_view name,
                                        const RateLimitPolicy& policy, uint64_t cost,
                                        int64_t now_us);

  // Undoes an acquisition that was allowed at `acquired_us` for a request that was then refused for
  // another reason. What has come back by itself since is not given back again.
  void give_back(UserId owner, std::string_view name, const RateLimitPolicy& policy, uint64_t cost,
                 int64_t acquired_us, int64_t now_us);

  // Microseconds until the allowance is full, rounded up; 0 where nothing was taken.
  int64_t ahead_us(UserId owner, std::string_view name, int64_t now_us) const;
  // Whether there is an entry.
  bool knows(UserId owner, std::string_view name) const;
  // Takes over what a checkpoint said `elapsed_us` ago (less than 0 counts as 0). An entry that is
  // here already stays if it is further ahead.
  void restore(const std::vector<RateLimitEntry>& entries, int64_t elapsed_us, int64_t now_us);

  size_t entries() const;
  // Entries that were dropped while they were still ahead.
  uint64_t forgiven() const;

 private:
  struct Key {
    UserId owner;
    std::string name;
    friend bool operator==(const Key&, const Key&) = default;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  // us + parts / rate microseconds, parts < rate.
  struct Arrival {
    int64_t us = 0;
    uint32_t parts = 0;
    uint32_t rate = 1;
  };
  // How far ahead of `now_us` an arrival is, in (1/rate)ths of a microsecond, and back.
  __extension__ using Parts = unsigned __int128;
  static Parts ahead_of(const Arrival& arrival, int64_t now_us, uint32_t rate);
  static Arrival arrival_after(int64_t now_us, Parts ahead, uint32_t rate);

  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<Key, Arrival, KeyHash> entries;
    bool has_time = false;
    int64_t now_us = 0;     // the latest time, which the arrival times are measured by
    int64_t behind_us = 0;  // the least time seen since the clock seems to have been set back
    bool is_behind = false;
    uint64_t forgiven = 0;

    int64_t time_at(int64_t now_us);
    int64_t peek(int64_t now_us) const;
    void step_back_to(int64_t us);
    void make_room(size_t max_entries);
  };

  Shard& shard_of(UserId owner) { return shards_[std::hash<UserId>()(owner) % kShards]; }
  const Shard& shard_of(UserId owner) const {
    return shards_[std::hash<UserId>()(owner) % kShards];
  }

  std::array<Shard, kShards> shards_;
  const size_t max_shard_entries_;
};

}  // namespace bcstore::model
