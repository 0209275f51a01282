// Contexts: whole items within a budget, the same again whatever came since.
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "fixture.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

TEST_CASE("context: tokens are estimated by a fixed rule") {
  CHECK(estimate_tokens("") == 0);
  CHECK(estimate_tokens("a") == 1);
  CHECK(estimate_tokens("abcd") == 1);
  CHECK(estimate_tokens("abcde") == 2);
  CHECK(estimate_tokens("\xE4\xBD\xA0\xE5\xA5\xBD") == 2);        // two characters
  CHECK(estimate_tokens("ab\xC3\xA9\xF0\x9F\x98\x80") == 1 + 2);  // and four bytes
}

struct Product {
  explicit Product(uint64_t seed, const World::Tweak& tweak = {})
      : random(seed), w([&](Options& o) {
          o.allow_system_and_tool_roles = true;
          if (tweak) tweak(o);
        }) {
    user = w.user("a@x");
    project = tenant().create_project({.name = "Product", .idea_prompt = "An idea."}).value();
  }
  Tenant tenant() { return w.store().tenant(user); }
  std::string text() { return repeat("word ", 1 + random() % 40); }

  void grow(size_t steps) {
    const Tenant t = tenant();
    for (size_t i = 0; i < steps; ++i) {
      w.clock->advance(static_cast<int64_t>(random() % 3));
      step(t);
    }
  }

  void step(const Tenant& t) {
    switch (random() % 10) {
      case 0:
        if (documents.size() < kSections) {
          documents.push_back(
              t.create_document(project, {.section = static_cast<Section>(documents.size() + 1),
                                          .content = text(),
                                          .content_type = ContentType::text})
                  .value());
        }
        break;
      case 1:
        if (!documents.empty()) {
          const std::string content = text();
          REQUIRE(t.add_revision(documents[random() % documents.size()],
                                 {.content = content, .content_type = ContentType::text})
                      .ok());
        }
        break;
      case 2: {
        const std::string title = text();
        tasks.push_back(
            t.create_task(project, {.title = title, .phase = static_cast<int32_t>(random() % 3)})
                .value());
        break;
      }
      case 3:
        if (!tasks.empty()) {
          const TaskId task = tasks[random() % tasks.size()];
          REQUIRE(t.revise_task(task, {.phase = static_cast<int32_t>(random() % 3)}).ok());
          REQUIRE(
              t.record_activity(task, random() % 2 == 0 ? TaskAction::complete : TaskAction::reopen)
                  .ok());
        }
        break;
      case 4:
        if (sessions.size() < 4) sessions.push_back(t.start_chat(project).value());
        break;
      default:
        if (!sessions.empty()) talk(t, sessions[random() % sessions.size()]);
    }
  }

  // A message, or a call of a tool and its result, sometimes with what others say in between.
  void talk(const Tenant& t, ChatSessionId session) {
    const std::string content = text();
    NewMessage message{.role = Role::user, .content = content};
    if (random() % 3 == 0) message.token_count = static_cast<int32_t>(random() % 30);
    if (random() % 4 != 0) {
      REQUIRE(t.append_message(session, message).ok());
      return;
    }
    const std::string call = "call-" + std::to_string(++calls);
    message.role = Role::assistant;
    message.call_id = call;
    REQUIRE(t.append_message(session, message).ok());
    for (uint64_t n = random() % 3; n > 0; --n) {
      REQUIRE(t.append_message(session, {.role = Role::assistant, .content = "wait"}).ok());
    }
    REQUIRE(
        t.append_message(session, {.role = Role::tool, .content = content, .call_id = call}).ok());
  }

  std::mt19937_64 random;
  World w;
  UserId user;
  ProjectId project;
  std::vector<DocumentId> documents;
  std::vector<TaskId> tasks;
  std::vector<ChatSessionId> sessions;
  uint64_t calls = 0;
};

uint64_t sum_of(const Context& context) {
  uint64_t tokens = context.project_tokens;
  for (const auto& one : context.documents) tokens += one.tokens;
  for (const auto& one : context.tasks) tokens += one.tokens;
  for (const auto& one : context.messages) tokens += one.tokens;
  return tokens;
}

// The messages in it are the newest of the sessions it looked at: none that is left out is newer
// than one that is in.
void check_messages(const Tenant& t, const Product& product, const Context& context) {
  std::map<ChatSessionId, std::set<uint64_t>> in;
  std::set<std::pair<ChatSessionId, std::string>> calls, results;
  for (size_t i = 0; i < context.messages.size(); ++i) {
    const ContextMessage& message = context.messages[i];
    in[message.session].insert(message.seq);
    if (message.call_id) {
      (message.role == Role::tool ? results : calls).emplace(message.session, *message.call_id);
    }
    if (i > 0) CHECK(context.messages[i - 1].created_at <= message.created_at);
  }
  // Every result is there with its call. A call may have no result yet.
  for (const auto& result : results) CHECK(calls.contains(result));
  LeftOut out;
  Time newest_out{INT64_MIN};
  for (const ChatSessionId& session : product.sessions) {
    Cursor<ChatMessage> messages = t.messages(session, {.limit = kMaxPageRows});
    while (messages.next()) {
      if (in[session].contains(messages->seq())) continue;
      const auto count = messages->token_count();
      ++out.items;
      out.tokens += count ? static_cast<uint64_t>(*count) : estimate_tokens(messages->content());
      newest_out = std::max(newest_out, messages->effective_at());
      if (messages->role() != Role::tool && messages->call_id()) {
        CHECK_FALSE(results.contains({session, std::string(*messages->call_id())}));
      }
    }
    REQUIRE(messages.status().ok());
  }
  CHECK(out == context.messages_left_out);
  if (!context.messages.empty()) CHECK(newest_out <= context.messages.front().created_at);
}

void check_documents(const Tenant& t, const Product& product, const Context& context,
                     const std::vector<Section>& order) {
  LeftOut out;
  size_t in = 0;
  const auto documents = t.latest_documents(product.project);
  REQUIRE(documents.ok());
  for (const Section section : order) {
    for (const Document& document : *documents) {
      if (document.section() != section || document.current_rev() == 0) continue;
      const Revision revision = t.newest_revision(document.id()).value();
      if (in < context.documents.size()) {
        CHECK(out.items == 0);
        CHECK(context.documents[in].id == document.id());
        CHECK(context.documents[in].content == *revision.content());
        ++in;
      } else {
        ++out.items;
        out.tokens += estimate_tokens(*revision.content());
      }
    }
  }
  CHECK(in == context.documents.size());
  CHECK(out == context.documents_left_out);
}

void check_tasks(const Tenant& t, const Product& product, const Context& context, bool all) {
  LeftOut out;
  size_t in = 0;
  TaskList list{.limit = kMaxPageRows};
  if (!all) list.state = TaskState::open;
  Cursor<Task> tasks = t.tasks(product.project, list);
  for (; tasks.next();) {
    if (in < context.tasks.size()) {
      CHECK(context.tasks[in].id == tasks->id());
      ++in;
    } else {
      ++out.items;
      out.tokens += estimate_tokens(tasks->title()) + estimate_tokens(tasks->description());
    }
  }
  CHECK(in == context.tasks.size());
  CHECK(out == context.tasks_left_out);
}

TEST_CASE("context: whole items, prefixes of their order, never beyond the budget") {
  const uint64_t seed = seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  Product product(seed);
  std::mt19937_64 random(seed);
  for (size_t round = 0; round < 30; ++round) {
    product.grow(12);
    const Tenant t = product.tenant();
    ContextOptions o{.token_budget = 10 + random() % 1500,
                     .documents_percent = static_cast<uint32_t>(random() % 101),
                     .tasks_percent = static_cast<uint32_t>(random() % 101)};
    if (random() % 2 == 0) o.sections = {Section::tech, Section::overview, Section::prd};
    if (random() % 2 == 0) o.tasks = ContextTasks::all;
    const Result<Context> context = t.context(product.project, o);
    INFO(context.status().to_string());
    REQUIRE(context.ok());
    CHECK(context->tokens <= o.token_budget);
    CHECK(context->tokens == sum_of(*context));
    uint64_t documents = 0, tasks = 0;
    for (const auto& one : context->documents) documents += one.tokens;
    for (const auto& one : context->tasks) tasks += one.tokens;
    CHECK(documents * 100 <= o.token_budget * o.documents_percent);
    CHECK(tasks * 100 <= o.token_budget * o.tasks_percent);
    std::vector<Section> order = o.sections;
    for (uint8_t n = 1; o.sections.empty() && n <= kSections; ++n) {
      order.push_back(static_cast<Section>(n));
    }
    check_documents(t, product, *context, order);
    check_tasks(t, product, *context, o.tasks == ContextTasks::all);
    check_messages(t, product, *context);
  }
}

TEST_CASE("context: by its id the same bytes, after more commits, compaction and reopening") {
  const uint64_t seed = seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  Product product(seed);
  product.grow(150);
  const auto halfway = AsOf::time(product.w.clock->now());
  product.w.clock->advance(kSecondUs);
  product.grow(50);
  std::map<std::string, std::string> seen;
  const auto add = [&](const ContextOptions& o) {
    const Context context = product.tenant().context(product.project, o).value();
    seen[context.id] = to_markdown(context) + to_json(context);
  };
  add({});
  add({.token_budget = 300});
  add({.as_of = halfway, .token_budget = 500, .tasks = ContextTasks::all});
  add({.as_of = AsOf::version(1)});
  add({.as_of = AsOf::commit(product.w.commits() - 60), .sections = {Section::prd}});
  add({.token_budget = 700, .sessions = {product.sessions.at(0)}});
  REQUIRE(seen.size() == 6);
  REQUIRE(product.tenant().add_version(product.project, {.name = "Other"}).ok());
  product.grow(300);
  const auto check_again = [&] {
    for (const auto& [id, text] : seen) {
      const Result<Context> again = product.tenant().context_again(id);
      INFO(again.status().to_string());
      REQUIRE(again.ok());
      CHECK(again->id == id);
      CHECK(to_markdown(*again) + to_json(*again) == text);
    }
  };
  check_again();
  REQUIRE(product.w.store().compact().ok());
  check_again();
  product.w.reopen();
  check_again();
}

TEST_CASE("context: ten thousand further commits change nothing") {
  Product product(7);
  product.grow(80);
  const Context before = product.tenant().context(product.project).value();
  const ChatSessionId session = product.sessions.at(0);
  for (size_t i = 0; i < 10; ++i) {
    std::vector<PendingCommit> pending;
    for (size_t n = 0; n < 1'000; ++n) {
      WriteBatch batch = product.tenant().batch();
      batch.append_message(session, {.role = Role::user, .content = "more"});
      pending.push_back(
          product.tenant().submit(std::move(batch), {.durability = Durability::relaxed}));
    }
    for (PendingCommit& one : pending) REQUIRE(one.wait().ok());
  }
  const Context again = product.tenant().context_again(before.id).value();
  CHECK(to_json(again) == to_json(before));
  const Context now = product.tenant().context(product.project, {.token_budget = 500}).value();
  CHECK(now.messages_left_out.items > 9'000);
}

TEST_CASE("context: refusals name the reason") {
  Product product(1);
  const Tenant t = product.tenant();
  const Tenant other = product.w.tenant("b@x");
  const ChatSessionId session = t.start_chat(product.project).value();
  const ProjectId second = t.create_project({.name = "Second", .idea_prompt = ""}).value();
  const Context context = t.context(product.project).value();

  const Status small = t.context(product.project, {.token_budget = 3}).status();
  CHECK(name_of(small) == "invalid_argument");
  CHECK(small.needed() == context.project_tokens);
  CHECK_CODE(ok, t.context(product.project, {.token_budget = context.project_tokens}));
  CHECK_CODE(invalid_argument, t.context(product.project, {.token_budget = kMaxContextTokens + 1}));
  CHECK_CODE(invalid_argument, t.context(product.project, {.documents_percent = 101}));
  CHECK_CODE(invalid_argument, t.context(product.project, {.tasks_percent = 101}));
  CHECK_CODE(invalid_argument,
             t.context(product.project, {.sections = {Section::prd, Section::prd}}));
  CHECK_CODE(invalid_argument, t.context(product.project, {.sections = {Section{9}}}));
  CHECK_CODE(invalid_argument, t.context(product.project, {.tasks = ContextTasks{0}}));
  CHECK_CODE(invalid_argument, t.context(product.project, {.sessions = {session, session}}));
  CHECK_CODE(not_found, t.context(second, {.sessions = {session}}));
  CHECK_CODE(not_found, t.context(forged<ProjectId>(1)));
  CHECK_CODE(not_found, other.context(product.project));
  CHECK_CODE(invalid_argument,
             t.context(product.project, {.as_of = AsOf::commit(product.w.commits() + 1)}));
  CHECK_CODE(not_found, t.context(product.project, {.as_of = AsOf::commit(1)}));

  CHECK_CODE(ok, t.context_again(context.id));
  CHECK_CODE(not_found, other.context_again(context.id));
  CHECK_CODE(invalid_argument, t.context_again(""));
  CHECK_CODE(invalid_argument, t.context_again("00"));
  CHECK_CODE(invalid_argument, t.context_again(context.id + "00"));
  for (size_t i = 0; i < context.id.size(); i += 7) {
    std::string changed = context.id;
    changed[i] = changed[i] == '0' ? '1' : '0';
    CHECK_CODE(invalid_argument, t.context_again(changed));
  }
  Product elsewhere(1, [](Options& o) { o.initial_credits = 1; });
  CHECK_CODE(invalid_argument, elsewhere.tenant().context_again(context.id));
}

TEST_CASE("context: the caller may count, and must count again") {
  Product product(3);
  product.grow(60);
  const Tenant t = product.tenant();
  const auto count = [](std::string_view text) { return uint64_t{text.size()}; };
  const Context context =
      t.context(product.project, {.token_budget = 5'000, .count = count}).value();
  REQUIRE_FALSE(context.messages.empty());
  for (const ContextMessage& message : context.messages) CHECK_FALSE(message.is_estimated);
  for (const ContextTask& task : context.tasks) CHECK(task.tokens == task.title.size());
  CHECK(context.tokens == sum_of(context));
  CHECK(to_json(t.context_again(context.id, count).value()) == to_json(context));
  CHECK_CODE(invalid_argument, t.context_again(context.id));
}

}  // namespace
}  // namespace bcstore
