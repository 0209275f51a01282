#include "engine/insert_hint.h"

#include "format/key.h"

namespace bcstore::engine {
namespace {

class OwnerAndKind : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "bcstore.OwnerAndKind"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
    return {key.data(), format::kKindOffset + 1};
  }
  bool InDomain(const rocksdb::Slice& key) const override {
    return takes_insert_hint({key.data(), key.size()});
  }
};

}  // namespace

bool takes_insert_hint(std::string_view key) {
  if (key.size() <= format::kKindOffset) return false;
  const format::KindInfo* info = format::kind_info(static_cast<uint8_t>(key[format::kKindOffset]));
  return info != nullptr && info->key_bytes == key.size();
}

std::shared_ptr<const rocksdb::SliceTransform> insert_hint() {
  return std::make_shared<OwnerAndKind>();
}

}  // namespace bcstore::engine
