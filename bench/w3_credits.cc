// W3: consume one credit, with an exact answer: one hot user, and ten thousand. The floor decides
// in memory and merges; bcstore writes the ledger entry, the delta and the commit log.
#include <fmt/core.h>

#include "catalogue.h"
#include "failure.h"

namespace bcstore::bench {
namespace {

constexpr uint32_t kUsers = 10'000;
constexpr uint32_t kQuickUsers = 300;

struct Case {
  bool hot;
  Mode mode;
  unsigned threads;
};

std::vector<Case> all_cases() {
  return {{true, Mode::durable, 1},
          {true, Mode::durable, 8},
          {false, Mode::durable, 8},
          {true, Mode::relaxed, 1},
          {false, Mode::relaxed, 1}};
}

class ConsumeOperation : public Operation {
 public:
  ConsumeOperation(std::unique_ptr<CreditWorker> worker, uint32_t users, uint64_t seed)
      : worker_(std::move(worker)), users_(users), random_(seed) {}
  void run() override { worker_->consume(users_ == 1 ? 0 : random_.below(users_)); }

 private:
  std::unique_ptr<CreditWorker> worker_;
  uint32_t users_;
  Random random_;
};

Population population_of(const Bench& bench) {
  Population population = bench.population();
  population.users = bench.settings().quick ? kQuickUsers : kUsers;
  population.sessions_per_user = 1;
  return population;
}

Contestant contestant_of(Stand& stand, const Population& population, const Case& one) {
  const uint32_t users = one.hot ? 1 : population.users;
  return {&stand, [&stand, users, mode = one.mode](uint64_t seed) {
            return std::make_unique<ConsumeOperation>(stand.engine().credit_worker(mode), users,
                                                      seed);
          }};
}

uint64_t spent(Engine& engine, uint32_t users) {
  const std::unique_ptr<CreditWorker> worker = engine.credit_worker(Mode::relaxed);
  uint64_t sum = 0;
  for (uint32_t user = 0; user < users; ++user) {
    sum += static_cast<uint64_t>(kBenchCredits) - worker->remaining(user);
  }
  return sum;
}

// Every spending that was acknowledged so far is there.
void prove_spent(const Contestant& contestant, uint32_t users) {
  Engine& engine = contestant.stand->engine();
  const uint64_t gone = spent(engine, users);
  if (gone == contestant.operations) return;
  throw Failure(fmt::format("W3: {} acknowledged {} spendings and has {}", engine.name(),
                            contestant.operations, gone));
}

}  // namespace

void run_w3(Bench& bench) {
  const Population population = population_of(bench);
  const auto stands = bench.open_stands(
      population, [](Engine& engine) { return engine.credit_worker(Mode::relaxed) != nullptr; });
  std::vector<Contestant> contestants;
  for (const std::unique_ptr<Stand>& stand : stands) contestants.push_back({.stand = stand.get()});
  for (const Case& one : all_cases()) {
    if (one.mode == Mode::durable && !bench.scratch().is_on_disk()) {
      bench.report().note(fmt::format("W3 durable {} skipped: {} is no disk", one.threads,
                                      bench.scratch().file_system()));
      continue;
    }
    for (Contestant& contestant : contestants) {
      contestant.start = contestant_of(*contestant.stand, population, one).start;
    }
    const std::string variant =
        fmt::format("{} {}", to_string(one.mode), one.hot ? "hot" : "uniform");
    bench.measure({"W3", variant, one.threads}, contestants);
    for (const Contestant& contestant : contestants) {
      bench.attempt(*contestant.stand, [&] { prove_spent(contestant, population.users); });
    }
  }
}

void profile_w3(Bench& bench, const ProfileRequest& request) {
  const Population population = population_of(bench);
  const auto stands = bench.open_stands(population);
  const Contestant contestant = contestant_of(*stands.front(), population, {true, request.mode, 1});
  const std::unique_ptr<Operation> operation = contestant.start(population.seed);
  bcstore_bench_hot_loop(operation.get(), request.operations);
}

}  // namespace bcstore::bench
