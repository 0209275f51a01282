// Deciding on chats, messages and events.
#include <fmt/format.h>

#include <algorithm>

#include "model/execute.h"

namespace bcstore::model {

using format::Key;
using format::Kind;
using format::Reference;

namespace {

Key session_key(UserId owner, const Uuid& session) {
  return with_id(owner, Kind::session, session);
}

Key stream_prefix(UserId owner, const Uuid& session) {
  return with_id(owner, Kind::message, session);
}

}  // namespace

Status Executor::start_chat(Op& op) {
  Key project_key(current_.owner, Kind::project);
  HeadEntry* project = nullptr;
  if (Status s = need(Kind::project, project_key.append(op.parent), "project", op.parent, &project);
      !s.ok()) {
    return s;
  }
  Key key = session_key(current_.owner, op.id);
  HeadEntry* existing = nullptr;
  if (Status s = load(Kind::session, key, &existing); !s.ok()) return s;
  if (existing->exists) {
    if (op.origin) return same_session(op, *existing);
    return Status::already_exists(fmt::format("session {} exists", to_string(op.id)), op.id);
  }
  int64_t effective = kNoTime;
  if (Status s = stamp(op.head, created_at(op), &effective); !s.ok()) return s;
  auto* head = mutable_root<fb::SessionHead>(op.head);
  head->mutate_age(age());
  head->mutate_created_seq(current_.commit_seq);
  head->mutate_rename_effective_at(kNoTime);
  put_head(Kind::session, key, op.head.clone());
  Key by_age(current_.owner, Kind::session_by_age);
  put_reference(Kind::session_by_age, by_age.append(op.parent).not_u64(age()), {op.id, 0, 0});
  // A new session has no messages: the first append need not look.
  set_stream(stream_prefix(current_.owner, op.id), 0, kNoTime, 0);
  touch(Kind::session, op.id, 0);
  return Status();
}

Status Executor::same_session(Op& op, const HeadEntry& entry) {
  const auto* stored = root<fb::SessionHead>(entry.draft);
  const auto* given = root<fb::SessionHead>(op.head);
  const auto* first = stored->rename_count() == 0 ? stored->title() : stored->first_title();
  const bool same_title = optional_text(first) == optional_text(given->title());
  if (from_fb(stored->project()) != op.parent || !same_title ||
      stored->created_at() != op.origin->created_at.us) {
    return Status(Code::conflict,
                  fmt::format("session {} is here with other contents", to_string(op.id)));
  }
  current_.present = true;
  return Status();
}

Status Executor::rename_chat(Op& op) {
  Key key = session_key(current_.owner, op.parent);
  HeadEntry* entry = nullptr;
  if (Status s = need(Kind::session, key, "session", op.parent, &entry); !s.ok()) return s;
  const auto* old = root<fb::SessionHead>(entry->draft);
  if (op.expected && *op.expected != old->rename_count()) {
    return Status::conflict(fmt::format("session {} was renamed {} times, expected {}",
                                        to_string(op.parent), old->rename_count(), *op.expected),
                            old->rename_count());
  }
  Actor maker = Actor::of_user(current_.owner);
  if (old->actor_kind() != 0) {
    maker = {static_cast<ActorKind>(old->actor_kind()), UserId(from_fb(old->actor_id())),
             std::string(text_of(old->actor_name()))};
  }
  SessionFields fields = session_fields(*old);
  if (old->rename_count() == 0) fields.first_title = fields.title;
  fields.title = {};
  if (op.edit->name) fields.title = *op.edit->name;
  int64_t effective = old->rename_effective_at();
  if (Status s = stamp(op.fact, created_at(op), &effective); !s.ok()) return s;
  const uint32_t count = old->rename_count() + 1;
  Draft draft = encoder_.session_head({maker, current_.owner}, fields);
  auto* head = mutable_root<fb::SessionHead>(draft);
  head->mutate_commit_seq(current_.commit_seq);
  head->mutate_created_at(old->created_at());
  head->mutate_effective_at(old->effective_at());
  head->mutate_rename_count(count);
  head->mutate_rename_effective_at(effective);
  head->mutate_age(old->age());
  head->mutate_created_seq(old->created_seq());
  Key fact_key(current_.owner, Kind::session_title);
  put_fact(Kind::session_title, fact_key.append(op.parent).not_u32(count), op.fact);
  put_head(Kind::session, key, std::move(draft));
  touch(Kind::session_title, op.parent, count);
  return Status();
}

Status Executor::append_message(Op& op) {
  Key key = session_key(current_.owner, op.parent);
  HeadEntry* session = nullptr;
  if (Status s = need(Kind::session, key, "session", op.parent, &session); !s.ok()) return s;
  Key prefix = stream_prefix(current_.owner, op.parent);
  HeadEntry* stream = nullptr;
  if (Status s = load_messages(op.parent, *session, &stream); !s.ok()) return s;
  const uint64_t last = stream->seq;
  if (op.number_given && op.number <= root<fb::SessionHead>(session->draft)->parent_seq()) {
    return Status(Code::failed_precondition,
                  fmt::format("message {} is of a session behind this one", op.number));
  }
  if (op.number_given && op.number <= last) return same_message(op, op.number);
  if (op.number_given && op.number != last + 1) {
    return Status(Code::failed_precondition,
                  fmt::format("message {} does not follow message {}", op.number, last));
  }
  const uint64_t replaces = root<fb::Message>(op.fact)->replaces();
  if (replaces > last) {
    return Status(Code::not_found, fmt::format("session {} has no message {} to replace",
                                               to_string(op.parent), replaces));
  }
  if (op.expected && *op.expected != last) {
    return Status::conflict(fmt::format("session {} is at message {}, expected {}",
                                        to_string(op.parent), last, *op.expected),
                            last);
  }
  Key id_key(current_.owner, Kind::message_id);
  id_key.append(op.id);
  if (!op.id.is_nil()) {
    HeadEntry* taken = nullptr;
    if (Status s = load(Kind::message_id, id_key, &taken); !s.ok()) return s;
    if (taken->exists) {
      return Status::already_exists(fmt::format("message {} exists", to_string(op.id)), op.id);
    }
    stream = cache_.find(prefix);
  }
  const Time created = created_at(op);
  int64_t effective = stream->effective_us;
  const uint32_t old_month = stream->month;
  const uint64_t tokens = stream->tokens + op.tokens;
  if (Status s = stamp(op.fact, created, &effective); !s.ok()) return s;
  mutable_root<fb::Message>(op.fact)->mutate_tokens_through(tokens);
  const uint64_t seq = last + 1;
  const uint32_t month = std::max(old_month, month_of(Time{effective}));
  Key fact_key = prefix;
  fact_key.not_u32(month).not_u64(seq);
  put_fact(Kind::message, fact_key, op.fact);
  if (month != old_month) {
    Key months(current_.owner, Kind::session_month);
    put_month(Kind::session_month, months.append(op.parent), seq, month);
  }
  if (!op.id.is_nil()) {
    put_reference(Kind::message_id, id_key, {op.parent, seq, month}, true);
  }
  set_stream(prefix, seq, effective, month, tokens);
  touch(Kind::message, op.parent, seq);
  const TailCache::Id tail{current_.owner.uuid(), op.parent};
  tails_written_to_.push_back(tail);
  settings_.tails->begin_append(tail);
  pending_tails_.push_back({tail, seq, month, &op.fact});
  return Status();
}

// The month that a number lies in: that of the last month entry at or before it; 0 for none.
Status Executor::find_month(Kind kind, const Key& prefix, uint64_t number, uint32_t* month) {
  // A stream only grows: this group's entries come after all that the engine has.
  for (auto it = pending_months_.rbegin(); it != pending_months_.rend(); ++it) {
    if (it->number <= number && it->prefix == prefix.str()) {
      *month = it->month;
      return Status();
    }
  }
  Key lower = prefix;
  engine::ScanRequest request{engine::Family::index, lower.not_u64(number).str(),
                              format::after_prefix(prefix)};
  std::string key;
  Draft row;
  bool found = false;
  if (Status s = first_row(request, kind, &key, &row, &found); !s.ok()) return s;
  Reference reference;
  if (found) format::unpack({row.meta(), row.meta_bytes()}, &reference);
  *month = static_cast<uint32_t>(reference.number);
  return Status();
}

void Executor::put_month(Kind kind, const Key& prefix, uint64_t number, uint32_t month) {
  pending_months_.push_back({prefix.str(), number, month});
  Key key = prefix;
  put_reference(kind, key.not_u64(number), {{}, month, 0});
}

Status Executor::same_message(Op& op, uint64_t seq) {
  Key months(current_.owner, Kind::session_month);
  uint32_t month = 0;
  if (Status s = find_month(Kind::session_month, months.append(op.parent), seq, &month); !s.ok()) {
    return s;
  }
  Key key = stream_prefix(current_.owner, op.parent);
  key.not_u32(month).not_u64(seq);
  return same_fact(key, Kind::message, op.fact, op.origin->created_at,
                   fmt::format("message {} of session {}", seq, to_string(op.parent)));
}

Status Executor::same_event(Op& op, uint64_t id) {
  uint32_t month = 0;
  if (Status s = find_month(Kind::event_month, Key(current_.owner, Kind::event_month), id, &month);
      !s.ok()) {
    return s;
  }
  const Key key = in_month(current_.owner, kEvents, month, id);
  return same_fact(key, Kind::event, op.fact, op.origin->created_at, "the event of this identity");
}

Status Executor::put_in_month(const MonthStream& stream, Draft& draft, Time created, uint64_t* id,
                              uint32_t* month) {
  const Key prefix(current_.owner, stream.kind);
  HeadEntry* last = nullptr;
  if (Status s = load_stream(stream.kind, prefix, &last); !s.ok()) return s;
  int64_t effective = last->effective_us;
  const uint32_t old_month = last->month;
  if (Status s = stamp(draft, created, &effective); !s.ok()) return s;
  *id = current_.commit_seq << 16 | current_.events++;
  *month = std::max(old_month, month_of(created));
  put_fact(stream.kind, Key(prefix).not_u32(*month).not_u64(*id), draft);
  if (*month != old_month) {
    put_month(stream.months, Key(current_.owner, stream.months), *id, *month);
  }
  set_stream(prefix, *id, effective, *month);
  return Status();
}

// The audit is a stream of its own: it is written now, whatever the age of the history that is
// being imported beside it.
Status Executor::write_audit_event(Draft& draft, uint64_t* id) {
  int64_t effective = kNoTime;
  if (Status s = stamp(draft, current_.now, &effective); !s.ok()) return s;
  *id = current_.commit_seq << 16 | current_.events++;
  Key key(current_.owner, Kind::audit);
  put_fact(Kind::audit, key.not_u64(*id), draft);
  return Status();
}

Status Executor::need_project(const fb::Uuid* given) {
  if (given == nullptr) return Status();
  const Uuid id = from_fb(given);
  HeadEntry* entry = nullptr;
  return need(Kind::project, with_id(current_.owner, Kind::project, id), "project", id, &entry);
}

Status Executor::need_session(const fb::Uuid* given, uint64_t message_seq) {
  if (given == nullptr) return Status();
  const Uuid id = from_fb(given);
  HeadEntry* session = nullptr;
  if (Status s = need(Kind::session, session_key(current_.owner, id), "session", id, &session);
      !s.ok() || message_seq == 0) {
    return s;
  }
  HeadEntry* entry = nullptr;
  if (Status s = load_messages(id, *session, &entry); !s.ok()) return s;
  if (message_seq <= entry->seq) return Status();
  return Status(Code::not_found,
                fmt::format("session {} has no message {}", to_string(id), message_seq));
}

Status Executor::append_event(Op& op) {
  if (root<fb::Event>(op.fact)->is_audit()) {
    uint64_t audit_id = 0;
    if (Status s = write_audit_event(op.fact, &audit_id); !s.ok()) return s;
    touch(Kind::audit, Uuid(), audit_id);
    return Status();
  }
  std::optional<Reference> known;
  if (Status s = find_identity(op, &known); !s.ok()) return s;
  if (known) return same_event(op, known->number);
  const auto* event = root<fb::Event>(op.fact);
  if (Status s = need_project(event->project()); !s.ok()) return s;
  if (event->document() != nullptr) {
    HeadEntry* entry = nullptr;
    Uuid id = from_fb(event->document());
    Key key(current_.owner, Kind::document);
    if (Status s = need(Kind::document, key.append(id), "document", id, &entry); !s.ok()) return s;
    if (event->rev() > root<fb::DocumentHead>(entry->draft)->current_rev()) {
      return Status(Code::not_found,
                    fmt::format("document {} has no revision {}", to_string(id), event->rev()));
    }
  }
  if (Status s = need_session(event->session(), event->message_seq()); !s.ok()) return s;
  uint64_t id = 0;
  uint32_t month = 0;
  if (Status s = put_in_month(kEvents, op.fact, created_at(op), &id, &month); !s.ok()) return s;
  remember_identity(op, Uuid(), id);
  touch(Kind::event, Uuid(), id);
  return Status();
}

}  // namespace bcstore::model
