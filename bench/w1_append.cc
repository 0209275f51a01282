// W1: append a chat message to a session that is checked to be the owner's. 1 and 8 threads,
// durable and relaxed. Stores begin with users and sessions and 2,000 messages, and grow from row
// to row.
#include <fmt/core.h>

#include "catalogue.h"
#include "chat_work.h"
#include "failure.h"

namespace bcstore::bench {
namespace {

constexpr uint32_t kFirstMessages = 2000;

struct Case {
  Mode mode;
  unsigned threads;
};

std::vector<Case> all_cases() {
  return {{Mode::durable, 1}, {Mode::durable, 8}, {Mode::relaxed, 1}, {Mode::relaxed, 8}};
}

// The same messages for every engine, read back and compared, so that a row says something about
// stores that work.
void append_first_messages(Bench& bench, Stand& stand, const Population& population) {
  const std::unique_ptr<ChatWorker> worker = stand.engine().chat_worker(Mode::relaxed);
  Random random(population.seed);
  for (uint32_t i = 0; i < kFirstMessages; ++i) {
    Message message = draw_message(bench.texts(), random.below(population.sessions()), random);
    message.created_at_us = kFirstInstantUs + int64_t{i} * 1'000'000;
    worker->append_message(message);
  }
}

Contestant contestant_of(Bench& bench, Stand& stand, const Population& population, Mode mode) {
  return {&stand, [&bench, &stand, mode, sessions = population.sessions()](uint64_t seed) {
            return std::make_unique<AppendOperation>(stand.engine().chat_worker(mode),
                                                     bench.texts(), sessions, seed);
          }};
}

// Every message that was acknowledged so far is there.
void prove_count(const Contestant& contestant, uint32_t sessions) {
  Engine& engine = contestant.stand->engine();
  const uint64_t present = count_messages(engine, sessions);
  const uint64_t acknowledged = contestant.operations + kFirstMessages;
  if (present == acknowledged) return;
  throw Failure(fmt::format("W1: {} acknowledged {} messages and has {}", engine.name(),
                            acknowledged, present));
}

}  // namespace

void run_w1(Bench& bench) {
  const Population population = bench.population();
  const auto stands = bench.open_stands(population, offers_chats);
  std::vector<Contestant> contestants;
  for (const std::unique_ptr<Stand>& stand : stands) {
    bench.attempt(*stand, [&] { append_first_messages(bench, *stand, population); });
    contestants.push_back(contestant_of(bench, *stand, population, Mode::relaxed));
  }
  prove_equal_messages(bench, stands, population.sessions());
  for (const Case& one : all_cases()) {
    if (one.mode == Mode::durable && !bench.scratch().is_on_disk()) {
      bench.report().note(fmt::format("W1 durable {} skipped: {} is no disk", one.threads,
                                      bench.scratch().file_system()));
      continue;
    }
    for (Contestant& contestant : contestants) {
      contestant.start = contestant_of(bench, *contestant.stand, population, one.mode).start;
    }
    bench.measure({"W1", std::string(to_string(one.mode)), one.threads}, contestants);
    for (const Contestant& contestant : contestants) {
      bench.attempt(*contestant.stand, [&] { prove_count(contestant, population.sessions()); });
    }
  }
}

void profile_w1(Bench& bench, const ProfileRequest& request) {
  const Population population = bench.population();
  const auto stands = bench.open_stands(population);
  append_first_messages(bench, *stands.front(), population);
  const Contestant contestant = contestant_of(bench, *stands.front(), population, request.mode);
  const std::unique_ptr<Operation> operation = contestant.start(population.seed);
  bcstore_bench_hot_loop(operation.get(), request.operations);
}

}  // namespace bcstore::bench
