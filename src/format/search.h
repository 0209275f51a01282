// The tails of what is searched: packed, little-endian, without padding.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/record.h"

namespace bcstore::format {

// Ordinals in a record of each kind. A space's number n lies in rows n / 8, in block n / 64 and in
// bitmap n / 4096.
inline constexpr uint32_t kSearchRowsOrdinals = 8;
inline constexpr uint32_t kSearchBlockOrdinals = 64;
inline constexpr uint32_t kSearchBitmapOrdinals = 4096;
inline constexpr size_t kSearchBitmapBytes = kSearchBitmapOrdinals / 8;
// A block of a list holds as many as fit into kListBlockBytes of codes, and no more than this.
inline constexpr uint32_t kMostBlockEntries = 256;
inline constexpr size_t kListBlockBytes = size_t{96} << 10;

// A section of the revision that is searched.
struct SearchEntry {
  SectionEntry section;
  uint32_t ordinal = 0;  // of its embedding; 0 without one
  static constexpr size_t kBytes = SectionEntry::kBytes + 4;
  friend bool operator==(const SearchEntry&, const SearchEntry&) = default;
};
void append(std::string* out, const SearchEntry& entry);
bool unpack(std::string_view tail, std::vector<SearchEntry>* entries);

// Whose embedding an ordinal is.
struct SearchRef {
  uint8_t section = 0;
  Uuid document;
  uint64_t name = 0;
  VectorHash vector;
  int32_t exponent = 0;  // of its halves
  static constexpr size_t kBytes = 41;
  friend bool operator==(const SearchRef&, const SearchRef&) = default;
};

// Halves in the order of the ordinals.
struct SearchRowsTail {
  std::vector<SearchRef> refs;
  std::vector<uint16_t> halves;  // as many for each as the dimension
};
std::string pack(const SearchRowsTail& rows);
bool unpack(std::string_view tail, uint32_t entries, uint32_t dimension, SearchRowsTail* rows);
// One of them, of a tail whose length fits.
SearchRef search_ref_at(std::string_view tail, uint32_t index);
std::string_view search_halves_at(std::string_view tail, uint32_t entries, uint32_t dimension,
                                  uint32_t index);
constexpr size_t search_rows_bytes(uint32_t entries, uint32_t dimension) {
  return entries * (SearchRef::kBytes + size_t{2} * dimension);
}

struct SearchCode {
  uint32_t ordinal = 0;
  float scale = 0;
  uint32_t squares = 0;
  uint8_t section = 0;
  static constexpr size_t kBytes = 13;
  friend bool operator==(const SearchCode&, const SearchCode&) = default;
};
struct SearchBlockTail {
  std::vector<SearchCode> rows;
  std::string codes;  // as many for each as the dimension
};
std::string pack(const SearchBlockTail& block);
constexpr size_t search_block_bytes(uint32_t entries, uint32_t dimension) {
  return entries * (SearchCode::kBytes + size_t{dimension});
}
// What lists have in the middle: of each the number of its embeddings, and then what a block has.
void append_u32(std::string* out, uint32_t n);
constexpr size_t search_lists_bytes(uint32_t entries, uint32_t dimension) {
  return entries * size_t{4} + search_block_bytes(entries, dimension);
}
// Of a tail whose length fits.
uint32_t search_list_size_at(std::string_view tail, uint32_t index);
SearchCode search_code_at(std::string_view tail, uint32_t index);
std::string_view search_codes_at(std::string_view tail, uint32_t entries, uint32_t dimension,
                                 uint32_t index);

}  // namespace bcstore::format
