// SpaceGate: refuses a write before the disk is full, because RocksDB does not come back from a
// write that the disk refused.
//
// Asking the operating system costs about a microsecond, a good part of an unsynced commit. So its
// answer is kept for a tenth of a second, while what was admitted since is subtracted from it, and
// no longer than for a small part of the reserve. An injected FileSystem is asked every time.
//
// Thread contract: every call is safe from many threads.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "bcstore/file_system.h"
#include "bcstore/options.h"

namespace bcstore::engine {

class SpaceGate {
 public:
  SpaceGate(std::shared_ptr<FileSystem> files, std::string path, const Options& options);

  // Ok when `bytes` more leave the reserve whole; then they count as written. Otherwise no_space.
  Status admit(uint64_t bytes);
  // The same for the file system that holds another directory, without counting.
  Status admit_at(const std::string& directory, uint64_t bytes) const;

 private:
  const std::shared_ptr<FileSystem> files_;
  const std::string path_;
  const uint64_t reserve_bytes_;
  const uint64_t trusted_bytes_;  // admitted before the system is asked again; 0 asks every time

  std::mutex mutex_;
  uint64_t free_bytes_ = 0;
  uint64_t admitted_bytes_ = 0;
  int64_t asked_us_ = 0;
  bool asked_ = false;
};

}  // namespace bcstore::engine
