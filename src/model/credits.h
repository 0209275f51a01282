// Credits: the rules that need no store. Two buckets, a calendar, and what a spending takes.
//
// Invariants of a balance
//  - No bucket is below 0, and what there can be to spend is always an int32: the larger of the
//    plan's allowance and the allowance with what this period's holds took of it, and granted with
//    held_granted, are at most kMaxCredits together. Grants, plans and imports that would break
//    this are refused.
//  - A spending takes from the allowance first. Only a reset, a plan with `refill` and an import
//    set the allowance; each begins an epoch, and is a put of the whole counter.
//  - A reset is due at midnight UTC of its day. Those that were missed collapse to one, dated at
//    the last due instant: the beginning of the period that is running. The next one is a month
//    later on the anchor day, or on the last day of a shorter month. The date only moves forward,
//    so a clock that is set back never resets twice; a plan whose date has passed begins with the
//    first one after now.
//  - Unlimited use lies over the balance: a spending is recorded and takes nothing.
//  - A hold takes its credits out of the balance at once, the allowance first, and remembers how
//    much of which. Until it is resolved they stand in held_allowance and held_granted, so that
//    allowance + granted is what there is to spend, and that plus what is held is the balance.
//    They are at most kMaxCredits together, of all periods, so that what is held is an int32 too: a
//    hold beyond that is refused.
//  - A resolution keeps what was captured, of the allowance's share first. The rest goes back
//    whence it came, but the allowance's share only within its epoch: a reset has set the allowance
//    anew. So what a past period's holds took of it takes no room from what may be granted.
//  - A hold that nobody resolved comes back at its expires_at, whenever that is noticed: expiries
//    and resets that are due are written in the order of their instants before anything else, and
//    computed by reads.
//  - Debt is what was captured beyond the balance. Grants pay it first; resets do not.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "bcstore/id.h"
#include "bcstore/records.h"
#include "bcstore/status.h"
#include "format/counter.h"
#include "records_generated.h"

namespace bcstore::model {

// Why use is unlimited; there may be both reasons.
inline constexpr uint8_t kGrantedUnlimited = 1;
inline constexpr uint8_t kProUnlimited = 2;

struct CreditState {
  int64_t allowance = 0;
  int64_t granted = 0;
  uint64_t epoch = 0;
  int32_t plan_allowance = 0;
  bool resets = false;
  bool is_unlimited = false;  // by whichever
  uint8_t unlimited_by = 0;   // kGrantedUnlimited, kProUnlimited
  uint8_t anchor_day = 0;
  Time reset_at;  // the next, when `resets`
  int64_t held_allowance = 0;
  int64_t held_granted = 0;
  int64_t debt = 0;
  int64_t next_expiry_us = INT64_MAX;  // of a hold that took something
  uint64_t entries = 0;                // of the ledger
  int64_t effective_us = 0;
  uint32_t chain = 0;  // deltas merged since the counter was put
};

// A reset date: midnight UTC.
bool is_midnight(Time time);
Time next_day(Time time);
// Of the month, 1 to 31.
uint8_t day_of_month(Time time);
// The midnight one calendar month after `at`, on `anchor_day` or the last day of that month.
Time next_month(Time at, uint8_t anchor_day);

struct DueReset {
  Time at;    // the last due instant that is not after now
  Time next;  // the first one after now
};
// The reset that is due, or nullopt.
std::optional<DueReset> due_reset(const CreditState& state, Time now);
void apply_reset(const DueReset& due, CreditState* state);

// Whether the two are a sum that can be told: neither is below 0, nor both beyond kMaxCredits.
bool is_sum(int64_t a, int64_t b);
// Of the counter and the account. False when no balance is like that: disk contents are untrusted.
bool read_balance(const format::Counter& counter, const fb::CreditAccount& account,
                  CreditState* state);

// What a hold took.
struct HoldParts {
  int64_t allowance = 0;
  int64_t granted = 0;
  uint64_t epoch = 0;  // of the balance that it was taken from
  bool none() const { return allowance == 0 && granted == 0; }
};
// Writes into an entry of the ledger what it did, and the balance after it. False when the entry
// was made without room for it.
bool put_balance(const CreditState& before, const CreditState& after, fb::CreditEntry* entry);
// Whether so much can have been taken, and is held.
bool is_held(const HoldParts& parts, const CreditState& state);
// Takes `amount` out of the buckets, or as much as is there.
HoldParts take(int64_t amount, CreditState* state);
// Ends a hold of which `captured` was used: what is left goes back. Tells what lapsed.
int64_t give_back(const HoldParts& parts, int64_t captured, CreditState* state);

// A hold that took something and was not resolved.
struct LiveHold {
  Time expires_at;
  Uuid id;
  HoldParts parts;
  friend bool operator<(const LiveHold& a, const LiveHold& b) {
    return a.expires_at != b.expires_at ? a.expires_at < b.expires_at : a.id < b.id;
  }
};
// nullptr, or in what the head is like no hold: disk contents are untrusted.
const char* hold_fault(const fb::CreditHold& hold);
HoldParts parts_of(const fb::CreditHold& hold);
// The same, and whether it is live until the time that its row in the index says.
const char* live_hold_fault(const fb::CreditHold& hold, Time expires_at);

// What time made of a balance: the ends of holds in their order, and the reset that is due among
// them.
void settle(std::span<const LiveHold> holds, Time now, CreditState* state);

// As a receipt tells it.
uint64_t remaining_of(const CreditState& state);
// More than an int32 can tell.
Status too_many_credits();

// Sets or clears one reason, and leaves the other.
void set_unlimited_by(uint8_t reason, bool is_unlimited, CreditState* state);

// What an owner may spend. No reset is due, and no hold.
Credits credits_of(const CreditState& state);

}  // namespace bcstore::model
