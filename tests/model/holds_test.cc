// Reservations: credits set aside, captured, voided, run out; across resets, unlimited use, retries
// and reopening.
#include <algorithm>

#include "account.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

TEST_CASE("holds: what is reserved is not there to spend, and is until its time is over") {
  Account w;
  w.s().grant_credits(w.owner, {.amount = 5}).value();
  const Time now = w.clock->now();
  const Reservation hold = w.reserve(12);
  CHECK(hold.remaining == 3);
  CHECK(hold.expires_at.us >= now.us + kMinuteUs);
  CHECK_FALSE(hold.replayed);
  CHECK(w.balance() == "0+3 12");
  CHECK(w.ledger(1) == Lines{"hold 12 -10 -2 12 0 0"});
  CHECK_CODE(out_of_credits, w.t().consume_credit({.amount = 4}));
  CHECK_CODE(out_of_credits, w.t().reserve_credits({.amount = 4, .ttl_us = 1}));
  {
    const CreditHold read = w.t().credit_hold(hold.hold).value();
    CHECK(read.id() == hold.hold);
    CHECK(read.state() == HoldState::live);
    CHECK(read.amount() == 12);
    CHECK(read.from_allowance() == 10);
    CHECK(read.from_granted() == 2);
    CHECK(read.expires_at() == hold.expires_at);
    CHECK_FALSE(read.resolved_at());
  }
  w.sound();

  w.reopen();
  CHECK(w.balance() == "0+3 12");
  w.clock->set(hold.expires_at.us - 1);
  CHECK(w.state(hold.hold) == HoldState::live);
  CHECK(w.balance() == "0+3 12");
  w.clock->advance(1);
  CHECK(w.state(hold.hold) == HoldState::expired);
  CHECK(w.balance() == "10+5 0");
  const uint64_t commits = w.commits();
  CHECK_CODE(failed_precondition, w.capture(hold.hold, 12));
  CHECK_CODE(failed_precondition, w.t().void_hold(hold.hold));
  CHECK(w.commits() == commits);
  w.clock->advance(5 * kSecondUs);
  CHECK(w.t().consume_credit().value() == 14);
  CHECK(w.ledger(2) == Lines{"expire 0 10 2 -12 0 0", "consume 1 -1 0 0 0 0"});
  Cursor<CreditEntry> entries = w.t().credit_entries({.limit = 2});
  REQUIRE((entries.next() && entries.next()));
  CHECK(entries->created_at() == hold.expires_at);
  CHECK(entries->hold() == hold.hold);
  CHECK(w.t().credit_hold(hold.hold).value().resolved_at() == hold.expires_at);
  CHECK_CODE(failed_precondition, w.capture(hold.hold, 12));
  w.sound();
}

TEST_CASE("holds: a capture keeps the allowance's share first, and the rest goes back") {
  Account w;
  w.s().grant_credits(w.owner, {.amount = 5}).value();
  const CreditHoldId hold = w.reserve(14).hold;
  const HoldResolution done = w.capture(hold, 11).value();
  CHECK(done.returned == 3);
  CHECK(done.lapsed == 0);
  CHECK(done.debt == 0);
  CHECK(done.remaining == 4);
  CHECK_FALSE(done.replayed);
  CHECK(w.balance() == "0+4 0");
  CHECK(w.ledger(2) == Lines{"hold 14 -10 -4 14 0 0", "capture 11 0 3 -14 0 0"});
  const CreditHoldId small = w.reserve(4).hold;
  CHECK(w.t().void_hold(small, "the model failed").value().returned == 4);
  CHECK(w.balance() == "0+4 0");
  CHECK(w.ledger(1) == Lines{"voided 0 0 4 -4 0 0"});
  CHECK(w.state(small) == HoldState::voided);
  const CreditHold read = w.t().credit_hold(hold).value();
  CHECK(read.state() == HoldState::captured);
  CHECK(read.captured() == 11);
  CHECK(read.returned() == 3);
  CHECK(read.resolved_at());
  w.sound();
}

TEST_CASE("holds: resolved once, the same again is answered as it was, the other is refused") {
  Account w;
  const CreditHoldId captured = w.reserve(4).hold;
  const CreditHoldId voided = w.reserve(2).hold;
  const HoldResolution first = w.capture(captured, 3).value();
  WriteBatch one = w.t().batch();
  one.void_hold(voided);
  const Receipt receipt = w.t().commit(one).value();
  w.t().consume_credit().value();
  for (int round = 0; round < 2; ++round) {
    const uint64_t commits = w.commits();
    const HoldResolution again = w.capture(captured, 3).value();
    CHECK(again.replayed);
    CHECK(again.returned == first.returned);
    CHECK(again.remaining == first.remaining);
    one.void_hold(voided);
    const Receipt replay = w.t().commit(one).value();
    CHECK(replay.replayed);
    CHECK(replay.commit_seq == receipt.commit_seq);
    CHECK(replay.owner_seq == receipt.owner_seq);
    CHECK(replay.committed_at == receipt.committed_at);
    CHECK(replay.operations.at(0).id == voided.uuid());
    CHECK(replay.operations.at(0).number == receipt.operations.at(0).number);

    const Status other = w.capture(captured, 2).status();
    CHECK(name_of(other) == "conflict");
    CHECK(other.actual() == static_cast<uint64_t>(HoldState::captured));
    CHECK_CODE(conflict, w.t().void_hold(captured));
    CHECK(w.capture(voided, 1).status().actual() == static_cast<uint64_t>(HoldState::voided));
    CHECK(w.commits() == commits);
    w.reopen();
  }
  CHECK(w.balance() == "6+0 0");
  w.sound();
}

TEST_CASE("holds: a retry of a reservation with its key is the same hold") {
  Account w;
  const CommitOptions once{.idempotency_key = "turn-1"};
  const Reservation first = w.t().reserve_credits({.amount = 3, .ttl_us = kMinuteUs}, once).value();
  w.clock->advance(kSecondUs);
  const Reservation again = w.t().reserve_credits({.amount = 3, .ttl_us = kMinuteUs}, once).value();
  CHECK(again.replayed);
  CHECK(again.hold == first.hold);
  CHECK(again.remaining == first.remaining);
  CHECK(again.expires_at == first.expires_at);
  CHECK_CODE(conflict, w.t().reserve_credits({.amount = 3, .ttl_us = 1}, once));
  CHECK(w.balance() == "7+0 3");
  CHECK_CODE(already_exists, w.t().reserve_credits({.amount = 1, .ttl_us = 1, .id = first.hold}));
  CHECK_CODE(conflict, w.t().reserve_credits({.amount = 1, .ttl_us = 1, .expected_remaining = 8}));
  w.sound();
}

TEST_CASE("holds: beyond what was held only when it is allowed, and the rest is owed") {
  Account w;
  const CreditHoldId hold = w.reserve(4).hold;
  CHECK_CODE(invalid_argument, w.capture(hold, 5));
  CHECK(w.capture(hold, 9, true).value().remaining == 1);
  CHECK(w.ledger(1) == Lines{"capture 9 -5 0 -4 0 0"});
  const CreditHoldId last = w.reserve(1).hold;
  const HoldResolution owed = w.capture(last, 8, true).value();
  CHECK(owed.debt == 7);
  CHECK(owed.returned == 0);
  CHECK(w.balance() == "0+0 0 owes 7");
  CHECK(w.ledger(1) == Lines{"capture 8 0 0 -1 0 7"});
  w.sound();
  // A reset does not pay it, the next grants do.
  w.s().set_credit_plan(w.owner, {.allowance = 10, .resets_at = day("2025-09-01")}).value();
  w.clock->set(day("2025-09-02").us);
  CHECK(w.balance() == "10+0 0 owes 7");
  w.s().grant_credits(w.owner, {.amount = 3}).value();
  CHECK(w.balance() == "10+0 0 owes 4");
  CHECK(w.ledger(2) == Lines{"reset 0 10 0 0 0 0", "grant 3 0 0 0 0 -3"});
  w.reopen();
  w.s().grant_credits(w.owner, {.amount = 6}).value();
  CHECK(w.balance() == "10+2 0");
  w.sound();
}

TEST_CASE("holds: a hold of a past period lapses in its allowance's part") {
  Account w;
  w.s().set_credit_plan(w.owner, {.allowance = 10, .resets_at = day("2025-09-01")}).value();
  w.s().grant_credits(w.owner, {.amount = 6}).value();
  const CreditHoldId voided = w.reserve(12, 30 * kDayUs).hold;   // 10 + 2
  const CreditHoldId captured = w.reserve(3, 30 * kDayUs).hold;  // 0 + 3
  w.clock->set(day("2025-09-02").us);
  CHECK(w.balance() == "10+1 15");
  const HoldResolution back = w.t().void_hold(voided).value();
  CHECK(back.returned == 2);
  CHECK(back.lapsed == 10);
  CHECK(w.balance() == "10+3 3");
  CHECK(w.ledger(2) == Lines{"reset 0 10 0 0 0 0", "voided 0 0 2 -12 10 0"});
  CHECK(w.capture(captured, 1).value().returned == 2);
  CHECK(w.balance() == "10+5 0");
  // Captured in part: the allowance's share is used first, what is left of it lapses.
  const CreditHoldId mixed = w.reserve(12, 30 * kDayUs).hold;  // 10 + 2
  w.clock->set(day("2025-10-01").us);
  const HoldResolution part = w.capture(mixed, 4).value();
  CHECK(part.returned == 2);
  CHECK(part.lapsed == 6);
  CHECK(w.balance() == "10+5 0");
  w.sound();
}

TEST_CASE("holds: an end before the reset gives back before it, one after it lapses") {
  Account w;
  w.s().set_credit_plan(w.owner, {.allowance = 10, .resets_at = day("2025-09-01")}).value();
  const Time reset = day("2025-09-01");
  w.clock->set(reset.us - 10 * kSecondUs);
  w.reserve(2, 5 * kSecondUs);
  w.reserve(3, 15 * kSecondUs);
  w.clock->set(reset.us + kMinuteUs);
  CHECK(w.balance() == "10+0 0");
  w.t().consume_credit().value();
  CHECK(w.ledger(4) == Lines{"expire 0 2 0 -2 0 0", "reset 0 3 0 0 0 0", "expire 0 0 0 -3 3 0",
                             "consume 1 -1 0 0 0 0"});
  w.sound();
}

TEST_CASE("holds: unlimited use is held without an effect") {
  Account w;
  w.s().set_unlimited(w.owner, true).value();
  const Reservation hold = w.reserve(1000);
  CHECK_FALSE(hold.remaining);
  CHECK(w.balance() == "10+0 0");
  CHECK(rows_of(w.t().credit_holds(), [](const CreditHold& h) { return h.amount(); }).empty());
  CHECK_CODE(invalid_argument, w.capture(hold.hold, 1001));
  CHECK_FALSE(w.capture(hold.hold, 999).value().remaining);
  const CreditHoldId ends = w.reserve(7).hold;
  const CreditHoldId stays = w.reserve(7, kDayUs).hold;
  w.clock->advance(2 * kMinuteUs);
  CHECK(w.state(ends) == HoldState::expired);
  CHECK_CODE(failed_precondition, w.capture(ends, 7));
  // Made while it was unlimited, used after: it took nothing, and what is beyond it is taken.
  w.s().set_unlimited(w.owner, false).value();
  CHECK(w.capture(stays, 9, true).value().remaining == 8);
  // Made before use became unlimited: it is paid for.
  const CreditHoldId paid = w.reserve(5).hold;
  w.s().set_unlimited(w.owner, true).value();
  CHECK(w.capture(paid, 2).value().returned == 3);
  CHECK(w.balance() == "6+0 0");
  w.sound();
}

TEST_CASE("holds: bad arguments and other owners' holds write nothing") {
  Account w;
  const CreditHoldId hold = w.reserve(2).hold;
  const UserId other = w.user("b@x");
  const uint64_t commits = w.commits();
  for (const int32_t amount : {0, -1, INT32_MIN}) {
    CHECK_CODE(invalid_argument, w.t().reserve_credits({.amount = amount, .ttl_us = 1}));
    CHECK_CODE(invalid_argument, w.capture(hold, amount));
  }
  for (const int64_t ttl : {int64_t{0}, int64_t{-1}, kMaxHoldTtlUs + 1, INT64_MIN, INT64_MAX}) {
    CHECK_CODE(invalid_argument, w.t().reserve_credits({.amount = 1, .ttl_us = ttl}));
  }
  CHECK_CODE(out_of_credits, w.t().reserve_credits({.amount = INT32_MAX, .ttl_us = 1}));
  CHECK_CODE(invalid_argument, w.capture(CreditHoldId(), 1));
  CHECK_CODE(not_found, w.capture(CreditHoldId(SeededIds::make(77)), 1));
  CHECK_CODE(not_found, w.t().void_hold(CreditHoldId(SeededIds::make(77))));
  CHECK_CODE(not_found, w.store().tenant(other).void_hold(hold));
  CHECK_CODE(not_found, w.store().tenant(other).credit_hold(hold));
  const Tenant agent = w.t().as_agent("planner");
  CHECK_CODE(failed_precondition, agent.reserve_credits({.amount = 1, .ttl_us = 1}));
  CHECK_CODE(failed_precondition, agent.capture_credits(hold, {.amount = 1}));
  CHECK_CODE(failed_precondition, agent.void_hold(hold));
  CHECK(w.commits() == commits);
  w.sound();
}

TEST_CASE("holds: no more are live than the limit, and listed by their end") {
  Account w([](Options& o) { o.initial_credits = 5000; });
  constexpr auto kLimit = static_cast<int64_t>(kMaxLiveHolds);
  for (int64_t n = 0; n < kLimit; ++n) {
    const int64_t ttl = kMinuteUs + (n * 7 % kLimit) * 1000;
    w.t().reserve_credits({.amount = 1, .ttl_us = ttl}, kRelaxed).value();
  }
  CHECK_CODE(failed_precondition, w.t().reserve_credits({.amount = 1, .ttl_us = 1}));
  w.sound();
  w.reopen();
  CHECK_CODE(failed_precondition, w.t().reserve_credits({.amount = 1, .ttl_us = 1}));
  std::vector<Time> ends = rows_of(w.t().credit_holds({.limit = 1000}),
                                   [](const CreditHold& h) { return h.expires_at(); });
  CHECK(ends.size() == 1000);
  CHECK(std::is_sorted(ends.begin(), ends.end()));
  w.clock->set(ends.at(500).us);
  const size_t left = rows_of(w.t().credit_holds({.limit = 1000}), [](const CreditHold& h) {
                        return h.amount();
                      }).size();
  CHECK(left < kMaxLiveHolds - 500);
  CHECK(w.t().credits().value().held == static_cast<int32_t>(left));
  w.reserve(1);
  CHECK(w.t().credits().value().held == static_cast<int32_t>(left) + 1);
  w.clock->advance(kDayUs);
  w.t().consume_credit().value();
  CHECK(w.balance() == "4999+0 0");
  w.sound();
}

TEST_CASE("holds: in one batch, and undone with it") {
  Account w;
  WriteBatch batch = w.t().batch();
  const CreditHoldId a = batch.reserve_credits({.amount = 6, .ttl_us = kMinuteUs});
  const CreditHoldId b = batch.reserve_credits({.amount = 4, .ttl_us = kMinuteUs});
  batch.capture_credits(a, {.amount = 5});
  batch.void_hold(b);
  batch.consume_credit({.amount = 6});
  const Status refused = w.t().commit(batch).status();
  CHECK(name_of(refused) == "out_of_credits");
  CHECK(refused.operation() == 4);
  CHECK_CODE(not_found, w.t().credit_hold(a));
  CHECK(w.balance() == "10+0 0");
  batch.clear();
  const CreditHoldId c = batch.reserve_credits({.amount = 6, .ttl_us = kMinuteUs});
  batch.capture_credits(c, {.amount = 5});
  batch.capture_credits(c, {.amount = 5});
  const Receipt done = w.t().commit(batch).value();
  CHECK_FALSE(done.replayed);
  CHECK(done.operations.at(2).number == 5);
  CHECK(w.ledger(3) == Lines{"opening 0 10 0 0 0 0", "hold 6 -6 0 6 0 0", "capture 5 1 0 -6 0 0"});
  w.sound();
}

}  // namespace
}  // namespace bcstore
