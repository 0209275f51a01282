// Billing from outside: a service's deliveries, and an owner's subscriptions.
#include <fmt/format.h>

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "billing/stripe_signature.h"
#include "model/as_of.h"
#include "model/billing_fields.h"
#include "model/execute.h"
#include "model/reads.h"

namespace bcstore {

using format::Key;
using format::Kind;
using model::BatchBody;
using model::RecordBody;
using model::TenantState;

// --- Deliveries

Result<BillingReceipt> Service::commit_billing(std::unique_ptr<BatchBody> batch,
                                               Durability durability) const {
  if (!core_) return Status(Code::closed, "the store is closed");
  if (!batch->status().ok()) return batch->status();
  batch->set_audited();
  auto ticket = std::make_shared<model::Ticket>();
  ticket->commit.batch = std::move(batch);
  ticket->commit.durability = durability;
  core_->queue().commit(ticket);
  if (!ticket->outcome.status.ok()) return std::move(ticket->outcome.status);
  BillingReceipt receipt;
  receipt.receipt = std::move(ticket->outcome.receipt);
  const Receipt::Operation& what = receipt.receipt.operations.front();
  receipt.outcome = static_cast<BillingOutcome>(what.number);
  if (!what.id.is_nil()) receipt.user = UserId(what.id);
  return receipt;
}

namespace {

// A delivery finds its owner when it is executed.
std::unique_ptr<BatchBody> delivery(const std::shared_ptr<model::Core>& core,
                                    const std::string& reason) {
  Status bad = model::check_text("reason", reason, kMaxReasonBytes, model::Empty::refused);
  return std::make_unique<BatchBody>(core, kSystemOwner, Actor::of_system(reason), bad);
}

// Whole seconds, rounded down.
int64_t seconds_of(Time time) {
  const int64_t seconds = time.us / 1'000'000;
  return time.us % 1'000'000 < 0 ? seconds - 1 : seconds;
}

}  // namespace

Result<BillingReceipt> Service::apply_billing_event(const BillingEvent& event,
                                                    Durability durability) const {
  auto batch = delivery(core_, reason_);
  batch->apply_billing(event);
  return commit_billing(std::move(batch), durability);
}

Result<BillingReceipt> Service::apply_stripe_webhook(std::string_view payload,
                                                     std::string_view signature_header,
                                                     std::string_view secret, Time now,
                                                     int64_t tolerance_s,
                                                     Durability durability) const {
  Status genuine = billing::check_stripe_signature(payload, signature_header, secret,
                                                   seconds_of(now), tolerance_s);
  if (!genuine.ok()) return genuine;
  Result<billing::StripeEvent> event = billing::read_stripe_event(payload);
  if (!event.ok()) return event.status();
  auto batch = delivery(core_, reason_);
  batch->apply_billing(*std::move(event));
  return commit_billing(std::move(batch), durability);
}

// --- Subscriptions

namespace {

Status no_subscription() { return Status(Code::not_found, "the user has no such subscription"); }

// What the subscription's key may hold: it is of one of the customers that are or were the owner's,
// mostly of the only one. The list only grows, so who reads on at a later moment misses nothing.
Result<std::vector<Uuid>> possible_hashes(const TenantState& state, std::string_view id,
                                          const engine::Snapshot* at) {
  Status named = model::check_text("subscription", id, kMaxBillingTextBytes, model::Empty::refused);
  if (!named.ok()) return named;
  const Key key(state.owner, Kind::billing_account);
  engine::Value value;
  Status s = state.core->engine().get(engine::family_of(Kind::billing_account), key, at, &value);
  if (s.code() == Code::not_found) return no_subscription();
  if (!s.ok()) return s;
  RecordBody account;
  if (s = account.keep(key, std::move(value)); !s.ok()) return s;
  std::vector<Uuid> hashes;
  if (!model::read_list(account.tail(), &hashes)) {
    return format::corrupt(key, "the tail is malformed");
  }
  for (Uuid& hash : hashes) hash = model::subscription_hash(hash, id, state.core->salt());
  return hashes;
}

std::vector<engine::Read> heads_of(const TenantState& state, const std::vector<Uuid>& hashes) {
  std::vector<engine::Read> reads;
  for (const Uuid& hash : hashes) {
    const Key key = model::with_id(state.owner, Kind::subscription, hash);
    reads.push_back({engine::family_of(Kind::subscription), key.str()});
  }
  return reads;
}

// Where several customers name it, the one counts that its last event is of.
Result<std::unique_ptr<RecordBody>> newest_of(std::span<engine::Read> heads) {
  std::unique_ptr<RecordBody> newest;
  billing::EventOrder last;
  for (engine::Read& read : heads) {
    if (read.status.code() == Code::not_found) continue;
    if (!read.status.ok()) return read.status;
    auto body = std::make_unique<RecordBody>();
    if (Status s = body->keep(read.key, std::move(read.value)); !s.ok()) return s;
    auto order = model::read_subscription(*body->root<fb::SubscriptionHead>()).record.last;
    if (newest && order < last) continue;
    newest = std::move(body);
    last = std::move(order);
  }
  if (!newest) return no_subscription();
  return newest;
}

// The same of then.
Result<std::unique_ptr<RecordBody>> past_subscription(const TenantState& state, std::string_view id,
                                                      const ReadOptions& o) {
  Result<model::Past> past = model::Past::open(state, o.as_of, o.snapshot);
  if (!past.ok()) return past.status();
  const auto hashes = possible_hashes(state, id, past->at());
  if (!hashes.ok()) return hashes.status();
  std::unique_ptr<RecordBody> newest;
  billing::EventOrder last;
  for (const Uuid& hash : *hashes) {
    auto one = past->subscription(hash);
    if (!one.ok()) return one.status();
    if (!*one) continue;
    auto order = model::read_subscription(*(*one)->root<fb::SubscriptionHead>()).record.last;
    if (newest && order < last) continue;
    newest = *std::move(one);
    last = std::move(order);
  }
  if (!newest) return no_subscription();
  return newest;
}

// Of which of these there is a history: that of the subscription as it is, or of the last that
// began where all of them moved away. Every history has its first change.
Result<Uuid> find_history(const TenantState& state, const std::vector<Uuid>& hashes,
                          const engine::Snapshot* at) {
  if (hashes.size() == 1) return hashes.front();
  std::vector<engine::Read> reads = heads_of(state, hashes);
  for (const Uuid& hash : hashes) {
    const Key prefix = model::with_id(state.owner, Kind::subscription_change, hash);
    const Key first = Key(prefix).not_u32(1);
    reads.push_back({engine::family_of(Kind::subscription_change), first.str()});
  }
  state.core->engine().multi_get(reads, at);
  const std::span<engine::Read> heads(reads.data(), hashes.size());
  const auto head = newest_of(heads);
  if (head.ok()) return format::key_uuid((*head)->key(), format::kKindOffset + 1);
  if (head.code() != Code::not_found) return head.status();
  std::optional<Uuid> found;
  uint64_t begun = 0;
  for (size_t i = 0; i < hashes.size(); ++i) {
    engine::Read& first = reads[hashes.size() + i];
    if (first.status.code() == Code::not_found) continue;
    if (!first.status.ok()) return first.status;
    RecordBody change;
    if (Status s = change.keep(first.key, std::move(first.value)); !s.ok()) return s;
    const uint64_t commit = change.root<fb::SubscriptionChange>()->commit_seq();
    if (found && commit < begun) continue;
    found = hashes[i];
    begun = commit;
  }
  if (!found) return no_subscription();
  return *found;
}

// Three rounds where the user has several customers, from one view.
Status plan_history(const TenantState& state, std::string_view id, const ListOptions& o,
                    model::ListPlan* plan) {
  const engine::Snapshot* at = nullptr;
  if (Status s = model::use_snapshot(state, o.snapshot, &at); !s.ok()) return s;
  std::shared_ptr<const engine::Snapshot> view;
  if (at == nullptr) {
    auto own = state.core->engine().snapshot();
    if (!own.ok()) return own.status();
    view = *std::move(own);
    at = view.get();
  }
  const auto hashes = possible_hashes(state, id, at);
  if (!hashes.ok()) return hashes.status();
  const auto hash = find_history(state, *hashes, at);
  if (!hash.ok()) return hash.status();
  *plan = model::history(state, Kind::subscription_change, *hash, Kind::subscription_change,
                         "subscription", o);
  plan->parent_prefix = plan->prefix;
  plan->parent_name = fmt::format("subscription {}", id);
  plan->view = std::move(view);
  return Status();
}

}  // namespace

Result<Subscription> Tenant::subscription(std::string_view id, const ReadOptions& o) const {
  if (Status s = model::begin_read(*state_); !s.ok()) return s;
  const engine::Snapshot* at = nullptr;
  if (Status s = model::use_snapshot(*state_, o.snapshot, &at); !s.ok()) return s;
  if (o.as_of.by != AsOf::By::now) {
    return model::as<Subscription>(past_subscription(*state_, id, o));
  }
  const auto hashes = possible_hashes(*state_, id, at);
  if (!hashes.ok()) return hashes.status();
  std::vector<engine::Read> heads = heads_of(*state_, *hashes);
  state_->core->engine().multi_get(heads, at);
  return model::as<Subscription>(newest_of(heads));
}

Cursor<Subscription> Tenant::subscriptions(const ListOptions& o) const {
  model::ListPlan plan;
  plan.kind = Kind::subscription;
  plan.prefix = Key(state_->owner, plan.kind).str();
  plan.backward = o.reverse;
  plan.limit = o.limit;
  plan.after = o.after;
  plan.snapshot = o.snapshot;
  plan.as_of = o.as_of;
  plan.parent_kind = Kind::user;
  plan.parent_prefix = Key(state_->owner, Kind::user).str();
  plan.parent_name = fmt::format("user {}", to_string(state_->owner));
  return model::make_cursor<Subscription>(*state_, std::move(plan));
}

Cursor<SubscriptionChange> Tenant::subscription_history(std::string_view id,
                                                        const ListOptions& o) const {
  model::ListPlan plan;
  Status bad = model::begin_read(*state_);
  if (bad.ok()) bad = plan_history(*state_, id, o, &plan);
  if (!bad.ok()) {
    return model::Access::cursor<SubscriptionChange>(
        std::make_unique<model::CursorBody>(std::move(bad)));
  }
  return model::begun_cursor<SubscriptionChange>(*state_, std::move(plan));
}

}  // namespace bcstore
