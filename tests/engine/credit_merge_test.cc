// The merge operator inside RocksDB: one value whatever flushes and compactions group the deltas,
// and damage that stays with its one owner.
#include <cstdlib>
#include <random>

#include "engine_fixture.h"
#include "format/counter.h"

namespace bcstore::engine {
namespace {

using format::Counter;
using format::Key;
using format::Kind;

std::string counter_key(int owner) {
  return key_of(owner, std::string(1, static_cast<char>(Kind::credit_counter)));
}

Status merge(Engine& engine, const std::string& key, const std::string& delta) {
  const std::unique_ptr<ChangeSet> changes = engine.new_changes();
  changes->merge(Family::credits, key, delta);
  return engine.apply(*changes, false);
}

std::string spend(const std::string& key, int64_t allowance, int64_t granted) {
  return format::delta_value(key, {1, {-allowance, 0}, {-granted, 0}});
}

TEST_CASE("credit merge: the same balance before and after flush, compaction and reopening") {
  const char* given = std::getenv("BCSTORE_SEED");
  const uint64_t seed = given ? std::strtoull(given, nullptr, 0) : std::random_device()();
  MESSAGE("BCSTORE_SEED=" << seed);
  std::mt19937_64 random(seed);
  ScratchDirectory scratch;
  std::unique_ptr<Engine> engine = open_engine(scratch.at("db"));
  Counter expected[3];
  for (int owner = 0; owner < 3; ++owner) {
    expected[owner] = {1000, 1000, 1};
    const std::string key = counter_key(owner + 1);
    REQUIRE(put(*engine, Family::credits, key, format::counter_value(key, expected[owner])).ok());
  }
  std::vector<std::pair<std::unique_ptr<Snapshot>, std::vector<std::string>>> snapshots;
  const auto values = [&](const Snapshot* at = nullptr) {
    std::vector<std::string> all;
    for (int owner = 1; owner <= 3; ++owner) {
      all.push_back(get(*engine, Family::credits, counter_key(owner), at));
    }
    return all;
  };
  for (int step = 0; step < 400; ++step) {
    const int owner = static_cast<int>(random() % 3);
    const std::string key = counter_key(owner + 1);
    Counter& counter = expected[owner];
    const int64_t a = static_cast<int64_t>(random() % 9) - 4;
    const int64_t g = static_cast<int64_t>(random() % 9) - 4;
    counter.allowance = std::max<int64_t>(0, counter.allowance - a);
    counter.granted = std::max<int64_t>(0, counter.granted - g);
    REQUIRE(merge(*engine, key, spend(key, a, g)).ok());
    if (random() % 40 == 0) {
      snapshots.emplace_back(engine->snapshot().value(), values());
    }
    if (random() % 25 == 0) REQUIRE(engine->flush(random() % 2 == 0).ok());
    if (random() % 80 == 0) {
      for (const auto& [at, then] : snapshots) CHECK(values(at.get()) == then);
      snapshots.clear();
      REQUIRE(engine->close().ok());
      engine.reset();
      engine = open_engine(scratch.at("db"));
    }
    if (step % 10 != 0) continue;
    CHECK(get(*engine, Family::credits, key) == format::counter_value(key, counter));
  }
  for (const auto& [at, then] : snapshots) CHECK(values(at.get()) == then);
  snapshots.clear();
  REQUIRE(engine->close().ok());
}

// An operator that answered false once made the whole store unreadable, for every owner.
TEST_CASE("credit merge: nonsense is one owner's corruption, across flush and reopening") {
  ScratchDirectory scratch;
  std::unique_ptr<Engine> engine = open_engine(scratch.at("db"));
  const std::string bad = counter_key(1);
  const std::string good = counter_key(2);
  for (const std::string& key : {bad, good}) {
    REQUIRE(put(*engine, Family::credits, key, format::counter_value(key, {5, 0, 1})).ok());
  }
  REQUIRE(merge(*engine, bad, "nonsense").ok());
  REQUIRE(merge(*engine, bad, spend(bad, 1, 0)).ok());
  REQUIRE(merge(*engine, good, spend(good, 2, 0)).ok());
  for (int round = 0; round < 3; ++round) {
    CHECK(get(*engine, Family::credits, bad) == format::kPoison);
    CHECK(get(*engine, Family::credits, good) == format::counter_value(good, {3, 0, 1}));
    if (round == 0) REQUIRE(engine->flush(true).ok());
    if (round == 1) {
      REQUIRE(engine->close().ok());
      engine = open_engine(scratch.at("db"));
    }
  }
  // A put of the whole heals it.
  REQUIRE(put(*engine, Family::credits, bad, format::counter_value(bad, {9, 9, 2})).ok());
  CHECK(get(*engine, Family::credits, bad) == format::counter_value(bad, {9, 9, 2}));
  REQUIRE(engine->close().ok());
}

TEST_CASE("credit merge: other families take no merge") {
  ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.at("db"));
  const std::unique_ptr<ChangeSet> changes = engine->new_changes();
  changes->merge(Family::heads, counter_key(1), "x");
  CHECK(engine->apply(*changes, false).code() == Code::internal);
  CHECK(engine->health().ok());
  REQUIRE(engine->close().ok());
}

}  // namespace
}  // namespace bcstore::engine
