// Top: the nearest of what is offered. Of two that are equally near the one of the smaller number
// counts as nearer, so that an answer does not depend on the order in which it was found.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace bcstore::vector {

struct Near {
  double distance = 0;  // the smaller the nearer; never NaN
  uint64_t number = 0;
  friend bool operator<(const Near& a, const Near& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.number < b.number;
  }
};

class Top {
 public:
  explicit Top(size_t size) : size_(size) {}

  // What is farther than this is not kept.
  double bound() const { return bound_; }
  void offer(double distance, uint64_t number) {
    if (distance > bound_ || size_ == 0) return;
    const Near near{distance, number};
    if (heap_.size() == size_) {
      if (!(near < heap_.front())) return;
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.back() = near;
    } else {
      heap_.push_back(near);
    }
    std::push_heap(heap_.begin(), heap_.end());
    if (heap_.size() == size_) bound_ = heap_.front().distance;
  }
  // Nearest first; the heap is empty afterwards.
  std::vector<Near> take() {
    std::sort_heap(heap_.begin(), heap_.end());
    bound_ = std::numeric_limits<double>::infinity();
    return std::move(heap_);
  }

 private:
  size_t size_;
  double bound_ = std::numeric_limits<double>::infinity();
  std::vector<Near> heap_;  // the farthest first
};

}  // namespace bcstore::vector
