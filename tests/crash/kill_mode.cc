// The process that kills: it spawns writers, keeps their acknowledgements, and looks at what they
// left. Writers are new processes and not forks, since a fork inherits none of RocksDB's threads.
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "crash/modes.h"

namespace bcstore::crash {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr uint64_t kRoundsPerStore = 10;
constexpr std::chrono::seconds kHung{60};

// When a child is killed: at so many acknowledgements, or after so long, whatever is first.
struct Sentence {
  uint64_t acks = 0;
  std::chrono::microseconds after{};
};

struct Totals {
  uint64_t acked_durable = 0;
  uint64_t acked_relaxed = 0;
  uint64_t refused = 0;
  uint64_t retried = 0;
  uint64_t killed = 0;
  uint64_t ended_alone = 0;  // finished before their time
  uint64_t looks = 0;
  Tally tally;
};

class Child {
 public:
  // False when it cannot be started.
  bool spawn(const std::vector<std::string>& arguments) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    std::vector<char*> argv;
    for (const std::string& argument : arguments)
      argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], kReportFd);
    const int failed =
        ::posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    report_ = ends[0];
    if (failed != 0) ::close(report_);
    return failed == 0;
  }

  // Reads reports until the child is to be killed or ends, kills it, and reads what is left.
  Verdict live(const Sentence& sentence, Ledger* ledger, Totals* totals) {
    Verdict verdict;
    const auto begun = SteadyClock::now();
    bool killed = sentence.acks == 0 && sentence.after.count() == 0;
    if (killed) ::kill(pid_, SIGKILL);
    while (true) {
      const auto passed = SteadyClock::now() - begun;
      const bool due = acks_ >= sentence.acks || passed >= sentence.after;
      if (!killed && due) {
        ::kill(pid_, SIGKILL);
        killed = true;
      }
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(sentence.after - passed);
      pollfd waiting{report_, POLLIN, 0};
      const int wait_ms = killed ? -1 : static_cast<int>(std::max<int64_t>(0, left.count())) + 1;
      ::poll(&waiting, 1, wait_ms);
      if (waiting.revents != 0 && !read_report(ledger, totals)) break;
    }
    ::close(report_);
    int how = 0;
    while (::waitpid(pid_, &how, 0) < 0 && errno == EINTR) {
    }
    const bool by_us = WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL;
    if (!by_us && !(WIFEXITED(how) && WEXITSTATUS(how) == 0)) {
      verdict.add(&verdict.violations, fmt::format("the child ended with status {:#x}", how));
    }
    if (by_us && SteadyClock::now() - begun >= kHung) {
      verdict.add(&verdict.violations, "the child hung");
    }
    ++(by_us ? totals->killed : totals->ended_alone);
    return verdict;
  }

 private:
  bool read_report(Ledger* ledger, Totals* totals) {
    char buffer[16 << 10];
    const ssize_t got = ::read(report_, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) return true;
    if (got <= 0) return false;
    unread_.append(buffer, static_cast<size_t>(got));
    std::string_view bytes = unread_;
    while (auto entry = take_entry(&bytes)) {
      ledger->take(*entry);
      if (entry->kind == Entry::Kind::refused) ++totals->refused;
      if (entry->kind != Entry::Kind::acked) continue;
      ++acks_;
      const Record& record = ledger->records()[entry->ack.plan];
      ++(record.plan.is_durable ? totals->acked_durable : totals->acked_relaxed);
    }
    unread_.erase(0, unread_.size() - bytes.size());
    return true;
  }

  pid_t pid_ = -1;
  int report_ = -1;
  uint64_t acks_ = 0;
  std::string unread_;
};

// Some are killed at their first steps, when the store is just being opened, and a few may finish.
Sentence random_sentence(Random& random) {
  const uint64_t roll = random.below(100);
  if (roll < 4) return {};
  if (roll < 22) return {~uint64_t{0}, std::chrono::microseconds(random.below(60'000))};
  if (roll < 28) return {~uint64_t{0}, kHung};
  return {random.between(1, random.percent(50) ? 40 : 250), kHung};
}

// One store and the ledger of what was written to it over several rounds.
class Victim {
 public:
  explicit Victim(const RunOptions& options) : options_(options) {}
  void keep() { scratch_.keep(); }
  const std::string& path() const { return scratch_.path(); }

  Verdict round(uint64_t round, bool look, Totals* totals) {
    Random random(Random::derive(options_.seed, round * 2 + 1));
    std::string owners;
    for (UserId owner : ledger_.owners()) owners += to_string(owner) + ",";
    std::vector<std::string> arguments = {"bcstore_crash",
                                          "--child",
                                          store_path(),
                                          "--seed",
                                          std::to_string(options_.seed),
                                          "--round",
                                          std::to_string(round),
                                          "--owners",
                                          owners};
    if (options_.plant) arguments.emplace_back("--hoard");
    Verdict verdict;
    Child child;
    if (!child.spawn(arguments)) {
      verdict.add(&verdict.violations, "the child cannot be started");
      return verdict;
    }
    verdict.merge(child.live(random_sentence(random), &ledger_, totals));
    if (look) verdict.merge(inspect(random, round, totals));
    return verdict;
  }

 private:
  std::string store_path() const { return scratch_.path() + "/store"; }

  // Everything in flight that carries a key, and a few that were acknowledged.
  std::vector<uint64_t> retry_candidates(Random& random) {
    std::vector<uint64_t> pending;
    std::vector<uint64_t> acked;
    for (const auto& [id, record] : ledger_.records()) {
      if (record.plan.key.empty()) continue;
      if (record.state == Record::State::pending) pending.push_back(id);
      if (record.state == Record::State::acked) acked.push_back(id);
    }
    for (size_t i = 0; i < 3 && !acked.empty(); ++i) {
      pending.push_back(acked[random.below(acked.size())]);
    }
    return pending;
  }

  Verdict inspect(Random& random, uint64_t round, Totals* totals) {
    Verdict verdict;
    ++totals->looks;
    auto opened = Store::open(store_path(), random_options(random, round));
    if (!opened.ok()) {
      verdict.add(&verdict.violations, "it does not open: " + opened.status().to_string());
      return verdict;
    }
    Store store = *std::move(opened);
    const std::vector<uint64_t> candidates = retry_candidates(random);
    verdict.merge(verify(store, After::kill, &ledger_, &totals->tally));
    uint64_t retried = 0;
    verdict.merge(retry(store, candidates, &ledger_, &retried));
    totals->retried += retried;
    if (retried > 0) verdict.merge(verify(store, After::kill, &ledger_, &totals->tally));
    if (Status closed = store.close(); !closed.ok()) {
      verdict.add(&verdict.violations, "it does not close: " + closed.to_string());
    }
    return verdict;
  }

  RunOptions options_;
  Scratch scratch_;
  Ledger ledger_;
};

}  // namespace

Verdict run_kills(const RunOptions& options) {
  Totals totals;
  Verdict all;
  std::unique_ptr<Victim> victim;
  // Children that end by themselves are looked at as well, but are no kills.
  const uint64_t last_round = options.rounds * 2;
  for (uint64_t round = 1; round <= last_round && totals.killed < options.rounds; ++round) {
    const bool first = (round - 1) % kRoundsPerStore == 0;
    const bool last = round % kRoundsPerStore == 0 || totals.killed + 1 == options.rounds;
    // A store is the work of its rounds: one round alone takes those before it along.
    if (options.only != 0 &&
        (round - 1) / kRoundsPerStore != (options.only - 1) / kRoundsPerStore) {
      continue;
    }
    if (first) victim = std::make_unique<Victim>(options);
    Random random(Random::derive(options.seed ^ 0x6C6F6F6B, round));
    const Verdict verdict = victim->round(round, last || random.percent(75), &totals);
    if (!verdict.clean()) {
      print_details(fmt::format("kill {}", round), verdict);
      if (options.keep) {
        victim->keep();
        fmt::print("  kept: {}\n", victim->path());
      }
    }
    all.merge(verdict);
    if (options.plant && all.lost > 0) break;
    if (round == options.only) break;
  }
  fmt::print("acknowledged {} durable and {} relaxed, refused {}, looked {} times\n",
             totals.acked_durable, totals.acked_relaxed, totals.refused, totals.looks);
  fmt::print("in flight: {} landed, {} did not; {} retried; {} children ended by themselves\n",
             totals.tally.landed, totals.tally.vanished, totals.retried, totals.ended_alone);
  fmt::print("kills {}: lost {}, torn {}, violations {}\n", totals.killed, all.lost, all.torn,
             all.violations);
  if (options.only == 0 && !options.plant && totals.killed < options.rounds) {
    all.add(&all.violations, "too many children ended before they were killed");
    fmt::print("{}\n", all.details.back());
  }
  return all;
}

}  // namespace bcstore::crash
