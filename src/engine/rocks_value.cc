#include "engine/rocks_value.h"

#include <rocksdb/db.h>

#include <typeinfo>

namespace bcstore::engine {

void RocksHolder::reset() {
  if (!holds_) return;
  holds_ = false;
  if (core_->in_child()) {
    // To unpin a block takes a lock of the cache, which in a forked child may be held for ever.
    // The pin is left to the end of the process.
    (void)new rocksdb::PinnableSlice(std::move(slice_));
    return;
  }
  slice_.Reset();
  core_->leave();
}

RocksHolder& holder_of(const std::shared_ptr<RocksCore>& core, Value& value) {
  Value::Holder* const held = value.holder();
  if (held != nullptr && typeid(*held) == typeid(RocksHolder)) {
    RocksHolder& holder = static_cast<RocksHolder&>(*held);
    if (holder.is_of(*core)) {
      holder.reset();
      return holder;
    }
  }
  auto fresh = std::make_unique<RocksHolder>(core);
  RocksHolder& holder = *fresh;
  value.hold(std::move(fresh));
  return holder;
}

RocksSnapshot::RocksSnapshot(std::shared_ptr<RocksCore> core, const rocksdb::Snapshot* snapshot,
                             std::list<int64_t>::iterator counted)
    : core_(std::move(core)), snapshot_(snapshot), created_us_(counted) {}

RocksSnapshot::~RocksSnapshot() {
  if (core_->in_child()) return;  // the parent's; RocksDB's locks are not safe to take here
  core_->db().ReleaseSnapshot(snapshot_);
  core_->remove_snapshot(created_us_);
  core_->leave();
}

Result<const rocksdb::Snapshot*> usable(const RocksCore& core, const Snapshot* snapshot) {
  if (snapshot == nullptr) return static_cast<const rocksdb::Snapshot*>(nullptr);
  if (typeid(*snapshot) != typeid(RocksSnapshot)) {
    return Status(Code::internal, "the snapshot is not one of this engine");
  }
  const auto& own = static_cast<const RocksSnapshot&>(*snapshot);
  if (!own.is_of(core)) return Status(Code::internal, "the snapshot is of another store");
  if (Status age = own.check_age(); !age) return age;
  return own.get();
}

}  // namespace bcstore::engine
