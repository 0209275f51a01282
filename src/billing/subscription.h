// What is known of a subscription and of a customer, as folds of Stripe's events.
//
// Stripe promises neither order nor that an event comes once. The invariant of these folds is
//
//   a record is a function of the SET of events that were folded into it,
//
// so any permutation, with any repeats, gives the same record: the one that folding each event once
// in the order of EventOrder gives. It holds because a record is made of registers, each of which
// keeps the last event in that order of those that concern it, and because what is shown is
// computed from the registers and never fed back into them. A register that a newer report
// overrules for good is dropped, which is the same in every order since reports only get newer.
//
// What is shown, as rules on events in order:
//  - A report (customer.subscription.*) says all that it carries: status, price,
//    cancel_at_period_end, the end of the period.
//  - A failed payment makes past_due what was trialing or active. What is incomplete stays so: its
//    first payment was never made, and grace for it would be a gift.
//  - A paid invoice moves the end of the period to where it was paid to, but never before the end
//    that the newest report names: an old invoice may be paid late.
//  - A deletion, of the subscription or of its customer, cancels for good: Stripe revives neither.
//    The customer's is kept at the customer, so that a subscription may become known later.
//  - The customer is the one that the last event names.
//  - A customer is who the first checkout said that named anyone. A later one does not take it
//  away.
// Before any report a subscription is incomplete, whatever its invoices say.
//
// Thread contract: pure functions of values.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "bcstore/id.h"
#include "billing/stripe_event.h"

namespace bcstore::billing {

// When an event happened: `created`, which Stripe gives in whole seconds, and within a second what
// a subscription's life makes sure of, lest the beginning and its first payment, which share a
// second as a rule, be put in order by chance. Event id and payload only make the order total.
struct EventOrder {
  // Nothing comes back to a beginning, and nothing leaves an end.
  enum class Stage : uint8_t {
    beginning = 1,  // customer.subscription.created, and every report of `incomplete`
    invoice = 2,    // a report of the same second knows of it
    report = 3,
    end = 4,  // deletions, and reports of `canceled` and `incomplete_expired`
  };
  Time created{};
  Stage stage = Stage::report;
  std::string event_id{};
  Uuid payload_hash{};
  friend auto operator<=>(const EventOrder&, const EventOrder&) = default;
};
EventOrder order_of(const StripeEvent& event);

// What became of an event.
enum class FoldOutcome : uint8_t {
  applied,    // the record changed
  duplicate,  // it is one of those that the record consists of
  stale,      // newer ones, or the same one before them, have said all that it says
  unrelated,  // not about this subscription or customer
};

struct SubscriptionRecord {
  struct Report {
    EventOrder order{};
    SubscriptionStatus status = SubscriptionStatus::other;
    std::string price{};
    bool cancel_at_period_end = false;
    std::optional<Time> period_end{};
    friend bool operator==(const Report&, const Report&) = default;
  };
  struct Customer {
    EventOrder order{};
    std::string id{};
    friend bool operator==(const Customer&, const Customer&) = default;
  };
  struct Paid {
    EventOrder order{};
    Time period_end{};
    friend bool operator==(const Paid&, const Paid&) = default;
  };

  std::string id{};
  EventOrder last{};  // of all events about it
  std::optional<Customer> customer{};
  std::optional<Report> report{};
  std::optional<Paid> paid{};          // newer than the report
  std::optional<EventOrder> failed{};  // newer than the report
  std::optional<EventOrder> deleted{};
  friend bool operator==(const SubscriptionRecord&, const SubscriptionRecord&) = default;
};

struct CustomerRecord {
  struct Link {
    EventOrder order{};
    std::string client_reference_id{};  // who it is in the application, as the first checkout said
    friend bool operator==(const Link&, const Link&) = default;
  };

  std::string id{};
  EventOrder last{};
  std::optional<Link> link{};
  std::optional<EventOrder> deleted{};
  friend bool operator==(const CustomerRecord&, const CustomerRecord&) = default;
};

template <class Record>
struct Folded {
  FoldOutcome outcome = FoldOutcome::unrelated;
  std::optional<Record> record{};  // as it is now; what it was unless `applied`
};

// subscription_* and invoice_* events; of the subscription that `current` is, if there is one.
Folded<SubscriptionRecord> fold_subscription(std::optional<SubscriptionRecord> current,
                                             const StripeEvent& event);
// checkout_completed and customer_* events that name a customer; likewise.
Folded<CustomerRecord> fold_customer(std::optional<CustomerRecord> current,
                                     const StripeEvent& event);

// What is shown. `customer` is the record of the subscription's customer, or nullptr while none is
// known; one of another customer counts as none.
SubscriptionStatus status_of(const SubscriptionRecord& subscription,
                             const CustomerRecord* customer);
std::optional<Time> period_end_of(const SubscriptionRecord& subscription);

// Whether an owner of subscriptions in these states has what Pro gives.
bool is_pro(std::span<const SubscriptionStatus> statuses, bool past_due_is_pro);

}  // namespace bcstore::billing
