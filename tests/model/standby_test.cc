// A standby becomes what its store is, record by record, whatever is in it and wherever it stops.
#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "damaged.h"
#include "feeds.h"
#include "list_neighbour.h"
#include "rich.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

// A store and a standby of it.
struct Pair {
  explicit Pair(const World::Tweak& tweak = {}) : primary(tweak) { open(); }

  void open() {
    const std::string identity = primary.store().standby_identity().value();
    REQUIRE(Store::make_standby(path, identity, primary.options).ok());
    standby.emplace(Store::open(path, primary.options).value());
  }
  void reopen() {
    REQUIRE(standby->close().ok());
    standby.emplace(Store::open(path, primary.options).value());
  }
  // As World::kill.
  void kill() {
    const std::string left = primary.directory.sub("left " + std::to_string(++kills));
    copy_files(path, left);
    REQUIRE(standby->close().ok());
    standby.reset();
    std::filesystem::remove_all(path);
    path = left;
    standby.emplace(Store::open(path, primary.options).value());
  }
  StandbyState state() { return standby->standby_state().value(); }
  std::string next_page(size_t bytes = size_t{16} << 20) {
    Result<std::string> page = primary.store().standby_page(state().position, {.bytes = bytes});
    INFO(page.status().to_string());
    REQUIRE(page.ok());
    return *page;
  }
  void apply(std::string_view page) {
    const Status applied = standby->apply_standby_page(page);
    INFO(applied.to_string());
    REQUIRE(applied.ok());
  }
  size_t catch_up(size_t bytes = size_t{16} << 20) {
    size_t pages = 0;
    // What services read and what was taken of limits is written now, and not behind the last page.
    REQUIRE(primary.store().sync().ok());
    do {
      apply(next_page(bytes));
      ++pages;
    } while (!state().is_consistent);
    return pages;
  }
  void check_equal();

  World primary;
  std::string path = primary.directory.sub("standby");
  int kills = 0;
  std::optional<Store> standby;
};

void check_sound(const Store& store) {
  const CheckReport report = store.check().value();
  std::string text;
  for (const Violation& v : report.listed) {
    text += v.table + " " + v.key + ": " + v.rule + " (" + v.detail + ")\n";
  }
  INFO(text);
  CHECK(report.violations == 0);
}

// All rows of a closed store, but for those that are of one store alone.
std::map<std::string, std::string> rows_of_store(const std::string& path) {
  Options options;
  options.create_if_missing = false;
  bool fresh = false;
  auto engine = engine::open_rocks(path, options, &fresh).value();
  std::map<std::string, std::string> rows;
  for (size_t i = 0; i < engine::kFamilies; ++i) {
    auto scan = engine->scan({static_cast<engine::Family>(i), {}, {}, false, nullptr, false, true});
    while (scan->next()) {
      const format::KindInfo* info = format::parse_key(scan->key());
      REQUIRE(info != nullptr);
      const bool is_own = info->kind == format::Kind::store ||
                          info->kind == format::Kind::replica_keys ||
                          info->kind == format::Kind::replica_state;
      if (!is_own) rows.emplace(scan->key(), scan->value());
    }
    REQUIRE(scan->status().ok());
  }
  REQUIRE(engine->close().ok());
  return rows;
}

void Pair::check_equal() {
  CHECK(state().is_consistent);
  CHECK(state().last_commit_seq == primary.commits());
  for (const HashScope scope : {HashScope::content, HashScope::state}) {
    CHECK(standby->logical_hash(scope).value() == primary.store().logical_hash(scope).value());
  }
  check_sound(primary.store());
  check_sound(*standby);
  // Byte by byte: whatever kind of record there is, now or later.
  primary.close();
  REQUIRE(standby->close().ok());
  standby.reset();
  const auto ours = rows_of_store(primary.path);
  const auto theirs = rows_of_store(path);
  CHECK(ours.size() == theirs.size());
  for (const auto& row : ours) {
    const std::string &key = row.first, &value = row.second;
    INFO(format::parse_key(key)->name, " ", format::to_hex(key));
    const auto found = theirs.find(key);
    REQUIRE(found != theirs.end());
    CHECK(found->second == value);
  }
  primary.open();
  standby.emplace(Store::open(path, primary.options).value());
}

TEST_CASE("standby: an empty one becomes a rich store, whole or in many pages, and follows it") {
  for (const size_t bytes : {size_t{16} << 20, size_t{1}, size_t{3000}}) {
    CAPTURE(bytes);
    Pair pair;
    const Rich a = enrich(pair.primary.store(), pair.primary.user("a@x"), "a");
    enrich(pair.primary.store(), pair.primary.user("b@x"), "b");
    CHECK(pair.catch_up(bytes) > 0);
    pair.check_equal();
    // What comes now is carried by what groups changed, not by another copy.
    const Rich c = enrich(pair.primary.store(), pair.primary.user("c@x"), "c");
    const Tenant t = pair.primary.store().tenant(a.owner);
    t.revise_task(a.task, {.phase = std::optional<int32_t>(7)}).value();
    t.edit_profile({.email = "other@x"}).value();
    t.void_hold(a.hold).value();
    t.remove_integration(a.integration).value();
    t.drop_feed_cursor(a.cursor).value();
    pair.primary.clock->advance(40 * kDayUs);
    t.append_event({.type = "later"}).value();
    REQUIRE(pair.primary.store().maintain().ok());
    pair.primary.service().save_feed_cursor("place", 1).value();
    CHECK(pair.catch_up(bytes) > 0);
    pair.check_equal();
    REQUIRE(pair.primary.store().trim_feed({.through_seq = 9, .past_cursors = true}).ok());
    pair.catch_up(bytes);
    pair.check_equal();
  }
}

// Every kind that a rich store holds is there; a kind that is new has to come in here, and then is
// carried or the comparison above fails.
TEST_CASE("standby: what is compared holds every kind of record") {
  Pair pair;
  const Rich a = enrich(pair.primary.store(), pair.primary.user("a@x"), "a");
  pair.primary.store().trim_feed({.through_seq = 1, .past_cursors = true}).value();
  pair.catch_up();
  const auto hits = [&](const Store& store) {
    std::string all;
    const Tenant t = store.tenant(a.owner);
    for (const SearchHit& hit : t.search(a.neighbour, kRichFloats).value()) {
      all += to_string(hit.document) + std::to_string(hit.ordinal) + " ";
    }
    return all;
  };
  CHECK(hits(*pair.standby) == hits(pair.primary.store()));
  // Made anew, the ones before go as ranges, below what was looked at.
  for (int i = 0; i < 2; ++i) list_neighbour(pair.primary.store().tenant(a.owner), a);
  pair.catch_up();
  CHECK_FALSE(hits(*pair.standby).empty());
  CHECK(hits(*pair.standby) == hits(pair.primary.store()));
  pair.check_equal();
  pair.primary.close();
  REQUIRE(pair.standby->close().ok());
  pair.standby.reset();
  std::set<format::Kind> seen;
  for (const auto& [key, value] : rows_of_store(pair.path)) {
    seen.insert(format::parse_key(key)->kind);
  }
  for (const format::KindInfo& info : format::kKinds) {
    CAPTURE(info.name);
    const bool is_own = info.kind == format::Kind::store ||
                        info.kind == format::Kind::replica_keys ||
                        info.kind == format::Kind::replica_state;
    CHECK(seen.contains(info.kind) != is_own);
  }
  pair.primary.open();
}

TEST_CASE("standby: it is read and refuses every write, until it is promoted") {
  Pair pair;
  const Rich a = enrich(pair.primary.store(), pair.primary.user("a@x"), "a");
  pair.catch_up();
  {
    const Store& s = *pair.standby;
    const Tenant t = s.tenant(a.owner);
    const User user = t.profile().value();
    CHECK(user.email() == a.email);
    const ChatMessage message = t.message(a.chat, 1).value();
    CHECK(message.content() == "What first?");
    CHECK_CODE(failed_precondition, t.append_event({.type = "t"}));
    CHECK_CODE(failed_precondition, s.service("x").create_user({.email = "n@x"}));
    CHECK_CODE(failed_precondition, s.service("x").save_feed_cursor("n", 0));
    CHECK_CODE(failed_precondition, pair.standby->standby_page({}));
    CHECK_CODE(failed_precondition, pair.standby->trim_feed({.through_seq = 1}));
    CHECK_CODE(ok, s.service("x").tenant(a.owner).profile());
    CHECK_CODE(ok, pair.standby->sync());
  }
  const std::string page = pair.next_page();
  CHECK_CODE(failed_precondition, pair.primary.store().apply_standby_page(page));
  CHECK_CODE(busy, Store::promote_standby(pair.path, pair.primary.options));
  pair.check_equal();
  REQUIRE(pair.standby->close().ok());
  pair.standby.reset();
  CHECK_CODE(failed_precondition, [&] {
    World other;
    other.close();
    const Status answer = Store::promote_standby(other.path, other.options);
    other.open();
    return answer;
  }());
  REQUIRE(Store::promote_standby(pair.path, pair.primary.options).ok());
  CHECK_CODE(failed_precondition, Store::promote_standby(pair.path, pair.primary.options));
  Store promoted = Store::open(pair.path, pair.primary.options).value();
  CHECK_FALSE(promoted.standby_state().value().is_standby);
  const Tenant t = promoted.tenant(a.owner);
  const uint64_t last = pair.primary.commits();
  CHECK(append(t) == last + 1);
  CHECK(t.append_message(a.chat, {.role = Role::user, .content = "again"}).value() == 5);
  check_sound(promoted);
  CHECK_CODE(failed_precondition, promoted.apply_standby_page(page));
  REQUIRE(promoted.close().ok());
}

TEST_CASE("standby: pages come in their order, once, whole, and of this store") {
  Pair pair;
  const Tenant t = pair.primary.tenant("a@x");
  pair.catch_up();
  append(t);
  const std::string first = pair.next_page();
  pair.apply(first);
  append(t);
  const std::string second = pair.next_page();
  pair.apply(second);
  append(t);
  const std::string third = pair.next_page();
  const std::string at = pair.state().position;
  // Again: nothing happens.
  pair.apply(first);
  pair.apply(second);
  CHECK(pair.state().position == at);
  // One that is missing: it is of a standby that is further.
  Pair other;
  const std::string path = pair.primary.directory.sub("further");
  const std::string identity = pair.primary.store().standby_identity().value();
  REQUIRE(Store::make_standby(path, identity, pair.primary.options).ok());
  Store further = Store::open(path, pair.primary.options).value();
  do {
    const std::string position = further.standby_state().value().position;
    const StandbyPageOptions options{.gives_up_behind = false};
    const std::string page = pair.primary.store().standby_page(position, options).value();
    REQUIRE(further.apply_standby_page(page).ok());
  } while (!further.standby_state().value().is_consistent);
  append(t);
  const std::string ahead = further.standby_state().value().position;
  const std::string after = pair.primary.store().standby_page(ahead).value();
  CHECK_CODE(failed_precondition, pair.standby->apply_standby_page(after));
  CHECK_CODE(invalid_argument, other.standby->apply_standby_page(third));
  CHECK_CODE(invalid_argument, pair.standby->apply_standby_page(""));
  CHECK_CODE(invalid_argument, pair.standby->apply_standby_page(third.substr(0, third.size() - 1)));
  for (size_t i = 0; i < third.size(); ++i) {
    std::string changed = third;
    changed[i] = static_cast<char>(changed[i] ^ 4);
    CHECK_CODE(invalid_argument, pair.standby->apply_standby_page(changed));
  }
  CHECK(pair.state().position == at);
  pair.apply(third);
  pair.catch_up();
  pair.check_equal();
}

TEST_CASE("standby: killed between any two pages it goes on, and is the same in the end") {
  Pair pair;
  const Rich a = enrich(pair.primary.store(), pair.primary.user("a@x"), "a");
  size_t pages = 0;
  do {
    const std::string page = pair.next_page(6000);
    pair.apply(page);
    pair.kill();
    pair.apply(page);  // its answer was lost
    if (++pages % 3 == 0) append(pair.primary.store().tenant(a.owner));
    REQUIRE(pages < 500);
  } while (!pair.state().is_consistent);
  CHECK(pages > 5);
  pair.catch_up();
  pair.check_equal();
}

TEST_CASE("standby: half of it can not be promoted, and one of another history is refused") {
  Pair pair;
  const Tenant t = pair.primary.tenant("a@x");
  const UserId owner = t.owner();
  for (int i = 0; i < 20; ++i) append(t);
  pair.apply(pair.next_page(1));
  CHECK_FALSE(pair.state().is_consistent);
  REQUIRE(pair.standby->close().ok());
  CHECK_CODE(failed_precondition, Store::promote_standby(pair.path, pair.primary.options));
  pair.standby.emplace(Store::open(pair.path, pair.primary.options).value());
  pair.catch_up();
  // The store goes back to a copy, and on from there with other commits.
  REQUIRE(pair.primary.store().sync().ok());
  const std::string early = pair.primary.directory.sub("early");
  REQUIRE(pair.primary.store().checkpoint(early).ok());
  append(t, "lost");
  pair.catch_up();
  pair.primary.clock->advance(1);
  pair.primary.go_on_with(early);
  CHECK_CODE(failed_precondition, pair.primary.store().standby_page(pair.state().position));
  // One commit later the numbers are the same, and the histories are not; nor are they ever again.
  for (int i = 0; i < 3; ++i) {
    append(pair.primary.store().tenant(owner), "another");
    CHECK_CODE(failed_precondition, pair.primary.store().standby_page(pair.state().position));
  }
  check_sound(*pair.standby);
}

TEST_CASE("standby: of two histories that part behind it, it takes one") {
  Pair pair;
  const Tenant t = pair.primary.tenant("a@x");
  const UserId owner = t.owner();
  pair.catch_up();
  // What is no commit is of a history as well.
  for (const bool is_commit : {true, false}) {
    const std::string early = pair.primary.directory.sub(is_commit ? "early" : "earlier");
    REQUIRE(pair.primary.store().sync().ok());
    REQUIRE(pair.primary.store().checkpoint(early).ok());
    const auto go_on = [&] {
      const Tenant now = pair.primary.store().tenant(owner);
      if (is_commit) {
        append(now, "one");
      } else {
        REQUIRE(pair.primary.store().trim_feed({.through_seq = pair.primary.commits()}).ok());
      }
      return pair.next_page();
    };
    const std::string one = go_on();
    pair.primary.go_on_with(early);
    const std::string other = go_on();
    pair.apply(one);
    const std::string at = pair.state().position;
    CHECK_CODE(conflict, pair.standby->apply_standby_page(other));
    CHECK(pair.state().position == at);
    CHECK_CODE(failed_precondition, pair.primary.store().standby_page(at));
    // Made anew it follows again.
    REQUIRE(pair.standby->close().ok());
    pair.standby.reset();
    pair.path += " anew";
    pair.open();
    pair.catch_up();
    pair.check_equal();
  }
}

TEST_CASE("standby: a source keeps as many groups as it is told to") {
  Pair pair;
  pair.primary.options.standby_groups = kMinStandbyGroups;
  pair.primary.reopen();
  CHECK(pair.primary.store().stats().standby_groups == 0);
  const Tenant t = pair.primary.tenant("a@x");
  pair.catch_up();
  append(t);
  pair.catch_up();
  const std::string behind = pair.state().position;
  const auto append_many = [&](uint64_t groups) {
    for (uint64_t i = 0; i < groups; ++i) {
      REQUIRE(t.append_event({.type = "t"}, {.durability = Durability::relaxed}).ok());
    }
  };
  append_many(kMinStandbyGroups - 2);
  CHECK(pair.primary.store().stats().standby_groups >= kMinStandbyGroups - 2);
  CHECK(pair.primary.store().standby_page(behind, {.gives_up_behind = false}).ok());
  append_many(2 * kMinStandbyGroups + 10);
  CHECK(pair.primary.store().stats().standby_groups >= kMinStandbyGroups);
  CHECK(pair.primary.store().stats().standby_groups <= 2 * kMinStandbyGroups + 1);
  CHECK_CODE(failed_precondition, pair.primary.store().standby_page(behind));
  REQUIRE(pair.primary.store().drop_standbys().ok());
  CHECK(pair.primary.store().stats().standby_groups == 0);
  check_sound(pair.primary.store());
}

TEST_CASE("standby: what was given up behind it is told, and dropping ends it") {
  Pair pair;
  const Tenant t = pair.primary.tenant("a@x");
  pair.catch_up();
  const std::string early = pair.state().position;
  for (int i = 0; i < 1100; ++i) append(t);
  pair.catch_up();
  append(t);
  pair.catch_up();
  append(t);
  CHECK_CODE(failed_precondition, pair.primary.store().standby_page(early));
  CHECK_CODE(invalid_argument, pair.primary.store().standby_page("none"));
  pair.catch_up();
  pair.check_equal();
  pair.primary.reopen();
  append(pair.primary.store().tenant(t.owner()));
  pair.catch_up();
  pair.check_equal();
  REQUIRE(pair.primary.store().drop_standbys().ok());
  CHECK_CODE(failed_precondition, pair.primary.store().standby_page(pair.state().position));
  check_sound(pair.primary.store());
  // Another standby, and numbers that begin anew: the old one does not go on in between.
  for (const bool reopens : {false, true}) {
    if (reopens) pair.primary.reopen();
    REQUIRE(pair.primary.store().drop_standbys().ok());
    const std::string path = pair.primary.directory.sub(reopens ? "third" : "second");
    const std::string identity = pair.primary.store().standby_identity().value();
    REQUIRE(Store::make_standby(path, identity, pair.primary.options).ok());
    Store another = Store::open(path, pair.primary.options).value();
    do {
      const std::string position = another.standby_state().value().position;
      const std::string page = pair.primary.store().standby_page(position, {.bytes = 4000}).value();
      REQUIRE(another.apply_standby_page(page).ok());
      append(pair.primary.store().tenant(t.owner()));
    } while (another.stats().last_commit_seq + 3 < pair.primary.commits());
    CHECK_CODE(failed_precondition, pair.primary.store().standby_page(pair.state().position));
    REQUIRE(another.close().ok());
  }
  CHECK_CODE(invalid_argument, pair.primary.store().standby_page({}, {.bytes = 0}));
  CHECK_CODE(invalid_argument,
             Store::make_standby(pair.primary.directory.sub("x"), "none", pair.primary.options));
  REQUIRE(pair.standby->close().ok());
  CHECK_CODE(already_exists,
             Store::make_standby(pair.path, pair.primary.store().standby_identity().value(),
                                 pair.primary.options));
}

TEST_CASE("concurrent: a standby that follows eight writers is what the store is in the end") {
  Pair pair;
  constexpr int kWriters = 8;
  std::vector<Rich> rich;
  for (int i = 0; i < kWriters; ++i) {
    const std::string tag = std::to_string(i);
    rich.push_back(enrich(pair.primary.store(), pair.primary.user(tag + "@x"), tag));
  }
  std::atomic<int> left{kWriters};
  std::vector<std::thread> threads;
  for (const Rich& r : rich) {
    threads.emplace_back([&] {
      const Tenant t = pair.primary.store().tenant(r.owner);
      for (int n = 0; n < 60; ++n) {
        t.append_message(r.chat, {.role = Role::user, .content = "m" + std::to_string(n)},
                         {.durability = Durability::relaxed})
            .value();
        t.consume_credit({.amount = 1}, {.durability = Durability::relaxed}).value();
        t.revise_task(r.task, {.phase = std::optional<int32_t>(n % 5)},
                      {.durability = Durability::relaxed})
            .value();
      }
      --left;
    });
  }
  size_t pages = 0;
  while (left > 0) {
    pair.apply(pair.next_page(size_t{1} << 16));
    ++pages;
  }
  for (std::thread& thread : threads) thread.join();
  pair.catch_up(size_t{1} << 16);
  CHECK(pages > 0);
  pair.check_equal();
}

}  // namespace
}  // namespace bcstore
