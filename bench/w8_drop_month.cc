// W8: one month is dropped for everybody, and what that does to the reads that come after it. In
// the engines that can, and in the layouts of layouts.h, which show what the floor could do.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include "catalogue.h"
#include "chat_work.h"
#include "failure.h"
#include "layouts.h"
#include "w8_erase.h"
#include "years_data.h"

namespace bcstore::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kUsers = 200;
constexpr uint32_t kQuickUsers = 20;
constexpr int kSlices = 3;

double ms_of(const std::function<void()>& work) {
  const Clock::time_point begin = Clock::now();
  work();
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// Reads a second, the median of some slices after one to warm up.
double rate_of(double seconds, const std::function<void(Random& random)>& read) {
  std::vector<double> rates;
  Random random(7);
  for (int slice = 0; slice <= kSlices; ++slice) {
    uint64_t reads = 0;
    const Clock::time_point begin = Clock::now();
    double elapsed_s = 0;
    while (elapsed_s < seconds) {
      check_interrupted();
      for (int i = 0; i < 16; ++i, ++reads) read(random);
      elapsed_s = std::chrono::duration<double>(Clock::now() - begin).count();
    }
    if (slice > 0) rates.push_back(static_cast<double>(reads) / elapsed_s);
  }
  std::sort(rates.begin(), rates.end());
  return rates[rates.size() / 2];
}

struct Drop {
  double before_per_s = 0;
  double ms = 0;
  double after_per_s = 0;
};

void report(Bench& bench, const std::string& prefix, std::string_view engine, const Drop& drop) {
  const auto row = [&](std::string_view variant, const char* unit, double value) {
    bench.report().add({.workload = "W8",
                        .variant = prefix + std::string(variant),
                        .engine = std::string(engine),
                        .ops_per_s = unit == std::string_view("ops/s") ? value : 0,
                        .unit = unit,
                        .value = value});
  };
  row("drop a month", "ms", drop.ms);
  row("last 50 before the drop", "ops/s", drop.before_per_s);
  row("last 50 after the drop", "ops/s", drop.after_per_s);
  row("last 50, after by before", "x", drop.after_per_s / std::max(drop.before_per_s, 1e-9));
}

// All messages of all sessions, counted.
uint64_t count_rows(Engine& engine, const Population& population) {
  const std::unique_ptr<ChatWorker> worker = engine.chat_worker(Mode::relaxed);
  Fold fold;
  for (uint32_t session = 0; session < population.sessions(); ++session) {
    worker->last_messages(session, population.messages_per_session, &fold);
  }
  return fold.rows();
}

void drop_in_engine(Bench& bench, const Population& population, Stand& stand) {
  Engine& engine = stand.engine();
  load_messages(stand, population, bench.texts());
  bench.settle(stand.directory());
  const auto rate = [&] {
    const std::unique_ptr<ChatWorker> worker = engine.chat_worker(Mode::relaxed);
    Fold fold;
    return rate_of(bench.settings().seconds, [&](Random& random) {
      worker->last_messages(random.below(population.sessions()), kLastMessages, &fold);
    });
  };
  const uint64_t rows = count_rows(engine, population);
  Drop drop;
  drop.before_per_s = rate();
  bool is_done = false;
  const std::unique_ptr<UpkeepWorker> upkeep = engine.upkeep_worker();
  drop.ms = ms_of([&] { is_done = upkeep->drop_month(kFirstInstantUs); });
  if (!is_done) {
    bench.report().note(fmt::format("W8: {} drops no month", stand.engine_name()));
    return;
  }
  const uint64_t left = count_rows(engine, population);
  // A twelfth, and no more.
  if (left >= rows - rows / 20 || left < rows - rows / 8) {
    throw Failure(fmt::format("W8: {} has {} messages of {} after a month was dropped",
                              stand.engine_name(), left, rows));
  }
  drop.after_per_s = rate();
  report(bench, "", stand.engine_name(), drop);
}

void drop_in_layout(Bench& bench, const Population& population, const LayoutEntry& entry) {
  const std::string directory = bench.scratch().fresh("layout");
  const std::unique_ptr<Layout> layout = entry.make();
  // A few MiB: the data are a multiple of what memory holds.
  layout->open(directory, size_t{16} << 20, population);
  for (uint32_t month = 0; month < kMonths; ++month) {
    for_each_message_of_month(population, bench.texts(), month,
                              [&](const Message& message) { layout->append(message); });
  }
  bench.settle(directory);
  const auto rate = [&] {
    Fold fold;
    return rate_of(bench.settings().seconds, [&](Random& random) {
      const uint32_t session = session_of(random.below(population.users), kMonths - 1);
      if (layout->last_messages(session, kLastMessages, &fold) != kLastMessages) {
        throw Failure("W8: a layout lost messages");
      }
    });
  };
  Drop drop;
  drop.before_per_s = rate();
  drop.ms = ms_of([&] { layout->drop_month(0); });
  drop.after_per_s = rate();
  // A family that is gone cannot be asked.
  for (uint32_t user = 0; user < population.users && layout->families() < kMonths; ++user) {
    Fold gone;
    if (layout->last_messages(session_of(user, 0), 1, &gone) != 0) {
      throw Failure("W8: a dropped month is still there");
    }
  }
  const std::string prefix = fmt::format("{}: ", entry.name);
  report(bench, prefix, "floor", drop);
  bench.report().add({.workload = "W8",
                      .variant = prefix + "compaction after the drop",
                      .engine = "floor",
                      .unit = "ms",
                      .value = ms_of([&] { layout->compact(); })});
  layout->close();
  bench.scratch().remove("layout");
}

}  // namespace

void measure_drops(Bench& bench) {
  const uint32_t users = bench.settings().quick ? kQuickUsers : kUsers;
  Population population = bench.population();
  population.users = users;
  bench.report().note(fmt::format("W8: {} messages over 12 months, the first of which is dropped",
                                  population.messages()));
  // Of the floor, the layouts below.
  auto stands = bench.open_stands(population,
                                  [](Engine& engine) { return engine.upkeep_worker() != nullptr; });
  // The floor's months are the layouts below.
  std::erase_if(stands, [](const auto& stand) { return stand->engine_name() == "floor"; });
  for (const std::unique_ptr<Stand>& stand : stands) {
    bench.attempt(*stand, [&] { drop_in_engine(bench, population, *stand); });
  }
  const Population years = years_population(users);
  bench.report().note(
      fmt::format("W8: layouts with {} messages over {} months", years.messages(), kMonths));
  for (const LayoutEntry& entry : all_layouts()) {
    if (entry.is_leveled) drop_in_layout(bench, years, entry);
  }
}

}  // namespace bcstore::bench
