// Searches where codes tell little, and of spaces whose numbers are damaged.
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "model/search_lists.h"
#include "searched.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using format::Kind;

std::vector<double> distances(const Result<std::vector<SearchHit>>& hits) {
  std::vector<double> all;
  REQUIRE(hits.ok());
  for (const SearchHit& hit : *hits) all.push_back(hit.distance);
  return all;
}

// One component is the same of all and large: the steps of codes are wider than the differences.
TEST_CASE("search: embeddings that are alike but for small components are told apart") {
  std::mt19937_64 random(20'251'124);
  std::normal_distribution<float> normal;
  for (const float large : {100.0F, 1000.0F}) {
    for (const Metric metric : {Metric::cosine, Metric::euclidean, Metric::dot}) {
      CAPTURE(large);
      CAPTURE(metric);
      Searched w;
      const auto shifted = [&](Named named) {
        named.floats[0] = large;
        return named;
      };
      std::vector<Named> all;
      for (Named& one : random_blocks(random, 1000, 9, "b")) all.push_back(shifted(std::move(one)));
      w.add(w.document(Section::prd, 1), 1, all, {.metric = metric});
      for (Named& one : random_blocks(random, 5, 9, "q")) {
        const Named query = shifted(std::move(one));
        const std::vector<double> truth = brute_force(all, query.floats, metric, 10);
        const std::vector<double> found =
            distances(w.t.search(w.project, query.floats, {.with_blocks = false}));
        REQUIRE(found.size() == truth.size());
        for (size_t i = 0; i < truth.size(); ++i) {
          CHECK(found[i] == doctest::Approx(truth[i]).epsilon(1e-9));
        }
      }
    }
  }
}

TEST_CASE("search: components below what a float's step holds are told apart") {
  Searched w;
  std::vector<Named> all;
  for (int i = 1; i <= 60; ++i) {
    all.push_back({std::to_string(i), {std::ldexp(1.0F, -149) * static_cast<float>(i), 0}});
  }
  w.add(w.document(Section::prd, 1), 1, all, {.metric = Metric::dot});
  CHECK(w.found({1, 0}, {.k = 3}) == "60 59 58");
}

// What was searched once takes a bit, and neither a place nor its floats.
TEST_CASE("search: memory does not grow with the revisions that were searched once") {
  constexpr uint32_t kRevisions = 300;
  std::mt19937_64 random(20'251'125);
  Searched w;
  const DocumentId document = w.document(Section::prd, kRevisions);
  const auto bytes_after = [&](uint32_t rev) {
    const std::vector<Named> named = random_blocks(random, 64, 8, "r" + std::to_string(rev) + "n");
    w.add(document, rev, named);
    for (const Named& one : named) CHECK(w.found(one.floats, {.k = 1}) == one.id);
    return w.store().stats().search_cache_bytes;
  };
  size_t early = 0;
  for (uint32_t rev = 1; rev <= 20; ++rev) early = std::max(early, bytes_after(rev));
  for (uint32_t rev = 21; rev < kRevisions; ++rev) {
    w.add(document, rev, random_blocks(random, 64, 8, std::to_string(rev) + "n"));
  }
  // Chunks of a thousand have been there and are gone.
  CHECK(bytes_after(kRevisions) <= early + kRevisions * 64 / 4);
  w.check_clean();
}

// Its half is rounded up, to what is more than a float.
TEST_CASE("lists: the largest floats are listed and found as others are") {
  std::mt19937_64 random(20'251'126);
  for (const Metric metric : {Metric::dot, Metric::euclidean}) {
    Searched w;
    std::vector<Named> all = random_blocks(random, model::kLeastListed + 100, 8, "n");
    constexpr float kMost = std::numeric_limits<float>::max();
    all[7].floats = {kMost, 0, 0, 0, 0, 0, 0, 0};
    all[8].floats = {-kMost, 0, 0, 0, 0, 0, 0, kMost};
    w.add(w.document(Section::prd, 1), 1, all, {.metric = metric});
    const std::string before = w.found(all[50].floats, {.k = 3, .min_recall = 1});
    CHECK(w.store().maintain().value().spaces == 1);
    CHECK(w.found(all[50].floats, {.k = 3, .min_recall = 1}) == before);
    CHECK(w.found({1, 0, 0, 0, 0, 0, 0, 0}, {.k = 1, .min_recall = 1}) != "corruption");
    w.check_clean();
  }
}

TEST_CASE("lists: with a recall of 1 everything is looked at, whatever was measured") {
  model::SearchSpaceFields fields;
  fields.count = fields.live = fields.folded = fields.listed = fields.in_lists = 10'000;
  fields.generation = 1;
  fields.lists = 100;
  fields.recall = {{16, 2, 10'000}, {128, 2, 10'000}};
  CHECK(model::probes_for(fields, 10, 0.98) == std::optional<uint32_t>(2));
  CHECK_FALSE(model::probes_for(fields, 10, 1));
}

TEST_CASE("lists: their numbers go together with those of their space") {
  model::SearchSpaceFields fields;
  fields.dimension = 4;
  fields.metric = Metric::dot;
  fields.count = 10'010;
  fields.live = fields.folded = fields.listed = 9'984;
  fields.in_lists = 9'000;
  fields.generation = 1;
  fields.lists = 90;
  CHECK(model::is_sound(fields));
  const auto with = [&](uint32_t model::SearchSpaceFields::*field, uint32_t value) {
    model::SearchSpaceFields other = fields;
    other.*field = value;
    return model::is_sound(other);
  };
  using Fields = model::SearchSpaceFields;
  CHECK_FALSE(with(&Fields::listed, 10'048));
  CHECK_FALSE(with(&Fields::in_lists, 9'985));
  CHECK_FALSE(with(&Fields::in_lists, 0));
  CHECK_FALSE(with(&Fields::lists, 0));
  CHECK_FALSE(with(&Fields::lists, 9'001));
  CHECK_FALSE(with(&Fields::folded, 9'920));
  CHECK_FALSE(with(&Fields::count, 9'983));
}

TEST_CASE("search: a space whose numbers do not go together is damage, to all who use it") {
  const std::vector<std::function<bool(fb::SearchSpace&)>> faults = {
      [](fb::SearchSpace& s) { return s.mutate_count(s.count() + 64); },
      [](fb::SearchSpace& s) { return s.mutate_folded(0xFFFF'FFC0); },
      [](fb::SearchSpace& s) { return s.mutate_folded(s.folded() + 1); },
      [](fb::SearchSpace& s) { return s.mutate_live(s.count() + 1); },
      [](fb::SearchSpace& s) { return s.mutate_dimension(0); },
      [](fb::SearchSpace& s) { return s.mutate_dimension(kMaxDimension + 1); },
      [](fb::SearchSpace& s) { return s.mutate_metric(4); },
  };
  Searched w;
  std::mt19937_64 random(7);
  w.add(w.document(Section::prd, 1), 1, random_blocks(random, 130, 4, "b"));
  const DocumentId other = w.document(Section::tech, 1);
  const Row row = rows_of_kind(w, w.owner, Kind::search_space).at(0);
  for (size_t i = 0; i < faults.size(); ++i) {
    CAPTURE(i);
    bool is_changed = false;
    const std::string changed = remade<fb::SearchSpace>(
        row, row.key, [&](fb::SearchSpace& space) { is_changed = faults[i](space); });
    CHECK(is_changed);
    w.put(row.family, row.key, changed);
    w.reopen();
    w.t = w.store().tenant(w.owner);
    CHECK_CODE(corruption, w.t.search(w.project, Floats{1, 0, 0, 0}));
    CHECK_CODE(corruption, w.store().maintain());
    const std::vector<Named> more = random_blocks(random, 1, 4, "m");
    CHECK_CODE(corruption, w.t.add_sections(other, 1, blocks_of(more)));
    CHECK(w.store().check().value().violations > 0);
    w.put(row.family, row.key, row.value);
    w.reopen();
    w.t = w.store().tenant(w.owner);
    CHECK_CODE(ok, w.t.search(w.project, Floats{1, 0, 0, 0}));
  }
  w.check_clean();
}

}  // namespace
}  // namespace bcstore
