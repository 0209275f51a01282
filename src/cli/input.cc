#include "cli/input.h"

#include <cstring>
#include <filesystem>
#include <utility>

namespace bcstore::cli {
namespace {

constexpr size_t kReadBytes = size_t{256} << 10;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

LineReader::LineReader(std::unique_ptr<ByteSource> source, uint64_t file_bytes)
    : source_(std::move(source)),
      file_bytes_(file_bytes),
      buffer_(2 * kReadBytes + kLinePaddingBytes) {}

Result<LineReader> LineReader::open(const std::string& path) {
  Result<std::unique_ptr<ByteSource>> source = open_source(path);
  if (!source) return source.status();
  std::error_code unknown;
  uintmax_t bytes = std::filesystem::file_size(path, unknown);
  return LineReader(*std::move(source), unknown ? 0 : bytes);
}

LineReader::Got LineReader::next() {
  for (;;) {
    size_t newline = 0;
    if (find_newline(&newline)) {
      Got got = take(newline, newline + 1);
      if (got == Got::too_long || !is_blank(line_)) return got;
      continue;
    }
    if (!status_.ok()) return Got::failed;
    if (at_end_) {
      if (start_ == end_ && !is_passing_over_) return Got::end;
      Got got = take(end_, end_);
      if (got == Got::too_long || !is_blank(line_)) return got;
      continue;
    }
    if (end_ - start_ > kMaxLineBytes) {
      is_passing_over_ = true;
      start_ = end_;
    }
    refill();
  }
}

bool LineReader::find_newline(size_t* newline) {
  const void* found = std::memchr(buffer_.data() + scanned_, '\n', end_ - scanned_);
  scanned_ = end_;
  if (found == nullptr) return false;
  *newline = static_cast<size_t>(static_cast<const char*>(found) - buffer_.data());
  return true;
}

LineReader::Got LineReader::take(size_t end, size_t next_start) {
  line_ = std::string_view(buffer_.data() + start_, end - start_);
  start_ = scanned_ = next_start;
  if (++number_ == 1 && line_.starts_with(kByteOrderMark)) {
    line_.remove_prefix(kByteOrderMark.size());
  }
  if (line_.ends_with('\r')) line_.remove_suffix(1);
  bool is_too_long = std::exchange(is_passing_over_, false) || line_.size() > kMaxLineBytes;
  return is_too_long ? Got::too_long : Got::line;
}

// Reads on behind what is there; the unfinished line moves to the front first.
void LineReader::refill() {
  if (start_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + start_, end_ - start_);
    end_ -= start_;
    scanned_ -= start_;
    start_ = 0;
  }
  if (end_ + kReadBytes + kLinePaddingBytes > buffer_.size()) buffer_.resize(2 * buffer_.size());
  Result<size_t> got = source_->read(buffer_.data() + end_, kReadBytes);
  if (!got) {
    status_ = got.status();
    return;
  }
  at_end_ = *got == 0;
  end_ += *got;
}

}  // namespace bcstore::cli
