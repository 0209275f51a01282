// A tenant's reads of its profile, projects and documents.
#include <fmt/format.h>

#include "model/as_of.h"
#include "model/execute.h"

namespace bcstore {

using format::Key;
using format::Kind;
using format::Reference;
using model::begin_read;
using model::history;
using model::ListPlan;
using model::missing;
using model::with_id;

Result<User> Tenant::profile(const ReadOptions& o) const {
  if (Status s = begin_read(*state_); !s.ok()) return s;
  const Key prefix(state_->owner, Kind::user);
  if (o.as_of.by != AsOf::By::now) {
    return model::as<User>(
        model::newest_as_of(*state_, Kind::user, prefix, o, missing("user", state_->owner.uuid())));
  }
  return model::as<User>(model::read_first(*state_, prefix.str(), format::after_prefix(prefix),
                                           Kind::user, o.snapshot,
                                           missing("user", state_->owner.uuid())));
}

Result<uint64_t> Tenant::owner_seq() const {
  if (Status s = begin_read(*state_); !s.ok()) return s;
  Key prefix(state_->owner, Kind::commit_body);
  auto scan = state_->core->engine().scan(
      {engine::Family::log, prefix.str(), format::after_prefix(prefix), true});
  if (!scan->next()) {
    return scan->status().ok() ? model::no_such("user", state_->owner.uuid()) : scan->status();
  }
  model::RecordBody body;
  if (Status s = body.view(scan->key(), scan->value()); !s.ok()) return s;
  return body.root<fb::CommitBody>()->owner_seq();
}

Result<Project> Tenant::project(ProjectId id, const ReadOptions& o) const {
  if (Status s = begin_read(*state_); !s.ok()) return s;
  if (Status s = model::check_id("project id", id.uuid()); !s.ok()) return s;
  return model::as<Project>(
      model::read_record(*state_, with_id(state_->owner, Kind::project, id.uuid()), Kind::project,
                         o, missing("project", id.uuid()), id.uuid()));
}

Cursor<Project> Tenant::projects(const ProjectList& o) const {
  ListPlan plan;
  plan.kind = Kind::project_by_age;
  plan.prefix = Key(state_->owner, plan.kind).str();
  plan.backward = o.oldest_first;
  plan.limit = o.limit;
  plan.after = o.after;
  plan.snapshot = o.snapshot;
  plan.as_of = o.as_of;
  plan.named_kind = Kind::project;
  if (o.status && to_string(*o.status) == "unknown") {
    plan.bad = Status(Code::invalid_argument, "status: no such value");
  }
  plan.parameters = o.status ? static_cast<uint64_t>(*o.status) : 0;
  const bool is_past = o.as_of.by != AsOf::By::now;
  if (o.status && is_past) {
    plan.filter = [status = static_cast<uint8_t>(*o.status)](const model::RecordBody& row) {
      return row.root<fb::ProjectHead>()->status() == status;
    };
  }
  plan.named = [owner = state_->owner, status = is_past ? 0 : plan.parameters](
                   std::string_view, const Reference& reference, std::string* key) {
    if (status != 0 && reference.extra != status) return false;
    *key = with_id(owner, Kind::project, reference.id).str();
    return true;
  };
  plan.parent_kind = Kind::user;
  plan.parent_prefix = Key(state_->owner, Kind::user).str();
  plan.parent_name = "user " + to_string(state_->owner);
  return model::make_cursor<Project>(*state_, std::move(plan));
}

Result<ProjectVersion> Tenant::version(ProjectId project, uint32_t version,
                                       const ReadOptions& o) const {
  if (Status s = begin_read(*state_); !s.ok()) return s;
  if (Status s = model::check_id("project id", project.uuid()); !s.ok()) return s;
  Key key = with_id(state_->owner, Kind::project_version, project.uuid());
  key.not_u32(version);
  return model::as<ProjectVersion>(model::read_record(
      *state_, key, Kind::project_version, o,
      [&] {
        return Status(Code::not_found,
                      fmt::format("project {} has no version {}", to_string(project), version));
      },
      project.uuid()));
}

Cursor<ProjectVersion> Tenant::versions(ProjectId project, const ListOptions& o) const {
  return model::make_cursor<ProjectVersion>(
      *state_, history(*state_, Kind::project_version, project, Kind::project, "project", o));
}

Cursor<ProjectStatusChange> Tenant::status_history(ProjectId project, const ListOptions& o) const {
  return model::make_cursor<ProjectStatusChange>(
      *state_, history(*state_, Kind::project_status, project, Kind::project, "project", o));
}

Result<Document> Tenant::document(DocumentId id, const ReadOptions& o) const {
  if (Status s = begin_read(*state_); !s.ok()) return s;
  if (Status s = model::check_id("document id", id.uuid()); !s.ok()) return s;
  return model::as<Document>(model::read_record(*state_,
                                                with_id(state_->owner, Kind::document, id.uuid()),
                                                Kind::document, o, missing("document", id.uuid())));
}

Cursor<Document> Tenant::documents(ProjectId project, uint32_t version,
                                   const ListOptions& o) const {
  ListPlan plan = history(*state_, Kind::document_slot, project, Kind::project, "project", o);
  Key prefix = with_id(state_->owner, Kind::document_slot, project.uuid());
  plan.prefix = prefix.u32(version).str();
  // An empty list of a version that is not there is not an empty version.
  plan.parent_kind = Kind::project_version;
  Key parent = with_id(state_->owner, Kind::project_version, project.uuid());
  plan.parent_prefix = parent.not_u32(version).str();
  plan.parent_name = fmt::format("version {} of project {}", version, to_string(project));
  plan.named_kind = Kind::document;
  plan.named = [owner = state_->owner](std::string_view, const Reference& reference,
                                       std::string* key) {
    *key = with_id(owner, Kind::document, reference.id).str();
    return true;
  };
  return model::make_cursor<Document>(*state_, std::move(plan));
}

namespace {

// For each section, the document of the greatest version that is not above `version`.
Status find_effective(const model::TenantState& state, ProjectId project,
                      std::optional<uint32_t> version, const engine::Snapshot* at,
                      std::vector<engine::Read>* reads) {
  engine::Engine& engine = state.core->engine();
  for (size_t section = 1; section <= kSections; ++section) {
    Key prefix = with_id(state.owner, Kind::document_by_section, project.uuid());
    prefix.u8(static_cast<uint8_t>(section));
    std::string upper = format::after_prefix(prefix);
    auto scan = engine.scan({engine::Family::index,
                             prefix.not_u32(version.value_or(UINT32_MAX)).str(), upper, false, at});
    if (!scan->next()) {
      if (!scan->status().ok()) return scan->status();
      continue;
    }
    format::Parsed parsed;
    if (Status s = format::parse_record(scan->key(), scan->value(), &parsed); !s.ok()) return s;
    Reference reference;
    if (!format::unpack(parsed.meta, &reference)) {
      return format::corrupt(scan->key(), "the payload is malformed");
    }
    engine::Read read;
    read.family = engine::family_of(Kind::document);
    read.key = with_id(state.owner, Kind::document, reference.id).str();
    reads->push_back(std::move(read));
  }
  return Status();
}

Result<std::vector<Document>> to_documents(
    Result<std::vector<std::unique_ptr<model::RecordBody>>> heads) {
  if (!heads.ok()) return heads.status();
  std::vector<Document> documents;
  for (auto& head : *heads) {
    documents.push_back(model::RecordAccess::make<Document>(std::move(head)));
  }
  return documents;
}

std::vector<Document> lend_documents(const model::TenantState& state,
                                     const model::RowCache::Answer& answer) {
  const std::shared_ptr<const void> of = model::lender(state.core, answer);
  std::vector<Document> documents;
  for (const model::RowCache::Row& row : answer->rows) {
    auto body = std::make_unique<model::RecordBody>();
    body->borrow(row.key, Kind::document, row.value, of);
    documents.push_back(model::RecordAccess::make<Document>(std::move(body)));
  }
  return documents;
}

}  // namespace

Result<std::vector<Document>> Tenant::effective_documents(ProjectId project,
                                                          std::optional<uint32_t> version,
                                                          const ReadOptions& o) const {
  if (Status s = begin_read(*state_); !s.ok()) return s;
  if (Status s = model::check_id("project id", project.uuid()); !s.ok()) return s;
  const engine::Snapshot* at = nullptr;
  if (Status s = model::use_snapshot(*state_, o.snapshot, &at); !s.ok()) return s;
  if (o.as_of.by != AsOf::By::now) {
    Result<model::Past> past = model::Past::open(*state_, o.as_of, o.snapshot, project.uuid());
    if (!past.ok()) return past.status();
    return to_documents(past->effective_documents(project.uuid(), version));
  }
  model::RowCache::Fill fill;
  if (!version) {
    const Key name = with_id(state_->owner, Kind::document_by_section, project.uuid());
    auto known = model::find_rows(*state_->core, name, o.snapshot, &fill);
    if (!known.ok()) return known.status();
    if (*known) return lend_documents(*state_, *known);
  }
  engine::Engine& engine = state_->core->engine();
  std::unique_ptr<engine::Snapshot> own;
  if (at == nullptr) {
    auto snapshot = engine.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    own = std::move(*snapshot);
    at = own.get();
  }
  // Round one: the version that must exist, and for each section the newest slot not above it.
  Key needed = version ? with_id(state_->owner, Kind::project_version, project.uuid())
                       : with_id(state_->owner, Kind::project, project.uuid());
  if (version) needed.not_u32(*version);
  engine::Value value;
  Status found = engine.get(engine::family_of(version ? Kind::project_version : Kind::project),
                            needed, at, &value);
  if (found.code() == Code::not_found) {
    if (!version) return model::no_such("project", project.uuid());
    return Status(Code::not_found,
                  fmt::format("project {} has no version {}", to_string(project), *version));
  }
  if (!found.ok()) return found;
  value.reset();
  std::vector<engine::Read> reads;
  if (Status s = find_effective(*state_, project, version, at, &reads); !s.ok()) return s;
  engine.multi_get(reads, at);
  std::vector<Document> documents;
  for (engine::Read& read : reads) {
    if (read.status.code() == Code::not_found) return format::corrupt(read.key, "is missing");
    if (!read.status.ok()) return read.status;
    auto body = std::make_unique<model::RecordBody>();
    if (Status s = body->keep(read.key, std::move(read.value)); !s.ok()) return s;
    fill.add(read.key, body->value());
    documents.push_back(model::RecordAccess::make<Document>(std::move(body)));
  }
  fill.follow(with_id(state_->owner, Kind::project, project.uuid()));
  fill.keep();
  return documents;
}

Result<std::vector<Document>> Tenant::latest_documents(ProjectId project,
                                                       const ReadOptions& o) const {
  return effective_documents(project, std::nullopt, o);
}

Result<Revision> Tenant::revision(DocumentId document, uint32_t rev, const ReadOptions& o) const {
  if (Status s = begin_read(*state_); !s.ok()) return s;
  if (Status s = model::check_id("document id", document.uuid()); !s.ok()) return s;
  Key key = with_id(state_->owner, Kind::revision, document.uuid());
  key.not_u32(rev);
  auto body = model::read_record(*state_, key, Kind::revision, o, [&] {
    return Status(Code::not_found,
                  fmt::format("document {} has no revision {}", to_string(document), rev));
  });
  if (body.ok()) (*body)->bind(state_->core);
  return model::as<Revision>(std::move(body));
}

Result<Revision> Tenant::newest_revision(DocumentId document, const ReadOptions& o) const {
  if (Status s = begin_read(*state_); !s.ok()) return s;
  if (Status s = model::check_id("document id", document.uuid()); !s.ok()) return s;
  const Key prefix = with_id(state_->owner, Kind::revision, document.uuid());
  const auto none = [&] {
    return Status(Code::not_found, fmt::format("document {} has no revision", to_string(document)));
  };
  const bool is_newest = o.as_of.by == AsOf::By::now;
  auto body = is_newest ? model::read_first(*state_, prefix.str(), format::after_prefix(prefix),
                                            Kind::revision, o.snapshot, none)
                        : model::newest_as_of(*state_, Kind::revision, prefix, o, none);
  if (body.ok()) (*body)->bind(state_->core, is_newest);
  return model::as<Revision>(std::move(body));
}

Cursor<Revision> Tenant::revisions(DocumentId document, const ListOptions& o) const {
  return model::make_cursor<Revision>(
      *state_, history(*state_, Kind::revision, document, Kind::document, "document", o));
}

Cursor<DocumentLockChange> Tenant::lock_history(DocumentId document, const ListOptions& o) const {
  return model::make_cursor<DocumentLockChange>(
      *state_, history(*state_, Kind::document_lock, document, Kind::document, "document", o));
}

}  // namespace bcstore
