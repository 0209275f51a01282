// AVX-512 with VNNI, which multiplies unsigned by signed bytes and adds four products to an int32
// without saturating.
#include "vector/kernels.h"

#if defined(__x86_64__)

// The header of g++ 12 takes registers whose contents do not matter from variables without a value.
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

#define BCSTORE_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

namespace bcstore::vector {

namespace {

constexpr size_t kCodes = 64;   // in a register
constexpr size_t kFloats = 16;  // in a register
constexpr __mmask16 kAll = 0xFFFF;

inline __mmask64 first_codes(size_t n) {
  return n >= kCodes ? ~__mmask64{0} : (__mmask64{1} << n) - 1;
}
inline __mmask16 first_floats(size_t n) { return static_cast<__mmask16>((1u << n) - 1); }

BCSTORE_AVX512 inline __m256i folded(__m512i x) {
  return _mm256_add_epi32(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
}

// The sums of four registers, side by side.
BCSTORE_AVX512 inline __m128i sums_of(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m256i ab = _mm256_hadd_epi32(folded(a), folded(b));
  const __m256i cd = _mm256_hadd_epi32(folded(c), folded(d));
  const __m256i all = _mm256_hadd_epi32(ab, cd);
  return _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
}

BCSTORE_AVX512 void dots_u8(const uint8_t* rows, size_t stride, size_t count, const int8_t* query,
                            size_t n, int32_t* out, const uint8_t* next) {
  const size_t whole = n / kCodes * kCodes;
  const __mmask64 rest = first_codes(n - whole);
  const __m512i zero = _mm512_setzero_si512();
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const uint8_t* row = rows + i * stride;
    const uint8_t* ahead = ahead_of(rows, stride, count, i, next);
    __m512i a = zero, b = zero, c = zero, d = zero;
    for (size_t j = 0; j < whole; j += kCodes) {
      const __m512i q = _mm512_loadu_si512(query + j);
      for (size_t line = 0; line < 4; ++line) __builtin_prefetch(ahead + 4 * j + line * kCodes);
      a = _mm512_dpbusd_epi32(a, _mm512_loadu_si512(row + j), q);
      b = _mm512_dpbusd_epi32(b, _mm512_loadu_si512(row + stride + j), q);
      c = _mm512_dpbusd_epi32(c, _mm512_loadu_si512(row + 2 * stride + j), q);
      d = _mm512_dpbusd_epi32(d, _mm512_loadu_si512(row + 3 * stride + j), q);
    }
    if (rest != 0) {
      const __m512i q = _mm512_maskz_loadu_epi8(rest, query + whole);
      const uint8_t* last = row + whole;
      a = _mm512_dpbusd_epi32(a, _mm512_maskz_loadu_epi8(rest, last), q);
      b = _mm512_dpbusd_epi32(b, _mm512_maskz_loadu_epi8(rest, last + stride), q);
      c = _mm512_dpbusd_epi32(c, _mm512_maskz_loadu_epi8(rest, last + 2 * stride), q);
      d = _mm512_dpbusd_epi32(d, _mm512_maskz_loadu_epi8(rest, last + 3 * stride), q);
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), sums_of(a, b, c, d));
  }
  for (; i < count; ++i) {
    const uint8_t* row = rows + i * stride;
    __m512i a = zero;
    for (size_t j = 0; j < whole; j += kCodes) {
      a = _mm512_dpbusd_epi32(a, _mm512_loadu_si512(row + j), _mm512_loadu_si512(query + j));
    }
    if (rest != 0) {
      a = _mm512_dpbusd_epi32(a, _mm512_maskz_loadu_epi8(rest, row + whole),
                              _mm512_maskz_loadu_epi8(rest, query + whole));
    }
    out[i] = _mm_cvtsi128_si32(sums_of(a, zero, zero, zero));
  }
}

// Of one query with four rows.
struct Sums {
  __m512i a, b, c, d;
};

BCSTORE_AVX512 inline void add(Sums* sums, const __m512i* rows, __m512i query) {
  sums->a = _mm512_dpbusd_epi32(sums->a, rows[0], query);
  sums->b = _mm512_dpbusd_epi32(sums->b, rows[1], query);
  sums->c = _mm512_dpbusd_epi32(sums->c, rows[2], query);
  sums->d = _mm512_dpbusd_epi32(sums->d, rows[3], query);
}

BCSTORE_AVX512 inline void put(const Sums& sums, int32_t* out) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), sums_of(sums.a, sums.b, sums.c, sums.d));
}

// Four rows by four queries: each that is loaded is used four times.
BCSTORE_AVX512 void dots_u8_at_once(const uint8_t* rows, size_t stride, size_t count,
                                    const int8_t* queries, size_t n, int32_t* out) {
  static_assert(kQueriesAtOnce == 4);
  const __m512i zero = _mm512_setzero_si512();
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const uint8_t* row = rows + i * stride;
    Sums w{zero, zero, zero, zero}, x = w, y = w, z = w;
    for (size_t j = 0; j < n; j += kCodes) {
      const __mmask64 in = first_codes(n - j);
      const __m512i codes[4] = {_mm512_maskz_loadu_epi8(in, row + j),
                                _mm512_maskz_loadu_epi8(in, row + stride + j),
                                _mm512_maskz_loadu_epi8(in, row + 2 * stride + j),
                                _mm512_maskz_loadu_epi8(in, row + 3 * stride + j)};
      add(&w, codes, _mm512_maskz_loadu_epi8(in, queries + j));
      add(&x, codes, _mm512_maskz_loadu_epi8(in, queries + n + j));
      add(&y, codes, _mm512_maskz_loadu_epi8(in, queries + 2 * n + j));
      add(&z, codes, _mm512_maskz_loadu_epi8(in, queries + 3 * n + j));
    }
    put(w, out + i);
    put(x, out + count + i);
    put(y, out + 2 * count + i);
    put(z, out + 3 * count + i);
  }
  for (size_t q = 0; i < count && q < kQueriesAtOnce; ++q) {
    dots_u8(rows + i * stride, stride, count - i, queries + q * n, n, out + q * count + i, nullptr);
  }
}

BCSTORE_AVX512 uint64_t at_least(const int32_t* products, const float* scales, size_t count,
                                 int32_t bias, float least) {
  const __m512i of_all = _mm512_set1_epi32(bias);
  const __m512 bound = _mm512_set1_ps(least);
  uint64_t bits = 0;
  for (size_t i = 0; i < count; i += kFloats) {
    const __mmask16 mask = count - i >= kFloats ? __mmask16{0xFFFF} : first_floats(count - i);
    const __m512 sums =
        _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_maskz_loadu_epi32(mask, products + i), of_all));
    const __m512 dots = _mm512_mul_ps(sums, _mm512_maskz_loadu_ps(mask, scales + i));
    bits |= uint64_t{_mm512_mask_cmp_ps_mask(mask, dots, bound, _CMP_GE_OQ)} << i;
  }
  return bits;
}

BCSTORE_AVX512 inline float sum_of(__m512 x) { return _mm512_reduce_add_ps(x); }

BCSTORE_AVX512 float dot_f32(const float* a, const float* b, size_t n) {
  __m512 sums[4] = {};
  size_t i = 0;
  for (; i + 4 * kFloats <= n; i += 4 * kFloats) {
    for (size_t j = 0; j < 4; ++j) {
      const size_t at = i + j * kFloats;
      sums[j] = _mm512_fmadd_ps(_mm512_loadu_ps(a + at), _mm512_loadu_ps(b + at), sums[j]);
    }
  }
  for (; i + kFloats <= n; i += kFloats) {
    sums[0] = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), sums[0]);
  }
  if (const __mmask16 rest = first_floats(n - i); rest != 0) {
    sums[1] = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(rest, a + i),
                              _mm512_maskz_loadu_ps(rest, b + i), sums[1]);
  }
  return sum_of(_mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3])));
}

BCSTORE_AVX512 inline __m512 floats_of(const uint16_t* halves, __mmask16 mask) {
  return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, halves));
}

BCSTORE_AVX512 float dot_f16(const uint16_t* a, const float* b, size_t n) {
  __m512 sums[2] = {};
  size_t i = 0;
  for (; i + 2 * kFloats <= n; i += 2 * kFloats) {
    sums[0] = _mm512_fmadd_ps(floats_of(a + i, kAll), _mm512_loadu_ps(b + i), sums[0]);
    sums[1] = _mm512_fmadd_ps(floats_of(a + i + kFloats, kAll), _mm512_loadu_ps(b + i + kFloats),
                              sums[1]);
  }
  for (; i < n; i += kFloats) {
    const __mmask16 rest = n - i >= kFloats ? kAll : first_floats(n - i);
    sums[0] = _mm512_fmadd_ps(floats_of(a + i, rest), _mm512_maskz_loadu_ps(rest, b + i), sums[0]);
  }
  return sum_of(_mm512_add_ps(sums[0], sums[1]));
}

BCSTORE_AVX512 void to_f16(const float* from, size_t n, uint16_t* to) {
  size_t i = 0;
  for (; i + kFloats <= n; i += kFloats) {
    // Without optimization the plain one is a macro that passes -1 as a mask.
    _mm256_storeu_si256(
        reinterpret_cast<__m256i*>(to + i),
        _mm512_maskz_cvtps_ph(kAll, _mm512_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
  }
  for (; i < n; ++i) to[i] = half_of(from[i]);
}

BCSTORE_AVX512 void from_f16(const uint16_t* from, size_t n, float* to) {
  size_t i = 0;
  for (; i + kFloats <= n; i += kFloats) _mm512_storeu_ps(to + i, floats_of(from + i, 0xFFFF));
  for (; i < n; ++i) to[i] = float_of(from[i]);
}

}  // namespace

const Kernels* avx512_kernels() {
  static constexpr Kernels kAvx512{"avx512", dots_u8, at_least, dot_f32,
                                   dot_f16,  to_f16,  from_f16, dots_u8_at_once};
  const bool is_usable =
      __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512vnni") != 0;
  return is_usable ? &kAvx512 : nullptr;
}

}  // namespace bcstore::vector

#else

namespace bcstore::vector {
const Kernels* avx512_kernels() { return nullptr; }
}  // namespace bcstore::vector

#endif
