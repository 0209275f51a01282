// Credits: two buckets, spending, grants, calendar resets, unlimited use, and the ledger that adds
// up to the balance.
#include <algorithm>

#include "engine_world.h"
#include "format/counter.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};

Time day(std::string_view date) { return *parse_time(std::string(date) + "T00:00:00Z"); }

struct Account : World {
  explicit Account(const Tweak& tweak = {}) : World(tweak) {}
  UserId owner = user("a@x");
  Tenant t = held->tenant(owner);
  Service s = service("billing");

  std::optional<int32_t> remaining() { return t.credits().value().remaining; }
  // allowance + granted, as told by a read.
  std::string buckets() {
    const Credits c = t.credits().value();
    return std::to_string(c.allowance) + "+" + std::to_string(c.granted);
  }
  // "kind amount allowance granted" of each entry, oldest first.
  std::vector<std::string> ledger() {
    return rows_of(
        t.credit_entries({.reverse = true, .limit = kMaxPageRows}), [](const CreditEntry& e) {
          return std::string(to_string(e.kind())) + " " + std::to_string(e.amount()) + " " +
                 std::to_string(e.allowance_delta()) + " " + std::to_string(e.granted_delta());
        });
  }
  void sound() {
    const CheckReport report = held->check().value();
    for (const auto& v : report.listed) {
      MESSAGE(v.table, ' ', v.key, ' ', v.rule, ": ", v.detail);
    }
    CHECK(report.violations == 0);
  }
};

using Lines = std::vector<std::string>;

TEST_CASE("credits: a user is born with ten, or what the options say") {
  Account w;
  CHECK(w.remaining() == 10);
  CHECK(w.buckets() == "10+0");
  CHECK_FALSE(w.t.credits().value().resets_at);
  CHECK(w.t.credits().value().plan_allowance == 10);
  CHECK(w.ledger() == Lines{"opening 0 10 0"});
  Account none([](Options& o) { o.initial_credits = 0; });
  CHECK(none.remaining() == 0);
  CHECK_CODE(out_of_credits, none.t.consume_credit());
  World plain;
  Options negative = plain.options;
  negative.initial_credits = -1;
  CHECK_CODE(invalid_argument, Store::open(plain.directory.sub("other"), negative));
  w.sound();
}

TEST_CASE("credits: the last one succeeds with nothing left, the next is refused and not written") {
  Account w;
  for (int32_t left = 10; left-- > 0;) CHECK(w.t.consume_credit().value() == left);
  const uint64_t commits = w.commits();
  const Status refused = w.t.consume_credit().status();
  CHECK(name_of(refused) == "out_of_credits");
  CHECK(refused.remaining() == 0);
  CHECK_FALSE(refused.resets_at());
  CHECK_FALSE(refused.actual());
  CHECK(w.commits() == commits);
  CHECK(w.ledger().size() == 11);
  w.reopen();
  CHECK(w.store().tenant(w.owner).credits().value().remaining == 0);
  w.sound();
}

TEST_CASE("credits: the allowance is spent before what was granted") {
  Account w;
  w.s.grant_credits(w.owner, {.amount = 5, .reason = "bought"}).value();
  CHECK(w.buckets() == "10+5");
  CHECK(w.t.consume_credit({.amount = 12, .reason = "a long answer"}).value() == 3);
  CHECK(w.buckets() == "0+3");
  CHECK_CODE(out_of_credits, w.t.consume_credit({.amount = 4}));
  CHECK(w.t.consume_credit({.amount = 3}).value() == 0);
  CHECK(w.ledger() ==
        Lines{"opening 0 10 0", "grant 5 0 5", "consume 12 -10 -2", "consume 3 0 -3"});
  Cursor<CreditEntry> newest = w.t.credit_entries({.limit = 2});
  REQUIRE(newest.next());
  CHECK(newest->number() == 4);
  CHECK_FALSE(newest->reason());
  REQUIRE(newest.next());
  CHECK(newest->reason() == "a long answer");
  CHECK(newest->actor() == Actor::of_user(w.owner));
  w.sound();
}

TEST_CASE("credits: a spending lands with what it pays for, or neither does") {
  Account w;
  const ProjectId p = w.t.create_project({.name = "P", .idea_prompt = ""}).value();
  const ChatSessionId chat = w.t.start_chat(p).value();
  WriteBatch turn = w.t.batch();
  turn.append_message(chat, {.role = Role::user, .content = "?"});
  turn.consume_credit({.amount = 10});
  const Receipt done = w.t.commit(turn).value();
  CHECK(done.operations.at(1).number == 0);
  turn.append_message(chat, {.role = Role::user, .content = "again"});
  turn.consume_credit();
  const Status refused = w.t.commit(turn).status();
  CHECK(name_of(refused) == "out_of_credits");
  CHECK(refused.operation() == 1);
  CHECK(w.t.last_seq(chat).value() == 1);
  w.sound();
}

TEST_CASE("credits: unlimited use lies over the balance and leaves it") {
  Account w;
  w.t.consume_credit({.amount = 4}).value();
  w.s.set_unlimited(w.owner, true).value();
  CHECK_FALSE(w.remaining());
  CHECK(w.t.consume_credit({.amount = 1000}).value() == std::nullopt);
  CHECK(w.buckets() == "6+0");
  w.s.set_unlimited(w.owner, false).value();
  CHECK(w.remaining() == 6);
  CHECK(w.ledger() == Lines{"opening 0 10 0", "consume 4 -4 0", "unlimited 0 0 0",
                            "consume 1000 0 0", "unlimited 0 0 0"});
  w.sound();
}

TEST_CASE("credits: a reset is computed by reads and written by the next change") {
  Account w;  // the clock stands at 2025-08-15
  w.s.set_credit_plan(w.owner, {.allowance = 20, .resets_at = day("2025-08-31")}).value();
  w.s.grant_credits(w.owner, {.amount = 3}).value();
  CHECK(w.t.consume_credit({.amount = 11}).value() == 2);
  w.clock->set(day("2025-08-31").us - 1);
  CHECK(w.remaining() == 2);
  CHECK(w.t.credits().value().resets_at == day("2025-08-31"));
  w.clock->advance(1);
  const uint64_t commits = w.commits();
  CHECK(w.buckets() == "20+2");
  CHECK(w.t.credits().value().resets_at == day("2025-09-30"));
  CHECK(w.commits() == commits);
  CHECK(w.ledger().size() == 4);

  w.clock->advance(7 * kSecondUs);
  CHECK(w.t.consume_credit().value() == 21);
  CHECK(w.ledger().at(4) == "reset 0 20 0");
  Cursor<CreditEntry> newest = w.t.credit_entries({.limit = 2});
  REQUIRE(newest.next());
  REQUIRE(newest.next());
  CHECK(newest->created_at() == day("2025-08-31"));
  CHECK(newest->actor().kind == ActorKind::system);
  w.sound();
}

TEST_CASE("credits: missed months collapse to one reset, on the clamped anchor day") {
  Account w;
  w.s.set_credit_plan(w.owner, {.allowance = 5, .resets_at = day("2025-08-31")}).value();
  w.clock->set(day("2026-02-28").us + 1);
  CHECK(w.t.credits().value().resets_at == day("2026-03-31"));
  CHECK(w.t.consume_credit().value() == 4);
  CHECK(w.ledger() == Lines{"opening 0 10 0", "plan 0 0 0", "reset 0 -5 0", "consume 1 -1 0"});
  Cursor<CreditEntry> rows = w.t.credit_entries({.limit = 2});
  REQUIRE((rows.next() && rows.next()));
  CHECK(rows->created_at() == day("2026-02-28"));
  w.sound();
}

TEST_CASE(
    "credits: the anchor day outlives a reset that was written on a shorter month's last day") {
  Account w;
  w.clock->set(day("2026-01-15").us);
  w.s.set_credit_plan(w.owner, {.allowance = 5, .resets_at = day("2026-01-31")}).value();
  for (const std::string_view due : {"2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"}) {
    INFO(due);
    CHECK(w.t.credits().value().resets_at == day(due));
    w.clock->set(day(due).us + kSecondUs);
    CHECK(w.t.consume_credit().value() == 4);
    Cursor<CreditEntry> rows = w.t.credit_entries({.limit = 2});
    REQUIRE((rows.next() && rows.next()));
    CHECK(rows->kind() == CreditEntryKind::reset);
    CHECK(rows->created_at() == day(due));
  }
  w.reopen();
  w.t = w.held->tenant(w.owner);
  CHECK(w.t.credits().value().resets_at == day("2026-05-31"));
  w.sound();
}

TEST_CASE("credits: a plan whose date has passed brings no reset, however often it is set") {
  Account w;  // 2025-08-15
  w.t.consume_credit({.amount = 7}).value();
  for (int i = 0; i < 2; ++i) {
    w.s.set_credit_plan(w.owner, {.allowance = 20, .resets_at = day("2025-05-31")}).value();
    CHECK(w.remaining() == 3);
    CHECK(w.t.credits().value().resets_at == day("2025-08-31"));
  }
  // On the very day of a reset the next one is a month away.
  w.s.set_credit_plan(w.owner, {.allowance = 20, .resets_at = day("2025-08-15")}).value();
  CHECK(w.t.credits().value().resets_at == day("2025-09-15"));
  CHECK(w.remaining() == 3);
  w.sound();
}

TEST_CASE("credits: a clock that is set back takes no reset back from what is read") {
  Account w;
  w.s.set_credit_plan(w.owner, {.allowance = 20, .resets_at = day("2025-09-01")}).value();
  w.t.consume_credit({.amount = 10}).value();
  w.clock->set(day("2025-09-01").us);
  w.tenant("b@x");  // somebody's commit, in the new period
  w.clock->set(day("2025-09-01").us - kSecondUs);
  // What a spending will find is what is told.
  CHECK(w.remaining() == 20);
  w.reopen();
  w.t = w.held->tenant(w.owner);
  CHECK(w.remaining() == 20);
  CHECK(w.t.consume_credit().value() == 19);
}

TEST_CASE("credits: an import leaves a reset that is due written") {
  Account w;
  w.s.set_credit_plan(w.owner, {.allowance = 20, .resets_at = day("2025-09-01")}).value();
  w.t.consume_credit({.amount = 10}).value();
  w.clock->set(day("2025-09-02").us);
  Importer i = w.s.importer(w.owner);
  i.credits({}, {.created_at = day("2025-09-02"), .actor = Actor::of_system("import")});
  CHECK(i.commit().value().at(0).outcome == ImportOutcome::written);
  w.s.set_unlimited(w.owner, false).value();
  CHECK(w.buckets() == "20+0");
  w.sound();
}

TEST_CASE("credits: what an import calls its rows never meets a balance") {
  for (const bool balance_first : {false, true}) {
    CAPTURE(balance_first);
    Account w;
    const ProjectId p = w.t.create_project({.name = "P", .idea_prompt = ""}).value();
    // The same id as the user's: ids of different kinds are apart.
    const TaskId task(w.owner.uuid());
    w.t.create_task(p, {.title = "T", .id = task}).value();
    Importer i = w.s.importer(w.owner);
    const Importer::Row row{.created_at = day("2025-08-01"), .actor = Actor::of_system("import")};
    if (balance_first) i.credits({.remaining = 3}, row);
    i.event({.type = "e"}, "credits", row);
    i.activity(task, TaskAction::complete, "credits", row);
    if (!balance_first) i.credits({.remaining = 3}, row);
    for (const ImportedRow& answer : i.commit().value()) {
      INFO(answer.status.to_string());
      CHECK(answer.outcome == ImportOutcome::written);
    }
    CHECK(w.remaining() == 3);
    w.sound();
  }
}

TEST_CASE("credits: a clock that is set back never resets twice") {
  Account w;
  w.s.set_credit_plan(w.owner, {.allowance = 5, .resets_at = day("2025-09-01")}).value();
  w.clock->set(day("2025-09-02").us);
  CHECK(w.t.consume_credit().value() == 4);
  w.clock->set(day("2025-08-20").us);
  CHECK(w.t.consume_credit().value() == 3);
  w.clock->set(day("2025-09-03").us);
  CHECK(w.t.consume_credit().value() == 2);
  w.reopen();
  w.clock->set(day("2025-09-01").us);
  CHECK(w.store().tenant(w.owner).consume_credit().value() == 1);
  w.sound();
}

TEST_CASE("credits: a refused spending writes no reset either, and tells of the next one") {
  Account w;
  w.s.set_credit_plan(w.owner, {.allowance = 1, .resets_at = day("2025-09-01"), .refill = true})
      .value();
  CHECK(w.t.consume_credit().value() == 0);
  w.clock->set(day("2025-09-01").us);
  const uint64_t commits = w.commits();
  const Status refused = w.t.consume_credit({.amount = 2}).status();
  CHECK(refused.remaining() == 1);
  CHECK(refused.resets_at() == day("2025-10-01"));
  CHECK(w.commits() == commits);
  CHECK(w.t.consume_credit().value() == 0);
  w.sound();
}

TEST_CASE("credits: another plan changes the balance at the next reset, or now") {
  Account w;
  w.t.consume_credit({.amount = 7}).value();
  w.s.set_credit_plan(w.owner, {.allowance = 50, .reason = "pro"}).value();
  CHECK(w.buckets() == "3+0");
  w.s.set_credit_plan(w.owner, {.allowance = 50, .refill = true}).value();
  CHECK(w.buckets() == "50+0");
  w.s.set_credit_plan(w.owner, {.allowance = 0, .refill = true}).value();
  CHECK_CODE(out_of_credits, w.t.consume_credit());
  w.sound();
}

TEST_CASE("credits: what was decided stays while deltas are folded at every length of the chain") {
  Account w([](Options& o) { o.initial_credits = 400; });
  for (int32_t left = 400; left-- > 0;) {
    REQUIRE(w.t.consume_credit({}, kRelaxed).value() == left);
    REQUIRE(w.remaining() == left);
    if (left % 97 == 0) {
      w.reopen();
      w.t = w.store().tenant(w.owner);
      w.s = w.service("billing");
      REQUIRE(w.remaining() == left);
    }
  }
  CHECK_CODE(out_of_credits, w.t.consume_credit());
  w.sound();
}

TEST_CASE("credits: an idempotency key charges once, a refusal is not remembered") {
  Account w;
  const CommitOptions once{.idempotency_key = "turn-1"};
  CHECK(w.t.consume_credit({.amount = 2}, once).value() == 8);
  CHECK(w.t.consume_credit({.amount = 2}, once).value() == 8);
  CHECK_CODE(conflict, w.t.consume_credit({.amount = 3}, once));
  CHECK(w.remaining() == 8);
  const CommitOptions later{.idempotency_key = "turn-2"};
  CHECK_CODE(out_of_credits, w.t.consume_credit({.amount = 9}, later));
  w.s.grant_credits(w.owner, {.amount = 1}, {.idempotency_key = "g"}).value();
  w.s.grant_credits(w.owner, {.amount = 1}, {.idempotency_key = "g"}).value();
  CHECK(w.t.consume_credit({.amount = 9}, later).value() == 0);
  w.sound();
}

TEST_CASE("credits: expected_remaining") {
  Account w;
  CHECK(w.t.consume_credit({.expected_remaining = 10}).value() == 9);
  const Status stale = w.t.consume_credit({.expected_remaining = 10}).status();
  CHECK(name_of(stale) == "conflict");
  CHECK(stale.actual() == 9);
  w.s.set_unlimited(w.owner, true).value();
  CHECK(w.t.consume_credit({.expected_remaining = 9}).status().actual() == kUnlimitedCredits);
}

TEST_CASE("credits: who may do what, and bad arguments") {
  Account w;
  const Tenant other = w.tenant("b@x");
  const Tenant agent = w.t.as_agent("planner");
  const UserId nobody = forged<UserId>(1);
  const int32_t below = -1;
  const std::string_view bad_text("a\0b", 3);
  check_writes(
      w, {
             CALL(failed_precondition, agent.consume_credit()),
             CALL(ok, w.s.tenant(w.owner).consume_credit()),
             CALL(not_found, w.store().tenant(nobody).consume_credit()),
             CALL(not_found, w.store().tenant(nobody).credits()),
             CALL(not_found, w.store().tenant(nobody).credit_entries()),
             CALL(not_found, w.s.grant_credits(nobody, {.amount = 1})),
             CALL(not_found, w.s.set_credit_plan(nobody, {.allowance = 1})),
             CALL(not_found, w.s.set_unlimited(nobody, true)),
             CALL(invalid_argument, w.s.grant_credits(UserId(), {.amount = 1})),
             CALL(invalid_argument, w.store().tenant(UserId()).credits()),
             CALL(invalid_argument, w.t.consume_credit({.amount = 0})),
             CALL(invalid_argument, w.t.consume_credit({.amount = below})),
             CALL(invalid_argument, w.t.consume_credit({.amount = INT32_MIN})),
             CALL(out_of_credits, w.t.consume_credit({.amount = INT32_MAX})),
             CALL(invalid_argument, w.t.consume_credit({.reason = bad_text})),
             CALL(invalid_argument, w.t.consume_credit({.expected_remaining = below})),
             CALL(invalid_argument, w.s.grant_credits(w.owner, {.amount = 0})),
             CALL(invalid_argument, w.s.grant_credits(w.owner, {.amount = below})),
             CALL(invalid_argument, w.s.grant_credits(w.owner, {.amount = INT32_MAX})),
             CALL(ok, w.s.grant_credits(w.owner, {.amount = INT32_MAX - 10})),
             CALL(invalid_argument, w.s.grant_credits(w.owner, {.amount = 2})),
             CALL(invalid_argument, w.s.set_credit_plan(w.owner, {.allowance = below})),
             CALL(invalid_argument, w.s.set_credit_plan(w.owner, {.allowance = 100})),
             CALL(invalid_argument,
                  w.s.set_credit_plan(w.owner, {.allowance = 1, .resets_at = Time{1}})),
             CALL(invalid_argument,
                  w.s.set_credit_plan(w.owner, {.allowance = 1, .resets_at = Time{INT64_MAX}})),
         });
  CHECK(other.credits().value().remaining == 10);
  w.sound();
}

TEST_CASE("credits: an imported balance, once") {
  Account w;
  Importer i = w.s.importer(w.owner);
  const Importer::Row row{.created_at = day("2024-01-05"), .actor = Actor::of_system("import")};
  const auto land = [&] { return i.commit().value().at(0); };
  i.credits({.remaining = 3, .resets_at = day("2025-09-30")}, row);
  CHECK(land().outcome == ImportOutcome::written);
  CHECK(w.buckets() == "3+0");
  CHECK(w.t.consume_credit().value() == 2);
  i.credits({.remaining = 3, .resets_at = day("2025-09-30")}, row);
  CHECK(land().outcome == ImportOutcome::present);
  i.credits({.remaining = 4, .resets_at = day("2025-09-30")}, row);
  CHECK(name_of(land().status) == "conflict");
  const int32_t below = -5;
  i.credits({.remaining = below}, row);
  CHECK(name_of(land().status) == "invalid_argument");
  CHECK(w.buckets() == "2+0");

  // NULL in the other system: unlimited, and no subscription.
  const UserId rich = w.user("rich@x");
  Importer j = w.s.importer(rich);
  j.credits({}, row);
  CHECK(j.commit().value().at(0).outcome == ImportOutcome::written);
  const Tenant t = w.store().tenant(rich);
  CHECK_FALSE(t.credits().value().remaining);
  CHECK(t.credits().value().allowance == 10);
  CHECK_FALSE(t.profile().value().is_pro());
  w.sound();
}

TEST_CASE("credits: a snapshot keeps its balance") {
  Account w;
  const Snapshot before = w.t.snapshot().value();
  w.t.consume_credit({.amount = 6}).value();
  CHECK(w.t.credits({.snapshot = &before}).value().remaining == 10);
  CHECK(w.remaining() == 4);
  CHECK(rows_of(w.t.credit_entries({.snapshot = &before}),
                [](const CreditEntry& e) { return e.number(); }) == std::vector<uint64_t>{1});
}

TEST_CASE("credits: a poisoned counter is its owner's corruption alone") {
  EngineWorld w;
  const UserId a = w.user("a@x");
  const UserId b = w.user("b@x");
  const format::Key key(a, format::Kind::credit_counter);
  const auto changes = w.engine().new_changes();
  changes->merge(engine::Family::credits, key, "nonsense");
  REQUIRE(w.engine().apply(*changes, false).ok());
  CHECK_CODE(corruption, w.store().tenant(a).credits());
  CHECK_CODE(ok, w.store().tenant(a).profile());
  CHECK_CODE(ok, w.store().tenant(b).credits());
  CHECK_CODE(ok, w.store().tenant(b).consume_credit());
  w.reopen();
  CHECK_CODE(corruption, w.store().tenant(a).consume_credit());
  CHECK_CODE(ok, w.store().tenant(b).consume_credit());
  CHECK(w.store().check().value().violations == 1);
}

TEST_CASE("credits: a statement is the entries of a span of time, whatever its ends are") {
  Account w;
  std::vector<int64_t> times = {kStartUs};
  for (int n = 0; n < 9; ++n) {
    w.clock->advance(n % 3 == 0 ? 0 : kSecondUs);  // some share an instant
    times.push_back(w.clock->now().us);
    w.t.consume_credit().value();
  }
  const auto numbers = [](Cursor<CreditEntry> cursor) {
    return rows_of(std::move(cursor), [](const CreditEntry& e) { return e.number(); });
  };
  for (int64_t from = kStartUs - kSecondUs; from < kStartUs + 8 * kSecondUs;
       from += kSecondUs / 2) {
    for (int64_t to = from; to < kStartUs + 8 * kSecondUs; to += kSecondUs / 2) {
      std::vector<uint64_t> expected;
      for (size_t i = 0; i < times.size(); ++i) {
        if (times[i] >= from && times[i] < to) expected.push_back(i + 1);
      }
      CHECK(numbers(w.t.statement(Time{from}, Time{to})) == expected);
      std::reverse(expected.begin(), expected.end());
      CHECK(numbers(w.t.statement(Time{from}, Time{to}, {.reverse = true})) == expected);
    }
  }
  // Page by page.
  std::vector<uint64_t> paged;
  std::string after;
  do {
    Cursor<CreditEntry> page =
        w.t.statement(Time{kStartUs}, Time{INT64_MAX}, {.limit = 3, .after = after});
    after.clear();
    while (page.next()) {
      paged.push_back(page->number());
      after = page.token();
    }
    CHECK(page.status().ok());
  } while (!after.empty());
  CHECK(paged == std::vector<uint64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  CHECK_CODE(invalid_argument, w.t.statement(Time{1}, Time{0}));
  CHECK_CODE(not_found, w.store().tenant(forged<UserId>(3)).statement(Time{0}, Time{1}));
}

}  // namespace
}  // namespace bcstore
