// Scratch: a directory for the run's data, removed when it goes out of scope.
//
// It is locked while the run lives; what a killed run left behind is removed by the next one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace bcstore::bench {

class Scratch {
 public:
  // A new directory under `parent`.
  explicit Scratch(const std::string& parent);
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();

  const std::string& path() const { return path_; }
  // An empty directory within; whatever it held is removed.
  std::string fresh(const std::string& name) const;
  void remove(const std::string& name) const;
  uint64_t free_bytes() const;
  // Whether a failure of these words came from a full disk: they say so, or next to nothing was
  // free when an engine's data were removed.
  bool was_full(std::string_view reason) const;
  // The least that was free so far, as far as anybody looked.
  uint64_t least_free_bytes() const { return least_free_bytes_; }

  // "ext4 on /dev/vda"
  const std::string& file_system() const { return file_system_; }
  // False for file systems in memory, where durable figures mean nothing.
  bool is_on_disk() const { return is_on_disk_; }

  // Writes the files of `directory` out to the disk and waits until it has not changed its size for
  // a moment (so many glances 50 ms apart): flushes and compactions of the engines have ended.
  void settle(const std::string& directory, int glances = 3) const;

 private:
  void find_file_system();
  std::string path_;
  std::string file_system_;
  bool is_on_disk_ = true;
  mutable uint64_t least_free_bytes_ = UINT64_MAX;
  // What was written before lies on the disk, directory by directory.
  mutable std::map<std::string, std::filesystem::file_time_type> synced_;
  int lock_ = -1;
};

}  // namespace bcstore::bench
