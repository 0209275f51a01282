// The command line.
#pragma once

#include <optional>

#include "harness.h"

namespace bcstore::bench {

// Nothing when help was asked for and printed. Throws Refused for what it does not know.
std::optional<Settings> read_settings(int count, char** words);

}  // namespace bcstore::bench
