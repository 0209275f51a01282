// Deciding on forks: sessions that show the first messages of another as their own.
//
// A fork hangs on the session that its last shown message was written to, so what lies behind it
// gets shorter by message and never holds a session that shows nothing. Its own messages go on from
// there: numbers, the running maximum of time and the sum of tokens. Facts never change, so nothing
// that happens to the other session later can change what the fork shows.
#include <fmt/format.h>

#include "model/execute.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

// A message that is here, or comes with this group.
Status Executor::find_message(const Uuid& session, uint64_t seq, HeadEntry* place) {
  const TailCache::Id tail{current_.owner.uuid(), session};
  const fb::Message* message = nullptr;
  for (const PendingTail& pending : pending_tails_) {
    if (pending.seq == seq && pending.id == tail) message = root<fb::Message>(*pending.value);
  }
  Draft stored;
  if (message == nullptr) {
    const Key months = Key(current_.owner, Kind::session_month).append(session);
    uint32_t month = 0;
    bool found = false;
    if (Status s = find_month(Kind::session_month, months, seq, &month); !s.ok()) return s;
    const Key key = with_id(current_.owner, Kind::message, session).not_u32(month).not_u64(seq);
    if (Status s = read_fact(Kind::message, key, &stored, &found); !s.ok()) return s;
    if (!found) return format::corrupt(key, "is missing");
    message = root<fb::Message>(stored);
  }
  place->exists = true;
  place->seq = seq;
  place->effective_us = message->effective_at();
  place->tokens = message->tokens_through();
  return Status();
}

Status Executor::load_messages(const Uuid& session, const HeadEntry& head, HeadEntry** stream) {
  const Key prefix = with_id(current_.owner, Kind::message, session);
  if (Status s = load_stream(Kind::message, prefix, stream); !s.ok()) return s;
  const auto* fork = root<fb::SessionHead>(head.draft);
  if ((*stream)->seq != 0 || fork->parent() == nullptr) return Status();
  HeadEntry last;
  if (Status s = find_message(from_fb(fork->parent()), fork->parent_seq(), &last); !s.ok()) {
    return s;
  }
  *stream = &cache_.put(prefix, std::move(last));
  return Status();
}

// The fork hangs on the session that the message was written to.
Status Executor::fork_chat(Op& op) {
  HeadEntry* head = nullptr;
  if (Status s = need(Kind::session, with_id(current_.owner, Kind::session, op.parent), "session",
                      op.parent, &head);
      !s.ok()) {
    return s;
  }
  HeadEntry* stream = nullptr;
  if (Status s = load_messages(op.parent, *head, &stream); !s.ok()) return s;
  if (op.number > stream->seq) {
    return Status(Code::not_found,
                  fmt::format("session {} has no message {}", to_string(op.parent), op.number));
  }
  const Key key = with_id(current_.owner, Kind::session, op.id);
  HeadEntry* existing = nullptr;
  if (Status s = load(Kind::session, key, &existing); !s.ok()) return s;
  if (existing->exists) {
    return Status::already_exists(fmt::format("session {} exists", to_string(op.id)), op.id);
  }
  SessionFields fields;
  fields.parent = op.parent;
  fields.parent_seq = op.number;
  const auto* parent = root<fb::SessionHead>(head->draft);
  for (size_t n = 0; parent->parent() != nullptr && op.number <= parent->parent_seq(); ++n) {
    fields.parent = from_fb(parent->parent());
    const Key behind = with_id(current_.owner, Kind::session, fields.parent);
    if (Status s = load(Kind::session, behind, &head); !s.ok()) return s;
    if (!head->exists || n > kMaxForkDepth) return format::corrupt(behind, "is no fork's parent");
    parent = root<fb::SessionHead>(head->draft);
  }
  if (parent->depth() >= kMaxForkDepth) {
    return Status(Code::failed_precondition, fmt::format("session {} has {} sessions behind it",
                                                         to_string(op.parent), kMaxForkDepth));
  }
  HeadEntry last;
  if (Status s = find_message(fields.parent, op.number, &last); !s.ok()) return s;
  fields.project = from_fb(parent->project());
  fields.depth = static_cast<uint8_t>(parent->depth() + 1);
  if (op.edit->name) fields.title = *op.edit->name;
  return put_fork(op.id, fields, last);
}

Status Executor::put_fork(const Uuid& id, const SessionFields& fields, const HeadEntry& last) {
  Draft draft = encoder_.session_head({*current_.actor, current_.owner}, fields);
  int64_t effective = kNoTime;
  if (Status s = stamp(draft, current_.now, &effective); !s.ok()) return s;
  auto* head = mutable_root<fb::SessionHead>(draft);
  head->mutate_age(age());
  head->mutate_created_seq(current_.commit_seq);
  head->mutate_rename_effective_at(kNoTime);
  put_head(Kind::session, with_id(current_.owner, Kind::session, id), std::move(draft));
  const Key by_age = Key(current_.owner, Kind::session_by_age).append(fields.project);
  put_reference(Kind::session_by_age, Key(by_age).not_u64(age()), {id, 0, 0});
  // Of month 0: its first message begins a month of its own.
  set_stream(with_id(current_.owner, Kind::message, id), last.seq, last.effective_us, 0,
             last.tokens);
  touch(Kind::session, id, last.seq);
  return Status();
}

}  // namespace bcstore::model
