// Sections of revisions and their embeddings: what is given comes back, in order and bit by bit;
// what is alike is kept once for an owner; what does not fit is refused.
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "lists.h"
#include "planted.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using format::Kind;
using Floats = std::vector<float>;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kTiny = std::numeric_limits<float>::denorm_min();
const Floats kUnit = {0.6F, -0.8F};

struct Sectioned : EngineWorld {
  UserId owner = user("a@x");
  Tenant t = held->tenant(owner);
  ProjectId project = t.create_project({.name = "P", .idea_prompt = ""}).value();
  DocumentId document = with_revisions(Section::prd, 3);

  DocumentId with_revisions(Section section, int count) {
    return with_revisions(t, project, section, count);
  }
  static DocumentId with_revisions(const Tenant& t, ProjectId project, Section section, int count) {
    const DocumentId made = t.create_document(project, {.section = section}).value();
    for (int i = 0; i < count; ++i) t.add_revision(made, {.content = "1"}).value();
    return made;
  }
  size_t rows_of(Kind kind) { return rows_of_kind(*this, owner, kind).size(); }
  std::string page(DocumentId of, uint32_t rev) { return ids(t, of, rev); }
  // "a b c": the ids of a revision's sections.
  static std::string ids(const Tenant& t, DocumentId of, uint32_t rev) {
    std::string out;
    Cursor<SectionBlock> rows = t.sections(of, rev, {.limit = kMaxPageRows});
    while (rows.next()) {
      CHECK(rows->rev() == rev);
      out += (out.empty() ? "" : " ") + std::string(rows->block_id());
    }
    CHECK_CODE(ok, rows.status());
    return out;
  }
};

std::vector<uint32_t> bits_of(std::span<const float> floats) {
  std::vector<uint32_t> bits;
  for (const float x : floats) bits.push_back(std::bit_cast<uint32_t>(x));
  return bits;
}

std::vector<NewBlock> some_blocks(size_t count, std::vector<std::string>* names) {
  for (size_t i = 0; i < count; ++i) names->push_back("block " + std::to_string(i));
  std::vector<NewBlock> blocks;
  for (const std::string& name : *names) blocks.push_back({.block_id = name});
  return blocks;
}

TEST_CASE(
    "sections: what is given comes back in its order, absent parts absent, floats bit by bit") {
  Sectioned w;
  const Floats odd = {-0.0F, kTiny, std::numeric_limits<float>::max(), 1.0F / 3.0F, -kTiny};
  const Floats other = {1, 0, 0, 0, 0};
  const std::vector<NewBlock> blocks = {
      {.block_id = "z", .heading = "Zeta", .body_md = "# One", .embedding = odd},
      {.block_id = "a"},
      {.block_id = "\xC3\xA4 b", .heading = "", .body_md = "", .embedding = other},
  };
  const Receipt receipt = w.t.add_sections(w.document, 2, blocks).value();
  REQUIRE(receipt.operations.size() == 1);
  CHECK(receipt.operations[0].id == w.document.uuid());
  CHECK(receipt.operations[0].number == 2);
  for (int run = 0; run < 3; ++run) {
    CHECK(w.page(w.document, 2) == "z a \xC3\xA4 b");
    size_t n = 0;
    Cursor<SectionBlock> rows = w.t.sections(w.document, 2);
    for (; rows.next(); ++n) {
      CHECK(rows->document() == w.document);
      CHECK(rows->ordinal() == n);
      CHECK(rows->heading() == blocks[n].heading);
      CHECK(rows->body_md() == blocks[n].body_md);
      CHECK(bits_of(rows->embedding()) == bits_of(blocks[n].embedding));
      CHECK(reinterpret_cast<uintptr_t>(rows->embedding().data()) % alignof(float) == 0);
    }
    CHECK(n == 3);
    const SectionBlock one = w.t.section(w.document, 2, "z").value();
    CHECK(one.ordinal() == 0);
    CHECK(one.body_md() == "# One");
    CHECK(bits_of(one.embedding()) == bits_of(odd));
    CHECK_CODE(not_found, w.t.section(w.document, 2, "none"));
    CHECK_CODE(not_found, w.t.section(w.document, 1, "z"));
    // In memory, in files, and after reopening.
    if (run == 0) CHECK_CODE(ok, w.store().compact());
  }
  CHECK(w.page(w.document, 1).empty());
  CHECK_CODE(not_found, w.t.sections(w.document, 4));
  CHECK_CODE(not_found, w.t.sections(forged<DocumentId>(1), 1));
  CHECK(w.store().check({.files = true}).value().violations == 0);
}

TEST_CASE("sections: what does not fit is refused, and nothing is written") {
  Sectioned w;
  const auto add = [&](uint32_t rev, const std::vector<NewBlock>& blocks,
                       const EmbeddingSpace& space = {}) {
    return w.t.add_sections(w.document, rev, blocks, space);
  };
  const auto with = [](std::span<const float> floats) {
    return std::vector<NewBlock>{{.block_id = "b", .embedding = floats}};
  };
  CHECK_CODE(ok, add(1, with(kUnit)));  // fixes two dimensions under cosine
  const Floats three = {1, 2, 3}, zero = {0, -0.0F}, nan = {std::nanf(""), 1},
               infinite = {1, -kInf};
  const Floats much(kMaxDimension + 1, 1);
  std::vector<std::string> names;
  const std::vector<NewBlock> many = some_blocks(kMaxBlocks + 1, &names);
  const std::vector<NewBlock> twice = {{.block_id = "b"}, {.block_id = "c"}, {.block_id = "b"}};
  const std::vector<NewBlock> uneven = {{.block_id = "b", .embedding = kUnit},
                                        {.block_id = "c", .embedding = three}};
  check_writes(w, {
                      CALL(already_exists, add(1, {{.block_id = "other"}})),
                      CALL(not_found, add(4, with(kUnit))),
                      CALL(invalid_argument, add(0, with(kUnit))),
                      CALL(not_found, w.t.add_sections(forged<DocumentId>(1), 1, with(kUnit))),
                      CALL(invalid_argument, w.t.add_sections(DocumentId(), 1, with(kUnit))),
                      CALL(invalid_argument, add(2, {})),
                      CALL(invalid_argument, add(2, many)),
                      CALL(already_exists, add(2, twice)),
                      CALL(invalid_argument, add(2, uneven)),
                      CALL(invalid_argument, add(2, with(three))),
                      CALL(invalid_argument, add(2, with(nan))),
                      CALL(invalid_argument, add(2, with(infinite))),
                      CALL(invalid_argument, add(2, with(much))),
                      CALL(invalid_argument, add(2, with(zero))),
                      CALL(invalid_argument, add(2, with(kUnit), {.metric = Metric::dot})),
                      CALL(invalid_argument, add(2, with(kUnit), {.metric = Metric{9}})),
                      CALL(invalid_argument, add(2, with(zero), {.name = "new"})),
                      CALL(ok, add(2, with(kUnit), {.metric = Metric::cosine})),
                      CALL(ok, add(3, with(zero), {.name = "n", .metric = Metric::euclidean})),
                  });
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("sections: the limits themselves are taken") {
  Sectioned w;
  std::vector<std::string> names;
  std::vector<NewBlock> many = some_blocks(kMaxBlocks, &names);
  const Floats most(kMaxDimension, -1.5F);
  many[kMaxBlocks - 1].embedding = most;
  CHECK_CODE(ok, w.t.add_sections(w.document, 1, many));
  const SectionBlock last = w.t.section(w.document, 1, names.back()).value();
  CHECK(last.ordinal() == kMaxBlocks - 1);
  CHECK(bits_of(last.embedding()) == bits_of(most));
  std::string seen;
  size_t rows = 0;
  const Status listed = each_row(
      [&](std::string_view after) {
        return w.t.sections(w.document, 1, {.limit = kMaxPageRows, .after = after});
      },
      [&](const SectionBlock& row) { CHECK(row.block_id() == names[rows++]); });
  CHECK_CODE(ok, listed);
  CHECK(rows == kMaxBlocks);
}

TEST_CASE("sections: what is alike is kept once for an owner, and never across owners") {
  Sectioned w;
  const std::vector<NewBlock> blocks = {
      {.block_id = "a", .heading = "A", .body_md = "text", .embedding = kUnit},
      {.block_id = "b", .body_md = "text", .embedding = kUnit}};
  for (const uint32_t rev : {1u, 2u, 3u}) CHECK_CODE(ok, w.t.add_sections(w.document, rev, blocks));
  CHECK(w.rows_of(Kind::section_block) == 2);
  CHECK(w.rows_of(Kind::vector) == 1);
  CHECK(w.rows_of(Kind::section_list) == 3);
  CHECK(w.rows_of(Kind::vector_space) == 1);
  // Another document has its own texts and shares the floats, also in a space of its own.
  const DocumentId second = w.with_revisions(Section::tech, 1);
  CHECK_CODE(ok, w.t.add_sections(second, 1, blocks, {.name = "second", .metric = Metric::dot}));
  CHECK(w.rows_of(Kind::section_block) == 4);
  CHECK(w.rows_of(Kind::vector) == 1);
  CHECK(w.rows_of(Kind::vector_space) == 2);
  // Floats that differ in one bit are others.
  const Floats near = {std::nextafter(kUnit[0], 1.0F), kUnit[1]};
  const DocumentId third = w.with_revisions(Section::tasks, 1);
  CHECK_CODE(
      ok, w.t.add_sections(third, 1, std::vector<NewBlock>{{.block_id = "a", .embedding = near}}));
  CHECK(w.rows_of(Kind::vector) == 2);

  const UserId other = w.user("b@x");
  const Tenant b = w.store().tenant(other);
  const ProjectId theirs = b.create_project({.name = "P", .idea_prompt = ""}).value();
  const DocumentId copy = Sectioned::with_revisions(b, theirs, Section::prd, 1);
  CHECK_CODE(ok, b.add_sections(copy, 1, blocks));
  CHECK(rows_of_kind(w, other, Kind::vector).size() == 1);
  CHECK(rows_of_kind(w, other, Kind::section_block).size() == 2);
  CHECK(w.rows_of(Kind::vector) == 2);
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("sections: a space's dimension and metric are its project's, and stay for good") {
  Sectioned w;
  const Floats three = {1, 2, 3};
  const std::vector<NewBlock> two_dims = {{.block_id = "b", .embedding = kUnit}};
  const std::vector<NewBlock> three_dims = {{.block_id = "b", .embedding = three}};
  CHECK_CODE(ok, w.t.add_sections(w.document, 1, std::vector<NewBlock>{{.block_id = "b"}}));
  CHECK(w.rows_of(Kind::vector_space) == 0);  // no embedding, no space
  CHECK_CODE(ok, w.t.add_sections(w.document, 2, two_dims));
  w.reopen();
  w.t = w.store().tenant(w.owner);
  CHECK_CODE(invalid_argument, w.t.add_sections(w.document, 3, three_dims));
  CHECK_CODE(ok, w.t.add_sections(w.document, 3, three_dims, {.name = "other"}));
  const ProjectId project = w.t.create_project({.name = "Q", .idea_prompt = ""}).value();
  const DocumentId there = Sectioned::with_revisions(w.t, project, Section::prd, 1);
  CHECK_CODE(ok, w.t.add_sections(there, 1, three_dims));
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("sections: pages of any size, both ways, resumed by token") {
  Sectioned w;
  std::vector<std::string> names;
  const std::vector<NewBlock> blocks = some_blocks(7, &names);
  CHECK_CODE(ok, w.t.add_sections(w.document, 1, blocks));
  CHECK_CODE(ok, w.t.add_sections(w.document, 2, blocks));
  for (const bool reverse : {false, true}) {
    std::vector<std::string> expected = names;
    if (reverse) expected.assign(names.rbegin(), names.rend());
    for (const size_t limit : {1u, 2u, 3u, 7u, 8u}) {
      std::vector<std::string> seen;
      std::string token;
      for (size_t before = 1; before != seen.size();) {
        before = seen.size();
        Cursor<SectionBlock> page =
            w.t.sections(w.document, 1, {.reverse = reverse, .limit = limit, .after = token});
        while (page.next()) {
          seen.emplace_back(page->block_id());
          token = page.token();
        }
        CHECK_CODE(ok, page.status());
        if (before == 0 && seen.empty()) break;
      }
      CHECK(seen == expected);
      // A token fits the list of one revision, in one direction.
      CHECK_CODE(invalid_argument,
                 w.t.sections(w.document, 2, {.reverse = reverse, .after = token}));
      CHECK_CODE(invalid_argument,
                 w.t.sections(w.document, 1, {.reverse = !reverse, .after = token}));
    }
  }
  CHECK_CODE(invalid_argument, w.t.sections(w.document, 1, {.limit = 0}));
}

TEST_CASE("sections: a batch sees its own, a key replays, a snapshot keeps what it saw") {
  Sectioned w;
  const Snapshot before = w.t.snapshot().value();
  const NewBlock block{.block_id = "b", .embedding = kUnit};
  WriteBatch batch = w.t.batch();
  batch.add_revision(w.document, {.content = "1"});
  batch.add_sections(w.document, 4, {&block, 1});
  const CommitOptions once{.idempotency_key = "k"};
  CHECK_CODE(ok, w.t.commit(batch, once));
  WriteBatch again = w.t.batch();
  again.add_revision(w.document, {.content = "1"});
  again.add_sections(w.document, 4, {&block, 1});
  CHECK(w.t.commit(again, once).value().replayed);
  const NewBlock other{.block_id = "b", .body_md = "", .embedding = kUnit};
  WriteBatch differs = w.t.batch();
  differs.add_revision(w.document, {.content = "1"});
  differs.add_sections(w.document, 4, {&other, 1});
  CHECK_CODE(conflict, w.t.commit(differs, once));
  WriteBatch double_batch = w.t.batch();
  double_batch.add_sections(w.document, 1, {&block, 1});
  double_batch.add_sections(w.document, 1, {&block, 1});
  CHECK_CODE(already_exists, w.t.commit(double_batch));
  CHECK(w.page(w.document, 4) == "b");
  CHECK(w.page(w.document, 1).empty());
  CHECK_CODE(not_found, w.t.sections(w.document, 4, {.snapshot = &before}));
}

TEST_CASE("sections: a page of large blocks is not read at once") {
  EngineWorld w;
  const UserId owner = w.user("a@x");
  const Tenant t = w.store().tenant(owner);
  const ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  const DocumentId d = t.create_document(p, {.section = Section::prd, .content = "1"}).value();
  const std::string body(size_t{1} << 20, 'x');
  std::vector<std::string> names;
  std::vector<NewBlock> blocks = some_blocks(30, &names);
  for (NewBlock& block : blocks) block.body_md = body;
  CHECK_CODE(ok, t.add_sections(d, 1, blocks));
  Cursor<SectionBlock> rows = t.sections(d, 1, {.limit = kMaxPageRows});
  size_t seen = 0, most = 0;
  for (bool more = true; more;) {
    const Asked asked = w.ask([&] { more = rows.next(); });
    most = std::max(most, asked.gets.size());
    if (more) CHECK(rows->block_id() == names[seen++]);
  }
  CHECK_CODE(ok, rows.status());
  CHECK(seen == 30);
  CHECK(most <= 17);  // the head, and 16 blocks
}

}  // namespace
}  // namespace bcstore
