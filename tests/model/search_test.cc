// Search: what is current is found, nearest first, and nothing else; what is asked for beside it is
// found as well.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "lists.h"
#include "searched.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using format::Kind;
using Metrics = std::vector<Metric>;

constexpr uint64_t kSeed = 20'251'123;
const Metrics kMetrics = {Metric::cosine, Metric::euclidean, Metric::dot};

TEST_CASE("search: the nearest come first, with their places, blocks and distances") {
  Searched w;
  const DocumentId prd = w.document(Section::prd, 2), tech = w.document(Section::tech, 1);
  w.add(prd, 2, {{"up", kUp}, {"bare", {}}, {"right", {3, 0}}});
  w.add(tech, 1, {{"slant", kSlant}, {"left", kLeft}});
  CHECK(w.found({2, 0.1F}) == "right slant up left");
  CHECK(w.found({2, 0.1F}, {.k = 2}) == "right slant");
  CHECK(w.found({0, 7}, {.section = Section::tech}) == "slant left");
  CHECK(w.found({0, 7}, {.section = Section::overview}).empty());
  const auto hits = w.t.search(w.project, Floats{5, 0}, {.k = 2}).value();
  REQUIRE(hits.size() == 2);
  CHECK(hits[0].document == prd);
  CHECK(hits[0].section == Section::prd);
  CHECK(hits[0].rev == 2);
  CHECK(hits[0].ordinal == 2);
  CHECK(hits[0].distance == 0);
  CHECK(hits[0].block.body_md() == "right");
  CHECK(hits[0].block.embedding()[0] == 3);
  CHECK(hits[1].distance == doctest::Approx(0.2));
  const auto bare = w.t.search(w.project, Floats{5, 0}, {.with_blocks = false}).value();
  REQUIRE(bare.size() == 4);
  CHECK_FALSE(bare[0].block.valid());
  CHECK(bare[0].ordinal == 2);
  w.check_clean();
}

TEST_CASE("search: only the newest sections are searched, of the latest version that has any") {
  Searched w;
  const DocumentId first = w.document(Section::prd, 5);
  w.add(first, 1, {{"old", kRight}, {"kept", kUp}});
  CHECK(w.found(kRight) == "old kept");
  // The same name and embedding stay; a revision in between changes nothing.
  w.add(first, 4, {{"kept", kUp}, {"new", kSlant}});
  w.add(first, 2, {{"between", kRight}});
  CHECK(w.found(kRight) == "new kept");
  CHECK(w.t.search(w.project, kRight).value().at(0).rev == 4);
  CHECK(w.found(kRight, {.document = first, .rev = 1}) == "old kept");
  CHECK(w.found(kRight, {.document = first, .rev = 2}) == "between");
  CHECK(w.found(kRight, {.document = first, .rev = 3}).empty());

  w.t.add_version(w.project, {}).value();
  const DocumentId second = w.document(Section::prd, 2, 2);
  CHECK(w.found(kRight) == "new kept");  // it has no sections yet
  w.add(second, 1, {{"second", kRight}});
  CHECK(w.found(kLeft) == "second");
  // What comes to the earlier version is not current.
  w.add(first, 5, {{"late", kLeft}});
  CHECK(w.found(kLeft) == "second");
  CHECK(w.found(kLeft, {.version = 1}) == "late");
  CHECK(w.found(kLeft, {.version = 2}) == "second");
  CHECK(w.found(kLeft, {.is_exact = true}) == "second");
  // Sections without an embedding supersede, and are not found.
  const NewBlock bare{.block_id = "bare"};
  CHECK_CODE(ok, w.t.add_sections(second, 2, {&bare, 1}));
  CHECK(w.found(kLeft).empty());
  w.check_clean();
}

TEST_CASE("search: imported intervals are searched at their newest end") {
  Searched w;
  const DocumentId made = w.document(Section::prd, 9);
  const auto import = [&](uint32_t first, uint32_t last, const Named& named) {
    Importer importer = w.store().service("import").importer(w.owner);
    importer.section(made, first, last, {.block_id = named.id, .embedding = named.floats});
    const auto rows = importer.commit().value();
    CHECK_CODE(ok, rows.at(0).status);
  };
  import(1, 3, {"a", kRight});
  import(2, 3, {"b", kUp});
  CHECK(w.found(kRight) == "a b");
  import(4, 6, {"b", kUp});
  CHECK(w.found(kRight) == "b");
  import(5, 6, {"c", kSlant});
  CHECK(w.found(kRight) == "c b");
  import(4, 7, {"b", kUp});  // the document went on
  CHECK(w.found(kRight) == "b");
  CHECK(w.t.search(w.project, kRight).value().at(0).rev == 7);
  import(8, 8, {"d", kLeft});
  CHECK(w.found(kRight) == "d");
  w.add(made, 9, {{"e", kRight}, {"d", kLeft}});
  CHECK(w.found(kRight) == "e d");
  w.reopen();
  w.t = w.store().tenant(w.owner);
  CHECK(w.found(kRight) == "e d");
  w.check_clean();
}

TEST_CASE("search: a refused row or batch leaves nothing to be found") {
  Searched w;
  const DocumentId made = w.document(Section::prd, 3);
  WriteBatch batch = w.t.batch();
  const std::vector<Named> named = {{"a", kRight}};
  const std::vector<NewBlock> blocks = blocks_of(named);
  batch.add_sections(made, 1, blocks);
  batch.add_version(forged<ProjectId>(9), {});
  CHECK_CODE(not_found, w.t.commit(batch));
  CHECK(w.found(kRight).empty());
  Importer importer = w.store().service("import").importer(w.owner);
  importer.section(made, 1, 2, {.block_id = "a", .embedding = kRight});
  importer.section(made, 1, 2, {.block_id = "b", .embedding = Floats{1, 2, 3}});
  importer.section(made, 2, 2, {.block_id = "c", .embedding = kUp});
  const auto rows = importer.commit().value();
  CHECK_CODE(invalid_argument, rows.at(1).status);
  CHECK(w.found(kRight) == "a c");
  w.check_clean();
}

// A space that grows, loses and grows again, through many blocks, in small commits and large ones.
TEST_CASE("search: finds what brute force finds, by each metric, while the space changes") {
  MESSAGE("seed ", kSeed);
  std::mt19937_64 random(kSeed);
  for (const Metric metric : kMetrics) {
    Searched w;
    const DocumentId prd = w.document(Section::prd, 6), tech = w.document(Section::tech, 6);
    const EmbeddingSpace space{.metric = metric};
    std::vector<Named> kept, of_tech;
    for (uint32_t rev = 1; rev <= 6; ++rev) {
      // A third goes, others come.
      std::vector<Named> now;
      for (size_t i = 0; i < kept.size(); ++i) {
        if (i % 3 != rev % 3) now.push_back(kept[i]);
      }
      const std::vector<Named> fresh =
          random_blocks(random, rev == 3 ? 5 : 150, 33, "r" + std::to_string(rev) + "-");
      now.insert(now.end(), fresh.begin(), fresh.end());
      w.add(prd, rev, now, space);
      kept = now;
      of_tech = random_blocks(random, 40, 33, "t" + std::to_string(rev) + "-");
      w.add(tech, rev, of_tech, space);
      std::vector<Named> all = kept;
      all.insert(all.end(), of_tech.begin(), of_tech.end());
      for (int i = 0; i < 8; ++i) {
        const Floats query = random_blocks(random, 1, 33, "")[0].floats;
        const std::vector<double> expected = brute_force(all, query, metric, 10);
        for (const bool is_exact : {false, true}) {
          const auto hits = w.t.search(w.project, query, {.is_exact = is_exact}).value();
          REQUIRE(hits.size() == expected.size());
          for (size_t j = 0; j < hits.size(); ++j) {
            CHECK(hits[j].distance == doctest::Approx(expected[j]).epsilon(1e-9));
          }
        }
      }
    }
    w.check_clean();
    w.reopen();
    w.t = w.store().tenant(w.owner);
    const Floats query = random_blocks(random, 1, 33, "")[0].floats;
    CHECK(w.found(query) == w.found(query, {.is_exact = true}));
  }
}

TEST_CASE("search: equal ones come in the order in which they were put") {
  Searched w;
  const DocumentId made = w.document(Section::prd, 2);
  std::vector<Named> named;
  for (int i = 0; i < 100; ++i) named.push_back({"n" + std::to_string(i), kRight});
  w.add(made, 1, named);
  CHECK(w.found(kRight, {.k = 3}) == "n0 n1 n2");
  CHECK(w.found(kRight, {.k = 3, .is_exact = true}) == "n0 n1 n2");
  named.erase(named.begin());
  w.add(made, 2, named);
  CHECK(w.found(kRight, {.k = 3}) == "n1 n2 n3");
  w.check_clean();
}

TEST_CASE("search: a block of which nothing is searched any more goes") {
  Searched w;
  const DocumentId made = w.document(Section::prd, 4);
  std::mt19937_64 random(kSeed);
  w.add(made, 1, random_blocks(random, 200, 8, "a"));
  CHECK(rows_of_kind(w, w.owner, Kind::search_block).size() == 3);
  CHECK(rows_of_kind(w, w.owner, Kind::search_rows).size() == 25);
  const Snapshot before = w.t.snapshot().value();
  w.add(made, 2, random_blocks(random, 60, 8, "b"));
  CHECK(rows_of_kind(w, w.owner, Kind::search_block).size() == 1);
  CHECK(w.t.search(w.project, Floats(8, 1.0F), {.k = 1000}).value().size() == 60);
  const auto old = w.t.search(w.project, Floats(8, 1.0F), {.k = 1000, .snapshot = &before});
  CHECK(old.value().size() == 200);
  w.check_clean();
}

TEST_CASE("search: spaces of one project are searched apart") {
  Searched w;
  const DocumentId made = w.document(Section::prd, 3), other = w.document(Section::tech, 1);
  w.add(made, 1, {{"a", kRight}}, {.name = "one"});
  w.add(other, 1, {{"b", {1, 2, 3}}}, {.name = "two", .metric = Metric::dot});
  CHECK(w.found(kRight, {.space = "one"}) == "a");
  CHECK(w.found({1, 1, 1}, {.space = "two"}) == "b");
  CHECK(w.found({1, 1, 1}, {.space = "one"}) == "invalid_argument");
  CHECK(w.found(kRight, {.space = "three"}) == "not_found");
  CHECK(w.found(kRight).empty());
  // A revision in another space takes the document there.
  w.add(made, 2, {{"c", {3, 2, 1}}}, {.name = "two"});
  CHECK(w.found(kRight, {.space = "one"}).empty());
  CHECK(w.found({9, 0, 0}, {.space = "two"}) == "c b");
  w.add(made, 3, {{"a", kRight}}, {.name = "one"});
  CHECK(w.found(kRight, {.space = "one"}) == "a");
  w.check_clean();
}

TEST_CASE("search: bad arguments") {
  Searched w;
  const DocumentId made = w.document(Section::prd, 1), other = w.document(Section::tech, 1);
  w.add(made, 1, {{"a", kRight}, {"b", kUp}});
  w.add(other, 1, {{"z", {0, 0}}}, {.name = "flat", .metric = Metric::euclidean});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const auto code = [&](const Floats& query, const SearchOptions& o = {}) {
    return std::string(name_of(w.t.search(w.project, query, o).status()));
  };
  CHECK(code(kRight) == "ok");
  CHECK(code({}) == "invalid_argument");
  CHECK(code({1}) == "invalid_argument");
  CHECK(code({1, 2, 3}) == "invalid_argument");
  CHECK(code(Floats(kMaxDimension + 1, 1.0F)) == "invalid_argument");
  CHECK(code({1, nan}) == "invalid_argument");
  CHECK(code({-inf, 1}) == "invalid_argument");
  CHECK(code({0, -0.0F}) == "invalid_argument");
  CHECK(code({0, 0}, {.space = "flat"}) == "ok");
  CHECK(code(kRight, {.k = 0}) == "invalid_argument");
  CHECK(code(kRight, {.k = kMaxPageRows + 1}) == "invalid_argument");
  CHECK(code(kRight, {.space = "a\xFF"}) == "invalid_argument");
  CHECK(code(kRight, {.section = static_cast<Section>(9)}) == "invalid_argument");
  for (const double bad : {0.0, -1.0, 1.01, std::nan("")}) {
    CHECK(code(kRight, {.min_recall = bad}) == "invalid_argument");
  }
  CHECK(code(kRight, {.version = 1, .document = made, .rev = 1}) == "invalid_argument");
  CHECK(code(kRight, {.document = made}) == "invalid_argument");
  CHECK(code(kRight, {.rev = 1}) == "invalid_argument");
  CHECK(code(kRight, {.version = 2}) == "not_found");
  CHECK(code(kRight, {.version = 0}) == "not_found");
  CHECK(code(kRight, {.document = made, .rev = 2}) == "not_found");
  CHECK(code(kRight, {.document = made, .rev = 0}) == "not_found");
  CHECK(code(kRight, {.document = forged<DocumentId>(9), .rev = 1}) == "not_found");
  CHECK(name_of(w.t.search(forged<ProjectId>(9), kRight).status()) == "not_found");
  CHECK(name_of(w.t.search(ProjectId(), kRight).status()) == "invalid_argument");
  const ProjectId empty = w.t.create_project({.name = "E", .idea_prompt = ""}).value();
  CHECK(w.t.search(empty, kRight).value().empty());
  CHECK(w.t.search(empty, kRight, {.is_exact = true}).value().empty());
}

TEST_CASE("search: numbers at the ends of what a float holds") {
  const float most = std::numeric_limits<float>::max();
  const float least = std::numeric_limits<float>::denorm_min();
  for (const Metric metric : kMetrics) {
    Searched w;
    const DocumentId made = w.document(Section::prd, 1);
    std::vector<Named> named;
    for (int i = 0; i < 70; ++i) {
      const float x = i % 2 == 0 ? most : least;
      named.push_back({"n" + std::to_string(i), {x, i % 3 == 0 ? -x : x, 0}});
    }
    w.add(made, 1, named, {.metric = metric});
    for (const Floats& query : {Floats{most, most, 0}, Floats{least, -least, 0}, Floats{1, 1, 1}}) {
      const auto hits = w.t.search(w.project, query, {.k = 70}).value();
      CHECK(hits.size() == 70);
      for (const SearchHit& hit : hits) CHECK(std::isfinite(hit.distance));
    }
    w.check_clean();
  }
}

TEST_CASE("search: reads nothing but its own project") {
  Searched w;
  const DocumentId made = w.document(Section::prd, 1);
  std::mt19937_64 random(kSeed);
  w.add(made, 1, random_blocks(random, 300, 8, "a"));
  const ProjectId neighbour = w.t.create_project({.name = "N", .idea_prompt = ""}).value();
  const DocumentId others = w.t.create_document(neighbour, {.section = Section::prd}).value();
  w.t.add_revision(others, {.content = "1"}).value();
  const std::vector<Named> named = random_blocks(random, 300, 8, "b");
  const std::vector<NewBlock> blocks = blocks_of(named);
  w.t.add_sections(others, 1, blocks).value();
  w.reopen();
  w.t = w.store().tenant(w.owner);
  const Floats query(8, 1.0F);
  const Asked cold = w.ask([&] { CHECK_CODE(ok, w.t.search(w.project, query)); });
  for (const std::string& key : cold.gets) {
    const auto kind = format::parse_key(key)->kind;
    const bool of_project = kind != Kind::vector && kind != Kind::section_block;
    CHECK(format::key_owner(key) == w.owner);
    if (of_project) CHECK(format::key_uuid(key, 17) == w.project.uuid());
  }
  for (const Asked::Range& range : cold.scans) {
    CHECK(range.lower == format::Key(w.owner, Kind::search_head).append(w.project).str());
  }
  // The space, its bits, heads, rows, blocks, floats, sections.
  CHECK(cold.calls <= 7);
  // What was verified is not asked for again.
  const Asked warm = w.ask([&] { CHECK_CODE(ok, w.t.search(w.project, query)); });
  for (const std::string& key : warm.gets) {
    const auto kind = format::parse_key(key)->kind;
    CHECK((kind == Kind::section_block || kind == Kind::vector));
  }
  CHECK(warm.calls == 1);
  const Asked bare =
      w.ask([&] { CHECK_CODE(ok, w.t.search(w.project, query, {.with_blocks = false})); });
  CHECK(bare.calls == 0);
  // A commit to it is seen at once, one to another project costs nothing.
  w.t.add_revision(others, {.content = "2"}).value();
  w.t.revise_task(w.t.create_task(w.project, {.title = "T"}).value(), {.title = "U"}).value();
  CHECK(w.ask([&] { (void)w.t.search(w.project, query, {.with_blocks = false}); }).calls == 0);
  w.t.add_revision(made, {.content = "2"}).value();
  w.add(made, 2, {{"only", query}});
  CHECK(w.found(query) == "only");
  CHECK(w.store().stats().search_cache_bytes > 0);
}

TEST_CASE("search: as of a moment finds what was current then") {
  Searched w;
  const DocumentId first = w.document(Section::prd, 1), tech = w.document(Section::tech, 1);
  w.add(first, 1, {{"a", kRight}});
  w.add(tech, 1, {{"t", kSlant}});
  const uint64_t before = w.commits();
  const Time at = Time{w.clock->now().us};
  w.clock->advance(kDayUs);
  w.t.add_revision(first, {.content = "2"}).value();
  w.add(first, 2, {{"b", kUp}});
  const uint64_t second = w.commits();
  w.t.add_version(w.project, {}).value();
  const DocumentId later = w.document(Section::prd, 1, 2);
  w.add(later, 1, {{"c", kLeft}});
  CHECK(w.found(kRight) == "t c");
  CHECK(w.found(kRight, {.as_of = AsOf::commit(before)}) == "a t");
  CHECK(w.found(kRight, {.as_of = AsOf::time(at)}) == "a t");
  CHECK(w.found(kRight, {.as_of = AsOf::commit(second)}) == "t b");
  CHECK(w.found(kRight, {.as_of = AsOf::version(1)}) == "t b");
  CHECK(w.found(kRight, {.as_of = AsOf::version(2)}) == "t c");
  CHECK(w.found(kRight, {.section = Section::tech, .as_of = AsOf::commit(before)}) == "t");
  CHECK(w.found(kRight, {.as_of = AsOf::commit(1)}) == "not_found");
  CHECK(w.found(kRight, {.as_of = AsOf::version(3)}) == "not_found");
  CHECK(w.found(kRight, {.as_of = AsOf::commit(w.commits() + 1)}) == "invalid_argument");
  CHECK(w.found(kRight, {.version = 1, .as_of = AsOf::commit(before)}) == "invalid_argument");
  CHECK(w.found(kRight, {.as_of = AsOf::commit(before), .document = first, .rev = 1}) ==
        "invalid_argument");
  const Snapshot held = w.t.snapshot().value();
  w.add(w.document(Section::overview, 1, 2), 1, {{"d", kRight}});
  CHECK(w.found(kRight, {.as_of = AsOf::commit(second), .snapshot = &held}) == "t b");
  CHECK(w.found(kRight, {.snapshot = &held}) == "t c");
}

TEST_CASE("search: imported intervals as of a moment reach as far as the document did") {
  Searched w;
  const DocumentId made = w.document(Section::prd, 4);
  const uint64_t before = w.commits();
  const auto import = [&](uint32_t first, uint32_t last, const Named& named) {
    Importer importer = w.store().service("import").importer(w.owner);
    importer.section(made, first, last, {.block_id = named.id, .embedding = named.floats});
    CHECK_CODE(ok, importer.commit().value().at(0).status);
  };
  import(1, 3, {"a", kRight});
  import(2, 4, {"b", kUp});
  CHECK(w.found(kRight) == "b");
  // Sections are there as soon as their revision is.
  CHECK(w.found(kRight, {.as_of = AsOf::commit(before)}) == "b");
  CHECK(w.found(kRight, {.as_of = AsOf::commit(before - 1)}) == "a b");
  CHECK(w.found(kRight, {.as_of = AsOf::commit(before - 3)}) == "a");
}

TEST_CASE("search: all projects of an owner at once") {
  Searched w;
  w.add(w.document(Section::prd, 1), 1, {{"a", kRight}, {"b", kUp}});
  const ProjectId first = w.project;
  w.project = w.t.create_project({.name = "Q", .idea_prompt = ""}).value();
  w.add(w.document(Section::prd, 1), 1, {{"c", kSlant}, {"d", kRight}});
  const ProjectId second = w.project;
  w.project = w.t.create_project({.name = "R", .idea_prompt = ""}).value();
  w.add(w.document(Section::prd, 1), 1, {{"e", {1, 0, 0}}});  // of another dimension
  w.project = w.t.create_project({.name = "S", .idea_prompt = ""}).value();
  w.add(w.document(Section::prd, 1), 1, {{"f", kRight}}, {.name = "other"});
  const UserId stranger = w.user("b@x");
  const auto all = [&](const Floats& query, const SearchOptions& o = {}) {
    return Searched::ids(w.t.search(query, o));
  };
  const std::string found = all({2, 0.1F});
  CHECK((found == "a d c b" || found == "d a c b"));
  const std::string near = all(kUp, {.k = 2});
  CHECK(near == "b c");
  CHECK(all(kRight, {.space = "other"}) == "f");
  CHECK(all(kRight, {.space = "none"}).empty());
  const auto hits = w.t.search(kUp, {.k = 2}).value();
  CHECK(hits[0].project == first);
  CHECK(hits[1].project == second);
  CHECK(w.store().tenant(stranger).search(kRight).value().empty());
  CHECK(all({}) == "invalid_argument");
  CHECK(all(kRight, {.k = 0}) == "invalid_argument");
  CHECK(all(kRight, {.version = 1}) == "invalid_argument");
  CHECK(all(kRight, {.as_of = AsOf::version(1)}) == "invalid_argument");
  CHECK(all(kUp, {.k = 2, .as_of = AsOf::commit(w.commits())}) == "b c");
}

TEST_CASE("search: a damaged row of what is searched is corruption, and nothing heals it") {
  Searched w;
  std::mt19937_64 random(kSeed);
  w.add(w.document(Section::prd, 1), 1, random_blocks(random, 70, 8, "a"));
  for (const Kind kind : {Kind::search_space, Kind::search_bitmap, Kind::search_head,
                          Kind::search_block, Kind::search_rows}) {
    const Row row = rows_of_kind(w, w.owner, kind).back();
    std::string damaged = row.value;
    damaged.back() = static_cast<char>(damaged.back() ^ 1);
    w.put(row.family, row.key, damaged);
    CAPTURE(row.key);
    for (int i = 0; i < 2; ++i) {
      w.reopen();
      w.t = w.store().tenant(w.owner);
      CHECK(w.found(Floats(8, 1.0F)) == "corruption");
      CHECK(w.store().check().value().violations > 0);
    }
    w.put(row.family, row.key, row.value);
  }
  w.reopen();
  w.t = w.store().tenant(w.owner);
  CHECK(w.found(Floats(8, 1.0F)) != "corruption");
  w.check_clean();
}

}  // namespace
}  // namespace bcstore
