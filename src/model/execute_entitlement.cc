// What a user's subscriptions give: the profile's is_pro, its customer, and unlimited use.
#include <fmt/format.h>

#include <algorithm>

#include "model/execute.h"
#include "model/keys.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

Status Executor::load_account(BillingAccountFields* fields, bool* found) {
  HeadEntry* entry = nullptr;
  const Key key(current_.owner, Kind::billing_account);
  if (Status s = load(Kind::billing_account, key, &entry); !s.ok()) return s;
  *found = entry->exists;
  if (!*found) return Status();
  const auto* table = root<fb::BillingAccount>(entry->draft);
  return read_account(*table, entry->draft.tail(), fields)
             ? Status()
             : format::corrupt(key, "the tail is malformed");
}

Status Executor::put_billing_account(const BillingAccountFields& fields) {
  Draft head = encoder_.billing_account({*current_.actor, current_.owner}, fields);
  int64_t effective = kNoTime;
  if (Status s = stamp(head, current_.now, &effective); !s.ok()) return s;
  put_head(Kind::billing_account, Key(current_.owner, Kind::billing_account), std::move(head));
  return Status();
}

Status Executor::add_to_account(const Uuid& customer) {
  BillingAccountFields account;
  bool found = false;
  if (Status s = load_account(&account, &found); !s.ok()) return s;
  if (!found) {
    UserState user;
    if (Status s = newest_user(&user); !s.ok()) return s;
    account.base_is_pro = user.fields.is_pro;
  }
  auto& list = account.customers;
  const auto place = std::lower_bound(list.begin(), list.end(), customer);
  if (place != list.end() && *place == customer) return Status();
  if (list.size() >= kMaxUserCustomers) {
    return Status(Code::failed_precondition,
                  fmt::format("the user has {} customers", kMaxUserCustomers));
  }
  list.insert(place, customer);
  return put_billing_account(account);
}

// What a user's customers come to.
struct Executor::Holdings {
  std::vector<SubscriptionStatus> statuses;
  std::optional<billing::EventOrder> first;  // of the checkouts that tied them
  std::string customer;                      // which that one tied
};

Status Executor::read_holdings(const BillingAccountFields& account, Holdings* all) {
  for (const Uuid& hash : account.customers) {
    HeadEntry* entry = nullptr;
    const Key key = with_id(kSystemOwner, Kind::billing_customer, hash);
    if (Status s = load(Kind::billing_customer, key, &entry); !s.ok()) return s;
    CustomerFields fields;
    if (!entry->exists ||
        !read_customer(*root<fb::BillingCustomer>(entry->draft), entry->draft.tail(), &fields)) {
      return format::corrupt(key, "is missing or malformed");
    }
    if (fields.user != current_.owner) continue;  // it was the user's once
    for (const KnownSubscription& one : fields.subscriptions) all->statuses.push_back(one.status);
    const auto& link = fields.record.link;
    if (!link || (all->first && *all->first < link->order)) continue;
    all->first = link->order;
    all->customer = fields.record.id;
  }
  return Status();
}

// Whether the customer in the profile is there because a checkout said so.
Status Executor::shows_tied_customer(const UserFields& user, bool* shows) {
  *shows = true;
  if (!user.stripe_customer_id) return Status();
  const Uuid hash = customer_hash(*user.stripe_customer_id, settings_.salt);
  HeadEntry* entry = nullptr;
  const Key key = with_id(kSystemOwner, Kind::billing_customer, hash);
  if (Status s = load(Kind::billing_customer, key, &entry); !s.ok()) return s;
  *shows = entry->exists &&
           static_cast<LinkedBy>(root<fb::BillingCustomer>(entry->draft)->linked_by()) !=
               LinkedBy::application;
  return Status();
}

// Brings profile, balance and account in line with the user's customers, each of which is put.
Status Executor::settle_user() {
  BillingAccountFields account;
  Holdings holdings;
  UserState user;
  bool found = false, shows_tied = false;
  if (Status s = load_account(&account, &found); !s.ok()) return s;
  if (Status s = read_holdings(account, &holdings); !s.ok()) return s;
  if (Status s = newest_user(&user); !s.ok()) return s;
  if (Status s = shows_tied_customer(user.fields, &shows_tied); !s.ok()) return s;

  const bool is_pro = billing::is_pro(holdings.statuses, settings_.past_due_is_pro);
  const ProBy pro_by = holdings.statuses.empty() ? ProBy::nothing : is_pro ? ProBy::yes : ProBy::no;
  UserFields fields = user.fields;
  fields.is_pro = pro_by == ProBy::nothing ? account.base_is_pro : is_pro;
  // The application's choice of a customer stays; a checkout's is the first of them.
  if (shows_tied) {
    fields.stripe_customer_id = holdings.first ? OptionalText(holdings.customer) : OptionalText();
  }
  if (fields.is_pro != user.fields.is_pro ||
      fields.stripe_customer_id != user.fields.stripe_customer_id) {
    Op op;
    op.verb = Verb::apply_billing;
    Status s = write_user(op, fields, user.rev + 1, user.effective_us);
    if (!s.ok()) return s;
  }
  if (pro_by != account.pro_by) {
    account.pro_by = pro_by;
    if (Status s = put_billing_account(account); !s.ok()) return s;
  }
  return set_pro_unlimited(is_pro && settings_.pro_is_unlimited);
}

// The balance is left as it is, but for what is due.
Status Executor::set_pro_unlimited(bool is_unlimited) {
  CreditState state;
  if (Status s = load_credits(&state); !s.ok()) return s;
  if (((state.unlimited_by & kProUnlimited) != 0) == is_unlimited) return Status();
  if (Status s = settled_credits(&state); !s.ok()) return s;
  const CreditState before = state;
  set_unlimited_by(kProUnlimited, is_unlimited, &state);
  const By by{*current_.actor, current_.owner};
  Draft entry = encoder_.credit_entry(by, CreditEntryKind::unlimited, 0, "subscription");
  if (Status s = put_credit_entry(entry, current_.now, before, &state); !s.ok()) return s;
  if (Status s = put_account(by, state); !s.ok()) return s;
  put_counter(before, &state, CounterWrite::none);
  return Status();
}

}  // namespace bcstore::model
