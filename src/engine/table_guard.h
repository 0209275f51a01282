// TableGuard: the part of a table that RocksDB 7.8 takes apart before it has verified it.
//
// RocksDB reads a table's block of properties without its checksum first, and where assertions are
// on, as in Debian's build, one changed bit in it ends the process. So the footer, the index of the
// meta blocks and the properties of every table are verified before RocksDB opens the store. All
// other blocks it verifies itself when it reads them.
#pragma once

#include <string>

#include "bcstore/file_system.h"
#include "bcstore/status.h"
#include "engine/manifest_file.h"

namespace bcstore::engine {

// `corruption` names the table and what is wrong with it. Tables that are missing are left to
// RocksDB, which refuses them. `last_commit` becomes the last commit in any of them
// (last_commit.h), 0 when none says.
Status check_tables(FileSystem& files, const std::string& directory, const Manifest& manifest,
                    uint64_t* last_commit);

}  // namespace bcstore::engine
