// Kernels: the inner loops of vector search, one set for each instruction set.
//
// Which set runs is chosen once, by what the processor says of itself. Integer results are the same
// bits in every set, and so are conversions; float results differ in the order of their additions
// and stay within 4 ulp * sqrt(n) of each other, relative to the sum of the products' magnitudes.
//
// Lengths are any, addresses too; rows of codes are padded and aligned only to be fast.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace bcstore::vector {

// What rows of codes in memory are padded to, and their alignment.
inline constexpr size_t kRowAlignment = 64;
constexpr size_t padded(size_t n) {
  return (n + kRowAlignment - 1) / kRowAlignment * kRowAlignment;
}

// How many rows before they are asked for they are fetched.
inline constexpr size_t kRowsAhead = 32;

inline constexpr size_t kQueriesAtOnce = 4;

struct Kernels {
  std::string_view name;
  // out[i] = the sum over j < n of rows[i * stride + j] * query[j], for i < count. Exact for n up
  // to 2^16. `next`, if not null: rows of the same stride, at least kRowsAhead of them, that will
  // be asked for after these; they are on their way to the cache then.
  void (*dots_u8)(const uint8_t* rows, size_t stride, size_t count, const int8_t* query, size_t n,
                  int32_t* out, const uint8_t* next);
  // Bit i is whether float(products[i] - bias) * scales[i] >= least, for i < count, at most 64.
  uint64_t (*at_least)(const int32_t* products, const float* scales, size_t count, int32_t bias,
                       float least);
  float (*dot_f32)(const float* a, const float* b, size_t n);
  // `a` is IEEE half precision.
  float (*dot_f16)(const uint16_t* a, const float* b, size_t n);
  // To the nearest, ties to even; what is too large becomes infinite.
  void (*to_f16)(const float* from, size_t n, uint16_t* to);
  void (*from_f16)(const uint16_t* from, size_t n, float* to);
  // As dots_u8, for kQueriesAtOnce queries that lie n apart, whose answers lie count apart. Null
  // where it would not be faster.
  void (*dots_u8_at_once)(const uint8_t* rows, size_t stride, size_t count, const int8_t* queries,
                          size_t n, int32_t* out) = nullptr;
};

// Plain C++: what every other set is compared with.
const Kernels& scalar_kernels();
// Every set that this processor can run, the scalar one first and the best last.
std::span<const Kernels* const> usable_kernels();
// The best.
const Kernels& kernels();

// With this set, however it does it.
inline void dots_at_once(const Kernels& set, const uint8_t* rows, size_t stride, size_t count,
                         const int8_t* queries, size_t n, int32_t* out) {
  if (set.dots_u8_at_once != nullptr) {
    set.dots_u8_at_once(rows, stride, count, queries, n, out);
    return;
  }
  for (size_t q = 0; q < kQueriesAtOnce; ++q) {
    set.dots_u8(rows, stride, count, queries + q * n, n, out + q * count, nullptr);
  }
}

// What to fetch while row i is computed: the row that is kRowsAhead behind it, of these or the
// next.
inline const uint8_t* ahead_of(const uint8_t* rows, size_t stride, size_t count, size_t i,
                               const uint8_t* next) {
  const size_t at = i + kRowsAhead;
  if (at < count) return rows + at * stride;
  return next != nullptr && at - count < kRowsAhead ? next + (at - count) * stride : rows;
}

// One number, as the sets do it.
uint16_t half_of(float x);
float float_of(uint16_t half);

// Null where they were not compiled, or when the processor lacks what they need.
const Kernels* avx2_kernels();
const Kernels* avx512_kernels();
const Kernels* neon_kernels();

}  // namespace bcstore::vector
