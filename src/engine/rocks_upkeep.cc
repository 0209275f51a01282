// The calls of RocksEngine that work on whole files.
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "engine/manifest_file.h"
#include "engine/rocks_engine.h"
#include "engine/rocks_files.h"
#include "engine/rocks_status.h"

namespace bcstore::engine {
namespace {

uint64_t property(RocksCore& core, Family family, const std::string& name) {
  uint64_t number = 0;
  // False for a property that RocksDB does not know: the number stays 0.
  return core.db().GetIntProperty(core.family(family), name, &number) ? number : 0;
}

FamilyStats family_stats(RocksCore& core, Family family) {
  FamilyStats stats;
  stats.name = to_string(family);
  stats.keys_estimate = property(core, family, rocksdb::DB::Properties::kEstimateNumKeys);
  stats.sst_bytes = property(core, family, rocksdb::DB::Properties::kTotalSstFilesSize);
  stats.memtable_bytes = property(core, family, rocksdb::DB::Properties::kCurSizeAllMemTables);
  return stats;
}

std::vector<FamilyStats> all_family_stats(RocksCore& core) {
  std::vector<FamilyStats> all;
  for (size_t i = 0; i < kFamilies; ++i) {
    all.push_back(family_stats(core, static_cast<Family>(i)));
  }
  return all;
}

// A checkpoint leaves out a file of the log that is empty; a store without any would be refused.
Status add_empty_log(FileSystem& files, const std::string& directory) {
  Result<std::vector<std::string>> names = files.list(directory);
  if (!names) return names.status();
  const auto is_log = [](const std::string& name) { return name.ends_with(".log"); };
  if (std::any_of(names->begin(), names->end(), is_log)) return Status();
  Result<Manifest> manifest = read_manifest(files, directory);
  if (!manifest) return manifest.status();
  Result<std::unique_ptr<WritableFile>> log =
      files.open_writable(fmt::format("{}/{:06}.log", directory, manifest->newest_log_number()),
                          FileSystem::Create::fresh);
  if (!log) return log.status();
  if (Status synced = (*log)->sync(); !synced) return synced;
  if (Status closed = (*log)->close(); !closed) return closed;
  return files.sync_directory(directory);
}

// How long scrub() waits for snapshots to go that reads hold for a moment.
constexpr int64_t kSnapshotWaitUs = 500'000;

// The sequence of the oldest snapshot is asked of RocksDB: it goes by that, not by our count.
bool is_seen_before(RocksCore& core, uint64_t sequence) {
  const uint64_t oldest =
      property(core, Family::system, rocksdb::DB::Properties::kOldestSnapshotSequence);
  return oldest != 0 && oldest < sequence;
}

// A compaction may leave its inputs to a thread that deletes them later. To list the logs waits for
// deletions under way, if no new ones may start; to allow them again deletes what is left.
Status purge_obsolete_files(rocksdb::DB& db) {
  rocksdb::VectorLogPtr logs;
  rocksdb::Status done = db.DisableFileDeletions();
  if (!done.ok()) return from_rocks(done, "cannot wait for files to be deleted");
  done = db.GetSortedWalFiles(logs);
  const rocksdb::Status enabled = db.EnableFileDeletions(/*force=*/false);
  return from_rocks(done.ok() ? enabled : done, "cannot wait for files to be deleted");
}

// What a flush may write, and with `compact` also the merge of the largest family.
uint64_t upkeep_bytes(RocksCore& core, bool compact) {
  uint64_t memtables = 0;
  uint64_t largest = 0;
  for (const FamilyStats& family : all_family_stats(core)) {
    memtables += family.memtable_bytes;
    largest = std::max(largest, family.sst_bytes + family.memtable_bytes);
  }
  return memtables + (compact ? largest : 0);
}

}  // namespace

Status RocksEngine::flush_memtables() {
  rocksdb::FlushOptions options;
  options.wait = true;
  options.allow_write_stall = true;
  const std::vector<rocksdb::ColumnFamilyHandle*> families(core_->parts().families.begin(),
                                                           core_->parts().families.end());
  Status flushed = from_rocks(core_->db().Flush(options, families), "cannot flush");
  if (!flushed.ok()) core_->latch().set(flushed);
  return flushed;
}

// Rewrites every file of a family into its last level.
Status RocksEngine::merge(Family family) {
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = true;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  rocksdb::ColumnFamilyHandle* handle = core_->family(family);
  return from_rocks(core_->db().CompactRange(options, handle, /*begin=*/nullptr, /*end=*/nullptr),
                    "cannot compact family " + handle->GetName());
}

Status RocksEngine::flush(bool compact) {
  const RocksCall call(*core_);
  if (!call.status().ok()) return call.status();
  if (Status latched = core_->latch().check(); !latched) return latched;
  if (Status space = core_->gate().admit(upkeep_bytes(*core_, compact)); !space) return space;
  if (Status flushed = flush_memtables(); !flushed || !compact) return flushed;
  for (size_t i = 0; i < kFamilies; ++i) {
    Status merged = merge(static_cast<Family>(i));
    if (merged.ok()) continue;
    core_->latch().set(merged);
    return merged;
  }
  return Status();
}

Status RocksEngine::scrub(Family family) {
  const RocksCall call(*core_);
  if (!call.status().ok()) return call.status();
  if (Status latched = core_->latch().check(); !latched) return latched;
  // Later snapshots see what replaced the secrets, not what was there before.
  const uint64_t sequence = core_->db().GetLatestSequenceNumber();
  for (int64_t waited_us = 0; is_seen_before(*core_, sequence); waited_us += 1000) {
    if (waited_us >= kSnapshotWaitUs) {
      return Status(Code::failed_precondition,
                    "a snapshot is held: what it sees can not leave the disk");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const FamilyStats stats = family_stats(*core_, family);
  const uint64_t bytes = upkeep_bytes(*core_, /*compact=*/false) + stats.sst_bytes;
  if (Status space = core_->gate().admit(bytes + stats.memtable_bytes); !space) return space;
  if (Status flushed = flush_memtables(); !flushed) return flushed;
  Status done = merge(family);
  if (!done.ok()) {
    core_->latch().set(done);
    return done;
  }
  return purge_obsolete_files(core_->db());
}

Status RocksEngine::verify_files() {
  const RocksCall call(*core_);
  if (!call.status().ok()) return call.status();
  return from_rocks(core_->db().VerifyChecksum(), "a file of the store is damaged");
}

Status RocksEngine::checkpoint(const std::string& directory) {
  const RocksCall call(*core_);
  if (!call.status().ok()) return call.status();
  if (Status latched = core_->latch().check(); !latched) return latched;
  FileSystem& files = *core_->parts().files;
  Result<FileInfo> there = files.info(directory);
  if (there) return Status(Code::already_exists, directory + " exists already");
  if (there.code() != Code::not_found) return there.status();
  Result<FileInfo> parent = files.info(parent_directory(directory));
  if (!parent) return parent.status();
  const uint64_t memtables = upkeep_bytes(*core_, /*compact=*/false);
  if (Status space = core_->gate().admit(memtables); !space) return space;
  if (Status space = core_->gate().admit_at(parent_directory(directory), memtables); !space)
    return space;
  // A checkpoint links files of the log: what they hold must be on disk, and little of it.
  if (Status flushed = flush_memtables(); !flushed) return flushed;
  if (Status synced = sync(); !synced) return synced;
  rocksdb::Checkpoint* made = nullptr;
  const rocksdb::Status created = rocksdb::Checkpoint::Create(&core_->db(), &made);
  if (!created.ok()) return from_rocks(created, "cannot make a checkpoint");
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  const rocksdb::Status copied = checkpoint->CreateCheckpoint(directory);
  if (!copied.ok()) return from_rocks(copied, "cannot make a checkpoint");
  return add_empty_log(files, directory);
}

EngineStats RocksEngine::stats() const {
  EngineStats stats;
  const RocksCall call(*core_);
  if (!call.status().ok()) return stats;
  stats.families = all_family_stats(*core_);
  stats.block_cache_bytes =
      property(*core_, Family::system, rocksdb::DB::Properties::kBlockCacheUsage);
  stats.live_children = core_->live() - 1;  // this call is no child
  core_->count_snapshots(&stats);
  FileSystem& files = *core_->parts().files;
  const std::string& path = core_->parts().path;
  Result<std::vector<std::string>> names = files.list(path);
  if (!names) return stats;
  for (const std::string& name : *names) {
    Result<FileInfo> info = files.info(path + "/" + name);
    if (!info || info->is_directory) continue;  // a file may be gone since the listing
    stats.disk_bytes += info->size;
    if (name.ends_with(".log")) stats.wal_bytes += info->size;
  }
  return stats;
}

}  // namespace bcstore::engine
