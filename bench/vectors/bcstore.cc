#include <algorithm>

#include "bcstore/bcstore.h"
#include "failure.h"
#include "vectors/peers.h"

namespace bcstore::bench {

namespace {

constexpr Section kAllSections[] = {Section::overview, Section::prd, Section::marketing,
                                    Section::tech, Section::tasks};

template <class T>
T must(Result<T> result, const char* what) {
  if (!result.ok()) throw Failure(std::string(what) + ": " + result.status().to_string());
  return *std::move(result);
}

class BcstoreVectors : public VectorPeer {
 public:
  explicit BcstoreVectors(std::string directory) : directory_(std::move(directory)) {}
  std::string name() const override { return "bcstore"; }
  // The recall that is asked for, in thousandths.
  std::vector<int> efforts(const VectorSet& /*set*/) const override {
    return {800, 850, 900, 950, 980, 990, 995, 1000};
  }

  // One project; its sections share the vectors.
  void build(const VectorSet& set) override {
    Options options;
    options.memory_budget_bytes = size_t{4} << 30;
    store_.emplace(must(Store::open(directory_, options), "open"));
    const UserId owner = must(store_->service("bench").create_user({.email = "a@x"}), "user");
    tenant_.emplace(store_->tenant(owner));
    project_ = must(tenant_->create_project({.name = "P", .idea_prompt = ""}), "project");
    const size_t each = (set.size() + kSections - 1) / kSections;
    size_t from = 0;
    for (const Section section : kAllSections) {
      const size_t end = std::min(from + each, set.size());
      if (from < end) add(section, set, from, end);
      from = end;
    }
  }

  std::vector<double> search(std::span<const float> query, int effort) override {
    const auto hits = must(tenant_->search(project_, query,
                                           {.k = kNearest,
                                            .min_recall = static_cast<double>(effort) / 1000,
                                            .with_blocks = false}),
                           "search");
    std::vector<double> distances;
    for (const SearchHit& hit : hits) distances.push_back(hit.distance);
    return distances;
  }

  bool index() override { return must(store_->maintain(), "maintain").listed > 0; }

  void settle() override {
    if (const Status s = store_->compact(); !s.ok()) throw Failure("compact: " + s.to_string());
  }

  uint64_t index_bytes() override {
    uint64_t bytes = 0;
    for (const auto& family : store_->stats().families) {
      if (family.name == "search" || family.name == "heads") bytes += family.sst_bytes;
    }
    return bytes;
  }

 private:
  void add(Section section, const VectorSet& set, size_t from, size_t end) {
    WriteBatch batch = tenant_->batch();
    const DocumentId document =
        batch.create_document(project_, {.section = section, .content = "{}"});
    std::vector<std::string> names;
    for (size_t i = from; i < end; ++i) names.push_back(std::to_string(i));
    std::vector<NewBlock> blocks;
    for (size_t i = from; i < end; ++i) {
      blocks.push_back({.block_id = names[i - from], .embedding = set.row(i)});
    }
    batch.add_sections(document, 1, blocks);
    must(tenant_->commit(batch, {.durability = Durability::relaxed}), "add_sections");
  }

  std::string directory_;
  std::optional<Store> store_;
  std::optional<Tenant> tenant_;
  ProjectId project_;
};

}  // namespace

std::unique_ptr<VectorPeer> bcstore_vectors(const std::string& directory) {
  return std::make_unique<BcstoreVectors>(directory);
}

}  // namespace bcstore::bench
