// Rate limits when something else fails: what was taken for a write that was refused comes back,
// what memory forgets the disk still tells, and two limits are never one.
#include <functional>

#include "engine/disturbed_files.h"
#include "fixture.h"
#include "model/rate_book.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

constexpr int64_t kHourUs = 3600 * kSecondUs;

struct Files {
  std::shared_ptr<engine::DisturbedFiles> files = std::make_shared<engine::DisturbedFiles>();
};
// Three turns at once, then one an hour.
struct Limited : Files, World {
  explicit Limited(bool strict, const Tweak& tweak = {})
      : World([&](Options& o) {
          o.file_system = files;
          o.rate_limits = {{.name = "chat",
                            .free = {.rate = 1, .period_us = kHourUs, .burst = 3},
                            .strict = strict}};
          if (tweak) tweak(o);
        }) {}
  UserId owner = user("a@x");
  Tenant t() { return store().tenant(owner); }
  WriteBatch turn(int32_t cost = 1) {
    WriteBatch batch = t().batch();
    batch.limit_rate("chat");
    batch.consume_credit({.amount = cost});
    return batch;
  }
  Status take() {
    WriteBatch batch = turn();
    return t().commit(batch).status();
  }
  int taken() {
    int count = 0;
    while (count < 10 && t().try_acquire("chat").value().allowed) ++count;
    return count;
  }
};

TEST_CASE("limit: what a group took that was not written comes back") {
  for (const bool strict : {false, true}) {
    Limited w(strict);
    w.files->set_free_space(0);
    for (int i = 0; i < 5; ++i) CHECK_CODE(no_space, w.take());
    PendingCommit first = w.t().submit(w.turn()), second = w.t().submit(w.turn());
    CHECK_CODE(no_space, first.wait());
    CHECK_CODE(no_space, second.wait());
    w.files->set_free_space(std::nullopt);
    CHECK(w.t().try_acquire("chat").value().remaining == 2);
    CHECK_CODE(ok, w.take());
    CHECK_CODE(ok, w.take());
    CHECK_CODE(rate_limited, w.take());
    // And what is on the disk says so too.
    w.kill();
    CHECK(w.taken() <= 3);
    if (strict) CHECK_CODE(rate_limited, w.take());
  }
}

TEST_CASE("limit: a refused batch in the middle of a group gives back its own part alone") {
  Limited w(false);
  PendingCommit first = w.t().submit(w.turn()), middle = w.t().submit(w.turn(100)),
                last = w.t().submit(w.turn());
  CHECK_CODE(ok, first.wait());
  CHECK_CODE(out_of_credits, middle.wait());
  CHECK_CODE(ok, last.wait());
  CHECK(w.taken() == 1);
  // Refused in the middle, and then the whole group.
  Limited full(true);
  full.files->set_free_space(0);
  PendingCommit a = full.t().submit(full.turn()), b = full.t().submit(full.turn(100)),
                c = full.t().submit(full.turn());
  CHECK_CODE(no_space, a.wait());
  CHECK_CODE(no_space, b.wait());
  CHECK_CODE(no_space, c.wait());
  full.files->set_free_space(std::nullopt);
  CHECK(full.taken() == 3);
}

TEST_CASE("limit: what could not be saved for want of room is saved later") {
  Limited w(false);
  CHECK(w.t().try_acquire("chat", 3).value().allowed);
  w.files->set_free_space(0);
  (void)w.store().sync();
  w.files->set_free_space(std::nullopt);
  CHECK(w.store().sync().ok());
  w.kill();
  CHECK(w.taken() == 0);
}

TEST_CASE("limit: names that end alike are not one limit") {
  const RateLimitPolicy slow{.rate = 1, .period_us = kHourUs, .burst = 3};
  World w([&](Options& o) {
    o.rate_limits.clear();
    for (const char* name : {"chat", "chat+", "chat-"}) {
      o.rate_limits.push_back({.name = name, .free = slow, .pro = slow});
    }
  });
  const UserId owner = w.user("a@x");
  const auto left = [&](std::string_view name) {
    return w.store().tenant(owner).try_acquire(name, 1).value().remaining;
  };
  for (const bool is_pro : {false, true}) {
    w.service().set_unlimited(owner, is_pro).value();
    uint32_t expected = 2;
    for (int round = 0; round < 2; ++round) {
      for (const char* name : {"chat", "chat+", "chat-"}) CHECK(left(name) == expected);
      --expected;
      w.reopen();
    }
  }
}

TEST_CASE("limit: a strict one is not forgiven to make room for others") {
  World w([](Options& o) {
    o.rate_limits = {
        {.name = "s", .free = {.rate = 1, .period_us = kHourUs, .burst = 1}, .strict = true},
        {.name = "n", .free = {.rate = 1, .period_us = 100 * kHourUs, .burst = 9}},
        {.name = "m", .free = {.rate = 1, .period_us = 50 * kHourUs, .burst = 1}}};
  });
  constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};
  uint64_t n = 1 << 20;
  const UserId owner =
      w.service().create_user({.email = "a@x", .id = UserId(SeededIds::make(n))}).value();
  // More owners than there is room for where this one's entries lie.
  constexpr size_t kShards = model::RateLimiter::kShards;
  const size_t shard = std::hash<UserId>()(owner) % kShards;
  const auto take = [&](std::string_view name) {
    WriteBatch batch = w.store().tenant(owner).batch();
    batch.limit_rate(name);
    batch.append_event({.type = "t"});
    return w.store().tenant(owner).commit(batch, kRelaxed).status();
  };
  CHECK_CODE(ok, take("s"));
  CHECK_CODE(ok, take("n"));
  CHECK_CODE(rate_limited, take("s"));
  for (size_t made = 0; made < model::RateLimiter::kDefaultEntries / kShards + 10;) {
    const UserId id(SeededIds::make(++n));
    if (std::hash<UserId>()(id) % kShards != shard) continue;
    const std::string email = std::to_string(++made) + "@x";
    const UserId other = w.service().create_user({.email = email, .id = id}, kRelaxed).value();
    w.clock->advance(1);  // the first ones are the nearest
    REQUIRE(w.store().tenant(other).try_acquire("m").value().allowed);
  }
  REQUIRE(w.store().sync().ok());
  CHECK_CODE(ok, take("n"));
  REQUIRE(w.store().sync().ok());
  w.clock->set(kStartUs + kHourUs - 1);
  CHECK_CODE(rate_limited, take("s"));
  CHECK_CODE(ok, take("n"));
  w.kill();
  CHECK_CODE(rate_limited, take("s"));
  w.clock->advance(1);
  CHECK_CODE(ok, take("s"));
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("limit: a record keeps what memory does not know, less the time that passed") {
  using model::RateBook;
  const RateLimitPolicy slow{.rate = 1, .period_us = kHourUs, .burst = 3};
  const std::vector<RateLimit> limits = {{.name = "a", .free = slow, .strict = true},
                                         {.name = "b", .free = slow},
                                         {.name = "c", .free = slow}};
  const UserId owner(SeededIds::make(1));
  const auto take = [&](RateBook& book, size_t limit, uint64_t cost, int64_t at) {
    return book.acquire(owner, limits[limit], false, cost, Time{at}).value().allowed;
  };
  RateBook before(limits);
  CHECK(take(before, 0, 3, 0));
  CHECK(take(before, 1, 1, 0));
  const std::string kept = before.pack(owner, Time{0}, {}, Time{0});
  // Another book, which met the owner without its record.
  RateBook after(limits);
  CHECK(take(after, 2, 2, kHourUs));
  CHECK_FALSE(after.knows_all(owner));
  const std::string merged = after.pack(owner, Time{kHourUs + 1}, kept, Time{0});
  RateBook last(limits);
  last.restore(owner, merged, Time{kHourUs + 1}, Time{2 * kHourUs});
  CHECK(last.acquire(owner, limits[0], false, 0, Time{2 * kHourUs}).value().remaining == 2);
  CHECK(last.acquire(owner, limits[1], false, 0, Time{2 * kHourUs}).value().remaining == 3);
  CHECK(last.acquire(owner, limits[2], false, 0, Time{2 * kHourUs}).value().remaining == 2);
  // A name that is no limit's any more is left out.
  RateBook fewer({limits[1]});
  CHECK(fewer.pack(owner, Time{0}, kept, Time{0}).size() == 16);
}

// Whenever it is asked for the time somebody else takes something.
class BusyClock final : public ManualClock {
 public:
  Time now() override {
    if (busy && !inside_) {
      inside_ = true;
      busy();
      inside_ = false;
    }
    return ManualClock::now();
  }
  std::function<void()> busy;

 private:
  bool inside_ = false;
};

TEST_CASE("limit: a sync ends while others go on taking") {
  auto busy = std::make_shared<BusyClock>();
  World w([&](Options& o) {
    o.clock = busy;
    o.rate_limits = {{.name = "chat", .free = {.rate = 1, .period_us = 1, .burst = 1'000'000}}};
  });
  const Tenant a = w.tenant("a@x"), b = w.tenant("b@x");
  REQUIRE(a.try_acquire("chat").value().allowed);
  int taken = 0;
  busy->busy = [&] {
    if (++taken > 1000) return;
    REQUIRE(a.try_acquire("chat").value().allowed);
    REQUIRE(b.try_acquire("chat").value().allowed);
  };
  CHECK(w.store().sync().ok());
  CHECK(taken < 30);
  busy->busy = nullptr;
}

}  // namespace
}  // namespace bcstore
