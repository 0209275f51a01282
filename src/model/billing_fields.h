// The records of billing, taken apart: what is stored of deliveries, customers and subscriptions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/billing.h"
#include "billing/subscription.h"
#include "model/encode.h"

namespace bcstore::model {

struct DeliveryFields {
  const billing::StripeEvent& event;
  BillingOutcome outcome{};
};

enum class LinkedBy : uint8_t { nobody = 0, application = 1, checkout = 2 };

// One subscription in its customer's list.
struct KnownSubscription {
  Uuid hash;
  SubscriptionStatus status{};  // as it is shown
  static constexpr size_t kBytes = 17;
  friend bool operator==(const KnownSubscription&, const KnownSubscription&) = default;
};

struct CustomerFields {
  billing::CustomerRecord record{};
  LinkedBy linked_by = LinkedBy::nobody;
  std::optional<UserId> user{};                    // unless it is nobody's
  std::vector<KnownSubscription> subscriptions{};  // by hash
};

// What a user's subscriptions say of Pro.
enum class ProBy : uint8_t { nothing = 0, no = 1, yes = 2 };

struct BillingAccountFields {
  bool base_is_pro = false;
  ProBy pro_by = ProBy::nothing;
  std::vector<Uuid> customers{};  // hashes, in order
};

// What is shown follows from the record and its customer; show() sets it.
struct SubscriptionFields {
  billing::SubscriptionRecord record{};
  SubscriptionStatus status = SubscriptionStatus::incomplete;
  std::optional<Time> period_end{};

  const std::string& customer() const { return record.customer->id; }
  std::string_view price() const {
    return record.report ? std::string_view(record.report->price) : std::string_view();
  }
  bool cancel_at_period_end() const { return record.report && record.report->cancel_at_period_end; }
  void show(const billing::CustomerRecord& customer);
};

// False for a tail that is no such list, or not in order.
bool read_list(std::string_view tail, std::vector<KnownSubscription>* subscriptions);
bool read_list(std::string_view tail, std::vector<Uuid>* customers);

// Of verified records.
bool read_customer(const fb::BillingCustomer& table, std::string_view tail, CustomerFields* fields);
bool read_account(const fb::BillingAccount& table, std::string_view tail,
                  BillingAccountFields* fields);
SubscriptionFields read_subscription(const fb::SubscriptionHead& table);

// What their keys are made of.
Uuid delivery_hash(std::string_view event_id, const Uuid& payload_hash, uint64_t salt);
inline Uuid customer_hash(std::string_view id, uint64_t salt) {
  return format::text_hash(id, salt);
}
Uuid subscription_hash(const Uuid& customer, std::string_view id, uint64_t salt);

}  // namespace bcstore::model
