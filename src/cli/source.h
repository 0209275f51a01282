// The bytes of a file, unpacked on the way when its name ends in .zst or .gz.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "bcstore/status.h"

namespace bcstore::cli {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Up to `size` bytes; 0 is the end. Codes: io_error, and corruption for an archive that is
  // damaged or ends too early. What was given before an error is good.
  virtual Result<size_t> read(char* buffer, size_t size) = 0;
  // How much of the file was read so far, as it lies on disk.
  virtual uint64_t file_offset() const = 0;
};

Result<std::unique_ptr<ByteSource>> open_source(const std::string& path);

}  // namespace bcstore::cli
