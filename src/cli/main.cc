// The `bcstore` command.
#include <unistd.h>

#include <csignal>
#include <exception>
#include <iostream>

#include "cli/command.h"

int main(int argc, char** argv) {
  // A reader that went away is an error of writing, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::ios::sync_with_stdio(false);
  try {
    bcstore::cli::Terminal terminal{.err_is_terminal = isatty(STDERR_FILENO) != 0};
    return bcstore::cli::run_command(argc, argv, terminal, std::cout, std::cerr);
  } catch (const std::exception& error) {
    std::cerr << "bcstore: " << error.what() << '\n';
    return 1;
  }
}
