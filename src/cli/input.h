// The lines of a file, packed or not, one at a time and in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/status.h"
#include "cli/source.h"

namespace bcstore::cli {

inline constexpr size_t kMaxLineBytes = size_t{64} << 20;
// Bytes that may be read, and mean nothing, behind every line: the JSON parser looks ahead.
inline constexpr size_t kLinePaddingBytes = 64;

// Lines end in "\n" or "\r\n", the last one also without. A byte order mark at the start is left
// out, and so are lines of nothing but white space, which keep their numbers.
class LineReader {
 public:
  static Result<LineReader> open(const std::string& path);

  enum class Got : uint8_t {
    line,
    too_long,  // more than kMaxLineBytes: passed over
    end,
    failed,  // status() says why; a line that was cut off by the failure is not given
  };
  Got next();

  // Valid until next(), with kLinePaddingBytes behind it.
  std::string_view line() const { return line_; }
  uint64_t number() const { return number_; }  // of the line that next() gave, from 1
  Status status() const { return status_; }
  uint64_t file_offset() const { return source_->file_offset(); }
  uint64_t file_bytes() const { return file_bytes_; }

 private:
  LineReader(std::unique_ptr<ByteSource> source, uint64_t file_bytes);
  bool find_newline(size_t* newline);
  Got take(size_t end, size_t next_start);
  void refill();

  std::unique_ptr<ByteSource> source_;
  uint64_t file_bytes_;
  std::vector<char> buffer_;
  size_t start_ = 0;    // of the next line
  size_t scanned_ = 0;  // no newline between start_ and here
  size_t end_ = 0;      // of what was read
  bool at_end_ = false;
  bool is_passing_over_ = false;  // inside a line that is too long
  uint64_t number_ = 0;
  std::string_view line_;
  Status status_;
};

}  // namespace bcstore::cli
