#include "layouts.h"

#include <fmt/core.h>
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <cstring>
#include <utility>

#include "engine/rocks_options.h"
#include "failure.h"
#include "years_data.h"

namespace bcstore::bench {
namespace {

constexpr size_t kIdBytes = 16;

enum class Place { owner_first, month_first, family };

void check(const rocksdb::Status& status, std::string_view what) {
  if (!status.ok()) throw Failure(fmt::format("layout: {}: {}", what, status.ToString()));
}

void append_number(uint64_t number, size_t bytes, std::string* key) {
  for (size_t i = bytes; i > 0; --i) key->push_back(static_cast<char>(number >> (8 * (i - 1))));
}

// The first key after all that begin with `prefix`, which has a byte below 255.
std::string after(std::string prefix) {
  while (static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
  ++prefix.back();
  return prefix;
}

class RocksLayout : public Layout {
 public:
  RocksLayout(Place place, bool is_universal) : place_(place), is_universal_(is_universal) {}

  void open(const std::string& directory, size_t memory_budget_bytes,
            const Population& population) override {
    population_ = population;
    last_seqs_.resize(population.sessions());
    const engine::MemoryShares shares = engine::share_memory(memory_budget_bytes);
    const auto cache = engine::new_block_cache(shares);
    options_ = rocksdb::Options(engine::database_options(shares, cache),
                                engine::family_options(engine::Family::months, shares, cache));
    options_.create_if_missing = true;
    if (is_universal_) options_.compaction_style = rocksdb::kCompactionStyleUniversal;
    std::vector<std::string> names;
    if (!rocksdb::DB::ListColumnFamilies(options_, directory, &names).ok()) {
      names = {rocksdb::kDefaultColumnFamilyName};
    }
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names) families.emplace_back(name, options_);
    rocksdb::DB* opened = nullptr;
    check(rocksdb::DB::Open(options_, directory, families, &handles_, &opened), "open");
    db_.reset(opened);
    months_.assign(kMonths, nullptr);
    for (rocksdb::ColumnFamilyHandle* handle : handles_) {
      if (handle->GetName()[0] == 'm') months_.at(std::stoul(handle->GetName().substr(1))) = handle;
    }
  }

  void close() override {
    for (rocksdb::ColumnFamilyHandle* handle : handles_) {
      check(db_->DestroyColumnFamilyHandle(handle), "close");
    }
    handles_.clear();
    check(db_->Close(), "close");
    db_.reset();
  }

  void append(const Message& message) override {
    const uint32_t month = month_at(message.created_at_us);
    std::string key = prefix_of(message.session, month);
    append_number(~++last_seqs_[message.session], 8, &key);
    std::string value(reinterpret_cast<const char*>(&message.created_at_us), 8);
    value.append(reinterpret_cast<const char*>(&message.token_count), 4);
    value += static_cast<char>(message.role);
    value += message.content;
    check(db_->Put({}, family_of(month), key, value), "Put");
  }

  uint32_t last_messages(uint32_t session, uint32_t count, Fold* fold) override {
    const uint32_t month = session % kMonths;
    const std::string prefix = prefix_of(session, month);
    const std::string upper = after(prefix);
    rocksdb::ReadOptions options;
    const rocksdb::Slice bound(upper);
    options.iterate_upper_bound = &bound;
    const std::unique_ptr<rocksdb::Iterator> rows(db_->NewIterator(options, family_of(month)));
    uint32_t found = 0;
    for (rows->Seek(prefix); rows->Valid() && found < count; rows->Next(), ++found) {
      fold->text({rows->value().data(), rows->value().size()});
      fold->row();
    }
    check(rows->status(), "Next");
    return found;
  }

  void drop_month(uint32_t month) override {
    if (place_ == Place::family) {
      check(db_->DropColumnFamily(months_[month]), "DropColumnFamily");
      check(db_->DestroyColumnFamilyHandle(months_[month]), "DestroyColumnFamilyHandle");
      std::erase(handles_, months_[month]);
      months_[month] = nullptr;
      return;
    }
    if (place_ == Place::month_first) {
      std::string prefix;
      append_number(month, 4, &prefix);
      const std::string upper = after(prefix);
      const rocksdb::Slice from(prefix), to(upper);
      check(rocksdb::DeleteFilesInRange(db_.get(), db_->DefaultColumnFamily(), &from, &to,
                                        /*include_end=*/false),
            "DeleteFilesInRange");
      check(db_->DeleteRange({}, db_->DefaultColumnFamily(), from, to), "DeleteRange");
      return;
    }
    for (uint32_t user = 0; user < population_.users; ++user) {
      const std::string prefix = prefix_of(session_of(user, month), month);
      check(db_->DeleteRange({}, db_->DefaultColumnFamily(), prefix, after(prefix)), "DeleteRange");
    }
  }

  void compact() override {
    for (rocksdb::ColumnFamilyHandle* handle : handles_) {
      check(db_->CompactRange({}, handle, nullptr, nullptr), "CompactRange");
    }
  }

  size_t families() const override { return handles_.size(); }

 private:
  // In the order of the commit clock within owners, as bcstore's own keys are, or the month first.
  std::string prefix_of(uint32_t session, uint32_t month) const {
    std::string key;
    if (place_ == Place::month_first) append_number(month, 4, &key);
    const RawId user = population_.user_id(population_.owner_of(session));
    const RawId id = population_.session_id(session);
    key.append(reinterpret_cast<const char*>(user.data()), kIdBytes);
    key.append(reinterpret_cast<const char*>(id.data()), kIdBytes);
    if (place_ == Place::owner_first) append_number(~month, 4, &key);
    return key;
  }

  rocksdb::ColumnFamilyHandle* family_of(uint32_t month) {
    if (place_ != Place::family) return db_->DefaultColumnFamily();
    if (months_[month] == nullptr) {
      check(db_->CreateColumnFamily(options_, fmt::format("m{}", month), &months_[month]),
            "CreateColumnFamily");
      handles_.push_back(months_[month]);
    }
    return months_[month];
  }

  const Place place_;
  const bool is_universal_;
  Population population_;
  rocksdb::Options options_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  std::vector<rocksdb::ColumnFamilyHandle*> months_;
  std::vector<uint64_t> last_seqs_;
};

}  // namespace

std::vector<LayoutEntry> all_layouts() {
  using Made = std::unique_ptr<Layout>;
  return {{"owner first, leveled",
           []() -> Made { return std::make_unique<RocksLayout>(Place::owner_first, false); }},
          {"owner first, universal",
           []() -> Made { return std::make_unique<RocksLayout>(Place::owner_first, true); }, false},
          {"month first, leveled",
           []() -> Made { return std::make_unique<RocksLayout>(Place::month_first, false); }},
          {"month first, universal",
           []() -> Made { return std::make_unique<RocksLayout>(Place::month_first, true); }, false},
          {"family a month",
           []() -> Made { return std::make_unique<RocksLayout>(Place::family, false); }}};
}

}  // namespace bcstore::bench
