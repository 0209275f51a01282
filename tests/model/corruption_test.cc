// Corruption: a damaged record answers `corruption` naming its table and key; every other record
// stays readable, and a list stops at the damage and says so.
#include <functional>
#include <string>
#include <vector>

#include "planted.h"
#include "walk.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using format::Key;
using format::Kind;

struct Damaged : EngineWorld {
  Rich a = enrich(store(), user("a@x"), "a");
  Rich b = enrich(store(), user("b@x"), "b");

  Key key(Kind kind) const { return Key(a.owner, kind); }
  // Runs `look` on the store as it is after one row was changed, with nothing cached, and puts the
  // row back.
  void with_value(const Row& row, std::string_view value, const std::function<void()>& look) {
    put(row.family, row.key, value);
    reopen();
    look();
    put(row.family, row.key, row.value);
  }
};

void check_corrupt(const Status& answer, const Row& row) {
  INFO(answer.to_string());
  CHECK(name_of(answer) == "corruption");
  const std::string message(answer.message());
  const format::KindInfo* info = format::parse_key(row.key);
  REQUIRE(info != nullptr);
  CHECK(message.find(info->name) != std::string::npos);
  CHECK(message.find(format::to_hex(row.key)) != std::string::npos);
}

struct Target {
  std::string name;
  std::function<std::string(Damaged&)> key;
  std::function<Status(const Tenant&, const Rich&)> read;
};

#define TARGET(key_of_row, ...)                                               \
  Target {                                                                    \
#__VA_ARGS__, [](Damaged& w) -> std::string { return key_of_row.str(); },   \
        [](const Tenant& t, const Rich& r) {                                    \
          (void)r;                                                              \
          return ::bcstore::fixture::status_of(__VA_ARGS__);                    \
        } \
  }

// Content is verified when it is asked for, if not before.
Status content_of(Result<Revision> revision) {
  if (!revision.ok()) return revision.status();
  return revision->content().status();
}

const std::vector<Target>& targets() {
  static const std::vector<Target> kAll = {
      TARGET(w.key(Kind::user).not_u32(2), t.profile()),
      TARGET(w.key(Kind::project).append(w.a.project), t.project(r.project)),
      TARGET(w.key(Kind::project).append(w.a.project), t.projects()),
      TARGET(w.key(Kind::project_version).append(w.a.project).not_u32(1), t.version(r.project, 1)),
      TARGET(w.key(Kind::project_version).append(w.a.project).not_u32(2), t.versions(r.project)),
      TARGET(w.key(Kind::project_status).append(w.a.project).not_u32(2),
             t.status_history(r.project)),
      TARGET(w.key(Kind::document).append(w.a.document), t.document(r.document)),
      TARGET(w.key(Kind::document).append(w.a.document), t.documents(r.project, 1)),
      TARGET(w.key(Kind::document).append(w.a.document), t.latest_documents(r.project)),
      TARGET(w.key(Kind::document_slot).append(w.a.project).u32(1).u8(2),
             t.documents(r.project, 1)),
      TARGET(w.key(Kind::revision).append(w.a.document).not_u32(1),
             content_of(t.revision(r.document, 1))),
      TARGET(w.key(Kind::revision).append(w.a.document).not_u32(3),
             content_of(t.newest_revision(r.document))),
      TARGET(w.key(Kind::document_lock).append(w.a.document).not_u32(1),
             t.lock_history(r.document)),
      TARGET(w.key(Kind::task_place).append(w.a.task), t.task(r.task)),
      TARGET(w.key(Kind::task_revision).append(w.a.task).not_u32(1), t.task_revision(r.task, 1)),
      TARGET(w.key(Kind::task_activity).append(w.a.task).not_u64(1), t.activity(r.task)),
      TARGET(w.key(Kind::session).append(w.a.chat), t.session(r.chat)),
      TARGET(w.key(Kind::session).append(w.a.chat), t.sessions(r.project)),
      TARGET(w.key(Kind::message).append(w.a.chat).not_u32(202508).not_u64(2),
             t.message(r.chat, 2)),
      TARGET(w.key(Kind::message).append(w.a.chat).not_u32(202508).not_u64(3), t.messages(r.chat)),
      TARGET(w.key(Kind::message_id).append(w.a.message_id), t.message(r.message_id)),
      TARGET(w.key(Kind::event).not_u32(202508).not_u64(w.a.event), t.event(r.event)),
      TARGET(w.key(Kind::event).not_u32(202508).not_u64(w.a.event), t.events()),
      TARGET(w.key(Kind::call).not_u32(202508).not_u64(w.a.call), t.call(r.call)),
      TARGET(w.key(Kind::call).not_u32(202508).not_u64(w.a.call), t.calls()),
      TARGET(w.key(Kind::credit_account), t.credits()),
      TARGET(w.key(Kind::credit_counter), t.credits()),
      TARGET(w.key(Kind::credit_entry).not_u64(1), t.credit_entries()),
      TARGET(w.key(Kind::credit_hold).append(w.a.hold), t.credit_hold(r.hold)),
      TARGET(w.key(Kind::credit_hold).append(w.a.hold), t.credit_holds()),
  };
  return kAll;
}

TEST_CASE("corruption: a changed byte is told by the read that meets it, others go on") {
  Damaged w;
  const std::string others = walk(w.store().tenant(w.b.owner));
  for (const Target& target : targets()) {
    CAPTURE(target.name);
    const Row row = row_at(w, target.key(w));
    // In the checksum and in the last byte: the next test takes every bit of one record.
    for (const size_t byte : {size_t{9}, row.value.size() - 1}) {
      CAPTURE(byte);
      w.with_value(row, flipped(row.value, byte, 3), [&] {
        const Tenant t = w.store().tenant(w.a.owner);
        check_corrupt(target.read(t, w.a), row);
        CHECK(walk(w.store().tenant(w.b.owner)) == others);
        CHECK_CODE(ok, t.owner_seq());
      });
    }
  }
  w.reopen();
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("corruption: no changed bit of a record is ever read as something else") {
  Damaged w;
  const Tenant t = w.store().tenant(w.a.owner);
  const ChatMessage whole = t.message(w.a.chat, 2).value();
  const std::string as_it_was = shown(whole);
  const Row row = row_at(w, w.key(Kind::message).append(w.a.chat).not_u32(202508).not_u64(2));
  size_t told = 0;
  for (size_t bit = 0; bit < 8 * row.value.size(); ++bit) {
    w.put(row.family, row.key, flipped(row.value, bit / 8, static_cast<int>(bit % 8)));
    told += t.message(w.a.chat, 2).code() == Code::corruption ? 1u : 0u;
  }
  CHECK(told == 8 * row.value.size());
  told = 0;
  for (size_t size = 0; size < row.value.size(); ++size) {
    w.put(row.family, row.key, row.value.substr(0, size));
    told += t.message(w.a.chat, 2).code() == Code::corruption ? 1u : 0u;
  }
  CHECK(told == row.value.size());
  w.put(row.family, row.key, row.value + "x");
  CHECK_CODE(corruption, t.message(w.a.chat, 2));
  // A good record of another message is not this one.
  const Row other = row_at(w, w.key(Kind::message).append(w.a.chat).not_u32(202508).not_u64(3));
  w.put(row.family, row.key, other.value);
  CHECK_CODE(corruption, t.message(w.a.chat, 2));
  w.put(row.family, row.key, row.value);
  CHECK(shown(t.message(w.a.chat, 2).value()) == as_it_was);
  CHECK(shown(whole) == as_it_was);
}

TEST_CASE("corruption: a list gives the rows before the damage, then stops with the code") {
  Damaged w;
  const Row row = row_at(w, w.key(Kind::message).append(w.a.chat).not_u32(202508).not_u64(3));
  w.put(row.family, row.key, flipped(row.value, row.value.size() - 1));
  const Tenant t = w.store().tenant(w.a.owner);
  for (const bool newest_first : {false, true}) {
    std::vector<uint64_t> seqs;
    Cursor<ChatMessage> rows = t.messages(w.a.chat, {.newest_first = newest_first});
    while (rows.next()) seqs.push_back(rows->seq());
    CHECK(seqs == (newest_first ? std::vector<uint64_t>{4} : std::vector<uint64_t>{1, 2}));
    check_corrupt(rows.status(), row);
    CHECK_FALSE(rows.next());
    CHECK(name_of(rows.status()) == "corruption");
  }
  // Rows on the other side are reached from there.
  const auto seq = [](const ChatMessage& m) { return m.seq(); };
  CHECK(rows_of(t.messages(w.a.chat, {.from_seq = 4}), seq) == std::vector<uint64_t>{4});
  CHECK(rows_of(t.messages(w.a.chat, {.newest_first = true, .from_seq = 2}), seq) ==
        std::vector<uint64_t>{2, 1});
  check_calls({
      CALL(ok, t.message(w.a.chat, 1)),
      CALL(corruption, t.message(w.a.chat, 3)),
      CALL(ok, t.message(w.a.chat, 4)),
      CALL(ok, t.last_seq(w.a.chat)),
      CALL(ok, t.append_message(w.a.chat, {.role = Role::user, .content = "goes on"})),
      CALL(ok, t.session(w.a.chat)),
  });
}

TEST_CASE("corruption: a fork that hangs on itself is told, and ends") {
  Damaged w;
  const Row row = row_at(w, w.key(Kind::session).append(w.a.fork));
  const std::string itself = remade<fb::SessionHead>(row, row.key, [&](fb::SessionHead& head) {
    for (size_t i = 0; i < w.a.fork.uuid().bytes.size(); ++i) {
      head.mutable_parent()->mutable_bytes()->Mutate(static_cast<flatbuffers::uoffset_t>(i),
                                                     w.a.fork.uuid().bytes[i]);
    }
  });
  w.with_value(row, itself, [&] {
    const Tenant t = w.store().tenant(w.a.owner);
    check_corrupt(t.message(w.a.fork, 1).status(), row);
    check_corrupt(status_of(t.messages(w.a.fork)), row);
    CHECK_CODE(ok, t.message(w.a.fork, 2));
    CHECK_CODE(corruption, t.context(w.a.project));
    CHECK_CODE(corruption, t.fork_chat(w.a.fork, 1, {}));
  });
}

TEST_CASE("corruption: of many asked for at once, one is damaged") {
  Damaged w;
  const Row row = row_at(w, w.key(Kind::project).append(w.a.project));
  w.with_value(row, flipped(row.value, 20), [&] {
    const Tenant t = w.store().tenant(w.a.owner);
    const std::vector<ProjectId> ids = {w.a.neighbour, w.a.project, w.a.neighbour};
    const std::vector<Result<Project>> got = t.get(ids);
    REQUIRE(got.size() == 3);
    CHECK(got[0].ok());
    check_corrupt(got[1].status(), row);
    CHECK(got[2].ok());
    // What would need the damaged record is refused, and nothing is written.
    const uint64_t commits = w.commits();
    CHECK_CODE(corruption, t.add_version(w.a.project, {}));
    CHECK(w.commits() == commits);
    CHECK_CODE(ok, t.add_version(w.a.neighbour, {}));
  });
}

TEST_CASE("corruption: damage of the store record is told when it is opened") {
  EngineWorld w;
  w.user("a@x");
  const Row row = rows_of_kind(w, kSystemOwner, Kind::store).at(0);
  w.put(row.family, row.key, flipped(row.value, row.value.size() - 1));
  CHECK_CODE(ok, w.store().close());
  w.held.reset();
  w.watch->engine.reset();
  CHECK_CODE(corruption, Store::open(w.path, w.options));
}

TEST_CASE("check: more violations than are listed are counted") {
  Damaged w;
  const std::vector<Row> rows = rows_of_kind(w, w.a.owner, Kind::audit);
  REQUIRE(rows.size() >= 3);
  for (const Row& row : rows) w.put(row.family, row.key, flipped(row.value, 0));
  const CheckReport all = w.store().check().value();
  const CheckReport few = w.store().check({.max_violations = 2}).value();
  CHECK(all.violations >= rows.size());
  CHECK(all.listed.size() == all.violations);
  CHECK(few.violations == all.violations);
  CHECK(few.listed.size() == 2);
}

}  // namespace
}  // namespace bcstore
