// Embeddings from a file of float vectors (.fvecs): for each row its dimension as a little-endian
// int32, then that many float32.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "bcstore/status.h"

namespace bcstore::cli {

// A larger file is refused: all of it is held in memory.
inline constexpr size_t kMaxVectorBytes = size_t{1} << 30;

class Vectors {
 public:
  // Plain, .gz or .zst. Codes: io_error, corruption (a row that is cut off or of no dimension),
  // invalid_argument (more than kMaxVectorBytes).
  static Result<Vectors> read(const std::string& path);

  size_t size() const { return starts_.empty() ? 0 : starts_.size() - 1; }
  // Empty for a number that is no row.
  std::span<const float> row(size_t number) const {
    if (number >= size()) return {};
    return std::span(floats_).subspan(starts_[number], starts_[number + 1] - starts_[number]);
  }

 private:
  std::vector<float> floats_;
  std::vector<size_t> starts_;
};

}  // namespace bcstore::cli
