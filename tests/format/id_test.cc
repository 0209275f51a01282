#include "bcstore/id.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <random>
#include <set>

namespace bcstore {
namespace {

constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;

TEST_CASE("uuid: text and bytes") {
  const Uuid id{{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
                 0xee, 0xff}};
  CHECK(to_string(id) == "00112233-4455-6677-8899-aabbccddeeff");
  CHECK(parse_uuid("00112233-4455-6677-8899-aabbccddeeff") == id);
  CHECK(parse_uuid("00112233-4455-6677-8899-AABBCCDDEEFF") == id);
  CHECK(parse_uuid("00112233-4455-6677-8899-aAbBcCdDeEfF") == id);
  CHECK(to_string(Uuid::nil()) == "00000000-0000-0000-0000-000000000000");
  CHECK(to_string(kPublicOwner) == "00000000-0000-0000-0000-000000000001");
  CHECK(UserId::parse(to_string(kPublicOwner)) == kPublicOwner);
  CHECK_FALSE(UserId::parse("1").has_value());
  CHECK(Uuid::nil().is_nil());
  CHECK_FALSE(id.is_nil());
}

TEST_CASE("uuid: anything but the one form is refused") {
  for (const char* text : {
           "",
           "00112233445566778899aabbccddeeff",
           "{00112233-4455-6677-8899-aabbccddeeff}",
           "00112233-4455-6677-8899-aabbccddeef",
           "00112233-4455-6677-8899-aabbccddeefff",
           "00112233-4455-6677-8899-aabbccddeefg",
           "0011223-34455-6677-8899-aabbccddeeff",
           "00112233-4455-6677-8899_aabbccddeeff",
           "00112233-4455-6677-8899-aabbccddee-f",
           " 0112233-4455-6677-8899-aabbccddeeff",
           "00112233-4455-6677-8899-aabbccddee/:",
           "00112233-4455-6677-8899-aabbccddee@`",
       }) {
    CAPTURE(std::string(text));
    CHECK_FALSE(parse_uuid(text).has_value());
  }
}

TEST_CASE("time: text of an instant") {
  const std::pair<int64_t, const char*> cases[] = {
      {0, "1970-01-01T00:00:00.000000Z"},
      {-1, "1969-12-31T23:59:59.999999Z"},
      {1'754'040'600'000'000, "2025-08-01T09:30:00.000000Z"},
      {951'782'400'000'001, "2000-02-29T00:00:00.000001Z"},
      {-62'135'596'800'000'000, "0001-01-01T00:00:00.000000Z"},
      {253'402'300'799'999'999, "9999-12-31T23:59:59.999999Z"},
  };
  for (const auto& [us, text] : cases) {
    CHECK(to_string(Time{us}) == text);
    CHECK(parse_time(text) == Time{us});
  }
  // Instants without a four-digit year have the text of the nearest one that has.
  CHECK(to_string(Time{INT64_MIN}) == "0001-01-01T00:00:00.000000Z");
  CHECK(to_string(Time{INT64_MAX}) == "9999-12-31T23:59:59.999999Z");
}

TEST_CASE("time: what RFC 3339 allows is read") {
  const std::pair<const char*, const char*> cases[] = {
      {"2025-08-01T09:30:00Z", "2025-08-01T09:30:00.000000Z"},
      {"2025-08-01t09:30:00z", "2025-08-01T09:30:00.000000Z"},
      {"2025-08-01 09:30:00Z", "2025-08-01T09:30:00.000000Z"},
      {"2025-08-01T09:30:00+00:00", "2025-08-01T09:30:00.000000Z"},
      {"2025-08-01T09:30:00-00:00", "2025-08-01T09:30:00.000000Z"},
      {"2025-08-01T09:30:00+02:00", "2025-08-01T07:30:00.000000Z"},
      {"2025-08-01T09:30:00-05:30", "2025-08-01T15:00:00.000000Z"},
      {"2025-01-01T00:00:00+23:59", "2024-12-31T00:01:00.000000Z"},
      {"2024-12-31T23:59:00-23:59", "2025-01-01T23:58:00.000000Z"},
      {"2025-08-01T09:30:00.1Z", "2025-08-01T09:30:00.100000Z"},
      {"2025-08-01T09:30:00.12Z", "2025-08-01T09:30:00.120000Z"},
      {"2025-08-01T09:30:00.123456Z", "2025-08-01T09:30:00.123456Z"},
      {"2025-08-01T09:30:00.1234567Z", "2025-08-01T09:30:00.123456Z"},
      {"2025-08-01T09:30:00.123456999+01:00", "2025-08-01T08:30:00.123456Z"},
      {"2025-08-01T09:30:00.999999999Z", "2025-08-01T09:30:00.999999Z"},
      {"1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"},
      {"1969-12-31T23:59:59.0000009Z", "1969-12-31T23:59:59.000000Z"},
      {"1900-06-15T12:00:00.123456789Z", "1900-06-15T12:00:00.123456Z"},
      {"2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000000Z"},
      {"2000-02-29T12:00:00Z", "2000-02-29T12:00:00.000000Z"},
      {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"},
      {"2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.500000Z"},
      {"2017-01-01T01:59:60+02:00", "2017-01-01T00:00:00.000000Z"},
      {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"},
      {"0001-01-01T01:00:00+01:00", "0001-01-01T00:00:00.000000Z"},
      {"9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999Z"},
  };
  for (const auto& [text, expected] : cases) {
    const std::string shown(text);
    CAPTURE(shown);
    const std::optional<Time> time = parse_time(text);
    REQUIRE(time.has_value());
    CHECK(to_string(*time) == expected);
  }
}

TEST_CASE("time: anything else is refused") {
  for (const char* text : {
           "",
           "2025",
           "2025-08-01",
           "2025-08-01T09:30Z",
           "2025-08-01T09:30:00",
           "2025-08-01T09:30:00.Z",
           "2025-08-01T09:30:00.1234567890Z",
           "2025-08-01T09:30:00,5Z",
           "2025-08-01T09:30:00Z ",
           " 2025-08-01T09:30:00Z",
           "2025-08-01T09:30:00ZZ",
           "2025-08-01_09:30:00Z",
           "2025-08-01  09:30:00Z",
           "2025-8-01T09:30:00Z",
           "25-08-01T09:30:00Z",
           "+2025-08-01T09:30:00Z",
           "-025-08-01T09:30:00Z",
           "12025-08-01T09:30:00Z",
           "2025-00-01T09:30:00Z",
           "2025-13-01T09:30:00Z",
           "2025-08-00T09:30:00Z",
           "2025-08-32T09:30:00Z",
           "2025-04-31T09:30:00Z",
           "2025-02-29T09:30:00Z",
           "1900-02-29T09:30:00Z",
           "2024-02-30T09:30:00Z",
           "2025-08-01T24:00:00Z",
           "2025-08-01T25:00:00Z",
           "2025-08-01T09:60:00Z",
           "2025-08-01T09:30:61Z",
           "2025-08-01T09:30:00+24:00",
           "2025-08-01T09:30:00+02:60",
           "2025-08-01T09:30:00+0200",
           "2025-08-01T09:30:00+02",
           "2025-08-01T09:30:00+2:00",
           "2025-08-01T09:30:00 +02:00",
           "2025-08-01T0a:30:00Z",
           "0000-12-31T23:59:59Z",
           "0001-01-01T00:59:59+01:00",
           "9999-12-31T23:59:60Z",
           "9999-12-31T23:00:00-01:00",
       }) {
    CAPTURE(std::string(text));
    CHECK_FALSE(parse_time(text).has_value());
  }
  CHECK_FALSE(parse_time(std::string_view("2025-08-01T09:30:00Z\0", 21)).has_value());
}

TEST_CASE("time: every day of every kind of year comes back") {
  int64_t us = parse_time("1896-12-31T00:00:00Z")->us;
  const int64_t end = parse_time("2105-01-01T00:00:00Z")->us;
  std::string last;
  for (; us < end; us += kDayUs) {
    const std::string text = to_string(Time{us});
    CHECK(last < text);
    CHECK(parse_time(text) == Time{us});
    last = text;
  }
}

TEST_CASE("time: text and instant agree for random instants") {
  const char* const given = std::getenv("BCSTORE_SEED");
  const uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
  MESSAGE("seed ", seed);
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<int64_t> any(-62'135'596'800'000'000, 253'402'300'799'999'999);
  for (int i = 0; i < 20'000; ++i) {
    const Time time{any(random)};
    REQUIRE(parse_time(to_string(time)) == time);
  }
}

TEST_CASE("time: the month of an instant") {
  const std::pair<const char*, uint32_t> cases[] = {
      {"2025-08-01T00:00:00Z", 202508},        {"2025-07-31T23:59:59.999999Z", 202507},
      {"2025-08-01T00:30:00+01:00", 202507},   {"1969-12-31T23:59:59.999999Z", 196912},
      {"1970-01-01T00:00:00Z", 197001},        {"0001-01-01T00:00:00Z", 101},
      {"9999-12-31T23:59:59.999999Z", 999912}, {"2024-02-29T23:59:59Z", 202402},
  };
  for (const auto& [text, month] : cases) CHECK(month_of(*parse_time(text)) == month);
  CHECK(month_of(Time{INT64_MIN}) == 101);
  CHECK(month_of(Time{INT64_MAX}) == 999912);
}

TEST_CASE("id: hashes of near ids mostly differ") {
  std::set<size_t> hashes;
  for (int i = 0; i < 1000; ++i) {
    Uuid uuid;
    uuid.bytes[static_cast<size_t>(i % 16)] = static_cast<uint8_t>(i / 16 + 1);
    hashes.insert(std::hash<UserId>{}(UserId(uuid)));
  }
  CHECK(hashes.size() > 950);
}

}  // namespace
}  // namespace bcstore
