#include "postgres_workers.h"

#include <fmt/core.h>

#include <chrono>

#include "failure.h"
#include "peer.h"
#include "postgres_cluster.h"
#include "postgres_schema.h"

namespace bcstore::bench {

// The update comes first and locks the session, so that times follow sequences.
const char* const kPostgresAppendMessage =
    "WITH s AS (UPDATE chat_sessions SET last_seq = last_seq + 1 WHERE id = $1::uuid "
    "RETURNING id, last_seq), "
    "m AS (INSERT INTO chat_messages (session_id, seq, role, token_count, created_at, content) "
    "SELECT s.id, s.last_seq, $2::smallint, $3::int, "
    "coalesce($4::timestamptz, clock_timestamp()), $5::text FROM s) "
    "SELECT last_seq FROM s";
const char* const kPostgresLastMessages =
    "SELECT seq, role, token_count, created_at, content FROM chat_messages "
    "WHERE session_id = $1::uuid ORDER BY created_at DESC, seq DESC LIMIT $2::int";
const char* const kPostgresAppendRevision =
    "WITH d AS (UPDATE documents SET current_rev = current_rev + 1 WHERE id = $1::uuid "
    "RETURNING id, current_rev), "
    "r AS (INSERT INTO document_revisions (document_id, rev, content, created_by, created_at) "
    "SELECT d.id, d.current_rev, $2::json, app_user(), $3::timestamptz FROM d) "
    "SELECT current_rev FROM d";
const char* const kPostgresCreateUser =
    "INSERT INTO users (id, email, full_name, stripe_customer_id, created_at) "
    "VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::timestamptz)";
const char* const kPostgresCreateProject =
    "INSERT INTO projects (id, user_id, name, idea_prompt, created_at) "
    "VALUES ($1::uuid, $2::uuid, $3::text, $4::text, $5::timestamptz)";
const char* const kPostgresCreateVersion =
    "INSERT INTO project_versions (project_id, version, change_note, created_by, created_at) "
    "VALUES ($1::uuid, $2::int, $3::text, $4::uuid, $5::timestamptz)";
const char* const kPostgresCreateSession =
    "INSERT INTO chat_sessions (id, project_id, started_at) "
    "VALUES ($1::uuid, $2::uuid, $3::timestamptz)";
const char* const kPostgresCreateDocument =
    "INSERT INTO documents (id, project_id, version, section, created_at) "
    "VALUES ($1::uuid, $2::uuid, $3::int, $4::smallint, $5::timestamptz)";

PostgresSession::PostgresSession(const PostgresShare& share, Mode mode)
    : connection_(share.host, kPostgresApplication, mode) {
  prepare("act_as", "SELECT set_config('app.user_id', $1::text, true)");
}

void PostgresSession::act_as(const RawId& user) {
  connection_.send("act_as", PostgresValues().add(uuid_text(user)));
}

PostgresRows PostgresSession::call(const RawId& user, const char* name,
                                   const PostgresValues& values) {
  act_as(user);
  connection_.send(name, values);
  connection_.sync();
  connection_.receive();
  PostgresRows rows = connection_.receive();
  connection_.receive_sync();
  return rows;
}

void fold_messages(const PostgresRows& rows, Fold* fold) {
  for (int row = 0; row < rows.count(); ++row) {
    fold_message(
        static_cast<uint64_t>(rows.number(row, 0)), static_cast<uint8_t>(rows.number(row, 1)),
        static_cast<uint32_t>(rows.number(row, 2)), rows.time_us(row, 3), rows.text(row, 4), fold);
  }
}

namespace {

class PostgresProjectWorker : public ProjectWorker {
 public:
  explicit PostgresProjectWorker(const PostgresShare& share)
      : population_(share.population), session_(share, Mode::relaxed) {
    session_.prepare("project",
                     "SELECT name, idea_prompt, current_version FROM projects "
                     "WHERE id = $1::uuid");
    session_.prepare("documents",
                     "SELECT d.section, r.rev, r.content FROM documents d "
                     "JOIN document_revisions r ON r.document_id = d.id AND r.rev = d.current_rev "
                     "WHERE d.project_id = $1::uuid ORDER BY d.version, d.section");
    session_.prepare("tasks",
                     "SELECT t.phase, coalesce((SELECT a.action = 'complete' FROM task_activity a "
                     "WHERE a.task_id = t.id ORDER BY a.number DESC LIMIT 1), false), "
                     "t.title, t.description FROM tasks t WHERE t.project_id = $1::uuid "
                     "ORDER BY t.phase, t.created_at, t.id");
    session_.prepare("last", kPostgresLastMessages);
    session_.prepare("begin", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    session_.prepare("commit", "COMMIT");
    session_.begin();
  }

  void newest_documents(uint32_t project, Fold* fold) override {
    fold_documents(session_.call(population_.user_id(project), "documents",
                                 PostgresValues().add(population_.project_id(project))),
                   fold);
  }

  void tasks(uint32_t project, Fold* fold) override {
    fold_tasks(session_.call(population_.user_id(project), "tasks",
                             PostgresValues().add(population_.project_id(project))),
               fold);
  }

  // One snapshot, one round trip.
  void context(uint32_t project, uint32_t messages, Fold* fold) override {
    const RawId id = population_.project_id(project);
    const RawId chat = population_.session_id(project * population_.sessions_per_user);
    PostgresConnection& connection = session_.connection();
    connection.send("begin");
    session_.act_as(population_.user_id(project));
    for (const char* name : {"project", "documents", "tasks"}) {
      connection.send(name, PostgresValues().add(id));
    }
    connection.send("last", PostgresValues().add(chat).add_int4(static_cast<int32_t>(messages)));
    connection.send("commit");
    connection.sync();
    connection.receive();
    connection.receive();
    const PostgresRows head = connection.receive();
    for (int row = 0; row < head.count(); ++row) {
      fold_project(head.text(row, 0), head.text(row, 1), static_cast<uint32_t>(head.number(row, 2)),
                   fold);
    }
    fold_documents(connection.receive(), fold);
    fold_tasks(connection.receive(), fold);
    fold_messages(connection.receive(), fold);
    connection.receive_all(1);
  }

 private:
  static void fold_documents(const PostgresRows& rows, Fold* fold) {
    for (int row = 0; row < rows.count(); ++row) {
      fold_document(static_cast<uint8_t>(rows.number(row, 0)),
                    static_cast<uint32_t>(rows.number(row, 1)), rows.text(row, 2), fold);
    }
  }
  static void fold_tasks(const PostgresRows& rows, Fold* fold) {
    for (int row = 0; row < rows.count(); ++row) {
      fold_task(static_cast<int32_t>(rows.number(row, 0)), rows.number(row, 1) != 0,
                rows.text(row, 2), rows.text(row, 3), fold);
    }
  }

  Population population_;
  PostgresSession session_;
};

class PostgresTurnWorker : public TurnWorker {
 public:
  PostgresTurnWorker(const PostgresShare& share, Mode mode)
      : population_(share.population), session_(share, mode) {
    session_.prepare("turn",
                     "SELECT * FROM chat_turn($1::uuid, $2::uuid, $3::smallint, $4::int, "
                     "$5::timestamptz, $6::text, $7::text, $8::text, $9::json)");
    session_.begin();
  }

  Turned turn(const Message& message, std::string_view key) override {
    const RawId user = population_.user_id(population_.owner_of(message.session));
    const PostgresRows rows = session_.call(user, "turn",
                                            PostgresValues()
                                                .add(user)
                                                .add(population_.session_id(message.session))
                                                .add_int2(message.role)
                                                .add_int4(message.token_count)
                                                .add_time(message.created_at_us)
                                                .add(message.content)
                                                .add(key)
                                                .add(kTurnEventType)
                                                .add(kTurnEventPayload));
    if (rows.count() != 1) throw Failure("postgres: chat_turn() says nothing");
    return {static_cast<uint64_t>(rows.number(0, 0)), static_cast<uint64_t>(rows.number(0, 1))};
  }

 private:
  Population population_;
  PostgresSession session_;
};

// The owner's work: policies do not hold it.
class PostgresUpkeepWorker : public UpkeepWorker {
 public:
  // The log's files would be used again with what is in them: from here on they are removed
  // instead.
  explicit PostgresUpkeepWorker(const PostgresShare& share)
      : population_(share.population),
        connection_(share.host, PostgresCluster::kOwner, Mode::durable) {
    connection_.execute("ALTER SYSTEM SET wal_recycle = off");
    connection_.execute("SELECT pg_reload_conf()");
  }

  // What hangs on the user goes with it; credits, ledger, events, integrations and keys do not.
  void erase_user(uint32_t user) override {
    const std::string id = uuid_text(population_.user_id(user));
    std::string sql = "BEGIN;";
    for (const char* table :
         {"chat_credits", "credit_ledger", "events", "integrations", "idempotency_keys"}) {
      sql += std::string("DELETE FROM ") + table + " WHERE user_id = '" + id + "';";
    }
    connection_.execute(sql + "DELETE FROM users WHERE id = '" + id + "'; COMMIT");
  }

  // A partition.
  bool drop_month(int64_t at_us) override {
    const std::chrono::year_month_day first(std::chrono::floor<std::chrono::days>(
        std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(at_us))));
    connection_.execute(fmt::format("DROP TABLE chat_messages_{:04}{:02}",
                                    static_cast<int>(first.year()),
                                    static_cast<unsigned>(first.month())));
    return true;
  }

  // The tables are written anew, and so is what the planner noted of their contents.
  void purge() override {
    connection_.execute(
        "VACUUM (FULL, ANALYZE) users, projects, project_versions, documents, document_revisions, "
        "document_sections, tasks, task_activity, chat_sessions, chat_messages, chat_credits, "
        "credit_ledger, events, integrations, idempotency_keys");
    connection_.execute("VACUUM (FULL) pg_statistic");
    connection_.execute("SELECT pg_switch_wal()");
    connection_.execute("CHECKPOINT");
  }

 private:
  Population population_;
  PostgresConnection connection_;
};

}  // namespace

std::unique_ptr<ProjectWorker> make_postgres_project_worker(PostgresShare& share) {
  return std::make_unique<PostgresProjectWorker>(share);
}
std::unique_ptr<TurnWorker> make_postgres_turn_worker(PostgresShare& share, Mode mode) {
  return std::make_unique<PostgresTurnWorker>(share, mode);
}
std::unique_ptr<UpkeepWorker> make_postgres_upkeep_worker(PostgresShare& share) {
  return std::make_unique<PostgresUpkeepWorker>(share);
}

}  // namespace bcstore::bench
