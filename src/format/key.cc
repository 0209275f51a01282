#include "format/key.h"

#include <array>
#include <bit>
#include <cstring>

namespace bcstore::format {

namespace {
// By number: every record that is read asks for its kind.
constexpr auto kKindByNumber = [] {
  std::array<const KindInfo*, 256> by_number{};
  for (const KindInfo& info : kKinds) by_number[static_cast<uint8_t>(info.kind)] = &info;
  return by_number;
}();
}  // namespace

const KindInfo* kind_info(uint8_t number) { return kKindByNumber[number]; }

std::string_view to_string(Kind kind) {
  const KindInfo* info = kind_info(static_cast<uint8_t>(kind));
  return info ? info->name : "unknown";
}

void append_phase(Key& key, std::optional<int32_t> phase) {
  if (phase) {
    key.u8(1).u32(static_cast<uint32_t>(*phase) ^ 0x80000000u);
  } else {
    key.u8(2).u32(0);
  }
}

std::string after_prefix(std::string_view prefix) {
  std::string bound(prefix);
  while (!bound.empty()) {
    auto last = static_cast<uint8_t>(bound.back());
    if (last != 0xFF) {
      bound.back() = static_cast<char>(last + 1);
      return bound;
    }
    bound.pop_back();
  }
  return bound;
}

Uuid key_uuid(std::string_view key, size_t offset) {
  Uuid id;
  if (key.size() >= offset + id.bytes.size()) {
    std::memcpy(id.bytes.data(), key.data() + offset, id.bytes.size());
  }
  return id;
}

namespace {
template <class Number>
Number big_endian(std::string_view key, size_t offset) {
  if (key.size() < offset + sizeof(Number)) return 0;
  Number n;
  std::memcpy(&n, key.data() + offset, sizeof n);
  if constexpr (std::endian::native == std::endian::big) return n;
  if constexpr (sizeof n == 8) return __builtin_bswap64(n);
  return static_cast<Number>(__builtin_bswap32(static_cast<uint32_t>(n)));
}
}  // namespace

uint32_t key_u32(std::string_view key, size_t offset) { return big_endian<uint32_t>(key, offset); }

uint64_t key_u64(std::string_view key, size_t offset) { return big_endian<uint64_t>(key, offset); }

std::optional<int32_t> key_phase(std::string_view key, size_t offset) {
  if (key.size() <= offset || key[offset] != 1) return std::nullopt;
  return static_cast<int32_t>(key_u32(key, offset + 1) ^ 0x80000000u);
}

const KindInfo* parse_key(std::string_view key) {
  if (key.size() <= kKindOffset) return nullptr;
  const KindInfo* info = kind_info(static_cast<uint8_t>(key[kKindOffset]));
  if (info == nullptr || info->key_bytes != key.size()) return nullptr;
  bool system_kind = static_cast<uint8_t>(info->kind) < 16;
  return !system_kind || key_owner(key) == kSystemOwner ? info : nullptr;
}

UserId key_owner(std::string_view key) { return UserId(key_uuid(key, 0)); }

}  // namespace bcstore::format
