// A Stripe event as it was delivered: what the store needs of its JSON, whatever version of
// Stripe's interface wrote it.
//
// Shapes that differ, and what is read: references (customer, subscription, price) are ids or whole
// objects that have one; the end of a period stands at the subscription in versions before
// 2025-03-31 and at its items since then, of which the latest counts; an invoice names its
// subscription itself, or in parent.subscription_details; a price is items.data[0].price, or the
// plan of the time before prices. What an invoice pays for ends where the last of the
// subscription's lines ends; the invoice's own period_end is the end of the period before, and not
// read. Null, an empty string and an absent field are the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bcstore/billing.h"
#include "bcstore/id.h"
#include "bcstore/status.h"

namespace bcstore::billing {

inline constexpr size_t kMaxStripeJsonDepth = 64;
inline constexpr size_t kMaxStripeTextBytes = kMaxBillingTextBytes;

using StripeEventKind = BillingEventKind;

struct StripeEvent {
  StripeEventKind kind = StripeEventKind::ignored;
  std::string id{};
  std::string type{};
  Time created{};
  Uuid payload_hash{};  // XXH3-128 of the delivered bytes

  // By kind; empty where the event says nothing.
  std::string customer{};             // every kind but `ignored`; may be missing but in customer_*
  std::string subscription{};         // always in subscription_*; invoice_*, checkout_completed
  std::string client_reference_id{};  // checkout_completed
  // subscription_created, _changed; of a deletion it says what the object said, which may be
  // anything
  SubscriptionStatus status = SubscriptionStatus::other;
  std::string price{};                // subscription_*
  bool cancel_at_period_end = false;  // subscription_*
  std::optional<Time> period_end{};   // subscription_*, invoice_*
  friend bool operator==(const StripeEvent&, const StripeEvent&) = default;
};

// Reads a delivery of at most kMaxStripePayloadBytes. `invalid_argument` names the field that is
// missing or not what it should be, and repeats nothing of the payload.
Result<StripeEvent> read_stripe_event(std::string_view payload);

}  // namespace bcstore::billing
