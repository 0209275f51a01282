// Sieve: the nearest of what is offered, when most of it is not. Keeps several times as many as are
// wanted and throws the farther ones away at once, which costs less than a heap that is in order
// after each. Of two that are equally near the one of the smaller number counts as nearer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "vector/top.h"

namespace bcstore::vector {

class Sieve {
 public:
  explicit Sieve(size_t wanted) : wanted_(wanted) { kept_.reserve(kTimes * wanted); }

  // What is farther than this is not among the nearest.
  double bound() const { return bound_; }
  // At most bound() away.
  void offer(double distance, uint64_t number) {
    kept_.push_back({distance, number});
    if (kept_.size() == kTimes * wanted_) narrow();
  }
  size_t size() const { return kept_.size(); }
  // Nearest first, at most as many as are wanted; nothing is left.
  std::vector<Near> take() {
    if (kept_.size() > wanted_) narrow();
    std::sort(kept_.begin(), kept_.end());
    bound_ = std::numeric_limits<double>::infinity();
    return std::move(kept_);
  }

 private:
  static constexpr size_t kTimes = 4;
  void narrow() {
    const auto last = kept_.begin() + static_cast<ptrdiff_t>(wanted_) - 1;
    std::nth_element(kept_.begin(), last, kept_.end());
    bound_ = last->distance;
    kept_.resize(wanted_);
  }

  size_t wanted_;
  double bound_ = std::numeric_limits<double>::infinity();
  std::vector<Near> kept_;
};

}  // namespace bcstore::vector
