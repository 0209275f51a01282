// Customers that turn out to be somebody else's: what is left to who had them, what the receipts
// say, and what a refusal takes back.

#include "billing_stories.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using Kind = BillingEventKind;
using Outcome = BillingOutcome;
using Status = SubscriptionStatus;

UserId numbered_user(World& w, uint8_t n, bool is_pro = false) {
  const UserId id = forged<UserId>(n);
  const std::string email = "user" + std::to_string(n) + "@x";
  REQUIRE(w.service()
              .import_user({.id = id, .email = email, .created_at = Time{1}, .is_pro = is_pro},
                           Durability::relaxed)
              .status.ok());
  return id;
}

std::vector<std::string> history_of(const Tenant& tenant, const ListOptions& o = {}) {
  return rows_of(tenant.subscription_history("sub_1", o), [](const SubscriptionChange& row) {
    return std::to_string(row.number()) + " " + std::string(to_string(row.status())) + " of " +
           std::string(row.customer()) + (row.is_gone() ? " gone" : "");
  });
}

TEST_CASE("billing: a history stays with who had the subscription") {
  World w;
  const UserId first = numbered_user(w, 1), second = numbered_user(w, 2);
  const Tenant had = w.store().tenant(second);
  apply(w, checkout("b", 2, second));
  apply(w, report("active", 3, Status::active));
  CHECK(history_of(had) == std::vector<std::string>{"1 active of cus_1"});
  apply(w, checkout("a", 1, first));
  const std::vector<std::string> gone = {"2 active of cus_1 gone", "1 active of cus_1"};
  CHECK(history_of(had) == gone);
  CHECK_CODE(not_found, had.subscription("sub_1"));
  CHECK(shown(had) == "free - 10");
  // Other customers do not hide it, whether one or several are left.
  for (const char* customer : {"cus_2", "cus_3"}) {
    apply(w, checkout(customer, 5, second, customer));
    CHECK(history_of(had) == gone);
    CHECK(shown(had) == "free cus_2 10");
  }
  // It is read in pages, and nothing follows the last.
  Cursor<SubscriptionChange> page = had.subscription_history("sub_1", {.limit = 1});
  REQUIRE(page.next());
  CHECK(page->is_gone());
  const std::string token = page.token();
  Cursor<SubscriptionChange> rest = had.subscription_history("sub_1", {.after = token});
  REQUIRE(rest.next());
  CHECK(rest->number() == 1);
  const std::string last = rest.token();
  CHECK(history_of(had, {.after = last}).empty());
  // What never was is told by the name that was asked for.
  const bcstore::Status never = status_of(had.subscription_history("sub_9"));
  CHECK(name_of(never) == "not_found");
  check_clean(w);
  w.reopen();
  CHECK(history_of(w.store().tenant(second)) == gone);
  CHECK(history_of(w.store().tenant(first)) == std::vector<std::string>{"1 active of cus_1"});
}

TEST_CASE("billing: a customer that comes back goes on with its history") {
  World w;
  const UserId first = numbered_user(w, 1), second = numbered_user(w, 2);
  apply(w, checkout("c", 3, first));
  apply(w, report("active", 4, Status::active));
  apply(w, checkout("b", 2, second));
  apply(w, checkout("a", 1, first));
  CHECK(history_of(w.store().tenant(first)) == std::vector<std::string>{"3 active of cus_1",
                                                                        "2 active of cus_1 gone",
                                                                        "1 active of cus_1"});
  CHECK(history_of(w.store().tenant(second)).size() == 2);
  CHECK(shown(w.store().tenant(second)) == "free - 10");
  check_clean(w);
}

TEST_CASE("billing: where all customers that name a subscription moved, the last history counts") {
  World w;
  const UserId first = numbered_user(w, 1), second = numbered_user(w, 2);
  const Tenant had = w.store().tenant(second);
  for (const char* customer : {"cus_1", "cus_2"}) {
    apply(w, checkout(std::string("late ") + customer, 9, second, customer));
    const std::string id = std::string("active ") + customer;
    BillingEvent event = report(id, 3, Status::active);
    event.customer = customer;
    apply(w, event);
  }
  apply(w, checkout("early 2", 1, first, "cus_2"));
  CHECK(history_of(had) == std::vector<std::string>{"1 active of cus_1"});
  apply(w, checkout("early 1", 1, first, "cus_1"));
  CHECK(history_of(had) == std::vector<std::string>{"2 active of cus_2 gone", "1 active of cus_2"});
  check_clean(w);
}

TEST_CASE("billing: a move is two commits, also in the statistics") {
  World w;
  const UserId first = numbered_user(w, 1), second = numbered_user(w, 2);
  const auto added = [&](const BillingEvent& event) {
    const StoreStats before = w.store().stats();
    apply(w, event);
    const StoreStats now = w.store().stats();
    CHECK(now.commits - before.commits == now.last_commit_seq - before.last_commit_seq);
    return now.commits - before.commits;
  };
  CHECK(added(checkout("b", 2, second)) == 1);
  CHECK(added(checkout("a", 1, first)) == 2);
  CHECK(added(checkout("a", 1, first)) == 0);
  // A duplicate tells the commit, not the place in its owner's sequence.
  const BillingReceipt again = w.service().apply_billing_event(checkout("a", 1, first)).value();
  CHECK(again.outcome == Outcome::duplicate);
  CHECK(again.receipt.commit_seq == w.commits());
  CHECK(again.receipt.owner_seq == 0);
}

TEST_CASE("billing: the receipt of a customer names the revision that the profile came to") {
  World w;
  const Service service = w.service();
  const UserId user = numbered_user(w, 1);
  apply(w, report("active", 1, Status::active));
  const CommitOptions once{.idempotency_key = "link"};
  const Receipt linked = service.link_stripe_customer(user, "cus_1", once).value();
  CHECK(linked.operations.at(0).number == w.store().tenant(user).profile().value().rev());
  CHECK(linked.operations.at(0).number == 3);
  CHECK(service.link_stripe_customer(user, "cus_1", once).value().operations.at(0).number == 3);
  // Nothing is known of this one.
  const UserId other = numbered_user(w, 2);
  CHECK(service.link_stripe_customer(other, "cus_2").value().operations.at(0).number == 2);
  CHECK(w.store().tenant(other).profile().value().rev() == 2);
}

TEST_CASE("billing: a customer's deletion says nothing new of what was canceled") {
  World w;
  const UserId user = numbered_user(w, 1);
  apply(w, checkout("checkout", 1, user));
  apply(w, deletion("deleted", 2));
  BillingEvent other = report("active", 3, Status::active);
  other.subscription = "sub_2";
  apply(w, other);
  apply(w, billing_event(Kind::customer_deleted, "gone", 4));
  const Tenant tenant = w.store().tenant(user);
  CHECK(history_of(tenant) == std::vector<std::string>{"1 canceled of cus_1"});
  CHECK(tenant.subscription("sub_2").value().status() == Status::canceled);
  CHECK_FALSE(tenant.profile().value().is_pro());
  check_clean(w);
}

TEST_CASE("billing: what is refused in a move's second commit takes back the first") {
  World w;
  const UserId first = numbered_user(w, 1), second = numbered_user(w, 2);
  apply(w, checkout("x", 50, first));
  apply(w, report("active", 60, Status::active));
  for (size_t i = 0; i < kMaxUserCustomers; ++i) {
    const std::string customer = "theirs_" + std::to_string(i);
    apply(w, checkout(customer, 10, second, customer));
  }
  const Uuid state = w.store().logical_hash(HashScope::state).value();
  const Uuid content = w.store().logical_hash(HashScope::content).value();
  const uint64_t commits = w.commits();
  CHECK_CODE(failed_precondition, w.service().apply_billing_event(checkout("early", 1, second)));
  CHECK(w.commits() == commits);
  CHECK(w.store().logical_hash(HashScope::state).value() == state);
  CHECK(w.store().logical_hash(HashScope::content).value() == content);
  // Nor is any of it in the leader's mind.
  apply(w, report("due", 61, Status::past_due));
  apply(w, report("again", 62, Status::active));
  CHECK(shown(w.store().tenant(first)) ==
        "pro cus_1 unlimited [sub_1 of cus_1 active price_1 until 1000 by again]");
  check_clean(w);
  w.reopen();
  check_clean(w);
}

}  // namespace
}  // namespace bcstore
