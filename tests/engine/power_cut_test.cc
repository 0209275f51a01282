// The disk that loses power, proved by itself: what was not synced may vanish, what was stays.
#include "crash/power_cut_fs.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>

#include "temp_directory.h"

namespace {

using bcstore::Code;
using bcstore::FileSystem;
using bcstore::Status;
using bcstore::WritableFile;
using bcstore::crash::PowerCutFileSystem;
using bcstore::crash::Random;
namespace files = std::filesystem;

uint64_t test_seed() {
  const char* given = std::getenv("BCSTORE_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 20250801;
}

// A simulated disk over an own directory, with enough rolls of the dice to see every outcome.
class Disk {
 public:
  Disk() : seed_(test_seed()), random_(seed_) {
    REQUIRE(!root().empty());
    fs_ = std::make_shared<PowerCutFileSystem>(bcstore::default_file_system(), root());
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  PowerCutFileSystem& fs() { return *fs_; }
  uint64_t seed() const { return seed_; }
  std::string path(const std::string& name) const { return directory_.sub(name); }
  const std::string& root() const { return directory_.path(); }

  std::unique_ptr<WritableFile> open(const std::string& name,
                                     FileSystem::Create create = FileSystem::Create::fresh) {
    auto opened = fs_->open_writable(path(name), create);
    REQUIRE(opened.ok());
    return *std::move(opened);
  }
  void write_synced(const std::string& name, const std::string& bytes) {
    auto file = open(name);
    REQUIRE(file->append(bytes).ok());
    REQUIRE(file->sync().ok());
    REQUIRE(file->close().ok());
    REQUIRE(fs_->sync_directory(root()).ok());
  }
  PowerCutFileSystem::Loss lose_power() {
    auto loss = fs_->restore(random_, true);
    REQUIRE(loss.ok());
    return *loss;
  }
  bool has(const std::string& name) { return fs_->info(path(name)).ok(); }
  std::string read(const std::string& name) {
    auto info = fs_->info(path(name));
    if (!info.ok()) return "(absent)";
    auto reader = fs_->open_reader(path(name));
    REQUIRE(reader.ok());
    std::string bytes(info->size, '\0');
    auto got = (*reader)->read(0, bytes.size(), bytes.data());
    REQUIRE(got.ok());
    CHECK(*got == bytes.size());
    return bytes;
  }

 private:
  uint64_t seed_;
  Random random_;
  bcstore::test::TempDirectory directory_;
  std::shared_ptr<PowerCutFileSystem> fs_;
};

constexpr int kRolls = 200;

}  // namespace

TEST_CASE("power cut: synced bytes stay, of the others any number, the last sector torn") {
  Disk disk;
  CAPTURE(disk.seed());
  const std::string synced(700, 's');
  const std::string unsynced(3000, 'u');
  std::set<size_t> lengths;
  bool garbled = false;
  size_t holes = 0;
  for (int roll = 0; roll < kRolls; ++roll) {
    disk.write_synced("a.log", synced);
    auto file = disk.open("a.log", FileSystem::Create::append);
    REQUIRE(file->append(unsynced).ok());
    REQUIRE(file->flush().ok());
    CHECK_FALSE(disk.fs().logs_are_synced());
    CHECK(disk.fs().unsynced_log_holds("uuu"));
    CHECK_FALSE(disk.fs().unsynced_log_holds("sss"));
    file.reset();
    disk.lose_power();
    const std::string left = disk.read("a.log");
    REQUIRE(left.size() >= synced.size());
    REQUIRE(left.size() <= synced.size() + unsynced.size());
    CHECK(left.substr(0, synced.size()) == synced);
    const std::string tail = left.substr(synced.size());
    const size_t sector = (left.size() - 1) / 512 * 512;
    const size_t sure = sector > synced.size() ? sector - synced.size() : 0;
    bool hole = false;
    for (size_t at = 0; at < sure; ++at) {
      // Sectors that were never written read as zeros, from the last synced byte on.
      const size_t begin = std::max((synced.size() + at) / 512 * 512, synced.size());
      REQUIRE((tail[at] == 'u' || tail[at] == '\0'));
      REQUIRE(tail[at] == tail[begin - synced.size()]);
      hole = hole || tail[at] == '\0';
    }
    holes += hole ? 1 : 0;
    garbled = garbled || tail != unsynced.substr(0, tail.size());
    lengths.insert(tail.size());
  }
  CHECK(lengths.contains(0));
  CHECK(lengths.contains(unsynced.size()));
  CHECK(lengths.size() > 20);
  CHECK(garbled);
  CHECK(holes > 10);
}

TEST_CASE("power cut: a sync covers what was appended before it") {
  Disk disk;
  CAPTURE(disk.seed());
  auto file = disk.open("000001.log");
  REQUIRE(file->append("one ").ok());
  CHECK_FALSE(disk.fs().logs_are_synced());
  REQUIRE(file->sync().ok());
  CHECK_FALSE(disk.fs().logs_are_synced());  // its name is not durable yet
  CHECK(disk.fs().unsynced_log_holds("one"));
  REQUIRE(disk.fs().sync_directory(disk.root()).ok());
  CHECK(disk.fs().logs_are_synced());
  CHECK_FALSE(disk.fs().unsynced_log_holds("one"));
  REQUIRE(file->append("two ").ok());
  CHECK(disk.fs().unsynced_log_holds("two"));
  REQUIRE(file->sync().ok());
  CHECK(disk.fs().logs_are_synced());
  CHECK(disk.fs().log_syncs() == 2);
  file.reset();
  disk.lose_power();
  CHECK(disk.read("000001.log") == "one two ");
}

TEST_CASE("power cut: names go back until their directory is synced") {
  Disk disk;
  CAPTURE(disk.seed());
  std::set<std::string> created, renamed, removed, linked;
  for (int roll = 0; roll < kRolls; ++roll) {
    disk.write_synced("old", "old");
    disk.write_synced("gone", "gone");
    auto made = disk.open("new");
    REQUIRE(made->append("new").ok());
    REQUIRE(made->sync().ok());  // the bytes, not the name
    made.reset();
    auto next = disk.open("next");
    REQUIRE(next->append("next").ok());
    REQUIRE(next->sync().ok());
    next.reset();
    REQUIRE(disk.fs().rename(disk.path("next"), disk.path("old")).ok());
    REQUIRE(disk.fs().remove(disk.path("gone")).ok());
    REQUIRE(disk.fs().link(disk.path("new"), disk.path("link")).ok());
    CHECK(disk.read("old") == "next");
    CHECK_FALSE(disk.has("gone"));
    CHECK(disk.read("link") == "new");
    disk.lose_power();
    created.insert(disk.read("new"));
    renamed.insert(disk.read("old"));
    removed.insert(disk.read("gone"));
    linked.insert(disk.read("link"));
    for (const char* name : {"new", "next", "link"}) {
      if (disk.has(name)) REQUIRE(disk.fs().remove(disk.path(name)).ok());
    }
    REQUIRE(disk.fs().sync_directory(disk.root()).ok());
  }
  CHECK(created == std::set<std::string>{"(absent)", "new"});
  CHECK(renamed == std::set<std::string>{"old", "next"});
  CHECK(removed == std::set<std::string>{"(absent)", "gone"});
  CHECK(linked == std::set<std::string>{"(absent)", "new"});
}

TEST_CASE("power cut: names stay once their directory was synced") {
  Disk disk;
  CAPTURE(disk.seed());
  for (int roll = 0; roll < kRolls; ++roll) {
    disk.write_synced("old", "old");
    disk.write_synced("next", "next");
    disk.write_synced("gone", "gone");
    REQUIRE(disk.fs().rename(disk.path("next"), disk.path("old")).ok());
    REQUIRE(disk.fs().remove(disk.path("gone")).ok());
    REQUIRE(disk.fs().sync_directory(disk.root()).ok());
    const auto loss = disk.lose_power();
    CHECK(loss.entries_undone == 0);
    CHECK(disk.read("old") == "next");
    CHECK_FALSE(disk.has("next"));
    CHECK_FALSE(disk.has("gone"));
  }
}

TEST_CASE("power cut: a directory whose own name was not synced takes its files along") {
  Disk disk;
  CAPTURE(disk.seed());
  std::set<std::string> seen;
  for (int roll = 0; roll < kRolls; ++roll) {
    REQUIRE(disk.fs().make_directory(disk.path("store")).ok());
    auto file = disk.open("store/CURRENT");
    REQUIRE(file->append("x").ok());
    REQUIRE(file->sync().ok());
    file.reset();
    REQUIRE(disk.fs().sync_directory(disk.path("store")).ok());
    disk.lose_power();
    seen.insert(disk.read("store/CURRENT"));
    if (disk.has("store")) {
      REQUIRE(disk.fs().remove(disk.path("store/CURRENT")).ok());
      REQUIRE(disk.fs().remove_directory(disk.path("store")).ok());
      REQUIRE(disk.fs().sync_directory(disk.root()).ok());
    }
  }
  CHECK(seen == std::set<std::string>{"(absent)", "x"});
}

TEST_CASE("power cut: a truncation is undone or not until the file is synced") {
  Disk disk;
  CAPTURE(disk.seed());
  std::set<std::string> emptied, cut;
  for (int roll = 0; roll < kRolls; ++roll) {
    disk.write_synced("emptied", "whole");
    disk.write_synced("cut", "whole");
    disk.write_synced("settled", "whole");
    disk.open("emptied");
    REQUIRE(disk.open("cut", FileSystem::Create::append)->truncate(3).ok());
    auto settled = disk.open("settled", FileSystem::Create::append);
    REQUIRE(settled->truncate(3).ok());
    REQUIRE(settled->sync().ok());
    settled.reset();
    disk.lose_power();
    emptied.insert(disk.read("emptied"));
    cut.insert(disk.read("cut"));
    CHECK(disk.read("settled") == "who");
  }
  CHECK(emptied == std::set<std::string>{"", "whole"});
  CHECK(cut == std::set<std::string>{"who", "whole"});
}

TEST_CASE("power cut: zeros that were laid out stay once they are synced, and may come back") {
  Disk disk;
  CAPTURE(disk.seed());
  std::set<size_t> open, closed;
  for (int roll = 0; roll < kRolls; ++roll) {
    auto file = disk.open("open");
    REQUIRE(file->append("whole").ok());
    file->lay_out(2);
    auto synced = disk.open("synced");
    REQUIRE(synced->append("whole").ok());
    synced->lay_out(5);
    REQUIRE(synced->sync().ok());
    auto cut = disk.open("closed");
    REQUIRE(cut->append("whole").ok());
    cut->lay_out(5);
    REQUIRE(cut->sync().ok());
    REQUIRE(cut->close().ok());
    REQUIRE(disk.fs().sync_directory(disk.root()).ok());
    disk.lose_power();
    file.reset();
    synced.reset();
    open.insert(disk.read("open").size());
    closed.insert(disk.read("closed").size());
    CHECK(disk.read("synced") == std::string("whole\0\0\0\0\0", 10));
  }
  CHECK(open.contains(0));
  CHECK(open.contains(7));
  CHECK(closed == std::set<size_t>{5, 10});
}

TEST_CASE("power cut: from the chosen operation on everything fails, until the power is back") {
  Disk disk;
  CAPTURE(disk.seed());
  auto file = disk.open("f");
  REQUIRE(file->append("kept").ok());
  REQUIRE(file->sync().ok());
  REQUIRE(disk.fs().sync_directory(disk.root()).ok());
  disk.fs().cut_at(disk.fs().operations() + 2);
  CHECK(file->append("-").ok());
  CHECK(file->append("-").code() == Code::io_error);
  CHECK_FALSE(disk.fs().powered());
  const uint64_t spent = disk.fs().operations();
  CHECK(file->sync().code() == Code::io_error);
  CHECK(file->truncate(0).code() == Code::io_error);
  CHECK(disk.fs().open_writable(disk.path("g"), FileSystem::Create::fresh).code() ==
        Code::io_error);
  CHECK(disk.fs().open_reader(disk.path("f")).code() == Code::io_error);
  CHECK(disk.fs().info(disk.path("f")).code() == Code::io_error);
  CHECK(disk.fs().list(disk.root()).code() == Code::io_error);
  CHECK(disk.fs().make_directory(disk.path("d")).code() == Code::io_error);
  CHECK(disk.fs().remove(disk.path("f")).code() == Code::io_error);
  CHECK(disk.fs().rename(disk.path("f"), disk.path("g")).code() == Code::io_error);
  CHECK(disk.fs().link(disk.path("f"), disk.path("g")).code() == Code::io_error);
  CHECK(disk.fs().sync_directory(disk.root()).code() == Code::io_error);
  CHECK(disk.fs().free_space(disk.root()).code() == Code::io_error);
  CHECK(disk.fs().operations() == spent);
  file.reset();
  disk.lose_power();
  CHECK(disk.fs().powered());
  CHECK(disk.read("f").substr(0, 4) == "kept");
  CHECK(disk.read("f").size() <= 6);
  CHECK_FALSE(disk.has("g"));
  CHECK(disk.open("f", FileSystem::Create::append)->append("again").ok());
}

TEST_CASE("power cut: a disk that lies about syncs loses what it promised") {
  Disk disk;
  CAPTURE(disk.seed());
  disk.fs().lie({.log_sync = true, .directory_sync = false});
  size_t lost = 0;
  for (int roll = 0; roll < kRolls; ++roll) {
    disk.write_synced("a.log", "promised");
    CHECK_FALSE(disk.fs().logs_are_synced());
    lost += disk.lose_power().bytes_lost;
    REQUIRE(disk.fs().remove(disk.path("a.log")).ok());
    REQUIRE(disk.fs().sync_directory(disk.root()).ok());
  }
  CHECK(lost > 0);
}
