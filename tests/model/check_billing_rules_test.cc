// A fault against each rule of check_store on billing.
#include "damaged.h"
#include "model/billing_fields.h"

namespace bcstore::model {
namespace {

using Plant = std::function<void(Damaged&)>;

// Where the billing records of the rich owner lie.
struct Places {
  explicit Places(const Damaged& s)
      : hash(customer_hash(s.rich.customer, s.salt)),
        id(subscription_hash(hash, s.rich.subscription, s.salt)),
        customer(Key(kSystemOwner, Kind::billing_customer).append(hash)),
        account(s.of(Kind::billing_account)),
        head(s.of(Kind::subscription).append(id)),
        newest(s.of(Kind::subscription_change).append(id).not_u32(2)) {}
  Uuid hash, id;
  Key customer, account, head, newest;
};

// A record made anew, with the times and the commit that it had.
void put_again(Damaged& s, std::string_view key, Draft draft) {
  const Draft before = Draft::copy(*s.read(key));
  const auto* from = root<fb::Common>(before);
  auto* to = mutable_root<fb::Common>(draft);
  REQUIRE(to->mutate_commit_seq(from->commit_seq()));
  REQUIRE(to->mutate_created_at(from->created_at()));
  REQUIRE(to->mutate_effective_at(from->effective_at()));
  s.put(key, std::string(draft.seal(key)));
}

const Actor kActor = Actor::of_system("check");

Plant customer(std::function<void(CustomerFields*)> change) {
  return [=](Damaged& s) {
    const Places at(s);
    const Draft draft = Draft::copy(*s.read(at.customer));
    CustomerFields fields;
    REQUIRE(read_customer(*root<fb::BillingCustomer>(draft), draft.tail(), &fields));
    change(&fields);
    put_again(s, at.customer, Encoder().billing_customer({kActor, kSystemOwner}, fields));
  };
}

Plant account(std::function<void(BillingAccountFields*)> change) {
  return [=](Damaged& s) {
    const Places at(s);
    const Draft draft = Draft::copy(*s.read(at.account));
    BillingAccountFields fields;
    REQUIRE(read_account(*root<fb::BillingAccount>(draft), draft.tail(), &fields));
    change(&fields);
    put_again(s, at.account, Encoder().billing_account({kActor, s.rich.owner}, fields));
  };
}

Plant head(std::function<void(SubscriptionFields*)> change) {
  return [=](Damaged& s) {
    const Places at(s);
    const Draft draft = Draft::copy(*s.read(at.head));
    SubscriptionFields fields = read_subscription(*root<fb::SubscriptionHead>(draft));
    change(&fields);
    put_again(s, at.head, Encoder().subscription({kActor, s.rich.owner}, fields));
  };
}

// Both the head and its newest change.
Plant change(bool is_gone, std::function<void(SubscriptionFields*)> change) {
  return [=](Damaged& s) {
    const Places at(s);
    const Draft draft = Draft::copy(*s.read(at.head));
    SubscriptionFields fields = read_subscription(*root<fb::SubscriptionHead>(draft));
    change(&fields);
    put_again(s, at.newest, Encoder().subscription_change({kActor, s.rich.owner}, fields, is_gone));
  };
}

void nothing(SubscriptionFields*) {}

Key delivery_key(const Damaged& s) {
  billing::StripeEvent none;
  return Key(kSystemOwner, Kind::billing_delivery)
      .append(delivery_hash(none.id, none.payload_hash, s.salt));
}

Plant delivery(uint8_t kind, uint8_t outcome, bool is_its) {
  return [=](Damaged& s) {
    billing::StripeEvent event;
    event.kind = static_cast<BillingEventKind>(kind);
    event.id = is_its ? "" : "other";
    Draft draft = Encoder().billing_delivery({kActor, kSystemOwner},
                                             {event, static_cast<BillingOutcome>(outcome)});
    REQUIRE(mutable_root<fb::Common>(draft)->mutate_commit_seq(1));
    const Key key = delivery_key(s);
    s.put(key, std::string(draft.seal(key)));
  };
}

}  // namespace

TEST_CASE("check: customers and accounts") {
  check_faults({
      {"billing_customer", "the key is the hash of what it holds",
       customer([](auto* f) { f->record.id = "cus_other"; })},
      {"billing_customer", "who tied a customer goes with whose it is",
       customer([](auto* f) { f->linked_by = LinkedBy::nobody; })},
      {"billing_customer", "who tied a customer goes with whose it is",
       customer([](auto* f) { f->linked_by = LinkedBy::checkout; })},
      {"billing_customer", "enumerators are known",
       customer([](auto* f) { f->linked_by = static_cast<LinkedBy>(9); })},
      {"customer", "index entry names its record",
       [](Damaged& s) { customer([&s](auto* f) { f->user = s.other.owner; })(s); }},
      {"billing_customer", "a user's account lists the customer",
       account([](auto* f) { f->customers.clear(); })},
      {"customer", "record has its index entry",
       [](Damaged& s) { s.erase(Key(kSystemOwner, Kind::customer).append(Places(s).hash)); }},
      {"billing_customer", "the subscriptions of a customer exist",
       [](Damaged& s) { s.erase(Places(s).head); }},
      {"billing_customer", "the list shows the status of its subscriptions",
       customer([](auto* f) { f->subscriptions[0].status = SubscriptionStatus::active; })},
      {"billing_customer", "the tail lists subscriptions in order",
       customer([](auto* f) { f->subscriptions.push_back(f->subscriptions[0]); })},
      {"billing_account", "its customer is known", [](Damaged& s) { s.erase(Places(s).customer); }},
      {"billing_account", "the tail lists customers in order",
       account([](auto* f) { f->customers.push_back(f->customers[0]); })},
      {"subscription_change", "a history's customer is in the account",
       account([](auto* f) { f->customers.clear(); })},
      {"billing_account", "the account says what its subscriptions give",
       account([](auto* f) { f->pro_by = ProBy::yes; })},
      {"billing_account", "the account says what its subscriptions give",
       account([](auto* f) { f->pro_by = ProBy::nothing; })},
      {"billing_account", "enumerators are known",
       account([](auto* f) { f->pro_by = static_cast<ProBy>(7); })},
      {"billing_account", "the profile is Pro as the subscriptions say",
       account([](auto* f) { f->pro_by = ProBy::yes; })},
  });
}

TEST_CASE("check: subscriptions and their changes") {
  check_faults({
      {"subscription", "the key is the hash of what it holds",
       head([](auto* f) { f->record.id = "sub_other"; })},
      {"subscription", "its customer is known", [](Damaged& s) { s.erase(Places(s).customer); }},
      {"subscription", "a subscription is its customer's",
       customer([](auto* f) { f->subscriptions.clear(); })},
      {"subscription", "a subscription is its customer's",
       [](Damaged& s) { customer([&s](auto* f) { f->user = s.other.owner; })(s); }},
      {"subscription", "what is shown follows from the events",
       head([](auto* f) { f->status = SubscriptionStatus::active; })},
      {"subscription", "what is shown follows from the events",
       head([](auto* f) { f->period_end.reset(); })},
      {"subscription", "enumerators are known",
       head([](auto* f) { f->status = static_cast<SubscriptionStatus>(88); })},
      {"subscription", "a subscription is as its newest change says",
       head([](auto* f) { f->record.report->price = "price_other"; })},
      {"subscription", "a subscription has its history",
       [](Damaged& s) {
         const Places at(s);
         s.erase(at.newest);
         s.erase(s.of(Kind::subscription_change).append(at.id).not_u32(1));
       }},
      {"commit_body", "what a commit wrote exists", [](Damaged& s) { s.erase(Places(s).newest); }},
      {"subscription_change", "a subscription is there until it is gone",
       [](Damaged& s) { s.erase(Places(s).head); }},
      {"subscription_change", "a subscription is there until it is gone", change(true, nothing)},
      {"subscription_change", "enumerators are known",
       change(false, [](auto* f) { f->status = static_cast<SubscriptionStatus>(88); })},
      {"subscription_change", "number is dense from 1",
       [](Damaged& s) {
         s.erase(s.of(Kind::subscription_change).append(Places(s).id).not_u32(1));
       }},
      {"subscription_change", "nobody's subscription has no history",
       [](Damaged& s) {
         const Places at(s);
         s.copy(at.newest, Key(kSystemOwner, Kind::subscription_change).append(at.id).not_u32(1));
       }},
  });
}

TEST_CASE("check: deliveries") {
  check_faults({
      {"billing_delivery", "the key is the hash of what it holds", delivery(1, 1, false)},
      {"billing_delivery", "enumerators are known", delivery(77, 1, true)},
      {"billing_delivery", "enumerators are known", delivery(1, 0, true)},
      // Of a duplicate there is no record.
      {"billing_delivery", "enumerators are known", delivery(1, 2, true)},
  });
}

TEST_CASE("check: unlimited use by a subscription that gives none") {
  check_faults({
      {"credit_account", "unlimited use has its reason",
       [](Damaged& s) {
         AccountFields fields;
         fields.is_unlimited = true;
         put_again(s, s.of(Kind::credit_account),
                   Encoder().credit_account({kActor, s.rich.owner}, fields));
       }},
      {"billing_account", "only a subscription makes use unlimited by one",
       [](Damaged& s) {
         AccountFields fields;
         fields.is_unlimited = true;
         fields.unlimited_by = 2;
         put_again(s, s.of(Kind::credit_account),
                   Encoder().credit_account({kActor, s.rich.owner}, fields));
       }},
  });
}

}  // namespace bcstore::model
