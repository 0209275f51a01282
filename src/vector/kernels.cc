#include "vector/kernels.h"

#include <array>
#include <bit>

namespace bcstore::vector {

namespace {

constexpr uint32_t kSign = 0x80000000u;
constexpr uint32_t kInfinity = 0x7F800000u;
constexpr uint32_t kHalfInfinity = 0x7C00;
// Floats from here on are infinite as halves: halfway between the largest half and the next one.
constexpr uint32_t kTooLarge = 0x477FF000u;
constexpr uint32_t kLeastNormal = 0x38800000u;  // 2^-14
constexpr int kExponentShift = 13;              // of mantissas: 23 bits and 10

void dots_u8(const uint8_t* rows, size_t stride, size_t count, const int8_t* query, size_t n,
             int32_t* out, const uint8_t* /*next*/) {
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* row = rows + i * stride;
    int32_t sum = 0;
    for (size_t j = 0; j < n; ++j) sum += int32_t{row[j]} * int32_t{query[j]};
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
  float sum = 0;
  for (size_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

float dot_f16(const uint16_t* a, const float* b, size_t n) {
  float sum = 0;
  for (size_t i = 0; i < n; ++i) sum += float_of(a[i]) * b[i];
  return sum;
}

void to_f16(const float* from, size_t n, uint16_t* to) {
  for (size_t i = 0; i < n; ++i) to[i] = half_of(from[i]);
}

void from_f16(const uint16_t* from, size_t n, float* to) {
  for (size_t i = 0; i < n; ++i) to[i] = float_of(from[i]);
}

struct Usable {
  std::array<const Kernels*, 4> sets{};
  size_t count = 0;
};

Usable find_usable() {
  Usable usable;
  const auto add = [&](const Kernels* set) {
    if (set != nullptr) usable.sets[usable.count++] = set;
  };
  add(&scalar_kernels());
  add(neon_kernels());
  add(avx2_kernels());
  add(avx512_kernels());
  return usable;
}

}  // namespace

uint16_t half_of(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const auto sign = static_cast<uint16_t>((bits & kSign) >> 16);
  const uint32_t magnitude = bits & ~kSign;
  if (magnitude > kInfinity) {  // not a number, made quiet
    return static_cast<uint16_t>(sign | kHalfInfinity | 0x200 | ((magnitude >> 13) & 0x1FF));
  }
  if (magnitude >= kTooLarge) return static_cast<uint16_t>(sign | kHalfInfinity);
  if (magnitude < kLeastNormal) {
    // Adding one half moves the last bit that a half keeps, 2^-24, to the end of the mantissa: the
    // sum is rounded there.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3F000000u));
  }
  const uint32_t is_odd = (magnitude >> kExponentShift) & 1;
  const uint32_t rounded = magnitude + 0xFFF + is_odd;
  return static_cast<uint16_t>(sign | ((rounded - (112u << 23)) >> kExponentShift));
}

float float_of(uint16_t half) {
  const uint32_t sign = uint32_t{half & 0x8000u} << 16;
  const uint32_t magnitude = half & 0x7FFFu;
  if (magnitude > kHalfInfinity) {
    return std::bit_cast<float>(sign | kInfinity | 0x400000u | (magnitude & 0x3FFu) << 13);
  }
  if (magnitude == kHalfInfinity) return std::bit_cast<float>(sign | kInfinity);
  if (magnitude < 0x400) {  // a multiple of 2^-24
    const float value = static_cast<float>(magnitude) * 0x1p-24F;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(value));
  }
  return std::bit_cast<float>(sign | ((magnitude << kExponentShift) + (112u << 23)));
}

const Kernels& scalar_kernels() {
  static constexpr Kernels kScalar{"scalar", dots_u8, at_least, dot_f32, dot_f16, to_f16, from_f16};
  return kScalar;
}

std::span<const Kernels* const> usable_kernels() {
  static const Usable kUsable = find_usable();
  return {kUsable.sets.data(), kUsable.count};
}

const Kernels& kernels() { return *usable_kernels().back(); }

}  // namespace bcstore::vector
