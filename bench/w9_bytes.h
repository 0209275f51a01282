// The second half of W9.
#pragma once

#include <string>
#include <vector>

#include "harness.h"

namespace bcstore::bench {

// Of these documents, each with its revisions, and of messages.
void measure_disk_bytes(Bench& bench, const std::vector<std::vector<std::string>>& documents);

}  // namespace bcstore::bench
