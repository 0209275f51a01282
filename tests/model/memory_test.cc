// One budget for what the store keeps in memory, held while far more than that goes through it.
#include <random>

#include "fixture.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};

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
    const StoreStats stats = w.store().stats();
    most = std::max(most, stats.block_cache_bytes + stats.head_cache_bytes +
                              stats.revision_cache_bytes + stats.message_cache_bytes);
  }
  // What is under way at a moment comes on top: a memtable's last arena block, and one answer.
  constexpr size_t kUnderWay = size_t{2} << 20;
  CHECK(most <= kBudget + kUnderWay);
  CHECK(most > kBudget / 4);
}

}  // namespace
}  // namespace bcstore
