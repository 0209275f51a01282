// Codec: what search keeps of a vector beside the floats that were given, and how far it is from a
// query by each of the three.
//
//   halves   half precision, of the vector's direction under cosine, else of the vector itself; all
//            of one vector divided by a power of two, so that none overflows
//   codes    a byte for each component, made of the halves: round(127 * half / the largest), plus
//            128. A step is scale.
//
// Both follow from the floats alone, bit by bit, on every processor: sums that decide on them are
// made in one order, of products that are exact. So an index that is written again is the same, and
// check() can make it anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bcstore/types.h"

namespace bcstore::vector {

// The number under which the codec stands in a store.
inline constexpr uint8_t kCodec = 1;
inline constexpr uint8_t kCodeZero = 128;

// Writes the halves; answers the exponent of the power of two. Floats are finite.
int32_t to_halves(std::span<const float> floats, Metric metric, uint16_t* halves);

struct CodeRow {
  float scale = 0;       // 0 of a vector of zeros, or of components below what a float holds
  uint32_t squares = 0;  // the sum of the codes' squares
  friend bool operator==(const CodeRow&, const CodeRow&) = default;
};
CodeRow to_codes(std::span<const uint16_t> halves, int32_t exponent, uint8_t* codes);

// A query, made ready once. Its floats must live as long. Smaller distances are nearer; those by
// codes and halves are in the query's own measure: minus a product, or the square of a distance.
class Query {
 public:
  Query(std::span<const float> floats, Metric metric);

  std::span<const float> floats() const { return floats_; }
  Metric metric() const { return metric_; }
  // Codes without the 128, padded with zeros to kRowAlignment.
  const int8_t* codes() const { return codes_.data(); }
  // `product`: what Kernels::dots_u8 gave for the row.
  double by_codes(int32_t product, float scale, uint32_t squares) const {
    const double step = double{scale} * scale_;
    const double dot = step * (product - bias_);
    if (metric_ != Metric::euclidean) return -dot;
    return double{scale} * scale * squares + squares_ - 2 * dot;
  }
  // For Kernels::at_least: the bias of products, and what all rows reach that are not farther than
  // `bound`; no such number under the euclidean metric.
  int32_t bias() const { return bias_; }
  float least(double bound) const;
  // By how much the difference of two distances by codes, of which one is `distance`, may be off,
  // as a rule: eight standard deviations of what rounding does, where no step of the two is above
  // `largest_scale`.
  double codes_error(double largest_scale, double distance) const;
  // What is answered: 1 - cosine, the distance, or minus the product. The same bits everywhere.
  // `squares`: square_sum(floats).
  double by_floats(std::span<const float> floats, double squares) const;

 private:
  std::span<const float> floats_;
  Metric metric_;
  double norm_ = 0;
  double scale_ = 0, squares_ = 0;
  int32_t bias_ = 0;  // what the 128 of a row's codes add to a product
  std::vector<int8_t> codes_;
};

// The squared length, in a fixed order.
double square_sum(std::span<const float> floats);

}  // namespace bcstore::vector
