// The feed: every commit once and in its order, from any position, whoever writes meanwhile.
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "engine_world.h"
#include "feeds.h"
#include "rich.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

constexpr int64_t kLongUs = 60 * kSecondUs;

TEST_CASE("feed: an entry says who wrote what and when, and a page where it ended") {
  World w;
  const Tenant a = w.tenant("a@x");
  const uint64_t before = w.commits();
  w.clock->advance(kSecondUs);
  const Tenant agent = a.as_agent("planner");
  WriteBatch batch = agent.batch();
  const ProjectId project = batch.create_project({.name = "P", .idea_prompt = ""});
  const ChatSessionId chat = batch.start_chat(project);
  batch.append_message(chat, {.role = Role::user, .content = "hello"});
  const Receipt receipt = agent.commit(batch).value();

  const FeedPage page = a.feed({.after_seq = before}).value();
  CHECK(page.at_end);
  CHECK(page.end_seq == receipt.commit_seq);
  CHECK(page.durable_seq == receipt.commit_seq);
  REQUIRE(page.entries.size() == 1);
  const FeedEntry& entry = page.entries[0];
  CHECK(entry.commit_seq == receipt.commit_seq);
  CHECK(entry.owner == a.owner());
  CHECK(entry.owner_seq == receipt.owner_seq);
  CHECK(entry.time == receipt.committed_at);
  CHECK(entry.actor == Actor::of_agent("planner"));
  CHECK(entry.changes == std::vector<Change>{{ChangeKind::project, project.uuid(), 1},
                                             {ChangeKind::session, chat.uuid(), 0},
                                             {ChangeKind::message, chat.uuid(), 1}});
  const FeedPage next = a.feed({.after_seq = page.end_seq}).value();
  CHECK(next.entries.empty());
  CHECK(next.at_end);
  CHECK(next.end_seq == page.end_seq);
}

TEST_CASE("feed: every kind of change has its name, and every commit of a rich store is told") {
  World w;
  const Rich a = enrich(w.store(), w.user("a@x"), "a");
  enrich(w.store(), w.user("b@x"), "b");
  std::vector<uint64_t> all;
  for (uint64_t seq = 1; seq <= w.commits(); ++seq) all.push_back(seq);
  const auto entries = read_feed(w.service(), {.with_bookkeeping = true, .limit = 3});
  CHECK(numbers_of(entries) == all);
  std::set<ChangeKind> seen;
  for (const FeedEntry& entry : entries) {
    CHECK(entry.owner.has_value());
    CHECK_FALSE(entry.changes.empty());
    for (const Change& change : entry.changes) {
      CHECK(to_string(change.kind) != "unknown");
      CHECK(parse_change_kind(to_string(change.kind)) == change.kind);
      seen.insert(change.kind);
    }
  }
  CHECK(seen.size() > 20);
  // An owner's own feed is what the service sees of that owner.
  std::vector<uint64_t> own;
  for (const FeedEntry& entry : entries) {
    if (entry.owner == a.owner) own.push_back(entry.commit_seq);
  }
  const auto told = read_feed(w.store().tenant(a.owner), {.with_bookkeeping = true, .limit = 2});
  CHECK(numbers_of(told) == own);
  uint64_t owner_seq = 0;
  for (const FeedEntry& entry : told) CHECK(entry.owner_seq == ++owner_seq);
  CHECK_FALSE(parse_change_kind("commit_link").has_value());
  CHECK(to_string(static_cast<ChangeKind>(17)) == "unknown");
}

TEST_CASE("feed: only the kinds that were asked for, and progress where there are none") {
  World w;
  const Tenant a = w.tenant("a@x");
  const ProjectId project = a.create_project({.name = "P", .idea_prompt = ""}).value();
  for (int i = 0; i < 30; ++i) append(a);
  const uint64_t versioned = w.commits() + 1;
  WriteBatch batch = a.batch();
  batch.append_event({.type = "t"});
  batch.add_version(project, {.name = "P2"});
  a.commit(batch).value();
  for (int i = 0; i < 30; ++i) append(a);

  const ChangeKind versions[] = {ChangeKind::project_version, ChangeKind::call};
  const auto found = read_feed(a, {.kinds = versions, .limit = 1});
  REQUIRE(numbers_of(found) == std::vector<uint64_t>{versioned});
  CHECK(found[0].changes == std::vector<Change>{{ChangeKind::project_version, project.uuid(), 2}});
  CHECK(numbers_of(read_feed(w.service(), {.kinds = versions, .limit = 1})) ==
        std::vector<uint64_t>{versioned});
  const ChangeKind calls[] = {ChangeKind::call};
  const FeedPage none = a.feed({.kinds = calls}).value();
  CHECK(none.entries.empty());
  CHECK(none.end_seq == w.commits());
}

TEST_CASE("feed: what a page looks at is bounded, also where nothing matches") {
  World w;
  const Tenant a = w.tenant("a@x");
  const std::string long_reason(kMaxReasonBytes, 'r');
  const ChangeKind calls[] = {ChangeKind::call};
  for (size_t i = 0; i < kMaxFeedPageLooks + 10; ++i) {
    WriteBatch batch = a.batch();
    batch.append_event({.type = "t"});
    a.submit(std::move(batch), {.durability = Durability::relaxed}, [](const auto&) {});
    if (i % 1000 == 0) CHECK(w.store().drive().ok());
  }
  CHECK(w.store().drive().ok());
  const FeedPage first = a.feed({.kinds = calls}).value();
  CHECK_FALSE(first.at_end);
  CHECK(first.entries.empty());
  CHECK(first.end_seq == kMaxFeedPageLooks);
  CHECK(a.feed({.after_seq = first.end_seq, .kinds = calls}).value().at_end);
  const FeedPage whole = w.service().feed({.kinds = calls}).value();
  CHECK_FALSE(whole.at_end);
  CHECK(whole.end_seq == kMaxFeedPageLooks);
}

TEST_CASE("feed: it can be resumed at every position, by number and by token, also after a kill") {
  World w;
  const Tenant a = w.tenant("a@x");
  const Tenant b = w.tenant("b@x");
  for (int i = 0; i < 20; ++i) append(i % 3 == 0 ? b : a);
  const UserId owner = a.owner();
  REQUIRE(w.store().sync().ok());
  const uint64_t last = w.commits();
  const auto check_all = [&](const auto& view) {
    const auto all = numbers_of(read_feed(view));
    std::string position;
    for (uint64_t after = 0; after <= last; ++after) {
      CAPTURE(after);
      std::vector<uint64_t> rest;
      std::copy_if(all.begin(), all.end(), std::back_inserter(rest),
                   [after](uint64_t seq) { return seq > after; });
      for (const size_t limit : {size_t{1}, size_t{7}}) {
        CHECK(numbers_of(read_feed(view, {.after_seq = after, .limit = limit})) == rest);
      }
    }
    for (const uint64_t seq : all) {
      const FeedPage page = view.feed({.after = position, .limit = 1}).value();
      REQUIRE(page.entries.size() == 1);
      CHECK(page.entries[0].commit_seq == seq);
      position = page.position;
    }
    return position;
  };
  check_all(w.service());
  const std::string end = check_all(w.store().tenant(owner));
  w.kill();
  CHECK(w.commits() == last);
  check_all(w.service());
  CHECK(w.store().tenant(owner).feed({.after = end}).value().entries.empty());
}

TEST_CASE("feed: a position of another store, owner or history is refused") {
  World w, other;
  const Tenant a = w.tenant("a@x");
  const Tenant b = w.tenant("b@x");
  append(a);
  REQUIRE(w.store().sync().ok());
  const std::string early = w.directory.sub("early");
  REQUIRE(w.store().checkpoint(early).ok());
  append(a, "lost");
  const std::string mine = a.feed().value().position;
  const std::string whole = w.service().feed().value().position;
  for (int i = 0; i < 9; ++i) append(other.tenant("a@x" + std::to_string(i)));

  CHECK_CODE(ok, a.feed({.after = mine}));
  CHECK_CODE(invalid_argument, b.feed({.after = mine}));
  CHECK_CODE(invalid_argument, w.service().feed({.after = mine}));
  CHECK_CODE(invalid_argument, other.service().feed({.after = whole}));
  CHECK_CODE(invalid_argument, a.feed({.after_seq = 1, .after = mine}));
  CHECK_CODE(invalid_argument, a.feed({.after = std::string_view(mine).substr(1)}));
  for (size_t i = 0; i < mine.size(); ++i) {
    std::string changed = mine;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK_CODE(invalid_argument, a.feed({.after = changed}));
  }
  CHECK_CODE(failed_precondition, a.feed({.after_seq = w.commits() + 1}));
  CHECK_CODE(failed_precondition, w.service().feed({.after_seq = UINT64_MAX}));
  CHECK_CODE(failed_precondition, a.wait_feed(w.commits() + 1, 0));
  const ChangeKind strange[] = {static_cast<ChangeKind>(200)};
  CHECK_CODE(invalid_argument, a.feed({.kinds = strange}));
  CHECK_CODE(not_found, w.store().tenant(forged<UserId>(1)).feed());
  CHECK_CODE(not_found, w.store().tenant(forged<UserId>(1)).wait_feed(0, 0));

  // The store goes on from an older copy: the commit after it is another one now.
  w.clock->advance(1);
  const UserId owner = a.owner();
  w.go_on_with(early);
  CHECK_CODE(failed_precondition, w.store().tenant(owner).feed({.after = mine}));
  append(w.store().tenant(owner), "another");
  CHECK_CODE(failed_precondition, w.store().tenant(owner).feed({.after = mine}));
  CHECK_CODE(failed_precondition, w.service().feed({.after = whole}));
}

TEST_CASE("feed: what a service reads is told to the owners, and never to the service itself") {
  World w;
  const Tenant a = w.tenant("a@x");
  append(a);
  const Service service = w.service("follow");
  uint64_t seen = 0;
  const auto follow = [&] {
    const FeedPage page = service.feed({.after_seq = seen}).value();
    seen = page.end_seq;
    return page.entries.size();
  };
  CHECK(follow() == 2);
  REQUIRE(w.store().sync().ok());
  const uint64_t traced = w.commits();
  CHECK(traced == 3);
  Cursor<Event> audits = a.events({.newest_first = true, .limit = 1});
  REQUIRE(audits.next());
  CHECK(audits->is_audit());
  CHECK(audits->payload() == R"({"reason":"follow","reads":1})");
  for (int i = 0; i < 5; ++i) {
    CHECK_FALSE(service.wait_feed(seen, 0).value());
    CHECK(follow() == 0);
    REQUIRE(w.store().sync().ok());
  }
  CHECK(w.commits() == traced);
  CHECK(seen == traced);
  CHECK(numbers_of(read_feed(service, {.after_seq = 2, .with_bookkeeping = true})) ==
        std::vector<uint64_t>{3});
  REQUIRE(w.store().sync().ok());
  CHECK(w.commits() == traced);
}

TEST_CASE("feed: a tenant's feed reads nothing of another owner's") {
  EngineWorld w;
  const Rich a = enrich(w.store(), w.user("a@x"), "a");
  const Tenant b = w.tenant("b@x");
  const uint64_t before = w.commits();
  append(b);
  const auto is_of_a = [&](const std::string& key) { return format::key_owner(key) == a.owner; };
  const Asked asked = w.ask([&] {
    const FeedPage page = b.feed({.with_bookkeeping = true}).value();
    for (const FeedEntry& entry : page.entries) CHECK(entry.owner == b.owner());
    CHECK(page.entries.size() == 2);
    CHECK(b.wait_feed(before, 0).value());
    CHECK(rows_of(b.feed_cursors(), [](const FeedCursor& c) { return c.seq(); }).empty());
  });
  for (const std::string& key : asked.gets) CHECK_FALSE(is_of_a(key));
  for (const Asked::Range& scan : asked.scans) {
    CHECK_FALSE(is_of_a(scan.lower));
    for (const std::string& row : scan.rows) CHECK_FALSE(is_of_a(row));
  }
}

// --- Waiting.

TEST_CASE("feed: who waits is told of commits that he would see, and of no others") {
  World w;
  const Tenant a = w.tenant("a@x");
  const Tenant b = w.tenant("b@x");
  const uint64_t last = w.commits();
  CHECK(a.wait_feed(0, 0).value());
  CHECK_FALSE(a.wait_feed(last, 0).value());
  CHECK_FALSE(a.wait_feed(last, 1000).value());
  CHECK_CODE(invalid_argument, a.wait_feed(last, -1));
  CHECK_CODE(invalid_argument, a.wait_feed(last, kMaxFeedWaitUs + 1));

  std::atomic<bool> told_a{false}, told_all{false};
  std::thread of_a([&] { told_a = a.wait_feed(last, kLongUs).value(); });
  std::thread of_all([&] { told_all = w.service().wait_feed(last, kLongUs).value(); });
  append(b);
  of_all.join();
  CHECK(told_all);
  // A place in the feed is no news.
  w.service().save_feed_cursor("all", last).value();
  CHECK_FALSE(told_a);
  CHECK_FALSE(w.service().wait_feed(last + 1, 0).value());
  CHECK_FALSE(a.wait_feed(last, 0).value());
  append(a);
  of_a.join();
  CHECK(told_a);
}

TEST_CASE("feed: so many may wait and no more, and all of them are told") {
  World w;
  const Tenant a = w.tenant("a@x");
  const uint64_t last = w.commits();
  std::atomic<size_t> told{0}, refused{0};
  std::vector<std::thread> waiting;
  constexpr size_t kTooMany = 3;
  for (size_t i = 0; i < kMaxFeedWaiters + kTooMany; ++i) {
    waiting.emplace_back([&, i] {
      const Result<bool> answer =
          i % 2 == 0 ? w.service().wait_feed(last, kLongUs) : a.wait_feed(last, kLongUs);
      if (answer.code() == Code::unavailable) ++refused;
      if (answer.ok() && *answer) ++told;
    });
  }
  while (refused < kTooMany) std::this_thread::yield();
  append(a);
  for (std::thread& thread : waiting) thread.join();
  CHECK(told == kMaxFeedWaiters);
  CHECK(refused == kTooMany);
  // Their places are free again.
  CHECK_FALSE(a.wait_feed(w.commits(), 0).value());
}

TEST_CASE("feed: closing the store ends every wait") {
  World w;
  const Tenant a = w.tenant("a@x");
  const uint64_t last = w.commits();
  std::atomic<int> closed{0};
  {
    std::vector<std::thread> waiting;
    for (int i = 0; i < 3; ++i) {
      waiting.emplace_back([&, i] {
        const Result<bool> answer =
            i == 0 ? w.service().wait_feed(last, kLongUs) : a.wait_feed(last, kLongUs);
        if (answer.code() == Code::closed) ++closed;
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK(w.store().close().ok());
    for (std::thread& thread : waiting) thread.join();
  }
  CHECK(closed == 3);
  CHECK_CODE(closed, a.wait_feed(last, 0));
  CHECK_CODE(closed, a.feed());
  CHECK_CODE(closed, w.service().feed());
}

TEST_CASE("feed: a child after fork neither reads nor waits") {
  World w;
  const Tenant a = w.tenant("a@x");
  const uint64_t last = w.commits();
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const bool refused = a.wait_feed(last, kLongUs).code() == Code::wrong_process &&
                         w.service().wait_feed(last, kLongUs).code() == Code::wrong_process &&
                         a.feed().code() == Code::wrong_process &&
                         w.service().feed().code() == Code::wrong_process;
    _exit(refused ? 0 : 1);
  }
  int how = 0;
  REQUIRE(waitpid(child, &how, 0) == child);
  CHECK(WIFEXITED(how));
  CHECK(WEXITSTATUS(how) == 0);
}

// --- Under writers.

struct Followed {
  std::vector<uint64_t> seqs, owner_seqs;
};

// Follows a feed until it has shown `count` entries.
template <class View>
Followed follow(const View& view, uint64_t after, size_t count) {
  Followed all;
  while (all.seqs.size() < count) {
    const Result<FeedPage> page = view.feed({.after_seq = after, .limit = 17});
    if (!page.ok()) return all;
    for (const FeedEntry& entry : page->entries) {
      all.seqs.push_back(entry.commit_seq);
      all.owner_seqs.push_back(entry.owner_seq);
    }
    after = page->end_seq;
    const bool waits = page->at_end && all.seqs.size() < count;
    if (waits && !view.wait_feed(after, kLongUs).value()) return all;
  }
  return all;
}

TEST_CASE("concurrent: a feed under eight writers has no gap, no reorder and every commit once") {
  World w;
  constexpr int kWriters = 8;
  constexpr size_t kEach = 200;
  std::vector<Tenant> tenants;
  for (int i = 0; i < kWriters; ++i) tenants.push_back(w.tenant(std::to_string(i) + "@x"));
  const uint64_t start = w.commits();
  std::map<uint64_t, int> written;  // commit to writer
  std::mutex mutex;
  Followed whole;
  std::vector<Followed> own(kWriters);
  {
    std::vector<std::thread> threads;
    for (int i = 0; i < kWriters; ++i) {
      threads.emplace_back([&, i] {
        for (size_t n = 0; n < kEach; ++n) {
          const uint64_t seq = append(tenants[static_cast<size_t>(i)]);
          const std::lock_guard lock(mutex);
          written.emplace(seq, i);
        }
      });
      threads.emplace_back([&, i] {
        const auto at = static_cast<size_t>(i);
        own[at] = follow(tenants[at], start, kEach);
      });
    }
    threads.emplace_back([&] { whole = follow(w.service(), start, kWriters * kEach); });
    for (std::thread& thread : threads) thread.join();
  }
  REQUIRE(written.size() == kWriters * kEach);
  std::vector<uint64_t> all;
  std::vector<std::vector<uint64_t>> each(kWriters);
  for (const auto& [seq, writer] : written) {
    all.push_back(seq);
    each[static_cast<size_t>(writer)].push_back(seq);
  }
  CHECK(whole.seqs == all);
  for (size_t i = 0; i < kWriters; ++i) {
    CHECK(own[i].seqs == each[i]);
    CHECK(std::is_sorted(own[i].owner_seqs.begin(), own[i].owner_seqs.end()));
  }
  // What was read live is what is there.
  CHECK(numbers_of(read_feed(w.service(), {.after_seq = start})) == all);
}

}  // namespace
}  // namespace bcstore
