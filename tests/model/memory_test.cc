// One budget for what the store keeps in memory, held while far more than that goes through it.
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <string>
#include <thread>

#include "fixture.h"

// Of AddressSanitizer's allocator, if it is the one in use.
// NOLINTNEXTLINE(readability-identifier-naming): the name is not ours
extern "C" size_t __sanitizer_get_current_allocated_bytes() __attribute__((weak));

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};

size_t allocated_bytes() {
  if (&__sanitizer_get_current_allocated_bytes != nullptr) {
    return __sanitizer_get_current_allocated_bytes();
  }
  return ::mallinfo2().uordblks;
}

std::string noise(std::mt19937_64& random, size_t bytes) {
  std::string text(bytes, ' ');
  for (char& c : text) c = static_cast<char>('a' + random() % 26);
  return text;
}

TEST_CASE("memory: writes and reads of many times the budget stay within it") {
  const uint64_t seed = seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed);
  constexpr size_t kBudget = size_t{16} << 20;
  constexpr size_t kLargest = 60'000;
  World w([](Options& o) { o.memory_budget_bytes = kBudget; });
  const Service refill = w.service();
  std::vector<Tenant> tenants;
  std::vector<DocumentId> documents;
  std::vector<ChatSessionId> chats;
  for (int i = 0; i < 40; ++i) {
    tenants.push_back(w.tenant(std::to_string(i) + "@x"));
    const ProjectId p = tenants.back().create_project({.name = "P", .idea_prompt = ""}).value();
    const NewDocument document{.section = Section::prd};
    documents.push_back(tenants.back().create_document(p, document).value());
    chats.push_back(tenants.back().start_chat(p).value());
  }
  size_t written = 0;
  uint64_t most = 0;
  while (written < 3 * kBudget) {
    const size_t at = random() % tenants.size();
    const std::string text = noise(random, 1 + random() % kLargest);
    const NewRevision revision{.content = text, .content_type = ContentType::text};
    tenants[at].add_revision(documents[at], revision, kRelaxed).value();
    tenants[at].append_message(chats[at], {.role = Role::user, .content = text}, kRelaxed).value();
    if (const auto left = tenants[at].consume_credit({}, kRelaxed); !left) {
      CHECK_CODE(out_of_credits, left);
      refill.grant_credits(tenants[at].owner(), {.amount = 100}, kRelaxed).value();
    }
    written += 2 * text.size();
    const size_t other = random() % tenants.size();
    CHECK_CODE(ok, tenants[other].messages(chats[other], {.newest_first = true, .limit = 20}));
    CHECK_CODE(ok, tenants[other].document(documents[other]));
    const StoreStats stats = w.store().stats();
    most = std::max(most, stats.block_cache_bytes + stats.head_cache_bytes +
                              stats.revision_cache_bytes + stats.message_cache_bytes +
                              stats.row_cache_bytes);
  }
  // What is under way at a moment comes on top: a memtable's last arena block, and one answer.
  constexpr size_t kUnderWay = size_t{2} << 20;
  CHECK(most <= kBudget + kUnderWay);
  CHECK(most > kBudget / 4);
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
