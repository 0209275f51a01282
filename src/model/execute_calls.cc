// Deciding on calls of models. A call is a fact in its month, and is added to the sum of its month,
// model and currency, which the head cache holds: the hot path reads nothing.
#include <fmt/format.h>

#include "model/call_sums.h"
#include "model/execute.h"
#include "model/keys.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

Status Executor::record_call(Op& op) {
  const auto* call = root<fb::Call>(op.fact);
  if (Status s = need_project(call->project()); !s.ok()) return s;
  if (Status s = need_session(call->session(), call->message_seq()); !s.ok()) return s;
  if (Status s = need_event(call->event()); !s.ok()) return s;
  uint64_t id = 0;
  uint32_t month = 0;
  if (Status s = put_in_month(kCalls, op.fact, created_at(op), &id, &month); !s.ok()) return s;
  if (Status s = add_to_rollup(op, month); !s.ok()) return s;
  touch(Kind::call, Uuid(), id);
  return Status();
}

// An event's id is known from its receipt, so it was written before this group; what the group
// itself writes can only be guessed at, and is not there yet.
Status Executor::need_event(uint64_t id) {
  if (id == 0) return Status();
  const auto missing = [id] {
    return Status(Code::not_found, fmt::format("event {} does not exist", id));
  };
  if (id >> 16 > group_seq_) return missing();
  HeadEntry* stream = nullptr;
  if (Status s = load_stream(Kind::event, Key(current_.owner, Kind::event), &stream); !s.ok()) {
    return s;
  }
  if (id == stream->seq) return Status();
  if (id > stream->seq) return missing();
  uint32_t month = 0;
  const Key months(current_.owner, kEvents.months);
  if (Status s = find_month(kEvents.months, months, id, &month); !s.ok()) return s;
  Draft event;
  bool found = false;
  const Key key = in_month(current_.owner, kEvents, month, id);
  if (Status s = read_fact(Kind::event, key, &event, &found); !s.ok()) return s;
  return found ? Status() : missing();
}

Status Executor::add_to_rollup(const Op& op, uint32_t month) {
  const auto* call = root<fb::Call>(op.fact);
  const std::string_view model = text_of(call->model()), currency = text_of(call->currency());
  const Key of_month = Key(current_.owner, Kind::call_rollup).u32(month);
  const Key key = Key(of_month).append(op.id);
  HeadEntry* entry = nullptr;
  if (Status s = load(Kind::call_rollup, key, &entry); !s.ok()) return s;
  Draft draft;
  if (entry->exists) {
    const auto* known = root<fb::CallRollup>(entry->draft);
    if (text_of(known->model()) != model || text_of(known->currency()) != currency) {
      return Status(Code::internal, "two models have one hash");
    }
    draft = entry->draft.clone();
  } else if (Status s = begin_rollup(op, of_month, &draft); !s.ok()) {
    return s;
  }
  CallSums sums = sums_of(*root<fb::CallRollup>(draft));
  if (const char* full = sums.add(sums_of(*call))) {
    return Status(Code::invalid_argument,
                  fmt::format("{}: the sum over {} of {} in {} would pass {}", full, month, model,
                              currency, std::numeric_limits<int64_t>::max()));
  }
  auto* rollup = mutable_root<fb::CallRollup>(draft);
  if (!rollup->mutate_commit_seq(current_.commit_seq) || !put_sums(sums, rollup)) {
    return format::corrupt(key, "has no room for its sums");
  }
  defer_head(Kind::call_rollup, key, std::move(draft));
  return Status();
}

// The sum of no calls, as far as the month has room for another.
Status Executor::begin_rollup(const Op& op, const Key& of_month, Draft* draft) {
  uint64_t rollups = 0;
  if (Status s = count_rollups(of_month, &rollups); !s.ok()) return s;
  const uint32_t month = format::key_u32(of_month, format::kKindOffset + 1);
  if (rollups >= kMaxCallModels) {
    return Status(Code::invalid_argument,
                  fmt::format("model: the calls of {} are of {} models and currencies already",
                              month, rollups));
  }
  const auto* call = root<fb::Call>(op.fact);
  const By by{op.origin ? op.origin->actor : *current_.actor, current_.owner};
  *draft = encoder_.call_rollup(by, text_of(call->model()), text_of(call->currency()));
  int64_t effective = kNoTime;
  if (Status s = stamp(*draft, created_at(op), &effective); !s.ok()) return s;
  set_stream(of_month, rollups + 1, kNoTime, month);
  return Status();
}

// Counted once for each month, then known to the cache.
Status Executor::count_rollups(const Key& of_month, uint64_t* count) {
  if (const HeadEntry* known = cache_.find(of_month)) {
    *count = known->seq;
    return Status();
  }
  auto scan = engine_.scan(
      {engine::family_of(Kind::call_rollup), of_month.str(), format::after_prefix(of_month)});
  HeadEntry counted;
  while (counted.seq < kMaxCallModels && scan->next()) ++counted.seq;
  if (!scan->status().ok()) return scan->status();
  counted.exists = counted.seq != 0;
  *count = counted.seq;
  cache_.put(of_month, std::move(counted));
  return Status();
}

}  // namespace bcstore::model
