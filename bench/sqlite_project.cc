// The SQLite engine's projects, turns and upkeep.
#include "failure.h"
#include "peer.h"
#include "sqlite_workers.h"

namespace bcstore::bench {
namespace {

constexpr std::string_view kNewestDocuments =
    "SELECT d.section, r.id & 0xffffffff, r.content "
    "FROM projects p JOIN documents d ON d.project = p.number "
    "JOIN document_revisions r ON r.id = (SELECT max(n.id) FROM document_revisions n "
    "WHERE n.id > d.number << 32 AND n.id < d.number + 1 << 32) "
    "WHERE p.id = ?1 AND p.user_id = ?2 ORDER BY d.version, d.section";

constexpr std::string_view kTasks =
    "SELECT t.phase, coalesce((SELECT a.is_completed FROM task_activity a "
    "WHERE a.task_id = t.id ORDER BY a.number DESC LIMIT 1), 0), t.title, t.description "
    "FROM projects p JOIN tasks t ON t.project = p.number "
    "WHERE p.id = ?1 AND p.user_id = ?2 ORDER BY t.phase, t.created_at, t.id";

class SqliteProjectWorker : public ProjectWorker {
 public:
  explicit SqliteProjectWorker(SqliteShare& share)
      : share_(share),
        connection_(share.place, Mode::relaxed),
        transactions_(connection_),
        project_(connection_,
                 "SELECT name, idea_prompt, current_version FROM projects "
                 "WHERE id = ?1 AND user_id = ?2"),
        documents_(connection_, kNewestDocuments),
        tasks_(connection_, kTasks),
        messages_(connection_, kSqliteLastMessages) {}

  void newest_documents(uint32_t project, Fold* fold) override {
    const RawId id = share_.population.project_id(project);
    const RawId user = share_.population.user_id(project);
    documents_.bind(id, user);
    while (documents_.step()) {
      fold_document(static_cast<uint8_t>(documents_.number(0)),
                    static_cast<uint32_t>(documents_.number(1)), documents_.text(2), fold);
    }
  }

  void tasks(uint32_t project, Fold* fold) override {
    const RawId id = share_.population.project_id(project);
    const RawId user = share_.population.user_id(project);
    tasks_.bind(id, user);
    while (tasks_.step()) {
      fold_task(static_cast<int32_t>(tasks_.number(0)), tasks_.number(1) != 0, tasks_.text(2),
                tasks_.text(3), fold);
    }
  }

  void context(uint32_t project, uint32_t messages, Fold* fold) override {
    transactions_.read([&] {
      fold_head(project, fold);
      newest_documents(project, fold);
      tasks(project, fold);
      last_messages(project, messages, fold);
    });
  }

 private:
  void fold_head(uint32_t project, Fold* fold) {
    const RawId id = share_.population.project_id(project);
    const RawId user = share_.population.user_id(project);
    project_.bind(id, user);
    while (project_.step()) {
      fold_project(project_.text(0), project_.text(1), static_cast<uint32_t>(project_.number(2)),
                   fold);
    }
  }

  void last_messages(uint32_t user_number, uint32_t count, Fold* fold) {
    const Population& population = share_.population;
    const RawId session = population.session_id(user_number * population.sessions_per_user);
    const RawId user = population.user_id(user_number);
    messages_.bind(session, user, count);
    while (messages_.step()) {
      fold_message(
          static_cast<uint64_t>(messages_.number(0)), static_cast<uint8_t>(messages_.number(1)),
          static_cast<uint32_t>(messages_.number(2)), messages_.number(3), messages_.text(4), fold);
    }
  }

  SqliteShare& share_;
  SqliteConnection connection_;
  SqliteTransactions transactions_;
  SqliteStatement project_, documents_, tasks_, messages_;
};

class SqliteTurnWorker : public TurnWorker {
 public:
  SqliteTurnWorker(SqliteShare& share, Mode mode)
      : share_(share),
        connection_(share.place, mode),
        transactions_(connection_),
        find_key_(connection_,
                  "SELECT seq, remaining FROM idempotency_keys WHERE user_id = ?1 AND key = ?2"),
        append_(connection_, kSqliteAppendMessage),
        consume_(connection_, kSqliteConsume),
        enter_(connection_,
               "INSERT INTO credit_ledger (user_id, number, spent, remaining, created_at) "
               "VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM credit_ledger "
               "WHERE user_id = ?1), 1, ?2, ?3)"),
        event_(connection_, kSqliteAppendEvent),
        keep_key_(connection_,
                  "INSERT INTO idempotency_keys (user_id, key, seq, remaining) "
                  "VALUES (?1, ?2, ?3, ?4)") {}

  Turned turn(const Message& message, std::string_view key) override {
    const Population& population = share_.population;
    const RawId session = population.session_id(message.session);
    const RawId user = population.user_id(population.owner_of(message.session));
    const int64_t at_us = time_of(message);
    Turned turned;
    const std::lock_guard turn(share_.writers);
    transactions_.write([&] {
      if (has_key(user, key, &turned)) return;
      turned.seq = static_cast<uint64_t>(append_
                                             .bind(session, user, at_us, uint32_t{message.role},
                                                   message.token_count, message.content)
                                             .run_for_number());
      turned.remaining = static_cast<uint64_t>(consume_.bind(user).run_for_number());
      enter_.bind(user, turned.remaining, at_us).run();
      event_.bind(user, kTurnEventType, kTurnEventPayload, at_us).run();
      keep_key_.bind(user, key, turned.seq, turned.remaining).run();
    });
    return turned;
  }

 private:
  bool has_key(const RawId& user, std::string_view key, Turned* turned) {
    find_key_.bind(user, key);
    bool found = false;
    while (find_key_.step()) {
      found = true;
      turned->seq = static_cast<uint64_t>(find_key_.number(0));
      turned->remaining = static_cast<uint64_t>(find_key_.number(1));
    }
    return found;
  }

  SqliteShare& share_;
  SqliteConnection connection_;
  SqliteTransactions transactions_;
  SqliteStatement find_key_, append_, consume_, enter_, event_, keep_key_;
};

// Children first, each table by its own key. ?1 the user's id.
constexpr std::string_view kErasures[] = {
    "DELETE FROM chat_messages WHERE id IN (SELECT m.id FROM projects p "
    "CROSS JOIN chat_sessions s ON s.project = p.number "
    "CROSS JOIN chat_messages m ON m.id > s.number << 32 AND m.id < s.number + 1 << 32 "
    "WHERE p.user_id = ?1)",
    "DELETE FROM chat_sessions WHERE project IN (SELECT number FROM projects WHERE user_id = ?1)",
    "DELETE FROM task_activity WHERE task_id IN (SELECT t.id FROM projects p "
    "CROSS JOIN tasks t ON t.project = p.number WHERE p.user_id = ?1)",
    "DELETE FROM tasks WHERE project IN (SELECT number FROM projects WHERE user_id = ?1)",
    "DELETE FROM document_revisions WHERE id IN (SELECT r.id FROM projects p "
    "CROSS JOIN documents d ON d.project = p.number "
    "CROSS JOIN document_revisions r ON r.id > d.number << 32 AND r.id < d.number + 1 << 32 "
    "WHERE p.user_id = ?1)",
    "DELETE FROM document_sections WHERE document IN (SELECT d.number FROM projects p "
    "CROSS JOIN documents d ON d.project = p.number WHERE p.user_id = ?1)",
    "DELETE FROM documents WHERE project IN (SELECT number FROM projects WHERE user_id = ?1)",
    "DELETE FROM project_versions WHERE project IN "
    "(SELECT number FROM projects WHERE user_id = ?1)",
    "DELETE FROM projects WHERE user_id = ?1",
    "DELETE FROM chat_credits WHERE user_id = ?1",
    "DELETE FROM credit_ledger WHERE user_id = ?1",
    "DELETE FROM events WHERE user_id = ?1",
    "DELETE FROM integrations WHERE user_id = ?1",
    "DELETE FROM idempotency_keys WHERE user_id = ?1",
    "DELETE FROM users WHERE id = ?1",
};

class SqliteUpkeepWorker : public UpkeepWorker {
 public:
  explicit SqliteUpkeepWorker(SqliteShare& share)
      : share_(share), connection_(share.place, Mode::durable), transactions_(connection_) {}

  void erase_user(uint32_t user) override {
    const RawId id = share_.population.user_id(user);
    const std::lock_guard turn(share_.writers);
    transactions_.write([&] {
      for (const std::string_view sql : kErasures) {
        SqliteStatement(connection_, sql).bind(id).run();
      }
    });
  }

  bool drop_month(int64_t at_us) override {
    const int64_t first_us = first_of_month_us(at_us);
    const std::lock_guard turn(share_.writers);
    transactions_.write([&] {
      SqliteStatement(connection_,
                      "DELETE FROM chat_messages WHERE created_at >= ?1 AND created_at < ?2")
          .bind(first_us, next_month_us(first_us))
          .run();
    });
    return true;
  }

  // The file is written anew, and the log, which holds what was erased as well, is folded into it
  // and cut off.
  void purge() override {
    const std::lock_guard turn(share_.writers);
    connection_.execute("VACUUM");
    SqliteStatement checkpoint(connection_, "PRAGMA wal_checkpoint(TRUNCATE)");
    if (checkpoint.run_for_number() != 0) {
      throw Failure("sqlite: wal_checkpoint(TRUNCATE): a reader is in the way");
    }
  }

 private:
  SqliteShare& share_;
  SqliteConnection connection_;
  SqliteTransactions transactions_;
};

}  // namespace

std::unique_ptr<ProjectWorker> make_sqlite_project_worker(SqliteShare& share) {
  return std::make_unique<SqliteProjectWorker>(share);
}
std::unique_ptr<TurnWorker> make_sqlite_turn_worker(SqliteShare& share, Mode mode) {
  return std::make_unique<SqliteTurnWorker>(share, mode);
}
std::unique_ptr<UpkeepWorker> make_sqlite_upkeep_worker(SqliteShare& share) {
  return std::make_unique<SqliteUpkeepWorker>(share);
}

}  // namespace bcstore::bench
