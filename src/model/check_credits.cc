// The balance is the fold of the ledger, and the account what its newest entry says.
#include <fmt/format.h>

#include <algorithm>

#include "model/check_walk.h"
#include "model/credits.h"
#include "model/encode.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

namespace {

// Of an entry that names a hold.
const char* hold_fault(const fb::CreditEntry& e) {
  const fb::HoldEffect& effect = *e.effect();
  const int64_t change = int64_t{e.allowance_delta()} + e.granted_delta();
  const int64_t released = -(int64_t{effect.held_allowance()} + effect.held_granted());
  if (static_cast<CreditEntryKind>(e.entry_kind()) == CreditEntryKind::hold) {
    if (e.amount() < 1) return "a hold of nothing";
    if (e.allowance_delta() > 0 || e.granted_delta() > 0) return "a hold that adds";
    if (effect.held_allowance() != -int64_t{e.allowance_delta()} ||
        effect.held_granted() != -int64_t{e.granted_delta()}) {
      return "it holds something else than it took";
    }
    if (change != (e.is_unlimited() ? 0 : -e.amount())) return "it holds another amount";
    if (effect.lapsed() != 0 || effect.debt() != 0) return "a hold lapses or owes";
    return e.granted_delta() < 0 && e.allowance() != 0 ? "granted credits before the allowance"
                                                       : nullptr;
  }
  if (effect.held_allowance() > 0 || effect.held_granted() > 0) return "it holds more";
  if (effect.lapsed() < 0 || effect.lapsed() > -int64_t{effect.held_allowance()}) {
    return "more lapses than was held of the allowance";
  }
  const int64_t used = released - effect.lapsed() - change + effect.debt();
  if (static_cast<CreditEntryKind>(e.entry_kind()) == CreditEntryKind::capture) {
    if (e.amount() < 1) return "a capture of nothing";
    if (effect.debt() < 0) return "a capture that pays a debt";
    // What was unlimited at one of its ends is less than what was used.
    const bool exact = released != 0 && !e.is_unlimited();
    return exact               ? used != e.amount() ? "it captures another amount" : nullptr
           : used > e.amount() ? "it captures more than was asked for"
                               : nullptr;
  }
  if (e.allowance_delta() < 0 || e.granted_delta() < 0) return "it takes something";
  return used != 0 || effect.debt() != 0 ? "it does not give back what was held" : nullptr;
}

bool is_of_hold(CreditEntryKind kind) {
  return kind == CreditEntryKind::hold || kind == CreditEntryKind::capture ||
         kind == CreditEntryKind::voided || kind == CreditEntryKind::expire;
}

// What its effect says of an entry: there for holds and grants alone.
const char* effect_fault(const fb::CreditEntry& e) {
  const auto kind = static_cast<CreditEntryKind>(e.entry_kind());
  const fb::HoldEffect* effect = e.effect();
  const bool may = is_of_hold(kind) || kind == CreditEntryKind::grant;
  if ((effect != nullptr) != may) return may ? "its effect is missing" : "an effect on holds";
  if (effect == nullptr) return nullptr;
  if (is_of_hold(kind) == from_fb(&effect->hold()).is_nil()) return "the hold that it names";
  if (is_of_hold(kind)) return hold_fault(e);
  if (effect->held_allowance() != 0 || effect->held_granted() != 0 || effect->lapsed() != 0) {
    return "a grant changes holds";
  }
  return effect->debt() > 0 ? "a grant makes a debt" : nullptr;
}

// What each kind of entry may do to the balance; nullptr when it is as it must be.
const char* fault_of(const fb::CreditEntry& e) {
  const int64_t taken = -(int64_t{e.allowance_delta()} + e.granted_delta());
  if (const char* fault = effect_fault(e)) return fault;
  switch (static_cast<CreditEntryKind>(e.entry_kind())) {
    case CreditEntryKind::consume:
      if (e.amount() < 1) return "a spending of nothing";
      if (e.allowance_delta() > 0 || e.granted_delta() > 0) return "a spending that adds";
      if (taken != (e.is_unlimited() ? 0 : e.amount())) return "it takes another amount";
      return e.granted_delta() < 0 && e.allowance() != 0 ? "granted credits before the allowance"
                                                         : nullptr;
    case CreditEntryKind::grant:
      if (e.amount() < 1 || e.granted_delta() != int64_t{e.amount()} + e.effect()->debt()) {
        return "it grants another amount";
      }
      return e.allowance_delta() != 0 ? "a grant changes the allowance" : nullptr;
    case CreditEntryKind::reset:
      if (e.granted_delta() != 0) return "a reset changes granted credits";
      return e.allowance() != e.plan_allowance() ? "not the plan's allowance" : nullptr;
    case CreditEntryKind::opening:
    case CreditEntryKind::plan:
    case CreditEntryKind::import:
      return e.granted_delta() != 0 ? "it changes granted credits" : nullptr;
    case CreditEntryKind::unlimited:
      return taken != 0 || e.granted_delta() != 0 ? "it changes the balance" : nullptr;
    case CreditEntryKind::adjust:
      if (e.amount() == 0 || e.granted_delta() != e.amount()) return "it adjusts another amount";
      return e.allowance_delta() != 0 ? "an adjustment changes the allowance" : nullptr;
    case CreditEntryKind::hold:
    case CreditEntryKind::capture:
    case CreditEntryKind::voided:
    case CreditEntryKind::expire:
      return nullptr;  // their effect says it all
  }
  return nullptr;
}

// What an entry may change of the plan, the overlay and the epoch that the older one left; nullptr
// when it is as it must be.
const char* change_fault(const fb::CreditEntry& older, const CheckCredits& newer) {
  const bool same_plan = newer.plan_allowance == older.plan_allowance() &&
                         newer.resets == older.resets() && newer.reset_at_us == older.reset_at();
  const bool same_use = newer.is_unlimited == older.is_unlimited();
  const bool same_epoch = newer.epoch == older.epoch();
  if (!same_epoch && newer.epoch != older.epoch() + 1) return "epochs rise by one";
  switch (newer.kind) {
    case CreditEntryKind::consume:
    case CreditEntryKind::grant:
    case CreditEntryKind::hold:
    case CreditEntryKind::capture:
    case CreditEntryKind::voided:
    case CreditEntryKind::expire:
    case CreditEntryKind::adjust:
      if (!same_plan || !same_use) return "it changes the plan or the overlay";
      return same_epoch ? nullptr : "it begins an epoch";
    case CreditEntryKind::reset:
      if (newer.plan_allowance != older.plan_allowance() || !same_use || !newer.resets) {
        return "it changes the plan or the overlay";
      }
      if (newer.reset_at_us <= older.reset_at()) return "its next date is not later";
      return same_epoch ? "it begins no epoch" : nullptr;
    case CreditEntryKind::plan:
      if (!same_use) return "it changes the overlay";
      if (same_epoch) return newer.allowance_delta != 0 ? "it changes the balance" : nullptr;
      return newer.allowance != newer.plan_allowance ? "not the plan's allowance" : nullptr;
    case CreditEntryKind::import:
      return same_epoch && newer.allowance_delta != 0 ? "it changes the balance" : nullptr;
    case CreditEntryKind::unlimited:
      if (!same_plan) return "it changes the plan";
      return same_epoch ? nullptr : "it begins an epoch";
    case CreditEntryKind::opening:
      break;
  }
  return nullptr;
}

// The newest entry of the owner.
Status newest_entry(CheckWalk& walk, UserId owner, CheckRead* entry) {
  return walk.read_first(Key(owner, Kind::credit_entry), entry);
}

void missing_ledger(CheckWalk& walk, const CheckedRecord& record) {
  walk.violation(record, "a balance has its ledger", "there is no entry");
}

}  // namespace

Status check_credit_account(CheckWalk& walk, const CheckedRecord& record) {
  const auto& account = record.table<fb::CreditAccount>();
  if (account.debt() < 0) {
    walk.violation(record, "a debt is not negative", fmt::format("{}", account.debt()));
  }
  if (account.plan_allowance() < 0) {
    walk.violation(record, "an allowance is not negative",
                   fmt::format("{}", account.plan_allowance()));
  }
  const Time at{account.reset_at()};
  if (account.resets()) {
    const uint8_t anchor = account.anchor_day();
    const uint8_t day = day_of_month(at);
    const bool clamped = day < anchor && day_of_month(next_day(at)) == 1;
    if (!is_midnight(at) || anchor < 1 || anchor > 31 || (day != anchor && !clamped)) {
      walk.violation(record, "a reset is on its day", fmt::format("{}, day {}", at.us, anchor));
    }
  } else if (account.anchor_day() != 0 || account.reset_at() != 0) {
    walk.violation(record, "a reset is on its day", "there is none");
  }
  const uint8_t reasons = account.unlimited_by();
  if (reasons > (kGrantedUnlimited | kProUnlimited) || (reasons != 0) != account.is_unlimited()) {
    walk.violation(record, "unlimited use has its reason", fmt::format("{}", reasons));
  }
  CheckRead newest("");
  if (Status s = newest_entry(walk, record.owner(), &newest); !s.ok()) return s;
  if (newest.absent()) missing_ledger(walk, record);
  if (!newest.found()) return Status();
  const auto& entry = newest.record.table<fb::CreditEntry>();
  if (entry.plan_allowance() != account.plan_allowance() || entry.resets() != account.resets() ||
      entry.reset_at() != account.reset_at() || entry.is_unlimited() != account.is_unlimited() ||
      entry.unlimited_by() != account.unlimited_by()) {
    walk.violation(record, "the account is what its ledger says",
                   fmt::format("entry {} says otherwise", ~format::key_u64(newest.key, 17)));
  }
  return Status();
}

Status check_credit_counter(CheckWalk& walk, const CheckedRecord& record) {
  const format::Counter& counter = record.counter();
  CheckRead account{Key(record.owner(), Kind::credit_account)};
  if (Status s = walk.read(account); !s.ok()) return s;
  CreditState state;
  const bool reads = account.found()
                         ? read_balance(counter, account.record.table<fb::CreditAccount>(), &state)
                         : is_sum(counter.allowance, counter.granted) &&
                               is_sum(counter.held_allowance, counter.held_granted);
  if (!reads) {
    walk.violation(
        record, "a balance is not below 0, and an int32",
        fmt::format("{} + {}, held {} + {}, of a plan of {}", counter.allowance, counter.granted,
                    counter.held_allowance, counter.held_granted, state.plan_allowance));
  }
  if (Status s = check_held(walk, record); !s.ok()) return s;
  CheckRead newest("");
  if (Status s = newest_entry(walk, record.owner(), &newest); !s.ok()) return s;
  if (newest.absent()) missing_ledger(walk, record);
  if (!newest.found()) return Status();
  const auto& entry = newest.record.table<fb::CreditEntry>();
  if (entry.allowance() != counter.allowance || entry.granted() != counter.granted ||
      entry.epoch() != counter.epoch) {
    walk.violation(record, "the counter is the fold of the ledger",
                   fmt::format("{} + {} in epoch {}, and should be {} + {} in epoch {}",
                               counter.allowance, counter.granted, counter.epoch, entry.allowance(),
                               entry.granted(), entry.epoch()));
  }
  return Status();
}

// Entries come newest first: each says what the next older one must have left.
Status check_credit_entry(CheckWalk& walk, const CheckedRecord& record) {
  const auto& entry = record.table<fb::CreditEntry>();
  const uint64_t number = ~format::key_u64(record.key(), 17);
  const auto kind = static_cast<CreditEntryKind>(entry.entry_kind());
  if (to_string(kind) == "unknown") walk.unknown(record, "entry_kind", entry.entry_kind());
  if (const char* fault = fault_of(entry)) {
    walk.violation(record, "an entry does what its kind may", fault);
  }
  CheckCredits& newer = walk.credits();
  if (newer.owner == record.owner() && newer.number == number + 1) {
    if (newer.allowance_before != entry.allowance() || newer.granted_before != entry.granted()) {
      walk.violation(
          record, "the balance is the fold of the ledger",
          fmt::format("{} + {}, and entry {} found {} + {}", entry.allowance(), entry.granted(),
                      newer.number, newer.allowance_before, newer.granted_before));
    }
    if (const char* fault = change_fault(entry, newer)) {
      walk.violation(record, "an entry changes what its kind may",
                     fmt::format("entry {}: {}", newer.number, fault));
    }
  }
  if ((kind == CreditEntryKind::opening) != (number == 1)) {
    walk.violation(record, "a ledger begins with its opening", fmt::format("entry {}", number));
  }
  const bool follows = newer.owner == record.owner() && newer.sums_after == number;
  int64_t held_allowance = newer.held_allowance, held_granted = newer.held_granted;
  int64_t debt = newer.debt;
  if (follows && (entry.held() != held_allowance + held_granted || entry.debt() != debt)) {
    walk.violation(record, "what is held and owed is the fold of the ledger",
                   fmt::format("entry {} says {} and {}, and it is {} + {} and {}", number,
                               entry.held(), entry.debt(), held_allowance, held_granted, debt));
  }
  if (const fb::HoldEffect* effect = entry.effect()) {
    held_allowance -= effect->held_allowance();
    held_granted -= effect->held_granted();
    debt -= effect->debt();
  }
  newer = {.owner = record.owner(),
           .number = number,
           .kind = kind,
           .allowance_before = int64_t{entry.allowance()} - entry.allowance_delta(),
           .granted_before = int64_t{entry.granted()} - entry.granted_delta(),
           .allowance = entry.allowance(),
           .allowance_delta = entry.allowance_delta(),
           .epoch = entry.epoch(),
           .plan_allowance = entry.plan_allowance(),
           .resets = entry.resets(),
           .is_unlimited = entry.is_unlimited(),
           .reset_at_us = entry.reset_at(),
           .sums_after = follows ? number - 1 : 0,
           .held_allowance = held_allowance,
           .held_granted = held_granted,
           .debt = debt};
  if (number == 1 && follows && (held_allowance != 0 || held_granted != 0 || debt != 0)) {
    walk.violation(
        record, "what is held and owed is the fold of the ledger",
        fmt::format("it begins with {} + {} held and {} owed", held_allowance, held_granted, debt));
  }
  if (number == 1 && (newer.allowance_before != 0 || newer.granted_before != 0)) {
    walk.violation(record, "the balance is the fold of the ledger", "it does not begin with 0");
  }
  return Status();
}

Status check_newest_credit_entry(CheckWalk& walk, const CheckedRecord& record) {
  CheckRead both[] = {CheckRead{Key(record.owner(), Kind::credit_account)},
                      CheckRead{Key(record.owner(), Kind::credit_counter)}};
  if (Status s = walk.read(both); !s.ok()) return s;
  walk.credits() = {.owner = record.owner()};
  if (both[0].found() && both[1].found()) {
    const format::Counter& counter = both[1].record.counter();
    // Sums of others would run over; what is wrong with them is told at the counter.
    if (!is_sum(counter.held_allowance, counter.held_granted)) return Status();
    walk.credits().sums_after = ~format::key_u64(record.key(), 17);
    walk.credits().held_allowance = counter.held_allowance;
    walk.credits().held_granted = counter.held_granted;
    walk.credits().debt = both[0].record.table<fb::CreditAccount>().debt();
  }
  for (const CheckRead& one : both) {
    if (one.absent()) {
      walk.violation(record, "a ledger has its account and counter",
                     fmt::format("there is no {}", format::to_hex(one.key)));
    }
  }
  return Status();
}

}  // namespace bcstore::model
