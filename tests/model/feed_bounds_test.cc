// What a feed says of commits that may be lost, what it looks at in one go, and what it shows of
// owners who were erased.
#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "feeds.h"
#include "planted.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using engine::Family;
using format::Key;
using format::Kind;

constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};

// --- How far no commit can be lost.

TEST_CASE("feed bounds: relaxed commits are shown at once and are durable after a sync") {
  World w;
  const Tenant a = w.tenant("a@x");
  const uint64_t durable = w.commits();
  CHECK(a.feed().value().durable_seq == durable);
  uint64_t last = append(a);
  // What a service reads leaves a trace, which is no sync either.
  for (int i = 0; i < 3; ++i) {
    const FeedPage own = a.feed().value(), whole = w.service().feed().value();
    CHECK(own.end_seq == last);
    CHECK(own.durable_seq == durable);
    CHECK(whole.end_seq == last);
    CHECK(whole.durable_seq == durable);
    CHECK(a.feed({.after_seq = last}).value().durable_seq == durable);
    last = append(a);
  }
  REQUIRE(w.store().sync().ok());
  const uint64_t synced = w.commits();
  CHECK(a.feed().value().durable_seq == synced);
  CHECK(w.service().feed().value().durable_seq == synced);
  append(a);
  CHECK(a.feed().value().durable_seq == synced);
  // A durable commit takes those before it along.
  CHECK_CODE(ok, a.append_event({.type = "durable"}));
  CHECK(a.feed().value().durable_seq == w.commits());
  CHECK(w.service().feed({.after_seq = synced}).value().durable_seq == w.commits());
}

// --- The bytes of a page.

// Of the bodies of these commits.
size_t body_bytes(EngineWorld& w, UserId owner, const std::vector<FeedEntry>& entries) {
  size_t bytes = 0;
  for (const FeedEntry& entry : entries) {
    engine::Value body;
    const Key key = Key(owner, Kind::commit_body).u64(entry.commit_seq);
    REQUIRE(w.engine().get(Family::log, key, nullptr, &body).ok());
    bytes += body.bytes().size();
  }
  return bytes;
}

template <class View>
void check_pages(EngineWorld& w, UserId owner, const View& view, uint64_t begin,
                 const std::vector<uint64_t>& written) {
  std::vector<uint64_t> told;
  size_t pages = 0;
  for (bool ends = false; !ends; ++pages) {
    FeedPage page = view.feed({.after_seq = begin, .limit = kMaxPageRows}).value();
    REQUIRE_FALSE(page.entries.empty());
    for (const FeedEntry& entry : page.entries) {
      told.push_back(entry.commit_seq);
      CHECK(entry.changes.size() == kMaxBatchOperations);
    }
    // Full with its last commit, and not before.
    if (!page.at_end) {
      CHECK(page.end_seq == page.entries.back().commit_seq);
      CHECK(body_bytes(w, owner, page.entries) >= kMaxFeedPageBytes);
    }
    begin = page.end_seq;
    ends = page.at_end;
    page.entries.pop_back();
    CHECK(body_bytes(w, owner, page.entries) < kMaxFeedPageBytes);
  }
  CHECK(pages == 2);
  CHECK(told == written);
}

TEST_CASE("feed bounds: a page ends after so many bytes of commits, and the next goes on there") {
  EngineWorld w;
  const Tenant a = w.tenant("a@x");
  const uint64_t begin = w.commits();
  std::vector<uint64_t> written;
  for (int i = 0; i < 170; ++i) {
    WriteBatch batch = a.batch();
    for (size_t n = 0; n < kMaxBatchOperations; ++n) batch.append_event({.type = "t"});
    written.push_back(a.commit(batch, kRelaxed).value().commit_seq);
  }
  check_pages(w, a.owner(), a, begin, written);
  check_pages(w, a.owner(), w.service(), begin, written);
}

// --- How much a wait looks at.

TEST_CASE("feed bounds: a wait looks at so much bookkeeping and then lets the reader see") {
  EngineWorld w;
  const Tenant a = w.tenant("a@x");
  const Tenant b = w.tenant("b@x");
  const uint64_t seen = append(a);
  constexpr int kLooks = 1000;
  const auto save = [&](int count) {
    for (int i = 0; i < count; ++i) a.save_feed_cursor("mine", seen, false, kRelaxed).value();
  };
  save(kLooks);
  CHECK_FALSE(a.wait_feed(seen, 0).value());  // no feed shows any of them
  append(b);
  CHECK_FALSE(a.wait_feed(seen, 0).value());
  save(kLooks);
  for (int round = 0; round < 2; ++round) {
    CAPTURE(round);
    const Asked asked = w.ask([&] { CHECK(a.wait_feed(seen, kSecondUs).value()); });
    size_t rows = 0;
    for (const Asked::Range& scan : asked.scans) rows += scan.rows.size();
    CHECK(rows <= kLooks + 2);  // one tells that there is such a user
    // There is nothing to see, and from there on the wait is a wait.
    const FeedPage page = a.feed({.after_seq = seen}).value();
    CHECK(page.entries.empty());
    CHECK(page.at_end);
    CHECK(page.end_seq == w.commits());
    CHECK_FALSE(a.wait_feed(page.end_seq, 0).value());
    save(kLooks);
  }
  const FeedPage page = a.feed({.after_seq = seen}).value();
  CHECK(page.entries.empty());
  const uint64_t shown = append(a);
  CHECK(a.wait_feed(page.end_seq, kSecondUs).value());
  CHECK(numbers_of(read_feed(a, {.after_seq = page.end_seq})) == std::vector<uint64_t>{shown});
}

// --- Owners who were erased.

struct Purged : EngineWorld {
  Tenant a = tenant("a@x");
  Tenant b = tenant("b@x");
  ProjectId project = a.create_project({.name = "P", .idea_prompt = ""}).value();

  Purged() {
    for (int i = 0; i < 90; ++i) {
      clock->advance(kSecondUs);
      append(i % 3 == 0 ? b : a);
    }
  }
  // The body as the erasure of its owner leaves it, with its list of operations or without.
  void erase_body(UserId owner, uint64_t seq, bool keeps_operations) {
    const Row row = row_at(*this, Key(owner, Kind::commit_body).u64(seq));
    const std::string erased = remade<fb::CommitBody>(row, row.key, [&](fb::CommitBody& body) {
      REQUIRE(body.mutate_state(2));
      if (!keeps_operations) REQUIRE(body.mutate_operations(0));
    });
    if (keeps_operations) return put(row.family, row.key, erased);
    format::Parsed parsed;
    REQUIRE(format::parse_record(row.key, erased, &parsed).ok());
    put(row.family, row.key, packed(Kind::commit_body, row.key, std::string(parsed.meta)));
  }
  void erase_hash(UserId owner) {
    size_t erased = 0;
    for (const Row& row : rows_of_kind(*this, kSystemOwner, Kind::owner_hash)) {
      format::Parsed parsed;
      format::Reference user;
      REQUIRE(format::parse_record(row.key, row.value, &parsed).ok());
      REQUIRE(format::unpack(parsed.meta, &user));
      if (UserId(user.id) != owner) continue;
      erase(row.family, row.key);
      ++erased;
    }
    REQUIRE(erased == 1);
  }
};

// The entries as they were, but for those of `nobody`.
void check_entries(const std::vector<FeedEntry>& now, const std::vector<FeedEntry>& before,
                   const std::function<bool(const FeedEntry&)>& is_nobodys) {
  REQUIRE(numbers_of(now) == numbers_of(before));
  for (size_t i = 0; i < now.size(); ++i) {
    CAPTURE(now[i].commit_seq);
    CHECK(now[i].time == before[i].time);
    if (is_nobodys(before[i])) {
      CHECK_FALSE(now[i].owner.has_value());
      CHECK(now[i].owner_seq == 0);
      CHECK(now[i].actor == Actor());
      CHECK(now[i].changes.empty());
      CHECK(now[i].records.empty());
      continue;
    }
    CHECK(now[i].owner == before[i].owner);
    CHECK(now[i].owner_seq == before[i].owner_seq);
    CHECK(now[i].changes == before[i].changes);
    CHECK(now[i].records.size() == before[i].records.size());
  }
}

// On pages of several sizes, and with kinds asked for.
template <class View>
void check_purged(const View& view, const std::vector<FeedEntry>& before, uint64_t last,
                  const std::function<bool(const FeedEntry&)>& is_nobodys) {
  for (const size_t limit : {size_t{1}, size_t{7}, kMaxPageRows}) {
    CAPTURE(limit);
    check_entries(read_feed(view, {.with_records = true, .limit = limit}), before, is_nobodys);
    const ChangeKind events[] = {ChangeKind::event};
    std::vector<uint64_t> named;
    for (const FeedEntry& entry : before) {
      const bool has = std::any_of(entry.changes.begin(), entry.changes.end(),
                                   [](const Change& c) { return c.kind == ChangeKind::event; });
      if (has && !is_nobodys(entry)) named.push_back(entry.commit_seq);
    }
    CHECK(numbers_of(read_feed(view, {.kinds = events, .limit = limit})) == named);
    CHECK_FALSE(named.empty());
  }
  const ChangeKind calls[] = {ChangeKind::call};
  const FeedPage none = view.feed({.kinds = calls}).value();
  CHECK(none.entries.empty());
  CHECK(none.end_seq == last);
}

TEST_CASE("feed bounds: of a body that was erased the number and the time are left") {
  Purged w;
  const auto whole = read_feed(w.service(), {.with_records = true});
  const auto own = read_feed(w.a, {.with_records = true});
  std::vector<uint64_t> erased;
  // Of a profile, of the project and of events.
  for (const size_t i : {size_t{0}, size_t{1}, size_t{2}, size_t{40}, own.size() - 1}) {
    erased.push_back(own[i].commit_seq);
    w.erase_body(w.a.owner(), own[i].commit_seq, i % 2 == 0);
  }
  const auto is_nobodys = [&](const FeedEntry& entry) {
    return std::count(erased.begin(), erased.end(), entry.commit_seq) != 0;
  };
  check_purged(w.a, own, w.commits(), is_nobodys);
  check_purged(w.service(), whole, w.commits(), is_nobodys);
  const FeedPage page = w.a.feed({.project = w.project}).value();
  CHECK(page.entries.empty());
  CHECK(page.end_seq == w.commits());
}

TEST_CASE("feed bounds: of an owner who is not known any more number and time are left") {
  for (const bool has_bodies : {true, false}) {
    CAPTURE(has_bodies);
    Purged w;
    const UserId b = w.b.owner();
    const auto whole = read_feed(w.service(), {.with_records = true});
    const auto own = read_feed(w.b);
    w.erase_hash(b);
    for (const FeedEntry& entry : own) {
      if (!has_bodies) w.erase(Family::log, Key(b, Kind::commit_body).u64(entry.commit_seq));
    }
    check_purged(w.service(), whole, w.commits(),
                 [&](const FeedEntry& entry) { return entry.owner == b; });
    CHECK(numbers_of(read_feed(w.a)).size() + own.size() == whole.size());
  }
}

TEST_CASE("feed bounds: a body that nobody gave up is missed, and nothing is told without it") {
  Purged w;
  const auto own = read_feed(w.b);
  const uint64_t missing = own[own.size() / 2].commit_seq;
  w.erase(Family::log, Key(w.b.owner(), Kind::commit_body).u64(missing));
  CHECK_CODE(corruption, w.service().feed({.limit = kMaxPageRows}));
  CHECK_CODE(corruption, w.service().feed({.after_seq = missing - 1, .limit = 1}));
  CHECK_CODE(ok, w.service().feed({.after_seq = missing}));
}

}  // namespace
}  // namespace bcstore
