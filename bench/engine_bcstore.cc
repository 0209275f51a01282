// bcstore through its public interface, with everything on: ownership, checks, checksums, the
// commit log, history.
#include <bcstore/bcstore.h>
#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "answer.h"
#include "catalogue.h"
#include "engine.h"
#include "failure.h"
#include "generate/play.h"

namespace bcstore::bench {
namespace {

// A handle for each user and the id of each session, as an application would hold them.
struct Handles {
  std::vector<Tenant> tenants;
  std::vector<ChatSessionId> sessions;
  uint32_t sessions_per_user = 1;

  const Tenant& tenant_of(uint32_t session) const { return tenants[session / sessions_per_user]; }
};

void fold_row(const ChatMessage& message, Fold* fold) {
  fold_message(message.seq(), static_cast<uint8_t>(message.role()),
               static_cast<uint32_t>(message.token_count().value_or(0)), message.created_at().us,
               message.content(), fold);
}

class BcstoreChatWorker : public ChatWorker {
 public:
  BcstoreChatWorker(const Handles* handles, PlayedClock* clock, Mode mode)
      : handles_(handles), clock_(clock) {
    options_.durability = mode == Mode::durable ? Durability::durable : Durability::relaxed;
  }

  uint64_t append_message(const Message& message) override {
    if (message.created_at_us != clock_set_us_) {
      clock_set_us_ = message.created_at_us;
      clock_->set(clock_set_us_);
    }
    const Result<uint64_t> seq = handles_->tenant_of(message.session)
                                     .append_message(handles_->sessions[message.session],
                                                     {.role = static_cast<Role>(message.role),
                                                      .content = message.content,
                                                      .token_count = message.token_count},
                                                     options_);
    if (!seq) check(seq.status(), "append_message");
    return *seq;
  }

  void last_messages(uint32_t session, uint32_t count, Fold* fold) override {
    Cursor<ChatMessage> messages = handles_->tenant_of(session).messages(
        handles_->sessions[session], {.newest_first = true, .limit = count});
    while (messages.next()) fold_row(*messages, fold);
    check(messages.status(), "messages");
  }

  uint64_t last_seq(uint32_t session) override {
    return take(handles_->tenant_of(session).last_seq(handles_->sessions[session]), "last_seq");
  }

 private:
  const Handles* handles_;
  PlayedClock* clock_;
  CommitOptions options_;
  int64_t clock_set_us_ = 0;
};

class BcstoreCreditWorker : public CreditWorker {
 public:
  BcstoreCreditWorker(const Handles* handles, Mode mode, uint64_t number)
      : handles_(handles), number_(number) {
    options_.durability = mode == Mode::durable ? Durability::durable : Durability::relaxed;
  }
  // Each with an idempotency key of its own, as a chat turn would have.
  uint64_t consume(uint32_t user) override {
    const std::string key = fmt::format("{}-{}", number_, ++spendings_);
    options_.idempotency_key = key;
    const Result<std::optional<int32_t>> left =
        handles_->tenants[user].consume_credit({}, options_);
    if (!left) check(left.status(), "consume_credit");
    return static_cast<uint64_t>(left->value_or(0));
  }
  uint64_t remaining(uint32_t user) override {
    const Credits credits = take(handles_->tenants[user].credits(), "credits");
    return static_cast<uint64_t>(credits.remaining.value_or(0));
  }

 private:
  const Handles* handles_;
  const uint64_t number_;
  uint64_t spendings_ = 0;
  CommitOptions options_;
};

class BcstoreDocumentWorker : public DocumentWorker {
 public:
  BcstoreDocumentWorker(const Handles* handles, const Population& population, Mode mode)
      : handles_(handles), population_(population) {
    options_.durability = mode == Mode::durable ? Durability::durable : Durability::relaxed;
  }

  void create_document(uint32_t document) override {
    take(handles_->tenants[document].create_document(
             ProjectId(Uuid{population_.project_id(document)}),
             {.section = Section::prd, .id = id_of(document)}, options_),
         "create_document");
  }

  uint32_t append_revision(uint32_t document, std::string_view json) override {
    return take(
        handles_->tenants[document].add_revision(id_of(document), {.content = json}, options_),
        "add_revision");
  }

  void newest_revision(uint32_t document, Fold* fold) override {
    const Revision revision =
        take(handles_->tenants[document].newest_revision(id_of(document)), "newest_revision");
    fold->number(revision.rev());
    fold->text(take(revision.content(), "content"));
    fold->row();
  }

 private:
  DocumentId id_of(uint32_t document) const {
    return DocumentId(Uuid{population_.document_id(document)});
  }
  const Handles* handles_;
  Population population_;
  CommitOptions options_;
};

class BcstoreProjectWorker : public ProjectWorker {
 public:
  BcstoreProjectWorker(const Handles* handles, const Population& population)
      : handles_(handles), population_(population) {}

  void newest_documents(uint32_t project, Fold* fold) override { documents(project, {}, fold); }
  void tasks(uint32_t project, Fold* fold) override { tasks(project, nullptr, fold); }

  void context(uint32_t project, uint32_t messages, Fold* fold) override {
    const Tenant& tenant = handles_->tenants[project];
    const Snapshot now = take(tenant.snapshot(), "snapshot");
    const Project head = take(tenant.project(id_of(project), {.snapshot = &now}), "project");
    fold_project(head.name(), head.idea_prompt(), head.current_version(), fold);
    documents(project, {.snapshot = &now}, fold);
    tasks(project, &now, fold);
    Cursor<ChatMessage> last =
        tenant.messages(handles_->sessions[project * population_.sessions_per_user],
                        {.newest_first = true, .limit = messages, .snapshot = &now});
    while (last.next()) fold_row(*last, fold);
    check(last.status(), "messages");
  }

 private:
  ProjectId id_of(uint32_t project) const {
    return ProjectId(Uuid{population_.project_id(project)});
  }
  void documents(uint32_t project, const ReadOptions& read, Fold* fold) {
    const Tenant& tenant = handles_->tenants[project];
    for (const Document& document :
         take(tenant.latest_documents(id_of(project), read), "latest_documents")) {
      const Revision revision =
          take(tenant.newest_revision(document.id(), read), "newest_revision");
      fold_document(static_cast<uint8_t>(document.section()), revision.rev(),
                    take(revision.content(), "content"), fold);
    }
  }
  void tasks(uint32_t project, const Snapshot* snapshot, Fold* fold) {
    Cursor<Task> tasks = handles_->tenants[project].tasks(id_of(project), {.snapshot = snapshot});
    while (tasks.next()) {
      fold_task(tasks->phase().value_or(0), tasks->state() == TaskState::complete, tasks->title(),
                tasks->description(), fold);
    }
    check(tasks.status(), "tasks");
  }

  const Handles* handles_;
  Population population_;
};

// A turn as the generated product plays it, and an event.
class BcstoreTurnWorker : public TurnWorker {
 public:
  BcstoreTurnWorker(const Handles* handles, Mode mode) : handles_(handles) {
    options_.durability = mode == Mode::durable ? Durability::durable : Durability::relaxed;
  }
  Turned turn(const Message& message, std::string_view key) override {
    const Tenant& tenant = handles_->tenant_of(message.session);
    options_.idempotency_key = key;
    WriteBatch batch = tenant.batch();
    batch.append_message(handles_->sessions[message.session],
                         {.role = static_cast<Role>(message.role),
                          .content = message.content,
                          .token_count = message.token_count});
    batch.consume_credit({});
    batch.append_event({.type = "chat.turn", .payload = "{\"ok\":true}"});
    const Receipt receipt = take(tenant.commit(batch, options_), "commit of a turn");
    return {receipt.operations[0].number, receipt.operations[1].number};
  }

 private:
  const Handles* handles_;
  CommitOptions options_;
};

class BcstoreEngine : public Engine {
 public:
  std::string_view name() const override { return "bcstore"; }
  std::string describe() const override { return "the public interface, everything on"; }

  void open(const EngineSettings& settings) override {
    population_ = settings.population;
    Options options;
    options.memory_budget_bytes = settings.memory_budget_bytes;
    options.clock = clock_;
    options.initial_credits = kBenchCredits;
    store_.emplace(take(Store::open(settings.directory, options), "open"));
    make_handles();
  }

  void create() override {
    clock_->set(kFirstInstantUs);
    const Service signup = store_->service("benchmark");
    for (uint32_t user = 0; user < population_.users; ++user) create_user(signup, user);
    clock_->set(0);
  }

  void close() override {
    if (!store_) return;
    handles_ = Handles{};
    const Status closed = store_->close();
    store_.reset();
    check(closed, "close");
  }

  std::unique_ptr<ChatWorker> chat_worker(Mode mode) override {
    clock_->set(0);
    return std::make_unique<BcstoreChatWorker>(&handles_, clock_.get(), mode);
  }

  std::unique_ptr<CreditWorker> credit_worker(Mode mode) override {
    clock_->set(0);
    return std::make_unique<BcstoreCreditWorker>(&handles_, mode, ++credit_workers_);
  }

  std::unique_ptr<DocumentWorker> document_worker(Mode mode) override {
    clock_->set(0);
    return std::make_unique<BcstoreDocumentWorker>(&handles_, population_, mode);
  }

  std::unique_ptr<ProjectWorker> project_worker() override {
    return std::make_unique<BcstoreProjectWorker>(&handles_, population_);
  }

  std::unique_ptr<TurnWorker> turn_worker(Mode mode) override {
    clock_->set(0);
    return std::make_unique<BcstoreTurnWorker>(&handles_, mode);
  }

  std::unique_ptr<ProductSink> product_sink() override {
    return std::make_unique<Player>(*store_, *clock_);
  }

  void compact() override { check(store_->compact(), "compact"); }

  std::string remark() override {
    const StoreStats stats = store_->stats();
    const double commits = static_cast<double>(std::max<uint64_t>(stats.commits, 1));
    return fmt::format("{} commits since open, {:.3f} groups and {:.3f} syncs a commit",
                       stats.commits, static_cast<double>(stats.groups) / commits,
                       static_cast<double>(stats.syncs) / commits);
  }

 private:
  void make_handles() {
    handles_ = Handles{};
    handles_.sessions_per_user = population_.sessions_per_user;
    for (uint32_t user = 0; user < population_.users; ++user) {
      handles_.tenants.push_back(store_->tenant(UserId(Uuid{population_.user_id(user)})));
    }
    for (uint32_t session = 0; session < population_.sessions(); ++session) {
      handles_.sessions.emplace_back(Uuid{population_.session_id(session)});
    }
  }

  void create_user(const Service& signup, uint32_t user) {
    const std::string email = fmt::format("user{}@example.com", user);
    const CommitOptions relaxed{.durability = Durability::relaxed};
    take(signup.create_user({.email = email, .id = UserId(Uuid{population_.user_id(user)})},
                            relaxed),
         "create_user");
    WriteBatch batch = handles_.tenants[user].batch();
    const ProjectId project =
        batch.create_project({.name = "Benchmark",
                              .idea_prompt = "Measure twice",
                              .id = ProjectId(Uuid{population_.project_id(user)})});
    for (uint32_t i = 0; i < population_.sessions_per_user; ++i) {
      const uint32_t session = user * population_.sessions_per_user + i;
      batch.start_chat(project, {.title = "Chat", .id = handles_.sessions[session]});
    }
    take(handles_.tenants[user].commit(batch, relaxed), "create sessions");
  }

  Population population_;
  std::shared_ptr<PlayedClock> clock_ = std::make_shared<PlayedClock>();
  std::optional<Store> store_;
  Handles handles_;
  std::atomic<uint64_t> credit_workers_{0};
};

}  // namespace

std::unique_ptr<Engine> make_bcstore_engine() { return std::make_unique<BcstoreEngine>(); }

}  // namespace bcstore::bench
