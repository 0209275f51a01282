// An engine that does what another does until something happens to it, and a run of the benchmark
// with such engines in it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/catalogue.h"
#include "bench/engine.h"
#include "bench/harness.h"
#include "temp_directory.h"

namespace bcstore::bench_test {

// What happens to the one planted engine of a test.
struct Plan {
  std::unique_ptr<bench::Engine> (*inner)() = bench::make_floor_engine;
  std::string name = "planted";
  // Called once, before the append of that number.
  uint64_t at_append = 0;
  std::function<void(const std::string& directory)> happens;
};

// From here on plant() makes engines by this plan.
void set_plan(Plan plan);
std::unique_ptr<bench::Engine> plant();

struct Said {
  int code = 0;
  std::string out, err;
};

inline bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Settings of a run of moments, in a directory of the test's own.
bench::Settings brief_settings(const test::TempDirectory& directory,
                               std::vector<const bench::EngineEntry*> engines,
                               std::vector<std::string_view> workloads);
// What the program printed and answered.
Said run_captured(const bench::Settings& settings, const test::TempDirectory& directory);
const bench::EngineEntry* engine_of(std::string_view name);
// Whether a run left any of its data in the directory.
bool left_data(const test::TempDirectory& directory);

}  // namespace bcstore::bench_test
