// Core: one open store. Every handle shares it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/store.h"
#include "engine/engine.h"
#include "model/batch.h"
#include "model/commit_queue.h"
#include "model/content_cache.h"
#include "model/delta.h"
#include "model/row_cache.h"
#include "model/search_cache.h"
#include "model/tail_cache.h"

namespace bcstore::model {

// How many things are alive. Each thread counts in a cell of its own, as far as there are cells:
// a counter that all readers share costs two of them more than what they read.
class LiveCount {
 public:
  using Cell = std::atomic<uint64_t>;
  // The cell of this thread. What was counted up there is counted down there, by whoever does.
  Cell& cell();
  // Everything that is alive from before the call to after it is counted.
  uint64_t count() const;

 private:
  static constexpr size_t kCells = 16;
  struct alignas(64) Line {
    Cell cell{0};
  };
  std::array<Line, kCells> lines_;
};

class Core : public std::enable_shared_from_this<Core> {
 public:
  // `fresh`: the engine was just made and holds nothing. `report`: what opening it found.
  static Result<std::shared_ptr<Core>> open(std::unique_ptr<engine::Engine> engine,
                                            const Options& options, bool fresh,
                                            OpenReport report = {});
  ~Core();

  engine::Engine& engine() const { return *engine_; }
  const Options& options() const { return options_; }
  Uuid next_id() { return options_.ids->next(); }
  // What cursors carry of the store.
  uint64_t store_hash() const { return store_hash_; }
  uint64_t salt() const { return salt_; }
  // Of this opening: a snapshot is of no other, though a standby has the store's own id.
  uint64_t open_hash() const { return open_hash_; }
  // Of whoever has the same contents; make_standby writes the record of a store that it is to be.
  const Uuid& store_id() const { return store_id_; }
  CommitQueue& queue() { return *queue_; }
  const CommitQueue& queue() const { return *queue_; }

  ContentCoder& coder() { return coder_; }
  ContentCache& contents() { return contents_; }
  TailCache& tails() { return tails_; }
  RowCache& rows() { return rows_; }
  SearchCache& searches() { return searches_; }
  RateBook& rates() { return rates_; }
  // Held while lists are made: one space at a time.
  std::mutex& lists_mutex() { return lists_mutex_; }

  // A service looked at this owner's data. Bounded: owners beyond kMaxBufferedAudits are written
  // at once.
  void note_read(UserId owner, const std::string& reason);

  uint64_t live_children() const { return engine_->live_children() + children_.count(); }
  Status close();
  bool closed() const { return closed_.load(std::memory_order_acquire); }
  StoreStats stats() const;
  const OpenReport& open_report() const { return open_report_; }

 private:
  static constexpr size_t kMaxBufferedAudits = 1024;
  struct ReadAudit {
    UserId owner;
    std::string reason;
    uint64_t reads = 0;
  };

  explicit Core(const Options& options);
  Status found(bool fresh);
  std::vector<std::unique_ptr<BatchBody>> take_read_audits();

  Options options_;
  OpenReport open_report_;
  std::unique_ptr<engine::Engine> engine_;
  uint64_t store_hash_ = 0;
  uint64_t salt_ = 0;
  uint64_t open_hash_ = 0;
  Uuid store_id_;
  ContentCoder coder_;
  ContentCache contents_;
  TailCache tails_;
  RowCache rows_;
  SearchCache searches_;
  RateBook rates_;
  std::mutex lists_mutex_;
  std::mutex audit_mutex_;
  std::vector<ReadAudit> read_audits_;
  std::unique_ptr<CommitQueue> queue_;
  std::atomic<bool> closed_{false};
  friend class Child;
  LiveCount children_;
};

// What a standby is made of: the id and the salt of the store that it is to be.
struct Identity {
  Uuid store_id;
  uint64_t salt = 0;
};

Status check_options(const Options& options);

// The same store, counted on its own: what a tenant's records share keeps off the line in memory
// that all others' would share.
std::shared_ptr<Core> own_count(const std::shared_ptr<Core>& core);

// Counts one thing that keeps the store alive and that close() waits for.
class Child {
 public:
  explicit Child(std::shared_ptr<Core> core);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

 private:
  std::shared_ptr<Core> core_;
  LiveCount::Cell& cell_;
};

// Opens a store over any engine: for tests with a counting or failing one.
Result<Store> open_over(std::unique_ptr<engine::Engine> engine, const Options& options, bool fresh,
                        OpenReport report = {});

}  // namespace bcstore::model
