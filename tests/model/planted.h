// Rows changed behind the store's back: found by kind, rewritten with a checksum that is right.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "engine_world.h"
#include "format/record.h"
#include "records_generated.h"
#include "rich.h"

namespace bcstore::fixture {

struct Row {
  engine::Family family;
  std::string key;
  std::string value;
};

// The rows of one kind under an owner, in the order of keys.
inline std::vector<Row> rows_of_kind(EngineWorld& w, UserId owner, format::Kind kind) {
  std::vector<Row> found;
  for (const auto& [place, value] : w.rows({owner})) {
    const format::KindInfo* info = format::parse_key(place.second);
    if (info != nullptr && info->kind == kind && format::key_owner(place.second) == owner) {
      found.push_back({place.first, place.second, value});
    }
  }
  return found;
}

// Under whom a kind's records of a rich store lie.
inline UserId owner_of(format::Kind kind, const Rich& rich) {
  const bool is_public = kind == format::Kind::public_name || kind == format::Kind::public_record;
  if (static_cast<int>(kind) < 16) return kSystemOwner;
  return is_public ? kPublicOwner : rich.owner;
}

// The row with this key, in whatever family it lies.
inline Row row_at(EngineWorld& w, std::string_view key) {
  for (size_t f = 0; f < engine::kFamilies; ++f) {
    const auto family = static_cast<engine::Family>(f);
    engine::Value value;
    const Status status = w.engine().get(family, key, nullptr, &value);
    if (status.ok()) return {family, std::string(key), std::string(value.bytes())};
  }
  FAIL("no row with the key ", format::to_hex(key));
  return {};
}

// The value of `row`, made anew under `key` after `change` had its way with the table.
template <class Table, class Change>
std::string remade(const Row& row, std::string_view key, Change change) {
  format::Parsed parsed;
  REQUIRE(format::parse_record(row.key, row.value, &parsed).ok());
  std::vector<uint64_t> aligned(parsed.meta.size() / 8 + 1);
  std::memcpy(aligned.data(), parsed.meta.data(), parsed.meta.size());
  change(*flatbuffers::GetMutableRoot<Table>(aligned.data()));
  const std::string_view meta(reinterpret_cast<const char*>(aligned.data()), parsed.meta.size());
  format::Draft draft =
      (parsed.flags & format::kTail) != 0
          ? format::Draft(parsed.kind, meta, parsed.tail,
                          static_cast<format::Coding>(parsed.flags & ~format::kTail))
          : format::Draft(parsed.kind, meta);
  return std::string(draft.seal(key));
}

// The same record under another key.
inline std::string moved_to(const Row& row, std::string_view key) {
  return remade<fb::Common>(row, key, [](fb::Common&) {});
}

inline std::string packed(format::Kind kind, std::string_view key, const std::string& meta) {
  format::Draft draft(kind, meta);
  return std::string(draft.seal(key));
}

inline std::string flipped(std::string value, size_t byte, int bit = 0) {
  value[byte] = static_cast<char>(value[byte] ^ (1 << bit));
  return value;
}

}  // namespace bcstore::fixture
