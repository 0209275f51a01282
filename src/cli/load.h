// `bcstore load`: reads the JSON Lines of a directory into a store.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "cli/tables.h"

namespace bcstore::cli {

struct LoadArgs {
  std::string directory;
  std::string db;
  std::vector<Table> tables{};  // empty: all of them
  bool json = false;
  bool is_strict = false;  // ends at the first row that is refused
  bool allow_system_roles = false;
  bool with_progress = false;
};

// 0 when the load ran to its end, also with rows refused; 1 when a file or the store failed, or
// with is_strict a row was refused.
int run_load(const LoadArgs& args, std::ostream& out, std::ostream& err);

}  // namespace bcstore::cli
