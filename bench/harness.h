// Bench: opens engines, runs them by turns, and judges.
//
// Engines are measured in one run, in turns of a short slice each (A B A B ...), so that whatever
// else the machine does hits all alike. Before each slice the directory of every engine has come to
// rest. A row's figure is the median of its slices; its ratio the median of the ratios of its
// pairs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data.h"
#include "engine.h"
#include "histogram.h"
#include "real_documents.h"
#include "report.h"
#include "scratch.h"

namespace bcstore::bench {

struct EngineEntry;
struct WorkloadEntry;

struct ProfileRequest {
  std::string engine = "bcstore";
  Mode mode = Mode::relaxed;
  uint64_t operations = 0;
};

struct Settings {
  bool quick = false;
  double seconds = 1.5;  // of a slice
  unsigned pairs = 5;
  uint32_t users = 1000;
  size_t memory_budget_bytes = size_t{1} << 30;
  std::string json;
  std::string plot;            // a directory for charts
  std::string from;            // rows of an earlier run, to be drawn instead of running anything
  std::string revisions;       // a file of real ones, for W9
  bool has_real_data = false;  // and for W4 and W5 to W7
  std::string scratch_parent;
  std::vector<const EngineEntry*> engines;
  std::vector<std::string> skipped;  // lines about engines that cannot run here
  std::vector<const WorkloadEntry*> workloads;
  const WorkloadEntry* profiled = nullptr;
  ProfileRequest profile;
};

// An engine that is open in a directory of its own within the scratch directory. Closed and removed
// when it goes out of scope, or when it is given up.
class Stand {
 public:
  // In a directory of the engine's name, or of `name` where one engine stands more than once.
  Stand(const Scratch& scratch, const EngineEntry& entry, size_t memory_budget_bytes,
        const Population& population, std::string_view name = {});
  Stand(const Stand&) = delete;
  Stand& operator=(const Stand&) = delete;
  ~Stand();

  Engine& engine() { return *engine_; }
  std::string_view engine_name() const;
  const EngineEntry& entry() const { return entry_; }
  const std::string& directory() const { return settings_.directory; }
  // What lay in memory lies in files afterwards, as far as the engine does so when it opens. The
  // microseconds that opening took.
  double reopen();

  // Closes what failed, whatever it says to that, and removes its data.
  void give_up() noexcept;
  bool is_given_up() const { return !engine_; }

 private:
  const Scratch& scratch_;
  const EngineEntry& entry_;
  std::string name_;
  EngineSettings settings_;
  std::unique_ptr<Engine> engine_;
};

// What one thread does again and again.
class Operation {
 public:
  virtual ~Operation() = default;
  virtual void run() = 0;
};

struct Contestant {
  Stand* stand = nullptr;
  // Called in the thread that will run it; the seed differs by thread and slice, not by engine.
  std::function<std::unique_ptr<Operation>(uint64_t seed)> start{};
  uint64_t operations = 0;  // done so far, those of the warm-up included
  // What sets it apart from others of the same engine: added to the variant, and the name by which
  // a goal speaks of it.
  std::string as{};
};

struct RowSpec {
  std::string workload;
  std::string variant;
  unsigned threads = 1;
  // Nothing is written: nothing has to come to rest between the slices.
  bool only_reads = false;
};

class Bench {
 public:
  Bench(const Settings& settings, const Scratch& scratch);

  const Settings& settings() const { return settings_; }
  const Scratch& scratch() const { return scratch_; }
  const Texts& texts() const { return texts_; }
  // Of --data or --revisions; null: neither was given.
  const RealDocuments* real_documents();
  // A document to write revisions of: a real one of that number, else one drawn from the seed.
  std::unique_ptr<Body> body(uint64_t seed, uint64_t number);
  Report& report() { return report_; }
  Population population() const;

  // What a workload asks of an engine: true if the engine offers it.
  using Offer = std::function<bool(Engine&)>;
  // All of a workload, and how long it took.
  void run(const WorkloadEntry& workload);

  // One for each engine of the run, opened and created. One that does not offer what is asked for
  // is left out with a note; so is a peer that fails here, or failed in this workload before.
  std::vector<std::unique_ptr<Stand>> open_stands(const Population& population,
                                                  const Offer& offer = nullptr);
  // A step of one engine. False: it is a peer that failed, here or before. It is given up then and
  // left out for the rest of the workload, and a line says why. Whatever else fails, and a full
  // disk, ends the run.
  bool attempt(Stand& stand, const std::function<void()>& step);
  // As Scratch does, of all engines or of a directory; a quick run looks only once.
  void settle() const { settle(scratch_.path()); }
  void settle(const std::string& directory) const {
    scratch_.settle(directory, settings_.quick ? 1 : 3);
  }
  // What `make` made for the workload before, if that was of the same group; else made now.
  using Stands = std::vector<std::unique_ptr<Stand>>;
  const Stands& kept_stands(const std::function<Stands()>& make);
  // Runs those of the contestants that were not given up by turns and adds a row for each.
  void measure(const RowSpec& spec, std::span<Contestant> contestants);

 private:
  struct Slice {
    double ops_per_s = 0;
    double cpu_us_per_op = 0;
    Histogram latency;
  };
  Slice run_slice(Contestant& contestant, unsigned threads, double seconds, uint64_t seed) const;
  struct Turns {
    Contestant* contestant = nullptr;
    std::vector<Slice> slices{};
  };
  // By turns; those that were given up meanwhile are not among the answers.
  std::vector<Turns> take_turns(const RowSpec& spec, std::span<Contestant> contestants);
  void add_rows(const RowSpec& spec, std::span<const Turns> turns, bool is_quiet);
  void add_remarks(std::span<const Turns> turns);
  std::unique_ptr<Stand> open_stand(const EngineEntry& entry, const Population& population,
                                    const Offer& offer);
  // To be called where something was caught. Throws it again unless the run can do without.
  void leave_out(const EngineEntry& entry);
  static Row::Ratio ratio_of(std::span<const Slice> ours, std::span<const Slice> theirs);

  const Settings& settings_;
  const Scratch& scratch_;
  Texts texts_;
  RealDocuments real_documents_;
  Report report_;
  std::string_view workload_, group_;
  Stands kept_;
  std::vector<const EngineEntry*> left_out_;  // of the workload
  double measured_s_ = 0;
};

// Reads the same from every engine. Throws Failure unless all folds are equal: every engine
// returned the same rows and bytes. What they returned.
Fold prove_equal(Bench& bench, std::string_view what,
                 std::span<const std::unique_ptr<Stand>> stands,
                 const std::function<void(Stand& stand, Fold* fold)>& read);

// Runs an operation a number of times and nothing else: the function for a profiler to look at.
extern "C" void bcstore_bench_hot_loop(Operation* operation, uint64_t operations);

}  // namespace bcstore::bench
