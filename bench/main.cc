// bcstore_bench: bcstore beside the alternatives, in one run on one machine.
#include <fmt/core.h>

#include <cstdio>
#include <exception>
#include <optional>

#include "failure.h"
#include "program.h"
#include "settings.h"

int main(int count, char** words) {
  using namespace bcstore::bench;
  try {
    const std::optional<Settings> settings = read_settings(count, words);
    if (!settings) return 0;
    catch_signals();
    return run_program(*settings);
  } catch (const Refused& refused) {
    fmt::print(stderr, "bcstore_bench: {}\n", refused.what());
    return 2;
  } catch (const std::exception& failure) {
    fmt::print(stderr, "bcstore_bench: {}\n", failure.what());
    return 1;
  }
}
