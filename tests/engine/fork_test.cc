// A child after fork: every call answers wrong_process, nothing hangs, the parent goes on.
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "engine/engine_fixture.h"
#include "engine/fork_guard.h"

namespace bcstore::engine {
namespace {

// Runs `body` in a forked child; its answer, or -1 when it did not end well within so many seconds.
template <class Body>
int in_child(Body body, unsigned seconds = 60) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::alarm(seconds);
    ::_exit(body());
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("fork: the guard tells a child from its parent") {
  const ForkGuard guard;
  CHECK_FALSE(guard.in_child());
  CHECK(in_child([&] {
          const ForkGuard own;
          return guard.in_child() && !own.in_child() ? 7 : 1;
        }) == 7);
  CHECK_FALSE(guard.in_child());
}

TEST_CASE("fork: every call in a child answers wrong_process and it ends cleanly") {
  const ScratchDirectory scratch;
  std::unique_ptr<Engine> engine = open_engine(scratch.path());
  REQUIRE(put(*engine, Family::heads, key_of(1), "v").ok());
  REQUIRE(engine->flush(/*compact=*/false).ok());
  Value value;
  REQUIRE(engine->get(Family::heads, key_of(1), nullptr, &value).ok());
  std::unique_ptr<Scan> scan = engine->scan({Family::heads, key_of(1), key_of(1, "z")});
  Result<std::unique_ptr<Snapshot>> snapshot = engine->snapshot();
  std::unique_ptr<ChangeSet> changes = engine->new_changes();
  changes->put(Family::heads, key_of(2), "from the child");

  const int answer = in_child([&]() -> int {
    constexpr Code kWrong = Code::wrong_process;
    Value own;
    Read reads[] = {{Family::heads, key_of(1)}};
    engine->multi_get(reads, nullptr);
    if (engine->get(Family::heads, key_of(1), nullptr, &own).code() != kWrong) return 1;
    if (engine->get(Family::heads, key_of(1), nullptr, &value).code() != kWrong) return 2;
    if (reads[0].status.code() != kWrong) return 3;
    if (scan->next() || scan->status().code() != kWrong) return 4;
    const std::unique_ptr<Scan> later = engine->scan({Family::heads, key_of(1), key_of(1, "z")});
    if (later->next() || later->status().code() != kWrong) return 5;
    if (engine->snapshot().code() != kWrong) return 6;
    if (engine->apply(*changes, /*sync=*/true).code() != kWrong) return 7;
    if (engine->sync().code() != kWrong) return 8;
    if (engine->health().code() != kWrong) return 9;
    if (engine->flush(/*compact=*/true).code() != kWrong) return 10;
    if (engine->verify_files().code() != kWrong) return 11;
    if (engine->checkpoint(scratch.at("copy")).code() != kWrong) return 12;
    if (engine->close().code() != kWrong) return 13;
    if (!engine->stats().families.empty()) return 14;
    if (open_status(scratch.path()).code() != Code::busy) return 15;
    // Everything is destroyed here as a child that returns from main() would do.
    scan.reset();
    snapshot->reset();
    changes.reset();
    engine.reset();
    return 77;
  });
  CHECK(answer == 77);

  CHECK(open_status(scratch.path()).code() == Code::busy);
  CHECK(value.bytes() == "v");
  CHECK(scan->next());
  CHECK(engine->live_children() == 3);
  CHECK(put(*engine, Family::heads, key_of(3), "w", /*sync=*/true).ok());
  snapshot->reset();
  scan.reset();
  value.reset();
  CHECK(engine->close().ok());
}

TEST_CASE("fork: a child does not hang while its parent's threads are at work") {
  const ScratchDirectory scratch;
  std::unique_ptr<Engine> engine = open_engine(scratch.path());
  REQUIRE(put(*engine, Family::heads, key_of(1), std::string(5000, 'v')).ok());
  REQUIRE(engine->flush(/*compact=*/false).ok());
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (!done) {
        (void)get(*engine, Family::heads, key_of(1));
        Result<std::unique_ptr<Snapshot>> snapshot = engine->snapshot();
        const std::unique_ptr<Scan> scan = engine->scan({Family::heads, key_of(1), key_of(1, "z")});
      }
    });
  }
  // The sanitizer's own allocator is not made for fork: once in a while a child inherits its lock
  // and hangs there. A lock of ours would be held at most forks, not at one in many.
  constexpr int kForks = 8;
  constexpr unsigned kSeconds = 15;
  int well = 0;
  for (int i = 0; i < kForks; ++i) {
    Value value;
    CHECK(engine->get(Family::heads, key_of(1), nullptr, &value).ok());
    const auto in_it = [&] {
      Value moved = std::move(value);
      const bool wrong = engine->sync().code() == Code::wrong_process;
      moved.reset();
      engine.reset();
      return wrong ? 77 : 1;
    };
    const int answer = in_child(in_it, kSeconds);
    CHECK((answer == 77 || answer == -1));
    well += answer == 77 ? 1 : 0;
  }
  CHECK(well >= kForks - 2);
  done = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(engine->close().ok());
}

}  // namespace
}  // namespace bcstore::engine
