// TempDirectory: a directory of its own for a test, gone at the end of its life. Those of runs that
// were killed are removed by later ones: their directories are not locked.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace bcstore::test {

class TempDirectory {
 public:
  // `path()` is empty when none could be made.
  TempDirectory() {
    static const bool kCleared = remove_abandoned();
    (void)kCleared;
    std::string name = (root() / (std::string(kPrefix) + "XXXXXX")).string();
    if (::mkdtemp(name.data()) == nullptr) return;
    path_ = name;
    lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock_ >= 0) (void)::flock(lock_, LOCK_EX | LOCK_NB);
  }
  ~TempDirectory() {
    std::error_code ignored;
    if (!keep_ && !path_.empty()) std::filesystem::remove_all(path_, ignored);
    if (lock_ >= 0) ::close(lock_);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string sub(std::string_view name) const { return path_ + "/" + std::string(name); }
  void keep() { keep_ = true; }

 private:
  static constexpr const char* kPrefix = "bcstore-test-";
  // One that was just made is not locked yet; one that is kept has this long to be looked at.
  static constexpr std::chrono::hours kLeastAge{24};

  static std::filesystem::path root() { return std::filesystem::temp_directory_path(); }

  static bool remove_abandoned() {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(root(), error)) {
      if (entry.path().filename().string().rfind(kPrefix, 0) != 0) continue;
      const auto age = std::filesystem::file_time_type::clock::now() - entry.last_write_time(error);
      if (error || age < kLeastAge) continue;
      const int lock = ::open(entry.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (lock < 0) continue;
      if (::flock(lock, LOCK_EX | LOCK_NB) == 0) std::filesystem::remove_all(entry.path(), error);
      ::close(lock);
    }
    return true;
  }

  std::string path_;
  int lock_ = -1;
  bool keep_ = false;
};

}  // namespace bcstore::test
