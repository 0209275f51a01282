// One budget for what the store keeps in memory, held while far more than that goes through it.
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <string>
#include <thread>

#include "fixture.h"
#include "memory/load.h"

// Of AddressSanitizer's allocator, if it is the one in use.
// NOLINTNEXTLINE(readability-identifier-naming): the name is not ours
extern "C" size_t __sanitizer_get_current_allocated_bytes() __attribute__((weak));

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

size_t allocated_bytes() {
  if (&__sanitizer_get_current_allocated_bytes != nullptr) {
    return __sanitizer_get_current_allocated_bytes();
  }
  return ::mallinfo2().uordblks;
}

TEST_CASE(
    "memory: writes and reads of many times the budget stay within it, each part in its share") {
  const uint64_t seed = seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  constexpr size_t kBudget = size_t{16} << 20;
  World w([](Options& o) {
    o.memory_budget_bytes = kBudget;
    o.revision_cache_bytes = kBudget;
    o.initial_credits = kMaxCredits;
  });
  memory::Load load(w.store(), seed, kBudget);
  while (load.written_bytes() < 4 * kBudget && load.step()) {
  }
  CHECK_CODE(ok, load.status());
  for (const memory::Part& part : load.parts()) {
    CAPTURE(part.name);
    CAPTURE(part.most_bytes);
    CHECK(part.most_bytes <= part.bound_bytes);
    // The load reaches the bound, or it would prove nothing.
    CHECK(part.most_bytes > part.share_bytes / 4 * 3);
  }
}

TEST_CASE("memory: rows on a document of many sections do not keep a copy of them each") {
  World w;
  const UserId owner = w.user("a@x");
  const Tenant t = w.store().tenant(owner);
  const ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  const DocumentId d = t.create_document(p, {.section = Section::prd, .content = "1"}).value();
  Importer importer = w.service().importer(owner);
  std::string id;
  const auto add = [&](size_t i) {
    id = "b" + std::to_string(i);
    importer.section(d, 1, 1, {.block_id = id});
  };
  const auto land = [&] {
    size_t written = 0;
    for (const ImportedRow& row : importer.commit().value()) {
      written += row.outcome == ImportOutcome::written ? 1u : 0u;
    }
    return written;
  };
  constexpr size_t kMore = kMaxBatchOperations;
  size_t next = 0;
  for (int commit = 0; commit < 3; ++commit) {
    for (size_t i = 0; i < kMore; ++i) add(next++);
    REQUIRE(land() == kMore);
  }
  for (size_t i = 0; i < kMore; ++i) add(next++);
  std::atomic<bool> done{false};
  const size_t before = allocated_bytes();
  size_t most = 0;
  std::thread watch([&] {
    while (!done) most = std::max(most, allocated_bytes());
  });
  const size_t written = land();
  done = true;
  watch.join();
  CHECK(written == kMore);
  // A copy of the head has 36 bytes a section: kMore of them would be more than 100 MB.
  CHECK(most < before + (size_t{24} << 20));
}

}  // namespace
}  // namespace bcstore
