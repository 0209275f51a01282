// The MANIFEST, read without RocksDB: which families there are, which files of the log are still
// needed, which tables there are, and how far they go.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "bcstore/file_system.h"
#include "bcstore/status.h"
#include "engine/log_file.h"

namespace bcstore::engine {

struct Manifest {
  struct Family {
    uint32_t number = 0;
    std::string name;
    uint64_t log_number = 0;  // older files of the log hold nothing that its tables lack
  };

  std::string name;  // "MANIFEST-000005"
  LogEnd end;
  std::vector<Family> families;
  uint64_t kept_log_number = 0;
  // A family was flushed when this file began: what others lack from older files is in the log.
  uint64_t flushed_log_number = 0;
  std::set<uint64_t> tables;  // numbers of the files that belong to the store
  // The largest of RocksDB's sequence numbers in any table that this manifest ever named.
  uint64_t largest_sequence = 0;

  // The oldest file of the log that is replayed.
  uint64_t first_log_number() const;
  // A file of the log with this number or a higher one was made before the manifest named it.
  uint64_t newest_log_number() const;
  // Null when there is none of that name.
  const Family* family(std::string_view name) const;
};

// Reads the manifest that CURRENT names. `corruption` names the file and what is wrong with it;
// unsupported_format: written by a RocksDB that this library does not know.
Result<Manifest> read_manifest(FileSystem& files, const std::string& directory);

}  // namespace bcstore::engine
