// Flush, compaction, verification, checkpoints and the figures of stats().
#include <algorithm>
#include <fstream>

#include "engine/disturbed_files.h"
#include "engine/engine_fixture.h"

namespace bcstore::engine {
namespace {

namespace fs = std::filesystem;

void fill(Engine& engine, int rows) {
  for (int i = 0; i < rows; ++i) {
    REQUIRE(put(engine, static_cast<Family>(i % static_cast<int>(kFamilies)),
                key_of(1, std::to_string(i)), "row " + std::to_string(i))
                .ok());
  }
}

void check_rows(Engine& engine, int rows) {
  for (int i = 0; i < rows; ++i) {
    CHECK(get(engine, static_cast<Family>(i % static_cast<int>(kFamilies)),
              key_of(1, std::to_string(i))) == "row " + std::to_string(i));
  }
}

TEST_CASE("upkeep: flush writes memtables out and compaction keeps every row") {
  constexpr int kEach = 10;
  constexpr int kRows = kEach * static_cast<int>(kFamilies);
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  fill(*engine, kRows);
  CHECK(engine->flush(/*compact=*/false).ok());
  for (const FamilyStats& family : engine->stats().families) {
    CAPTURE(family.name);
    CHECK(family.sst_bytes > 0);
    CHECK(family.keys_estimate == kEach);
  }
  fill(*engine, kRows);
  CHECK(engine->flush(/*compact=*/true).ok());
  check_rows(*engine, kRows);
  CHECK(engine->verify_files().ok());
  CHECK(engine->flush(/*compact=*/true).ok());  // with nothing to do
}

TEST_CASE("upkeep: a scrub asks for the room of its own family") {
  const ScratchDirectory scratch;
  const auto files = std::make_shared<DisturbedFiles>();
  Options options = small_options();
  options.file_system = files;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path(), options);
  std::string noise(size_t{8} << 20, ' ');
  uint32_t state = 1;
  for (char& c : noise) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  REQUIRE(put(*engine, Family::months, key_of(1, "k"), noise).ok());
  REQUIRE(put(*engine, Family::secrets, key_of(1, "k"), "old").ok());
  REQUIRE(engine->flush(/*compact=*/false).ok());
  files->set_free_space(options.free_space_reserve_bytes + (size_t{4} << 20));
  CHECK(engine->flush(/*compact=*/true).code() == Code::no_space);
  CHECK(engine->scrub(Family::secrets).ok());
  files->set_free_space(options.free_space_reserve_bytes);
  REQUIRE(put(*engine, Family::secrets, key_of(1, "k"), "new").code() == Code::no_space);
  CHECK(engine->scrub(Family::secrets).code() == Code::no_space);
  files->set_free_space(std::nullopt);
  CHECK(engine->scrub(Family::secrets).ok());
}

TEST_CASE("upkeep: verify_files finds a changed byte and reads name the key") {
  const ScratchDirectory scratch;
  {
    const std::unique_ptr<Engine> engine = open_engine(scratch.path());
    REQUIRE(put(*engine, Family::secrets, key_of(1, "k"), std::string(50'000, 'x')).ok());
    REQUIRE(engine->flush(/*compact=*/true).ok());
  }
  size_t changed = 0;
  for (const std::string& name : names_in(scratch.path())) {
    if (!name.ends_with(".sst") || fs::file_size(scratch.at(name)) < 50'000) continue;
    std::fstream file(scratch.at(name), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(25'000);
    file.put('y');
    ++changed;
  }
  REQUIRE(changed == 1);
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  CHECK(engine->verify_files().code() == Code::corruption);
  Value value;
  const Status status = engine->get(Family::secrets, key_of(1, "k"), nullptr, &value);
  CHECK(status.code() == Code::corruption);
  CHECK(status.message().find("family secrets") != std::string_view::npos);
  CHECK(status.message().find("key 0101010101010101010101010101010") != std::string_view::npos);
  Read read{Family::secrets, key_of(1, "k")};
  engine->multi_get({&read, 1}, nullptr);
  CHECK(read.status.code() == Code::corruption);
  const std::unique_ptr<Scan> scan = engine->scan({Family::secrets, key_of(1), key_of(1, "z")});
  CHECK_FALSE(scan->next());
  CHECK(scan->status().code() == Code::corruption);
}

TEST_CASE("upkeep: a checkpoint opens as a store of its own") {
  const ScratchDirectory scratch;
  for (const bool injected : {false, true}) {
    CAPTURE(injected);
    Options options = small_options();
    if (injected) options.file_system = std::make_shared<DisturbedFiles>();
    const std::string store = scratch.at(injected ? "store a" : "store b");
    const std::string copy = scratch.at(injected ? "copy a" : "copy b");
    const std::unique_ptr<Engine> engine = open_engine(store, options);
    fill(*engine, 70);
    REQUIRE(engine->checkpoint(copy).ok());
    CHECK(engine->checkpoint(copy).code() == Code::already_exists);
    CHECK(engine->checkpoint(scratch.at("absent/copy")).code() == Code::not_found);
    REQUIRE(put(*engine, Family::heads, key_of(1, "later"), "v").ok());
    {
      Options existing = options;
      existing.create_if_missing = false;
      const std::unique_ptr<Engine> second = open_engine(copy, existing);
      check_rows(*second, 70);
      CHECK(get(*second, Family::heads, key_of(1, "later")) == "not_found");
      CHECK(second->verify_files().ok());
      CHECK(put(*second, Family::heads, key_of(1, "own"), "v", /*sync=*/true).ok());
    }
    CHECK(get(*engine, Family::heads, key_of(1, "own")) == "not_found");
    check_rows(*engine, 70);
  }
}

TEST_CASE("upkeep: stats count files and families and children") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  fill(*engine, 7);
  Value value;
  REQUIRE(engine->get(Family::system, key_of(1, "0"), nullptr, &value).ok());
  Result<std::unique_ptr<Snapshot>> snapshot = engine->snapshot();
  const EngineStats stats = engine->stats();
  REQUIRE(stats.families.size() == kFamilies);
  for (size_t i = 0; i < kFamilies; ++i) {
    CHECK(stats.families[i].name == to_string(static_cast<Family>(i)));
    CHECK(stats.families[i].memtable_bytes > 0);
  }
  uint64_t on_disk = 0;
  uint64_t logs = 0;
  for (const std::string& name : names_in(scratch.path())) {
    on_disk += fs::file_size(scratch.at(name));
    if (name.ends_with(".log")) logs += fs::file_size(scratch.at(name));
  }
  CHECK(stats.disk_bytes == on_disk);
  CHECK(stats.wal_bytes == logs);
  CHECK(logs > 0);
  CHECK(stats.live_children == 2);
  CHECK(stats.snapshots == 1);
}

TEST_CASE("upkeep: quiet families do not keep old logs alive") {
  // A row in a family that nobody writes to again once pinned every later log file.
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  fill(*engine, static_cast<int>(kFamilies));
  const std::string value(size_t{1} << 20, 'x');
  for (int i = 0; i < 100; ++i) {
    REQUIRE(put(*engine, Family::months, key_of(2, std::to_string(i)), value).ok());
  }
  CHECK(engine->stats().wal_bytes < uint64_t{80} << 20);
}

}  // namespace
}  // namespace bcstore::engine
