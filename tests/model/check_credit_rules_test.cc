// A fault against each rule of check_store on credits.
#include "damaged.h"
#include "format/counter.h"

namespace bcstore::model {
namespace {

using Plant = std::function<void(Damaged&)>;

// Of the ledger that Damaged makes.
constexpr uint64_t kOpening = 1, kGrant = 2, kPlan = 7, kSpending = 8, kReset = 9, kUnlimited = 15;
constexpr uint64_t kExpiry = 10, kHold = 18, kCapture = 20, kVoid = 22;
constexpr uint64_t kNewest = 22;

Key entry_key(const Damaged& s, uint64_t n) { return s.of(Kind::credit_entry).not_u64(n); }

Plant entry(uint64_t n, std::function<bool(fb::CreditEntry*)> change) {
  return [=](Damaged& s) { s.rewrite<fb::CreditEntry>(entry_key(s, n), change); };
}
Plant account(std::function<bool(fb::CreditAccount*)> change) {
  return [=](Damaged& s) { s.rewrite<fb::CreditAccount>(s.of(Kind::credit_account), change); };
}
Plant counter(int64_t allowance, int64_t granted, uint64_t epoch_step, int64_t held = 0) {
  return [=](Damaged& s) {
    const Key key = s.of(Kind::credit_counter);
    format::Parsed parsed;
    format::Counter now;
    const std::string bytes = *s.read(key);
    REQUIRE(format::parse_record(key, bytes, &parsed).ok());
    REQUIRE(format::unpack(parsed.meta, &now));
    s.put(key, format::counter_value(
                   key, {now.allowance + allowance, now.granted + granted, now.epoch + epoch_step,
                         now.held_allowance + held, now.held_granted}));
  };
}
Plant whole_counter(const format::Counter& all) {
  return [=](Damaged& s) {
    const Key key = s.of(Kind::credit_counter);
    s.put(key, format::counter_value(key, all));
  };
}
Plant hold(CreditHoldId Damaged::*id, std::function<bool(fb::CreditHold*)> change) {
  return
      [=](Damaged& s) { s.rewrite<fb::CreditHold>(s.of(Kind::credit_hold).append(s.*id), change); };
}
Plant effect(uint64_t n, std::function<void(fb::HoldEffect*)> change) {
  return entry(n, [=](fb::CreditEntry* e) {
    change(e->mutable_effect());
    return true;
  });
}
// The index row of the live hold.
Key live_row(Damaged& s) {
  const Key head = s.of(Kind::credit_hold).append(s.live);
  const auto hold = format::Draft::copy(*s.read(head));
  return s.of(Kind::live_hold).time(Time{root<fb::CreditHold>(hold)->expires_at()}).append(s.live);
}

constexpr const char* kChange = "an entry changes what its kind may";
constexpr const char* kKind = "an entry does what its kind may";
constexpr const char* kFold = "the balance is the fold of the ledger";

}  // namespace

TEST_CASE("check: counter and account are what the ledger says") {
  check_faults({
      {"credit_counter", "the counter is the fold of the ledger", counter(1, 0, 0)},
      {"credit_counter", "the counter is the fold of the ledger", counter(0, 1, 0)},
      {"credit_counter", "the counter is the fold of the ledger", counter(0, 0, 1)},
      {"credit_counter", "a balance is not below 0, and an int32", counter(-1000, 0, 0)},
      {"credit_counter", "a balance is not below 0, and an int32", counter(0, kMaxCredits, 0)},
      {"credit_account", "the account is what its ledger says",
       account([](auto* a) { return a->mutate_plan_allowance(a->plan_allowance() + 1); })},
      {"credit_account", "the account is what its ledger says",
       account([](auto* a) { return a->mutate_is_unlimited(!a->is_unlimited()); })},
      {"credit_account", "an allowance is not negative",
       account([](auto* a) { return a->mutate_plan_allowance(-1); })},
      {"credit_account", "a reset is on its day",
       account([](auto* a) { return a->mutate_reset_at(a->reset_at() + 1); })},
      {"credit_account", "a reset is on its day",
       account([](auto* a) { return a->mutate_anchor_day(5); })},
      {"credit_entry", "a ledger has its account and counter",
       [](Damaged& s) { s.erase(s.of(Kind::credit_counter)); }},
      {"credit_entry", "a ledger has its account and counter",
       [](Damaged& s) { s.erase(s.of(Kind::credit_account)); }},
      {"credit_counter", "a balance has its ledger",
       [](Damaged& s) {
         for (uint64_t n = kOpening; n <= kNewest; ++n) s.erase(entry_key(s, n));
       }},
  });
}

TEST_CASE("check: holds, their ends, and what is held and owed") {
  constexpr const char* kLine = "a hold is what the ledger says";
  constexpr const char* kForm = "a hold is one of what is there";
  constexpr const char* kSum = "what is held is the sum of the live holds";
  constexpr const char* kHeld = "what is held and owed is the fold of the ledger";
  const auto live = [](auto change) { return hold(&Damaged::live, change); };
  const auto ended = [](auto change) { return hold(&Damaged::captured, change); };
  const auto third = [](auto change) {
    return [=](Damaged& s) {
      s.rewrite<fb::CreditEntry>(s.of(Kind::credit_entry).not_u64(3), change);
    };
  };
  check_faults({
      {"credit_entry", kHeld, third([](auto* e) { return e->mutate_held(e->held() + 1); })},
      {"credit_entry", kHeld, third([](auto* e) { return e->mutate_debt(e->debt() + 1); })},
      {"credit_counter", kSum, counter(0, 0, 0, 1)},
      {"credit_counter", kSum, [](Damaged& s) { s.erase(live_row(s)); }},
      {"live_hold", "record has its index entry", [](Damaged& s) { s.erase(live_row(s)); }},
      {"live_hold", "parent exists",
       [](Damaged& s) { s.erase(s.of(Kind::credit_hold).append(s.live)); }},
      {"live_hold", "index entry names its record",
       live([](auto* h) { return h->mutate_expires_at(h->expires_at() - 1); })},
      {"credit_hold", "enumerators are known", live([](auto* h) { return h->mutate_state(9); })},
      {"credit_hold", kLine, live([](auto* h) { return h->mutate_entry(h->entry() + 1); })},
      {"credit_hold", kLine,
       ended([](auto* h) { return h->mutate_resolved_entry(h->resolved_entry() - 1); })},
      {"credit_hold", kLine, effect(kHold, [](auto* e) { e->mutable_hold() = fb::Uuid(); })},
      {"credit_hold", kForm, live([](auto* h) { return h->mutate_from_granted(9); })},
      {"credit_hold", kForm, live([](auto* h) { return h->mutate_expires_at(h->created_at()); })},
      {"credit_hold", kForm, live([](auto* h) { return h->mutate_resolved_entry(1); })},
      {"credit_hold", kForm, ended([](auto* h) { return h->mutate_resolved_entry(1); })},
      {"credit_account", "a debt is not negative",
       account([](auto* a) { return a->mutate_debt(-1); })},
      {"credit_entry", kHeld, account([](auto* a) { return a->mutate_debt(1); })},
      {"credit_entry", kHeld, counter(0, 0, 0, 1)},
      {"credit_entry", kHeld, effect(kCapture, [](auto* e) { e->mutate_held_granted(-3); })},
      {"credit_entry", kKind, effect(kCapture, [](auto* e) { e->mutate_debt(1); })},
      {"credit_entry", kKind, effect(kCapture, [](auto* e) { e->mutate_held_granted(1); })},
      {"credit_entry", kKind, entry(kCapture, [](auto* e) { return e->mutate_amount(2); })},
      {"credit_entry", kKind, entry(kHold, [](auto* e) { return e->mutate_amount(2); })},
      {"credit_entry", kKind, effect(kHold, [](auto* e) { e->mutate_lapsed(1); })},
      {"credit_entry", kKind, effect(kExpiry, [](auto* e) { e->mutate_lapsed(4); })},
      {"credit_entry", kKind, entry(kVoid, [](auto* e) { return e->mutate_granted_delta(0); })},
      {"credit_entry", kKind, effect(kGrant, [](auto* e) { e->mutate_debt(1); })},
      {"credit_entry", kKind, effect(kGrant, [](auto* e) { e->mutate_held_granted(-1); })},
  });
}

// The numbers are told, and nothing is computed with them that does not fit.
TEST_CASE("check: the extremes of what a credit record can hold") {
  constexpr const char* kForm = "a hold is one of what is there";
  constexpr const char* kRange = "a balance is not below 0, and an int32";
  const auto live = [](auto change) { return hold(&Damaged::live, change); };
  constexpr int64_t kMost = format::kMaxCounter;  // beyond it the record is damaged
  const auto least = [](fb::HoldEffect* e) {
    e->mutate_held_allowance(INT32_MIN);
    e->mutate_held_granted(INT32_MIN);
    e->mutate_lapsed(INT32_MIN);
    e->mutate_debt(INT32_MIN);
  };
  const auto most = [](fb::HoldEffect* e) {
    e->mutate_held_allowance(INT32_MAX);
    e->mutate_held_granted(INT32_MAX);
    e->mutate_lapsed(INT32_MAX);
    e->mutate_debt(INT32_MAX);
  };
  std::vector<Fault> faults = {
      {"credit_hold", kForm, live([](auto* h) { return h->mutate_from_allowance(INT32_MIN); })},
      {"credit_hold", kForm, live([](auto* h) { return h->mutate_from_granted(INT32_MIN); })},
      {"credit_hold", kForm, live([](auto* h) { return h->mutate_expires_at(INT64_MAX); })},
      {"credit_hold", kForm, live([](auto* h) {
         return h->mutate_expires_at(INT64_MAX) && h->mutate_created_at(INT64_MIN);
       })},
      {"credit_hold", kForm, live([](auto* h) { return h->mutate_amount(INT32_MIN); })},
      {"credit_counter", kRange, whole_counter({kMost, kMost, 1, 0, 0})},
      {"credit_counter", kRange, whole_counter({-kMost, -kMost, 1, 0, 0})},
      {"credit_counter", kRange, whole_counter({0, 0, 1, -kMost, -kMost})},
      {"credit_counter", kRange, whole_counter({0, 0, 1, kMost, kMost})},
      {"credit_counter", kRange, whole_counter({0, 0, 1, int64_t{kMaxCredits}, 1})},
      {"credit_counter", kRange, whole_counter({0, int64_t{kMaxCredits}, 1, 0, 0})},
      {"credit_account", "a reset is on its day",
       account([](auto* a) { return a->mutate_reset_at(INT64_MAX); })},
      {"credit_account", "a reset is on its day",
       account([](auto* a) { return a->mutate_reset_at(INT64_MIN); })},
  };
  for (const uint64_t n : {kHold, kCapture, kVoid, kExpiry, kGrant}) {
    faults.push_back({"credit_entry", kKind, effect(n, least)});
    faults.push_back({"credit_entry", kKind, effect(n, most)});
  }
  for (const uint64_t n : {kOpening, kGrant, kPlan, kSpending, kReset, kHold, kCapture, kVoid}) {
    for (const int32_t number : {INT32_MIN, INT32_MAX}) {
      faults.push_back({"credit_entry", kKind, entry(n, [=](fb::CreditEntry* e) {
                          (void)e->mutate_amount(number);  // where there is one
                          return e->mutate_granted_delta(number) &&
                                 e->mutate_allowance_delta(number) && e->mutate_allowance(number) &&
                                 e->mutate_granted(number);
                        })});
    }
  }
  check_faults(faults);
}

TEST_CASE("check: entries of a ledger") {
  check_faults({
      {"credit_entry", kFold, entry(kGrant, [](auto* e) { return e->mutate_granted(5); })},
      {"credit_entry", kFold,
       entry(kOpening, [](auto* e) { return e->mutate_allowance_delta(9); })},
      {"credit_entry", kKind, entry(kSpending, [](auto* e) { return e->mutate_amount(1); })},
      {"credit_entry", kKind, entry(kSpending, [](auto* e) { return e->mutate_amount(0); })},
      {"credit_entry", kKind,
       entry(kSpending, [](auto* e) { return e->mutate_allowance_delta(2); })},
      {"credit_entry", kKind, entry(kGrant, [](auto* e) { return e->mutate_amount(1); })},
      {"credit_entry", kKind, entry(kGrant, [](auto* e) { return e->mutate_allowance_delta(1); })},
      {"credit_entry", kKind, entry(kReset, [](auto* e) { return e->mutate_granted_delta(1); })},
      {"credit_entry", kKind, entry(kReset, [](auto* e) { return e->mutate_allowance(19); })},
      {"credit_entry", kKind, entry(kPlan, [](auto* e) { return e->mutate_granted_delta(1); })},
      {"credit_entry", kKind,
       entry(kUnlimited, [](auto* e) { return e->mutate_allowance_delta(1); })},
      // Found at the older of two entries, which says what the newer one found.
      {"credit_entry", kChange,
       entry(kSpending, [](auto* e) { return e->mutate_plan_allowance(21); })},
      {"credit_entry", kChange, entry(kSpending, [](auto* e) { return e->mutate_reset_at(1); })},
      {"credit_entry", kChange,
       entry(kSpending, [](auto* e) { return e->mutate_is_unlimited(true); })},
      {"credit_entry", kChange,
       entry(kSpending, [](auto* e) { return e->mutate_epoch(e->epoch() + 1); })},
      {"credit_entry", kChange,
       entry(kReset, [](auto* e) { return e->mutate_epoch(e->epoch() - 1); })},
      {"credit_entry", kChange,
       entry(kReset, [](auto* e) { return e->mutate_epoch(e->epoch() + 1); })},
      {"credit_entry", kChange,
       entry(kReset, [](auto* e) { return e->mutate_reset_at(e->reset_at() - 1'000'000); })},
      {"credit_entry", kChange,
       entry(kPlan, [](auto* e) { return e->mutate_epoch(e->epoch() - 1); })},
      {"credit_entry", kChange, entry(kPlan, [](auto* e) { return e->mutate_allowance(3); })},
      {"credit_entry", kChange, entry(kPlan, [](auto* e) { return e->mutate_is_unlimited(true); })},
      {"credit_entry", kChange,
       entry(kUnlimited, [](auto* e) { return e->mutate_plan_allowance(1); })},
      {"credit_entry", "a ledger begins with its opening",
       entry(kGrant,
             [](auto* e) {
               return e->mutate_entry_kind(static_cast<uint8_t>(CreditEntryKind::opening));
             })},
  });
}

}  // namespace bcstore::model
