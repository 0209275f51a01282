// Lists: many vectors divided into lists of near ones, by their codes alone. Every decision follows
// from integers and from doubles that are computed in one order, so that the same vectors make the
// same lists on every processor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bcstore/types.h"
#include "vector/codec.h"
#include "vector/kernels.h"

namespace bcstore::vector {

// Rows of codes, laid out for the kernels.
class CodeRows {
 public:
  explicit CodeRows(uint32_t dimension);

  void reserve(size_t rows);
  void add(const uint8_t* codes, float scale, uint32_t squares);
  size_t size() const { return scales_.size(); }
  uint32_t dimension() const { return dimension_; }
  size_t stride() const { return stride_; }
  const uint8_t* codes(size_t i = 0) const { return codes_.data() + i * stride_; }
  float scale(size_t i) const { return scales_[i]; }
  const float* scales(size_t i = 0) const { return scales_.data() + i; }
  uint32_t squares(size_t i) const { return squares_[i]; }
  // What the codes stand for; the largest float where that is more than there is.
  std::vector<float> floats(size_t i) const;

 private:
  uint32_t dimension_;
  size_t stride_;
  std::vector<uint8_t> codes_;
  std::vector<float> scales_;
  std::vector<uint32_t> squares_;
};

// Tells which of a few rows is nearest to each of others, by the euclidean distance; of two that
// are equally near the first. Some of the others at a time meet a chunk of the rows that fits the
// nearest cache.
class NearestRow {
 public:
  explicit NearestRow(const CodeRows& rows);
  // Of `count` rows of codes of the same stride.
  void find(const uint8_t* codes, const float* scales, size_t count, uint32_t* nearest);

 private:
  static constexpr size_t kBatch = 4 * kQueriesAtOnce;
  struct Asked {
    double scale = 0, least = 0;  // the distance's square, without what all have in common
    int32_t bias = 0;
    uint32_t nearest = 0;
  };
  // What the products of a chunk tell of it.
  void look(size_t first, const int32_t* products, size_t count, Asked* asked) const;

  const CodeRows& rows_;
  size_t chunk_;                       // rows
  std::vector<double> squares_;        // of each row
  std::vector<double> least_squares_;  // of each chunk
  std::vector<int8_t> queries_;
  std::vector<int32_t> products_;
};

// What `lists` lists have in the middle: seeded far from each other (k-means++), then moved to the
// mean of what is nearest to them, ten times at most. Fewer when the sample has fewer rows.
CodeRows find_centers(const CodeRows& sample, Metric metric, size_t lists, uint64_t seed);

}  // namespace bcstore::vector
