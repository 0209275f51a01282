// Engine: what the model asks of storage. About ten operations and no RocksDB type, so that a
// counting, failing or distributed engine can stand behind the same model.
//
// Contract
//  - Keys are ordered by memcmp. Every key starts with a 16-byte owner; no scan crosses an owner
//    unless both bounds name the system owner.
//  - apply() is atomic over all families and is called by one thread at a time (the commit queue);
//    everything else may be called from many threads at once.
//  - After the first storage error on the write side the engine is latched: apply() and sync()
//    answer `read_only` with the cause until the store is opened again; reads go on.
//  - Values, scans and snapshots are children of the engine: live_children() counts them, and
//    close() refuses with `failed_precondition` while it is not 0.
//  - No call aborts, throws or prints.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bcstore/open_report.h"
#include "bcstore/options.h"
#include "bcstore/status.h"

namespace bcstore::engine {

// The fixed list of families, by role. Numbers index arrays; names are on disk.
enum class Family : uint8_t {
  system = 0,     // "default": the store record
  heads = 1,      // current state, read by key, overwritten
  history = 2,    // immutable small facts
  revisions = 3,  // immutable document contents, compressed by us
  months = 4,     // month-bucketed logs: messages, events
  index = 5,      // derived look-ups, idempotency and import identities
  log = 6,        // commit links and bodies
  credits = 7,    // balances, which a merge operator changes
  sections = 8,   // blocks of revisions and their lists
  vectors = 9,    // embeddings
  secrets = 10,   // what must leave the disk: small, and rewritten as a whole
  search = 11,    // embeddings as they are searched
};
inline constexpr size_t kFamilies = 12;
std::string_view to_string(Family family);

// Bytes that the engine pins or owns. Reusable: passing the same Value to get() again lets go of
// what it held. Moving it moves the pin; bytes() must be asked again after a move.
class Value {
 public:
  class Holder {
   public:
    virtual ~Holder() = default;
    virtual std::string_view bytes() const = 0;
    virtual void reset() = 0;
  };
  Value() = default;
  explicit Value(std::unique_ptr<Holder> holder) : holder_(std::move(holder)) {}
  std::string_view bytes() const { return holder_ ? holder_->bytes() : std::string_view(); }
  Holder* holder() const { return holder_.get(); }
  void hold(std::unique_ptr<Holder> holder) { holder_ = std::move(holder); }
  void reset() {
    if (holder_) holder_->reset();
  }

 private:
  std::unique_ptr<Holder> holder_;
};

class Snapshot {
 public:
  virtual ~Snapshot() = default;
  // No age ends it: for one call that reads everything, however long that takes.
  virtual void keep() = 0;
  // failed_precondition when it is older than the store allows, as a read under it would answer.
  virtual Status check_age() const = 0;
};

struct ScanRequest {
  Family family;
  std::string lower;  // inclusive; at least the 16-byte owner
  std::string upper;  // exclusive; same owner
  // Backward starts at the last key below `upper`.
  bool backward = false;
  const Snapshot* snapshot = nullptr;  // null: a view of now, consistent for this scan
  bool fill_cache = true;
  // For verification and copies alone: every row of the family, whoever owns it, from `lower` on.
  // The upper bound stays empty.
  bool whole_family = false;
};

// The one way to iterate. key() and value() are valid until the next call of next().
class Scan {
 public:
  virtual ~Scan() = default;
  // Moves to the first, then each next row; false at the end or on an error.
  virtual bool next() = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual const Status& status() const = 0;
};

// One read of a round.
struct Read {
  Family family;
  std::string key;
  Value value{};
  Status status{};  // not_found when absent
};

// The changes of one group of commits, applied as one.
class ChangeSet {
 public:
  virtual ~ChangeSet() = default;
  // The value is the concatenation of the two parts.
  virtual void put(Family family, std::string_view key, std::string_view value,
                   std::string_view value_tail = {}) = 0;
  // Changes the balance under a key of Family::credits: format::CounterDelta says how. Other
  // families take no merge.
  virtual void merge(Family family, std::string_view key, std::string_view delta) = 0;
  virtual void erase(Family family, std::string_view key) = 0;
  virtual void erase_range(Family family, std::string_view lower, std::string_view upper) = 0;
  // mark() opens a nested change; rollback() undoes everything since it; accept() keeps it.
  virtual void mark() = 0;
  virtual void rollback() = 0;
  virtual void accept() = 0;
  virtual size_t bytes() const = 0;
  virtual size_t count() const = 0;
  virtual void clear() = 0;
  // What was changed, in order: a key, or all keys from one to before another.
  using Visitor = std::function<void(Family family, std::string_view key, std::string_view upper)>;
  virtual Status visit(const Visitor& visitor) const = 0;
};

struct FamilyStats {
  std::string name;
  uint64_t keys_estimate = 0;
  uint64_t sst_bytes = 0;
  uint64_t memtable_bytes = 0;
};

struct EngineStats {
  std::vector<FamilyStats> families;
  uint64_t wal_bytes = 0;
  uint64_t disk_bytes = 0;  // every file of the directory
  uint64_t block_cache_bytes = 0;
  uint64_t live_children = 0;
  uint64_t snapshots = 0;
  uint64_t oldest_snapshot_age_us = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;

  virtual Status get(Family family, std::string_view key, const Snapshot* snapshot,
                     Value* value) = 0;
  // One round of independent reads; each Read carries its own status.
  virtual void multi_get(std::span<Read> reads, const Snapshot* snapshot) = 0;
  virtual std::unique_ptr<Scan> scan(const ScanRequest& request) = 0;
  virtual Result<std::unique_ptr<Snapshot>> snapshot() = 0;

  virtual std::unique_ptr<ChangeSet> new_changes() = 0;
  // Writes the changes as one batch; with `sync`, they and all before them are durable when it
  // answers ok. no_space: refused by the free-space gate, nothing written. read_only: latched
  // before, nothing written. unknown_outcome: the write failed, the engine is now latched.
  virtual Status apply(ChangeSet& changes, bool sync) = 0;
  // Makes everything applied so far durable.
  virtual Status sync() = 0;
  // Ok, or read_only with the cause of the latch.
  virtual Status health() const = 0;

  // Writes memtables out and, with `compact`, merges every family to its last level.
  virtual Status flush(bool compact) = 0;
  // Writes memtables out, so that the log files that held them go, and rewrites every file of one
  // family: what was overwritten or erased in it is off the disk. failed_precondition while a
  // snapshot is held that is older than the newest change; no_space.
  virtual Status scrub(Family family) = 0;
  // Reads every file and verifies the checksum of each of its blocks.
  virtual Status verify_files() = 0;
  // Makes an openable copy of the store in a directory that does not exist yet.
  virtual Status checkpoint(const std::string& directory) = 0;
  virtual EngineStats stats() const = 0;
  virtual uint64_t live_children() const = 0;
  virtual Status close() = 0;
};

// Opens the RocksDB engine, after the guards of log_guard.h; `report` gets what they found, and may
// be null. `fresh` is set when the directory held no store (CURRENT is absent) and
// one was made. Codes: not_found (no store and !create_if_missing), busy (open elsewhere),
// unsupported_format (a directory that holds something else, or families that are not ours),
// corruption, io_error, no_space, invalid_argument.
Result<std::unique_ptr<Engine>> open_rocks(const std::string& path, const Options& options,
                                           bool* fresh, OpenReport* report = nullptr);

}  // namespace bcstore::engine
