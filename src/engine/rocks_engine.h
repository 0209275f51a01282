// RocksEngine: the Engine over one open RocksDB. What each call does is in engine.h.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"
#include "engine/rocks_core.h"

namespace bcstore::engine {

class RocksEngine final : public Engine {
 public:
  explicit RocksEngine(std::shared_ptr<RocksCore> core) : core_(std::move(core)) {}
  ~RocksEngine() override { core_->abandon(); }
  RocksEngine(const RocksEngine&) = delete;
  RocksEngine& operator=(const RocksEngine&) = delete;

  // Reads and writes: rocks_engine.cc.
  Status get(Family family, std::string_view key, const Snapshot* snapshot, Value* value) override;
  void multi_get(std::span<Read> reads, const Snapshot* snapshot) override;
  std::unique_ptr<Scan> scan(const ScanRequest& request) override;
  Result<std::unique_ptr<Snapshot>> snapshot() override;
  std::unique_ptr<ChangeSet> new_changes() override;
  Status apply(ChangeSet& changes, bool sync) override;
  Status sync() override;
  Status health() const override;
  uint64_t live_children() const override { return core_->live(); }
  Status close() override { return core_->close(); }

  // Work on whole files: rocks_upkeep.cc.
  Status flush(bool compact) override;
  Status scrub(Family family) override;
  Status verify_files() override;
  Status checkpoint(const std::string& directory) override;
  EngineStats stats() const override;

 private:
  Status flush_memtables();
  Status merge(Family family);
  // Latches, and says that nobody knows what became of the write.
  Status fail_write(const std::string& cause, const Status& latched);

  const std::shared_ptr<RocksCore> core_;
};

}  // namespace bcstore::engine
