// W2: the last 50 messages of a session chosen at random, hot: everything was read once before, and
// the memory budget holds it. 1 and 2 threads.
#include <fmt/core.h>

#include "catalogue.h"
#include "chat_work.h"

namespace bcstore::bench {
namespace {

Contestant contestant_of(Stand& stand, const Population& population) {
  return {&stand, [&stand, sessions = population.sessions()](uint64_t seed) {
            return std::make_unique<LastMessagesOperation>(
                stand.engine().chat_worker(Mode::relaxed), sessions, seed);
          }};
}

}  // namespace

void run_w2(Bench& bench) {
  const Population population = bench.population();
  const auto stands = bench.open_stands(population, offers_chats);
  for (const std::unique_ptr<Stand>& stand : stands) {
    bench.attempt(*stand, [&] { load_messages(*stand, population, bench.texts()); });
  }
  bench.settle();
  const Fold fold = prove_equal_messages(bench, stands, population.sessions());
  bench.report().note(
      fmt::format("W2: {} messages loaded; every engine gave back {} bytes, sum {:016x}",
                  population.messages(), fold.bytes(), fold.sum()));
  for (const unsigned threads : {1u, 2u}) {
    std::vector<Contestant> contestants;
    for (const std::unique_ptr<Stand>& stand : stands) {
      contestants.push_back(contestant_of(*stand, population));
    }
    bench.measure({.workload = "W2", .variant = "hot", .threads = threads, .only_reads = true},
                  contestants);
  }
}

void profile_w2(Bench& bench, const ProfileRequest& request) {
  const Population population = bench.population();
  const auto stands = bench.open_stands(population);
  load_messages(*stands.front(), population, bench.texts());
  bench.settle();
  prove_equal_messages(bench, stands, population.sessions());
  const std::unique_ptr<Operation> operation =
      contestant_of(*stands.front(), population).start(population.seed);
  bcstore_bench_hot_loop(operation.get(), request.operations);
}

}  // namespace bcstore::bench
