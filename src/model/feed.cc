// The feed's public face: kinds by name, and the verbs of both handles.
#include "bcstore/feed.h"

#include <fmt/format.h>

#include "model/read_feed.h"
#include "model/reads.h"

namespace bcstore {

using format::Key;
using format::Kind;
using model::BatchBody;
using model::TenantState;

namespace {

constexpr ChangeKind kChangeKinds[] = {
    ChangeKind::billing_delivery,
    ChangeKind::user,
    ChangeKind::project,
    ChangeKind::project_version,
    ChangeKind::project_status,
    ChangeKind::document,
    ChangeKind::revision,
    ChangeKind::document_lock,
    ChangeKind::task,
    ChangeKind::task_revision,
    ChangeKind::task_activity,
    ChangeKind::session,
    ChangeKind::session_title,
    ChangeKind::message,
    ChangeKind::event,
    ChangeKind::audit,
    ChangeKind::credit_entry,
    ChangeKind::credit_hold,
    ChangeKind::subscription_change,
    ChangeKind::integration_change,
    ChangeKind::public_record,
    ChangeKind::section_head,
    ChangeKind::section_list,
    ChangeKind::call,
    ChangeKind::feed_cursor,
};

}  // namespace

// The names are those of the records.
std::string_view to_string(ChangeKind kind) {
  for (const ChangeKind known : kChangeKinds) {
    if (known == kind) return format::to_string(static_cast<Kind>(kind));
  }
  return "unknown";
}

std::optional<ChangeKind> parse_change_kind(std::string_view name) {
  for (const ChangeKind known : kChangeKinds) {
    if (to_string(known) == name) return known;
  }
  return std::nullopt;
}

Result<FeedPage> Tenant::feed(const FeedOptions& o) const {
  return model::read_own_feed(*state_, o);
}

Result<bool> Tenant::wait_feed(uint64_t after_seq, int64_t timeout_us) const {
  if (!state_->bad.ok()) return state_->bad;
  if (state_->core->closed()) return Status(Code::closed, "the store is closed");
  return model::wait_for_feed(*state_->core, state_->owner, after_seq, timeout_us);
}

namespace {

Status check_name(std::string_view name) {
  return model::check_text("name", name, kMaxNameBytes, model::Empty::refused);
}

Result<FeedCursor> read_cursor(const TenantState& state, std::string_view name,
                               const ReadOptions& o) {
  if (Status s = begin_read(state); !s.ok()) return s;
  if (Status s = model::only_now(o.as_of, "a feed cursor"); !s.ok()) return s;
  if (Status s = check_name(name); !s.ok()) return s;
  const Uuid hash = format::text_hash(name, state.core->salt());
  return model::as<FeedCursor>(model::read_record(
      state, model::with_id(state.owner, Kind::feed_cursor, hash), Kind::feed_cursor, o.snapshot,
      [] { return Status(Code::not_found, "there is no cursor of this name"); }));
}

Cursor<FeedCursor> list_cursors(const TenantState& state, const ListOptions& o) {
  model::ListPlan plan;
  plan.kind = Kind::feed_cursor;
  plan.prefix = Key(state.owner, Kind::feed_cursor).str();
  plan.backward = o.reverse;
  plan.limit = o.limit;
  plan.after = o.after;
  plan.snapshot = o.snapshot;
  plan.as_of = o.as_of;
  if (state.owner != kSystemOwner) model::of_owner(state, &plan);
  return model::make_cursor<FeedCursor>(state, std::move(plan));
}

Status check_reason(std::string_view reason) {
  return model::check_text("reason", reason, kMaxReasonBytes, model::Empty::refused);
}

// The service's own places lie under the system; nobody is told that they were read.
TenantState of_service(const std::shared_ptr<model::Core>& core, const std::string& reason) {
  TenantState state;
  state.core = core;
  state.owner = kSystemOwner;
  state.actor = Actor::of_system(reason);
  state.bad = core ? check_reason(reason) : Status(Code::closed, "the store is closed");
  return state;
}

template <class Write>
Result<Receipt> write_of_service(const std::shared_ptr<model::Core>& core,
                                 const std::string& reason, const CommitOptions& o, Write write) {
  auto state = std::make_shared<TenantState>(of_service(core, reason));
  state->service = true;
  auto body = std::make_unique<BatchBody>(state->core, state->owner, state->actor, state->bad);
  body->set_audited();
  write(*body);
  WriteBatch batch = model::BatchAccess::make(std::move(body));
  return model::Access::tenant(std::move(state)).commit(batch, o);
}

}  // namespace

Result<FeedCursor> Tenant::feed_cursor(std::string_view name, const ReadOptions& o) const {
  return read_cursor(*state_, name, o);
}

Cursor<FeedCursor> Tenant::feed_cursors(const ListOptions& o) const {
  return list_cursors(*state_, o);
}

Result<FeedPage> Service::feed(const FeedOptions& o) const {
  if (Status s = begin_read(of_service(core_, reason_)); !s.ok()) return s;
  return model::read_whole_feed(core_, reason_, o);
}

Result<bool> Service::wait_feed(uint64_t after_seq, int64_t timeout_us) const {
  if (Status s = begin_read(of_service(core_, reason_)); !s.ok()) return s;
  return model::wait_for_feed(*core_, std::nullopt, after_seq, timeout_us);
}

Result<Receipt> Service::save_feed_cursor(std::string_view name, uint64_t seq, bool may_go_back,
                                          const CommitOptions& o) const {
  return write_of_service(core_, reason_, o,
                          [&](BatchBody& b) { b.save_feed_cursor(name, seq, may_go_back); });
}

Result<Receipt> Service::drop_feed_cursor(std::string_view name, const CommitOptions& o) const {
  return write_of_service(core_, reason_, o, [&](BatchBody& b) { b.drop_feed_cursor(name); });
}

Result<FeedCursor> Service::feed_cursor(std::string_view name, const ReadOptions& o) const {
  return read_cursor(of_service(core_, reason_), name, o);
}

Cursor<FeedCursor> Service::feed_cursors(const ListOptions& o) const {
  return list_cursors(of_service(core_, reason_), o);
}

}  // namespace bcstore
