// maintain(): what time has ended leaves the disk, and nothing else does.
#include "engine_world.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

struct Kept : EngineWorld {
  // The idempotency keys that are on the disk.
  size_t keys() {
    size_t count = 0;
    auto scan = engine().scan({engine::Family::index, {}, {}, false, nullptr, false, true});
    while (scan->next()) {
      const format::KindInfo* info = format::parse_key(scan->key());
      count += info != nullptr && info->kind == format::Kind::idempotency ? 1 : 0;
    }
    CHECK(scan->status().ok());
    return count;
  }
  uint64_t spend(UserId owner, std::string_view key) {
    WriteBatch batch = store().tenant(owner).batch();
    batch.consume_credit();
    return store().tenant(owner).commit(batch, {.idempotency_key = key}).value().commit_seq;
  }
  MaintainReport maintain(const MaintainOptions& o = {}) { return store().maintain(o).value(); }
};

TEST_CASE("maintain: keys of whole days beyond the window go, younger ones answer") {
  Kept w;
  const UserId a = w.user("a@x"), b = w.user("b@x");
  const UserId c =
      w.service().create_user({.email = "c@x"}, {.idempotency_key = "sign-up"}).value();
  w.spend(a, "first");
  CHECK(w.keys() == 2);
  CHECK(w.maintain().with_stale == 0);
  w.clock->advance(kDayUs);  // 10:00 of the next day
  const uint64_t second = w.spend(a, "second");
  w.spend(b, "of b");
  w.clock->advance(kDayUs - 1);
  w.spend(c, "of c");
  // The window of 24 h begins on the day of "second": the day before is over.
  const MaintainReport report = w.maintain();
  CHECK(report.owners == 5);      // with the system and the public
  CHECK(report.with_stale == 2);  // a, and the system's key of the sign-up
  CHECK(report.next.empty());
  CHECK(w.keys() == 3);
  CHECK(w.spend(a, "second") == second);
  CHECK(w.maintain().with_stale == 0);
  // By the last commit, not by a clock that stands wrong.
  w.clock->advance(400 * kDayUs);
  CHECK(w.maintain().with_stale == 0);
  CHECK(w.keys() == 3);
  w.spend(b, "later");
  CHECK(w.maintain().with_stale == 3);
  CHECK(w.keys() == 1);
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("maintain: as many owners as a call may look at, and on from there") {
  Kept w;
  std::vector<UserId> owners;
  for (int n = 0; n < 7; ++n) owners.push_back(w.user(std::to_string(n) + "@x"));
  for (const UserId owner : owners) w.spend(owner, "k");
  w.clock->advance(3 * kDayUs);
  w.spend(owners[0], "now");
  const MaintainReport first = w.maintain({.max_owners = 1});
  CHECK(first.owners == 1);
  CHECK_FALSE(first.next.empty());
  uint64_t looked = 0, stale = 0, calls = 0;
  std::string next;
  do {
    const MaintainReport report = w.maintain({.max_owners = 3, .after = next});
    CHECK(report.owners <= 3);
    looked += report.owners;
    stale += report.with_stale;
    next = report.next;
    ++calls;
  } while (!next.empty() && calls < 20);
  CHECK(looked == 9);  // the system and the public are two of them
  CHECK(stale == 7);
  CHECK(w.keys() == 1);
  CHECK_CODE(invalid_argument, w.store().maintain({.max_owners = 0}));
  CHECK_CODE(invalid_argument, w.store().maintain({.after = "token"}));
  CHECK(w.store().close().ok());
  CHECK_CODE(closed, w.store().maintain());
}

TEST_CASE("maintain: keys of public records go as others do") {
  Kept w;
  w.service().put_public({.name = "n", .content = "{}"}, {.idempotency_key = "k"}).value();
  CHECK(w.keys() == 1);
  w.clock->advance(5 * kDayUs);
  w.user("a@x");
  CHECK(w.maintain().with_stale == 1);
  CHECK(w.keys() == 0);
  // And in steps of one owner.
  w.service().put_public({.name = "m", .content = "{}"}, {.idempotency_key = "k"}).value();
  w.clock->advance(5 * kDayUs);
  w.user("b@x");
  std::string next;
  int calls = 0;
  do {
    const MaintainReport report = w.maintain({.max_owners = 1, .after = next});
    CHECK(report.owners <= 1);
    next = report.next;
  } while (!next.empty() && ++calls < 20);
  CHECK(w.keys() == 0);
}

}  // namespace
}  // namespace bcstore
