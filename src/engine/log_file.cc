#include "engine/log_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "engine/crc32c.h"

namespace bcstore::engine {
namespace {

enum Type : uint8_t { kZero = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

// How many bytes a search for whole pieces behind damage puts through the checksum at most. Chance
// needs a few MiB for each MiB of the file; only a forged file needs more.
constexpr uint64_t kMaxSearchedBytes = uint64_t{256} << 20;

struct Piece {
  uint32_t checksum;  // as stored
  size_t length;
  uint8_t type;

  bool known() const { return type >= kFull && type <= kLast; }
};

class LogScanner {
 public:
  LogScanner(const Reader& reader, const std::string& path, uint64_t file_bytes,
             LogRecords& records)
      : reader_(reader),
        path_(path),
        file_bytes_(file_bytes),
        records_(records),
        block_(std::make_unique<char[]>(kLogBlockBytes)) {}

  Result<LogEnd> run() {
    for (; start_ < file_bytes_; start_ += kLogBlockBytes) {
      if (Status loaded = load(); !loaded) return loaded;
      size_t at = 0;
      while (size_ - at >= kLogHeaderBytes) {
        const Piece piece = piece_at(at);
        if (!whole(piece, at)) return stopped(at);
        if (Status placed = place(piece, at); !placed) return placed;
        at += kLogHeaderBytes + piece.length;
      }
      // A header that the end of the file cuts short. At the end of a block it would be padding.
      if (at < size_ && at + kLogHeaderBytes <= kLogBlockBytes) return stopped(at);
    }
    return LogEnd{file_bytes_, inside_ ? record_ : file_bytes_};
  }

 private:
  std::string_view bytes(size_t at, size_t size) const { return {block_.get() + at, size}; }

  Status load() {
    size_ = static_cast<size_t>(std::min<uint64_t>(kLogBlockBytes, file_bytes_ - start_));
    Result<size_t> read = reader_.read(start_, size_, block_.get());
    if (!read) return read.status();
    if (*read == size_) return Status();
    return Status(Code::io_error, path_ + " became shorter while it was read");
  }

  Piece piece_at(size_t at) const {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(block_[at + i]); };
    return {static_cast<uint32_t>(byte(0) | byte(1) << 8 | byte(2) << 16) | uint32_t{byte(3)} << 24,
            static_cast<size_t>(byte(4) | byte(5) << 8), byte(6)};
  }

  bool whole(const Piece& piece, size_t at) const {
    return piece.known() && checksum_fits(piece, at);
  }

  bool checksum_fits(const Piece& piece, size_t at) const {
    if (at + kLogHeaderBytes + piece.length > size_) return false;
    return mask_crc(crc32c(bytes(at + kLogHeaderBytes - 1, piece.length + 1))) == piece.checksum;
  }

  Status damaged(uint64_t offset, std::string_view reason) const {
    return Status(Code::corruption,
                  fmt::format("{} is damaged at offset {}: {}", path_, offset, reason));
  }

  Status place(const Piece& piece, size_t at) {
    const uint64_t offset = start_ + at;
    const bool begins = piece.type == kFull || piece.type == kFirst;
    if (begins == inside_) {
      return damaged(offset, begins ? "a record begins inside another"
                                    : "a part of a record without its beginning");
    }
    if (begins) {
      record_ = offset;
      records_.begin(offset);
    }
    records_.piece(bytes(at + kLogHeaderBytes, piece.length));
    inside_ = piece.type == kFirst || piece.type == kMiddle;
    if (inside_) return Status();
    Status ended = records_.end();
    return ended.ok() ? ended : damaged(record_, ended.message());
  }

  // Something that is no whole piece lies at `at` in this block.
  Result<LogEnd> stopped(size_t at) {
    const uint64_t offset = start_ + at;
    if (of_unknown_kind(at)) return damaged(offset, "a record of a kind that is never written");
    if (one_byte_explains(at)) {
      return damaged(offset, "one byte of a record that was written whole has changed");
    }
    Result<std::optional<uint64_t>> later = find_later(at);
    if (!later) return later.status();
    if (*later) return damaged(offset, fmt::format("a whole record follows at {}", **later));
    return LogEnd{file_bytes_, inside_ ? record_ : offset};
  }

  bool of_unknown_kind(size_t at) const {
    if (size_ - at < kLogHeaderBytes) return false;
    const Piece piece = piece_at(at);
    return !piece.known() && checksum_fits(piece, at);
  }

  bool one_byte_explains(size_t at) const {
    if (size_ - at < kLogHeaderBytes) return false;
    const Piece piece = piece_at(at);
    if (piece.checksum == 0 && piece.length == 0 && piece.type == kZero) return false;
    const size_t available = size_ - at - kLogHeaderBytes;
    if (piece.length <= available) {
      const uint32_t crc = crc32c(bytes(at + kLogHeaderBytes - 1, piece.length + 1));
      const uint32_t stored = mask_crc(crc) ^ piece.checksum;
      for (int shift = 0; piece.known() && shift < 32; shift += 8) {
        if ((stored & ~(uint32_t{0xff} << shift)) == 0) return true;
      }
      const auto change = one_byte_apart(crc ^ unmask_crc(piece.checksum), piece.length + 1);
      if (change && change->position > 0 && piece.known()) return true;
      const Piece other{0, 0, static_cast<uint8_t>(piece.type ^ (change ? change->change : 0))};
      if (change && change->position == 0 && other.known()) return true;
    }
    return piece.known() && another_length(piece, at, available);
  }

  // Whether the record is whole under a length that differs from the stored one in one byte.
  bool another_length(const Piece& piece, size_t at, size_t available) const {
    uint32_t crc = crc32c(bytes(at + kLogHeaderBytes - 1, 1));
    for (size_t length = 0;; ++length) {
      const size_t difference = length ^ piece.length;
      const bool one_byte = (difference & 0xff) == 0 || difference >> 8 == 0;
      if (one_byte && mask_crc(crc) == piece.checksum) return true;
      if (length == available) return false;
      crc = crc32c(bytes(at + kLogHeaderBytes + length, 1), crc);
    }
  }

  // The offset of a whole piece behind the bytes at `at`. Where their header can be believed the
  // search begins behind them: a record that was cut short may hold bytes that look like a piece.
  Result<std::optional<uint64_t>> find_later(size_t at) {
    size_t from = size_;
    if (size_ - at >= kLogHeaderBytes) {
      const Piece piece = piece_at(at);
      const size_t end = at + kLogHeaderBytes + piece.length;
      from = piece.known() && end <= kLogBlockBytes ? end : at + 1;
    }
    const uint64_t stopped_at = start_ + at;
    uint64_t searched = 0;
    while (true) {
      for (; from + kLogHeaderBytes <= size_; ++from) {
        const Piece piece = piece_at(from);
        if (!piece.known() || from + kLogHeaderBytes + piece.length > size_) continue;
        if (whole(piece, from)) return std::optional<uint64_t>(start_ + from);
        searched += piece.length;
        if (searched > kMaxSearchedBytes) {
          return damaged(stopped_at, "whether records follow cannot be told");
        }
      }
      start_ += kLogBlockBytes;
      if (start_ >= file_bytes_) return std::optional<uint64_t>();
      if (Status loaded = load(); !loaded) return loaded;
      from = 0;
    }
  }

  const Reader& reader_;
  const std::string& path_;
  const uint64_t file_bytes_;
  LogRecords& records_;
  const std::unique_ptr<char[]> block_;
  uint64_t start_ = 0;  // of the block, in the file
  size_t size_ = 0;     // of the block
  bool inside_ = false;
  uint64_t record_ = 0;  // where the record began
};

}  // namespace

Result<LogEnd> read_log(const Reader& reader, const std::string& path, uint64_t file_bytes,
                        LogRecords& records) {
  return LogScanner(reader, path, file_bytes, records).run();
}

}  // namespace bcstore::engine
