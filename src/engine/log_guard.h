// LogGuard: what is looked at before RocksDB opens a store, because RocksDB does not.
//
// In the mode that a torn end of the log needs, RocksDB 7.8 drops a record whose length changed,
// and everything after it, in silence; it does the same in its MANIFEST, where a whole table goes
// with it; and it refuses to open where a loss of power left other bytes, not only fewer. So the
// MANIFEST and every file of the log that will be replayed are read first (log_file.h). Damage is
// refused; a torn end is taken away.
//
// Beside the files, the commits in the log must follow each other: each link names the number and
// the hash of the one before. A hole, which a file that lost its end leaves when a younger file
// kept its own, is refused if a link behind it says that the missing commit had been durable, or if
// a table holds what came after it. Otherwise nothing behind it was ever promised, and the log is
// cut at the hole.
//
// Memory: a block of a file, one commit link, and one edit of the MANIFEST at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bcstore/file_system.h"
#include "bcstore/open_report.h"
#include "bcstore/status.h"
#include "engine/batch_walk.h"
#include "engine/log_file.h"
#include "engine/manifest_file.h"

namespace bcstore::engine {

// The chain of commits, link by link.
class LinkChain {
 public:
  // A commit that is not there, though later ones are.
  struct Hole {
    uint64_t missing = 0;      // its number
    uint64_t durable_seq = 0;  // the largest that a later link says was durable
  };

  // `corruption` when the link neither follows the last one nor leaves a hole before it.
  Status add(const LoggedLink& link);
  uint64_t first() const { return first_; }
  uint64_t last() const { return last_; }
  const std::optional<Hole>& hole() const { return hole_; }

 private:
  uint64_t first_ = 0;
  uint64_t last_ = 0;  // before a hole
  uint64_t hash_ = 0;
  std::optional<Hole> hole_;
};

class LogGuard {
 public:
  LogGuard(FileSystem& files, std::string directory, const Manifest& manifest)
      : files_(files), directory_(std::move(directory)), manifest_(manifest) {}

  // Reads the log. Changes nothing.
  Status read();
  // Takes away what read() found torn. To be called with the store's lock held.
  Status cut();
  // For after cut().
  const OpenReport& report() const { return report_; }

 private:
  class Replay;
  struct File {
    std::string name;
    uint64_t number = 0;
    LogEnd end;
    uint64_t records = 0;
  };

  Result<std::vector<File>> live_files() const;
  Status read_file(File* file, Replay* replay);
  Status judge_ends() const;
  Status judge_hole(const Replay& replay);
  Status judge_tables(const Replay& replay) const;
  Status cut_file(const std::string& name, const LogEnd& end);

  FileSystem& files_;
  const std::string directory_;
  const Manifest& manifest_;
  std::vector<File> logs_;  // oldest first
  OpenReport report_;
};

}  // namespace bcstore::engine
