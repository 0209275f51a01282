// A tenant's reads of its tasks, chats and events, and of many objects at once.
#include <fmt/format.h>

#include "model/as_of.h"
#include "model/execute.h"

namespace bcstore {

using format::Key;
using format::Kind;
using format::Reference;
using model::begin_read;
using model::history;
using model::kEvents;
using model::ListPlan;
using model::missing;
using model::month_at;
using model::TenantState;
using model::with_id;

Result<Task> Tenant::task(TaskId id, const ReadOptions& o) const {
  std::vector<Result<Task>> found = get(std::span(&id, 1), o);
  return std::move(found.front());
}

Cursor<Task> Tenant::tasks(ProjectId project, const TaskList& o) const {
  ListPlan plan = history(*state_, Kind::task, project, Kind::project, "project", {});
  plan.limit = o.limit;
  plan.after = o.after;
  plan.snapshot = o.snapshot;
  plan.as_of = o.as_of;
  if (o.phase) {
    Key prefix = with_id(state_->owner, Kind::task, project.uuid());
    append_phase(prefix, *o.phase);
    plan.prefix = prefix.str();
  }
  plan.is_kept = !o.state;
  if (o.state && to_string(*o.state) == "unknown") {
    plan.bad = Status(Code::invalid_argument, "state: no such value");
  } else if (o.state) {
    plan.parameters = static_cast<uint64_t>(*o.state);
    plan.filter = [state = static_cast<uint8_t>(*o.state)](const model::RecordBody& row) {
      return row.root<fb::TaskHead>()->state() == state;
    };
  }
  return model::make_cursor<Task>(*state_, std::move(plan));
}

Result<TaskRevision> Tenant::task_revision(TaskId task, uint32_t rev, const ReadOptions& o) const {
  if (Status s = begin_read(*state_); !s.ok()) return s;
  if (Status s = model::check_id("task id", task.uuid()); !s.ok()) return s;
  Key key = with_id(state_->owner, Kind::task_revision, task.uuid());
  key.not_u32(rev);
  return model::as<TaskRevision>(model::read_record(*state_, key, Kind::task_revision, o, [&] {
    return Status(Code::not_found, fmt::format("task {} has no revision {}", to_string(task), rev));
  }));
}

Cursor<TaskRevision> Tenant::task_revisions(TaskId task, const ListOptions& o) const {
  return model::make_cursor<TaskRevision>(
      *state_, history(*state_, Kind::task_revision, task, Kind::task_place, "task", o));
}

Cursor<TaskActivity> Tenant::activity(TaskId task, const ListOptions& o) const {
  return model::make_cursor<TaskActivity>(
      *state_, history(*state_, Kind::task_activity, task, Kind::task_place, "task", o));
}

Result<ChatSession> Tenant::session(ChatSessionId id, const ReadOptions& o) const {
  if (Status s = begin_read(*state_); !s.ok()) return s;
  if (Status s = model::check_id("session id", id.uuid()); !s.ok()) return s;
  return model::as<ChatSession>(
      model::read_record(*state_, with_id(state_->owner, Kind::session, id.uuid()), Kind::session,
                         o, missing("session", id.uuid())));
}

Cursor<ChatSession> Tenant::sessions(ProjectId project, const ListOptions& o) const {
  ListPlan plan = history(*state_, Kind::session_by_age, project, Kind::project, "project", o);
  plan.named_kind = Kind::session;
  plan.named = [owner = state_->owner](std::string_view, const Reference& reference,
                                       std::string* key) {
    *key = with_id(owner, Kind::session, reference.id).str();
    return true;
  };
  return model::make_cursor<ChatSession>(*state_, std::move(plan));
}

Result<uint64_t> Tenant::last_seq(ChatSessionId session, const ReadOptions& o) const {
  if (Status s = begin_read(*state_); !s.ok()) return s;
  if (Status s = model::check_id("session id", session.uuid()); !s.ok()) return s;
  Result<model::Past> past = model::Past::open(*state_, o.as_of, o.snapshot);
  if (!past.ok()) return past.status();
  if (!past->bound().is_now()) {
    Result<uint64_t> last = past->last_message(session.uuid());
    if (!last.ok() || *last > 0) return last;
    Result<ChatSession> found = model::within(*state_).session(session, o);
    return found.ok() ? Result<uint64_t>(found->parent_seq()) : Result<uint64_t>(found.status());
  }
  const engine::Snapshot* at = past->at();
  Key prefix = with_id(state_->owner, Kind::message, session.uuid());
  auto scan = state_->core->engine().scan(
      {engine::family_of(Kind::message), prefix.str(), format::after_prefix(prefix), false, at});
  if (scan->next()) return ~format::key_u64(scan->key(), prefix.view().size() + 4);
  if (!scan->status().ok()) return scan->status();
  Result<ChatSession> found = model::within(*state_).session(session, o);
  return found.ok() ? Result<uint64_t>(found->parent_seq()) : Result<uint64_t>(found.status());
}

namespace model {

namespace {

// Where a message that a session shows is: a fork's first ones are another's. Nil: nowhere.
struct MessagePlace {
  Uuid session{};
  uint32_t month = 0;
};

Result<MessagePlace> find_message(const TenantState& state, const ChatSessionId& session,
                                  uint64_t seq, const ReadOptions& o) {
  const engine::Snapshot* at = nullptr;
  if (Status s = use_snapshot(state, o.snapshot, &at); !s.ok()) return s;
  const Tenant tenant = within(state);
  Uuid id = session.uuid();
  for (size_t behind = 0; behind <= kMaxForkDepth; ++behind) {
    const Key months = with_id(state.owner, Kind::session_month, id);
    Result<uint32_t> month = month_at(*state.core, months, Kind::session_month, seq, at);
    if (!month.ok()) return month.status();
    if (*month != 0) return MessagePlace{id, *month};
    const Result<ChatSession> fork = tenant.session(ChatSessionId(id), o);
    if (fork.code() == Code::not_found) return MessagePlace();
    if (!fork.ok()) return fork.status();
    const std::optional<ChatSessionId> parent = fork->parent();
    if (!parent || seq == 0 || seq > fork->parent_seq()) return MessagePlace();
    id = parent->uuid();
  }
  return format::corrupt(with_id(state.owner, Kind::session, session.uuid()), "has no beginning");
}

}  // namespace
}  // namespace model

Result<ChatMessage> Tenant::message(ChatSessionId session, uint64_t seq,
                                    const ReadOptions& o) const {
  if (Status s = begin_read(*state_); !s.ok()) return s;
  if (Status s = model::check_id("session id", session.uuid()); !s.ok()) return s;
  Result<model::MessagePlace> place = model::find_message(*state_, session, seq, o);
  if (!place.ok()) return place.status();
  const auto none = [&] {
    return Status(Code::not_found,
                  fmt::format("session {} has no message {}", to_string(session), seq));
  };
  if (place->month == 0) return none();
  Key key = with_id(state_->owner, Kind::message, place->session);
  key.not_u32(place->month).not_u64(seq);
  return model::as<ChatMessage>(model::read_record(*state_, key, Kind::message, o, none));
}

Result<ChatMessage> Tenant::message(MessageId id, const ReadOptions& o) const {
  if (Status s = begin_read(*state_); !s.ok()) return s;
  if (Status s = model::check_id("message id", id.uuid()); !s.ok()) return s;
  Result<Reference> place =
      model::read_reference(*state_, with_id(state_->owner, Kind::message_id, id.uuid()),
                            Kind::message_id, o.snapshot, missing("message", id.uuid()));
  if (!place.ok()) return place.status();
  Key key = with_id(state_->owner, Kind::message, place->id);
  key.not_u32(place->extra).not_u64(place->number);
  const bool is_now = o.as_of.by == AsOf::By::now;
  return model::as<ChatMessage>(model::read_record(*state_, key, Kind::message, o, [&] {
    return is_now ? format::corrupt(key, "is missing") : model::no_such("message", id.uuid());
  }));
}

Cursor<ChatMessage> Tenant::messages(ChatSessionId session, const MessageList& o) const {
  ListOptions list{.reverse = !o.newest_first,
                   .limit = o.limit,
                   .after = o.after,
                   .snapshot = o.snapshot,
                   .as_of = o.as_of};
  ListPlan plan = history(*state_, Kind::message, session, Kind::session, "session", list);
  plan.from_seq = o.from_seq;
  if (o.newest_first && o.after.empty() && !o.from_seq) {
    plan.tail_of = session.uuid();
  }
  if (o.from_seq && !o.after.empty()) {
    plan.bad = Status(Code::invalid_argument, "from_seq: not together with after");
  } else if (o.from_seq && plan.bad.ok() && state_->bad.ok() && !state_->core->closed()) {
    const uint64_t from = *o.from_seq == 0 && !o.newest_first ? 1 : *o.from_seq;
    const engine::Snapshot* at = nullptr;
    plan.bad = model::use_snapshot(*state_, o.snapshot, &at);
    Result<uint32_t> month = plan.bad;
    if (plan.bad.ok()) {
      month = month_at(*state_->core, with_id(state_->owner, Kind::session_month, session.uuid()),
                       Kind::session_month, from, at);
    }
    if (!month.ok()) plan.bad = month.status();
    Key row = with_id(state_->owner, Kind::message, session.uuid());
    row.not_u32(month.ok() ? *month : 0).not_u64(from);
    if (o.newest_first) {
      plan.lower = row.str();
    } else {
      plan.upper = row.str() + '\0';
    }
  }
  return model::make_cursor<ChatMessage>(*state_, std::move(plan));
}

namespace {

// Events and audit events are two streams, numbered by one sequence.
void merge_audit(const std::shared_ptr<const TenantState>& state, ListPlan* plan) {
  plan->merged_kind = Kind::audit;
  plan->merged_prefix = Key(state->owner, Kind::audit).str();
  plan->order = [](std::string_view key) { return ~format::key_u64(key, key.size() - 8); };
  plan->resume = [state, snapshot = plan->snapshot](bool audit,
                                                    uint64_t id) -> Result<std::string> {
    if (audit) return Key(state->owner, Kind::audit).not_u64(id).str();
    Result<Key> key = model::key_in_month(*state, kEvents, id, snapshot);
    if (!key.ok()) return key.status();
    return key->str();
  };
}

}  // namespace

Cursor<Event> Tenant::events(const EventList& o) const {
  ListPlan plan = model::month_list(*state_, kEvents, o);
  plan.parameters = o.with_audit ? 0 : 1;
  if (o.with_audit && !o.month && plan.bad.ok() && state_->bad.ok()) merge_audit(state_, &plan);
  return model::make_cursor<Event>(*state_, std::move(plan));
}

Result<Event> Tenant::event(uint64_t id, const ReadOptions& o) const {
  if (Status s = begin_read(*state_); !s.ok()) return s;
  Result<Key> key = model::key_in_month(*state_, kEvents, id, o.snapshot);
  if (!key.ok()) return key.status();
  Result<model::Past> past = model::Past::open(*state_, o.as_of, o.snapshot);
  if (!past.ok()) return past.status();
  const engine::Snapshot* at = past->at();
  // It is one of the owner's own, or of the audit: both in one round.
  std::vector<engine::Read> reads(2);
  reads[0].family = engine::family_of(Kind::event);
  reads[0].key = key->str();
  reads[1].family = engine::family_of(Kind::audit);
  reads[1].key = Key(state_->owner, Kind::audit).not_u64(id).str();
  state_->core->engine().multi_get(reads, at);
  for (engine::Read& read : reads) {
    if (read.status.code() == Code::not_found) continue;
    if (!read.status.ok()) return read.status;
    auto body = std::make_unique<model::RecordBody>();
    if (Status s = body->keep(read.key, std::move(read.value)); !s.ok()) return s;
    if (!past->bound().sees(*body)) break;
    return model::RecordAccess::make<Event>(std::move(body));
  }
  return Status(Code::not_found, fmt::format("event {} does not exist", id));
}

namespace {

template <class T>
Result<T> to_record(engine::Read& read, std::string_view what, const Uuid& id) {
  if (read.status.code() == Code::not_found) return model::no_such(what, id);
  if (!read.status.ok()) return read.status;
  auto body = std::make_unique<model::RecordBody>();
  if (Status s = body->keep(read.key, std::move(read.value)); !s.ok()) return s;
  return model::RecordAccess::make<T>(std::move(body));
}

template <class T, class K>
std::vector<Result<T>> refuse_all(std::span<const Id<K>> ids, const Status& why) {
  std::vector<Result<T>> answers;
  for (size_t i = 0; i < ids.size(); ++i) answers.emplace_back(why);
  return answers;
}

// The checks that all multi-gets share.
template <class K>
Status begin_many(const TenantState& state, std::span<const Id<K>> ids, const ReadOptions& o,
                  const engine::Snapshot** at) {
  if (Status s = begin_read(state); !s.ok()) return s;
  if (ids.size() > kMaxPageRows) {
    return Status(Code::invalid_argument,
                  fmt::format("ids: {} are more than {}", ids.size(), kMaxPageRows));
  }
  return model::use_snapshot(state, o.snapshot, at);
}

// The same of the past, one by one.
template <class T, class K>
std::vector<Result<T>> get_past(const TenantState& state, std::span<const Id<K>> ids,
                                const ReadOptions& o, Kind kind, std::string_view what) {
  Result<model::Past> past = model::Past::open(state, o.as_of, o.snapshot);
  if (!past.ok()) return refuse_all<T>(ids, past.status());
  std::vector<Result<T>> answers;
  for (const Id<K>& id : ids) {
    Status s = model::check_id(fmt::format("{} id", what), id.uuid());
    Result<std::unique_ptr<model::RecordBody>> found = s;
    if (s.ok()) {
      found = kind == Kind::task ? past->task(id.uuid())
                                 : past->head(kind, with_id(state.owner, kind, id.uuid()));
    }
    if (found.ok() && *found == nullptr) found = model::no_such(what, id.uuid());
    answers.push_back(model::as<T>(std::move(found)));
  }
  return answers;
}

template <class T, class K>
std::vector<Result<T>> get_many(const TenantState& state, std::span<const Id<K>> ids,
                                const ReadOptions& o, Kind kind, std::string_view what) {
  const engine::Snapshot* at = nullptr;
  if (Status s = begin_many(state, ids, o, &at); !s.ok()) return refuse_all<T>(ids, s);
  if (o.as_of.by != AsOf::By::now) return get_past<T>(state, ids, o, kind, what);
  std::vector<engine::Read> reads(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    reads[i].family = engine::family_of(kind);
    reads[i].key = with_id(state.owner, kind, ids[i].uuid()).str();
  }
  state.core->engine().multi_get(reads, at);
  std::vector<Result<T>> answers;
  answers.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    Status s = model::check_id(fmt::format("{} id", what), ids[i].uuid());
    answers.push_back(s.ok() ? to_record<T>(reads[i], what, ids[i].uuid()) : Result<T>(s));
  }
  return answers;
}

}  // namespace

std::vector<Result<Project>> Tenant::get(std::span<const ProjectId> ids,
                                         const ReadOptions& o) const {
  return get_many<Project>(*state_, ids, o, Kind::project, "project");
}

std::vector<Result<Document>> Tenant::get(std::span<const DocumentId> ids,
                                          const ReadOptions& o) const {
  return get_many<Document>(*state_, ids, o, Kind::document, "document");
}

std::vector<Result<ChatSession>> Tenant::get(std::span<const ChatSessionId> ids,
                                             const ReadOptions& o) const {
  return get_many<ChatSession>(*state_, ids, o, Kind::session, "session");
}

// A removed integration is not there.
std::vector<Result<Integration>> Tenant::get(std::span<const IntegrationId> ids,
                                             const ReadOptions& o) const {
  std::vector<Result<Integration>> found =
      get_many<Integration>(*state_, ids, o, Kind::integration, "integration");
  for (size_t i = 0; i < found.size(); ++i) {
    if (!found[i].ok()) continue;
    const model::RecordBody* body = model::RecordAccess::body(*found[i]);
    if (body->root<fb::IntegrationHead>()->is_removed()) {
      found[i] = model::no_such("integration", ids[i].uuid());
    }
  }
  return found;
}

// A task's place, then the task: two rounds, from one view.
std::vector<Result<Task>> Tenant::get(std::span<const TaskId> ids, const ReadOptions& o) const {
  const engine::Snapshot* at = nullptr;
  if (Status s = begin_many(*state_, ids, o, &at); !s.ok()) return refuse_all<Task>(ids, s);
  if (o.as_of.by != AsOf::By::now) return get_past<Task>(*state_, ids, o, Kind::task, "task");
  engine::Engine& engine = state_->core->engine();
  std::unique_ptr<engine::Snapshot> own;
  if (at == nullptr) {
    auto snapshot = engine.snapshot();
    if (!snapshot.ok()) return refuse_all<Task>(ids, snapshot.status());
    own = std::move(*snapshot);
    at = own.get();
  }
  std::vector<engine::Read> places(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    places[i].family = engine::family_of(Kind::task_place);
    places[i].key = with_id(state_->owner, Kind::task_place, ids[i].uuid()).str();
  }
  engine.multi_get(places, at);
  std::vector<engine::Read> reads(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    reads[i].family = engine::family_of(Kind::task);
    reads[i].status = places[i].status;
    format::Parsed parsed;
    Reference place;
    if (places[i].status.ok()) {
      reads[i].status = format::parse_record(places[i].key, places[i].value.bytes(), &parsed);
    }
    if (reads[i].status.ok() && !format::unpack(parsed.meta, &place)) {
      reads[i].status = format::corrupt(places[i].key, "the payload is malformed");
    }
    reads[i].key = model::task_key(state_->owner, place, ids[i].uuid()).str();
  }
  std::vector<Status> before;
  for (const engine::Read& read : reads) before.push_back(read.status);
  engine.multi_get(reads, at);
  std::vector<Result<Task>> answers;
  for (size_t i = 0; i < ids.size(); ++i) {
    Status s = model::check_id("task id", ids[i].uuid());
    if (s.ok() && !before[i].ok()) reads[i].status = before[i];
    if (s.ok() && before[i].ok() && reads[i].status.code() == Code::not_found) {
      s = format::corrupt(reads[i].key, "is missing");
    }
    answers.push_back(s.ok() ? to_record<Task>(reads[i], "task", ids[i].uuid()) : Result<Task>(s));
  }
  return answers;
}

}  // namespace bcstore
