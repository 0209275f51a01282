#include "model/feed_records.h"

#include <fmt/format.h>

#include <utility>

#include "model/record_body.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

namespace {

Status is_missing(std::string_view message) {
  return Status(Code::corruption, fmt::format("what a commit wrote is not there: {}", message));
}

// Nothing takes away a record and leaves the commit that wrote it.
template <class T>
Result<T> there(Result<T> record) {
  if (record.code() != Code::not_found) return record;
  const Status missing = record.status();
  return is_missing(missing.message());
}

template <class T>
Result<FeedRecord> give(Result<T> found, size_t* bytes) {
  Result<T> record = there(std::move(found));
  if (!record.ok()) return record.status();
  *bytes += RecordAccess::body(*record)->bytes();
  return FeedRecord(*std::move(record));
}

template <class T>
Result<Uuid> project_in(Result<T> found) {
  const Result<T> record = there(std::move(found));
  if (!record.ok()) return record.status();
  return record->project().uuid();
}

template <class T>
Result<Uuid> optional_project_in(Result<T> found) {
  const Result<T> record = there(std::move(found));
  if (!record.ok()) return record.status();
  return record->project() ? record->project()->uuid() : Uuid();
}

}  // namespace

FeedRecords::FeedRecords(const std::shared_ptr<Core>& core, const Uuid& project)
    : project_(project) {
  state_.core = core;
}

void FeedRecords::set_owner(UserId owner) {
  if (state_.owner == owner) return;
  state_.owner = owner;
  projects_.clear();
}

Result<bool> FeedRecords::is_wanted(const Change& change) {
  if (project_.is_nil()) return true;
  Result<Uuid> project = project_of(change);
  if (!project.ok()) return project.status();
  return *project == project_;
}

Result<Uuid> FeedRecords::project_of(const Change& change) {
  const Tenant tenant = within(state_);
  switch (change.kind) {
    case ChangeKind::project:
    case ChangeKind::project_version:
    case ChangeKind::project_status:
      return change.id;
    case ChangeKind::event:
      return optional_project_in(tenant.event(change.number));
    case ChangeKind::call:
      return optional_project_in(tenant.call(change.number));
    default:
      break;
  }
  if (const auto known = projects_.find(change.id); known != projects_.end()) return known->second;
  Result<Uuid> project = project_of_parent(change);
  if (project.ok() && !project->is_nil()) projects_.emplace(change.id, *project);
  return project;
}

Result<Uuid> FeedRecords::project_of_parent(const Change& change) {
  const Tenant tenant = within(state_);
  switch (change.kind) {
    case ChangeKind::document:
    case ChangeKind::revision:
    case ChangeKind::document_lock:
    case ChangeKind::section_head:
    case ChangeKind::section_list:
      return project_in(tenant.document(DocumentId(change.id)));
    case ChangeKind::task:
    case ChangeKind::task_revision:
    case ChangeKind::task_activity:
      return project_in(tenant.task(TaskId(change.id)));
    case ChangeKind::session:
    case ChangeKind::session_title:
    case ChangeKind::message:
      return project_in(tenant.session(ChatSessionId(change.id)));
    default:
      return Uuid();  // of the user alone
  }
}

Result<FeedRecord> FeedRecords::read(const Change& change, size_t* bytes) {
  const Tenant tenant = within(state_);
  const auto n = static_cast<uint32_t>(change.number);
  const auto row = [&](Kind kind, const Key& key) {
    return read_record(state_, key, kind, nullptr,
                       [&] { return format::corrupt(key, "is missing"); });
  };
  // Of an object: one row for each number.
  const auto fact = [&](Kind kind, uint32_t number) {
    return row(kind, with_id(state_.owner, kind, change.id).not_u32(number));
  };
  switch (change.kind) {
    case ChangeKind::user:
      return give(as<User>(row(Kind::user, Key(state_.owner, Kind::user).not_u32(n))), bytes);
    case ChangeKind::project:
    case ChangeKind::project_version:
      return give(as<ProjectVersion>(fact(Kind::project_version, n)), bytes);
    case ChangeKind::project_status:
      return give(as<ProjectStatusChange>(fact(Kind::project_status, n)), bytes);
    case ChangeKind::document:
      if (n == 0) return give(tenant.document(DocumentId(change.id)), bytes);
      return give(tenant.revision(DocumentId(change.id), n), bytes);
    case ChangeKind::revision:
      return give(tenant.revision(DocumentId(change.id), n), bytes);
    case ChangeKind::document_lock:
      return give(as<DocumentLockChange>(fact(Kind::document_lock, n)), bytes);
    case ChangeKind::task:
    case ChangeKind::task_revision:
      return give(as<TaskRevision>(fact(Kind::task_revision, n)), bytes);
    case ChangeKind::task_activity: {
      const Key key = with_id(state_.owner, Kind::task_activity, change.id).not_u64(change.number);
      return give(as<TaskActivity>(row(Kind::task_activity, key)), bytes);
    }
    case ChangeKind::session:
    case ChangeKind::session_title:
      return give(tenant.session(ChatSessionId(change.id)), bytes);
    case ChangeKind::message:
      return give(tenant.message(ChatSessionId(change.id), change.number), bytes);
    case ChangeKind::event:
    case ChangeKind::audit:
      return give(tenant.event(change.number), bytes);
    case ChangeKind::call:
      return give(tenant.call(change.number), bytes);
    case ChangeKind::credit_entry: {
      const Key key = Key(state_.owner, Kind::credit_entry).not_u64(change.number);
      return give(as<CreditEntry>(row(Kind::credit_entry, key)), bytes);
    }
    case ChangeKind::credit_hold:
      return give(tenant.credit_hold(CreditHoldId(change.id)), bytes);
    case ChangeKind::subscription_change:
      return give(as<SubscriptionChange>(fact(Kind::subscription_change, n)), bytes);
    case ChangeKind::integration_change:
      return give(as<IntegrationChange>(fact(Kind::integration_change, n)), bytes);
    case ChangeKind::public_record:
      return give(as<PublicRecord>(fact(Kind::public_record, n)), bytes);
    default:
      return FeedRecord();
  }
}

}  // namespace bcstore::model
