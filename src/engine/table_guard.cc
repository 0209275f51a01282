#include "engine/table_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "engine/decode.h"
#include "engine/last_commit.h"
#include "format/record.h"

namespace bcstore::engine {
namespace {

// The footer of format version 5: checksum kind(1), two handles, padding, version(4), magic(8).
constexpr size_t kFooterBytes = 53;
constexpr uint64_t kMagic = 0x88e241b785f4cff7u;
constexpr uint32_t kVersion = 5;
constexpr uint8_t kXxh3 = 4;
// Behind each block: compression(1) checksum(4).
constexpr size_t kTrailerBytes = 5;
constexpr uint32_t kCompressionFactor = 0x6b9083d9u;
constexpr uint64_t kMaxBlockBytes = uint64_t{64} << 20;
constexpr std::string_view kProperties = "rocksdb.properties";

struct Handle {
  uint64_t offset = 0;
  uint64_t size = 0;
};

std::optional<Handle> take_handle(std::string_view* bytes) {
  const std::optional<uint64_t> offset = take_varint(bytes);
  const std::optional<uint64_t> size = take_varint(bytes);
  if (!offset || !size) return std::nullopt;
  return Handle{*offset, *size};
}

class Table {
 public:
  Table(const Reader& reader, std::string path, uint64_t file_bytes)
      : reader_(reader), path_(std::move(path)), file_bytes_(file_bytes) {}

  // `last_commit`: what the table says of itself, 0 when it says nothing.
  Status check(uint64_t* last_commit) {
    std::string footer;
    if (file_bytes_ < kFooterBytes) return damaged(0, "it is too short");
    const uint64_t at = file_bytes_ - kFooterBytes;
    if (Status read = read_at(at, kFooterBytes, &footer); !read) return read;
    std::string_view rest(footer);
    const bool ours = little_endian(rest.substr(kFooterBytes - 8)) == kMagic &&
                      little_endian(rest.substr(kFooterBytes - 12, 4)) == kVersion &&
                      static_cast<uint8_t>(rest[0]) == kXxh3;
    rest.remove_prefix(1);
    const std::optional<Handle> meta = take_handle(&rest);
    const std::optional<Handle> data_index = meta ? take_handle(&rest) : std::nullopt;
    if (!ours || !data_index) return damaged(at, "the footer is none of this version's");
    // RocksDB verifies the index of the data, but makes room for it first.
    if (!inside(*data_index)) return damaged(at, "the index lies outside the file");
    std::string block;
    if (Status read = read_block(*meta, &block); !read) return read;
    std::string value;
    std::optional<Handle> properties;
    if (find_entry(block, kProperties, &value)) {
      std::string_view handle(value);
      properties = take_handle(&handle);
    }
    if (!properties) return damaged(meta->offset, "it names no properties");
    if (Status read = read_block(*properties, &block); !read) return read;
    if (find_entry(block, kLastCommitProperty, &value)) *last_commit = parse_last_commit(value);
    return Status();
  }

 private:
  Status damaged(uint64_t offset, std::string_view reason) const {
    return Status(Code::corruption,
                  fmt::format("{} is damaged at offset {}: {}", path_, offset, reason));
  }

  bool inside(const Handle& handle) const {
    return handle.offset <= file_bytes_ && handle.size <= file_bytes_ - handle.offset &&
           kTrailerBytes <= file_bytes_ - handle.offset - handle.size;
  }

  Status read_at(uint64_t offset, size_t size, std::string* bytes) const {
    bytes->resize(size);
    Result<size_t> read = reader_.read(offset, size, bytes->data());
    if (!read) return read.status();
    return *read == size ? Status() : damaged(offset, "it ends there");
  }

  // Reads and verifies a block; its trailer is taken off.
  Status read_block(const Handle& handle, std::string* bytes) const {
    if (handle.size > kMaxBlockBytes || !inside(handle)) {
      return damaged(handle.offset, "a block lies outside the file");
    }
    const auto size = static_cast<size_t>(handle.size);
    if (Status read = read_at(handle.offset, size + kTrailerBytes, bytes); !read) return read;
    const std::string_view all(*bytes);
    const auto hash = static_cast<uint32_t>(format::hash64(all.substr(0, size)));
    const uint32_t expected = hash ^ static_cast<uint8_t>(all[size]) * kCompressionFactor;
    if (little_endian(all.substr(size + 1)) != expected || all[size] != 0) {
      return damaged(handle.offset, "a block does not have its checksum");
    }
    bytes->resize(size);
    return Status();
  }

  // A block is entries that share the beginning of their key with the one before, and at its end
  // the places where they begin anew with the number of those.
  static bool find_entry(std::string_view block, std::string_view wanted, std::string* value) {
    if (block.size() < 4) return false;
    const uint64_t places = little_endian(block.substr(block.size() - 4));
    if (places > (block.size() - 4) / 4) return false;
    block.remove_suffix(4 + 4 * static_cast<size_t>(places));
    std::string key;
    while (!block.empty()) {
      const std::optional<uint64_t> shared = take_varint(&block);
      const std::optional<uint64_t> own = take_varint(&block);
      const std::optional<uint64_t> size = take_varint(&block);
      if (!shared || !own || !size || *shared > key.size() || *own > block.size()) break;
      key.resize(static_cast<size_t>(*shared));
      key += block.substr(0, static_cast<size_t>(*own));
      block.remove_prefix(static_cast<size_t>(*own));
      if (*size > block.size()) break;
      value->assign(block.substr(0, static_cast<size_t>(*size)));
      if (key == wanted) return true;
      block.remove_prefix(value->size());
    }
    return false;
  }

  const Reader& reader_;
  const std::string path_;
  const uint64_t file_bytes_;
};

}  // namespace

Status check_tables(FileSystem& files, const std::string& directory, const Manifest& manifest,
                    uint64_t* last_commit) {
  for (const uint64_t number : manifest.tables) {
    const std::string path = fmt::format("{}/{:06}.sst", directory, number);
    Result<FileInfo> info = files.info(path);
    if (info.code() == Code::not_found) continue;
    if (!info) return info.status();
    Result<std::unique_ptr<Reader>> reader = files.open_reader(path);
    if (!reader) return reader.status();
    uint64_t last = 0;
    if (Status sound = Table(**reader, path, info->size).check(&last); !sound) return sound;
    *last_commit = std::max(*last_commit, last);
  }
  return Status();
}

}  // namespace bcstore::engine
