// Chat: a session's messages are dense, ordered by their sequence and never edited.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "fixture.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

struct OneChat : World {
  explicit OneChat(const Tweak& tweak = {}) : World(tweak) {}
  Tenant t = tenant("a@x");
  ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  ChatSessionId chat = t.start_chat(p, {.title = "Talk"}).value();
};

TEST_CASE("chat: start_chat and rename_chat") {
  OneChat w;
  const Tenant& t = w.t;
  const ChatSessionId none = forged<ChatSessionId>(1);
  const std::string too_long(kMaxNameBytes + 1, 'n');
  check_writes(w,
               {
                   CALL(invalid_argument, t.start_chat(ProjectId())),
                   CALL(invalid_argument, t.start_chat(w.p, {.title = too_long})),
                   CALL(invalid_argument, t.start_chat(w.p, {.title = kNul})),
                   CALL(invalid_argument, t.start_chat(w.p, {.title = "\xC3"})),
                   CALL(invalid_argument, t.start_chat(w.p, {.id = ChatSessionId()})),
                   CALL(invalid_argument, t.start_chat(forged<ProjectId>(1), {.title = too_long})),
                   CALL(not_found, t.start_chat(forged<ProjectId>(1))),
                   CALL(not_found, t.start_chat(forged<ProjectId>(1), {.id = w.chat})),
                   CALL(already_exists, t.start_chat(w.p, {.id = w.chat})),
                   CALL(ok, t.start_chat(w.p, {.id = forged<ChatSessionId>(7)})),
                   CALL(invalid_argument, t.rename_chat(ChatSessionId(), "x")),
                   CALL(invalid_argument, t.rename_chat(w.chat, too_long)),
                   CALL(invalid_argument, t.rename_chat(w.chat, "\xFF")),
                   CALL(not_found, t.rename_chat(none, "x")),
                   CALL(not_found, t.rename_chat(none, "x", 0)),
                   CALL(conflict, t.rename_chat(w.chat, "x", 1)),
                   CALL(ok, t.rename_chat(w.chat, "One", 0)),
                   CALL(conflict, t.rename_chat(w.chat, "x", 0)),
                   CALL(ok, t.rename_chat(w.chat, "Two", 1)),
               });
  CHECK(t.start_chat(w.p, {.id = w.chat}).status().existing() == w.chat.uuid());
  CHECK(t.rename_chat(w.chat, "x", 7).status().actual() == 2u);
  const ChatSession two = t.session(w.chat).value();
  CHECK(two.id() == w.chat);
  CHECK(two.project() == w.p);
  CHECK(two.title() == "Two");
  t.rename_chat(w.chat, std::nullopt).value();
  const ChatSession bare = t.session(w.chat).value();
  CHECK_FALSE(bare.title().has_value());
  CHECK(bare.created_at() == Time{kStartUs});
}

TEST_CASE("chat: sessions are listed in order of creation, newest first") {
  OneChat w;
  const Tenant& t = w.t;
  std::vector<ChatSessionId> newest_first = {w.chat};
  for (const int i : {50, 60, 40, 70, 30}) {
    w.clock->advance(-kSecondUs);
    newest_first.insert(
        newest_first.begin(),
        t.start_chat(w.p, {.id = forged<ChatSessionId>(static_cast<uint8_t>(i))}).value());
  }
  const ProjectId q = t.create_project({.name = "Q", .idea_prompt = ""}).value();
  const ChatSessionId other = t.start_chat(q).value();
  t.rename_chat(w.chat, "still the oldest").value();
  const auto id = [](const ChatSession& s) { return s.id(); };
  CHECK(rows_of(t.sessions(w.p), id) == newest_first);
  CHECK(rows_of(t.sessions(q), id) == std::vector<ChatSessionId>{other});
  std::reverse(newest_first.begin(), newest_first.end());
  CHECK(rows_of(t.sessions(w.p, {.reverse = true}), id) == newest_first);
  check_calls({
      CALL(not_found, t.sessions(forged<ProjectId>(1))),
      CALL(invalid_argument, t.sessions(ProjectId())),
      CALL(not_found, t.session(forged<ChatSessionId>(1))),
      CALL(invalid_argument, t.session(ChatSessionId())),
  });
  const std::vector<ChatSessionId> ids = {other, ChatSessionId(), forged<ChatSessionId>(1)};
  const std::vector<Result<ChatSession>> got = t.get(ids);
  REQUIRE(got.size() == 3);
  CHECK(got[0].value().project() == q);
  CHECK(got[1].code() == Code::invalid_argument);
  CHECK(got[2].code() == Code::not_found);
}

TEST_CASE(
    "chat: append_message checks arguments, session, replaced message, then the expectation") {
  OneChat w;
  const Tenant& t = w.t;
  const ChatSessionId chat = w.chat;
  const ChatSessionId none = forged<ChatSessionId>(1);
  constexpr auto kUser = Role::user;
  const std::string content(kMaxMessageBytes, 'c');
  const std::string name(kMaxEventTypeBytes, 'n');
  const std::string text = "\"" + std::string(kMaxTextBytes - 2, 't') + "\"";
  const auto append = [&](const NewMessage& m) { return t.append_message(chat, m); };
  check_writes(
      w,
      {
          CALL(invalid_argument, t.append_message(ChatSessionId(), {.role = kUser, .content = ""})),
          CALL(invalid_argument, append({.role = static_cast<Role>(0), .content = ""})),
          CALL(invalid_argument, append({.role = static_cast<Role>(5), .content = ""})),
          CALL(invalid_argument, append({.role = Role::system, .content = ""})),
          CALL(invalid_argument, append({.role = Role::tool, .content = ""})),
          CALL(invalid_argument, append({.role = kUser, .content = content + "c"})),
          CALL(invalid_argument, append({.role = kUser, .content = kNul})),
          CALL(invalid_argument, append({.role = kUser, .content = "\xFF"})),
          CALL(invalid_argument, append({.role = kUser, .content = "", .token_count = -1})),
          CALL(invalid_argument,
               append(
                   {.role = kUser, .content = "", .token_count = std::numeric_limits<int>::min()})),
          CALL(invalid_argument, append({.role = kUser, .content = "", .call_id = name + "n"})),
          CALL(invalid_argument, append({.role = kUser, .content = "", .call_id = kNul})),
          CALL(invalid_argument, append({.role = kUser, .content = "", .name = "\xC3"})),
          CALL(invalid_argument, append({.role = kUser, .content = "", .metadata = ""})),
          CALL(invalid_argument, append({.role = kUser, .content = "", .metadata = "{"})),
          CALL(invalid_argument, append({.role = kUser, .content = "", .metadata = text + " "})),
          CALL(invalid_argument, t.append_message(none, {.role = kUser, .content = kNul})),
          CALL(not_found, t.append_message(none, {.role = kUser, .content = ""})),
          CALL(not_found,
               t.append_message(none, {.role = kUser, .content = "", .expected_seq = 1})),
          CALL(not_found, append({.role = kUser, .content = "", .replaces = 1})),
          CALL(not_found, append({.role = kUser, .content = "", .replaces = 1, .expected_seq = 9})),
          CALL(conflict, append({.role = kUser, .content = "", .expected_seq = 1})),
          CALL(ok, append({.role = kUser, .content = "", .expected_seq = 0})),
          CALL(ok, append({.role = kUser,
                           .content = content,
                           .token_count = std::numeric_limits<int>::max(),
                           .call_id = name,
                           .name = name,
                           .metadata = text,
                           .replaces = 1,
                           .expected_seq = 1})),
          CALL(not_found, append({.role = kUser, .content = "", .replaces = 3})),
          CALL(not_found, append({.role = kUser, .content = "", .replaces = ~0ull})),
          CALL(ok, append({.role = Role::assistant, .content = "", .token_count = 0})),
      });
  const ChatMessage largest = t.message(chat, 2).value();
  CHECK(largest.content() == content);
  CHECK(largest.metadata() == text);
  CHECK(
      t.append_message(chat, {.role = kUser, .content = "", .expected_seq = 8}).status().actual() ==
      3u);
}

TEST_CASE("chat: a message reads back as it was given, one without extras has none") {
  OneChat w;
  const Tenant& t = w.t;
  CHECK(t.last_seq(w.chat).value() == 0);
  CHECK(t.append_message(w.chat, {.role = Role::user, .content = "one"}).value() == 1);
  const Tenant agent = t.as_agent("bot");
  CHECK(agent
            .append_message(w.chat, {.role = Role::assistant,
                                     .content = "two \xF0\x9F\x8D\xB5",
                                     .token_count = 7,
                                     .call_id = "call",
                                     .name = "lookup",
                                     .metadata = " {\"a\" : 1} ",
                                     .replaces = 1})
            .value() == 2);
  const ChatMessage one = t.message(w.chat, 1).value();
  CHECK(one.session() == w.chat);
  CHECK(one.seq() == 1);
  CHECK(one.role() == Role::user);
  CHECK(one.content() == "one");
  CHECK_FALSE(one.token_count().has_value());
  CHECK_FALSE(one.call_id().has_value());
  CHECK_FALSE(one.name().has_value());
  CHECK_FALSE(one.metadata().has_value());
  CHECK_FALSE(one.replaces().has_value());
  CHECK(one.month() == 202508);
  CHECK(one.actor() == Actor::of_user(t.owner()));
  const ChatMessage two = t.message(w.chat, 2).value();
  CHECK(two.role() == Role::assistant);
  CHECK(two.content() == "two \xF0\x9F\x8D\xB5");
  CHECK(two.token_count() == 7);
  CHECK(two.call_id() == "call");
  CHECK(two.name() == "lookup");
  CHECK(two.metadata() == " {\"a\" : 1} ");
  CHECK(two.replaces() == 1u);
  CHECK(two.actor() == Actor::of_agent("bot"));
  CHECK(t.last_seq(w.chat).value() == 2);
  // Ids of messages that were not imported are derived, of version 8, and tell messages apart.
  CHECK((one.id().uuid().bytes[6] >> 4) == 8);
  CHECK((one.id().uuid().bytes[8] >> 6) == 2);
  CHECK(one.id() != two.id());
  CHECK(t.message(w.chat, 1).value().id() == one.id());
  check_calls({
      CALL(not_found, t.message(w.chat, 0)),
      CALL(not_found, t.message(w.chat, 3)),
      CALL(not_found, t.message(w.chat, ~0ull)),
      CALL(not_found, t.message(forged<ChatSessionId>(1), 1)),
      CALL(invalid_argument, t.message(ChatSessionId(), 1)),
      CALL(not_found, t.message(forged<MessageId>(1))),
      CALL(invalid_argument, t.message(MessageId())),
      CALL(not_found, t.last_seq(forged<ChatSessionId>(1))),
      CALL(invalid_argument, t.last_seq(ChatSessionId())),
      CALL(not_found, t.messages(forged<ChatSessionId>(1))),
      CALL(invalid_argument, t.messages(ChatSessionId())),
  });
}

TEST_CASE("chat: system and tool messages only where the options allow them") {
  OneChat w([](Options& o) { o.allow_system_and_tool_roles = true; });
  CHECK_CODE(ok, w.t.append_message(w.chat, {.role = Role::system, .content = "be kind"}));
  CHECK_CODE(ok, w.t.append_message(w.chat, {.role = Role::tool, .content = "", .call_id = "c"}));
  CHECK_CODE(invalid_argument,
             w.t.append_message(w.chat, {.role = static_cast<Role>(5), .content = ""}));
  CHECK(w.t.message(w.chat, 1).value().role() == Role::system);
  CHECK(w.t.message(w.chat, 2).value().role() == Role::tool);
}

TEST_CASE("chat: pages forward, backward, and from a sequence") {
  OneChat w;
  const Tenant& t = w.t;
  WriteBatch batch = t.batch();
  for (int i = 1; i <= 10; ++i) {
    batch.append_message(w.chat, {.role = Role::user, .content = std::to_string(i)});
  }
  CHECK_CODE(ok, t.commit(batch));
  const auto seq = [](const ChatMessage& m) {
    CHECK(m.content() == std::to_string(m.seq()));
    return m.seq();
  };
  using Seqs = std::vector<uint64_t>;
  CHECK(rows_of(t.messages(w.chat), seq) == Seqs{1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  CHECK(rows_of(t.messages(w.chat, {.newest_first = true, .limit = 3}), seq) == Seqs{10, 9, 8});
  CHECK(rows_of(t.messages(w.chat, {.limit = 2, .from_seq = 4}), seq) == Seqs{4, 5});
  CHECK(rows_of(t.messages(w.chat, {.newest_first = true, .limit = 2, .from_seq = 4}), seq) ==
        Seqs{4, 3});
  CHECK(rows_of(t.messages(w.chat, {.from_seq = 10}), seq) == Seqs{10});
  CHECK(rows_of(t.messages(w.chat, {.from_seq = 11}), seq).empty());
  CHECK(rows_of(t.messages(w.chat, {.newest_first = true, .limit = 2, .from_seq = 11}), seq) ==
        Seqs{10, 9});
  CHECK(rows_of(t.messages(w.chat, {.newest_first = true, .from_seq = 1}), seq) == Seqs{1});
  CHECK(rows_of(t.messages(w.chat, {.from_seq = ~0ull}), seq).empty());
  std::string token;
  {
    Cursor<ChatMessage> page = t.messages(w.chat, {.limit = 2});
    CHECK(page.token().empty());
    while (page.next()) token = page.token();
  }
  CHECK(rows_of(t.messages(w.chat, {.limit = 2, .after = token}), seq) == Seqs{3, 4});
  CHECK_CODE(invalid_argument, t.messages(w.chat, {.after = token, .from_seq = 1}));
}

}  // namespace
}  // namespace bcstore
