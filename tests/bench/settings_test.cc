// The command line of the benchmark: what it does not know it refuses by name.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "bench/failure.h"
#include "bench/settings.h"
#include "planted_engine.h"

namespace bcstore::bench_test {
namespace {

// What the command line is refused with; empty: it is not.
std::string refusal_of(std::vector<std::string> words) {
  std::vector<char*> pointers;
  words.insert(words.begin(), "bcstore_bench");
  for (std::string& word : words) pointers.push_back(word.data());
  try {
    (void)bench::read_settings(static_cast<int>(pointers.size()), pointers.data());
    return {};
  } catch (const bench::Refused& refused) {
    return refused.what();
  }
}

TEST_CASE("Unknown workloads and engines are refused by name, with those that there are") {
  CHECK(refusal_of({"--only", "W1", "--engines", "floor"}).empty());
  const std::string workload = refusal_of({"--only", "W1,W99"});
  CHECK(has(workload, "unknown workload 'W99'"));
  CHECK(has(workload, "W1, W2, W3"));
  const std::string engine = refusal_of({"--engines", "mongodb"});
  CHECK(has(engine, "unknown engine 'mongodb'"));
  CHECK(has(engine, "bcstore, floor, lmdb, sqlite, postgres"));
  CHECK(has(refusal_of({"--only", ""}), "unknown workload ''"));
}

TEST_CASE("Options are refused by name as well") {
  CHECK(has(refusal_of({"--fast"}), "'--fast'"));
  CHECK(has(refusal_of({"--fast", "1"}), "'--fast'"));
  CHECK(has(refusal_of({"--seconds", "soon"}), "--seconds takes a number"));
  CHECK(has(refusal_of({"--pairs", "0"}), "--pairs takes a number from 1"));
  CHECK(has(refusal_of({"--from", "rows.json"}), "--plot"));
  CHECK(has(refusal_of({"--plot", "/nowhere/charts"}), "/nowhere/charts"));
  CHECK(has(refusal_of({"--json", "/nowhere/rows.json"}), "/nowhere/rows.json"));
}

TEST_CASE("A data directory without documents is refused by name") {
  test::TempDirectory directory;
  CHECK(has(refusal_of({"--data", directory.path()}),
            "'" + directory.path() + "' is no data directory"));
  CHECK(has(refusal_of({"--data", "/nowhere"}), "/nowhere/document_revisions.jsonl.zst"));
}

}  // namespace
}  // namespace bcstore::bench_test
