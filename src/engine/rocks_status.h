// The one place where RocksDB's status becomes ours, and ours becomes RocksDB's.
#pragma once

#include <rocksdb/io_status.h>
#include <rocksdb/slice.h>
#include <rocksdb/status.h>

#include <string>
#include <string_view>

#include "bcstore/status.h"
#include "engine/engine.h"

namespace bcstore::engine {

// `doing` says what was tried, such as "cannot flush". Not for the answer of a write, whose error
// is always unknown_outcome.
Status from_rocks(const rocksdb::Status& status, std::string_view doing);
// What a file operation of an injected FileSystem answered, for RocksDB.
rocksdb::IOStatus to_rocks(const Status& status, const std::string& path);

// A Slice of no bytes must still point somewhere: RocksDB asserts it.
inline rocksdb::Slice slice(std::string_view bytes) {
  return bytes.data() != nullptr ? rocksdb::Slice(bytes.data(), bytes.size())
                                 : rocksdb::Slice("", 0);
}
inline std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

// "family heads, key 00ff...": for the message of a damaged record.
std::string name_key(Family family, std::string_view key);

}  // namespace bcstore::engine
