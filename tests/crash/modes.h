// The modes of bcstore_crash. Each prints its counts and a line of its result at the end, and
// answers whether nothing was wrong.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crash/setting.h"
#include "crash/verify.h"

namespace bcstore::crash {

// kill -9: writers in a process of their own, ended without warning.
Verdict run_kills(const RunOptions& options);

// Loss of power: writers over a file system that forgets what was not synced.
Verdict run_power_cuts(const RunOptions& options);

// Changed bytes: about options.rounds of them one at a time, or `every` byte in three ways. What is
// lost without a refusal, an error or a changed answer counts as lost. `isolated`: each store is
// opened in a process of its own, which must then not have opened one before.
Verdict run_flips(const RunOptions& options, bool every, bool isolated);

// The verifier, tried on a sound store with acknowledgements that were tampered with: each kind of
// wrong must be found. Prints what was not.
bool oracle_finds_planted(uint64_t seed);

// The process that a kill ends. It writes to `store` and reports to file descriptor kReportFd.
inline constexpr int kReportFd = 3;
struct ChildOptions {
  std::string store;
  std::string owners;  // that exist, as UUIDs, each with a comma after it
  uint64_t seed = 0;
  uint64_t round = 0;
  bool hoard = false;  // the planted fault: bytes of logs are kept back from the system
};
int run_child(const ChildOptions& options);

void print_details(const std::string& round, const Verdict& verdict);

}  // namespace bcstore::crash
