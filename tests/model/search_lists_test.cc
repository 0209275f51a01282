// Lists: what is searched in them is what there is, and as much of it is found as was asked for.
#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "model/search_lists.h"
#include "searched.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using format::Kind;

constexpr uint64_t kSeed = 20'251'123;
constexpr size_t kDimension = 24;
constexpr size_t kMany = model::kLeastListed + 500;

// Around a few places, or around none.
class Cloud {
 public:
  Cloud(size_t places, float spread, uint64_t seed) : random_(seed), spread_(spread) {
    centers_ = random_blocks(random_, places, kDimension, "");
  }
  std::vector<Named> draw(size_t count, const std::string& prefix) {
    std::vector<Named> made = random_blocks(random_, count, kDimension, prefix);
    for (Named& one : made) {
      const Named& center = centers_[random_() % centers_.size()];
      for (size_t i = 0; i < kDimension; ++i) {
        one.floats[i] = center.floats[i] + spread_ * one.floats[i];
      }
    }
    return made;
  }

 private:
  std::mt19937_64 random_;
  float spread_;
  std::vector<Named> centers_;
};

struct WithLists : Searched {
  Cloud cloud;
  DocumentId prd = document(Section::prd, 4), tech = document(Section::tech, 4);
  std::vector<Named> of_prd, of_tech;
  EmbeddingSpace space;

  explicit WithLists(size_t places = 60, float spread = 0.2F, Metric metric = Metric::cosine)
      : cloud(places, spread, kSeed), space{.metric = metric} {
    of_prd = cloud.draw(kMany - 200, "p");
    add(prd, 1, of_prd, space);
    of_tech = cloud.draw(200, "t");
    add(tech, 1, of_tech, space);
  }
  MaintainReport maintain() { return store().maintain().value(); }
  // Replaces everything by a store that was opened again.
  void restart() {
    reopen();
    t = store().tenant(owner);
  }
  model::SearchSpaceFields head() {
    const std::vector<Row> rows = rows_of_kind(*this, owner, Kind::search_space);
    REQUIRE(rows.size() == 1);
    const format::Draft draft = format::Draft::copy(rows[0].value);
    return model::fields_of(*model::root<fb::SearchSpace>(draft));
  }
  // The share of the true nearest that is found, by distances.
  double recall(const SearchOptions& o, size_t queries = 100) {
    SearchOptions exact = o;
    exact.is_exact = true;
    exact.with_blocks = false;
    SearchOptions asked = o;
    asked.with_blocks = false;
    size_t found = 0, all = 0;
    for (const Named& one : cloud.draw(queries, "q")) {
      const auto truth = t.search(project, one.floats, exact).value();
      const auto hits = t.search(project, one.floats, asked).value();
      CHECK(hits.size() == truth.size());
      for (const SearchHit& hit : hits) found += hit.distance <= truth.back().distance ? 1u : 0u;
      all += truth.size();
    }
    return static_cast<double>(found) / static_cast<double>(all);
  }
};

TEST_CASE("lists: are made of a space that has grown, once") {
  WithLists w;
  CHECK(w.head().generation == 0);
  const MaintainReport report = w.maintain();
  CHECK(report.spaces == 1);
  CHECK(report.listed == kMany / 64 * 64);
  CHECK(report.next.empty());
  const model::SearchSpaceFields fields = w.head();
  CHECK(fields.generation == 1);
  CHECK(fields.lists ==
        model::lists_of(fields.listed, fields.dimension, w.options.memory_budget_bytes));
  CHECK(fields.listed == kMany / 64 * 64);
  CHECK(fields.in_lists == fields.listed);
  // What is in lists lies in no block beside them.
  for (const Row& row : rows_of_kind(w, w.owner, Kind::search_block)) {
    CHECK(format::key_u32(row.key, 49) == 1);
  }
  w.check_clean();
  CHECK(w.maintain().spaces == 0);
  w.restart();
  CHECK(w.maintain().spaces == 0);
  CHECK(w.head().generation == 1);
  w.check_clean();
}

TEST_CASE("lists: at least the recall is found that is asked for, by each metric") {
  MESSAGE("seed ", kSeed);
  for (const Metric metric : {Metric::cosine, Metric::euclidean, Metric::dot}) {
    // What lies apart, and what runs into each other.
    for (const float spread : {0.2F, 1.0F}) {
      WithLists w(60, spread, metric);
      REQUIRE(w.maintain().spaces == 1);
      CAPTURE(metric);
      CAPTURE(spread);
      for (const double least : {0.8, 0.9, 0.98, 0.995}) {
        const double found = w.recall({.min_recall = least});
        CAPTURE(least);
        CHECK(found >= least - 0.01);  // of a thousand
      }
      CHECK(w.recall({.min_recall = 1}) == 1);
      CHECK(w.recall({.k = 100, .min_recall = 0.9}, 20) >= 0.9);
      CHECK(w.recall({.k = 500, .min_recall = 0.9}, 5) == 1);
      CHECK(w.recall({.section = Section::tech, .min_recall = 0.8}, 20) == 1);
      w.check_clean();
    }
  }
}

// Points in all directions have no lists worth the name: everything is looked at.
TEST_CASE("lists: where a few do not tell enough, all are searched") {
  WithLists w(1, 1000.0F);
  REQUIRE(w.maintain().spaces == 1);
  const model::SearchSpaceFields fields = w.head();
  CHECK_FALSE(model::probes_for(fields, 10, 0.999));
  CHECK_FALSE(model::probes_for(fields, 10, 1));
  CHECK(w.recall({.min_recall = 0.999}) == 1);
  CHECK(w.recall({.min_recall = 0.98}) >= 0.96);
  w.check_clean();
}

TEST_CASE("lists: the share that was measured is asked for with what is gone counted in") {
  model::SearchSpaceFields fields;
  fields.count = fields.live = fields.folded = fields.listed = fields.in_lists = 10'000;
  fields.generation = 1;
  fields.lists = 100;
  fields.recall = {{16, 1, 9'000}, {16, 3, 9'900}, {128, 2, 8'500}, {128, 9, 9'900}};
  using Probes = std::optional<uint32_t>;
  CHECK(model::probes_for(fields, 10, 0.85) == Probes(1));
  CHECK(model::probes_for(fields, 10, 0.9) == Probes(3));  // one standard error above
  CHECK(model::probes_for(fields, 16, 0.98) == Probes(3));
  CHECK(model::probes_for(fields, 17, 0.98) == Probes(9));
  CHECK_FALSE(model::probes_for(fields, 129, 0.5));
  CHECK_FALSE(model::probes_for(fields, 10, 0.99));
  fields.live = 5'000;
  CHECK(model::probes_for(fields, 8, 0.85) == Probes(1));
  CHECK(model::probes_for(fields, 10, 0.85) == Probes(9));
  fields.live = 0;
  CHECK_FALSE(model::probes_for(fields, 1, 0.5));
  fields.live = 10'000;
  fields.lists = 0;
  CHECK_FALSE(model::probes_for(fields, 1, 0.5));
}

TEST_CASE("lists: what comes and goes afterwards is searched as it is") {
  WithLists w;
  REQUIRE(w.maintain().spaces == 1);
  // A third goes, and others come, which lie in no list.
  std::vector<Named> now;
  for (size_t i = 0; i < w.of_prd.size(); ++i) {
    if (i % 3 != 0) now.push_back(w.of_prd[i]);
  }
  const std::vector<Named> fresh = w.cloud.draw(300, "f");
  now.insert(now.end(), fresh.begin(), fresh.end());
  w.add(w.prd, 2, now, w.space);
  CHECK(w.maintain().spaces == 0);
  w.check_clean();
  CHECK(w.recall({.min_recall = 0.98}) >= 0.97);
  for (size_t i = 0; i < 20; ++i) {
    CHECK(w.found(fresh[i].floats, {.k = 1}) == fresh[i].id);
    CHECK(w.found(w.of_prd[3 * i].floats, {.k = 1}) != w.of_prd[3 * i].id);
    CHECK(w.found(w.of_prd[3 * i + 1].floats, {.k = 1}) == w.of_prd[3 * i + 1].id);
  }
  w.restart();
  CHECK(w.recall({.min_recall = 0.98}, 30) >= 0.97);
  // So much that they are made anew.
  const std::vector<Named> more = w.cloud.draw(2'000, "m");
  w.add(w.tech, 2, more, w.space);
  const MaintainReport report = w.maintain();
  CHECK(report.spaces == 1);
  CHECK(w.head().generation == 2);
  CHECK(w.head().in_lists == report.listed);
  CHECK(w.recall({.min_recall = 0.98}, 50) >= 0.97);
  w.check_clean();
  // And nothing is left.
  w.add(w.prd, 3, {{"last", w.of_prd[0].floats}}, w.space);
  w.add(w.tech, 3, {{"one", w.of_prd[1].floats}}, w.space);
  CHECK(w.found(w.of_prd[0].floats, {.k = 5}).starts_with("last"));
  CHECK(w.t.search(w.project, w.of_prd[0].floats, {.k = 5}).value().size() == 2);
  w.check_clean();
}

TEST_CASE("lists: one store's are another's, bit by bit") {
  std::vector<std::string> made;
  for (int i = 0; i < 2; ++i) {
    WithLists w;
    REQUIRE(w.maintain().spaces == 1);
    std::string all;
    for (const Kind kind : {Kind::search_block, Kind::search_lists}) {
      for (const Row& row : rows_of_kind(w, w.owner, kind)) {
        format::Parsed parsed;
        REQUIRE(format::parse_record(row.key, row.value, &parsed).ok());
        all += row.key.substr(49);
        all += parsed.tail;
      }
    }
    made.push_back(all);
  }
  CHECK(made[0] == made[1]);
}

// At each write of them the process dies. Afterwards everything is found, with the lists or
// without, and they are made in full the next time.
TEST_CASE("lists: a process that dies while they are made leaves a store without, or with all") {
  for (int64_t writes = 0;; ++writes) {
    WithLists w;
    w.watch->writes_left = writes;
    const Result<MaintainReport> report = w.store().maintain();
    w.watch->writes_left = -1;
    w.kill();
    w.t = w.store().tenant(w.owner);
    CAPTURE(writes);
    w.check_clean();
    CHECK(w.recall({.min_recall = 1}, 5) == 1);
    if (report.ok()) {
      CHECK(w.head().generation == 1);
      CHECK(writes > 0);
      break;
    }
    CHECK(w.head().generation == 0);
    CHECK(w.maintain().spaces == 1);
    w.check_clean();
    CHECK(w.recall({.min_recall = 0.98}, 20) >= 0.95);
    REQUIRE(writes < 20);
  }
}

TEST_CASE("lists: a snapshot from before finds what it held") {
  WithLists w;
  const Floats query = w.of_prd[7].floats;
  const std::string before = w.found(query, {.k = 20});
  const Snapshot held = w.t.snapshot().value();
  REQUIRE(w.maintain().spaces == 1);
  const Snapshot after = w.t.snapshot().value();
  w.add(w.prd, 2, w.cloud.draw(1, "x"), w.space);
  for (int i = 0; i < 2; ++i) {
    CHECK(w.found(query, {.k = 20, .min_recall = 1, .snapshot = &held}) == before);
    CHECK(w.found(query, {.k = 20, .min_recall = 1, .snapshot = &after}) == before);
    CHECK(w.found(query, {.k = 20}) != before);
  }
}

TEST_CASE("lists: a budget too small to hold the codes answers the same") {
  constexpr size_t kWide = 256;
  Searched w;
  std::mt19937_64 random(kSeed);
  w.add(w.document(Section::prd, 1), 1, random_blocks(random, kMany, kWide, "n"));
  const std::vector<Named> queries = random_blocks(random, 10, kWide, "q");
  const auto answers = [&] {
    std::vector<std::string> all;
    for (const Named& one : queries) all.push_back(w.found(one.floats));
    return all;
  };
  for (const bool has_lists : {false, true}) {
    if (has_lists) REQUIRE(w.store().maintain().value().spaces == 1);
    const std::vector<std::string> before = answers();
    for (const size_t mib : {16u, 256u}) {
      w.options.memory_budget_bytes = mib << 20;
      w.reopen();
      w.t = w.store().tenant(w.owner);
      for (int i = 0; i < 2; ++i) CHECK(answers() == before);
      CHECK(w.store().stats().search_cache_bytes <= w.options.memory_budget_bytes / 8);
    }
  }
}

// All embeddings are one, so that all lie in one list.
TEST_CASE("lists: one that is larger than what is held in memory is written in parts") {
  constexpr size_t kWide = 1024;
  Searched w;
  w.options.memory_budget_bytes = size_t{16} << 20;
  w.reopen();
  w.t = w.store().tenant(w.owner);
  std::vector<Named> all(kMany);
  for (size_t i = 0; i < all.size(); ++i) {
    all[i] = {"n" + std::to_string(i), Floats(kWide)};
    all[i].floats[0] = 1;
  }
  w.add(w.document(Section::prd, 1), 1, all);
  const std::string before = w.found(all[0].floats, {.k = 40, .min_recall = 1});
  REQUIRE(w.store().maintain().value().listed == kMany / 64 * 64);
  CHECK(w.found(all[0].floats, {.k = 40, .min_recall = 1}) == before);
  std::set<std::string> lists;
  for (const Row& row : rows_of_kind(w, w.owner, Kind::search_block)) {
    if (format::key_u32(row.key, 49) == 1) lists.insert(row.key.substr(53, 4));
  }
  CHECK(lists.size() == 1);
  w.check_clean();
}

// However much of the budget the codes take: what is beside them has to fit as well.
TEST_CASE("lists: what a search reads of a space stays in memory, with its codes or without") {
  std::mt19937_64 random(kSeed);
  for (const size_t wide : {128u, 176u, 192u, 256u}) {
    CAPTURE(wide);
    Searched w;
    w.options.memory_budget_bytes = size_t{16} << 20;
    w.reopen();
    w.t = w.store().tenant(w.owner);
    const std::vector<Named> all = random_blocks(random, kMany, wide, "n");
    w.add(w.document(Section::prd, 1), 1, all);
    CHECK(w.store().stats().search_cache_bytes == 0);
    CHECK(w.found(all[7].floats, {.k = 1}) == "n7");
    CHECK(w.store().stats().search_cache_bytes > kMany * 64);
    CHECK(w.store().stats().search_cache_bytes <= w.options.memory_budget_bytes / 8);
  }
}

TEST_CASE("lists: a damaged or missing part of them is corruption, and nothing heals it") {
  WithLists w;
  REQUIRE(w.maintain().spaces == 1);
  const Floats query = w.of_prd[0].floats;
  for (const Kind kind : {Kind::search_block, Kind::search_lists}) {
    const Row row = rows_of_kind(w, w.owner, kind).front();
    std::string damaged = row.value;
    damaged.back() = static_cast<char>(damaged.back() ^ 1);
    w.put(row.family, row.key, damaged);
    for (int i = 0; i < 2; ++i) {
      w.restart();
      CHECK(w.found(query, {.min_recall = 1}) == "corruption");
      CHECK(w.store().check().value().violations > 0);
    }
    w.erase(row.family, row.key);
    w.restart();
    CHECK(w.found(query, {.min_recall = 1}) == "corruption");
    CHECK(w.store().check().value().violations > 0);
    w.put(row.family, row.key, row.value);
    w.restart();
    CHECK(w.found(query, {.min_recall = 1}) != "corruption");
    w.check_clean();
  }
}

TEST_CASE("lists: searches go on while they are made and while sections come") {
  WithLists w;
  std::atomic<bool> done{false};
  std::atomic<size_t> searches{0}, failures{0};
  std::thread reader([&] {
    const Tenant t = w.store().tenant(w.owner);
    while (!done) {
      const auto hits = t.search(w.project, w.of_tech[0].floats, {.k = 1});
      // It is there through all of it.
      const bool is_right = hits.ok() && hits->size() == 1 && hits->front().distance < 1e-9;
      if (!is_right) ++failures;
      ++searches;
    }
  });
  std::vector<Named> now = w.of_prd;
  for (uint32_t rev = 2; rev <= 4; ++rev) {
    const std::vector<Named> more = w.cloud.draw(3'000, "r" + std::to_string(rev) + "-");
    now.insert(now.end(), more.begin(), more.end());
    w.add(w.prd, rev, now, w.space);
    CHECK(w.maintain().spaces == 1);
  }
  done = true;
  reader.join();
  CHECK(searches > 0);
  CHECK(failures == 0);
  w.check_clean();
}

TEST_CASE("lists: a call of maintain() makes as many as it may, and says where to go on") {
  WithLists w;
  const ProjectId first = w.project;
  w.project = w.t.create_project({.name = "Q", .idea_prompt = ""}).value();
  w.add(w.document(Section::prd, 1), 1, w.of_prd, w.space);
  CHECK(w.store().maintain({.max_listed = 0}).value().spaces == 0);
  MaintainReport report = w.store().maintain({.max_listed = 1}).value();
  CHECK(report.spaces == 1);
  CHECK_FALSE(report.next.empty());
  report = w.store().maintain({.after = report.next, .max_listed = 1}).value();
  CHECK(report.spaces == 1);
  report = w.store().maintain({.after = report.next, .max_listed = 1}).value();
  CHECK(report.spaces == 0);
  CHECK(report.next.empty());
  w.check_clean();
  CHECK(w.found(w.of_prd[5].floats, {.k = 1}) == w.of_prd[5].id);
  w.project = first;
  CHECK(w.found(w.of_prd[5].floats, {.k = 1}) == w.of_prd[5].id);
}

// Each way in which lists may not fit what there is, with a checksum that is right.
TEST_CASE("lists: check() knows what they are to be") {
  WithLists w;
  REQUIRE(w.maintain().spaces == 1);
  const auto found = [&](std::string_view table, std::string_view rule) {
    const CheckReport report = w.store().check().value();
    return std::any_of(report.listed.begin(), report.listed.end(),
                       [&](const Violation& v) { return v.table == table && v.rule == rule; });
  };
  const Row space = rows_of_kind(w, w.owner, Kind::search_space).front();
  const auto with_space = [&](auto change, std::string_view rule) {
    w.put(space.family, space.key, remade<fb::SearchSpace>(space, space.key, change));
    CAPTURE(rule);
    CHECK(found("search_space", rule));
    w.put(space.family, space.key, space.value);
  };
  with_space([](fb::SearchSpace& h) { h.mutate_in_lists(h.in_lists() - 1); },
             "its lists hold what it says");
  with_space([](fb::SearchSpace& h) { h.mutate_lists(h.lists() + 1); }, "its lists are there");
  with_space([](fb::SearchSpace& h) { h.mutate_listed(h.listed() - 1); },
             "lists are of whole blocks");
  with_space([](fb::SearchSpace& h) { h.mutate_listed(h.listed() - 64); },
             "what is live is in a block");
  const std::vector<Row> blocks = rows_of_kind(w, w.owner, Kind::search_block);
  const auto with_block = [&](const Row& row, const std::string& key, std::string_view table,
                              std::string_view rule) {
    w.put(row.family, key, remade<fb::SearchBlock>(row, key, [](fb::SearchBlock&) {}));
    CAPTURE(rule);
    CHECK(found(table, rule));
    w.erase(row.family, key);
    for (const Row& one : blocks) w.put(one.family, one.key, one.value);
  };
  // One list's block in the place of another's: some twice, some in none.
  with_block(blocks[0], blocks[1].key, "search_space", "what is listed is in one list");
  // In a list that there is not.
  std::string key = blocks[0].key;
  key[key.size() - 6] = 'x';
  with_block(blocks[0], key, "search_block", "a block fits its space");
  w.erase(blocks[0].family, blocks[0].key);
  CHECK(found("search_space", "what is live is in a block"));
  w.put(blocks[0].family, blocks[0].key, blocks[0].value);
  const Row lists = rows_of_kind(w, w.owner, Kind::search_lists).front();
  w.put(lists.family, lists.key,
        remade<fb::SearchLists>(lists, lists.key, [](fb::SearchLists& l) { l.mutate_entries(1); }));
  CHECK(found("search_lists", "lists fit their space"));
  w.put(lists.family, lists.key, lists.value);
  w.check_clean();
}

}  // namespace
}  // namespace bcstore
