// The cache of sessions' last messages: what it answers is what the store has, whatever was
// appended, refused, failed or thrown out in between; and no reader goes back in time.
#include "model/tail_cache.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <random>
#include <thread>

#include "engine/disturbed_files.h"
#include "engine_world.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};

struct Talk : EngineWorld {
  explicit Talk(const Tweak& tweak = {}) : EngineWorld(tweak) {}
  Tenant t = tenant("a@x");
  ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  ChatSessionId chat = t.start_chat(p).value();

  void say(const std::string& text) {
    t.append_message(chat, {.role = Role::user, .content = text}, kRelaxed).value();
  }
  // The last messages, newest first, as "seq:text@time".
  std::vector<std::string> last(uint32_t count, const Snapshot* at = nullptr) {
    return list({.newest_first = true, .limit = count, .snapshot = at});
  }
  std::vector<std::string> list(const MessageList& how) {
    return rows_of(t.messages(chat, how), [](const ChatMessage& m) {
      return std::to_string(m.seq()) + ":" + std::string(m.content()) + "@" +
             std::to_string(m.created_at().us) + m.actor().name;
    });
  }
  // The same from the engine: a list that starts at a sequence is never answered by the cache.
  std::vector<std::string> stored(uint32_t count, const Snapshot* at = nullptr) {
    constexpr uint64_t kEnd = uint64_t{1} << 62;
    return list({.newest_first = true, .limit = count, .from_seq = kEnd, .snapshot = at});
  }
  // Whether the engine was asked for it.
  bool scans(uint32_t count) {
    return !ask([&] { last(count); }).scans.empty();
  }
};

size_t ask_of(Talk& w, const std::function<void()>& read) { return w.ask(read).scans.size(); }

TEST_CASE("tails: read once, then answered without the engine, and kept up by appends") {
  Talk w;
  for (int i = 0; i < 70; ++i) w.say("m" + std::to_string(i));
  CHECK(w.scans(50));
  CHECK_FALSE(w.scans(50));
  CHECK(w.last(50) == w.stored(50));
  for (int i = 0; i < 200; ++i) {
    w.say("n" + std::to_string(i));
    CHECK_FALSE(w.scans(50));
    REQUIRE(w.last(50) == w.stored(50));
  }
  // Longer than what it knows: read again, and again too long for any tail.
  CHECK(w.last(90) == w.stored(90));
  CHECK(w.scans(200));
  CHECK(w.scans(200));
  CHECK(w.last(200) == w.stored(200));
  CHECK(w.last(1) == w.stored(1));
}

TEST_CASE("tails: a short session is known to be whole, and an empty one is asked for each time") {
  Talk w;
  CHECK(w.last(10).empty());
  CHECK(w.scans(10));
  w.say("one");
  CHECK(w.last(10).size() == 1);
  CHECK_FALSE(w.scans(10));
  CHECK_FALSE(w.scans(1000));
  w.say("two");
  CHECK(w.last(1000) == w.stored(1000));
  CHECK_FALSE(w.scans(1000));
  // Tokens go on where the page ended.
  Cursor<ChatMessage> page = w.t.messages(w.chat, {.newest_first = true, .limit = 1});
  REQUIRE(page.next());
  const std::string token = page.token();
  CHECK_FALSE(page.next());
  Cursor<ChatMessage> rest = w.t.messages(w.chat, {.newest_first = true, .after = token});
  REQUIRE(rest.next());
  CHECK(rest->seq() == 1);
  CHECK_FALSE(rest.next());
}

TEST_CASE("tails: months, imports, agents and batches") {
  Talk w;
  w.say("first");
  w.last(50);
  w.clock->advance(40 * kDayUs);
  w.t.as_agent("bot").append_message(w.chat, {.role = Role::assistant, .content = "later"}).value();
  CHECK_FALSE(w.scans(50));
  CHECK(w.last(50) == w.stored(50));
  Importer i = w.service("load").importer(w.t.owner());
  const Importer::Row row{.created_at = Time{kStartUs}, .actor = Actor::of_user(w.t.owner())};
  for (uint64_t seq : {uint64_t{3}, uint64_t{4}, uint64_t{9}, uint64_t{3}}) {
    i.message(w.chat, seq, MessageId(), {.role = Role::user, .content = "i"}, row);
  }
  CHECK(i.commit().value().size() == 4);
  CHECK(w.last(50) == w.stored(50));
  CHECK(w.last(50).size() == 4);
  // A batch with a refusal behind its messages leaves nothing.
  WriteBatch batch = w.t.batch();
  batch.append_message(w.chat, {.role = Role::user, .content = "never"});
  batch.rename_chat(forged<ChatSessionId>(9), "n");
  CHECK_CODE(not_found, w.t.commit(batch));
  CHECK(w.last(50) == w.stored(50));
  CHECK(w.last(50).size() == 4);
  WriteBatch two = w.t.batch();
  two.append_message(w.chat, {.role = Role::user, .content = "a"});
  two.append_message(w.chat, {.role = Role::user, .content = "b"});
  w.t.commit(two).value();
  CHECK(w.last(50) == w.stored(50));
  CHECK(w.last(50).size() == 6);
  // Another owner's session of that id is another session.
  const Tenant b = w.tenant("b@x");
  CHECK_CODE(not_found, b.messages(w.chat, {.newest_first = true}));
}

TEST_CASE("tails: what could not be written is not shown") {
  const auto files = std::make_shared<engine::DisturbedFiles>();
  Talk w([&](Options& o) { o.file_system = files; });
  for (int i = 0; i < 5; ++i) w.say("kept");
  CHECK(w.last(50).size() == 5);
  files->set_free_space(0);
  CHECK_CODE(no_space,
             w.t.append_message(w.chat, {.role = Role::user, .content = "no room"}, kRelaxed));
  CHECK(w.last(50) == w.stored(50));
  CHECK(w.last(50).size() == 5);
  files->set_free_space(std::nullopt);
  w.say("room");
  CHECK(w.last(50) == w.stored(50));
  files->fail_at(1, Code::io_error, true);
  CHECK_CODE(unknown_outcome, w.t.append_message(w.chat, {.role = Role::user, .content = "lost"}));
  CHECK(w.last(50) == w.stored(50));
}

TEST_CASE("tails: a closed store answers closed, not from memory") {
  Talk w;
  w.say("one");
  w.last(50);
  CHECK_CODE(ok, w.store().close());
  CHECK_CODE(closed, w.t.messages(w.chat, {.newest_first = true}));
}

TEST_CASE("tails: a child after fork is told so, and its cursors go without waiting") {
  Talk w;
  ChatSessionId other = w.t.start_chat(w.p).value();
  for (int i = 0; i < 40; ++i) {
    w.say("m");
    w.t.append_message(other, {.role = Role::user, .content = "m"}, kRelaxed).value();
  }
  w.last(40);
  auto reading = std::make_unique<Cursor<ChatMessage>>(
      w.t.messages(w.chat, {.newest_first = true, .limit = 40}));
  REQUIRE(reading->next());
  auto filling = std::make_unique<Cursor<ChatMessage>>(
      w.t.messages(other, {.newest_first = true, .limit = 40}));
  REQUIRE(filling->next());
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::alarm(60);
    while (reading->next()) {
    }
    const bool told = reading->status().code() == Code::wrong_process;
    Cursor<ChatMessage> later = w.t.messages(w.chat, {.newest_first = true});
    const bool later_told = !later.next() && later.status().code() == Code::wrong_process;
    filling.reset();
    reading.reset();
    ::_exit(told && later_told ? 77 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 77));
  while (filling->next()) {
  }
  CHECK(filling->status().ok());
}

TEST_CASE("tails: under a snapshot, what it sees and nothing later") {
  Talk w;
  for (int i = 0; i < 30; ++i) w.say("m" + std::to_string(i));
  {
    const Snapshot cold = w.t.snapshot().value();
    CHECK(w.last(10, &cold) == w.stored(10, &cold));
    CHECK_FALSE(w.scans(10));  // that reading made it known
    CHECK(ask_of(w, [&] { w.last(10, &cold); }) == 0);
    w.say("later");
    CHECK(w.last(10, &cold) == w.stored(10, &cold));
    CHECK(w.last(10, &cold) != w.last(10));
    CHECK(w.last(10) == w.stored(10));
  }
  const Snapshot now = w.t.snapshot().value();
  CHECK(w.last(10, &now) == w.last(10));
}

TEST_CASE("tails: bounded in bytes, and the one that was not asked for longest goes") {
  using model::TailCache;
  TailCache cache(16 * size_t{64} << 10);
  format::Draft draft(format::Kind::message, std::string(64, 'm'), std::string(1000, 't'),
                      format::Coding::plain);
  const std::string_view value = draft.seal(std::string(45, 'k'));
  const auto id_of = [](uint8_t n) {
    TailCache::Id id;
    id.session.bytes.fill(n);
    return id;
  };
  for (int round = 0; round < 3; ++round) {
    for (int n = 0; n < 250; ++n) {
      const TailCache::Id id = id_of(static_cast<uint8_t>(n));
      TailCache::Fill fill = cache.begin_fill(id);
      for (uint64_t seq = 50; seq > 10; --seq) fill.add(seq, 202509, value);
      fill.keep(false);
      CHECK(cache.bytes() <= 16 * size_t{64} << 10);
      const TailCache::View view = cache.view(id, 30);
      REQUIRE(view);
      CHECK(view.last == 50);
      CHECK(view.first == 21);
      CHECK(view.row(21).value.tail() == std::string(1000, 't'));
    }
  }
  CHECK(cache.bytes() > 4 * size_t{64} << 10);
  // One that is larger than its part of the budget is not kept.
  TailCache small(16 * 2048);
  TailCache::Fill fill = small.begin_fill(id_of(1));
  for (uint64_t seq = 50; seq > 10; --seq) fill.add(seq, 202509, value);
  fill.keep(false);
  CHECK_FALSE(small.view(id_of(1), 1));
  CHECK(small.bytes() == 0);
}

TEST_CASE("tails: a fill is spoilt by an append, before, within and after it") {
  using model::TailCache;
  const format::Draft message(format::Kind::message, std::string(64, 'm'), "t",
                              format::Coding::plain);
  format::Draft sealed = message.clone();
  const std::string value(sealed.seal(std::string(45, 'k')));
  const TailCache::Id id;
  const auto filled = [&](TailCache::Fill& fill) {
    fill.add(2, 202509, value);
    fill.add(1, 202509, value);
    fill.keep(true);
  };
  for (int order = 0; order < 3; ++order) {
    CAPTURE(order);
    TailCache cache(size_t{1} << 20);
    TailCache::Fill fill;
    if (order == 0) fill = cache.begin_fill(id);
    cache.begin_append(id);
    if (order == 1) fill = cache.begin_fill(id);
    if (order == 0) filled(fill);
    CHECK_FALSE(cache.view(id, 1));
    format::Draft three = message.clone();
    cache.append(id, 3, 202509, three);
    cache.end_append(id, true);
    CHECK_FALSE(cache.view(id, 1));
    if (order == 1) CHECK_FALSE(fill.is_open());
    // Afterwards it may be filled again.
    TailCache::Fill again = cache.begin_fill(id);
    REQUIRE(again.is_open());
    CHECK_FALSE(cache.begin_fill(id).is_open());
    filled(again);
    CHECK(cache.view(id, 9).first == 1);
    cache.begin_append(id);
    cache.begin_append(id);
    cache.append(id, 3, 202509, three);
    cache.end_append(id, true);
    CHECK_FALSE(cache.view(id, 9));  // the second append is not over
    cache.end_append(id, order != 2);
    CHECK(static_cast<bool>(cache.view(id, 9)) == (order != 2));
  }
}

TEST_CASE("concurrent: readers of a session that is written to never go back") {
  Talk w;
  const uint64_t seed = seed_from_environment(std::random_device()());
  MESSAGE("seed ", seed);
  std::vector<ChatSessionId> chats = {w.chat, w.t.start_chat(w.p).value()};
  std::atomic<bool> done{false};
  std::atomic<int> faults{0};
  std::vector<std::thread> threads;
  for (unsigned n = 0; n < 3; ++n) {
    threads.emplace_back([&, n] {
      std::mt19937_64 random(seed + n);
      for (int i = 0; i < 400; ++i) {
        const NewMessage message{.role = Role::user, .content = "m"};
        if (!w.t.append_message(chats[random() % 2], message, kRelaxed).ok()) ++faults;
      }
      done = true;
    });
  }
  for (unsigned n = 0; n < 4; ++n) {
    threads.emplace_back([&, n] {
      std::mt19937_64 random(seed * 31 + n);
      while (!done) {
        const ChatSessionId chat = chats[random() % 2];
        const uint64_t known = w.t.last_seq(chat).value();
        Cursor<ChatMessage> rows =
            w.t.messages(chat, {.newest_first = true, .limit = 1 + random() % 60});
        uint64_t expected = 0;
        while (rows.next()) {
          if (expected == 0 && rows->seq() < known) ++faults;
          if (expected != 0 && rows->seq() != expected) ++faults;
          expected = rows->seq() - 1;
        }
        if (!rows.status().ok()) ++faults;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(faults == 0);
  for (const ChatSessionId chat : chats) {
    w.chat = chat;
    CHECK(w.last(90) == w.stored(90));
  }
}

}  // namespace
}  // namespace bcstore
