// The part of a table that is verified before RocksDB opens it: any changed byte of it is damage.
#include "engine/table_guard.h"

#include <fstream>
#include <iterator>

#include "engine/decode.h"
#include "engine/engine_fixture.h"
#include "engine/log_maker.h"

namespace bcstore::engine {
namespace {

constexpr size_t kFooterBytes = 53;

struct Span {
  size_t offset = 0;
  size_t size = 0;
};

Span take_span(std::string_view* bytes) {
  const size_t offset = take_varint(bytes).value();
  return {offset, take_varint(bytes).value()};
}

// A directory with one table of the commit log, its bytes, and where their parts lie.
struct OneTable {
  ScratchDirectory scratch;
  std::string path;
  std::string bytes;
  Manifest manifest;
  Span meta, index, properties;
  size_t handles = 0;  // how many bytes of the footer they take

  OneTable() {
    {
      const auto engine = open_engine(scratch.path());
      for (uint64_t seq = 1; seq <= 300; ++seq) {
        format::Key key(kSystemOwner, format::Kind::commit_link);
        key.u64(seq);
        REQUIRE(put(*engine, Family::log, key.str(), "link " + std::to_string(seq)).ok());
      }
      REQUIRE(engine->flush(false).ok());
    }
    for (const std::string& name : names_in(scratch.path())) {
      if (!name.ends_with(".sst")) continue;
      REQUIRE(path.empty());
      path = scratch.at(name);
      manifest.tables.insert(std::stoull(name));
    }
    std::ifstream file(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
    std::string_view rest = std::string_view(bytes).substr(bytes.size() - kFooterBytes + 1);
    const size_t before = rest.size();
    meta = take_span(&rest);
    index = take_span(&rest);
    handles = before - rest.size();
    const std::string_view block = std::string_view(bytes).substr(meta.offset, meta.size);
    const std::string_view name = "rocksdb.properties";
    rest = block.substr(block.find(name) + name.size());
    properties = take_span(&rest);
  }
  Status check(const std::string& changed, uint64_t* last = nullptr) const {
    std::ofstream(path, std::ios::binary) << changed;
    uint64_t found = 0;
    const auto files = default_file_system();
    Status status = check_tables(*files, scratch.path(), manifest, &found);
    if (last != nullptr) *last = found;
    return status;
  }
};

TEST_CASE("table guard: a sound table passes, and tells its last commit") {
  const OneTable table;
  uint64_t last = 0;
  CHECK(table.check(table.bytes, &last).ok());
  CHECK(last == 300);
}

TEST_CASE("table guard: any changed byte of properties, their index and the footer is damage") {
  const OneTable table;
  const size_t footer = table.bytes.size() - kFooterBytes;
  REQUIRE(table.properties.offset < table.meta.offset);
  REQUIRE(table.meta.offset < footer);
  const auto check = [&](size_t at) {
    for (const int change : {1, 0x80, 0xff}) {
      std::string changed = table.bytes;
      changed[at] = static_cast<char>(changed[at] ^ change);
      CAPTURE(at - table.properties.offset);
      CAPTURE(change);
      REQUIRE(table.check(changed).code() == Code::corruption);
    }
  };
  const size_t trailer = 5;
  for (size_t i = 0; i < table.properties.size + trailer; ++i) check(table.properties.offset + i);
  for (size_t i = 0; i < table.meta.size + trailer; ++i) check(table.meta.offset + i);
  check(footer);
  // The second handle is RocksDB's to verify, as long as it lies inside the file.
  std::string_view after_meta = std::string_view(table.bytes).substr(footer + 1);
  const size_t before = after_meta.size();
  (void)take_span(&after_meta);
  for (size_t i = 0; i < before - after_meta.size(); ++i) check(footer + 1 + i);
  for (size_t i = kFooterBytes - 12; i < kFooterBytes; ++i) check(footer + i);
  for (size_t size = 0; size < table.bytes.size(); size += size + 100 < footer ? 97 : 1) {
    REQUIRE(table.check(table.bytes.substr(0, size)).code() == Code::corruption);
  }
}

// RocksDB makes room for the index before it reads it: the process ended for want of memory.
TEST_CASE("table guard: an index that lies outside the file is damage") {
  const OneTable table;
  const size_t footer = table.bytes.size() - kFooterBytes;
  const uint64_t room = table.bytes.size() - 5;
  struct Index {
    uint64_t offset, size;
    bool sound;
  };
  const Index indexes[] = {{0, uint64_t{1} << 40, false},
                           {0, UINT64_MAX, false},
                           {UINT64_MAX, 1, false},
                           {UINT64_MAX, UINT64_MAX, false},
                           {room, 1, false},
                           {room, 0, true},
                           {0, room, true}};
  for (const Index& index : indexes) {
    std::string handles(1, table.bytes[footer]);
    for (const uint64_t number :
         {uint64_t{table.meta.offset}, uint64_t{table.meta.size}, index.offset, index.size}) {
      put_varint(&handles, number);
    }
    handles.resize(kFooterBytes - 12, '\0');
    std::string changed = table.bytes;
    changed.replace(footer, handles.size(), handles);
    CAPTURE(index.offset);
    CAPTURE(index.size);
    CHECK(table.check(changed).code() == (index.sound ? Code::ok : Code::corruption));
  }
}

}  // namespace
}  // namespace bcstore::engine
