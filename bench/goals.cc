#include "goals.h"

namespace bcstore::bench {
namespace {

constexpr Goal kGoals[] = {
    {"W1", "durable", 1, "floor", 1.0},
    {"W1", "durable", 1, "lmdb", 2.4},
    {"W1", "durable", 1, "sqlite", 1.2},
    {"W1", "durable", 1, "postgres", 2},
    {"W1", "durable", 8, "floor", 1.3},
    {"W1", "durable", 8, "lmdb", 7},
    {"W1", "durable", 8, "sqlite", 4},
    {"W1", "durable", 8, "postgres", 2.2},
    {"W1", "relaxed", 1, "floor", 0.7},
    {"W1", "relaxed", 1, "lmdb", 1.3},
    {"W1", "relaxed", 1, "sqlite", 5},
    {"W1", "relaxed", 1, "postgres", 26},
    {"W2", "hot", 0, "floor", 2},
    {"W2", "hot", 0, "lmdb", 1},
    {"W2", "hot", 0, "sqlite", 12},
    {"W2", "hot", 0, "postgres", 50},
    {"W3", "durable hot", 8, "floor", 1.2},
    {"W3", "durable hot", 8, "lmdb", 5},
    {"W3", "durable hot", 8, "sqlite", 3},
    {"W3", "durable hot", 8, "postgres", 3},
    {"W3", "relaxed hot", 1, "floor", 0.6},
    {"W3", "relaxed hot", 1, "lmdb", 0.6},
    {"W3", "relaxed hot", 1, "sqlite", 1.8},
    {"W3", "relaxed hot", 1, "postgres", 18},
    {"W4", "durable", 8, "floor", 1.2},
    {"W4", "durable", 8, "lmdb", 9},
    {"W4", "durable", 8, "sqlite", 3},
    {"W4", "durable", 8, "postgres", 3},
    {"W4", "relaxed", 1, "floor", 0.8},
    {"W4", "relaxed", 1, "lmdb", 2},
    {"W4", "relaxed", 1, "sqlite", 3},
    {"W4", "relaxed", 1, "postgres", 15},
    {"W5", "hot", 0, "floor", 1.0},
    {"W5", "hot", 0, "lmdb", 0.95},
    {"W5", "hot", 0, "sqlite", 3},
    {"W5", "hot", 0, "postgres", 80},
    {"W6", "hot", 0, "floor", 1.5},
    {"W6", "hot", 0, "sqlite", 7},
    {"W6", "hot", 0, "postgres", 15},
    {"W7", "hot", 0, "floor", 2},
    {"W7", "hot", 0, "sqlite", 8},
    {"W7", "hot", 0, "postgres", 30},
    {"W8", "erase a user, bytes gone", 1, "floor", 1.5, true},
    {"W8", "erase a user, bytes gone", 1, "sqlite", 0.1, true},
    {"W8", "family a month: drop a month", 1, "floor", 1.5, true},
    {"W9", "bytes a message", 1, "floor", 1.15, true},
    {"W9", "bytes a message", 1, "sqlite", 0.5, true},
    {"W9", "bytes a message", 1, "postgres", 0.5, true},
    {"W9", "bytes a revision, deltas", 1, "floor", 1.1, true},
    {"W9", "bytes a revision", 1, "sqlite", 0.05, true},
    {"W9", "bytes a revision", 1, "postgres", 0.06, true},
    {"W10", "open", 1, "floor", 1.5, true},
    {"W11", "durable uniform, plain append", 1, "bcstore", 0.7},
    {"W11", "durable uniform, plain append", 8, "bcstore", 0.7},
    {"W11", "durable hot, plain append", 8, "bcstore", 0.7},
    {"W11", "relaxed uniform, plain append", 1, "bcstore", 0.7},
    {"W11", "durable uniform", 8, "sqlite", 3},
    {"W11", "durable uniform", 8, "postgres", 3},
    {"W11", "durable hot", 8, "sqlite", 3},
    {"W11", "durable hot", 8, "postgres", 3},
    // Not a ratio: bytes written by bytes of text.
    {"W12", "write amplification, last six", 1, "bcstore", 4, true},
    {"W12", "last messages, hot, 1 month", 1, "bcstore", 0.9},
    {"W12", "append, relaxed, 1 month", 1, "bcstore", 0.9},
};

}  // namespace

std::span<const Goal> all_goals() { return kGoals; }

const Goal* find_goal(std::string_view workload, std::string_view variant, unsigned threads,
                      std::string_view engine) {
  for (const Goal& goal : kGoals) {
    if (goal.workload == workload && goal.variant == variant && goal.engine == engine &&
        (goal.threads == 0 || goal.threads == threads)) {
      return &goal;
    }
  }
  return nullptr;
}

}  // namespace bcstore::bench
