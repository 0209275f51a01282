// FileSystem: everything the store asks of the disk, as an interface that a test can stand in for.
//
// Leave Options::file_system empty and the store uses the operating system's files directly.
// Give one, most easily a subclass of FileSystemWrapper around default_file_system(), and every
// file operation of the store passes through it: to fail the Nth write, to lose what was not
// synced, to count.
//
// Thread contract: a FileSystem is called from many threads at once. One WritableFile or Reader is
// used by one thread at a time, but for Reader::read, which may be called concurrently.
// Every call answers Code::ok or one of: not_found, already_exists, io_error, no_space, busy,
// invalid_argument. Implementations do not throw.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/status.h"

namespace bcstore {

class WritableFile {
 public:
  virtual ~WritableFile() = default;
  virtual Status append(std::string_view data) = 0;
  // Hands buffered bytes to the operating system: they then survive the end of the process.
  virtual Status flush() = 0;
  // Makes everything appended so far survive a loss of power.
  virtual Status sync() = 0;
  // A hint: so many bytes more will be appended. The file may then be longer than size() by bytes
  // that read as zeros, so that not every sync has a new length to record; append() overwrites
  // them, truncate() and close() take them away. Fails without a word. Does nothing by default.
  virtual void lay_out(uint64_t bytes) { (void)bytes; }
  virtual Status truncate(uint64_t size) = 0;
  virtual Status close() = 0;
  virtual uint64_t size() = 0;
};

class Reader {
 public:
  virtual ~Reader() = default;
  // Reads up to `size` bytes at `offset` into `buffer`; the answer is how many there were.
  virtual Result<size_t> read(uint64_t offset, size_t size, char* buffer) const = 0;
};

// Held while a store is open; releasing it is destroying it.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct FileInfo {
  uint64_t size = 0;
  bool is_directory = false;
  int64_t modified_s = 0;  // seconds since 1970
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  enum class Create : uint8_t { fresh, append };  // fresh: an existing file is emptied
  virtual Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path,
                                                              Create create) = 0;
  virtual Result<std::unique_ptr<Reader>> open_reader(const std::string& path) = 0;
  virtual Result<FileInfo> info(const std::string& path) = 0;
  // Names of the entries of a directory, without "." and "..", in any order.
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  virtual Status make_directory(const std::string& path) = 0;  // ok if it is there already
  virtual Status remove_directory(const std::string& path) = 0;
  virtual Status remove(const std::string& path) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;  // replaces `to`
  virtual Status link(const std::string& from, const std::string& to) = 0;
  // Makes created, renamed and removed entries of a directory survive a loss of power.
  virtual Status sync_directory(const std::string& path) = 0;
  // Code::busy when another holder, in this process or another, has it.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
  // Bytes that this process may still write on the file system that holds `path`.
  virtual Result<uint64_t> free_space(const std::string& path) = 0;
};

// Passes everything on to another; override what you want to disturb.
class FileSystemWrapper : public FileSystem {
 public:
  explicit FileSystemWrapper(std::shared_ptr<FileSystem> target) : target_(std::move(target)) {}

  Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path,
                                                      Create create) override {
    return target_->open_writable(path, create);
  }
  Result<std::unique_ptr<Reader>> open_reader(const std::string& path) override {
    return target_->open_reader(path);
  }
  Result<FileInfo> info(const std::string& path) override { return target_->info(path); }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    return target_->list(directory);
  }
  Status make_directory(const std::string& path) override { return target_->make_directory(path); }
  Status remove_directory(const std::string& path) override {
    return target_->remove_directory(path);
  }
  Status remove(const std::string& path) override { return target_->remove(path); }
  Status rename(const std::string& from, const std::string& to) override {
    return target_->rename(from, to);
  }
  Status link(const std::string& from, const std::string& to) override {
    return target_->link(from, to);
  }
  Status sync_directory(const std::string& path) override { return target_->sync_directory(path); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    return target_->lock(path);
  }
  Result<uint64_t> free_space(const std::string& path) override {
    return target_->free_space(path);
  }

 private:
  std::shared_ptr<FileSystem> target_;
};

// The operating system's files, behind this interface.
std::shared_ptr<FileSystem> default_file_system();

}  // namespace bcstore
