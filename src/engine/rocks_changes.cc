#include "engine/rocks_changes.h"

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
