// A project whose sections are searched.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "planted.h"

namespace bcstore::fixture {

using Floats = std::vector<float>;

struct Named {
  std::string id;
  Floats floats;
};

inline std::vector<NewBlock> blocks_of(const std::vector<Named>& named) {
  std::vector<NewBlock> blocks;
  for (const Named& one : named) {
    blocks.push_back({.block_id = one.id, .body_md = one.id, .embedding = one.floats});
  }
  return blocks;
}

struct Searched : EngineWorld {
  UserId owner = user("a@x");
  Tenant t = held->tenant(owner);
  ProjectId project = t.create_project({.name = "P", .idea_prompt = ""}).value();

  DocumentId document(Section section, int revisions, uint32_t version = 1) {
    const DocumentId made =
        t.create_document(project, {.section = section, .version = version}).value();
    for (int i = 0; i < revisions; ++i) t.add_revision(made, {.content = "1"}).value();
    return made;
  }
  void add(DocumentId to, uint32_t rev, const std::vector<Named>& named,
           const EmbeddingSpace& space = {}) {
    const std::vector<NewBlock> blocks = blocks_of(named);
    CHECK_CODE(ok, t.add_sections(to, rev, blocks, space, {.durability = Durability::relaxed}));
  }
  // "a b c": the ids of the hits, nearest first.
  std::string found(const Floats& query, const SearchOptions& o = {}) {
    return ids(t.search(project, query, o));
  }
  static std::string ids(const Result<std::vector<SearchHit>>& hits) {
    if (!hits.ok()) return std::string(name_of(hits.status()));
    std::string out;
    for (const SearchHit& hit : *hits) {
      REQUIRE(hit.block.valid());
      CHECK(hit.block.rev() == hit.rev);
      CHECK(hit.block.ordinal() == hit.ordinal);
      CHECK(hit.block.document() == hit.document);
      out += (out.empty() ? "" : " ") + std::string(hit.block.block_id());
    }
    return out;
  }
  void check_clean() {
    const CheckReport report = store().check().value();
    for (const Violation& v : report.listed) FAIL_CHECK(v.table, ": ", v.rule, ": ", v.detail);
    CHECK(report.violations == 0);
  }
};

inline const Floats kRight = {1, 0}, kUp = {0, 1}, kLeft = {-1, 0}, kSlant = {0.8F, 0.6F};

inline std::vector<Named> random_blocks(std::mt19937_64& random, size_t count, size_t dimension,
                                        const std::string& prefix) {
  std::normal_distribution<float> normal;
  std::vector<Named> named(count);
  for (size_t i = 0; i < count; ++i) {
    named[i].id = prefix + std::to_string(i);
    for (size_t j = 0; j < dimension; ++j) named[i].floats.push_back(normal(random));
  }
  return named;
}

// The distances that brute force over the given floats finds.
inline std::vector<double> brute_force(const std::vector<Named>& named, const Floats& query,
                                       Metric metric, size_t k) {
  std::vector<double> all;
  for (const Named& one : named) {
    double dot = 0, a = 0, b = 0, apart = 0;
    for (size_t i = 0; i < query.size(); ++i) {
      const double x = double{one.floats[i]}, q = double{query[i]};
      dot += x * q;
      a += x * x;
      b += q * q;
      apart += (x - q) * (x - q);
    }
    all.push_back(metric == Metric::cosine      ? 1 - dot / std::sqrt(a * b)
                  : metric == Metric::euclidean ? std::sqrt(apart)
                                                : -dot);
  }
  std::sort(all.begin(), all.end());
  all.resize(std::min(all.size(), k));
  return all;
}

}  // namespace bcstore::fixture
