// Pages for standbys: what came after a position, as rows.
//
// A position is where a standby is: in the copy of everything, which comes first ('B', the source's
// run, the number and the chain of the last group before it, family, the last row's key), or behind
// a group of commits ('L', run, its number, its chain). Those of one standby rise as bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/store.h"
#include "engine/engine.h"
#include "format/key.h"
#include "model/core.h"
#include "model/replica_standing.h"

namespace bcstore::model {

struct ReplicaChange {
  enum class How : uint8_t { put = 1, erase = 2, erase_range = 3 };
  How how{};
  engine::Family family{};
  std::string_view key;
  std::string_view value;  // of a range: where it ends
};

// A page taken apart. The views point into its bytes.
struct ReplicaPage {
  uint64_t store_hash = 0;
  std::string_view from, to;
  // What the standby is after it: the store at one moment.
  bool is_consistent = false;
  std::vector<ReplicaChange> changes;
};
Status read_page(std::string_view bytes, ReplicaPage* page);

// Of a standby's own: they are no part of what it copies.
inline bool is_of_one_store(format::Kind kind) {
  return kind == format::Kind::store || kind == format::Kind::replica_keys ||
         kind == format::Kind::replica_state;
}

// One key, or all from one to before another, in the tail of a replica_keys record.
struct ReplicaKey {
  engine::Family family{};
  std::string_view key, upper;
};
void append(std::string* out, const ReplicaKey& key);
bool unpack(std::string_view tail, std::vector<ReplicaKey>* keys);

// Random, of the time for which a store keeps what standbys need.
inline constexpr size_t kReplicaRunBytes = 8;
// Of a position of one that follows.
inline constexpr size_t kPlaceNumberAt = 1 + kReplicaRunBytes;
inline constexpr size_t kPlaceBytes = kPlaceNumberAt + 16;
// A page ends behind a group, whose rows are some more than its batches.
inline constexpr size_t kMaxPageBytes = kMaxStandbyPageBytes + 4 * kMaxBatchBytes;

// What the store's own record says.
Result<ReplicaStanding> read_standing(engine::Engine& engine, const engine::Snapshot* snapshot);

// How many groups are kept; 0 as well when that can not be read.
uint64_t count_kept_groups(engine::Engine& engine);

std::string pack_identity(const Core& core);
Result<Identity> unpack_identity(std::string_view bytes);

Result<std::string> make_page(Core& core, std::string_view position, const StandbyPageOptions& o);

}  // namespace bcstore::model
