#include "engine/latch.h"

namespace bcstore::engine {

bool Latch::set(const Status& cause) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (set_.load(std::memory_order_relaxed)) return false;
  cause_ = cause.to_string();
  set_.store(true, std::memory_order_release);
  return true;
}

Status Latch::check() const {
  if (!is_set()) return Status();
  std::lock_guard<std::mutex> lock(mutex_);
  return Status(Code::read_only,
                "the store refuses writes until it is opened again, after: " + cause_);
}

}  // namespace bcstore::engine
