// Customers that turn out to be somebody else's: what is left to who had them.

#include "billing_stories.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
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

}  // namespace
}  // namespace bcstore
