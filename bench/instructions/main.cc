// bcstore_instructions: makes one hot call again and again on data that are the same in every run,
// for callgrind to count. bench/instructions/gate runs it.
#include <fmt/core.h>
#include <gnu/libc-version.h>
#include <rocksdb/version.h>
#include <simdjson.h>
#include <sys/types.h>
#include <zstd.h>

#include <cstdint>
#include <cstdio>
#include <ctime>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "data.h"
#include "failure.h"
#include "instructions/calls.h"

// The linker leads the library's calls of getrandom and clock_gettime here (--wrap): a store's salt
// is drawn anew in every run otherwise, and with it the places of its rows in the memtables, which
// are 0.6 % of a spending. RocksDB's own calls stay as they are.
// NOLINTBEGIN(readability-identifier-naming): the names are the linker's
extern "C" ssize_t __wrap_getrandom(void* bytes, size_t size, unsigned) {
  static bcstore::bench::Random random(42);
  for (size_t i = 0; i < size; ++i) {
    static_cast<uint8_t*>(bytes)[i] = static_cast<uint8_t>(random.next());
  }
  return static_cast<ssize_t>(size);
}
extern "C" int __wrap_clock_gettime(clockid_t, timespec* at) {
  *at = {.tv_sec = bcstore::bench::kFirstInstantUs / 1'000'000, .tv_nsec = 0};
  return 0;
}
// NOLINTEND(readability-identifier-naming)

namespace bcstore::bench {

constexpr uint64_t kMadeTwice = 20;

// The function that the counting is switched on for. Not inlined, and nothing else is counted.
extern "C" [[gnu::noinline]] void bcstore_counted_loop(Call* call, uint64_t operations,
                                                       bool slower) {
  for (uint64_t i = 0; i < operations; ++i) {
    call->run();
    if (slower && i % kMadeTwice == 0) call->run();
  }
}

namespace {

constexpr const char* kHelp = R"(usage: bcstore_instructions CALL DIR [--slower]
       bcstore_instructions --list        the calls, and how often each is made
       bcstore_instructions --toolchain   what decides on a count beside the sources
DIR is an empty directory. --slower makes every twentieth call twice: 5 % more of the same work.
)";

// Of those that have a say in a count; kernel and processor have none.
void print_toolchain() {
  fmt::print("compiler {}\n", __VERSION__);
  fmt::print("glibc {}\n", gnu_get_libc_version());
  fmt::print("rocksdb {}.{}.{}\n", ROCKSDB_MAJOR, ROCKSDB_MINOR, ROCKSDB_PATCH);
  fmt::print("zstd {}\n", ZSTD_versionString());
  fmt::print("simdjson {}.{}.{}\n", simdjson::SIMDJSON_VERSION_MAJOR,
             simdjson::SIMDJSON_VERSION_MINOR, simdjson::SIMDJSON_VERSION_REVISION);
}

void count(std::string_view name, const std::string& directory, bool slower) {
  for (const CallEntry& entry : all_calls()) {
    if (entry.name != name) continue;
    const uint64_t most = entry.operations + entry.operations / kMadeTwice + 1;
    const std::unique_ptr<Call> call = entry.make(directory, most);
    bcstore_counted_loop(call.get(), entry.operations, slower);
    return;
  }
  throw Refused(fmt::format("unknown call '{}'; --list tells what there is", name));
}

int run(std::span<char*> words) {
  const std::string_view first = words.empty() ? "--help" : words[0];
  if (words.size() <= 1 && first == "--help") {
    fmt::print("{}", kHelp);
  } else if (words.size() == 1 && first == "--list") {
    for (const CallEntry& entry : all_calls()) fmt::print("{} {}\n", entry.name, entry.operations);
  } else if (words.size() == 1 && first == "--toolchain") {
    print_toolchain();
  } else if (words.size() == 2) {
    count(first, words[1], false);
  } else if (words.size() == 3 && std::string_view(words[2]) == "--slower") {
    count(first, words[1], true);
  } else {
    throw Refused("takes a call and a directory; --help tells more");
  }
  return 0;
}

}  // namespace
}  // namespace bcstore::bench

int main(int count, char** words) {
  using namespace bcstore::bench;
  try {
    return run({words + 1, static_cast<size_t>(count - 1)});
  } catch (const Refused& refused) {
    fmt::print(stderr, "bcstore_instructions: {}\n", refused.what());
    return 2;
  } catch (const std::exception& failure) {
    fmt::print(stderr, "bcstore_instructions: {}\n", failure.what());
    return 1;
  }
}
