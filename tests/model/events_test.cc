// Events: a user's own log, in the order of commits, with references that must exist.
#include <algorithm>
#include <string>
#include <vector>

#include "rich.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

std::vector<std::string> types_of(Cursor<Event> cursor) {
  return rows_of(std::move(cursor), [](const Event& e) { return std::string(e.type()); });
}

TEST_CASE("events: append_event checks arguments, then everything that it refers to") {
  World w;
  const Rich a = enrich(w.store(), w.user("a@x"), "a");
  const Rich b = enrich(w.store(), w.user("b@x"), "b");
  const Tenant t = w.store().tenant(a.owner);
  const std::string type(kMaxEventTypeBytes, 't');
  const std::string payload = "\"" + std::string(kMaxTextBytes - 2, 'p') + "\"";
  check_writes(
      w, {
             CALL(invalid_argument, t.append_event({.type = ""})),
             CALL(invalid_argument, t.append_event({.type = type + "t"})),
             CALL(invalid_argument, t.append_event({.type = kNul})),
             CALL(invalid_argument, t.append_event({.type = "\xFF"})),
             CALL(invalid_argument, t.append_event({.type = "t", .payload = ""})),
             CALL(invalid_argument, t.append_event({.type = "t", .payload = "{]"})),
             CALL(invalid_argument, t.append_event({.type = "t", .payload = payload + " "})),
             CALL(invalid_argument, t.append_event({.type = "t", .project = ProjectId()})),
             CALL(invalid_argument, t.append_event({.type = "t", .document = DocumentId()})),
             CALL(invalid_argument, t.append_event({.type = "t", .session = ChatSessionId()})),
             CALL(invalid_argument, t.append_event({.type = "t", .rev = 1})),
             CALL(invalid_argument, t.append_event({.type = "t", .message_seq = 1})),
             CALL(invalid_argument, t.append_event({.type = "t", .call_id = type + "t"})),
             CALL(not_found, t.append_event({.type = "t", .project = forged<ProjectId>(1)})),
             CALL(not_found, t.append_event({.type = "t", .document = forged<DocumentId>(1)})),
             CALL(not_found, t.append_event({.type = "t", .document = a.document, .rev = 4})),
             CALL(not_found, t.append_event({.type = "t", .document = a.bare, .rev = 1})),
             CALL(not_found, t.append_event({.type = "t", .session = forged<ChatSessionId>(1)})),
             CALL(not_found, t.append_event({.type = "t", .session = a.chat, .message_seq = 5})),
             CALL(not_found, t.append_event({.type = "t", .session = a.quiet, .message_seq = 1})),
             CALL(not_found, t.append_event({.type = "t", .project = b.project})),
             CALL(not_found, t.append_event({.type = "t", .document = b.document})),
             CALL(not_found, t.append_event({.type = "t", .document = b.document, .rev = 1})),
             CALL(not_found, t.append_event({.type = "t", .session = b.chat})),
             CALL(not_found, t.append_event({.type = "t", .session = b.chat, .message_seq = 1})),
             CALL(ok, t.append_event({.type = type, .payload = payload, .call_id = type})),
             CALL(ok, t.append_event({.type = "t", .payload = "null"})),
             CALL(ok, t.append_event({.type = "t", .document = a.bare})),
             CALL(ok, t.append_event({.type = "t", .document = a.document, .rev = 3})),
             CALL(ok, t.append_event({.type = "t", .session = a.chat, .message_seq = 4})),
         });
}

TEST_CASE("events: one reads back as it was given") {
  World w;
  const Rich a = enrich(w.store(), w.user("a@x"), "a");
  const Tenant t = w.store().tenant(a.owner);
  const Event e = t.event(a.event).value();
  CHECK(e.id() == a.event);
  CHECK(e.type() == "agent.step");
  CHECK(e.payload() == R"({"a":1})");
  CHECK(e.project() == a.project);
  CHECK(e.document() == a.document);
  CHECK(e.rev() == 2u);
  CHECK(e.session() == a.chat);
  CHECK(e.message_seq() == 1u);
  CHECK(e.call_id() == "call-1");
  CHECK_FALSE(e.is_audit());
  CHECK(e.month() == 202508);
  CHECK((e.id() >> 16) == e.commit_seq());
  CHECK(e.created_at() == Time{kStartUs});
  const Event bare = t.event(t.append_event({.type = "bare"}).value()).value();
  CHECK_FALSE(bare.payload().has_value());
  CHECK_FALSE(bare.project().has_value());
  CHECK_FALSE(bare.document().has_value());
  CHECK_FALSE(bare.rev().has_value());
  CHECK_FALSE(bare.session().has_value());
  CHECK_FALSE(bare.message_seq().has_value());
  CHECK_FALSE(bare.call_id().has_value());
  check_calls({
      CALL(not_found, t.event(0)),
      CALL(not_found, t.event(a.event + 1)),
      CALL(not_found, t.event(a.event - 1)),
      CALL(not_found, t.event(~0ull)),
  });
}

TEST_CASE("events: ids rise in commit order, and within a commit") {
  World w;
  const Tenant t = w.tenant("a@x");
  std::vector<uint64_t> ids;
  for (int commit = 0; commit < 3; ++commit) {
    WriteBatch batch = t.batch();
    for (int i = 0; i < 3; ++i) {
      batch.append_event({.type = std::to_string(commit) + "." + std::to_string(i)});
    }
    w.clock->advance(-kSecondUs);
    const Receipt receipt = t.commit(batch).value();
    for (const Receipt::Operation& operation : receipt.operations) {
      CHECK(operation.id.is_nil());
      CHECK((operation.number >> 16) == receipt.commit_seq);
      ids.push_back(operation.number);
    }
  }
  REQUIRE(ids.size() == 9);
  CHECK(std::is_sorted(ids.begin(), ids.end()));
  CHECK(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
  const std::vector<std::string> in_order = {"0.0", "0.1", "0.2", "1.0", "1.1",
                                             "1.2", "2.0", "2.1", "2.2"};
  CHECK(types_of(t.events({.with_audit = false})) == in_order);
  const std::vector<std::string> backward(in_order.rbegin(), in_order.rend());
  CHECK(types_of(t.events({.newest_first = true, .with_audit = false})) == backward);
  CHECK(types_of(t.events({.newest_first = true, .limit = 2})) ==
        std::vector<std::string>{"2.2", "2.1"});
  for (size_t i = 0; i < ids.size(); ++i) {
    const Event e = t.event(ids[i]).value();
    CHECK(e.type() == in_order[i]);
  }
}

TEST_CASE("events: of one month") {
  World w;
  const Tenant t = w.tenant("a@x");
  const auto at = [&](std::string_view time) { w.clock->set(parse_time(time)->us); };
  at("2025-08-31T23:59:59.999999Z");
  t.append_event({.type = "august"}).value();
  at("2025-09-01T00:00:00Z");
  t.append_event({.type = "september"}).value();
  at("2025-11-05T00:00:00Z");
  t.append_event({.type = "november"}).value();
  using Types = std::vector<std::string>;
  CHECK(types_of(t.events({.month = 202508, .with_audit = false})) == Types{"august"});
  CHECK(types_of(t.events({.month = 202509})) == Types{"september"});
  CHECK(types_of(t.events({.month = 202510})).empty());
  CHECK(types_of(t.events({.newest_first = true, .month = 202511})) == Types{"november"});
  CHECK(types_of(t.events({.with_audit = false})) == Types{"august", "september", "november"});
}

TEST_CASE("events: the audit of a service can be left out, pages stay full") {
  World w;
  const Tenant t = w.tenant("a@x");
  for (int i = 0; i < 4; ++i) {
    w.service().tenant(t.owner()).append_event({.type = "by service"}).value();
    t.append_event({.type = "own"}).value();
  }
  size_t audits = 0;
  size_t others = 0;
  Cursor<Event> all = t.events();
  while (all.next()) ++(all->is_audit() ? audits : others);
  CHECK(others == 8);
  CHECK(audits >= 5);  // the sign-up and four writes
  const auto not_audit = [](const Event& e) { return !e.is_audit(); };
  CHECK(rows_of(t.events({.limit = 5, .with_audit = false}), not_audit) ==
        std::vector<bool>(5, true));
  CHECK(rows_of(t.events({.newest_first = true, .limit = 8, .with_audit = false}), not_audit) ==
        std::vector<bool>(8, true));
}

}  // namespace
}  // namespace bcstore
