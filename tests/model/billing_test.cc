// Deliveries through the engine: what each does, and that their order does not matter.
#include <doctest/doctest.h>

#include <set>
#include <thread>

#include "billing_stories.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using Kind = BillingEventKind;
using Outcome = BillingOutcome;
using Status = SubscriptionStatus;

Uuid state_of(World& w) { return w.store().logical_hash(HashScope::state).value(); }

UserId named_user(World& w, uint8_t n) {
  const UserId id = forged<UserId>(n);
  const std::string email = "user" + std::to_string(n) + "@x";
  w.service().create_user({.email = email, .id = id}, {.durability = Durability::relaxed}).value();
  return id;
}

// Delivers them in every order, each to a store of its own: all end alike, and clean.
std::string in_all_orders(const std::vector<BillingEvent>& events, size_t users) {
  std::string first;
  Uuid state;
  each_order(events.size(), [&](const std::vector<size_t>& order) {
    World w;
    std::string names;
    for (uint8_t n = 1; n <= users; ++n) named_user(w, n);
    for (const size_t i : order) {
      names += std::string(events[i].event_id) + " ";
      apply(w, events[i]);
    }
    CAPTURE(names);
    std::string all;
    for (uint8_t n = 1; n <= users; ++n) all += shown(w.store().tenant(forged<UserId>(n))) + "; ";
    if (first.empty()) {
      first = all;
      state = state_of(w);
    }
    REQUIRE(all == first);
    REQUIRE(state_of(w) == state);
    check_clean(w);
    // Everything again: nothing is new.
    const uint64_t commits = w.commits();
    for (const BillingEvent& event : events) REQUIRE(apply(w, event) == Outcome::duplicate);
    REQUIRE(w.commits() == commits);
  });
  return first;
}

TEST_CASE("billing: every order of a subscription's story ends alike") {
  BillingEvent paid = billing_event(Kind::invoice_paid, "paid", 4);
  paid.period_end = after(2000);
  CHECK(in_all_orders({checkout("checkout", 1, forged<UserId>(1)),
                       report("created", 1, Status::incomplete, Kind::subscription_created),
                       report("active", 2, Status::active), paid,
                       billing_event(Kind::invoice_payment_failed, "failed", 5)},
                      1) ==
        "free cus_1 10 [sub_1 of cus_1 past_due price_1 until 2000 by failed]; ");
}

TEST_CASE("billing: a deletion cancels in every order") {
  CHECK(in_all_orders(
            {checkout("checkout", 1, forged<UserId>(1)), report("active", 2, Status::active),
             deletion("deleted", 3), report("late", 4, Status::active)},
            1) == "free cus_1 10 [sub_1 of cus_1 canceled price_1 until 1000 by late]; ");
  BillingEvent gone = billing_event(Kind::customer_deleted, "gone", 2);
  CHECK(in_all_orders(
            {checkout("checkout", 1, forged<UserId>(1)), report("active", 3, Status::active), gone},
            1) == "free cus_1 10 [sub_1 of cus_1 canceled price_1 until 1000 by active]; ");
}

TEST_CASE("billing: a customer of two users is the first one's in every order") {
  CHECK(in_all_orders({checkout("second", 2, forged<UserId>(2)),
                       report("active", 3, Status::active), checkout("first", 1, forged<UserId>(1)),
                       checkout("third", 4, forged<UserId>(2), "cus_2")},
                      2) ==
        "pro cus_1 unlimited [sub_1 of cus_1 active price_1 until 1000 by active]; "
        "free cus_2 10; ");
  // There and back: the first word is the first user's again.
  CHECK(in_all_orders({checkout("a", 3, forged<UserId>(1)), checkout("b", 2, forged<UserId>(2)),
                       checkout("c", 1, forged<UserId>(1)), report("active", 3, Status::active)},
                      2) ==
        "pro cus_1 unlimited [sub_1 of cus_1 active price_1 until 1000 by active]; free - 10; ");
}

TEST_CASE("billing: a user of two customers has the subscriptions of both in every order") {
  BillingEvent other = report("other", 4, Status::trialing);
  other.customer = "cus_2";
  other.subscription = "sub_2";
  CHECK(in_all_orders(
            {checkout("late", 2, forged<UserId>(1), "cus_2"),
             checkout("early", 1, forged<UserId>(1)), other, report("unpaid", 3, Status::unpaid)},
            1) ==
        "pro cus_1 unlimited [sub_1 of cus_1 unpaid price_1 until 1000 by unpaid]"
        " [sub_2 of cus_2 trialing price_1 until 1000 by other]; ");
}

TEST_CASE("billing: what becomes of a delivery") {
  World w;
  const UserId user = named_user(w, 1);
  const Service service = w.service("billing");
  CHECK(apply(w, report("active", 5, Status::active)) == Outcome::parked);
  CHECK_CODE(not_found, service.find_user_by_stripe_customer("cus_1"));
  const BillingReceipt tied = service.apply_billing_event(checkout("checkout", 1, user)).value();
  CHECK(tied.outcome == Outcome::applied);
  CHECK(tied.user == user);
  CHECK_FALSE(tied.receipt.replayed);
  CHECK(service.find_user_by_stripe_customer("cus_1").value() == user);
  CHECK(apply(w, report("older", 4, Status::canceled)) == Outcome::stale);
  const BillingReceipt newer =
      service.apply_billing_event(report("newer", 6, Status::past_due)).value();
  CHECK(newer.outcome == Outcome::applied);
  CHECK(apply(w, billing_event(Kind::customer_changed, "changed", 6)) == Outcome::applied);
  CHECK(apply(w, billing_event(Kind::customer_changed, "changed", 2)) == Outcome::stale);
  CHECK(apply(w, billing_event(Kind::ignored, "other", 6)) == Outcome::ignored);
  // Of nobody, or of no subscription.
  BillingEvent nobody = report("nobody", 9, Status::active);
  nobody.customer = {};
  CHECK(apply(w, nobody) == Outcome::ignored);
  BillingEvent invoice = billing_event(Kind::invoice_paid, "invoice", 9);
  invoice.subscription = {};
  CHECK(apply(w, invoice) == Outcome::ignored);
  // The same id with other contents is another delivery.
  BillingEvent same = report("newer", 6, Status::past_due);
  const BillingReceipt again = service.apply_billing_event(same).value();
  CHECK(again.outcome == Outcome::duplicate);
  CHECK(again.user == user);
  CHECK(again.receipt.replayed);
  CHECK(again.receipt.commit_seq == newer.receipt.commit_seq);
  same.cancel_at_period_end = true;
  CHECK(apply(w, same) != Outcome::duplicate);
  same.content_hash = forged<UserId>(9).uuid();
  CHECK(apply(w, same) != Outcome::duplicate);
  CHECK(apply(w, same) == Outcome::duplicate);
  check_clean(w);
}

TEST_CASE("billing: a refusal writes nothing") {
  World w;
  const UserId user = named_user(w, 1);
  const Service service = w.service("billing");
  const Uuid before = w.store().logical_hash(HashScope::content).value();
  BillingEvent no_id = report("", 1, Status::active);
  BillingEvent no_subscription = report("a", 1, Status::active);
  no_subscription.subscription = {};
  BillingEvent bad_text = report("a", 1, Status::active);
  bad_text.price = "\xC3(";
  const std::string long_text(kMaxBillingTextBytes + 1, 'x');
  BillingEvent long_id = report(long_text, 1, Status::active);
  BillingEvent early = report("a", 1, Status::active);
  early.occurred_at = Time{INT64_MIN};
  BillingEvent odd = report("a", 1, static_cast<Status>(77));
  BillingEvent odd_kind = billing_event(static_cast<Kind>(99), "a", 1);
  BillingEvent no_customer = billing_event(Kind::customer_deleted, "a", 1);
  no_customer.customer = {};
  check_writes(w,
               {CALL(invalid_argument, service.apply_billing_event(no_id)),
                CALL(invalid_argument, service.apply_billing_event(no_subscription)),
                CALL(invalid_argument, service.apply_billing_event(bad_text)),
                CALL(invalid_argument, service.apply_billing_event(long_id)),
                CALL(invalid_argument, service.apply_billing_event(early)),
                CALL(invalid_argument, service.apply_billing_event(odd)),
                CALL(invalid_argument, service.apply_billing_event(odd_kind)),
                CALL(invalid_argument, service.apply_billing_event(no_customer)),
                CALL(invalid_argument, service.apply_billing_event(checkout("a", 1, kSystemOwner))),
                CALL(not_found, service.apply_billing_event(checkout("a", 1, forged<UserId>(9)))),
                CALL(invalid_argument, w.service("").apply_billing_event(checkout("a", 1, user)))});
  CHECK(w.store().logical_hash(HashScope::content).value() == before);
  // And may succeed when there is somebody.
  named_user(w, 9);
  CHECK(apply(w, checkout("a", 1, forged<UserId>(9))) == Outcome::applied);
}

TEST_CASE("billing: a group of deliveries sees its own") {
  World w;
  const UserId first = named_user(w, 1), second = named_user(w, 2);
  std::vector<std::thread> threads;
  const std::vector<BillingEvent> events = {
      checkout("b", 2, second), report("active", 3, Status::active), checkout("a", 1, first),
      deletion("deleted", 4),   report("active", 3, Status::active), checkout("b", 2, second)};
  for (const BillingEvent& event : events) {
    threads.emplace_back([&w, event] {
      for (int i = 0; i < 20; ++i) (void)w.service("t").apply_billing_event(event);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(shown(w.store().tenant(first)) ==
        "free cus_1 10 [sub_1 of cus_1 canceled price_1 until 1000 by deleted]");
  CHECK(shown(w.store().tenant(second)) == "free - 10");
  check_clean(w);
  w.reopen();
  check_clean(w);
  CHECK(apply(w, deletion("deleted", 4)) == Outcome::duplicate);
}

TEST_CASE("billing: the application ties a customer, and what was parked is applied with it") {
  World w;
  const Service service = w.service("billing");
  apply(w, report("active", 1, Status::active));
  SUBCASE("to a user who is there") {
    const UserId user = named_user(w, 1);
    const uint64_t commits = w.commits();
    service.link_stripe_customer(user, "cus_1").value();
    CHECK(w.commits() == commits + 1);
  }
  SUBCASE("to a new one") {
    service.create_user({.email = "a@x", .stripe_customer_id = "cus_1", .id = forged<UserId>(1)})
        .value();
  }
  SUBCASE("to an imported one") {
    const ImportedUser user{.id = forged<UserId>(1),
                            .email = "a@x",
                            .created_at = Time{1},
                            .stripe_customer_id = "cus_1"};
    CHECK(service.import_user(user).outcome == ImportOutcome::written);
    CHECK(service.import_user(user).outcome == ImportOutcome::present);
  }
  const Tenant tenant = w.store().tenant(forged<UserId>(1));
  const std::string seen =
      "pro cus_1 unlimited [sub_1 of cus_1 active price_1 until 1000 by active]";
  CHECK(shown(tenant) == seen);
  // What the application said stands.
  const UserId other = named_user(w, 2);
  CHECK(apply(w, checkout("other", 0, other)) == Outcome::stale);
  CHECK(shown(tenant) == seen);
  CHECK_CODE(already_exists, service.link_stripe_customer(other, "cus_1"));
  CHECK_CODE(failed_precondition, service.link_stripe_customer(forged<UserId>(1), "cus_2"));
  check_clean(w);
}

TEST_CASE("billing: an imported is_pro stays until a subscription says otherwise") {
  World w;
  const Service service = w.service("billing");
  CHECK(service
            .import_user({.id = forged<UserId>(1),
                          .email = "a@x",
                          .created_at = Time{1},
                          .stripe_customer_id = "cus_1",
                          .is_pro = true})
            .status.ok());
  const Tenant tenant = w.store().tenant(forged<UserId>(1));
  CHECK(shown(tenant) == "pro cus_1 10");
  apply(w, billing_event(Kind::customer_changed, "changed", 1));
  CHECK(shown(tenant) == "pro cus_1 10");
  apply(w, report("unpaid", 2, Status::unpaid));
  CHECK(shown(tenant) == "free cus_1 10 [sub_1 of cus_1 unpaid price_1 until 1000 by unpaid]");
  check_clean(w);
}

TEST_CASE("billing: a past due subscription is Pro where the store says so") {
  for (const bool is_pro : {false, true}) {
    World w([&](Options& o) { o.past_due_is_pro = is_pro; });
    apply(w, checkout("checkout", 1, named_user(w, 1)));
    apply(w, report("due", 2, Status::past_due));
    CHECK(w.store().tenant(forged<UserId>(1)).profile().value().is_pro() == is_pro);
    check_clean(w);
  }
  World w([](Options& o) { o.pro_is_unlimited = false; });
  apply(w, checkout("checkout", 1, named_user(w, 1)));
  apply(w, report("active", 2, Status::active));
  CHECK(shown(w.store().tenant(forged<UserId>(1))) ==
        "pro cus_1 10 [sub_1 of cus_1 active price_1 until 1000 by active]");
}

TEST_CASE("billing: a downgrade gives the balance back as it was, with due resets") {
  World w;
  const UserId user = named_user(w, 1);
  const Tenant tenant = w.store().tenant(user);
  const Service service = w.service("billing");
  apply(w, checkout("checkout", 1, user));
  const auto remaining = [&] { return tenant.credits().value().remaining; };
  tenant.consume_credit({.amount = 3}).value();
  for (int round = 0; round < 5; ++round) {
    BillingEvent event = report("on", 10 + 2 * round, Status::active);
    apply(w, event);
    CHECK_FALSE(remaining().has_value());
    tenant.consume_credit({.amount = 100}).value();
    event = report("off", 11 + 2 * round, Status::canceled);
    apply(w, event);
    CHECK(remaining() == 7);
  }
  tenant.consume_credit({.amount = 7}).value();
  CHECK_CODE(out_of_credits, tenant.consume_credit());
  // A reset that is due while Pro lasts.
  const Time next{kStartUs / kDayUs * kDayUs + kDayUs};
  service.set_credit_plan(user, {.allowance = 20, .resets_at = next}).value();
  apply(w, report("on", 100, Status::active));
  w.clock->advance(2 * kDayUs);
  apply(w, report("off", 101, Status::canceled));
  CHECK(remaining() == 20);
  // What was granted stays, whatever a subscription does.
  service.set_unlimited(user, true).value();
  apply(w, report("on", 102, Status::active));
  apply(w, report("off", 103, Status::canceled));
  CHECK_FALSE(remaining().has_value());
  service.set_unlimited(user, false).value();
  CHECK(remaining() == 20);
  // And the other way round.
  apply(w, report("on", 104, Status::active));
  service.set_unlimited(user, true).value();
  service.set_unlimited(user, false).value();
  CHECK_FALSE(remaining().has_value());
  check_clean(w);
}

TEST_CASE("billing: an imported balance of a Pro user is the same when it comes again") {
  World w;
  const UserId user = named_user(w, 1);
  apply(w, checkout("checkout", 1, user));
  apply(w, report("active", 2, Status::active));
  for (const bool is_first : {true, false}) {
    Importer importer = w.service().importer(user);
    importer.credits({.remaining = 4}, {.created_at = Time{1}, .actor = Actor::of_user(user)});
    CHECK(importer.commit().value().at(0).outcome ==
          (is_first ? ImportOutcome::written : ImportOutcome::present));
  }
  CHECK_FALSE(w.store().tenant(user).credits().value().remaining.has_value());
  apply(w, deletion("deleted", 3));
  CHECK(w.store().tenant(user).credits().value().remaining == 4);
  check_clean(w);
}

TEST_CASE("billing: a subscription, its list and its history") {
  World w;
  const UserId user = named_user(w, 1);
  const Tenant tenant = w.store().tenant(user);
  apply(w, report("parked", 1, Status::incomplete, Kind::subscription_created));
  apply(w, checkout("checkout", 1, user));
  const Snapshot before = tenant.snapshot().value();
  BillingEvent active = report("active", 2, Status::active);
  active.cancel_at_period_end = true;
  apply(w, active);
  const Subscription one = tenant.subscription("sub_1").value();
  CHECK(one.owner() == user);
  CHECK(one.id() == "sub_1");
  CHECK(one.customer() == "cus_1");
  CHECK(one.status() == Status::active);
  CHECK(one.price() == "price_1");
  CHECK(one.period_end() == after(1000));
  CHECK(one.cancel_at_period_end());
  CHECK(one.last_event_id() == "active");
  CHECK(one.last_event_at() == after(2));
  CHECK(tenant.subscription("sub_1", {.snapshot = &before}).value().status() == Status::incomplete);
  CHECK(rows_of(tenant.subscription_history("sub_1"), [](const SubscriptionChange& row) {
          return std::to_string(row.number()) + std::string(row.event_id()) +
                 std::string(to_string(row.status()));
        }) == std::vector<std::string>{"2activeactive", "1parkedincomplete"});
  CHECK_CODE(not_found, tenant.subscription("sub_2"));
  CHECK_CODE(invalid_argument, tenant.subscription(""));
  CHECK_CODE(not_found, tenant.subscription_history("sub_2"));
  CHECK_CODE(not_found, w.store().tenant(named_user(w, 2)).subscription("sub_1"));
  // Pages.
  std::set<std::string> all = {"sub_1"};
  for (int i = 2; i < 9; ++i) {
    const std::string id = "sub_" + std::to_string(i);
    BillingEvent more = report(id, i, Status::unpaid);
    more.subscription = id;
    apply(w, more);
    all.insert(id);
  }
  std::set<std::string> paged;
  std::string token;
  do {
    Cursor<Subscription> page = tenant.subscriptions({.limit = 3, .after = token});
    token.clear();
    while (page.next()) {
      CHECK(paged.insert(std::string(page->id())).second);
      token = page.token();
    }
    REQUIRE(page.status().ok());
  } while (!token.empty());
  CHECK(paged == all);
}

TEST_CASE("billing: of one customer only so many subscriptions are kept") {
  World w;
  std::string id;
  for (size_t i = 0; i <= kMaxCustomerSubscriptions; ++i) {
    id = "sub_" + std::to_string(i);
    BillingEvent event = report(id, 1, Status::active);
    event.subscription = id;
    const auto receipt = w.service("t").apply_billing_event(event, Durability::relaxed);
    REQUIRE(receipt.ok() == (i < kMaxCustomerSubscriptions));
    if (!receipt.ok()) CHECK(receipt.code() == Code::failed_precondition);
  }
  // They are applied together, and end together.
  const UserId user = named_user(w, 1);
  CHECK(apply(w, checkout("checkout", 1, user)) == Outcome::applied);
  CHECK(w.store().tenant(user).profile().value().is_pro());
  CHECK(apply(w, billing_event(Kind::customer_deleted, "gone", 2)) == Outcome::applied);
  CHECK_FALSE(w.store().tenant(user).profile().value().is_pro());
  check_clean(w);
}

TEST_CASE("billing: customers of one user are counted") {
  World w;
  const UserId user = named_user(w, 1);
  for (size_t i = 0; i <= kMaxUserCustomers; ++i) {
    const std::string customer = "cus_" + std::to_string(i);
    const auto receipt = w.service("t").apply_billing_event(
        checkout(customer, static_cast<int64_t>(i), user, customer), Durability::relaxed);
    REQUIRE(receipt.ok() == (i < kMaxUserCustomers));
    if (!receipt.ok()) CHECK(receipt.code() == Code::failed_precondition);
  }
  CHECK(shown(w.store().tenant(user)) == "free cus_0 10");
  check_clean(w);
}

}  // namespace
}  // namespace bcstore
