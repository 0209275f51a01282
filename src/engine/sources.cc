// The system's clock, and ids of UUID version 7 (RFC 9562):
//
//   bits 127..80  Unix time in milliseconds
//        79..76  version 7
//        75..64  random: the high 12 bits of the tail
//        63..62  variant 2
//        61..0   random: the low 62 bits of the tail
//
// Ids of one source only ever grow. A new millisecond draws a new tail of 74 random bits; within a
// millisecond, or while the clock stands behind, the tail grows by a random step.
#include "engine/sources.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "engine/fork_guard.h"

namespace bcstore {
namespace engine {
namespace {

constexpr int64_t kLastMs = (int64_t{1} << 48) - 1;
// The end of the year 9999. A clock that says more is not believed: there must be room to grow.
constexpr int64_t kLastClockMs = 253'402'300'799'999;
constexpr uint64_t kHighMask = (uint64_t{1} << 12) - 1;
constexpr uint64_t kLowMask = (uint64_t{1} << 62) - 1;

class SystemClock final : public Clock {
 public:
  Time now() override {
    timespec at{};
    // It cannot fail for this clock and a valid address.
    (void)::clock_gettime(CLOCK_REALTIME, &at);
    return Time{int64_t{at.tv_sec} * 1'000'000 + at.tv_nsec / 1000};
  }
};

// A bijective mixer of 64 bits: xor-shifts and odd multiplications.
uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 31)) * 0x7FB5D329728EA185ull;
  x = (x ^ (x >> 27)) * 0x81DADEF4BC2DD44Dull;
  return x ^ (x >> 33);
}

// Random numbers for the tails, drawn from the system in blocks. When the system gives none, the
// numbers come from what is different for every process and moment: the bytes that the kernel gave
// this program at its start, the process id, two clocks in nanoseconds, and a counter.
class RandomNumbers {
 public:
  explicit RandomNumbers(Entropy entropy) : entropy_(entropy) {}

  uint64_t next() {
    if (used_ == block_.size()) refill();
    return block_[used_++];
  }

 private:
  void refill() {
    used_ = 0;
    if (entropy_(reinterpret_cast<uint8_t*>(block_.data()), sizeof block_)) return;
    uint64_t start[2] = {0, 0};
    const auto* given = reinterpret_cast<const void*>(::getauxval(AT_RANDOM));
    if (given != nullptr) std::memcpy(start, given, sizeof start);
    timespec wall{};
    timespec steady{};
    (void)::clock_gettime(CLOCK_REALTIME, &wall);
    (void)::clock_gettime(CLOCK_MONOTONIC, &steady);
    state_ = mix(state_ ^ start[0]);
    state_ = mix(state_ ^ start[1] ^ static_cast<uint64_t>(::getpid()));
    state_ = mix(state_ ^ static_cast<uint64_t>(wall.tv_sec));
    state_ = mix(state_ ^ static_cast<uint64_t>(wall.tv_nsec));
    state_ = mix(state_ ^ static_cast<uint64_t>(steady.tv_sec));
    state_ = mix(state_ ^ static_cast<uint64_t>(steady.tv_nsec));
    for (uint64_t& number : block_) number = mix(state_ += 0x9E3779B97F4A7C15ull);
  }

  const Entropy entropy_;
  std::array<uint64_t, 32> block_{};
  size_t used_ = block_.size();
  uint64_t state_ = reinterpret_cast<uintptr_t>(this);
};

// The last id of this process, and what the next one needs.
struct Tail {
  Tail(Entropy entropy, int64_t first_ms) : random(entropy), ms(first_ms) {}

  Uuid next(int64_t now_ms) {
    std::lock_guard<std::mutex> lock(mutex);
    if (!drawn || now_ms > ms) {
      draw(std::max(now_ms, ms));
    } else {
      step();
    }
    return encode();
  }

  // A new random tail.
  void draw(int64_t new_ms) {
    ms = new_ms;
    high = random.next() & kHighMask;
    low = random.next() & kLowMask;
    drawn = true;
  }

  void step() {
    low += 1 + (random.next() >> 32);
    if (low <= kLowMask) return;
    low &= kLowMask;
    if (++high > kHighMask) draw(std::min(ms + 1, kLastMs));
  }

  Uuid encode() const {
    const uint64_t first = static_cast<uint64_t>(ms) << 16 | uint64_t{7} << 12 | high;
    const uint64_t second = uint64_t{2} << 62 | low;
    Uuid id;
    for (size_t i = 0; i < 8; ++i) {
      id.bytes[i] = static_cast<uint8_t>(first >> (56 - 8 * i));
      id.bytes[8 + i] = static_cast<uint8_t>(second >> (56 - 8 * i));
    }
    return id;
  }

  const ForkGuard fork;
  std::mutex mutex;
  RandomNumbers random;
  bool drawn = false;
  int64_t ms;
  uint64_t high = 0;
  uint64_t low = 0;
};

class RandomIds final : public IdSource {
 public:
  RandomIds(std::shared_ptr<Clock> clock, Entropy entropy)
      : clock_(std::move(clock)), entropy_(entropy), tail_(new Tail(entropy, /*first_ms=*/0)) {}
  ~RandomIds() override { delete tail_.load(); }

  Uuid next() override {
    const int64_t now_ms = std::clamp<int64_t>(clock_->now().us / 1000, 0, kLastClockMs);
    return own_tail().next(now_ms);
  }

 private:
  // In a forked child a tail of its own: the inherited one would give the ids of the parent, and
  // its mutex may be held for ever. The inherited one is left to the end of the process.
  Tail& own_tail() {
    Tail* tail = tail_.load(std::memory_order_acquire);
    if (!tail->fork.in_child()) return *tail;
    // The next millisecond, so that ids still grow in the child.
    auto fresh = std::make_unique<Tail>(entropy_, std::min(tail->ms + 1, kLastMs));
    if (tail_.compare_exchange_strong(tail, fresh.get(), std::memory_order_acq_rel)) {
      return *fresh.release();
    }
    return *tail;  // another thread of the child was first
  }

  const std::shared_ptr<Clock> clock_;
  const Entropy entropy_;
  std::atomic<Tail*> tail_;
};

}  // namespace

bool system_entropy(uint8_t* bytes, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t part = ::getrandom(bytes + done, size - done, /*flags=*/0);
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) return false;
    done += static_cast<size_t>(part);
  }
  return true;
}

std::shared_ptr<IdSource> ids_from(std::shared_ptr<Clock> clock, Entropy entropy) {
  return std::make_shared<RandomIds>(clock ? std::move(clock) : system_clock(), entropy);
}

}  // namespace engine

std::shared_ptr<Clock> system_clock() { return std::make_shared<engine::SystemClock>(); }

std::shared_ptr<IdSource> random_ids(std::shared_ptr<Clock> clock) {
  return engine::ids_from(std::move(clock), &engine::system_entropy);
}

}  // namespace bcstore
