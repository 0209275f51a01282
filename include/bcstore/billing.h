// Billing: what a payment service reports of subscriptions, and what became of each report.
//
// A delivery is one event as it came: the same id with other contents is another delivery. In
// whatever order deliveries come, and however often, the state is the same in the end:
// docs/ARCHITECTURE.md says by which rules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "bcstore/id.h"
#include "bcstore/write_batch.h"

namespace bcstore {

// Of an id, a price or a reference in an event.
inline constexpr size_t kMaxBillingTextBytes = 255;
// Of a webhook's payload.
inline constexpr size_t kMaxWebhookBytes = size_t{1} << 20;
// A signature's age that is accepted unless the caller says otherwise.
inline constexpr int64_t kWebhookToleranceS = 300;
// What the store keeps of one customer, known or not. Reports about a customer that no user is
// known for are folded as they come: this bounds what they come to, not the deliveries themselves.
inline constexpr size_t kMaxCustomerSubscriptions = 1'000;
// Customers that may be tied to one user, with those that turned out to be another's.
inline constexpr size_t kMaxUserCustomers = 100;

// What an event says. Numbers are on disk: never reused, and 0 is never written.
enum class BillingEventKind : uint8_t {
  ignored = 1,  // remembered, and of no effect
  subscription_created = 2,
  subscription_changed = 3,
  subscription_deleted = 4,
  checkout_completed = 5,  // ties the customer to a user
  customer_changed = 6,    // recorded only
  customer_deleted = 7,    // cancels the customer's subscriptions
  invoice_paid = 8,
  invoice_payment_failed = 9,
};
std::string_view to_string(BillingEventKind kind);

// Stripe's own, by number.
enum class SubscriptionStatus : uint8_t {
  incomplete = 1,  // the first payment is outstanding; also: nothing is known but its invoices
  incomplete_expired = 2,
  trialing = 3,
  active = 4,
  past_due = 5,
  canceled = 6,
  unpaid = 7,
  paused = 8,
  other = 9,  // one that this version does not know
};
std::string_view to_string(SubscriptionStatus status);

// A report in the store's own terms. Every text is UTF-8 of at most kMaxBillingTextBytes.
struct BillingEvent {
  BillingEventKind kind;
  std::string_view event_id;  // not empty
  Time occurred_at;
  // Required of customer_*; any other event without one is of no effect.
  std::string_view customer = {};
  // Required of subscription_*; invoices without one are of no effect.
  std::string_view subscription = {};
  std::optional<UserId> user = std::nullopt;  // checkout_completed: whose the customer is
  SubscriptionStatus status = SubscriptionStatus::other;  // subscription_created, _changed
  std::string_view price = {};                            // subscription_*
  bool cancel_at_period_end = false;                      // subscription_*
  std::optional<Time> period_end = std::nullopt;          // subscription_*, invoice_*
  // Tells deliveries of one event id apart; nil: the hash of all of the above.
  Uuid content_hash = {};
};

// What became of a delivery.
enum class BillingOutcome : uint8_t {
  applied = 1,
  duplicate = 2,  // this delivery was here before: nothing was written
  stale = 3,      // recorded, not applied: what counts before it says otherwise
  parked = 4,     // the customer is nobody's yet: applied in the commit that ties it to a user
  ignored = 5,    // recorded: of a type, or about something, that has no effect here
};
std::string_view to_string(BillingOutcome outcome);

struct BillingReceipt {
  BillingOutcome outcome = BillingOutcome::ignored;
  std::optional<UserId> user{};  // whose the customer is
  // Of a duplicate, the commit of its first delivery, `replayed`, and owner_seq 0. One delivery is
  // one write, all or nothing; where it takes a customer from one user to another, it is two
  // commits of it, and the receipt is of the second.
  Receipt receipt{};
};

}  // namespace bcstore
