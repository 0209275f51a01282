// A trim that ends halfway, by a kill or a loss of power: the floor is there before anything is
// missing, nothing is told with a gap, and the next trim does the rest.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "crash/power_cut_fs.h"
#include "engine_world.h"
#include "feeds.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

std::vector<uint64_t> after(std::vector<uint64_t> numbers, uint64_t seq) {
  std::erase_if(numbers, [seq](uint64_t number) { return number <= seq; });
  return numbers;
}

// Where the feed begins.
uint64_t floor_of(const Store& store) {
  const Status told = store.service("test").feed().status();
  if (told.ok()) return 0;
  INFO(told.to_string());
  REQUIRE(told.oldest().has_value());
  return *told.oldest();
}

// An owner with the numbers of the commits that his feed shows.
using Owners = std::vector<std::pair<UserId, std::vector<uint64_t>>>;

// Everything from the floor on, and before it nothing.
void check_told(const Store& store, const std::vector<uint64_t>& all, const Owners& owners) {
  const uint64_t floor = floor_of(store);
  CAPTURE(floor);
  CHECK(numbers_of(read_feed(store.service("test"), {.after_seq = floor})) == after(all, floor));
  for (const auto& [owner, numbers] : owners) {
    const Tenant tenant = store.tenant(owner);
    CHECK(numbers_of(read_feed(tenant, {.after_seq = floor})) == after(numbers, floor));
    if (floor > 0) CHECK(tenant.feed({.after_seq = floor - 1}).status().oldest() == floor);
  }
  CHECK(store.check().value().violations == 0);
}

struct Trimmed {
  uint64_t through = 0;
  std::vector<uint64_t> all;
  Owners owners;
};

// Users with some relaxed commits each, of which most are to be given up.
Trimmed fill(Store& store, int users) {
  Trimmed trimmed;
  for (int i = 0; i < users; ++i) {
    const std::string email = std::to_string(i) + "@x";
    const auto id =
        store.service("test").create_user({.email = email}, {.durability = Durability::relaxed});
    trimmed.owners.emplace_back(id.value(), std::vector<uint64_t>());
  }
  for (int round = 0; round < 3; ++round) {
    for (const auto& [owner, numbers] : trimmed.owners) append(store.tenant(owner));
  }
  // Read by the owners: what a service reads would leave a newer commit with each of them.
  for (auto& [owner, numbers] : trimmed.owners) {
    numbers = numbers_of(read_feed(store.tenant(owner)));
    trimmed.all.insert(trimmed.all.end(), numbers.begin(), numbers.end());
  }
  std::sort(trimmed.all.begin(), trimmed.all.end());
  trimmed.through = trimmed.all[trimmed.all.size() - 20];
  return trimmed;
}

TEST_CASE("feed trim: killed at each of its writes it leaves no gap and the next one ends it") {
  EngineWorld w;
  const Trimmed t = fill(w.store(), 300);
  constexpr uint64_t kOwnersAtOnce = 256;
  std::vector<std::string> left;
  w.watch->before = [&](Place place) {
    if (place != Place::apply) return;
    left.push_back(w.directory.sub("killed " + std::to_string(left.size())));
    copy_files(w.path, left.back());
  };
  const uint64_t trimmed = w.store().trim_feed({.through_seq = t.through}).value().trimmed;
  w.watch->before = nullptr;
  REQUIRE(trimmed > kOwnersAtOnce);
  REQUIRE(left.size() == 3);  // before the floor, the first owners and the others
  left.push_back(w.directory.sub("whole"));
  copy_files(w.path, left.back());
  const std::vector<uint64_t> floors = {0, t.through, t.through, t.through};
  const std::vector<uint64_t> missing = {trimmed, trimmed, trimmed - kOwnersAtOnce, 0};
  for (size_t i = 0; i < left.size(); ++i) {
    CAPTURE(i);
    const std::string seen = w.directory.sub("seen");
    copy_files(left[i], seen);
    {
      Store store = Store::open(seen, w.options).value();
      CHECK(floor_of(store) == floors[i]);
      check_told(store, t.all, t.owners);
      REQUIRE(store.close().ok());
    }
    Store store = Store::open(left[i], w.options).value();
    CHECK(store.trim_feed({.through_seq = t.through}).value().trimmed == missing[i]);
    CHECK(store.trim_feed({.through_seq = t.through}).value().trimmed == 0);
    CHECK(floor_of(store) == t.through);
    check_told(store, t.all, t.owners);
    REQUIRE(store.close().ok());
  }
}

// The power goes before the nth write of a trim, or behind it.
void lose_power(uint64_t seed, int nth) {
  CAPTURE(seed);
  CAPTURE(nth);
  const TempDir disk;
  const auto files =
      std::make_shared<crash::PowerCutFileSystem>(default_file_system(), disk.path());
  EngineWorld w;
  w.options.file_system = files;
  w.go_on_with(disk.sub("store"));
  const Trimmed t = fill(w.store(), 12);
  int left = nth;
  w.watch->before = [&](Place place) {
    if (place == Place::apply && --left == 0) files->cut_now();
  };
  const Status told = w.store().trim_feed({.through_seq = t.through}).status();
  w.watch->before = nullptr;
  CHECK(told.ok() == (left > 0));
  files->cut_now();
  (void)w.held->close();
  w.held.reset();
  w.watch->engine.reset();
  crash::Random random(seed);
  REQUIRE(files->restore(random).ok());
  w.open();
  // Once the second write begins, the floor and all before it are on the disk.
  CHECK(floor_of(w.store()) == (nth == 1 ? 0 : t.through));
  std::vector<uint64_t> all = t.all;
  Owners owners = t.owners;
  if (nth == 1) {  // nothing was synced yet: a beginning is there
    const uint64_t last = w.commits();
    std::erase_if(all, [last](uint64_t seq) { return seq > last; });
    std::erase_if(owners, [](const auto& owner) { return owner.second.empty(); });
    for (auto& [owner, numbers] : owners) {
      std::erase_if(numbers, [last](uint64_t seq) { return seq > last; });
    }
    std::erase_if(owners, [](const auto& owner) { return owner.second.empty(); });
  }
  check_told(w.store(), all, owners);
  if (nth == 1) return;
  const uint64_t rest = w.store().trim_feed({.through_seq = t.through}).value().trimmed;
  CHECK((rest > 0 || nth > 2));
  CHECK(w.store().trim_feed({.through_seq = t.through}).value().trimmed == 0);
  check_told(w.store(), t.all, t.owners);
}

TEST_CASE("feed trim: after a loss of power the floor is there before a body is missing") {
  const uint64_t seed = seed_from_environment(20250815);
  MESSAGE("seed ", seed);
  for (uint64_t i = 0; i < 5; ++i) {
    for (const int nth : {1, 2, 3}) lose_power(crash::Random::derive(seed, i), nth);
  }
}

}  // namespace
}  // namespace bcstore
