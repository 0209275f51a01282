#include "program.h"

#include <fmt/core.h>
#include <sys/utsname.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <exception>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "catalogue.h"
#include "failure.h"
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
  const Population population{.users = settings.users};
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
  if (!settings.json.empty()) bench.report().write_json(settings.json);
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
