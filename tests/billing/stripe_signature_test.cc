// Stripe's signature header: Stripe's own answers, and every odd header.
#include "billing/stripe_signature.h"

#include <doctest/doctest.h>

#include <cctype>
#include <limits>
#include <string>

#include "billing/stripe_vectors.h"

namespace bcstore::billing {
namespace {

constexpr std::string_view kSecret = kVectorSecret;
constexpr std::string_view kPayload = "{\"id\":\"evt_1\",\"note\":\"paid-in-full\"}";
constexpr int64_t kNow = 1'700'000'000;

std::string v1(std::string_view payload = kPayload, int64_t t = kNow) {
  return stripe_signature(payload, std::to_string(t), kSecret).value();
}

std::string header_of(std::string_view signature, int64_t t = kNow) {
  return "t=" + std::to_string(t) + ",v1=" + std::string(signature);
}

Status check(std::string_view header, int64_t now = kNow, int64_t tolerance = kStripeToleranceS) {
  return check_stripe_signature(kPayload, header, kSecret, now, tolerance);
}

// Refused with that reason, and without a word of what it must not tell.
void refused(const Status& status, std::string_view reason) {
  INFO(status.to_string());
  CHECK(status.code() == Code::invalid_argument);
  CHECK(status.message().find(reason) != std::string_view::npos);
  CHECK(status.message().size() < 200);
  for (std::string_view secret :
       {kSecret, std::string_view("paid-in-full"), std::string_view("deadbeef")}) {
    CHECK(status.message().find(secret) == std::string_view::npos);
  }
  CHECK(status.message().find(v1()) == std::string_view::npos);
}

TEST_CASE("stripe signature: the answers of Stripe's own library") {
  size_t valid = 0;
  for (const SignatureVector& vector : kSignatureVectors) {
    CAPTURE(vector.name);
    const Status status = check_stripe_signature(vector.payload, vector.header, kVectorSecret,
                                                 vector.now_s, vector.tolerance_s);
    CHECK(status.ok() == vector.is_valid);
    if (!status.ok()) CHECK(status.code() == Code::invalid_argument);
    valid += vector.is_valid ? 1 : 0;
  }
  CHECK(std::size(kSignatureVectors) == 16);
  CHECK(valid == 6);
}

TEST_CASE("stripe signature: one changed byte anywhere is noticed") {
  const std::string good = header_of(v1());
  REQUIRE(check(good).ok());
  for (size_t i = 0; i < kPayload.size(); ++i) {
    std::string payload(kPayload);
    payload[i] = static_cast<char>(payload[i] ^ 1);
    REQUIRE_FALSE(check_stripe_signature(payload, good, kSecret, kNow).ok());
  }
  for (size_t i = 0; i < kSecret.size(); ++i) {
    std::string secret(kSecret);
    secret[i] = static_cast<char>(secret[i] ^ 1);
    REQUIRE_FALSE(check_stripe_signature(kPayload, good, secret, kNow).ok());
  }
  for (size_t i = 0; i < good.size(); ++i) {
    std::string header = good;
    header[i] = static_cast<char>(header[i] ^ 1);
    CAPTURE(header);
    REQUIRE_FALSE(check(header, kNow, 0).ok());
  }
}

TEST_CASE("stripe signature: any bytes may be signed") {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  for (const std::string& payload : {std::string(), bytes, std::string(1 << 20, '\0')}) {
    CHECK(check_stripe_signature(payload, header_of(v1(payload)), kSecret, kNow).ok());
  }
  refused(check_stripe_signature(std::string((1 << 20) + 1, 'x'), header_of(v1()), kSecret, kNow),
          "the limit is 1048576");
}

TEST_CASE("stripe signature: odd headers") {
  const std::string good = v1();
  const std::string time = std::to_string(kNow);
  refused(check(""), "is empty");
  refused(check(","), "no t");
  refused(check("t"), "no t");
  refused(check("v1=" + good), "no t");
  refused(check("T=" + time + ",v1=" + good), "no t");
  refused(check(" t=" + time + ",v1=" + good), "no t");
  refused(check("t=,v1=" + good), "not a time");
  for (const char* t :
       {"abc", "-1", "+1", " 1", "1 ", "1.0", "0x10", "1e3", "99999999999999999999"}) {
    CAPTURE(t);
    refused(check("t=" + std::string(t) + ",v1=" + good), "not a time");
  }
  refused(check("t=" + std::string(1'000, '1') + ",v1=" + good), "not a time");
  refused(check("t=" + time + ",t=" + time + ",v1=" + good), "more than one t");
  refused(check("t=1,t=" + time + ",v1=" + good), "more than one t");
  refused(check("t=" + time), "no v1");
  refused(check("t=" + time + ",v0=" + good), "no v1");
  refused(check("t=" + time + ",v1"), "no v1");
  refused(check("t=" + time + ", v1=" + good), "no v1");
  refused(check("t=" + time + ";v1=" + good), "not a time");
  refused(check("t=" + time + ",v1="), "no v1 of the header is");
  refused(check("t=" + time + ",v1==" + good), "no v1 of the header is");
  refused(check(header_of(good.substr(0, 63))), "no v1 of the header is");
  refused(check(header_of(good + "0")), "no v1 of the header is");
  refused(check(header_of(good + " ")), "no v1 of the header is");
  refused(check(header_of("deadbeef")), "no v1 of the header is");
  refused(check(header_of(std::string(64, 'g'))), "no v1 of the header is");
  refused(check(header_of(std::string(64, '\0'))), "no v1 of the header is");
  // Stripe writes lower case, and its libraries compare the text.
  std::string upper = good;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  REQUIRE(upper != good);
  refused(check(header_of(upper)), "no v1 of the header is");
  refused(check(std::string(kMaxStripeHeaderBytes + 1, 'x')), "the limit is 8192");
}

TEST_CASE("stripe signature: headers that are unusual but right") {
  const std::string good = v1();
  const std::string time = std::to_string(kNow);
  CHECK(check("v1=" + good + ",t=" + time).ok());
  CHECK(check("t=" + time + ",v1=" + good + ",").ok());
  CHECK(check("v2=x,,t=" + time + ",=,v1=,v1=" + good + ",v1=short").ok());
  CHECK(check("t=" + time + ",v0=" + good + ",v1=" + good + ",v9=9").ok());
  // The time is what was signed, digit by digit.
  const std::string padded = "000" + time;
  CHECK(check("t=" + padded + ",v1=" + *stripe_signature(kPayload, padded, kSecret)).ok());
  refused(check("t=" + padded + ",v1=" + good), "no v1 of the header is");
}

TEST_CASE("stripe signature: many v1, wherever the right one stands") {
  const std::string other(64, 'a');
  for (const size_t place : {size_t{0}, size_t{57}, size_t{99}}) {
    std::string header = "t=" + std::to_string(kNow);
    for (size_t i = 0; i < 100; ++i) header += ",v1=" + (i == place ? v1() : other);
    CHECK(check(header).ok());
  }
  std::string header = "t=" + std::to_string(kNow);
  for (size_t i = 0; i < 100; ++i) header += ",v1=" + other;
  refused(check(header), "no v1 of the header is");
  for (size_t i = 0; i < 9'900; ++i) header += ",v1=" + other;
  refused(check(header + ",v1=" + v1()), "the limit is 8192");
}

TEST_CASE("stripe signature: the tolerance") {
  const std::string good = header_of(v1());
  CHECK(check(good, kNow + 300).ok());
  refused(check(good, kNow + 301), "301 seconds old, the limit is 300");
  CHECK(check(good, kNow + 301, 301).ok());
  CHECK(check(good, kNow + 1'000'000, 0).ok());
  CHECK(check(good, kNow - 1'000'000).ok());
  refused(check(good, kNow, -1), "tolerance");
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  refused(check(header_of(v1(kPayload, 0), 0), kMost), "seconds old");
  CHECK(check(header_of(v1(kPayload, kMost), kMost), kLeast).ok());
  CHECK(check(good, kMost, kMost).ok());
  // What is both old and wrong is called wrong: a stranger learns nothing about the clock.
  refused(check(header_of("deadbeef"), kNow + 1'000), "no v1 of the header is");
}

TEST_CASE("stripe signature: without a secret nothing is signed") {
  refused(check_stripe_signature(kPayload, header_of(v1()), "", kNow), "secret is empty");
  CHECK(stripe_signature(kPayload, "1", "").code() == Code::invalid_argument);
  // A secret of any length and any bytes is one.
  for (const std::string& secret :
       {std::string("x"), std::string(300, 'y'), std::string("a\0b", 3)}) {
    const std::string header = header_of(*stripe_signature(kPayload, std::to_string(kNow), secret));
    CHECK(check_stripe_signature(kPayload, header, secret, kNow).ok());
    CHECK_FALSE(check_stripe_signature(kPayload, header, secret + "z", kNow).ok());
  }
}

}  // namespace
}  // namespace bcstore::billing
