// A World whose engine the test can see: what the store asked of it, and every raw row.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "fixture.h"
#include "format/key.h"
#include "model/core.h"

namespace bcstore::fixture {

// What was asked of an engine since the last clear().
struct Asked {
  struct Range {
    engine::Family family;
    std::string lower, upper;
    std::vector<std::string> rows;
  };
  std::vector<std::string> gets;  // keys of get and multi_get
  std::vector<Range> scans;
  uint64_t calls = 0;  // get, multi_get and scan, each one
  uint64_t applies = 0;

  void clear() { *this = Asked(); }
};

// Where a test may do something of its own, before the engine does what it was asked for.
enum class Place : uint8_t { snapshot, scan, next, multi_get, apply };

// Shared by the test and by the engine that the store holds.
struct Watch {
  std::shared_ptr<engine::Engine> engine;
  std::mutex mutex;
  Asked asked;
  // Called by whatever thread is there. It is set while no call is under way.
  std::function<void(Place)> before{};
  void pass(Place place) const {
    if (before) before(place);
  }
  std::atomic<bool> throws_after_apply{false};
  std::atomic<bool> fails_reads{false};
  // Writes that are still done; every later one fails. Negative: all are.
  std::atomic<int64_t> writes_left{-1};
};

class WatchedScan final : public engine::Scan {
 public:
  WatchedScan(std::shared_ptr<Watch> watch, size_t index, std::unique_ptr<Scan> target)
      : watch_(std::move(watch)), index_(index), target_(std::move(target)) {}
  bool next() override {
    watch_->pass(Place::next);
    if (!target_->next()) return false;
    const std::lock_guard<std::mutex> lock(watch_->mutex);
    if (index_ < watch_->asked.scans.size()) {
      watch_->asked.scans[index_].rows.emplace_back(target_->key());
    }
    return true;
  }
  std::string_view key() const override { return target_->key(); }
  std::string_view value() const override { return target_->value(); }
  const Status& status() const override { return target_->status(); }

 private:
  const std::shared_ptr<Watch> watch_;
  const size_t index_;
  const std::unique_ptr<Scan> target_;
};

// Passes everything on and writes down the keys.
class WatchedEngine final : public engine::Engine {
 public:
  explicit WatchedEngine(std::shared_ptr<Watch> watch)
      : watch_(std::move(watch)), target_(watch_->engine) {}

  Status get(engine::Family family, std::string_view key, const engine::Snapshot* snapshot,
             engine::Value* value) override {
    {
      const std::lock_guard<std::mutex> lock(watch_->mutex);
      ++watch_->asked.calls;
      watch_->asked.gets.emplace_back(key);
    }
    if (watch_->fails_reads) return Status(Code::io_error, "a read that fails");
    return target_->get(family, key, snapshot, value);
  }
  void multi_get(std::span<engine::Read> reads, const engine::Snapshot* snapshot) override {
    watch_->pass(Place::multi_get);
    {
      const std::lock_guard<std::mutex> lock(watch_->mutex);
      ++watch_->asked.calls;
      for (const engine::Read& read : reads) watch_->asked.gets.push_back(read.key);
    }
    if (watch_->fails_reads) {
      for (engine::Read& read : reads) read.status = Status(Code::io_error, "a read that fails");
      return;
    }
    target_->multi_get(reads, snapshot);
  }
  std::unique_ptr<engine::Scan> scan(const engine::ScanRequest& request) override {
    watch_->pass(Place::scan);
    size_t index = 0;
    {
      const std::lock_guard<std::mutex> lock(watch_->mutex);
      ++watch_->asked.calls;
      index = watch_->asked.scans.size();
      watch_->asked.scans.push_back({request.family, request.lower, request.upper, {}});
    }
    return std::make_unique<WatchedScan>(watch_, index, target_->scan(request));
  }
  Result<std::unique_ptr<engine::Snapshot>> snapshot() override {
    watch_->pass(Place::snapshot);
    return target_->snapshot();
  }
  std::unique_ptr<engine::ChangeSet> new_changes() override { return target_->new_changes(); }
  Status apply(engine::ChangeSet& changes, bool sync) override {
    watch_->pass(Place::apply);
    {
      const std::lock_guard<std::mutex> lock(watch_->mutex);
      ++watch_->asked.applies;
    }
    if (watch_->writes_left == 0) return Status(Code::io_error, "a write that fails");
    if (watch_->writes_left > 0) --watch_->writes_left;
    const Status applied = target_->apply(changes, sync);
    if (watch_->throws_after_apply) throw std::runtime_error("after the write");
    return applied;
  }
  Status sync() override { return target_->sync(); }
  Status health() const override { return target_->health(); }
  Status flush(bool compact) override { return target_->flush(compact); }
  Status scrub(engine::Family family) override { return target_->scrub(family); }
  Status verify_files() override { return target_->verify_files(); }
  Status checkpoint(const std::string& directory) override {
    return target_->checkpoint(directory);
  }
  engine::EngineStats stats() const override { return target_->stats(); }
  uint64_t live_children() const override { return target_->live_children(); }
  Status close() override { return target_->close(); }

 private:
  const std::shared_ptr<Watch> watch_;
  const std::shared_ptr<engine::Engine> target_;
};

// The rows of a store: (family, key) -> value.
using Rows = std::map<std::pair<engine::Family, std::string>, std::string>;

struct EngineWorld : World {
  explicit EngineWorld(const Tweak& tweak = {}) : EngineWorld(tweak, std::make_shared<Watch>()) {}

  engine::Engine& engine() { return *watch->engine; }
  // What a call asks of the engine.
  template <class Work>
  Asked ask(Work work) {
    {
      const std::lock_guard<std::mutex> lock(watch->mutex);
      watch->asked.clear();
    }
    work();
    const std::lock_guard<std::mutex> lock(watch->mutex);
    return watch->asked;
  }
  // Every row of these owners, of the system and of the public.
  Rows rows(std::vector<UserId> owners) {
    owners.push_back(kSystemOwner);
    owners.push_back(kPublicOwner);
    Rows all;
    for (const UserId& owner : owners) {
      const std::string lower(reinterpret_cast<const char*>(owner.uuid().bytes.data()), 16);
      for (size_t f = 0; f < engine::kFamilies; ++f) {
        const auto family = static_cast<engine::Family>(f);
        const auto scan = engine().scan(
            {.family = family, .lower = lower, .upper = lower + std::string(64, '\xFF')});
        while (scan->next()) all.emplace(std::pair(family, scan->key()), scan->value());
        INFO(scan->status().to_string());
        REQUIRE(scan->status().ok());
      }
    }
    return all;
  }
  // Writes behind the store's back.
  void put(engine::Family family, std::string_view key, std::string_view value) {
    const std::unique_ptr<engine::ChangeSet> changes = engine().new_changes();
    changes->put(family, key, value);
    REQUIRE(engine().apply(*changes, false).ok());
  }
  void erase(engine::Family family, std::string_view key) {
    const std::unique_ptr<engine::ChangeSet> changes = engine().new_changes();
    changes->erase(family, key);
    REQUIRE(engine().apply(*changes, false).ok());
  }

  std::shared_ptr<Watch> watch;

 private:
  EngineWorld(const Tweak& tweak, const std::shared_ptr<Watch>& shared)
      : World(tweak,
              [shared](const std::string& where, const Options& o) -> Result<Store> {
                bool fresh = false;
                Result<std::unique_ptr<engine::Engine>> opened =
                    engine::open_rocks(where, o, &fresh);
                if (!opened) return opened.status();
                shared->engine = std::move(*opened);
                return model::open_over(std::make_unique<WatchedEngine>(shared), o, fresh);
              }),
        watch(shared) {}
};

}  // namespace bcstore::fixture
