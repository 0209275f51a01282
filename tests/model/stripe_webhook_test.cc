// Webhooks as they come over the wire, through the engine: what is not genuine writes nothing.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "billing/stripe_signature.h"
#include "billing_stories.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using Outcome = BillingOutcome;

constexpr std::string_view kSecret = "whsec_test_secret";
constexpr int64_t kNow = kStartUs / kSecondUs;

std::string signature(std::string_view payload, int64_t t = kNow,
                      std::string_view secret = kSecret) {
  return billing::stripe_signature(payload, std::to_string(t), secret).value();
}
std::string header(std::string_view payload, int64_t t = kNow) {
  return fmt::format("t={},v1={}", t, signature(payload, t));
}

std::string event_json(std::string_view type, std::string_view object, std::string_view id = "e") {
  return fmt::format(R"({{"id":"{}","type":"{}","created":{},"data":{{"object":{}}}}})", id, type,
                     kNow, object);
}

std::string checkout_json(std::string_view reference) {
  return event_json(
      "checkout.session.completed",
      fmt::format(R"({{"id":"cs","customer":"cus_1","client_reference_id":"{}"}})", reference));
}

const std::string kActive = event_json(
    "customer.subscription.updated",
    R"({"id":"sub_1","customer":"cus_1","status":"active","current_period_end":1800000000,
        "items":{"data":[{"price":{"id":"price_1"}}]}})");

struct Hook : World {
  UserId id = user("a@x");
  Service billing = service("webhook");

  Result<BillingReceipt> send(std::string_view payload, std::string_view signature_header,
                              int64_t now_s = kNow, int64_t tolerance_s = kWebhookToleranceS) {
    return billing.apply_stripe_webhook(payload, signature_header, kSecret,
                                        Time{now_s * kSecondUs + 999'999}, tolerance_s);
  }
};

TEST_CASE("stripe webhook: a genuine one is applied") {
  Hook w;
  CHECK(w.send(kActive, header(kActive)).value().outcome == Outcome::parked);
  const std::string checkout = checkout_json(to_string(w.id));
  CHECK(w.send(checkout, header(checkout)).value().outcome == Outcome::applied);
  CHECK(w.send(checkout, header(checkout, kNow - 7)).value().outcome == Outcome::duplicate);
  CHECK(shown(w.store().tenant(w.id)) ==
        "pro cus_1 unlimited [sub_1 of cus_1 active price_1 until 44748000 by e]");
  check_clean(w);
}

TEST_CASE("stripe webhook: what is not genuine writes nothing") {
  Hook w;
  const std::string good = header(kActive);
  const std::string other = kActive + " ";
  const Uuid before = w.store().logical_hash(HashScope::content).value();
  const std::string forged_v1 =
      fmt::format("t={},v1={}", kNow, signature(kActive, kNow, "whsec_of_another"));
  check_writes(
      w, {CALL(invalid_argument, w.send(kActive, forged_v1)),
          CALL(invalid_argument, w.send(other, good)), CALL(invalid_argument, w.send(kActive, "")),
          CALL(invalid_argument, w.send(kActive, good.substr(0, good.size() - 1))),
          CALL(invalid_argument, w.send(kActive, good.substr(good.find("v1")))),
          CALL(invalid_argument, w.send(kActive.substr(0, kActive.size() / 2), good)),
          CALL(invalid_argument, w.send(kActive, good, kNow + 301)),
          CALL(invalid_argument, w.send(kActive, good, kNow, -1)),
          CALL(invalid_argument, w.billing.apply_stripe_webhook(kActive, good, "", after(0)))});
  CHECK(w.store().logical_hash(HashScope::content).value() == before);
  // Old, and none of these.
  CHECK(w.send(kActive, good, kNow + 300).ok());
  CHECK(w.send(kActive, good, kNow + 1'000'000, 0).value().outcome == Outcome::duplicate);
}

TEST_CASE("stripe webhook: signed with two secrets") {
  Hook w;
  const std::string both =
      fmt::format("t={},v1={},v1={},v0=x", kNow, signature(kActive, kNow, "whsec_of_before"),
                  signature(kActive));
  CHECK(w.send(kActive, both).value().outcome == Outcome::parked);
  const std::string twice = fmt::format("t={0},v1={1},v1={1}", kNow, signature(kActive));
  CHECK(w.send(kActive, twice).value().outcome == Outcome::duplicate);
  const std::string neither = fmt::format("t={},v1={},v1={}", kNow, signature(kActive, kNow, "a"),
                                          signature(kActive, kNow, "b"));
  CHECK_CODE(invalid_argument, w.send(kActive, neither));
  CHECK_CODE(invalid_argument, w.send(kActive, "t=1," + header(kActive)));
}

TEST_CASE("stripe webhook: signed, and no event") {
  Hook w;
  const Uuid before = w.store().logical_hash(HashScope::content).value();
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  for (const std::string& payload :
       {std::string(), std::string("{"), std::string("[]"), std::string("null"), deep,
        kActive.substr(0, kActive.size() - 1), std::string("{\"id\":\"\xC3(\",\"type\":\"t\"}"),
        std::string(R"({"type":"t"})"), std::string(R"({"id":"e"})"),
        std::string(R"({"id":"e","type":"customer.deleted","created":1})"),
        std::string(R"({"id":"e","type":"customer.deleted","data":{"object":{"id":"c"}}})"),
        event_json("customer.subscription.updated", R"({"id":"s","customer":"c"})"),
        event_json("customer.subscription.updated", R"({"id":7,"status":"active"})"),
        event_json("customer.deleted", "{}")}) {
    CAPTURE(payload);
    const uint64_t commits = w.commits();
    CHECK_CODE(invalid_argument, w.send(payload, header(payload)));
    CHECK(w.commits() == commits);
  }
  CHECK(w.store().logical_hash(HashScope::content).value() == before);
}

TEST_CASE("stripe webhook: whom a checkout may name") {
  Hook w;
  const auto outcome = [&](const std::string& reference) {
    const std::string payload = checkout_json(reference);
    const Result<BillingReceipt> receipt = w.send(payload, header(payload));
    return receipt.ok() ? std::string(to_string(receipt->outcome)) : name_of(receipt.status());
  };
  // What is no user's id names nobody.
  CHECK(outcome("cart 77") == "parked");
  CHECK(outcome("") == "parked");
  CHECK(outcome(to_string(kSystemOwner)) == "parked");
  CHECK(outcome(to_string(kPublicOwner)) == "parked");
  CHECK(outcome(to_string(forged<UserId>(7))) == "not_found");
  CHECK_CODE(not_found, w.billing.find_user_by_stripe_customer("cus_1"));
  CHECK(outcome(to_string(w.id)) == "applied");
  CHECK(outcome("cart 78") != "parked");
  CHECK(w.billing.find_user_by_stripe_customer("cus_1").value() == w.id);
  check_clean(w);
}

}  // namespace
}  // namespace bcstore
