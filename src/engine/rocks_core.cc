#include "engine/rocks_core.h"

#include <rocksdb/db.h>

#include "engine/monotonic.h"
#include "engine/rocks_status.h"

namespace bcstore::engine {
namespace {

// The two top bits of the state; below them is the count.
constexpr uint64_t kClosed = uint64_t{1} << 63;     // nothing new may enter
constexpr uint64_t kAbandoned = uint64_t{1} << 62;  // the last to leave closes
constexpr uint64_t kCount = kAbandoned - 1;

}  // namespace

Status RocksParts::close() {
  Status status;
  if (db != nullptr) {
    for (rocksdb::ColumnFamilyHandle*& family : families) {
      if (family != nullptr) delete family;
      family = nullptr;
    }
    status = from_rocks(db->Close(), "cannot close the store");
    delete db;
    db = nullptr;
  }
  env.reset();
  rocks_files.reset();
  cache.reset();
  lock.reset();
  return status;
}

RocksCore::RocksCore(RocksParts parts, std::shared_ptr<Latch> latch, const Options& options)
    : latch_(std::move(latch)),
      snapshot_max_age_us_(options.snapshot_max_age_us),
      gate_(parts.files, parts.path, options),
      parts_(std::make_unique<RocksParts>(std::move(parts))),
      making_(parts_->making),
      snapshots_(std::make_unique<Snapshots>()) {}

RocksCore::~RocksCore() {
  if (!in_child()) {
    (void)shut();
    return;
  }
  // In a forked child RocksDB's threads do not exist and its locks may be held for ever: to close
  // there would hang, and to release the lock would take it from the parent. The memory is left to
  // the end of the process.
  (void)parts_.release();
  (void)snapshots_.release();
}

Status RocksCore::enter() {
  if (in_child()) {
    return Status(Code::wrong_process, "a child process cannot use the store of its parent");
  }
  if ((state_.fetch_add(1, std::memory_order_acquire) & kClosed) == 0) return Status();
  leave();
  return Status(Code::closed, "the store is closed");
}

void RocksCore::leave() {
  const uint64_t before = state_.fetch_sub(1, std::memory_order_acq_rel);
  if (before == (kClosed | kAbandoned | 1)) (void)shut();
}

Status RocksCore::made() {
  std::lock_guard<std::mutex> lock(made_mutex_);
  if (!making()) return Status();
  FileSystem& files = *parts_->files;
  const std::string marker = parts_->path + "/" + std::string(kCreatingName);
  if (Status removed = files.remove(marker); !removed) return removed;
  if (Status synced = files.sync_directory(parts_->path); !synced) return synced;
  making_.store(false, std::memory_order_release);
  return Status();
}

uint64_t RocksCore::live() const { return state_.load(std::memory_order_acquire) & kCount; }

Status RocksCore::close() {
  if (in_child()) {
    return Status(Code::wrong_process, "a child process cannot close the store of its parent");
  }
  uint64_t idle = 0;
  if (!state_.compare_exchange_strong(idle, kClosed, std::memory_order_acq_rel)) {
    if ((idle & kClosed) != 0) return Status(Code::closed, "the store is closed");
    return Status(Code::failed_precondition,
                  std::to_string(idle & kCount) + " values, scans, snapshots or calls are alive");
  }
  return shut();
}

void RocksCore::abandon() {
  if (in_child()) return;
  const uint64_t before = state_.fetch_or(kClosed | kAbandoned, std::memory_order_acq_rel);
  if ((before & kClosed) == 0 && (before & kCount) == 0) (void)shut();
}

Status RocksCore::shut() {
  if (shut_.exchange(true, std::memory_order_acq_rel)) return Status();
  Status written = latch_->check();
  if (written.ok()) {
    // What was applied without a sync is handed to the disk. After a storage error RocksDB's log
    // writer must not be touched again: it asserts.
    const rocksdb::Status synced = parts_->db->SyncWAL();
    if (!synced.ok()) {
      latch_->set(from_rocks(synced, "cannot sync the log"));
      written = Status(Code::unknown_outcome,
                       "the last unsynced commits may not be on disk: " + synced.ToString());
    }
  }
  Status closed = parts_->close();
  return written.ok() ? closed : written;
}

std::list<int64_t>::iterator RocksCore::add_snapshot() {
  std::lock_guard<std::mutex> lock(snapshots_->mutex);
  return snapshots_->created_us.insert(snapshots_->created_us.end(), monotonic_us());
}

void RocksCore::remove_snapshot(std::list<int64_t>::iterator at) {
  std::lock_guard<std::mutex> lock(snapshots_->mutex);
  snapshots_->created_us.erase(at);
}

void RocksCore::count_snapshots(EngineStats* stats) const {
  std::lock_guard<std::mutex> lock(snapshots_->mutex);
  stats->snapshots = snapshots_->created_us.size();
  if (snapshots_->created_us.empty()) return;
  const int64_t age_us = monotonic_us() - snapshots_->created_us.front();
  stats->oldest_snapshot_age_us = static_cast<uint64_t>(age_us);
}

Status RocksCore::check_age(int64_t created_us) const {
  if (snapshot_max_age_us_ == 0 || monotonic_us() - created_us <= snapshot_max_age_us_) {
    return Status();
  }
  return Status(Code::failed_precondition, "the snapshot is older than the store allows");
}

}  // namespace bcstore::engine
