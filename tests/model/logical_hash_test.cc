// The logical hash: equal for stores that hold the same, and different after every change.
#include <set>

#include "lists.h"
#include "planted.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

Uuid hash_of(World& w, HashScope scope) { return w.store().logical_hash(scope).value(); }

// Two users' work; `swapped` commits in another order, with other sequences and event ids.
void fill(World& w, bool swapped) {
  const UserId a = forged<UserId>(1);
  const UserId b = forged<UserId>(2);
  const auto make = [&](UserId id, std::string_view mail) {
    w.service().create_user({.email = mail, .id = id}).value();
  };
  if (swapped) {
    make(b, "b@x");
    make(a, "a@x");
  } else {
    make(a, "a@x");
    make(b, "b@x");
  }
  const auto work = [&](UserId owner) {
    const Tenant t = w.store().tenant(owner);
    const ProjectId p =
        t.create_project({.name = "P", .idea_prompt = "i", .id = forged<ProjectId>(3)}).value();
    const DocumentId d =
        t.create_document(p, {.section = Section::prd, .content = "1", .id = forged<DocumentId>(4)})
            .value();
    const auto event = [&] { t.append_event({.type = "e", .payload = "1"}).value(); };
    const auto more = [&] { t.append_event({.type = "f", .payload = "2"}).value(); };
    const auto rev = [&] { t.add_revision(d, {.content = "2"}).value(); };
    if (swapped) {
      more();
      event();
      event();
      rev();
    } else {
      rev();
      event();
      event();
      more();
    }
    t.consume_credit().value();
  };
  if (swapped) {
    work(b);
    work(a);
  } else {
    work(a);
    work(b);
  }
}

TEST_CASE("hash: the same contents have the same hash, however they came and lie") {
  World w;
  World other;
  fill(w, false);
  fill(other, true);
  REQUIRE(other.store().compact().ok());
  other.reopen();
  for (const HashScope scope : {HashScope::content, HashScope::state}) {
    CHECK(hash_of(w, scope) == hash_of(other, scope));
  }
  CHECK(hash_of(w, HashScope::content) != hash_of(w, HashScope::state));
  CHECK_CODE(invalid_argument, w.store().logical_hash(static_cast<HashScope>(3)));
}

TEST_CASE("hash: an event twice is not an event once") {
  World w;
  const Tenant t = w.tenant("a@x");
  std::set<Uuid> seen = {hash_of(w, HashScope::content)};
  for (int i = 0; i < 3; ++i) {
    t.append_event({.type = "same"}).value();
    CHECK(seen.insert(hash_of(w, HashScope::content)).second);
  }
}

TEST_CASE(
    "hash: every list's next row changes the content, and what is only history not the state") {
  World w;
  const Rich r = enrich(w.store(), w.user("a@x"), "a");
  const std::set<std::string> without_state = {
      "events", "events of a month", "events without audit", "calls", "calls of a month",
      "usage",  "status history"};
  for (const List& list : all_lists()) {
    CAPTURE(list.name);
    const Uuid content = hash_of(w, HashScope::content);
    const Uuid state = hash_of(w, HashScope::state);
    list.append(w.store().tenant(r.owner), r);
    CHECK(hash_of(w, HashScope::content) != content);
    if (without_state.contains(list.name)) CHECK(hash_of(w, HashScope::state) == state);
  }
}

TEST_CASE("hash: state does not tell when, content does") {
  World w;
  World later([](Options&) {});
  later.clock->advance(kDayUs);
  fill(w, false);
  fill(later, false);
  CHECK(hash_of(w, HashScope::state) == hash_of(later, HashScope::state));
  CHECK(hash_of(w, HashScope::content) != hash_of(later, HashScope::content));
}

TEST_CASE("hash: a damaged record is corruption") {
  EngineWorld w;
  const Rich r = enrich(w.store(), w.user("a@x"), "a");
  const Row row = rows_of_kind(w, r.owner, format::Kind::message).front();
  std::string bad = row.value;
  bad.back() = static_cast<char>(bad.back() ^ 1);
  w.put(row.family, row.key, bad);
  CHECK_CODE(corruption, w.store().logical_hash(HashScope::content));
}

TEST_CASE("hash: the space of an embedding counts, and where a revision's sections lie does not") {
  const float x = 1;
  // As a list, as an interval, and as an interval whose list a later one has written.
  const auto hash_with = [&](std::string_view space, int how) {
    World w;
    const UserId owner = w.service().create_user({.email = "a@x", .id = forged<UserId>(1)}).value();
    const Tenant t = w.store().tenant(owner);
    const ProjectId p =
        t.create_project({.name = "P", .idea_prompt = "", .id = forged<ProjectId>(2)}).value();
    const DocumentId d =
        t.create_document(p, {.section = Section::prd, .content = "1", .id = forged<DocumentId>(3)})
            .value();
    t.add_revision(d, {.content = "2"}).value();
    const NewBlock first{.block_id = "a", .embedding = {&x, 1}}, second{.block_id = "b"};
    if (how == 0) {
      t.add_sections(d, 1, {&first, 1}, {.name = space}).value();
      t.add_sections(d, 2, {&second, 1}).value();
    } else {
      Importer importer = w.service().importer(owner);
      importer.section(d, 1, 1, first, {.name = space});
      importer.section(d, 2, 2, second);
      for (const ImportedRow& row : importer.commit().value()) CHECK(row.status.ok());
    }
    return hash_of(w, HashScope::content);
  };
  CHECK(hash_with("one", 0) != hash_with("two", 0));
  CHECK(hash_with("one", 0) == hash_with("one", 1));
}

}  // namespace
}  // namespace bcstore
