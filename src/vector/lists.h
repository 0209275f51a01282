// Lists: many vectors divided into lists of near ones, by their codes alone. Every decision follows
// from integers and from doubles that are computed in one order, so that the same vectors make the
// same lists on every processor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bcstore/types.h"
#include "vector/codec.h"

namespace bcstore::vector {

// Rows of codes, laid out for the kernels.
class CodeRows {
 public:
  explicit CodeRows(uint32_t dimension);

  void add(const uint8_t* codes, float scale, uint32_t squares);
  size_t size() const { return scales_.size(); }
  uint32_t dimension() const { return dimension_; }
  size_t stride() const { return stride_; }
  const uint8_t* codes(size_t i = 0) const { return codes_.data() + i * stride_; }
  float scale(size_t i) const { return scales_[i]; }
  uint32_t squares(size_t i) const { return squares_[i]; }
  // What the codes stand for.
  std::vector<float> floats(size_t i) const;

 private:
  uint32_t dimension_;
  size_t stride_;
  std::vector<uint8_t> codes_;
  std::vector<float> scales_;
  std::vector<uint32_t> squares_;
};

// Tells which of a few rows is nearest to any other, by the euclidean distance; of two that are
// equally near the first.
class NearestRow {
 public:
  explicit NearestRow(const CodeRows& rows);
  uint32_t find(const uint8_t* codes, float scale);

 private:
  const CodeRows& rows_;
  std::vector<double> squares_;
  std::vector<int8_t> query_;
  std::vector<int32_t> products_;
};

// What `lists` lists have in the middle: seeded far from each other (k-means++), then moved to the
// mean of what is nearest to them, kRounds times at most. Fewer when the sample has fewer rows.
CodeRows find_centers(const CodeRows& sample, Metric metric, size_t lists, uint64_t seed);

}  // namespace bcstore::vector
