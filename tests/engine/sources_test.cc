// The system's clock and the ids of version 7.
#include "engine/sources.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <thread>

#include "engine/engine_fixture.h"

namespace bcstore::engine {
namespace {

class SetClock final : public Clock {
 public:
  Time now() override { return time; }
  Time time;
};

int64_t ms_of(const Uuid& id) {
  int64_t ms = 0;
  for (size_t i = 0; i < 6; ++i) ms = ms << 8 | id.bytes[i];
  return ms;
}

bool no_entropy(uint8_t*, size_t) { return false; }
bool same_entropy(uint8_t* bytes, size_t size) {
  std::fill_n(bytes, size, uint8_t{0xff});
  return true;
}

TEST_CASE("sources: the system clock tells the time") {
  const auto wall = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  const int64_t difference = system_clock()->now().us - wall.count();
  CHECK(difference >= 0);
  CHECK(difference < 60'000'000);
}

TEST_CASE("sources: ids have version and variant and the time of the clock") {
  const auto clock = std::make_shared<SetClock>();
  clock->time = *parse_time("2024-05-06T07:08:09.123456Z");
  const std::shared_ptr<IdSource> ids = random_ids(clock);
  for (int i = 0; i < 1000; ++i) {
    const Uuid id = ids->next();
    CHECK((id.bytes[6] >> 4) == 7);
    CHECK((id.bytes[8] >> 6) == 2);
    CHECK(ms_of(id) == clock->time.us / 1000);
  }
  CHECK(ms_of(random_ids(nullptr)->next()) > clock->time.us / 1000);
}

TEST_CASE("sources: ids grow whatever the clock does") {
  for (const Entropy entropy : {&system_entropy, &no_entropy, &same_entropy}) {
    const auto clock = std::make_shared<SetClock>();
    const std::shared_ptr<IdSource> ids = ids_from(clock, entropy);
    Uuid last;
    const int64_t steps[] = {0,     1'000,     1'000,     500, -86'400'000'000, 2'000, 2'000, -1,
                             9'999, INT64_MAX, INT64_MIN, 0,   10'000};
    for (const int64_t us : steps) {
      clock->time.us = us;
      for (int i = 0; i < 300; ++i) {
        const Uuid id = ids->next();
        CHECK(last < id);
        last = id;
      }
    }
  }
}

TEST_CASE("sources: a tail that is full goes on in the next millisecond") {
  const auto clock = std::make_shared<SetClock>();
  clock->time.us = 5'000;
  const std::shared_ptr<IdSource> ids = ids_from(clock, &same_entropy);
  const Uuid first = ids->next();  // every bit of the tail is set
  const Uuid second = ids->next();
  CHECK(ms_of(first) == 5);
  CHECK(ms_of(second) == 6);
  CHECK(first < second);
}

TEST_CASE("sources: two sources without entropy still differ") {
  const auto clock = std::make_shared<SetClock>();
  std::set<Uuid> seen;
  const std::shared_ptr<IdSource> one = ids_from(clock, &no_entropy);
  const std::shared_ptr<IdSource> two = ids_from(clock, &no_entropy);
  for (int i = 0; i < 500; ++i) {
    CHECK(seen.insert(one->next()).second);
    CHECK(seen.insert(two->next()).second);
  }
}

TEST_CASE("sources: threads never get the same id") {
  const std::shared_ptr<IdSource> ids = random_ids(system_clock());
  constexpr size_t kEach = 5000;
  std::vector<std::vector<Uuid>> made(4);
  std::vector<std::thread> threads;
  for (std::vector<Uuid>& own : made) {
    threads.emplace_back([&] {
      for (size_t i = 0; i < kEach; ++i) own.push_back(ids->next());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<Uuid> seen;
  for (const std::vector<Uuid>& own : made) {
    CHECK(std::is_sorted(own.begin(), own.end()));
    seen.insert(own.begin(), own.end());
  }
  CHECK(seen.size() == 4 * kEach);
}

TEST_CASE("sources: a forked child makes ids of its own") {
  for (const Entropy entropy : {&system_entropy, &no_entropy}) {
    const auto clock = std::make_shared<SetClock>();
    clock->time.us = 1'000'000;
    const std::shared_ptr<IdSource> ids = ids_from(clock, entropy);
    const Uuid before = ids->next();
    constexpr size_t kCount = 100;
    std::array<Uuid, kCount> theirs;
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      for (Uuid& id : theirs) id = ids->next();
      ::_exit(::write(ends[1], theirs.data(), sizeof theirs) == sizeof theirs ? 0 : 1);
    }
    REQUIRE(::read(ends[0], theirs.data(), sizeof theirs) == sizeof theirs);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    ::close(ends[0]);
    ::close(ends[1]);
    std::set<Uuid> seen(theirs.begin(), theirs.end());
    CHECK(seen.size() == kCount);
    CHECK(before < *seen.begin());
    for (size_t i = 0; i < kCount; ++i) seen.insert(ids->next());
    CHECK(seen.size() == 2 * kCount);
  }
}

}  // namespace
}  // namespace bcstore::engine
