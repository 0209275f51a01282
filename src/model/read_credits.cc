// Reading an owner's credits: the account and the counter in one round, and the ledger.
#include <array>
#include <cstring>

#include "format/counter.h"
#include "model/credits.h"
#include "model/reads.h"

namespace bcstore {

using engine::Family;
using format::Key;
using format::Kind;
using model::CreditState;

Result<Credits> Tenant::credits(const ReadOptions& o) const {
  if (Status s = model::begin_read(*state_); !s.ok()) return s;
  const engine::Snapshot* at = nullptr;
  if (Status s = model::use_snapshot(*state_, o.snapshot, &at); !s.ok()) return s;
  const Key account_key(owner(), Kind::credit_account);
  const Key counter_key(owner(), Kind::credit_counter);
  std::array<engine::Read, 2> reads = {
      engine::Read{Family::heads, account_key.str()},
      engine::Read{Family::credits, counter_key.str()},
  };
  state_->core->engine().multi_get(reads, at);
  if (reads[0].status.code() == Code::not_found) {
    return Status(Code::not_found, "user " + to_string(owner()) + " does not exist");
  }
  if (!reads[0].status.ok()) return reads[0].status;
  if (reads[1].status.code() == Code::not_found) return format::corrupt(counter_key, "is missing");
  if (!reads[1].status.ok()) return reads[1].status;

  model::RecordBody account;
  if (Status s = account.keep(account_key, std::move(reads[0].value)); !s.ok()) return s;
  format::Parsed parsed;
  format::Counter counter;
  if (Status s = format::parse_record(counter_key, reads[1].value.bytes(), &parsed); !s.ok()) {
    return s;
  }
  if (!format::unpack(parsed.meta, &counter) || counter.allowance < 0 || counter.granted < 0 ||
      counter.allowance + counter.granted > kMaxCredits) {
    return format::corrupt(counter_key, "the payload is malformed");
  }
  const auto* plan = account.root<fb::CreditAccount>();
  CreditState state;
  state.allowance = counter.allowance;
  state.granted = counter.granted;
  state.plan_allowance = plan->plan_allowance();
  state.resets = plan->resets();
  state.reset_at = Time{plan->reset_at()};
  state.anchor_day = plan->anchor_day();
  state.is_unlimited = plan->is_unlimited();
  // Never before the last commit: a clock that was set back takes no reset back.
  const int64_t last_us = state_->core->queue().counters().last_time_us;
  const Time now = state_->core->options().clock->now();
  return model::credits_at(state, std::max(now, Time{last_us}));
}

Cursor<CreditEntry> Tenant::credit_entries(const ListOptions& o) const {
  model::ListPlan plan;
  plan.kind = Kind::credit_entry;
  plan.prefix = Key(owner(), Kind::credit_entry).str();
  plan.backward = o.reverse;
  plan.limit = o.limit;
  plan.after = o.after;
  plan.snapshot = o.snapshot;
  plan.parent_kind = Kind::user;
  plan.parent_prefix = Key(owner(), Kind::user).str();
  plan.parent_name = "user " + to_string(owner());
  return model::make_cursor<CreditEntry>(*state_, std::move(plan));
}

}  // namespace bcstore
