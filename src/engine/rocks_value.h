// RocksHolder: what a Value of this engine holds, and RocksSnapshot. Both are children: they count
// in RocksCore while they hold something.
#pragma once

#include <rocksdb/slice.h>

#include <list>
#include <memory>

#include "engine/engine.h"
#include "engine/rocks_core.h"

namespace bcstore::engine {

class RocksHolder final : public Value::Holder {
 public:
  explicit RocksHolder(std::shared_ptr<RocksCore> core) : core_(std::move(core)) {}
  ~RocksHolder() override { reset(); }

  std::string_view bytes() const override { return {slice_.data(), slice_.size()}; }
  void reset() override;

  bool is_of(const RocksCore& core) const { return core_.get() == &core; }
  // The slice for RocksDB to fill, empty. It counts as a child from adopt() on.
  rocksdb::PinnableSlice& slice() { return slice_; }
  void fill(rocksdb::PinnableSlice&& slice) { slice_ = std::move(slice); }
  // Takes over the count of the call that filled the slice.
  void adopt() { holds_ = true; }
  bool holds() const { return holds_; }

 private:
  const std::shared_ptr<RocksCore> core_;
  rocksdb::PinnableSlice slice_;
  bool holds_ = false;
};

// The emptied holder of `value`: its own when it is one of this core, else a new one.
RocksHolder& holder_of(const std::shared_ptr<RocksCore>& core, Value& value);

class RocksSnapshot final : public Snapshot {
 public:
  // Takes over the count of the call that made it, and its place among the ages.
  RocksSnapshot(std::shared_ptr<RocksCore> core, const rocksdb::Snapshot* snapshot,
                std::list<int64_t>::iterator counted);
  ~RocksSnapshot() override;
  RocksSnapshot(const RocksSnapshot&) = delete;
  RocksSnapshot& operator=(const RocksSnapshot&) = delete;

  const rocksdb::Snapshot* get() const { return snapshot_; }
  bool is_of(const RocksCore& core) const { return core_.get() == &core; }
  void keep() override { kept_ = true; }
  Status check_age() const override { return kept_ ? Status() : core_->check_age(*created_us_); }

 private:
  const std::shared_ptr<RocksCore> core_;
  const rocksdb::Snapshot* const snapshot_;
  const std::list<int64_t>::iterator created_us_;
  bool kept_ = false;
};

// What `snapshot` is for RocksDB; null stays null. internal: of another engine.
// failed_precondition: too old.
Result<const rocksdb::Snapshot*> usable(const RocksCore& core, const Snapshot* snapshot);

}  // namespace bcstore::engine
