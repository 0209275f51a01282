// The memtables inside RocksDB: the same answers as with its own, before and after flush.
#include "engine/memtable.h"

#include <rocksdb/comparator.h>
#include <rocksdb/db.h>
#include <rocksdb/merge_operator.h>

#include <cstdlib>
#include <random>

#include "engine/insert_hint.h"
#include "engine_fixture.h"
#include "format/key.h"

namespace bcstore::engine {
namespace {

class Concatenation : public rocksdb::AssociativeMergeOperator {
 public:
  bool Merge(const rocksdb::Slice& /*key*/, const rocksdb::Slice* existing,
             const rocksdb::Slice& value, std::string* result,
             rocksdb::Logger* /*logger*/) const override {
    *result = (existing != nullptr ? existing->ToString() : "") + value.ToString();
    return true;
  }
  const char* Name() const override { return "Concatenation"; }
};

rocksdb::Options options_with(std::shared_ptr<rocksdb::MemTableRepFactory> factory, bool hints) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.allow_concurrent_memtable_write = false;
  options.fail_if_options_file_error = true;
  options.memtable_factory = std::move(factory);
  options.merge_operator = std::make_shared<Concatenation>();
  options.memtable_whole_key_filtering = hints;
  options.memtable_prefix_bloom_size_ratio = hints ? 0.1 : 0;
  if (hints) options.memtable_insert_with_hint_prefix_extractor = insert_hint();
  return options;
}

// A database, its snapshots, and all that is asked of it.
class Store {
 public:
  Store(const std::string& path, const rocksdb::Options& options) {
    rocksdb::DB* db = nullptr;
    REQUIRE(rocksdb::DB::Open(options, path, &db).ok());
    db_.reset(db);
  }
  ~Store() { release(); }
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  rocksdb::DB& db() { return *db_; }
  void take_snapshot() { snapshots_.push_back(db_->GetSnapshot()); }
  void release() {
    for (const rocksdb::Snapshot* snapshot : snapshots_) db_->ReleaseSnapshot(snapshot);
    snapshots_.clear();
  }

  std::string answers(const std::vector<std::string>& keys) {
    std::string all = at(keys, nullptr);
    for (const rocksdb::Snapshot* snapshot : snapshots_) all += at(keys, snapshot);
    return all;
  }

 private:
  std::string at(const std::vector<std::string>& keys, const rocksdb::Snapshot* snapshot) {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    std::string all;
    for (const std::string& key : keys) {
      std::string value;
      all += db_->Get(options, key, &value).ToString() + value + ';';
    }
    const std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
    std::vector<std::string> values;
    for (const rocksdb::Status& status : db_->MultiGet(options, slices, &values)) {
      all += status.ToString();
    }
    for (const std::string& value : values) all += value + ';';
    const std::unique_ptr<rocksdb::Iterator> rows(db_->NewIterator(options));
    const auto note = [&] {
      all += rows->Valid() ? rows->key().ToString() + '=' + rows->value().ToString() : "end";
    };
    for (rows->SeekToFirst(); rows->Valid(); rows->Next()) note();
    for (rows->SeekToLast(); rows->Valid(); rows->Prev()) note();
    for (const std::string& key : keys) {
      rows->Seek(key);
      note();
      if (rows->Valid()) rows->Prev();
      note();
      rows->SeekForPrev(key);
      note();
      if (rows->Valid()) rows->Next();
      note();
    }
    REQUIRE(rows->status().ok());
    return all;
  }

  std::unique_ptr<rocksdb::DB> db_;
  std::vector<const rocksdb::Snapshot*> snapshots_;
};

// Whole keys of a kind, that take hints, and others.
std::string some_key(std::mt19937_64& random) {
  std::string key = key_of(static_cast<int>(random() % 3));
  if (random() % 8 == 0) return key + std::to_string(random() % 9);
  key += static_cast<char>(format::Kind::commit_body);
  const uint64_t n = random() % 40;
  for (size_t i = 0; i < 7; ++i) key += '\0';
  return key + static_cast<char>(n);
}

void add_change(std::mt19937_64& random, rocksdb::WriteBatch* batch) {
  const std::string key = some_key(random);
  const std::string value = std::to_string(random() % 1000) + std::string(random() % 200, 'v');
  switch (random() % 8) {
    case 0:
      REQUIRE(batch->Delete(key).ok());
      return;
    case 1:
      REQUIRE(batch->Merge(key, value.substr(0, 3)).ok());
      return;
    case 2:
      if (random() % 4 == 0) {
        // As in RocksChanges::erase_range: no tombstone begins with a key that takes hints.
        const std::string other = some_key(random);
        const std::string lower = std::min(key, other) + '\0';
        if (lower < std::max(key, other)) {
          REQUIRE(batch->DeleteRange(lower, std::max(key, other)).ok());
        }
        return;
      }
      [[fallthrough]];
    default:
      REQUIRE(batch->Put(key, value).ok());
  }
}

TEST_CASE("memtable: the same answers as with RocksDB's own, before and after flush") {
  const char* given = std::getenv("BCSTORE_SEED");
  const uint64_t seed = given ? std::strtoull(given, nullptr, 0) : std::random_device()();
  MESSAGE("BCSTORE_SEED=" << seed);
  std::mt19937_64 random(seed);
  for (const bool hints : {false, true}) {
    const ScratchDirectory scratch;
    const auto own = options_with(memtable_factory(), hints);
    auto theirs = options_with(std::make_shared<rocksdb::SkipListFactory>(), false);
    auto stores = std::make_unique<std::pair<Store, Store>>(
        std::piecewise_construct, std::forward_as_tuple(scratch.at("own"), own),
        std::forward_as_tuple(scratch.at("theirs"), theirs));
    for (int step = 0; step < 300; ++step) {
      rocksdb::WriteBatch batch(0, 0, /*protection_bytes_per_key=*/8, 0);
      for (uint64_t n = random() % 12; n > 0; --n) add_change(random, &batch);
      rocksdb::WriteBatch same(batch);
      REQUIRE(stores->first.db().Write({}, &batch).ok());
      REQUIRE(stores->second.db().Write({}, &same).ok());
      const bool flush = random() % 60 == 0;
      const bool snapshot = random() % 20 == 0;
      const bool release = random() % 60 == 0;
      for (Store* store : {&stores->first, &stores->second}) {
        if (flush) REQUIRE(store->db().Flush({}).ok());
        if (release) store->release();
        if (snapshot) store->take_snapshot();
      }
      if (step % 10 != 0) continue;
      std::vector<std::string> keys;
      for (int n = 0; n < 40; ++n) keys.push_back(some_key(random));
      REQUIRE(stores->first.answers(keys) == stores->second.answers(keys));
    }
  }
}

TEST_CASE("memtable: what the log held comes back, and the options are RocksDB's own to check") {
  const ScratchDirectory scratch;
  const rocksdb::Options options = options_with(memtable_factory(), true);
  for (int round = 0; round < 3; ++round) {
    Store store(scratch.at("db"), options);
    CHECK(store.db().GetOptions().memtable_factory->Name() == std::string("bcstore.SkipList"));
    for (int n = 0; n < round * 100; ++n) {
      std::string value;
      CHECK(store.db().Get({}, "key " + std::to_string(n), &value).ok());
      CHECK(value == std::to_string(n));
    }
    for (int n = round * 100; n < round * 100 + 100; ++n) {
      REQUIRE(store.db().Put({}, "key " + std::to_string(n), std::to_string(n)).ok());
    }
    const rocksdb::Range all("key", "l");
    uint64_t count = 0;
    uint64_t bytes = 0;
    store.db().GetApproximateMemTableStats(all, &count, &bytes);
    CHECK(count > 10);
    CHECK(bytes > 0);
  }
}

TEST_CASE("memtable: with another comparator the factory makes RocksDB's own") {
  const ScratchDirectory scratch;
  rocksdb::Options options = options_with(memtable_factory(), false);
  options.comparator = rocksdb::ReverseBytewiseComparator();
  Store store(scratch.at("db"), options);
  for (const char* key : {"b", "a", "c"}) REQUIRE(store.db().Put({}, key, key).ok());
  const std::unique_ptr<rocksdb::Iterator> rows(store.db().NewIterator({}));
  std::string keys;
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) keys += rows->key().ToString();
  CHECK(keys == "cba");
}

// Values as large as a block of the arena, and entries of every length modulo a word.
TEST_CASE("memtable: entries of any size, wherever the arena puts them") {
  const ScratchDirectory scratch;
  rocksdb::Options options = options_with(memtable_factory(), true);
  options.arena_block_size = 4096;
  options.write_buffer_size = size_t{1} << 20;
  Store store(scratch.at("db"), options);
  const auto value_of = [](size_t n) { return std::string(n % 50 == 0 ? n * 40 : n % 97, 'v'); };
  for (size_t n = 0; n < 3000; ++n) {
    REQUIRE(store.db().Put({}, key_of(1, std::to_string(n)), value_of(n)).ok());
    if (n % 100 == 0)
      REQUIRE(store.db()
                  .DeleteRange({}, store.db().DefaultColumnFamily(), key_of(2, "a"), key_of(2, "b"))
                  .ok());
  }
  for (size_t n = 0; n < 3000; ++n) {
    std::string value;
    REQUIRE(store.db().Get({}, key_of(1, std::to_string(n)), &value).ok());
    REQUIRE(value == value_of(n));
  }
}

}  // namespace
}  // namespace bcstore::engine
