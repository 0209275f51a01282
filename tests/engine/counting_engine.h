// CountingEngine: an Engine in front of another that counts operations and remembers which keys
// were read, so that a test can say "this call read no key outside this prefix, in at most two
// rounds".
//
// A round is one set of independent reads: each get, each multi_get and each scan is one. Every
// other operation passes through.
//
// Thread contract: as Engine; reset() and the questions may be called from any thread.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"

namespace bcstore::engine {

struct EngineCounts {
  uint64_t gets = 0;
  uint64_t multi_gets = 0;
  uint64_t multi_get_keys = 0;
  uint64_t scans = 0;
  uint64_t scan_rows = 0;
  uint64_t snapshots = 0;
  uint64_t applies = 0;
  uint64_t synced_applies = 0;
  uint64_t syncs = 0;

  uint64_t rounds() const { return gets + multi_gets + scans; }
};

// Keys that were asked for: from `lower` to before `upper`. For one key `upper` is that key and a
// zero byte, which is the next possible key.
struct KeyRange {
  Family family;
  std::string lower;
  std::string upper;

  // Whether every key of the range starts with `prefix`.
  bool within(std::string_view prefix) const {
    if (!lower.starts_with(prefix)) return false;
    if (upper.starts_with(prefix)) return true;
    return upper == end_of(prefix);
  }

 private:
  // The first key after all that start with `prefix`; empty when there is none.
  static std::string end_of(std::string_view prefix) {
    std::string end(prefix);
    while (!end.empty() && end.back() == '\xff') end.pop_back();
    if (!end.empty()) end.back() = static_cast<char>(end.back() + 1);
    return end;
  }
};

class CountingEngine final : public Engine {
 public:
  explicit CountingEngine(std::unique_ptr<Engine> target) : target_(std::move(target)) {}

  EngineCounts counts() const {
    std::lock_guard<std::mutex> lock(log_->mutex);
    return log_->counts;
  }
  std::vector<KeyRange> touched() const {
    std::lock_guard<std::mutex> lock(log_->mutex);
    return log_->touched;
  }
  // Read ranges that lie in none of the prefixes, not even in part.
  std::vector<KeyRange> touched_outside(const std::vector<std::string>& prefixes) const {
    std::vector<KeyRange> outside;
    for (KeyRange& range : touched()) {
      const bool inside =
          std::any_of(prefixes.begin(), prefixes.end(),
                      [&](const std::string& prefix) { return range.within(prefix); });
      if (!inside) outside.push_back(std::move(range));
    }
    return outside;
  }
  void reset() {
    std::lock_guard<std::mutex> lock(log_->mutex);
    log_->counts = {};
    log_->touched.clear();
  }

  Status get(Family family, std::string_view key, const Snapshot* snapshot, Value* value) override {
    {
      std::lock_guard<std::mutex> lock(log_->mutex);
      ++log_->counts.gets;
      log_->touched.push_back(one_key(family, key));
    }
    return target_->get(family, key, snapshot, value);
  }
  void multi_get(std::span<Read> reads, const Snapshot* snapshot) override {
    {
      std::lock_guard<std::mutex> lock(log_->mutex);
      ++log_->counts.multi_gets;
      log_->counts.multi_get_keys += reads.size();
      for (const Read& read : reads) log_->touched.push_back(one_key(read.family, read.key));
    }
    target_->multi_get(reads, snapshot);
  }
  std::unique_ptr<Scan> scan(const ScanRequest& request) override {
    {
      std::lock_guard<std::mutex> lock(log_->mutex);
      ++log_->counts.scans;
      log_->touched.push_back({request.family, request.lower, request.upper});
    }
    return std::make_unique<CountedScan>(log_, target_->scan(request));
  }
  Result<std::unique_ptr<Snapshot>> snapshot() override {
    add(&EngineCounts::snapshots);
    return target_->snapshot();
  }
  std::unique_ptr<ChangeSet> new_changes() override { return target_->new_changes(); }
  Status apply(ChangeSet& changes, bool sync_too) override {
    add(&EngineCounts::applies);
    if (sync_too) add(&EngineCounts::synced_applies);
    return target_->apply(changes, sync_too);
  }
  Status sync() override {
    add(&EngineCounts::syncs);
    return target_->sync();
  }
  Status health() const override { return target_->health(); }
  Status flush(bool compact) override { return target_->flush(compact); }
  Status scrub(Family family) override { return target_->scrub(family); }
  Status verify_files() override { return target_->verify_files(); }
  Status checkpoint(const std::string& directory) override {
    return target_->checkpoint(directory);
  }
  EngineStats stats() const override { return target_->stats(); }
  uint64_t live_children() const override { return target_->live_children(); }
  Status close() override { return target_->close(); }

 private:
  // Shared with scans, which may outlive the engine.
  struct Log {
    std::mutex mutex;
    EngineCounts counts;
    std::vector<KeyRange> touched;
  };

  class CountedScan final : public Scan {
   public:
    CountedScan(std::shared_ptr<Log> log, std::unique_ptr<Scan> target)
        : log_(std::move(log)), target_(std::move(target)) {}

    bool next() override {
      if (!target_->next()) return false;
      std::lock_guard<std::mutex> lock(log_->mutex);
      ++log_->counts.scan_rows;
      return true;
    }
    std::string_view key() const override { return target_->key(); }
    std::string_view value() const override { return target_->value(); }
    const Status& status() const override { return target_->status(); }

   private:
    const std::shared_ptr<Log> log_;
    const std::unique_ptr<Scan> target_;
  };

  static KeyRange one_key(Family family, std::string_view key) {
    return {family, std::string(key), std::string(key) + '\0'};
  }
  void add(uint64_t EngineCounts::*count) {
    std::lock_guard<std::mutex> lock(log_->mutex);
    ++(log_->counts.*count);
  }

  const std::unique_ptr<Engine> target_;
  const std::shared_ptr<Log> log_ = std::make_shared<Log>();
};

}  // namespace bcstore::engine
