// Histogram: latencies in buckets that are at most 1/32 wide, so that a percentile is right to 3 %
// whatever its size, and recording costs a shift and an increment.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace bcstore::bench {

class Histogram {
 public:
  void record(uint64_t ns) {
    ++counts_[bucket_of(ns)];
    ++total_;
  }

  void add(const Histogram& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
  }

  // The middle of the bucket that holds the given share (0 to 1) of all values; 0 when empty.
  double percentile_us(double share) const {
    if (total_ == 0) return 0;
    const uint64_t rank =
        std::min(total_ - 1, static_cast<uint64_t>(share * static_cast<double>(total_)));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > rank) return middle_ns(i) / 1000.0;
    }
    return 0;
  }

  uint64_t total() const { return total_; }

 private:
  // Values below 64 have a bucket each; above, every power of two has 32.
  static constexpr unsigned kBits = 5;
  static constexpr uint64_t kExact = uint64_t{1} << (kBits + 1);
  static constexpr size_t kBuckets = (64 - kBits) << kBits;

  static size_t bucket_of(uint64_t ns) {
    if (ns < kExact) return static_cast<size_t>(ns);
    const unsigned shift = static_cast<unsigned>(std::bit_width(ns)) - (kBits + 1);
    return (static_cast<size_t>(shift) << kBits) + static_cast<size_t>(ns >> shift);
  }

  static double middle_ns(size_t bucket) {
    if (bucket < kExact) return static_cast<double>(bucket);
    const size_t shift = (bucket >> kBits) - 1;
    const size_t base = bucket - (shift << kBits);
    return (static_cast<double>(base) + 0.5) * static_cast<double>(uint64_t{1} << shift);
  }

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t total_ = 0;
};

}  // namespace bcstore::bench
