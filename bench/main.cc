// bcstore_bench: bcstore beside the alternatives, in one run on one machine.
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
#include "settings.h"

namespace bcstore::bench {
namespace {

constexpr uint64_t kFullDiskBytes = uint64_t{128} << 20;

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
    bench.report().note(fmt::format("{}: {}", workload->name, workload->title));
    workload->run(bench);
  }
  if (!settings.json.empty()) bench.report().write_json(settings.json);
}

int guarded_run(const Settings& settings) {
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
    fmt::print(stderr, "bcstore_bench: {}\n", failure.what());
    if (scratch && scratch->least_free_bytes() < kFullDiskBytes) {
      fmt::print(stderr, "the disk is full: {} had {} MiB left; scratch data removed\n",
                 scratch->file_system(), scratch->least_free_bytes() >> 20);
    }
    return 1;
  }
}

}  // namespace
}  // namespace bcstore::bench

int main(int count, char** words) {
  using namespace bcstore::bench;
  try {
    const std::optional<Settings> settings = read_settings(count, words);
    if (!settings) return 0;
    catch_signals();
    return guarded_run(*settings);
  } catch (const Refused& refused) {
    fmt::print(stderr, "bcstore_bench: {}\n", refused.what());
    return 2;
  } catch (const std::exception& failure) {
    fmt::print(stderr, "bcstore_bench: {}\n", failure.what());
    return 1;
  }
}
