// PostgreSQL with the tables and the row-level security of the system that bcstore takes the place
// of, over a socket in the file system, by statements that are prepared once for each connection.
// A call is one round trip: who asks (set_config, within the transaction) and what is asked travel
// together, and the transaction ends with the message.
//
// Durable is synchronous_commit = on, relaxed off. Three quarters of the budget are shared buffers.
#include <fmt/core.h>

#include <atomic>
#include <optional>
#include <utility>

#include "catalogue.h"
#include "engine.h"
#include "failure.h"
#include "peer.h"
#include "postgres_cluster.h"
#include "postgres_schema.h"
#include "postgres_workers.h"

namespace bcstore::bench {
namespace {

class PostgresChatWorker : public ChatWorker {
 public:
  PostgresChatWorker(const PostgresShare& share, Mode mode)
      : population_(share.population), session_(share, mode) {
    session_.prepare("append", kPostgresAppendMessage);
    session_.prepare("last", kPostgresLastMessages);
    session_.prepare("seq", "SELECT last_seq FROM chat_sessions WHERE id = $1::uuid");
    session_.begin();
  }

  uint64_t append_message(const Message& message) override {
    const PostgresRows rows = session_.call(owner_of(message.session), "append",
                                            PostgresValues()
                                                .add(population_.session_id(message.session))
                                                .add_int2(message.role)
                                                .add_int4(message.token_count)
                                                .add_time(message.created_at_us)
                                                .add(message.content));
    if (rows.count() != 1) throw Failure("postgres: no such session");
    return static_cast<uint64_t>(rows.number(0, 0));
  }

  // Without waiting for each, and in one transaction; a batch whose answers fit the socket.
  void append_all(std::span<const Message> messages) override {
    PostgresConnection& connection = session_.connection();
    for (const Message& message : messages) {
      session_.act_as(owner_of(message.session));
      connection.send("append", PostgresValues()
                                    .add(population_.session_id(message.session))
                                    .add_int2(message.role)
                                    .add_int4(message.token_count)
                                    .add_time(message.created_at_us)
                                    .add(message.content));
    }
    connection.sync();
    for (size_t i = 0; i < messages.size(); ++i) {
      connection.receive();
      if (connection.receive().count() != 1) throw Failure("postgres: no such session");
    }
    connection.receive_sync();
  }

  void last_messages(uint32_t session, uint32_t count, Fold* fold) override {
    fold_messages(session_.call(owner_of(session), "last",
                                PostgresValues()
                                    .add(population_.session_id(session))
                                    .add_int4(static_cast<int32_t>(count))),
                  fold);
  }

  uint64_t last_seq(uint32_t session) override {
    const PostgresRows rows = session_.call(owner_of(session), "seq",
                                            PostgresValues().add(population_.session_id(session)));
    if (rows.count() != 1) throw Failure("postgres: no such session");
    return static_cast<uint64_t>(rows.number(0, 0));
  }

 private:
  RawId owner_of(uint32_t session) const {
    return population_.user_id(population_.owner_of(session));
  }

  Population population_;
  PostgresSession session_;
};

class PostgresCreditWorker : public CreditWorker {
 public:
  PostgresCreditWorker(const PostgresShare& share, Mode mode)
      : population_(share.population), session_(share, mode) {
    session_.prepare("consume", "SELECT consume_chat_credit($1::uuid)");
    session_.prepare("remaining", "SELECT remaining FROM chat_credits WHERE user_id = $1::uuid");
    session_.begin();
  }

  uint64_t consume(uint32_t user) override { return call("consume", user); }
  uint64_t remaining(uint32_t user) override { return call("remaining", user); }

 private:
  uint64_t call(const char* name, uint32_t user) {
    const RawId id = population_.user_id(user);
    const PostgresRows rows = session_.call(id, name, PostgresValues().add(id));
    if (rows.count() != 1) throw Failure("postgres: no such credits");
    return static_cast<uint64_t>(rows.number(0, 0));
  }

  Population population_;
  PostgresSession session_;
};

class PostgresDocumentWorker : public DocumentWorker {
 public:
  PostgresDocumentWorker(const PostgresShare& share, Mode mode)
      : population_(share.population), session_(share, mode) {
    session_.prepare("create", kPostgresCreateDocument);
    session_.prepare("append", kPostgresAppendRevision);
    session_.prepare("newest",
                     "SELECT r.rev, r.content FROM documents d JOIN document_revisions r "
                     "ON r.document_id = d.id AND r.rev = d.current_rev WHERE d.id = $1::uuid");
    session_.begin();
  }

  void create_document(uint32_t document) override {
    session_.call(population_.user_id(document), "create",
                  PostgresValues()
                      .add(population_.document_id(document))
                      .add(population_.project_id(document))
                      .add_int4(1)
                      .add_int2(kBenchSection)
                      .add_time(now_us()));
  }

  uint32_t append_revision(uint32_t document, std::string_view json) override {
    const PostgresRows rows = session_.call(
        population_.user_id(document), "append",
        PostgresValues().add(population_.document_id(document)).add(json).add_time(now_us()));
    if (rows.count() != 1) throw Failure("postgres: no such document");
    return static_cast<uint32_t>(rows.number(0, 0));
  }

  void newest_revision(uint32_t document, Fold* fold) override {
    const PostgresRows rows =
        session_.call(population_.user_id(document), "newest",
                      PostgresValues().add(population_.document_id(document)));
    for (int row = 0; row < rows.count(); ++row) {
      fold->number(static_cast<uint64_t>(rows.number(row, 0)));
      fold->text(rows.text(row, 1));
      fold->row();
    }
  }

 private:
  Population population_;
  PostgresSession session_;
};

class PostgresEngine : public Engine {
 public:
  std::string_view name() const override { return "postgres"; }
  std::string describe() const override {
    return fmt::format(
        "PostgreSQL from {}, row-level security by joins, a connection a thread, prepared "
        "statements, one round trip a call (synchronous_commit on: durable, off: relaxed)",
        postgres_programs());
  }

  void open(const EngineSettings& settings) override {
    share_.population = settings.population;
    cluster_.emplace(settings.directory, settings.memory_budget_bytes);
    share_.host = cluster_->host();
    PostgresConnection owner(share_.host, PostgresCluster::kOwner, Mode::durable);
    owner.prepare("schema", "SELECT to_regclass('chat_turns_are_ready') IS NOT NULL");
    owner.begin_pipeline();
    owner.send("schema");
    owner.sync();
    const bool is_ready = owner.receive().number(0, 0) != 0;
    owner.receive_sync();
    if (!is_ready) make_schema();
  }

  void create() override;

  double outside_cpu_s() override { return cluster_ ? cluster_->cpu_s() : 0; }

  // Statistics are gathered first, as a running system has them: a plan that is made once should
  // know how large the tables are.
  void close() override {
    if (!cluster_) return;
    std::string failure = std::move(share_.sink_failure);
    share_.sink_failure.clear();
    if (was_written_) {
      was_written_ = false;
      try {
        analyze();
      } catch (const Failure& cause) {
        if (failure.empty()) failure = cause.what();
      }
    }
    cluster_.reset();
    if (!failure.empty()) throw Failure(failure);
  }

  std::unique_ptr<ChatWorker> chat_worker(Mode mode) override {
    return begun(), std::make_unique<PostgresChatWorker>(share_, mode);
  }
  std::unique_ptr<CreditWorker> credit_worker(Mode mode) override {
    return begun(), std::make_unique<PostgresCreditWorker>(share_, mode);
  }
  std::unique_ptr<DocumentWorker> document_worker(Mode mode) override {
    return begun(), std::make_unique<PostgresDocumentWorker>(share_, mode);
  }
  std::unique_ptr<ProjectWorker> project_worker() override {
    return begun(), make_postgres_project_worker(share_);
  }
  std::unique_ptr<TurnWorker> turn_worker(Mode mode) override {
    return begun(), make_postgres_turn_worker(share_, mode);
  }
  std::unique_ptr<UpkeepWorker> upkeep_worker() override {
    return begun(), make_postgres_upkeep_worker(share_);
  }
  std::unique_ptr<ProductSink> product_sink() override {
    return begun(), make_postgres_sink(share_);
  }

 private:
  // A sink ends in a destructor, so that what it has to complain about is told here.
  void begun() {
    was_written_ = true;
    if (!share_.sink_failure.empty()) throw Failure(share_.sink_failure);
  }

  void make_schema() {
    PostgresConnection owner(share_.host, PostgresCluster::kOwner, Mode::relaxed);
    owner.execute(fmt::format("CREATE ROLE {} LOGIN NOBYPASSRLS", kPostgresApplication));
    owner.execute(kPostgresTables);
    owner.execute(kPostgresPolicies);
    owner.execute(kPostgresFunctions);
    owner.execute("CREATE VIEW chat_turns_are_ready AS SELECT 1 AS yes");
  }

  void analyze() {
    PostgresConnection(share_.host, PostgresCluster::kOwner, Mode::relaxed).execute("ANALYZE");
  }

  PostgresShare share_;
  std::optional<PostgresCluster> cluster_;
  std::atomic<bool> was_written_{false};
};

// By the owner, whom no policy holds, many users to a transaction.
void PostgresEngine::create() {
  constexpr uint32_t kUsersAtOnce = 20;
  const Population& population = share_.population;
  PostgresConnection owner(share_.host, PostgresCluster::kOwner, Mode::relaxed);
  owner.prepare("user", kPostgresCreateUser);
  owner.prepare("credits",
                "INSERT INTO chat_credits (user_id, remaining) VALUES ($1::uuid, $2::int)");
  owner.prepare("project", kPostgresCreateProject);
  owner.prepare("version", kPostgresCreateVersion);
  owner.prepare("session", kPostgresCreateSession);
  owner.begin_pipeline();
  size_t calls = 0;
  for (uint32_t i = 0; i < population.users; ++i) {
    const RawId user = population.user_id(i);
    const RawId project = population.project_id(i);
    const std::string email = fmt::format("user{}@example.com", i);
    owner.send("user", PostgresValues().add(user).add(email).add_null().add_null().add_time(
                           kFirstInstantUs));
    owner.send("credits", PostgresValues().add(user).add_int4(kBenchCredits));
    owner.send("project", PostgresValues()
                              .add(project)
                              .add(user)
                              .add(kProjectName)
                              .add(kProjectPrompt)
                              .add_time(kFirstInstantUs));
    owner.send("version", PostgresValues().add(project).add_int4(1).add("first").add(user).add_time(
                              kFirstInstantUs));
    for (uint32_t k = 0; k < population.sessions_per_user; ++k) {
      const RawId session = population.session_id(i * population.sessions_per_user + k);
      owner.send("session", PostgresValues().add(session).add(project).add_time(kFirstInstantUs));
    }
    calls += 4 + population.sessions_per_user;
    if (i % kUsersAtOnce == kUsersAtOnce - 1 || i + 1 == population.users) {
      owner.sync();
      owner.receive_all(std::exchange(calls, 0));
    }
  }
  if (population.users > 0) analyze();
}

}  // namespace

std::unique_ptr<Engine> make_postgres_engine() { return std::make_unique<PostgresEngine>(); }

}  // namespace bcstore::bench
