#include "vector/codec.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "vector/kernels.h"

namespace bcstore::vector {

namespace {

constexpr double kMostCode = 127;
// Adding it to a small double leaves the nearest whole number in the low bits.
constexpr double kRounder = 6755399441055744.0;  // 1.5 * 2^52
constexpr size_t kLanes = 4;

double rounded(double x) { return (x + kRounder) - kRounder; }

// Four sums side by side, in one order on every processor. `term` is asked for each index.
template <class Term>
double sum_of(size_t n, Term term) {
  double sums[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) sums[j] += term(i + j);
  }
  for (; i < n; ++i) sums[0] += term(i);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// Of two floats the product is exact in a double, whether or not it is added in the same step.
double dot_of(std::span<const float> a, std::span<const float> b) {
  return sum_of(a.size(), [&](size_t i) { return double{a[i]} * double{b[i]}; });
}

double largest_of(std::span<const float> floats) {
  float largest = 0;
  for (const float x : floats) largest = std::max(largest, std::fabs(x));
  return largest;
}

// The floats times `factor`, divided by the power of two that brings them below 1.
int32_t scale_down(std::span<const float> floats, double factor, float* to) {
  int exponent = 0;
  (void)std::frexp(largest_of(floats) * factor, &exponent);
  const double by = std::ldexp(factor, -exponent);
  for (size_t i = 0; i < floats.size(); ++i) to[i] = static_cast<float>(double{floats[i]} * by);
  return exponent;
}

double direction_factor(std::span<const float> floats, Metric metric) {
  if (metric != Metric::cosine) return 1;
  const double squares = square_sum(floats);
  return squares > 0 ? 1 / std::sqrt(squares) : 1;
}

}  // namespace

double square_sum(std::span<const float> floats) { return dot_of(floats, floats); }

int32_t to_halves(std::span<const float> floats, Metric metric, uint16_t* halves) {
  std::vector<float> scaled(floats.size());
  const int32_t exponent = scale_down(floats, direction_factor(floats, metric), scaled.data());
  kernels().to_f16(scaled.data(), scaled.size(), halves);
  return exponent;
}

CodeRow to_codes(std::span<const uint16_t> halves, int32_t exponent, uint8_t* codes) {
  std::vector<float> floats(halves.size());
  kernels().from_f16(halves.data(), halves.size(), floats.data());
  const double largest = largest_of(floats);
  const double factor = largest > 0 ? kMostCode / largest : 0;
  CodeRow row;
  row.scale = static_cast<float>(std::ldexp(largest / kMostCode, exponent));
  for (size_t i = 0; i < floats.size(); ++i) {
    const auto code = static_cast<int32_t>(rounded(double{floats[i]} * factor));
    codes[i] = static_cast<uint8_t>(code + kCodeZero);
    row.squares += static_cast<uint32_t>(code * code);
  }
  return row;
}

Query::Query(std::span<const float> floats, Metric metric)
    : floats_(floats), metric_(metric), norm_(std::sqrt(square_sum(floats))) {
  std::vector<float> scaled(floats.size());
  const int32_t exponent = scale_down(floats, direction_factor(floats, metric), scaled.data());
  codes_.resize(padded(floats.size()));
  const double largest = largest_of(scaled);
  const double factor = largest > 0 ? kMostCode / largest : 0;
  scale_ = std::ldexp(largest / kMostCode, exponent);
  int32_t sum = 0, squares = 0;
  for (size_t i = 0; i < scaled.size(); ++i) {
    const auto code = static_cast<int32_t>(rounded(double{scaled[i]} * factor));
    codes_[i] = static_cast<int8_t>(code);
    sum += code;
    squares += code * code;
  }
  bias_ = sum * int32_t{kCodeZero};
  squares_ = scale_ * scale_ * squares;
}

float Query::least(double bound) const {
  constexpr double kRounding = 1e-6;  // of the float sums
  if (!(scale_ > 0) || !std::isfinite(bound)) return -std::numeric_limits<float>::infinity();
  const double least = -bound / scale_;
  const double lower = least - std::abs(least) * kRounding;
  return lower < -double{std::numeric_limits<float>::max()}
             ? -std::numeric_limits<float>::infinity()
             : static_cast<float>(std::min(lower, double{std::numeric_limits<float>::max()}));
}

// A component is off by its rounding: up to half a step, evenly.
double Query::codes_error(double largest_scale, double distance) const {
  constexpr double kDeviations = 8;
  // Steps so small that a float rounds them tell nothing.
  constexpr double kLeastScale = std::numeric_limits<float>::min();
  if (!std::isfinite(largest_scale) || largest_scale < kLeastScale || scale_ < kLeastScale) {
    return std::numeric_limits<double>::infinity();
  }
  const auto n = static_cast<double>(floats_.size());
  const double of_row = largest_scale * largest_scale / 12, of_query = scale_ * scale_ / 12;
  if (metric_ == Metric::euclidean) {
    const double of_both = of_row + of_query;
    return kDeviations * 2 * std::sqrt(std::max(distance, 0.0) * of_both) + n * of_both;
  }
  const double length = metric_ == Metric::cosine ? 1 : kMostCode * largest_scale * std::sqrt(n);
  const double query = metric_ == Metric::cosine ? 1 : norm_;
  return kDeviations * std::sqrt(query * query * of_row + length * length * of_query);
}

double Query::by_floats(std::span<const float> floats, double squares) const {
  if (metric_ == Metric::euclidean) {
    return std::sqrt(sum_of(floats.size(), [&](size_t i) {
      const double apart = double{floats[i]} - double{floats_[i]};
      return apart * apart;
    }));
  }
  const double dot = dot_of(floats, floats_);
  if (metric_ == Metric::dot) return -dot;
  const double length = std::sqrt(squares) * norm_;
  return length > 0 ? 1 - dot / length : 1;
}

}  // namespace bcstore::vector
