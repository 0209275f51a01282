// ForkGuard: knows whether this process is a child, made by fork, of the one that made the guard.
//
// Thread contract: in_child() may be called from many threads.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

namespace bcstore::engine {

class ForkGuard {
 public:
  ForkGuard();
  ~ForkGuard();
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;

  // One load from memory that the kernel hands to a child as zeroes. Where the kernel cannot do
  // that it is one getpid(), which is a system call.
  bool in_child() const {
    return mark_ != nullptr ? mark_->load(std::memory_order_relaxed) == 0 : other_process();
  }

 private:
  bool other_process() const;

  const pid_t pid_;
  std::atomic<uint32_t>* mark_ = nullptr;  // at the start of a page of its own
};

}  // namespace bcstore::engine
