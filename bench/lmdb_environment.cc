#include "lmdb_environment.h"

#include <fmt/core.h>

#include "failure.h"

namespace bcstore::bench {
namespace {

// Address space, not disk: the file grows as it is written.
constexpr size_t kMapBytes = size_t{64} << 30;
constexpr unsigned kMostReaders = 126;

constexpr const char* kTableNames[kLmdbTables] = {
    "users",  "projects",    "versions",     "documents", "revisions", "sections",
    "tasks",  "task_places", "activities",   "sessions",  "messages",  "credits",
    "ledger", "events",      "integrations", "requests"};
// One name for a kind of row twice would be one table.
static_assert(static_cast<size_t>(LmdbTable::requests) + 1 == kLmdbTables);

bool starts_with(const MDB_val& key, std::string_view prefix) {
  return key.mv_size >= prefix.size() &&
         std::memcmp(key.mv_data, prefix.data(), prefix.size()) == 0;
}

class WriteCursor {
 public:
  WriteCursor(MDB_txn* txn, MDB_dbi table) {
    check_lmdb(::mdb_cursor_open(txn, table, &handle_), "mdb_cursor_open");
  }
  WriteCursor(const WriteCursor&) = delete;
  WriteCursor& operator=(const WriteCursor&) = delete;
  ~WriteCursor() { ::mdb_cursor_close(handle_); }
  MDB_cursor* handle() const { return handle_; }

 private:
  MDB_cursor* handle_ = nullptr;
};

// The end of the first key under `prefix`; empty: there is none.
std::string_view first_ending(MDB_txn* txn, MDB_dbi table, std::string_view prefix) {
  const WriteCursor cursor(txn, table);
  MDB_val key = value_of(prefix), value{};
  const int code = ::mdb_cursor_get(cursor.handle(), &key, &value, MDB_SET_RANGE);
  if (code == MDB_NOTFOUND) return {};
  check_lmdb(code, "mdb_cursor_get");
  if (!starts_with(key, prefix)) return {};
  return view_of(key).substr(prefix.size());
}

std::string_view find_in(MDB_txn* txn, MDB_dbi table, std::string_view key_bytes) {
  MDB_val key = value_of(key_bytes), value{};
  const int code = ::mdb_get(txn, table, &key, &value);
  if (code == MDB_NOTFOUND) return {};
  check_lmdb(code, "mdb_get");
  return view_of(value);
}

std::string_view required(std::string_view found) {
  if (found.data() == nullptr) throw Failure("lmdb: a row that must be there is not");
  return found;
}

}  // namespace

void check_lmdb(int code, std::string_view what) {
  if (code != MDB_SUCCESS) {
    throw Failure(fmt::format("lmdb: {}: {}", what, ::mdb_strerror(code)));
  }
}

uint32_t read_u32(std::string_view bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<uint8_t>(bytes[at + i]);
  return number;
}

uint64_t read_u64(std::string_view bytes, size_t at) {
  return uint64_t{read_u32(bytes, at)} << 32 | read_u32(bytes, at + 4);
}

LmdbEnvironment::LmdbEnvironment(const std::string& directory) {
  MDB_env* made = nullptr;
  check_lmdb(::mdb_env_create(&made), "mdb_env_create");
  handle_.reset(made);
  check_lmdb(::mdb_env_set_mapsize(made, kMapBytes), "mdb_env_set_mapsize");
  check_lmdb(::mdb_env_set_maxdbs(made, kLmdbTables), "mdb_env_set_maxdbs");
  check_lmdb(::mdb_env_set_maxreaders(made, kMostReaders), "mdb_env_set_maxreaders");
  // Several readers may live in one thread. Reading ahead is left to the system.
  check_lmdb(::mdb_env_open(made, directory.c_str(), MDB_NOTLS, 0600), "mdb_env_open");
  LmdbWrite write(*this, Mode::durable);
  for (size_t i = 0; i < kLmdbTables; ++i) {
    check_lmdb(::mdb_dbi_open(write.handle(), kTableNames[i], MDB_CREATE, &tables_[i]),
               "mdb_dbi_open");
  }
  write.commit();
}

LmdbWrite::LmdbWrite(LmdbEnvironment& environment, Mode mode) : environment_(environment) {
  check_lmdb(::mdb_txn_begin(environment.handle(), nullptr, 0, &handle_), "mdb_txn_begin");
  // A flag of the environment, changed only by who holds its one writing transaction.
  ::mdb_env_set_flags(environment.handle(), MDB_NOSYNC, mode == Mode::relaxed ? 1 : 0);
}

LmdbWrite::~LmdbWrite() {
  if (handle_ != nullptr) ::mdb_txn_abort(handle_);
}

std::string_view LmdbWrite::find(LmdbTable table, std::string_view key) const {
  return find_in(handle_, environment_.table(table), key);
}

std::string_view LmdbWrite::get(LmdbTable table, std::string_view key) const {
  return required(find(table, key));
}

void LmdbWrite::put(LmdbTable table, std::string_view key_bytes, std::string_view value_bytes) {
  MDB_val key = value_of(key_bytes), value = value_of(value_bytes);
  check_lmdb(::mdb_put(handle_, environment_.table(table), &key, &value, 0), "mdb_put");
}

char* LmdbWrite::reserve(LmdbTable table, std::string_view key_bytes, size_t bytes) {
  MDB_val key = value_of(key_bytes), value{bytes, nullptr};
  check_lmdb(::mdb_put(handle_, environment_.table(table), &key, &value, MDB_RESERVE), "mdb_put");
  return static_cast<char*>(value.mv_data);
}

uint64_t LmdbWrite::newest_u64(LmdbTable table, std::string_view prefix) const {
  const std::string_view ending = first_ending(handle_, environment_.table(table), prefix);
  return ending.empty() ? 0 : ~read_u64(ending, 0);
}

uint32_t LmdbWrite::newest_u32(LmdbTable table, std::string_view prefix) const {
  const std::string_view ending = first_ending(handle_, environment_.table(table), prefix);
  return ending.empty() ? 0 : ~read_u32(ending, 0);
}

void LmdbWrite::erase(LmdbTable table, std::string_view key_bytes) {
  MDB_val key = value_of(key_bytes);
  const int code = ::mdb_del(handle_, environment_.table(table), &key, nullptr);
  if (code != MDB_NOTFOUND) check_lmdb(code, "mdb_del");
}

void LmdbWrite::erase_under(LmdbTable table, std::string_view prefix) {
  const WriteCursor cursor(handle_, environment_.table(table));
  MDB_val key = value_of(prefix), value{};
  int code = ::mdb_cursor_get(cursor.handle(), &key, &value, MDB_SET_RANGE);
  while (code == MDB_SUCCESS && starts_with(key, prefix)) {
    check_lmdb(::mdb_cursor_del(cursor.handle(), 0), "mdb_cursor_del");
    // Moves to the row after the deleted one.
    code = ::mdb_cursor_get(cursor.handle(), &key, &value, MDB_NEXT);
  }
  if (code != MDB_NOTFOUND) check_lmdb(code, "mdb_cursor_get");
}

void LmdbWrite::commit() {
  MDB_txn* const ending = handle_;
  handle_ = nullptr;  // is gone, whatever commit says
  check_lmdb(::mdb_txn_commit(ending), "mdb_txn_commit");
}

LmdbReader::~LmdbReader() {
  for (const Cursor& cursor : cursors_) {
    if (cursor.handle != nullptr) ::mdb_cursor_close(cursor.handle);
  }
  if (handle_ != nullptr) ::mdb_txn_abort(handle_);
}

void LmdbReader::renew() {
  if (handle_ == nullptr) {
    check_lmdb(::mdb_txn_begin(environment_.handle(), nullptr, MDB_RDONLY, &handle_),
               "mdb_txn_begin");
  } else {
    check_lmdb(::mdb_txn_renew(handle_), "mdb_txn_renew");
  }
  ++renewals_;
}

MDB_cursor* LmdbReader::cursor(LmdbTable table) {
  Cursor& cursor = cursors_[static_cast<size_t>(table)];
  if (cursor.handle == nullptr) {
    check_lmdb(::mdb_cursor_open(handle_, environment_.table(table), &cursor.handle),
               "mdb_cursor_open");
  } else if (cursor.renewals != renewals_) {
    check_lmdb(::mdb_cursor_renew(handle_, cursor.handle), "mdb_cursor_renew");
  }
  cursor.renewals = renewals_;
  return cursor.handle;
}

std::string_view LmdbReader::find(LmdbTable table, std::string_view key) const {
  return find_in(handle_, environment_.table(table), key);
}

std::string_view LmdbReader::get(LmdbTable table, std::string_view key) const {
  return required(find(table, key));
}

bool LmdbReader::seek(LmdbTable table, std::string_view from, Row* row) {
  MDB_val key = value_of(from), value{};
  const int code = ::mdb_cursor_get(cursor(table), &key, &value, MDB_SET_RANGE);
  if (code == MDB_NOTFOUND) return false;
  check_lmdb(code, "mdb_cursor_get");
  *row = {view_of(key), view_of(value)};
  return true;
}

bool LmdbReader::next(LmdbTable table, Row* row) {
  MDB_val key{}, value{};
  const int code = ::mdb_cursor_get(cursor(table), &key, &value, MDB_NEXT);
  if (code == MDB_NOTFOUND) return false;
  check_lmdb(code, "mdb_cursor_get");
  *row = {view_of(key), view_of(value)};
  return true;
}

}  // namespace bcstore::bench
