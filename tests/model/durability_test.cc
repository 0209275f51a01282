// Durability: what an acknowledgement promises, as the counters of the store show it.
#include <string>
#include <vector>

#include "fixture.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};

TEST_CASE("durability: a durable commit is synced, a relaxed one is not") {
  World w;
  const Tenant t = w.tenant("a@x");
  CHECK_CODE(ok, w.store().sync());
  const StoreStats start = w.store().stats();
  CHECK(start.durable_commit_seq == start.last_commit_seq);
  for (int i = 0; i < 5; ++i) CHECK_CODE(ok, t.append_event({.type = "t"}, kRelaxed));
  StoreStats now = w.store().stats();
  CHECK(now.commits == start.commits + 5);
  CHECK(now.last_commit_seq == start.last_commit_seq + 5);
  CHECK(now.syncs == start.syncs);
  CHECK(now.durable_commit_seq == start.last_commit_seq);
  // A durable acknowledgement makes every earlier commit durable.
  CHECK_CODE(ok, t.append_event({.type = "t"}));
  now = w.store().stats();
  CHECK(now.syncs == start.syncs + 1);
  CHECK(now.durable_commit_seq == now.last_commit_seq);
}

TEST_CASE("durability: every verb is durable unless it is told otherwise") {
  World w;
  const UserId owner = w.user("a@x");
  CHECK(w.store().stats().durable_commit_seq == w.commits());
  const Tenant t = w.store().tenant(owner);
  const auto durable = [&] {
    const StoreStats now = w.store().stats();
    return now.durable_commit_seq == now.last_commit_seq;
  };
  const ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  CHECK(durable());
  const TaskId task = t.create_task(p, {.title = "T"}, kRelaxed).value();
  CHECK_FALSE(durable());
  CHECK_CODE(ok, t.record_activity(task, TaskAction::complete));
  CHECK(durable());
  WriteBatch batch = t.batch();
  batch.append_event({.type = "t"});
  CHECK_CODE(ok, t.commit(batch, kRelaxed));
  CHECK_FALSE(durable());
  batch.append_event({.type = "t"});
  CHECK_CODE(ok, t.submit(std::move(batch)).wait());
  CHECK(durable());
}

TEST_CASE("durability: sync() makes everything acknowledged durable, also twice") {
  World w;
  const Tenant t = w.tenant("a@x");
  CHECK_CODE(ok, t.append_event({.type = "t"}, kRelaxed));
  const uint64_t seq = w.commits();
  CHECK(w.store().stats().durable_commit_seq < seq);
  CHECK_CODE(ok, w.store().sync());
  CHECK(w.store().stats().durable_commit_seq == seq);
  CHECK_CODE(ok, w.store().sync());
  CHECK(w.store().stats().durable_commit_seq == seq);
}

TEST_CASE("durability: a replay of a relaxed commit that asks to be durable is") {
  World w;
  const Tenant t = w.tenant("a@x");
  CHECK_CODE(ok, t.append_event({.type = "t"},
                                {.durability = Durability::relaxed, .idempotency_key = "k"}));
  CHECK(w.store().stats().durable_commit_seq < w.commits());
  CHECK_CODE(ok, t.append_event({.type = "t"}, {.idempotency_key = "k"}));
  CHECK(w.store().stats().durable_commit_seq == w.commits());
}

TEST_CASE("durability: one group takes one sync, relaxed ones may ride along") {
  World w;
  const Tenant t = w.tenant("a@x");
  CHECK_CODE(ok, w.store().sync());
  const StoreStats start = w.store().stats();
  std::vector<PendingCommit> pending;
  for (int i = 0; i < 10; ++i) {
    WriteBatch batch = t.batch();
    batch.append_event({.type = "t"});
    pending.push_back(t.submit(std::move(batch),
                               {.durability = i == 3 ? Durability::durable : Durability::relaxed}));
  }
  CHECK_CODE(ok, w.store().drive());
  for (PendingCommit& one : pending) {
    CHECK(one.ready());
    CHECK_CODE(ok, one.wait());
  }
  const StoreStats now = w.store().stats();
  CHECK(now.commits == start.commits + 10);
  CHECK(now.groups == start.groups + 1);
  CHECK(now.syncs == start.syncs + 1);
  CHECK(now.durable_commit_seq >= start.last_commit_seq + 4);
}

TEST_CASE("durability: what was acknowledged is there after closing and after no closing at all") {
  World w;
  const Tenant t = w.tenant("a@x");
  for (int i = 0; i < 50; ++i) CHECK_CODE(ok, t.append_event({.type = "t"}, kRelaxed));
  const uint64_t seq = w.commits();
  for (const bool in_order : {true, false}) {
    if (in_order) {
      w.reopen();
    } else {
      w.kill();
    }
    const Tenant again = w.store().tenant(t.owner());
    const uint64_t more = in_order ? 0 : 1;
    CHECK(w.commits() == seq + more);
    CHECK(w.store().stats().durable_commit_seq == seq + more);
    CHECK(w.store().stats().commits == 0);
    CHECK(again.owner_seq().value() == 51 + more);
    CHECK_CODE(ok, again.append_event({.type = "t"}, kRelaxed));
  }
}

TEST_CASE("durability: a checkpoint is a store of its own") {
  World w;
  const Tenant t = w.tenant("a@x");
  CHECK_CODE(ok, t.append_event({.type = "before"}, kRelaxed));
  const std::string copy = w.directory.sub("copy");
  CHECK_CODE(ok, w.store().checkpoint(copy));
  CHECK_CODE(ok, t.append_event({.type = "after"}));
  CHECK(w.store().checkpoint(copy).code() != Code::ok);  // it is there already
  Result<Store> second = Store::open(copy, w.options);
  REQUIRE(second.ok());
  const auto type = [](const Event& e) { return std::string(e.type()); };
  CHECK(rows_of(second->tenant(t.owner()).events({.with_audit = false}), type) ==
        std::vector<std::string>{"before"});
  CHECK(second->check().value().violations == 0);
  CHECK_CODE(ok, second->tenant(t.owner()).append_event({.type = "own way"}));
  CHECK(rows_of(t.events({.with_audit = false}), type) ==
        std::vector<std::string>{"before", "after"});
}

}  // namespace
}  // namespace bcstore
