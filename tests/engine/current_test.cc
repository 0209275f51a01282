// CURRENT is replaced only when the directory entry of the manifest that it names is on disk.
#include "engine/engine_fixture.h"

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

}  // namespace
}  // namespace bcstore::engine
