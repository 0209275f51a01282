// What a feed's changes are of: the records that they wrote, and one project's alone.
#include <random>
#include <set>
#include <string>
#include <vector>

#include "planted.h"
#include "walk.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using format::Key;
using format::Kind;

struct Fed : EngineWorld {
  Rich a = enrich(store(), user("a@x"), "a");
  Rich b = enrich(store(), user("b@x"), "b");
  Tenant tenant() { return store().tenant(a.owner); }
};

template <class Feed>
std::vector<FeedEntry> whole(const Feed& feed, FeedOptions o) {
  std::vector<FeedEntry> all;
  for (bool at_end = false; !at_end;) {
    FeedPage page = feed.feed(o).value();
    for (FeedEntry& entry : page.entries) all.push_back(std::move(entry));
    REQUIRE((page.at_end || page.end_seq > o.after_seq));
    o.after_seq = page.end_seq;
    at_end = page.at_end;
  }
  return all;
}

// Whether the record is the one that the change names.
bool names(const FeedRecord& record, const Change& change) {
  const auto n = change.number;
  if (const auto* r = std::get_if<User>(&record)) return r->rev() == n;
  if (const auto* r = std::get_if<ProjectVersion>(&record)) {
    return r->project().uuid() == change.id && r->version() == n;
  }
  if (const auto* r = std::get_if<ProjectStatusChange>(&record)) {
    return r->project().uuid() == change.id && r->number() == n;
  }
  if (const auto* r = std::get_if<Document>(&record)) return r->id().uuid() == change.id && n == 0;
  if (const auto* r = std::get_if<Revision>(&record)) {
    return r->document().uuid() == change.id && r->rev() == n && r->content().ok();
  }
  if (const auto* r = std::get_if<DocumentLockChange>(&record)) {
    return r->document().uuid() == change.id && r->number() == n;
  }
  if (const auto* r = std::get_if<TaskRevision>(&record)) {
    return r->task().uuid() == change.id && r->rev() == n;
  }
  if (const auto* r = std::get_if<TaskActivity>(&record)) {
    return r->task().uuid() == change.id && r->seq() == n;
  }
  if (const auto* r = std::get_if<ChatSession>(&record)) return r->id().uuid() == change.id;
  if (const auto* r = std::get_if<ChatMessage>(&record)) {
    return r->session().uuid() == change.id && r->seq() == n;
  }
  if (const auto* r = std::get_if<Event>(&record)) return r->id() == n;
  if (const auto* r = std::get_if<CallRecord>(&record)) return r->id() == n;
  if (const auto* r = std::get_if<CreditEntry>(&record)) return r->number() == n;
  if (const auto* r = std::get_if<CreditHold>(&record)) return r->id().uuid() == change.id;
  if (const auto* r = std::get_if<IntegrationChange>(&record)) return r->rev() == n;
  return std::holds_alternative<SubscriptionChange>(record) ||
         std::holds_alternative<PublicRecord>(record);
}

bool is_no_record(ChangeKind kind) {
  return kind == ChangeKind::section_list || kind == ChangeKind::section_head ||
         kind == ChangeKind::billing_delivery || kind == ChangeKind::feed_cursor;
}

TEST_CASE("feed: the records of a page are those that its changes name") {
  Fed w;
  w.service().put_public({.name = "terms", .content = R"({"n":1})"}).value();
  std::set<ChangeKind> kinds;
  const auto look = [&](const std::vector<FeedEntry>& entries) {
    for (const FeedEntry& entry : entries) {
      REQUIRE(entry.records.size() == entry.changes.size());
      for (size_t i = 0; i < entry.changes.size(); ++i) {
        INFO("commit ", entry.commit_seq, ": ", to_string(entry.changes[i].kind));
        kinds.insert(entry.changes[i].kind);
        const bool is_none = std::holds_alternative<std::monostate>(entry.records[i]);
        CHECK(is_none == is_no_record(entry.changes[i].kind));
        if (!is_none) CHECK(names(entry.records[i], entry.changes[i]));
      }
    }
  };
  for (const size_t limit : {size_t{1}, size_t{7}, kMaxPageRows}) {
    look(whole(w.tenant(), {.with_bookkeeping = true, .with_records = true, .limit = limit}));
    look(whole(w.service(), {.with_bookkeeping = true, .with_records = true, .limit = limit}));
  }
  CHECK(kinds.size() >= 23);
  for (const FeedEntry& entry : whole(w.tenant(), {})) CHECK(entry.records.empty());
}

TEST_CASE("feed: of one project, what is in it and nothing else") {
  Fed w;
  const auto count = [&](ProjectId project, ChangeKind kind) {
    size_t found = 0;
    for (const FeedEntry& entry : whole(w.tenant(), {.project = project, .limit = 3})) {
      CHECK_FALSE(entry.changes.empty());
      for (const Change& change : entry.changes) found += change.kind == kind ? 1u : 0u;
    }
    return found;
  };
  CHECK(count(w.a.neighbour, ChangeKind::project) == 1);
  CHECK(count(w.a.neighbour, ChangeKind::document) == 1);
  CHECK(count(w.a.neighbour, ChangeKind::task) == 1);
  CHECK(count(w.a.neighbour, ChangeKind::task_activity) == 1);
  CHECK(count(w.a.neighbour, ChangeKind::session) == 1);
  CHECK(count(w.a.neighbour, ChangeKind::message) == 1);
  CHECK(count(w.a.neighbour, ChangeKind::event) == 0);
  // Between them the two projects have every change but the user's own.
  const std::set<ChangeKind> own = {ChangeKind::user,
                                    ChangeKind::credit_entry,
                                    ChangeKind::credit_hold,
                                    ChangeKind::audit,
                                    ChangeKind::feed_cursor,
                                    ChangeKind::billing_delivery,
                                    ChangeKind::integration_change,
                                    ChangeKind::subscription_change};
  size_t all = 0, of_projects = 0, users_own = 0;
  for (const FeedEntry& entry : whole(w.tenant(), {})) {
    for (const Change& change : entry.changes) {
      bool is_own = own.count(change.kind) != 0;
      if (change.kind == ChangeKind::event) {
        is_own = !w.tenant().event(change.number).value().project();
      } else if (change.kind == ChangeKind::call) {
        is_own = !w.tenant().call(change.number).value().project();
      }
      ++all;
      users_own += is_own ? 1u : 0u;
    }
  }
  for (const ProjectId project : {w.a.project, w.a.neighbour}) {
    for (const FeedEntry& entry : whole(w.tenant(), {.project = project})) {
      of_projects += entry.changes.size();
    }
  }
  CHECK(users_own > 5);
  CHECK(all == of_projects + users_own);
  CHECK(whole(w.tenant(), {.project = w.b.project}).empty());
  CHECK_CODE(invalid_argument, w.service().feed({.project = w.a.project}));
  CHECK_CODE(invalid_argument, w.tenant().feed({.project = ProjectId()}));
}

TEST_CASE("feed: a page of records ends when there is much of them, and goes on") {
  World w;
  const Tenant t = w.tenant("a@x");
  const ProjectId project = t.create_project({.name = "P", .idea_prompt = ""}).value();
  std::string words;  // that do not get smaller
  std::mt19937_64 random(7);
  while (words.size() < 1'000'000) words += std::to_string(random());
  constexpr size_t kTasks = 9;
  for (size_t i = 0; i < kTasks; ++i) {
    REQUIRE(t.create_task(project, {.title = "T", .description = words}).ok());
  }
  const FeedPage page = t.feed({.with_records = true}).value();
  CHECK_FALSE(page.at_end);
  size_t bytes = 0;
  for (const FeedEntry& entry : page.entries) {
    const auto* task = std::get_if<TaskRevision>(&entry.records.at(0));
    if (task != nullptr) bytes += task->description().size();
  }
  CHECK(bytes >= kMaxFeedPageBytes - words.size());
  CHECK(bytes <= kMaxFeedPageBytes + words.size());
  size_t tasks = 0;
  for (const FeedEntry& entry : whole(t, {.with_records = true})) {
    tasks += std::holds_alternative<TaskRevision>(entry.records.at(0)) ? 1u : 0u;
  }
  CHECK(tasks == kTasks);
  CHECK(t.feed().value().at_end);
}

TEST_CASE("feed: a record that is lost or damaged is told, and read without records it is not") {
  Fed w;
  const Row row =
      row_at(w, Key(w.a.owner, Kind::message).append(w.a.chat).not_u32(202508).not_u64(2));
  constexpr ChangeKind kMessages[] = {ChangeKind::message};
  const FeedOptions messages{.kinds = kMessages, .with_records = true};
  CHECK_CODE(ok, w.tenant().feed(messages));
  w.erase(row.family, row.key);
  CHECK_CODE(corruption, w.tenant().feed(messages));
  CHECK_CODE(corruption, w.service().feed(messages));
  CHECK_CODE(ok, w.tenant().feed({.kinds = messages.kinds}));
  w.put(row.family, row.key, flipped(row.value, row.value.size() - 1));
  CHECK_CODE(corruption, w.tenant().feed(messages));
  w.put(row.family, row.key, row.value);
  CHECK_CODE(ok, w.tenant().feed(messages));
}

}  // namespace
}  // namespace bcstore
