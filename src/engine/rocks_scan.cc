#include "engine/rocks_scan.h"

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/options.h>
#include <rocksdb/slice.h>

#include <string>

#include "engine/rocks_status.h"
#include "engine/rocks_value.h"

namespace bcstore::engine {
namespace {

bool same_owner(std::string_view a, std::string_view b) {
  return a.size() >= kOwnerBytes && b.size() >= kOwnerBytes &&
         a.substr(0, kOwnerBytes) == b.substr(0, kOwnerBytes);
}

class RocksScan final : public Scan {
 public:
  // A scan that only answers `status`.
  explicit RocksScan(Status status) : status_(std::move(status)), state_(State::ended) {}
  // Takes over the count of the call that makes it. `snapshot` may be null.
  RocksScan(std::shared_ptr<RocksCore> core, const ScanRequest& request,
            const rocksdb::Snapshot* snapshot);
  ~RocksScan() override;
  RocksScan(const RocksScan&) = delete;
  RocksScan& operator=(const RocksScan&) = delete;

  bool next() override;
  std::string_view key() const override { return key_; }
  std::string_view value() const override { return value_; }
  const Status& status() const override { return status_; }

 private:
  enum class State : uint8_t { fresh, on_row, ended };

  void step();
  bool take_row();
  bool end(Status status);

  const std::shared_ptr<RocksCore> core_;
  Family family_ = Family::system;
  bool backward_ = false;
  bool whole_family_ = false;
  std::string lower_;
  std::string upper_;
  rocksdb::Slice lower_slice_;  // RocksDB keeps pointers to these two
  rocksdb::Slice upper_slice_;
  std::unique_ptr<rocksdb::Iterator> rows_;
  std::string_view key_;
  std::string_view value_;
  Status status_;
  State state_ = State::fresh;
};

RocksScan::RocksScan(std::shared_ptr<RocksCore> core, const ScanRequest& request,
                     const rocksdb::Snapshot* snapshot)
    : core_(std::move(core)),
      family_(request.family),
      backward_(request.backward),
      whole_family_(request.whole_family),
      lower_(request.lower),
      upper_(request.upper),
      lower_slice_(lower_),
      upper_slice_(upper_) {
  if (lower_ >= upper_ && !whole_family_) {
    state_ = State::ended;
    return;
  }
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  if (!whole_family_) {
    options.iterate_lower_bound = &lower_slice_;
    options.iterate_upper_bound = &upper_slice_;
  } else if (!lower_.empty()) {
    options.iterate_lower_bound = &lower_slice_;
  }
  options.total_order_seek = true;
  options.verify_checksums = true;
  options.fill_cache = request.fill_cache;
  rows_.reset(core_->db().NewIterator(options, core_->family(family_)));
}

RocksScan::~RocksScan() {
  if (!core_) return;
  if (core_->in_child()) {
    (void)rows_.release();  // the parent's; RocksDB's locks are not safe to take here
    return;
  }
  rows_.reset();
  core_->leave();
}

bool RocksScan::next() {
  if (state_ == State::ended) return false;
  if (core_->in_child()) {
    return end(Status(Code::wrong_process, "a child process cannot read its parent's scan"));
  }
  step();
  if (rows_->Valid()) return take_row();
  const rocksdb::Status ended = rows_->status();
  if (ended.ok()) return end(Status());
  return end(from_rocks(ended, "cannot read past " + name_key(family_, key_)));
}

void RocksScan::step() {
  if (state_ == State::fresh) {
    backward_ ? rows_->SeekToLast() : rows_->SeekToFirst();
    state_ = State::on_row;
    return;
  }
  backward_ ? rows_->Prev() : rows_->Next();
}

bool RocksScan::take_row() {
  key_ = view(rows_->key());
  value_ = view(rows_->value());
  if (whole_family_) return true;
  if (same_owner(key_, lower_) && key_ >= lower_ && key_ < upper_) return true;
  return end(Status(Code::internal, "a scan left its bounds"));
}

bool RocksScan::end(Status status) {
  state_ = State::ended;
  key_ = {};
  value_ = {};
  status_ = std::move(status);
  return false;
}

}  // namespace

std::unique_ptr<Scan> start_scan(const std::shared_ptr<RocksCore>& core,
                                 const ScanRequest& request) {
  if (Status entered = core->enter(); !entered) {
    return std::make_unique<RocksScan>(std::move(entered));
  }
  Result<const rocksdb::Snapshot*> snapshot = usable(*core, request.snapshot);
  Status refused = snapshot.status();
  if (refused.ok() && !request.whole_family && !same_owner(request.lower, request.upper)) {
    refused = Status(Code::internal, "the bounds of a scan do not name one owner");
  }
  if (!refused.ok()) {
    core->leave();
    return std::make_unique<RocksScan>(std::move(refused));
  }
  return std::make_unique<RocksScan>(core, request, *snapshot);
}

}  // namespace bcstore::engine
