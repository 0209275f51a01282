// What a run does when an engine fails in the middle of it, or the disk is full.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "bench/failure.h"
#include "planted_engine.h"

namespace bcstore::bench_test {
namespace {

using bench::EngineEntry;

constexpr EngineEntry kPeer{"planted", plant};
constexpr EngineEntry kNoPeer{"planted", plant, nullptr, false};

[[noreturn]] void give_up(const std::string&) { throw bench::Failure("planted: it had enough"); }

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

size_t count(std::string_view text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

TEST_CASE("A peer that fails is named with workload and reason, and the run goes on") {
  test::TempDirectory directory;
  // W1 appends 2,000 messages before it measures.
  set_plan({.at_append = 2001, .happens = give_up});
  const Said said = run_captured(
      brief_settings(directory, {engine_of("floor"), &kPeer}, {"W1", "W2"}), directory);
  CAPTURE(said.out);
  CAPTURE(said.err);
  CHECK(said.code == 0);
  CHECK(has(said.out,
            "W1: planted failed and is left out of the rest of it: planted: it had enough"));
  CHECK(count(said.out, "it had enough") == 1);
  // No rows of it in W1, and all of them in the workload after it.
  const std::string rows = contents(directory.sub("rows.json"));
  CHECK(count(rows, R"("engine": "floor")") >= 4);
  CHECK(count(rows, R"("engine": "planted")") == 2);
  CHECK(count(rows, R"("workload": "W2", "variant": "hot", "threads": 1, "engine": "planted")") ==
        1);
  CHECK_FALSE(left_data(directory));
}

TEST_CASE("A failure before anything is measured leaves a peer out as well") {
  test::TempDirectory directory;
  set_plan({.at_append = 10, .happens = give_up});
  const Said said =
      run_captured(brief_settings(directory, {engine_of("floor"), &kPeer}, {"W2"}), directory);
  CHECK(said.code == 0);
  CHECK(has(said.out, "W2: planted failed"));
  CHECK(count(contents(directory.sub("rows.json")), R"("engine": "planted")") == 0);
}

TEST_CASE("A failure of what is not a peer ends the run") {
  test::TempDirectory directory;
  set_plan({.at_append = 2001, .happens = give_up});
  const Said said =
      run_captured(brief_settings(directory, {engine_of("floor"), &kNoPeer}, {"W1"}), directory);
  CHECK(said.code == 1);
  CHECK(has(said.err, "bcstore_bench: planted: it had enough"));
  CHECK_FALSE(left_data(directory));
}

TEST_CASE("A peer that says that the disk is full ends the run") {
  test::TempDirectory directory;
  set_plan({.at_append = 2001, .happens = [](const std::string&) {
              throw bench::Failure("planted: write: No space left on device");
            }});
  const Said said =
      run_captured(brief_settings(directory, {engine_of("floor"), &kPeer}, {"W1"}), directory);
  CHECK(said.code == 1);
  CHECK(has(said.err, "the disk is full: " + directory.path()));
  CHECK(has(said.err, "MiB free"));
  CHECK(count(said.err, "\n") == 1);
  CHECK_FALSE(left_data(directory));
}

// Runs the program by a shell; what it said is in out and err.
int run_shell(const test::TempDirectory& directory, const std::string& words) {
  const int status = std::system(
      fmt::format("{} >'{}' 2>'{}'", words, directory.sub("out"), directory.sub("err")).c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("A disk that is really full ends the run with its name and what is free") {
  test::TempDirectory directory;
  const std::string disk = directory.sub("disk");
  ::mkdir(disk.c_str(), 0700);
  // A small file system in memory, in a name space of its own.
  const std::string mount = fmt::format("mount -t tmpfs -o size=64m none '{}'", disk);
  if (run_shell(directory, fmt::format("unshare -rm sh -c \"{}\"", mount)) != 0) {
    MESSAGE("skipped: no file system can be mounted here");
    return;
  }
  const std::string run = fmt::format(
      "'{}' --only W1 --engines floor --users 5 --seconds 60 --memory 64 --scratch '{}'",
      BCSTORE_BENCH_PROGRAM, disk);
  const int code = run_shell(
      directory,
      fmt::format("unshare -rm sh -c \"{} && {{ {}; code=\\$?; ls '{}'; exit \\$code; }}\"", mount,
                  run, disk));
  const std::string out = contents(directory.sub("out")), err = contents(directory.sub("err"));
  CAPTURE(out);
  CAPTURE(err);
  CHECK(code == 1);
  CHECK(has(err, "the disk is full: " + disk + "/bcstore-bench-"));
  CHECK(has(err, "(tmpfs on none) had "));
  CHECK(count(err, "\n") == 1);
  CHECK_FALSE(has(out, "bcstore-bench-\n"));
  CHECK(has(out, "scratch data in " + disk));
  CHECK(count(out, "bcstore-bench-") == 1);  // in the head, and not in the listing
}

TEST_CASE("A file that may not grow is an error and not the end of the process") {
  test::TempDirectory directory;
  const int code = run_shell(
      directory, fmt::format("bash -c \"ulimit -f 1024; exec '{}' --only W1 --engines floor "
                             "--users 5 --seconds 20 --memory 64 --scratch '{}'\"",
                             BCSTORE_BENCH_PROGRAM, directory.path()));
  const std::string err = contents(directory.sub("err"));
  CAPTURE(err);
  CHECK(code == 1);
  CHECK(has(err, "bcstore_bench: floor: "));
  CHECK(has(err, "File too large"));
  CHECK_FALSE(left_data(directory));
}

pid_t server_in(const std::string& directory) {
  std::ifstream file(directory + "/data/postmaster.pid");
  pid_t process = 0;
  file >> process;
  return process;
}

TEST_CASE("A server that dies is a peer that failed, and nothing of it is left") {
  const EngineEntry* postgres = engine_of("postgres");
  if (!bench::hindrance_of(*postgres).empty()) {
    MESSAGE("skipped: " << bench::hindrance_of(*postgres));
    return;
  }
  test::TempDirectory directory;
  ::chmod(directory.path().c_str(), 0711);  // the server's user passes through
  pid_t server = 0;
  set_plan(
      {.inner = postgres->make, .at_append = 2001, .happens = [&server](const std::string& place) {
         server = server_in(place);
         REQUIRE(server > 0);
         ::kill(server, SIGKILL);
         // Its processes see to it on their own, a moment later.
         std::this_thread::sleep_for(std::chrono::milliseconds(500));
       }});
  const Said said =
      run_captured(brief_settings(directory, {engine_of("floor"), &kPeer}, {"W1"}), directory);
  CAPTURE(said.out);
  CHECK(said.code == 0);
  CHECK(has(said.out, "W1: planted failed and is left out of the rest of it: postgres: "));
  CHECK(::kill(server, 0) != 0);
  CHECK(count(contents(directory.sub("rows.json")), R"("engine": "planted")") == 0);
  CHECK_FALSE(left_data(directory));
}

}  // namespace
}  // namespace bcstore::bench_test
