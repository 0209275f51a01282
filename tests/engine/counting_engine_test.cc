#include "engine/counting_engine.h"

#include "engine/engine_fixture.h"

namespace bcstore::engine {
namespace {

TEST_CASE("counting engine: counts rounds and rows and remembers what was read") {
  const ScratchDirectory scratch;
  CountingEngine engine(open_engine(scratch.path()));
  for (const char* rest : {"a", "b", "c"}) {
    REQUIRE(put(engine, Family::heads, key_of(1, rest), rest, /*sync=*/*rest == 'a').ok());
  }
  REQUIRE(engine.sync().ok());
  CHECK(engine.counts().applies == 3);
  CHECK(engine.counts().synced_applies == 1);
  CHECK(engine.counts().syncs == 1);
  CHECK(engine.counts().rounds() == 0);
  CHECK(engine.touched().empty());

  CHECK(get(engine, Family::heads, key_of(1, "a")) == "a");
  Read reads[] = {{Family::heads, key_of(1, "b")}, {Family::index, key_of(1, "x")}};
  engine.multi_get(reads, nullptr);
  CHECK(reads[0].value.bytes() == "b");
  CHECK(reads[1].status.code() == Code::not_found);
  CHECK(scan_keys(engine, {Family::heads, key_of(1), key_of(1, "c")}).size() == 2);
  const EngineCounts counts = engine.counts();
  CHECK(counts.gets == 1);
  CHECK(counts.multi_gets == 1);
  CHECK(counts.multi_get_keys == 2);
  CHECK(counts.scans == 1);
  CHECK(counts.scan_rows == 2);
  CHECK(counts.rounds() == 3);
  CHECK(engine.touched().size() == 4);
  CHECK(engine.touched_outside({key_of(1)}).empty());
  CHECK(engine.touched_outside({key_of(2)}).size() == 4);
  CHECK(engine.touched_outside({key_of(1, "a"), key_of(1, "b")}).size() == 2);
  engine.reset();
  CHECK(engine.counts().rounds() == 0);
  CHECK(engine.touched().empty());
}

TEST_CASE("counting engine: a range is within a prefix only as a whole") {
  const struct {
    std::string lower, upper, prefix;
    bool within;
  } cases[] = {
      {"ab", "ab\xff", "ab", true},  {"ab", "ac", "ab", true},
      {"ab", "ad", "ab", false},     {"aa", "ac", "ab", false},
      {"aba", "abb", "ab", true},    {"a", "ab", "ab", false},
      {"a\xff", "b", "a\xff", true}, {"a\xff", "c", "a\xff", false},
      {"ab", "", "ab", false},       {"ab", std::string("ab\0", 3), "ab", true},
  };
  for (const auto& c : cases) {
    CAPTURE(c.lower);
    CAPTURE(c.upper);
    CHECK(KeyRange{Family::heads, c.lower, c.upper}.within(c.prefix) == c.within);
  }
}

}  // namespace
}  // namespace bcstore::engine
