#include "scratch.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "failure.h"

namespace bcstore::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "bcstore-bench-";
constexpr const char* kLock = "lock";
// Engines lay out their logs in pieces of up to 16 MiB: with less than two of them left, whatever
// goes wrong does so for want of room.
constexpr uint64_t kFullDiskBytes = uint64_t{32} << 20;
// How the engines say it.
constexpr std::string_view kFullDiskWords[] = {"No space left on device", "disk is full",
                                               "no_space"};

// Removes what runs that were killed left behind: nobody holds their locks.
void remove_abandoned(const fs::path& parent) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, error)) {
    if (entry.path().filename().string().rfind(kPrefix, 0) != 0) continue;
    const int lock = ::open((entry.path() / kLock).c_str(), O_RDWR | O_CLOEXEC);
    if (lock < 0) continue;
    if (::flock(lock, LOCK_EX | LOCK_NB) == 0) fs::remove_all(entry.path(), error);
    ::close(lock);
  }
}

// File by file: what others left in the system's buffers is not waited for. Files that were not
// written since an earlier time are left alone; a server has a thousand of them. All are handed to
// the disk before the first is waited for, so that they share the commits of the file system.
void sync_under(const std::string& directory, fs::file_time_type since) {
  std::vector<fs::path> written;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory, error)) {
    std::error_code gone;
    if (!entry.is_regular_file(gone) || gone) continue;
    if (entry.last_write_time(gone) >= since && !gone) written.push_back(entry.path());
  }
  for (const bool waits : {false, true}) {
    for (const fs::path& path : written) {
      const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (file < 0) continue;
      if (waits) {
        ::fsync(file);
      } else {
        ::sync_file_range(file, 0, 0, SYNC_FILE_RANGE_WRITE);
      }
      ::close(file);
    }
  }
}

uint64_t bytes_under(const std::string& directory) {
  uint64_t bytes = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory, error)) {
    std::error_code gone;  // files come and go under a live store
    const uint64_t size = entry.is_regular_file(gone) ? entry.file_size(gone) : 0;
    if (!gone) bytes += size;
  }
  return bytes;
}

}  // namespace

Scratch::Scratch(const std::string& parent) {
  remove_abandoned(parent);
  path_ = (fs::path(parent) / fmt::format("{}{}", kPrefix, ::getpid())).string();
  if (::mkdir(path_.c_str(), 0700) != 0) {
    throw Refused(
        fmt::format("cannot make a scratch directory in '{}': {}", parent, std::strerror(errno)));
  }
  lock_ = ::open((fs::path(path_) / kLock).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0 || ::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    const int cause = errno;
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    throw Refused(fmt::format("cannot lock '{}': {}", path_, std::strerror(cause)));
  }
  find_file_system();
}

Scratch::~Scratch() {
  std::error_code error;
  fs::remove_all(path_, error);
  if (error) fmt::print(stderr, "could not remove '{}': {}\n", path_, error.message());
  ::close(lock_);
}

std::string Scratch::fresh(const std::string& name) const {
  remove(name);
  const fs::path path = fs::path(path_) / name;
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw Failure(fmt::format("cannot make '{}': {}", path.string(), error.message()));
  return path.string();
}

void Scratch::remove(const std::string& name) const {
  least_free_bytes_ = std::min(least_free_bytes_, free_bytes());
  std::error_code ignored;
  fs::remove_all(fs::path(path_) / name, ignored);
}

uint64_t Scratch::free_bytes() const {
  struct statvfs info {};
  if (::statvfs(path_.c_str(), &info) != 0) return 0;
  return uint64_t{info.f_bavail} * uint64_t{info.f_frsize};
}

bool Scratch::was_full(std::string_view reason) const {
  least_free_bytes_ = std::min(least_free_bytes_, free_bytes());
  return least_free_bytes_ < kFullDiskBytes ||
         std::any_of(std::begin(kFullDiskWords), std::end(kFullDiskWords),
                     [reason](std::string_view words) {
                       return reason.find(words) != std::string_view::npos;
                     });
}

void Scratch::settle(const std::string& directory, int glances) const {
  using std::chrono::milliseconds;
  // The system's stamps lag behind its clock by a tick.
  const fs::file_time_type now_stamp = fs::file_time_type::clock::now() - milliseconds(20);
  fs::file_time_type& synced =
      synced_.try_emplace(directory, fs::file_time_type::min()).first->second;
  const auto all = synced_.find(path_);
  sync_under(directory, all == synced_.end() ? synced : std::max(synced, all->second));
  synced = now_stamp;
  uint64_t before = bytes_under(directory);
  for (int quiet = 0, rounds = 0; quiet < glances && rounds < 1200; ++rounds) {
    std::this_thread::sleep_for(milliseconds(50));
    check_interrupted();
    const uint64_t now = bytes_under(directory);
    quiet = now == before ? quiet + 1 : 0;
    before = now;
  }
}

void Scratch::find_file_system() {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) return;
  const std::string device = fmt::format("{}:{}", major(info.st_dev), minor(info.st_dev));
  // "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw"
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id, parent, number, word, type, source;
    words >> id >> parent >> number;
    if (number != device) continue;
    while (words >> word && word != "-") {
    }
    words >> type >> source;
    file_system_ = fmt::format("{} on {}", type, source);
    is_on_disk_ = type != "tmpfs" && type != "ramfs" && type != "devtmpfs";
    return;
  }
  file_system_ = fmt::format("unknown file system on device {}", device);
}

}  // namespace bcstore::bench
