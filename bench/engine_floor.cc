// The floor: hand-written C++ on raw RocksDB for the same bytes. No checks, no commit log, no
// history; what anybody's engine on RocksDB can hope for at best.
//
// W1: one Put a message, threads grouped by RocksDB alone; the sequence is a counter in memory.
// W4: the whole content and a head, in one batch.
// W2: rows newest first, one iterator a thread, reused and never refreshed, no bounds.
//
//   key    user (16) | session (16) | ~sequence (8, big endian)
//   value  time (8) | tokens (4) | role (1) | text
#include <fmt/core.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/table.h>
#include <rocksdb/version.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

#include "catalogue.h"
#include "engine.h"
#include "failure.h"
#include "floor_projects.h"
#include "floor_upkeep.h"

namespace bcstore::bench {
namespace {

constexpr size_t kPrefixBytes = 32;
constexpr size_t kKeyBytes = kPrefixBytes + 8;
constexpr size_t kTimeAt = 0;
constexpr size_t kTokensAt = 8;
constexpr size_t kRoleAt = 12;
constexpr size_t kTextAt = 13;

using Prefix = std::array<char, kPrefixBytes>;

void check(const rocksdb::Status& status, std::string_view what) {
  if (!status.ok()) throw Failure(fmt::format("floor: {}: {}", what, status.ToString()));
}

void write_inverted(char* at, uint64_t seq) {
  const uint64_t inverted = ~seq;
  for (size_t i = 0; i < 8; ++i) at[i] = static_cast<char>(inverted >> (56 - 8 * i));
}

uint64_t read_inverted(const char* at) {
  uint64_t inverted = 0;
  for (size_t i = 0; i < 8; ++i) inverted = inverted << 8 | static_cast<uint8_t>(at[i]);
  return ~inverted;
}

int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// RocksDB's own LOG is not written: nobody reads it here.
class SilentLog : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

struct Sessions {
  std::vector<Prefix> prefixes;
  std::vector<std::atomic<uint64_t>> last_seqs;
};

class FloorChatWorker : public ChatWorker {
 public:
  FloorChatWorker(rocksdb::DB* db, Sessions* sessions, Mode mode) : db_(db), sessions_(sessions) {
    write_options_.sync = mode == Mode::durable;
  }

  uint64_t append_message(const Message& message) override {
    const uint64_t seq =
        sessions_->last_seqs[message.session].fetch_add(1, std::memory_order_relaxed) + 1;
    char key[kKeyBytes];
    std::memcpy(key, sessions_->prefixes[message.session].data(), kPrefixBytes);
    write_inverted(key + kPrefixBytes, seq);
    char head[kTextAt];
    const int64_t time = message.created_at_us != 0 ? message.created_at_us : now_us();
    std::memcpy(head + kTimeAt, &time, sizeof time);
    std::memcpy(head + kTokensAt, &message.token_count, sizeof message.token_count);
    head[kRoleAt] = static_cast<char>(message.role);
    const rocksdb::Slice key_part(key, kKeyBytes);
    const rocksdb::Slice parts[] = {rocksdb::Slice(head, kTextAt),
                                    rocksdb::Slice(message.content.data(), message.content.size())};
    batch_.Clear();
    check(batch_.Put(rocksdb::SliceParts(&key_part, 1), rocksdb::SliceParts(parts, 2)), "Put");
    check(db_->Write(write_options_, &batch_), "Write");
    return seq;
  }

  void last_messages(uint32_t session, uint32_t count, Fold* fold) override {
    const Prefix& prefix = sessions_->prefixes[session];
    rocksdb::Iterator* rows = iterator();
    rows->Seek(rocksdb::Slice(prefix.data(), prefix.size()));
    for (uint32_t i = 0; i < count && rows->Valid(); ++i, rows->Next()) {
      const rocksdb::Slice key = rows->key();
      if (std::memcmp(key.data(), prefix.data(), kPrefixBytes) != 0) break;
      fold_row(key, rows->value(), fold);
    }
    check(rows->status(), "Next");
  }

  uint64_t last_seq(uint32_t session) override {
    const Prefix& prefix = sessions_->prefixes[session];
    rocksdb::Iterator* rows = iterator();
    rows->Seek(rocksdb::Slice(prefix.data(), prefix.size()));
    check(rows->status(), "Seek");
    if (!rows->Valid() || std::memcmp(rows->key().data(), prefix.data(), kPrefixBytes) != 0) {
      return 0;
    }
    return read_inverted(rows->key().data() + kPrefixBytes);
  }

 private:
  static void fold_row(const rocksdb::Slice& key, const rocksdb::Slice& value, Fold* fold) {
    uint64_t time;
    uint32_t tokens;
    std::memcpy(&time, value.data() + kTimeAt, sizeof time);
    std::memcpy(&tokens, value.data() + kTokensAt, sizeof tokens);
    fold_message(read_inverted(key.data() + kPrefixBytes),
                 static_cast<uint8_t>(value.data()[kRoleAt]), tokens, static_cast<int64_t>(time),
                 {value.data() + kTextAt, value.size() - kTextAt}, fold);
  }

  // Made at the first read, so that it sees what was written before.
  rocksdb::Iterator* iterator() {
    if (!iterator_) iterator_.reset(db_->NewIterator(rocksdb::ReadOptions()));
    return iterator_.get();
  }

  rocksdb::DB* db_;
  Sessions* sessions_;
  rocksdb::WriteOptions write_options_;
  rocksdb::WriteBatch batch_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

// Sums little-endian numbers.
class AddOperator : public rocksdb::AssociativeMergeOperator {
 public:
  const char* Name() const override { return "floor.Add"; }
  bool Merge(const rocksdb::Slice&, const rocksdb::Slice* existing, const rocksdb::Slice& value,
             std::string* sum, rocksdb::Logger*) const override {
    const int64_t total = (existing != nullptr ? number(*existing) : 0) + number(value);
    sum->assign(reinterpret_cast<const char*>(&total), sizeof total);
    return true;
  }
  static int64_t number(const rocksdb::Slice& bytes) {
    int64_t n = 0;
    if (bytes.size() == sizeof n) std::memcpy(&n, bytes.data(), sizeof n);
    return n;
  }
};

// The decision is a counter in memory, the merge stores it.
class FloorCreditWorker : public CreditWorker {
 public:
  FloorCreditWorker(rocksdb::DB* db, std::vector<std::atomic<int64_t>>* credits,
                    const Population& population, Mode mode)
      : db_(db), credits_(credits), population_(population) {
    write_options_.sync = mode == Mode::durable;
  }
  uint64_t consume(uint32_t user) override {
    const int64_t left = (*credits_)[user].fetch_sub(1, std::memory_order_relaxed) - 1;
    const int64_t delta = -1;
    const RawId key = population_.user_id(user);
    check(db_->Merge(write_options_, slice(key),
                     rocksdb::Slice(reinterpret_cast<const char*>(&delta), sizeof delta)),
          "Merge");
    return static_cast<uint64_t>(left);
  }
  uint64_t remaining(uint32_t user) override {
    std::string value;
    const rocksdb::Status found =
        db_->Get(rocksdb::ReadOptions(), slice(population_.user_id(user)), &value);
    if (!found.IsNotFound()) check(found, "Get");
    return static_cast<uint64_t>(kBenchCredits + AddOperator::number(value));
  }

 private:
  static rocksdb::Slice slice(const RawId& id) {
    return {reinterpret_cast<const char*>(id.data()), id.size()};
  }
  rocksdb::DB* db_;
  std::vector<std::atomic<int64_t>>* credits_;
  Population population_;
  rocksdb::WriteOptions write_options_;
};

// W4: the whole content under document and ~rev, and a head with the number of the newest, in one
// batch. Numbers are counted in memory.
class FloorDocumentWorker : public DocumentWorker {
 public:
  FloorDocumentWorker(rocksdb::DB* db, const Population& population,
                      std::vector<std::atomic<uint32_t>>* revs, Mode mode)
      : db_(db), population_(population), revs_(revs) {
    write_options_.sync = mode == Mode::durable;
  }

  void create_document(uint32_t document) override { (*revs_)[document].store(0); }

  uint32_t append_revision(uint32_t document, std::string_view json) override {
    const uint32_t rev = (*revs_)[document].fetch_add(1, std::memory_order_relaxed) + 1;
    char key[kKeyBytes];
    write_prefix(document, key);
    write_inverted(key + kPrefixBytes, rev);
    batch_.Clear();
    check(batch_.Put(rocksdb::Slice(key, kKeyBytes), rocksdb::Slice(json.data(), json.size())),
          "Put");
    check(batch_.Put(rocksdb::Slice(key, kPrefixBytes),
                     rocksdb::Slice(reinterpret_cast<const char*>(&rev), sizeof rev)),
          "Put");
    check(db_->Write(write_options_, &batch_), "Write");
    return rev;
  }

  void newest_revision(uint32_t document, Fold* fold) override {
    char key[kKeyBytes];
    write_prefix(document, key);
    rocksdb::PinnableSlice head, content;
    check(db_->Get({}, db_->DefaultColumnFamily(), rocksdb::Slice(key, kPrefixBytes), &head),
          "Get");
    uint32_t rev;
    std::memcpy(&rev, head.data(), sizeof rev);
    write_inverted(key + kPrefixBytes, rev);
    check(db_->Get({}, db_->DefaultColumnFamily(), rocksdb::Slice(key, kKeyBytes), &content),
          "Get");
    fold->number(rev);
    fold->text({content.data(), content.size()});
    fold->row();
  }

 private:
  void write_prefix(uint32_t document, char* key) const {
    const RawId user = population_.user_id(document);
    const RawId id = population_.document_id(document);
    std::memcpy(key, user.data(), user.size());
    std::memcpy(key + user.size(), id.data(), id.size());
  }

  rocksdb::DB* db_;
  Population population_;
  std::vector<std::atomic<uint32_t>>* revs_;
  rocksdb::WriteOptions write_options_;
  rocksdb::WriteBatch batch_;
};

// A generated product: one Put a row, its texts one after another, under owner, kind, object and
// number.
class FloorSink : public ProductSink {
 public:
  explicit FloorSink(rocksdb::DB* db) : db_(db) {}

  void sign_up(const Happening& when, const SignUp& user) override {
    put(when, 'u', when.user, 0, {user.email, user.full_name.value_or("")});
  }
  void grant(const Happening& when, int32_t) override { put(when, 'g', when.user, ++number_, {}); }
  void project(const Happening& when, const RawId& id, std::string_view name,
               std::string_view prompt) override {
    put(when, 'p', id, 0, {name, prompt});
  }
  void version(const Happening& when, const RawId& project, uint32_t version,
               std::string_view note) override {
    put(when, 'v', project, version, {note});
  }
  void document(const Happening& when, const RawId& id, const RawId&, uint32_t,
                uint8_t section) override {
    put(when, 'd', id, section, {});
  }
  void revision(const Happening& when, const RawId& document, uint32_t rev,
                std::string_view json) override {
    put(when, 'r', document, rev, {json});
  }
  void sections(const Happening& when, const RawId& document, uint32_t rev,
                std::span<const Section> sections) override {
    for (const Section& section : sections) {
      const std::string_view floats(reinterpret_cast<const char*>(section.embedding.data()),
                                    section.embedding.size_bytes());
      put(when, 's', document, uint64_t{rev} << 32 | section.number, {section.body, floats});
    }
  }
  void task(const Happening& when, const RawId& id, const RawId&, int32_t, std::string_view title,
            std::string_view description) override {
    put(when, 't', id, 0, {title, description});
  }
  void activity(const Happening& when, const RawId& task, bool) override {
    put(when, 'a', task, ++number_, {});
  }
  void chat(const Happening& when, const RawId& id, const RawId&) override {
    put(when, 'c', id, 0, {});
  }
  void message(const Happening& when, const Turn& turn) override {
    put(when, 'm', turn.session, turn.seq, {turn.content});
  }
  void event(const Happening& when, const RawId& project, std::string_view type,
             std::string_view payload) override {
    put(when, 'e', project, ++number_, {type, payload});
  }
  void integration(const Happening& when, const RawId& id, uint8_t,
                   std::optional<std::string_view> metadata) override {
    put(when, 'i', id, ++number_, {metadata.value_or("")});
  }

 private:
  void put(const Happening& when, char kind, const RawId& object, uint64_t number,
           std::initializer_list<std::string_view> texts) {
    std::string key(reinterpret_cast<const char*>(when.user.data()), when.user.size());
    key += kind;
    key.append(reinterpret_cast<const char*>(object.data()), object.size());
    key.resize(key.size() + 8);
    write_inverted(key.data() + key.size() - 8, number);
    std::string value(reinterpret_cast<const char*>(&when.at_us), sizeof when.at_us);
    for (const std::string_view text : texts) value += text;
    check(db_->Put({}, key, value), "Put");
  }

  rocksdb::DB* db_;
  uint64_t number_ = 0;
};

class FloorEngine : public Engine {
 public:
  std::string_view name() const override { return "floor"; }
  std::string describe() const override {
    return fmt::format("raw RocksDB {}.{}.{}, one Put a message, newest first, a reused iterator",
                       ROCKSDB_MAJOR, ROCKSDB_MINOR, ROCKSDB_PATCH);
  }

  void open(const EngineSettings& settings) override {
    open_families(options_for(settings.memory_budget_bytes), settings.directory);
    population_ = settings.population;
    revs_ = std::vector<std::atomic<uint32_t>>(population_.users);
    find_sessions(settings.population);
    find_credits();
  }

  // Users and sessions are nothing but prefixes of keys.
  void create() override {}

  void close() override {
    if (!db_) return;
    for (rocksdb::ColumnFamilyHandle* handle : handles_) {
      check(db_->DestroyColumnFamilyHandle(handle), "close");
    }
    handles_.clear();
    families_ = {};
    const rocksdb::Status status = db_->Close();
    db_.reset();
    check(status, "close");
  }

  std::unique_ptr<ChatWorker> chat_worker(Mode mode) override {
    return std::make_unique<FloorChatWorker>(db_.get(), &sessions_, mode);
  }

  std::unique_ptr<CreditWorker> credit_worker(Mode mode) override {
    return std::make_unique<FloorCreditWorker>(db_.get(), &credits_, population_, mode);
  }

  std::unique_ptr<DocumentWorker> document_worker(Mode mode) override {
    return std::make_unique<FloorDocumentWorker>(db_.get(), population_, &revs_, mode);
  }

  // Packed from here on, in blocks of 16 kB: what the floor of bytes is.
  void compact() override {
    check(db_->SetOptions({{"compression", "kZSTD"}}), "SetOptions");
    check(db_->Flush({}), "Flush");
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    check(db_->CompactRange(options, nullptr, nullptr), "CompactRange");
  }

  std::unique_ptr<UpkeepWorker> upkeep_worker() override {
    return make_floor_upkeep_worker(db_.get(), population_);
  }

  std::unique_ptr<ProductSink> product_sink() override {
    return std::make_unique<FloorSink>(db_.get());
  }

  // The families of W5 and W6 are made where they are used, so that others do not open them.
  std::unique_ptr<ProductSink> project_sink() override {
    families_.db = db_.get();
    if (families_.contents == nullptr) families_.contents = new_family(kContents);
    if (families_.tasks == nullptr) families_.tasks = new_family(kTasks);
    return make_floor_project_sink(families_);
  }
  std::unique_ptr<ProjectWorker> project_worker() override {
    return make_floor_project_worker(families_, population_, chat_worker(Mode::relaxed));
  }

 private:
  static constexpr const char* kContents = "contents";
  static constexpr const char* kTasks = "tasks";

  void open_families(const rocksdb::Options& options, const std::string& directory) {
    std::vector<std::string> names;
    if (!rocksdb::DB::ListColumnFamilies(options, directory, &names).ok()) {
      names = {rocksdb::kDefaultColumnFamilyName};
    }
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names) families.emplace_back(name, options);
    rocksdb::DB* opened = nullptr;
    check(rocksdb::DB::Open(options, directory, families, &handles_, &opened), "open");
    db_.reset(opened);
    families_.db = opened;
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == kContents) families_.contents = handles_[i];
      if (names[i] == kTasks) families_.tasks = handles_[i];
    }
  }

  rocksdb::ColumnFamilyHandle* new_family(const char* name) {
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    check(db_->CreateColumnFamily(db_->GetOptions(), name, &handle), "CreateColumnFamily");
    handles_.push_back(handle);
    return handle;
  }

  static rocksdb::Options options_for(size_t memory_budget_bytes) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.info_log = std::make_shared<SilentLog>();
    options.compression = rocksdb::kNoCompression;
    options.merge_operator = std::make_shared<AddOperator>();
    options.write_buffer_size = std::min(memory_budget_bytes / 8, size_t{64} << 20);
    options.max_write_buffer_number = 2;
    options.IncreaseParallelism(2);
    rocksdb::BlockBasedTableOptions table;
    table.block_size = 16 << 10;
    table.block_cache = rocksdb::NewLRUCache(memory_budget_bytes - 2 * options.write_buffer_size);
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    return options;
  }

  void find_sessions(const Population& population) {
    sessions_.prefixes.resize(population.sessions());
    sessions_.last_seqs = std::vector<std::atomic<uint64_t>>(population.sessions());
    for (uint32_t session = 0; session < population.sessions(); ++session) {
      const RawId user = population.user_id(population.owner_of(session));
      const RawId id = population.session_id(session);
      Prefix& prefix = sessions_.prefixes[session];
      std::memcpy(prefix.data(), user.data(), user.size());
      std::memcpy(prefix.data() + user.size(), id.data(), id.size());
    }
    FloorChatWorker worker(db_.get(), &sessions_, Mode::relaxed);
    for (uint32_t session = 0; session < population.sessions(); ++session) {
      sessions_.last_seqs[session].store(worker.last_seq(session), std::memory_order_relaxed);
    }
  }

  void find_credits() {
    credits_ = std::vector<std::atomic<int64_t>>(population_.users);
    FloorCreditWorker worker(db_.get(), &credits_, population_, Mode::relaxed);
    for (uint32_t user = 0; user < population_.users; ++user) {
      credits_[user].store(static_cast<int64_t>(worker.remaining(user)));
    }
  }

  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  FloorFamilies families_;
  Sessions sessions_;
  Population population_;
  std::vector<std::atomic<int64_t>> credits_;
  std::vector<std::atomic<uint32_t>> revs_;
};

}  // namespace

std::unique_ptr<Engine> make_floor_engine() { return std::make_unique<FloorEngine>(); }

}  // namespace bcstore::bench
