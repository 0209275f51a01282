// The two halves of W8.
#pragma once

#include "harness.h"

namespace bcstore::bench {

void measure_erasures(Bench& bench);
void measure_drops(Bench& bench);

}  // namespace bcstore::bench
