// Whether a text is still in an engine's files, wherever and in whatever state it lies there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace bcstore::bench {

struct HeldText {
  uint64_t in_database = 0;  // how often
  uint64_t in_log = 0;
  std::string file;  // the first that has it; empty: none

  uint64_t total() const { return in_database + in_log; }
};

// RocksDB's logs, those of SQLite with their index, PostgreSQL's, and what its server printed.
bool is_log(const std::filesystem::path& path);

// Reads every file under the directory. Throws Failure for one that cannot be read, unless it was
// removed meanwhile.
HeldText find_text(const std::string& directory, std::string_view text);

}  // namespace bcstore::bench
