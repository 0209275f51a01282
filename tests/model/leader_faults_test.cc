// The leader of the commit queue when a call that it makes throws, at each place: every number is
// used once, nothing that was buffered is lost, and the queue goes on.
#include <algorithm>
#include <stdexcept>

#include "engine_world.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

// Throws at the n-th call from now on.
class CountdownClock final : public ManualClock {
 public:
  Time now() override {
    if (left > 0 && --left == 0) throw std::runtime_error("no time");
    return ManualClock::now();
  }
  int left = 0;
};

void limits(Options& o) {
  const RateLimitPolicy slow{.rate = 1, .period_us = 3600 * kSecondUs, .burst = 3};
  o.rate_limits = {{.name = "chat", .free = slow},
                   {.name = "strict", .free = slow, .strict = true}};
}

size_t traces(const Tenant& t) {
  const auto is_trace = [](const Event& e) { return e.type() == "service.read"; };
  const auto found = rows_of(t.events(), is_trace);
  return static_cast<size_t>(std::count(found.begin(), found.end(), true));
}

TEST_CASE("queue: a clock that throws at any call of the leader costs no number and no trace") {
  for (int call = 1; call <= 12; ++call) {
    CAPTURE(call);
    auto clock = std::make_shared<CountdownClock>();
    World w([&](Options& o) {
      o.clock = clock;
      limits(o);
    });
    const UserId seen = w.user("a@x"), writes = w.user("b@x");
    REQUIRE(w.store().tenant(seen).try_acquire("chat", 2).value().allowed);
    w.service().tenant(seen).profile().value();
    clock->advance(10 * kSecondUs);
    const Tenant t = w.store().tenant(writes);
    WriteBatch batch = t.batch();
    batch.limit_rate("strict", 3);
    batch.consume_credit();
    clock->left = call;
    const Status told = t.commit(batch).status();
    const bool threw = clock->left == 0;
    clock->left = 0;
    CHECK(told.ok() == !threw);
    if (!told.ok()) CHECK(name_of(told) == "internal");
    // What the lost batch took is there again.
    if (!told.ok()) CHECK_CODE(ok, t.commit(batch));
    CHECK_FALSE(t.try_acquire("strict").value().allowed);
    CHECK(w.store().health().ok());
    REQUIRE(w.store().sync().ok());
    CHECK(traces(w.store().tenant(seen)) == 1);
    for (int round = 0; round < 2; ++round) {
      const CheckReport report = w.store().check().value();
      for (const auto& v : report.listed) MESSAGE(v.table, ' ', v.rule, ": ", v.detail);
      CHECK(report.violations == 0);
      w.kill();
    }
    CHECK(w.store().tenant(seen).try_acquire("chat").value().remaining == 0);
    CHECK_FALSE(w.store().tenant(writes).try_acquire("strict").value().allowed);
  }
}

TEST_CASE("queue: an exception within the write of traces or of limits is an unknown outcome") {
  for (const bool of_limits : {false, true}) {
    EngineWorld w(limits);
    const Tenant t = w.tenant("a@x");
    const Tenant seen = w.service().tenant(t.owner());
    REQUIRE(w.store().sync().ok());
    if (of_limits) {
      REQUIRE(t.try_acquire("chat").value().allowed);
      w.clock->advance(10 * kSecondUs);
    } else {
      seen.profile().value();
    }
    w.watch->throws_after_apply = true;
    CHECK_CODE(unknown_outcome, t.append_event({.type = "t"}));
    w.watch->throws_after_apply = false;
    CHECK_CODE(read_only, t.append_event({.type = "t"}));
    w.reopen();
    CHECK_CODE(ok, w.store().tenant(t.owner()).append_event({.type = "t"}));
    CHECK(w.store().check().value().violations == 0);
  }
}

}  // namespace
}  // namespace bcstore
