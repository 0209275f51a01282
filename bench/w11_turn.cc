// W11: a chat turn in one commit: the message, the credit that it costs, the ledger's entry, an
// event and the idempotency key. Beside bcstore's own plain append, and the same turn in the peers.
#include <fmt/core.h>

#include <utility>

#include "catalogue.h"
#include "chat_work.h"
#include "failure.h"

namespace bcstore::bench {
namespace {

constexpr std::string_view kAppend = "plain append";

struct Case {
  Mode mode;
  unsigned threads;
  bool is_hot;  // all turns are one user's
};

std::vector<Case> all_cases() {
  return {{Mode::durable, 1, false},
          {Mode::durable, 8, false},
          {Mode::durable, 8, true},
          {Mode::relaxed, 1, false}};
}

class TakeTurn : public Operation {
 public:
  TakeTurn(std::unique_ptr<TurnWorker> worker, const Texts& texts, uint32_t sessions, uint64_t seed)
      : worker_(std::move(worker)),
        texts_(texts),
        sessions_(sessions),
        seed_(seed),
        random_(seed) {}
  void run() override {
    worker_->turn(draw_message(texts_, random_.below(sessions_), random_),
                  fmt::format("{}-{}", seed_, ++turns_));
  }

 private:
  std::unique_ptr<TurnWorker> worker_;
  const Texts& texts_;
  uint32_t sessions_;
  uint64_t seed_;
  uint64_t turns_ = 0;
  Random random_;
};

// Rows, the warm-up and the slices are told apart by their seeds, and keys with them.
Contestant turns_of(Bench& bench, Stand& stand, uint32_t sessions, Mode mode, uint64_t number) {
  return {&stand, [&bench, &stand, sessions, mode, number](uint64_t seed) {
            return std::make_unique<TakeTurn>(stand.engine().turn_worker(mode), bench.texts(),
                                              sessions, number << 32 | seed);
          }};
}

Contestant appends_of(Bench& bench, Stand& stand, uint32_t sessions, Mode mode) {
  return {.stand = &stand,
          .start =
              [&bench, &stand, sessions, mode](uint64_t seed) {
                return std::make_unique<AppendOperation>(stand.engine().chat_worker(mode),
                                                         bench.texts(), sessions, seed);
              },
          .as = std::string(kAppend)};
}

uint64_t spent(Engine& engine, const Population& population) {
  const std::unique_ptr<CreditWorker> worker = engine.credit_worker(Mode::relaxed);
  uint64_t sum = 0;
  for (uint32_t user = 0; user < population.users; ++user) {
    sum += static_cast<uint64_t>(kBenchCredits) - worker->remaining(user);
  }
  return sum;
}

void require(std::string_view engine, std::string_view what, uint64_t expected, uint64_t found) {
  if (found == expected) return;
  throw Failure(
      fmt::format("W11: {} acknowledged {} {} and has {}", engine, expected, what, found));
}

struct Taker {
  Contestant turns, appends;  // only the first engine appends as well
};

void prove(const Taker& taker, const Population& population) {
  Engine& engine = taker.turns.stand->engine();
  require(engine.name(), "messages", taker.turns.operations + taker.appends.operations,
          count_messages(engine, population.sessions()));
  require(engine.name(), "spendings", taker.turns.operations, spent(engine, population));
}

void run_case(Bench& bench, const Case& one, const Population& population,
              std::vector<Taker>& takers, unsigned number) {
  const uint32_t sessions = one.is_hot ? population.sessions_per_user : population.sessions();
  std::vector<Contestant> contestants;
  for (Taker& taker : takers) {
    Stand& stand = *taker.turns.stand;
    contestants.push_back(turns_of(bench, stand, sessions, one.mode, number));
    if (contestants.size() == 1) {
      contestants.push_back(appends_of(bench, stand, sessions, one.mode));
    }
  }
  const std::string variant =
      fmt::format("{} {}", to_string(one.mode), one.is_hot ? "hot" : "uniform");
  bench.measure({"W11", variant, one.threads}, contestants);
  for (size_t i = 0; i < takers.size(); ++i) {
    takers[i].turns.operations += contestants[i == 0 ? 0 : i + 1].operations;
    if (i == 0) takers[i].appends.operations += contestants[1].operations;
    bench.attempt(*takers[i].turns.stand, [&] { prove(takers[i], population); });
  }
}

}  // namespace

void run_w11(Bench& bench) {
  const Population population = bench.population();
  const auto stands = bench.open_stands(
      population, [](Engine& engine) { return engine.turn_worker(Mode::relaxed) != nullptr; });
  std::vector<Taker> takers;
  for (const std::unique_ptr<Stand>& stand : stands) {
    takers.push_back({.turns = {.stand = stand.get()}, .appends = {}});
  }
  unsigned number = 0;
  for (const Case& one : all_cases()) {
    if (one.mode == Mode::durable && !bench.scratch().is_on_disk()) {
      bench.report().note(fmt::format("W11 durable {} skipped: {} is no disk", one.threads,
                                      bench.scratch().file_system()));
      continue;
    }
    run_case(bench, one, population, takers, ++number);
  }
}

void profile_w11(Bench& bench, const ProfileRequest& request) {
  const Population population = bench.population();
  const auto stands = bench.open_stands(population);
  const std::unique_ptr<Operation> operation =
      turns_of(bench, *stands.front(), population.sessions(), request.mode, 0)
          .start(population.seed);
  bcstore_bench_hot_loop(operation.get(), request.operations);
}

}  // namespace bcstore::bench
