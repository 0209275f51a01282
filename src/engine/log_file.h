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
//   - no single changed byte explains it: a record that one byte makes whole was written whole;
//   - no whole record lies anywhere behind it, unless a sector before that one was never written
//     and whoever takes the records can tell what that means (LogRecords::hole).
// Everything else is damage.
//
// A file that is laid out ahead of what is written ends in zeros as well, without being torn.
//
// A sector was never written if it reads as zeros, from its beginning or from the end of the last
// whole piece: files grow by sectors that read as zeros until they are written.
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
// What a disk writes at once: a divisor of the block.
inline constexpr size_t kSectorBytes = 512;

// Takes the records of a log in their order, piece by piece.
class LogRecords {
 public:
  virtual ~LogRecords() = default;
  virtual void begin(uint64_t offset) = 0;
  virtual void piece(std::string_view bytes) = 0;
  // The record is whole. What is not ok says what is wrong with it, and ends the reading.
  virtual Status end() = 0;
  // Whether a record that begins like this can lie behind those that were taken. Asked where bytes
  // of a torn record may look like a record.
  virtual bool may_follow(std::string_view) const { return true; }
  // Unwritten sectors, with whole records behind them, which come next if it is ok.
  virtual Status hole() {
    return Status(Code::corruption, "sectors were not written, and a whole record follows");
  }
};

struct LogEnd {
  uint64_t file_bytes = 0;
  uint64_t whole_bytes = 0;  // where the last whole record ends, before the first hole
  bool zeros = false;        // nothing but zeros follows: the file was laid out ahead

  bool ends_early() const { return whole_bytes < file_bytes; }
  bool torn() const { return ends_early() && !zeros; }
};

// Reads the first `file_bytes` of a file. A record that is torn begins and gets pieces, but no end.
// `corruption` names the file, the offset and the reason; other codes are the reader's.
Result<LogEnd> read_log(const Reader& reader, const std::string& path, uint64_t file_bytes,
                        LogRecords& records);

}  // namespace bcstore::engine
