// What both modes run under: a clock, ids and options from a seed, and a directory of their own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "bcstore/bcstore.h"
#include "crash/random.h"
#include "temp_directory.h"

namespace bcstore::crash {

struct RunOptions {
  uint64_t seed = 0;
  uint64_t rounds = 0;
  uint64_t only = 0;   // this round alone, from 1; 0: all
  bool keep = false;   // leave the directories of failed rounds behind
  bool plant = false;  // the positive control: with a fault that must be found
  // The last sector of a torn tail may hold other bytes than were written, not only fewer.
  bool garbled_tails = true;
};

// Advances by the call from a chosen start on, so that work is repeatable and crosses the ends of
// months. It steps back now and then, as clocks do.
class UnsteadyClock : public Clock {
 public:
  explicit UnsteadyClock(int64_t start_us) : start_us_(start_us) {}
  Time now() override {
    const int64_t calls = calls_.fetch_add(1);
    const bool back = calls % 61 == 60;
    return {start_us_ + calls * kStepUs - (back ? kStepBackUs : 0)};
  }

 private:
  static constexpr int64_t kStepUs = 1'000;
  static constexpr int64_t kStepBackUs = int64_t{2} * 3600 * 1'000'000;
  int64_t start_us_;
  std::atomic<int64_t> calls_{0};
};

class SeededIds : public IdSource {
 public:
  explicit SeededIds(uint64_t seed) : random_(seed) {}
  Uuid next() override {
    const std::lock_guard<std::mutex> guard(mutex_);
    Uuid id;
    for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(random_.next());
    return id;
  }

 private:
  std::mutex mutex_;
  Random random_;
};

// Few enough that they run out.
inline constexpr int32_t kCredits = 40;

// Every option that may differ between two runs on one store does. `day` moves the clock.
inline Options random_options(Random& random, uint64_t day) {
  constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;
  constexpr int64_t kStartUs = 1'753'700'000'000'000;  // 2025-07-28
  Options options;
  options.memory_budget_bytes = size_t{16} << (20 + random.below(3));
  constexpr uint32_t kFillUs[] = {0, 60, 400};
  options.group_fill_us = kFillUs[random.below(3)];
  options.free_space_reserve_bytes = uint64_t{random.below(2)} << 20;
  options.idempotency_window_us = kMaxIdempotencyWindowUs;
  options.lock_blocks_user_writes = random.percent(30);
  options.initial_credits = kCredits;
  options.clock = std::make_shared<UnsteadyClock>(kStartUs + static_cast<int64_t>(day) * kDayUs);
  options.ids = std::make_shared<SeededIds>(random.next());
  return options;
}

// An empty directory below the system's temporary one, which goes with the object unless it is told
// to stay.
class Scratch {
 public:
  Scratch();

  const std::string& path() const { return directory_.path(); }
  void keep() { directory_.keep(); }

 private:
  test::TempDirectory directory_;
};

}  // namespace bcstore::crash
