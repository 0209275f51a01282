// What is kept of a vector, how far it is from a query by each form, and the nearest of many.
#include <doctest/doctest.h>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <random>
#include <vector>

#include "vector/codec.h"
#include "vector/kernels.h"
#include "vector/top.h"

namespace bcstore::vector {
namespace {

constexpr uint64_t kSeed = 20'251'123;
constexpr Metric kMetrics[] = {Metric::cosine, Metric::euclidean, Metric::dot};

std::vector<float> random_floats(std::mt19937_64& random, size_t n, float size) {
  std::normal_distribution<float> normal;
  std::vector<float> floats(n);
  for (float& x : floats) x = normal(random) * size;
  return floats;
}

struct Kept {
  std::vector<uint16_t> halves;
  std::vector<uint8_t> codes;
  int32_t exponent;
  CodeRow row;

  Kept(std::span<const float> floats, Metric metric)
      : halves(floats.size()),
        codes(floats.size()),
        exponent(to_halves(floats, metric, halves.data())),
        row(to_codes(halves, exponent, codes.data())) {}
};

double by_codes(const Query& query, const Kept& kept) {
  int32_t product = 0;
  kernels().dots_u8(kept.codes.data(), kept.codes.size(), 1, query.codes(), kept.codes.size(),
                    &product, nullptr);
  return query.by_codes(product, kept.row.scale, kept.row.squares);
}

// In the query's own measure.
double measured(const Query& query, std::span<const float> floats) {
  const double distance = query.by_floats(floats, square_sum(floats));
  if (query.metric() == Metric::cosine) return distance - 1;
  return query.metric() == Metric::euclidean ? distance * distance : distance;
}

TEST_CASE("vector: codes and halves tell about the true distance") {
  std::mt19937_64 random(kSeed);
  for (const Metric metric : kMetrics) {
    for (const size_t n : {1u, 3u, 100u, 384u, 4096u}) {
      for (const float size : {1e-30F, 0.01F, 1.0F, 1e6F, 1e30F}) {
        const std::vector<float> a = random_floats(random, n, size);
        const std::vector<float> b = random_floats(random, n, size);
        const Query query(a, metric);
        const Kept kept(b, metric);
        const double unit =
            metric == Metric::cosine ? 1 : std::sqrt(square_sum(a) * square_sum(b)) + square_sum(b);
        const double truth = measured(query, b);
        CAPTURE(n);
        CAPTURE(size);
        CAPTURE(truth);
        CHECK(std::abs(by_codes(query, kept) - truth) <= 0.05 * unit);
        if (n < 100) continue;
        const double error = query.codes_error(kept.row.scale, truth);
        CHECK(std::abs(by_codes(query, kept) - truth) <= error);
        CHECK(error <= 0.2 * unit);
      }
    }
  }
}

TEST_CASE("vector: numbers at the ends of what a float holds stay finite") {
  const std::vector<std::vector<float>> extremes = {
      {FLT_MAX, -FLT_MAX, FLT_MAX, FLT_MAX},
      {FLT_TRUE_MIN, 0, 0, -FLT_TRUE_MIN},
      {FLT_MAX, FLT_TRUE_MIN, 0, 1},
      {0, 0, 0, 0},
      {-0.0F, 0, 0, 0},
      {1, 1, 1, 1},
  };
  for (const Metric metric : kMetrics) {
    for (const auto& a : extremes) {
      for (const auto& b : extremes) {
        const Query query(a, metric);
        const Kept kept(b, metric);
        CHECK(std::isfinite(by_codes(query, kept)));
        CHECK(std::isfinite(query.by_floats(b, square_sum(b))));
        // Infinite where a float rounds the steps themselves.
        CHECK(query.codes_error(kept.row.scale, by_codes(query, kept)) >= 0);
        CHECK_FALSE(std::isnan(query.least(by_codes(query, kept))));
      }
    }
  }
  const std::vector<float> tiny(4, FLT_TRUE_MIN);
  const std::vector<float> huge(4, FLT_MAX);
  CHECK(Query(tiny, Metric::cosine).by_floats(huge, square_sum(huge)) == doctest::Approx(0));
}

TEST_CASE("vector: codes are the nearest steps, symmetric, and never -128") {
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 200; ++i) {
    std::vector<float> floats = random_floats(random, 100, 1);
    const Kept kept(floats, Metric::dot);
    for (float& x : floats) x = -x;
    const Kept mirrored(floats, Metric::dot);
    CHECK(kept.row == mirrored.row);
    uint32_t squares = 0;
    bool has_largest = false;
    for (size_t j = 0; j < floats.size(); ++j) {
      const int code = kept.codes[j] - 128;
      CHECK(code == -(mirrored.codes[j] - 128));
      CHECK(std::abs(code) <= 127);
      has_largest |= std::abs(code) == 127;
      squares += static_cast<uint32_t>(code * code);
      const double value = -double{floats[j]};
      CHECK(std::abs(value - double{kept.row.scale} * code) <= 0.54 * double{kept.row.scale});
    }
    CHECK(has_largest);
    CHECK(kept.row.squares == squares);
  }
  const Kept zero(std::vector<float>(7, 0.0F), Metric::euclidean);
  CHECK(zero.row == CodeRow{});
  CHECK(std::all_of(zero.codes.begin(), zero.codes.end(), [](uint8_t c) { return c == 128; }));
}

TEST_CASE("vector: only the direction counts under cosine") {
  std::mt19937_64 random(kSeed);
  std::vector<float> floats = random_floats(random, 50, 1);
  const Kept kept(floats, Metric::cosine);
  for (float& x : floats) x *= 1024;
  const Kept longer(floats, Metric::cosine);
  CHECK(kept.codes == longer.codes);
  CHECK(kept.halves == longer.halves);
  CHECK(kept.exponent == longer.exponent);
}

// What is on disk must not depend on the processor: these bits were made once.
TEST_CASE("vector: halves and codes are the same bits everywhere") {
  std::vector<float> floats(37);
  for (size_t i = 0; i < floats.size(); ++i) {
    floats[i] = static_cast<float>(static_cast<int>(i * i * 7 % 101) - 50) / 8;
  }
  uint64_t hash = 0;
  const auto mix = [&](uint64_t x) { hash = (hash ^ x) * 0x100000001B3ull; };
  for (const Metric metric : kMetrics) {
    const Kept kept(floats, metric);
    for (const uint16_t half : kept.halves) mix(half);
    for (const uint8_t code : kept.codes) mix(code);
    mix(static_cast<uint32_t>(kept.exponent));
    mix(kept.row.squares);
  }
  CHECK(hash == 935389482911986366u);
}

TEST_CASE("vector: the nearest of many, the smaller number first among equals") {
  std::mt19937_64 random(kSeed);
  for (const size_t size : {1u, 2u, 10u, 100u}) {
    for (int run = 0; run < 50; ++run) {
      std::vector<Near> all;
      Top top(size);
      for (uint64_t i = 0; i < 90; ++i) {
        const Near near{static_cast<double>(random() % 20), random() % 2 == 0 ? i : 1000 - i};
        all.push_back(near);
        top.offer(near.distance, near.number);
      }
      std::sort(all.begin(), all.end());
      all.resize(std::min(all.size(), size));
      const std::vector<Near> got = top.take();
      REQUIRE(got.size() == all.size());
      for (size_t i = 0; i < got.size(); ++i) {
        CHECK(got[i].distance == all[i].distance);
        CHECK(got[i].number == all[i].number);
      }
    }
  }
  Top none(0);
  none.offer(1, 1);
  CHECK(none.take().empty());
}

}  // namespace
}  // namespace bcstore::vector
