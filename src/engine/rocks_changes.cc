#include "engine/rocks_changes.h"

#include <rocksdb/db.h>

#include <array>

#include "engine/insert_hint.h"
#include "engine/rocks_scan.h"
#include "engine/rocks_status.h"

namespace bcstore::engine {
namespace {

// Eight bytes of checksum go with each entry from here to the memtable, against damage in memory.
constexpr size_t kProtectionBytes = 8;
// A batch that grew beyond this gives its memory back when it is cleared.
constexpr size_t kKeptBytes = size_t{4} << 20;

rocksdb::WriteBatch new_batch() {
  return rocksdb::WriteBatch(/*reserved_bytes=*/0, /*max_bytes=*/0, kProtectionBytes,
                             /*default_cf_ts_sz=*/0);
}

}  // namespace

RocksChanges::RocksChanges(std::shared_ptr<RocksCore> core)
    : core_(std::move(core)), batch_(new_batch()) {}

bool RocksChanges::usable(const RocksCall& call, std::string_view key) {
  if (!defect_.ok()) return false;
  if (!call.status().ok()) {
    defect_ = call.status();
  } else if (key.size() < kOwnerBytes) {
    defect_ = Status(Code::internal, "a key names no owner");
  }
  return defect_.ok();
}

void RocksChanges::note(const rocksdb::Status& status) {
  if (!status.ok() && defect_.ok()) {
    defect_ = Status(Code::internal, "a change could not be recorded: " + status.ToString());
  }
}

void RocksChanges::put(Family family, std::string_view key, std::string_view value,
                       std::string_view value_tail) {
  const RocksCall call(*core_);
  if (!usable(call, key)) return;
  const rocksdb::Slice key_part = slice(key);
  if (value_tail.empty()) {
    note(batch_.Put(core_->family(family), key_part, slice(value)));
    return;
  }
  const rocksdb::Slice value_parts[] = {slice(value), slice(value_tail)};
  note(batch_.Put(core_->family(family), rocksdb::SliceParts(&key_part, 1),
                  rocksdb::SliceParts(value_parts, 2)));
}

void RocksChanges::merge(Family family, std::string_view key, std::string_view delta) {
  const RocksCall call(*core_);
  if (!usable(call, key)) return;
  if (family != Family::credits) {
    defect_ = Status(Code::internal, "a merge into a family without a merge operator");
    return;
  }
  note(batch_.Merge(core_->family(family), slice(key), slice(delta)));
}

void RocksChanges::erase(Family family, std::string_view key) {
  const RocksCall call(*core_);
  if (usable(call, key)) note(batch_.Delete(core_->family(family), slice(key)));
}

void RocksChanges::erase_range(Family family, std::string_view lower, std::string_view upper) {
  const RocksCall call(*core_);
  if (!usable(call, lower) || !usable(call, upper)) return;
  if (lower > upper) {
    defect_ = Status(Code::internal, "a range to erase ends before it begins");
    return;
  }
  if (lower == upper) return;
  if (!takes_insert_hint(lower)) {
    note(batch_.DeleteRange(core_->family(family), slice(lower), slice(upper)));
    return;
  }
  // Keys of a kind have one length, so that nothing lies between the key and its successor.
  const std::string after = std::string(lower) + '\0';
  note(batch_.Delete(core_->family(family), slice(lower)));
  note(batch_.DeleteRange(core_->family(family), slice(after), slice(upper)));
}

namespace {

class Walk final : public rocksdb::WriteBatch::Handler {
 public:
  Walk(RocksCore& core, const ChangeSet::Visitor& visitor) : visitor_(visitor) {
    for (size_t i = 0; i < kFamilies; ++i) {
      ids_[i] = core.family(static_cast<Family>(i))->GetID();
    }
  }

  rocksdb::Status PutCF(uint32_t id, const rocksdb::Slice& key, const rocksdb::Slice&) override {
    return tell(id, key, {});
  }
  rocksdb::Status MergeCF(uint32_t id, const rocksdb::Slice& key, const rocksdb::Slice&) override {
    return tell(id, key, {});
  }
  rocksdb::Status DeleteCF(uint32_t id, const rocksdb::Slice& key) override {
    return tell(id, key, {});
  }
  rocksdb::Status DeleteRangeCF(uint32_t id, const rocksdb::Slice& lower,
                                const rocksdb::Slice& upper) override {
    return tell(id, lower, upper);
  }

 private:
  rocksdb::Status tell(uint32_t id, const rocksdb::Slice& key, const rocksdb::Slice& upper) {
    for (size_t i = 0; i < kFamilies; ++i) {
      if (ids_[i] != id) continue;
      visitor_(static_cast<Family>(i), view(key), view(upper));
      return rocksdb::Status::OK();
    }
    return rocksdb::Status::Corruption("a change of no known family");
  }

  const ChangeSet::Visitor& visitor_;
  std::array<uint32_t, kFamilies> ids_{};
};

}  // namespace

Status RocksChanges::visit(const Visitor& visitor) const {
  if (!defect_.ok()) return defect_;
  Walk walk(*core_, visitor);
  const rocksdb::Status walked = batch_.Iterate(&walk);
  return walked.ok() ? Status() : Status(Code::internal, "changes: " + walked.ToString());
}

void RocksChanges::mark() { batch_.SetSavePoint(); }

void RocksChanges::rollback() { note(batch_.RollbackToSavePoint()); }

void RocksChanges::accept() { note(batch_.PopSavePoint()); }

void RocksChanges::clear() {
  defect_ = Status();
  if (batch_.Data().capacity() > kKeptBytes) {
    batch_ = new_batch();
  } else {
    batch_.Clear();
  }
}

}  // namespace bcstore::engine
