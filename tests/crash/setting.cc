#include "crash/setting.h"

#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>

#include "crash/modes.h"

namespace bcstore::crash {

void print_details(const std::string& round, const Verdict& verdict) {
  fmt::print("{}: lost {}, torn {}, uncovered {}, violations {}\n", round, verdict.lost,
             verdict.torn, verdict.uncovered, verdict.violations);
  for (const std::string& detail : verdict.details) fmt::print("  {}\n", detail);
  std::fflush(stdout);
}

Scratch::Scratch() {
  if (!path().empty()) return;
  fmt::print(stderr, "no temporary directory can be made\n");
  std::exit(2);
}

}  // namespace bcstore::crash
