// What a service does with events, as plainly as can be: one record for each subscription and each
// customer, and what is shown of them. And the same by rules in order, as a second opinion.
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "billing/subscription.h"

namespace bcstore::billing {

struct Shown {
  SubscriptionStatus status = SubscriptionStatus::incomplete;
  std::string customer{};
  std::string price{};
  bool cancel_at_period_end = false;
  std::optional<Time> period_end{};
  friend bool operator==(const Shown&, const Shown&) = default;
};

struct Ledger {
  std::map<std::string, SubscriptionRecord> subscriptions{};
  std::map<std::string, CustomerRecord> customers{};
  friend bool operator==(const Ledger&, const Ledger&) = default;

  template <class Record>
  static FoldOutcome keep(std::map<std::string, Record>* records, const std::string& id,
                          const StripeEvent& event,
                          Folded<Record> (*fold)(std::optional<Record>, const StripeEvent&)) {
    std::optional<Record> current;
    if (const auto found = records->find(id); found != records->end()) current = found->second;
    const Folded<Record> folded = fold(current, event);
    if (folded.outcome == FoldOutcome::applied) (*records)[id] = *folded.record;
    return folded.outcome;
  }

  FoldOutcome take(const StripeEvent& event) {
    const FoldOutcome about = keep(&subscriptions, event.subscription, event, &fold_subscription);
    if (about != FoldOutcome::unrelated) return about;
    return keep(&customers, event.customer, event, &fold_customer);
  }

  std::map<std::string, Shown> shown() const {
    std::map<std::string, Shown> all;
    for (const auto& [id, record] : subscriptions) {
      Shown& one = all[id];
      if (record.customer) one.customer = record.customer->id;
      const auto customer = customers.find(one.customer);
      one.status = status_of(record, customer != customers.end() ? &customer->second : nullptr);
      one.period_end = period_end_of(record);
      if (!record.report) continue;
      one.price = record.report->price;
      one.cancel_at_period_end = record.report->cancel_at_period_end;
    }
    return all;
  }
};

inline Ledger ledger_of(const std::vector<StripeEvent>& events) {
  Ledger ledger;
  for (const StripeEvent& event : events) (void)ledger.take(event);
  return ledger;
}

// The header's rules, carried out on each event once, in order, with no register in sight.
inline std::map<std::string, Shown> shown_in_order(std::vector<StripeEvent> events) {
  std::sort(events.begin(), events.end(),
            [](const StripeEvent& a, const StripeEvent& b) { return order_of(a) < order_of(b); });
  std::map<std::string, Shown> all;
  std::map<std::string, std::optional<Time>> reported_end;
  std::set<std::string> deleted;
  std::set<std::string> gone_customers;
  for (const StripeEvent& event : events) {
    if (event.kind == StripeEventKind::customer_deleted) gone_customers.insert(event.customer);
    const bool is_report = event.kind == StripeEventKind::subscription_created ||
                           event.kind == StripeEventKind::subscription_changed ||
                           event.kind == StripeEventKind::subscription_deleted;
    const bool is_paid = event.kind == StripeEventKind::invoice_paid;
    const bool is_failed = event.kind == StripeEventKind::invoice_payment_failed;
    if (event.subscription.empty() || !(is_report || is_paid || is_failed)) continue;
    Shown& one = all[event.subscription];
    std::optional<Time>& end = reported_end[event.subscription];
    if (!event.customer.empty()) one.customer = event.customer;
    if (is_report) {
      one.status = event.status;
      one.price = event.price;
      one.cancel_at_period_end = event.cancel_at_period_end;
      one.period_end = end = event.period_end;
    } else if (is_paid && event.period_end) {
      one.period_end = end ? std::max(*end, *event.period_end) : *event.period_end;
    } else if (is_failed && (one.status == SubscriptionStatus::active ||
                             one.status == SubscriptionStatus::trialing)) {
      one.status = SubscriptionStatus::past_due;
    }
    if (event.kind == StripeEventKind::subscription_deleted) deleted.insert(event.subscription);
  }
  for (auto& [id, one] : all) {
    if (deleted.contains(id) || gone_customers.contains(one.customer)) {
      one.status = SubscriptionStatus::canceled;
    }
  }
  return all;
}

}  // namespace bcstore::billing
