// The cache of newest contents: one budget over all shards, and the newer content stays.
#include "model/content_cache.h"

#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include "fixture.h"

namespace bcstore::model {
namespace {

Uuid document(uint8_t n) {
  Uuid id;
  id.bytes[3] = n;
  id.bytes[15] = 1;
  return id;
}
const UserId kOwner(document(200));

KnownContent known(uint32_t rev, size_t bytes) {
  KnownContent out;
  out.place.rev = rev;
  out.content = std::make_shared<const std::string>(bytes, static_cast<char>('a' + rev % 26));
  return out;
}

TEST_CASE("content cache: a content may take the whole budget, and then the others go") {
  ContentCache cache(1 << 20);
  for (uint8_t n = 0; n < 100; ++n) cache.put(kOwner, document(n), known(1, 5000));
  for (uint8_t n = 0; n < 100; ++n) CHECK(cache.find(kOwner, document(n)).has_value());
  cache.put(kOwner, document(100), known(1, (1 << 20) - 1000));
  CHECK(cache.bytes() <= 1 << 20);
  CHECK(cache.find(kOwner, document(100)).has_value());
  for (uint8_t n = 0; n < 100; ++n) CHECK(!cache.find(kOwner, document(n)).has_value());
  cache.put(kOwner, document(101), known(1, (1 << 20) + 1));
  CHECK(!cache.find(kOwner, document(101)).has_value());
  CHECK(cache.find(kOwner, document(100)).has_value());
  cache.clear();
  CHECK(cache.bytes() == 0);
}

TEST_CASE("content cache: the newer revision stays, whichever comes last") {
  ContentCache cache(1 << 20);
  cache.put(kOwner, document(1), known(2, 100));
  const size_t bytes = cache.bytes();
  cache.put(kOwner, document(1), known(1, 5000));
  CHECK(cache.find(kOwner, document(1))->place.rev == 2);
  CHECK(cache.bytes() == bytes);
  cache.put(kOwner, document(1), known(3, 100));
  CHECK(cache.find(kOwner, document(1))->place.rev == 3);
  CHECK(cache.bytes() == bytes);
  CHECK(!cache.find(kOwner, document(2)).has_value());
}

TEST_CASE("content cache: from many threads no content is another's, and the budget holds") {
  const char* given = std::getenv("BCSTORE_SEED");
  const uint64_t seed = given ? std::strtoull(given, nullptr, 0) : std::random_device()();
  MESSAGE("BCSTORE_SEED=" << seed);
  constexpr size_t kBudget = 200'000;
  ContentCache cache(kBudget);
  std::atomic<int> wrong{0};
  std::atomic<int> found{0};
  const auto work = [&](uint64_t own_seed) {
    std::mt19937_64 random(own_seed);
    for (int i = 0; i < 4000; ++i) {
      const auto n = static_cast<uint8_t>(random() % 40);
      if (random() % 2 == 0) {
        const auto rev = static_cast<uint32_t>(1 + random() % 50);
        cache.put(kOwner, document(n), known(rev, 1000 * rev + n));
      } else if (const auto one = cache.find(kOwner, document(n))) {
        ++found;
        if (one->content->size() != 1000 * size_t{one->place.rev} + n) ++wrong;
        if (one->content->front() != static_cast<char>('a' + one->place.rev % 26)) ++wrong;
      }
      if (cache.bytes() > kBudget) ++wrong;
    }
  };
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < 4; ++i) threads.emplace_back(work, seed + i);
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(found > 0);
  cache.clear();
  CHECK(cache.bytes() == 0);
}

}  // namespace
}  // namespace bcstore::model
