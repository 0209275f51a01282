#include "program.h"

#include <fmt/core.h>
#include <sys/utsname.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <exception>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <thread>

#include "catalogue.h"
#include "chart.h"
#include "failure.h"
#include "goals.h"
#include "report.h"

namespace bcstore::bench {
namespace {

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

std::string today() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  char text[16] = {};
  ::gmtime_r(&now, &parts);
  std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  return text;
}

// A figure without its circumstances proves nothing.
void print_head(const Settings& settings, const Scratch& scratch) {
  utsname system{};
  ::uname(&system);
  fmt::print("{}, {}, {} cores, Linux {}\n", today(), processor(),
             std::thread::hardware_concurrency(), system.release);
  fmt::print("scratch data in {} ({})\n", scratch.path(), scratch.file_system());
  const Population population = Bench(settings, scratch).population();
  fmt::print(
      "{}data: seed {}, {} users x {} sessions x {} messages, bodies lognormal with median "
      "400 bytes\n",
      settings.quick ? "QUICK run, smaller " : "", population.seed, population.users,
      population.sessions_per_user, population.messages_per_session);
  fmt::print("memory budget {} MiB an engine; {} slices of {} s an engine, by turns\n",
             settings.memory_budget_bytes >> 20, settings.pairs, settings.seconds);
  for (const EngineEntry* entry : settings.engines) {
    fmt::print("{}: {}\n", entry->name, entry->make()->describe());
  }
  for (const std::string& line : settings.skipped) fmt::print("{}\n", line);
#ifndef __OPTIMIZE__
  fmt::print("BUILT WITHOUT OPTIMISATION: these figures say nothing about speed\n");
#endif
  fmt::print("\n");
  std::fflush(stdout);
}

std::string verdict_of(const Row& row) {
  if (!row.ratio->is_judged) return "not judged";
  return row.ratio->is_held() ? "held" : "missed";
}

bool is_row_of(const Row& row, const Goal& goal) {
  return row.ratio && row.workload == goal.workload && row.variant == goal.variant &&
         row.engine == goal.engine && (goal.threads == 0 || goal.threads == row.threads);
}

// Every goal of the workloads and engines of the run, and what became of it.
void print_goals(const Settings& settings, const Report& report) {
  constexpr const char* kLine = "  {:<12} {:<4} {:<34} {:>1}  {:<8} {:>7} {:>7}\n";
  const auto takes_part = [](const auto& entries, std::string_view name) {
    return std::any_of(entries.begin(), entries.end(),
                       [name](const auto* entry) { return entry->name == name; });
  };
  if (!takes_part(settings.engines, "bcstore")) return;
  std::map<std::string, unsigned> counts;
  std::string lines;
  for (const Goal& goal : all_goals()) {
    if (!takes_part(settings.workloads, goal.workload)) continue;
    if (!takes_part(settings.engines, goal.engine)) continue;
    const std::string limit = fmt::format("{}{}", goal.at_most ? "<=" : ">=", goal.ratio);
    bool has_row = false;
    for (const Row& row : report.rows()) {
      if (!is_row_of(row, goal)) continue;
      has_row = true;
      ++counts[verdict_of(row)];
      lines += fmt::format(kLine, verdict_of(row), row.workload, row.variant, row.threads,
                           row.engine, fmt::format("{:.2f}", row.ratio->median), limit);
    }
    if (has_row) continue;
    ++counts["not measured"];
    lines += fmt::format(kLine, "not measured", goal.workload, goal.variant, goal.threads,
                         goal.engine, "-", limit);
  }
  if (lines.empty()) return;
  fmt::print("Goals: {} held, {} missed, {} not judged, {} not measured\n{}", counts["held"],
             counts["missed"], counts["not judged"], counts["not measured"], lines);
}

void plot(const std::vector<Row>& rows, const std::string& directory) {
  const std::vector<std::string> names = write_charts(rows, directory);
  if (names.empty()) fmt::print("nothing to draw: there are no rows of bcstore with others\n");
  for (const std::string& name : names) fmt::print("drew {}\n", name);
}

void run(const Settings& settings, const Scratch& scratch) {
  Bench bench(settings, scratch);
  if (settings.profiled != nullptr) {
    settings.profiled->profile(bench, settings.profile);
    return;
  }
  print_head(settings, scratch);
  for (const WorkloadEntry* workload : settings.workloads) {
    bench.run(*workload);
  }
  print_goals(settings, bench.report());
  if (!settings.json.empty()) bench.report().write_json(settings.json);
  if (!settings.plot.empty()) plot(bench.report().rows(), settings.plot);
}

// What a failure that ended the run is reported as; the data are gone then.
std::string told(const std::exception& failure, std::optional<Scratch>* scratch) {
  if (!*scratch || !(*scratch)->was_full(failure.what())) return failure.what();
  std::string text = fmt::format(
      "the disk is full: {} ({}) had {} MiB free; scratch data removed; it showed as: {}",
      (*scratch)->path(), (*scratch)->file_system(), (*scratch)->least_free_bytes() >> 20,
      failure.what());
  scratch->reset();
  return text;
}

}  // namespace

int run_program(const Settings& settings) {
  std::optional<Scratch> scratch;
  try {
    if (!settings.from.empty()) {
      plot(read_rows(settings.from), settings.plot);
      return 0;
    }
    scratch.emplace(settings.scratch_parent);
    run(settings, *scratch);
    return 0;
  } catch (const Interrupted& interrupted) {
    fmt::print(stderr, "interrupted; scratch data removed\n");
    return 128 + interrupted.signal();
  } catch (const Refused& refused) {
    fmt::print(stderr, "bcstore_bench: {}\n", refused.what());
    return 2;
  } catch (const std::exception& failure) {
    fmt::print(stderr, "bcstore_bench: {}\n", told(failure, &scratch));
    return 1;
  }
}

}  // namespace bcstore::bench
