#include "billing/subscription.h"

#include <algorithm>
#include <utility>

namespace bcstore::billing {
namespace {

using Stage = EventOrder::Stage;

bool is_report(const StripeEvent& event) {
  return event.kind == StripeEventKind::subscription_created ||
         event.kind == StripeEventKind::subscription_changed ||
         event.kind == StripeEventKind::subscription_deleted;
}

bool is_invoice(const StripeEvent& event) {
  return event.kind == StripeEventKind::invoice_paid ||
         event.kind == StripeEventKind::invoice_payment_failed;
}

Stage stage_of(const StripeEvent& event) {
  if (is_invoice(event)) return Stage::invoice;
  if (event.kind == StripeEventKind::subscription_deleted ||
      event.kind == StripeEventKind::customer_deleted) {
    return Stage::end;
  }
  if (!is_report(event)) return Stage::report;
  if (event.status == SubscriptionStatus::canceled ||
      event.status == SubscriptionStatus::incomplete_expired) {
    return Stage::end;
  }
  return event.kind == StripeEventKind::subscription_created ||
                 event.status == SubscriptionStatus::incomplete
             ? Stage::beginning
             : Stage::report;
}

// A register is an order, or something that has one.
const EventOrder& order_in(const EventOrder& order) { return order; }
template <class Register>
const EventOrder& order_in(const Register& entry) {
  return entry.order;
}

// Puts `entry` in, unless what is there is as new.
template <class Register>
void keep_newer(std::optional<Register>* kept, Register entry) {
  if (!*kept || order_in(**kept) < order_in(entry)) *kept = std::move(entry);
}

template <class Register>
void keep_older(std::optional<Register>* kept, Register entry) {
  if (!*kept || order_in(entry) < order_in(**kept)) *kept = std::move(entry);
}

template <class Register>
void drop_older(std::optional<Register>* kept, const EventOrder& than) {
  if (*kept && order_in(**kept) < than) kept->reset();
}

template <class Register>
bool is_of(const std::optional<Register>& entry, const EventOrder& order) {
  return entry && order_in(*entry) == order;
}

// The record after an event: changed, or the same because it consists of this event or of newer
// ones.
template <class Record>
Folded<Record> folded(std::optional<Record> before, Record after, bool consists_of_it) {
  if (before && *before == after) {
    const FoldOutcome why = consists_of_it ? FoldOutcome::duplicate : FoldOutcome::stale;
    return {why, std::move(before)};
  }
  return {FoldOutcome::applied, std::move(after)};
}

bool is_running(SubscriptionStatus status) {
  return status == SubscriptionStatus::active || status == SubscriptionStatus::trialing;
}

}  // namespace

EventOrder order_of(const StripeEvent& event) {
  return {event.created, stage_of(event), event.id, event.payload_hash};
}

Folded<SubscriptionRecord> fold_subscription(std::optional<SubscriptionRecord> current,
                                             const StripeEvent& event) {
  const bool concerns = (is_report(event) || is_invoice(event)) && !event.subscription.empty() &&
                        (!current || current->id == event.subscription);
  if (!concerns) return {FoldOutcome::unrelated, std::move(current)};
  const EventOrder order = order_of(event);
  SubscriptionRecord next = current.value_or(SubscriptionRecord{event.subscription, order});
  next.last = std::max(next.last, order);
  if (!event.customer.empty()) keep_newer(&next.customer, {order, event.customer});
  if (is_report(event)) {
    keep_newer(&next.report,
               {order, event.status, event.price, event.cancel_at_period_end, event.period_end});
  } else if (event.kind == StripeEventKind::invoice_payment_failed) {
    keep_newer(&next.failed, order);
  } else if (event.period_end) {
    keep_newer(&next.paid, {order, *event.period_end});
  }
  if (event.kind == StripeEventKind::subscription_deleted) keep_newer(&next.deleted, order);
  if (next.report) {
    drop_older(&next.paid, next.report->order);
    drop_older(&next.failed, next.report->order);
  }
  const bool consists_of_it = next.last == order || is_of(next.customer, order) ||
                              is_of(next.report, order) || is_of(next.paid, order) ||
                              is_of(next.failed, order) || is_of(next.deleted, order);
  return folded(std::move(current), std::move(next), consists_of_it);
}

Folded<CustomerRecord> fold_customer(std::optional<CustomerRecord> current,
                                     const StripeEvent& event) {
  const bool is_deletion = event.kind == StripeEventKind::customer_deleted;
  const bool is_checkout = event.kind == StripeEventKind::checkout_completed;
  const bool concerns =
      (is_deletion || is_checkout || event.kind == StripeEventKind::customer_changed) &&
      !event.customer.empty() && (!current || current->id == event.customer);
  if (!concerns) return {FoldOutcome::unrelated, std::move(current)};
  const EventOrder order = order_of(event);
  CustomerRecord next = current.value_or(CustomerRecord{event.customer, order});
  next.last = std::max(next.last, order);
  if (is_deletion) keep_newer(&next.deleted, order);
  if (is_checkout && !event.client_reference_id.empty()) {
    keep_older(&next.link, {order, event.client_reference_id});
  }
  const bool consists_of_it =
      next.last == order || is_of(next.link, order) || is_of(next.deleted, order);
  return folded(std::move(current), std::move(next), consists_of_it);
}

SubscriptionStatus status_of(const SubscriptionRecord& subscription,
                             const CustomerRecord* customer) {
  const bool is_orphan = customer != nullptr && customer->deleted && subscription.customer &&
                         subscription.customer->id == customer->id;
  if (subscription.deleted || is_orphan) return SubscriptionStatus::canceled;
  if (!subscription.report) return SubscriptionStatus::incomplete;
  const SubscriptionStatus reported = subscription.report->status;
  return subscription.failed && is_running(reported) ? SubscriptionStatus::past_due : reported;
}

std::optional<Time> period_end_of(const SubscriptionRecord& subscription) {
  std::optional<Time> end;
  if (subscription.report) end = subscription.report->period_end;
  if (subscription.paid && (!end || *end < subscription.paid->period_end)) {
    end = subscription.paid->period_end;
  }
  return end;
}

bool is_pro(std::span<const SubscriptionStatus> statuses, bool past_due_is_pro) {
  return std::any_of(statuses.begin(), statuses.end(), [&](SubscriptionStatus status) {
    return is_running(status) || (past_due_is_pro && status == SubscriptionStatus::past_due);
  });
}

}  // namespace bcstore::billing
