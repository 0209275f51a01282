// Microseconds on a clock that never steps: for ages and waits, never for stored times.
#pragma once

#include <chrono>
#include <cstdint>

namespace bcstore::engine {

inline int64_t monotonic_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace bcstore::engine
