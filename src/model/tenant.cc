// A tenant's writes: batches, commits, and one-line forms.
#include "bcstore/tenant.h"

#include <utility>

#include "model/reads.h"

namespace bcstore {

using model::BatchAccess;
using model::BatchBody;

Tenant::Tenant(std::shared_ptr<const model::TenantState> state) : state_(std::move(state)) {}

UserId Tenant::owner() const { return state_->owner; }

Tenant Tenant::as_agent(std::string_view name) const {
  auto state = std::make_shared<model::TenantState>(*state_);
  state->actor = Actor::of_agent(std::string(name));
  state->bad_actor =
      model::check_text("agent name", name, kMaxEventTypeBytes, model::Empty::refused);
  return Tenant(std::move(state));
}

Result<Snapshot> Tenant::snapshot() const {
  if (!state_->bad.ok()) return state_->bad;
  model::Core& core = *state_->core;
  const uint64_t applied = core.rows().applied();
  uint64_t epoch = core.searches().epoch();
  auto held = core.engine().snapshot();
  if (!held.ok()) return held.status();
  if (core.searches().epoch() != epoch) epoch = model::SearchCache::kNoEpoch;
  return model::Access::snapshot(
      std::make_unique<model::SnapshotBody>(std::move(*held), core.open_hash(), applied, epoch));
}

namespace model {
namespace {

std::unique_ptr<BatchBody> new_body(const TenantState& state) {
  const Status& bad = state.bad.ok() ? state.bad_actor : state.bad;
  auto body = std::make_unique<BatchBody>(state.core, state.owner, state.actor, bad);
  if (state.service) body->set_audited();
  return body;
}

// What commit checks before the batch lines up.
Status check_commit(const TenantState& state, const BatchBody* body, const CommitOptions& o) {
  if (!state.bad.ok()) return state.bad;
  if (!state.bad_actor.ok()) return state.bad_actor;
  if (body == nullptr) return Status(Code::invalid_argument, "batch: was moved from");
  if (body->owner() != state.owner) {
    return Status(Code::invalid_argument, "batch: of another owner");
  }
  if (o.idempotency_key.size() > kMaxIdempotencyKeyBytes) {
    return Status(Code::invalid_argument, "idempotency key: has more than 64 bytes");
  }
  return body->status();
}

std::shared_ptr<Ticket> make_ticket(std::unique_ptr<BatchBody> body, const CommitOptions& o) {
  auto ticket = std::make_shared<Ticket>();
  body->prepare();
  body->detach();
  ticket->commit.batch = std::move(body);
  ticket->commit.durability = o.durability;
  ticket->commit.idempotency_key = std::string(o.idempotency_key);
  ticket->commit.expected_owner_seq = o.expected_owner_seq;
  return ticket;
}

Status hand_in(const TenantState& state, const std::shared_ptr<Ticket>& ticket) {
  switch (state.core->queue().submit(ticket)) {
    case CommitQueue::Submitted::queued:
      return Status();
    case CommitQueue::Submitted::full:
      return Status(Code::unavailable, "too many commits are pending");
    case CommitQueue::Submitted::closed:
      return Status(Code::closed, "the store is closed");
    case CommitQueue::Submitted::foreign:
      return state.core->engine().health();
  }
  return Status(Code::internal, "a hand-in without an answer");
}

}  // namespace
}  // namespace model

WriteBatch Tenant::batch() const { return BatchAccess::make(model::new_body(*state_)); }

namespace {

model::Outcome commit_batch(const model::TenantState& state, WriteBatch& batch,
                            const CommitOptions& o) {
  model::Outcome refused;
  refused.status = model::check_commit(state, BatchAccess::body(batch), o);
  if (!refused.status.ok()) return refused;
  auto ticket = model::make_ticket(BatchAccess::take(batch), o);
  state.core->queue().commit(ticket);
  ticket->commit.batch->attach(state.core);
  if (ticket->outcome.status.ok()) ticket->commit.batch->clear();
  batch = BatchAccess::make(std::move(ticket->commit.batch));
  return std::move(ticket->outcome);
}

}  // namespace

Result<Receipt> Tenant::commit(WriteBatch& batch, const CommitOptions& o) const {
  model::Outcome outcome = commit_batch(*state_, batch, o);
  if (!outcome.status.ok()) return std::move(outcome.status);
  return std::move(outcome.receipt);
}

PendingCommit Tenant::submit(WriteBatch batch, const CommitOptions& o) const {
  auto body = std::make_shared<model::PendingBody>();
  body->core = state_->core;
  if (Status s = model::check_commit(*state_, BatchAccess::body(batch), o); !s.ok()) {
    body->answer = Result<Receipt>(std::move(s));
    return model::Access::pending(std::move(body));
  }
  body->ticket = model::make_ticket(BatchAccess::take(batch), o);
  if (Status s = model::hand_in(*state_, body->ticket); !s.ok()) {
    body->answer = Result<Receipt>(std::move(s));
  }
  return model::Access::pending(std::move(body));
}

void Tenant::submit(WriteBatch batch, const CommitOptions& o,
                    std::function<void(Result<Receipt>)> done) const {
  if (Status s = model::check_commit(*state_, BatchAccess::body(batch), o); !s.ok()) {
    done(std::move(s));
    return;
  }
  auto ticket = model::make_ticket(BatchAccess::take(batch), o);
  ticket->done_callback = std::move(done);
  // Once it is in the queue the callback is the leader's to call.
  if (Status s = model::hand_in(*state_, ticket); !s.ok()) ticket->done_callback(std::move(s));
}

PendingCommit::PendingCommit(std::shared_ptr<model::PendingBody> body) : body_(std::move(body)) {}
PendingCommit::PendingCommit(PendingCommit&&) noexcept = default;
PendingCommit& PendingCommit::operator=(PendingCommit&&) noexcept = default;
PendingCommit::~PendingCommit() = default;

bool PendingCommit::ready() const {
  return !body_ || body_->answer || body_->core->queue().ready(body_->ticket);
}

Result<Receipt> PendingCommit::wait() {
  if (!body_) return Status(Code::invalid_argument, "the pending commit was moved from");
  if (!body_->answer) {
    Status status = body_->core->queue().wait(body_->ticket);
    body_->answer = status.ok() ? Result<Receipt>(body_->ticket->outcome.receipt)
                                : Result<Receipt>(std::move(status));
  }
  return *body_->answer;
}

namespace {

// A batch of one, and what the caller wants of its receipt.
template <class T, class Write, class Pick>
Result<T> write_one(const Tenant& tenant, const CommitOptions& o, Write write, Pick pick) {
  WriteBatch batch = tenant.batch();
  write(batch);
  Result<Receipt> receipt = tenant.commit(batch, o);
  if (!receipt.ok()) return receipt.status();
  if (receipt->operations.empty()) {
    return Status(Code::internal, "a receipt without operations");
  }
  return pick(*receipt);
}

template <class K>
Id<K> id_of(const Receipt& receipt) {
  return Id<K>(receipt.operations.front().id);
}

uint32_t narrow(const Receipt& receipt) {
  return static_cast<uint32_t>(receipt.operations.front().number);
}

uint64_t number(const Receipt& receipt) { return receipt.operations.front().number; }

Receipt whole(Receipt& receipt) { return std::move(receipt); }

std::optional<int32_t> limited(uint64_t remaining) {
  if (remaining == kUnlimitedCredits) return std::nullopt;
  return static_cast<int32_t>(remaining);
}

}  // namespace

Result<ProjectId> Tenant::create_project(const NewProject& p, const CommitOptions& o) const {
  return write_one<ProjectId>(
      *this, o, [&](WriteBatch& b) { b.create_project(p); }, id_of<ProjectKind>);
}

Result<uint32_t> Tenant::add_version(ProjectId project, const NewVersion& v,
                                     const CommitOptions& o) const {
  return write_one<uint32_t>(
      *this, o, [&](WriteBatch& b) { b.add_version(project, v); }, narrow);
}

Result<Receipt> Tenant::set_status(ProjectId project, ProjectStatus status,
                                   std::optional<ProjectStatus> expected,
                                   const CommitOptions& o) const {
  return write_one<Receipt>(
      *this, o, [&](WriteBatch& b) { b.set_status(project, status, expected); }, whole);
}

Result<DocumentId> Tenant::create_document(ProjectId project, const NewDocument& d,
                                           const CommitOptions& o) const {
  return write_one<DocumentId>(
      *this, o, [&](WriteBatch& b) { b.create_document(project, d); }, id_of<DocumentKind>);
}

Result<uint32_t> Tenant::add_revision(DocumentId document, const NewRevision& r,
                                      const CommitOptions& o) const {
  return write_one<uint32_t>(
      *this, o, [&](WriteBatch& b) { b.add_revision(document, r); }, narrow);
}

Result<Receipt> Tenant::set_lock(DocumentId document, bool is_locked, std::optional<bool> expected,
                                 const CommitOptions& o) const {
  return write_one<Receipt>(
      *this, o, [&](WriteBatch& b) { b.set_lock(document, is_locked, expected); }, whole);
}

Result<TaskId> Tenant::create_task(ProjectId project, const NewTask& t,
                                   const CommitOptions& o) const {
  return write_one<TaskId>(
      *this, o, [&](WriteBatch& b) { b.create_task(project, t); }, id_of<TaskKind>);
}

Result<uint32_t> Tenant::revise_task(TaskId task, const TaskEdit& e, const CommitOptions& o) const {
  return write_one<uint32_t>(
      *this, o, [&](WriteBatch& b) { b.revise_task(task, e); }, narrow);
}

Result<uint64_t> Tenant::record_activity(TaskId task, TaskAction action,
                                         std::optional<TaskState> expected,
                                         const CommitOptions& o) const {
  return write_one<uint64_t>(
      *this, o, [&](WriteBatch& b) { b.record_activity(task, action, expected); }, number);
}

Result<ChatSessionId> Tenant::start_chat(ProjectId project, const NewChat& c,
                                         const CommitOptions& o) const {
  return write_one<ChatSessionId>(
      *this, o, [&](WriteBatch& b) { b.start_chat(project, c); }, id_of<ChatSessionKind>);
}

Result<ChatSessionId> Tenant::fork_chat(ChatSessionId session, uint64_t at_seq, const NewChat& c,
                                        const CommitOptions& o) const {
  return write_one<ChatSessionId>(
      *this, o, [&](WriteBatch& b) { b.fork_chat(session, at_seq, c); }, id_of<ChatSessionKind>);
}

Result<Receipt> Tenant::rename_chat(ChatSessionId session, std::optional<std::string_view> title,
                                    std::optional<uint32_t> expected_rename,
                                    const CommitOptions& o) const {
  return write_one<Receipt>(
      *this, o, [&](WriteBatch& b) { b.rename_chat(session, title, expected_rename); }, whole);
}

Result<uint64_t> Tenant::append_message(ChatSessionId session, const NewMessage& m,
                                        const CommitOptions& o) const {
  return write_one<uint64_t>(
      *this, o, [&](WriteBatch& b) { b.append_message(session, m); }, number);
}

Result<uint64_t> Tenant::append_event(const NewEvent& e, const CommitOptions& o) const {
  return write_one<uint64_t>(
      *this, o, [&](WriteBatch& b) { b.append_event(e); }, number);
}

Result<uint64_t> Tenant::record_call(const NewCall& call, const CommitOptions& o) const {
  return write_one<uint64_t>(
      *this, o, [&](WriteBatch& b) { b.record_call(call); }, number);
}

Result<std::optional<int32_t>> Tenant::consume_credit(const CreditSpend& spend,
                                                      const CommitOptions& o) const {
  return write_one<std::optional<int32_t>>(
      *this, o, [&](WriteBatch& b) { b.consume_credit(spend); },
      [](const Receipt& receipt) { return limited(number(receipt)); });
}

Result<Reservation> Tenant::reserve_credits(const NewHold& hold, const CommitOptions& o) const {
  return write_one<Reservation>(
      *this, o, [&](WriteBatch& b) { b.reserve_credits(hold); },
      [&](const Receipt& receipt) {
        return Reservation{id_of<CreditHoldKind>(receipt), limited(number(receipt)),
                           Time{receipt.committed_at.us + hold.ttl_us}, receipt.replayed};
      });
}

// The hold says what its one resolution did, whichever call that was.
Result<HoldResolution> Tenant::resolve(CreditHoldId hold, WriteBatch& batch,
                                       const CommitOptions& o) const {
  const model::Outcome outcome = commit_batch(*state_, batch, o);
  if (!outcome.status.ok()) return outcome.status;
  const std::optional<int32_t> remaining = limited(number(outcome.receipt));
  if (const auto& done = outcome.resolved) {
    return HoldResolution{done->returned, done->lapsed, done->debt, remaining,
                          outcome.receipt.replayed};
  }
  // A key that was known: nothing was written, and what the first run did stands in the hold.
  const Result<CreditHold> resolved = credit_hold(hold);
  if (!resolved.ok()) return resolved.status();
  return HoldResolution{resolved->returned(), resolved->lapsed(), resolved->debt(), remaining,
                        outcome.receipt.replayed};
}

Result<HoldResolution> Tenant::capture_credits(CreditHoldId hold, const HoldCapture& capture,
                                               const CommitOptions& o) const {
  WriteBatch b = batch();
  b.capture_credits(hold, capture);
  return resolve(hold, b, o);
}

Result<HoldResolution> Tenant::void_hold(CreditHoldId hold, std::optional<std::string_view> reason,
                                         const CommitOptions& o) const {
  WriteBatch b = batch();
  b.void_hold(hold, reason);
  return resolve(hold, b, o);
}

Result<TurnReceipt> Tenant::chat_turn(ChatSessionId session, const ChatTurn& turn,
                                      const CommitOptions& o) const {
  WriteBatch b = batch();
  b.chat_turn(session, turn);
  const Result<Receipt> receipt = commit(b, o);
  if (!receipt.ok()) return receipt.status();
  const std::vector<Receipt::Operation>& done = receipt->operations;
  const size_t events = turn.events.size();
  const size_t call = 1 + events;
  const size_t spending = call + (turn.call ? 1 : 0) + (turn.rate_limit ? 1 : 0);
  if (done.size() != spending + (turn.cost != 0 ? 1 : 0)) {
    return Status(Code::internal, "a receipt of another number of operations");
  }
  TurnReceipt answer;
  answer.seq = done.front().number;
  answer.message = model::derived_message_id(session, answer.seq);
  for (size_t i = 1; i <= events; ++i) answer.events.push_back(done[i].number);
  if (turn.call) answer.call = done[call].number;
  if (turn.cost != 0) answer.remaining = limited(done[spending].number);
  answer.commit_seq = receipt->commit_seq;
  answer.committed_at = receipt->committed_at;
  answer.replayed = receipt->replayed;
  return answer;
}

Result<Receipt> Tenant::edit_profile(const ProfileEdit& e, const CommitOptions& o) const {
  return write_one<Receipt>(
      *this, o, [&](WriteBatch& b) { b.edit_profile(e); }, whole);
}

Result<Receipt> Tenant::add_sections(DocumentId document, uint32_t rev,
                                     std::span<const NewBlock> blocks, const EmbeddingSpace& space,
                                     const CommitOptions& o) const {
  return write_one<Receipt>(
      *this, o, [&](WriteBatch& b) { b.add_sections(document, rev, blocks, space); }, whole);
}

Result<IntegrationId> Tenant::add_integration(const NewIntegration& i,
                                              const CommitOptions& o) const {
  return write_one<IntegrationId>(
      *this, o, [&](WriteBatch& b) { b.add_integration(i); }, id_of<IntegrationKind>);
}

Result<uint32_t> Tenant::revise_integration(IntegrationId integration, std::string_view metadata,
                                            std::optional<uint32_t> expected_rev,
                                            const CommitOptions& o) const {
  return write_one<uint32_t>(
      *this, o, [&](WriteBatch& b) { b.revise_integration(integration, metadata, expected_rev); },
      narrow);
}

Result<Receipt> Tenant::remove_integration(IntegrationId integration,
                                           std::optional<uint32_t> expected_rev,
                                           const CommitOptions& o) const {
  return write_one<Receipt>(
      *this, o, [&](WriteBatch& b) { b.remove_integration(integration, expected_rev); }, whole);
}

Result<Receipt> Tenant::save_feed_cursor(std::string_view name, uint64_t seq, bool may_go_back,
                                         const CommitOptions& o) const {
  return write_one<Receipt>(
      *this, o, [&](WriteBatch& b) { b.save_feed_cursor(name, seq, may_go_back); }, whole);
}

Result<Receipt> Tenant::drop_feed_cursor(std::string_view name, const CommitOptions& o) const {
  return write_one<Receipt>(
      *this, o, [&](WriteBatch& b) { b.drop_feed_cursor(name); }, whole);
}

}  // namespace bcstore
