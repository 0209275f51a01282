// The command line of `bcstore`.
#pragma once

#include <ostream>

namespace bcstore::cli {

struct Terminal {
  bool err_is_terminal = false;  // then a load draws a progress bar there
};

// 0, or 1 when something failed or was found wrong, or 2 for a command line that means nothing.
int run_command(int argc, const char* const* argv, const Terminal& terminal, std::ostream& out,
                std::ostream& err);

}  // namespace bcstore::cli
