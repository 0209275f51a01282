// Subscriptions as folds: the rules one by one, and that no order and no repeat changes the
// outcome.
#include "billing/subscription.h"

#include <doctest/doctest.h>

#include <numeric>

#include "billing/stories.h"
#include "model/fixture.h"

namespace bcstore::billing {
namespace {

using Kind = StripeEventKind;
using Status = SubscriptionStatus;

constexpr Time at(int64_t seconds) { return Time{seconds * 1'000'000}; }

StripeEvent of_kind(Kind kind, std::string type, std::string id, int64_t created) {
  StripeEvent event;
  event.kind = kind;
  event.type = std::move(type);
  event.id = std::move(id);
  event.created = at(created);
  return event;
}

StripeEvent report(std::string id, int64_t created, Status status, int64_t period_end = 100,
                   std::string_view what = "updated") {
  StripeEvent event =
      of_kind(what == "created" ? Kind::subscription_created : Kind::subscription_changed,
              "customer.subscription." + std::string(what), std::move(id), created);
  event.subscription = "sub_1";
  event.customer = "cus_1";
  event.status = status;
  event.price = "price_" + event.id;
  event.period_end = at(period_end);
  return event;
}

StripeEvent deletion(std::string id, int64_t created) {
  StripeEvent event = report(std::move(id), created, Status::active, 100, "deleted");
  event.kind = Kind::subscription_deleted;
  return event;
}

StripeEvent paid(std::string id, int64_t created, int64_t period_end) {
  StripeEvent event = of_kind(Kind::invoice_paid, "invoice.paid", std::move(id), created);
  event.subscription = "sub_1";
  event.customer = "cus_1";
  event.period_end = at(period_end);
  return event;
}

StripeEvent failed(std::string id, int64_t created) {
  StripeEvent event =
      of_kind(Kind::invoice_payment_failed, "invoice.payment_failed", std::move(id), created);
  event.subscription = "sub_1";
  event.customer = "cus_1";
  return event;
}

StripeEvent about_customer(Kind kind, std::string id, int64_t created, std::string reference = "") {
  StripeEvent event = of_kind(kind, "customer", std::move(id), created);
  event.customer = "cus_1";
  event.client_reference_id = std::move(reference);
  return event;
}

// Every order of them gives one ledger, which shows what the rules in order show.
Ledger check_all_orders(const std::vector<StripeEvent>& events) {
  std::vector<size_t> order(events.size());
  std::iota(order.begin(), order.end(), 0u);
  const Ledger expected = ledger_of(events);
  CHECK(expected.shown() == shown_in_order(events));
  do {
    Ledger ledger;
    for (const size_t i : order) (void)ledger.take(events[i]);
    REQUIRE(ledger == expected);
  } while (std::next_permutation(order.begin(), order.end()));
  return expected;
}

Shown shown_of(const std::vector<StripeEvent>& events) {
  return check_all_orders(events).shown()["sub_1"];
}

TEST_CASE("subscription: a report says all that it carries") {
  StripeEvent first = report("a", 1, Status::trialing, 50, "created");
  StripeEvent second = report("b", 2, Status::active, 40);
  second.cancel_at_period_end = true;
  CHECK(shown_of({first}) == Shown{Status::trialing, "cus_1", "price_a", false, at(50)});
  CHECK(shown_of({first, second}) == Shown{Status::active, "cus_1", "price_b", true, at(40)});
  second.customer.clear();
  CHECK(shown_of({first, second}).customer == "cus_1");
}

TEST_CASE("subscription: in one second the beginning comes first and the end last") {
  // The ids are against it each time.
  CHECK(shown_of({report("z", 1, Status::incomplete, 9, "created"), report("a", 1, Status::active)})
            .status == Status::active);
  CHECK(shown_of({report("z", 1, Status::incomplete), report("a", 1, Status::active)}).status ==
        Status::active);
  CHECK(shown_of({report("a", 1, Status::canceled), report("z", 1, Status::active)}).status ==
        Status::canceled);
  CHECK(shown_of({deletion("a", 1), report("z", 1, Status::active)}).price == "price_a");
  CHECK(shown_of({failed("z", 1), report("a", 1, Status::active)}).status == Status::active);
  CHECK(shown_of({failed("a", 1), report("z", 1, Status::active, 9, "created")}).status ==
        Status::past_due);
  // Where nothing tells, the ids do, and then the payload.
  CHECK(shown_of({report("b", 1, Status::active), report("a", 1, Status::paused)}).status ==
        Status::active);
  StripeEvent again = report("b", 1, Status::unpaid);
  again.payload_hash.bytes[0] = 1;
  CHECK(shown_of({report("b", 1, Status::active), again}).status == Status::unpaid);
}

TEST_CASE("subscription: a deletion is for good") {
  CHECK(shown_of({report("a", 1, Status::active), deletion("b", 2)}).status == Status::canceled);
  CHECK(shown_of({deletion("b", 2), report("c", 3, Status::active), paid("d", 4, 500)}).status ==
        Status::canceled);
  const Ledger gone = check_all_orders({report("a", 1, Status::active),
                                        about_customer(Kind::customer_deleted, "b", 2),
                                        report("c", 3, Status::active)});
  CHECK(gone.shown()["sub_1"].status == Status::canceled);
  // Of another customer it says nothing.
  StripeEvent moved = report("d", 4, Status::active);
  moved.customer = "cus_2";
  CHECK(shown_of(
            {report("a", 1, Status::active), about_customer(Kind::customer_deleted, "b", 2), moved})
            .status == Status::active);
}

TEST_CASE("subscription: a failed payment makes past due what ran") {
  for (const Status running : {Status::active, Status::trialing, Status::past_due}) {
    CHECK(shown_of({report("a", 1, running), failed("b", 2)}).status == Status::past_due);
    CHECK(shown_of({failed("b", 1), report("a", 2, running)}).status == running);
  }
  for (const Status other : {Status::incomplete, Status::incomplete_expired, Status::unpaid,
                             Status::paused, Status::canceled, Status::other}) {
    CHECK(shown_of({report("a", 1, other), failed("b", 2)}).status == other);
  }
  CHECK(shown_of({failed("b", 2)}).status == Status::incomplete);
  CHECK(
      shown_of({report("a", 1, Status::incomplete), failed("b", 2), report("c", 3, Status::active)})
          .status == Status::active);
}

TEST_CASE("subscription: a paid invoice moves the period's end forwards") {
  CHECK(shown_of({paid("a", 1, 70)}) == Shown{Status::incomplete, "cus_1", "", false, at(70)});
  CHECK(shown_of({report("a", 1, Status::active, 50), paid("b", 2, 80)}).period_end == at(80));
  // An old one, paid late.
  CHECK(shown_of({report("a", 1, Status::active, 50), paid("b", 2, 20)}).period_end == at(50));
  // A newer report may name an earlier end: a year's plan became a month's.
  CHECK(shown_of({paid("a", 1, 365), report("b", 2, Status::active, 30)}).period_end == at(30));
  CHECK(shown_of({paid("a", 1, 365), report("b", 2, Status::active, 30), paid("c", 3, 60)})
            .period_end == at(60));
}

TEST_CASE("subscription: the outcome of an event") {
  Ledger ledger;
  CHECK(ledger.take(report("b", 5, Status::active)) == FoldOutcome::applied);
  CHECK(ledger.take(report("b", 5, Status::active)) == FoldOutcome::duplicate);
  CHECK(ledger.take(report("a", 5, Status::active)) == FoldOutcome::stale);
  CHECK(ledger.take(report("z", 4, Status::canceled)) == FoldOutcome::stale);
  CHECK(ledger.take(paid("y", 4, 900)) == FoldOutcome::stale);
  CHECK(ledger.take(failed("x", 4)) == FoldOutcome::stale);
  CHECK(ledger.take(failed("x", 6)) == FoldOutcome::applied);
  CHECK(ledger.take(failed("x", 6)) == FoldOutcome::duplicate);
  CHECK(ledger.take(report("b", 5, Status::active)) == FoldOutcome::duplicate);
  CHECK(ledger.take(report("c", 7, Status::active)) == FoldOutcome::applied);
  CHECK(ledger.take(report("b", 5, Status::active)) == FoldOutcome::stale);
  CHECK(ledger.take(deletion("a", 1)) == FoldOutcome::applied);
  CHECK(ledger.take(deletion("a", 1)) == FoldOutcome::duplicate);
  CHECK(ledger.take(StripeEvent{}) == FoldOutcome::unrelated);
  StripeEvent nobody = paid("n", 9, 9);
  nobody.subscription.clear();
  CHECK(ledger.take(nobody) == FoldOutcome::unrelated);
  CHECK(ledger.subscriptions.size() == 1);
  const SubscriptionRecord& record = ledger.subscriptions.at("sub_1");
  CHECK(record.last.event_id == "c");
  CHECK(record.last.created == at(7));
  CHECK_FALSE(record.failed.has_value());
  // An event of another subscription leaves the record alone.
  StripeEvent other = report("d", 8, Status::active);
  other.subscription = "sub_2";
  const Folded<SubscriptionRecord> folded = fold_subscription(record, other);
  CHECK(folded.outcome == FoldOutcome::unrelated);
  CHECK(folded.record == record);
}

TEST_CASE("subscription: a customer is who the first checkout said") {
  const Ledger ledger = check_all_orders({about_customer(Kind::checkout_completed, "a", 1, "ann"),
                                          about_customer(Kind::checkout_completed, "b", 2, "bob"),
                                          about_customer(Kind::checkout_completed, "c", 3, ""),
                                          about_customer(Kind::customer_changed, "d", 4)});
  const CustomerRecord& record = ledger.customers.at("cus_1");
  REQUIRE(record.link.has_value());
  CHECK(record.link->client_reference_id == "ann");
  CHECK(record.last.event_id == "d");
  CHECK_FALSE(record.deleted.has_value());
  StripeEvent guest = about_customer(Kind::checkout_completed, "e", 5, "eve");
  guest.customer.clear();
  CHECK(fold_customer(std::nullopt, guest).outcome == FoldOutcome::unrelated);
}

TEST_CASE("subscription: who is pro") {
  const auto pro = [](std::vector<Status> statuses, bool past_due = false) {
    return is_pro(statuses, past_due);
  };
  CHECK_FALSE(pro({}));
  CHECK(pro({Status::active}));
  CHECK(pro({Status::trialing}));
  CHECK(pro({Status::canceled, Status::active, Status::unpaid}));
  for (const Status status : {Status::incomplete, Status::incomplete_expired, Status::canceled,
                              Status::unpaid, Status::paused, Status::other}) {
    CHECK_FALSE(pro({status}, true));
  }
  CHECK_FALSE(pro({Status::past_due}));
  CHECK(pro({Status::past_due}, true));
}

// Few instants, ids and objects, so that they meet.
StripeEvent any_event(std::mt19937_64& random) {
  const auto below = [&](uint64_t bound) { return static_cast<int64_t>(random() % bound); };
  const std::string id(1, static_cast<char>('a' + below(6)));
  const int64_t created = 1 + below(4);
  StripeEvent event;
  switch (below(8)) {
    case 0:
      event = report(id, created, Status::incomplete, 10 * below(9), "created");
      break;
    case 1:
    case 2:
      event = report(id, created, static_cast<Status>(1 + below(9)), 10 * below(9));
      break;
    case 3:
      event = paid(id, created, 10 * below(9));
      break;
    case 4:
      event = failed(id, created);
      break;
    case 5:
      event = deletion(id, created);
      if (below(3) != 0) event = report(id, created, Status::active, 10 * below(9));
      break;
    case 6:
      event = about_customer(below(2) == 0 ? Kind::customer_changed : Kind::customer_deleted, id,
                             created);
      break;
    default:
      event = about_customer(Kind::checkout_completed, id, created, "user_" + id);
  }
  // Other contents have another hash.
  for (uint8_t& byte : event.payload_hash.bytes) byte = static_cast<uint8_t>(random());
  if (!event.subscription.empty() && below(4) == 0) event.subscription = "sub_2";
  if (below(4) == 0) event.customer = "cus_2";
  if (!event.subscription.empty() && below(6) == 0) event.customer.clear();
  if (below(6) == 0) event.period_end.reset();
  event.cancel_at_period_end = below(2) == 0;
  return event;
}

TEST_CASE("subscription: all orders of five events come to the same") {
  const uint64_t seed = fixture::seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed);
  for (int story = 0; story < 300; ++story) {
    std::vector<StripeEvent> events;
    for (int i = 0; i < 5; ++i) events.push_back(any_event(random));
    CAPTURE(story);
    check_all_orders(events);
  }
}

TEST_CASE("subscription: long stories in any order and with repeats come to the same") {
  const uint64_t seed = fixture::seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed);
  for (int story = 0; story < 100; ++story) {
    std::vector<StripeEvent> events;
    const size_t length = 6 + random() % 40;
    for (size_t i = 0; i < length; ++i) events.push_back(any_event(random));
    CAPTURE(story);
    const Ledger expected = ledger_of(events);
    REQUIRE(expected.shown() == shown_in_order(events));
    for (int shuffle = 0; shuffle < 20; ++shuffle) {
      std::vector<StripeEvent> repeated = events;
      for (size_t i = 0; i < length / 2; ++i) repeated.push_back(events[random() % length]);
      std::shuffle(repeated.begin(), repeated.end(), random);
      REQUIRE(ledger_of(repeated) == expected);
    }
    // And everything that is known by now changes nothing more.
    Ledger ledger = expected;
    for (const StripeEvent& event : events) REQUIRE(ledger.take(event) != FoldOutcome::applied);
  }
}

}  // namespace
}  // namespace bcstore::billing
