// The commit queue when something fails in the middle of a group: what was decided on changes that
// are not there is not answered, and nobody waits for ever.
#include <algorithm>
#include <new>
#include <stdexcept>

#include "engine/disturbed_files.h"
#include "engine_world.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

// Throws when it is told to, as an application's own clock might.
class ThrowingClock : public ManualClock {
 public:
  enum class Next : uint8_t { none, memory, other };
  Time now() override {
    const Next next = fault;
    fault = Next::none;
    if (next == Next::memory) throw std::bad_alloc();
    if (next == Next::other) throw std::runtime_error("no time");
    return ManualClock::now();
  }
  Next fault = Next::none;
};

struct Surroundings {
  std::shared_ptr<ThrowingClock> thrower = std::make_shared<ThrowingClock>();
  std::shared_ptr<engine::DisturbedFiles> files = std::make_shared<engine::DisturbedFiles>();
};
struct Queue : Surroundings, World {
  Queue()
      : World([this](Options& o) {
          o.file_system = files;
          o.clock = thrower;
        }) {}
};

TEST_CASE("queue: a refusal decided on a commit that was not written is not answered") {
  Queue w;
  const Tenant t = w.tenant("a@x");
  CHECK(t.consume_credit({.amount = 9}).value() == 1);
  const auto spend = [&] {
    WriteBatch batch = t.batch();
    batch.consume_credit({});
    return t.submit(std::move(batch));
  };
  const auto bad = [&] {
    WriteBatch batch = t.batch();
    batch.rename_chat(forged<ChatSessionId>(1), "n");
    return t.submit(std::move(batch));
  };
  w.files->set_free_space(0);
  PendingCommit before = bad(), first = spend(), second = spend(), after = bad();
  CHECK_CODE(no_space, w.store().drive());
  CHECK_CODE(not_found, before.wait());  // decided on what is there
  CHECK_CODE(no_space, first.wait());
  CHECK_CODE(no_space, second.wait());  // not out_of_credits: there is one
  CHECK_CODE(no_space, after.wait());
  w.files->set_free_space(std::nullopt);
  CHECK(t.credits().value().remaining == 1);
  PendingCommit third = spend(), fourth = spend();
  CHECK_CODE(ok, third.wait());
  CHECK_CODE(out_of_credits, fourth.wait());
}

TEST_CASE("queue: the trace of a service's reads waits for room") {
  Queue w;
  const Tenant t = w.tenant("a@x");
  const Tenant seen = w.service("support call").tenant(t.owner());
  seen.profile().value();
  const auto traces = [&] {
    const auto types =
        rows_of(t.events(), [](const Event& event) { return std::string(event.type()); });
    return std::count(types.begin(), types.end(), "service.read");
  };
  w.files->set_free_space(0);
  CHECK_CODE(no_space, t.append_event({.type = "t"}));
  CHECK_CODE(no_space, t.append_event({.type = "t"}));
  w.files->set_free_space(std::nullopt);
  CHECK(traces() == 0);
  CHECK_CODE(ok, t.append_event({.type = "t"}));
  CHECK(traces() == 1);
}

TEST_CASE("queue: an exception while deciding is answered, and the queue goes on") {
  Queue w;
  const Tenant t = w.tenant("a@x");
  const uint64_t commits = w.commits();
  for (const auto next : {ThrowingClock::Next::memory, ThrowingClock::Next::other}) {
    WriteBatch batch = t.batch();
    batch.append_event({.type = "lost"});
    PendingCommit pending = t.submit(std::move(batch));
    w.thrower->fault = next;
    const Status told = t.append_event({.type = "lost too"}).status();
    CHECK(name_of(told) == (next == ThrowingClock::Next::memory ? "unavailable" : "internal"));
    CHECK(pending.wait().code() == told.code());
    CHECK(w.commits() == commits);
    CHECK_CODE(ok, w.store().health());
  }
  CHECK_CODE(ok, t.append_event({.type = "kept"}));
  CHECK(w.commits() == commits + 1);
  w.reopen();
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE(
    "queue: an exception within a write leaves the store read-only, and nothing is written over") {
  EngineWorld w;
  const Tenant t = w.tenant("a@x");
  const uint64_t commits = w.commits();
  w.watch->throws_after_apply = true;
  CHECK_CODE(unknown_outcome, t.append_event({.type = "written"}));
  w.watch->throws_after_apply = false;
  // Its number is taken on disk: no other commit may have it.
  CHECK_CODE(read_only, t.append_event({.type = "refused"}));
  CHECK_CODE(read_only, w.store().sync());
  CHECK_CODE(read_only, w.store().health());
  w.reopen();
  const Tenant again = w.store().tenant(t.owner());
  CHECK(w.commits() == commits + 1);
  CHECK_CODE(ok, again.append_event({.type = "next"}));
  CHECK(w.commits() == commits + 2);
  const auto types = rows_of(again.events(), [](const Event& e) { return std::string(e.type()); });
  REQUIRE(types.size() >= 2);
  CHECK(types[types.size() - 2] == "written");
  CHECK(types.back() == "next");
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("queue: a callback that throws takes nobody else's answer away") {
  Queue w;
  const Tenant t = w.tenant("a@x");
  int called = 0;
  for (int i = 0; i < 3; ++i) {
    WriteBatch batch = t.batch();
    batch.append_event({.type = "t"});
    t.submit(std::move(batch), {}, [&](const Result<Receipt>& receipt) {
      CHECK(receipt.ok());
      ++called;
      if (called == 1) throw std::runtime_error("the application's own");
    });
  }
  CHECK_CODE(ok, w.store().drive());
  CHECK(called == 3);
  CHECK_CODE(ok, t.append_event({.type = "t"}));
}

TEST_CASE("queue: what is handed in and not executed is bounded in bytes") {
  Queue w;
  const Tenant t = w.tenant("a@x");
  const ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  const ChatSessionId chat = t.start_chat(p).value();
  const std::string text(kMaxMessageBytes, 'm');
  std::vector<PendingCommit> pending;
  uint64_t most = 0;
  Status refused;
  for (int i = 0; i < 100 && refused.ok(); ++i) {
    WriteBatch batch = t.batch();
    for (int n = 0; n < 8; ++n) batch.append_message(chat, {.role = Role::user, .content = text});
    PendingCommit one = t.submit(std::move(batch), {.durability = Durability::relaxed});
    if (one.ready()) {
      refused = one.wait().status();
    } else {
      pending.push_back(std::move(one));
      most += 8 * text.size();
    }
  }
  CHECK(name_of(refused) == "unavailable");
  CHECK(most <= kMaxPendingBytes);
  CHECK(most > kMaxPendingBytes / 2);
  for (PendingCommit& one : pending) CHECK_CODE(ok, one.wait());
  // Room again.
  WriteBatch batch = t.batch();
  batch.append_event({.type = "t"});
  CHECK_CODE(ok, t.submit(std::move(batch)).wait());
}

}  // namespace
}  // namespace bcstore
