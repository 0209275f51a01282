// Storage errors: the latch, the space gate, and that no acknowledged row is lost.
#include <map>

#include "engine/disturbed_files.h"
#include "engine/engine_fixture.h"

namespace bcstore::engine {
namespace {

using Operation = DisturbedFiles::Operation;

struct Disturbed {
  std::shared_ptr<DisturbedFiles> files = std::make_shared<DisturbedFiles>();
  Options options = small_options();

  Disturbed() { options.file_system = files; }
};

TEST_CASE("failure: a failed log write latches the store and reads go on") {
  for (const Code cause : {Code::io_error, Code::no_space}) {
    for (const Operation kind : {Operation::append, Operation::sync}) {
      for (const bool sticky : {false, true}) {
        CAPTURE(to_string(cause));
        CAPTURE(static_cast<int>(kind));
        CAPTURE(sticky);
        const ScratchDirectory scratch;
        Disturbed disturbed;
        std::unique_ptr<Engine> engine = open_engine(scratch.path(), disturbed.options);
        REQUIRE(put(*engine, Family::heads, key_of(1), "acked", /*sync=*/true).ok());
        disturbed.files->fail_only(kind);
        disturbed.files->fail_at(1, cause, sticky, ".log");
        const Status first = put(*engine, Family::heads, key_of(2), "unknown", /*sync=*/true);
        CHECK(first.code() == Code::unknown_outcome);
        disturbed.files->fail_at(sticky ? 1 : 0, cause, sticky, ".log");
        for (int i = 0; i < 5; ++i) {
          const Status later = put(*engine, Family::heads, key_of(3), "refused");
          CHECK(later.code() == Code::read_only);
          CHECK(later.message().find("disturbed by the test") != std::string_view::npos);
        }
        CHECK(engine->sync().code() == Code::read_only);
        CHECK(engine->health().code() == Code::read_only);
        CHECK(engine->flush(/*compact=*/true).code() == Code::read_only);
        CHECK(engine->checkpoint(scratch.at("copy")).code() == Code::read_only);
        CHECK(get(*engine, Family::heads, key_of(1)) == "acked");
        CHECK(get(*engine, Family::heads, key_of(3)) == "not_found");
        CHECK(scan_keys(*engine, {Family::heads, key_of(1), key_of(1, "z")}).size() == 1);
        CHECK(engine->close().code() == Code::read_only);
        CHECK(get(*engine, Family::heads, key_of(1)) == "closed");
        engine.reset();

        disturbed.files->fail_at(0);
        engine = open_engine(scratch.path(), disturbed.options);
        CHECK(get(*engine, Family::heads, key_of(1)) == "acked");
        CHECK(get(*engine, Family::heads, key_of(3)) == "not_found");
        CHECK(put(*engine, Family::heads, key_of(3), "again", /*sync=*/true).ok());
      }
    }
  }
}

TEST_CASE("failure: a failed sync call latches too") {
  const ScratchDirectory scratch;
  Disturbed disturbed;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path(), disturbed.options);
  REQUIRE(put(*engine, Family::heads, key_of(1), "v").ok());
  disturbed.files->fail_only(Operation::sync);
  disturbed.files->fail_at(1);
  CHECK(engine->sync().code() == Code::unknown_outcome);
  CHECK(engine->sync().code() == Code::read_only);
  CHECK(put(*engine, Family::heads, key_of(2), "v").code() == Code::read_only);
}

TEST_CASE("failure: closing with a log that cannot be synced says so") {
  const ScratchDirectory scratch;
  Disturbed disturbed;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path(), disturbed.options);
  REQUIRE(put(*engine, Family::heads, key_of(1), "v").ok());
  disturbed.files->fail_only(Operation::sync);
  disturbed.files->fail_at(1);
  CHECK(engine->close().code() == Code::unknown_outcome);
  CHECK(engine->close().code() == Code::closed);
  disturbed.files->fail_at(0);
  CHECK(get(*open_engine(scratch.path(), disturbed.options), Family::heads, key_of(1)) == "v");
}

TEST_CASE("failure: an error in the background latches") {
  const ScratchDirectory scratch;
  Disturbed disturbed;
  std::string lines;
  disturbed.options.log = [&](LogLevel level, std::string_view line) {
    if (level == LogLevel::error) lines.append(line).append("\n");
  };
  std::unique_ptr<Engine> engine = open_engine(scratch.path(), disturbed.options);
  REQUIRE(put(*engine, Family::heads, key_of(1), "v", /*sync=*/true).ok());
  disturbed.files->fail_at(1, Code::io_error, /*sticky=*/true, ".sst");
  CHECK_FALSE(engine->flush(/*compact=*/false).ok());
  CHECK(put(*engine, Family::heads, key_of(2), "v").code() == Code::read_only);
  CHECK(get(*engine, Family::heads, key_of(1)) == "v");
  engine.reset();
  CHECK(lines.find("read-only") != std::string::npos);
  disturbed.files->fail_at(0);
  CHECK(get(*open_engine(scratch.path(), disturbed.options), Family::heads, key_of(1)) == "v");
}

TEST_CASE("failure: the space gate refuses before anything is written") {
  const ScratchDirectory scratch;
  Disturbed disturbed;
  disturbed.options.free_space_reserve_bytes = 1'000'000;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path(), disturbed.options);
  REQUIRE(put(*engine, Family::heads, key_of(1), "before").ok());
  const std::string large(100'000, 'x');
  disturbed.files->set_free_space(1'050'000);
  const uint64_t writes = disturbed.files->count(Operation::append);
  CHECK(put(*engine, Family::heads, key_of(2), large).code() == Code::no_space);
  CHECK(disturbed.files->count(Operation::append) == writes);
  CHECK(put(*engine, Family::heads, key_of(3), "small").ok());
  disturbed.files->set_free_space(1'000'000);
  CHECK(put(*engine, Family::heads, key_of(4), "small").code() == Code::no_space);
  CHECK(engine->flush(/*compact=*/false).code() == Code::no_space);
  CHECK(engine->flush(/*compact=*/true).code() == Code::no_space);
  CHECK(engine->checkpoint(scratch.at("copy")).code() == Code::no_space);
  CHECK(engine->health().ok());
  disturbed.files->set_free_space(0);
  CHECK(put(*engine, Family::heads, key_of(4), "").code() == Code::no_space);
  CHECK(get(*engine, Family::heads, key_of(1)) == "before");
  CHECK(get(*engine, Family::heads, key_of(2)) == "not_found");
  CHECK(engine->sync().ok());
  disturbed.files->set_free_space(std::nullopt);
  CHECK(put(*engine, Family::heads, key_of(2), large, /*sync=*/true).ok());
  CHECK(engine->flush(/*compact=*/true).ok());
}

// A batch of three rows in two families; row n holds n.
Status write_batch(Engine& engine, int n) {
  const std::unique_ptr<ChangeSet> changes = engine.new_changes();
  const std::string number = std::to_string(n);
  changes->put(Family::heads, key_of(1, "head"), number);
  changes->put(Family::months, key_of(1, "m" + number), number);
  changes->put(Family::log, key_of(1, "l" + number), std::string(2000, 'l'));
  return engine.apply(*changes, /*sync=*/true);
}

// Runs until something fails; the number of acknowledged batches.
int run_workload(Engine& engine, int batches) {
  for (int n = 1; n <= batches; ++n) {
    if (!write_batch(engine, n).ok()) return n - 1;
    if (n % 8 == 0 && !engine.flush(/*compact=*/n % 16 == 0).ok()) return n;
  }
  return batches;
}

// Every acknowledged batch is there, at most one more, and none in part.
void check_batches(Engine& engine, int acked) {
  const std::string head = get(engine, Family::heads, key_of(1, "head"));
  const int there = head == "not_found" ? 0 : std::stoi(head);
  CHECK(there >= acked);
  CHECK(there <= acked + 1);
  const ScanRequest months{Family::months, key_of(1, "m"), key_of(1, "n")};
  CHECK(scan_keys(engine, months).size() == static_cast<size_t>(there));
  const ScanRequest log{Family::log, key_of(1, "l"), key_of(1, "m")};
  CHECK(scan_keys(engine, log).size() == static_cast<size_t>(there));
}

// Lets one operation after another fail under the workload, alone or with all later ones.
void sweep(Code cause, bool sticky) {
  constexpr int kBatches = 24;
  uint64_t cases = 0;
  uint64_t number = 1;
  for (bool failed = true; failed; number += sweep_stride(15), ++cases) {
    CAPTURE(number);
    const ScratchDirectory scratch;
    Disturbed disturbed;
    std::unique_ptr<Engine> engine = open_engine(scratch.path(), disturbed.options);
    disturbed.files->fail_at(number, cause, sticky);
    const int acked = run_workload(*engine, kBatches);
    failed = disturbed.files->failed() > 0;
    const std::string head = get(*engine, Family::heads, key_of(1, "head"));
    CHECK((acked == 0 || head != "not_found"));
    if (acked < kBatches) CHECK_FALSE(engine->health().ok());
    (void)engine->close();
    engine.reset();
    disturbed.files->fail_at(0);
    engine = open_engine(scratch.path(), disturbed.options);
    check_batches(*engine, acked);
    CHECK(write_batch(*engine, kBatches + 1).ok());
    CHECK(engine->verify_files().ok());
  }
  CHECK(cases > 3);
}

TEST_CASE("failure: one i/o error anywhere loses and tears no acknowledged batch") {
  sweep(Code::io_error, /*sticky=*/false);
}

TEST_CASE("failure: i/o errors from anywhere on lose and tear no acknowledged batch") {
  sweep(Code::io_error, /*sticky=*/true);
}

TEST_CASE("failure: a disk that is full once loses and tears no acknowledged batch") {
  sweep(Code::no_space, /*sticky=*/false);
}

TEST_CASE("failure: a disk that stays full loses and tears no acknowledged batch") {
  sweep(Code::no_space, /*sticky=*/true);
}

}  // namespace
}  // namespace bcstore::engine
