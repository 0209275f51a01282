// Chat turns: one commit for the message and what it costs, exactly once under retries, and refused
// in the documented order. And the rate limits that stand before the credits.
#include <atomic>
#include <barrier>
#include <thread>

#include "fixture.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

// Three at once, then one a second; ten of each for those whose use is unlimited.
void three_a_second(Options& o) {
  o.rate_limits = {{.name = "chat",
                    .free = {.rate = 1, .period_us = kSecondUs, .burst = 3},
                    .pro = RateLimitPolicy{.rate = 10, .period_us = kSecondUs, .burst = 10}}};
}
struct Chat : World {
  explicit Chat(const Tweak& tweak = {}) : World(tweak) {}
  UserId owner = user("a@x");
  ProjectId project = t().create_project({.name = "P", .idea_prompt = ""}).value();
  ChatSessionId chat = t().start_chat(project).value();

  Tenant t() { return store().tenant(owner); }
  Result<TurnReceipt> turn(std::string_view text, std::string_view key = {}, int32_t cost = 1) {
    return t().chat_turn(chat, {.message = {.role = Role::user, .content = text}, .cost = cost},
                         {.idempotency_key = key});
  }
  Result<TurnReceipt> limited(uint32_t rate_cost = 1, int32_t cost = 1) {
    return t().chat_turn(chat, {.message = {.role = Role::user, .content = "?"},
                                .cost = cost,
                                .rate_limit = "chat",
                                .rate_cost = rate_cost});
  }
  std::optional<int32_t> remaining() { return t().credits().value().remaining; }
  uint64_t messages() { return t().last_seq(chat).value(); }
  size_t entries() {
    return rows_of(t().credit_entries({.limit = kMaxPageRows}),
                   [](const CreditEntry& e) { return e.number(); })
        .size();
  }
  void sound() {
    const CheckReport report = store().check().value();
    for (const auto& v : report.listed) {
      MESSAGE(v.table, ' ', v.key, ' ', v.rule, ": ", v.detail);
    }
    CHECK(report.violations == 0);
  }
};

TEST_CASE("turn: message, events and credits in one commit, and what it answers") {
  Chat w;
  const NewEvent events[] = {{.type = "turn.started", .session = w.chat, .message_seq = 1},
                             {.type = "turn.priced", .payload = "3"}};
  const uint64_t commits = w.commits();
  const TurnReceipt done =
      w.t()
          .chat_turn(w.chat, {.message = {.role = Role::user, .content = "What first?"},
                              .cost = 3,
                              .reason = "a long answer",
                              .events = events,
                              .call = NewCall{.agent = "planner",
                                              .model = "tea-1",
                                              .latency_us = 9,
                                              .cost_micros = 4,
                                              .currency = "EUR"}})
          .value();
  REQUIRE(done.call);
  CHECK(w.t().call(*done.call).value().cost_micros() == 4);
  CHECK(w.t().call(*done.call).value().commit_seq() == done.commit_seq);
  CHECK(w.commits() == commits + 1);
  CHECK(done.commit_seq == w.commits());
  CHECK(done.committed_at == w.clock->now());
  CHECK(done.seq == 1);
  CHECK(done.remaining == 7);
  CHECK_FALSE(done.replayed);
  const ChatMessage message = w.t().message(w.chat, 1).value();
  CHECK(message.id() == done.message);
  CHECK(message.content() == "What first?");
  REQUIRE(done.events.size() == 2);
  CHECK(w.t().event(done.events[0]).value().message_seq() == 1);
  const Event priced = w.t().event(done.events[1]).value();
  CHECK(priced.type() == "turn.priced");
  Cursor<CreditEntry> entry = w.t().credit_entries({.limit = 1});
  REQUIRE(entry.next());
  CHECK(entry->reason() == "a long answer");
  CHECK(entry->commit_seq() == done.commit_seq);
  CHECK_FALSE(w.turn("free", {}, 0).value().remaining);
  CHECK(w.remaining() == 7);
  w.sound();
}

TEST_CASE("turn: the same key is the same turn, in this process and the next") {
  Chat w;
  const TurnReceipt first = w.turn("once", "turn-1").value();
  for (int round = 0; round < 3; ++round) {
    const uint64_t commits = w.commits();
    const TurnReceipt again = w.turn("once", "turn-1").value();
    CHECK(again.replayed);
    CHECK(again.message == first.message);
    CHECK(again.seq == first.seq);
    CHECK(again.remaining == first.remaining);
    CHECK(again.commit_seq == first.commit_seq);
    CHECK(w.commits() == commits);
    CHECK_CODE(conflict, w.turn("another", "turn-1"));
    CHECK_CODE(conflict, w.turn("once", "turn-1", 2));
    w.clock->advance(3600 * kSecondUs);
    w.reopen();
  }
  CHECK(w.messages() == 1);
  CHECK(w.remaining() == 9);
  w.clock->advance(kDayUs);
  CHECK_FALSE(w.turn("once", "turn-1").value().replayed);
  CHECK(w.messages() == 2);
  w.sound();
}

TEST_CASE("turn: a refusal writes nothing and is not remembered") {
  Chat w([](Options& o) { o.initial_credits = 1; });
  w.turn("first").value();
  const uint64_t commits = w.commits();
  const Status refused = w.turn("second", "k").status();
  CHECK(name_of(refused) == "out_of_credits");
  CHECK(refused.remaining() == 0);
  CHECK(w.commits() == commits);
  CHECK(w.messages() == 1);
  w.service().grant_credits(w.owner, {.amount = 1}).value();
  CHECK_FALSE(w.turn("second", "k").value().replayed);
  CHECK(w.turn("second", "k").value().replayed);
  CHECK(w.messages() == 2);
  w.sound();
}

TEST_CASE("turn: what is checked first is answered first") {
  Chat w(three_a_second);
  const NewMessage message{.role = Role::user, .content = "?"};
  const NewMessage unexpected{.role = Role::user, .content = "?", .expected_seq = 7};
  const NewEvent lost[] = {{.type = "t", .project = forged<ProjectId>(9)}};
  for (int i = 0; i < 3; ++i) w.limited().value();
  w.t().consume_credit({.amount = 7}).value();
  // Nothing left of the limit, and no credits: every turn is refused for its first reason.
  const auto turn = [&](ChatSessionId chat, const NewMessage& m, std::span<const NewEvent> e,
                        std::string_view key = {}) {
    return name_of(w.t()
                       .chat_turn(chat, {.message = m, .events = e, .rate_limit = "chat"},
                                  {.idempotency_key = key})
                       .status());
  };
  const uint64_t commits = w.commits();
  CHECK(turn(forged<ChatSessionId>(9), unexpected, lost) == "not_found");
  CHECK(turn(w.chat, unexpected, lost) == "conflict");
  CHECK(turn(w.chat, message, lost) == "not_found");
  CHECK(turn(w.chat, message, {}) == "rate_limited");
  w.clock->advance(5 * kSecondUs);
  CHECK(turn(w.chat, message, {}) == "out_of_credits");
  CHECK(w.commits() == commits);
  CHECK_CODE(invalid_argument,
             w.t().chat_turn(w.chat, {.message = message, .rate_limit = "none of them"}));
  CHECK_CODE(invalid_argument, w.t().chat_turn(w.chat, {.message = message, .cost = -1}));
  CHECK_CODE(failed_precondition,
             w.t().as_agent("planner").chat_turn(w.chat, {.message = message}));
  CHECK(w.commits() == commits);
}

TEST_CASE("concurrent: 64 threads with ten credits make ten turns") {
  Chat w;
  std::barrier start(64);
  std::atomic<int> done{0}, refused{0};
  std::vector<std::thread> threads;
  for (int n = 0; n < 64; ++n) {
    threads.emplace_back([&, n] {
      const Tenant t = w.t();
      start.arrive_and_wait();
      const std::string text = std::to_string(n);
      const auto turn = t.chat_turn(w.chat, {.message = {.role = Role::user, .content = text}},
                                    {.durability = Durability::relaxed, .idempotency_key = text});
      if (turn.ok()) {
        ++done;
      } else if (turn.code() == Code::out_of_credits) {
        ++refused;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(done == 10);
  CHECK(refused == 54);
  CHECK(w.messages() == 10);
  CHECK(w.entries() == 11);
  CHECK(w.remaining() == 0);
  w.sound();
}

TEST_CASE("limit: denied costs no credit, and a refusal for another reason costs no limit") {
  Chat w(three_a_second);
  for (int i = 0; i < 3; ++i) w.limited().value();
  const uint64_t commits = w.commits();
  const Status denied = w.limited().status();
  CHECK(name_of(denied) == "rate_limited");
  CHECK(denied.retry_after_us() == kSecondUs);
  CHECK(denied.operation() == 1);
  CHECK(w.commits() == commits);
  CHECK(w.remaining() == 7);
  w.clock->advance(kSecondUs - 1);
  CHECK(w.limited().status().retry_after_us() == 1);
  w.clock->advance(1);
  for (int i = 0; i < 5; ++i) CHECK_CODE(out_of_credits, w.limited(1, 8));
  w.limited().value();
  CHECK_CODE(rate_limited, w.limited());
  const RateLimitDecision none = w.t().try_acquire("chat").value();
  CHECK_FALSE(none.allowed);
  CHECK(none.retry_after_us == kSecondUs);
  w.clock->advance(2 * kSecondUs);
  CHECK(w.t().try_acquire("chat").value().remaining == 1);
  w.limited().value();
  CHECK_CODE(rate_limited, w.limited());
  CHECK_CODE(invalid_argument, w.limited(4));
  CHECK_CODE(invalid_argument, w.t().try_acquire("chat", 4));
  CHECK_CODE(invalid_argument, w.t().try_acquire("talk"));
  CHECK_CODE(not_found, w.store().tenant(forged<UserId>(5)).try_acquire("chat"));
  w.clock->advance(kSecondUs);
  WriteBatch nothing = w.t().batch();
  nothing.limit_rate("chat");
  CHECK_CODE(invalid_argument, w.t().commit(nothing));
  w.limited().value();
  CHECK_CODE(rate_limited, w.limited());
  // Limits are each owner's own, and an agent uses its owner's.
  CHECK(w.store().tenant(w.user("b@x")).try_acquire("chat", 3).value().allowed);
  w.clock->advance(kSecondUs);
  CHECK(w.t().as_agent("planner").try_acquire("chat").value().allowed);
  CHECK_FALSE(w.t().try_acquire("chat").value().allowed);
}

TEST_CASE("limit: another policy for those whose use is unlimited") {
  Chat w(three_a_second);
  for (int i = 0; i < 3; ++i) w.limited().value();
  CHECK_CODE(rate_limited, w.limited());
  w.service().set_unlimited(w.owner, true).value();
  for (int i = 0; i < 10; ++i) w.limited().value();
  CHECK_CODE(rate_limited, w.limited());
  w.clock->advance(kSecondUs);
  for (int i = 0; i < 10; ++i) w.limited().value();
  CHECK_CODE(rate_limited, w.limited());
  w.service().set_unlimited(w.owner, false).value();
  w.limited().value();
  CHECK_CODE(rate_limited, w.limited());
}

TEST_CASE("limit: another policy for Pro, also where that is not unlimited") {
  Chat w([](Options& o) {
    three_a_second(o);
    o.pro_is_unlimited = false;
  });
  w.service().link_stripe_customer(w.owner, "cus_1").value();
  for (int i = 0; i < 3; ++i) w.limited(1, 0).value();
  CHECK_CODE(rate_limited, w.limited(1, 0));
  BillingEvent event{.kind = BillingEventKind::subscription_created,
                     .event_id = "evt_1",
                     .occurred_at = w.clock->now(),
                     .customer = "cus_1",
                     .subscription = "sub_1",
                     .status = SubscriptionStatus::active};
  CHECK(w.service().apply_billing_event(event).value().outcome == BillingOutcome::applied);
  CHECK(w.remaining() == 10);
  CHECK(w.t().try_acquire("chat").value().remaining == 9);
  for (int i = 0; i < 9; ++i) w.limited(1, 0).value();
  CHECK_CODE(rate_limited, w.limited(1, 0));
  event.kind = BillingEventKind::subscription_deleted;
  event.event_id = "evt_2";
  CHECK(w.service().apply_billing_event(event).value().outcome == BillingOutcome::applied);
  CHECK_FALSE(w.t().try_acquire("chat").value().allowed);
}

TEST_CASE("limit: kept over a close, at most a burst forgiven by a kill, nothing of a strict one") {
  constexpr int64_t kHourUs = 3600 * kSecondUs;
  const auto hourly = [](Options& o) {
    o.rate_limits = {
        {.name = "chat", .free = {.rate = 1, .period_us = kHourUs, .burst = 3}, .strict = false}};
  };
  const auto taken = [](Chat& w) {
    int count = 0;
    while (count < 10 && w.limited(1, 0).ok()) ++count;
    return count;
  };
  Chat w(hourly);
  CHECK(taken(w) == 3);
  w.reopen();
  CHECK(taken(w) == 0);
  w.clock->advance(2 * kHourUs);
  w.reopen();
  CHECK(taken(w) == 2);
  // What try_acquire took is kept by sync(), what turns took by the first commit after a while.
  w.clock->advance(kHourUs);
  CHECK(w.t().try_acquire("chat").value().allowed);
  CHECK(w.store().sync().ok());
  w.kill();
  CHECK(taken(w) == 0);
  w.clock->advance(3 * kHourUs);
  CHECK(taken(w) == 3);
  w.clock->advance(6 * kSecondUs);
  w.turn("the checkpoint rides on this", {}, 0).value();
  w.kill();
  CHECK(taken(w) == 0);
  w.clock->advance(3 * kHourUs);
  CHECK(taken(w) == 3);
  w.kill();
  CHECK(taken(w) <= 3);
  w.sound();

  Chat strict([&](Options& o) {
    hourly(o);
    o.rate_limits[0].strict = true;
  });
  CHECK(taken(strict) == 3);
  strict.kill();
  CHECK(taken(strict) == 0);
  strict.clock->advance(kHourUs);
  CHECK(taken(strict) == 1);
  strict.kill();
  CHECK(taken(strict) == 0);
  strict.sound();
}

TEST_CASE("limit: kept over a close for more owners than are written at once") {
  World w([](Options& o) {
    o.rate_limits = {
        {.name = "chat", .free = {.rate = 1, .period_us = 3600 * kSecondUs, .burst = 1}}};
  });
  std::vector<UserId> owners;
  for (int n = 0; n < 1100; ++n) {
    const std::string email = std::to_string(n) + "@x";
    owners.push_back(
        w.service().create_user({.email = email}, {.durability = Durability::relaxed}).value());
    REQUIRE(w.store().tenant(owners.back()).try_acquire("chat").value().allowed);
  }
  w.reopen();
  int forgiven = 0;
  for (const UserId owner : owners) {
    forgiven += w.store().tenant(owner).try_acquire("chat").value().allowed ? 1 : 0;
  }
  CHECK(forgiven == 0);
}

TEST_CASE("limit: options that are no limits are refused") {
  const auto refused = [](std::vector<RateLimit> limits) {
    World w;
    Options o = w.options;
    o.rate_limits = std::move(limits);
    return name_of(Store::open(w.directory.sub("other"), o).status());
  };
  const RateLimitPolicy good{.rate = 1, .period_us = 1, .burst = 1};
  CHECK(refused({{.name = "a", .free = good}}) == "ok");
  CHECK(refused({{.name = "", .free = good}}) == "invalid_argument");
  CHECK(refused({{.name = "a", .free = good}, {.name = "a", .free = good}}) == "invalid_argument");
  CHECK(refused({{.name = "a", .free = {.rate = 0, .period_us = 1, .burst = 1}}}) ==
        "invalid_argument");
  CHECK(refused({{.name = "a", .free = good, .pro = RateLimitPolicy{}}}) == "invalid_argument");
  std::vector<RateLimit> many;
  for (size_t n = 0; n <= kMaxRateLimits; ++n) {
    many.push_back({.name = std::to_string(n), .free = good});
  }
  CHECK(refused(many) == "invalid_argument");
}

}  // namespace
}  // namespace bcstore
