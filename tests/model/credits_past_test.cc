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
  return fmt::format("{} {}: {} of {} = {} + {}, back {}, lapsed {}, owed {}, until {}, at {}, {}\n",
                     to_string(h.id()), to_string(h.state()), h.captured(), h.amount(),
                     h.from_allowance(), h.from_granted(), h.returned(), h.lapsed(), h.debt(),
                     h.expires_at().us, h.resolved_at() ? h.resolved_at()->us : 0, h.commit_seq());
}

TEST_CASE("credits: as of every commit, what the balance and the holds were") {
  const uint64_t seed = seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed);
  World w;
  const Tenant t = w.tenant("a@x");
  const uint64_t born = w.commits();
  CHECK_CODE(not_found, t.credits({.as_of = AsOf::commit(born - 1)}));
  struct Moment {
    uint64_t commit;
    Time at;
    std::string balance, holds;
  };
  std::vector<Moment> moments;
  std::vector<CreditHoldId> holds, made;
  const auto told_of_holds = [&](const ReadOptions& o) {
    std::string all;
    for (const CreditHoldId id : made) {
      const Result<CreditHold> hold = t.credit_hold(id, o);
      all += hold.ok() ? told(*hold) : std::string(name_of(hold.status()));
    }
    return all;
  };
  const Service service = w.service();
  for (int n = 0; n < 200; ++n) {
    w.clock->advance(kSecondUs);
    const auto amount = static_cast<int32_t>(1 + random() % 4);
    switch (random() % 8) {
      case 0:
        service.grant_credits(t.owner(), {.amount = 3 * amount}).value();
        break;
      case 1:
        service
            .set_credit_plan(t.owner(),
                             {.allowance = 5 * amount,
                              .resets_at = Time{(w.clock->now().us / kDayUs + 90) * kDayUs},
                              .refill = random() % 2 == 0})
            .value();
        break;
      case 2:
        service.set_unlimited(t.owner(), random() % 2 == 0).value();
        break;
      case 3:
      case 4: {
        const auto one = t.reserve_credits({.amount = amount, .ttl_us = 80 * kDayUs});
        if (!one.ok()) break;
        holds.push_back(one->hold);
        made.push_back(one->hold);
        break;
      }
      case 5:
        if (!holds.empty()) {
          (void)t.capture_credits(holds.back(), {.amount = 2 * amount, .allow_overage = true});
          holds.pop_back();
        }
        break;
      case 6:
        if (!holds.empty()) {
          (void)t.void_hold(holds.back());
          holds.pop_back();
        }
        break;
      default:
        (void)t.consume_credit({.amount = amount});
        break;
    }
    moments.push_back({w.commits(), w.clock->now(), told(t.credits().value()), told_of_holds({})});
  }
  w.clock->advance(200 * kDayUs);  // what is due today is not due then
  t.consume_credit().value();
  for (const Moment& moment : moments) {
    INFO("commit ", moment.commit);
    CHECK(told(t.credits({.as_of = AsOf::commit(moment.commit)}).value()) == moment.balance);
    CHECK(told(t.credits({.as_of = AsOf::time(moment.at)}).value()) == moment.balance);
    for (const AsOf& then : {AsOf::commit(moment.commit), AsOf::time(moment.at)}) {
      const std::string was = told_of_holds({.as_of = then});
      CHECK(was.starts_with(moment.holds));
      // Those that came later are not there.
      CHECK(was.find("live", moment.holds.size()) == std::string::npos);
    }
  }
  CHECK_CODE(invalid_argument, t.credits({.as_of = AsOf::version(1)}));
  CHECK(w.store().check().value().violations == 0);
}

}  // namespace
}  // namespace bcstore
