// Reading Stripe's events: each type, each shape that versions of its interface write, each fault.
#include "billing/stripe_event.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "billing/stripe_signature.h"

namespace bcstore::billing {
namespace {

std::string event_json(std::string_view type, std::string_view object,
                       std::string_view created = "1700000000") {
  return fmt::format(R"({{"id":"evt_1","object":"event","created":{},"type":"{}",)"
                     R"("api_version":null,"data":{{"object":{}}},"livemode":false}})",
                     created, type, object);
}

StripeEvent read(const std::string& payload) {
  const Result<StripeEvent> event = read_stripe_event(payload);
  REQUIRE_MESSAGE(event.ok(), event.status().to_string());
  return *event;
}

StripeEvent read(std::string_view type, std::string_view object) {
  return read(event_json(type, object));
}

void refused(const std::string& payload, std::string_view reason) {
  const Status status = read_stripe_event(payload).status();
  INFO(status.to_string());
  CHECK(status.code() == Code::invalid_argument);
  CHECK(status.message().find(reason) != std::string_view::npos);
  CHECK(status.message().find("tell-nobody") == std::string_view::npos);
}

constexpr Time at(int64_t seconds) { return Time{seconds * 1'000'000}; }

TEST_CASE("stripe event: a subscription, older version") {
  const StripeEvent event = read("customer.subscription.updated", R"({
    "id":"sub_1","object":"subscription","customer":"cus_1","status":"active",
    "cancel_at_period_end":true,"current_period_end":1702592000,
    "items":{"object":"list","data":[{"id":"si_1","price":{"id":"price_1"},"plan":{"id":"plan_1"},
      "current_period_end":1900000000},{"price":{"id":"price_2"}}]},"plan":{"id":"plan_0"}})");
  CHECK(event.kind == StripeEventKind::subscription_changed);
  CHECK(event.id == "evt_1");
  CHECK(event.type == "customer.subscription.updated");
  CHECK(event.created == at(1'700'000'000));
  CHECK(event.subscription == "sub_1");
  CHECK(event.customer == "cus_1");
  CHECK(event.status == SubscriptionStatus::active);
  CHECK(event.price == "price_1");
  CHECK(event.cancel_at_period_end);
  CHECK(event.period_end == at(1'702'592'000));
  CHECK(event.client_reference_id.empty());
}

TEST_CASE("stripe event: a subscription, newer version, expanded") {
  const StripeEvent event = read("customer.subscription.created", R"({
    "id":"sub_1","customer":{"id":"cus_9","object":"customer","email":null},"status":"trialing",
    "items":{"data":[{"price":"price_7","current_period_end":100},
                     {"current_period_end":300},{"current_period_end":200},
                     {"current_period_end":null}]}})");
  CHECK(event.kind == StripeEventKind::subscription_created);
  CHECK(event.customer == "cus_9");
  CHECK(event.status == SubscriptionStatus::trialing);
  CHECK(event.price == "price_7");
  CHECK_FALSE(event.cancel_at_period_end);
  CHECK(event.period_end == at(300));
}

TEST_CASE("stripe event: a subscription where everything else is null") {
  const StripeEvent event = read("customer.subscription.paused", R"({
    "id":"sub_1","object":null,"customer":null,"status":"paused","cancel_at_period_end":null,
    "current_period_end":null,"items":null,"plan":null})");
  CHECK(event.status == SubscriptionStatus::paused);
  CHECK(event.customer.empty());
  CHECK(event.price.empty());
  CHECK_FALSE(event.cancel_at_period_end);
  CHECK_FALSE(event.period_end.has_value());
  CHECK(read("customer.subscription.updated", R"({"id":"s","status":"active","items":{}})").price ==
        "");
  CHECK(read("customer.subscription.updated",
             R"({"id":"s","status":"active","items":{"data":null},"plan":{"id":"plan_0"}})")
            .price == "plan_0");
  CHECK(read("customer.subscription.updated",
             R"({"id":"s","status":"active","items":{"data":[{"price":null,"plan":{"id":"p"}}]}})")
            .price == "p");
}

TEST_CASE("stripe event: every status, and one that is not known yet") {
  for (const char* status : {"incomplete", "incomplete_expired", "trialing", "active", "past_due",
                             "canceled", "unpaid", "paused"}) {
    const std::string object = fmt::format(R"({{"id":"sub_1","status":"{}"}})", status);
    CHECK(to_string(read("customer.subscription.updated", object).status) == status);
  }
  const StripeEvent event =
      read("customer.subscription.updated", R"({"id":"sub_1","status":"hibernating"})");
  CHECK(event.status == SubscriptionStatus::other);
  CHECK(to_string(event.status) == "other");
}

TEST_CASE("stripe event: a deletion needs no status") {
  const StripeEvent event = read("customer.subscription.deleted", R"({"id":"sub_1"})");
  CHECK(event.kind == StripeEventKind::subscription_deleted);
  CHECK(event.subscription == "sub_1");
}

TEST_CASE("stripe event: a checkout") {
  const StripeEvent event = read("checkout.session.completed", R"({
    "id":"cs_1","object":"checkout.session","customer":"cus_1","subscription":{"id":"sub_1"},
    "client_reference_id":"0190f3c4-aaaa-7bbb-8ccc-ddddeeeeffff","mode":"subscription"})");
  CHECK(event.kind == StripeEventKind::checkout_completed);
  CHECK(event.customer == "cus_1");
  CHECK(event.subscription == "sub_1");
  CHECK(event.client_reference_id == "0190f3c4-aaaa-7bbb-8ccc-ddddeeeeffff");
  const StripeEvent guest = read("checkout.session.completed", R"({
    "id":"cs_1","customer":null,"subscription":null,"client_reference_id":null})");
  CHECK(guest.customer.empty());
  CHECK(guest.subscription.empty());
  CHECK(guest.client_reference_id.empty());
}

TEST_CASE("stripe event: customers") {
  for (const char* type : {"customer.created", "customer.updated"}) {
    const StripeEvent event = read(type, R"({"id":"cus_1","object":"customer","email":"a@b"})");
    CHECK(event.kind == StripeEventKind::customer_changed);
    CHECK(event.customer == "cus_1");
  }
  const StripeEvent gone = read("customer.deleted", R"({"id":"cus_1","deleted":true})");
  CHECK(gone.kind == StripeEventKind::customer_deleted);
  CHECK(gone.customer == "cus_1");
}

TEST_CASE("stripe event: an invoice, older version") {
  const StripeEvent event = read("invoice.paid", R"({
    "id":"in_1","object":"invoice","customer":"cus_1","subscription":"sub_1","period_end":1,
    "lines":{"data":[
      {"type":"subscription","subscription":"sub_1","period":{"start":5,"end":500}},
      {"type":"invoiceitem","subscription":"sub_1","period":{"start":5,"end":400}},
      {"type":"invoiceitem","subscription":null,"period":{"start":5,"end":900}},
      {"type":"subscription","subscription":"sub_2","period":{"start":5,"end":800}},
      {"type":"subscription","subscription":"sub_1","period":null},
      {"type":"subscription","period":{"end":null}}]}})");
  CHECK(event.kind == StripeEventKind::invoice_paid);
  CHECK(event.subscription == "sub_1");
  CHECK(event.customer == "cus_1");
  CHECK(event.period_end == at(500));
}

TEST_CASE("stripe event: an invoice, newer version") {
  const StripeEvent event = read("invoice.payment_failed", R"({
    "id":"in_1","object":"invoice","customer":{"id":"cus_1","deleted":true},
    "parent":{"type":"subscription_details","quote_details":null,
              "subscription_details":{"subscription":"sub_1","metadata":{}}},
    "lines":{"data":[
      {"parent":{"type":"subscription_item_details",
                 "subscription_item_details":{"subscription":"sub_1"}},"period":{"end":500}},
      {"parent":{"type":"invoice_item_details","invoice_item_details":{"subscription":null}},
       "period":{"end":900}}]}})");
  CHECK(event.kind == StripeEventKind::invoice_payment_failed);
  CHECK(event.subscription == "sub_1");
  CHECK(event.period_end == at(500));
  const StripeEvent expanded = read("invoice.paid", R"({"id":"in_1","subscription":null,
    "parent":{"subscription_details":{"subscription":{"id":"sub_2"}}},"lines":null})");
  CHECK(expanded.subscription == "sub_2");
  CHECK_FALSE(expanded.period_end.has_value());
}

TEST_CASE("stripe event: an invoice without a subscription says nothing of a period") {
  for (const char* object :
       {R"({"id":"in_1","period_end":7})", R"({"id":"in_1","parent":null,"subscription":null})",
        R"({"id":"in_1","parent":{"quote_details":{},"subscription_details":null}})",
        R"({"id":"in_1","lines":{"data":[{"type":"invoiceitem","period":{"end":9}}]}})"}) {
    const StripeEvent event = read("invoice.paid", object);
    CHECK(event.subscription.empty());
    CHECK_FALSE(event.period_end.has_value());
  }
}

TEST_CASE("stripe event: other types are ignored, whatever they hold") {
  for (const char* type : {"charge.failed", "customer.subscriptions", "customer.subscription",
                           "customer.source.created", "invoice.upcoming", "invoice.payment_paid",
                           "checkout.session.expired", "CUSTOMER.CREATED"}) {
    const StripeEvent event = read(event_json(type, "[1,null]"));
    CAPTURE(type);
    CHECK(event.kind == StripeEventKind::ignored);
    CHECK(event.type == type);
    CHECK(event.created == at(1'700'000'000));
    CHECK(event.customer.empty());
  }
  // The second interface's, which carry no object and write times as text.
  const StripeEvent thin = read(R"({"id":"evt_1","object":"v2.core.event",
    "type":"v1.billing.meter.error_report_triggered","created":"2025-01-01T00:00:00.000Z"})");
  CHECK(thin.kind == StripeEventKind::ignored);
  CHECK(thin.created == Time{});
  CHECK(read(R"({"id":"e","type":"t"})").kind == StripeEventKind::ignored);
  CHECK(read(R"({"id":"e","type":"t","created":-9223372036854775808})").created == Time{});
}

TEST_CASE("stripe event: the hash is of the bytes") {
  const std::string text = event_json("customer.created", R"({"id":"cus_1"})");
  const StripeEvent event = read(text);
  CHECK(event == read(text));
  StripeEvent spaced = read(text + "\n");
  CHECK(spaced.payload_hash != event.payload_hash);
  spaced.payload_hash = event.payload_hash;
  CHECK(spaced == event);
}

TEST_CASE("stripe event: what is not JSON, or too much of it") {
  for (const char* text : {"", " ", "{", "{}}", "nothing", "{\"id\":\"\xff\"}", "{\"id\":1e999}",
                           "{\"id\":'a'}", "\xEF\xBB\xBF{", "{\"id\":\"\\ud800\"}"}) {
    CAPTURE(text);
    refused(text, "is not JSON");
  }
  CHECK(read_stripe_event({}).code() == Code::invalid_argument);  // a view of nothing at all
  for (const char* text : {"1", "null", "[]", "\"tell-nobody\""})
    refused(text, "is no JSON object");
  refused(std::string(kMaxStripePayloadBytes + 1, ' '), "the limit is 1048576");
  const auto nested = [](size_t depth) {
    return R"({"id":"e","type":"t","x":)" + std::string(depth, '[') + "1" +
           std::string(depth, ']') + "}";
  };
  CHECK(read_stripe_event(nested(kMaxStripeJsonDepth - 2)).ok());
  refused(nested(kMaxStripeJsonDepth), "deeper than 64");
  refused(nested(kMaxStripePayloadBytes / 2 - 100), "deeper than 64");
  // Never closed: which of its faults is named is the parser's choice.
  refused(std::string(kMaxStripePayloadBytes, '['), "Stripe event: ");
  // A megabyte of it is read.
  const std::string filler(kMaxStripePayloadBytes - 100, 'x');
  CHECK(read_stripe_event(R"({"id":"e","type":"t","x":")" + filler + "\"}").ok());
}

TEST_CASE("stripe event: a fault names its field and repeats nothing") {
  const std::string created = "customer.subscription.created";
  const auto subscription = [&](std::string_view object) { return event_json(created, object); };
  refused("{}", "id is missing");
  refused(R"({"id":null,"type":"t"})", "id is missing");
  refused(R"({"id":"","type":"t"})", "id is missing");
  refused(R"({"id":7,"type":"t"})", "id is not a string");
  refused(R"({"id":["tell-nobody"],"type":"t"})", "id is not a string");
  refused(R"({"id":"tell-nobody\n","type":"t"})", "id holds a control character");
  refused(R"({"id":"tell-nobody\u0000","type":"t"})", "id holds a control character");
  refused(R"({"id":")" + std::string(256, 'x') + R"(","type":"t"})", "has 256 bytes");
  CHECK(read_stripe_event(R"({"id":")" + std::string(255, 'x') + R"(","type":"t"})").ok());
  refused(R"({"id":"e"})", "type is missing");
  refused(R"({"id":"e","type":{}})", "type is not a string");

  const std::string sound = R"({"id":"sub_1","status":"active"})";
  for (const char* time :
       {"-1", "1.5", "\"tell-nobody\"", "253402300800", "1e3", "true", "9223372036854775808"}) {
    CAPTURE(time);
    refused(event_json(created, sound, time), "created is not a time in seconds");
  }
  refused(event_json(created, sound, "null"), "created is missing");
  CHECK(read_stripe_event(event_json(created, sound, "253402300799")).ok());
  refused(R"({"id":"e","type":"customer.created","created":1})", "data.object is missing");
  refused(R"({"id":"e","type":"customer.created","created":1,"data":[]})", "data is no object");
  refused(event_json("customer.created", "null"), "data.object is missing");
  refused(event_json("customer.created", "\"tell-nobody\""), "data.object is no object");
  refused(event_json("customer.created", R"({"id":"x","object":"tell-nobody"})"),
          "data.object.object is not customer");
  refused(event_json("customer.deleted", "{}"), "data.object.id is missing");
  refused(event_json("invoice.paid", "{}"), "data.object.id is missing");
  refused(event_json("checkout.session.completed", "{}"), "data.object.id is missing");
  refused(event_json("checkout.session.completed", R"({"id":"c","client_reference_id":5})"),
          "data.object.client_reference_id is not a string");

  refused(subscription(R"({"status":"active"})"), "data.object.id is missing");
  refused(subscription(R"({"id":"s"})"), "data.object.status is missing");
  refused(subscription(R"({"id":"s","status":1})"), "data.object.status is not a string");
  refused(subscription(R"({"id":"s","status":"a","customer":{"email":"tell-nobody"}})"),
          "data.object.customer.id is missing");
  refused(subscription(R"({"id":"s","status":"a","customer":[]})"),
          "data.object.customer is not a string");
  refused(subscription(R"({"id":"s","status":"a","cancel_at_period_end":"tell-nobody"})"),
          "data.object.cancel_at_period_end is not true or false");
  refused(subscription(R"({"id":"s","status":"a","items":[]})"), "data.object.items is no object");
  refused(subscription(R"({"id":"s","status":"a","items":{"data":{}}})"),
          "data.object.items.data is no array");
  refused(subscription(R"({"id":"s","status":"a","items":{"data":["tell-nobody"]}})"),
          "data.object.items.data holds something that is no object");
  refused(subscription(R"({"id":"s","status":"a","items":{"data":[{"price":{"id":null}}]}})"),
          "data.object.items.data[].price.id is missing");
  refused(subscription(
              R"({"id":"s","status":"a","items":{"data":[{"current_period_end":"tell-nobody"}]}})"),
          "data.object.items.data[].current_period_end is not a time in seconds");
  refused(event_json("invoice.paid", R"({"id":"i","parent":"tell-nobody"})"),
          "data.object.parent is no object");
  refused(event_json("invoice.paid",
                     R"({"id":"i","subscription":"s","lines":{"data":[{"subscription":"s",
                        "period":{"end":-5}}]}})"),
          "data.object.lines.data[].period.end is not a time in seconds");
}

}  // namespace
}  // namespace bcstore::billing
