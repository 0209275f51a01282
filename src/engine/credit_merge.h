// The merge operator of Family::credits: it stores what was decided elsewhere, and never decides.
//
// RocksDB 7.8.3 makes a whole store unreadable, for every owner and across reopening, when a merge
// operator answers false. This one answers true to any bytes; nonsense becomes a value that reads
// as `corruption` for its one owner. format/counter.h has the algebra.
#pragma once

#include <rocksdb/merge_operator.h>

#include <memory>

namespace bcstore::engine {

std::shared_ptr<rocksdb::MergeOperator> credit_merge();

}  // namespace bcstore::engine
