// OpenReport: what opening a store found in its log, and what it had to take away.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bcstore {

// Everything here is about the write-ahead log, which holds what is not in a table yet. What could
// not be opened safely is no report but the Status of Store::open (`corruption`), which names the
// file and the offset.
struct OpenReport {
  // The end of a file that a loss of power tore: it held no whole record, and was taken away. What
  // stood there had not been acknowledged as durable, unless the disk changed it afterwards.
  struct Cut {
    std::string file;     // its name within the store's directory
    uint64_t offset = 0;  // its size now, in bytes
    uint64_t bytes = 0;   // how many were taken away
  };

  uint64_t log_files = 0;         // files of the log that were replayed
  uint64_t log_bytes = 0;         // their sizes, after the cuts
  uint64_t log_commits = 0;       // commits found in them and in no table
  uint64_t first_commit_seq = 0;  // of those commits; 0: there was none
  uint64_t last_commit_seq = 0;
  uint64_t checked_commits = 0;  // commits whose place in the chain was verified
  int64_t scan_us = 0;           // how long reading the log before it was replayed took
  std::vector<Cut> cuts{};
};

}  // namespace bcstore
