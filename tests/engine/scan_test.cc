// The scan primitive: bounds, directions, and owners that lie next to each other.
#include <limits>

#include "engine/engine_fixture.h"

namespace bcstore::engine {
namespace {

std::vector<std::string> reversed(std::vector<std::string> keys) {
  return {keys.rbegin(), keys.rend()};
}

TEST_CASE("scan: rows between the bounds in both directions") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  const std::string zero(1, '\0');
  const std::vector<std::string> rests = {"",         zero, zero + zero, "a",
                                          "a" + zero, "b",  "\xff",      "\xff\xff"};
  for (const std::string& rest : rests) {
    REQUIRE(put(*engine, Family::months, key_of(5, rest), "v" + rest).ok());
  }
  for (const bool flushed : {false, true}) {
    if (flushed) REQUIRE(engine->flush(/*compact=*/true).ok());
    for (size_t from = 0; from < rests.size(); ++from) {
      for (size_t to = 0; to < rests.size(); ++to) {
        CAPTURE(from);
        CAPTURE(to);
        std::vector<std::string> expected;
        for (size_t i = from; i < to; ++i) expected.push_back(key_of(5, rests[i]));
        ScanRequest request{Family::months, key_of(5, rests[from]), key_of(5, rests[to])};
        CHECK(scan_keys(*engine, request) == expected);
        request.backward = true;
        CHECK(scan_keys(*engine, request) == reversed(expected));
        request.fill_cache = false;
        CHECK(scan_keys(*engine, request) == reversed(expected));
      }
    }
  }
  const std::unique_ptr<Scan> scan = engine->scan({Family::months, key_of(5), key_of(5, "b")});
  size_t rows = 0;
  for (; scan->next(); ++rows) CHECK(scan->value() == "v" + rests[rows]);
  CHECK(rows == 5);
  CHECK_FALSE(scan->next());
  CHECK(scan->key().empty());
  CHECK(scan->value().empty());
}

TEST_CASE("scan: never leaves its owner though neighbours surround it") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  // Owners beside each other: all zeroes, one, ..., all ones, and one byte apart at both ends.
  std::vector<std::string> owners = {key_of(0x00), key_of(0x01), key_of(0x7f),
                                     key_of(0x80), key_of(0xfe), key_of(0xff)};
  for (const size_t place : {size_t{0}, size_t{15}}) {
    for (const int step : {-1, 1}) {
      std::string near = key_of(0x80);
      near[place] = static_cast<char>(0x80 + step);
      owners.push_back(near);
    }
  }
  const std::string zero(1, '\0');
  const std::string last(8, '\xff');
  for (const std::string& owner : owners) {
    for (const std::string& rest :
         {std::string(), zero, std::string("m"), std::string("\xff"), last}) {
      REQUIRE(put(*engine, Family::history, owner + rest, "v").ok());
    }
  }
  for (const bool flushed : {false, true}) {
    if (flushed) REQUIRE(engine->flush(/*compact=*/false).ok());
    for (const std::string& owner : owners) {
      for (const bool backward : {false, true}) {
        ScanRequest request{Family::history, owner, owner + last + zero, backward};
        const std::vector<std::string> keys = scan_keys(*engine, request);
        CHECK(keys.size() == 5);
        for (const std::string& key : keys) CHECK(key.starts_with(owner));
        request.lower = owner + last + zero;
        request.upper = owner + last + last;
        CHECK(scan_keys(*engine, request).empty());
      }
    }
  }
}

TEST_CASE("scan: bounds that do not name one owner are refused") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  REQUIRE(put(*engine, Family::history, key_of(1), "v").ok());
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},
      {"", key_of(1)},
      {key_of(1), ""},
      {key_of(1), key_of(2)},
      {key_of(0), key_of(1)},
      {std::string(15, '\x01'), key_of(1, "z")},
      {key_of(1), std::string(15, '\x01')},
  };
  for (const auto& [lower, upper] : cases) {
    const std::unique_ptr<Scan> scan = engine->scan({Family::history, lower, upper});
    CHECK_FALSE(scan->next());
    CHECK(scan->status().code() == Code::internal);
    CHECK(engine->live_children() == 0);
  }
}

TEST_CASE("scan: the caller's bounds may change and go away under it") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  for (int owner = 1; owner <= 3; ++owner) {
    for (const char* rest : {"a", "b", "c"}) {
      REQUIRE(put(*engine, Family::index, key_of(owner, rest), "v").ok());
    }
  }
  auto request =
      std::make_unique<ScanRequest>(ScanRequest{Family::index, key_of(2), key_of(2, "\xff")});
  const std::unique_ptr<Scan> scan = engine->scan(*request);
  request->lower = key_of(1);
  request->upper.assign(request->upper.size(), '\xff');
  request.reset();
  size_t rows = 0;
  while (scan->next()) {
    CHECK(scan->key().starts_with(key_of(2)));
    ++rows;
  }
  CHECK(rows == 3);
}

TEST_CASE("scan: sees the store as it was when the scan began") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  REQUIRE(put(*engine, Family::log, key_of(1, "a"), "v").ok());
  const std::unique_ptr<Scan> scan = engine->scan({Family::log, key_of(1), key_of(1, "\xff")});
  REQUIRE(put(*engine, Family::log, key_of(1, "b"), "later").ok());
  CHECK(scan->next());
  CHECK_FALSE(scan->next());
  CHECK(scan->status().ok());
}

}  // namespace
}  // namespace bcstore::engine
