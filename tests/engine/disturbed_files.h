// DisturbedFiles: a FileSystem for tests that counts operations and fails chosen ones.
//
// Operations that change something are numbered from 1 in the order in which they happen, over all
// files: open for writing, append, flush, sync, truncate, close, rename, remove, link, make and
// sync directory. fail_at(n) lets the n-th from now on fail; with `sticky` every later one too.
// Syncing does nothing else: no test of it loses power, and most of their time would go there.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "bcstore/file_system.h"

namespace bcstore::engine {

class DisturbedFiles final : public FileSystemWrapper {
 public:
  enum class Operation : uint8_t { open, append, flush, sync, truncate, close, names, lock, read };
  static constexpr size_t kOperations = 9;

  DisturbedFiles() : FileSystemWrapper(default_file_system()) {}

  // 0 never fails. Only operations on paths that contain `part` count.
  void fail_at(uint64_t number, Code code = Code::io_error, bool sticky = false,
               std::string part = "") {
    std::lock_guard<std::mutex> lock(mutex_);
    due_ = number;
    code_ = code;
    sticky_ = sticky;
    part_ = std::move(part);
    done_ = 0;
    failed_ = 0;
  }
  // Only operations of this kind count, until fail_only(nullopt).
  void fail_only(std::optional<Operation> kind) {
    std::lock_guard<std::mutex> lock(mutex_);
    kind_ = kind;
  }
  uint64_t done() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return done_;
  }
  uint64_t failed() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return failed_;
  }
  uint64_t count(Operation kind) const { return counts_[static_cast<size_t>(kind)]; }
  void set_free_space(std::optional<uint64_t> bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    free_bytes_ = bytes;
  }

  Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path,
                                                      Create create) override;
  Result<std::unique_ptr<Reader>> open_reader(const std::string& path) override;
  Status make_directory(const std::string& path) override {
    Status due = pass(Operation::names, path);
    return due.ok() ? FileSystemWrapper::make_directory(path) : due;
  }
  Status remove(const std::string& path) override {
    Status due = pass(Operation::names, path);
    return due.ok() ? FileSystemWrapper::remove(path) : due;
  }
  Status rename(const std::string& from, const std::string& to) override {
    Status due = pass(Operation::names, to);
    return due.ok() ? FileSystemWrapper::rename(from, to) : due;
  }
  Status link(const std::string& from, const std::string& to) override {
    Status due = pass(Operation::names, to);
    return due.ok() ? FileSystemWrapper::link(from, to) : due;
  }
  Status sync_directory(const std::string& path) override { return pass(Operation::sync, path); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    Status due = pass(Operation::lock, path);
    if (!due.ok()) return due;
    return FileSystemWrapper::lock(path);
  }
  Result<uint64_t> free_space(const std::string& path) override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (free_bytes_) return *free_bytes_;
    }
    return FileSystemWrapper::free_space(path);
  }

  // Counts one operation; not ok when it is the one to fail.
  Status pass(Operation kind, const std::string& path) {
    ++counts_[static_cast<size_t>(kind)];
    std::lock_guard<std::mutex> lock(mutex_);
    if ((kind_ && *kind_ != kind) || path.find(part_) == std::string::npos) return Status();
    ++done_;
    if (due_ == 0 || (sticky_ ? done_ < due_ : done_ != due_)) return Status();
    ++failed_;
    return Status(code_, "disturbed by the test");
  }

 private:
  class File;
  class CountedReader;

  mutable std::mutex mutex_;
  uint64_t due_ = 0;
  Code code_ = Code::io_error;
  bool sticky_ = false;
  std::string part_;
  std::optional<Operation> kind_;
  uint64_t done_ = 0;
  uint64_t failed_ = 0;
  std::optional<uint64_t> free_bytes_;
  std::atomic<uint64_t> counts_[kOperations] = {};
};

class DisturbedFiles::File final : public WritableFile {
 public:
  File(DisturbedFiles& files, std::string path, std::unique_ptr<WritableFile> target)
      : files_(files), path_(std::move(path)), target_(std::move(target)) {}

  Status append(std::string_view data) override {
    Status due = files_.pass(Operation::append, path_);
    return due.ok() ? target_->append(data) : due;
  }
  Status flush() override {
    Status due = files_.pass(Operation::flush, path_);
    return due.ok() ? target_->flush() : due;
  }
  Status sync() override { return files_.pass(Operation::sync, path_); }
  Status truncate(uint64_t size) override {
    Status due = files_.pass(Operation::truncate, path_);
    return due.ok() ? target_->truncate(size) : due;
  }
  Status close() override {
    Status due = files_.pass(Operation::close, path_);
    Status closed = target_->close();  // in any case: a descriptor must not leak
    return due.ok() ? closed : due;
  }
  uint64_t size() override { return target_->size(); }
  void lay_out(uint64_t bytes) override { target_->lay_out(bytes); }

 private:
  DisturbedFiles& files_;
  const std::string path_;
  const std::unique_ptr<WritableFile> target_;
};

class DisturbedFiles::CountedReader final : public Reader {
 public:
  CountedReader(DisturbedFiles& files, std::unique_ptr<Reader> target)
      : files_(files), target_(std::move(target)) {}

  Result<size_t> read(uint64_t offset, size_t size, char* buffer) const override {
    ++files_.counts_[static_cast<size_t>(Operation::read)];
    return target_->read(offset, size, buffer);
  }

 private:
  DisturbedFiles& files_;
  const std::unique_ptr<Reader> target_;
};

inline Result<std::unique_ptr<WritableFile>> DisturbedFiles::open_writable(const std::string& path,
                                                                           Create create) {
  Status due = pass(Operation::open, path);
  if (!due.ok()) return due;
  Result<std::unique_ptr<WritableFile>> file = FileSystemWrapper::open_writable(path, create);
  if (!file) return file.status();
  return std::unique_ptr<WritableFile>(std::make_unique<File>(*this, path, std::move(*file)));
}

inline Result<std::unique_ptr<Reader>> DisturbedFiles::open_reader(const std::string& path) {
  Result<std::unique_ptr<Reader>> reader = FileSystemWrapper::open_reader(path);
  if (!reader) return reader.status();
  return std::unique_ptr<Reader>(std::make_unique<CountedReader>(*this, std::move(*reader)));
}

// How far apart the operations lie that a sweep lets fail: `usual`, or what the environment
// variable BCSTORE_STRIDE says. 1 is every one.
inline uint64_t sweep_stride(uint64_t usual) {
  const char* const given = std::getenv("BCSTORE_STRIDE");
  return given != nullptr ? std::max<uint64_t>(std::stoull(given), 1) : usual;
}

}  // namespace bcstore::engine
