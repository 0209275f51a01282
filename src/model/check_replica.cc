// Rules of what is kept for standbys.
#include <fmt/format.h>

#include <vector>

#include "model/check_walk.h"
#include "model/encode.h"
#include "model/replica.h"

namespace bcstore::model {

Status check_replica_keys(CheckWalk& walk, const CheckedRecord& record) {
  std::vector<ReplicaKey> keys;
  const uint32_t count = record.table<fb::ReplicaKeys>().keys();
  if (!unpack(record.tail(), &keys) || keys.size() != count) {
    walk.violation(record, "the tail lists every key", fmt::format("{} keys", count));
  }
  if (record.owner() != kSystemOwner) {
    walk.violation(record, "the store has one log", "it lies under another owner");
  }
  return Status();
}

Status check_replica_state(CheckWalk& walk, const CheckedRecord& record) {
  const auto& state = record.table<fb::ReplicaState>();
  const auto role = static_cast<ReplicaRole>(state.role());
  if (role != ReplicaRole::source && role != ReplicaRole::standby) {
    walk.unknown(record, "role", state.role());
  }
  if (role == ReplicaRole::source && record.tail().size() != kReplicaRunBytes) {
    walk.violation(record, "a source has a run", fmt::format("{} bytes", record.tail().size()));
  }
  if (record.owner() != kSystemOwner) {
    walk.violation(record, "the store is one", "it lies under another owner");
  }
  return Status();
}

}  // namespace bcstore::model
