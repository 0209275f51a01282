// A first walk through bcstore: a user, a project, a document and a chat.
//
//   quickstart [DIRECTORY]     without one, in a temporary directory that is removed at the end
#include <fmt/format.h>

#include <cstdio>
#include <optional>
#include <string>

#include "temporary_directory.h"

// README-BEGIN
#include <bcstore/bcstore.h>
using namespace bcstore;

Status run(Store& store) {
  Service signup = store.service("signup");  // the role that crosses users: always audited
  Result<UserId> user = signup.create_user({.email = "ada@example.com", .full_name = "Ada"});
  if (!user) return user.status();
  Tenant ada = store.tenant(*user);          // from here on every key carries Ada's id
  Tenant planner = ada.as_agent("planner");  // the same data, recorded as the agent's work

  WriteBatch setup = planner.batch();  // a plain value: ids are minted, nothing is locked or read
  ProjectId shop = setup.create_project({.name = "Tea shop", .idea_prompt = "Sell rare teas"});
  DocumentId prd = setup.create_document(
      shop, {.section = Section::prd, .content = R"({"goal": "100 customers"})"});
  ChatSessionId chat = setup.start_chat(shop);
  if (auto done = planner.commit(setup); !done) return done.status();  // all of it, or nothing

  // However often a retry sends this message, the key lets it in once.
  auto asked = ada.append_message(chat, {.role = Role::user, .content = "Could we aim higher?"},
                                  {.idempotency_key = "turn-7f3a"});
  if (!asked) return asked.status();

  // History is only added to. Somebody who was faster makes this a conflict, not a lost update.
  auto rev = planner.add_revision(
      prd,
      {.content = R"({"goal": "250 customers"})", .change_note = "Ada asked", .expected_rev = 1});
  if (!rev) return rev.status();

  Result<Revision> newest = ada.newest_revision(prd);
  if (!newest) return newest.status();
  Result<std::string_view> text = newest->content();  // lives as long as `newest`
  if (!text) return text.status();
  fmt::print("revision {}: {}\n", newest->rev(), *text);

  Cursor<ChatMessage> messages = ada.messages(chat, {.newest_first = true, .limit = 50});
  while (messages.next()) fmt::print("{}: {}\n", to_string(messages->role()), messages->content());
  return messages.status();
}
// README-END

namespace {

Status open_and_run(const std::string& directory) {
  Result<Store> store = Store::open(directory);
  if (!store) return store.status();
  if (Status status = run(*store); !status.ok()) return status;
  return store->close();
}

}  // namespace

int main(int argc, char** argv) {
  std::optional<TemporaryDirectory> temporary;
  if (argc < 2) temporary.emplace();
  Status status = open_and_run(temporary ? temporary->path() : argv[1]);
  if (!status.ok()) fmt::print(stderr, "{}\n", status.to_string());
  return status.ok() ? 0 : 1;
}
