// Rate limits in the commit path: what a batch takes, and what is kept on disk of what was taken.
// And the end of idempotency keys, which time decides too.
#include <fmt/format.h>

#include <algorithm>

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

// What memory does not know of the owner's limits is kept as the last record told it.
Status Executor::put_rates(UserId owner) {
  const Key key = rate_key(owner);
  std::string_view kept;
  Time kept_at;
  if (!settings_.rates->knows_all(owner)) {
    HeadEntry* head = nullptr;
    if (Status s = load(Kind::rate_state, key, &head); !s.ok()) return s;
    if (head->exists) {
      kept = head->draft.tail();
      kept_at = Time{root<fb::Common>(head->draft)->created_at()};
    }
  }
  const Time now = clock_.now();
  // Before it is packed: what others take from here on changes it again.
  group_saved_.push_back(owner);
  if (!settings_.rates->take_changed(owner)) group_saved_.pop_back();
  Draft state = encoder_.rate_state({*current_.actor, owner},
                                    settings_.rates->pack(owner, now, kept, kept_at));
  int64_t effective = kNoTime;
  if (Status s = stamp(state, now, &effective); !s.ok()) return s;
  put_head(Kind::rate_state, key, std::move(state));
  return Status();
}

void Executor::give_back_rates(std::vector<Acquired>* acquired, size_t first) {
  for (; acquired->size() > first; acquired->pop_back()) {
    const Acquired& one = acquired->back();
    Time now{one.at_us};
    try {
      now = clock_.now();
    } catch (...) {  // NOLINT(bugprone-empty-catch): an application's own, which tells no time
    }
    try {
      settings_.rates->give_back(one, now);
    } catch (...) {  // NOLINT(bugprone-empty-catch): no memory; the owner waits a little longer
    }
  }
}

// Nothing that the group took or would have saved is on the disk.
void Executor::give_back_all() {
  give_back_rates(&current_.acquired, 0);
  give_back_rates(&group_acquired_, 0);
  for (std::vector<UserId>* owners : {&group_saved_, &unsaved_rates_}) {
    for (const UserId& owner : *owners) settings_.rates->put_back(owner);
    owners->clear();
  }
}

// Those that the head cache knows are not honoured any more, whatever is on the disk.
void Executor::drop_keys(UserId owner, uint32_t day) {
  const Key prefix(owner, Kind::idempotency);
  changes_->erase_range(engine::family_of(Kind::idempotency), prefix, Key(prefix).u32(day));
}

bool Executor::rates_are_due(bool now) const {
  if (!settings_.rates->has_changed() || last_seq_ == 0) return false;
  if (settings_.replica.role == ReplicaRole::standby) return false;
  if (now || settings_.rates->is_crowded()) return true;
  const int64_t since_us = clock_.now().us - rates_saved_at_.us;
  return since_us >= RateBook::kSaveUs || since_us < 0;
}

// All of them at once: others may go on taking while these are written, and wait for their turn.
void Executor::take_changed_rates(bool all) {
  unsaved_rates_ = settings_.rates->take_changed(all ? SIZE_MAX : kMaxSavedAtOnce);
}

void Executor::put_changed_rates() {
  const Actor limiter = Actor::of_system("limits");
  current_ = Current();
  current_.actor = &limiter;
  current_.commit_seq = last_seq_;
  (void)mark();
  const size_t count = std::min(unsaved_rates_.size(), kMaxSavedAtOnce);
  const auto first = unsaved_rates_.end() - static_cast<ptrdiff_t>(count);
  std::vector<std::string> keys;
  for (auto owner = first; owner != unsaved_rates_.end(); ++owner) {
    if (!settings_.rates->knows_all(*owner)) keys.push_back(rate_key(*owner).str());
  }
  (void)load_all(Kind::rate_state, keys);  // what fails is read again, and told, by itself
  group_saved_.insert(group_saved_.end(), first, unsaved_rates_.end());
  for (auto owner = first; owner != unsaved_rates_.end(); ++owner) {
    (void)put_rates(*owner);  // of a record that is damaged: it stays for check()
  }
  unsaved_rates_.resize(unsaved_rates_.size() - count);
  current_ = Current();
  accept();
  // Those that are left go with the next group.
  if (!settings_.rates->has_changed()) rates_saved_at_ = clock_.now();
}

}  // namespace bcstore::model
