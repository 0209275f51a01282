#include "sqlite_connection.h"

#include <fmt/core.h>

#include "failure.h"

namespace bcstore::bench {
namespace {

constexpr int kBusyMs = 60'000;
// The map serves the reads and is cache as well; each connection's own holds the pages that a
// transaction changes.
constexpr size_t kConnections = 16;
// 40 MB of log, as other engines have: folding it in after every 4 MB, as is the default, writes
// the same pages again and again.
constexpr int kCheckpointPages = 10'000;

}  // namespace

SqliteConnection::SqliteConnection(const SqlitePlace& place, Mode mode) {
  sqlite3* opened = nullptr;
  const int code = ::sqlite3_open_v2(
      place.file.c_str(), &opened,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
      nullptr);
  handle_.reset(opened);
  if (code != SQLITE_OK) fail("open");
  ::sqlite3_extended_result_codes(opened, 1);
  ::sqlite3_busy_timeout(opened, kBusyMs);
  const size_t cache_bytes = place.memory_budget_bytes / 8 / kConnections;
  execute(fmt::format(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = {}; PRAGMA cache_size = -{};"
      "PRAGMA mmap_size = {}; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = {}",
      mode == Mode::durable ? "FULL" : "NORMAL", cache_bytes >> 10,
      place.memory_budget_bytes / 8 * 7, kCheckpointPages));
}

void SqliteConnection::execute(const std::string& sql) {
  if (::sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    fail(std::string_view(sql).substr(0, 60));
  }
}

void SqliteConnection::fail(std::string_view what) const {
  throw Failure(fmt::format("sqlite: {}: {}", what,
                            handle_ ? ::sqlite3_errmsg(handle()) : ::sqlite3_errstr(SQLITE_NOMEM)));
}

SqliteStatement::SqliteStatement(const SqliteConnection& connection, std::string_view sql)
    : connection_(connection) {
  sqlite3_stmt* prepared = nullptr;
  const int code =
      ::sqlite3_prepare_v3(connection.handle(), sql.data(), static_cast<int>(sql.size()),
                           SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  handle_.reset(prepared);
  if (code != SQLITE_OK) connection.fail(sql.substr(0, 60));
}

bool SqliteStatement::step() {
  const int code = ::sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  ::sqlite3_reset(handle_.get());
  if (code != SQLITE_DONE) {
    connection_.fail(std::string_view(::sqlite3_sql(handle_.get())).substr(0, 60));
  }
  return false;
}

int64_t SqliteStatement::run_for_number() {
  if (!step()) {
    throw Failure(fmt::format("sqlite: nothing found by {}", ::sqlite3_sql(handle_.get())));
  }
  const int64_t found = number(0);
  run();
  return found;
}

void SqliteStatement::bind_one(int index, int64_t number) {
  check_bound(::sqlite3_bind_int64(handle_.get(), index, number));
}

void SqliteStatement::bind_one(int index, std::string_view text) {
  check_bound(::sqlite3_bind_text(handle_.get(), index, text.data(), static_cast<int>(text.size()),
                                  SQLITE_STATIC));
}

void SqliteStatement::bind_one(int index, const RawId& id) {
  check_bound(::sqlite3_bind_blob(handle_.get(), index, id.data(), static_cast<int>(id.size()),
                                  SQLITE_STATIC));
}

void SqliteStatement::check_bound(int code) const {
  if (code != SQLITE_OK) connection_.fail("bind");
}

}  // namespace bcstore::bench
