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
    for (float& x : floats) x += 0.1F * normal(random);
    add(floats, &rows);
  }
  return rows;
}

TEST_CASE("lists: each place that is apart has a list of its own") {
  constexpr size_t kPlaces = 30;
  const CodeRows rows = points(kPlaces, 50);
  const CodeRows centers = find_centers(rows, Metric::euclidean, kPlaces, kSeed);
  REQUIRE(centers.size() == kPlaces);
  NearestRow nearest(centers);
  std::set<uint32_t> used;
  for (size_t i = 0; i < rows.size(); ++i) {
    const uint32_t list = nearest.find(rows.codes(i), rows.scale(i));
    CHECK(list == nearest.find(rows.codes(i % kPlaces), rows.scale(i % kPlaces)));
    used.insert(list);
  }
  CHECK(used.size() == kPlaces);
}

TEST_CASE("lists: no more than there are rows, and none of none") {
  const CodeRows rows = points(3, 1);
  CHECK(find_centers(rows, Metric::cosine, 10, kSeed).size() == 3);
  CHECK(find_centers(CodeRows(kDimension), Metric::cosine, 10, kSeed).size() == 0);
  CHECK(find_centers(rows, Metric::dot, 1, kSeed).size() == 1);
}

TEST_CASE("lists: points that are all one make lists all the same") {
  CodeRows rows(kDimension);
  for (int i = 0; i < 100; ++i) add(std::vector<float>(kDimension, 1), &rows);
  const CodeRows centers = find_centers(rows, Metric::cosine, 5, kSeed);
  CHECK(centers.size() == 5);
  CHECK(NearestRow(centers).find(rows.codes(0), rows.scale(0)) == 0);
}

}  // namespace
}  // namespace bcstore::vector
