// The structure that all memtables of the store have: SkipList, as RocksDB wants it.
//
// Why not RocksDB's own: Debian builds it with its asserts, and after each insertion they compare
// four keys on every level of the list, through three virtual calls each.
#pragma once

#include <rocksdb/memtablerep.h>

#include <memory>

namespace bcstore::engine {

// For families with the bytewise comparator; with another one it makes RocksDB's own. Writers must
// come one at a time (allow_concurrent_memtable_write is false).
std::shared_ptr<rocksdb::MemTableRepFactory> memtable_factory();

}  // namespace bcstore::engine
