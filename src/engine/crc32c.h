// CRC-32C (Castagnoli), as RocksDB's log files use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bcstore::engine {

// Of `bytes`, or of them after others whose checksum is `before`.
uint32_t crc32c(std::string_view bytes, uint32_t before = 0);

// The form in which it is stored: bytes that hold checksums are then no special case.
constexpr uint32_t mask_crc(uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8u; }
constexpr uint32_t unmask_crc(uint32_t masked) {
  const uint32_t rotated = masked - 0xa282ead8u;
  return rotated >> 17 | rotated << 15;
}

// One changed byte: at `position`, its bits in `change` flipped.
struct ByteChange {
  size_t position = 0;
  uint8_t change = 0;
};
// The one changed byte among `size` that makes two checksums differ in `difference`, if there is
// one. For random bytes it is found by chance with probability size / 2^24.
std::optional<ByteChange> one_byte_apart(uint32_t difference, size_t size);

}  // namespace bcstore::engine
