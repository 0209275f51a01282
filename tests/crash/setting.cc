#include "crash/setting.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "crash/modes.h"

namespace bcstore::crash {

void print_details(const std::string& round, const Verdict& verdict) {
  fmt::print("{}: lost {}, torn {}, uncovered {}, violations {}\n", round, verdict.lost,
             verdict.torn, verdict.uncovered, verdict.violations);
  for (const std::string& detail : verdict.details) fmt::print("  {}\n", detail);
  std::fflush(stdout);
}

Scratch::Scratch() {
  std::string name = (std::filesystem::temp_directory_path() / "bcstore-crash-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    fmt::print(stderr, "no temporary directory can be made\n");
    std::exit(2);
  }
  path_ = name;
}

Scratch::~Scratch() {
  std::error_code ignored;
  if (!keep_) std::filesystem::remove_all(path_, ignored);
}

}  // namespace bcstore::crash
