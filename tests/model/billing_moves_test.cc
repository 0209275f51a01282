// Customers that turn out to be somebody else's: what is left to who had them, what the receipts
// say, and that any story ends alike in any order.
#include <deque>
#include <random>

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
  {
    Cursor<SubscriptionChange> page = had.subscription_history("sub_1", {.limit = 1});
    REQUIRE(page.next());
    CHECK(page->is_gone());
    const std::string token = page.token();
    Cursor<SubscriptionChange> rest = had.subscription_history("sub_1", {.after = token});
    REQUIRE(rest.next());
    CHECK(rest->number() == 1);
    const std::string last = rest.token();
    CHECK(history_of(had, {.after = last}).empty());
  }
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

// --- Any story in any order

struct Story {
  std::deque<std::string> texts;  // which the events point into
  std::vector<BillingEvent> events;
  bool past_due_is_pro = false, application_ties = false;
};

Story any_story(std::mt19937_64& random) {
  const auto below = [&](uint64_t n) { return static_cast<int64_t>(random() % n); };
  Story story;
  const auto text = [&](const char* what, uint64_t n) {
    return std::string_view(story.texts.emplace_back(what + std::to_string(1 + below(n))));
  };
  const int64_t length = 3 + below(9);
  for (int64_t i = 0; i < length; ++i) {
    BillingEvent e = billing_event(static_cast<Kind>(1 + below(9)), text("e", 8), below(5));
    e.status = static_cast<Status>(1 + below(9));
    if (below(2) != 0) e.kind = Kind::checkout_completed;
    if (below(5) != 0) e.user = forged<UserId>(static_cast<uint8_t>(1 + below(3)));
    e.customer = text("cus_", 3);
    e.subscription = text("sub_", 2);
    if (below(2) != 0) e.period_end = after(below(50) * 10);
    e.price = below(2) != 0 ? "p" : "q";
    story.events.push_back(e);
  }
  story.past_due_is_pro = below(2) != 0;
  story.application_ties = below(3) == 0;
  return story;
}

// What a store tells after the events in that order; with repeats, and through its files.
std::string told_after(const Story& story, const std::vector<size_t>& order,
                       std::mt19937_64& random) {
  World w([&](Options& o) { o.past_due_is_pro = story.past_due_is_pro; });
  for (uint8_t n = 1; n <= 3; ++n) numbered_user(w, n, n == 2);
  if (story.application_ties) {
    w.service().link_stripe_customer(forged<UserId>(1), "cus_3").value();
  }
  for (const size_t i : order) {
    apply(w, story.events[i]);
    if (random() % 6 == 0) apply(w, story.events[order[random() % order.size()]]);
    if (random() % 20 == 0) w.reopen();
  }
  std::string told;
  const auto tell = [&] {
    for (uint8_t n = 1; n <= 3; ++n) told += shown(w.store().tenant(forged<UserId>(n))) + "; ";
    told += to_string(w.store().logical_hash(HashScope::state).value()) + "\n";
  };
  tell();
  // The marks, which nobody sees, decide on what comes late: they are alike as well.
  for (const int64_t seconds : {0, 1, 2, 3, 4}) {
    const std::string late = "late" + std::to_string(seconds);
    for (const char* customer : {"cus_1", "cus_2", "cus_3"}) {
      const std::string id = late + customer;
      BillingEvent failed = billing_event(Kind::invoice_payment_failed, id, seconds);
      failed.customer = customer;
      apply(w, failed);
      apply(w, checkout(late + "to" + customer, seconds, forged<UserId>(3), customer));
    }
    tell();
  }
  check_clean(w);
  return told;
}

TEST_CASE("billing: random stories come to the same in any order, also what comes late") {
  const uint64_t seed = seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed);
  for (int n = 0; n < 10; ++n) {
    const Story story = any_story(random);
    std::vector<size_t> order(story.events.size());
    std::iota(order.begin(), order.end(), size_t{0});
    const std::string first = told_after(story, order, random);
    for (int shuffle = 0; shuffle < 3; ++shuffle) {
      CAPTURE(n);
      std::shuffle(order.begin(), order.end(), random);
      REQUIRE(told_after(story, order, random) == first);
    }
  }
}

TEST_CASE("billing: a subscription is read as it was, also where it moved away since") {
  const uint64_t seed = seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed);
  World w;
  std::vector<UserId> users;
  for (uint8_t n = 1; n <= 2; ++n) users.push_back(numbered_user(w, n));
  const auto told = [&](const ReadOptions& o) {
    std::string all;
    for (const UserId user : users) {
      const Result<Subscription> s = w.store().tenant(user).subscription("sub_1", o);
      if (!s.ok()) {
        all += std::string(name_of(s.status())) + "; ";
        continue;
      }
      all += std::string(s->id()) + " of " + std::string(s->customer()) + " " +
             std::string(to_string(s->status())) + " " + std::string(s->price()) + " until " +
             std::to_string(s->period_end().value_or(Time()).us) +
             (s->cancel_at_period_end() ? " ends" : "") + " by " + std::string(s->last_event_id()) +
             " " + std::to_string(s->last_event_at().us) + ", " + std::to_string(s->commit_seq()) +
             " " + std::to_string(s->created_at().us) + "; ";
    }
    return all;
  };
  struct Moment {
    uint64_t commit;
    Time at;
    std::string told;
  };
  std::vector<Moment> moments;
  std::vector<std::string> names;
  int64_t earliest = 500;
  for (int n = 0; n < 60; ++n) {
    w.clock->advance(kSecondUs);
    names.push_back("event" + std::to_string(n));
    const auto at = static_cast<int64_t>(600 + random() % 400);
    BillingEvent event = report(names.back(), at, Status::active);
    event.cancel_at_period_end = random() % 2 == 0;
    event.price = random() % 2 == 0 ? "price_1" : "price_2";
    switch (random() % 8) {
      case 0:
        event = deletion(names.back(), at);
        break;
      case 1:
        event = billing_event(Kind::invoice_payment_failed, names.back(), at);
        break;
      case 2:
        event = billing_event(Kind::invoice_paid, names.back(), at);
        event.period_end = after(at + 500);
        break;
      case 3:  // an earlier word on whose it is: it moves, or comes
        if (random() % 2 == 0) event = checkout(names.back(), earliest--, users[random() % 2]);
        break;
      default:
        break;
    }
    apply(w, event);
    moments.push_back({w.commits(), w.clock->now(), told({})});
  }
  size_t differing = 0;
  for (const Moment& moment : moments) {
    CAPTURE(moment.commit);
    differing += moment.told == moments.back().told ? 0u : 1u;
    CHECK(told({.as_of = AsOf::commit(moment.commit)}) == moment.told);
    CHECK(told({.as_of = AsOf::time(moment.at)}) == moment.told);
  }
  CHECK(differing > 10);
  check_clean(w);
}

// One name, two customers of one user, one second.
TEST_CASE("billing: of two subscriptions of one name the same one is read as of the last commit") {
  for (int swapped = 0; swapped < 2; ++swapped) {
    for (const char* other : {"cus_2", "cus_3", "cus_4", "cus_5", "cus_6"}) {
      World w;
      const Tenant t = w.store().tenant(numbered_user(w, 1));
      apply(w, checkout("a", 1, t.owner()));
      apply(w, checkout("b", 1, t.owner(), other));
      BillingEvent begun = report("z", 5, Status::active, Kind::subscription_created);
      BillingEvent ended = deletion("a1", 5);
      (swapped == 0 ? begun : ended).customer = other;
      apply(w, begun);
      apply(w, ended);
      const Subscription now = t.subscription("sub_1").value();
      const Subscription then =
          t.subscription("sub_1", {.as_of = AsOf::commit(w.commits())}).value();
      CHECK(now.status() == Status::canceled);
      CHECK(then.customer() == now.customer());
      CHECK(then.status() == now.status());
    }
  }
}

}  // namespace
}  // namespace bcstore
