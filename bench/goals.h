// The goals: what bcstore must reach against each of the others, as docs/PERFORMANCE.md has them.
#pragma once

#include <span>
#include <string_view>

namespace bcstore::bench {

struct Goal {
  std::string_view workload;
  std::string_view variant;
  unsigned threads = 0;     // 0: however many
  std::string_view engine;  // of the row that bcstore is compared with
  // Least of bcstore's rate by that one's; of times and bytes, the most.
  double ratio = 0;
  bool at_most = false;
};

std::span<const Goal> all_goals();
// Null: there is none.
const Goal* find_goal(std::string_view workload, std::string_view variant, unsigned threads,
                      std::string_view engine);

}  // namespace bcstore::bench
