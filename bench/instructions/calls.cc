#include "instructions/calls.h"

#include <bcstore/bcstore.h>
#include <fmt/core.h>

#include <utility>
#include <vector>

#include "answer.h"
#include "document_data.h"
#include "fold.h"
#include "generate/play.h"
#include "project_data.h"

namespace bcstore::bench {
namespace {

constexpr uint64_t kSeed = 42;
// No memtable fills up within a run, so that no flush falls into the counted loop.
constexpr size_t kMemoryBudgetBytes = size_t{1} << 30;
constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};
constexpr int64_t kStepUs = 1'000;
constexpr uint32_t kLastMessages = 50;

// A store with users, a project for each, and their sessions. Time goes on by a step a call.
class World {
 public:
  World(const std::string& directory, const Population& population)
      : population_(population), store_(open(directory)) {
    const Service signup = store_.service("instructions");
    for (uint32_t user = 0; user < population_.users; ++user) create_user(signup, user);
  }
  ~World() { (void)store_.close(); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void step() { clock_->set(now_us_ += kStepUs); }
  const Tenant& tenant(uint32_t user) const { return tenants_[user]; }
  const Tenant& tenant_of(uint32_t session) const {
    return tenants_[population_.owner_of(session)];
  }
  ChatSessionId session(uint32_t session) const { return sessions_[session]; }
  ProjectId project(uint32_t user) const { return ProjectId(Uuid{population_.project_id(user)}); }
  const Population& population() const { return population_; }
  const Texts& texts() const { return texts_; }

  uint64_t append(const Message& message) {
    step();
    return take(tenant_of(message.session)
                    .append_message(session(message.session),
                                    {.role = static_cast<Role>(message.role),
                                     .content = message.content,
                                     .token_count = message.token_count},
                                    kRelaxed),
                "append_message");
  }

  void fill_projects_and_read_on() {
    Player player(store_, *clock_);
    fill_projects(population_, texts_, player);
    step();
  }

 private:
  Store open(const std::string& directory) {
    clock_->set(now_us_);
    Options options;
    options.memory_budget_bytes = kMemoryBudgetBytes;
    options.initial_credits = 2'000'000'000;
    options.clock = clock_;
    return take(Store::open(directory, options), "open");
  }

  void create_user(const Service& signup, uint32_t user) {
    step();
    const std::string email = fmt::format("user{}@example.com", user);
    const UserId id(Uuid{population_.user_id(user)});
    take(signup.create_user({.email = email, .id = id}, kRelaxed), "create_user");
    tenants_.push_back(store_.tenant(id));
    WriteBatch batch = tenants_.back().batch();
    batch.create_project({.name = "Counted", .idea_prompt = "Twice", .id = project(user)});
    for (uint32_t i = 0; i < population_.sessions_per_user; ++i) {
      const uint32_t number = user * population_.sessions_per_user + i;
      sessions_.emplace_back(Uuid{population_.session_id(number)});
      batch.start_chat(project(user), {.title = "Chat", .id = sessions_.back()});
    }
    take(tenants_.back().commit(batch, kRelaxed), "create sessions");
  }

  Population population_;
  Texts texts_{kSeed};
  int64_t now_us_ = kFirstInstantUs;
  std::shared_ptr<PlayedClock> clock_ = std::make_shared<PlayedClock>();
  Store store_;
  std::vector<Tenant> tenants_;
  std::vector<ChatSessionId> sessions_;
};

Population people(uint32_t users, uint32_t sessions_per_user, uint32_t messages_per_session) {
  return {.seed = kSeed,
          .users = users,
          .sessions_per_user = sessions_per_user,
          .messages_per_session = messages_per_session};
}

std::vector<uint32_t> draw(uint64_t count, uint32_t below) {
  Random random(kSeed + 1);
  std::vector<uint32_t> drawn;
  for (uint64_t i = 0; i < count; ++i) drawn.push_back(random.below(below));
  return drawn;
}

void require(bool holds, std::string_view what) {
  if (!holds) throw Failure(std::string(what));
}

class AppendMessage : public Call {
 public:
  AppendMessage(const std::string& directory, uint64_t most)
      : world_(directory, people(20, 5, 10)) {
    for_each_message(world_.population(), world_.texts(), [this](const Message& message) {
      world_.append(message);
      ++counts_[message.session];
    });
    Random random(kSeed + 1);
    for (uint64_t i = 0; i < most; ++i) {
      messages_.push_back(
          draw_message(world_.texts(), random.below(world_.population().sessions()), random));
    }
  }
  void run() override {
    const Message& message = messages_[next_++];
    const uint64_t seq = world_.append(message);
    require(seq == ++counts_[message.session], "a message was given another sequence");
  }

 private:
  World world_;
  std::vector<Message> messages_;
  size_t next_ = 0;
  std::vector<uint64_t> counts_ = std::vector<uint64_t>(world_.population().sessions());
};

class LastMessages : public Call {
 public:
  LastMessages(const std::string& directory, uint64_t most) : world_(directory, people(8, 5, 55)) {
    for_each_message(world_.population(), world_.texts(),
                     [this](const Message& message) { world_.append(message); });
    for (uint32_t session = 0; session < world_.population().sessions(); ++session) read(session);
    sessions_ = draw(most, world_.population().sessions());
  }
  void run() override { read(sessions_[next_++]); }

 private:
  void read(uint32_t session) {
    Cursor<ChatMessage> messages = world_.tenant_of(session).messages(
        world_.session(session), {.newest_first = true, .limit = kLastMessages});
    uint32_t rows = 0;
    for (; messages.next(); ++rows) {
      fold_.number(messages->seq());
      fold_.number(static_cast<uint64_t>(messages->role()));
      fold_.number(static_cast<uint64_t>(messages->created_at().us));
      fold_.text(messages->content());
    }
    check(messages.status(), "messages");
    require(rows == kLastMessages, "a session gave back too few messages");
  }
  World world_;
  std::vector<uint32_t> sessions_;
  size_t next_ = 0;
  Fold fold_;
};

// Each with an idempotency key of its own, as a chat turn has.
class ConsumeCredit : public Call {
 public:
  ConsumeCredit(const std::string& directory, uint64_t most) : world_(directory, people(20, 1, 1)) {
    constexpr uint64_t kWarmUp = 500;
    users_ = draw(kWarmUp + most, world_.population().users);
    for (uint64_t i = 0; i < users_.size(); ++i) keys_.push_back(fmt::format("turn-{}", i));
    for (uint64_t i = 0; i < kWarmUp; ++i) run();
  }
  void run() override {
    world_.step();
    CommitOptions options = kRelaxed;
    options.idempotency_key = keys_[next_];
    const uint32_t user = users_[next_++];
    const std::optional<int32_t> left =
        take(world_.tenant(user).consume_credit({}, options), "consume_credit");
    require(left && *left + ++spent_[user] == kFirstCredits, "a credit was not spent once");
  }

 private:
  static constexpr int32_t kFirstCredits = 2'000'000'000;
  World world_;
  std::vector<uint32_t> users_;
  std::vector<std::string> keys_;
  std::vector<int32_t> spent_ = std::vector<int32_t>(world_.population().users);
  size_t next_ = 0;
};

// JSON of 4 to 32 kB, each a 3 % edit of the one before, which is in the cache of contents.
class AppendRevision : public Call {
 public:
  AppendRevision(const std::string& directory, uint64_t most)
      : world_(directory, people(10, 1, 1)) {
    constexpr uint32_t kFirstRevisions = 3;
    std::vector<EditedDocument> documents;
    const uint32_t users = world_.population().users;
    for (uint32_t user = 0; user < users; ++user) {
      documents.emplace_back(world_.texts(), kSeed + user);
      take(world_.tenant(user).create_document(
               world_.project(user), {.section = Section::prd, .id = id_of(user)}, kRelaxed),
           "create_document");
      for (uint32_t i = 0; i < kFirstRevisions; ++i) {
        append(user, documents.back().json());
        documents.back().edit();
      }
    }
    owners_ = draw(most, users);
    for (const uint32_t user : owners_) {
      contents_.push_back(documents[user].json());
      documents[user].edit();
    }
  }
  void run() override {
    append(owners_[next_], contents_[next_]);
    ++next_;
  }

 private:
  DocumentId id_of(uint32_t user) const {
    return DocumentId(Uuid{world_.population().document_id(user)});
  }
  void append(uint32_t user, std::string_view json) {
    world_.step();
    const uint32_t rev = take(
        world_.tenant(user).add_revision(id_of(user), {.content = json}, kRelaxed), "add_revision");
    require(rev == ++revs_[user], "a revision was given another number");
  }
  World world_;
  std::vector<uint32_t> owners_;
  std::vector<std::string> contents_;
  size_t next_ = 0;
  std::vector<uint32_t> revs_ = std::vector<uint32_t>(world_.population().users);
};

// The newest content of each of a project's five documents.
class NewestDocuments : public Call {
 public:
  NewestDocuments(const std::string& directory, uint64_t most)
      : world_(directory, people(10, 1, 1)) {
    world_.fill_projects_and_read_on();
    for (uint32_t user = 0; user < world_.population().users; ++user) read(user);
    users_ = draw(most, world_.population().users);
  }
  void run() override { read(users_[next_++]); }

 private:
  void read(uint32_t user) {
    const Tenant& tenant = world_.tenant(user);
    const std::vector<Document> documents =
        take(tenant.latest_documents(world_.project(user)), "latest_documents");
    for (const Document& document : documents) {
      const Revision revision = take(tenant.newest_revision(document.id()), "newest_revision");
      require(revision.rev() == kProjectRevisions, "a document's newest revision is another");
      fold_.text(take(revision.content(), "content"));
    }
    require(documents.size() == kProjectDocuments, "a project gave back too few documents");
  }
  World world_;
  std::vector<uint32_t> users_;
  size_t next_ = 0;
  Fold fold_;
};

// All fifty tasks of a project by phase, each with its state.
class ProjectTasks : public Call {
 public:
  ProjectTasks(const std::string& directory, uint64_t most) : world_(directory, people(10, 1, 1)) {
    world_.fill_projects_and_read_on();
    for (uint32_t user = 0; user < world_.population().users; ++user) read(user);
    users_ = draw(most, world_.population().users);
  }
  void run() override { read(users_[next_++]); }

 private:
  void read(uint32_t user) {
    Cursor<Task> tasks = world_.tenant(user).tasks(world_.project(user));
    uint32_t rows = 0, complete = 0;
    for (; tasks.next(); ++rows) {
      fold_.number(static_cast<uint64_t>(tasks->phase().value_or(0)));
      complete += tasks->state() == TaskState::complete ? 1u : 0u;
      fold_.text(tasks->title());
      fold_.text(tasks->description());
    }
    check(tasks.status(), "tasks");
    require(rows == kProjectTasks && complete == (kProjectTasks + 2) / 3,
            "a project gave back other tasks");
  }
  World world_;
  std::vector<uint32_t> users_;
  size_t next_ = 0;
  Fold fold_;
};

template <class T>
std::unique_ptr<Call> make(const std::string& directory, uint64_t most) {
  return std::make_unique<T>(directory, most);
}

constexpr CallEntry kCalls[] = {
    {"append_message", 2000, make<AppendMessage>},
    {"last_messages", 1000, make<LastMessages>},
    {"consume_credit", 2000, make<ConsumeCredit>},
    {"append_revision", 300, make<AppendRevision>},
    {"newest_documents", 1000, make<NewestDocuments>},
    {"project_tasks", 1000, make<ProjectTasks>},
};

}  // namespace

std::span<const CallEntry> all_calls() { return kCalls; }

}  // namespace bcstore::bench
