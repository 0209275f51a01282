// LMDB's interface as values: the environment with its tables, a writing and a reading transaction.
// Whatever goes wrong is a Failure with LMDB's own words.
#pragma once

#include <lmdb.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "engine.h"

namespace bcstore::bench {

void check_lmdb(int code, std::string_view what);

inline MDB_val value_of(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};
}
inline std::string_view view_of(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

// Grows by parts in a buffer on the stack. Numbers are big endian, so that they sort.
class LmdbKey {
 public:
  LmdbKey() = default;
  explicit LmdbKey(std::string_view bytes) { add(bytes); }

  LmdbKey& add(std::string_view bytes) {
    std::memcpy(bytes_ + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
    return *this;
  }
  LmdbKey& add(const RawId& id) {
    return add(std::string_view(reinterpret_cast<const char*>(id.data()), id.size()));
  }
  LmdbKey& add_byte(uint8_t byte) {
    bytes_[size_++] = static_cast<char>(byte);
    return *this;
  }
  LmdbKey& add_u32(uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) add_byte(static_cast<uint8_t>(number >> shift));
    return *this;
  }
  LmdbKey& add_u64(uint64_t number) {
    return add_u32(static_cast<uint32_t>(number >> 32)).add_u32(static_cast<uint32_t>(number));
  }
  std::string_view view() const { return {bytes_, size_}; }
  MDB_val value() const { return value_of(view()); }

 private:
  char bytes_[160];
  size_t size_ = 0;
};

uint32_t read_u32(std::string_view bytes, size_t at);
uint64_t read_u64(std::string_view bytes, size_t at);

// The numbers that rows hold: as the machine has them.
template <class Number>
Number read_plain(std::string_view bytes, size_t at) {
  Number number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}
template <class Number>
std::string_view plain_bytes(const Number& number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

enum class LmdbTable : uint8_t {
  users,         // user -> email, name
  projects,      // project -> LmdbProject
  versions,      // user project version
  documents,     // document -> where its revisions lie: user project version section
  revisions,     // user project version section ~rev -> time, content: the newest first
  sections,      // document rev number -> body, embedding
  tasks,         // user project phase time task -> completed, title, description
  task_places,   // task -> its key in tasks
  activities,    // user task number -> action, time
  sessions,      // session -> user project
  messages,      // session ~sequence -> time, tokens, role, text: the newest first
  credits,       // user -> LmdbCredits
  ledger,        // user ~number -> spent, remaining, time
  events,        // user ~number -> time, type, payload
  integrations,  // user integration ~rev -> type, metadata
  requests,      // user key -> sequence, remaining
};
inline constexpr size_t kLmdbTables = 16;

class LmdbEnvironment {
 public:
  explicit LmdbEnvironment(const std::string& directory);

  MDB_env* handle() const { return handle_.get(); }
  MDB_dbi table(LmdbTable table) const { return tables_[static_cast<size_t>(table)]; }

 private:
  struct Close {
    void operator()(MDB_env* handle) const { ::mdb_env_close(handle); }
  };
  std::unique_ptr<MDB_env, Close> handle_;
  MDB_dbi tables_[kLmdbTables]{};
};

// Aborts unless committed. There is one at a time; others wait.
class LmdbWrite {
 public:
  LmdbWrite(LmdbEnvironment& environment, Mode mode);
  LmdbWrite(const LmdbWrite&) = delete;
  LmdbWrite& operator=(const LmdbWrite&) = delete;
  ~LmdbWrite();

  MDB_txn* handle() const { return handle_; }
  // Null data: not there. What it shows lives until the next write.
  std::string_view find(LmdbTable table, std::string_view key) const;
  // The same; throws when it is not there.
  std::string_view get(LmdbTable table, std::string_view key) const;
  void put(LmdbTable table, std::string_view key, std::string_view value);
  // A place for so many bytes, to be filled before the next write.
  char* reserve(LmdbTable table, std::string_view key, size_t bytes);
  // The inverted number that ends the first key after `prefix`: of the newest row. 0: there is
  // none.
  uint64_t newest_u64(LmdbTable table, std::string_view prefix) const;
  uint32_t newest_u32(LmdbTable table, std::string_view prefix) const;
  void erase(LmdbTable table, std::string_view key);
  void erase_under(LmdbTable table, std::string_view prefix);
  void commit();

 private:
  LmdbEnvironment& environment_;
  MDB_txn* handle_ = nullptr;
};

// One thread's reading transaction and its cursors, kept and renewed for each reading.
class LmdbReader {
 public:
  explicit LmdbReader(const LmdbEnvironment& environment) : environment_(environment) {}
  LmdbReader(const LmdbReader&) = delete;
  LmdbReader& operator=(const LmdbReader&) = delete;
  ~LmdbReader();

  // Everything that `work` reads is as of one moment, and read in place.
  template <class Work>
  auto read(Work&& work) {
    const Renewal renewal(*this);
    return work();
  }
  std::string_view find(LmdbTable table, std::string_view key) const;
  std::string_view get(LmdbTable table, std::string_view key) const;

  struct Row {
    std::string_view key, value;
  };
  // The first row at `from` or after it; false: none.
  bool seek(LmdbTable table, std::string_view from, Row* row);
  bool next(LmdbTable table, Row* row);

 private:
  struct Renewal {
    explicit Renewal(LmdbReader& its_reader) : reader(its_reader) { reader.renew(); }
    ~Renewal() { ::mdb_txn_reset(reader.handle_); }
    LmdbReader& reader;
  };
  void renew();
  MDB_cursor* cursor(LmdbTable table);

  const LmdbEnvironment& environment_;
  MDB_txn* handle_ = nullptr;
  struct Cursor {
    MDB_cursor* handle = nullptr;
    uint64_t renewals = 0;
  };
  Cursor cursors_[kLmdbTables]{};
  uint64_t renewals_ = 0;
};

}  // namespace bcstore::bench
