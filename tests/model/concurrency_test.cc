// Many threads, one store: sequences stay dense, races have one winner, and one thread alone can
// fill a group.
#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "rich.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

constexpr int kThreads = 8;
constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};

// Runs `work(thread)` on all threads at once.
template <class Work>
void in_threads(Work work, int threads = kThreads) {
  std::atomic<int> waiting{threads};
  std::vector<std::thread> running;
  for (int n = 0; n < threads; ++n) {
    running.emplace_back([&, n] {
      --waiting;
      while (waiting.load() > 0) std::this_thread::yield();
      work(n);
    });
  }
  for (std::thread& one : running) one.join();
}

struct Shared : World {
  Shared() : World([](Options& o) { o.group_fill_us = 60; }) {}
  Tenant t = tenant("a@x");
  ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  DocumentId d = t.create_document(p, {.section = Section::prd}).value();
  ChatSessionId chat = t.start_chat(p).value();
};

TEST_CASE("concurrent: eight threads append to one session and one document without gap or fork") {
  Shared w;
  constexpr uint64_t kEach = 60;
  std::mutex mutex;
  std::set<uint64_t> seqs;
  std::set<uint64_t> revs;
  std::atomic<uint64_t> failures{0};
  in_threads([&](int n) {
    const Tenant mine = w.t.as_agent("thread " + std::to_string(n));
    for (uint64_t i = 0; i < kEach; ++i) {
      const std::string text = std::to_string(n) + "." + std::to_string(i);
      const CommitOptions o{.durability = i % 16 == 0 ? Durability::durable : Durability::relaxed};
      const Result<uint64_t> seq =
          mine.append_message(w.chat, {.role = Role::user, .content = text}, o);
      const Result<uint32_t> rev =
          mine.add_revision(w.d, {.content = text, .content_type = ContentType::text}, kRelaxed);
      if (!seq.ok() || !rev.ok()) {
        ++failures;
        continue;
      }
      const std::lock_guard<std::mutex> lock(mutex);
      seqs.insert(*seq);
      revs.insert(*rev);
    }
  });
  CHECK(failures == 0);
  constexpr uint64_t kAll = kThreads * kEach;
  CHECK(seqs.size() == kAll);
  CHECK(revs.size() == kAll);
  CHECK(*seqs.begin() == 1);
  CHECK(*seqs.rbegin() == kAll);
  CHECK(*revs.rbegin() == kAll);
  CHECK(w.t.last_seq(w.chat).value() == kAll);
  CHECK(w.t.document(w.d).value().current_rev() == kAll);
  // Each thread's own rows are in its order.
  std::vector<int> next(kThreads, 0);
  uint64_t expected = 0;
  Cursor<ChatMessage> rows = w.t.messages(w.chat, {.limit = kMaxPageRows});
  while (rows.next()) {
    REQUIRE(rows->seq() == ++expected);
    const std::string text(rows->content());
    const size_t n = static_cast<size_t>(std::stoi(text));
    REQUIRE(text == std::to_string(n) + "." + std::to_string(next[n]++));
  }
  CHECK(expected == kAll);
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("concurrent: eight threads add versions, statuses, locks, activity and task revisions") {
  Shared w;
  const TaskId task = w.t.create_task(w.p, {.title = "T"}).value();
  constexpr uint32_t kEach = 25;
  constexpr uint32_t kAll = kThreads * kEach;
  std::mutex mutex;
  std::set<uint64_t> versions;
  std::set<uint64_t> statuses;
  std::set<uint64_t> locks;
  std::set<uint64_t> activities;
  std::set<uint64_t> revisions;
  in_threads([&](int n) {
    for (uint32_t i = 0; i < kEach; ++i) {
      const uint64_t version = w.t.add_version(w.p, {}, kRelaxed).value();
      const uint64_t status = w.t.set_status(w.p, ProjectStatus::ready, std::nullopt, kRelaxed)
                                  .value()
                                  .operations.at(0)
                                  .number;
      const uint64_t lock_number =
          w.t.set_lock(w.d, n % 2 == 0, std::nullopt, kRelaxed).value().operations.at(0).number;
      const uint64_t activity =
          w.t.record_activity(task, TaskAction::complete, std::nullopt, kRelaxed).value();
      const uint64_t rev = w.t.revise_task(task, {.title = "U"}, kRelaxed).value();
      const std::lock_guard<std::mutex> lock(mutex);
      versions.insert(version);
      statuses.insert(status);
      locks.insert(lock_number);
      activities.insert(activity);
      revisions.insert(rev);
    }
  });
  for (const auto* numbers : {&versions, &statuses, &locks, &activities, &revisions}) {
    CHECK(numbers->size() == kAll);
    CHECK(*numbers->rbegin() - *numbers->begin() == kAll - 1);
  }
  CHECK(*versions.begin() == 2);
  CHECK(w.t.project(w.p).value().current_version() == kAll + 1);
  CHECK(w.t.task(task).value().activity_count() == kAll);
  CHECK(w.t.task(task).value().rev() == kAll + 1);
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE(
    "concurrent: races for a slot, an address, an id, a revision and a customer have one winner") {
  Shared w;
  const Service s = w.service();
  std::vector<UserId> users;
  for (int n = 0; n < kThreads; ++n) users.push_back(w.user("u" + std::to_string(n) + "@x"));
  for (int round = 0; round < 6; ++round) {
    CAPTURE(round);
    w.t.add_version(w.p, {}).value();
    const std::string mail = "race" + std::to_string(round) + "@x";
    const uint32_t rev = w.t.document(w.d).value().current_rev();
    std::atomic<int> slots{0}, mails{0}, ids{0}, revs{0}, customers{0}, strange{0};
    const auto count = [&](Code code, Code loser, std::atomic<int>& wins) {
      if (code == Code::ok) {
        ++wins;
      } else if (code != loser) {
        ++strange;
      }
    };
    in_threads([&](int n) {
      const std::string cased = n % 2 == 0 ? mail : "RACE" + mail.substr(4);
      count(w.t.create_document(w.p, {.section = Section::tech}).code(), Code::already_exists,
            slots);
      count(s.create_user({.email = cased}).code(), Code::already_exists, mails);
      count(w.t.create_task(w.p, {.title = "T", .id = forged<TaskId>(static_cast<uint8_t>(round))})
                .code(),
            Code::already_exists, ids);
      count(w.t.add_revision(w.d, {.content = "1", .expected_rev = rev}).code(), Code::conflict,
            revs);
      if (round == 0) {
        count(s.link_stripe_customer(users[static_cast<size_t>(n)], "cus").code(),
              Code::already_exists, customers);
      }
    });
    CHECK(slots == 1);
    CHECK(mails == 1);
    CHECK(ids == 1);
    CHECK(revs == 1);
    CHECK(customers == (round == 0 ? 1 : 0));
    CHECK(strange == 0);
  }
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("concurrent: one request with one key is done once by however many threads") {
  Shared w;
  for (int round = 0; round < 10; ++round) {
    const std::string key = "k" + std::to_string(round);
    std::mutex mutex;
    std::set<uint64_t> answers;
    in_threads([&](int) {
      const uint64_t seq =
          w.t.append_message(w.chat, {.role = Role::user, .content = key}, {.idempotency_key = key})
              .value();
      const std::lock_guard<std::mutex> lock(mutex);
      answers.insert(seq);
    });
    CHECK(answers.size() == 1);
  }
  CHECK(w.t.last_seq(w.chat).value() == 10);
}

TEST_CASE("concurrent: a commit is seen by every read that begins after its answer") {
  Shared w;
  std::atomic<uint64_t> acknowledged{0};
  std::atomic<bool> done{false};
  std::atomic<uint64_t> stale{0};
  std::atomic<uint64_t> reads{0};
  in_threads(
      [&](int n) {
        if (n == 0) {
          for (int i = 0; i < 400; ++i) {
            acknowledged =
                w.t.append_message(w.chat, {.role = Role::user, .content = "m"}, kRelaxed).value();
          }
          done = true;
          return;
        }
        uint64_t seen_before = 0;
        while (!done) {
          const uint64_t at_least = acknowledged.load();
          uint64_t seen = 0;
          if (n % 3 == 0) {
            seen = w.t.last_seq(w.chat).value();
          } else if (n % 3 == 1) {
            Cursor<ChatMessage> newest = w.t.messages(w.chat, {.newest_first = true, .limit = 1});
            if (newest.next()) seen = newest->seq();
          } else if (at_least > 0) {
            seen = w.t.message(w.chat, at_least).ok() ? at_least : 0;
          }
          // Read-your-writes across threads, and monotonic reads.
          if (seen < at_least || seen < seen_before) ++stale;
          seen_before = seen;
          ++reads;
        }
      },
      4);
  CHECK(stale == 0);
  CHECK(reads > 0);
}

TEST_CASE("concurrent: one thread fills groups with submit and drive") {
  Shared w;
  const StoreStats start = w.store().stats();
  constexpr size_t kCommits = 200;
  std::vector<PendingCommit> pending;
  for (size_t i = 0; i < kCommits; ++i) {
    WriteBatch batch = w.t.batch();
    batch.append_message(w.chat, {.role = Role::user, .content = std::to_string(i)});
    // One in ten is refused, and takes nobody with it.
    if (i % 10 == 9) batch.add_version(forged<ProjectId>(1), {});
    pending.push_back(w.t.submit(std::move(batch)));
  }
  CHECK_FALSE(pending.back().ready());
  CHECK_CODE(ok, w.store().drive());
  uint64_t seq = 0;
  uint64_t last_commit = 0;
  for (size_t i = 0; i < kCommits; ++i) {
    CHECK(pending[i].ready());
    const Result<Receipt> done = pending[i].wait();
    if (i % 10 == 9) {
      CHECK(done.code() == Code::not_found);
      continue;
    }
    REQUIRE(done.ok());
    CHECK(done->operations.at(0).number == ++seq);
    CHECK(done->commit_seq > last_commit);
    last_commit = done->commit_seq;
  }
  const StoreStats now = w.store().stats();
  CHECK(now.commits - start.commits == kCommits * 9 / 10);
  CHECK(now.groups - start.groups < (now.commits - start.commits) / 4);
  CHECK(now.syncs - start.syncs <= now.groups - start.groups);
  CHECK(w.t.last_seq(w.chat).value() == seq);
  CHECK_CODE(ok, w.store().drive());  // nothing left to do
}

TEST_CASE("concurrent: a callback is called once, and may hand in more") {
  Shared w;
  int calls = 0;
  uint64_t last = 0;
  std::function<void(int)> send = [&](int left) {
    WriteBatch batch = w.t.batch();
    batch.append_message(w.chat, {.role = Role::user, .content = std::to_string(left)});
    w.t.submit(std::move(batch), kRelaxed, [&, left](Result<Receipt> done) {
      ++calls;
      REQUIRE(done.ok());
      last = done->operations.at(0).number;
      if (left > 0) send(left - 1);
    });
  };
  send(5);
  CHECK(calls == 0);
  for (int i = 0; i < 10; ++i) CHECK_CODE(ok, w.store().drive());
  CHECK(calls == 6);
  CHECK(last == 6);
  // A refusal is told as well, and a bad batch never waits for a group to be told.
  std::vector<Code> codes;
  for (const ProjectId& project : {forged<ProjectId>(1), ProjectId()}) {
    WriteBatch batch = w.t.batch();
    batch.add_version(project, {});
    w.t.submit(std::move(batch), {}, [&](Result<Receipt> done) { codes.push_back(done.code()); });
  }
  CHECK_CODE(ok, w.store().drive());
  std::sort(codes.begin(), codes.end());
  CHECK(codes == std::vector<Code>{Code::not_found, Code::invalid_argument});
}

TEST_CASE("concurrent: several threads wait for what one handed in") {
  Shared w;
  for (int round = 0; round < 10; ++round) {
    std::vector<PendingCommit> pending;
    for (int n = 0; n < kThreads; ++n) {
      WriteBatch batch = w.t.batch();
      batch.append_message(w.chat, {.role = Role::user, .content = "m"});
      pending.push_back(w.t.submit(std::move(batch)));
    }
    std::atomic<int> good{0};
    in_threads([&](int n) { good += pending[static_cast<size_t>(n)].wait().ok() ? 1 : 0; });
    CHECK(good == kThreads);
  }
  CHECK(w.t.last_seq(w.chat).value() == 10 * kThreads);
}

TEST_CASE("concurrent: what was handed in is committed by close, and by the destructor") {
  World w;
  const UserId owner = w.user("a@x");
  for (const bool by_close : {true, false}) {
    CAPTURE(by_close);
    const uint64_t before = w.store().tenant(owner).owner_seq().value();
    std::vector<PendingCommit> pending;
    int calls = 0;
    for (int i = 0; i < 5; ++i) {
      const Tenant t = w.store().tenant(owner);
      WriteBatch batch = t.batch();
      batch.append_event({.type = "t"});
      if (i < 2) {
        pending.push_back(t.submit(std::move(batch)));
      } else if (i < 4) {
        t.submit(std::move(batch), {}, [&](const Result<Receipt>& done) { calls += done.ok(); });
      } else {
        static_cast<void>(t.submit(std::move(batch)));  // dropped, not cancelled
      }
    }
    if (by_close) CHECK_CODE(ok, w.store().close());
    w.held.reset();
    CHECK(calls == 2);
    for (PendingCommit& one : pending) {
      CHECK(one.ready());
      CHECK_CODE(ok, one.wait());
    }
    pending.clear();
    w.open();
    CHECK(w.store().tenant(owner).owner_seq().value() == before + 5);
  }
}

TEST_CASE("concurrent: sixty-five thousand may be outstanding, one more is unavailable") {
  Shared w;
  std::vector<PendingCommit> pending;
  pending.reserve(kMaxPending + 1);
  for (size_t i = 0; i < kMaxPending; ++i) {
    // Refused by the store, so that executing them costs little.
    WriteBatch batch = w.t.batch();
    batch.set_lock(forged<DocumentId>(1), true);
    pending.push_back(w.t.submit(std::move(batch), kRelaxed));
  }
  WriteBatch batch = w.t.batch();
  batch.set_lock(w.d, true);
  PendingCommit one_more = w.t.submit(std::move(batch), kRelaxed);
  CHECK(one_more.ready());
  CHECK_CODE(unavailable, one_more.wait());
  CHECK_CODE(ok, w.store().drive());
  size_t refused = 0;
  for (PendingCommit& one : pending) refused += one.wait().code() == Code::not_found ? 1u : 0u;
  CHECK(refused == kMaxPending);
  CHECK_CODE(ok, w.t.append_event({.type = "t"}));
}

TEST_CASE("concurrent: reads, lists, checks and snapshots go on while eight threads write") {
  Shared w;
  const Rich rich = enrich(w.store(), w.user("b@x"), "b");
  const Tenant b = w.store().tenant(rich.owner);
  std::atomic<int> writing{4};
  std::atomic<uint64_t> wrong{0};
  in_threads([&](int n) {
    if (n < 4) {
      for (int i = 0; i < 40; ++i) {
        if (!b.append_message(rich.quiet, {.role = Role::user, .content = "m"}, kRelaxed).ok())
          ++wrong;
        if (!b.add_revision(rich.document, {.content = "1"}, kRelaxed).ok()) ++wrong;
      }
      --writing;
      return;
    }
    while (writing > 0) {
      // The cursor is one view: dense to its end.
      uint64_t seq = 0;
      Cursor<ChatMessage> rows = b.messages(rich.quiet, {.limit = kMaxPageRows});
      while (rows.next()) wrong += rows->seq() == ++seq ? 0u : 1u;
      if (!rows.status().ok()) ++wrong;
      const Snapshot snapshot = b.snapshot().value();
      const ReadOptions at{.snapshot = &snapshot};
      const uint32_t rev = b.document(rich.document, at).value().current_rev();
      if (b.newest_revision(rich.document, at).value().rev() != rev) ++wrong;
      if (n == 4 && w.store().check().value().violations != 0) ++wrong;
    }
  });
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace bcstore
