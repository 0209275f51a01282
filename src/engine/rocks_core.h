// RocksCore: the open database, shared by the engine and by its children (values, scans,
// snapshots).
//
// A count of the children and of the calls that are running decides when the database may close:
// close() refuses while it is not 0, and when the engine is destroyed under living children the
// last of them closes. The database, not this object, is what holds files and the lock, so an
// emptied Value that outlives the engine holds nothing but a few bytes.
//
// Thread contract: every call is safe from many threads.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/options.h>

#include <array>
#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "bcstore/file_system.h"
#include "bcstore/options.h"
#include "engine/engine.h"
#include "engine/fork_guard.h"
#include "engine/latch.h"
#include "engine/space_gate.h"

namespace rocksdb {
class Cache;
class ColumnFamilyHandle;
class DB;
class Snapshot;
}  // namespace rocksdb

namespace bcstore::engine {

// Lies beside a store until its first row is on disk.
inline constexpr std::string_view kCreatingName = "CREATING";

// What an open database consists of, in the order in which it is made.
struct RocksParts {
  std::string path;
  std::shared_ptr<FileSystem> files;
  std::unique_ptr<FileLock> lock;
  std::shared_ptr<rocksdb::FileSystem> rocks_files;
  std::unique_ptr<rocksdb::Env> env;
  std::shared_ptr<rocksdb::Cache> cache;
  rocksdb::DB* db = nullptr;
  bool making = false;  // CREATING lies beside the store until its first row is on disk
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> families{};

  // Closes the database, then lets go of the rest; ok when there is none.
  Status close();
};

class RocksCore {
 public:
  RocksCore(RocksParts parts, std::shared_ptr<Latch> latch, const Options& options);
  ~RocksCore();
  RocksCore(const RocksCore&) = delete;
  RocksCore& operator=(const RocksCore&) = delete;

  // Starts a call, or counts a child: wrong_process or closed, else ok and a leave() is due.
  Status enter();
  void leave();
  bool in_child() const { return fork_.in_child(); }
  // Running calls and children.
  uint64_t live() const;

  // Refuses with failed_precondition while something lives.
  Status close();
  // The engine is being destroyed: closes now, or at the last leave().
  void abandon();

  // Only between enter() and leave().
  RocksParts& parts() { return *parts_; }
  rocksdb::DB& db() { return *parts_->db; }
  rocksdb::ColumnFamilyHandle* family(Family family) {
    return parts_->families[static_cast<size_t>(family)];
  }
  SpaceGate& gate() { return gate_; }
  // Until the first row was applied and synced, and made() was called after it.
  bool making() const { return making_.load(std::memory_order_acquire); }
  Status made();
  Latch& latch() { return *latch_; }
  const Latch& latch() const { return *latch_; }

  // The ages of living snapshots, on the monotonic clock.
  std::list<int64_t>::iterator add_snapshot();
  void remove_snapshot(std::list<int64_t>::iterator at);
  void count_snapshots(EngineStats* stats) const;
  // failed_precondition when a snapshot of that age may not be read any more.
  Status check_age(int64_t created_us) const;

 private:
  Status shut();

  const ForkGuard fork_;
  const std::shared_ptr<Latch> latch_;
  const int64_t snapshot_max_age_us_;
  std::atomic<uint64_t> state_{0};
  std::atomic<bool> shut_{false};
  SpaceGate gate_;
  std::unique_ptr<RocksParts> parts_;
  std::atomic<bool> making_;
  std::mutex made_mutex_;

  struct Snapshots {
    std::mutex mutex;
    std::list<int64_t> created_us;  // oldest first
  };
  std::unique_ptr<Snapshots> snapshots_;
};

// One running call: enters, and leaves at its end.
class RocksCall {
 public:
  explicit RocksCall(RocksCore& core) : core_(core), status_(core.enter()) {}
  ~RocksCall() {
    if (status_.ok()) core_.leave();
  }
  RocksCall(const RocksCall&) = delete;
  RocksCall& operator=(const RocksCall&) = delete;

  const Status& status() const { return status_; }

 private:
  RocksCore& core_;
  const Status status_;
};

}  // namespace bcstore::engine
