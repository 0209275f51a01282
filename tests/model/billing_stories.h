// Deliveries by name, and what a user is seen to have after them.
#pragma once

#include <algorithm>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "fixture.h"

namespace bcstore::fixture {

inline constexpr Time after(int64_t seconds) { return Time{kStartUs + seconds * kSecondUs}; }

// An event of customer cus_1's subscription sub_1 unless it is changed.
inline BillingEvent billing_event(BillingEventKind kind, std::string_view id, int64_t seconds) {
  return {.kind = kind,
          .event_id = id,
          .occurred_at = after(seconds),
          .customer = "cus_1",
          .subscription = "sub_1"};
}

inline BillingEvent report(std::string_view id, int64_t seconds, SubscriptionStatus status,
                           BillingEventKind kind = BillingEventKind::subscription_changed) {
  BillingEvent event = billing_event(kind, id, seconds);
  event.status = status;
  event.price = "price_1";
  event.period_end = after(1000);
  return event;
}

inline BillingEvent deletion(std::string_view id, int64_t seconds) {
  return report(id, seconds, SubscriptionStatus::canceled, BillingEventKind::subscription_deleted);
}

inline BillingEvent checkout(std::string_view id, int64_t seconds, UserId user,
                             std::string_view customer = "cus_1") {
  BillingEvent event = billing_event(BillingEventKind::checkout_completed, id, seconds);
  event.customer = customer;
  event.user = user;
  return event;
}

inline BillingOutcome apply(const World& w, const BillingEvent& event) {
  const Result<BillingReceipt> receipt =
      w.held->service("billing").apply_billing_event(event, Durability::relaxed);
  INFO(receipt.status().to_string());
  REQUIRE(receipt.ok());
  return receipt->outcome;
}

inline std::string shown(const Tenant& tenant) {
  const User user = tenant.profile().value();
  const Credits credits = tenant.credits().value();
  std::string text = user.is_pro() ? "pro" : "free";
  text += " " + std::string(user.stripe_customer_id().value_or("-")) + " ";
  text += credits.remaining ? std::to_string(*credits.remaining) : "unlimited";
  std::vector<std::string> all;
  Cursor<Subscription> rows = tenant.subscriptions();
  while (rows.next()) {
    const auto end = rows->period_end();
    all.push_back(" [" + std::string(rows->id()) + " of " + std::string(rows->customer()) + " " +
                  std::string(to_string(rows->status())) + " " + std::string(rows->price()) +
                  (end ? " until " + std::to_string((end->us - kStartUs) / kSecondUs) : "") +
                  (rows->cancel_at_period_end() ? " ends" : "") + " by " +
                  std::string(rows->last_event_id()) + "]");
  }
  REQUIRE(rows.status().ok());
  std::sort(all.begin(), all.end());
  for (const std::string& one : all) text += one;
  return text;
}

inline void check_clean(World& w) {
  const CheckReport report = w.store().check().value();
  for (const Violation& v : report.listed)
    MESSAGE(v.table, " ", v.key, ": ", v.rule, " ", v.detail);
  CHECK(report.violations == 0);
}

// Calls `each` with every order of so many things.
template <class Each>
void each_order(size_t count, Each each) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  do {
    each(order);
  } while (std::next_permutation(order.begin(), order.end()));
}

}  // namespace bcstore::fixture
