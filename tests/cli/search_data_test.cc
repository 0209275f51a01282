// Recall on real embeddings, where they are at hand, and the command that searches.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "cli/vectors.h"
#include "cli_fixture.h"

namespace bcstore {
namespace {

using namespace cli_fixture;  // NOLINT(google-build-using-namespace)

struct Made {
  UserId owner;
  ProjectId project;
};

// All vectors as current sections of one project, as many documents as they take.
Made put_vectors(Store& store, const cli::Vectors& vectors) {
  constexpr Section kAll[] = {Section::overview, Section::prd, Section::marketing, Section::tech,
                              Section::tasks};
  const UserId owner = store.service("test").create_user({.email = "a@x"}).value();
  const Tenant tenant = store.tenant(owner);
  const ProjectId project = tenant.create_project({.name = "P", .idea_prompt = ""}).value();
  size_t next = 0;
  for (const Section section : kAll) {
    const size_t end = std::min(vectors.size(), next + kMaxBlocks);
    if (next == end) break;
    WriteBatch batch = tenant.batch();
    const DocumentId document =
        batch.create_document(project, {.section = section, .content = "{}"});
    std::vector<std::string> names;
    for (size_t i = next; i < end; ++i) names.push_back(std::to_string(i));
    std::vector<NewBlock> blocks;
    for (size_t i = next; i < end; ++i) {
      blocks.push_back({.block_id = names[i - next], .embedding = vectors.row(i)});
    }
    batch.add_sections(document, 1, blocks);
    tenant.commit(batch, {.durability = Durability::relaxed}).value();
    next = end;
  }
  REQUIRE(next == vectors.size());
  return {owner, project};
}

double cosine_distance(std::span<const float> a, std::span<const float> b) {
  double dot = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    dot += double{a[i]} * double{b[i]};
    aa += double{a[i]} * double{a[i]};
    bb += double{b[i]} * double{b[i]};
  }
  return 1 - dot / std::sqrt(aa * bb);
}

std::string data_file(const char* name) {
  const char* data = std::getenv("BCSTORE_DATA");
  const std::string path = data == nullptr ? "" : std::string(data) + "/" + name;
  return data != nullptr && std::filesystem::exists(path) ? path : "";
}

TEST_CASE("search: finds every nearest of the real embeddings") {
  const std::string truth_file = data_file("query_groundtruth.ivecs.zst");
  if (truth_file.empty()) {
    MESSAGE("skipped: set BCSTORE_DATA to the directory with the real data");
    return;
  }
  const cli::Vectors vectors = cli::Vectors::read(data_file("section_vectors.fvecs.zst")).value();
  const cli::Vectors queries = cli::Vectors::read(data_file("query_vectors.fvecs.zst")).value();
  const cli::Vectors truth = cli::Vectors::read(truth_file).value();  // the bits of int32
  REQUIRE(vectors.size() == 8433);
  REQUIRE(queries.size() == 1000);
  REQUIRE(truth.size() == 1000);
  TempDir dir;
  Store store = Store::open(dir.db()).value();
  const Made made = put_vectors(store, vectors);
  const Tenant tenant = store.tenant(made.owner);
  constexpr size_t kNearest = 10;
  constexpr double kSame = 1e-6;  // near-duplicates tie
  size_t found = 0, wanted = 0;
  for (size_t q = 0; q < queries.size(); ++q) {
    const auto last = std::bit_cast<int32_t>(truth.row(q)[kNearest - 1]);
    const double bound =
        cosine_distance(queries.row(q), vectors.row(static_cast<size_t>(last))) + kSame;
    const auto hits = tenant.search(made.project, queries.row(q), {.with_blocks = false}).value();
    REQUIRE(hits.size() == kNearest);
    wanted += kNearest;
    for (const SearchHit& hit : hits) found += hit.distance <= bound ? 1u : 0u;
    CHECK(std::is_sorted(hits.begin(), hits.end(), [](const SearchHit& a, const SearchHit& b) {
      return a.distance < b.distance;
    }));
  }
  MESSAGE("found " << found << " of " << wanted);
  CHECK(found == wanted);
  CHECK(store.check().value().violations == 0);
}

std::string fvecs(const std::vector<std::vector<float>>& rows) {
  std::string bytes;
  for (const auto& row : rows) {
    const auto dimension = static_cast<int32_t>(row.size());
    bytes.append(reinterpret_cast<const char*>(&dimension), sizeof dimension);
    bytes.append(reinterpret_cast<const char*>(row.data()), row.size() * sizeof(float));
  }
  return bytes;
}

TEST_CASE("search: the command prints hits, or why there are none") {
  TempDir dir;
  Made made;
  {
    const std::string file = dir.file("base.fvecs", fvecs({{1, 0}, {0, 1}, {1, 1}}));
    Store store = Store::open(dir.db()).value();
    made = put_vectors(store, cli::Vectors::read(file).value());
    REQUIRE(store.close().ok());
  }
  const std::string query = dir.file("query.fvecs.zst", zst(fvecs({{1, 2, 3}, {2, 0}})));
  const auto search = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {
        "search", "--db", dir.db(), "--user", to_string(made.owner), "--vector-file", query};
    words.insert(words.end(), more.begin(), more.end());
    return command(words);
  };
  const std::string project = to_string(made.project);
  const Answer json = search({"--project", project, "--row", "1", "-k", "2", "--json"});
  CHECK(json.code == 0);
  CHECK(has(json.out, R"("section": "overview", "rev": 1, "ordinal": 0, "block_id": "0",)"));
  CHECK(has(json.out, R"("heading": null, "distance": 0})"));
  CHECK(has(json.out, R"("block_id": "2")"));
  CHECK_FALSE(has(json.out, R"("block_id": "1")"));
  CHECK(search({"--project", project, "--row", "1", "--json", "-k", "2", "--exact"}).out ==
        json.out);
  const Answer plain = search({"--project", project, "--row", "1"});
  CHECK(plain.out.starts_with("0.000000  "));
  CHECK(has(search({"--project", project}).err, "has 3 dimensions, the space 2"));
  CHECK(has(search({"--project", project, "--row", "2"}).err, "has no row 2"));
  CHECK(has(search({"--project", id(9), "--row", "1"}).err, "does not exist"));
  CHECK(has(search({"--project", project, "--row", "1", "--space", "x"}).err,
            "no vector space of this name"));
  CHECK(search({"--project", project, "--row", "2"}).code == 1);
  CHECK(search({}).code == 2);
}

}  // namespace
}  // namespace bcstore
