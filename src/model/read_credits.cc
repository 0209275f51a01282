// Reading an owner's credits: the account and the counter in one round, and the ledger.
#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "format/counter.h"
#include "model/as_of.h"
#include "model/credits.h"
#include "model/reads.h"

namespace bcstore {

using engine::Family;
using format::Key;
using format::Kind;
using model::CreditState;

namespace {

Key hold_key(UserId owner, const Uuid& id) { return Key(owner, Kind::credit_hold).append(id); }

Status read_state(const model::TenantState& tenant, const engine::Snapshot* at,
                  CreditState* state) {
  const Key account_key(tenant.owner, Kind::credit_account);
  const Key counter_key(tenant.owner, Kind::credit_counter);
  std::array<engine::Read, 2> reads = {
      engine::Read{Family::heads, account_key.str()},
      engine::Read{Family::credits, counter_key.str()},
  };
  tenant.core->engine().multi_get(reads, at);
  if (reads[0].status.code() == Code::not_found) {
    return Status(Code::not_found, "user " + to_string(tenant.owner) + " does not exist");
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
  if (!format::unpack(parsed.meta, &counter) ||
      !model::read_balance(counter, *account.root<fb::CreditAccount>(), state)) {
    return format::corrupt(counter_key, "the payload is malformed");
  }
  return Status();
}

// The holds whose time is over, the first to expire first. At most kMaxLiveHolds: more were never
// written.
Status read_due(const model::TenantState& tenant, const engine::Snapshot* at, Time now,
                CreditState held, std::vector<model::LiveHold>* due) {
  const Key prefix(tenant.owner, Kind::live_hold);
  Key upper = prefix;
  upper.time(Time{now.us + 1});
  auto scan = tenant.core->engine().scan(
      {Family::index, prefix.str(), upper.str(), /*backward=*/false, at});
  std::vector<engine::Read> reads;
  while (reads.size() < kMaxLiveHolds && scan->next()) {
    const size_t place = prefix.view().size();
    due->push_back(
        {format::key_time(scan->key(), place), format::key_uuid(scan->key(), place + 8), {}});
    const Key key = hold_key(tenant.owner, due->back().id);
    reads.push_back(engine::Read{Family::heads, key.str()});
  }
  if (!scan->status().ok()) return scan->status();
  tenant.core->engine().multi_get(reads, at);
  for (size_t i = 0; i < reads.size(); ++i) {
    if (!reads[i].status.ok()) {
      return reads[i].status.code() == Code::not_found ? format::corrupt(reads[i].key, "is missing")
                                                       : reads[i].status;
    }
    model::RecordBody body;
    if (Status s = body.keep(reads[i].key, std::move(reads[i].value)); !s.ok()) return s;
    const auto* hold = body.root<fb::CreditHold>();
    if (const char* fault = model::live_hold_fault(*hold, (*due)[i].expires_at)) {
      return format::corrupt(reads[i].key, fault);
    }
    (*due)[i].parts = model::parts_of(*hold);
    if (!model::is_held((*due)[i].parts, held)) {
      return format::corrupt(reads[i].key, "took more than is held");
    }
    held.held_allowance -= hold->from_allowance();
    held.held_granted -= hold->from_granted();
  }
  return Status();
}

// The balance that the ledger's last entry of then left.
Result<Credits> past_credits(const model::TenantState& tenant, const ReadOptions& o) {
  Result<model::Past> past = model::Past::open(tenant, o.as_of, o.snapshot);
  if (!past.ok()) return past.status();
  const Key prefix(tenant.owner, Kind::credit_entry);
  Result<uint64_t> newest = past->newest_of(Kind::credit_entry, prefix.str(), 8);
  if (!newest.ok()) return newest.status();
  std::unique_ptr<model::RecordBody> row;
  const auto key_of = [&](uint64_t number) -> Result<std::string> {
    return Key(prefix).not_u64(number).str();
  };
  Result<uint64_t> last = past->last_seen(Kind::credit_entry, key_of, *newest, &row);
  if (!last.ok()) return last.status();
  if (*last == 0) return model::no_such("user", tenant.owner.uuid());
  const auto* entry = row->root<fb::CreditEntry>();
  if (!model::is_sum(entry->allowance(), entry->granted())) {
    return format::corrupt(row->key(), "more is left than there can be");
  }
  CreditState state;
  state.allowance = entry->allowance();
  state.granted = entry->granted();
  state.held_granted = entry->held();
  state.debt = entry->debt();
  state.is_unlimited = entry->is_unlimited();
  state.plan_allowance = entry->plan_allowance();
  state.resets = entry->resets();
  state.reset_at = Time{entry->reset_at()};
  return model::credits_of(state);
}

Result<CreditHold> past_hold(const model::TenantState& tenant, CreditHoldId id,
                             const ReadOptions& o) {
  Result<model::Past> past = model::Past::open(tenant, o.as_of, o.snapshot);
  if (!past.ok()) return past.status();
  auto body = past->head(Kind::credit_hold, hold_key(tenant.owner, id.uuid()));
  if (body.ok() && *body == nullptr) return model::no_such("hold", id.uuid());
  const Result<Time> then = past->seen_at(model::now_of(*tenant.core));
  if (!then.ok()) return then.status();
  if (body.ok()) (*body)->see(*then);
  return model::as<CreditHold>(std::move(body));
}

}  // namespace

Result<Credits> Tenant::credits(const ReadOptions& o) const {
  if (Status s = model::begin_read(*state_); !s.ok()) return s;
  if (o.as_of.by != AsOf::By::now) return past_credits(*state_, o);
  const engine::Snapshot* at = nullptr;
  if (Status s = model::use_snapshot(*state_, o.snapshot, &at); !s.ok()) return s;
  CreditState state;
  if (Status s = read_state(*state_, at, &state); !s.ok()) return s;
  const Time now = model::now_of(*state_->core);
  std::vector<model::LiveHold> due;
  std::unique_ptr<engine::Snapshot> own;
  if (state.held_allowance + state.held_granted != 0) {
    if (at == nullptr) {
      // Counter and holds are read from one view.
      auto snapshot = state_->core->engine().snapshot();
      if (!snapshot.ok()) return snapshot.status();
      own = std::move(*snapshot);
      at = own.get();
      if (Status s = read_state(*state_, at, &state); !s.ok()) return s;
    }
    if (Status s = read_due(*state_, at, now, state, &due); !s.ok()) return s;
  }
  model::settle(due, now, &state);
  if (!model::is_sum(state.allowance, state.granted)) {
    return format::corrupt(Key(owner(), Kind::credit_counter), "more comes back than there can be");
  }
  return model::credits_of(state);
}

Result<RateLimitDecision> Tenant::try_acquire(std::string_view name, uint32_t cost) const {
  if (Status s = model::begin_read(*state_); !s.ok()) return s;
  model::RateBook& rates = state_->core->rates();
  const RateLimit* limit = rates.find(name);
  if (limit == nullptr) {
    return Status(Code::invalid_argument, "limit: " + std::string(name) + " is none of this store");
  }
  // What the owner is entitled to, and, when memory does not know it, what was taken before.
  const Key account_key(owner(), Kind::credit_account);
  auto account = model::read_record(*state_, account_key, Kind::credit_account, nullptr, [&] {
    return Status(Code::not_found, "user " + to_string(owner()) + " does not exist");
  });
  if (!account.ok()) return account.status();
  bool is_pro = (*account)->root<fb::CreditAccount>()->is_unlimited();
  if (!is_pro && limit->pro) {
    const Result<User> user = profile();
    if (!user.ok()) return user.status();
    is_pro = user->is_pro();
  }
  const Time now = state_->core->options().clock->now();
  if (!rates.knows(owner(), *limit, is_pro)) {
    const Key key(owner(), Kind::rate_state);
    auto kept = model::read_record(*state_, key, Kind::rate_state, nullptr,
                                   [] { return Status(Code::not_found, "no limit was used"); });
    if (kept.ok()) {
      const Time saved{(*kept)->root<fb::Common>()->created_at()};
      rates.restore(owner(), (*kept)->tail(), saved, now);
    } else if (kept.status().code() != Code::not_found) {
      return kept.status();
    }
  }
  Result<RateLimitDecision> decision = rates.acquire(owner(), *limit, is_pro, cost, now);
  if (decision.ok() && !decision->retry_after_us) {
    return Status(Code::invalid_argument,
                  "cost: " + std::to_string(cost) + " is more than the burst of " + limit->name);
  }
  return decision;
}

Result<CreditHold> Tenant::credit_hold(CreditHoldId id, const ReadOptions& o) const {
  if (Status s = model::begin_read(*state_); !s.ok()) return s;
  if (Status s = model::check_id("hold id", id.uuid()); !s.ok()) return s;
  if (o.as_of.by != AsOf::By::now) return past_hold(*state_, id, o);
  auto body = model::read_record(*state_, hold_key(owner(), id.uuid()), Kind::credit_hold,
                                 o.snapshot, model::missing("hold", id.uuid()));
  if (body.ok()) (*body)->see(model::now_of(*state_->core));
  return model::as<CreditHold>(std::move(body));
}

Cursor<CreditHold> Tenant::credit_holds(const ListOptions& o) const {
  model::ListPlan plan;
  plan.kind = Kind::live_hold;
  const Key prefix(owner(), Kind::live_hold);
  plan.prefix = prefix.str();
  Key first = prefix;
  if (state_->core) plan.lower = first.time(Time{model::now_of(*state_->core).us + 1}).str();
  plan.backward = o.reverse;
  plan.limit = o.limit;
  plan.after = o.after;
  plan.snapshot = o.snapshot;
  plan.as_of = o.as_of;
  plan.named_kind = Kind::credit_hold;
  plan.sees_time = true;
  plan.named = [owner = owner()](std::string_view, const format::Reference& reference,
                                 std::string* key) {
    *key = hold_key(owner, reference.id).str();
    return true;
  };
  plan.parent_kind = Kind::user;
  plan.parent_prefix = Key(owner(), Kind::user).str();
  plan.parent_name = "user " + to_string(owner());
  return model::make_cursor<CreditHold>(*state_, std::move(plan));
}

namespace {

model::ListPlan ledger_plan(const model::TenantState& tenant, const ListOptions& o) {
  model::ListPlan plan;
  plan.kind = Kind::credit_entry;
  plan.prefix = Key(tenant.owner, Kind::credit_entry).str();
  plan.backward = o.reverse;
  plan.limit = o.limit;
  plan.after = o.after;
  plan.snapshot = o.snapshot;
  plan.as_of = o.as_of;
  plan.parent_kind = Kind::user;
  plan.parent_prefix = Key(tenant.owner, Kind::user).str();
  plan.parent_name = "user " + to_string(tenant.owner);
  return plan;
}

// The number of the newest entry; 0 when there is none.
Result<uint64_t> newest_entry(const model::TenantState& tenant, const engine::Snapshot* at) {
  const Key prefix(tenant.owner, Kind::credit_entry);
  auto scan = tenant.core->engine().scan(
      {Family::history, prefix.str(), format::after_prefix(prefix), /*backward=*/false, at});
  if (scan->next()) return ~format::key_u64(scan->key(), prefix.view().size());
  if (!scan->status().ok()) return scan->status();
  return uint64_t{0};
}

// How many entries are before `time`: effective_at never goes back, so they are the first ones.
Result<uint64_t> entries_before(const model::TenantState& tenant, Time time, uint64_t newest,
                                const Snapshot* snapshot) {
  uint64_t before = 0, after = newest + 1;  // numbers that are, and are not
  while (after - before > 1) {
    const uint64_t middle = before + (after - before) / 2;
    const Key key = Key(tenant.owner, Kind::credit_entry).not_u64(middle);
    auto entry = model::read_record(tenant, key, Kind::credit_entry, snapshot,
                                    [&] { return format::corrupt(key, "is missing"); });
    if (!entry.ok()) return entry.status();
    const bool is_before = (*entry)->root<fb::CreditEntry>()->effective_at() < time.us;
    (is_before ? before : after) = middle;
  }
  return before;
}

}  // namespace

Cursor<CreditEntry> Tenant::credit_entries(const ListOptions& o) const {
  return model::make_cursor<CreditEntry>(*state_, ledger_plan(*state_, o));
}

Cursor<CreditEntry> Tenant::statement(Time from, Time to, const ListOptions& o) const {
  model::ListPlan plan = ledger_plan(*state_, o);
  plan.backward = !o.reverse;  // a key begins with the newest
  const auto narrow = [&]() -> Status {
    if (!state_->bad.ok()) return state_->bad;
    if (to < from) return Status(Code::invalid_argument, "to: is before from");
    const engine::Snapshot* at = nullptr;
    if (Status s = model::use_snapshot(*state_, o.snapshot, &at); !s.ok()) return s;
    const Result<uint64_t> newest = newest_entry(*state_, at);
    if (!newest.ok()) return newest.status();
    const Result<uint64_t> first = entries_before(*state_, from, *newest, o.snapshot);
    if (!first.ok()) return first.status();
    const Result<uint64_t> last = entries_before(*state_, to, *newest, o.snapshot);
    if (!last.ok()) return last.status();
    const Key prefix(owner(), Kind::credit_entry);
    plan.lower = Key(prefix).not_u64(*last).str();
    plan.upper = Key(prefix).not_u64(*first).str();
    return Status();
  };
  plan.bad = narrow();
  return model::make_cursor<CreditEntry>(*state_, std::move(plan));
}

}  // namespace bcstore
