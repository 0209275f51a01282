// Reads a file in RocksDB's log format (the write-ahead log and the MANIFEST share it) from one end
// to the other, without RocksDB, and tells damage from a torn end.
//
//   file   = blocks of 32 KiB, the last one shorter
//   block  = pieces, then fewer than seven bytes of padding
//   piece  = checksum(4) length(2) type(1) payload      type: 1 full, 2 first, 3 middle, 4 last
//
// The checksum (CRC-32C, masked) covers type and payload but not the length: a changed length can
// make a whole record, and all that follow, look like a write that was cut short. RocksDB then
// drops them in silence. So what stops the reading is a torn write only if
//   - no whole piece lies anywhere behind it, and
//   - no single changed byte explains it: a record that one byte makes whole was written whole.
// Everything else is damage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bcstore/file_system.h"
#include "bcstore/status.h"

namespace bcstore::engine {

inline constexpr size_t kLogBlockBytes = 32768;
inline constexpr size_t kLogHeaderBytes = 7;

// Takes the records of a log in their order, piece by piece.
class LogRecords {
 public:
  virtual ~LogRecords() = default;
  virtual void begin(uint64_t offset) = 0;
  virtual void piece(std::string_view bytes) = 0;
  // The record is whole. What is not ok says what is wrong with it, and ends the reading.
  virtual Status end() = 0;
};

struct LogEnd {
  uint64_t file_bytes = 0;
  uint64_t whole_bytes = 0;  // where the last whole record ends

  bool torn() const { return whole_bytes < file_bytes; }
};

// Reads the first `file_bytes` of a file. A record that is torn begins and gets pieces, but no end.
// `corruption` names the file, the offset and the reason; other codes are the reader's.
Result<LogEnd> read_log(const Reader& reader, const std::string& path, uint64_t file_bytes,
                        LogRecords& records);

}  // namespace bcstore::engine
