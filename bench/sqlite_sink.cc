// A generated product, row by row into the SQLite engine's tables, relaxed.
#include <fmt/core.h>

#include "peer.h"
#include "sqlite_workers.h"

namespace bcstore::bench {
namespace {

class SqliteSink : public ProductSink {
 public:
  explicit SqliteSink(SqliteShare& share)
      : connection_(share.place, Mode::relaxed), transactions_(connection_) {}

  void sign_up(const Happening& when, const SignUp& user) override {
    transactions_.write([&] {
      user_
          .bind(when.user, user.email, user.full_name.value_or(""),
                user.stripe_customer_id.value_or(""), when.at_us)
          .run();
      credits_.bind(when.user, uint32_t{user.is_unlimited}, user.allowance, user.resets_at_us)
          .run();
    });
  }
  void grant(const Happening& when, int32_t credits) override {
    grant_.bind(when.user, credits).run();
  }
  void project(const Happening& when, const RawId& id, std::string_view name,
               std::string_view prompt) override {
    transactions_.write([&] {
      project_.bind(id, when.user, name, prompt, when.at_us).run();
      version_.bind(id, when.user, 1, std::string_view("first"), when.at_us).run_for_number();
    });
  }
  void version(const Happening& when, const RawId& project, uint32_t version,
               std::string_view note) override {
    transactions_.write([&] {
      version_.bind(project, when.user, version, note, when.at_us).run_for_number();
      current_version_.bind(project, when.user, version).run();
    });
  }
  void document(const Happening& when, const RawId& id, const RawId& project, uint32_t version,
                uint8_t section) override {
    document_.bind(id, project, when.user, version, uint32_t{section}, when.at_us).run_for_number();
  }
  void revision(const Happening& when, const RawId& document, uint32_t,
                std::string_view json) override {
    revision_.bind(document, when.user, when.at_us, json).run_for_number();
  }
  void sections(const Happening& when, const RawId& document, uint32_t rev,
                std::span<const Section> sections) override {
    transactions_.write([&] {
      for (const Section& section : sections) {
        const std::string_view floats(reinterpret_cast<const char*>(section.embedding.data()),
                                      section.embedding.size_bytes());
        section_.bind(document, when.user, rev, section.number, section.body, floats)
            .run_for_number();
      }
    });
  }
  void task(const Happening& when, const RawId& id, const RawId& project, int32_t phase,
            std::string_view title, std::string_view description) override {
    task_.bind(id, project, when.user, phase, when.at_us, title, description).run_for_number();
  }
  void activity(const Happening& when, const RawId& task, bool completes) override {
    activity_.bind(task, when.user, uint32_t{completes}, when.at_us).run_for_number();
  }
  void chat(const Happening& when, const RawId& id, const RawId& project) override {
    chat_.bind(id, project, when.user, when.at_us).run_for_number();
  }
  void message(const Happening& when, const Turn& turn) override {
    transactions_.write([&] {
      if (turn.role == 1) {
        spend_.bind(when.user, when.at_us, next_month_us(when.at_us)).run_for_number();
      }
      message_
          .bind(turn.session, when.user, when.at_us, uint32_t{turn.role}, turn.token_count,
                turn.content)
          .run_for_number();
    });
  }
  void event(const Happening& when, const RawId&, std::string_view type,
             std::string_view payload) override {
    event_.bind(when.user, type, payload, when.at_us).run();
  }
  void integration(const Happening& when, const RawId& id, uint8_t type,
                   std::optional<std::string_view> metadata) override {
    integration_.bind(when.user, id, uint32_t{type}, metadata.value_or(""), when.at_us).run();
  }

 private:
  SqliteConnection connection_;
  SqliteTransactions transactions_;
  SqliteStatement user_{connection_, kSqliteCreateUser};
  SqliteStatement credits_{connection_,
                           "INSERT INTO chat_credits (user_id, remaining, allowance, reset_at) "
                           "VALUES (?1, iif(?2, NULL, ?3), ?3, ?4)"};
  SqliteStatement grant_{connection_,
                         "UPDATE chat_credits SET granted = granted + ?2 WHERE user_id = ?1"};
  SqliteStatement project_{connection_, kSqliteCreateProject};
  SqliteStatement version_{connection_, kSqliteCreateVersion};
  SqliteStatement current_version_{
      connection_, "UPDATE projects SET current_version = ?3 WHERE id = ?1 AND user_id = ?2"};
  SqliteStatement document_{connection_, kSqliteCreateDocument};
  SqliteStatement revision_{connection_, kSqliteAppendRevision};
  SqliteStatement section_{
      connection_,
      "INSERT INTO document_sections (document, rev, number, body_md, embedding) "
      "SELECT d.number, ?3, ?4, ?5, CAST(?6 AS BLOB) "
      "FROM documents d JOIN projects p ON p.number = d.project "
      "WHERE d.id = ?1 AND p.user_id = ?2 RETURNING number"};
  SqliteStatement task_{
      connection_,
      "INSERT INTO tasks (id, project, phase, created_at, title, description) "
      "SELECT ?1, p.number, ?4, ?5, ?6, ?7 FROM projects p WHERE p.id = ?2 AND p.user_id = ?3 "
      "RETURNING phase"};
  SqliteStatement activity_{
      connection_,
      "INSERT INTO task_activity (task_id, number, is_completed, created_at) "
      "SELECT t.id, (SELECT coalesce(max(a.number), 0) + 1 FROM task_activity a "
      "WHERE a.task_id = t.id), ?3, ?4 FROM tasks t JOIN projects p ON p.number = t.project "
      "WHERE t.id = ?1 AND p.user_id = ?2 RETURNING number"};
  SqliteStatement chat_{connection_, kSqliteCreateSession};
  SqliteStatement message_{connection_, kSqliteAppendMessage};
  // The allowance is renewed when its month is over, and goes before what was bought.
  SqliteStatement spend_{
      connection_,
      "UPDATE chat_credits SET "
      "remaining = max(iif(reset_at <= ?2, iif(remaining IS NULL, NULL, allowance), remaining) - 1,"
      " 0), "
      "granted = granted - (iif(reset_at <= ?2, allowance, remaining) IS 0), "
      "reset_at = iif(reset_at <= ?2, ?3, reset_at) "
      "WHERE user_id = ?1 AND (remaining IS NULL OR granted > 0 "
      "OR iif(reset_at <= ?2, allowance, remaining) > 0) RETURNING granted"};
  SqliteStatement event_{connection_, kSqliteAppendEvent};
  SqliteStatement integration_{
      connection_,
      "INSERT INTO integrations (user_id, id, rev, type, metadata, created_at) VALUES (?1, ?2, "
      "(SELECT coalesce(max(rev), 0) + 1 FROM integrations WHERE user_id = ?1 AND id = ?2), "
      "?3, nullif(?4, ''), ?5)"};
};

}  // namespace

std::unique_ptr<ProductSink> make_sqlite_sink(SqliteShare& share) {
  return std::make_unique<SqliteSink>(share);
}

}  // namespace bcstore::bench
