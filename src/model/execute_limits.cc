// Rate limits in the commit path: what a batch takes, and what is kept on disk of what was taken.
// And the end of idempotency keys, which time decides too.
#include <fmt/format.h>

#include "model/execute.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

namespace {

constexpr size_t kMaxSavedAtOnce = 1024;

Key rate_key(UserId owner) { return Key(owner, Kind::rate_state); }

}  // namespace

Status Executor::limit_rate(Op& op) {
  const RateLimit* limit = settings_.rates->find(*op.edit->name);
  if (limit == nullptr) {
    return Status(Code::invalid_argument,
                  fmt::format("limit: {} is none of this store", *op.edit->name));
  }
  CreditState credits;  // which say what the owner is entitled to
  if (Status s = load_credits(&credits); !s.ok()) return s;
  bool is_pro = credits.is_unlimited;
  if (!is_pro && limit->pro) {
    UserState user;
    if (Status s = newest_user(&user); !s.ok()) return s;
    is_pro = user.fields.is_pro;
  }
  const Time now = clock_.now();
  if (!settings_.rates->knows(current_.owner, *limit, is_pro)) {
    HeadEntry* kept = nullptr;
    if (Status s = load(Kind::rate_state, rate_key(current_.owner), &kept); !s.ok()) return s;
    if (kept->exists) {
      const Time saved{root<fb::Common>(kept->draft)->created_at()};
      settings_.rates->restore(current_.owner, kept->draft.tail(), saved, now);
    }
  }
  Acquired acquired;
  const Result<RateLimitDecision> decision =
      settings_.rates->acquire(current_.owner, *limit, is_pro, op.number, now, &acquired);
  if (!decision.ok()) return decision.status();
  if (!decision->retry_after_us) {
    return Status(Code::invalid_argument,
                  fmt::format("cost: {} is more than the burst of {}", op.number, limit->name));
  }
  if (!decision->allowed) {
    return Status::rate_limited(
        fmt::format("{}: {} more in {} us", limit->name, op.number, *decision->retry_after_us),
        *decision->retry_after_us);
  }
  current_.acquired.push_back(acquired);
  current_.strict_rate = current_.strict_rate || limit->strict;
  current_.operations.push_back({Uuid(), decision->remaining});
  return Status();
}

Status Executor::put_rates(UserId owner) {
  const Time now = clock_.now();
  Draft state = encoder_.rate_state({*current_.actor, owner}, settings_.rates->pack(owner, now));
  int64_t effective = kNoTime;
  if (Status s = stamp(state, now, &effective); !s.ok()) return s;
  put_head(Kind::rate_state, rate_key(owner), std::move(state));
  settings_.rates->saved(owner);
  return Status();
}

// Those that the head cache knows are not honoured any more, whatever is on the disk.
void Executor::drop_keys(UserId owner, uint32_t day) {
  const Key prefix(owner, Kind::idempotency);
  changes_->erase_range(engine::family_of(Kind::idempotency), prefix, Key(prefix).u32(day));
}

bool Executor::rates_are_due(bool now) const {
  if (!settings_.rates->has_changed() || last_seq_ == 0) return false;
  const int64_t since_us = clock_.now().us - rates_saved_at_.us;
  return now || since_us >= RateBook::kSaveUs || since_us < 0;
}

void Executor::put_changed_rates() {
  const Actor limiter = Actor::of_system("limits");
  current_ = Current();
  current_.actor = &limiter;
  current_.commit_seq = last_seq_;
  (void)mark();
  for (const UserId& owner : settings_.rates->take_changed(kMaxSavedAtOnce)) {
    (void)put_rates(owner);  // fails for a draft without room alone
  }
  current_ = Current();
  accept();
  // Those that are left go with the next group.
  if (!settings_.rates->has_changed()) rates_saved_at_ = clock_.now();
}

}  // namespace bcstore::model
