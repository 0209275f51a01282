// LogGuard: what is looked at before RocksDB opens a store, because RocksDB does not.
//
// In the mode that a torn end of the log needs, RocksDB 7.8 drops a record whose length changed,
// and everything after it, in silence; it does the same in its MANIFEST, where a whole table goes
// with it; and it refuses to open where a loss of power left other bytes, not only fewer. So the
// MANIFEST and every file of the log that will be replayed are read first (log_file.h). Damage is
// refused; a torn end is taken away.
//
// A file of the log may also end in zeros that were laid out ahead of what is written
// (rocks_files.h), after a kill or where its closing was lost. They go too, and are no tear.
//
// Beside the files, the commits in the log must follow each other and the tables: each link names
// the number and the hash of the one before. Where power was lost, sectors of what was not synced
// may be missing in the middle. The log is cut at such a hole if nothing behind it was promised:
//   - no later link says that the missing commit had been durable;
//   - no younger file of the log holds a record, as a file is synced before the next one gets any;
//   - no table holds what came after it.
// Any other hole is refused, and so is a log whose files are gone.
//
// What cannot be told from a loss of power: a log that is cut short between two records behind all
// that the tables need; bytes of its last record that were changed beyond one; and a hole in
// front of a last group whose own durability no later link tells.
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
  // A commit that is not there, though later records are.
  struct Hole {
    uint64_t missing = 0;      // its number; 0: not known, as no link is known before it
    uint64_t durable_seq = 0;  // the largest that a later link says was durable
    uint64_t next = 0;         // the first commit behind; 0: there is none
  };

  // The number of the last commit in a table; 0 when it is not known.
  explicit LinkChain(uint64_t base) : base_(base) {}

  // `corruption` when the link neither follows the last one nor leaves a hole before it.
  Status add(const LoggedLink& link);
  // Records are missing here, and later ones follow.
  void interrupt();
  uint64_t first() const { return first_; }
  uint64_t last() const { return last_; }
  const std::optional<Hole>& hole() const { return hole_; }

 private:
  uint64_t base_ = 0;
  uint64_t first_ = 0;
  uint64_t last_ = 0;  // before a hole
  uint64_t hash_ = 0;
  std::optional<Hole> hole_;
};

class LogGuard {
 public:
  // `last_commit`: the last in a table, 0 when it is not known.
  LogGuard(FileSystem& files, std::string directory, const Manifest& manifest,
           uint64_t last_commit = 0)
      : files_(files),
        directory_(std::move(directory)),
        manifest_(manifest),
        last_commit_(last_commit) {}

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
    bool chained = false;  // its links stand in no table
    LogEnd end{};
    uint64_t records = 0;  // those behind a hole too
    bool hole = false;
  };

  Result<std::vector<File>> live_files() const;
  Status read_file(File* file, Replay* replay);
  Status judge_files() const;
  Status judge_ends() const;
  Status judge_hole(const Replay& replay) const;
  Status judge_tables(const Replay& replay) const;
  Status cut_file(const std::string& name, const LogEnd& end, OpenReport::CutReason reason);

  FileSystem& files_;
  const std::string directory_;
  const Manifest& manifest_;
  const uint64_t last_commit_;
  std::vector<File> logs_;  // oldest first
  OpenReport report_;
};

}  // namespace bcstore::engine
