// What the rules of what is searched share.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "format/search.h"
#include "model/check_walk.h"
#include "model/keys.h"

namespace bcstore::model {

inline constexpr size_t kSpaceAt = 33;   // in keys: the hash of the space
inline constexpr size_t kNumberAt = 49;  // and what follows it
inline constexpr size_t kRoundReads = 64;

inline format::Key of_space(const CheckedRecord& record, format::Kind kind) {
  return in_space(record.owner(), kind, record.uuid_at(17), record.uuid_at(kSpaceAt));
}

inline bool bit_of(std::string_view bits, uint32_t ordinal) {
  const uint32_t bit = ordinal % format::kSearchBitmapOrdinals;
  return bit / 8 < bits.size() && (static_cast<uint8_t>(bits[bit / 8]) >> (bit % 8) & 1) != 0;
}

// The bitmaps of one space, each read once.
class Bitmaps {
 public:
  Bitmaps(CheckWalk& walk, format::Key prefix) : walk_(walk), prefix_(prefix) {}

  Status read(uint32_t ordinal, bool* is_live) {
    const uint32_t part = ordinal / format::kSearchBitmapOrdinals;
    if (!bits_.contains(part)) {
      CheckRead bitmap{format::Key(prefix_).u32(part)};
      if (Status s = walk_.read(bitmap, Tail::unpack); !s.ok()) return s;
      bits_[part] = bitmap.found() ? std::string(bitmap.record.tail()) : std::string();
      is_damaged_ |= bitmap.damaged();
    }
    *is_live = bit_of(bits_[part], ordinal);
    return Status();
  }
  // Of the block that the ordinal lies in.
  Status read_block(uint32_t ordinal, bool* is_live) {
    const uint32_t first = ordinal / format::kSearchBlockOrdinals * format::kSearchBlockOrdinals;
    *is_live = false;
    for (uint32_t i = 0; i < format::kSearchBlockOrdinals; ++i) {
      bool one = false;
      if (Status s = read(first + i, &one); !s.ok()) return s;
      *is_live |= one;
    }
    return Status();
  }
  bool is_damaged() const { return is_damaged_; }

 private:
  CheckWalk& walk_;
  format::Key prefix_;
  std::map<uint32_t, std::string> bits_;
  bool is_damaged_ = false;
};

// The space of rows, a block or a bitmap; a record of none is reported.
inline Status find_space(CheckWalk& walk, const CheckedRecord& record, CheckRead* space) {
  space->key = of_space(record, format::Kind::search_space).str();
  return walk.read_parent(record, space);
}

// Of a space: its lists, and that each embedding that is to be in one is.
Status check_listed(CheckWalk& walk, const CheckedRecord& record);

}  // namespace bcstore::model
