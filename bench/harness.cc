#include "harness.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <exception>
#include <latch>
#include <mutex>
#include <thread>
#include <utility>

#include "catalogue.h"
#include "failure.h"
#include "machine_load.h"

namespace bcstore::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr uint64_t kSeed = 42;
// Above the first the report says so; above the second a ratio is not judged.
constexpr double kBusyShare = 0.05;
constexpr double kMostOthersShare = 0.25;
constexpr size_t kFewestPairs = 5;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double lowest(const std::vector<double>& values) {
  return *std::min_element(values.begin(), values.end());
}

double highest(const std::vector<double>& values) {
  return *std::max_element(values.begin(), values.end());
}

// What the threads of one slice share.
struct SliceState {
  explicit SliceState(unsigned threads) : ready(threads), go(1) {}
  std::latch ready;
  std::latch go;
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::exception_ptr failure;
  Histogram latency;
  SteadyClock::time_point begin{};
  SteadyClock::time_point last_end{};
  double cpu_s = 0;

  void fail() {
    const std::lock_guard lock(mutex);
    if (!failure) failure = std::current_exception();
    stop.store(true, std::memory_order_relaxed);
  }
};

double thread_cpu_s() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// One clock reading an operation: the end of one is the beginning of the next.
void run_thread(SliceState& state, const Contestant& contestant, SteadyClock::duration length,
                uint64_t seed) {
  std::unique_ptr<Operation> operation;
  try {
    operation = contestant.start(seed);
  } catch (...) {
    state.fail();
  }
  state.ready.count_down();
  state.go.wait();
  if (!operation) return;
  Histogram latency;
  const double cpu_begin_s = thread_cpu_s();
  SteadyClock::time_point now = state.begin;
  const SteadyClock::time_point deadline = state.begin + length;
  try {
    while (now < deadline && !state.stop.load(std::memory_order_relaxed)) {
      operation->run();
      const SteadyClock::time_point end = SteadyClock::now();
      latency.record(static_cast<uint64_t>((end - now).count()));
      now = end;
    }
  } catch (...) {
    state.fail();
  }
  const std::lock_guard lock(state.mutex);
  state.latency.add(latency);
  state.cpu_s += thread_cpu_s() - cpu_begin_s;
  state.last_end = std::max(state.last_end, now);
}

}  // namespace

Stand::Stand(const Scratch& scratch, const EngineEntry& entry, size_t memory_budget_bytes,
             const Population& population, std::string_view name)
    : scratch_(scratch),
      name_(name.empty() ? entry.name : name),
      settings_{scratch.fresh(name_), memory_budget_bytes, population},
      engine_(entry.make()) {
  engine_->open(settings_);
}

Stand::~Stand() {
  try {
    engine_->close();
  } catch (const std::exception& failure) {
    fmt::print(stderr, "closing {}: {}\n", name_, failure.what());
  }
  engine_.reset();
  scratch_.remove(name_);
}

double Stand::reopen() {
  engine_->close();
  const SteadyClock::time_point begin = SteadyClock::now();
  engine_->open(settings_);
  return std::chrono::duration<double, std::micro>(SteadyClock::now() - begin).count();
}

Bench::Bench(const Settings& settings, const Scratch& scratch)
    : settings_(settings), scratch_(scratch), texts_(kSeed) {}

Population Bench::population() const {
  Population population;
  population.seed = kSeed;
  population.users = settings_.users;
  return population;
}

std::vector<std::unique_ptr<Stand>> Bench::open_stands(const Population& population,
                                                       const Offer& offer) {
  std::vector<std::unique_ptr<Stand>> stands;
  for (const EngineEntry* entry : settings_.engines) {
    if (std::find(left_out_.begin(), left_out_.end(), entry) != left_out_.end()) continue;
    std::unique_ptr<Stand> stand = open_stand(*entry, population);
    if (!stand) continue;
    if (offer && !offer(stand->engine())) {
      report_.note(fmt::format("         {} left out: it does not offer this", entry->name));
      continue;
    }
    stands.push_back(std::move(stand));
  }
  return stands;
}

// Null: a peer failed, which is not what the run is about.
std::unique_ptr<Stand> Bench::open_stand(const EngineEntry& entry, const Population& population) {
  try {
    auto stand =
        std::make_unique<Stand>(scratch_, entry, settings_.memory_budget_bytes, population);
    stand->engine().create();
    return stand;
  } catch (const Failure& failure) {
    if (!entry.is_peer) throw;
    check_interrupted();
    report_.note(fmt::format("{}: left out from here on: {}", entry.name, failure.what()));
    left_out_.push_back(&entry);
    return nullptr;
  }
}

Bench::Slice Bench::run_slice(Contestant& contestant, unsigned threads, double seconds,
                              uint64_t seed) const {
  const auto length =
      std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(seconds));
  SliceState state(threads);
  std::vector<std::thread> running;
  for (unsigned i = 0; i < threads; ++i) {
    running.emplace_back([&state, &contestant, length, thread_seed = seed * 64 + i] {
      run_thread(state, contestant, length, thread_seed);
    });
  }
  state.ready.wait();
  Engine& engine = contestant.stand->engine();
  const double outside_before_s = engine.outside_cpu_s();
  state.begin = state.last_end = SteadyClock::now();
  state.go.count_down();
  // A signal stops the slice at once instead of at its end.
  const SteadyClock::time_point deadline = state.begin + length;
  std::exception_ptr interrupted;
  while (SteadyClock::now() < deadline && !state.stop.load(std::memory_order_relaxed)) {
    try {
      check_interrupted();
    } catch (...) {
      interrupted = std::current_exception();
      state.stop.store(true, std::memory_order_relaxed);
    }
    std::this_thread::sleep_until(
        std::min(deadline, SteadyClock::now() + std::chrono::milliseconds(50)));
  }
  for (std::thread& thread : running) thread.join();
  if (interrupted) std::rethrow_exception(interrupted);
  if (state.failure) std::rethrow_exception(state.failure);
  state.cpu_s += engine.outside_cpu_s() - outside_before_s;
  contestant.operations += state.latency.total();
  const double elapsed = std::chrono::duration<double>(state.last_end - state.begin).count();
  const auto operations = static_cast<double>(state.latency.total());
  return {operations / std::max(elapsed, 1e-9), state.cpu_s * 1e6 / std::max(operations, 1.0),
          state.latency};
}

void Bench::measure(const RowSpec& spec, std::span<Contestant> contestants) {
  for (Contestant& contestant : contestants) {
    run_slice(contestant, spec.threads, settings_.seconds / 4, 0);
  }
  const auto outside_cpu_s = [&contestants] {
    double all_s = 0;
    for (const Contestant& contestant : contestants) {
      all_s += contestant.stand->engine().outside_cpu_s();
    }
    return all_s;
  };
  const MachineLoad load;
  const double outside_before_s = outside_cpu_s();
  std::vector<std::vector<Slice>> slices(contestants.size());
  for (unsigned pair = 0; pair < settings_.pairs; ++pair) {
    for (size_t i = 0; i < contestants.size(); ++i) {
      scratch_.settle(scratch_.path());
      slices[i].push_back(run_slice(contestants[i], spec.threads, settings_.seconds, pair + 1));
    }
  }
  const double others_share = load.others_share(outside_cpu_s() - outside_before_s);
  add_rows(spec, contestants, slices, others_share <= kMostOthersShare);
  add_remarks(contestants, slices);
  if (others_share > kBusyShare) {
    report_.note(fmt::format("         (others used {:.0f} % of the processors meanwhile)",
                             others_share * 100));
  }
}

void Bench::add_rows(const RowSpec& spec, std::span<const Contestant> contestants,
                     std::span<const std::vector<Slice>> slices, bool is_quiet) {
  for (size_t i = 0; i < contestants.size(); ++i) {
    std::vector<double> rates;
    Histogram latency;
    for (const Slice& slice : slices[i]) {
      rates.push_back(slice.ops_per_s);
      latency.add(slice.latency);
    }
    const std::string& as = contestants[i].as;
    Row row{.workload = spec.workload,
            .variant = as.empty() ? spec.variant : spec.variant + ", " + as,
            .threads = spec.threads,
            .engine = std::string(contestants[i].stand->engine().name()),
            .ops_per_s = median(rates),
            .p50_us = latency.percentile_us(0.50),
            .p99_us = latency.percentile_us(0.99),
            .spread = highest(rates) / std::max(lowest(rates), 1e-9),
            .unit = "ops/s",
            .value = median(rates)};
    if (i > 0 && (contestants[0].stand->engine().name() == "bcstore" || !as.empty())) {
      row.ratio = ratio_of(slices[0], slices[i]);
      row.ratio->is_judged = is_quiet && rates.size() >= kFewestPairs;
      for (const RowSpec::Goal& goal : spec.goals) {
        if (goal.peer == (as.empty() ? row.engine : as)) row.ratio->goal = goal.ratio;
      }
    }
    report_.add(std::move(row));
  }
}

// The time that the calling threads and an engine's own processes spent running, which other
// processes do not stretch as they stretch the time on the wall; and what the engines have to say.
void Bench::add_remarks(std::span<const Contestant> contestants,
                        std::span<const std::vector<Slice>> slices) {
  for (size_t i = 0; i < contestants.size(); ++i) {
    std::vector<double> cpu_us;
    for (const Slice& slice : slices[i]) cpu_us.push_back(slice.cpu_us_per_op);
    Engine& engine = contestants[i].stand->engine();
    const std::string remark = engine.remark();
    report_.note(fmt::format("         {}: {:.2f} us of processor time an operation{}{}",
                             engine.name(), median(cpu_us), remark.empty() ? "" : "; ", remark));
  }
}

Row::Ratio Bench::ratio_of(std::span<const Slice> ours, std::span<const Slice> theirs) {
  std::vector<double> ratios;
  for (size_t pair = 0; pair < ours.size(); ++pair) {
    ratios.push_back(ours[pair].ops_per_s / std::max(theirs[pair].ops_per_s, 1e-9));
  }
  return {.median = median(ratios), .low = lowest(ratios), .high = highest(ratios)};
}

void require_equal(std::string_view what, std::span<const std::string> engines,
                   std::span<const Fold> folds) {
  for (size_t i = 1; i < folds.size(); ++i) {
    if (folds[i] == folds[0]) continue;
    throw Failure(fmt::format(
        "{}: {} returned {} rows, {} bytes, sum {:016x}, but {} {} rows, {} bytes, sum {:016x}",
        what, engines[0], folds[0].rows(), folds[0].bytes(), folds[0].sum(), engines[i],
        folds[i].rows(), folds[i].bytes(), folds[i].sum()));
  }
}

extern "C" [[gnu::noinline]] void bcstore_bench_hot_loop(Operation* operation,
                                                         uint64_t operations) {
  for (uint64_t i = 0; i < operations; ++i) {
    operation->run();
    if ((i & 1023u) == 1023u) check_interrupted();
  }
}

}  // namespace bcstore::bench
