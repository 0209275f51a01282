// Any bytes as a log, as a manifest, as batches of changes: reading never crashes, never reads
// outside them, and one changed byte of a sound log is never taken for a torn end.
//
// Input: one byte, how the rest is used: 0 a log file as it is; 1 records of a log, each behind its
// length in one byte, and at the end three bytes that say what to change; 2 the same records as the
// edits of a manifest, beside a log of the last one.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/log_guard.h"
#include "engine/log_maker.h"

namespace {

using namespace bcstore;
using namespace bcstore::engine;

void require(bool holds) {
  if (!holds) std::abort();
}

// Bytes at exactly their size, so that a read past the end is seen.
class Bytes final : public Reader {
 public:
  explicit Bytes(std::string_view bytes) : size_(bytes.size()), copy_(new char[size_]) {
    std::copy(bytes.begin(), bytes.end(), copy_.get());
  }
  Result<size_t> read(uint64_t offset, size_t size, char* buffer) const override {
    if (offset >= size_) return size_t{0};
    size = std::min<size_t>(size, size_ - static_cast<size_t>(offset));
    std::copy_n(copy_.get() + offset, size, buffer);
    return size;
  }

 private:
  const size_t size_;
  const std::unique_ptr<char[]> copy_;
};

class MemoryFiles final : public FileSystemWrapper {
 public:
  MemoryFiles() : FileSystemWrapper(nullptr) {}
  Result<std::unique_ptr<Reader>> open_reader(const std::string& path) override {
    const auto file = files.find(path);
    if (file == files.end()) return Status(Code::not_found, path);
    return std::unique_ptr<Reader>(std::make_unique<Bytes>(file->second));
  }
  Result<FileInfo> info(const std::string& path) override {
    const auto file = files.find(path);
    if (file == files.end()) return Status(Code::not_found, path);
    return FileInfo{.size = file->second.size()};
  }
  Result<std::vector<std::string>> list(const std::string&) override {
    std::vector<std::string> names;
    for (const auto& [path, bytes] : files) names.push_back(path.substr(path.rfind('/') + 1));
    return names;
  }
  std::map<std::string, std::string> files;
};

// Walks the batches; what is wrong inside one does not end the reading.
class Walk final : public LogRecords {
 public:
  void begin(uint64_t) override { batch_.begin(); }
  void piece(std::string_view bytes) override { batch_.feed(bytes); }
  Status end() override {
    ++records;
    (void)batch_.end();
    return Status();
  }
  size_t records = 0;

 private:
  BatchWalk batch_;
};

Result<LogEnd> read(std::string_view bytes, size_t* records) {
  const Bytes reader(bytes);
  Walk walk;
  Result<LogEnd> end = read_log(reader, "log", bytes.size(), walk);
  *records = walk.records;
  return end;
}

void look_at_file(std::string_view bytes) {
  size_t records = 0;
  const Result<LogEnd> end = read(bytes, &records);
  if (!end) return require(end.code() == Code::corruption);
  require(end->whole_bytes <= bytes.size());
  // What is left after the cut is whole, and holds the same.
  size_t again = 0;
  const Result<LogEnd> cut = read(bytes.substr(0, end->whole_bytes), &again);
  require(cut.ok() && !cut->torn() && again == records);
}

void look_at_records(const LogMaker& log, uint32_t place, uint8_t change) {
  size_t records = 0;
  const Result<LogEnd> end = read(log.bytes(), &records);
  require(end.ok() && !end->torn() && records == log.ends().size());
  if (log.bytes().empty() || change == 0) return;
  std::string changed = log.bytes();
  const size_t at = place % changed.size();
  changed[at] = static_cast<char>(changed[at] ^ change);
  const Result<LogEnd> found = read(changed, &records);
  // Padding before the edge of a block means nothing.
  const bool padding = kLogBlockBytes - at % kLogBlockBytes < kLogHeaderBytes;
  require(found.code() == Code::corruption || (padding && found.ok()));
}

void look_at_store(const LogMaker& manifest, std::string_view last) {
  MemoryFiles files;
  files.files["d/CURRENT"] = "MANIFEST-000001\n";
  files.files["d/MANIFEST-000001"] = manifest.bytes();
  LogMaker log;
  files.files["d/000009.log"] = log.add(last).add(last).bytes();
  const Result<Manifest> read = read_manifest(files, "d");
  if (!read) return require(read.code() == Code::corruption);
  LogGuard guard(files, "d", *read);
  const Status status = guard.read();
  require(status.ok() || status.code() == Code::corruption);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 3 == 0) {
    look_at_file(bytes);
    return 0;
  }
  const std::string_view how = bytes.substr(bytes.size() - 3);
  bytes.remove_suffix(3);
  const auto number = [&](size_t i) { return static_cast<uint8_t>(how[i]); };
  LogMaker log;
  if (data[0] % 3 == 2) log.add(family_edit(0, "default", 0));
  std::string_view last;
  while (!bytes.empty()) {
    const size_t length = std::min<size_t>(static_cast<uint8_t>(bytes[0]), bytes.size() - 1);
    last = bytes.substr(1, length);
    // Long ones too: so that a few bytes of input reach over the edge of a block.
    std::string record(last);
    if (!last.empty() && last[0] == '\xff') record.resize(record.size() * 300, '\x01');
    log.add(record);
    bytes.remove_prefix(1 + length);
  }
  if (data[0] % 3 == 1) {
    look_at_records(log, static_cast<uint32_t>(number(0)) << 8 | number(1), number(2));
  } else {
    look_at_store(log, last);
  }
  return 0;
}
