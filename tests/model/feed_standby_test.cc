// Feeds at a standby: none while it has a part of what it is to get, then those of its source. And
// named cursors while others trim.
#include <atomic>
#include <random>
#include <thread>

#include "feeds.h"
#include "rich.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

struct Followed : World {
  Rich a = enrich(store(), user("a@x"), "a");
  Rich b = enrich(store(), user("b@x"), "b");
  Store standby = make();

  Store make() {
    const std::string other = directory.sub("standby");
    REQUIRE(Store::make_standby(other, store().standby_identity().value(), options).ok());
    return Store::open(other, options).value();
  }
  // One page.
  bool follow(size_t bytes = size_t{16} << 20) {
    const std::string position = standby.standby_state().value().position;
    const std::string page = store().standby_page(position, {.bytes = bytes}).value();
    REQUIRE(standby.apply_standby_page(page).ok());
    return standby.standby_state().value().is_consistent;
  }
};

TEST_CASE("feed: a standby shows none before it is whole, and then that of its source") {
  Followed w;
  REQUIRE(w.store().sync().ok());
  size_t refused = 0;
  for (bool is_whole = false; !is_whole;) {
    CHECK_CODE(failed_precondition, w.standby.tenant(w.a.owner).feed());
    CHECK_CODE(failed_precondition, w.standby.tenant(w.a.owner).wait_feed(0, 0));
    CHECK_CODE(failed_precondition, w.standby.service("f").feed());
    CHECK_CODE(failed_precondition, w.standby.service("f").wait_feed(0, 0));
    ++refused;
    is_whole = w.follow(3000);
  }
  CHECK(refused > 10);
  const FeedOptions all{.with_bookkeeping = true, .limit = kMaxPageRows};
  const auto same = [&](const Store& other) {
    CHECK(numbers_of(read_feed(other.service("f"), all)) ==
          numbers_of(read_feed(w.service(), all)));
    CHECK(numbers_of(read_feed(other.tenant(w.a.owner), all)) ==
          numbers_of(read_feed(w.store().tenant(w.a.owner), all)));
  };
  CHECK(w.standby.service("f").wait_feed(0, 0).value());
  CHECK(w.standby.tenant(w.b.owner).wait_feed(0, 0).value());
  // A place in the one is one in the other.
  const FeedPage page = w.store().tenant(w.a.owner).feed({.limit = 2}).value();
  const FeedPage next = w.standby.tenant(w.a.owner).feed({.after = page.position}).value();
  CHECK(next.entries.front().commit_seq > page.entries.back().commit_seq);
  REQUIRE(w.store().sync().ok());
  CHECK(w.follow());
  same(w.standby);
  // Again in part: the pages of one catch-up.
  for (int i = 0; i < 30; ++i) {
    REQUIRE(w.store().tenant(w.a.owner).append_event({.type = "more"}).ok());
  }
  CHECK_FALSE(w.follow(1));
  CHECK_CODE(failed_precondition, w.standby.tenant(w.a.owner).feed());
  while (!w.follow(1)) {
  }
  CHECK_CODE(ok, w.standby.tenant(w.a.owner).feed());
  REQUIRE(w.standby.close().ok());
  const std::string path = w.directory.sub("standby");
  REQUIRE(Store::promote_standby(path, w.options).ok());
  Store promoted = Store::open(path, w.options).value();
  CHECK_CODE(ok, promoted.tenant(w.a.owner).feed({.after = page.position}));
  CHECK(promoted.tenant(w.a.owner).feed_cursor(w.a.cursor).value().seq() ==
        w.store().tenant(w.a.owner).feed_cursor(w.a.cursor).value().seq());
}

TEST_CASE("concurrent: who waits at a standby is woken by the page that brings his commit") {
  Followed w;
  while (!w.follow()) {
  }
  const uint64_t last = w.standby.standby_state().value().last_commit_seq;
  std::atomic<int> told{0};
  std::vector<std::thread> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back([&, i] {
      const Result<bool> answer = i % 2 == 0
                                      ? w.standby.service("f").wait_feed(last, 60 * kSecondUs)
                                      : w.standby.tenant(w.a.owner).wait_feed(last, 60 * kSecondUs);
      if (answer.ok() && *answer) ++told;
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  REQUIRE(w.store().tenant(w.a.owner).append_event({.type = "woken"}).ok());
  CHECK(w.follow());
  for (std::thread& thread : waiting) thread.join();
  CHECK(told == 4);
}

TEST_CASE("concurrent: where a named cursor stands, the feed goes on, whoever trims") {
  const uint64_t seed = seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  World w;
  const Tenant t = w.tenant("a@x");
  for (int i = 0; i < 50; ++i) REQUIRE(t.append_event({.type = "k"}).ok());
  std::atomic<bool> done{false};
  std::atomic<uint64_t> trimmed{0};
  std::thread trimmer([&] {
    std::mt19937_64 random(seed);
    while (!done) {
      const uint64_t last = w.store().stats().last_commit_seq;
      const Result<FeedTrimReport> report =
          w.store().trim_feed({.through_seq = last - random() % std::min<uint64_t>(last, 8)});
      const Code code = report.code();
      if (code != Code::ok && code != Code::failed_precondition) FAIL(to_string(code));
      if (code == Code::ok) ++trimmed;
    }
  });
  std::mt19937_64 random(seed + 1);
  uint64_t saved = 0;
  for (int n = 0; n < 400; ++n) {
    REQUIRE(t.append_event({.type = "k"}, {.durability = Durability::relaxed}).ok());
    const uint64_t last = w.store().stats().last_commit_seq;
    const uint64_t at = last - random() % 6;
    const Result<Receipt> done_at =
        t.save_feed_cursor("mine", at, true, {.durability = Durability::relaxed});
    if (done_at.ok()) {
      saved = at;
    } else {
      const bool is_told =
          done_at.code() == Code::failed_precondition || done_at.code() == Code::unavailable;
      CHECK(is_told);
    }
    // What was accepted holds.
    if (saved > 0) CHECK_CODE(ok, t.feed({.after_seq = saved}));
  }
  done = true;
  trimmer.join();
  CHECK(trimmed > 0);
}

}  // namespace
}  // namespace bcstore
