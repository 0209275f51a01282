// The one scan primitive: the only file that holds an iterator of RocksDB.
//
// A scan owns its bounds, sets both, reads in total order, and checks every row again: the key must
// start with the owner that both bounds name, and lie between them.
#pragma once

#include <memory>

#include "engine/engine.h"
#include "engine/rocks_core.h"

namespace bcstore::engine {

inline constexpr size_t kOwnerBytes = 16;

// Never null: a refused scan has no rows and says why in status(). Bounds that name no owner, or
// two owners, are `internal`.
std::unique_ptr<Scan> start_scan(const std::shared_ptr<RocksCore>& core,
                                 const ScanRequest& request);

}  // namespace bcstore::engine
