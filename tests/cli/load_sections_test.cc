// `bcstore load` on sections and their file of vectors.
#include <cstring>

#include "cli/vectors.h"
#include "cli_fixture.h"

namespace bcstore {
namespace {

using namespace cli_fixture;  // NOLINT(google-build-using-namespace)

constexpr int kUser = 1;
constexpr int kProject = 10;
constexpr int kDocument = 20;

std::string fvecs(const std::vector<std::vector<float>>& rows) {
  std::string out;
  for (const std::vector<float>& row : rows) {
    const auto dimension = static_cast<int32_t>(row.size());
    out.append(reinterpret_cast<const char*>(&dimension), sizeof dimension);
    out.append(reinterpret_cast<const char*>(row.data()), row.size() * sizeof(float));
  }
  return out;
}

void write_history(const TempDir& dir) {
  dir.file("users.jsonl", user_row(kUser));
  dir.file("projects.jsonl", project_row(kProject, kUser, "2024-01-05T10:00:00Z"));
  dir.file("documents.jsonl", document_row(kDocument, kProject, 1, "prd"));
  std::string revisions;
  for (int rev = 1; rev <= 3; ++rev) revisions += revision_row(kDocument, rev, "# Text");
  dir.file("document_revisions.jsonl", revisions);
}

std::string ids_at(const Tenant& tenant, uint32_t rev) {
  std::string out;
  Cursor<SectionBlock> rows = tenant.sections(id_of<DocumentId>(kDocument), rev);
  while (rows.next()) {
    out += std::string(rows->block_id());
    for (const float x : rows->embedding()) out += fmt::format("/{}", x);
    out += ' ';
  }
  CHECK(rows.status().ok());
  return out;
}

TEST_CASE("load: sections in any order of the file, packed vectors, and twice nothing new") {
  TempDir dir;
  write_history(dir);
  dir.file("document_sections.jsonl", section_row(kDocument, 2, 3, "late", 1) +
                                          section_row(kDocument, 1, 1, "first", 0) +
                                          section_row(kDocument, 1, 3, "stays", -1));
  dir.file("section_vectors.fvecs.zst", zst(fvecs({{1, 0}, {0.5F, -2}})));
  const Answer first = load(dir);
  CHECK_MESSAGE(first.err.empty(), first.err);
  CHECK(first.code == 0);
  CHECK(counts_of(first, "document_sections") == all_written(3));
  CHECK_FALSE(has(first.out, "section_vectors"));
  {
    Store store = reopen(dir);
    const Tenant tenant = store.tenant(id_of<UserId>(kUser));
    CHECK(ids_at(tenant, 1) == "first/1/0 stays ");
    CHECK(ids_at(tenant, 2) == "stays late/0.5/-2 ");
    CHECK(ids_at(tenant, 3) == "stays late/0.5/-2 ");
  }
  CHECK(counts_of(load(dir), "document_sections") == all_present(3));
  CHECK(command({"check", "--db", dir.db()}).code == 0);
  const Answer shown = command({"show", "--db", dir.db()});
  CHECK(has(shown.out, "revision 3 of 2024-02-25, 2 sections"));
}

TEST_CASE("load: sections come in the order of the text, or as the rows say") {
  TempDir dir;
  write_history(dir);
  const auto row = [](int first, int last, std::string_view block, std::string_view body,
                      std::string_view more = "") {
    return fmt::format(
               R"({{"document_id": "{}", "rev_first": {}, "rev_last": {}, "block_id": "{}", )"
               R"("heading": "H", "body_md": "{}"{}}})",
               id(kDocument), first, last, block, body, more) +
           "\n";
  };
  dir.file("document_revisions.jsonl", revision_row(kDocument, 1, "one two three") +
                                           revision_row(kDocument, 2, "zero one three deux") +
                                           revision_row(kDocument, 3, "no trace"));
  dir.file("document_sections.jsonl",
           row(1, 2, "c", "three") + row(1, 1, "b", "two") + row(1, 2, "a", "one") +
               row(2, 2, "b", "deux") + row(2, 2, "z", "zero") +
               row(3, 3, "y", "1", R"(, "ordinal": 1)") + row(3, 3, "x", "0", R"(, "ordinal": 0)"));
  const Answer first = load(dir);
  CHECK(counts_of(first, "document_sections") == all_written(7));
  {
    Store store = reopen(dir);
    const Tenant tenant = store.tenant(id_of<UserId>(kUser));
    CHECK(ids_at(tenant, 1) == "a b c ");
    CHECK(ids_at(tenant, 2) == "z a c b ");
    CHECK(ids_at(tenant, 3) == "x y ");
  }
  // The texts of an earlier load are in the store.
  std::filesystem::remove_all(dir.db());
  const std::string sections =
      row(1, 2, "c", "three") + row(1, 1, "b", "two") + row(1, 2, "a", "one");
  dir.file("document_sections.jsonl", "");
  CHECK(load(dir).code == 0);
  dir.file("document_sections.jsonl", sections);
  dir.remove("document_revisions.jsonl");
  CHECK(counts_of(load(dir), "document_sections") == all_written(3));
  Store store = reopen(dir);
  CHECK(ids_at(store.tenant(id_of<UserId>(kUser)), 1) == "a b c ");
}

TEST_CASE("load: a later export says that a section went on") {
  TempDir dir;
  write_history(dir);
  dir.file("document_sections.jsonl",
           section_row(kDocument, 1, 3, "stays", -1) + section_row(kDocument, 2, 3, "late", -1));
  CHECK(counts_of(load(dir), "document_sections") == all_written(2));
  dir.file("document_revisions.jsonl", revision_row(kDocument, 4, "# Text"));
  dir.file("document_sections.jsonl", section_row(kDocument, 1, 4, "stays", -1) +
                                          section_row(kDocument, 2, 3, "late", -1) +
                                          section_row(kDocument, 4, 4, "new", -1));
  CHECK(counts_of(load(dir), "document_sections") == Counts{3, 2, 1, 0});
  Store store = reopen(dir);
  CHECK(ids_at(store.tenant(id_of<UserId>(kUser)), 4) == "stays new ");
}

TEST_CASE("load: a refused section holds up the rest of its document, until it is mended") {
  TempDir dir;
  write_history(dir);
  constexpr int kOther = 21;
  dir.file("documents.jsonl",
           document_row(kDocument, kProject, 1, "prd") + document_row(kOther, kProject, 1, "tech"));
  dir.file("document_sections.jsonl",
           section_row(kDocument, 1, 1, "good", 0) + section_row(kDocument, 1, 1, "none", 1) +
               section_row(kDocument, 2, 3, "waits", -1) + section_row(kOther, 1, 1, "soon", -1) +
               section_row(99, 1, 1, "lost", -1));
  dir.file("section_vectors.fvecs", fvecs({{1, 0}}));
  const Answer answer = load(dir);
  CHECK(counts_of(answer, "document_sections") == Counts{5, 1, 0, 4});
  CHECK(has(answer.err, "names no row of section_vectors"));
  CHECK(has(answer.err, "3: waits for line 2, which was refused and is of the same document"));
  CHECK(has(answer.err, "has no revision 1"));
  dir.remove("section_vectors.fvecs");
  CHECK(counts_of(load(dir), "document_sections") == Counts{5, 0, 0, 5});
  // Mended: the vectors are whole, and the revision is there.
  dir.file("section_vectors.fvecs", fvecs({{1, 0}, {0, 1}}));
  std::string revisions = revision_row(kOther, 1, "# Text");
  for (int rev = 1; rev <= 3; ++rev) revisions += revision_row(kDocument, rev, "# Text");
  dir.file("document_revisions.jsonl", revisions);
  CHECK(counts_of(load(dir), "document_sections") == Counts{5, 3, 1, 1});
  Store store = reopen(dir);
  CHECK(ids_at(store.tenant(id_of<UserId>(kUser)), 3) == "waits ");
}

TEST_CASE("load: a vec below -1 and an ordinal below 0 are refused") {
  TempDir dir;
  write_history(dir);
  std::string negative = section_row(kDocument, 1, 1, "b", -1);
  negative.insert(negative.rfind('}'), R"(, "ordinal": -1)");
  dir.file("document_sections.jsonl", negative + section_row(kDocument, 1, 1, "a", -2));
  const Answer answer = load(dir);
  CHECK(counts_of(answer, "document_sections") == Counts{2, 0, 0, 2});
  CHECK(has(answer.err, "\"vec\" is below -1"));
  CHECK(has(answer.err, "\"ordinal\" is negative"));
}

TEST_CASE("load: a file of vectors that is cut off, or of no dimension, ends with what it is") {
  const std::string whole = fvecs({{1, 2, 3}, {4, 5, 6}});
  TempDir dir;
  REQUIRE(cli::Vectors::read(dir.file("v.fvecs", whole)).value().row(1)[2] == 6);
  CHECK(cli::Vectors::read(dir.file("e.fvecs", "")).value().size() == 0);
  for (size_t cut = 1; cut < whole.size(); ++cut) {
    if (cut == whole.size() / 2) continue;  // one whole row
    const auto read = cli::Vectors::read(dir.file("v.fvecs", whole.substr(0, cut)));
    CHECK(read.code() == Code::corruption);
  }
  for (const int32_t dimension : {0, -1, static_cast<int32_t>(kMaxDimension) + 1}) {
    std::string bad = whole;
    std::memcpy(bad.data(), &dimension, sizeof dimension);
    CHECK(cli::Vectors::read(dir.file("v.fvecs", bad)).code() == Code::corruption);
  }
  write_history(dir);
  dir.file("document_sections.jsonl", section_row(kDocument, 1, 1, "good", 0));
  dir.file("section_vectors.fvecs", whole.substr(0, 5));
  const Answer answer = load(dir);
  CHECK(answer.code == 1);
  CHECK(has(answer.err, "section_vectors.fvecs: vector 0 is cut off"));
}

}  // namespace
}  // namespace bcstore
