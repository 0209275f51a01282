// Reservations of credits.
//
// A hold has a head, which its resolution overwrites once, entries in the ledger for both, and
// while it is live and took something a row in the index by its end. Decided on are the heads; the
// index tells which of them time has ended. The list of an owner's rows is kept in the head cache,
// since a group's own rows are not in the engine yet.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "model/execute.h"

namespace bcstore::model {

using engine::Family;
using format::Key;
using format::Kind;

namespace {

static_assert(std::is_trivially_copyable_v<LiveHold>);

Key hold_key(UserId owner, const Uuid& id) { return Key(owner, Kind::credit_hold).append(id); }

Key live_key(UserId owner, const LiveHold& hold) {
  return Key(owner, Kind::live_hold).time(hold.expires_at).append(hold.id);
}

HoldParts parts_of(const fb::CreditHold& hold) {
  return {hold.from_allowance(), hold.from_granted(), hold.epoch()};
}

Status no_longer_live(const Uuid& id, HoldState state) {
  return Status::conflict(fmt::format("hold {} is {}", to_string(id), to_string(state)),
                          static_cast<uint64_t>(state));
}

}  // namespace

Status Executor::load_live_holds(std::vector<LiveHold>* live) {
  live->clear();
  const Key prefix(current_.owner, Kind::live_hold);
  if (const HeadEntry* known = cache_.find(prefix)) {
    live->resize(known->draft.meta_bytes() / sizeof(LiveHold));
    if (!live->empty()) {
      std::memcpy(live->data(), known->draft.meta(), live->size() * sizeof(LiveHold));
    }
    return Status();
  }
  auto scan = engine_.scan({Family::index, prefix.str(), format::after_prefix(prefix)});
  while (live->size() < kMaxLiveHolds && scan->next()) {
    format::Parsed parsed;
    if (Status s = format::parse_record(scan->key(), scan->value(), &parsed); !s.ok()) return s;
    const size_t at = prefix.view().size();
    live->push_back({format::key_time(scan->key(), at), format::key_uuid(scan->key(), at + 8)});
  }
  return scan->status();
}

void Executor::set_live_holds(const std::vector<LiveHold>& live, CreditState* state) {
  const Key prefix(current_.owner, Kind::live_hold);
  std::string bytes;
  if (!live.empty()) {
    bytes.assign(reinterpret_cast<const char*>(live.data()), live.size() * sizeof(LiveHold));
  }
  HeadEntry entry;
  entry.exists = true;
  entry.draft = Draft(Kind::live_hold, bytes);
  replace(prefix, std::move(entry));
  state->next_expiry_us = live.empty() ? INT64_MAX : live.front().expires_at.us;
}

Status Executor::expire_holds(Time now, CreditState* state) {
  if (state->next_expiry_us > now.us) return Status();
  std::vector<LiveHold> live;
  if (Status s = load_live_holds(&live); !s.ok()) return s;
  const CreditState before = *state;
  const Actor calendar = Actor::of_system("calendar");
  auto hold = live.begin();
  for (; hold != live.end() && hold->expires_at <= now; ++hold) {
    Draft entry = encoder_.credit_entry({calendar, current_.owner}, CreditEntryKind::expire, 0,
                                        std::nullopt, hold->id);
    const Resolution how{HoldState::expired, 0, hold->expires_at};
    if (Status s = end_hold(hold->id, how, entry, state); !s.ok()) return s;
  }
  live.erase(live.begin(), hold);
  set_live_holds(live, state);
  put_counter(before, state, CounterWrite::delta);
  return Status();
}

Status Executor::reserve_credits(Op& op) {
  const Key key = hold_key(current_.owner, op.id);
  HeadEntry* head = nullptr;
  if (Status s = load(Kind::credit_hold, key, &head); !s.ok()) return s;
  if (head->exists) {
    return Status::already_exists(fmt::format("hold {} exists", to_string(op.id)), op.id);
  }
  CreditState state;
  if (Status s = settled_credits(&state); !s.ok()) return s;
  if (Status s = check_spending(op, state); !s.ok()) return s;
  const CreditState before = state;
  HoldParts parts;
  parts.epoch = state.epoch;
  if (!state.is_unlimited) parts = take(static_cast<int64_t>(op.number), &state);
  const LiveHold hold{Time{current_.now.us + op.edit->amount}, op.id};
  if (!parts.none()) {
    state.held_allowance += parts.allowance;
    state.held_granted += parts.granted;
    std::vector<LiveHold> live;
    if (Status s = load_live_holds(&live); !s.ok()) return s;
    if (live.size() >= kMaxLiveHolds) {
      return Status(Code::failed_precondition,
                    fmt::format("{} holds of this owner are live", live.size()));
    }
    live.insert(std::lower_bound(live.begin(), live.end(), hold), hold);
    set_live_holds(live, &state);
    put_reference(Kind::live_hold, live_key(current_.owner, hold), {op.id, 0, 0});
  }
  int64_t effective = kNoTime;
  if (Status s = stamp(op.head, current_.now, &effective); !s.ok()) return s;
  auto* made = mutable_root<fb::CreditHold>(op.head);
  const bool patched = made->mutate_from_allowance(static_cast<int32_t>(parts.allowance)) &&
                       made->mutate_from_granted(static_cast<int32_t>(parts.granted)) &&
                       made->mutate_epoch(parts.epoch) &&
                       made->mutate_expires_at(hold.expires_at.us) &&
                       made->mutate_entry(state.entries + 1);
  if (!patched) return Status(Code::internal, "a hold without room for its parts");
  put_head(Kind::credit_hold, key, std::move(op.head));
  current_.touched.push_back({Kind::credit_hold, op.id, 0});
  return change_credits(op, before, &state, parts.none() ? CounterWrite::none : CounterWrite::delta,
                        false);
}

Status Executor::end_hold(const Uuid& id, const Resolution& how, Draft& entry, CreditState* state) {
  const Key key = hold_key(current_.owner, id);
  HeadEntry* head = nullptr;
  if (Status s = load(Kind::credit_hold, key, &head); !s.ok()) return s;
  if (!head->exists) return format::corrupt(key, "is missing");
  Draft ended = head->draft.clone();
  auto* hold = mutable_root<fb::CreditHold>(ended);
  const HoldParts parts = parts_of(*hold);
  if (!is_held(parts, *state)) return format::corrupt(key, "took more than is held");
  const CreditState before = *state;
  const int64_t lapsed = give_back(parts, std::min<int64_t>(how.captured, hold->amount()), state);
  const int64_t returned = state->allowance + state->granted - before.allowance - before.granted;
  int64_t debt = 0;
  if (how.captured > hold->amount() && !state->is_unlimited) {
    const int64_t beyond = how.captured - hold->amount();
    const HoldParts taken = take(beyond, state);
    debt = beyond - taken.allowance - taken.granted;
    state->debt += debt;
    if (state->debt > kMaxCredits) return too_many_credits();
  }
  if (!parts.none()) {
    changes_->erase(Family::index, live_key(current_.owner, {Time{hold->expires_at()}, id}));
  }
  if (auto* effect = mutable_root<fb::CreditEntry>(entry)->mutable_effect()) {
    effect->mutate_lapsed(static_cast<int32_t>(lapsed));
  }
  if (Status s = put_credit_entry(entry, how.at, before, state); !s.ok()) return s;
  const bool patched =
      hold->mutate_state(static_cast<uint8_t>(how.state)) &&
      hold->mutate_captured(static_cast<int32_t>(how.captured)) &&
      hold->mutate_returned(static_cast<int32_t>(returned)) &&
      hold->mutate_lapsed(static_cast<int32_t>(lapsed)) &&
      hold->mutate_debt(static_cast<int32_t>(debt)) && hold->mutate_resolved_at(how.at.us) &&
      hold->mutate_commit_seq(current_.commit_seq) &&
      hold->mutate_resolved_owner_seq(current_.owner_seq) &&
      hold->mutate_resolved_entry(state->entries) && hold->mutate_remaining(remaining_of(*state));
  if (!patched) return Status(Code::internal, "a hold without room for its end");
  put_head(Kind::credit_hold, key, std::move(ended));
  return Status();
}

Status Executor::resolve_credits(Op& op) {
  HeadEntry* head = nullptr;
  const Key key = hold_key(current_.owner, op.parent);
  if (Status s = need(Kind::credit_hold, key, "hold", op.parent, &head); !s.ok()) return s;
  const auto* hold = root<fb::CreditHold>(head->draft);
  const bool is_capture = op.verb == Verb::capture_credits;
  if (static_cast<HoldState>(hold->state()) != HoldState::live) {
    return replay_hold(op, head->draft);
  }
  if (hold->expires_at() <= current_.now.us) {
    return Status(Code::failed_precondition,
                  fmt::format("hold {} ran out at {}", to_string(op.parent),
                              to_string(Time{hold->expires_at()})));
  }
  // Copied: what is written next may move the cache's entries.
  const int64_t amount = hold->amount();
  const LiveHold ended{Time{hold->expires_at()}, op.parent};
  const bool took = !parts_of(*hold).none();
  if (is_capture && static_cast<int64_t>(op.number) > amount && !op.flag) {
    return Status(Code::invalid_argument,
                  fmt::format("amount: {} is more than the {} that were held", op.number, amount));
  }
  CreditState state;
  if (Status s = settled_credits(&state); !s.ok()) return s;
  const CreditState before = state;
  const Resolution how{is_capture ? HoldState::captured : HoldState::voided,
                       static_cast<int64_t>(op.number), current_.now};
  if (Status s = end_hold(op.parent, how, op.fact, &state); !s.ok()) return s;
  if (took) {
    std::vector<LiveHold> live;
    if (Status s = load_live_holds(&live); !s.ok()) return s;
    if (std::erase(live, ended) != 1) return format::corrupt(key, "is not in the index");
    set_live_holds(live, &state);
  }
  if (state.debt != before.debt) {
    if (Status s = put_account({*current_.actor, current_.owner}, state); !s.ok()) return s;
  }
  const bool same = before.held_allowance == state.held_allowance &&
                    before.held_granted == state.held_granted &&
                    before.allowance == state.allowance && before.granted == state.granted;
  put_counter(before, &state, same ? CounterWrite::none : CounterWrite::delta);
  current_.touched.push_back({Kind::credit_hold, op.parent, 0});
  current_.operations.push_back({op.parent, remaining_of(state)});
  return Status();
}

// A hold that is resolved: the same again is answered as it was.
Status Executor::replay_hold(const Op& op, const Draft& draft) {
  const auto* hold = root<fb::CreditHold>(draft);
  const auto state = static_cast<HoldState>(hold->state());
  if (state == HoldState::expired) {
    return Status(Code::failed_precondition,
                  fmt::format("hold {} ran out at {}", to_string(op.parent),
                              to_string(Time{hold->expires_at()})));
  }
  const bool same =
      op.verb == Verb::void_hold
          ? state == HoldState::voided
          : state == HoldState::captured && static_cast<uint64_t>(hold->captured()) == op.number;
  if (!same) return no_longer_live(op.parent, state);
  if (!current_.repeated || current_.repeated->commit_seq < hold->commit_seq()) {
    current_.repeated.emplace();
    current_.repeated->commit_seq = hold->commit_seq();
    current_.repeated->owner_seq = hold->resolved_owner_seq();
    current_.repeated->committed_at = Time{hold->resolved_at()};
    current_.repeated->replayed = true;
  }
  current_.operations.push_back({op.parent, hold->remaining()});
  return Status();
}

}  // namespace bcstore::model
