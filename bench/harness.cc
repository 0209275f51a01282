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
      entry_(entry),
      name_(name.empty() ? entry.name : name),
      settings_{scratch.fresh(name_), memory_budget_bytes, population},
      engine_(entry.make()) {
  engine_->open(settings_);
}

Stand::~Stand() {
  if (!engine_) return;
  try {
    engine_->close();
  } catch (const std::exception& failure) {
    // Where a failure is on its way already, that one is the one to tell.
    if (std::uncaught_exceptions() == 0) {
      fmt::print(stderr, "closing {}: {}\n", name_, failure.what());
    }
  }
  engine_.reset();
  scratch_.remove(name_);
}

std::string_view Stand::engine_name() const { return entry_.name; }

double Stand::reopen() {
  engine_->close();
  const SteadyClock::time_point begin = SteadyClock::now();
  engine_->open(settings_);
  return std::chrono::duration<double, std::micro>(SteadyClock::now() - begin).count();
}

void Stand::give_up() noexcept {
  try {
    engine_->close();
  } catch (const std::exception&) {
    // It has failed before, and that was told.
  }
  engine_.reset();
  scratch_.remove(name_);
}

Bench::Bench(const Settings& settings, const Scratch& scratch)
    : settings_(settings), scratch_(scratch), texts_(kSeed) {}

Population Bench::population() const {
  Population population;
  population.seed = kSeed;
  population.users = settings_.users;
  if (settings_.quick) population.messages_per_session = 100;
  return population;
}

const RealDocuments* Bench::real_documents() {
  if (settings_.revisions.empty()) return nullptr;
  if (real_documents_.empty()) real_documents_ = read_documents(settings_.revisions);
  return &real_documents_;
}

std::unique_ptr<Body> Bench::body(uint64_t seed, uint64_t number) {
  if (settings_.has_real_data) return real_body(*real_documents(), number);
  return std::make_unique<EditedDocument>(texts_, seed);
}

void Bench::run(const WorkloadEntry& workload) {
  report_.note(fmt::format("{}: {}", workload.name, workload.title));
  workload_ = workload.name;
  if (workload.group.empty() || workload.group != group_) kept_.clear();
  group_ = workload.group;
  left_out_.clear();
  measured_s_ = 0;
  const SteadyClock::time_point begin = SteadyClock::now();
  workload.run(*this);
  const double took_s = std::chrono::duration<double>(SteadyClock::now() - begin).count();
  report_.note(fmt::format("{} took {:.1f} s, {:.1f} s of it under measurement\n", workload.name,
                           took_s, measured_s_));
}

std::vector<std::unique_ptr<Stand>> Bench::open_stands(const Population& population,
                                                       const Offer& offer) {
  std::vector<std::unique_ptr<Stand>> stands;
  for (const EngineEntry* entry : settings_.engines) {
    if (std::find(left_out_.begin(), left_out_.end(), entry) != left_out_.end()) continue;
    if (std::unique_ptr<Stand> stand = open_stand(*entry, population, offer)) {
      stands.push_back(std::move(stand));
    }
  }
  return stands;
}

// Null: it does not offer what is asked for, or is a peer that failed.
std::unique_ptr<Stand> Bench::open_stand(const EngineEntry& entry, const Population& population,
                                         const Offer& offer) {
  try {
    auto stand =
        std::make_unique<Stand>(scratch_, entry, settings_.memory_budget_bytes, population);
    stand->engine().create();
    if (!offer || offer(stand->engine())) return stand;
    report_.note(
        fmt::format("{}: {} left out: it does not offer this", workload_, stand->engine_name()));
  } catch (...) {
    leave_out(entry);
    scratch_.remove(std::string(entry.name));
  }
  return nullptr;
}

const Bench::Stands& Bench::kept_stands(const std::function<Stands()>& make) {
  std::erase_if(kept_, [this](const std::unique_ptr<Stand>& stand) {
    if (!stand->is_given_up()) return false;
    report_.note(fmt::format("{}: {} left out: it failed with these data before", workload_,
                             stand->engine_name()));
    return true;
  });
  if (kept_.empty()) kept_ = make();
  return kept_;
}

bool Bench::attempt(Stand& stand, const std::function<void()>& step) {
  if (stand.is_given_up()) return false;
  try {
    step();
    return true;
  } catch (...) {
    leave_out(stand.entry());
  }
  stand.give_up();
  return false;
}

void Bench::leave_out(const EngineEntry& entry) {
  check_interrupted();  // a signal makes calls fail as well
  try {
    throw;
  } catch (const Interrupted&) {
    throw;
  } catch (const Refused&) {
    throw;
  } catch (const std::exception& failure) {
    const bool is_all_of_it = settings_.profiled != nullptr;
    if (!entry.is_peer || is_all_of_it || scratch_.was_full(failure.what())) throw;
    report_.note(fmt::format("{}: {} failed and is left out of the rest of it: {}", workload_,
                             entry.name, failure.what()));
    left_out_.push_back(&entry);
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

std::vector<Bench::Turns> Bench::take_turns(const RowSpec& spec,
                                            std::span<Contestant> contestants) {
  std::vector<Turns> turns;
  for (Contestant& contestant : contestants) turns.push_back({.contestant = &contestant});
  for (unsigned pair = 0; pair < settings_.pairs; ++pair) {
    for (Turns& one : turns) {
      const bool goes_on = attempt(*one.contestant->stand, [&] {
        if (!spec.only_reads || pair == 0) settle();
        one.slices.push_back(run_slice(*one.contestant, spec.threads, settings_.seconds, pair + 1));
      });
      if (!goes_on) one.slices.clear();
    }
  }
  std::erase_if(turns, [](const Turns& one) { return one.slices.empty(); });
  return turns;
}

void Bench::measure(const RowSpec& spec, std::span<Contestant> contestants) {
  const SteadyClock::time_point begin = SteadyClock::now();
  for (Contestant& contestant : contestants) {
    attempt(*contestant.stand,
            [&] { run_slice(contestant, spec.threads, settings_.seconds / 4, 0); });
  }
  const auto outside_cpu_s = [&contestants] {
    double all_s = 0;
    for (const Contestant& contestant : contestants) {
      if (contestant.stand->is_given_up()) continue;
      all_s += contestant.stand->engine().outside_cpu_s();
    }
    return all_s;
  };
  const MachineLoad load;
  const double outside_before_s = outside_cpu_s();
  const std::vector<Turns> turns = take_turns(spec, contestants);
  const double others_share = load.others_share(std::max(0.0, outside_cpu_s() - outside_before_s));
  add_rows(spec, turns, others_share <= kMostOthersShare);
  add_remarks(turns);
  if (others_share > kBusyShare) {
    report_.note(fmt::format("         (others used {:.0f} % of the processors meanwhile)",
                             others_share * 100));
  }
  measured_s_ += std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

void Bench::add_rows(const RowSpec& spec, std::span<const Turns> turns, bool is_quiet) {
  for (size_t i = 0; i < turns.size(); ++i) {
    std::vector<double> rates;
    Histogram latency;
    for (const Slice& slice : turns[i].slices) {
      rates.push_back(slice.ops_per_s);
      latency.add(slice.latency);
    }
    const std::string& as = turns[i].contestant->as;
    Row row{.workload = spec.workload,
            .variant = as.empty() ? spec.variant : spec.variant + ", " + as,
            .threads = spec.threads,
            .engine = std::string(turns[i].contestant->stand->engine_name()),
            .ops_per_s = median(rates),
            .p50_us = latency.percentile_us(0.50),
            .p99_us = latency.percentile_us(0.99),
            .spread = highest(rates) / std::max(lowest(rates), 1e-9),
            .unit = "ops/s",
            .value = median(rates)};
    if (i > 0 && (turns[0].contestant->stand->engine_name() == "bcstore" || !as.empty())) {
      row.ratio = ratio_of(turns[0].slices, turns[i].slices);
      row.ratio->is_judged = is_quiet && rates.size() >= kFewestPairs;
    }
    report_.add(std::move(row));
  }
}

// The time that the calling threads and an engine's own processes spent running, which other
// processes do not stretch as they stretch the time on the wall; and what the engines have to say.
void Bench::add_remarks(std::span<const Turns> turns) {
  for (const Turns& one : turns) {
    std::vector<double> cpu_us;
    for (const Slice& slice : one.slices) cpu_us.push_back(slice.cpu_us_per_op);
    Engine& engine = one.contestant->stand->engine();
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

Fold prove_equal(Bench& bench, std::string_view what,
                 std::span<const std::unique_ptr<Stand>> stands,
                 const std::function<void(Stand& stand, Fold* fold)>& read) {
  std::string_view first_name;
  Fold first;
  for (const std::unique_ptr<Stand>& stand : stands) {
    Fold fold;
    if (!bench.attempt(*stand, [&] { read(*stand, &fold); })) continue;
    if (first_name.empty()) {
      first_name = stand->engine_name();
      first = fold;
    }
    if (fold == first) continue;
    // Whose fault it is nobody can tell: the run ends.
    throw Failure(fmt::format(
        "{}: {} returned {} rows, {} bytes, sum {:016x}, but {} {} rows, {} bytes, sum {:016x}",
        what, first_name, first.rows(), first.bytes(), first.sum(), stand->engine_name(),
        fold.rows(), fold.bytes(), fold.sum()));
  }
  return first;
}

extern "C" [[gnu::noinline]] void bcstore_bench_hot_loop(Operation* operation,
                                                         uint64_t operations) {
  for (uint64_t i = 0; i < operations; ++i) {
    operation->run();
    if ((i & 1023u) == 1023u) check_interrupted();
  }
}

}  // namespace bcstore::bench
