// Reads of sections, integrations and public records.
#include <fmt/format.h>

#include "model/as_of.h"
#include "model/execute.h"

namespace bcstore {

using format::Key;
using format::Kind;
using format::SectionEntry;
using format::SectionSpan;
using model::begin_read;
using model::history;
using model::ListPlan;
using model::missing;
using model::RecordBody;
using model::with_id;

namespace model {

namespace {

// Sections that came as intervals and reach the newest of them.
Status read_intake(engine::Engine& engine, const Key& key, uint32_t rev, const engine::Snapshot* at,
                   std::vector<SectionEntry>* entries, Uuid* space) {
  engine::Value value;
  Status s = engine.get(engine::family_of(Kind::section_head), key, at, &value);
  if (s.code() == Code::not_found) return Status();
  if (!s.ok()) return s;
  RecordBody body;
  if (s = body.view(key, value.bytes()); !s.ok()) return s;
  if (rev < body.root<fb::SectionHead>()->rev()) return Status();
  std::vector<SectionSpan> spans;
  if (!format::unpack(body.tail(), &spans)) return format::corrupt(key, "the tail is malformed");
  for (const SectionSpan& span : spans) {
    if (span.rev_first <= rev && rev <= span.rev_last) entries->push_back(span.entry);
  }
  *space = from_fb(body.root<fb::SectionHead>()->space());
  return Status();
}

}  // namespace

// First the head, which answers for the newest revisions, then the list.
Status read_entries(engine::Engine& engine, UserId owner, const Uuid& document, uint32_t rev,
                    const engine::Snapshot* at, std::vector<SectionEntry>* entries, Uuid* space) {
  Uuid unasked;
  if (space == nullptr) space = &unasked;
  const Key head = with_id(owner, Kind::section_head, document);
  if (Status s = read_intake(engine, head, rev, at, entries, space); !s.ok()) return s;
  if (!entries->empty()) return Status();
  const Key prefix = with_id(owner, Kind::section_list, document);
  auto scan = engine.scan({engine::family_of(Kind::section_list), Key(prefix).not_u32(rev).str(),
                           format::after_prefix(prefix), false, at});
  if (!scan->next()) return scan->status();
  RecordBody body;
  if (Status s = body.view(scan->key(), scan->value()); !s.ok()) return s;
  if (rev > body.root<fb::SectionList>()->rev_last()) return Status();
  *space = from_fb(body.root<fb::SectionList>()->space());
  return format::unpack(body.tail(), entries)
             ? Status()
             : format::corrupt(scan->key(), "the tail is malformed");
}

namespace {

Status check_revision_number(uint32_t rev) {
  if (rev >= 1 && rev <= INT32_MAX) return Status();
  return Status(Code::invalid_argument, fmt::format("rev: {} is out of range", rev));
}

Status no_section(DocumentId document, uint32_t rev) {
  return Status(Code::not_found, fmt::format("revision {} of document {} has no such section", rev,
                                             to_string(document)));
}

}  // namespace
}  // namespace model

Cursor<SectionBlock> Tenant::sections(DocumentId document, uint32_t rev,
                                      const ListOptions& o) const {
  ListPlan plan = history(*state_, Kind::section_list, document, Kind::document, "document", o);
  if (plan.bad.ok()) plan.bad = model::check_revision_number(rev);
  plan.sections_of = rev;
  plan.prefix = with_id(state_->owner, Kind::section_list, document.uuid()).not_u32(rev).str();
  plan.parent_kind = Kind::revision;
  plan.parent_prefix = with_id(state_->owner, Kind::revision, document.uuid()).not_u32(rev).str();
  plan.parent_name = fmt::format("revision {} of document {}", rev, to_string(document));
  return model::make_cursor<SectionBlock>(*state_, std::move(plan));
}

Result<SectionBlock> Tenant::section(DocumentId document, uint32_t rev, std::string_view block_id,
                                     const ReadOptions& o) const {
  if (Status s = begin_read(*state_); !s.ok()) return s;
  if (Status s = model::check_id("document id", document.uuid()); !s.ok()) return s;
  if (Status s = model::check_revision_number(rev); !s.ok()) return s;
  if (Status s = model::check_text("block_id", block_id, kMaxBlockIdBytes, model::Empty::refused);
      !s.ok()) {
    return s;
  }
  Result<model::Past> past = model::Past::open(*state_, o.as_of, o.snapshot);
  if (!past.ok()) return past.status();
  const Key revision = with_id(state_->owner, Kind::revision, document.uuid()).not_u32(rev);
  if (!past->bound().is_now()) {
    Result<bool> is_there = past->is_there(Kind::revision, revision);
    if (!is_there.ok()) return is_there.status();
    if (!*is_there) return model::no_section(document, rev);
  }
  const engine::Snapshot* at = past->at();
  engine::Engine& engine = state_->core->engine();
  std::unique_ptr<engine::Snapshot> own;
  if (at == nullptr) {
    auto snapshot = engine.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    own = std::move(*snapshot);
    at = own.get();
  }
  std::vector<SectionEntry> entries;
  Status s = model::read_entries(engine, state_->owner, document.uuid(), rev, at, &entries);
  if (!s.ok()) return s;
  const uint64_t name = format::block_name_hash(block_id, state_->core->salt());
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].name != name) continue;
    engine::Read reads[2];
    reads[0].family = engine::family_of(Kind::section_block);
    reads[0].key = model::section_key(state_->owner, document.uuid(), entries[i]).str();
    reads[1].family = engine::family_of(Kind::vector);
    reads[1].key = model::vector_key(state_->owner, entries[i]).str();
    const bool has_vector = !entries[i].vector.none();
    engine.multi_get(std::span(reads).first(has_vector ? 2 : 1), at);
    for (const engine::Read& read : std::span(reads).first(has_vector ? 2 : 1)) {
      if (read.status.code() == Code::not_found) return format::corrupt(read.key, "is missing");
      if (!read.status.ok()) return read.status;
    }
    auto body = std::make_unique<RecordBody>();
    if (s = body->keep(reads[0].key, std::move(reads[0].value)); !s.ok()) return s;
    if (model::text_of(body->root<fb::SectionBlock>()->block_id()) != block_id) break;
    body->place(rev, static_cast<uint32_t>(i));
    if (has_vector) s = body->attach(reads[1].key, std::move(reads[1].value));
    if (!s.ok()) return s;
    return model::RecordAccess::make<SectionBlock>(std::move(body));
  }
  return model::no_section(document, rev);
}

Result<Integration> Tenant::integration(IntegrationId id, const ReadOptions& o) const {
  std::vector<Result<Integration>> found = get(std::span(&id, 1), o);
  return std::move(found.front());
}

Cursor<Integration> Tenant::integrations(const IntegrationList& o) const {
  ListPlan plan;
  plan.kind = Kind::integration;
  plan.prefix = Key(state_->owner, plan.kind).str();
  plan.backward = o.newest_first;
  plan.limit = o.limit;
  plan.after = o.after;
  plan.snapshot = o.snapshot;
  plan.as_of = o.as_of;
  if (o.type && to_string(*o.type) == "unknown") {
    plan.bad = Status(Code::invalid_argument, "type: no such value");
  }
  plan.parameters = o.type ? static_cast<uint64_t>(*o.type) : 0;
  plan.filter = [type = plan.parameters](const RecordBody& row) {
    const auto* head = row.root<fb::IntegrationHead>();
    return !head->is_removed() && (type == 0 || head->type() == type);
  };
  plan.parent_kind = Kind::user;
  plan.parent_prefix = Key(state_->owner, Kind::user).str();
  plan.parent_name = fmt::format("user {}", to_string(state_->owner));
  return model::make_cursor<Integration>(*state_, std::move(plan));
}

Cursor<IntegrationChange> Tenant::integration_history(IntegrationId id,
                                                      const ListOptions& o) const {
  return model::make_cursor<IntegrationChange>(
      *state_, history(*state_, Kind::integration_change, id, Kind::integration, "integration", o));
}

Result<IntegrationSecret> Tenant::integration_secret(IntegrationId id, const SecretRead& o) const {
  if (Status s = begin_read(*state_); !s.ok()) return s;
  if (Status s = model::check_id("integration id", id.uuid()); !s.ok()) return s;
  if (state_->actor.kind == ActorKind::agent && !o.as_agent) {
    return Status(Code::failed_precondition,
                  "an agent reads a secret only when it asks for it with SecretRead::as_agent");
  }
  return model::as<IntegrationSecret>(
      model::read_record(*state_, with_id(state_->owner, Kind::secret, id.uuid()), Kind::secret,
                         o.snapshot, missing("integration", id.uuid())));
}

PublicView::PublicView(std::shared_ptr<const model::TenantState> state)
    : state_(std::move(state)) {}

namespace {

Status check_name(std::string_view name) {
  return model::check_text("name", name, kMaxNameBytes, model::Empty::refused);
}

}  // namespace

Result<PublicRecord> PublicView::get(std::string_view name, std::optional<uint32_t> rev,
                                     const ReadOptions& o) const {
  if (Status s = begin_read(*state_); !s.ok()) return s;
  if (Status s = check_name(name); !s.ok()) return s;
  Key prefix =
      with_id(kPublicOwner, Kind::public_record, format::text_hash(name, state_->core->salt()));
  const auto absent = [&] {
    return Status(Code::not_found, rev ? fmt::format("the public record has no revision {}", *rev)
                                       : "there is no public record of this name");
  };
  if (rev) {
    return model::as<PublicRecord>(
        model::read_record(*state_, prefix.not_u32(*rev), Kind::public_record, o, absent));
  }
  if (o.as_of.by != AsOf::By::now) {
    return model::as<PublicRecord>(
        model::newest_as_of(*state_, Kind::public_record, prefix, o, absent));
  }
  return model::as<PublicRecord>(model::read_first(*state_, prefix.str(),
                                                   format::after_prefix(prefix),
                                                   Kind::public_record, o.snapshot, absent));
}

Cursor<PublicName> PublicView::names(const ListOptions& o) const {
  ListPlan plan;
  plan.kind = Kind::public_name;
  plan.prefix = Key(kPublicOwner, plan.kind).str();
  plan.backward = o.reverse;
  plan.limit = o.limit;
  plan.after = o.after;
  plan.snapshot = o.snapshot;
  plan.as_of = o.as_of;
  return model::make_cursor<PublicName>(*state_, std::move(plan));
}

Cursor<PublicRecord> PublicView::revisions(std::string_view name, const ListOptions& o) const {
  ListPlan plan;
  const Status bad = check_name(name);
  if (bad.ok() && state_->core) {
    const Uuid hash = format::text_hash(name, state_->core->salt());
    plan = history(*state_, Kind::public_record, hash, Kind::public_name, "public record", o);
  }
  plan.bad = bad;
  plan.parent_name = "a public record of this name";
  return model::make_cursor<PublicRecord>(*state_, std::move(plan));
}

}  // namespace bcstore
