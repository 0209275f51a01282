// Billing from outside: a service's deliveries, and an owner's subscriptions.
#include <fmt/format.h>

#include <utility>

#include "billing/stripe_signature.h"
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

// What the subscription's key may hold: it is of one of the owner's customers, mostly of the only
// one.
Result<std::vector<Uuid>> possible_hashes(const TenantState& state, std::string_view id,
                                          const Snapshot* snapshot) {
  if (Status s = model::begin_read(state); !s.ok()) return s;
  Status named = model::check_text("subscription", id, kMaxBillingTextBytes, model::Empty::refused);
  if (!named.ok()) return named;
  auto account = model::read_record(state, Key(state.owner, Kind::billing_account),
                                    Kind::billing_account, snapshot, no_subscription);
  if (!account.ok()) return account.status();
  std::vector<Uuid> hashes;
  if (!model::read_list((*account)->tail(), &hashes)) {
    return format::corrupt((*account)->key(), "the tail is malformed");
  }
  for (Uuid& hash : hashes) hash = model::subscription_hash(hash, id, state.core->salt());
  return hashes;
}

// Where several customers name it, the one counts that its last event is of.
Result<std::unique_ptr<RecordBody>> find_subscription(const TenantState& state,
                                                      const std::vector<Uuid>& hashes,
                                                      const Snapshot* snapshot) {
  const engine::Snapshot* at = nullptr;
  if (Status s = model::use_snapshot(state, snapshot, &at); !s.ok()) return s;
  std::vector<engine::Read> reads;
  for (const Uuid& hash : hashes) {
    const Key key = model::with_id(state.owner, Kind::subscription, hash);
    reads.push_back({engine::family_of(Kind::subscription), key.str()});
  }
  state.core->engine().multi_get(reads, at);
  std::unique_ptr<RecordBody> newest;
  billing::EventOrder last;
  for (engine::Read& read : reads) {
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

}  // namespace

Result<Subscription> Tenant::subscription(std::string_view id, const ReadOptions& o) const {
  if (Status s = model::only_now(o.as_of, "a subscription"); !s.ok()) return s;
  const auto hashes = possible_hashes(*state_, id, o.snapshot);
  if (!hashes.ok()) return hashes.status();
  return model::as<Subscription>(find_subscription(*state_, *hashes, o.snapshot));
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
  auto hashes = possible_hashes(*state_, id, o.snapshot);
  Status bad = hashes.status();
  if (bad.ok() && hashes->size() != 1) {
    const auto found = find_subscription(*state_, *hashes, o.snapshot);
    bad = found.status();
    if (found.ok()) *hashes = {format::key_uuid((*found)->key(), format::kKindOffset + 1)};
  }
  model::ListPlan plan;
  if (bad.ok()) {
    plan = model::history(*state_, Kind::subscription_change, hashes->front(), Kind::subscription,
                          "subscription", o);
  }
  plan.bad = std::move(bad);
  return model::make_cursor<SubscriptionChange>(*state_, std::move(plan));
}

}  // namespace bcstore
