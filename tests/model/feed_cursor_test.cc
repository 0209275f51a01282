// Named places in the feed, and how far back the feed reaches.
#include <map>

#include "damaged.h"
#include "feeds.h"
#include "rich.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

TEST_CASE("feed cursors: a place is kept under its name, and moves back only when told so") {
  World w;
  const Tenant a = w.tenant("a@x");
  for (int i = 0; i < 5; ++i) append(a);
  const UserId owner = a.owner();
  CHECK_CODE(not_found, a.feed_cursor("mailer"));
  a.save_feed_cursor("mailer", 4).value();
  a.as_agent("indexer").save_feed_cursor("index", 2).value();
  CHECK(a.feed_cursor("mailer").value().seq() == 4);
  const Status back = a.save_feed_cursor("mailer", 3).status();
  CHECK(back.code() == Code::conflict);
  CHECK(back.actual() == 4);
  a.save_feed_cursor("mailer", 4).value();
  a.save_feed_cursor("mailer", 1, true).value();
  w.kill();
  const Tenant t = w.store().tenant(owner);
  CHECK(t.feed_cursor("mailer").value().seq() == 1);
  CHECK(t.feed_cursor("index").value().actor() == Actor::of_agent("indexer"));
  const auto all = rows_of(t.feed_cursors(), [](const FeedCursor& c) {
    return std::pair(std::string(c.name()), c.seq());
  });
  CHECK(std::map<std::string, uint64_t>(all.begin(), all.end()) ==
        std::map<std::string, uint64_t>{{"mailer", 1}, {"index", 2}});
  t.drop_feed_cursor("mailer").value();
  CHECK_CODE(not_found, t.feed_cursor("mailer"));
  CHECK_CODE(not_found, t.drop_feed_cursor("mailer"));
  t.save_feed_cursor("mailer", 0).value();
  CHECK_CODE(failed_precondition, t.save_feed_cursor("mailer", w.commits() + 1));
  CHECK_CODE(failed_precondition, t.save_feed_cursor("mailer", UINT64_MAX, true));
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("feed cursors: users and services have names of their own") {
  World w;
  const Tenant a = w.tenant("a@x");
  const Tenant b = w.tenant("b@x");
  const Service service = w.service("follow");
  a.save_feed_cursor("same", 1).value();
  CHECK_CODE(not_found, b.feed_cursor("same"));
  CHECK_CODE(not_found, service.feed_cursor("same"));
  b.save_feed_cursor("same", 2).value();
  service.save_feed_cursor("same", 0).value();
  CHECK(a.feed_cursor("same").value().seq() == 1);
  CHECK(b.feed_cursor("same").value().seq() == 2);
  CHECK(service.feed_cursor("same").value().seq() == 0);
  CHECK(rows_of(service.feed_cursors(), [](const FeedCursor& c) { return c.seq(); }) ==
        std::vector<uint64_t>{0});
  service.drop_feed_cursor("same").value();
  CHECK_CODE(not_found, service.feed_cursor("same"));
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("feed cursors: a follower that keeps its place after each page comes to rest") {
  World w;
  const Tenant a = w.tenant("a@x");
  for (int i = 0; i < 5; ++i) append(a);
  size_t shown = 0, pages = 0;
  a.save_feed_cursor("self", 0).value();
  do {
    const uint64_t seen = a.feed_cursor("self").value().seq();
    const FeedPage page = a.feed({.after_seq = seen, .limit = 2}).value();
    shown += page.entries.size();
    a.save_feed_cursor("self", page.end_seq).value();
    ++pages;
    REQUIRE(pages < 100);
  } while (a.wait_feed(a.feed_cursor("self").value().seq(), 0).value());
  CHECK(shown == 6);
  // Asked for, it is told.
  CHECK(a.feed({.with_bookkeeping = true}).value().entries.size() > 6);
}

TEST_CASE("feed cursors: a place that is kept with what was made of the commits is kept once") {
  World w;
  const Tenant a = w.tenant("a@x");
  const uint64_t seen = append(a);
  WriteBatch batch = a.batch();
  batch.append_event({.type = "made of it"});
  batch.save_feed_cursor("maker", seen);
  const uint64_t made = a.commit(batch).value().commit_seq;
  // The same once more, by one that did not hear the answer.
  WriteBatch again = a.batch();
  again.append_event({.type = "made of it"});
  again.save_feed_cursor("maker", seen - 1);
  const Status refused = a.commit(again).status();
  CHECK(refused.code() == Code::conflict);
  CHECK(refused.actual() == seen);
  CHECK(refused.operation() == 1);
  CHECK(w.commits() == made);
  // It is news to others.
  CHECK(numbers_of(read_feed(a, {.after_seq = seen})) == std::vector<uint64_t>{made});
}

// --- Retention.

TEST_CASE("feed trim: who is behind is told where the feed begins, and data stays") {
  World w;
  const Rich rich = enrich(w.store(), w.user("a@x"), "a");
  const Tenant b = w.tenant("b@x");
  const UserId quiet = b.owner();
  w.store().tenant(rich.owner).drop_feed_cursor(rich.cursor).value();
  const Tenant a = w.store().tenant(rich.owner);
  const uint64_t through = w.commits();
  for (int i = 0; i < 5; ++i) append(a);
  const std::string early = a.feed({.limit = 1}).value().position;
  const auto later = numbers_of(read_feed(w.service(), {.after_seq = through}));
  const Uuid content = w.store().logical_hash(HashScope::content).value();
  const Uuid state = w.store().logical_hash(HashScope::state).value();

  const FeedTrimReport report = w.store().trim_feed({.through_seq = through}).value();
  CHECK(report.owners == 4);   // the system, the public, and two users
  CHECK(report.trimmed >= 1);  // the others may have nothing but their newest
  const auto check_all = [&] {
    const Tenant t = w.store().tenant(rich.owner);
    for (uint64_t after = 0; after < through; ++after) {
      const Status behind = t.feed({.after_seq = after}).status();
      CHECK(behind.code() == Code::failed_precondition);
      CHECK(behind.oldest() == through);
      CHECK(w.service().feed({.after_seq = after}).status().oldest() == through);
      CHECK(w.service().wait_feed(after, 0).status().oldest() == through);
      CHECK(t.save_feed_cursor("late", after).status().oldest() == through);
    }
    CHECK(t.feed({.after = early}).status().oldest() == through);
    CHECK(numbers_of(read_feed(w.service(), {.after_seq = through})) == later);
    CHECK(numbers_of(read_feed(t, {.after_seq = through})) == later);
    CHECK(w.store().tenant(quiet).feed({.after_seq = through}).value().entries.empty());
    CHECK(w.store().tenant(quiet).owner_seq().ok());
    const CheckReport checked = w.store().check().value();
    INFO((checked.listed.empty() ? std::string() : checked.listed[0].rule));
    CHECK(checked.violations == 0);
    CHECK(w.store().logical_hash(HashScope::content).value() == content);
    CHECK(w.store().logical_hash(HashScope::state).value() == state);
  };
  check_all();
  w.reopen();
  check_all();
  w.kill();
  check_all();
  // The owners' numbering goes on.
  const Tenant t = w.store().tenant(quiet);
  const uint64_t before = t.owner_seq().value();
  append(t);
  CHECK(t.owner_seq().value() == before + 1);
  // Again, and further: everything there is.
  w.store().trim_feed({.through_seq = through}).value();
  const uint64_t last = w.commits();
  w.store().trim_feed({.through_seq = last}).value();
  CHECK(w.service().feed({.after_seq = last}).value().entries.empty());
  CHECK(w.service().feed({.after_seq = last - 1}).status().oldest() == last);
  append(t);
  CHECK(w.service().feed({.after_seq = last}).value().entries.size() == 1);
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("feed trim: a named cursor that is behind is in the way, unless it is passed by") {
  World w;
  const Tenant a = w.tenant("a@x");
  for (int i = 0; i < 9; ++i) append(a);
  w.service().save_feed_cursor("slow", 3).value();
  a.save_feed_cursor("own", 5).value();
  CHECK_CODE(ok, w.store().trim_feed({.through_seq = 3}));
  Status in_way = w.store().trim_feed({.through_seq = 4}).status();
  CHECK(in_way.code() == Code::failed_precondition);
  CHECK(in_way.oldest() == 3);
  CHECK(in_way.message().find("slow") != std::string_view::npos);
  w.service().save_feed_cursor("slow", 7).value();
  CHECK_CODE(ok, w.store().trim_feed({.through_seq = 5}));
  in_way = w.store().trim_feed({.through_seq = 6}).status();
  CHECK(in_way.oldest() == 5);
  CHECK_CODE(ok, w.store().trim_feed({.through_seq = 6, .past_cursors = true}));
  const Status behind = a.feed({.after_seq = a.feed_cursor("own").value().seq()}).status();
  CHECK(behind.oldest() == 6);
  CHECK_CODE(invalid_argument, w.store().trim_feed({.through_seq = w.commits() + 1}));
  CHECK_CODE(ok, w.store().trim_feed({.through_seq = 0}));
  CHECK(w.store().check().value().violations == 0);
}

}  // namespace
}  // namespace bcstore
