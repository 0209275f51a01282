// The workers of the SQLite engine. Each has a connection of its own.
#pragma once

#include <memory>
#include <mutex>

#include "engine.h"
#include "sqlite_connection.h"

namespace bcstore::bench {

// What an open engine's workers share.
struct SqliteShare {
  SqlitePlace place;
  Population population;
  // Writers of one process queue here, in the order of the lock, instead of sleeping and asking
  // again as SQLite's busy handler does: that costs them nothing and saves the sleeps.
  std::mutex writers;
};

std::unique_ptr<ProjectWorker> make_sqlite_project_worker(SqliteShare& share);
std::unique_ptr<TurnWorker> make_sqlite_turn_worker(SqliteShare& share, Mode mode);
std::unique_ptr<UpkeepWorker> make_sqlite_upkeep_worker(SqliteShare& share);
std::unique_ptr<ProductSink> make_sqlite_sink(SqliteShare& share);

// Appends to a session if it is the user's: ?1 the session's id, ?2 the user's, ?3 the time, ?4 the
// role, ?5 tokens, ?6 content. The next number is found where the new row will lie.
inline constexpr std::string_view kSqliteAppendMessage =
    "INSERT INTO chat_messages (id, created_at, role, token_count, content) "
    "SELECT coalesce((SELECT max(m.id) FROM chat_messages m "
    "WHERE m.id > s.number << 32 AND m.id < s.number + 1 << 32), s.number << 32) + 1, "
    "?3, ?4, ?5, ?6 "
    "FROM chat_sessions s JOIN projects p ON p.number = s.project "
    "WHERE s.id = ?1 AND p.user_id = ?2 RETURNING id & 0xffffffff";
// The newest first, of a session of the user: ?1 the session's id, ?2 the user's, ?3 how many.
inline constexpr std::string_view kSqliteLastMessages =
    "SELECT m.id & 0xffffffff, m.role, m.token_count, m.created_at, m.content "
    "FROM chat_sessions s JOIN projects p ON p.number = s.project "
    "JOIN chat_messages m ON m.id > s.number << 32 AND m.id < s.number + 1 << 32 "
    "WHERE s.id = ?1 AND p.user_id = ?2 ORDER BY m.id DESC LIMIT ?3";
// ?1 the document's id, ?2 the user's, ?3 the time, ?4 the content.
inline constexpr std::string_view kSqliteAppendRevision =
    "INSERT INTO document_revisions (id, created_at, content) "
    "SELECT coalesce((SELECT max(r.id) FROM document_revisions r "
    "WHERE r.id > d.number << 32 AND r.id < d.number + 1 << 32), d.number << 32) + 1, ?3, ?4 "
    "FROM documents d JOIN projects p ON p.number = d.project "
    "WHERE d.id = ?1 AND p.user_id = ?2 RETURNING id & 0xffffffff";
// ?1 the document's id, ?2 the project's, ?3 the user's, ?4 version, ?5 section, ?6 time.
inline constexpr std::string_view kSqliteCreateDocument =
    "INSERT INTO documents (id, project, version, section, created_at) "
    "SELECT ?1, p.number, ?4, ?5, ?6 FROM projects p WHERE p.id = ?2 AND p.user_id = ?3 "
    "RETURNING number";
inline constexpr std::string_view kSqliteCreateUser =
    "INSERT INTO users (id, email, full_name, stripe_customer_id, created_at) "
    "VALUES (?1, ?2, nullif(?3, ''), nullif(?4, ''), ?5)";
inline constexpr std::string_view kSqliteCreateProject =
    "INSERT INTO projects (id, user_id, name, idea_prompt, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
// ?1 the project's id, ?2 the user's, ?3 version, ?4 note, ?5 time.
inline constexpr std::string_view kSqliteCreateVersion =
    "INSERT INTO project_versions (project, version, change_note, created_at) "
    "SELECT p.number, ?3, ?4, ?5 FROM projects p WHERE p.id = ?1 AND p.user_id = ?2 "
    "RETURNING version";
// ?1 the session's id, ?2 the project's, ?3 the user's, ?4 time.
inline constexpr std::string_view kSqliteCreateSession =
    "INSERT INTO chat_sessions (id, project, started_at) "
    "SELECT ?1, p.number, ?4 FROM projects p WHERE p.id = ?2 AND p.user_id = ?3 RETURNING number";
// Numbered within the user: ?1 the user's id, ?2 type, ?3 payload, ?4 time.
inline constexpr std::string_view kSqliteAppendEvent =
    "INSERT INTO events (user_id, number, event_type, payload, created_at) VALUES (?1, "
    "(SELECT coalesce(max(number), 0) + 1 FROM events WHERE user_id = ?1), ?2, ?3, ?4)";
// A credit less, if there is one; unlimited stays null. ?1 the user's id.
inline constexpr std::string_view kSqliteConsume =
    "UPDATE chat_credits SET remaining = remaining - 1 "
    "WHERE user_id = ?1 AND (remaining > 0 OR remaining IS NULL) RETURNING remaining";

}  // namespace bcstore::bench
