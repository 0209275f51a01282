// Balances of the past against what each read told at its time.
#include <fmt/format.h>

#include <random>

#include "engine_world.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

std::string told(const Credits& c) {
  return fmt::format("{} = {} + {}, held {}, owed {}, of {}, reset {}",
                     c.remaining ? std::to_string(*c.remaining) : "all", c.allowance, c.granted,
                     c.held, c.debt, c.plan_allowance, c.resets_at ? c.resets_at->us : 0);
}

std::string told(const CreditHold& h) {
  return fmt::format(
      "{} {}: {} of {} = {} + {}, back {}, lapsed {}, owed {}, until {}, at {}, {}\n",
      to_string(h.id()), to_string(h.state()), h.captured(), h.amount(), h.from_allowance(),
      h.from_granted(), h.returned(), h.lapsed(), h.debt(), h.expires_at().us,
      h.resolved_at() ? h.resolved_at()->us : 0, h.commit_seq());
}

// One user's credits, which change by chance.
struct Changing : World {
  Tenant t = tenant("a@x");
  std::vector<CreditHoldId> live, made;

  void change(std::mt19937_64& random) {
    const auto amount = static_cast<int32_t>(1 + random() % 4);
    switch (random() % 8) {
      case 0:
        service().grant_credits(t.owner(), {.amount = 3 * amount}).value();
        return;
      case 1:
        service()
            .set_credit_plan(t.owner(),
                             {.allowance = 5 * amount,
                              .resets_at = Time{(clock->now().us / kDayUs + 90) * kDayUs},
                              .refill = random() % 2 == 0})
            .value();
        return;
      case 2:
        service().set_unlimited(t.owner(), random() % 2 == 0).value();
        return;
      case 3:
      case 4: {
        const auto one = t.reserve_credits({.amount = amount, .ttl_us = 30 * kDayUs});
        if (!one.ok()) return;
        live.push_back(one->hold);
        made.push_back(one->hold);
        return;
      }
      case 5:
        if (live.empty()) return;
        (void)t.capture_credits(live.back(), {.amount = 2 * amount, .allow_overage = true});
        live.pop_back();
        return;
      case 6:
        if (live.empty()) return;
        (void)t.void_hold(live.back());
        live.pop_back();
        return;
      default:
        (void)t.consume_credit({.amount = amount});
        return;
    }
  }
  std::string holds(const ReadOptions& o = {}) {
    std::string all;
    for (const CreditHoldId id : made) {
      const Result<CreditHold> hold = t.credit_hold(id, o);
      all += hold.ok() ? told(*hold) : std::string(name_of(hold.status()));
    }
    return all;
  }
};

TEST_CASE("credits: as of every commit, what the balance and the holds were") {
  const uint64_t seed = seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed);
  Changing w;
  const uint64_t born = w.commits();
  CHECK_CODE(not_found, w.t.credits({.as_of = AsOf::commit(born - 1)}));
  struct Moment {
    uint64_t commit;
    Time at;
    std::string balance, holds;
  };
  std::vector<Moment> moments;
  for (int n = 0; n < 200; ++n) {
    w.clock->advance(kSecondUs);
    w.change(random);
    moments.push_back({w.commits(), w.clock->now(), told(w.t.credits().value()), w.holds()});
  }
  REQUIRE(w.made.size() > 10);
  w.clock->advance(200 * kDayUs);  // what is due today is not due then
  w.t.consume_credit().value();
  for (const Moment& moment : moments) {
    INFO("commit ", moment.commit);
    for (const AsOf& then : {AsOf::commit(moment.commit), AsOf::time(moment.at)}) {
      CHECK(told(w.t.credits({.as_of = then}).value()) == moment.balance);
      const std::string was = w.holds({.as_of = then});
      CHECK(was.starts_with(moment.holds));
      // Those that came later are not there.
      CHECK(was.find("live", moment.holds.size()) == std::string::npos);
    }
  }
  CHECK_CODE(invalid_argument, w.t.credits({.as_of = AsOf::version(1)}));
  CHECK_CODE(invalid_argument, w.t.credit_hold(w.made.front(), {.as_of = AsOf::version(1)}));
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("credits: a hold of the past is over when its time is, or when a commit says so") {
  World w;
  const Tenant t = w.tenant("a@x");
  const CreditHoldId id = t.reserve_credits({.amount = 2, .ttl_us = 10 * kSecondUs}).value().hold;
  const uint64_t reserved = w.commits();
  const Time begun = w.clock->now();
  w.clock->advance(60 * kSecondUs);
  const auto state = [&](const AsOf& then) {
    return t.credit_hold(id, {.as_of = then}).value().state();
  };
  const auto check_past = [&] {
    CHECK(state(AsOf::time(Time{begun.us + 9 * kSecondUs})) == HoldState::live);
    CHECK(state(AsOf::time(Time{begun.us + 10 * kSecondUs})) == HoldState::expired);
    CHECK(state(AsOf::commit(reserved)) == HoldState::live);
  };
  check_past();
  t.consume_credit().value();  // this one writes that it ended
  check_past();
  CHECK(state(AsOf::commit(w.commits())) == HoldState::expired);
  CHECK_CODE(not_found, t.credit_hold(id, {.as_of = AsOf::commit(reserved - 1)}));
  // One that took nothing ends by time alone, and no commit ever writes so.
  w.service().set_unlimited(t.owner(), true).value();
  const CreditHoldId free = t.reserve_credits({.amount = 2, .ttl_us = kSecondUs}).value().hold;
  const uint64_t last = w.commits();
  w.clock->advance(100 * kSecondUs);
  t.consume_credit().value();
  const auto free_at = [&](uint64_t commit) {
    return t.credit_hold(free, {.as_of = AsOf::commit(commit)}).value().state();
  };
  CHECK(free_at(last) == HoldState::live);
  CHECK(free_at(w.commits()) == HoldState::expired);
  CHECK(t.credit_hold(free).value().state() == HoldState::expired);
}

}  // namespace
}  // namespace bcstore
