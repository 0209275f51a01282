// Reads, writes, snapshots and children of the RocksDB engine.
#include "engine/engine.h"

#include <thread>

#include "engine/engine_fixture.h"
#include "format/key.h"

namespace bcstore::engine {
namespace {

TEST_CASE("engine: every family keeps its own values") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  const std::string key = key_of(7, "k");
  for (size_t i = 0; i < kFamilies; ++i) {
    const auto family = static_cast<Family>(i);
    CHECK(get(*engine, family, key) == "not_found");
    REQUIRE(put(*engine, family, key, "value " + std::to_string(i)).ok());
  }
  for (size_t i = 0; i < kFamilies; ++i) {
    CHECK(get(*engine, static_cast<Family>(i), key) == "value " + std::to_string(i));
  }
}

TEST_CASE("engine: a value of two parts is their concatenation") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  const struct {
    std::string_view head, tail, whole;
  } cases[] = {{"head", "tail", "headtail"},
               {"head", "", "head"},
               {"", "tail", "tail"},
               {"", "", ""},
               {{}, {}, ""},
               {{}, "tail", "tail"}};
  const std::unique_ptr<ChangeSet> changes = engine->new_changes();
  for (const auto& c : cases) {
    changes->clear();
    changes->put(Family::heads, key_of(1), c.head, c.tail);
    REQUIRE(engine->apply(*changes, /*sync=*/false).ok());
    CHECK(get(*engine, Family::heads, key_of(1)) == c.whole);
  }
}

TEST_CASE("engine: erase and erase_range remove what they name and nothing else") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  for (const char* name : {"a", "b", "c", "d"}) {
    REQUIRE(put(*engine, Family::index, key_of(3, name), name).ok());
  }
  const std::unique_ptr<ChangeSet> changes = engine->new_changes();
  changes->erase(Family::index, key_of(3, "a"));
  changes->erase_range(Family::index, key_of(3, "b"), key_of(3, "d"));
  REQUIRE(engine->apply(*changes, /*sync=*/false).ok());
  const ScanRequest all{Family::index, key_of(3), key_of(3, "\xff")};
  CHECK(scan_keys(*engine, all) == std::vector<std::string>{key_of(3, "d")});
}

// RocksDB's hints of where to insert must not reach its range tombstones.
TEST_CASE("engine: ranges that begin with a whole key, among rows of its owner and kind") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  const UserId owner(Uuid{{7}});
  const auto key = [&](uint8_t n) {
    Uuid id;
    id.bytes.fill(n);
    return format::Key(owner, format::Kind::task_place).append(id).str();
  };
  const std::unique_ptr<ChangeSet> changes = engine->new_changes();
  for (uint8_t round = 0; round < 4; ++round) {
    changes->clear();
    for (uint8_t n = 1; n < 100; ++n) changes->put(Family::heads, key(n), "row");
    changes->erase_range(Family::heads, key(10), key(10));  // nothing
    for (uint8_t n = 10; n < 90; n = static_cast<uint8_t>(n + 10)) {
      changes->erase_range(Family::heads, key(n), key(static_cast<uint8_t>(n + 5)));
      changes->put(Family::heads, key(n), "again");
    }
    REQUIRE(engine->apply(*changes, /*sync=*/false).ok());
    std::vector<std::string> expected;
    for (uint8_t n = 1; n < 100; ++n) {
      const bool is_erased = n >= 10 && n < 90 && n % 10 > 0 && n % 10 < 5;
      if (!is_erased) expected.push_back(key(n));
    }
    CHECK(scan_keys(*engine, {Family::heads, key(0), key(255)}) == expected);
    CHECK(get(*engine, Family::heads, key(20)) == "again");
    if (round == 1) REQUIRE(engine->flush(/*compact=*/false).ok());
  }
}

TEST_CASE("engine: marks nest and rollback undoes only what came after the last one") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  const std::unique_ptr<ChangeSet> changes = engine->new_changes();
  changes->put(Family::heads, key_of(1, "kept"), "1");
  changes->mark();
  changes->put(Family::heads, key_of(1, "undone"), "2");
  changes->mark();
  changes->put(Family::log, key_of(1, "undone too"), "3");
  CHECK(changes->count() == 3);
  changes->accept();
  changes->rollback();
  CHECK(changes->count() == 1);
  changes->mark();
  changes->put(Family::heads, key_of(1, "accepted"), "4");
  changes->accept();
  REQUIRE(engine->apply(*changes, /*sync=*/true).ok());
  CHECK(get(*engine, Family::heads, key_of(1, "kept")) == "1");
  CHECK(get(*engine, Family::heads, key_of(1, "undone")) == "not_found");
  CHECK(get(*engine, Family::log, key_of(1, "undone too")) == "not_found");
  CHECK(get(*engine, Family::heads, key_of(1, "accepted")) == "4");

  changes->clear();
  CHECK(changes->count() == 0);
  CHECK(engine->apply(*changes, /*sync=*/false).ok());
}

TEST_CASE("engine: a change set with a defect is refused whole") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  const std::unique_ptr<ChangeSet> changes = engine->new_changes();
  changes->put(Family::heads, key_of(1), "value");
  SUBCASE("rollback without a mark") { changes->rollback(); }
  SUBCASE("accept without a mark") { changes->accept(); }
  SUBCASE("a key without an owner") { changes->put(Family::heads, "short", "value"); }
  SUBCASE("a range that ends before it begins") {
    changes->erase_range(Family::heads, key_of(2), key_of(1));
  }
  CHECK(engine->apply(*changes, /*sync=*/false).code() == Code::internal);
  CHECK(get(*engine, Family::heads, key_of(1)) == "not_found");
  CHECK(engine->health().ok());
  changes->clear();
  changes->put(Family::heads, key_of(1), "value");
  CHECK(engine->apply(*changes, /*sync=*/false).ok());
}

TEST_CASE("engine: changes and snapshots of another store are internal errors") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> one = open_engine(scratch.at("one"));
  const std::unique_ptr<Engine> two = open_engine(scratch.at("two"));
  const std::unique_ptr<ChangeSet> changes = two->new_changes();
  changes->put(Family::heads, key_of(1), "value");
  CHECK(one->apply(*changes, /*sync=*/false).code() == Code::internal);
  Result<std::unique_ptr<Snapshot>> snapshot = two->snapshot();
  REQUIRE(snapshot.ok());
  CHECK(get(*one, Family::heads, key_of(1), snapshot->get()) == "internal");
  struct Foreign : Snapshot {
    void keep() override {}
    Status check_age() const override { return Status(); }
  } foreign;
  CHECK(get(*one, Family::heads, key_of(1), &foreign) == "internal");
}

TEST_CASE("engine: multi_get gives each read its own answer") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  for (const size_t count : {size_t{0}, size_t{1}, size_t{8}, size_t{9}, size_t{100}}) {
    std::vector<Read> reads;
    for (size_t i = 0; i < count; ++i) {
      const auto family = static_cast<Family>(i % kFamilies);
      const std::string key = key_of(1, std::to_string(i));
      if (i % 3 != 0) REQUIRE(put(*engine, family, key, "v" + std::to_string(i)).ok());
      if (i == count / 2) REQUIRE(engine->flush(/*compact=*/false).ok());
      reads.push_back({family, key});
    }
    for (int round = 0; round < 2; ++round) {  // the second reuses the values of the first
      engine->multi_get(reads, nullptr);
      uint64_t found = 0;
      for (size_t i = 0; i < count; ++i) {
        if (i % 3 == 0) {
          CHECK(reads[i].status.code() == Code::not_found);
          CHECK(reads[i].value.bytes().empty());
        } else {
          CHECK(reads[i].status.ok());
          CHECK(reads[i].value.bytes() == "v" + std::to_string(i));
          ++found;
        }
      }
      CHECK(engine->live_children() == found);
    }
    const std::unique_ptr<ChangeSet> changes = engine->new_changes();
    for (const Read& read : reads) changes->erase(read.family, read.key);
    REQUIRE(engine->apply(*changes, /*sync=*/false).ok());
  }
  CHECK(engine->live_children() == 0);
}

TEST_CASE("engine: a value counts as a child while it holds something") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  REQUIRE(put(*engine, Family::heads, key_of(1), "first").ok());
  REQUIRE(engine->flush(/*compact=*/false).ok());
  REQUIRE(put(*engine, Family::heads, key_of(2), "second").ok());
  Value value;
  REQUIRE(engine->get(Family::heads, key_of(1), nullptr, &value).ok());  // pinned in a block
  CHECK(engine->live_children() == 1);
  const Value::Holder* const holder = value.holder();
  REQUIRE(engine->get(Family::heads, key_of(2), nullptr, &value).ok());  // a copy of the memtable
  CHECK(value.holder() == holder);
  CHECK(value.bytes() == "second");
  CHECK(engine->live_children() == 1);
  Value moved = std::move(value);
  CHECK(moved.bytes() == "second");
  CHECK(engine->live_children() == 1);
  CHECK(engine->get(Family::heads, key_of(3), nullptr, &moved).code() == Code::not_found);
  CHECK(moved.bytes().empty());
  CHECK(engine->live_children() == 0);
  CHECK(engine->close().ok());
}

TEST_CASE("engine: close refuses and names the count while children live") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  REQUIRE(put(*engine, Family::heads, key_of(1), "value").ok());
  Value value;
  REQUIRE(engine->get(Family::heads, key_of(1), nullptr, &value).ok());
  std::unique_ptr<Scan> scan = engine->scan({Family::heads, key_of(1), key_of(1, "\xff")});
  Result<std::unique_ptr<Snapshot>> snapshot = engine->snapshot();
  REQUIRE(snapshot.ok());
  CHECK(engine->live_children() == 3);
  Status refused = engine->close();
  CHECK(refused.code() == Code::failed_precondition);
  CHECK(refused.message().starts_with("3 "));
  CHECK(put(*engine, Family::heads, key_of(2), "still open").ok());
  snapshot->reset();
  scan.reset();
  value.reset();
  CHECK(engine->live_children() == 0);
  CHECK(engine->close().ok());
}

TEST_CASE("engine: after close every call answers closed") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  const std::unique_ptr<ChangeSet> changes = engine->new_changes();
  Value value;
  REQUIRE(put(*engine, Family::heads, key_of(1), "value").ok());
  REQUIRE(engine->close().ok());
  changes->put(Family::heads, key_of(1), "late");
  Read reads[] = {{Family::heads, key_of(1)}, {Family::log, key_of(1)}};
  engine->multi_get(reads, nullptr);
  const std::unique_ptr<Scan> scan = engine->scan({Family::heads, key_of(1), key_of(1, "z")});
  CHECK_FALSE(scan->next());
  const std::pair<const char*, Code> answers[] = {
      {"get", engine->get(Family::heads, key_of(1), nullptr, &value).code()},
      {"multi_get", reads[0].status.code()},
      {"multi_get of the second", reads[1].status.code()},
      {"scan", scan->status().code()},
      {"snapshot", engine->snapshot().code()},
      {"apply", engine->apply(*changes, false).code()},
      {"apply of new changes", engine->apply(*engine->new_changes(), false).code()},
      {"sync", engine->sync().code()},
      {"health", engine->health().code()},
      {"flush", engine->flush(false).code()},
      {"compact", engine->flush(true).code()},
      {"verify_files", engine->verify_files().code()},
      {"checkpoint", engine->checkpoint(scratch.at("copy")).code()},
      {"close", engine->close().code()},
  };
  for (const auto& [call, code] : answers) {
    const std::string shown(call);
    CAPTURE(shown);
    CHECK(code == Code::closed);
  }
  CHECK(engine->stats().families.empty());
  CHECK(engine->live_children() == 0);
  CHECK(get(*open_engine(scratch.path()), Family::heads, key_of(1)) == "value");
}

TEST_CASE("engine: the last child closes the store of a destroyed engine") {
  const ScratchDirectory scratch;
  std::unique_ptr<Engine> engine = open_engine(scratch.path());
  const std::unique_ptr<ChangeSet> changes = engine->new_changes();
  REQUIRE(put(*engine, Family::heads, key_of(1, "a"), "first").ok());
  REQUIRE(engine->flush(/*compact=*/false).ok());
  REQUIRE(put(*engine, Family::heads, key_of(1, "b"), "second").ok());
  Value value;
  REQUIRE(engine->get(Family::heads, key_of(1, "a"), nullptr, &value).ok());
  Value empty;
  REQUIRE(engine->get(Family::heads, key_of(1, "a"), nullptr, &empty).ok());
  empty.reset();
  std::unique_ptr<Scan> scan = engine->scan({Family::heads, key_of(1), key_of(1, "\xff")});
  Result<std::unique_ptr<Snapshot>> snapshot = engine->snapshot();
  REQUIRE(snapshot.ok());
  REQUIRE(scan->next());
  engine.reset();

  CHECK(value.bytes() == "first");
  CHECK(scan->value() == "first");
  CHECK(scan->next());
  CHECK(scan->value() == "second");
  CHECK_FALSE(scan->next());
  changes->put(Family::heads, key_of(1), "goes nowhere");
  CHECK(open_status(scratch.path()).code() == Code::busy);
  snapshot->reset();
  scan.reset();
  CHECK(open_status(scratch.path()).code() == Code::busy);
  value.reset();
  engine = open_engine(scratch.path());  // though `empty` still lives
  CHECK(get(*engine, Family::heads, key_of(1, "b")) == "second");
  CHECK(engine->get(Family::heads, key_of(1, "b"), nullptr, &empty).ok());
  CHECK(empty.bytes() == "second");
}

TEST_CASE("engine: a snapshot reads the past until it is too old") {
  const ScratchDirectory scratch;
  Options options = small_options();
  options.snapshot_max_age_us = 300'000;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path(), options);
  REQUIRE(put(*engine, Family::heads, key_of(1), "old").ok());
  Result<std::unique_ptr<Snapshot>> snapshot = engine->snapshot();
  REQUIRE(snapshot.ok());
  REQUIRE(put(*engine, Family::heads, key_of(1), "new").ok());
  CHECK(engine->stats().snapshots == 1);
  const Snapshot* const at = snapshot->get();
  Read read{Family::heads, key_of(1)};
  const ScanRequest request{Family::heads, key_of(1), key_of(1, "z"), false, at};
  CHECK(get(*engine, Family::heads, key_of(1), at) == "old");
  engine->multi_get({&read, 1}, at);
  CHECK(read.value.bytes() == "old");
  {
    const std::unique_ptr<Scan> scan = engine->scan(request);
    REQUIRE(scan->next());
    CHECK(scan->value() == "old");
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(320));
  CHECK(engine->stats().oldest_snapshot_age_us >= 300'000);
  CHECK(get(*engine, Family::heads, key_of(1), at) == "failed_precondition");
  engine->multi_get({&read, 1}, at);
  CHECK(read.status.code() == Code::failed_precondition);
  CHECK(read.value.bytes().empty());
  const std::unique_ptr<Scan> scan = engine->scan(request);
  CHECK_FALSE(scan->next());
  CHECK(scan->status().code() == Code::failed_precondition);
  CHECK(get(*engine, Family::heads, key_of(1)) == "new");
}

TEST_CASE("engine: threads read while one writes and another tries to close") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  REQUIRE(put(*engine, Family::heads, key_of(1), "0").ok());
  std::atomic<bool> closed{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      Value value;
      for (;;) {
        const Status status = engine->get(Family::heads, key_of(1), nullptr, &value);
        std::unique_ptr<Scan> scan = engine->scan({Family::heads, key_of(1), key_of(1, "z")});
        if (status.code() == Code::closed) break;
        if (!status.ok() || value.bytes().empty()) ++wrong;
        value.reset();
        scan.reset();
        std::this_thread::sleep_for(std::chrono::microseconds(200));  // leaves room for close()
      }
    });
  }
  for (int i = 1; i <= 200; ++i) {
    if (!put(*engine, Family::heads, key_of(1), std::to_string(i)).ok()) ++wrong;
  }
  while (!closed) {
    const Status status = engine->close();
    if (status.ok()) closed = true;
    if (!status.ok() && status.code() != Code::failed_precondition) ++wrong;
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(engine->live_children() == 0);
}

}  // namespace
}  // namespace bcstore::engine
