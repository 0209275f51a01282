// The floor of W8: what hand-written code on raw RocksDB does to be rid of a user, whose rows all
// begin with its id. One range deletion hides it; a compaction of that range alone, with files of
// 8 MB, takes its bytes off the disk. Nothing proves that it did.
#pragma once

#include <rocksdb/db.h>

#include <memory>

#include "engine.h"

namespace bcstore::bench {

// To be made before the data are loaded: it sets the size of files.
std::unique_ptr<UpkeepWorker> make_floor_upkeep_worker(rocksdb::DB* db,
                                                       const Population& population);

}  // namespace bcstore::bench
