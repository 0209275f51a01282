// The verb of a batch on a billing service's reports.
#include <utility>

#include "model/batch_arguments.h"
#include "model/core.h"

namespace bcstore::model {

namespace {

using billing::StripeEvent;

Status missing_text(std::string_view what) {
  return Status(Code::invalid_argument, fmt::format("{}: is empty", what));
}

Status check_event(const BillingEvent& e) {
  BCSTORE_TRY(check_enum("kind", e.kind));
  BCSTORE_TRY(check_text("event_id", e.event_id, kMaxBillingTextBytes, Empty::refused));
  BCSTORE_TRY(check_time("occurred_at", e.occurred_at));
  BCSTORE_TRY(check_text("customer", e.customer, kMaxBillingTextBytes, Empty::allowed));
  BCSTORE_TRY(check_text("subscription", e.subscription, kMaxBillingTextBytes, Empty::allowed));
  BCSTORE_TRY(check_text("price", e.price, kMaxBillingTextBytes, Empty::allowed));
  BCSTORE_TRY(check_enum("status", e.status));
  if (e.user) BCSTORE_TRY(check_owner(*e.user));
  if (e.period_end) BCSTORE_TRY(check_time("period_end", *e.period_end));
  const bool is_of_subscription = e.kind == BillingEventKind::subscription_created ||
                                  e.kind == BillingEventKind::subscription_changed ||
                                  e.kind == BillingEventKind::subscription_deleted;
  if (is_of_subscription && e.subscription.empty()) return missing_text("subscription");
  const bool is_of_customer =
      e.kind == BillingEventKind::customer_changed || e.kind == BillingEventKind::customer_deleted;
  return is_of_customer && e.customer.empty() ? missing_text("customer") : Status();
}

void append_part(std::string* all, std::string_view part) {
  char size[8];
  format::put_le(size, uint64_t{part.size()});
  all->append(size, sizeof size).append(part);
}

void append_part(std::string* all, int64_t number) {
  char bytes[8];
  format::put_le(bytes, number);
  append_part(all, std::string_view(bytes, sizeof bytes));
}

// What tells this event from another of its id when the caller does not.
Uuid contents_of(const StripeEvent& e) {
  std::string all;
  append_part(&all, static_cast<int64_t>(e.kind));
  append_part(&all, e.created.us);
  append_part(&all, e.customer);
  append_part(&all, e.subscription);
  append_part(&all, e.client_reference_id);
  append_part(&all, static_cast<int64_t>(e.status));
  append_part(&all, e.price);
  append_part(&all, int64_t{e.cancel_at_period_end});
  append_part(&all, int64_t{e.period_end.has_value()});
  append_part(&all, e.period_end.value_or(Time()).us);
  return format::hash128(all);
}

StripeEvent event_of(const BillingEvent& e) {
  StripeEvent event;
  event.kind = e.kind;
  event.id = e.event_id;
  event.created = e.occurred_at;
  event.customer = e.customer;
  event.subscription = e.subscription;
  if (e.user) event.client_reference_id = to_string(*e.user);
  event.status = e.status;
  event.price = e.price;
  event.cancel_at_period_end = e.cancel_at_period_end;
  event.period_end = e.period_end;
  event.payload_hash = e.content_hash.is_nil() ? contents_of(event) : e.content_hash;
  return event;
}

}  // namespace

void BatchBody::apply_billing(const BillingEvent& e) {
  Status checked = check_event(e);
  if (checked.ok()) return apply_billing(event_of(e));
  Op op;
  op.verb = Verb::apply_billing;
  finish(std::move(op), Arguments(*this, Verb::apply_billing), std::move(checked));
}

void BatchBody::apply_billing(StripeEvent event) {
  Op op;
  op.verb = Verb::apply_billing;
  Arguments arguments(*this, op.verb);
  op.billing = std::make_unique<StripeEvent>(std::move(event));
  finish(std::move(op), arguments, Status());
}

}  // namespace bcstore::model
