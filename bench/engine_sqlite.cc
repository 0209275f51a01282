// SQLite in WAL mode; synchronous = FULL is durable, NORMAL relaxed. One connection a worker, every
// statement prepared once; writers queue in the process. Ownership is part of each statement.
//
// Layout: rows of a session and of a document lie together and in order, which is what "the last
// 50" and "the newest" ask for. Their tables are b-trees by a 64-bit rowid that holds the parent's
// number above the own one (32 bits each): a leaf of such a table takes texts of nearly a page,
// where WITHOUT ROWID spills every text above a quarter of a page into a page of its own, and a
// table in the order of arrival with an index costs one look-up a row. Small rows (activities,
// ledger, events, credits) and tasks, which are read by project and phase, are WITHOUT ROWID.
#include <fmt/core.h>

#include <string>

#include "catalogue.h"
#include "engine.h"
#include "failure.h"
#include "peer.h"
#include "sqlite_workers.h"

namespace bcstore::bench {
namespace {

constexpr const char* kSchema = R"(
CREATE TABLE users (
  id BLOB PRIMARY KEY, email TEXT NOT NULL UNIQUE, full_name TEXT, stripe_customer_id TEXT,
  created_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE projects (
  number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, user_id BLOB NOT NULL REFERENCES users (id),
  name TEXT NOT NULL, idea_prompt TEXT NOT NULL, current_version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL);
CREATE INDEX projects_of_user ON projects (user_id);
CREATE TABLE project_versions (
  project INTEGER REFERENCES projects (number), version INTEGER, change_note TEXT,
  created_at INTEGER NOT NULL, PRIMARY KEY (project, version)) WITHOUT ROWID;
CREATE TABLE documents (
  number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE,
  project INTEGER NOT NULL REFERENCES projects (number), version INTEGER NOT NULL,
  section INTEGER NOT NULL CHECK (section BETWEEN 1 AND 5), created_at INTEGER NOT NULL,
  UNIQUE (project, version, section));
CREATE TABLE document_revisions (  -- id: documents.number << 32 | rev
  id INTEGER PRIMARY KEY, created_at INTEGER NOT NULL, content TEXT NOT NULL);
CREATE TABLE document_sections (
  document INTEGER NOT NULL REFERENCES documents (number), rev INTEGER NOT NULL,
  number INTEGER NOT NULL, body_md TEXT, embedding BLOB, PRIMARY KEY (document, rev, number));
CREATE TABLE tasks (
  project INTEGER NOT NULL REFERENCES projects (number), phase INTEGER NOT NULL,
  created_at INTEGER NOT NULL, id BLOB NOT NULL UNIQUE, title TEXT, description TEXT,
  PRIMARY KEY (project, phase, created_at, id)) WITHOUT ROWID;
CREATE TABLE task_activity (
  task_id BLOB NOT NULL REFERENCES tasks (id), number INTEGER NOT NULL,
  is_completed INTEGER NOT NULL, created_at INTEGER NOT NULL,
  PRIMARY KEY (task_id, number)) WITHOUT ROWID;
CREATE TABLE chat_sessions (
  number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE,
  project INTEGER NOT NULL REFERENCES projects (number), started_at INTEGER NOT NULL);
CREATE INDEX chat_sessions_of_project ON chat_sessions (project);
CREATE TABLE chat_messages (  -- id: chat_sessions.number << 32 | sequence
  id INTEGER PRIMARY KEY, created_at INTEGER NOT NULL,
  role INTEGER NOT NULL CHECK (role IN (1, 2)), token_count INTEGER NOT NULL,
  content TEXT NOT NULL);
CREATE TABLE chat_credits (  -- remaining null: unlimited
  user_id BLOB PRIMARY KEY REFERENCES users (id), remaining INTEGER,
  granted INTEGER NOT NULL DEFAULT 0, allowance INTEGER NOT NULL DEFAULT 0,
  reset_at INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE credit_ledger (
  user_id BLOB NOT NULL, number INTEGER NOT NULL, spent INTEGER NOT NULL, remaining INTEGER,
  created_at INTEGER NOT NULL, PRIMARY KEY (user_id, number)) WITHOUT ROWID;
CREATE TABLE events (
  user_id BLOB NOT NULL, number INTEGER NOT NULL, event_type TEXT NOT NULL, payload TEXT,
  created_at INTEGER NOT NULL, PRIMARY KEY (user_id, number)) WITHOUT ROWID;
CREATE TABLE integrations (
  user_id BLOB NOT NULL, id BLOB NOT NULL, rev INTEGER NOT NULL, type INTEGER NOT NULL,
  metadata TEXT, created_at INTEGER NOT NULL, PRIMARY KEY (user_id, id, rev)) WITHOUT ROWID;
CREATE TABLE idempotency_keys (
  user_id BLOB NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, remaining INTEGER,
  PRIMARY KEY (user_id, key)) WITHOUT ROWID;
)";

class SqliteChatWorker : public ChatWorker {
 public:
  SqliteChatWorker(SqliteShare& share, Mode mode)
      : share_(share),
        connection_(share.place, mode),
        transactions_(connection_),
        append_(connection_, kSqliteAppendMessage),
        last_messages_(connection_, kSqliteLastMessages),
        last_seq_(connection_,
                  "SELECT coalesce((SELECT max(m.id) FROM chat_messages m "
                  "WHERE m.id > s.number << 32 AND m.id < s.number + 1 << 32), 0) & 0xffffffff "
                  "FROM chat_sessions s JOIN projects p ON p.number = s.project "
                  "WHERE s.id = ?1 AND p.user_id = ?2") {}

  uint64_t append_message(const Message& message) override {
    const std::lock_guard turn(share_.writers);
    return append(message);
  }

  void append_all(std::span<const Message> messages) override {
    const std::lock_guard turn(share_.writers);
    transactions_.write([&] {
      for (const Message& message : messages) append(message);
    });
  }

  void last_messages(uint32_t session, uint32_t count, Fold* fold) override {
    const RawId id = share_.population.session_id(session);
    const RawId user = owner_of(session);
    last_messages_.bind(id, user, count);
    while (last_messages_.step()) {
      const SqliteStatement& row = last_messages_;
      fold_message(static_cast<uint64_t>(row.number(0)), static_cast<uint8_t>(row.number(1)),
                   static_cast<uint32_t>(row.number(2)), row.number(3), row.text(4), fold);
    }
  }

  uint64_t last_seq(uint32_t session) override {
    const RawId id = share_.population.session_id(session);
    const RawId user = owner_of(session);
    return static_cast<uint64_t>(last_seq_.bind(id, user).run_for_number());
  }

 private:
  RawId owner_of(uint32_t session) const {
    return share_.population.user_id(share_.population.owner_of(session));
  }

  uint64_t append(const Message& message) {
    const RawId session = share_.population.session_id(message.session);
    const RawId user = owner_of(message.session);
    append_.bind(session, user, time_of(message), uint32_t{message.role}, message.token_count,
                 message.content);
    return static_cast<uint64_t>(append_.run_for_number());
  }

  SqliteShare& share_;
  SqliteConnection connection_;
  SqliteTransactions transactions_;
  SqliteStatement append_, last_messages_, last_seq_;
};

class SqliteCreditWorker : public CreditWorker {
 public:
  SqliteCreditWorker(SqliteShare& share, Mode mode)
      : share_(share),
        connection_(share.place, mode),
        consume_(connection_, kSqliteConsume),
        remaining_(connection_, "SELECT remaining FROM chat_credits WHERE user_id = ?1") {}

  uint64_t consume(uint32_t user) override {
    const RawId id = share_.population.user_id(user);
    consume_.bind(id);
    const std::lock_guard turn(share_.writers);
    return static_cast<uint64_t>(consume_.run_for_number());
  }
  uint64_t remaining(uint32_t user) override {
    const RawId id = share_.population.user_id(user);
    return static_cast<uint64_t>(remaining_.bind(id).run_for_number());
  }

 private:
  SqliteShare& share_;
  SqliteConnection connection_;
  SqliteStatement consume_, remaining_;
};

class SqliteDocumentWorker : public DocumentWorker {
 public:
  SqliteDocumentWorker(SqliteShare& share, Mode mode)
      : share_(share),
        connection_(share.place, mode),
        create_(connection_, kSqliteCreateDocument),
        append_(connection_, kSqliteAppendRevision),
        newest_(connection_,
                "SELECT r.id & 0xffffffff, r.content "
                "FROM documents d JOIN projects p ON p.number = d.project "
                "JOIN document_revisions r ON r.id > d.number << 32 AND r.id < d.number + 1 << 32 "
                "WHERE d.id = ?1 AND p.user_id = ?2 ORDER BY r.id DESC LIMIT 1") {}

  void create_document(uint32_t document) override {
    const Population& population = share_.population;
    const RawId id = population.document_id(document);
    const RawId project = population.project_id(document);
    const RawId user = population.user_id(document);
    create_.bind(id, project, user, 1, uint32_t{kBenchSection}, now_us());
    const std::lock_guard turn(share_.writers);
    create_.run_for_number();
  }

  uint32_t append_revision(uint32_t document, std::string_view json) override {
    const RawId id = share_.population.document_id(document);
    const RawId user = share_.population.user_id(document);
    append_.bind(id, user, now_us(), json);
    const std::lock_guard turn(share_.writers);
    return static_cast<uint32_t>(append_.run_for_number());
  }

  void newest_revision(uint32_t document, Fold* fold) override {
    const RawId id = share_.population.document_id(document);
    const RawId user = share_.population.user_id(document);
    newest_.bind(id, user);
    while (newest_.step()) {
      fold->number(static_cast<uint64_t>(newest_.number(0)));
      fold->text(newest_.text(1));
      fold->row();
    }
  }

 private:
  SqliteShare& share_;
  SqliteConnection connection_;
  SqliteStatement create_, append_, newest_;
};

class SqliteEngine : public Engine {
 public:
  std::string_view name() const override { return "sqlite"; }
  std::string describe() const override {
    return fmt::format(
        "SQLite {} in WAL mode (FULL: durable, NORMAL: relaxed), a connection a thread, prepared "
        "statements, rows clustered by parent, writers queued in the process",
        ::sqlite3_libversion());
  }

  void open(const EngineSettings& settings) override {
    share_.place = {settings.directory + "/bench.sqlite", settings.memory_budget_bytes};
    share_.population = settings.population;
    // Stays until the end, so that the log is not folded in whenever a worker goes.
    keeper_ = std::make_unique<SqliteConnection>(share_.place, Mode::relaxed);
    // SQLite looks at a file only when it is asked for something in it.
    SqliteStatement tables(*keeper_, "SELECT count(*) FROM sqlite_schema");
    if (tables.run_for_number() == 0) make_schema();
  }

  void create() override {
    SqliteTransactions(*keeper_).write([this] {
      SqliteStatement user(*keeper_, kSqliteCreateUser);
      SqliteStatement credits(*keeper_,
                              "INSERT INTO chat_credits (user_id, remaining) VALUES (?1, ?2)");
      SqliteStatement project(*keeper_, kSqliteCreateProject);
      SqliteStatement version(*keeper_, kSqliteCreateVersion);
      SqliteStatement session(*keeper_, kSqliteCreateSession);
      const Population& population = share_.population;
      for (uint32_t i = 0; i < population.users; ++i) {
        const RawId id = population.user_id(i);
        const RawId project_id = population.project_id(i);
        const std::string email = fmt::format("user{}@example.com", i);
        user.bind(id, std::string_view(email), std::string_view(), std::string_view(),
                  kFirstInstantUs)
            .run();
        credits.bind(id, kBenchCredits).run();
        project.bind(project_id, id, kProjectName, kProjectPrompt, kFirstInstantUs).run();
        version.bind(project_id, id, 1, std::string_view("first"), kFirstInstantUs).run();
        for (uint32_t k = 0; k < population.sessions_per_user; ++k) {
          const RawId chat = population.session_id(i * population.sessions_per_user + k);
          session.bind(chat, project_id, id, kFirstInstantUs).run();
        }
      }
    });
  }

  void close() override { keeper_.reset(); }

  std::unique_ptr<ChatWorker> chat_worker(Mode mode) override {
    return std::make_unique<SqliteChatWorker>(share_, mode);
  }
  std::unique_ptr<CreditWorker> credit_worker(Mode mode) override {
    return std::make_unique<SqliteCreditWorker>(share_, mode);
  }
  std::unique_ptr<DocumentWorker> document_worker(Mode mode) override {
    return std::make_unique<SqliteDocumentWorker>(share_, mode);
  }
  std::unique_ptr<ProjectWorker> project_worker() override {
    return make_sqlite_project_worker(share_);
  }
  std::unique_ptr<TurnWorker> turn_worker(Mode mode) override {
    return make_sqlite_turn_worker(share_, mode);
  }
  std::unique_ptr<UpkeepWorker> upkeep_worker() override {
    return make_sqlite_upkeep_worker(share_);
  }
  std::unique_ptr<ProductSink> product_sink() override { return make_sqlite_sink(share_); }

 private:
  void make_schema() {
    SqliteTransactions(*keeper_).write([this] { keeper_->execute(kSchema); });
  }

  SqliteShare share_;
  std::unique_ptr<SqliteConnection> keeper_;
};

}  // namespace

std::unique_ptr<Engine> make_sqlite_engine() { return std::make_unique<SqliteEngine>(); }

}  // namespace bcstore::bench
