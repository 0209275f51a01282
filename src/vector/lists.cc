#include "vector/lists.h"

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <limits>

#include "vector/kernels.h"

namespace bcstore::vector {

namespace {

constexpr int kRounds = 10, kFineRounds = 2;
constexpr size_t kRoughPart = 4;          // one in so many of the sample
constexpr size_t kLeastRough = 4;         // for each list
constexpr size_t kChunkBytes = 16 << 10;  // half of the nearest cache, or less

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

// Codes may stand for a little more than what they were made of.
float to_float(double x) {
  return static_cast<float>(std::clamp(x, -double{FLT_MAX}, double{FLT_MAX}));
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

// Each next one with a chance that grows with its distance from those that there are. Once there
// are many, some are chosen at a time, as the sample need be read once for these.
class Seeds {
 public:
  Seeds(const CodeRows& sample, uint64_t* random)
      : sample_(sample),
        random_(*random),
        centers_(sample.dimension()),
        apart_(sample.size(), 1),
        queries_(kQueriesAtOnce * sample.stride()) {}

  CodeRows choose(size_t lists) {
    centers_.reserve(lists);
    while (true) {
      const size_t wanted = centers_.size() < kFirst ? 1 : kQueriesAtOnce;
      const size_t count = std::min(wanted, lists - centers_.size());
      for (size_t q = 0; q < count; ++q) add(q);
      if (centers_.size() == lists) return std::move(centers_);
      measure(count);
    }
  }

 private:
  static constexpr size_t kFirst = 64;
  static constexpr size_t kRows = 64;

  void add(size_t q) {
    double sum = 0;
    for (const double apart : apart_) sum += apart;
    double left = next_fraction(&random_) * sum;
    size_t chosen = 0;
    while (chosen + 1 < sample_.size() && left >= apart_[chosen]) left -= apart_[chosen++];
    if (centers_.size() == 0) {
      std::fill(apart_.begin(), apart_.end(), std::numeric_limits<double>::max());
    }
    apart_[chosen] = 0;
    centers_.add(sample_.codes(chosen), sample_.scale(chosen), sample_.squares(chosen));
    bias_[q] = to_query(sample_.codes(chosen), sample_.dimension(),
                        queries_.data() + q * sample_.stride());
  }

  // How far everything is from the last `count` of them.
  void measure(size_t count) {
    int32_t products[kQueriesAtOnce * kRows];
    for (size_t first = 0; first < sample_.size(); first += kRows) {
      const size_t rows = std::min(kRows, sample_.size() - first);
      if (count == 1) {
        kernels().dots_u8(sample_.codes(first), sample_.stride(), rows, queries_.data(),
                          sample_.stride(), products, nullptr);
      } else {
        dots_at_once(kernels(), sample_.codes(first), sample_.stride(), rows, queries_.data(),
                     sample_.stride(), products);
      }
      for (size_t q = 0; q < count; ++q) {
        const size_t center = centers_.size() - count + q;
        const double scale = centers_.scale(center);
        const double squares = squares_of(centers_.scale(center), centers_.squares(center));
        for (size_t i = 0; i < rows; ++i) {
          const double step = double{sample_.scale(first + i)} * scale;
          const double from_it = squares_of(sample_.scale(first + i), sample_.squares(first + i)) +
                                 squares - 2 * step * (products[q * rows + i] - bias_[q]);
          apart_[first + i] = std::min(apart_[first + i], std::max(from_it, 0.0));
        }
      }
    }
  }

  const CodeRows& sample_;
  uint64_t& random_;
  CodeRows centers_;
  std::vector<double> apart_;  // the square, of each row from the nearest center
  std::vector<int8_t> queries_;
  int32_t bias_[kQueriesAtOnce] = {};
};

}  // namespace

CodeRows::CodeRows(uint32_t dimension) : dimension_(dimension), stride_(padded(dimension)) {}

void CodeRows::reserve(size_t rows) {
  codes_.reserve(rows * stride_);
  scales_.reserve(rows);
  squares_.reserve(rows);
}

void CodeRows::add(const uint8_t* codes, float scale, uint32_t squares) {
  codes_.insert(codes_.end(), codes, codes + dimension_);
  codes_.resize(codes_.size() + stride_ - dimension_, kCodeZero);
  scales_.push_back(scale);
  squares_.push_back(squares);
}

std::vector<float> CodeRows::floats(size_t i) const {
  std::vector<float> floats(dimension_);
  for (size_t j = 0; j < dimension_; ++j) {
    floats[j] = to_float(double{scales_[i]} * (int32_t{codes(i)[j]} - kCodeZero));
  }
  return floats;
}

NearestRow::NearestRow(const CodeRows& rows)
    : rows_(rows),
      chunk_(std::clamp<size_t>(kChunkBytes / rows.stride(), 4, 64) / 4 * 4),
      queries_(kBatch * rows.stride()),
      products_(kQueriesAtOnce * chunk_) {
  for (size_t i = 0; i < rows.size(); ++i) {
    squares_.push_back(squares_of(rows.scale(i), rows.squares(i)));
    if (i % chunk_ == 0) least_squares_.push_back(squares_.back());
    least_squares_.back() = std::min(least_squares_.back(), squares_.back());
  }
}

void NearestRow::find(const uint8_t* codes, const float* scales, size_t count, uint32_t* nearest) {
  const size_t stride = rows_.stride();
  for (size_t done = 0; done < count; done += kBatch) {
    const size_t batch = std::min(kBatch, count - done);
    Asked asked[kBatch];
    for (size_t q = 0; q < batch; ++q) {
      asked[q].scale = double{scales[done + q]};
      asked[q].least = std::numeric_limits<double>::infinity();
      asked[q].bias =
          to_query(codes + (done + q) * stride, rows_.dimension(), queries_.data() + q * stride);
    }
    for (size_t first = 0; first < rows_.size(); first += chunk_) {
      const size_t in_chunk = std::min(chunk_, rows_.size() - first);
      for (size_t q = 0; q < batch; ++q) {
        // What stands behind the last of a batch is of the one before, and not looked at.
        const size_t of = q % kQueriesAtOnce;
        if (of == 0) {
          dots_at_once(kernels(), rows_.codes(first), stride, in_chunk,
                       queries_.data() + q * stride, stride, products_.data());
        }
        look(first, products_.data() + of * in_chunk, in_chunk, &asked[q]);
      }
    }
    for (size_t q = 0; q < batch; ++q) nearest[done + q] = asked[q].nearest;
  }
}

// Which of them could be nearer is told by floats for all at once, and then exactly for those few.
void NearestRow::look(size_t first, const int32_t* products, size_t count, Asked* asked) const {
  constexpr double kRounding = 1e-6;  // of the float products
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  float bound = kNone;
  if (asked->scale > 0 && std::isfinite(asked->least)) {
    const double exact = (least_squares_[first / chunk_] - asked->least) / (2 * asked->scale);
    const double lower = exact - std::abs(exact) * kRounding - double{FLT_MIN};
    bound = lower < -double{FLT_MAX} ? kNone : static_cast<float>(std::min(lower, double{FLT_MAX}));
  }
  uint64_t near = kernels().at_least(products, rows_.scales(first), count, asked->bias, bound);
  for (; near != 0; near &= near - 1) {
    const auto at = static_cast<size_t>(std::countr_zero(near));
    const double step = double{rows_.scale(first + at)} * asked->scale;
    const double apart = squares_[first + at] - 2 * step * (products[at] - asked->bias);
    if (apart >= asked->least) continue;
    asked->least = apart;
    asked->nearest = static_cast<uint32_t>(first + at);
  }
}

namespace {

// To the mean of what is nearest to each, until nothing changes its place any more (Lloyd).
void move_centers(const CodeRows& sample, Metric metric, int rounds, CodeRows* centers) {
  const size_t dimension = sample.dimension(), lists = centers->size();
  std::vector<uint32_t> nearest(sample.size(), UINT32_MAX), found(sample.size());
  std::vector<double> sums(lists * dimension);
  std::vector<size_t> counts(lists);
  for (int round = 0; round < rounds; ++round) {
    NearestRow(*centers).find(sample.codes(), sample.scales(), sample.size(), found.data());
    if (found == nearest) return;
    nearest.swap(found);
    std::fill(sums.begin(), sums.end(), 0);
    std::fill(counts.begin(), counts.end(), 0);
    for (size_t i = 0; i < sample.size(); ++i) {
      ++counts[nearest[i]];
      double* sum = sums.data() + nearest[i] * dimension;
      const uint8_t* codes = sample.codes(i);
      const double scale = sample.scale(i);
      for (size_t j = 0; j < dimension; ++j) sum[j] += scale * (int32_t{codes[j]} - kCodeZero);
    }
    CodeRows next(sample.dimension());
    next.reserve(lists);
    std::vector<float> mean(dimension);
    for (size_t list = 0; list < lists; ++list) {
      if (counts[list] == 0) {
        next.add(centers->codes(list), centers->scale(list), centers->squares(list));
        continue;
      }
      const double by = 1 / static_cast<double>(counts[list]);
      for (size_t j = 0; j < dimension; ++j) {
        mean[j] = to_float(sums[list * dimension + j] * by);
      }
      add_center(mean, metric, &next);
    }
    *centers = std::move(next);
  }
}

}  // namespace

CodeRows find_centers(const CodeRows& sample, Metric metric, size_t lists, uint64_t seed) {
  lists = std::min(lists, sample.size());
  if (lists == 0) return CodeRows(sample.dimension());
  CodeRows centers = Seeds(sample, &seed).choose(lists);
  // A part of the sample does for the long way, where it has enough for each.
  if (sample.size() / kRoughPart >= lists * kLeastRough) {
    CodeRows rough(sample.dimension());
    rough.reserve((sample.size() + kRoughPart - 1) / kRoughPart);
    for (size_t i = 0; i < sample.size(); i += kRoughPart) {
      rough.add(sample.codes(i), sample.scale(i), sample.squares(i));
    }
    move_centers(rough, metric, kRounds - kFineRounds, &centers);
    move_centers(sample, metric, kFineRounds, &centers);
  } else {
    move_centers(sample, metric, kRounds, &centers);
  }
  return centers;
}

}  // namespace bcstore::vector
