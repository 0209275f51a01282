// The names of what billing tells.
#include "bcstore/billing.h"

namespace bcstore {

std::string_view to_string(BillingEventKind kind) {
  switch (kind) {
    case BillingEventKind::ignored:
      return "ignored";
    case BillingEventKind::subscription_created:
      return "subscription_created";
    case BillingEventKind::subscription_changed:
      return "subscription_changed";
    case BillingEventKind::subscription_deleted:
      return "subscription_deleted";
    case BillingEventKind::checkout_completed:
      return "checkout_completed";
    case BillingEventKind::customer_changed:
      return "customer_changed";
    case BillingEventKind::customer_deleted:
      return "customer_deleted";
    case BillingEventKind::invoice_paid:
      return "invoice_paid";
    case BillingEventKind::invoice_payment_failed:
      return "invoice_payment_failed";
  }
  return "unknown";
}

std::string_view to_string(SubscriptionStatus status) {
  switch (status) {
    case SubscriptionStatus::incomplete:
      return "incomplete";
    case SubscriptionStatus::incomplete_expired:
      return "incomplete_expired";
    case SubscriptionStatus::trialing:
      return "trialing";
    case SubscriptionStatus::active:
      return "active";
    case SubscriptionStatus::past_due:
      return "past_due";
    case SubscriptionStatus::canceled:
      return "canceled";
    case SubscriptionStatus::unpaid:
      return "unpaid";
    case SubscriptionStatus::paused:
      return "paused";
    case SubscriptionStatus::other:
      return "other";
  }
  return "unknown";
}

std::string_view to_string(BillingOutcome outcome) {
  switch (outcome) {
    case BillingOutcome::applied:
      return "applied";
    case BillingOutcome::duplicate:
      return "duplicate";
    case BillingOutcome::stale:
      return "stale";
    case BillingOutcome::parked:
      return "parked";
    case BillingOutcome::ignored:
      return "ignored";
  }
  return "unknown";
}

}  // namespace bcstore
