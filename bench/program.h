// A run of the benchmark, from its settings to an exit code.
#pragma once

#include "harness.h"

namespace bcstore::bench {

// 0; 1: bcstore or the floor failed, engines disagree, or the disk is full; 2: refused; 128 and a
// signal's number: interrupted. A peer that fails is reported and does not count.
int run_program(const Settings& settings);

}  // namespace bcstore::bench
