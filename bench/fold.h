// Fold: the sum that every engine folds every byte that it returns into.
//
// It makes a zero-copy read a read (nothing is returned that was not looked at), and it proves
// equal work: engines that hold the same data must come to the same sum, rows and bytes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace bcstore::bench {

class Fold {
 public:
  void number(uint64_t value) {
    sum_ = std::rotl(sum_, 5) + value * kOdd;
    bytes_ += sizeof value;
  }

  // A plain sum of words within the text: cheap enough not to hide the engine behind it.
  void text(std::string_view text) {
    uint64_t words = 0;
    const char* at = text.data();
    size_t left = text.size();
    for (; left >= sizeof(uint64_t); left -= sizeof(uint64_t), at += sizeof(uint64_t)) {
      uint64_t word;
      std::memcpy(&word, at, sizeof word);
      words += word;
    }
    uint64_t tail = 0;
    if (left > 0) std::memcpy(&tail, at, left);
    sum_ = std::rotl(sum_, 5) + (words + tail + text.size()) * kOdd;
    bytes_ += text.size();
  }

  void row() { ++rows_; }

  // Adds what another thread folded; the order of threads does not matter.
  void add(const Fold& other) {
    sum_ += other.sum_;
    rows_ += other.rows_;
    bytes_ += other.bytes_;
  }

  uint64_t sum() const { return sum_; }
  uint64_t rows() const { return rows_; }
  uint64_t bytes() const { return bytes_; }
  friend bool operator==(const Fold&, const Fold&) = default;

 private:
  static constexpr uint64_t kOdd = 0x9E3779B97F4A7C15ull;
  uint64_t sum_ = 0;
  uint64_t rows_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace bcstore::bench
