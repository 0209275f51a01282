#include "format/search.h"

#include <bit>
#include <cstring>

#include "format/little_endian.h"

namespace bcstore::format {

namespace {

void append(std::string* out, const SearchRef& ref) {
  char packed[SearchRef::kBytes];
  packed[0] = static_cast<char>(ref.section);
  std::memcpy(packed + 1, ref.document.bytes.data(), 16);
  put_le(packed + 17, ref.name);
  put_le(packed + 25, ref.vector.high);
  put_le(packed + 33, ref.vector.low);
  put_le(packed + 37, ref.exponent);
  out->append(packed, sizeof packed);
}

void append(std::string* out, const SearchCode& code) {
  char packed[SearchCode::kBytes];
  put_le(packed, code.ordinal);
  put_le(packed + 4, std::bit_cast<uint32_t>(code.scale));
  put_le(packed + 8, code.squares);
  packed[12] = static_cast<char>(code.section);
  out->append(packed, sizeof packed);
}

}  // namespace

void append(std::string* out, const SearchEntry& entry) {
  append(out, entry.section);
  char packed[4];
  put_le(packed, entry.ordinal);
  out->append(packed, sizeof packed);
}

bool unpack(std::string_view tail, std::vector<SearchEntry>* entries) {
  entries->clear();
  if (tail.size() % SearchEntry::kBytes != 0) return false;
  entries->reserve(tail.size() / SearchEntry::kBytes);
  for (; !tail.empty(); tail.remove_prefix(SearchEntry::kBytes)) {
    const char* from = tail.data();
    entries->push_back({{get_le<uint64_t>(from),
                         get_le<uint64_t>(from + 8),
                         {get_le<uint64_t>(from + 16), get_le<uint32_t>(from + 24)}},
                        get_le<uint32_t>(from + SectionEntry::kBytes)});
  }
  return true;
}

std::string pack(const SearchRowsTail& rows) {
  std::string out;
  out.reserve(rows.refs.size() * SearchRef::kBytes + rows.halves.size() * 2);
  for (const SearchRef& ref : rows.refs) append(&out, ref);
  for (const uint16_t half : rows.halves) {
    char packed[2];
    put_le(packed, half);
    out.append(packed, sizeof packed);
  }
  return out;
}

bool unpack(std::string_view tail, uint32_t entries, uint32_t dimension, SearchRowsTail* rows) {
  rows->refs.clear();
  rows->halves.clear();
  if (entries > kSearchRowsOrdinals || tail.size() != search_rows_bytes(entries, dimension)) {
    return false;
  }
  for (uint32_t i = 0; i < entries; ++i) rows->refs.push_back(search_ref_at(tail, i));
  tail.remove_prefix(entries * SearchRef::kBytes);
  rows->halves.reserve(tail.size() / 2);
  for (; !tail.empty(); tail.remove_prefix(2)) {
    rows->halves.push_back(get_le<uint16_t>(tail.data()));
  }
  return true;
}

SearchRef search_ref_at(std::string_view tail, uint32_t index) {
  const char* from = tail.data() + index * SearchRef::kBytes;
  SearchRef ref;
  ref.section = static_cast<uint8_t>(from[0]);
  std::memcpy(ref.document.bytes.data(), from + 1, 16);
  ref.name = get_le<uint64_t>(from + 17);
  ref.vector = {get_le<uint64_t>(from + 25), get_le<uint32_t>(from + 33)};
  ref.exponent = get_le<int32_t>(from + 37);
  return ref;
}

std::string_view search_halves_at(std::string_view tail, uint32_t entries, uint32_t dimension,
                                  uint32_t index) {
  const size_t bytes = size_t{2} * dimension;
  return tail.substr(entries * SearchRef::kBytes + index * bytes, bytes);
}

std::string pack(const SearchBlockTail& block) {
  std::string out;
  out.reserve(block.rows.size() * SearchCode::kBytes + block.codes.size());
  for (const SearchCode& row : block.rows) append(&out, row);
  out += block.codes;
  return out;
}

void append_u32(std::string* out, uint32_t n) {
  char packed[4];
  put_le(packed, n);
  out->append(packed, sizeof packed);
}

uint32_t search_list_size_at(std::string_view tail, uint32_t index) {
  return get_le<uint32_t>(tail.data() + index * size_t{4});
}

SearchCode search_code_at(std::string_view tail, uint32_t index) {
  const char* from = tail.data() + index * SearchCode::kBytes;
  return {get_le<uint32_t>(from), std::bit_cast<float>(get_le<uint32_t>(from + 4)),
          get_le<uint32_t>(from + 8), static_cast<uint8_t>(from[12])};
}

std::string_view search_codes_at(std::string_view tail, uint32_t entries, uint32_t dimension,
                                 uint32_t index) {
  return tail.substr(entries * SearchCode::kBytes + size_t{index} * dimension, dimension);
}

}  // namespace bcstore::format
