// Holds at their bounds: sums near what an int32 tells, pages while time passes, rows that lie,
// what a refusal costs, and an answer that needs no read after the commit.
#include "account.h"
#include "engine_world.h"
#include "model/encode.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using format::Key;
using format::Kind;

constexpr int32_t kMuch = 1'500'000'000;
constexpr int64_t kLongUs = 31 * kDayUs;

// An account that holds the whole of a period that is over.
struct Lapsing : Account {
  Lapsing() {
    s().set_credit_plan(owner, {.allowance = kMuch, .resets_at = day("2025-08-16"), .refill = true})
        .value();
    old = reserve(kMuch, kLongUs).hold;
    clock->set(day("2025-08-17").us);
  }
  CreditHoldId old;
};

TEST_CASE("holds: what is held of all periods together can be told, and more is refused") {
  Lapsing w;
  constexpr int32_t kRest = kMaxCredits - kMuch;
  const auto more = [&](int32_t amount) {
    return w.t().reserve_credits({.amount = amount, .ttl_us = kLongUs});
  };
  CHECK_CODE(failed_precondition, more(kMuch));
  CHECK(w.balance() == "1500000000+0 1500000000");
  w.reserve(kRest, kLongUs);
  for (int round = 0; round < 2; ++round) {
    CHECK_CODE(failed_precondition, more(1));
    CHECK(w.balance() == std::to_string(kMuch - kRest) + "+0 " + std::to_string(kMaxCredits));
    w.sound();
    w.reopen();
  }
  CHECK(w.t().void_hold(w.old).value().lapsed == kMuch);
  CHECK_CODE(ok, more(1));
  w.sound();
}

TEST_CASE("holds: what lapses takes no room from grants, plans and adjustments") {
  for (const bool reopens : {false, true}) {
    Lapsing w;
    if (reopens) w.reopen();
    constexpr int32_t kRest = kMaxCredits - kMuch;
    w.s().grant_credits(w.owner, {.amount = kRest}).value();
    CHECK_CODE(invalid_argument, w.s().grant_credits(w.owner, {.amount = 1}));
    CHECK_CODE(ok, w.s().adjust_credits(w.owner, {.amount = -5, .reason = "r"}));
    CHECK(w.balance() == "1500000000+" + std::to_string(kRest - 5) + " 1500000000");
    // What is held of this period does take room: it may come back.
    const CreditHoldId own = w.reserve(10, kLongUs).hold;
    CHECK_CODE(invalid_argument, w.s().grant_credits(w.owner, {.amount = 6}));
    if (reopens) w.reopen();
    CHECK_CODE(invalid_argument, w.s().grant_credits(w.owner, {.amount = 6}));
    CHECK(w.t().void_hold(own).value().returned == 10);
    CHECK_CODE(ok, w.s().set_credit_plan(w.owner, {.allowance = 5}));
    CHECK(w.t().void_hold(w.old).value().lapsed == kMuch);
    w.sound();
    w.clock->advance(40 * kDayUs);
    CHECK_CODE(ok, w.t().consume_credit());
    w.sound();
  }
}

TEST_CASE("holds: a page that is asked for later lists none that ran out meanwhile") {
  for (const bool reverse : {false, true}) {
    Account w;
    const CreditHoldId a = w.reserve(1, 10 * kSecondUs).hold;
    const CreditHoldId b = w.reserve(1, 20 * kSecondUs).hold;
    const CreditHoldId c = w.reserve(1, 30 * kSecondUs).hold;
    std::string token;
    {
      Cursor<CreditHold> first = w.t().credit_holds({.reverse = reverse, .limit = 1});
      REQUIRE(first.next());
      CHECK(first->id() == (reverse ? c : a));
      token = first.token();
    }
    w.clock->advance(25 * kSecondUs);
    const auto rest = rows_of(w.t().credit_holds({.reverse = reverse, .limit = 10, .after = token}),
                              [](const CreditHold& h) { return h.id(); });
    CHECK(rest.size() == (reverse ? 0 : 1));
    CHECK(w.state(b) == HoldState::expired);
    CHECK(w.t().credits().value().held == 1);
  }
  // A cursor that stays open tells what a row is when it is given.
  Account w;
  w.reserve(1, 10 * kSecondUs);
  w.reserve(1, 20 * kSecondUs);
  Cursor<CreditHold> open = w.t().credit_holds();
  REQUIRE(open.next());
  CHECK(open->state() == HoldState::live);
  w.clock->advance(25 * kSecondUs);
  REQUIRE(open.next());
  CHECK(open->state() == HoldState::expired);
}

TEST_CASE("holds: a resolution that repeats remembers its key") {
  Account w;
  const CreditHoldId hold = w.reserve(4).hold;
  const CreditHoldId other = w.reserve(3).hold;
  WriteBatch batch = w.t().batch();
  batch.capture_credits(hold, {.amount = 3});
  const Receipt first = w.t().commit(batch).value();
  w.clock->advance(kSecondUs);
  const CommitOptions once{.idempotency_key = "settle"};
  const uint64_t commits = w.commits();
  for (int round = 0; round < 3; ++round) {
    batch.clear();
    batch.capture_credits(hold, {.amount = 3});
    const Receipt again = w.t().commit(batch, once).value();
    CHECK(again.replayed);
    CHECK(again.commit_seq == first.commit_seq);
    CHECK(again.owner_seq == first.owner_seq);
    CHECK(again.committed_at == first.committed_at);
    CHECK(again.operations.at(0).number == first.operations.at(0).number);
    CHECK_CODE(conflict, w.t().void_hold(other, std::nullopt, once));
    CHECK_CODE(conflict, w.t().capture_credits(other, {.amount = 3}, once));
    CHECK(w.commits() == commits);
    if (round == 1) w.reopen();
  }
  CHECK(w.state(other) == HoldState::live);
  w.sound();
  // It is remembered for the window, from the repetition on.
  w.clock->advance(w.options.idempotency_window_us + kSecondUs);
  CHECK_CODE(failed_precondition, w.t().void_hold(other, std::nullopt, once));
  w.sound();
}

TEST_CASE("holds: a resolution is answered without a read after its commit") {
  EngineWorld w;
  const Tenant t = w.tenant("a@x");
  const auto reserve = [&](int32_t amount) {
    return t.reserve_credits({.amount = amount, .ttl_us = kMinuteUs}).value().hold;
  };
  const CreditHoldId a = reserve(4), b = reserve(2);
  w.watch->fails_reads = true;
  const HoldResolution captured = t.capture_credits(a, {.amount = 3}).value();
  CHECK(captured.returned == 1);
  CHECK(captured.remaining == 5);
  CHECK(t.void_hold(b).value().returned == 2);
  const HoldResolution again = t.capture_credits(a, {.amount = 3}).value();
  CHECK(again.replayed);
  CHECK(again.returned == 1);
  w.watch->fails_reads = false;
  CHECK(t.credits().value().remaining == 7);
}

TEST_CASE("holds: a batch that is handed in again is whole") {
  Account w;
  WriteBatch batch = w.t().batch();
  const CreditHoldId hold = batch.reserve_credits({.amount = 6, .ttl_us = kMinuteUs});
  batch.consume_credit({.amount = 5});
  CHECK_CODE(out_of_credits, w.t().commit(batch));
  w.s().grant_credits(w.owner, {.amount = 1}).value();
  CHECK_CODE(ok, w.t().commit(batch));
  CHECK(w.t().credit_hold(hold).value().from_allowance() == 6);
  CHECK(w.balance() == "0+0 6");
  w.sound();
}

TEST_CASE("holds: a refusal with many ends due asks the engine a few times, and writes nothing") {
  EngineWorld w([](Options& o) { o.initial_credits = 2000; });
  const UserId owner = w.user("a@x");
  constexpr int kHolds = 300;
  for (int n = 0; n < kHolds; ++n) {
    w.store().tenant(owner).reserve_credits({.amount = 1, .ttl_us = kSecondUs}, kRelaxed).value();
  }
  w.clock->advance(2 * kSecondUs);
  w.reopen();
  const Tenant t = w.store().tenant(owner);
  const uint64_t commits = w.commits();
  const auto refused = [&] {
    return w.ask([&] {
      WriteBatch batch = t.batch();
      batch.consume_credit();
      batch.consume_credit({.amount = 1'000'000});
      CHECK_CODE(out_of_credits, t.commit(batch));
    });
  };
  CHECK(refused().calls <= 6);
  CHECK(refused().calls == 0);
  CHECK(w.commits() == commits);
  CHECK(t.credits().value().allowance == 2000);
  const Asked spent = w.ask([&] { CHECK(t.consume_credit().value() == 1999); });
  CHECK(spent.calls == 0);
  const auto ends = rows_of(t.credit_entries({.limit = kHolds + 1}), [](const CreditEntry& e) {
    return e.kind() == CreditEntryKind::expire ? 1 : 0;
  });
  CHECK(std::count(ends.begin(), ends.end(), 1) == kHolds);
  CHECK(w.store().check().value().violations == 0);
}

// A world in which a test changes the records of one owner.
struct Crafted : EngineWorld {
  UserId owner = user("a@x");
  Tenant t() { return store().tenant(owner); }
  CreditHoldId hold = t().reserve_credits({.amount = 4, .ttl_us = kMinuteUs}).value().hold;

  Key head_key() const { return Key(owner, Kind::credit_hold).append(hold.uuid()); }
  void craft(const std::function<void(fb::CreditHold*)>& change) {
    engine::Value value;
    REQUIRE(engine().get(engine::Family::heads, head_key().str(), nullptr, &value).ok());
    format::Draft draft = format::Draft::copy(value.bytes());
    change(flatbuffers::GetMutableRoot<fb::CreditHold>(draft.meta()));
    put(engine::Family::heads, head_key().str(), draft.seal(head_key().str()));
  }
  void count(const format::Counter& counter) {
    const Key key(owner, Kind::credit_counter);
    put(engine::Family::credits, key.str(), format::counter_value(key, counter));
  }
};

TEST_CASE("holds: a row of a hold that was resolved gives nothing back") {
  Crafted w;
  const Time end = w.t().credit_hold(w.hold).value().expires_at();
  const CreditHoldId other = w.t().reserve_credits({.amount = 4, .ttl_us = kDayUs}).value().hold;
  const Key row = Key(w.owner, Kind::live_hold).time(end).append(w.hold.uuid());
  engine::Value value;
  REQUIRE(w.engine().get(engine::Family::index, row.str(), nullptr, &value).ok());
  const std::string bytes(value.bytes());
  value = engine::Value();
  w.t().void_hold(w.hold).value();
  w.put(engine::Family::index, row.str(), bytes);
  w.reopen();
  CHECK_CODE(corruption, w.t().reserve_credits({.amount = 1, .ttl_us = 1}));
  w.clock->advance(2 * kMinuteUs);
  CHECK_CODE(corruption, w.t().credits());
  CHECK_CODE(corruption, w.t().consume_credit());
  CHECK(w.store().check().value().violations > 0);
  w.erase(engine::Family::index, row.str());
  w.reopen();
  CHECK(w.t().credits().value().held == 4);
  CHECK(w.t().void_hold(other).value().returned == 4);
}

TEST_CASE("holds: heads and counters that no hold or balance is like are corruption") {
  const std::vector<std::function<void(fb::CreditHold*)>> heads = {
      [](auto* h) { h->mutate_amount(0); },
      [](auto* h) { h->mutate_amount(INT32_MIN); },
      [](auto* h) { h->mutate_from_allowance(3); },
      [](auto* h) { h->mutate_from_allowance(INT32_MIN); },
      [](auto* h) { h->mutate_expires_at(INT64_MAX); },
      [](auto* h) { h->mutate_created_at(INT64_MIN); },
      [](auto* h) { h->mutate_state(9); },
  };
  for (const auto& change : heads) {
    Crafted w;
    w.craft(change);
    w.reopen();
    CHECK(w.store().check().value().violations > 0);
    CHECK_CODE(corruption, w.t().capture_credits(w.hold, {.amount = 1}));
    w.clock->advance(2 * kMinuteUs);
    CHECK_CODE(corruption, w.t().credits());
    CHECK_CODE(corruption, w.t().consume_credit());
  }
  constexpr int64_t kMost = kMaxCredits;
  for (const format::Counter& counter : std::vector<format::Counter>{
           {kMost, 1, 1, 4, 0},
           {6, kMost, 1, 4, 0},
           {6, 0, 1, 4, kMost},
           {6, 0, 1, kMost, 1},
           {6, kMost - 10, 1, 4, 5},
           {INT64_MAX, INT64_MAX, 1, 4, 0},
           {6, 0, 1, INT64_MIN, INT64_MAX},
           {6, 0, 1, INT64_MAX, INT64_MAX},
       }) {
    Crafted w;
    w.count(counter);
    w.reopen();
    CHECK_CODE(corruption, w.t().credits());
    CHECK_CODE(corruption, w.t().consume_credit());
    CHECK(w.store().check().value().violations > 0);
  }
  // Within the bounds, until what is held comes back.
  Crafted w;
  w.count({kMost - 2, 0, 1, 4, 0});
  w.reopen();
  w.clock->advance(2 * kMinuteUs);
  CHECK_CODE(corruption, w.t().credits());
  CHECK(w.store().check().value().violations > 0);
}

}  // namespace
}  // namespace bcstore
