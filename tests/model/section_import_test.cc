// Sections that come as intervals of revisions: every revision has what the intervals say, however
// they are cut into commits, and a second import adds nothing.
#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "lists.h"
#include "planted.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using format::Kind;

struct Interval {
  uint32_t first, last;
  std::string id, body;
  float x;  // of a vector of one dimension; 0: none
};

struct Imported : EngineWorld {
  UserId owner = user("a@x");
  Tenant t = held->tenant(owner);
  ProjectId project = t.create_project({.name = "P", .idea_prompt = ""}).value();
  DocumentId document = t.create_document(project, {.section = Section::prd}).value();

  explicit Imported(uint32_t revisions) {
    WriteBatch batch = t.batch();
    for (uint32_t i = 0; i < revisions; ++i) batch.add_revision(document, {.content = "1"});
    t.commit(batch, {.durability = Durability::relaxed}).value();
  }
  static void put(Importer& importer, DocumentId to, const Interval& i) {
    NewBlock block{.block_id = i.id, .heading = "H", .body_md = i.body};
    if (i.x != 0) block.embedding = {&i.x, 1};
    importer.section(to, i.first, i.last, block);
  }
  // One commit; an answer for each.
  std::vector<ImportedRow> import(const std::vector<Interval>& intervals) {
    Importer importer = service().importer(owner);
    for (const Interval& i : intervals) put(importer, document, i);
    return importer.commit().value();
  }
  Status one(const Interval& i) { return import({i}).at(0).status; }
  std::string shown_at(uint32_t rev) {
    std::string out;
    Cursor<SectionBlock> rows = t.sections(document, rev, {.limit = kMaxPageRows});
    while (rows.next()) {
      out += std::string(rows->block_id()) + "=" + std::string(rows->body_md().value_or("-"));
      for (const float x : rows->embedding()) out += "/" + std::to_string(x);
      out += ' ';
    }
    CHECK_CODE(ok, rows.status());
    return out;
  }
};

// The order that service.h promises: a section stands where its block_id stood in the revision
// before, a new one behind the row of the same start that came last, or at the end.
std::string expected_at(const std::vector<Interval>& intervals, uint32_t rev) {
  using Row = const Interval*;
  std::vector<Row> order;
  for (uint32_t r = 1; r <= rev; ++r) {
    Row last = nullptr;
    for (const Interval& i : intervals) {
      if (i.first != r) continue;
      auto at = std::find_if(order.begin(), order.end(), [&](Row o) { return o->id == i.id; });
      if (at != order.end()) {
        *at = &i;
      } else {
        at = std::find(order.begin(), order.end(), last);
        order.insert(at == order.end() ? at : at + 1, &i);
      }
      last = &i;
    }
    std::erase_if(order, [&](Row o) { return o->last < r; });
  }
  std::string out;
  for (const Row i : order) {
    out += i->id + "=" + i->body + (i->x != 0 ? "/" + std::to_string(i->x) : "") + " ";
  }
  return out;
}

// Blocks that come, change and go at random.
std::vector<Interval> random_history(std::mt19937_64& random, uint32_t revisions) {
  std::vector<Interval> all;
  for (int block = 0; block < 12; ++block) {
    uint32_t rev = 1 + static_cast<uint32_t>(random() % 5);
    while (rev <= revisions) {
      const auto last = std::min<uint32_t>(revisions, rev + static_cast<uint32_t>(random() % 7));
      const auto text = random() % 3;
      all.push_back({rev, last, "b" + std::to_string(block), "text " + std::to_string(text),
                     random() % 4 == 0 ? 0.0F : 1.0F + static_cast<float>(text)});
      rev = last + 1 + static_cast<uint32_t>(random() % 3);
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Interval& a, const Interval& b) { return a.first < b.first; });
  return all;
}

TEST_CASE(
    "imported sections: every revision has its own, in commits of any size, and twice the same") {
  const uint64_t seed = seed_from_environment(std::random_device{}());
  MESSAGE("BCSTORE_SEED=" << seed);
  std::mt19937_64 random(seed);
  constexpr uint32_t kRevisions = 40;
  const std::vector<Interval> history = random_history(random, kRevisions);
  Imported w(kRevisions);
  for (size_t at = 0; at < history.size();) {
    const size_t count = std::min<size_t>(history.size() - at, 1 + random() % 9);
    const auto from = history.begin() + static_cast<ptrdiff_t>(at);
    const auto rows = w.import({from, from + static_cast<ptrdiff_t>(count)});
    for (const ImportedRow& row : rows) {
      INFO(row.status.to_string());
      CHECK(row.outcome == ImportOutcome::written);
    }
    at += count;
    // Also half way in: what has come so far is there.
    if (random() % 4 == 0) {
      const std::vector<Interval> so_far(history.begin(),
                                         history.begin() + static_cast<ptrdiff_t>(at));
      for (uint32_t rev = 1; rev <= kRevisions; ++rev) {
        CHECK(w.shown_at(rev) == expected_at(so_far, rev));
      }
    }
  }
  for (uint32_t rev = 1; rev <= kRevisions; ++rev) {
    CAPTURE(rev);
    CHECK(w.shown_at(rev) == expected_at(history, rev));
  }
  const uint64_t commits = w.commits();
  for (const ImportedRow& row : w.import(history)) {
    INFO(row.status.to_string());
    CHECK(row.outcome == ImportOutcome::present);
  }
  CHECK(w.commits() == commits);
  const CheckReport report = w.store().check({.files = true}).value();
  CHECK(report.violations == 0);
  // Three texts at most for each block, three embeddings in all.
  CHECK(report.checked.at("section_block") <= 36);
  CHECK(report.checked.at("vector") <= 3);
}

TEST_CASE("imported sections: what changes stays in its place, what is new goes where it is told") {
  Imported w(4);
  const auto add = [&](const Interval& i, std::optional<uint32_t> ordinal) {
    Importer importer = w.service().importer(w.owner);
    const NewBlock block{.block_id = i.id, .body_md = i.body};
    importer.section(w.document, i.first, i.last, block, {}, ordinal);
    CHECK_CODE(ok, importer.commit().value().at(0).status);
  };
  for (const char* id : {"a", "b", "c"}) add({1, std::string(id) == "b" ? 1u : 4u, id, "1", 0}, {});
  add({2, 4, "b", "2", 0}, {});
  CHECK(w.shown_at(2) == "a=1 b=2 c=1 ");
  add({2, 2, "behind b", "", 0}, {});
  CHECK(w.shown_at(2) == "a=1 b=2 behind b= c=1 ");
  add({3, 3, "at the end", "", 0}, {});
  CHECK(w.shown_at(3) == "a=1 b=2 c=1 at the end= ");
  // By ordinals: a place of its own also for what had one, and none that is too large.
  add({4, 4, "first", "", 0}, 0);
  add({4, 4, "at the end", "2", 0}, 1);
  add({4, 4, "third", "", 0}, 3);
  add({4, 4, "last", "", 0}, 99);
  CHECK(w.shown_at(4) == "first= at the end=2 a=1 third= b=2 c=1 last= ");
  CHECK(w.shown_at(1) == "a=1 b=1 c=1 ");
  CHECK(w.shown_at(2) == "a=1 b=2 behind b= c=1 ");
  CHECK(w.shown_at(3) == "a=1 b=2 c=1 at the end= ");
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("imported sections: a row that does not fit is refused and the others land") {
  Imported w(6);
  const auto rows = w.import({{1, 3, "a", "one", 1},
                              {1, 3, "a", "one", 1},  // the same again
                              {1, 7, "b", "", 0},     // no such revision
                              {3, 2, "b", "", 0},     // backwards
                              {2, 4, "b", "", 0},
                              {2, 2, "a", "other", 0},  // is there with other words
                              {1, 1, "c", "", 0},       // too late
                              {4, 6, "a", "two", 2}});
  std::vector<std::string> codes;
  for (const ImportedRow& row : rows) codes.emplace_back(to_string(row.status.code()));
  CHECK(codes == std::vector<std::string>{"ok", "ok", "not_found", "invalid_argument", "ok",
                                          "already_exists", "failed_precondition", "ok"});
  CHECK(rows[1].outcome == ImportOutcome::present);
  CHECK(w.shown_at(2) == "a=one/1.000000 b= ");
  CHECK(w.shown_at(4) == "a=two/2.000000 b= ");
  CHECK(w.shown_at(6) == "a=two/2.000000 ");
  // Changed words of a revision that is written are a conflict; a part of an interval is there.
  CHECK(name_of(w.one({1, 3, "a", "changed", 1})) == "conflict");
  CHECK(name_of(w.one({2, 3, "a", "one", 1})) == "ok");
  CHECK(name_of(w.one({1, 6, "a", "one", 1})) == "conflict");
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("imported sections: beside those of callers, in one revision only one of them") {
  Imported w(6);
  const NewBlock mine{.block_id = "mine"};
  CHECK_CODE(ok, w.t.add_sections(w.document, 4, {&mine, 1}));
  CHECK(name_of(w.one({1, 2, "a", "one", 1})) == "ok");
  CHECK(name_of(w.one({2, 5, "b", "two", 1})) == "already_exists");
  CHECK_CODE(already_exists, w.t.add_sections(w.document, 2, {&mine, 1}));
  CHECK_CODE(ok, w.t.add_sections(w.document, 3, {&mine, 1}));
  CHECK(name_of(w.one({5, 6, "b", "two", 1})) == "ok");
  CHECK_CODE(already_exists, w.t.add_sections(w.document, 6, {&mine, 1}));
  CHECK_CODE(already_exists, w.t.add_sections(w.document, 1, {&mine, 1}));
  std::string all;
  for (uint32_t rev = 1; rev <= 6; ++rev) all += w.shown_at(rev) + "| ";
  CHECK(all ==
        "a=one/1.000000 | a=one/1.000000 | mine=- | mine=- | b=two/1.000000 | b=two/1.000000 | ");
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("imported sections: equal lists of neighbours are one row, and no row is written twice") {
  Imported w(1000);
  const auto rows = w.import({{1, 1000, "a", "for ever", 1}, {500, 500, "b", "once", 2}});
  for (const ImportedRow& row : rows) CHECK(row.outcome == ImportOutcome::written);
  CHECK(rows_of_kind(w, w.owner, Kind::section_list).size() == 1);  // of revisions 1 to 499
  CHECK(w.shown_at(499) == "a=for ever/1.000000 ");
  CHECK(w.shown_at(500) == "a=for ever/1.000000 b=once/2.000000 ");
  CHECK(w.shown_at(501) == "a=for ever/1.000000 ");
  CHECK(w.shown_at(1000) == "a=for ever/1.000000 ");
  CHECK(w.one({1000, 1000, "c", "last", 3}).ok());
  CHECK(rows_of_kind(w, w.owner, Kind::section_list).size() == 3);
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("imported sections: a later export says that a section went on") {
  Imported w(3);
  REQUIRE(w.one({1, 2, "a", "1", 1}).ok());
  REQUIRE(w.one({1, 2, "b", "1", 0}).ok());
  REQUIRE(w.one({2, 3, "c", "1", 2}).ok());
  for (int i = 0; i < 3; ++i) CHECK_CODE(ok, w.t.add_revision(w.document, {.content = "1"}));
  // One that reaches the newest start, and one that ended right before it.
  const auto outcome = [&](const Interval& i) { return w.import({i}).at(0).outcome; };
  CHECK(outcome({1, 3, "a", "1", 1}) == ImportOutcome::written);
  CHECK(outcome({1, 3, "a", "1", 1}) == ImportOutcome::present);
  CHECK(w.one({4, 4, "d", "1", 0}).ok());
  CHECK(outcome({1, 5, "a", "1", 1}) == ImportOutcome::written);
  for (const uint32_t rev : {2u, 3u, 4u, 5u, 6u}) {
    std::string expected = rev <= 5 ? "a=1/1.000000 " : "";
    if (rev <= 2) expected += "b=1 ";
    if (rev <= 3) expected += "c=1/2.000000 ";
    if (rev == 4) expected += "d=1 ";
    CHECK(w.shown_at(rev) == expected);
  }
  // Not over a revision that has sections of its own, not when it ended long ago, and not changed.
  const NewBlock mine{.block_id = "mine"};
  CHECK_CODE(ok, w.t.add_sections(w.document, 6, {&mine, 1}));
  CHECK(name_of(w.one({1, 6, "a", "1", 1})) == "conflict");
  CHECK(name_of(w.one({1, 5, "b", "1", 0})) == "conflict");
  CHECK(name_of(w.one({4, 5, "d", "2", 0})) == "conflict");
  CHECK(w.one({4, 5, "d", "1", 0}).ok());
  CHECK(w.shown_at(5) == "a=1/1.000000 d=1 ");
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("imported sections: an embedding is of its space, and a revision's of one") {
  Imported w(6);
  const std::vector<float> unit = {1, 0};
  const auto add = [&](uint32_t first, uint32_t last, std::string_view id,
                       std::span<const float> floats, const EmbeddingSpace& space = {}) {
    Importer importer = w.service().importer(w.owner);
    importer.section(w.document, first, last, {.block_id = id, .embedding = floats}, space);
    const ImportedRow row = importer.commit().value().at(0);
    return row.outcome == ImportOutcome::present ? "present" : name_of(row.status);
  };
  const EmbeddingSpace other{.name = "other"};
  CHECK(add(1, 2, "a", unit) == "ok");
  const std::vector<float> three = {1, 2, 3}, zero = {0, -0.0F}, nan = {std::nanf(""), 1},
                           infinite = {1, -HUGE_VALF};
  CHECK(add(3, 3, "b", three) == "invalid_argument");
  CHECK(add(3, 3, "b", zero) == "invalid_argument");
  CHECK(add(3, 3, "b", nan) == "invalid_argument");
  CHECK(add(3, 3, "b", infinite) == "invalid_argument");
  CHECK(add(3, 3, "b", unit, {.metric = Metric::dot}) == "invalid_argument");
  // In the head and in a list: the same floats in another space are something else.
  for (int run = 0; run < 2; ++run) {
    CHECK(add(1, 2, "a", unit, {.metric = Metric::dot}) == "invalid_argument");
    CHECK(add(1, 2, "a", unit, other) == "conflict");
    CHECK(add(1, 2, "a", unit) == "present");
    CHECK(add(2, 2, "x", unit, other) == (run == 0 ? "invalid_argument" : "failed_precondition"));
    if (run == 0) CHECK(add(3, 3, "plain", {}) == "ok");
  }
  CHECK(add(3, 4, "b", unit, other) == "ok");
  CHECK(add(4, 4, "c", unit) == "invalid_argument");
  CHECK(add(5, 6, "c", unit) == "ok");
  CHECK(add(3, 4, "b", unit, other) == "present");
  CHECK(add(3, 4, "b", unit) == "conflict");
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("imported sections: the head keeps who made it") {
  Imported w(2);
  for (const char* reason : {"first load", "second load"}) {
    Importer importer = w.service(reason).importer(w.owner);
    Imported::put(importer, w.document, {1, 1, reason, "", 0});
    CHECK(importer.commit().value().at(0).status.ok());
  }
  const auto heads = rows_of_kind(w, w.owner, Kind::section_head);
  REQUIRE(heads.size() == 1);
  const format::Draft head = format::Draft::copy(heads[0].value);
  CHECK(model::text_of(model::root<fb::Common>(head)->actor_name()) == "first load");
}

TEST_CASE("imported sections: a row that comes again does not read every list once more") {
  Imported w(60);
  std::vector<Interval> all = {{1, 59, "a", "1", 0}, {1, 59, "b", "1", 0}, {1, 59, "c", "1", 0}};
  for (uint32_t rev = 1; rev <= 60; ++rev) all.push_back({rev, rev, "d", std::to_string(rev), 0});
  for (const ImportedRow& row : w.import(all)) CHECK(row.outcome == ImportOutcome::written);
  const size_t lists = rows_of_kind(w, w.owner, Kind::section_list).size();
  CHECK(lists == 59);
  std::vector<ImportedRow> again;
  const Asked asked = w.ask([&] { again = w.import(all); });
  for (const ImportedRow& row : again) CHECK(row.outcome == ImportOutcome::present);
  size_t rows = 0;
  for (const Asked::Range& scan : asked.scans) rows += scan.rows.size();
  CHECK(rows <= 2 * lists);
}

}  // namespace
}  // namespace bcstore
