// The rate limiter against a slow and exact model, with clocks that step, and from many threads.
#include "model/rate_limit.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <random>

#include "bcstore/types.h"
#include "fixture.h"

namespace bcstore::model {
namespace {

__extension__ using Exact = __int128;

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kFarFuture = std::numeric_limits<int64_t>::max();

UserId owner_of(uint64_t n) {
  Uuid id;
  for (size_t i = 0; i < 8; ++i) id.bytes[i] = static_cast<uint8_t>((n + 1) >> (8 * i));
  return UserId(id);
}

RateLimitDecision ask(RateLimiter& limiter, const RateLimitPolicy& policy, uint64_t cost,
                      int64_t now_us, uint64_t owner = 0) {
  const Result<RateLimitDecision> answer =
      limiter.try_acquire(owner_of(owner), "chat", policy, cost, now_us);
  REQUIRE_MESSAGE(answer.ok(), answer.status().to_string());
  return *answer;
}

// The definition itself: everything that was taken is kept, and a request is allowed if no span
// that ends now gives more than burst + t * rate / period. All in units of 1/period.
class Window {
 public:
  explicit Window(const RateLimitPolicy& policy) : policy_(policy) {}

  // What could be taken at `now_us`, in (1/period)ths of a unit.
  Exact room(int64_t now_us) const {
    Exact least = Exact{policy_.burst} * policy_.period_us;
    Exact taken = 0;
    for (auto event = taken_.rbegin(); event != taken_.rend(); ++event) {
      taken += Exact{event->cost} * policy_.period_us;
      const Exact given =
          Exact{policy_.burst} * policy_.period_us + Exact{policy_.rate} * (now_us - event->at_us);
      least = std::min(least, given - taken);
    }
    return least;
  }
  bool allows(uint64_t cost, int64_t now_us) const {
    return Exact{cost} * policy_.period_us <= room(now_us);
  }
  void take(uint64_t cost, int64_t now_us) { taken_.push_back({cost, now_us}); }
  void step_back(int64_t step_us) {
    for (Event& event : taken_) event.at_us -= step_us;
  }
  // What the limiter should answer.
  RateLimitDecision decide(uint64_t cost, int64_t now_us) {
    RateLimitDecision answer;
    const Exact before = room(now_us);
    answer.allowed = cost <= policy_.burst && allows(cost, now_us);
    if (answer.allowed && cost > 0) take(cost, now_us);
    const Exact after = room(now_us);
    answer.remaining = static_cast<uint32_t>(after / policy_.period_us);
    const auto wait_for = [&](Exact missing) {
      return static_cast<int64_t>((missing + policy_.rate - 1) / policy_.rate);
    };
    if (cost > policy_.burst) {
      answer.retry_after_us = std::nullopt;
    } else if (!answer.allowed) {
      answer.retry_after_us = wait_for(Exact{cost} * policy_.period_us - before);
    }
    answer.reset_after_us = wait_for(Exact{policy_.burst} * policy_.period_us - after);
    return answer;
  }

 private:
  struct Event {
    uint64_t cost;
    int64_t at_us;
  };
  RateLimitPolicy policy_;
  std::vector<Event> taken_;
};

struct Dice {
  explicit Dice(uint64_t seed) : random(seed) {}
  uint64_t below(uint64_t bound) { return random() % bound; }
  // Small numbers as often as large ones.
  uint64_t size(unsigned max_bits) { return random() >> (63 - below(max_bits)); }
  std::mt19937_64 random;
};

RateLimitPolicy any_policy(Dice& dice) {
  for (;;) {
    RateLimitPolicy policy;
    policy.rate = static_cast<uint32_t>(1 + dice.size(31));
    policy.period_us = static_cast<int64_t>(1 + dice.size(44));
    policy.burst = static_cast<uint32_t>(1 + dice.size(dice.below(4) == 0 ? 31 : 6));
    if (check_rate_policy("any", policy).ok()) return policy;
  }
}

int64_t any_wait(Dice& dice, const RateLimitPolicy& policy, const RateLimitDecision& last) {
  switch (dice.below(6)) {
    case 0:
      return 0;
    case 1:
      return last.retry_after_us.value_or(1);
    case 2:  // one too early
      return std::max<int64_t>(0, last.retry_after_us.value_or(1) - 1);
    case 3:
      return last.reset_after_us;
    case 4:
      return static_cast<int64_t>(dice.below(static_cast<uint64_t>(policy.period_us) + 1));
    default:
      return static_cast<int64_t>(
          dice.below(static_cast<uint64_t>(policy.period_us / policy.rate) + 2));
  }
}

TEST_CASE("rate limit: answers are those of the exact model") {
  const uint64_t seed = fixture::seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  Dice dice(seed);
  uint64_t allowed = 0;
  uint64_t denied = 0;
  for (int round = 0; round < 300; ++round) {
    const RateLimitPolicy policy = any_policy(dice);
    CAPTURE(policy.rate);
    CAPTURE(policy.period_us);
    CAPTURE(policy.burst);
    RateLimiter limiter;
    Window window(policy);
    int64_t now = static_cast<int64_t>(dice.size(60)) * (dice.below(2) == 0 ? 1 : -1);
    RateLimitDecision last;
    for (int i = 0; i < 120; ++i) {
      now += any_wait(dice, policy, last);
      const uint64_t cost = dice.below(8) == 0 ? dice.size(63) : dice.below(policy.burst + 2ull);
      CAPTURE(i);
      CAPTURE(cost);
      last = ask(limiter, policy, cost, now);
      const RateLimitDecision expected = window.decide(cost, now);
      REQUIRE(last.allowed == expected.allowed);
      REQUIRE(last.remaining == expected.remaining);
      REQUIRE(last.retry_after_us == expected.retry_after_us);
      REQUIRE(last.reset_after_us == expected.reset_after_us);
      ++(last.allowed ? allowed : denied);
    }
  }
  CHECK(allowed > 1'000);
  CHECK(denied > 1'000);
}

TEST_CASE("rate limit: 3 in 10 seconds stays 3 in 10 seconds") {
  const RateLimitPolicy policy{3, 10 * kSecondUs, 2};
  RateLimiter limiter;
  REQUIRE(ask(limiter, policy, 2, 0).allowed);
  // Due at 3333334, 6666667, 10000000, ...: what an answer rounds is never added up.
  for (int64_t n = 1; n <= 30'000; ++n) {
    const int64_t due = (n * 10 * kSecondUs + 2) / 3;
    const RateLimitDecision early = ask(limiter, policy, 1, due - 1);
    REQUIRE_FALSE(early.allowed);
    REQUIRE(early.retry_after_us == 1);
    REQUIRE(ask(limiter, policy, 1, due).allowed);
  }
}

TEST_CASE("rate limit: cost 0 tells and takes nothing, cost above the burst never is allowed") {
  const RateLimitPolicy policy{1, kSecondUs, 5};
  RateLimiter limiter;
  CHECK(ask(limiter, policy, 0, 0) == RateLimitDecision{true, 5, 0, 0});
  CHECK(limiter.entries() == 0);
  CHECK(ask(limiter, policy, 2, 0) == RateLimitDecision{true, 3, 0, 2 * kSecondUs});
  CHECK(ask(limiter, policy, 0, 0) == RateLimitDecision{true, 3, 0, 2 * kSecondUs});
  for (const uint64_t cost : {uint64_t{6}, std::numeric_limits<uint64_t>::max()}) {
    CHECK(ask(limiter, policy, cost, 0) ==
          RateLimitDecision{false, 3, std::nullopt, 2 * kSecondUs});
  }
  CHECK(ask(limiter, policy, 4, 0) == RateLimitDecision{false, 3, kSecondUs, 2 * kSecondUs});
  CHECK(ask(limiter, policy, 3, 0) == RateLimitDecision{true, 0, 0, 5 * kSecondUs});
  CHECK(ask(limiter, policy, 0, 0) == RateLimitDecision{true, 0, 0, 5 * kSecondUs});
}

TEST_CASE("rate limit: policies outside of the limits are refused by name") {
  const auto refused = [](std::string_view name, const RateLimitPolicy& policy,
                          std::string_view reason) {
    RateLimiter limiter;
    const Status s = limiter.try_acquire(owner_of(0), name, policy, 1, 0).status();
    CHECK(s.code() == Code::invalid_argument);
    INFO(s.message());
    CHECK(s.message().find(reason) != std::string_view::npos);
    CHECK(limiter.entries() == 0);
  };
  const RateLimitPolicy good{1, kSecondUs, 1};
  refused("", good, "name");
  refused(std::string(kMaxPolicyNameBytes + 1, 'x'), good, "name");
  refused("chat", {0, kSecondUs, 1}, "rate");
  refused("chat", {1, kSecondUs, 0}, "burst");
  refused("chat", {1, 0, 1}, "period");
  refused("chat", {1, -1, 1}, "period");
  refused("chat", {1, kMaxRatePeriodUs + 1, 1}, "period");
  refused("chat", {1, kMaxRatePeriodUs, 11}, "come back");
  refused("chat", {1, kFarFuture, std::numeric_limits<uint32_t>::max()}, "period");
  CHECK(check_rate_policy("chat", {1, kMaxRatePeriodUs, 10}).ok());
  CHECK(check_rate_policy(std::string(kMaxPolicyNameBytes, 'x'), good).ok());
}

TEST_CASE("rate limit: the largest numbers") {
  constexpr uint32_t kMost = std::numeric_limits<uint32_t>::max();
  for (const RateLimitPolicy policy :
       {RateLimitPolicy{kMost, kMaxRatePeriodUs, kMost}, RateLimitPolicy{1, kMaxRatePeriodUs, 10},
        RateLimitPolicy{kMost, 1, kMost}, RateLimitPolicy{1, 1, 1}}) {
    for (const int64_t now : {std::numeric_limits<int64_t>::min(), int64_t{-1}, int64_t{0},
                              std::numeric_limits<int64_t>::max()}) {
      RateLimiter limiter;
      CHECK(ask(limiter, policy, policy.burst, now).allowed);
      const RateLimitDecision denied = ask(limiter, policy, policy.burst, now);
      CHECK_FALSE(denied.allowed);
      CHECK(denied.retry_after_us == denied.reset_after_us);
      CHECK(denied.reset_after_us > 0);
      CHECK(denied.reset_after_us <= kMaxRefillUs);
    }
  }
}

TEST_CASE("rate limit: a clock that is set back grants nothing and locks nobody out") {
  const RateLimitPolicy policy{1, kSecondUs, 3};
  const int64_t start = 1'000 * kSecondUs;
  for (const int64_t step : {int64_t{1}, kSecondUs / 2, kSecondUs + 7, 900 * kSecondUs}) {
    CAPTURE(step);
    RateLimiter limiter;
    REQUIRE(ask(limiter, policy, 3, start).allowed);
    int64_t now = start - step;
    // The whole burst is taken: for a second nothing, whichever of the two clocks one believes.
    CHECK_FALSE(ask(limiter, policy, 1, now).allowed);
    CHECK_FALSE(ask(limiter, policy, 1, now + kSecondUs - 1).allowed);
    int64_t waited = kSecondUs - 1;
    uint32_t given = 0;
    while (waited < 12 * kSecondUs) {
      waited += 1'000;
      if (ask(limiter, policy, 1, now + waited).allowed) ++given;
    }
    // One a second, but for the second that the clock needed to be believed.
    CHECK(given >= 10);
    CHECK(given <= 12);
  }
}

TEST_CASE("rate limit: callers that come late grant nothing") {
  const RateLimitPolicy policy{1'000, kSecondUs, 10};
  RateLimiter limiter;
  Window window(policy);
  int64_t latest = 0;
  Dice dice(fixture::seed_from_environment(7));
  for (int i = 0; i < 5'000; ++i) {
    // Every second caller is late, by up to a minute; the others tell the time.
    int64_t now = latest + static_cast<int64_t>(dice.below(2'000));
    if (i % 2 == 1) now = latest - static_cast<int64_t>(dice.below(60 * kSecondUs));
    latest = std::max(latest, now);
    REQUIRE(ask(limiter, policy, 1, now).allowed == window.decide(1, latest).allowed);
  }
}

TEST_CASE("rate limit: whatever the clock does, what is given is what went by forwards") {
  const uint64_t seed = fixture::seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  Dice dice(seed);
  for (int round = 0; round < 200; ++round) {
    const RateLimitPolicy policy{static_cast<uint32_t>(1 + dice.below(50)),
                                 static_cast<int64_t>(1 + dice.below(10 * kSecondUs)),
                                 static_cast<uint32_t>(1 + dice.below(20))};
    RateLimiter limiter;
    int64_t now = 0;
    Exact forwards = 0;
    Exact given = 0;
    for (int i = 0; i < 300; ++i) {
      int64_t by = static_cast<int64_t>(dice.below(static_cast<uint64_t>(policy.period_us) + 1));
      if (dice.below(10) == 0) by = -static_cast<int64_t>(dice.size(40));
      now += by;
      forwards += std::max<int64_t>(by, 0);
      const uint64_t cost = 1 + dice.below(policy.burst);
      if (ask(limiter, policy, cost, now).allowed) given += cost;
      const Exact most = Exact{policy.burst} * policy.period_us + Exact{policy.rate} * forwards;
      REQUIRE(given * policy.period_us <= most);
    }
    // And after the last step it comes back in its time.
    const RateLimitDecision last = ask(limiter, policy, policy.burst, now);
    if (last.allowed) continue;
    now += RateLimiter::kStepBackUs;
    (void)ask(limiter, policy, 0, now);
    now += *last.retry_after_us + RateLimiter::kStepBackUs;
    REQUIRE(ask(limiter, policy, policy.burst, now).allowed);
  }
}

TEST_CASE("rate limit: another policy of the same name owes at most its own burst") {
  const RateLimitPolicy slow{1, 3'600 * kSecondUs, 10};
  const RateLimitPolicy quick{3, kSecondUs, 6};
  RateLimiter limiter;
  REQUIRE(ask(limiter, slow, 10, 0).allowed);
  const RateLimitDecision denied = ask(limiter, quick, 1, 0);
  CHECK_FALSE(denied.allowed);
  CHECK(denied.reset_after_us == 2 * kSecondUs);
  CHECK(denied.retry_after_us == 333'334);
  CHECK(ask(limiter, quick, 6, 2 * kSecondUs).allowed);
  // A fraction of another rate is rounded up: against the owner, by less than a microsecond.
  CHECK(ask(limiter, quick, 1, 3 * kSecondUs).reset_after_us == 1'333'334);
  const RateLimitPolicy sevenths{7, kSecondUs, 100};
  CHECK(ask(limiter, sevenths, 0, 3 * kSecondUs).reset_after_us == 1'333'334);
}

TEST_CASE("rate limit: owners and names share nothing") {
  const RateLimitPolicy policy{1, kSecondUs, 1};
  RateLimiter limiter;
  CHECK(ask(limiter, policy, 1, 0, 1).allowed);
  CHECK_FALSE(ask(limiter, policy, 1, 0, 1).allowed);
  CHECK(ask(limiter, policy, 1, 0, 2).allowed);
  CHECK(limiter.try_acquire(owner_of(1), "search", policy, 1, 0).value().allowed);
  CHECK(limiter.entries() == 3);
}

}  // namespace
}  // namespace bcstore::model
