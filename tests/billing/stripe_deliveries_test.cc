// Real deliveries, where they are at hand: each verifies, is read, and all come to the same state
// in any order.
#include <doctest/doctest.h>
#include <simdjson.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>

#include "billing/stories.h"
#include "billing/stripe_event.h"
#include "billing/stripe_signature.h"
#include "billing/stripe_vectors.h"
#include "cli/input.h"
#include "cli/row.h"
#include "model/fixture.h"

namespace bcstore::billing {
namespace {

// The path of a file of the real data; empty, and said, when there is none.
std::string data_file(const std::string& name) {
  const char* data = std::getenv("BCSTORE_DATA");
  const std::string path = data != nullptr ? std::string(data) + "/" + name : std::string();
  if (data != nullptr && std::filesystem::exists(path)) return path;
  MESSAGE("skipped: set BCSTORE_DATA to the directory with the real data");
  return {};
}

struct Delivery {
  std::string type;
  std::string event_id;
  std::string secret;
  std::string header;
  std::string payload;
  int64_t timestamp_s = 0;
};

std::vector<Delivery> deliveries_of(const std::string& path) {
  Result<cli::LineReader> lines = cli::LineReader::open(path);
  REQUIRE(lines.ok());
  std::vector<Delivery> deliveries;
  cli::Row row;
  while (lines->next() == cli::LineReader::Got::line) {
    REQUIRE(row.parse(lines->line()));
    const uint64_t timestamp = row.number("timestamp", uint64_t{1} << 40);
    deliveries.push_back({std::string(row.text("type")), std::string(row.text("event_id")),
                          std::string(row.text("secret")),
                          std::string(row.text("signature_header")),
                          std::string(row.text("payload")), static_cast<int64_t>(timestamp)});
    REQUIRE_MESSAGE(row.ok(), row.reason());
  }
  REQUIRE(lines->status().ok());
  return deliveries;
}

std::vector<StripeEvent> events_of(const std::vector<Delivery>& deliveries) {
  std::vector<StripeEvent> events;
  for (const Delivery& delivery : deliveries) {
    const Result<StripeEvent> event = read_stripe_event(delivery.payload);
    REQUIRE_MESSAGE(event.ok(), event.status().to_string());
    events.push_back(*event);
  }
  return events;
}

TEST_CASE("stripe deliveries: the vectors of the real data are those that are carried") {
  const std::string path = data_file("stripe_signature_vectors.json");
  if (path.empty()) return;
  simdjson::dom::parser parser;
  simdjson::dom::array vectors;
  REQUIRE(parser.load(path).get_array().get(vectors) == simdjson::SUCCESS);
  REQUIRE(vectors.size() == std::size(kSignatureVectors));
  size_t n = 0;
  for (const simdjson::dom::element row : vectors) {
    const SignatureVector& carried = kSignatureVectors[n++];
    const auto text = [&](const char* name) {
      return std::string_view(row[name].get_string().value_unsafe());
    };
    const auto number = [&](const char* name) { return row[name].get_int64().value_unsafe(); };
    CAPTURE(carried.name);
    CHECK(text("name") == carried.name);
    CHECK(text("payload") == carried.payload);
    CHECK(text("header") == carried.header);
    CHECK(text("secret") == kVectorSecret);
    CHECK(number("now") == carried.now_s);
    CHECK(number("tolerance") == carried.tolerance_s);
    CHECK(row["valid"].get_bool().value_unsafe() == carried.is_valid);
    CHECK(check_stripe_signature(text("payload"), text("header"), text("secret"), number("now"),
                                 number("tolerance"))
              .ok() == carried.is_valid);
  }
}

TEST_CASE("stripe deliveries: every one verifies, and not with another's body") {
  const std::string path = data_file("stripe_events.jsonl.zst");
  if (path.empty()) return;
  const std::vector<Delivery> deliveries = deliveries_of(path);
  REQUIRE(deliveries.size() == 159);
  for (size_t i = 0; i < deliveries.size(); ++i) {
    const Delivery& delivery = deliveries[i];
    const Delivery& next = deliveries[(i + 1) % deliveries.size()];
    CAPTURE(delivery.event_id);
    const auto check = [&](std::string_view payload, std::string_view header, int64_t now_s) {
      return check_stripe_signature(payload, header, delivery.secret, now_s).ok();
    };
    CHECK(check(delivery.payload, delivery.header, delivery.timestamp_s));
    CHECK(check(delivery.payload, delivery.header, delivery.timestamp_s + 300));
    CHECK_FALSE(check(delivery.payload, delivery.header, delivery.timestamp_s + 301));
    CHECK_FALSE(check(next.payload, delivery.header, delivery.timestamp_s));
    CHECK_FALSE(check(delivery.payload + " ", delivery.header, delivery.timestamp_s));
  }
}

TEST_CASE("stripe deliveries: every one is read") {
  const std::string path = data_file("stripe_events.jsonl.zst");
  if (path.empty()) return;
  const std::vector<Delivery> deliveries = deliveries_of(path);
  const std::vector<StripeEvent> events = events_of(deliveries);
  std::map<std::string_view, size_t> kinds;
  for (size_t i = 0; i < events.size(); ++i) {
    CHECK(events[i].id == deliveries[i].event_id);
    CHECK(events[i].type == deliveries[i].type);
    CHECK(events[i].created == Time{deliveries[i].timestamp_s * 1'000'000});
    ++kinds[to_string(events[i].kind)];
  }
  CHECK(kinds == std::map<std::string_view, size_t>{{"ignored", 134},
                                                    {"subscription_changed", 7},
                                                    {"subscription_created", 3},
                                                    {"subscription_deleted", 3},
                                                    {"checkout_completed", 4},
                                                    {"customer_changed", 3},
                                                    {"customer_deleted", 2},
                                                    {"invoice_paid", 2},
                                                    {"invoice_payment_failed", 1}});
}

TEST_CASE("stripe deliveries: forwards, backwards and shuffled they come to one state") {
  const std::string path = data_file("stripe_events.jsonl.zst");
  if (path.empty()) return;
  const std::vector<StripeEvent> events = events_of(deliveries_of(path));
  const Ledger expected = ledger_of(events);
  CHECK(expected.shown() == shown_in_order(events));
  CHECK(ledger_of({events.rbegin(), events.rend()}) == expected);
  const uint64_t seed = fixture::seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed);
  for (int shuffle = 0; shuffle < 100; ++shuffle) {
    std::vector<StripeEvent> repeated = events;
    repeated.insert(repeated.end(), events.begin(), events.end());
    std::shuffle(repeated.begin(), repeated.end(), random);
    REQUIRE(ledger_of(repeated) == expected);
  }
  std::map<std::string, std::string> states;
  for (const auto& [id, shown] : expected.shown()) {
    states[id] = std::string(to_string(shown.status)) + " " + shown.customer + " " + shown.price +
                 " " + (shown.period_end ? to_string(*shown.period_end) : "-");
  }
  for (const auto& [id, state] : states) MESSAGE(id, " ", state);
}

// What each type came to, in a store that has the customers' users.
std::map<std::string, std::string> outcomes_of(const std::vector<Delivery>& deliveries) {
  fixture::World w;
  const Service service = w.service("webhook");
  std::set<std::string> customers;
  for (const StripeEvent& event : events_of(deliveries)) customers.insert(event.customer);
  customers.erase("");
  for (const std::string& customer : customers) {
    const std::string email = customer + "@example.invalid";
    service.create_user({.email = email, .stripe_customer_id = customer}).value();
  }
  std::map<std::string, std::map<std::string, size_t>> counts;
  for (const Delivery& delivery : deliveries) {
    const Result<BillingReceipt> receipt = service.apply_stripe_webhook(
        delivery.payload, delivery.header, delivery.secret, Time{delivery.timestamp_s * 1'000'000},
        kWebhookToleranceS, Durability::relaxed);
    REQUIRE_MESSAGE(receipt.ok(), receipt.status().to_string());
    ++counts[delivery.type][std::string(to_string(receipt->outcome))];
  }
  CHECK(w.store().check().value().violations == 0);
  std::map<std::string, std::string> text;
  for (const auto& [type, all] : counts) {
    for (const auto& [outcome, count] : all) {
      text[type] += (text[type].empty() ? "" : ", ") + std::to_string(count) + " " + outcome;
    }
  }
  return text;
}

TEST_CASE("stripe deliveries: what each type comes to in a store with their users") {
  const std::string path = data_file("stripe_events.jsonl.zst");
  if (path.empty()) return;
  std::map<std::string, std::string> outcomes = outcomes_of(deliveries_of(path));
  const std::map<std::string, std::string> expected = {
      {"checkout.session.completed", "2 applied, 1 ignored, 1 stale"},  // one of no customer
      {"customer.created", "1 applied"},
      {"customer.deleted", "2 applied"},
      {"customer.subscription.created", "3 applied"},
      {"customer.subscription.deleted", "3 applied"},
      {"customer.subscription.paused", "1 applied"},
      {"customer.subscription.resumed", "1 applied"},
      {"customer.subscription.trial_will_end", "2 applied"},
      {"customer.subscription.updated", "2 applied, 1 stale"},
      {"customer.updated", "1 applied, 1 stale"},
      {"invoice.paid", "1 applied, 1 ignored"},  // one of no subscription
      {"invoice.payment_failed", "1 ignored"},   // of none either
  };
  CHECK(outcomes.size() == 102);
  for (const auto& row : expected) {
    CAPTURE(row.first);
    CHECK(outcomes[row.first] == row.second);
    outcomes.erase(row.first);
  }
  size_t ignored = 0;
  for (const auto& row : outcomes) {
    CAPTURE(row.first);
    const size_t count = std::stoul(row.second);
    CHECK(row.second == std::to_string(count) + " ignored");
    ignored += count;
  }
  CHECK(ignored == 134);
}

}  // namespace
}  // namespace bcstore::billing
