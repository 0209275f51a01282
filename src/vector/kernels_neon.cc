// NEON, which every 64-bit ARM processor has.
#include "vector/kernels.h"

#if defined(__aarch64__)

#include <arm_neon.h>

namespace bcstore::vector {

namespace {

constexpr size_t kCodes = 16;  // in a register
constexpr size_t kFloats = 4;  // in a register

inline int32x4_t add_products(int32x4_t sum, const uint8_t* row, const int8_t* query) {
  const uint8x16_t codes = vld1q_u8(row);
  const int8x16_t q = vld1q_s8(query);
  const int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(codes)));
  const int16x8_t high = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(codes)));
  const int16x8_t q_low = vmovl_s8(vget_low_s8(q));
  const int16x8_t q_high = vmovl_s8(vget_high_s8(q));
  sum = vmlal_s16(sum, vget_low_s16(low), vget_low_s16(q_low));
  sum = vmlal_s16(sum, vget_high_s16(low), vget_high_s16(q_low));
  sum = vmlal_s16(sum, vget_low_s16(high), vget_low_s16(q_high));
  return vmlal_s16(sum, vget_high_s16(high), vget_high_s16(q_high));
}

void dots_u8(const uint8_t* rows, size_t stride, size_t count, const int8_t* query, size_t n,
             int32_t* out, const uint8_t* next) {
  const size_t whole = n / kCodes * kCodes;
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* row = rows + i * stride;
    const uint8_t* ahead = ahead_of(rows, stride, count, i, next);
    int32x4_t sums = vdupq_n_s32(0);
    for (size_t j = 0; j < whole; j += kCodes) {
      __builtin_prefetch(ahead + j);
      sums = add_products(sums, row + j, query + j);
    }
    int32_t sum = vaddvq_s32(sums);
    for (size_t j = whole; j < n; ++j) sum += int32_t{row[j]} * int32_t{query[j]};
    out[i] = sum;
  }
}

uint64_t at_least(const int32_t* products, const float* scales, size_t count, int32_t bias,
                  float least) {
  uint64_t bits = 0;
  for (size_t i = 0; i < count; ++i) {
    const bool is = static_cast<float>(products[i] - bias) * scales[i] >= least;
    bits |= uint64_t{is} << i;
  }
  return bits;
}

float dot_f32(const float* a, const float* b, size_t n) {
  float32x4_t sums[2] = {vdupq_n_f32(0), vdupq_n_f32(0)};
  size_t i = 0;
  for (; i + 2 * kFloats <= n; i += 2 * kFloats) {
    sums[0] = vfmaq_f32(sums[0], vld1q_f32(a + i), vld1q_f32(b + i));
    sums[1] = vfmaq_f32(sums[1], vld1q_f32(a + i + kFloats), vld1q_f32(b + i + kFloats));
  }
  float sum = vaddvq_f32(vaddq_f32(sums[0], sums[1]));
  for (; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

inline float32x4_t floats_of(const uint16_t* halves) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves)));
}

float dot_f16(const uint16_t* a, const float* b, size_t n) {
  float32x4_t sums[2] = {vdupq_n_f32(0), vdupq_n_f32(0)};
  size_t i = 0;
  for (; i + 2 * kFloats <= n; i += 2 * kFloats) {
    sums[0] = vfmaq_f32(sums[0], floats_of(a + i), vld1q_f32(b + i));
    sums[1] = vfmaq_f32(sums[1], floats_of(a + i + kFloats), vld1q_f32(b + i + kFloats));
  }
  float sum = vaddvq_f32(vaddq_f32(sums[0], sums[1]));
  for (; i < n; ++i) sum += float_of(a[i]) * b[i];
  return sum;
}

void to_f16(const float* from, size_t n, uint16_t* to) {
  size_t i = 0;
  for (; i + kFloats <= n; i += kFloats) {
    vst1_u16(to + i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(from + i))));
  }
  for (; i < n; ++i) to[i] = half_of(from[i]);
}

void from_f16(const uint16_t* from, size_t n, float* to) {
  size_t i = 0;
  for (; i + kFloats <= n; i += kFloats) vst1q_f32(to + i, floats_of(from + i));
  for (; i < n; ++i) to[i] = float_of(from[i]);
}

}  // namespace

const Kernels* neon_kernels() {
  static constexpr Kernels kNeon{"neon", dots_u8, at_least, dot_f32, dot_f16, to_f16, from_f16};
  return &kNeon;
}

}  // namespace bcstore::vector

#else

namespace bcstore::vector {
const Kernels* neon_kernels() { return nullptr; }
}  // namespace bcstore::vector

#endif
