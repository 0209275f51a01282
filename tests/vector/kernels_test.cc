// Every set of kernels that this processor runs, against the scalar one.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "vector/kernels.h"

namespace bcstore::vector {
namespace {

using Random = std::mt19937_64;
constexpr uint64_t kSeed = 20'251'123;

// Unaligned, at the end of its allocation: a kernel that reads beyond its row is caught.
template <class T>
struct Row {
  std::vector<char> bytes;
  size_t count;
  explicit Row(size_t n) : bytes(n * sizeof(T) + 1), count(n) {}
  T* data() { return reinterpret_cast<T*>(bytes.data() + 1); }
};

void check_codes(size_t n, size_t rows, size_t stride, const std::vector<uint8_t>& codes,
                 const std::vector<int8_t>& query) {
  std::vector<int32_t> expected(rows);
  scalar_kernels().dots_u8(codes.data(), stride, rows, query.data(), n, expected.data(), nullptr);
  for (const Kernels* set : usable_kernels()) {
    std::vector<int32_t> got(rows, -1);
    set->dots_u8(codes.data(), stride, rows, query.data(), n, got.data(), codes.data());
    const std::string name(set->name);
    CAPTURE(name);
    CAPTURE(n);
    CAPTURE(rows);
    REQUIRE(got == expected);
    // The query among others, in each place.
    for (size_t place = 0; place < kQueriesAtOnce; ++place) {
      std::vector<int8_t> queries(kQueriesAtOnce * n, -128);
      std::copy(query.begin(), query.end(), queries.begin() + static_cast<ptrdiff_t>(place * n));
      std::vector<int32_t> all(kQueriesAtOnce * rows, -1);
      dots_at_once(*set, codes.data(), stride, rows, queries.data(), n, all.data());
      const auto from = all.begin() + static_cast<ptrdiff_t>(place * rows);
      REQUIRE(std::equal(expected.begin(), expected.end(), from));
    }
  }
}

TEST_CASE("vector: products of codes have the same bits in every set, for all lengths") {
  Random random(kSeed);
  std::uniform_int_distribution<int> byte(0, 255);
  for (size_t n = 1; n <= 4096; n += n < 300 ? 1 : 61) {
    const size_t rows = 1 + n % 7;
    const size_t stride = n % 2 == 0 ? n : padded(n);
    std::vector<uint8_t> codes((rows - 1) * stride + n);
    std::vector<int8_t> query(n);
    for (auto& code : codes) code = static_cast<uint8_t>(byte(random));
    for (auto& code : query) code = static_cast<int8_t>(byte(random) - 128);
    check_codes(n, rows, stride, codes, query);
  }
}

// Where sixteen or thirty-two bits would not do, and where signs are taken wrongly.
TEST_CASE("vector: products of extreme codes have the same bits in every set") {
  for (const size_t n :
       {1u, 2u, 3u, 4u, 31u, 32u, 33u, 63u, 64u, 65u, 100u, 127u, 128u, 384u, 4095u, 4096u}) {
    for (const int code : {0, 1, 127, 128, 129, 255}) {
      for (const int q : {-128, -127, -1, 0, 1, 127}) {
        const std::vector<uint8_t> codes(9 * n, static_cast<uint8_t>(code));
        std::vector<int8_t> query(n, static_cast<int8_t>(q));
        check_codes(n, 9, n, codes, query);
        for (size_t i = 0; i < n; i += 2) query[i] = static_cast<int8_t>(-(q + (q == -128)));
        check_codes(n, 9, n, codes, query);
      }
    }
  }
}

TEST_CASE("vector: what reaches a bound is the same in every set") {
  Random random(kSeed);
  std::uniform_int_distribution<int32_t> product(-1'000'000, 1'000'000);
  std::uniform_real_distribution<float> scale(0, 0.01F);
  for (size_t n = 0; n <= 64; ++n) {
    for (const float least : {-INFINITY, -100.0F, 0.0F, 25.0F, INFINITY}) {
      std::vector<int32_t> products(n);
      std::vector<float> scales(n);
      for (int32_t& one : products) one = product(random);
      for (float& one : scales) one = scale(random);
      uint64_t expected = 0;
      for (size_t i = 0; i < n; ++i) {
        const bool is = static_cast<float>(products[i] - 1'234) * scales[i] >= least;
        expected |= uint64_t{is} << i;
      }
      for (const Kernels* set : usable_kernels()) {
        CHECK(set->at_least(products.data(), scales.data(), n, 1'234, least) == expected);
      }
    }
  }
}

TEST_CASE("vector: no row gives nothing") {
  for (const Kernels* set : usable_kernels()) {
    int32_t out = 7;
    set->dots_u8(nullptr, 0, 0, nullptr, 64, &out, nullptr);
    CHECK(out == 7);
    CHECK(set->dot_f32(nullptr, nullptr, 0) == 0);
    CHECK(set->dot_f16(nullptr, nullptr, 0) == 0);
  }
}

template <class Dot>
void check_dot(const Kernels& set, size_t n, double sum, double magnitude, Dot dot) {
  const std::string name(set.name);
  CAPTURE(name);
  CAPTURE(n);
  const double ulp = magnitude * 0x1p-23;
  CHECK(std::abs(double{dot(set)} - sum) <= 4 * ulp * std::sqrt(static_cast<double>(n)));
}

TEST_CASE("vector: products of floats and halves agree within rounding") {
  Random random(kSeed);
  std::normal_distribution<float> normal;
  for (size_t n = 1; n <= 4096; n += n < 200 ? 1 : 53) {
    Row<float> a(n), b(n);
    Row<uint16_t> halves(n);
    double sum = 0, magnitude = 0, half_sum = 0, half_magnitude = 0;
    for (size_t i = 0; i < n; ++i) {
      const float x = normal(random) * (i % 5 == 0 ? 1e4F : 1), y = normal(random);
      const uint16_t half = half_of(x);
      std::memcpy(a.data() + i, &x, sizeof x);
      std::memcpy(b.data() + i, &y, sizeof y);
      std::memcpy(halves.data() + i, &half, sizeof half);
      sum += double{x} * y;
      magnitude += std::abs(double{x} * y);
      half_sum += double{float_of(half)} * y;
      half_magnitude += std::abs(double{float_of(half)} * y);
    }
    std::vector<float> x(n), y(n);
    std::vector<uint16_t> h(n);
    std::memcpy(x.data(), a.data(), n * sizeof(float));
    std::memcpy(y.data(), b.data(), n * sizeof(float));
    std::memcpy(h.data(), halves.data(), n * sizeof(uint16_t));
    for (const Kernels* set : usable_kernels()) {
      check_dot(*set, n, sum, magnitude,
                [&](const Kernels& k) { return k.dot_f32(x.data(), y.data(), n); });
      check_dot(*set, n, half_sum, half_magnitude,
                [&](const Kernels& k) { return k.dot_f16(h.data(), y.data(), n); });
    }
  }
}

TEST_CASE("vector: every half becomes the same float in every set, and comes back") {
  std::vector<uint16_t> halves(1 << 16);
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
  std::vector<float> expected(halves.size());
  scalar_kernels().from_f16(halves.data(), halves.size(), expected.data());
  CHECK(expected[0x3C00] == 1.0F);
  CHECK(expected[0xC000] == -2.0F);
  CHECK(expected[0x0001] == 0x1p-24F);
  CHECK(expected[0x7BFF] == 65504.0F);
  CHECK(std::isinf(expected[0x7C00]));
  CHECK(std::isnan(expected[0x7E00]));
  for (const Kernels* set : usable_kernels()) {
    std::vector<float> got(halves.size());
    set->from_f16(halves.data(), halves.size(), got.data());
    for (size_t i = 0; i < got.size(); ++i) {
      REQUIRE(std::bit_cast<uint32_t>(got[i]) == std::bit_cast<uint32_t>(expected[i]));
    }
    std::vector<uint16_t> back(halves.size());
    set->to_f16(expected.data(), expected.size(), back.data());
    for (size_t i = 0; i < back.size(); ++i) {
      const bool is_number = (i & 0x7FFF) <= 0x7C00;
      REQUIRE((is_number ? back[i] == halves[i] : (back[i] & 0x7FFF) > 0x7C00));
    }
  }
}

TEST_CASE("vector: floats are rounded to halves alike in every set") {
  Random random(kSeed);
  std::vector<float> floats;
  // Every half, what lies in the middle between two, and next to it.
  for (uint32_t i = 0; i < 0x7C00; ++i) {
    const float low = float_of(static_cast<uint16_t>(i));
    const float high = i + 1 < 0x7C00 ? float_of(static_cast<uint16_t>(i + 1)) : 65536.0F;
    const float middle = low + (high - low) / 2;
    for (const float x :
         {low, middle, std::nextafter(middle, 0.0F), std::nextafter(middle, 1e9F)}) {
      floats.push_back(x);
      floats.push_back(-x);
    }
  }
  for (int i = 0; i < 100'000; ++i) {
    const auto x = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (!std::isnan(x)) floats.push_back(x);
  }
  std::vector<uint16_t> expected(floats.size());
  scalar_kernels().to_f16(floats.data(), floats.size(), expected.data());
  for (const Kernels* set : usable_kernels()) {
    std::vector<uint16_t> got(floats.size());
    set->to_f16(floats.data(), floats.size(), got.data());
    CHECK(got == expected);
  }
  CHECK(half_of(65519.9F) == 0x7BFF);
  CHECK(half_of(65520.0F) == 0x7C00);
  CHECK(half_of(0x1p-25F) == 0);
  CHECK(half_of(0x1.1p-25F) == 1);
  CHECK(half_of(1.0F + 0x1p-11F) == 0x3C00);
  CHECK(half_of(1.0F + 0x3p-11F) == 0x3C02);
}

TEST_CASE("vector: the best set is used") {
  REQUIRE_FALSE(usable_kernels().empty());
  CHECK(usable_kernels().front()->name == "scalar");
  CHECK(kernels().name == usable_kernels().back()->name);
  std::string names;
  for (const Kernels* set : usable_kernels()) names += std::string(set->name) + " ";
  MESSAGE("kernels: ", names);
}

}  // namespace
}  // namespace bcstore::vector
