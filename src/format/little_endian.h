// Numbers of records and counters: little-endian, at any address.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace bcstore::format {

template <class T>
void put_le(char* to, T value) {
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(to, &value, sizeof value);
  } else {
    for (size_t i = 0; i < sizeof(T); ++i) {
      to[i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
    }
  }
}

template <class T>
T get_le(const char* from) {
  if constexpr (std::endian::native == std::endian::little) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
  } else {
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      value |= static_cast<uint64_t>(static_cast<uint8_t>(from[i])) << (8 * i);
    }
    return static_cast<T>(value);
  }
}

}  // namespace bcstore::format
