#include "vector/lists.h"

#include <algorithm>
#include <limits>

#include "vector/kernels.h"

namespace bcstore::vector {

namespace {

constexpr int kRounds = 10;

// SplitMix64: a number that looks random, from each state.
uint64_t next_random(uint64_t* state) {
  uint64_t z = (*state += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

double next_fraction(uint64_t* state) {
  return static_cast<double>(next_random(state) >> 11) * 0x1p-53;
}

// The codes as a query takes them; answers what the 128 of the rows' codes add to a product.
int32_t to_query(const uint8_t* codes, size_t dimension, int8_t* query) {
  int32_t sum = 0;
  for (size_t i = 0; i < dimension; ++i) {
    const int32_t code = int32_t{codes[i]} - kCodeZero;
    query[i] = static_cast<int8_t>(code);
    sum += code;
  }
  return sum * kCodeZero;
}

double squares_of(float scale, uint32_t squares) { return double{scale} * scale * squares; }

void add_center(const std::vector<float>& floats, Metric metric, CodeRows* centers) {
  std::vector<uint16_t> halves(floats.size());
  std::vector<uint8_t> codes(floats.size());
  const Metric as = metric == Metric::cosine ? metric : Metric::dot;
  const int32_t exponent = to_halves(floats, as, halves.data());
  const CodeRow row = to_codes(halves, exponent, codes.data());
  centers->add(codes.data(), row.scale, row.squares);
}

// Each next one with a chance that grows with its distance from those that there are.
CodeRows seed_centers(const CodeRows& sample, size_t lists, uint64_t* random) {
  CodeRows centers(sample.dimension());
  std::vector<double> apart(sample.size(), std::numeric_limits<double>::max());
  std::vector<int8_t> query(sample.stride());
  std::vector<int32_t> products(sample.size());
  size_t chosen = next_random(random) % sample.size();
  while (true) {
    centers.add(sample.codes(chosen), sample.scale(chosen), sample.squares(chosen));
    if (centers.size() == lists) return centers;
    const int32_t bias = to_query(sample.codes(chosen), sample.dimension(), query.data());
    kernels().dots_u8(sample.codes(), sample.stride(), sample.size(), query.data(), sample.stride(),
                      products.data(), nullptr);
    const double squares = squares_of(sample.scale(chosen), sample.squares(chosen));
    double sum = 0;
    for (size_t i = 0; i < sample.size(); ++i) {
      const double step = double{sample.scale(i)} * sample.scale(chosen);
      const double from_it = squares_of(sample.scale(i), sample.squares(i)) + squares -
                             2 * step * (products[i] - bias);
      apart[i] = std::min(apart[i], std::max(from_it, 0.0));
      sum += apart[i];
    }
    double left = next_fraction(random) * sum;
    chosen = 0;
    while (chosen + 1 < sample.size() && left >= apart[chosen]) left -= apart[chosen++];
  }
}

}  // namespace

CodeRows::CodeRows(uint32_t dimension) : dimension_(dimension), stride_(padded(dimension)) {}

void CodeRows::add(const uint8_t* codes, float scale, uint32_t squares) {
  codes_.insert(codes_.end(), codes, codes + dimension_);
  codes_.resize(codes_.size() + stride_ - dimension_, kCodeZero);
  scales_.push_back(scale);
  squares_.push_back(squares);
}

std::vector<float> CodeRows::floats(size_t i) const {
  std::vector<float> floats(dimension_);
  for (size_t j = 0; j < dimension_; ++j) {
    floats[j] = scales_[i] * static_cast<float>(int32_t{codes(i)[j]} - kCodeZero);
  }
  return floats;
}

NearestRow::NearestRow(const CodeRows& rows)
    : rows_(rows), query_(rows.stride()), products_(rows.size()) {
  for (size_t i = 0; i < rows.size(); ++i) {
    squares_.push_back(squares_of(rows.scale(i), rows.squares(i)));
  }
}

uint32_t NearestRow::find(const uint8_t* codes, float scale) {
  const int32_t bias = to_query(codes, rows_.dimension(), query_.data());
  kernels().dots_u8(rows_.codes(), rows_.stride(), rows_.size(), query_.data(), rows_.stride(),
                    products_.data(), nullptr);
  uint32_t nearest = 0;
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < rows_.size(); ++i) {
    const double step = double{rows_.scale(i)} * scale;
    const double apart = squares_[i] - 2 * step * (products_[i] - bias);
    if (apart >= least) continue;
    least = apart;
    nearest = static_cast<uint32_t>(i);
  }
  return nearest;
}

CodeRows find_centers(const CodeRows& sample, Metric metric, size_t lists, uint64_t seed) {
  lists = std::min(lists, sample.size());
  if (lists == 0) return CodeRows(sample.dimension());
  CodeRows centers = seed_centers(sample, lists, &seed);
  const size_t dimension = sample.dimension();
  std::vector<uint32_t> nearest(sample.size(), UINT32_MAX);
  std::vector<double> sums(lists * dimension);
  std::vector<size_t> counts(lists);
  for (int round = 0; round < kRounds; ++round) {
    NearestRow rows(centers);
    bool moved = false;
    std::fill(sums.begin(), sums.end(), 0);
    std::fill(counts.begin(), counts.end(), 0);
    for (size_t i = 0; i < sample.size(); ++i) {
      const uint32_t list = rows.find(sample.codes(i), sample.scale(i));
      moved |= nearest[i] != list;
      nearest[i] = list;
      ++counts[list];
      double* sum = sums.data() + list * dimension;
      const uint8_t* codes = sample.codes(i);
      const double scale = sample.scale(i);
      for (size_t j = 0; j < dimension; ++j) sum[j] += scale * (int32_t{codes[j]} - kCodeZero);
    }
    if (!moved) break;
    CodeRows next(sample.dimension());
    std::vector<float> mean(dimension);
    for (size_t list = 0; list < lists; ++list) {
      if (counts[list] == 0) {
        next.add(centers.codes(list), centers.scale(list), centers.squares(list));
        continue;
      }
      const double by = 1 / static_cast<double>(counts[list]);
      for (size_t j = 0; j < dimension; ++j) {
        mean[j] = static_cast<float>(sums[list * dimension + j] * by);
      }
      add_center(mean, metric, &next);
    }
    centers = std::move(next);
  }
  return centers;
}

}  // namespace bcstore::vector
