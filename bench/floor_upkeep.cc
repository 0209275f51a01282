#include "floor_upkeep.h"

#include <fmt/core.h>

#include <string>
#include <utility>
#include <vector>

#include "failure.h"

namespace bcstore::bench {
namespace {

void check(const rocksdb::Status& status, std::string_view what) {
  if (!status.ok()) throw Failure(fmt::format("floor: {}: {}", what, status.ToString()));
}

class FloorUpkeepWorker : public UpkeepWorker {
 public:
  FloorUpkeepWorker(rocksdb::DB* db, const Population& population)
      : db_(db), population_(population) {
    check(db_->SetOptions({{"target_file_size_base", "8388608"}}), "SetOptions");
  }

  void erase_user(uint32_t user) override {
    const RawId id = population_.user_id(user);
    std::string first(reinterpret_cast<const char*>(id.data()), id.size());
    // No row is longer than this, nor has another user's between.
    std::string last = first + std::string(64, '\xFF');
    rocksdb::WriteOptions durable;
    durable.sync = true;
    check(db_->DeleteRange(durable, db_->DefaultColumnFamily(), first, last), "DeleteRange");
    erased_.emplace_back(std::move(first), std::move(last));
  }

  void purge() override {
    check(db_->Flush({}), "Flush");  // and the log of what was flushed is removed
    for (const auto& range : erased_) {
      const rocksdb::Slice first(range.first), last(range.second);
      rocksdb::CompactRangeOptions options;
      options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
      check(db_->CompactRange(options, &first, &last), "CompactRange");
    }
    erased_.clear();
  }

 private:
  rocksdb::DB* db_;
  Population population_;
  std::vector<std::pair<std::string, std::string>> erased_;
};

}  // namespace

std::unique_ptr<UpkeepWorker> make_floor_upkeep_worker(rocksdb::DB* db,
                                                       const Population& population) {
  return std::make_unique<FloorUpkeepWorker>(db, population);
}

}  // namespace bcstore::bench
