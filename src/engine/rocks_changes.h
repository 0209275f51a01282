// RocksChanges: a ChangeSet over RocksDB's WriteBatch.
#pragma once

#include <rocksdb/write_batch.h>

#include <memory>

#include "engine/engine.h"
#include "engine/rocks_core.h"

namespace bcstore::engine {

class RocksChanges final : public ChangeSet {
 public:
  explicit RocksChanges(std::shared_ptr<RocksCore> core);

  void put(Family family, std::string_view key, std::string_view value,
           std::string_view value_tail) override;
  void merge(Family family, std::string_view key, std::string_view delta) override;
  void erase(Family family, std::string_view key) override;
  void erase_range(Family family, std::string_view lower, std::string_view upper) override;
  void mark() override;
  void rollback() override;
  void accept() override;
  size_t bytes() const override { return batch_.GetDataSize(); }
  size_t count() const override { return batch_.Count(); }
  void clear() override;
  Status visit(const Visitor& visitor) const override;

  bool is_of(const RocksCore& core) const { return core_.get() == &core; }
  // The first change that could not be recorded; nothing of such a set is ever written.
  const Status& defect() const { return defect_; }
  rocksdb::WriteBatch& batch() { return batch_; }

 private:
  bool usable(const RocksCall& call, std::string_view key);
  void note(const rocksdb::Status& status);

  const std::shared_ptr<RocksCore> core_;
  rocksdb::WriteBatch batch_;
  Status defect_;
};

}  // namespace bcstore::engine
