#include "engine/rocks_engine.h"

#include <rocksdb/db.h>

#include <array>
#include <typeinfo>
#include <vector>

#include "engine/rocks_changes.h"
#include "engine/rocks_scan.h"
#include "engine/rocks_status.h"
#include "engine/rocks_value.h"

namespace bcstore::engine {
namespace {

// Reads of one round that need no allocation.
constexpr size_t kSmallRound = 8;

Status read_status(const rocksdb::Status& status, Family family, std::string_view key) {
  if (status.ok()) return Status();
  if (status.IsNotFound()) return Status(Code::not_found, "no such key");
  return from_rocks(status, "cannot read " + name_key(family, key));
}

rocksdb::ReadOptions read_options(const rocksdb::Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  options.verify_checksums = true;
  return options;
}

// The arrays that RocksDB wants for reads of several families at once.
struct Round {
  rocksdb::ColumnFamilyHandle** families;
  rocksdb::Slice* keys;
  rocksdb::PinnableSlice* values;
  rocksdb::Status* statuses;
};

void read_round(const std::shared_ptr<RocksCore>& core, std::span<Read> reads,
                const rocksdb::Snapshot* snapshot, const Round& round) {
  for (size_t i = 0; i < reads.size(); ++i) {
    round.families[i] = core->family(reads[i].family);
    round.keys[i] = slice(reads[i].key);
  }
  core->db().MultiGet(read_options(snapshot), reads.size(), round.families, round.keys,
                      round.values, round.statuses);
  for (size_t i = 0; i < reads.size(); ++i) {
    Read& read = reads[i];
    RocksHolder& holder = holder_of(core, read.value);
    read.status = read_status(round.statuses[i], read.family, read.key);
    if (!read.status.ok()) continue;
    read.status = core->enter();  // the value's own count; the running call keeps the store open
    if (!read.status.ok()) continue;
    holder.fill(std::move(round.values[i]));
    holder.adopt();
  }
}

}  // namespace

Status RocksEngine::get(Family family, std::string_view key, const Snapshot* snapshot,
                        Value* value) {
  RocksHolder& holder = holder_of(core_, *value);
  if (Status entered = core_->enter(); !entered) return entered;
  Result<const rocksdb::Snapshot*> view_at = usable(*core_, snapshot);
  Status answer = view_at.status();
  if (answer.ok()) {
    answer = read_status(
        core_->db().Get(read_options(*view_at), core_->family(family), slice(key), &holder.slice()),
        family, key);
  }
  if (answer.ok()) {
    holder.adopt();
  } else {
    core_->leave();
  }
  return answer;
}

void RocksEngine::multi_get(std::span<Read> reads, const Snapshot* snapshot) {
  const RocksCall call(*core_);
  Status refused = call.status();
  Result<const rocksdb::Snapshot*> view_at(static_cast<const rocksdb::Snapshot*>(nullptr));
  if (refused.ok()) {
    view_at = usable(*core_, snapshot);
    refused = view_at.status();
  }
  if (!refused.ok()) {
    for (Read& read : reads) {
      read.value.reset();
      read.status = refused;
    }
    return;
  }
  if (reads.size() <= kSmallRound) {
    std::array<rocksdb::ColumnFamilyHandle*, kSmallRound> families;
    std::array<rocksdb::Slice, kSmallRound> keys;
    std::array<rocksdb::PinnableSlice, kSmallRound> values;
    std::array<rocksdb::Status, kSmallRound> statuses;
    read_round(core_, reads, *view_at,
               {families.data(), keys.data(), values.data(), statuses.data()});
    return;
  }
  std::vector<rocksdb::ColumnFamilyHandle*> families(reads.size());
  std::vector<rocksdb::Slice> keys(reads.size());
  std::vector<rocksdb::PinnableSlice> values(reads.size());
  std::vector<rocksdb::Status> statuses(reads.size());
  read_round(core_, reads, *view_at,
             {families.data(), keys.data(), values.data(), statuses.data()});
}

std::unique_ptr<Scan> RocksEngine::scan(const ScanRequest& request) {
  return start_scan(core_, request);
}

Result<std::unique_ptr<Snapshot>> RocksEngine::snapshot() {
  if (Status entered = core_->enter(); !entered) return entered;
  // Counted for longer than it is there: who counts none can rely on it.
  const auto counted = core_->add_snapshot();
  const rocksdb::Snapshot* taken = core_->db().GetSnapshot();
  if (taken == nullptr) {
    core_->remove_snapshot(counted);
    core_->leave();
    return Status(Code::internal, "RocksDB gave no snapshot");
  }
  return std::unique_ptr<Snapshot>(std::make_unique<RocksSnapshot>(core_, taken, counted));
}

std::unique_ptr<ChangeSet> RocksEngine::new_changes() {
  return std::make_unique<RocksChanges>(core_);
}

Status RocksEngine::apply(ChangeSet& changes, bool sync_too) {
  const RocksCall call(*core_);
  if (!call.status().ok()) return call.status();
  if (typeid(changes) != typeid(RocksChanges) ||
      !static_cast<RocksChanges&>(changes).is_of(*core_)) {
    return Status(Code::internal, "the changes are not of this engine");
  }
  auto& own = static_cast<RocksChanges&>(changes);
  if (!own.defect().ok()) return own.defect();
  if (Status latched = core_->latch().check(); !latched) return latched;
  if (own.count() == 0) return sync_too ? sync() : Status();
  if (Status space = core_->gate().admit(own.bytes()); !space) return space;
  const bool making = core_->making();
  rocksdb::WriteOptions options;
  options.sync = sync_too || making;
  rocksdb::Status written;
  try {
    written = core_->db().Write(options, &own.batch());
  } catch (const std::bad_alloc&) {
    // RocksDB does not say how far it came.
    written = rocksdb::Status::MemoryLimit("out of memory");
  }
  if (!written.ok()) {
    return fail_write(written.ToString(), from_rocks(written, "cannot write the log"));
  }
  if (core_->latch().log_open()) {
    return Status(Code::unknown_outcome, "the log before this write may have lost its end");
  }
  if (!making) return Status();
  const Status made = core_->made();
  return made.ok() ? made : fail_write(std::string(made.message()), made);
}

Status RocksEngine::sync() {
  const RocksCall call(*core_);
  if (!call.status().ok()) return call.status();
  if (Status latched = core_->latch().check(); !latched) return latched;
  const rocksdb::Status synced = core_->db().SyncWAL();
  if (synced.ok()) return Status();
  return fail_write(synced.ToString(), from_rocks(synced, "cannot sync the log"));
}

Status RocksEngine::fail_write(const std::string& cause, const Status& latched) {
  core_->latch().set(latched);
  return Status(Code::unknown_outcome, "the write may or may not have reached the disk: " + cause);
}

Status RocksEngine::health() const {
  const RocksCall call(*core_);
  return call.status().ok() ? core_->latch().check() : call.status();
}

}  // namespace bcstore::engine
