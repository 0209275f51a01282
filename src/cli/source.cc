#include "cli/source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

namespace bcstore::cli {
namespace {

constexpr size_t kChunkBytes = size_t{256} << 10;
constexpr int kMaxZstdWindowLog = 27;

Status damaged(std::string_view why) {
  return Status(Code::corruption, fmt::format("the archive is damaged: {}", why));
}

Status truncated() { return Status(Code::corruption, "the archive ends too early"); }

class PlainSource : public ByteSource {
 public:
  explicit PlainSource(int file) : file_(file) {}
  PlainSource(const PlainSource&) = delete;
  PlainSource& operator=(const PlainSource&) = delete;
  ~PlainSource() override { ::close(file_); }

  Result<size_t> read(char* buffer, size_t size) override {
    ssize_t got = 0;
    do {
      got = ::read(file_, buffer, size);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return Status(Code::io_error, std::generic_category().message(errno));
    offset_ += static_cast<uint64_t>(got);
    return static_cast<size_t>(got);
  }
  uint64_t file_offset() const override { return offset_; }

 private:
  int file_;
  uint64_t offset_ = 0;
};

// The packed bytes of an archive, a chunk at a time.
class Packed {
 public:
  explicit Packed(std::unique_ptr<PlainSource> file)
      : file_(std::move(file)), chunk_(kChunkBytes) {}

  // The next chunk's size; 0 at the end of the file.
  Result<size_t> refill() { return file_->read(chunk_.data(), chunk_.size()); }
  char* data() { return chunk_.data(); }
  uint64_t file_offset() const { return file_->file_offset(); }

 private:
  std::unique_ptr<PlainSource> file_;
  std::vector<char> chunk_;
};

class ZstdSource : public ByteSource {
 public:
  explicit ZstdSource(std::unique_ptr<PlainSource> file)
      : packed_(std::move(file)), context_(ZSTD_createDCtx()) {
    if (context_) {
      (void)ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog);
    }
  }

  Result<size_t> read(char* buffer, size_t size) override {
    if (!context_) return Status(Code::io_error, "no memory for unpacking");
    ZSTD_outBuffer out{buffer, size, 0};
    while (out.pos == 0) {
      if (in_.pos == in_.size && !has_more_) {
        Result<size_t> got = packed_.refill();
        if (!got) return got;
        if (*got == 0) return in_frame_ ? Result<size_t>(truncated()) : Result<size_t>(size_t{0});
        in_ = {packed_.data(), *got, 0};
      }
      size_t left = ZSTD_decompressStream(context_.get(), &out, &in_);
      if (ZSTD_isError(left) != 0) return damaged(ZSTD_getErrorName(left));
      in_frame_ = left != 0;
      has_more_ = in_frame_ && out.pos == out.size;
    }
    return out.pos;
  }
  uint64_t file_offset() const override { return packed_.file_offset(); }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { (void)ZSTD_freeDCtx(context); }
  };
  Packed packed_;
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  bool in_frame_ = true;   // a file without any frame is no archive
  bool has_more_ = false;  // unpacked bytes that did not fit into the last buffer
};

class GzipSource : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<PlainSource> file) : packed_(std::move(file)) {
    constexpr int kGzipOnly = 16;
    is_ready_ = inflateInit2(&stream_, MAX_WBITS + kGzipOnly) == Z_OK;
  }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;
  ~GzipSource() override {
    if (is_ready_) inflateEnd(&stream_);
  }

  Result<size_t> read(char* buffer, size_t size) override {
    if (!is_ready_) return Status(Code::io_error, "no memory for unpacking");
    stream_.next_out = reinterpret_cast<Bytef*>(buffer);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out == size) {
      if (stream_.avail_in == 0 && !has_more_) {
        Result<size_t> got = packed_.refill();
        if (!got) return got;
        if (*got == 0) return in_member_ ? Result<size_t>(truncated()) : Result<size_t>(size_t{0});
        stream_.next_in = reinterpret_cast<Bytef*>(packed_.data());
        stream_.avail_in = static_cast<uInt>(*got);
      }
      int answer = inflate(&stream_, Z_NO_FLUSH);
      in_member_ = answer != Z_STREAM_END;
      has_more_ = in_member_ && stream_.avail_out == 0;
      // Members follow each other without a mark; what follows the last one must be another.
      if (answer == Z_STREAM_END) answer = inflateReset(&stream_);
      if (answer != Z_OK && answer != Z_BUF_ERROR) {
        return damaged(stream_.msg != nullptr ? stream_.msg : "it cannot be unpacked");
      }
    }
    return size - stream_.avail_out;
  }
  uint64_t file_offset() const override { return packed_.file_offset(); }

 private:
  Packed packed_;
  z_stream stream_{};
  bool is_ready_ = false;
  bool in_member_ = true;
  bool has_more_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> open_source(const std::string& path) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return Status(Code::io_error, std::generic_category().message(errno));
  auto plain = std::make_unique<PlainSource>(file);
  std::unique_ptr<ByteSource> source;
  if (path.ends_with(".zst")) {
    source = std::make_unique<ZstdSource>(std::move(plain));
  } else if (path.ends_with(".gz")) {
    source = std::make_unique<GzipSource>(std::move(plain));
  } else {
    source = std::move(plain);
  }
  return source;
}

}  // namespace bcstore::cli
