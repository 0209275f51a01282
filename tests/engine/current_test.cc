// CURRENT is replaced only when the directory entry of the manifest that it names is on disk.
#include <rocksdb/file_system.h>

#include <fstream>

#include "engine/engine_fixture.h"
#include "engine/rocks_files.h"

namespace bcstore::engine {
namespace {

// Notes the directory's changes that are not synced when CURRENT is replaced.
class Entries final : public FileSystemWrapper {
 public:
  Entries() : FileSystemWrapper(default_file_system()) {}

  Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path,
                                                      Create create) override {
    if (!info(path)) unsynced_.push_back(path);
    return FileSystemWrapper::open_writable(path, create);
  }
  Status rename(const std::string& from, const std::string& to) override {
    if (to.ends_with("/CURRENT")) {
      ++replaced;
      for (const std::string& path : unsynced_) {
        if (path.find("MANIFEST-") != std::string::npos) ++early;
      }
    }
    return FileSystemWrapper::rename(from, to);
  }
  Status sync_directory(const std::string& path) override {
    unsynced_.clear();
    return FileSystemWrapper::sync_directory(path);
  }

  int replaced = 0;
  int early = 0;  // manifests that a loss of power could have taken, with CURRENT naming them

 private:
  std::vector<std::string> unsynced_;
};

TEST_CASE("open: CURRENT never names a manifest that a loss of power may still take") {
  const ScratchDirectory scratch;
  const auto entries = std::make_shared<Entries>();
  Options options = small_options();
  options.file_system = entries;
  for (int i = 0; i < 3; ++i) (void)open_engine(scratch.at("store"), options);
  CHECK(entries->replaced >= 3);
  CHECK(entries->early == 0);
}

// The operating system's files, with a note of what is done to directories.
class Noted final : public rocksdb::FileSystemWrapper {
 public:
  Noted() : rocksdb::FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  const char* Name() const override { return "Noted"; }
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override {
    if (fails) return rocksdb::IOStatus::IOError(path, "no directory");
    const auto status = FileSystemWrapper::NewDirectory(path, options, result, debug);
    *result = std::make_unique<Directory>(this, path, std::move(*result));
    return status;
  }
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    notes.push_back("rename " + to);
    return FileSystemWrapper::RenameFile(from, to, options, debug);
  }
  std::vector<std::string> notes;
  bool fails = false;

 private:
  class Directory final : public rocksdb::FSDirectoryWrapper {
   public:
    Directory(Noted* noted, std::string path, std::unique_ptr<rocksdb::FSDirectory> target)
        : FSDirectoryWrapper(std::move(target)), noted_(noted), path_(std::move(path)) {}
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                            rocksdb::IODebugContext* debug) override {
      noted_->notes.push_back("sync " + path_);
      return FSDirectoryWrapper::Fsync(options, debug);
    }

   private:
    Noted* noted_;
    std::string path_;
  };
};

TEST_CASE("open: on the system's own files too the directory is synced before CURRENT changes") {
  const ScratchDirectory scratch;
  const auto noted = std::make_shared<Noted>();
  const auto files = system_files(noted);
  const auto rename = [&](const std::string& name) {
    noted->notes.clear();
    std::ofstream(scratch.at("new")) << "text";
    return files->RenameFile(scratch.at("new"), scratch.at(name), {}, nullptr);
  };
  REQUIRE(rename("OPTIONS-000005").ok());
  CHECK(noted->notes == std::vector{"rename " + scratch.at("OPTIONS-000005")});
  REQUIRE(rename("CURRENT").ok());
  CHECK(noted->notes == std::vector{"sync " + scratch.path(), "rename " + scratch.at("CURRENT")});
  noted->fails = true;
  CHECK_FALSE(rename("CURRENT").ok());
  CHECK(noted->notes.empty());
}

}  // namespace
}  // namespace bcstore::engine
