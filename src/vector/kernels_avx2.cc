// AVX2 with FMA and F16C: every x86-64 processor since 2013, or nearly.
#include "vector/kernels.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define BCSTORE_AVX2 __attribute__((target("avx2,fma,f16c")))

namespace bcstore::vector {

namespace {

constexpr size_t kCodes = 16;  // a step: widened to 16 bits
constexpr size_t kFloats = 8;  // in a register

BCSTORE_AVX2 inline int32_t sum_of(__m256i x) {
  __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1));
  return _mm_cvtsi128_si32(sum);
}

BCSTORE_AVX2 inline float sum_of(__m256 x) {
  __m128 sum = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
  sum = _mm_add_ss(sum, _mm_movehdup_ps(sum));
  return _mm_cvtss_f32(sum);
}

// Multiplying bytes and adding pairs in one instruction would saturate: bytes are widened first.
BCSTORE_AVX2 inline __m256i widened(const uint8_t* row) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row)));
}

BCSTORE_AVX2 inline __m256i widened(const int8_t* query) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(query)));
}

inline int32_t rest_of(const uint8_t* row, const int8_t* query, size_t from, size_t n) {
  int32_t sum = 0;
  for (size_t j = from; j < n; ++j) sum += int32_t{row[j]} * int32_t{query[j]};
  return sum;
}

BCSTORE_AVX2 void dots_u8(const uint8_t* rows, size_t stride, size_t count, const int8_t* query,
                          size_t n, int32_t* out, const uint8_t* next) {
  const size_t whole = n / kCodes * kCodes;
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const uint8_t* row = rows + i * stride;
    const uint8_t* ahead = ahead_of(rows, stride, count, i, next);
    __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
    for (size_t j = 0; j < whole; j += kCodes) {
      __builtin_prefetch(ahead + 4 * j);
      const __m256i q = widened(query + j);
      a = _mm256_add_epi32(a, _mm256_madd_epi16(widened(row + j), q));
      b = _mm256_add_epi32(b, _mm256_madd_epi16(widened(row + stride + j), q));
      c = _mm256_add_epi32(c, _mm256_madd_epi16(widened(row + 2 * stride + j), q));
      d = _mm256_add_epi32(d, _mm256_madd_epi16(widened(row + 3 * stride + j), q));
    }
    out[i] = sum_of(a) + rest_of(row, query, whole, n);
    out[i + 1] = sum_of(b) + rest_of(row + stride, query, whole, n);
    out[i + 2] = sum_of(c) + rest_of(row + 2 * stride, query, whole, n);
    out[i + 3] = sum_of(d) + rest_of(row + 3 * stride, query, whole, n);
  }
  for (; i < count; ++i) {
    const uint8_t* row = rows + i * stride;
    __m256i a = _mm256_setzero_si256();
    for (size_t j = 0; j < whole; j += kCodes) {
      a = _mm256_add_epi32(a, _mm256_madd_epi16(widened(row + j), widened(query + j)));
    }
    out[i] = sum_of(a) + rest_of(row, query, whole, n);
  }
}

BCSTORE_AVX2 uint64_t at_least(const int32_t* products, const float* scales, size_t count,
                               int32_t bias, float least) {
  const __m256i of_all = _mm256_set1_epi32(bias);
  const __m256 bound = _mm256_set1_ps(least);
  uint64_t bits = 0;
  size_t i = 0;
  for (; i + kFloats <= count; i += kFloats) {
    const __m256i row = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(products + i));
    const __m256 sums = _mm256_cvtepi32_ps(_mm256_sub_epi32(row, of_all));
    const __m256 is =
        _mm256_cmp_ps(_mm256_mul_ps(sums, _mm256_loadu_ps(scales + i)), bound, _CMP_GE_OQ);
    bits |= uint64_t{static_cast<uint32_t>(_mm256_movemask_ps(is))} << i;
  }
  for (; i < count; ++i) {
    const bool is = static_cast<float>(products[i] - bias) * scales[i] >= least;
    bits |= uint64_t{is} << i;
  }
  return bits;
}

BCSTORE_AVX2 float dot_f32(const float* a, const float* b, size_t n) {
  __m256 sums[4] = {};
  size_t i = 0;
  for (; i + 4 * kFloats <= n; i += 4 * kFloats) {
    for (size_t j = 0; j < 4; ++j) {
      const size_t at = i + j * kFloats;
      sums[j] = _mm256_fmadd_ps(_mm256_loadu_ps(a + at), _mm256_loadu_ps(b + at), sums[j]);
    }
  }
  for (; i + kFloats <= n; i += kFloats) {
    sums[0] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), sums[0]);
  }
  float sum =
      sum_of(_mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])));
  for (; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

BCSTORE_AVX2 inline __m256 floats_of(const uint16_t* halves) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves)));
}

BCSTORE_AVX2 float dot_f16(const uint16_t* a, const float* b, size_t n) {
  __m256 sums[2] = {};
  size_t i = 0;
  for (; i + 2 * kFloats <= n; i += 2 * kFloats) {
    sums[0] = _mm256_fmadd_ps(floats_of(a + i), _mm256_loadu_ps(b + i), sums[0]);
    sums[1] =
        _mm256_fmadd_ps(floats_of(a + i + kFloats), _mm256_loadu_ps(b + i + kFloats), sums[1]);
  }
  for (; i + kFloats <= n; i += kFloats) {
    sums[0] = _mm256_fmadd_ps(floats_of(a + i), _mm256_loadu_ps(b + i), sums[0]);
  }
  float sum = sum_of(_mm256_add_ps(sums[0], sums[1]));
  for (; i < n; ++i) sum += float_of(a[i]) * b[i];
  return sum;
}

BCSTORE_AVX2 void to_f16(const float* from, size_t n, uint16_t* to) {
  size_t i = 0;
  for (; i + kFloats <= n; i += kFloats) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
  }
  for (; i < n; ++i) to[i] = half_of(from[i]);
}

BCSTORE_AVX2 void from_f16(const uint16_t* from, size_t n, float* to) {
  size_t i = 0;
  for (; i + kFloats <= n; i += kFloats) _mm256_storeu_ps(to + i, floats_of(from + i));
  for (; i < n; ++i) to[i] = float_of(from[i]);
}

bool has_f16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

}  // namespace

const Kernels* avx2_kernels() {
  static constexpr Kernels kAvx2{"avx2", dots_u8, at_least, dot_f32, dot_f16, to_f16, from_f16};
  const bool is_usable =
      __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 && has_f16c();
  return is_usable ? &kAvx2 : nullptr;
}

}  // namespace bcstore::vector

#else

namespace bcstore::vector {
const Kernels* avx2_kernels() { return nullptr; }
}  // namespace bcstore::vector

#endif
