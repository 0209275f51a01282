#include "engine/log_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "engine/crc32c.h"

namespace bcstore::engine {
namespace {

enum Type : uint8_t { kZero = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

// How many bytes a search for whole records behind damage puts through the checksum at most, for
// each byte that it looks at. Chance needs about 11 where may_follow() excludes nothing, which is
// the mean of a length that fits times how often a byte is kFull; only a forged file needs more.
constexpr uint64_t kMaxSearchedPerByte = 64;

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
    size_t at = 0;
    for (; start_ < file_bytes_; start_ += kLogBlockBytes, at = 0) {
      if (Status loaded = load(); !loaded) return loaded;
      while (size_ - at >= kLogHeaderBytes) {
        const Piece piece = piece_at(at);
        if (!whole(piece, at)) {
          Result<std::optional<uint64_t>> next = stopped(at);
          if (!next) return next.status();
          if (!*next) return LogEnd{file_bytes_, *cut_, zeros_};
          at = static_cast<size_t>(**next - start_);
          continue;
        }
        if (Status placed = place(piece, at); !placed) return placed;
        at += kLogHeaderBytes + piece.length;
      }
      // A header that the end of the file cuts short. At the end of a block it would be padding.
      if (at < size_ && at + kLogHeaderBytes <= kLogBlockBytes) {
        zeros_ = !cut_ && !inside_ && blank(at);
        stop(at);
      }
    }
    if (!cut_ && inside_) cut_ = record_;
    return LogEnd{file_bytes_, cut_.value_or(file_bytes_), zeros_};
  }

 private:
  std::string_view bytes(size_t at, size_t size) const { return {block_.get() + at, size}; }
  // Whether the rest of the block is zeros.
  bool blank(size_t at) const {
    return bytes(at, size_ - at).find_first_not_of('\0') == std::string_view::npos;
  }

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
    // Behind a hole: of a record whose beginning is lost.
    if (!begins && resumed_) return Status();
    resumed_ = false;
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

  void stop(size_t at) {
    if (!cut_) cut_ = inside_ ? record_ : start_ + at;
    inside_ = false;
  }

  // Something that is no whole piece lies at `at` in this block. Where the reading goes on, in the
  // block that is loaded then; nowhere: the rest of the file is torn.
  Result<std::optional<uint64_t>> stopped(size_t at) {
    const uint64_t offset = start_ + at;
    if (of_unknown_kind(at)) return damaged(offset, "a record of a kind that is never written");
    if (one_byte_explains(at)) {
      return damaged(offset, "one byte of a record that was written whole has changed");
    }
    const bool lost = sector_lost(at);
    zeros_ = !cut_ && !inside_;
    stop(at);
    Result<std::optional<uint64_t>> later = find_later(at);
    if (!later || !*later) return later;
    if (!lost) return damaged(offset, fmt::format("a whole record follows at {}", **later));
    if (Status tellable = records_.hole(); !tellable) return damaged(offset, tellable.message());
    resumed_ = true;
    return later;
  }

  // Whether the sector with the byte at `place` was never written, given that what lies before the
  // piece at `at` was.
  bool unwritten(size_t at, size_t place) const {
    const size_t sector = place / kSectorBytes * kSectorBytes;
    const size_t from = std::max(at, sector);
    return bytes(from, std::min(sector + kSectorBytes, size_) - from).find_first_not_of('\0') ==
           std::string_view::npos;
  }

  // Whether a sector with a part of the piece at `at` was never written.
  bool sector_lost(size_t at) const {
    size_t end = at + 1;
    if (size_ - at >= kLogHeaderBytes) end = at + kLogHeaderBytes + piece_at(at).length;
    for (size_t place = at; place < std::min(end, size_);
         place = place / kSectorBytes * kSectorBytes + kSectorBytes) {
      if (unwritten(at, place)) return true;
    }
    return false;
  }

  // Whether another byte at `place` can be of a write that was cut short: it lies in a sector that
  // was never written, or is alone in one that was not written as a whole.
  bool may_be_torn(size_t at, size_t place) const {
    const bool alone = start_ + place + 1 == file_bytes_ && place % kSectorBytes == 0;
    return alone || unwritten(at, place);
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
      for (size_t i = 0; piece.known() && i < 4; ++i) {
        const bool only = (stored & ~(uint32_t{0xff} << (8 * i))) == 0;
        if (only && !may_be_torn(at, at + i)) return true;
      }
      const auto change = one_byte_apart(crc ^ unmask_crc(piece.checksum), piece.length + 1);
      if (change && !may_be_torn(at, at + kLogHeaderBytes - 1 + change->position)) {
        const int type = piece.type ^ (change->position == 0 ? change->change : 0);
        if (Piece{0, 0, static_cast<uint8_t>(type)}.known()) return true;
      }
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

  // Whether bytes at `at` can be the beginning of a record, or a part of one whose beginning is
  // lost, before their checksum is looked at. A record is split at the edges of blocks only.
  bool plausible(const Piece& piece, size_t at) const {
    const size_t end = at + kLogHeaderBytes + piece.length;
    if (end > size_) return false;
    switch (piece.type) {
      case kFull:
        break;
      case kFirst:
        if (end != kLogBlockBytes) return false;
        break;
      case kMiddle:
        return at == 0 && end == kLogBlockBytes;
      case kLast:
        return at == 0;
      default:
        return false;
    }
    return records_.may_follow(bytes(at + kLogHeaderBytes, piece.length));
  }

  // The offset of a whole piece behind the bytes at `at`, which may lie anywhere: their header is
  // not to be believed. What only looks like one, inside a record that was cut short, is told by
  // may_follow().
  Result<std::optional<uint64_t>> find_later(size_t at) {
    const uint64_t stopped_at = start_ + at;
    const uint64_t most = kMaxSearchedPerByte * (file_bytes_ - stopped_at + kLogBlockBytes);
    uint64_t searched = 0;
    size_t from = at + 1;
    zeros_ = zeros_ && block_[at] == '\0';
    while (true) {
      const bool empty = blank(from);
      zeros_ = zeros_ && empty;
      for (; !empty && from + kLogHeaderBytes <= size_; ++from) {
        const Piece piece = piece_at(from);
        if (!plausible(piece, from)) continue;
        if (checksum_fits(piece, from)) return std::optional<uint64_t>(start_ + from);
        searched += piece.length;
        if (searched > most) return damaged(stopped_at, "whether records follow cannot be told");
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
  bool resumed_ = false;         // behind a hole, and no record has begun yet
  uint64_t record_ = 0;          // where the record began
  std::optional<uint64_t> cut_;  // where the whole records end
  bool zeros_ = false;           // since it stopped there, no other byte was seen
};

}  // namespace

Result<LogEnd> read_log(const Reader& reader, const std::string& path, uint64_t file_bytes,
                        LogRecords& records) {
  return LogScanner(reader, path, file_bytes, records).run();
}

}  // namespace bcstore::engine
