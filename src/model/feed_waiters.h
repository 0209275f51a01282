// FeedWaiters: threads that sleep until a commit is there for them.
//
// There is no thread of ours and no polling: the leader of the commit queue wakes them once its
// group is applied. Where nobody waits that costs it one load.
//
// Invariants
//  - A waiter enters itself, then looks whether the commit is there already, then sleeps. The
//    leader applies a group, tells its last number (a sequentially consistent store) and then asks
//    whether anybody waits (a sequentially consistent load). So either the waiter sees the number,
//    and with it the group, or the leader sees the waiter: nobody sleeps through his commit.
//  - Only a commit that is shown wakes anybody, and an owner's only those who wait for that owner
//    or for everybody.
//
// Thread contract: wait() from any thread; publish() is the leader's; close() from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>

#include "bcstore/id.h"
#include "bcstore/status.h"

namespace bcstore::model {

class FeedWaiters {
 public:
  // A commit that a feed shows.
  struct Shown {
    UserId owner;
    uint64_t seq = 0;
  };

  bool any() const { return waiting_.load() != 0; }
  // Wakes those who wait for one of these; in the order of their numbers.
  void publish(std::span<const Shown> shown);
  // Wakes everybody, for good.
  void close();

  // Whose commits; nullopt is everybody's.
  using Whose = std::optional<UserId>;
  // Waits for a commit after `after_seq`, unless `is_there` says at once that there is one. False
  // when the time is over.
  Result<bool> wait(const Whose& whose, uint64_t after_seq, std::chrono::microseconds timeout,
                    const std::function<Result<bool>()>& is_there);

 private:
  struct Waiter {
    uint64_t after_seq = 0;
    bool woken = false;
    std::condition_variable wake{};
  };
  class Place;
  // The owner is nil for everybody's: no user has that id.
  using Waiting = std::multimap<UserId, Waiter*>;
  static UserId key_of(const Whose& whose) { return whose.value_or(UserId()); }
  void wake(UserId key, uint64_t seq);

  std::atomic<size_t> waiting_{0};
  std::mutex mutex_;
  Waiting waiters_;
  bool closed_ = false;
};

}  // namespace bcstore::model
