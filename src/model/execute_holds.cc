// Reservations of credits.
//
// A hold has a head, which its resolution overwrites once, entries in the ledger for both, and
// while it is live and took something a row in the index by its end. Decided on are the heads; the
// index tells which of them time has ended. The list of an owner's live holds, with what they took,
// is kept in the head cache, since a group's own rows are not in the engine yet.
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

// The cache keeps the list as the bytes of a draft that is never written.
HeadEntry to_cache(const std::vector<LiveHold>& live) {
  std::string bytes;
  if (!live.empty()) {
    bytes.assign(reinterpret_cast<const char*>(live.data()), live.size() * sizeof(LiveHold));
  }
  HeadEntry entry;
  entry.exists = true;
  entry.draft = Draft(Kind::live_hold, bytes);
  return entry;
}

Status no_longer_live(const Uuid& id, HoldState state) {
  return Status::conflict(fmt::format("hold {} is {}", to_string(id), to_string(state)),
                          static_cast<uint64_t>(state));
}

}  // namespace

// Also what they took, so that time can be decided on without their heads.
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
  std::vector<std::string> heads;
  while (live->size() < kMaxLiveHolds && scan->next()) {
    format::Parsed parsed;
    if (Status s = format::parse_record(scan->key(), scan->value(), &parsed); !s.ok()) return s;
    const size_t at = prefix.view().size();
    live->push_back({format::key_time(scan->key(), at), format::key_uuid(scan->key(), at + 8), {}});
    heads.push_back(hold_key(current_.owner, live->back().id).str());
  }
  if (!scan->status().ok()) return scan->status();
  if (Status s = load_all(Kind::credit_hold, heads); !s.ok()) return s;
  for (size_t i = 0; i < heads.size(); ++i) {
    const HeadEntry* head = cache_.find(heads[i]);
    if (head == nullptr || !head->exists) return format::corrupt(heads[i], "is missing");
    const auto* hold = root<fb::CreditHold>(head->draft);
    if (const char* fault = live_hold_fault(*hold, (*live)[i].expires_at)) {
      return format::corrupt(heads[i], fault);
    }
    (*live)[i].parts = parts_of(*hold);
  }
  cache_.put(prefix, to_cache(*live));
  return Status();
}

// When the first of them ends, without looking at the others.
Status Executor::load_next_expiry(CreditState* state) {
  const Key prefix(current_.owner, Kind::live_hold);
  auto scan = engine_.scan({Family::index, prefix.str(), format::after_prefix(prefix)});
  if (scan->next()) {
    state->next_expiry_us = format::key_time(scan->key(), prefix.view().size()).us;
  }
  return scan->status();
}

void Executor::set_live_holds(const std::vector<LiveHold>& live, CreditState* state) {
  replace(Key(current_.owner, Kind::live_hold), to_cache(live));
  state->next_expiry_us = live.empty() ? INT64_MAX : live.front().expires_at.us;
}

// Balance and counter now, the records with the batch: what a refused one would have ended is cheap
// to decide on again, and there may be kMaxLiveHolds of them.
Status Executor::expire_holds(Time now, CreditState* state) {
  if (state->next_expiry_us > now.us) return Status();
  std::vector<LiveHold> live;
  if (Status s = load_live_holds(&live); !s.ok()) return s;
  const CreditState before = *state;
  auto hold = live.begin();
  for (; hold != live.end() && hold->expires_at <= now; ++hold) {
    if (!is_held(hold->parts, *state)) {
      return format::corrupt(hold_key(current_.owner, hold->id), "took more than is held");
    }
    HoldEnd end{*hold, HoldState::expired, hold->expires_at};
    end.lapsed = give_back(hold->parts, 0, state);
    end.returned = hold->parts.allowance + hold->parts.granted - end.lapsed;
    number_entry(end.at, state);
    end.after = *state;
    current_.ends.push_back(end);
  }
  if (!is_sum(state->allowance, state->granted)) {
    return format::corrupt(Key(current_.owner, Kind::credit_counter),
                           "more comes back than there can be");
  }
  live.erase(live.begin(), hold);
  set_live_holds(live, state);
  put_counter(before, state, CounterWrite::delta);
  return Status();
}

// The records of the holds that time has ended, when the batch was accepted.
Status Executor::write_ends() {
  if (current_.ends.empty()) return Status();
  const Actor calendar = Actor::of_system("calendar");
  std::vector<std::string> heads;
  heads.reserve(current_.ends.size());
  for (const HoldEnd& end : current_.ends) {
    heads.push_back(hold_key(current_.owner, end.hold.id).str());
  }
  if (Status s = load_all(Kind::credit_hold, heads); !s.ok()) return s;
  for (const HoldEnd& end : current_.ends) {
    Draft entry = encoder_.credit_entry({calendar, current_.owner}, CreditEntryKind::expire, 0,
                                        std::nullopt, end.hold.id);
    CreditState before = end.after;
    before.allowance -= end.hold.parts.allowance - end.lapsed;
    before.granted -= end.hold.parts.granted;
    before.held_allowance += end.hold.parts.allowance;
    before.held_granted += end.hold.parts.granted;
    if (Status s = write_end(end, before, entry); !s.ok()) return s;
  }
  current_.ends.clear();
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
  const LiveHold hold{Time{current_.now.us + op.edit->amount}, op.id, parts};
  if (!parts.none()) {
    state.held_allowance += parts.allowance;
    state.held_granted += parts.granted;
    if (!is_sum(state.held_allowance, state.held_granted)) {
      return Status(
          Code::failed_precondition,
          fmt::format("{} credits are held, and {} more are beyond {}",
                      before.held_allowance + before.held_granted, op.number, kMaxCredits));
    }
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
  Draft head_draft = op.head.clone();  // the batch may be handed in again
  if (Status s = stamp(head_draft, current_.now, &effective); !s.ok()) return s;
  auto* made = mutable_root<fb::CreditHold>(head_draft);
  const bool patched = made->mutate_from_allowance(static_cast<int32_t>(parts.allowance)) &&
                       made->mutate_from_granted(static_cast<int32_t>(parts.granted)) &&
                       made->mutate_epoch(parts.epoch) &&
                       made->mutate_expires_at(hold.expires_at.us) &&
                       made->mutate_entry(state.entries + 1);
  if (!patched) return Status(Code::internal, "a hold without room for its parts");
  put_head(Kind::credit_hold, key, std::move(head_draft));
  current_.touched.push_back({Kind::credit_hold, op.id, 0});
  return change_credits(op, before, &state, parts.none() ? CounterWrite::none : CounterWrite::delta,
                        false);
}

// The head of a hold that ended, and its entry of the ledger.
Status Executor::write_end(const HoldEnd& end, const CreditState& before, Draft& entry) {
  const Key key = hold_key(current_.owner, end.hold.id);
  HeadEntry* head = nullptr;
  if (Status s = load(Kind::credit_hold, key, &head); !s.ok()) return s;
  if (!head->exists) return format::corrupt(key, "is missing");
  Draft ended = head->draft.clone();
  auto* hold = mutable_root<fb::CreditHold>(ended);
  if (!end.hold.parts.none()) {
    changes_->erase(Family::index, live_key(current_.owner, end.hold));
  }
  if (auto* effect = mutable_root<fb::CreditEntry>(entry)->mutable_effect()) {
    effect->mutate_lapsed(static_cast<int32_t>(end.lapsed));
  }
  if (Status s = write_entry(entry, end.at, before, end.after); !s.ok()) return s;
  const bool patched = hold->mutate_state(static_cast<uint8_t>(end.state)) &&
                       hold->mutate_captured(static_cast<int32_t>(end.captured)) &&
                       hold->mutate_returned(static_cast<int32_t>(end.returned)) &&
                       hold->mutate_lapsed(static_cast<int32_t>(end.lapsed)) &&
                       hold->mutate_debt(static_cast<int32_t>(end.debt)) &&
                       hold->mutate_resolved_at(end.at.us) &&
                       hold->mutate_commit_seq(current_.commit_seq) &&
                       hold->mutate_resolved_owner_seq(current_.owner_seq) &&
                       hold->mutate_resolved_entry(end.after.entries) &&
                       hold->mutate_remaining(remaining_of(end.after));
  if (!patched) return Status(Code::internal, "a hold without room for its end");
  put_head(Kind::credit_hold, key, std::move(ended));
  return Status();
}

// What a capture or a void does to the balance.
Status Executor::end_hold(int64_t amount, HoldEnd* end, CreditState* state) {
  const HoldParts& parts = end->hold.parts;
  if (!is_held(parts, *state)) {
    return format::corrupt(hold_key(current_.owner, end->hold.id), "took more than is held");
  }
  const int64_t had = state->allowance + state->granted;
  end->lapsed = give_back(parts, std::min(end->captured, amount), state);
  end->returned = state->allowance + state->granted - had;
  if (!is_sum(state->allowance, state->granted)) {
    return format::corrupt(Key(current_.owner, Kind::credit_counter),
                           "more comes back than there can be");
  }
  if (end->captured > amount && !state->is_unlimited) {
    const int64_t beyond = end->captured - amount;
    const HoldParts taken = take(beyond, state);
    end->debt = beyond - taken.allowance - taken.granted;
    state->debt += end->debt;
    if (state->debt > kMaxCredits) return too_many_credits();
  }
  number_entry(end->at, state);
  end->after = *state;
  return Status();
}

Status Executor::resolve_credits(Op& op) {
  HeadEntry* head = nullptr;
  const Key key = hold_key(current_.owner, op.parent);
  if (Status s = need(Kind::credit_hold, key, "hold", op.parent, &head); !s.ok()) return s;
  const auto* hold = root<fb::CreditHold>(head->draft);
  if (const char* fault = hold_fault(*hold)) return format::corrupt(key, fault);
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
  HoldEnd end{{Time{hold->expires_at()}, op.parent, parts_of(*hold)},
              is_capture ? HoldState::captured : HoldState::voided,
              current_.now};
  end.captured = static_cast<int64_t>(op.number);
  if (is_capture && end.captured > amount && !op.flag) {
    return Status(Code::invalid_argument,
                  fmt::format("amount: {} is more than the {} that were held", op.number, amount));
  }
  CreditState state;
  if (Status s = settled_credits(&state); !s.ok()) return s;
  const CreditState before = state;
  // While its head says that it is live, which is asked of all in the list.
  std::vector<LiveHold> live;
  if (!end.hold.parts.none()) {
    if (Status s = load_live_holds(&live); !s.ok()) return s;
  }
  if (Status s = end_hold(amount, &end, &state); !s.ok()) return s;
  if (Status s = write_end(end, before, op.fact); !s.ok()) return s;
  if (!end.hold.parts.none()) {
    const auto is_it = [&](const LiveHold& one) { return one.id == op.parent; };
    if (std::erase_if(live, is_it) != 1) return format::corrupt(key, "is not in the index");
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
  current_.resolved = {static_cast<int32_t>(end.returned), static_cast<int32_t>(end.lapsed),
                       static_cast<int32_t>(end.debt)};
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
  current_.resolved = {hold->returned(), hold->lapsed(), hold->debt()};
  current_.operations.push_back({op.parent, hold->remaining()});
  return Status();
}

}  // namespace bcstore::model
