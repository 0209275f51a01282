// Heads as they were, made again from the facts that were their newest.
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "model/as_of.h"
#include "model/billing_fields.h"
#include "model/credits.h"
#include "model/execute.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

namespace {

constexpr size_t kIdAt = format::kKindOffset + 1;

const fb::Common& common_of(const RecordBody& row) { return *row.root<fb::Common>(); }

}  // namespace

// Whether the head is what it was: nothing of it came after the bound.
bool Past::is_unchanged(const RecordBody& head) const {
  if (bound_.is_now()) return true;
  const auto* common = head.root<fb::Common>();
  int64_t last_us = common->effective_at();
  const auto follow = [&](int64_t effective_us) { last_us = std::max(last_us, effective_us); };
  switch (static_cast<Kind>(head.key()[format::kKindOffset])) {
    case Kind::project:
      follow(head.root<fb::ProjectHead>()->version_effective_at());
      follow(head.root<fb::ProjectHead>()->status_effective_at());
      break;
    case Kind::document:
      follow(head.root<fb::DocumentHead>()->lock_effective_at());
      follow(head.root<fb::DocumentHead>()->revision_effective_at());
      break;
    case Kind::task:
      follow(head.root<fb::TaskHead>()->revision_effective_at());
      follow(head.root<fb::TaskHead>()->activity_effective_at());
      break;
    case Kind::session:
      follow(head.root<fb::SessionHead>()->rename_effective_at());
      break;
    case Kind::integration:
      follow(head.root<fb::IntegrationHead>()->rev_effective_at());
      break;
    default:
      return false;
  }
  return bound_.sees(common->commit_seq(), last_us);
}

Status Past::to_past(RecordBody* row) const {
  if (is_unchanged(*row)) return Status();
  std::optional<Made> made;
  if (Status s = make(*row, &made); !s.ok()) return s;
  row->clear();
  if (!made) return Status();
  return row->keep(made->key, own_value(core_, made->draft.seal(made->key)));
}

Result<std::unique_ptr<RecordBody>> Past::head(Kind kind, const Key& key) const {
  auto row = std::make_unique<RecordBody>();
  Status s = read(kind, key, row.get());
  if (s.code() == Code::not_found) return std::unique_ptr<RecordBody>();
  if (s.ok()) s = to_past(row.get());
  if (!s.ok()) return s;
  if (!row->loaded()) row.reset();
  return row;
}

Result<std::unique_ptr<RecordBody>> Past::record(Kind kind, const Key& key) const {
  if (kind == Kind::project || kind == Kind::document || kind == Kind::session ||
      kind == Kind::integration) {
    return head(kind, key);
  }
  auto row = std::make_unique<RecordBody>();
  Status s = read(kind, key, row.get());
  if (!s.ok() && s.code() != Code::not_found) return s;
  if (!s.ok() || !bound_.sees(*row)) row.reset();
  return row;
}

Result<std::unique_ptr<RecordBody>> Past::task(const Uuid& id) const {
  RecordBody row;
  engine::Value value;
  const Key place_key = with_id(owner_, Kind::task_place, id);
  Status s = core_->engine().get(engine::family_of(Kind::task_place), place_key, at_, &value);
  if (s.code() == Code::not_found) return std::unique_ptr<RecordBody>();
  if (!s.ok()) return s;
  format::Parsed parsed;
  if (s = format::parse_record(place_key, value.bytes(), &parsed); !s.ok()) return s;
  format::Reference place;
  if (!format::unpack(parsed.meta, &place)) {
    return format::corrupt(place_key, "the payload is malformed");
  }
  return head(Kind::task, task_key(owner_, place, id));
}

// Its changes tell all that is shown of it.
Result<std::unique_ptr<RecordBody>> Past::subscription(const Uuid& hash) const {
  const Kind kind = Kind::subscription_change;
  Result<uint64_t> newest = newest_of(kind, with_id(owner_, kind, hash).str(), 4);
  if (!newest.ok()) return newest.status();
  std::unique_ptr<RecordBody> change;
  Result<uint64_t> last = last_of(kind, hash, *newest, &change);
  if (!last.ok()) return last.status();
  if (!change || change->root<fb::SubscriptionChange>()->is_gone()) {
    return std::unique_ptr<RecordBody>();
  }
  const auto* was = change->root<fb::SubscriptionChange>();
  const Key key = with_id(owner_, Kind::subscription, hash);
  // The head of the newest change knows more of its event, for what is of the same second.
  auto row = std::make_unique<RecordBody>();
  Status s = read(Kind::subscription, key, row.get());
  if (s.ok() && common_of(*row).commit_seq() == was->commit_seq()) return row;
  if (!s.ok() && s.code() != Code::not_found) return s;
  row->clear();
  std::optional<Time> period_end;
  if (was->has_period_end()) period_end = Time{was->period_end()};
  SubscriptionFields fields;
  fields.status = static_cast<SubscriptionStatus>(was->status());
  fields.period_end = period_end;
  fields.record.id = text_of(was->id());
  fields.record.last.created = Time{was->event_at()};
  fields.record.last.event_id = text_of(was->event_id());
  fields.record.customer = {fields.record.last, std::string(text_of(was->customer()))};
  fields.record.report = {fields.record.last, fields.status, std::string(text_of(was->price())),
                          was->cancel_at_period_end(), period_end};
  Draft draft = Encoder().subscription({actor_of(*was, owner_), owner_}, fields);
  auto* table = mutable_root<fb::Common>(draft);
  table->mutate_commit_seq(was->commit_seq());
  table->mutate_created_at(was->created_at());
  table->mutate_effective_at(was->effective_at());
  if (s = row->keep(key, own_value(core_, draft.seal(key))); !s.ok()) return s;
  return row;
}

Result<std::vector<std::unique_ptr<RecordBody>>> Past::effective_documents(
    const Uuid& project, std::optional<uint32_t> version) const {
  auto owner = head(Kind::project, with_id(owner_, Kind::project, project));
  if (!owner.ok()) return owner.status();
  if (*owner == nullptr) return no_such("project", project);
  const uint32_t current = (*owner)->root<fb::ProjectHead>()->current_version();
  if (version && (*version < 1 || *version > current)) {
    return Status(Code::not_found,
                  fmt::format("project {} has no version {}", to_string(project), *version));
  }
  std::vector<std::unique_ptr<RecordBody>> documents;
  for (size_t section = 1; section <= kSections; ++section) {
    const Key prefix =
        with_id(owner_, Kind::document_by_section, project).u8(static_cast<uint8_t>(section));
    auto scan = core_->engine().scan({engine::Family::index,
                                      Key(prefix).not_u32(version.value_or(current)).str(),
                                      format::after_prefix(prefix), false, at_});
    // A slot of a version that was there may have been filled later.
    while (scan->next()) {
      format::Parsed parsed;
      if (Status s = format::parse_record(scan->key(), scan->value(), &parsed); !s.ok()) return s;
      format::Reference reference;
      if (!format::unpack(parsed.meta, &reference)) {
        return format::corrupt(scan->key(), "the payload is malformed");
      }
      auto document = head(Kind::document, with_id(owner_, Kind::document, reference.id));
      if (!document.ok()) return document.status();
      if (*document == nullptr) continue;
      documents.push_back(*std::move(document));
      break;
    }
    if (!scan->status().ok()) return scan->status();
  }
  return documents;
}

Status Past::make(const RecordBody& head, std::optional<Made>* made) const {
  switch (static_cast<Kind>(head.key()[format::kKindOffset])) {
    case Kind::project:
      return make_project(head, made);
    case Kind::document:
      return make_document(head, made);
    case Kind::task:
      return make_task(head, made);
    case Kind::session:
      return make_session(head, made);
    case Kind::integration:
      return make_integration(head, made);
    case Kind::credit_hold:
      return make_hold(head, made);
    default:
      return Status(Code::internal, "the past of a kind that has none was asked for");
  }
}

namespace {

// A head's creation stays what it was; its commit is the last one that made it what it is.
template <class Table>
Table* date(Draft& draft, const RecordBody& head, std::initializer_list<const RecordBody*> facts) {
  uint64_t commit_seq = 0;
  for (const RecordBody* fact : facts) {
    if (fact != nullptr) commit_seq = std::max(commit_seq, common_of(*fact).commit_seq());
  }
  auto* table = mutable_root<Table>(draft);
  table->mutate_commit_seq(commit_seq);
  table->mutate_created_at(common_of(head).created_at());
  table->mutate_effective_at(common_of(head).effective_at());
  return table;
}

int64_t effective_of(const std::unique_ptr<RecordBody>& fact) {
  return fact ? common_of(*fact).effective_at() : kNoTime;
}

}  // namespace

Status Past::make_project(const RecordBody& head, std::optional<Made>* made) const {
  const auto* now = head.root<fb::ProjectHead>();
  const Uuid id = format::key_uuid(head.key(), kIdAt);
  std::unique_ptr<RecordBody> version, status;
  Result<uint64_t> versions = last_of(Kind::project_version, id, now->current_version(), &version);
  if (!versions.ok()) return versions.status();
  Result<uint64_t> statuses = last_of(Kind::project_status, id, now->status_count(), &status);
  if (!statuses.ok()) return statuses.status();
  if (!version || !status) return Status();
  const auto* was = version->root<fb::ProjectVersion>();
  const uint8_t state = status->root<fb::ProjectStatus>()->status();
  const VersionFields fields{
      text_of(was->name()), text_of(was->idea_prompt()), static_cast<ProjectStatus>(state), {}};
  const Actor maker = actor_of(*now, owner_);
  Draft draft = Encoder().project_head({maker, owner_}, fields);
  auto* table = date<fb::ProjectHead>(draft, head, {version.get(), status.get()});
  table->mutate_current_version(static_cast<uint32_t>(*versions));
  table->mutate_status_count(static_cast<uint32_t>(*statuses));
  table->mutate_version_effective_at(effective_of(version));
  table->mutate_status_effective_at(effective_of(status));
  table->mutate_age(now->age());
  made->emplace(Made{with_id(owner_, Kind::project, id), std::move(draft)});
  return Status();
}

Status Past::make_document(const RecordBody& head, std::optional<Made>* made) const {
  const auto* now = head.root<fb::DocumentHead>();
  const Uuid id = format::key_uuid(head.key(), kIdAt);
  std::unique_ptr<RecordBody> lock, revision;
  Result<uint64_t> locks = last_of(Kind::document_lock, id, now->lock_count(), &lock);
  if (!locks.ok()) return locks.status();
  if (!lock) return Status();
  Result<uint64_t> revisions = last_of(Kind::revision, id, now->current_rev(), &revision);
  if (!revisions.ok()) return revisions.status();
  const Actor maker = actor_of(*now, owner_);
  Draft draft = Encoder().document_head({maker, owner_}, from_fb(now->project()),
                                        static_cast<Section>(now->section()),
                                        lock->root<fb::LockChange>()->is_locked());
  auto* table = date<fb::DocumentHead>(draft, head, {lock.get(), revision.get()});
  table->mutate_version(now->version());
  table->mutate_lock_count(static_cast<uint32_t>(*locks));
  table->mutate_lock_effective_at(effective_of(lock));
  table->mutate_current_rev(static_cast<uint32_t>(*revisions));
  table->mutate_revision_effective_at(effective_of(revision));
  made->emplace(Made{with_id(owner_, Kind::document, id), std::move(draft)});
  return Status();
}

Status Past::make_task(const RecordBody& head, std::optional<Made>* made) const {
  const auto* now = head.root<fb::TaskHead>();
  const Uuid project = format::key_uuid(head.key(), kIdAt);
  const uint64_t age = format::key_u64(head.key(), kIdAt + 16 + 5);
  const Uuid id = format::key_uuid(head.key(), kIdAt + 16 + 5 + 8);
  std::unique_ptr<RecordBody> revision, activity;
  Result<uint64_t> revisions = last_of(Kind::task_revision, id, now->rev(), &revision);
  if (!revisions.ok()) return revisions.status();
  if (!revision) return Status();
  const Key stream = with_id(owner_, Kind::task_activity, id);
  Result<uint64_t> activities = last_seen(
      Kind::task_activity,
      [&](uint64_t seq) -> Result<std::string> { return Key(stream).not_u64(seq).str(); },
      now->activity_seq(), &activity);
  if (!activities.ok()) return activities.status();
  const auto* was = revision->root<fb::TaskRevision>();
  std::optional<int32_t> phase;
  if (was->has_phase()) phase = was->phase();
  const Actor maker = actor_of(*now, owner_);
  Draft draft =
      Encoder().task_head({maker, owner_}, {text_of(was->title()), revision->tail(), phase});
  auto* table = date<fb::TaskHead>(draft, head, {revision.get(), activity.get()});
  const bool is_complete = activity && activity->root<fb::TaskActivity>()->action() ==
                                           static_cast<uint8_t>(TaskAction::complete);
  table->mutate_state(static_cast<uint8_t>(is_complete ? TaskState::complete : TaskState::open));
  table->mutate_rev(static_cast<uint32_t>(*revisions));
  table->mutate_revision_effective_at(effective_of(revision));
  table->mutate_activity_seq(*activities);
  table->mutate_activity_effective_at(effective_of(activity));
  Key key = with_id(owner_, Kind::task, project);
  append_phase(key, phase);
  made->emplace(Made{key.u64(age).append(id), std::move(draft)});
  return Status();
}

Status Past::make_session(const RecordBody& head, std::optional<Made>* made) const {
  const auto* now = head.root<fb::SessionHead>();
  if (!bound_.sees(now->created_seq(), now->effective_at())) return Status();
  const Uuid id = format::key_uuid(head.key(), kIdAt);
  std::unique_ptr<RecordBody> title;
  Result<uint64_t> titles = last_of(Kind::session_title, id, now->rename_count(), &title);
  if (!titles.ok()) return titles.status();
  SessionFields fields = session_fields(*now);
  if (!title) {
    fields.title = optional_text(now->rename_count() == 0 ? now->title() : now->first_title());
    fields.first_title = {};
  } else {
    fields.title = optional_text(title->root<fb::SessionTitle>()->title());
  }
  const Actor maker = actor_of(*now, owner_);
  Draft draft = Encoder().session_head({maker, owner_}, fields);
  auto* table = date<fb::SessionHead>(draft, head, {title.get()});
  table->mutate_commit_seq(std::max(table->commit_seq(), now->created_seq()));
  table->mutate_rename_count(static_cast<uint32_t>(*titles));
  table->mutate_rename_effective_at(effective_of(title));
  table->mutate_age(now->age());
  table->mutate_created_seq(now->created_seq());
  made->emplace(Made{with_id(owner_, Kind::session, id), std::move(draft)});
  return Status();
}

Status Past::make_integration(const RecordBody& head, std::optional<Made>* made) const {
  const auto* now = head.root<fb::IntegrationHead>();
  const Uuid id = format::key_uuid(head.key(), kIdAt);
  std::unique_ptr<RecordBody> change;
  Result<uint64_t> changes = last_of(Kind::integration_change, id, now->rev(), &change);
  if (!changes.ok()) return changes.status();
  if (!change) return Status();
  const auto* was = change->root<fb::IntegrationChange>();
  const Actor maker = actor_of(*now, owner_);
  Draft draft =
      Encoder().integration_head({maker, owner_}, static_cast<IntegrationType>(was->type()));
  auto* table = date<fb::IntegrationHead>(draft, head, {change.get()});
  table->mutate_rev(static_cast<uint32_t>(*changes));
  table->mutate_rev_effective_at(effective_of(change));
  table->mutate_is_removed(was->action() == static_cast<uint8_t>(IntegrationAction::removed));
  made->emplace(Made{with_id(owner_, Kind::integration, id), std::move(draft)});
  return Status();
}

Result<uint64_t> Past::commit_of_entry(uint64_t number) const {
  const Key key = Key(owner_, Kind::credit_entry).not_u64(number);
  RecordBody entry;
  Status s = read(Kind::credit_entry, key, &entry);
  if (s.code() == Code::not_found) return format::corrupt(key, "is missing");
  if (!s.ok()) return s;
  return bound_.sees(entry) ? common_of(entry).commit_seq() : uint64_t{0};
}

// The ledger tells when it began and when its end was written.
Status Past::make_hold(const RecordBody& head, std::optional<Made>* made) const {
  const auto* now = head.root<fb::CreditHold>();
  const Result<uint64_t> began = commit_of_entry(now->entry());
  if (!began.ok() || *began == 0) return began.status();
  Result<uint64_t> ended = uint64_t{0};
  if (now->resolved_entry() != 0) ended = commit_of_entry(now->resolved_entry());
  if (!ended.ok()) return ended.status();
  Draft draft = Encoder().credit_hold({actor_of(*now, owner_), owner_}, now->amount(),
                                      optional_text(now->reason()));
  auto* hold = mutable_root<fb::CreditHold>(draft);
  hold->mutate_commit_seq(std::max(*began, *ended));
  hold->mutate_created_at(now->created_at());
  hold->mutate_effective_at(now->effective_at());
  hold->mutate_from_allowance(now->from_allowance());
  hold->mutate_from_granted(now->from_granted());
  hold->mutate_epoch(now->epoch());
  hold->mutate_expires_at(now->expires_at());
  hold->mutate_entry(now->entry());
  if (*ended != 0) {
    hold->mutate_state(now->state());
    hold->mutate_captured(now->captured());
    hold->mutate_returned(now->returned());
    hold->mutate_lapsed(now->lapsed());
    hold->mutate_debt(now->debt());
    hold->mutate_resolved_at(now->resolved_at());
    hold->mutate_resolved_owner_seq(now->resolved_owner_seq());
    hold->mutate_resolved_entry(now->resolved_entry());
    hold->mutate_remaining(now->remaining());
  }
  made->emplace(Made{Key(owner_, Kind::credit_hold).append(format::key_uuid(head.key(), kIdAt)),
                     std::move(draft)});
  return Status();
}

}  // namespace bcstore::model
