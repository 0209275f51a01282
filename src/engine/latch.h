// Latch: remembers the first storage error of the write side. Once set it stays set: only opening
// the store again, which replays the log, says what the disk really holds.
//
// Thread contract: every call is safe from many threads.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "bcstore/status.h"

namespace bcstore::engine {

class Latch {
 public:
  // Keeps the first cause and drops later ones. True for the call that set the latch.
  bool set(const Status& cause);
  // Ok, or read_only with the cause.
  Status check() const;
  bool is_set() const { return set_.load(std::memory_order_acquire); }

  // A younger file of the log has begun, and the end of the one before could not be synced: what is
  // in the younger one has no promise, though its own sync may be answered with success.
  void leave_log_open() { log_open_.store(true, std::memory_order_release); }
  bool log_open() const { return log_open_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> set_{false};
  std::atomic<bool> log_open_{false};
  mutable std::mutex mutex_;
  std::string cause_;  // guarded by mutex_
};

}  // namespace bcstore::engine
