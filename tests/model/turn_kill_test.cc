// A deed that dies at each of its writes, and is tried again with its key: all of it is there once,
// or nothing; after the retry always all. A chat turn with its limit, its price and its telemetry;
// holds that are made, resolved and ended in one batch; and a delivery that takes a customer from
// one user to another, which is two commits.
#include <functional>
#include <memory>
#include <vector>

#include "billing_stories.h"
#include "mortal_files.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

struct Turned {
  uint64_t messages = 0;
  std::optional<int32_t> remaining;
  int32_t held = 0;
  size_t entries = 0;
  size_t events = 0;
  uint32_t units = 0;  // of the rate limit
  size_t calls = 0;
  int64_t called = 0;  // by their sum
  std::string bought;  // by who is charged and by another
  size_t changes = 0;  // of their subscription
  friend bool operator==(const Turned&, const Turned&) = default;
};

struct Scene {
  UserId owner, other;
  ChatSessionId chat;
  std::vector<CreditHoldId> holds;
};

Turned state_of(const Store& store, const Scene& scene) {
  const Tenant t = store.tenant(scene.owner), other = store.tenant(scene.other);
  const auto one = [](const auto&) { return 0; };
  int64_t called = 0;
  Cursor<UsageRow> usage = t.usage({.from_month = 202501, .to_month = 202612});
  while (usage.next()) called += usage->calls();
  REQUIRE(usage.status().ok());
  size_t changes = 0;
  for (const Tenant& one_of : {t, other}) {
    Cursor<SubscriptionChange> rows = one_of.subscription_history("sub_1");
    while (rows.next()) changes += rows->is_gone() ? 100u : 1u;
  }
  const Credits credits = t.credits().value();
  return {t.last_seq(scene.chat).value(),
          credits.remaining,
          credits.held,
          rows_of(t.credit_entries(), one).size(),
          rows_of(t.events({.with_audit = false}), one).size(),
          t.try_acquire("chat", 0).value().remaining,
          rows_of(t.calls(), one).size(),
          called,
          shown(t) + "; " + shown(other),
          changes};
}

// A deed with its idempotency key, and what is there before it.
struct Story {
  std::function<void(Store& store, World& w, Scene* scene)> prepare;
  std::function<Result<Receipt>(const Store&, const Scene&, const CommitOptions&)> act;
};

// A message, its event, its limit, its price and the call that answered it.
const Story kTurn = {
    [](Store&, World&, Scene*) {},
    [](const Store& store, const Scene& scene, const CommitOptions& o) {
      const Tenant t = store.tenant(scene.owner);
      const NewEvent events[] = {{.type = "turn"}};
      WriteBatch batch = t.batch();
      batch.chat_turn(scene.chat, {.message = {.role = Role::user, .content = "What first?"},
                                   .cost = 3,
                                   .events = events,
                                   .rate_limit = "chat"});
      batch.record_call(
          {.agent = "a", .model = "m", .latency_us = 1, .cost_micros = 1, .currency = "EUR"});
      return t.commit(batch, o);
    }};

// A hold is made, one captured and one voided, when another's end and a reset are due.
const Story kHolds = {
    [](Store& store, World& w, Scene* scene) {
      const Time midnight = *parse_time("2025-08-16T00:00:00Z");
      store.service("test")
          .set_credit_plan(scene->owner, {.allowance = 10, .resets_at = midnight})
          .value();
      store.service("test").grant_credits(scene->owner, {.amount = 5}).value();
      const Tenant t = store.tenant(scene->owner);
      for (const int64_t ttl : {kSecondUs, 20 * kDayUs, 20 * kDayUs}) {
        scene->holds.push_back(t.reserve_credits({.amount = 4, .ttl_us = ttl}).value().hold);
      }
      w.clock->advance(kDayUs);
    },
    [](const Store& store, const Scene& scene, const CommitOptions& o) {
      const Tenant t = store.tenant(scene.owner);
      WriteBatch batch = t.batch();
      batch.limit_rate("chat", 2);
      batch.capture_credits(scene.holds.at(1), {.amount = 3});
      batch.void_hold(scene.holds.at(2));
      batch.reserve_credits(
          {.amount = 2, .ttl_us = kDayUs, .id = CreditHoldId(SeededIds::make(1 << 20))});
      batch.append_message(scene.chat, {.role = Role::user, .content = "m"});
      return t.commit(batch, o);
    }};

// A checkout that comes late and counts earlier.
const Story kMove = {
    [](Store& store, World&, Scene* scene) {
      const Service billing = store.service("test");
      billing.apply_billing_event(checkout("late", 2, scene->owner)).value();
      billing.apply_billing_event(report("active", 3, SubscriptionStatus::active)).value();
    },
    [](const Store& store, const Scene& scene, const CommitOptions& o) -> Result<Receipt> {
      const Result<BillingReceipt> moved = store.service("test").apply_billing_event(
          checkout("early", 1, scene.other), o.durability);
      if (!moved.ok()) return moved.status();
      return moved->receipt;
    }};

struct Death {
  uint64_t write = UINT64_MAX;
  MortalFiles::Last last = MortalFiles::Last::nothing;
  Durability durability = Durability::durable;
  bool compacts = false;  // or syncs, behind the deed
};

// False when the deed, and the compaction or the sync behind it, have fewer writes than that; what
// is there after it is in *after then, and else was there before.
bool die_and_retry(const Story& story, const Death& death, Turned* after, int* written) {
  CAPTURE(death.write);
  World w;
  auto files = std::make_shared<MortalFiles>();
  const CommitOptions once{.durability = death.durability, .idempotency_key = "turn-1"};
  w.options.rate_limits = {
      {.name = "chat", .free = {.rate = 1, .period_us = 100 * kDayUs, .burst = 3}, .strict = true}};
  Options mortal = w.options;
  mortal.file_system = files;
  const std::string path = w.directory.sub("mortal");
  const std::string left = w.directory.sub("left");
  Scene scene;
  Turned before;
  bool answered = false;
  {
    Store store = Store::open(path, mortal).value();
    scene.owner = store.service("test").create_user({.email = "a@x"}).value();
    scene.other = store.service("test").create_user({.email = "b@x"}).value();
    const Tenant t = store.tenant(scene.owner);
    scene.chat = t.start_chat(t.create_project({.name = "P", .idea_prompt = ""}).value()).value();
    story.prepare(store, w, &scene);
    before = state_of(store, scene);
    REQUIRE(store.sync().ok());
    if (death.write != UINT64_MAX) files->die_at(death.write, death.last);
    answered = story.act(store, scene, once).ok();
    (void)(death.compacts ? store.compact() : store.sync());
    copy_files(path, left);
    if (!files->dead()) {
      *after = state_of(store, scene);
      CHECK_FALSE(*after == before);
      return false;
    }
  }
  {
    Store store = Store::open(left, w.options).value();
    const Turned found = state_of(store, scene);
    CHECK((found == before || found == *after));
    if (answered) CHECK(found == *after);
    *written += found == *after ? 1 : 0;
    const Result<Receipt> again = story.act(store, scene, once);
    INFO(again.status().to_string());
    REQUIRE(again.ok());
    CHECK(again->replayed == (found == *after));
    CHECK(state_of(store, scene) == *after);
    CHECK(story.act(store, scene, once).value().replayed);
    CHECK(store.check().value().violations == 0);
    REQUIRE(store.close().ok());
  }
  return true;
}

void die_at_every_write(const Story& story, Death death) {
  Turned after;
  int written = 0;
  death.write = UINT64_MAX;
  REQUIRE_FALSE(die_and_retry(story, death, &after, &written));
  const Turned whole = after;
  death.write = 1;
  while (die_and_retry(story, death, &after, &written)) ++death.write;
  CHECK(after == whole);
  CHECK(death.write > (death.compacts ? 10 : 1));
  CHECK((!death.compacts || written > 0));
  CHECK(written < static_cast<int>(death.write));
}

TEST_CASE("turn: killed at every write and tried again, it is there once") {
  for (const Durability durability : {Durability::durable, Durability::relaxed}) {
    for (const auto last :
         {MortalFiles::Last::nothing, MortalFiles::Last::half, MortalFiles::Last::all}) {
      CAPTURE(static_cast<int>(last));
      // Once on through all that moves the commit out of the log.
      const bool compacts = durability == Durability::durable && last == MortalFiles::Last::half;
      die_at_every_write(kTurn, {.last = last, .durability = durability, .compacts = compacts});
    }
  }
}

TEST_CASE("turn: killed at every write, holds are made, resolved and ended once") {
  for (const auto last :
       {MortalFiles::Last::nothing, MortalFiles::Last::half, MortalFiles::Last::all}) {
    CAPTURE(static_cast<int>(last));
    die_at_every_write(kHolds, {.last = last, .compacts = last == MortalFiles::Last::half});
  }
}

TEST_CASE("turn: killed at every write, a customer moves from one user to another or not at all") {
  for (const Durability durability : {Durability::durable, Durability::relaxed}) {
    for (const auto last :
         {MortalFiles::Last::nothing, MortalFiles::Last::half, MortalFiles::Last::all}) {
      CAPTURE(static_cast<int>(last));
      const bool compacts = durability == Durability::durable && last == MortalFiles::Last::half;
      die_at_every_write(kMove, {.last = last, .durability = durability, .compacts = compacts});
    }
  }
}

}  // namespace
}  // namespace bcstore
