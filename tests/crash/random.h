// A small seeded generator, the same on every machine, so that a printed seed repeats a run.
#pragma once

#include <cstdint>

namespace bcstore::crash {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() { return mix(state_ += 0x9E3779B97F4A7C15u); }
  // 0 to bound - 1; 0 for a bound of 0.
  uint64_t below(uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
  // low to high, both included.
  uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }
  bool percent(uint64_t chance) { return below(100) < chance; }

  // The seed of a part of a run.
  static uint64_t derive(uint64_t seed, uint64_t part) {
    return mix(seed ^ mix(part + 0x9E3779B97F4A7C15u));
  }

 private:
  // The output function of splitmix64 (Steele, Lea, Flood 2014).
  static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  uint64_t state_;
};

}  // namespace bcstore::crash
