// The audited role across users, and the importer.
#include "bcstore/service.h"

#include <fmt/format.h>

#include <utility>

#include "model/reads.h"

namespace bcstore {

using format::Key;
using format::Kind;
using model::BatchBody;
using model::TenantState;

namespace {

Status check_reason(std::string_view reason) {
  return model::check_text("reason", reason, kMaxReasonBytes, model::Empty::refused);
}

// A service of a store that was moved from has none behind it.
Status check_service(const std::shared_ptr<model::Core>& core, std::string_view reason) {
  return core ? check_reason(reason) : Status(Code::closed, "the store is closed");
}

std::shared_ptr<TenantState> service_state(std::shared_ptr<model::Core> core, UserId owner,
                                           const std::string& reason) {
  auto state = std::make_shared<TenantState>();
  state->core = std::move(core);
  state->owner = owner;
  state->actor = Actor::of_system(reason);
  state->service = true;
  state->bad = check_service(state->core, reason);
  if (state->bad.ok()) state->bad = model::check_owner(owner);
  return state;
}

std::unique_ptr<BatchBody> service_batch(const TenantState& state) {
  auto body = std::make_unique<BatchBody>(state.core, state.owner, state.actor, state.bad);
  body->set_audited();
  return body;
}

// A verb that only a service has, as a batch of one.
template <class Write>
Result<Receipt> write_as_service(const Tenant& view, const CommitOptions& o, Write write) {
  auto body = service_batch(model::Access::state(view));
  write(*body);
  WriteBatch batch = model::BatchAccess::make(std::move(body));
  return view.commit(batch, o);
}

}  // namespace

Service::Service(std::shared_ptr<model::Core> core, std::string reason)
    : core_(std::move(core)), reason_(std::move(reason)) {}

Tenant Service::tenant(UserId owner) const {
  return model::Access::tenant(service_state(core_, owner, reason_));
}

Result<UserId> Service::create_user(const NewUser& user, const CommitOptions& o) const {
  if (Status s = check_service(core_, reason_); !s.ok()) return s;
  UserId id = user.id ? *user.id : UserId(core_->next_id());
  Tenant view = tenant(id);
  auto body = service_batch(model::Access::state(view));
  if (!user.id) body->set_owner_minted();
  body->create_user({user.email, user.full_name, user.stripe_customer_id, false, 0}, nullptr);
  WriteBatch batch = model::BatchAccess::make(std::move(body));
  Result<Receipt> receipt = view.commit(batch, o);
  if (!receipt.ok()) return receipt.status();
  // For a replay, the first run's id.
  return UserId(receipt->operations.front().id);
}

Result<Receipt> Service::link_stripe_customer(UserId user, std::string_view customer_id,
                                              const CommitOptions& o) const {
  return write_as_service(tenant(user), o, [&](BatchBody& b) { b.link_customer(customer_id); });
}

Result<Receipt> Service::grant_credits(UserId user, const CreditGrant& grant,
                                       const CommitOptions& o) const {
  return write_as_service(tenant(user), o, [&](BatchBody& b) { b.grant_credits(grant); });
}

Result<Receipt> Service::adjust_credits(UserId user, const CreditAdjustment& adjustment,
                                        const CommitOptions& o) const {
  return write_as_service(tenant(user), o, [&](BatchBody& b) { b.adjust_credits(adjustment); });
}

Result<Receipt> Service::set_credit_plan(UserId user, const CreditPlan& plan,
                                         const CommitOptions& o) const {
  return write_as_service(tenant(user), o, [&](BatchBody& b) { b.set_credit_plan(plan); });
}

Result<Receipt> Service::set_unlimited(UserId user, bool is_unlimited,
                                       const CommitOptions& o) const {
  return write_as_service(tenant(user), o, [&](BatchBody& b) { b.set_unlimited(is_unlimited); });
}

Result<uint32_t> Service::put_public(const NewPublic& record, const CommitOptions& o) const {
  auto state = service_state(core_, kPublicOwner, reason_);
  state->bad = check_service(core_, reason_);  // the one writer that may name the reserved owner
  auto body = service_batch(*state);
  body->put_public(record);
  WriteBatch batch = model::BatchAccess::make(std::move(body));
  Result<Receipt> receipt = model::Access::tenant(std::move(state)).commit(batch, o);
  if (!receipt.ok()) return receipt.status();
  return static_cast<uint32_t>(receipt->operations.front().number);
}

namespace {

Result<UserId> find_user(const std::shared_ptr<model::Core>& core, const std::string& reason,
                         Kind kind, std::string_view text, std::string_view what) {
  if (Status s = check_service(core, reason); !s.ok()) return s;
  if (Status s = model::check_text(what, text, kMaxNameBytes, model::Empty::refused); !s.ok()) {
    return s;
  }
  TenantState state;
  state.core = core;
  Key key(kSystemOwner, kind);
  key.append(format::text_hash(text, core->salt()));
  auto found = model::read_reference(state, key, kind, nullptr, [&] {
    return Status(Code::not_found, fmt::format("no user has this {}", what));
  });
  if (!found.ok()) return found.status();
  UserId owner(found->id);
  core->note_read(owner, reason);
  return owner;
}

}  // namespace

Result<UserId> Service::find_user_by_email(std::string_view email) const {
  return find_user(core_, reason_, Kind::email, format::fold_case(email), "e-mail address");
}

Result<UserId> Service::find_user_by_stripe_customer(std::string_view customer_id) const {
  return find_user(core_, reason_, Kind::customer, customer_id, "customer");
}

Cursor<User> Service::users(const ListOptions& o) const {
  TenantState state;
  state.core = core_;
  state.owner = kSystemOwner;
  state.bad = check_service(core_, reason_);
  model::ListPlan plan;
  plan.kind = Kind::owner_hash;
  plan.prefix = Key(kSystemOwner, Kind::owner_hash).str();
  plan.backward = o.reverse;
  plan.limit = o.limit;
  plan.after = o.after;
  plan.snapshot = o.snapshot;
  plan.as_of = o.as_of;
  plan.named_kind = Kind::user;
  plan.named_is_prefix = true;
  plan.named = [core = core_, reason = reason_](std::string_view, const format::Reference& user,
                                                std::string* prefix) {
    core->note_read(UserId(user.id), reason);
    *prefix = Key(user.id, Kind::user).str();
    return true;
  };
  return model::make_cursor<User>(state, std::move(plan));
}

ImportedRow Service::import_user(const ImportedUser& user, Durability durability) const {
  ImportedRow row;
  Tenant view = tenant(user.id);
  const TenantState& state = model::Access::state(view);
  row.status = state.bad;
  if (!row.status.ok()) return row;
  auto body = service_batch(state);
  body->set_importing();
  auto origin = std::make_unique<model::Origin>();
  origin->created_at = user.created_at;
  origin->actor = Actor::of_user(user.id);
  body->create_user({user.email, user.full_name, user.stripe_customer_id, user.is_pro, 0},
                    std::move(origin));
  auto ticket = std::make_shared<model::Ticket>();
  ticket->commit.batch = std::move(body);
  ticket->commit.durability = durability;
  core_->queue().commit(ticket);
  if (!ticket->outcome.status.ok() || ticket->outcome.rows.empty()) {
    row.status = std::move(ticket->outcome.status);
    return row;
  }
  return std::move(ticket->outcome.rows.front());
}

// --- Importer

struct Importer::Body {
  std::shared_ptr<const TenantState> state;
  std::unique_ptr<BatchBody> batch;

  void renew() {
    batch = service_batch(*state);
    batch->set_importing();
  }
  static std::unique_ptr<model::Origin> origin(const Row& row) {
    auto origin = std::make_unique<model::Origin>();
    origin->created_at = row.created_at;
    origin->actor = row.actor;
    return origin;
  }
};

Importer::Importer(std::unique_ptr<Body> body) : body_(std::move(body)) { body_->renew(); }
Importer::Importer(Importer&&) noexcept = default;
Importer& Importer::operator=(Importer&&) noexcept = default;
Importer::~Importer() = default;

Importer Service::importer(UserId owner) const {
  auto body = std::make_unique<Importer::Body>();
  body->state = service_state(core_, owner, reason_);
  return Importer(std::move(body));
}

size_t Importer::size() const { return body_->batch->size(); }
size_t Importer::bytes() const { return body_->batch->bytes(); }

void Importer::project(ProjectId id, const NewProject& project, const Row& row,
                       std::optional<Row> version_one) {
  NewProject given = project;
  given.id = id;
  body_->batch->create_project(given, Body::origin(row),
                               version_one ? Body::origin(*version_one) : nullptr);
}

void Importer::version(ProjectId project, uint32_t version, const NewVersion& fields,
                       const Row& row) {
  body_->batch->add_version(project, fields, version, Body::origin(row));
}

void Importer::document(DocumentId id, ProjectId project, const NewDocument& document,
                        const Row& row) {
  NewDocument given = document;
  given.id = id;
  body_->batch->create_document(project, given, Body::origin(row));
}

void Importer::revision(DocumentId document, uint32_t rev, const NewRevision& revision,
                        const Row& row) {
  body_->batch->add_revision(document, revision, rev, Body::origin(row));
}

void Importer::task(TaskId id, ProjectId project, const NewTask& task, const Row& row) {
  NewTask given = task;
  given.id = id;
  body_->batch->create_task(project, given, Body::origin(row));
}

void Importer::activity(TaskId task, TaskAction action, std::string_view identity, const Row& row) {
  body_->batch->record_activity(task, action, std::nullopt, identity, Body::origin(row));
}

void Importer::chat(ChatSessionId id, ProjectId project, const NewChat& chat, const Row& row) {
  NewChat given = chat;
  given.id = id;
  body_->batch->start_chat(project, given, Body::origin(row));
}

void Importer::message(ChatSessionId session, uint64_t seq, MessageId id, const NewMessage& message,
                       const Row& row) {
  body_->batch->append_message(session, message, id, seq, Body::origin(row));
}

void Importer::event(const NewEvent& event, std::string_view identity, const Row& row) {
  body_->batch->append_event(event, identity, Body::origin(row));
}

void Importer::credits(const ImportedCredits& credits, const Row& row) {
  body_->batch->import_credits(credits, Body::origin(row));
}

void Importer::integration(IntegrationId id, const NewIntegration& integration, const Row& row) {
  NewIntegration given = integration;
  given.id = id;
  body_->batch->add_integration(given, Body::origin(row));
}

void Importer::section(DocumentId document, uint32_t rev_first, uint32_t rev_last,
                       const NewBlock& block, const EmbeddingSpace& space,
                       std::optional<uint32_t> ordinal) {
  body_->batch->import_section(document, rev_first, rev_last, block, space, ordinal);
}

Result<std::vector<ImportedRow>> Importer::commit(Durability durability) {
  if (!body_) return Status(Code::invalid_argument, "the importer was moved from");
  if (!body_->state->bad.ok()) return body_->state->bad;
  if (body_->batch->size() == 0) return std::vector<ImportedRow>();
  auto ticket = std::make_shared<model::Ticket>();
  body_->batch->prepare();
  ticket->commit.batch = std::move(body_->batch);
  ticket->commit.durability = durability;
  body_->renew();
  body_->state->core->queue().commit(ticket);
  if (!ticket->outcome.status.ok()) return std::move(ticket->outcome.status);
  return std::move(ticket->outcome.rows);
}

}  // namespace bcstore
