// SQLite's interface as values: a connection, its statements, a transaction. Whatever goes wrong is
// a Failure with SQLite's own words.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine.h"

namespace bcstore::bench {

struct SqlitePlace {
  std::string file;
  size_t memory_budget_bytes = 0;
};

// For one thread at a time.
class SqliteConnection {
 public:
  SqliteConnection(const SqlitePlace& place, Mode mode);

  sqlite3* handle() const { return handle_.get(); }
  // Statements without results, one after another.
  void execute(const std::string& sql);
  [[noreturn]] void fail(std::string_view what) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const { ::sqlite3_close_v2(handle); }
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

// Prepared once. Texts are bound as they lie, so they outlive the run.
class SqliteStatement {
 public:
  SqliteStatement(const SqliteConnection& connection, std::string_view sql);

  template <class... Values>
  SqliteStatement& bind(const Values&... values) {
    int index = 0;
    (bind_one(++index, values), ...);
    return *this;
  }
  // True: a row is there to be read. False: done, and ready for the next run.
  bool step();
  // To the end; what it returns is not looked at.
  void run() {
    while (step()) {
    }
  }
  // Runs it for a single number; throws without a row.
  int64_t run_for_number();
  // Leaves a run before its end.
  void reset() { ::sqlite3_reset(handle_.get()); }

  int64_t number(int column) const { return ::sqlite3_column_int64(handle_.get(), column); }
  // Until the next step.
  std::string_view text(int column) const {
    const void* bytes = ::sqlite3_column_blob(handle_.get(), column);
    return {static_cast<const char*>(bytes),
            static_cast<size_t>(::sqlite3_column_bytes(handle_.get(), column))};
  }

 private:
  void bind_one(int index, int64_t number);
  void bind_one(int index, uint64_t number) { bind_one(index, static_cast<int64_t>(number)); }
  void bind_one(int index, int32_t number) { bind_one(index, int64_t{number}); }
  void bind_one(int index, uint32_t number) { bind_one(index, int64_t{number}); }
  void bind_one(int index, std::string_view text);
  void bind_one(int index, const RawId& id);
  void check_bound(int code) const;

  struct Finalize {
    void operator()(sqlite3_stmt* handle) const { ::sqlite3_finalize(handle); }
  };
  const SqliteConnection& connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

// The statements that begin and end a transaction of a connection.
class SqliteTransactions {
 public:
  explicit SqliteTransactions(const SqliteConnection& connection)
      : write_(connection, "BEGIN IMMEDIATE"),
        read_(connection, "BEGIN"),
        commit_(connection, "COMMIT"),
        rollback_(connection, "ROLLBACK"),
        connection_(connection) {}

  template <class Work>
  void write(Work&& work) {
    within(write_, work);
  }
  // All reads within see one moment.
  template <class Work>
  void read(Work&& work) {
    within(read_, work);
  }

 private:
  template <class Work>
  void within(SqliteStatement& begin, Work& work) {
    begin.run();
    try {
      work();
      commit_.run();
    } catch (...) {
      // Some failures have rolled back already.
      if (::sqlite3_get_autocommit(connection_.handle()) == 0) rollback_.run();
      throw;
    }
  }

  SqliteStatement write_, read_, commit_, rollback_;
  const SqliteConnection& connection_;
};

}  // namespace bcstore::bench
