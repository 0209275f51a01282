// Deciding on a billing service's deliveries: whose they are, and what they change.
//
// docs/ARCHITECTURE.md ("Billing") holds the invariant: what is known of customers, subscriptions
// and users' Pro is a function of the set of deliveries, not of their order.
#include <fmt/format.h>

#include <algorithm>

#include "model/execute.h"
#include "model/keys.h"

namespace bcstore::model {

using billing::StripeEvent;
using format::Key;
using format::Kind;
using format::Reference;

// A customer under the delivery, or under the call that ties it to a user.
struct Executor::Customer {
  Uuid hash;
  bool is_known = false;  // there is a record of it
  CustomerFields fields;

  UserId owner() const { return fields.user.value_or(kSystemOwner); }
};

// Where the log ends; what a refused delivery takes back besides its changes.
struct Executor::Tip {
  uint64_t seq;
  uint64_t link_hash;
  Time time;
};

namespace {

Key of_customer(Kind kind, const Uuid& hash) { return with_id(kSystemOwner, kind, hash); }

bool is_of_subscription(const StripeEvent& event) {
  switch (event.kind) {
    case BillingEventKind::subscription_created:
    case BillingEventKind::subscription_changed:
    case BillingEventKind::subscription_deleted:
    case BillingEventKind::invoice_paid:
    case BillingEventKind::invoice_payment_failed:
      return true;
    default:
      return false;
  }
}

// Whether there is anything that it could change, now or later.
bool has_effect(const StripeEvent& event) {
  if (event.kind == BillingEventKind::ignored || event.customer.empty()) return false;
  return !is_of_subscription(event) || !event.subscription.empty();
}

BillingOutcome outcome_of(billing::FoldOutcome folded) {
  return folded == billing::FoldOutcome::applied ? BillingOutcome::applied : BillingOutcome::stale;
}

}  // namespace

// --- The frame around a delivery

Outcome Executor::execute_billing(Commit& commit) {
  Outcome out;
  if (commit.batch->size() != 1) {
    out.status = Status(Code::internal, "a delivery is not alone in its batch");
    return out;
  }
  const Tip before{last_seq_, last_link_hash_, last_time_};
  remembered_.clear();
  out.status = begin_frame(commit, kSystemOwner);
  if (!out.status.ok()) return out;
  const Mark start = mark();
  out.status = deliver(commit, *commit.batch->ops().front().billing, &out);
  if (out.status.ok() && out.wrote) {
    accept();
    return out;
  }
  rollback(start);
  last_seq_ = before.seq;
  last_link_hash_ = before.link_hash;
  last_time_ = before.time;
  return out;
}

// From here on what is written is this owner's next commit.
Status Executor::begin_frame(const Commit& commit, UserId owner) {
  current_ = Current();
  current_.owner = owner;
  current_.actor = &commit.batch->actor();
  current_.now = std::max(clock_.now(), last_time_);
  current_.commit_seq = last_seq_ + 1;
  HeadEntry* head = nullptr;
  if (Status s = check_owner_lives(commit, &head); !s.ok()) return s;
  if (Status s = check_owner_seq(commit, *head); !s.ok()) return s;
  current_.owner_seq = head->seq + 1;
  return Status();
}

Status Executor::end_frame(const Commit& commit) {
  write_deferred();
  if (Status s = write_ends(); !s.ok()) return s;
  if (Status s = write_audit(*commit.batch); !s.ok()) return s;
  if (Status s = write_log(commit); !s.ok()) return s;
  last_seq_ = current_.commit_seq;
  last_time_ = current_.now;
  return Status();
}

Status Executor::deliver(const Commit& commit, const StripeEvent& event, Outcome* out) {
  bool is_here = false;
  if (Status s = find_delivery(event, out, &is_here); !s.ok() || is_here) return s;
  BillingOutcome outcome = BillingOutcome::ignored;
  std::optional<UserId> user;
  if (has_effect(event)) {
    Status s = deliver_to_customer(commit, event, &outcome, &user);
    if (!s.ok()) return s;
  }
  put_delivery(event, outcome);
  if (Status s = end_frame(commit); !s.ok()) return s;
  out->wrote = true;
  out->receipt.commit_seq = current_.commit_seq;
  out->receipt.owner_seq = current_.owner_seq;
  out->receipt.committed_at = current_.now;
  out->receipt.operations = {
      {user.value_or(UserId()).uuid(), static_cast<uint64_t>(outcome)},
  };
  return Status();
}

Status Executor::deliver_to_customer(const Commit& commit, const StripeEvent& event,
                                     BillingOutcome* outcome, std::optional<UserId>* user) {
  std::optional<UserId> named;
  if (Status s = find_named_user(event, &named); !s.ok()) return s;
  Customer customer;
  if (Status s = load_customer(event.customer, &customer); !s.ok()) return s;
  CustomerFields& fields = customer.fields;
  // A checkout says whose the customer is, unless the application did.
  StripeEvent said = event;
  const bool may_tie = named && fields.linked_by != LinkedBy::application;
  said.client_reference_id = may_tie ? to_string(*named) : std::string();
  const bool ties = billing::fold_customer(fields.record, said).record->link != fields.record.link;
  const bool moves = ties && fields.user != named;
  if (moves && fields.user) {
    if (Status s = begin_frame(commit, *fields.user); !s.ok()) return s;
    if (Status s = release_customer(&customer); !s.ok()) return s;
    if (Status s = end_frame(commit); !s.ok()) return s;
  }
  *user = moves ? named : fields.user;
  if (Status s = begin_frame(commit, user->value_or(kSystemOwner)); !s.ok()) return s;
  if (ties) fields.linked_by = LinkedBy::checkout;
  fields.user = *user;
  if (moves) {
    if (Status s = tie_customer(&customer); !s.ok()) return s;
  }
  if (Status s = fold_into(said, &customer, outcome); !s.ok()) return s;
  put_customer(customer);
  if (!*user) {
    *outcome = BillingOutcome::parked;
    return Status();
  }
  if (named) *outcome = *user == named ? BillingOutcome::applied : BillingOutcome::stale;
  if (Status s = add_to_account(customer.hash); !s.ok()) return s;
  return settle_user();
}

// The same event id with the same contents: what became of it then is the answer.
Status Executor::find_delivery(const StripeEvent& event, Outcome* out, bool* found) {
  const Uuid hash = delivery_hash(event.id, event.payload_hash, settings_.salt);
  HeadEntry* entry = nullptr;
  const Key key = of_customer(Kind::billing_delivery, hash);
  if (Status s = load(Kind::billing_delivery, key, &entry); !s.ok()) return s;
  *found = entry->exists;
  if (!*found) return Status();
  const auto* record = root<fb::BillingDelivery>(entry->draft);
  if (text_of(record->event_id()) != event.id) {
    return Status(Code::internal, "two deliveries have one hash");
  }
  out->receipt.commit_seq = record->commit_seq();
  out->receipt.committed_at = Time{record->created_at()};
  out->receipt.replayed = true;
  Uuid user;
  if (has_effect(event)) {
    Customer customer;
    if (Status s = load_customer(event.customer, &customer); !s.ok()) return s;
    user = customer.fields.user.value_or(UserId()).uuid();
  }
  out->receipt.operations = {{user, static_cast<uint64_t>(BillingOutcome::duplicate)}};
  return Status();
}

void Executor::put_delivery(const StripeEvent& event, BillingOutcome outcome) {
  const Uuid hash = delivery_hash(event.id, event.payload_hash, settings_.salt);
  Draft row = encoder_.billing_delivery({*current_.actor, kSystemOwner}, {event, outcome});
  int64_t effective = kNoTime;
  (void)stamp(row, current_.now, &effective);  // a record of ours has room for its times
  // In the cache: the same may come again in this group.
  put_head(Kind::billing_delivery, of_customer(Kind::billing_delivery, hash), std::move(row));
  current_.touched.push_back({Kind::billing_delivery, hash, 0});
}

// Whom a checkout names. What is no user's id says nothing; a user who is not there may be made
// before the delivery comes again.
Status Executor::find_named_user(const StripeEvent& event, std::optional<UserId>* user) {
  if (event.kind != BillingEventKind::checkout_completed) return Status();
  *user = UserId::parse(event.client_reference_id);
  if (*user && !check_owner(**user).ok()) user->reset();
  if (!*user) return Status();
  HeadEntry* head = nullptr;
  if (Status s = load_owner(**user, &head); !s.ok()) return s;
  if (!head->exists) return no_such("user", (*user)->uuid());
  return head->month == kErasedState ? Status(Code::erased, "the user was erased") : Status();
}

// --- What a delivery changes

Status Executor::fold_into(const StripeEvent& event, Customer* customer, BillingOutcome* outcome) {
  if (!is_of_subscription(event)) return fold_customer(event, customer, outcome);
  const Uuid hash = subscription_hash(customer->hash, event.subscription, settings_.salt);
  SubscriptionFields fields;
  bool found = false;
  if (Status s = load_subscription(customer->owner(), hash, &fields, &found); !s.ok()) return s;
  std::optional<billing::SubscriptionRecord> current;
  if (found) current = std::move(fields.record);
  auto folded = billing::fold_subscription(std::move(current), event);
  *outcome = outcome_of(folded.outcome);
  if (folded.outcome != billing::FoldOutcome::applied) return Status();
  fields.record = *std::move(folded.record);
  return put_subscription(hash, std::move(fields), customer);
}

Status Executor::fold_customer(const StripeEvent& event, Customer* customer,
                               BillingOutcome* outcome) {
  billing::CustomerRecord& record = customer->fields.record;
  const bool was_deleted = record.deleted.has_value();
  auto folded = billing::fold_customer(record, event);
  *outcome = outcome_of(folded.outcome);
  record = *std::move(folded.record);
  if (was_deleted || !record.deleted) return Status();
  // A copy: the list is changed on the way.
  for (const KnownSubscription& one : std::vector(customer->fields.subscriptions)) {
    SubscriptionFields fields;
    bool found = false;
    Status s = load_subscription(customer->owner(), one.hash, &fields, &found);
    if (s.ok() && !found) s = Status(Code::corruption, "a customer's subscription is missing");
    if (!s.ok()) return s;
    if (fields.status == SubscriptionStatus::canceled) continue;  // nothing else is shown of it
    if (s = put_subscription(one.hash, std::move(fields), customer); !s.ok()) return s;
  }
  return Status();
}

// --- Customers

Status Executor::load_customer(std::string_view id, Customer* customer) {
  customer->hash = customer_hash(id, settings_.salt);
  HeadEntry* entry = nullptr;
  const Key key = of_customer(Kind::billing_customer, customer->hash);
  if (Status s = load(Kind::billing_customer, key, &entry); !s.ok()) return s;
  CustomerFields& fields = customer->fields;
  customer->is_known = entry->exists;
  if (entry->exists) {
    const auto* table = root<fb::BillingCustomer>(entry->draft);
    if (!read_customer(*table, entry->draft.tail(), &fields)) {
      return format::corrupt(key, "the tail is malformed");
    }
    if (fields.record.id != id) return Status(Code::internal, "two customers have one hash");
    return Status();
  }
  fields.record.id = id;
  // Nothing was reported yet: the profile may know whose it is.
  HeadEntry* row = nullptr;
  if (Status s = load(Kind::customer, of_customer(Kind::customer, customer->hash), &row); !s.ok()) {
    return s;
  }
  if (!row->exists) return Status();
  Reference user;
  format::unpack({row->draft.meta(), row->draft.meta_bytes()}, &user);
  fields.user = UserId(user.id);
  fields.linked_by = LinkedBy::application;
  return Status();
}

void Executor::put_customer(const Customer& customer) {
  Draft head = encoder_.billing_customer({*current_.actor, kSystemOwner}, customer.fields);
  int64_t effective = kNoTime;
  (void)stamp(head, current_.now, &effective);
  put_head(Kind::billing_customer, of_customer(Kind::billing_customer, customer.hash),
           std::move(head));
}

// Moves what was parked to its user, whose frame this is.
Status Executor::tie_customer(Customer* customer) {
  put_reference(Kind::customer, of_customer(Kind::customer, customer->hash),
                {current_.owner.uuid(), 0, 0}, true);
  for (const KnownSubscription& one : std::vector(customer->fields.subscriptions)) {
    SubscriptionFields fields;
    bool found = false;
    Status s = load_subscription(kSystemOwner, one.hash, &fields, &found);
    if (s.ok() && !found) s = Status(Code::corruption, "a parked subscription is missing");
    if (!s.ok()) return s;
    erase(Kind::subscription, with_id(kSystemOwner, Kind::subscription, one.hash));
    if (s = put_subscription(one.hash, std::move(fields), customer); !s.ok()) return s;
  }
  return Status();
}

// The other way: the user whose frame this is keeps the history, and loses what it gave.
Status Executor::release_customer(Customer* customer) {
  const UserId owner = current_.owner;
  CustomerFields& fields = customer->fields;
  fields.user.reset();
  fields.linked_by = LinkedBy::nobody;
  fields.record.link.reset();
  erase(Kind::customer, of_customer(Kind::customer, customer->hash));
  for (const KnownSubscription& one : std::vector(fields.subscriptions)) {
    SubscriptionFields subscription;
    bool found = false;
    Status s = load_subscription(owner, one.hash, &subscription, &found);
    if (s.ok() && !found) s = Status(Code::corruption, "a customer's subscription is missing");
    if (s.ok()) s = put_subscription_change(one.hash, subscription, true);
    if (!s.ok()) return s;
    erase(Kind::subscription, with_id(owner, Kind::subscription, one.hash));
    if (s = put_subscription(one.hash, std::move(subscription), customer); !s.ok()) return s;
  }
  // It stays in the account, by which the history is found.
  put_customer(*customer);
  return settle_user();
}

// The application has said whose the customer is, and the claim is made: what is known of it
// follows.
Status Executor::adopt_customer(std::string_view id) {
  Customer customer;
  if (Status s = load_customer(id, &customer); !s.ok()) return s;
  CustomerFields& fields = customer.fields;
  if (!customer.is_known || fields.linked_by == LinkedBy::application) return Status();
  const size_t operations = current_.operations.size();
  const bool was_parked = !fields.user;
  fields.user = current_.owner;
  fields.linked_by = LinkedBy::application;
  fields.record.link.reset();
  if (was_parked) {
    if (Status s = tie_customer(&customer); !s.ok()) return s;
  }
  put_customer(customer);
  Status s = add_to_account(customer.hash);
  if (s.ok()) s = settle_user();
  current_.operations.resize(operations);  // none of this was asked for by itself
  if (!s.ok()) return s;
  // But the profile may have come to another revision than the one that was asked for.
  UserState user;
  s = newest_user(&user);
  if (s.ok()) current_.operations.back().number = user.rev;
  return s;
}

// --- Subscriptions

Status Executor::load_subscription(UserId owner, const Uuid& hash, SubscriptionFields* fields,
                                   bool* found) {
  HeadEntry* entry = nullptr;
  const Key key = with_id(owner, Kind::subscription, hash);
  if (Status s = load(Kind::subscription, key, &entry); !s.ok()) return s;
  *found = entry->exists;
  if (*found) *fields = read_subscription(*root<fb::SubscriptionHead>(entry->draft));
  return Status();
}

// Under the customer's owner, and in its list. Only a user's has a history.
Status Executor::put_subscription(const Uuid& hash, SubscriptionFields fields, Customer* customer) {
  fields.show(customer->fields.record);
  auto& list = customer->fields.subscriptions;
  auto place = std::lower_bound(list.begin(), list.end(), hash,
                                [](const auto& one, const Uuid& h) { return one.hash < h; });
  if (place == list.end() || place->hash != hash) {
    if (list.size() >= kMaxCustomerSubscriptions) {
      return Status(Code::failed_precondition,
                    fmt::format("the customer has {} subscriptions", kMaxCustomerSubscriptions));
    }
    place = list.insert(place, {hash, fields.status});
  }
  place->status = fields.status;
  const UserId owner = customer->owner();
  Draft head = encoder_.subscription({*current_.actor, owner}, fields);
  int64_t effective = kNoTime;
  if (Status s = stamp(head, current_.now, &effective); !s.ok()) return s;
  put_head(Kind::subscription, with_id(owner, Kind::subscription, hash), std::move(head));
  return customer->fields.user ? put_subscription_change(hash, fields, false) : Status();
}

Status Executor::put_subscription_change(const Uuid& hash, const SubscriptionFields& fields,
                                         bool is_gone) {
  const Key prefix = with_id(current_.owner, Kind::subscription_change, hash);
  uint32_t n = 0;
  int64_t effective = kNoTime;
  if (const HeadEntry* known = cache_.find(prefix)) {
    n = static_cast<uint32_t>(known->seq);
    effective = known->effective_us;
  } else {
    std::string key;
    Draft row;
    bool found = false;
    Status s = first_row({engine::Family::history, prefix.str(), format::after_prefix(prefix)},
                         Kind::subscription_change, &key, &row, &found);
    if (!s.ok()) return s;
    if (found) {
      n = ~format::key_u32(key, prefix.view().size());
      effective = root<fb::Common>(row)->effective_at();
    }
  }
  if (n == INT32_MAX) return Status(Code::failed_precondition, "no change is left");
  ++n;
  Draft change = encoder_.subscription_change({*current_.actor, current_.owner}, fields, is_gone);
  if (Status s = stamp(change, current_.now, &effective); !s.ok()) return s;
  put_fact(Kind::subscription_change, Key(prefix).not_u32(n), change);
  set_stream(prefix, n, effective, 0);
  current_.touched.push_back({Kind::subscription_change, hash, n});
  return Status();
}

}  // namespace bcstore::model
