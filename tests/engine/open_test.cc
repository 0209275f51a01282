// What open_rocks finds in a directory, what it answers, and that a refusal leaves no trace.
#include <rocksdb/db.h>

#include <fstream>
#include <map>

#include "engine/disturbed_files.h"
#include "engine/engine_fixture.h"

namespace bcstore::engine {
namespace {

namespace fs = std::filesystem;

// Every file under a directory with its bytes.
std::map<std::string, std::string> contents_of(const std::string& directory) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    std::string bytes;
    if (entry.is_regular_file()) {
      std::ifstream in(entry.path(), std::ios::binary);
      bytes.assign(std::istreambuf_iterator<char>(in), {});
    }
    contents[entry.path().string()] = bytes;
  }
  return contents;
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

void make_foreign_store(const std::string& path, const std::vector<std::string>& families) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* made = nullptr;
  REQUIRE(rocksdb::DB::Open(options, path, &made).ok());
  for (const std::string& family : families) {
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    REQUIRE(made->CreateColumnFamily(options, family, &handle).ok());
    delete handle;
  }
  delete made;
}

Options must_exist() {
  Options options = small_options();
  options.create_if_missing = false;
  return options;
}

TEST_CASE("open: fresh until something was written") {
  const ScratchDirectory scratch;
  for (const bool expected : {true, true, false}) {
    bool fresh = !expected;
    Result<std::unique_ptr<Engine>> engine =
        open_rocks(scratch.at("store"), small_options(), &fresh);
    REQUIRE(engine.ok());
    CHECK(fresh == expected);
    if (fs::exists(scratch.at("second"))) REQUIRE(put(**engine, Family::log, key_of(1), "v").ok());
    write_file(scratch.at("second"), "");
  }
  bool fresh = false;
  REQUIRE(open_rocks(scratch.at("store"), must_exist(), &fresh).ok());
}

TEST_CASE("open: an empty directory becomes a store") {
  const ScratchDirectory scratch;
  bool fresh = false;
  REQUIRE(open_rocks(scratch.path(), small_options(), &fresh).ok());
  CHECK(fresh);
}

// A crash between the making of a store and its first row left a store that looked as one whose
// log is gone.
TEST_CASE("open: a store is being made until its first row is on disk") {
  const ScratchDirectory scratch;
  {
    const auto engine = open_engine(scratch.path());
    CHECK(fs::exists(scratch.at("CREATING")));
    REQUIRE(put(*engine, Family::heads, key_of(1), "v").ok());
    CHECK_FALSE(fs::exists(scratch.at("CREATING")));
  }
  std::string log;
  for (const std::string& name : names_in(scratch.path())) {
    if (name.ends_with(".log") && fs::file_size(scratch.at(name)) > 0) log = name;
  }
  REQUIRE_FALSE(log.empty());
  SUBCASE("its log is gone") { fs::remove(scratch.at(log)); }
  SUBCASE("its log is empty") { fs::resize_file(scratch.at(log), 0); }
  CHECK(open_status(scratch.path()).code() == Code::corruption);
}

TEST_CASE("open: what cannot be a store is refused and left as it is") {
  const ScratchDirectory scratch;
  write_file(scratch.at("file"), "not a directory");
  fs::create_directory(scratch.at("foreign"));
  write_file(scratch.at("foreign/photo.jpg"), "bytes");
  fs::create_directories(scratch.at("nested/photos"));
  fs::create_directory(scratch.at("empty"));
  make_foreign_store(scratch.at("bare"), {});
  make_foreign_store(scratch.at("other"),
                     {"heads", "history", "revisions", "months", "index", "log", "strange"});
  make_foreign_store(scratch.at("fewer"), {"heads", "history", "revisions", "months", "index"});
  make_foreign_store(scratch.at("typo"),
                     {"heads", "history", "revisions", "months", "index", "logs"});
  for (const char* name : {"lost", "torn"}) {
    REQUIRE(put(*open_engine(scratch.at(name)), Family::log, key_of(1), "v").ok());
  }
  fs::remove(scratch.at("lost/CURRENT"));
  write_file(scratch.at("torn/CURRENT"), "MANIFEST-9");
  fs::remove(scratch.at("bare/LOCK"));

  const struct {
    const char* name;
    bool create;
    Code code;
    const char* named;  // a part of the message
  } cases[] = {
      {"file", true, Code::unsupported_format, "file"},
      {"file/below", true, Code::io_error, "below"},
      {"foreign", true, Code::unsupported_format, "photo.jpg"},
      {"nested", true, Code::unsupported_format, "photos"},
      {"absent", false, Code::not_found, "absent"},
      {"absent/below", true, Code::not_found, "absent"},
      {"empty", false, Code::not_found, "empty"},
      {"foreign", false, Code::not_found, "foreign"},
      {"bare", true, Code::unsupported_format, "heads"},
      {"other", true, Code::unsupported_format, "strange"},
      {"fewer", true, Code::unsupported_format, "log"},
      {"typo", true, Code::unsupported_format, "logs"},
      {"typo", false, Code::unsupported_format, "logs"},
      {"lost", true, Code::corruption, "CURRENT"},
      {"lost", false, Code::corruption, "CURRENT"},
      {"torn", true, Code::corruption, "CURRENT"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CAPTURE(c.create);
    const std::map<std::string, std::string> before = contents_of(scratch.path());
    Options options = small_options();
    options.create_if_missing = c.create;
    const Status status = open_status(scratch.at(c.name), options);
    CHECK(status.code() == c.code);
    CHECK(status.message().find(c.named) != std::string_view::npos);
    CHECK(contents_of(scratch.path()) == before);
  }
}

TEST_CASE("open: arguments that cannot be used") {
  const ScratchDirectory scratch;
  Options options = small_options();
  options.memory_budget_bytes = (size_t{16} << 20) - 1;
  CHECK(open_status(scratch.at("store"), options).code() == Code::invalid_argument);
  CHECK(open_status("").code() == Code::invalid_argument);
  CHECK(open_status(scratch.path() + std::string(1, '\0')).code() == Code::invalid_argument);
  CHECK(names_in(scratch.path()).empty());
}

TEST_CASE("open: a second opening is busy and disturbs nobody") {
  const ScratchDirectory scratch;
  for (const bool injected : {false, true}) {
    Options options = small_options();
    if (injected) options.file_system = std::make_shared<DisturbedFiles>();
    std::unique_ptr<Engine> engine = open_engine(scratch.path(), options);
    REQUIRE(put(*engine, Family::heads, key_of(1), "v").ok());
    CHECK(open_status(scratch.path()).code() == Code::busy);
    CHECK(open_status(scratch.path(), options).code() == Code::busy);
    CHECK(open_status(scratch.path() + "/").code() == Code::busy);
    CHECK(put(*engine, Family::heads, key_of(1), "w", /*sync=*/true).ok());
    engine.reset();
    CHECK(get(*open_engine(scratch.path()), Family::heads, key_of(1)) == "w");
  }
}

TEST_CASE("open: a directory that cannot be written is an io error") {
  // The superuser may write everywhere, so the refusal comes from the file system.
  const ScratchDirectory scratch;
  {
    const std::unique_ptr<Engine> engine = open_engine(scratch.at("store"));
    REQUIRE(put(*engine, Family::heads, key_of(1), "v").ok());
  }
  auto files = std::make_shared<DisturbedFiles>();
  Options options = small_options();
  options.file_system = files;
  const std::map<std::string, std::string> before = contents_of(scratch.path());
  files->fail_at(1, Code::io_error, /*sticky=*/true);
  CHECK(open_status(scratch.at("store"), options).code() == Code::io_error);
  CHECK(open_status(scratch.at("new"), options).code() == Code::io_error);
  CHECK(contents_of(scratch.path()) == before);
  files->fail_at(0);
  CHECK(get(*open_engine(scratch.at("store"), options), Family::heads, key_of(1)) == "v");
}

TEST_CASE("open: no store is made on a full disk") {
  const ScratchDirectory scratch;
  auto files = std::make_shared<DisturbedFiles>();
  files->set_free_space((uint64_t{64} << 20) - 1);
  Options options = small_options();
  options.file_system = files;
  CHECK(open_status(scratch.at("store"), options).code() == Code::no_space);
  CHECK(open_status(scratch.path(), options).code() == Code::no_space);
  CHECK(names_in(scratch.path()).empty());
}

// A crash may come at any moment while a store is made: the family list is then incomplete, or
// CURRENT is missing. Here one operation after another fails, once alone and once with all later
// ones, which is what a crash leaves behind.
TEST_CASE("open: making a store that fails anywhere can be repeated") {
  for (const bool sticky : {false, true}) {
    uint64_t number = 1;
    for (bool failed = true; failed; number += sweep_stride(3)) {
      CAPTURE(number);
      CAPTURE(sticky);
      const ScratchDirectory scratch;
      auto files = std::make_shared<DisturbedFiles>();
      Options options = small_options();
      options.file_system = files;
      files->fail_at(number, Code::io_error, sticky);
      {
        bool fresh = false;
        Result<std::unique_ptr<Engine>> engine = open_rocks(scratch.at("store"), options, &fresh);
        failed = files->failed() > 0;
        if (!engine && !sticky) CHECK_FALSE(fs::exists(scratch.at("store")));
      }
      files->fail_at(0);
      bool fresh = false;
      Result<std::unique_ptr<Engine>> engine = open_rocks(scratch.at("store"), options, &fresh);
      CAPTURE(engine.status().to_string());
      REQUIRE(engine.ok());
      CHECK(fresh);
      REQUIRE(put(**engine, Family::log, key_of(1), "v", /*sync=*/true).ok());
      engine->reset();
      REQUIRE(open_rocks(scratch.at("store"), must_exist(), &fresh).ok());
      CHECK_FALSE(fresh);
    }
    CHECK(number > 20);
  }
}

TEST_CASE("open: an existing store that fails to open anywhere opens the next time") {
  const ScratchDirectory scratch;
  auto files = std::make_shared<DisturbedFiles>();
  Options options = small_options();
  options.file_system = files;
  {
    const std::unique_ptr<Engine> engine = open_engine(scratch.path(), options);
    REQUIRE(put(*engine, Family::heads, key_of(1), "v", /*sync=*/true).ok());
  }
  uint64_t number = 1;
  for (bool failed = true; failed; number += sweep_stride(3)) {
    CAPTURE(number);
    files->fail_at(number);
    bool fresh = false;
    Result<std::unique_ptr<Engine>> engine = open_rocks(scratch.path(), options, &fresh);
    failed = files->failed() > 0;
    files->fail_at(0);
    if (engine) engine->reset();
    CHECK(get(*open_engine(scratch.path(), options), Family::heads, key_of(1)) == "v");
  }
  CHECK(number > 10);
}

}  // namespace
}  // namespace bcstore::engine
