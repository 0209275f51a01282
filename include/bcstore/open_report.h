// OpenReport: what opening a store found in its log, and what it had to take away.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bcstore {

// Mostly this is about the write-ahead log, which holds what is not in a table yet. What could
// not be opened safely is no report but the Status of Store::open (`corruption`), which names the
// file and the offset.
struct OpenReport {
  // What was taken away, and why.
  enum class CutReason : uint8_t {
    torn,  // the end of the log held no whole record: a write was cut short
    hole,  // sectors in the midst of the log were never written; whole commits behind them go too
    manifest,  // the end of the MANIFEST held no whole edit: it was not in force yet
  };
  // The end of a file that a loss of power tore, and that was taken away. No later commit says that
  // what stood there was durable.
  struct Cut {
    std::string file;     // its name within the store's directory
    uint64_t offset = 0;  // its size now, in bytes
    uint64_t bytes = 0;   // how many were taken away
    CutReason reason = CutReason::torn;
  };

  uint64_t log_files = 0;         // files of the log that were replayed
  uint64_t log_bytes = 0;         // their sizes, after the cuts
  uint64_t log_commits = 0;       // commits found in them and in no table
  uint64_t first_commit_seq = 0;  // of those commits; 0: there was none
  uint64_t last_commit_seq = 0;
  uint64_t checked_commits = 0;  // commits whose place in the chain was verified
  uint64_t tables = 0;           // whose footer and properties were verified
  int64_t scan_us = 0;           // how long reading manifest, tables and log before the replay took
  std::vector<Cut> cuts{};
};

// A phrase for people.
std::string_view to_string(OpenReport::CutReason reason);

}  // namespace bcstore
