// The workers of the PostgreSQL engine. Each has a connection of its own, as the application's
// role; every call tells the server whose it is, in the same transaction and the same message.
#pragma once

#include <memory>
#include <string>

#include "engine.h"
#include "postgres_connection.h"

namespace bcstore::bench {

// What an open engine's workers share.
struct PostgresShare {
  std::string host;
  Population population;
  // Of a sink that could not say so itself; empty: none.
  std::string sink_failure;
};

// A connection of the application with its statements.
class PostgresSession {
 public:
  PostgresSession(const PostgresShare& share, Mode mode);

  PostgresConnection& connection() { return connection_; }
  void prepare(const char* name, const std::string& sql) { connection_.prepare(name, sql); }
  // After the last prepare().
  void begin() { connection_.begin_pipeline(); }
  // What follows up to the next sync() is this user's.
  void act_as(const RawId& user);
  // One statement of one user, in a transaction of its own.
  PostgresRows call(const RawId& user, const char* name, const PostgresValues& values);

 private:
  PostgresConnection connection_;
};

// Session, role, tokens, time or null, content; the new sequence, or no row.
extern const char* const kPostgresAppendMessage;
// Session, how many.
extern const char* const kPostgresLastMessages;
// Document, content, time or null; the new revision's number, or no row.
extern const char* const kPostgresAppendRevision;
extern const char* const kPostgresCreateUser;
extern const char* const kPostgresCreateProject;
extern const char* const kPostgresCreateVersion;
extern const char* const kPostgresCreateSession;
extern const char* const kPostgresCreateDocument;

void fold_messages(const PostgresRows& rows, Fold* fold);

std::unique_ptr<ProjectWorker> make_postgres_project_worker(PostgresShare& share);
std::unique_ptr<TurnWorker> make_postgres_turn_worker(PostgresShare& share, Mode mode);
std::unique_ptr<UpkeepWorker> make_postgres_upkeep_worker(PostgresShare& share);
std::unique_ptr<ProductSink> make_postgres_sink(PostgresShare& share);

}  // namespace bcstore::bench
