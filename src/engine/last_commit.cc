#include "engine/last_commit.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "format/key.h"

namespace bcstore::engine {
namespace {

class LastCommit final : public rocksdb::TablePropertiesCollector {
 public:
  rocksdb::Status AddUserKey(const rocksdb::Slice& key, const rocksdb::Slice&,
                             rocksdb::EntryType type, rocksdb::SequenceNumber, uint64_t) override {
    if (type != rocksdb::kEntryPut) return rocksdb::Status::OK();
    const std::string_view bytes(key.data(), key.size());
    const format::KindInfo* info = format::parse_key(bytes);
    if (info != nullptr && info->kind == format::Kind::commit_link) {
      last_ = std::max(last_, format::key_u64(bytes, format::kKindOffset + 1));
    }
    return rocksdb::Status::OK();
  }
  rocksdb::Status Finish(rocksdb::UserCollectedProperties* properties) override {
    if (last_ != 0) *properties = GetReadableProperties();
    return rocksdb::Status::OK();
  }
  rocksdb::UserCollectedProperties GetReadableProperties() const override {
    return {{std::string(kLastCommitProperty), std::to_string(last_)}};
  }
  const char* Name() const override { return "bcstore.LastCommit"; }

 private:
  uint64_t last_ = 0;
};

class LastCommits final : public rocksdb::TablePropertiesCollectorFactory {
 public:
  rocksdb::TablePropertiesCollector* CreateTablePropertiesCollector(Context) override {
    return new LastCommit();
  }
  const char* Name() const override { return "bcstore.LastCommits"; }
};

}  // namespace

std::shared_ptr<rocksdb::TablePropertiesCollectorFactory> last_commit_collectors() {
  return std::make_shared<LastCommits>();
}

uint64_t parse_last_commit(std::string_view property) {
  uint64_t number = 0;
  const char* const end = property.data() + property.size();
  const auto read = std::from_chars(property.data(), end, number);
  return read.ec == std::errc() && read.ptr == end ? number : 0;
}

}  // namespace bcstore::engine
