// Every option of RocksDB that the engine sets, with its reason. None is changed while a store is
// open: RocksDB can revert such a change without a word.
#pragma once

#include <rocksdb/options.h>

#include <vector>

#include "bcstore/options.h"
#include "engine/engine.h"

namespace bcstore::engine {

// How Options::memory_budget_bytes is divided. The rest, a quarter, is the model's.
struct MemoryShares {
  size_t cache_bytes;     // the block cache, to which memtables are charged too
  size_t memtable_bytes;  // the part of it that memtables may take before one is flushed
};
MemoryShares share_memory(size_t budget_bytes);

// The options that do not depend on a family. `env`, `info_log`, `listeners` and
// `create_if_missing` are the opener's.
rocksdb::DBOptions database_options(const MemoryShares& shares,
                                    const std::shared_ptr<rocksdb::Cache>& cache);
rocksdb::ColumnFamilyOptions family_options(Family family, const MemoryShares& shares,
                                            const std::shared_ptr<rocksdb::Cache>& cache);
std::shared_ptr<rocksdb::Cache> new_block_cache(const MemoryShares& shares);

}  // namespace bcstore::engine
