// Rules of billing: deliveries, customers, subscriptions, and what they give a user.
#include <fmt/format.h>

#include <algorithm>

#include "model/billing_fields.h"
#include "model/check_heads.h"
#include "model/check_walk.h"
#include "model/credits.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

namespace {

void expect_key(CheckWalk& walk, const CheckedRecord& record, const Uuid& hash) {
  if (record.uuid_at(17) == hash) return;
  walk.violation(record, "the key is the hash of what it holds", "it is another's");
}

void expect_status(CheckWalk& walk, const CheckedRecord& record, SubscriptionStatus status) {
  if (to_string(status) == "unknown") {
    walk.unknown(record, "status", static_cast<unsigned>(status));
  }
}

Key customer_key(const Uuid& hash) {
  return Key(kSystemOwner, Kind::billing_customer).append(hash);
}

// The record of a customer, taken apart. False when there is none that can be read.
Status read_customer_of(CheckWalk& walk, const CheckedRecord& of, const Uuid& hash,
                        CustomerFields* fields, bool* found) {
  CheckRead customer{customer_key(hash)};
  *found = false;
  if (Status s = walk.read(customer, Tail::unpack); !s.ok()) return s;
  if (customer.absent()) {
    walk.violation(of, "its customer is known", "there is no " + format::to_hex(customer.key));
  }
  if (!customer.found()) return Status();
  const CheckedRecord& record = customer.record;
  *found = read_customer(record.table<fb::BillingCustomer>(), record.tail(), fields);
  return Status();
}

void check_tie(CheckWalk& walk, const CheckedRecord& record, const CustomerFields& fields) {
  const bool known = fields.linked_by <= LinkedBy::checkout;
  if (!known) walk.unknown(record, "linked_by", static_cast<unsigned>(fields.linked_by));
  const bool by_checkout = record.table<fb::BillingCustomer>().link() != nullptr;
  if ((fields.linked_by == LinkedBy::nobody) != !fields.user ||
      (fields.linked_by == LinkedBy::checkout) != by_checkout) {
    walk.violation(
        record, "who tied a customer goes with whose it is",
        fmt::format("linked_by {}, {} user, {} checkout", static_cast<unsigned>(fields.linked_by),
                    fields.user ? "a" : "no", by_checkout ? "a" : "no"));
  }
}

// The index entry and the account of whose it is.
Status check_owner_of(CheckWalk& walk, const CheckedRecord& record, const CustomerFields& fields) {
  const Uuid hash = record.uuid_at(17);
  const Key index = Key(kSystemOwner, Kind::customer).append(hash);
  if (!fields.user) {
    CheckRead entry{index};
    if (Status s = walk.read(entry); !s.ok()) return s;
    if (!entry.absent()) {
      walk.violation(record, "nobody's customer has no index entry", format::to_hex(index));
    }
    return Status();
  }
  if (Status s = walk.expect_entry(record, index, {fields.user->uuid(), 0, 0}); !s.ok()) return s;
  CheckRead account{Key(*fields.user, Kind::billing_account)};
  if (Status s = walk.read(account, Tail::unpack); !s.ok()) return s;
  if (account.state == CheckRead::State::damaged) return Status();
  BillingAccountFields list;
  if (account.absent() ||
      !read_account(account.record.table<fb::BillingAccount>(), account.record.tail(), &list) ||
      !std::binary_search(list.customers.begin(), list.customers.end(), hash)) {
    walk.violation(record, "a user's account lists the customer",
                   "that of " + to_string(*fields.user));
  }
  return Status();
}

Status check_listed(CheckWalk& walk, const CheckedRecord& record, const CustomerFields& fields) {
  const UserId owner = fields.user.value_or(kSystemOwner);
  for (const KnownSubscription& one : fields.subscriptions) {
    CheckRead head{Key(owner, Kind::subscription).append(one.hash)};
    if (Status s = walk.read(head); !s.ok()) return s;
    if (head.absent()) {
      walk.violation(record, "the subscriptions of a customer exist",
                     "there is no " + format::to_hex(head.key));
    }
    if (!head.found()) continue;
    const auto status = head.record.table<fb::SubscriptionHead>().status();
    if (status != static_cast<uint8_t>(one.status)) {
      walk.violation(record, "the list shows the status of its subscriptions",
                     fmt::format("{} and {}", static_cast<unsigned>(one.status), status));
    }
  }
  return Status();
}

// What the newest change says is what is shown.
Status check_newest_of(CheckWalk& walk, const CheckedRecord& record) {
  const auto& head = record.table<fb::SubscriptionHead>();
  CheckRead newest("");
  const Key prefix = Key(record.owner(), Kind::subscription_change).append(record.uuid_at(17));
  if (Status s = walk.read_first(prefix, &newest); !s.ok()) return s;
  if (newest.absent()) walk.violation(record, "a subscription has its history", "there is none");
  if (!newest.found()) return Status();
  const auto& change = newest.record.table<fb::SubscriptionChange>();
  const bool same = !change.is_gone() && change.status() == head.status() &&
                    text_of(change.price()) == text_of(head.price()) &&
                    change.cancel_at_period_end() == head.cancel_at_period_end() &&
                    change.has_period_end() == head.has_period_end() &&
                    change.period_end() == head.period_end() &&
                    text_of(change.id()) == text_of(head.id()) &&
                    text_of(change.customer()) == text_of(head.customer());
  if (!same) walk.violation(record, "a subscription is as its newest change says", "it is not");
  expect_commit(walk, record, {&newest.record});
  return Status();
}

}  // namespace

Status check_billing_delivery(CheckWalk& walk, const CheckedRecord& record) {
  const auto& delivery = record.table<fb::BillingDelivery>();
  const auto kind = static_cast<BillingEventKind>(delivery.event_kind());
  const auto outcome = static_cast<BillingOutcome>(delivery.outcome());
  if (to_string(kind) == "unknown") walk.unknown(record, "event_kind", delivery.event_kind());
  // Of a duplicate there is no record.
  if (to_string(outcome) == "unknown" || outcome == BillingOutcome::duplicate) {
    walk.unknown(record, "outcome", delivery.outcome());
  }
  if (walk.salt()) {
    expect_key(walk, record,
               delivery_hash(text_of(delivery.event_id()), from_fb(delivery.payload_hash()),
                             *walk.salt()));
  }
  return Status();
}

Status check_billing_customer(CheckWalk& walk, const CheckedRecord& record) {
  CustomerFields fields;
  if (!read_customer(record.table<fb::BillingCustomer>(), record.tail(), &fields)) {
    walk.violation(record, "the tail lists subscriptions in order", "it does not");
    return Status();
  }
  if (walk.salt()) expect_key(walk, record, customer_hash(fields.record.id, *walk.salt()));
  check_tie(walk, record, fields);
  if (Status s = check_owner_of(walk, record, fields); !s.ok()) return s;
  return check_listed(walk, record, fields);
}

Status check_subscription(CheckWalk& walk, const CheckedRecord& record) {
  const auto& head = record.table<fb::SubscriptionHead>();
  if (!walk.salt()) return Status();
  const Uuid customer = customer_hash(text_of(head.customer()), *walk.salt());
  expect_key(walk, record, subscription_hash(customer, text_of(head.id()), *walk.salt()));
  CustomerFields of;
  bool found = false;
  Status s = read_customer_of(walk, record, customer, &of, &found);
  if (!s.ok() || !found) return s;
  const Uuid hash = record.uuid_at(17);
  const bool is_listed =
      std::any_of(of.subscriptions.begin(), of.subscriptions.end(),
                  [&](const KnownSubscription& one) { return one.hash == hash; });
  if (!is_listed || of.user.value_or(kSystemOwner) != record.owner()) {
    walk.violation(record, "a subscription is its customer's",
                   is_listed ? "the customer is another's" : "the customer does not list it");
  }
  SubscriptionFields shown = read_subscription(head);
  shown.show(of.record);
  expect_status(walk, record, static_cast<SubscriptionStatus>(head.status()));
  if (static_cast<uint8_t>(shown.status) != head.status() ||
      shown.period_end.has_value() != head.has_period_end() ||
      shown.period_end.value_or(Time()).us != head.period_end()) {
    walk.violation(record, "what is shown follows from the events", "it does not");
  }
  return record.owner() == kSystemOwner ? Status() : check_newest_of(walk, record);
}

Status check_subscription_change(CheckWalk& walk, const CheckedRecord& record) {
  expect_status(walk, record,
                static_cast<SubscriptionStatus>(record.table<fb::SubscriptionChange>().status()));
  if (record.owner() == kSystemOwner) {
    walk.violation(record, "nobody's subscription has no history", "it is the system's");
  }
  return Status();
}

// A history is found by the account, also when its customer is another's now.
static Status check_is_findable(CheckWalk& walk, const CheckedRecord& record) {
  if (!walk.salt() || record.owner() == kSystemOwner) return Status();
  CheckRead account{Key(record.owner(), Kind::billing_account)};
  if (Status s = walk.read(account, Tail::unpack); !s.ok()) return s;
  if (account.state == CheckRead::State::damaged) return Status();
  const auto& change = record.table<fb::SubscriptionChange>();
  const Uuid customer = customer_hash(text_of(change.customer()), *walk.salt());
  BillingAccountFields list;
  if (account.absent() ||
      !read_account(account.record.table<fb::BillingAccount>(), account.record.tail(), &list) ||
      !std::binary_search(list.customers.begin(), list.customers.end(), customer)) {
    walk.violation(record, "a history's customer is in the account", "it is not");
  }
  return Status();
}

Status check_newest_subscription_change(CheckWalk& walk, const CheckedRecord& record) {
  CheckRead head{Key(record.owner(), Kind::subscription).append(record.uuid_at(17))};
  if (Status s = walk.read(head); !s.ok()) return s;
  if (!record.verified() || head.state == CheckRead::State::damaged) return Status();
  const bool is_gone = record.table<fb::SubscriptionChange>().is_gone();
  if (head.absent() != is_gone) {
    walk.violation(record, "a subscription is there until it is gone",
                   is_gone ? "it is gone and is there" : "it is missing");
  }
  return check_is_findable(walk, record);
}

namespace {

// Whether the account may say this of these: payments that are due count by the store's option.
bool may_say(ProBy said, const std::vector<SubscriptionStatus>& statuses) {
  if (statuses.empty()) return said == ProBy::nothing;
  const bool strict = billing::is_pro(statuses, false), lenient = billing::is_pro(statuses, true);
  return (said == ProBy::yes && lenient) || (said == ProBy::no && !strict);
}

Status check_given(CheckWalk& walk, const CheckedRecord& record,
                   const BillingAccountFields& account) {
  CheckRead user("");
  if (Status s = walk.read_first(Key(record.owner(), Kind::user), &user); !s.ok()) return s;
  const bool is_pro =
      account.pro_by == ProBy::nothing ? account.base_is_pro : account.pro_by == ProBy::yes;
  if (user.found() && user.record.table<fb::User>().is_pro() != is_pro) {
    walk.violation(record, "the profile is Pro as the subscriptions say",
                   fmt::format("it should be {}", is_pro));
  }
  CheckRead credits{Key(record.owner(), Kind::credit_account)};
  if (Status s = walk.read(credits); !s.ok() || !credits.found()) return s;
  const uint8_t reasons = credits.record.table<fb::CreditAccount>().unlimited_by();
  if ((reasons & kProUnlimited) != 0 && account.pro_by != ProBy::yes) {
    walk.violation(record, "only a subscription makes use unlimited by one", "none does");
  }
  return Status();
}

}  // namespace

Status check_billing_account(CheckWalk& walk, const CheckedRecord& record) {
  BillingAccountFields account;
  if (!read_account(record.table<fb::BillingAccount>(), record.tail(), &account)) {
    walk.violation(record, "the tail lists customers in order", "it does not");
    return Status();
  }
  std::vector<SubscriptionStatus> statuses;
  bool is_whole = true;
  for (const Uuid& hash : account.customers) {
    CustomerFields customer;
    bool found = false;
    if (Status s = read_customer_of(walk, record, hash, &customer, &found); !s.ok()) return s;
    is_whole = is_whole && found;
    // Or it was the user's once.
    if (!found || customer.user != record.owner()) continue;
    for (const auto& one : customer.subscriptions) statuses.push_back(one.status);
  }
  if (account.pro_by > ProBy::yes) {
    walk.unknown(record, "pro_by", static_cast<unsigned>(account.pro_by));
  } else if (is_whole && !may_say(account.pro_by, statuses)) {
    walk.violation(record, "the account says what its subscriptions give",
                   fmt::format("it says {}", static_cast<unsigned>(account.pro_by)));
  }
  return check_given(walk, record, account);
}

}  // namespace bcstore::model
