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

 private:
  std::atomic<bool> set_{false};
  mutable std::mutex mutex_;
  std::string cause_;  // guarded by mutex_
};

}  // namespace bcstore::engine
