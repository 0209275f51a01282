#include "engine/rocks_files.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <system_error>

#include "engine/rocks_status.h"

namespace bcstore::engine {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// Stands for the lock that the engine holds.
class HeldLock final : public rocksdb::FileLock {};

// CURRENT must not name a MANIFEST whose own entry in the directory a loss of power can take: that
// is so where the file system keeps two changes of a directory in another order. RocksDB syncs the
// directory after the rename only.
bool makes_current(const std::string& to) {
  constexpr std::string_view kCurrent = "/CURRENT";
  return std::string_view(to).ends_with(kCurrent);
}

bool is_log(const std::string& path) { return std::string_view(path).ends_with(".log"); }

// A WritableFile of ours is used by one thread at a time, while RocksDB syncs its log beside a
// writer that appends to it: hence the mutex.
class InjectedWritable : public rocksdb::FSWritableFile {
 public:
  InjectedWritable(std::string path, const FileOptions& options, std::unique_ptr<WritableFile> file)
      : rocksdb::FSWritableFile(options), path_(std::move(path)), file_(std::move(file)) {}

  using rocksdb::FSWritableFile::Append;
  IOStatus Append(const rocksdb::Slice& data, const IOOptions&, IODebugContext*) override {
    return locked([&] { return file_->append(view(data)); });
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    return locked([&] { return file_->truncate(size); });
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override {
    return locked([&] { return file_->close(); });
  }
  IOStatus Flush(const IOOptions&, IODebugContext*) override {
    return locked([&] { return file_->flush(); });
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return locked([&] { return file_->sync(); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Sync(options, debug);
  }
  bool IsSyncThreadSafe() const override { return true; }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override {
    std::lock_guard<std::mutex> lock(mutex_);
    return file_->size();
  }
  IOStatus InvalidateCache(size_t, size_t) override { return IOStatus::OK(); }

 protected:
  template <class Operation>
  IOStatus locked(Operation operation) {
    std::lock_guard<std::mutex> lock(mutex_);
    return to_rocks(operation(), path_);
  }

  const std::string path_;
  std::mutex mutex_;
  const std::unique_ptr<WritableFile> file_;
};

// A file of the log. What is appended beyond what was laid out lays out more, if the file was
// synced since the last time: not where nobody syncs, and by the thread that appends, so that no
// zeros go where it is writing. The first commit of a short life lays out nothing.
class LogWritable final : public InjectedWritable {
 public:
  // `concurrent`: sync() may be called beside append().
  LogWritable(std::string path, const FileOptions& options, std::unique_ptr<WritableFile> file,
              size_t ahead_bytes, bool concurrent)
      : InjectedWritable(std::move(path), options, std::move(file)),
        ahead_bytes_(ahead_bytes),
        concurrent_(concurrent) {}

  using InjectedWritable::Append;
  IOStatus Append(const rocksdb::Slice& data, const IOOptions&, IODebugContext*) override {
    return locked([&] {
      Status appended = file_->append(view(data));
      if (appended.ok()) lay_out();
      return appended;
    });
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus synced =
        concurrent_ ? to_rocks(file_->sync(), path_) : InjectedWritable::Sync(options, debug);
    if (synced.ok()) synced_.store(true, std::memory_order_relaxed);
    return synced;
  }

 private:
  static constexpr uint64_t kLeastAheadBytes = uint64_t{64} << 10;

  void lay_out() {
    const uint64_t size = file_->size();
    if (size <= laid_out_ || !synced_.exchange(false, std::memory_order_relaxed)) return;
    // As much again as there is, within bounds: small logs stay small.
    const uint64_t bytes = std::min<uint64_t>(std::max(size, kLeastAheadBytes), ahead_bytes_);
    file_->lay_out(bytes);
    laid_out_ = size + bytes;
  }

  const size_t ahead_bytes_;
  const bool concurrent_;
  uint64_t laid_out_ = 0;  // the writer's
  std::atomic<bool> synced_{false};
};

class SystemFiles final : public rocksdb::FileSystemWrapper {
 public:
  SystemFiles(const std::shared_ptr<rocksdb::FileSystem>& base, size_t log_ahead_bytes)
      : rocksdb::FileSystemWrapper(base), log_ahead_bytes_(log_ahead_bytes) {}

  const char* Name() const override { return "bcstore.SystemFiles"; }
  IOStatus LockFile(const std::string&, const IOOptions&, rocksdb::FileLock** lock,
                    IODebugContext*) override {
    *lock = new HeldLock();
    return IOStatus::OK();
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    delete lock;
    return IOStatus::OK();
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    if (makes_current(to)) {
      std::unique_ptr<rocksdb::FSDirectory> directory;
      IOStatus synced = NewDirectory(parent_directory(to), options, &directory, debug);
      if (synced.ok()) synced = directory->Fsync(options, debug);
      if (!synced.ok()) return synced;
    }
    return FileSystemWrapper::RenameFile(from, to, options, debug);
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* debug) override {
    if (log_ahead_bytes_ == 0 || !is_log(path)) {
      return FileSystemWrapper::NewWritableFile(path, options, result, debug);
    }
    result->reset();
    auto file = default_file_system()->open_writable(path, bcstore::FileSystem::Create::fresh);
    if (!file) return to_rocks(file.status(), path);
    *result = std::make_unique<LogWritable>(path, options, std::move(*file), log_ahead_bytes_,
                                            /*concurrent=*/true);
    return IOStatus::OK();
  }

 private:
  const size_t log_ahead_bytes_;
};

// Reads until `size` bytes or the end of the file.
IOStatus read_fully(const Reader& reader, const std::string& path, uint64_t offset, size_t size,
                    char* buffer, rocksdb::Slice* result) {
  size_t done = 0;
  while (done < size) {
    Result<size_t> part = reader.read(offset + done, size - done, buffer + done);
    if (!part) {
      *result = rocksdb::Slice(buffer, 0);
      return to_rocks(part.status(), path);
    }
    if (*part == 0) break;
    done += *part;
  }
  *result = rocksdb::Slice(buffer, done);
  return IOStatus::OK();
}

class InjectedSequential final : public rocksdb::FSSequentialFile {
 public:
  InjectedSequential(std::string path, std::unique_ptr<Reader> reader)
      : path_(std::move(path)), reader_(std::move(reader)) {}

  IOStatus Read(size_t size, const IOOptions&, rocksdb::Slice* result, char* scratch,
                IODebugContext*) override {
    IOStatus status = read_fully(*reader_, path_, offset_, size, scratch, result);
    if (status.ok()) offset_ += result->size();
    return status;
  }
  IOStatus Skip(uint64_t size) override {
    offset_ += size;
    return IOStatus::OK();
  }
  IOStatus InvalidateCache(size_t, size_t) override { return IOStatus::OK(); }

 private:
  const std::string path_;
  const std::unique_ptr<Reader> reader_;
  uint64_t offset_ = 0;
};

class InjectedRandom final : public rocksdb::FSRandomAccessFile {
 public:
  InjectedRandom(std::string path, std::unique_ptr<Reader> reader)
      : path_(std::move(path)), reader_(std::move(reader)) {}

  IOStatus Read(uint64_t offset, size_t size, const IOOptions&, rocksdb::Slice* result,
                char* scratch, IODebugContext*) const override {
    return read_fully(*reader_, path_, offset, size, scratch, result);
  }
  IOStatus InvalidateCache(size_t, size_t) override { return IOStatus::OK(); }

 private:
  const std::string path_;
  const std::unique_ptr<Reader> reader_;
};

class InjectedDirectory final : public rocksdb::FSDirectory {
 public:
  InjectedDirectory(std::string path, std::shared_ptr<FileSystem> files)
      : path_(std::move(path)), files_(std::move(files)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return to_rocks(files_->sync_directory(path_), path_);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  const std::string path_;
  const std::shared_ptr<FileSystem> files_;
};

// Absence as RocksDB wants it from questions about a path; other errors as everywhere.
IOStatus answer(const Status& status, const std::string& path) {
  if (status.code() == Code::not_found) return IOStatus::NotFound(path, "does not exist");
  return to_rocks(status, path);
}

class InjectedFiles final : public rocksdb::FileSystem {
 public:
  InjectedFiles(std::shared_ptr<bcstore::FileSystem> files, size_t log_ahead_bytes)
      : files_(std::move(files)), log_ahead_bytes_(log_ahead_bytes) {}

  const char* Name() const override { return "bcstore.InjectedFiles"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result,
                             IODebugContext*) override {
    return open_reader<InjectedSequential>(path, result);
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext*) override {
    return open_reader<InjectedRandom>(path, result);
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext*) override {
    return open_writable(path, bcstore::FileSystem::Create::fresh, options, result);
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* result,
                              IODebugContext*) override {
    return open_writable(path, bcstore::FileSystem::Create::append, options, result);
  }
  IOStatus ReuseWritableFile(const std::string& path, const std::string&, const FileOptions&,
                             std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) override {
    return IOStatus::NotSupported("log files are not recycled", path);
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext*) override {
    result->reset();
    Result<FileInfo> info = files_->info(path);
    if (!info) return to_rocks(info.status(), path);
    if (!info->is_directory) return IOStatus::IOError(path, "is not a directory");
    *result = std::make_unique<InjectedDirectory>(path, files_);
    return IOStatus::OK();
  }

  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    return answer(files_->info(path).status(), path);
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is_directory,
                       IODebugContext*) override {
    Result<FileInfo> info = files_->info(path);
    if (info && is_directory != nullptr) *is_directory = info->is_directory;
    return answer(info.status(), path);
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, uint64_t* size,
                       IODebugContext*) override {
    Result<FileInfo> info = files_->info(path);
    *size = info ? info->size : 0;
    return to_rocks(info.status(), path);
  }
  IOStatus GetFileModificationTime(const std::string& path, const IOOptions&, uint64_t* time_s,
                                   IODebugContext*) override {
    Result<FileInfo> info = files_->info(path);
    *time_s = info ? static_cast<uint64_t>(info->modified_s) : 0;
    return to_rocks(info.status(), path);
  }
  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* names,
                       IODebugContext*) override {
    names->clear();
    Result<std::vector<std::string>> list = files_->list(path);
    if (!list) return answer(list.status(), path);
    *names = std::move(*list);
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* absolute,
                           IODebugContext*) override {
    std::error_code error;
    *absolute = std::filesystem::absolute(path, error).string();
    return error ? IOStatus::IOError(path, error.message()) : IOStatus::OK();
  }
  IOStatus GetFreeSpace(const std::string& path, const IOOptions&, uint64_t* bytes,
                        IODebugContext*) override {
    Result<uint64_t> free_bytes = files_->free_space(path);
    *bytes = free_bytes ? *free_bytes : 0;
    return to_rocks(free_bytes.status(), path);
  }

  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return to_rocks(files_->remove(path), path);
  }
  IOStatus Truncate(const std::string& path, size_t size, const IOOptions&,
                    IODebugContext*) override {
    Result<std::unique_ptr<WritableFile>> file =
        files_->open_writable(path, bcstore::FileSystem::Create::append);
    if (!file) return to_rocks(file.status(), path);
    IOStatus truncated = to_rocks((*file)->truncate(size), path);
    IOStatus closed = to_rocks((*file)->close(), path);
    return truncated.ok() ? closed : truncated;
  }
  IOStatus CreateDir(const std::string& path, const IOOptions& options,
                     IODebugContext* debug) override {
    if (FileExists(path, options, debug).ok()) return IOStatus::IOError(path, "exists already");
    return to_rocks(files_->make_directory(path), path);
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    return to_rocks(files_->make_directory(path), path);
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return to_rocks(files_->remove_directory(path), path);
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    if (makes_current(to)) {
      const Status synced = files_->sync_directory(parent_directory(to));
      if (!synced.ok()) return to_rocks(synced, to);
    }
    return to_rocks(files_->rename(from, to), from);
  }
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions&,
                    IODebugContext*) override {
    const Status linked = files_->link(from, to);
    // Two file systems: RocksDB then copies.
    if (linked.code() == Code::invalid_argument) return IOStatus::NotSupported(from, to);
    return to_rocks(linked, from);
  }

  IOStatus LockFile(const std::string&, const IOOptions&, rocksdb::FileLock** lock,
                    IODebugContext*) override {
    *lock = new HeldLock();
    return IOStatus::OK();
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    delete lock;
    return IOStatus::OK();
  }
  IOStatus GetTestDirectory(const IOOptions&, std::string*, IODebugContext*) override {
    return IOStatus::NotSupported("GetTestDirectory");
  }
  IOStatus NewLogger(const std::string&, const IOOptions&, std::shared_ptr<rocksdb::Logger>*,
                     IODebugContext*) override {
    return IOStatus::NotSupported("NewLogger");
  }

 private:
  template <class File, class Base>
  IOStatus open_reader(const std::string& path, std::unique_ptr<Base>* result) {
    result->reset();
    Result<std::unique_ptr<Reader>> reader = files_->open_reader(path);
    if (!reader) return to_rocks(reader.status(), path);
    *result = std::make_unique<File>(path, std::move(*reader));
    return IOStatus::OK();
  }
  IOStatus open_writable(const std::string& path, bcstore::FileSystem::Create create,
                         const FileOptions& options,
                         std::unique_ptr<rocksdb::FSWritableFile>* result) {
    result->reset();
    Result<std::unique_ptr<WritableFile>> file = files_->open_writable(path, create);
    if (!file) return to_rocks(file.status(), path);
    if (log_ahead_bytes_ > 0 && create == bcstore::FileSystem::Create::fresh && is_log(path)) {
      *result = std::make_unique<LogWritable>(path, options, std::move(*file), log_ahead_bytes_,
                                              /*concurrent=*/false);
    } else {
      *result = std::make_unique<InjectedWritable>(path, options, std::move(*file));
    }
    return IOStatus::OK();
  }

  const std::shared_ptr<bcstore::FileSystem> files_;
  const size_t log_ahead_bytes_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> system_files(const std::shared_ptr<rocksdb::FileSystem>& base,
                                                  size_t log_ahead_bytes) {
  return std::make_shared<SystemFiles>(base, log_ahead_bytes);
}

std::shared_ptr<rocksdb::FileSystem> injected_files(std::shared_ptr<bcstore::FileSystem> files,
                                                    size_t log_ahead_bytes) {
  return std::make_shared<InjectedFiles>(std::move(files), log_ahead_bytes);
}

std::string parent_directory(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace bcstore::engine
