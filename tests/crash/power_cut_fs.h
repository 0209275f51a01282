// PowerCutFileSystem: a disk that loses power.
//
// It passes every file on to another file system, and beside it keeps a model of what a disk may
// hold if the power went now:
//
//   file bytes   those before the last sync() of the file stay; of those after it any number stays,
//                the last sector of what stays may hold other bytes than were written, and sectors
//                before it may never have been written and read as zeros
//   lay_out      the zeros beyond the end are there after a sync; until then any number of them,
//   and
//                until a sync after close() they may come back
//   entries      a created, linked, renamed or removed name stays so after the directory was
//                synced; until then it may be undone, alone or with what came after it
//   truncation   like bytes: undone or not until the file is synced
//
// cut_at() names the operation at which the power goes: that operation and every later one answers
// io_error, reads included. When everything that used the files is gone, restore() lays the
// directory down as the loss left it, and switches the power on again.
//
// Syncs are not passed on: the model is the disk here, and the files below it only have to be
// readable by this process. That also makes hundreds of losses a matter of seconds.
//
// Only operations that change something count and can be named by cut_at(). Renaming a directory is
// not simulated (`invalid_argument`), and locks are passed on as they are.
//
// Thread contract: as FileSystem; restore() is called by one thread, alone. The file system must
// outlive its files.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/file_system.h"
#include "crash/random.h"

namespace bcstore::crash {

class PowerCutFileSystem : public FileSystemWrapper {
 public:
  // A disk that answers `ok` to a sync that it did not do: the positive control of the harness.
  struct Lies {
    bool log_sync = false;  // of files that end in ".log"
    bool directory_sync = false;
  };
  // What a loss of power took.
  struct Loss {
    uint64_t bytes_lost = 0;
    uint64_t torn_files = 0;      // kept a part of what was not synced
    uint64_t garbled_files = 0;   // of these, how many end in other bytes than were written
    uint64_t holed_files = 0;     // of these, how many lack sectors in the midst
    uint64_t laid_out_files = 0;  // end in zeros that were laid out ahead
    uint64_t entries_undone = 0;  // names that went back to what they were
    std::string story{};          // which files, for people
  };

  // `root` is an existing, empty directory: what lies below it is simulated.
  PowerCutFileSystem(std::shared_ptr<FileSystem> target, std::string root);
  ~PowerCutFileSystem() override;

  void lie(Lies lies);
  // Lets a sync take this long, so that several threads meet in one group.
  void set_sync_us(uint32_t sync_us) { sync_us_ = sync_us; }
  // Changing operations so far.
  uint64_t operations() const;
  // The power goes at the operation with this number, the first being 1; 0 is never.
  void cut_at(uint64_t operation);
  // How often a log was appended to while another one held bytes that were not synced: a loss at
  // such a moment may take the end of the older log and leave the younger, a hole in between.
  uint64_t overlaps() const;
  void cut_at_overlap(uint64_t overlap);  // the power goes at the one with this number
  void cut_now();
  bool powered() const { return powered_.load(); }
  Result<Loss> restore(Random& random, bool garbled_tails = false);

  // Files that end in ".log" are the store's logs.
  uint64_t log_syncs() const;
  // Nothing of any log would be lost if the power went now.
  bool logs_are_synced() const;
  // The text stands in bytes of a log that may be lost if the power went now.
  bool unsynced_log_holds(std::string_view text) const;

  Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path,
                                                      Create create) override;
  Result<std::unique_ptr<Reader>> open_reader(const std::string& path) override;
  Result<FileInfo> info(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Status make_directory(const std::string& path) override;
  Status remove_directory(const std::string& path) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status link(const std::string& from, const std::string& to) override;
  Status sync_directory(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
  Result<uint64_t> free_space(const std::string& path) override;

 private:
  class File;
  class PoweredReader;
  struct Inode;
  struct Model;

  Status write_out(const std::string& path, std::string_view bytes);
  Status remove_all(const std::string& directory);

  std::shared_ptr<FileSystem> target_;
  std::unique_ptr<Model> model_;
  std::atomic<bool> powered_{true};
  std::atomic<uint32_t> sync_us_{0};
};

}  // namespace bcstore::crash
