// One record of every kind with every field set, and the bytes that it has on disk.
#pragma once

#include <string>
#include <string_view>

#include "format/key.h"
#include "format/record.h"

namespace bcstore::format::golden {

inline constexpr uint64_t kCommitSeq = 0x0102030405060708;
inline constexpr int64_t kCreatedAt = 1'755'252'000'000'001;
inline constexpr int64_t kEffectiveAt = 1'755'252'000'000'002;
inline constexpr uint8_t kActorKind = 2;
inline constexpr std::string_view kActorName = "planner";

// The bytes first, first + 1, ... as an id.
Uuid id(uint8_t first);
// A key of the right length for the kind.
std::string key(Kind kind);
// The record, built by the code under test; not sealed yet.
Draft draft(Kind kind);
// The sealed value in hexadecimal as it was once written; empty for a kind without a golden row.
std::string_view value_hex(Kind kind);

}  // namespace bcstore::format::golden
