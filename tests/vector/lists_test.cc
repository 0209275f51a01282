// Lists: seeded far from each other and moved to the middle of what is near.
#include "vector/lists.h"

#include <doctest/doctest.h>

#include <random>
#include <set>
#include <vector>

namespace bcstore::vector {
namespace {

constexpr uint64_t kSeed = 20'251'123;
constexpr uint32_t kDimension = 20;

void add(const std::vector<float>& floats, CodeRows* rows) {
  std::vector<uint16_t> halves(floats.size());
  std::vector<uint8_t> codes(floats.size());
  const int32_t exponent = to_halves(floats, Metric::euclidean, halves.data());
  const CodeRow row = to_codes(halves, exponent, codes.data());
  rows->add(codes.data(), row.scale, row.squares);
}

// So many places, far from each other, and as many points around each.
CodeRows points(size_t places, size_t each) {
  std::mt19937_64 random(kSeed);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> centers(places, std::vector<float>(kDimension));
  for (auto& center : centers) {
    for (float& x : center) x = 10 * normal(random);
  }
  CodeRows rows(kDimension);
  for (size_t i = 0; i < places * each; ++i) {
    std::vector<float> floats = centers[i % places];
    for (float& x : floats) x += 0.01F * normal(random);
    add(floats, &rows);
  }
  return rows;
}

TEST_CASE("lists: each place that is apart has a list of its own") {
  constexpr size_t kPlaces = 30;
  const CodeRows rows = points(kPlaces, 50);
  const CodeRows centers = find_centers(rows, Metric::euclidean, kPlaces, kSeed);
  REQUIRE(centers.size() == kPlaces);
  std::vector<uint32_t> nearest(rows.size());
  NearestRow(centers).find(rows.codes(), rows.scales(), rows.size(), nearest.data());
  std::set<uint32_t> used;
  for (size_t i = 0; i < rows.size(); ++i) {
    CHECK(nearest[i] == nearest[i % kPlaces]);
    used.insert(nearest[i]);
  }
  CHECK(used.size() == kPlaces);
}

TEST_CASE("lists: no more than there are rows, and none of none") {
  const CodeRows rows = points(3, 1);
  CHECK(find_centers(rows, Metric::cosine, 10, kSeed).size() == 3);
  CHECK(find_centers(CodeRows(kDimension), Metric::cosine, 10, kSeed).size() == 0);
  CHECK(find_centers(rows, Metric::dot, 1, kSeed).size() == 1);
}

// Of rows of all lengths, some of none, and some twice.
TEST_CASE("lists: the nearest row is that of which the distances say so") {
  std::mt19937_64 random(kSeed);
  std::normal_distribution<float> normal;
  for (const uint32_t dimension : {1u, 3u, 24u, 65u, 384u, 4096u}) {
    for (const size_t count : {1u, 5u, 63u, 200u}) {
      CAPTURE(dimension);
      CAPTURE(count);
      CodeRows rows(dimension), asked(dimension);
      std::vector<float> floats(dimension);
      for (CodeRows* to : {&rows, &asked}) {
        for (size_t i = 0; i < count; ++i) {
          const float length = i % 7 == 6 ? 0 : std::exp2(static_cast<float>(random() % 20) - 10);
          if (i % 5 != 4) {
            for (float& x : floats) x = length * normal(random);
          }
          add(floats, to);
        }
      }
      std::vector<uint32_t> nearest(count);
      NearestRow(rows).find(asked.codes(), asked.scales(), count, nearest.data());
      for (size_t q = 0; q < count; ++q) {
        const std::vector<float> to = asked.floats(q);
        std::vector<double> all;
        for (size_t i = 0; i < count; ++i) {
          const std::vector<float> from = rows.floats(i);
          double apart = 0;
          for (size_t j = 0; j < dimension; ++j) {
            apart += (double{from[j]} - double{to[j]}) * (double{from[j]} - double{to[j]});
          }
          all.push_back(apart);
        }
        const auto least = std::min_element(all.begin(), all.end());
        if (nearest[q] == static_cast<uint32_t>(least - all.begin())) continue;
        // Of sums in another order.
        CHECK(all[nearest[q]] == doctest::Approx(*least).epsilon(1e-6));
        CHECK(*least > 0);
      }
    }
  }
}

TEST_CASE("lists: points that are all one make lists all the same") {
  CodeRows rows(kDimension);
  for (int i = 0; i < 100; ++i) add(std::vector<float>(kDimension, 1), &rows);
  const CodeRows centers = find_centers(rows, Metric::cosine, 5, kSeed);
  CHECK(centers.size() == 5);
  uint32_t nearest = UINT32_MAX;
  NearestRow(centers).find(rows.codes(), rows.scales(), 1, &nearest);
  CHECK(nearest == 0);
}

}  // namespace
}  // namespace bcstore::vector
