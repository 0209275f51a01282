// Forks of sessions: what they show of others, and what they add.
#include <random>
#include <string>
#include <vector>

#include "fixture.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

std::vector<std::string> contents(const Tenant& t, ChatSessionId session, MessageList list) {
  std::vector<std::string> out;
  const size_t limit = list.limit;
  std::string after;
  for (size_t rows = limit; rows == limit;) {
    list.after = after;
    if (!after.empty()) list.from_seq.reset();
    Cursor<ChatMessage> messages = t.messages(session, list);
    for (rows = 0; messages.next(); ++rows) {
      out.emplace_back(messages->content());
      after = messages.token();
    }
    INFO(messages.status().to_string());
    CHECK(messages.status().ok());
  }
  return out;
}

struct Model {
  struct Session {
    ChatSessionId id;
    std::vector<std::string> messages;
    std::vector<uint64_t> tokens;  // their sums
  };
  std::vector<Session> sessions{};

  void append(const Tenant& t, Session& session, const std::string& text) {
    const Result<uint64_t> seq =
        t.append_message(session.id, {.role = Role::user, .content = text});
    REQUIRE(seq.ok());
    session.messages.push_back(text);
    const uint64_t before = session.tokens.empty() ? 0 : session.tokens.back();
    session.tokens.push_back(before + estimate_tokens(text));
    CHECK(*seq == session.messages.size());
  }

  void compare(const Tenant& t, std::mt19937_64& random) const {
    for (const Session& session : sessions) {
      CAPTURE(to_string(session.id));
      const uint64_t last = session.messages.size();
      CHECK(t.last_seq(session.id).value() == last);
      const size_t limit = random() % 2 == 0 ? kMaxPageRows : 1 + random() % 3;
      CHECK(contents(t, session.id, {.limit = limit}) == session.messages);
      std::vector<std::string> newest(session.messages.rbegin(), session.messages.rend());
      CHECK(contents(t, session.id, {.newest_first = true, .limit = limit}) == newest);
      if (last == 0) continue;
      const uint64_t from = 1 + random() % last;
      const auto at = session.messages.begin() + static_cast<std::ptrdiff_t>(from - 1);
      CHECK(contents(t, session.id, {.limit = limit, .from_seq = from}) ==
            std::vector<std::string>(at, session.messages.end()));
      CHECK(contents(t, session.id, {.newest_first = true, .limit = limit, .from_seq = from}) ==
            std::vector<std::string>(newest.begin() + static_cast<std::ptrdiff_t>(last - from),
                                     newest.end()));
      const Result<ChatMessage> one = t.message(session.id, from);
      REQUIRE(one.ok());
      CHECK(one->content() == session.messages[from - 1]);
      CHECK(one->tokens_through() == session.tokens[from - 1]);
      CHECK_CODE(not_found, t.message(session.id, last + 1));
    }
  }
};

TEST_CASE("fork: random sessions and forks show what a model says") {
  const uint64_t seed = seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed);
  World w;
  const UserId user = w.user("a@x");
  const ProjectId project =
      w.store().tenant(user).create_project({.name = "P", .idea_prompt = ""}).value();
  Model model;
  for (size_t step = 0; step < 120; ++step) {
    const Tenant t = w.store().tenant(user);
    w.clock->advance(static_cast<int64_t>(random() % (random() % 10 == 0 ? 40 * kDayUs : 9)));
    if (model.sessions.empty() || random() % 15 == 0) {
      model.sessions.push_back({t.start_chat(project).value(), {}, {}});
    } else if (random() % 5 == 0) {
      Model::Session from = model.sessions[random() % model.sessions.size()];
      if (from.messages.empty()) continue;
      const uint64_t at = 1 + random() % from.messages.size();
      const Result<ChatSessionId> fork = t.fork_chat(from.id, at);
      if (fork.code() == Code::failed_precondition) continue;  // too deep
      REQUIRE(fork.ok());
      from.id = *fork;
      from.messages.resize(at);
      from.tokens.resize(at);
      model.sessions.push_back(std::move(from));
    } else {
      Model::Session& session = model.sessions[random() % model.sessions.size()];
      model.append(t, session, repeat("m", 1 + random() % 9) + std::to_string(step));
    }
    if (random() % 20 == 0) model.compare(t, random);
    if (random() % 40 == 0) w.reopen();
    if (random() % 40 == 0) REQUIRE(w.store().compact().ok());
  }
  const Tenant t = w.store().tenant(user);
  model.compare(t, random);
  w.reopen();
  model.compare(w.store().tenant(user), random);
  const CheckReport report = w.store().check().value();
  for (const Violation& one : report.listed) MESSAGE(one.table, " ", one.rule, ": ", one.detail);
  CHECK(report.violations == 0);
}

TEST_CASE("fork: in one batch with the messages that it shows and its own") {
  World w;
  const Tenant t = w.tenant("a@x");
  WriteBatch batch = t.batch();
  const ProjectId project = batch.create_project({.name = "P", .idea_prompt = ""});
  const ChatSessionId chat = batch.start_chat(project);
  batch.append_message(chat, {.role = Role::user, .content = "1"});
  batch.append_message(chat, {.role = Role::assistant, .content = "2"});
  const ChatSessionId fork = batch.fork_chat(chat, 1, {.title = "again"});
  batch.append_message(fork, {.role = Role::assistant, .content = "other 2"});
  const ChatSessionId second = batch.fork_chat(fork, 2);
  const ChatSessionId flat = batch.fork_chat(second, 1);
  batch.append_message(chat, {.role = Role::user, .content = "3"});
  REQUIRE(t.commit(batch).ok());
  using Texts = std::vector<std::string>;
  CHECK(contents(t, chat, {}) == Texts{"1", "2", "3"});
  CHECK(contents(t, fork, {}) == Texts{"1", "other 2"});
  CHECK(contents(t, second, {}) == Texts{"1", "other 2"});
  CHECK(contents(t, flat, {.newest_first = true}) == Texts{"1"});
  const ChatSession head = t.session(fork).value();
  CHECK(head.parent() == chat);
  CHECK(head.parent_seq() == 1);
  CHECK(head.title() == "again");
  CHECK(head.project() == project);
  CHECK(t.session(second).value().parent() == fork);
  // Forked at a message that it shows, a fork stands beside the other.
  CHECK(t.session(flat).value().parent() == chat);
  CHECK(t.message(fork, 1).value().session() == chat);
  // What refers to a message may mean one that is shown.
  CHECK_CODE(ok, t.append_event({.type = "e", .session = flat, .message_seq = 1}));
  CHECK_CODE(not_found, t.append_event({.type = "e", .session = flat, .message_seq = 2}));
  const auto edited = t.append_message(flat, {.role = Role::user, .content = "x", .replaces = 1});
  CHECK(edited.ok());
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("fork: refusals name the reason, and write nothing") {
  World w;
  const Tenant t = w.tenant("a@x");
  const Tenant other = w.tenant("b@x");
  const ProjectId project = t.create_project({.name = "P", .idea_prompt = ""}).value();
  const ChatSessionId chat = t.start_chat(project).value();
  REQUIRE(t.append_message(chat, {.role = Role::user, .content = "1"}).ok());
  check_writes(w, {
                      CALL(invalid_argument, t.fork_chat(chat, 0)),
                      CALL(not_found, t.fork_chat(chat, 2)),
                      CALL(not_found, t.fork_chat(forged<ChatSessionId>(1), 1)),
                      CALL(not_found, other.fork_chat(chat, 1)),
                      CALL(already_exists, t.fork_chat(chat, 1, {.id = chat})),
                      CALL(invalid_argument, t.fork_chat(chat, 1, {.title = ""})),
                  });
  ChatSessionId deepest = chat;
  for (size_t n = 0; n < kMaxForkDepth; ++n) {
    const Result<ChatSessionId> fork = t.fork_chat(deepest, n + 1);
    REQUIRE(fork.ok());
    REQUIRE(t.append_message(*fork, {.role = Role::user, .content = "more"}).ok());
    deepest = *fork;
  }
  check_writes(w, {
                      CALL(failed_precondition, t.fork_chat(deepest, kMaxForkDepth + 1)),
                      CALL(ok, t.fork_chat(deepest, kMaxForkDepth)),
                  });
  CHECK(contents(t, deepest, {}).size() == kMaxForkDepth + 1);
}

TEST_CASE("fork: as of a moment before it, it is not there, and later messages do not show") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId project = t.create_project({.name = "P", .idea_prompt = ""}).value();
  const ChatSessionId chat = t.start_chat(project).value();
  for (const char* text : {"1", "2", "3"}) {
    REQUIRE(t.append_message(chat, {.role = Role::user, .content = text}).ok());
  }
  const uint64_t before = w.commits();
  const ChatSessionId fork = t.fork_chat(chat, 2).value();
  const uint64_t after = w.commits();
  REQUIRE(t.append_message(fork, {.role = Role::user, .content = "own"}).ok());
  CHECK_CODE(not_found, t.messages(fork, {.as_of = AsOf::commit(before)}));
  CHECK_CODE(not_found, t.last_seq(fork, {.as_of = AsOf::commit(before)}));
  using Texts = std::vector<std::string>;
  const auto then = AsOf::commit(after);
  CHECK(contents(t, fork, {.as_of = then}) == Texts{"1", "2"});
  CHECK(contents(t, fork, {.newest_first = true, .limit = 1, .as_of = then}) == Texts{"2", "1"});
  CHECK(t.last_seq(fork, {.as_of = then}).value() == 2);
  CHECK(t.message(fork, 1, {.as_of = then}).value().seq() == 1);
  CHECK_CODE(not_found, t.message(fork, 3, {.as_of = then}));
  CHECK(contents(t, fork, {}) == Texts{"1", "2", "own"});
  const Context context = t.context(project, {.sessions = {fork}}).value();
  REQUIRE(context.messages.size() == 3);
  CHECK(context.messages[0].session == fork);
  CHECK(context.messages[2].content == "own");
}

}  // namespace
}  // namespace bcstore
