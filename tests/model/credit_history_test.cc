// Histories of eight threads on one owner's credits, and a checker that does not trust the store:
// as many succeed as there are credits, and each remainder is told once.
//
// The checker is checked: the same threads over a spender that decides outside the commit queue
// (look, then merge) must be caught.
#include <algorithm>
#include <barrier>
#include <mutex>
#include <random>
#include <thread>

#include "engine_world.h"
#include "format/counter.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

constexpr int kThreads = 8;

// What the threads were told: the remainders of those that succeeded, and how many were refused.
struct History {
  std::vector<int64_t> remainders;
  uint64_t refused = 0;
};

template <class Spend>
History run_threads(int each, Spend spend) {
  History history;
  std::mutex mutex;
  std::barrier start(kThreads);
  std::vector<std::thread> threads;
  for (int n = 0; n < kThreads; ++n) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      for (int i = 0; i < each; ++i) {
        const std::optional<int64_t> left = spend();
        const std::lock_guard<std::mutex> lock(mutex);
        if (left) {
          history.remainders.push_back(*left);
        } else {
          ++history.refused;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return history;
}

// Empty when the history is that of a counter from `credits` down to 0.
std::string fault_of(History history, int64_t credits) {
  if (history.remainders.size() != static_cast<size_t>(credits)) {
    return std::to_string(history.remainders.size()) + " succeeded of " + std::to_string(credits);
  }
  std::sort(history.remainders.begin(), history.remainders.end());
  for (int64_t left = 0; left < credits; ++left) {
    if (history.remainders[static_cast<size_t>(left)] != left) {
      return "the remainder " + std::to_string(left) + " was not told once";
    }
  }
  return {};
}

TEST_CASE("concurrent: with k credits exactly k of many threads succeed, each remainder once") {
  for (int round = 0; round < 20; ++round) {
    World w([](Options& o) { o.initial_credits = 60; });
    const UserId owner = w.user("a@x");
    const Tenant t = w.store().tenant(owner);
    w.service().grant_credits(owner, {.amount = 40}).value();
    const History history = run_threads(20, [&]() -> std::optional<int64_t> {
      const auto left = t.consume_credit({}, {.durability = Durability::relaxed});
      if (left.ok()) return left.value().value();
      CHECK(left.code() == Code::out_of_credits);
      return std::nullopt;
    });
    CHECK(fault_of(history, 100) == "");
    CHECK(history.refused == kThreads * 20 - 100);
    CHECK(w.store().check().value().violations == 0);
  }
}

// Looks at the balance, decides, and merges: the trap that the commit queue exists for.
class PlantedSpender {
 public:
  PlantedSpender(engine::Engine& engine, UserId owner, int64_t credits)
      : engine_(engine), key_(owner, format::Kind::credit_counter) {
    const auto changes = engine_.new_changes();
    changes->put(engine::Family::credits, key_, format::counter_value(key_, {credits, 0, 1}));
    REQUIRE(engine_.apply(*changes, false).ok());
  }
  std::optional<int64_t> spend() {
    const int64_t seen = balance();
    if (seen <= 0) return std::nullopt;
    std::this_thread::yield();
    const std::lock_guard<std::mutex> one_writer(mutex_);
    const auto changes = engine_.new_changes();
    changes->merge(engine::Family::credits, key_, format::delta_value(key_, {1, {-1, 0}, {0, 0}}));
    if (!engine_.apply(*changes, false).ok()) return std::nullopt;
    return seen - 1;
  }

 private:
  int64_t balance() {
    engine::Value value;
    if (!engine_.get(engine::Family::credits, key_, nullptr, &value).ok()) return 0;
    format::Parsed parsed;
    format::Counter counter;
    if (!format::parse_record(key_, value.bytes(), &parsed).ok()) return 0;
    return format::unpack(parsed.meta, &counter) ? counter.allowance : 0;
  }
  engine::Engine& engine_;
  const format::Key key_;
  std::mutex mutex_;
};

TEST_CASE("history: a decision outside the queue is caught") {
  EngineWorld w;
  const UserId owner = w.user("a@x");
  bool caught = false;
  for (int round = 0; round < 50 && !caught; ++round) {
    PlantedSpender planted(w.engine(), owner, 100);
    const History history = run_threads(50, [&] { return planted.spend(); });
    caught = !fault_of(history, 100).empty();
  }
  CHECK(caught);
}

}  // namespace
}  // namespace bcstore
