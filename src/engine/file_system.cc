// The operating system's files behind the FileSystem interface.
#include "bcstore/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace bcstore {
namespace {

constexpr mode_t kFileMode = 0644;
constexpr mode_t kDirectoryMode = 0755;
constexpr size_t kLargestTransferBytes = size_t{1} << 30;

Code code_of(int error) {
  switch (error) {
    case ENOENT:
      return Code::not_found;
    case EEXIST:
      return Code::already_exists;
    case ENOSPC:
    case EDQUOT:
      return Code::no_space;
    case EINVAL:
    case ENAMETOOLONG:
    case EXDEV:  // a link between two file systems
      return Code::invalid_argument;
    default:
      return Code::io_error;
  }
}

Status failure(std::string_view doing, const std::string& path, int error) {
  return Status(code_of(error),
                std::string(doing) + " " + path + ": " + std::generic_category().message(error));
}

Status outcome(int result, std::string_view doing, const std::string& path) {
  return result == 0 ? Status() : failure(doing, path, errno);
}

// Repeats a call that a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  bool valid() const { return number_ >= 0; }
  int number() const { return number_; }
  // After an error the descriptor is gone too: close() is not repeated.
  int close() { return ::close(std::exchange(number_, -1)); }

 private:
  int number_;
};

Descriptor open_descriptor(const std::string& path, int flags) {
  return Descriptor(
      uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, kFileMode); }));
}

// Unbuffered: RocksDB gathers small appends itself.
class PosixWritable final : public WritableFile {
 public:
  PosixWritable(std::string path, Descriptor file, uint64_t size, bool appends_at_end)
      : path_(std::move(path)), file_(std::move(file)), size_(size), at_end_(appends_at_end) {}

  Status append(std::string_view data) override {
    while (!data.empty()) {
      const ssize_t written = uninterrupted([&] {
        return ::write(file_.number(), data.data(), std::min(data.size(), kLargestTransferBytes));
      });
      if (written < 0) return failure("cannot write", path_, errno);
      size_ += static_cast<uint64_t>(written);
      data.remove_prefix(static_cast<size_t>(written));
    }
    return Status();
  }
  Status flush() override { return Status(); }
  Status sync() override {
    return outcome(uninterrupted([&] { return ::fdatasync(file_.number()); }), "cannot sync",
                   path_);
  }
  void lay_out(uint64_t bytes) override {
    static constexpr char kZeros[size_t{64} << 10] = {};
    if (at_end_) return;  // where the file ends is where it would append
    const uint64_t end = size_ + bytes;
    laid_out_ = std::max(laid_out_, size_);
    // Written, and not only allocated: turning an allocated block into a written one is recorded
    // with the next sync, just as a new length is.
    while (laid_out_ < end) {
      const ssize_t written = uninterrupted([&] {
        return ::pwrite(file_.number(), kZeros, std::min<uint64_t>(sizeof kZeros, end - laid_out_),
                        static_cast<off_t>(laid_out_));
      });
      if (written <= 0) return;
      laid_out_ += static_cast<uint64_t>(written);
    }
  }
  Status truncate(uint64_t size) override {
    const auto length = static_cast<off_t>(size);
    Status cut = outcome(uninterrupted([&] { return ::ftruncate(file_.number(), length); }),
                         "cannot truncate", path_);
    if (cut.ok()) size_ = laid_out_ = size;
    return cut;
  }
  Status close() override {
    if (!file_.valid()) return Status();
    Status cut = laid_out_ > size_ ? truncate(size_) : Status();
    Status closed = outcome(file_.close(), "cannot close", path_);
    return cut.ok() ? closed : cut;
  }
  uint64_t size() override { return size_; }

 private:
  const std::string path_;
  Descriptor file_;
  uint64_t size_;
  const bool at_end_;
  uint64_t laid_out_ = 0;  // where the zeros end, if beyond size_
};

class PosixReader final : public Reader {
 public:
  PosixReader(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}

  Result<size_t> read(uint64_t offset, size_t size, char* buffer) const override {
    size_t done = 0;
    while (done < size) {
      const ssize_t part = uninterrupted([&] {
        return ::pread(file_.number(), buffer + done, std::min(size - done, kLargestTransferBytes),
                       static_cast<off_t>(offset + done));
      });
      if (part < 0) return failure("cannot read", path_, errno);
      if (part == 0) break;
      done += static_cast<size_t>(part);
    }
    return done;
  }

 private:
  const std::string path_;
  const Descriptor file_;
};

struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

// A lock of the open file, not of the process: it also stands against a second holder in the same
// process, and needs no list of them.
class PosixLock final : public FileLock {
 public:
  explicit PosixLock(Descriptor file) : file_(std::move(file)), pid_(::getpid()) {}
  ~PosixLock() override {
    // A forked child shares the open file. Closing its copy keeps the parent's lock; unlocking
    // would not.
    if (::getpid() != pid_) return;
    struct flock unlocked = whole_file(F_UNLCK);
    (void)::fcntl(file_.number(), F_OFD_SETLK, &unlocked);
  }

 private:
  const Descriptor file_;
  const pid_t pid_;
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path,
                                                      Create create) override {
    const int flags = O_WRONLY | O_CREAT | (create == Create::fresh ? O_TRUNC : O_APPEND);
    Descriptor file = open_descriptor(path, flags);
    if (!file.valid()) return failure("cannot open", path, errno);
    struct stat about {};
    if (::fstat(file.number(), &about) != 0) return failure("cannot open", path, errno);
    return std::unique_ptr<WritableFile>(std::make_unique<PosixWritable>(
        path, std::move(file), static_cast<uint64_t>(about.st_size), create == Create::append));
  }
  Result<std::unique_ptr<Reader>> open_reader(const std::string& path) override {
    Descriptor file = open_descriptor(path, O_RDONLY);
    if (!file.valid()) return failure("cannot open", path, errno);
    return std::unique_ptr<Reader>(std::make_unique<PosixReader>(path, std::move(file)));
  }
  Result<FileInfo> info(const std::string& path) override {
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0) return failure("cannot look at", path, errno);
    return FileInfo{static_cast<uint64_t>(about.st_size), S_ISDIR(about.st_mode), about.st_mtime};
  }
  Result<std::vector<std::string>> list(const std::string& directory) override;

  Status make_directory(const std::string& path) override {
    if (::mkdir(path.c_str(), kDirectoryMode) == 0) return Status();
    const int error = errno;
    struct stat about {};
    if (error == EEXIST && ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode)) {
      return Status();
    }
    return failure("cannot make the directory", path, error);
  }
  Status remove_directory(const std::string& path) override {
    return outcome(::rmdir(path.c_str()), "cannot remove the directory", path);
  }
  Status remove(const std::string& path) override {
    return outcome(::unlink(path.c_str()), "cannot remove", path);
  }
  Status rename(const std::string& from, const std::string& to) override {
    return outcome(::rename(from.c_str(), to.c_str()), "cannot rename", from);
  }
  Status link(const std::string& from, const std::string& to) override {
    return outcome(::link(from.c_str(), to.c_str()), "cannot link", from);
  }
  Status sync_directory(const std::string& path) override {
    const Descriptor directory = open_descriptor(path, O_RDONLY | O_DIRECTORY);
    if (!directory.valid()) return failure("cannot open", path, errno);
    return outcome(uninterrupted([&] { return ::fsync(directory.number()); }), "cannot sync", path);
  }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

  Result<uint64_t> free_space(const std::string& path) override {
    struct statvfs about {};
    if (uninterrupted([&] { return ::statvfs(path.c_str(), &about); }) != 0) {
      return failure("cannot ask for the free space of", path, errno);
    }
    // The last blocks are kept for the superuser.
    const uint64_t blocks = ::geteuid() == 0 ? about.f_bfree : about.f_bavail;
    return uint64_t{about.f_frsize} * blocks;
  }
};

Result<std::vector<std::string>> PosixFileSystem::list(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), &::closedir);
  if (!open) return failure("cannot list", directory, errno);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;  // the only way to tell the end from an error
    const dirent* entry = ::readdir(open.get());
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  if (errno != 0) return failure("cannot list", directory, errno);
  return names;
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::lock(const std::string& path) {
  Descriptor file = open_descriptor(path, O_RDWR | O_CREAT);
  if (!file.valid()) return failure("cannot open", path, errno);
  struct flock exclusive = whole_file(F_WRLCK);
  if (::fcntl(file.number(), F_OFD_SETLK, &exclusive) != 0) {
    if (errno == EAGAIN || errno == EACCES) return Status(Code::busy, path + " is locked");
    return failure("cannot lock", path, errno);
  }
  // Another holder may have removed the file between the two calls: such a lock keeps nobody out.
  struct stat held {};
  struct stat named {};
  if (::fstat(file.number(), &held) != 0 || ::stat(path.c_str(), &named) != 0 ||
      held.st_ino != named.st_ino || held.st_dev != named.st_dev) {
    return Status(Code::busy, path + " was replaced while it was being locked");
  }
  return std::unique_ptr<FileLock>(std::make_unique<PosixLock>(std::move(file)));
}

}  // namespace

std::shared_ptr<FileSystem> default_file_system() { return std::make_shared<PosixFileSystem>(); }

}  // namespace bcstore
