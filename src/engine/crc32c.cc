#include "engine/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

namespace bcstore::engine {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78u;  // reflected
constexpr size_t kStride = 8;

// tables[k][b]: what byte b does to the checksum when k more bytes follow it.
using Tables = std::array<std::array<uint32_t, 256>, kStride>;

constexpr Tables make_tables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < kStride; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t crc = tables[k - 1][byte];
      tables[k][byte] = crc >> 8 ^ tables[0][crc & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

// The byte whose table entry ends in this top byte: no two entries share theirs.
constexpr std::array<uint8_t, 256> make_inverse() {
  std::array<uint8_t, 256> inverse{};
  for (size_t byte = 0; byte < 256; ++byte) {
    inverse[kTables[0][byte] >> 24] = static_cast<uint8_t>(byte);
  }
  return inverse;
}

constexpr std::array<uint8_t, 256> kInverse = make_inverse();

uint64_t eight_bytes(const char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

}  // namespace

uint32_t crc32c(std::string_view bytes, uint32_t before) {
  uint32_t crc = ~before;
  for (; bytes.size() >= kStride; bytes.remove_prefix(kStride)) {
    const uint64_t word = eight_bytes(bytes.data()) ^ crc;
    crc = 0;
    for (size_t k = 0; k < kStride; ++k) {
      crc ^= kTables[kStride - 1 - k][word >> (8 * k) & 0xff];
    }
  }
  for (const char byte : bytes) {
    crc = crc >> 8 ^ kTables[0][(crc ^ static_cast<uint8_t>(byte)) & 0xff];
  }
  return ~crc;
}

std::optional<ByteChange> one_byte_apart(uint32_t difference, size_t size) {
  // What a change does to the checksum, taken back byte by byte until a table entry is left.
  for (size_t position = size; position-- > 0;) {
    const uint8_t byte = kInverse[difference >> 24];
    if (byte != 0 && kTables[0][byte] == difference) return ByteChange{position, byte};
    difference = (difference ^ kTables[0][byte]) << 8 | byte;
  }
  return std::nullopt;
}

}  // namespace bcstore::engine
