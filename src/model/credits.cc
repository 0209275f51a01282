#include "model/credits.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "bcstore/options.h"
#include "model/calendar.h"

namespace bcstore::model {

namespace {

using std::chrono::year_month_day;

year_month_day date_of(Time time) {
  return {std::chrono::sys_days(std::chrono::days(day_of(time)))};
}

int64_t months_of(const year_month_day& date) {
  return int64_t{static_cast<int>(date.year())} * 12 + static_cast<unsigned>(date.month()) - 1;
}

// Midnight of the anchor day in that month, counted from year 0.
Time in_month(int64_t months, uint8_t anchor_day) {
  const std::chrono::year year(static_cast<int>(months / 12));
  const std::chrono::month month(static_cast<unsigned>(months % 12) + 1);
  const std::chrono::year_month_day last(year / month / std::chrono::last);
  const auto day = std::min(std::chrono::day(anchor_day), last.day());
  const std::chrono::sys_days at(year / month / day);
  return Time{at.time_since_epoch().count() * kDayUs};
}

}  // namespace

bool is_midnight(Time time) { return time.us % kDayUs == 0; }

Time next_day(Time time) { return Time{std::min(time.us, INT64_MAX - kDayUs) + kDayUs}; }

uint8_t day_of_month(Time time) {
  return static_cast<uint8_t>(static_cast<unsigned>(date_of(time).day()));
}

Time next_month(Time at, uint8_t anchor_day) {
  return in_month(months_of(date_of(at)) + 1, anchor_day);
}

std::optional<DueReset> due_reset(const CreditState& state, Time now) {
  if (!state.resets || state.reset_at > now) return std::nullopt;
  // The first reset is on its own day, which is the anchor; then one in each month. Computed, not
  // counted up: the clock may be centuries ahead of an imported date.
  const int64_t months = months_of(date_of(now));
  const Time this_month = in_month(months, state.anchor_day);
  if (this_month <= now) return DueReset{this_month, in_month(months + 1, state.anchor_day)};
  return DueReset{in_month(months - 1, state.anchor_day), this_month};
}

void apply_reset(const DueReset& due, CreditState* state) {
  state->allowance = state->plan_allowance;
  state->reset_at = due.next;
  ++state->epoch;
}

bool is_sum(int64_t a, int64_t b) {
  return a >= 0 && b >= 0 && a <= kMaxCredits && b <= kMaxCredits - a;
}

bool read_balance(const format::Counter& counter, const fb::CreditAccount& account,
                  CreditState* state) {
  state->allowance = counter.allowance;
  state->granted = counter.granted;
  state->epoch = counter.epoch;
  state->held_allowance = counter.held_allowance;
  state->held_granted = counter.held_granted;
  state->debt = account.debt();
  state->plan_allowance = account.plan_allowance();
  state->resets = account.resets();
  state->reset_at = Time{account.reset_at()};
  state->anchor_day = account.anchor_day();
  state->is_unlimited = account.is_unlimited();
  state->unlimited_by = account.unlimited_by();
  return is_sum(state->allowance, state->granted) &&
         is_sum(state->held_allowance, state->held_granted) && state->debt >= 0 &&
         is_sum(std::max<int64_t>(state->plan_allowance, state->allowance),
                state->granted + state->held_granted) &&
         state->plan_allowance >= 0;
}

uint64_t remaining_of(const CreditState& state) {
  return state.is_unlimited ? kUnlimitedCredits
                            : static_cast<uint64_t>(state.allowance + state.granted);
}

Status too_many_credits() {
  return Status(Code::invalid_argument, fmt::format("credits: more than {} in all", kMaxCredits));
}

const char* hold_fault(const fb::CreditHold& hold) {
  const int64_t parts = int64_t{hold.from_allowance()} + hold.from_granted();
  if (to_string(static_cast<HoldState>(hold.state())) == "unknown") return "its state";
  if (hold.amount() < 1) return "it is of nothing";
  if (hold.from_allowance() < 0 || hold.from_granted() < 0) return "it took less than nothing";
  if (parts != 0 && parts != hold.amount()) return "it took another amount";
  // The difference of any two times fits an unsigned number.
  if (hold.expires_at() <= hold.created_at() ||
      static_cast<uint64_t>(hold.expires_at()) - static_cast<uint64_t>(hold.created_at()) >
          uint64_t{kMaxHoldTtlUs}) {
    return "its end";
  }
  const bool is_live = static_cast<HoldState>(hold.state()) == HoldState::live;
  if (is_live != (hold.resolved_entry() == 0)) return "its state is not that of its end";
  return !is_live && hold.resolved_entry() <= hold.entry() ? "it ended before it began" : nullptr;
}

const char* live_hold_fault(const fb::CreditHold& hold, Time expires_at) {
  if (const char* fault = hold_fault(hold)) return fault;
  const bool is_live = static_cast<HoldState>(hold.state()) == HoldState::live;
  return is_live && Time{hold.expires_at()} == expires_at ? nullptr
                                                          : "the hold is not live until then";
}

HoldParts parts_of(const fb::CreditHold& hold) {
  return {hold.from_allowance(), hold.from_granted(), hold.epoch()};
}

bool is_held(const HoldParts& parts, const CreditState& state) {
  return parts.allowance >= 0 && parts.granted >= 0 && parts.allowance <= state.held_allowance &&
         parts.granted <= state.held_granted;
}

HoldParts take(int64_t amount, CreditState* state) {
  HoldParts parts;
  parts.epoch = state->epoch;
  parts.allowance = std::min(amount, state->allowance);
  parts.granted = std::min(amount - parts.allowance, state->granted);
  state->allowance -= parts.allowance;
  state->granted -= parts.granted;
  return parts;
}

int64_t give_back(const HoldParts& parts, int64_t captured, CreditState* state) {
  const int64_t used_allowance = std::min(captured, parts.allowance);
  const int64_t used_granted = std::min(captured - used_allowance, parts.granted);
  state->held_allowance -= parts.allowance;
  state->held_granted -= parts.granted;
  state->granted += parts.granted - used_granted;
  const int64_t rest = parts.allowance - used_allowance;
  if (parts.epoch != state->epoch) return rest;
  state->allowance += rest;
  return 0;
}

void settle(std::span<const LiveHold> holds, Time now, CreditState* state) {
  std::optional<DueReset> due = due_reset(*state, now);
  for (const LiveHold& hold : holds) {
    if (due && hold.expires_at > due->at) {
      apply_reset(*due, state);
      due.reset();
    }
    give_back(hold.parts, 0, state);
  }
  if (due) apply_reset(*due, state);
}

void set_unlimited_by(uint8_t reason, bool is_unlimited, CreditState* state) {
  const unsigned others = state->unlimited_by & ~unsigned{reason};
  state->unlimited_by = static_cast<uint8_t>(is_unlimited ? others | reason : others);
  state->is_unlimited = state->unlimited_by != 0;
}

bool put_balance(const CreditState& before, const CreditState& after, fb::CreditEntry* entry) {
  const bool is_put =
      entry->mutate_allowance_delta(static_cast<int32_t>(after.allowance - before.allowance)) &&
      entry->mutate_granted_delta(static_cast<int32_t>(after.granted - before.granted)) &&
      entry->mutate_allowance(static_cast<int32_t>(after.allowance)) &&
      entry->mutate_granted(static_cast<int32_t>(after.granted)) &&
      entry->mutate_is_unlimited(after.is_unlimited) &&
      entry->mutate_unlimited_by(after.unlimited_by) && entry->mutate_epoch(after.epoch) &&
      entry->mutate_plan_allowance(after.plan_allowance) && entry->mutate_resets(after.resets) &&
      entry->mutate_held(static_cast<int32_t>(after.held_allowance + after.held_granted)) &&
      entry->mutate_debt(static_cast<int32_t>(after.debt)) &&
      entry->mutate_reset_at(after.reset_at.us);
  if (!is_put) return false;
  const auto held_allowance = static_cast<int32_t>(after.held_allowance - before.held_allowance);
  const auto held_granted = static_cast<int32_t>(after.held_granted - before.held_granted);
  const auto debt = static_cast<int32_t>(after.debt - before.debt);
  fb::HoldEffect* effect = entry->mutable_effect();
  if (effect == nullptr) return held_allowance == 0 && held_granted == 0 && debt == 0;
  effect->mutate_held_allowance(held_allowance);
  effect->mutate_held_granted(held_granted);
  effect->mutate_debt(debt);
  return true;
}

Credits credits_of(const CreditState& state) {
  Credits credits;
  credits.allowance = static_cast<int32_t>(state.allowance);
  credits.granted = static_cast<int32_t>(state.granted);
  if (!state.is_unlimited) credits.remaining = credits.allowance + credits.granted;
  credits.held = static_cast<int32_t>(state.held_allowance + state.held_granted);
  credits.debt = static_cast<int32_t>(state.debt);
  credits.plan_allowance = state.plan_allowance;
  if (state.resets) credits.resets_at = state.reset_at;
  return credits;
}

}  // namespace bcstore::model
