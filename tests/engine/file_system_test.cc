// The operating system's files behind FileSystem, and an injected FileSystem under a whole store.
#include "bcstore/file_system.h"

#include "engine/disturbed_files.h"
#include "engine/engine_fixture.h"

namespace bcstore::engine {
namespace {

std::string read_all(FileSystem& files, const std::string& path) {
  Result<std::unique_ptr<Reader>> reader = files.open_reader(path);
  REQUIRE(reader.ok());
  std::string bytes(1000, '\0');
  Result<size_t> size = (*reader)->read(0, bytes.size(), bytes.data());
  REQUIRE(size.ok());
  bytes.resize(*size);
  return bytes;
}

TEST_CASE("file system: a file is written and read back") {
  const ScratchDirectory scratch;
  const std::shared_ptr<FileSystem> files = default_file_system();
  const std::string path = scratch.at("file");
  {
    Result<std::unique_ptr<WritableFile>> file =
        files->open_writable(path, FileSystem::Create::fresh);
    REQUIRE(file.ok());
    CHECK((*file)->size() == 0);
    CHECK((*file)->append("hello").ok());
    CHECK((*file)->append("").ok());
    CHECK((*file)->append({}).ok());
    CHECK((*file)->flush().ok());
    CHECK((*file)->size() == 5);
    CHECK(read_all(*files, path) == "hello");
    CHECK((*file)->sync().ok());
    CHECK((*file)->close().ok());
    CHECK((*file)->close().ok());
  }
  {
    Result<std::unique_ptr<WritableFile>> file =
        files->open_writable(path, FileSystem::Create::append);
    REQUIRE(file.ok());
    CHECK((*file)->size() == 5);
    CHECK((*file)->append(" world").ok());
    CHECK(read_all(*files, path) == "hello world");
    CHECK((*file)->truncate(7).ok());
    CHECK((*file)->size() == 7);
    CHECK((*file)->append("!").ok());
  }
  CHECK(read_all(*files, path) == "hello w!");
  CHECK(files->info(path).value().size == 8);
  CHECK_FALSE(files->info(path).value().is_directory);
  CHECK(files->info(path).value().modified_s > 1'600'000'000);
  REQUIRE(files->open_writable(path, FileSystem::Create::fresh).ok());
  CHECK(read_all(*files, path).empty());
}

TEST_CASE("file system: a file that was laid out ahead reads as zeros there until it is closed") {
  const ScratchDirectory scratch;
  const std::shared_ptr<FileSystem> files = default_file_system();
  const std::string path = scratch.at("file");
  auto file = files->open_writable(path, FileSystem::Create::fresh).value();
  REQUIRE(file->append("one").ok());
  file->lay_out(900);
  CHECK(file->size() == 3);
  CHECK(read_all(*files, path) == "one" + std::string(900, '\0'));
  REQUIRE(file->append("two").ok());
  CHECK(file->size() == 6);
  CHECK(read_all(*files, path) == "onetwo" + std::string(897, '\0'));
  file->lay_out(10);  // less than there is
  CHECK(files->info(path).value().size == 903);
  REQUIRE(file->truncate(4).ok());
  CHECK(read_all(*files, path) == "onet");
  file->lay_out(50);
  CHECK(files->info(path).value().size == 54);
  REQUIRE(file->close().ok());
  CHECK(read_all(*files, path) == "onet");
  // Where the end of the file is the place to append, nothing may lie behind it.
  file = files->open_writable(path, FileSystem::Create::append).value();
  file->lay_out(50);
  REQUIRE(file->append("!").ok());
  CHECK(read_all(*files, path) == "onet!");
}

TEST_CASE("file system: a reader answers how many bytes there were") {
  const ScratchDirectory scratch;
  const std::shared_ptr<FileSystem> files = default_file_system();
  const std::string path = scratch.at("file");
  CHECK((*files->open_writable(path, FileSystem::Create::fresh))->append("0123456789").ok());
  Result<std::unique_ptr<Reader>> reader = files->open_reader(path);
  REQUIRE(reader.ok());
  const struct {
    uint64_t offset;
    size_t size;
    std::string_view bytes;
  } cases[] = {{0, 0, ""},  {0, 4, "0123"}, {3, 7, "3456789"}, {3, 8, "3456789"},
               {9, 1, "9"}, {10, 1, ""},    {1000, 5, ""}};
  for (const auto& c : cases) {
    char buffer[16] = {};
    Result<size_t> size = (*reader)->read(c.offset, c.size, buffer);
    REQUIRE(size.ok());
    CHECK(std::string_view(buffer, *size) == c.bytes);
  }
}

TEST_CASE("file system: directories and names") {
  const ScratchDirectory scratch;
  const std::shared_ptr<FileSystem> files = default_file_system();
  const std::string directory = scratch.at("d");
  CHECK(files->make_directory(directory).ok());
  CHECK(files->make_directory(directory).ok());
  CHECK(files->info(directory).value().is_directory);
  CHECK(files->list(directory).value().empty());
  CHECK(files->open_writable(directory + "/one", FileSystem::Create::fresh).ok());
  CHECK(files->link(directory + "/one", directory + "/two").ok());
  CHECK(files->link(directory + "/one", directory + "/two").code() == Code::already_exists);
  CHECK(files->rename(directory + "/two", directory + "/three").ok());
  CHECK(files->list(directory).value().size() == 2);
  CHECK(files->sync_directory(directory).ok());
  CHECK_FALSE(files->remove_directory(directory).ok());
  CHECK(files->remove(directory + "/one").ok());
  CHECK(files->remove(directory + "/three").ok());
  CHECK(files->remove_directory(directory).ok());
  CHECK(*files->free_space(scratch.path()) > 0);
}

TEST_CASE("file system: errors have the right codes") {
  const ScratchDirectory scratch;
  const std::shared_ptr<FileSystem> files = default_file_system();
  const std::string file = scratch.at("file");
  REQUIRE(files->open_writable(file, FileSystem::Create::fresh).ok());
  const std::string absent = scratch.at("absent");
  const std::string below = scratch.at("absent/below");
  const std::string long_name = scratch.at(std::string(300, 'n'));
  const std::pair<int, std::pair<Code, Code>> cases[] = {
      {__LINE__, {files->open_reader(absent).code(), Code::not_found}},
      {__LINE__, {files->info(absent).code(), Code::not_found}},
      {__LINE__, {files->list(absent).code(), Code::not_found}},
      {__LINE__, {files->remove(absent).code(), Code::not_found}},
      {__LINE__, {files->rename(absent, file).code(), Code::not_found}},
      {__LINE__, {files->link(absent, below).code(), Code::not_found}},
      {__LINE__, {files->sync_directory(absent).code(), Code::not_found}},
      {__LINE__, {files->make_directory(below).code(), Code::not_found}},
      {__LINE__, {files->free_space(absent).code(), Code::not_found}},
      {__LINE__, {files->lock(below).code(), Code::not_found}},
      {__LINE__, {files->open_writable(below, FileSystem::Create::fresh).code(), Code::not_found}},
      {__LINE__, {files->make_directory(file).code(), Code::already_exists}},
      {__LINE__, {files->list(file).code(), Code::io_error}},
      {__LINE__, {files->make_directory(file + "/d").code(), Code::io_error}},
      {__LINE__, {files->info(long_name).code(), Code::invalid_argument}},
  };
  for (const auto& [line, codes] : cases) {
    const int shown = line;
    CAPTURE(shown);
    CHECK(codes.first == codes.second);
  }
}

TEST_CASE("file system: one lock at a time in one process") {
  const ScratchDirectory scratch;
  const std::shared_ptr<FileSystem> files = default_file_system();
  const std::string path = scratch.at("LOCK");
  Result<std::unique_ptr<FileLock>> held = files->lock(path);
  REQUIRE(held.ok());
  CHECK(files->lock(path).code() == Code::busy);
  CHECK(default_file_system()->lock(path).code() == Code::busy);
  { REQUIRE(files->open_reader(path).ok()); }  // closing another descriptor does not let go
  CHECK(files->lock(path).code() == Code::busy);
  held->reset();
  CHECK(files->lock(path).ok());
}

TEST_CASE("file system: an injected one carries a store through its whole life") {
  using Operation = DisturbedFiles::Operation;
  const ScratchDirectory scratch;
  const auto files = std::make_shared<DisturbedFiles>();
  Options options = small_options();
  options.file_system = files;
  const std::string value(3000, 'v');
  {
    const std::unique_ptr<Engine> engine = open_engine(scratch.at("store"), options);
    REQUIRE(put(*engine, Family::heads, key_of(1), value, /*sync=*/true).ok());
    const uint64_t appends = files->count(Operation::append);
    REQUIRE(put(*engine, Family::heads, key_of(1), value).ok());
    CHECK(files->count(Operation::append) == appends + 1);
    const uint64_t syncs = files->count(Operation::sync);
    REQUIRE(put(*engine, Family::heads, key_of(1), value, /*sync=*/true).ok());
    CHECK(files->count(Operation::sync) == syncs + 1);
    REQUIRE(engine->sync().ok());
    CHECK(files->count(Operation::sync) == syncs + 2);
    for (int i = 0; i < 2000; ++i) {
      REQUIRE(put(*engine, Family::months, key_of(1, std::to_string(i)), value).ok());
    }
    REQUIRE(engine->flush(/*compact=*/true).ok());
    CHECK(engine->verify_files().ok());
    REQUIRE(put(*engine, Family::heads, key_of(2), value).ok());
  }
  {
    const std::unique_ptr<Engine> engine = open_engine(scratch.at("store"), options);
    CHECK(scan_keys(*engine, {Family::months, key_of(1), key_of(1, "z")}).size() == 2000);
    CHECK(get(*engine, Family::heads, key_of(2)) == value);
    CHECK(engine->stats().disk_bytes > 0);
  }
  for (const Operation kind :
       {Operation::open, Operation::append, Operation::flush, Operation::sync, Operation::close,
        Operation::names, Operation::lock, Operation::read}) {
    CAPTURE(static_cast<int>(kind));
    CHECK(files->count(kind) > 0);
  }
  // The same directory without the injected one: nothing in between changed the bytes.
  CHECK(get(*open_engine(scratch.at("store")), Family::heads, key_of(2)) == value);
}

}  // namespace
}  // namespace bcstore::engine
