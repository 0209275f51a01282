// The balance is the fold of the ledger, and the account what its newest entry says.
#include <fmt/format.h>

#include <algorithm>

#include "model/check_walk.h"
#include "model/credits.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

namespace {

// What each kind of entry may do to the balance; nullptr when it is as it must be.
const char* fault_of(const fb::CreditEntry& e) {
  const int64_t taken = -(int64_t{e.allowance_delta()} + e.granted_delta());
  switch (static_cast<CreditEntryKind>(e.entry_kind())) {
    case CreditEntryKind::consume:
      if (e.amount() < 1) return "a spending of nothing";
      if (e.allowance_delta() > 0 || e.granted_delta() > 0) return "a spending that adds";
      if (taken != (e.is_unlimited() ? 0 : e.amount())) return "it takes another amount";
      return e.granted_delta() < 0 && e.allowance() != 0 ? "granted credits before the allowance"
                                                         : nullptr;
    case CreditEntryKind::grant:
      if (e.amount() < 1 || e.granted_delta() != e.amount()) return "it grants another amount";
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
  if (account.plan_allowance() < 0) {
    walk.violation(record, "an allowance is not negative",
                   fmt::format("{}", account.plan_allowance()));
  }
  const Time at{account.reset_at()};
  if (account.resets()) {
    const uint8_t anchor = account.anchor_day();
    const uint8_t day = day_of_month(at);
    const bool clamped = day < anchor && day_of_month(Time{at.us + int64_t{86'400'000'000}}) == 1;
    if (!is_midnight(at) || anchor < 1 || anchor > 31 || (day != anchor && !clamped)) {
      walk.violation(record, "a reset is on its day", fmt::format("{}, day {}", at.us, anchor));
    }
  } else if (account.anchor_day() != 0 || account.reset_at() != 0) {
    walk.violation(record, "a reset is on its day", "there is none");
  }
  CheckRead newest("");
  if (Status s = newest_entry(walk, record.owner(), &newest); !s.ok()) return s;
  if (newest.absent()) missing_ledger(walk, record);
  if (!newest.found()) return Status();
  const auto& entry = newest.record.table<fb::CreditEntry>();
  if (entry.plan_allowance() != account.plan_allowance() || entry.resets() != account.resets() ||
      entry.reset_at() != account.reset_at() || entry.is_unlimited() != account.is_unlimited()) {
    walk.violation(record, "the account is what its ledger says",
                   fmt::format("entry {} says otherwise", ~format::key_u64(newest.key, 17)));
  }
  return Status();
}

Status check_credit_counter(CheckWalk& walk, const CheckedRecord& record) {
  const format::Counter& counter = record.counter();
  if (counter.allowance < 0 || counter.granted < 0 ||
      counter.allowance + counter.granted > kMaxCredits) {
    walk.violation(record, "a balance is not below 0, and an int32",
                   fmt::format("{} and {}", counter.allowance, counter.granted));
  }
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
  if (to_string(static_cast<CreditEntryKind>(entry.entry_kind())) == "unknown") {
    walk.unknown(record, "entry_kind", entry.entry_kind());
  }
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
    const bool same = newer.epoch_before == entry.epoch();
    const bool next = newer.epoch_before == entry.epoch() + 1;
    if (!same && !next) {
      walk.violation(record, "epochs rise by one", fmt::format("{}", entry.epoch()));
    }
  }
  const bool is_opening =
      static_cast<CreditEntryKind>(entry.entry_kind()) == CreditEntryKind::opening;
  if (is_opening != (number == 1)) {
    walk.violation(record, "a ledger begins with its opening", fmt::format("entry {}", number));
  }
  newer.owner = record.owner();
  newer.number = number;
  newer.allowance_before = int64_t{entry.allowance()} - entry.allowance_delta();
  newer.granted_before = int64_t{entry.granted()} - entry.granted_delta();
  newer.epoch_before = entry.epoch();
  if (number == 1 && (newer.allowance_before != 0 || newer.granted_before != 0)) {
    walk.violation(record, "the balance is the fold of the ledger", "it does not begin with 0");
  }
  return Status();
}

Status check_newest_credit_entry(CheckWalk& walk, const CheckedRecord& record) {
  CheckRead both[] = {CheckRead{Key(record.owner(), Kind::credit_account)},
                      CheckRead{Key(record.owner(), Kind::credit_counter)}};
  if (Status s = walk.read(both); !s.ok()) return s;
  for (const CheckRead& one : both) {
    if (one.absent()) {
      walk.violation(record, "a ledger has its account and counter",
                     fmt::format("there is no {}", format::to_hex(one.key)));
    }
  }
  return Status();
}

}  // namespace bcstore::model
