// A generated product into the PostgreSQL engine's tables, as the application's role, relaxed. Each
// thing that happens is a transaction; they are sent on without waiting for the answers.
#include <utility>

#include "failure.h"
#include "peer.h"
#include "postgres_cluster.h"
#include "postgres_workers.h"

namespace bcstore::bench {
namespace {

// Answers that are waited for at once: few enough to fit the socket's buffer.
constexpr size_t kMostUnderWay = 64;

class PostgresSink : public ProductSink {
 public:
  explicit PostgresSink(PostgresShare& share)
      : share_(share),
        session_(share, Mode::relaxed),
        owner_(share.host, PostgresCluster::kOwner, Mode::relaxed) {
    prepare_ownership();
    prepare_rows();
    session_.begin();
    owner_.begin_pipeline();
  }
  PostgresSink(const PostgresSink&) = delete;
  PostgresSink& operator=(const PostgresSink&) = delete;
  ~PostgresSink() override {
    try {
      drain();
      PostgresConnection(share_.host, PostgresCluster::kOwner, Mode::relaxed).execute("ANALYZE");
    } catch (const Failure& failure) {
      share_.sink_failure = failure.what();
    }
  }

  // A service's work, as are grants.
  void sign_up(const Happening& when, const SignUp& user) override {
    PostgresValues row;
    row.add(when.user).add(user.email);
    user.full_name ? row.add(*user.full_name) : row.add_null();
    user.stripe_customer_id ? row.add(*user.stripe_customer_id) : row.add_null();
    row.add_time(when.at_us);
    owner_.send("user", row);
    owner_.send("credits", PostgresValues()
                               .add(when.user)
                               .add_bool(user.is_unlimited)
                               .add_int4(user.allowance)
                               .add_time(user.resets_at_us));
    owner_.sync();
    owner_.receive_all(2);
  }
  void grant(const Happening& when, int32_t credits) override {
    drain();
    owner_.send("grant", PostgresValues().add(when.user).add_int4(credits));
    owner_.sync();
    owner_.receive_all(1);
  }
  void project(const Happening& when, const RawId& id, std::string_view name,
               std::string_view prompt) override {
    begin(when);
    add("project",
        PostgresValues().add(id).add(when.user).add(name).add(prompt).add_time(when.at_us));
    add("version",
        PostgresValues().add(id).add_int4(1).add("first").add(when.user).add_time(when.at_us));
    end();
  }
  void version(const Happening& when, const RawId& project, uint32_t version,
               std::string_view note) override {
    begin(when);
    add("version", PostgresValues()
                       .add(project)
                       .add_int4(static_cast<int32_t>(version))
                       .add(note)
                       .add(when.user)
                       .add_time(when.at_us));
    end();
  }
  void document(const Happening& when, const RawId& id, const RawId& project, uint32_t version,
                uint8_t section) override {
    begin(when);
    add("document", PostgresValues()
                        .add(id)
                        .add(project)
                        .add_int4(static_cast<int32_t>(version))
                        .add_int2(section)
                        .add_time(when.at_us));
    end();
  }
  void revision(const Happening& when, const RawId& document, uint32_t,
                std::string_view json) override {
    begin(when);
    add("revision", PostgresValues().add(document).add(json).add_time(when.at_us));
    end();
  }
  void sections(const Happening& when, const RawId& document, uint32_t rev,
                std::span<const Section> sections) override {
    begin(when);
    for (const Section& section : sections) {
      const std::string_view floats(reinterpret_cast<const char*>(section.embedding.data()),
                                    section.embedding.size_bytes());
      add("section", PostgresValues()
                         .add(document)
                         .add_int4(static_cast<int32_t>(rev))
                         .add_int4(static_cast<int32_t>(section.number))
                         .add(section.body)
                         .add(floats));
    }
    end();
  }
  void task(const Happening& when, const RawId& id, const RawId& project, int32_t phase,
            std::string_view title, std::string_view description) override {
    begin(when);
    add("task", PostgresValues()
                    .add(id)
                    .add(project)
                    .add_int4(phase)
                    .add(title)
                    .add(description)
                    .add_time(when.at_us));
    end();
  }
  void activity(const Happening& when, const RawId& task, bool completes) override {
    begin(when);
    add("activity",
        PostgresValues().add(task).add(when.user).add_bool(completes).add_time(when.at_us));
    end();
  }
  void chat(const Happening& when, const RawId& id, const RawId& project) override {
    begin(when);
    add("chat", PostgresValues().add(id).add(project).add_time(when.at_us));
    end();
  }
  void message(const Happening& when, const Turn& turn) override {
    begin(when);
    if (turn.role == 1) {
      add("spend",
          PostgresValues().add(when.user).add_time(when.at_us).add_time(next_month_us(when.at_us)));
    }
    add("message", PostgresValues()
                       .add(turn.session)
                       .add_int2(turn.role)
                       .add_int4(turn.token_count)
                       .add_time(when.at_us)
                       .add(turn.content));
    end();
  }
  void event(const Happening& when, const RawId&, std::string_view type,
             std::string_view payload) override {
    begin(when);
    add("event", PostgresValues().add(when.user).add(type).add(payload).add_time(when.at_us));
    end();
  }
  void integration(const Happening& when, const RawId& id, uint8_t type,
                   std::optional<std::string_view> metadata) override {
    PostgresValues row;
    row.add(id).add(when.user).add_int2(type);
    metadata ? row.add(*metadata) : row.add_null();
    row.add_time(when.at_us);
    begin(when);
    add("integration", row);
    end();
  }

 private:
  void prepare_ownership() {
    owner_.prepare("user", kPostgresCreateUser);
    owner_.prepare("credits",
                   "INSERT INTO chat_credits (user_id, remaining, allowance, reset_at) VALUES "
                   "($1::uuid, CASE WHEN $2::boolean THEN NULL ELSE $3::int END, $3::int, "
                   "$4::timestamptz)");
    owner_.prepare("grant",
                   "UPDATE chat_credits SET granted = granted + $2::int WHERE user_id = $1::uuid");
    session_.prepare("project", kPostgresCreateProject);
    session_.prepare("version", kPostgresCreateVersion);
    session_.prepare("document", kPostgresCreateDocument);
    session_.prepare("chat", kPostgresCreateSession);
    session_.prepare("spend",
                     "SELECT consume_plan_credit($1::uuid, $2::timestamptz, $3::timestamptz)");
  }
  void prepare_rows() {
    session_.prepare("revision", kPostgresAppendRevision);
    session_.prepare("message", kPostgresAppendMessage);
    session_.prepare("section",
                     "INSERT INTO document_sections (document_id, rev, block_id, body_md, "
                     "embedding) VALUES ($1::uuid, $2::int, $3::int, $4::text, $5::bytea)");
    session_.prepare("task",
                     "INSERT INTO tasks (id, project_id, phase, title, description, created_at) "
                     "VALUES ($1::uuid, $2::uuid, $3::int, $4::text, $5::text, $6::timestamptz)");
    session_.prepare("activity",
                     "INSERT INTO task_activity (task_id, number, user_id, action, created_at) "
                     "VALUES ($1::uuid, (SELECT coalesce(max(a.number), 0) + 1 FROM task_activity "
                     "a WHERE a.task_id = $1::uuid), $2::uuid, "
                     "CASE WHEN $3::boolean THEN 'complete' ELSE 'reopen' END, $4::timestamptz)");
    session_.prepare("event",
                     "INSERT INTO events (user_id, event_type, payload, created_at) "
                     "VALUES ($1::uuid, $2::text, $3::json, $4::timestamptz)");
    session_.prepare("integration",
                     "INSERT INTO integrations (id, rev, user_id, type, metadata, created_at) "
                     "VALUES ($1::uuid, (SELECT coalesce(max(i.rev), 0) + 1 FROM integrations i "
                     "WHERE i.id = $1::uuid), $2::uuid, $3::smallint, $4::json, $5::timestamptz)");
  }

  void begin(const Happening& when) {
    session_.act_as(when.user);
    calls_ = 1;
  }
  void add(const char* name, const PostgresValues& values) {
    session_.connection().send(name, values);
    ++calls_;
  }
  void end() {
    session_.connection().sync();
    under_way_.push_back(calls_);
    if (under_way_.size() >= kMostUnderWay) drain();
  }
  void drain() {
    for (const size_t calls : std::exchange(under_way_, {})) {
      session_.connection().receive_all(calls);
    }
  }

  PostgresShare& share_;
  PostgresSession session_;
  PostgresConnection owner_;
  size_t calls_ = 0;
  std::vector<size_t> under_way_;
};

}  // namespace

std::unique_ptr<ProductSink> make_postgres_sink(PostgresShare& share) {
  return std::make_unique<PostgresSink>(share);
}

}  // namespace bcstore::bench
