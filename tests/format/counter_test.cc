// The algebra of credit deltas: composition is exact in any grouping, and any bytes are answered.
#include "format/counter.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace bcstore::format {
namespace {

const Key kKey(UserId(Uuid{{7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7}}),
               Kind::credit_counter);
const Key kOther(UserId(Uuid{{8}}), Kind::credit_counter);
constexpr uint64_t kEpoch = 3;

uint64_t test_seed() {
  const char* text = std::getenv("BCSTORE_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : std::random_device()();
}

std::string delta(int64_t allowance, int64_t granted, int64_t floor = 0, uint64_t epoch = kEpoch) {
  return delta_value(kKey, {epoch, {allowance, floor}, {granted, floor}});
}

// What a hold takes of each bucket.
std::string hold(int64_t allowance, int64_t granted) {
  return delta_value(kKey, {kEpoch, {-allowance, 0}, {-granted, 0}, {allowance, 0}, {granted, 0}});
}

std::string counter(int64_t allowance, int64_t granted, uint64_t epoch = kEpoch) {
  return counter_value(kKey, {allowance, granted, epoch});
}

// Combines the deltas in a random grouping down to one.
std::string regroup(std::vector<std::string> deltas, std::mt19937_64& random) {
  while (deltas.size() > 1) {
    const size_t at = random() % (deltas.size() - 1);
    deltas[at] = combine_deltas(kKey, deltas[at], deltas[at + 1]);
    deltas.erase(deltas.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
  return deltas.front();
}

TEST_CASE("counter: what is written is read") {
  const CounterDelta d{9, {-5, 0}, {INT32_MAX, -7}, {6, 1}, {-8, 2}};
  CHECK(parse_delta(kKey, delta_value(kKey, d)) == d);
  Counter read;
  Parsed parsed;
  const std::string value = counter(3, 4);
  REQUIRE(parse_record(kKey, value, &parsed).ok());
  REQUIRE(unpack(parsed.meta, &read));
  CHECK(read == Counter{3, 4, kEpoch});
  const Counter held{1, 2, 3, 4, 5};
  REQUIRE(unpack(pack(held), &read));
  CHECK(read == held);
}

TEST_CASE("counter: a delta adds to each bucket, and the floor holds") {
  CHECK(apply_delta(kKey, counter(10, 5), delta(-3, 0)) == counter(7, 5));
  CHECK(apply_delta(kKey, counter(10, 5), delta(-10, -5)) == counter(0, 0));
  CHECK(apply_delta(kKey, counter(10, 5), delta(-11, 4)) == counter(0, 9));
  CHECK(apply_delta(kKey, counter(10, 5), hold(3, 2)) == counter_value(kKey, {7, 3, kEpoch, 3, 2}));
}

TEST_CASE("counter: any grouping of any deltas gives the same bytes") {
  const uint64_t seed = test_seed();
  MESSAGE("BCSTORE_SEED=" << seed);
  std::mt19937_64 random(seed);
  const auto number = [&](int64_t most) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(2 * most + 1)) - most;
  };
  for (int round = 0; round < 500; ++round) {
    const int64_t most = round % 2 == 0 ? 20 : INT32_MAX;
    std::vector<std::string> deltas(1 + random() % 12);
    for (std::string& one : deltas) {
      one = random() % 2 == 0 ? delta(number(most), number(most), number(30))
                              : hold(number(most), number(most));
    }
    const std::string base = counter(number(50) + 50, number(50) + 50);
    std::string one_by_one = base;
    for (const std::string& one : deltas) one_by_one = apply_delta(kKey, one_by_one, one);
    CHECK(one_by_one != kPoison);
    CHECK(apply_delta(kKey, base, regroup(deltas, random)) == one_by_one);
    CHECK(apply_delta(kKey, base, regroup(deltas, random)) == one_by_one);
  }
}

TEST_CASE("counter: nonsense anywhere poisons, in any grouping, and nothing heals it") {
  const uint64_t seed = test_seed();
  MESSAGE("BCSTORE_SEED=" << seed);
  std::mt19937_64 random(seed);
  std::string flipped = delta(-1, 0);
  flipped[20] = static_cast<char>(flipped[20] ^ 1);
  const std::string nonsense[] = {"",
                                  "x",
                                  std::string(kDeltaBytes, '\0'),
                                  std::string(kPoison),
                                  flipped,
                                  delta(-1, 0, 0, kEpoch + 1),
                                  delta_value(kOther, {kEpoch, {-1, 0}, {0, 0}}),
                                  counter(1, 1),
                                  delta(kMaxCounter + 1, 0),
                                  delta(INT64_MIN, 0)};
  for (const std::string& bad : nonsense) {
    for (int round = 0; round < 20; ++round) {
      std::vector<std::string> deltas(1 + random() % 6, delta(-1, 1));
      deltas[random() % deltas.size()] = bad;
      std::string one_by_one = counter(50, 50);
      for (const std::string& one : deltas) one_by_one = apply_delta(kKey, one_by_one, one);
      CHECK(one_by_one == kPoison);
      CHECK(apply_delta(kKey, counter(50, 50), regroup(deltas, random)) == kPoison);
    }
  }
  CHECK(apply_delta(kKey, std::nullopt, delta(-1, 0)) == kPoison);
  for (const std::string& base : {std::string(), std::string("x"), delta(1, 1),
                                  counter_value(kOther, {1, 1, kEpoch}), counter(1, 1, 4)}) {
    CHECK(apply_delta(kKey, base, delta(-1, 0)) == kPoison);
  }
  Parsed parsed;
  CHECK(parse_record(kKey, kPoison, &parsed).code() == Code::corruption);
}

TEST_CASE("counter: sums that run over poison instead of wrapping") {
  const std::string most = delta(kMaxCounter, 0);
  CHECK(combine_deltas(kKey, most, most) == kPoison);
  CHECK(apply_delta(kKey, counter(kMaxCounter, 0), most) == kPoison);
}

TEST_CASE("counter: every flipped bit of a delta is seen") {
  const std::string whole = delta(-1, 2);
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string bad = whole;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    CHECK_FALSE(parse_delta(kKey, bad));
  }
}

}  // namespace
}  // namespace bcstore::format
