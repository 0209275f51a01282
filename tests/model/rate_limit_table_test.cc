// The rate limiter's table: its bound, its checkpoint, what is given back, and many threads.
#include <doctest/doctest.h>

#include <atomic>
#include <limits>
#include <random>
#include <thread>

#include "engine/monotonic.h"
#include "fixture.h"
#include "model/rate_limit.h"

namespace bcstore::model {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr RateLimitPolicy kSlow{1, kSecondUs, 10};

UserId user(uint64_t n) {
  Uuid id;
  std::mt19937_64 random(n);
  for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(random());
  return UserId(id);
}

RateLimitDecision ask(RateLimiter& limiter, uint64_t owner, uint64_t cost, int64_t now_us,
                      const RateLimitPolicy& policy = kSlow) {
  return limiter.try_acquire(user(owner), "chat", policy, cost, now_us).value();
}

TEST_CASE("rate limit: the table keeps to its bound") {
  constexpr size_t kMost = 16 * RateLimiter::kShards;
  RateLimiter limiter(kMost);
  for (uint64_t n = 0; n < 20 * kMost; ++n) {
    REQUIRE(ask(limiter, n, 10, static_cast<int64_t>(n)).allowed);
    REQUIRE(limiter.entries() <= kMost);
  }
  CHECK(limiter.forgiven() > 0);
  // The one that came last is furthest ahead, and therefore still there.
  CHECK_FALSE(ask(limiter, 20 * kMost - 1, 1, static_cast<int64_t>(20 * kMost)).allowed);
}

TEST_CASE("rate limit: entries whose time has passed make room before any other") {
  constexpr size_t kMost = 8 * RateLimiter::kShards;
  RateLimiter limiter(kMost);
  uint64_t owner = 0;
  for (int64_t round = 0; round < 50; ++round) {
    const int64_t now = round * 60 * kSecondUs;
    // Half as many as there is room for, since shards are not evenly full.
    for (size_t i = 0; i < kMost / 8; ++i) REQUIRE(ask(limiter, owner++, 10, now).allowed);
  }
  CHECK(limiter.entries() <= kMost);
  CHECK(limiter.forgiven() == 0);
}

TEST_CASE("rate limit: a dropped entry is worth less than a burst") {
  RateLimiter limiter(1);  // one entry a shard
  uint64_t given = 0;
  uint64_t dropped = 0;
  for (uint64_t n = 0; n < 5'000; ++n) {
    // Time stands still. Others push owner 0 out now and then.
    if (ask(limiter, 0, 1, 0).allowed) ++given;
    const bool was_there = ask(limiter, 0, 0, 0).reset_after_us > 0;
    REQUIRE(ask(limiter, 1 + n, 10, 0).remaining == 0);
    if (was_there && ask(limiter, 0, 0, 0).reset_after_us == 0) ++dropped;
  }
  CHECK(dropped > 100);
  CHECK(limiter.forgiven() >= dropped);
  CHECK(given > 10);
  CHECK(given <= 10 * (dropped + 1));
}

// Of the first 200 users.
std::vector<RateLimitEntry> checkpoint_of(const RateLimiter& limiter, int64_t now_us) {
  std::vector<RateLimitEntry> entries;
  for (uint64_t n = 0; n < 200; ++n) {
    const int64_t ahead_us = limiter.ahead_us(user(n), "chat", now_us);
    if (ahead_us > 0) entries.push_back({user(n), "chat", ahead_us});
  }
  return entries;
}

TEST_CASE("rate limit: a checkpoint brings back who was ahead, on any clock") {
  const uint64_t seed = fixture::seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed);
  const RateLimitPolicy policy{7, 3 * kSecondUs, 10};
  RateLimiter before;
  const int64_t taken_at = 77;
  for (uint64_t n = 0; n < 200; ++n) REQUIRE(ask(before, n, 1 + n % 10, taken_at, policy).allowed);
  // The first ones, who took 1, are full again by then.
  const int64_t saved_at = taken_at + kSecondUs / 2;
  const std::vector<RateLimitEntry> saved = checkpoint_of(before, saved_at);
  CHECK(saved.size() == 180);
  CHECK(saved == checkpoint_of(before, saved_at));

  for (const int64_t elapsed : {int64_t{-5}, int64_t{0}, kSecondUs, 3 * kSecondUs}) {
    CAPTURE(elapsed);
    const int64_t opened_at = -static_cast<int64_t>(random() % 1'000'000'000);
    RateLimiter after;
    after.restore(saved, elapsed, opened_at);
    for (uint64_t n = 0; n < 200; ++n) {
      CAPTURE(n);
      const int64_t passed = std::max<int64_t>(elapsed, 0);
      const int64_t there = ask(before, n, 0, saved_at + passed, policy).reset_after_us;
      const int64_t here = ask(after, n, 0, opened_at, policy).reset_after_us;
      REQUIRE(here == there);
    }
  }
  // Restoring twice changes nothing, and an entry that is further ahead stays.
  RateLimiter twice;
  twice.restore(saved, 0, 0);
  twice.restore(saved, 0, 0);
  CHECK(checkpoint_of(twice, 0) == saved);
  twice.restore(saved, kSecondUs, 0);
  CHECK(checkpoint_of(twice, 0) == saved);
}

TEST_CASE("rate limit: a checkpoint with odd entries is taken as far as it makes sense") {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  RateLimiter limiter;
  limiter.restore({{user(1), "chat", kMost},
                   {user(2), "chat", -1},
                   {user(3), "chat", std::numeric_limits<int64_t>::min()},
                   {user(4), std::string(1'000, 'x'), 5}},
                  0, kMost);
  CHECK(limiter.entries() == 1);
  // Whatever it said, a policy is owed its burst and no more.
  CHECK(ask(limiter, 1, 1, kMost).reset_after_us == 10 * kSecondUs);
  limiter.restore({{user(5), "chat", kMost}}, kMost, 0);
  CHECK(limiter.entries() == 1);
}

TEST_CASE("rate limit: what is given back is as if it had not been taken") {
  RateLimiter limiter;
  const auto give_back = [&](uint64_t cost, int64_t acquired_us, int64_t now_us) {
    limiter.give_back(user(1), "chat", kSlow, cost, acquired_us, now_us);
  };
  REQUIRE(ask(limiter, 1, 3, 0).allowed);
  REQUIRE(ask(limiter, 1, 4, 0).remaining == 3);
  give_back(4, 0, 0);
  CHECK(ask(limiter, 1, 0, 0).remaining == 7);
  // Half of it came back by itself.
  REQUIRE(ask(limiter, 1, 7, 0).remaining == 0);
  give_back(2, 0, kSecondUs);
  CHECK(ask(limiter, 1, 0, kSecondUs).remaining == 2);
  give_back(2, 0, 2 * kSecondUs);
  CHECK(ask(limiter, 1, 0, 2 * kSecondUs).remaining == 3);
  // What makes no sense gives nothing.
  give_back(11, 2 * kSecondUs, 2 * kSecondUs);
  give_back(5, 3 * kSecondUs, 2 * kSecondUs);
  limiter.give_back(user(1), "chat", {}, 1, 2 * kSecondUs, 2 * kSecondUs);
  limiter.give_back(user(2), "chat", kSlow, 1, 2 * kSecondUs, 2 * kSecondUs);
  CHECK(ask(limiter, 1, 0, 2 * kSecondUs).remaining == 3);
  give_back(10, 2 * kSecondUs, 2 * kSecondUs);
  CHECK(limiter.entries() == 0);
}

TEST_CASE("rate limit: giving back never grants more than not having asked") {
  const uint64_t seed = fixture::seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2'000; ++round) {
    RateLimiter with;
    RateLimiter without;
    int64_t now = 0;
    const auto both = [&](uint64_t cost) {
      // Only what both allow, so that they differ by what is given back alone.
      if (!ask(with, 1, 0, now).allowed || ask(with, 1, 0, now).remaining < cost) return;
      REQUIRE(ask(with, 1, cost, now).allowed);
      REQUIRE(ask(without, 1, cost, now).allowed);
    };
    both(random() % 6);
    const uint64_t cost = 1 + random() % 4;
    now += static_cast<int64_t>(random() % (3 * kSecondUs));
    const int64_t acquired = now;
    if (!ask(with, 1, cost, now).allowed) continue;
    for (uint64_t i = random() % 4; i > 0; --i) {
      now += static_cast<int64_t>(random() % (3 * kSecondUs));
      both(random() % 4);
    }
    with.give_back(user(1), "chat", kSlow, cost, acquired, now);
    REQUIRE(ask(with, 1, 0, now).reset_after_us >= ask(without, 1, 0, now).reset_after_us);
  }
}

TEST_CASE("rate limit: eight threads never take more than the policy gives") {
  constexpr int kThreads = 8;
  const RateLimitPolicy policy{1'000, kSecondUs / 10, 50};
  RateLimiter limiter;
  std::atomic<uint64_t> given{0};
  std::atomic<uint64_t> other{0};
  const int64_t start = engine::monotonic_us();
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int n = 0; n < kThreads; ++n) {
    threads.emplace_back([&, n] {
      std::mt19937_64 random(static_cast<uint64_t>(n));
      for (int i = 0; i < 4'000; ++i) {
        const uint64_t cost = 1 + random() % 3;
        const auto answer =
            limiter.try_acquire(user(1), "chat", policy, cost, engine::monotonic_us());
        if (answer.ok() && answer->allowed) given += cost;
        // Others are in the same table meanwhile.
        const auto own = limiter.try_acquire(user(2 + random() % 100), "chat", policy, 1,
                                             engine::monotonic_us());
        if (own.ok() && own->allowed) ++other;
        if (i % 64 == 0) (void)limiter.ahead_us(user(1), "chat", engine::monotonic_us());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const int64_t passed = engine::monotonic_us() - start;
  const uint64_t most =
      policy.burst + policy.rate * static_cast<uint64_t>(passed) / (kSecondUs / 10);
  CHECK(given >= policy.burst);
  CHECK(given <= most);
  CHECK(other > 0);
  CHECK(limiter.forgiven() == 0);
}

TEST_CASE("rate limit: threads with one time take exactly the burst") {
  RateLimiter limiter;
  std::atomic<int> given{0};
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int n = 0; n < 8; ++n) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) {
        if (ask(limiter, 1, 1, 5, {1, kSecondUs, 777}).allowed) ++given;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(given == 777);
}

}  // namespace
}  // namespace bcstore::model
