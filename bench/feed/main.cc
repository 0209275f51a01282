// How long it takes from a commit to a reader that waits for it, in another thread.
//
//   bcstore_feed_latency [--seconds S] [--writers N] [--pause US] [--durable]
//
// Writers append events and note when each call of commit began and returned, by commit number. A
// service follows the feed of everybody, and each writer's owner has a follower of its own. What is
// printed is the time until a follower had the entry in its hands, from the beginning of the commit
// and from its return; a follower that was there before the writer counts as 0.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bcstore/bcstore.h"
#include "histogram.h"

namespace bcstore::bench {
namespace {

constexpr size_t kMostCommits = size_t{1} << 22;
constexpr int64_t kWaitUs = 100'000;

uint64_t now_ns() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

struct Settings {
  uint64_t seconds = 5;
  uint64_t writers = 1;
  uint64_t pause_us = 500;  // between two commits of a writer
  bool is_durable = false;
};

// When the commit with this number began and returned, by the steady clock.
struct Moment {
  std::atomic<uint64_t> began{0}, returned{0};
};

struct Run {
  Settings settings;
  std::vector<Moment> moments = std::vector<Moment>(kMostCommits);
  std::atomic<bool> ends{false};
  std::atomic<uint64_t> commits{0};
};

void write(Run& run, const Tenant& tenant) {
  const Durability durability = run.settings.is_durable ? Durability::durable : Durability::relaxed;
  while (!run.ends) {
    WriteBatch batch = tenant.batch();
    batch.append_event({.type = "t"});
    const uint64_t began = now_ns();
    const Result<Receipt> receipt = tenant.commit(batch, {.durability = durability});
    const uint64_t returned = now_ns();
    if (!receipt || receipt->commit_seq >= kMostCommits) return;
    Moment& moment = run.moments[receipt->commit_seq];
    moment.began = began;
    moment.returned = returned;
    ++run.commits;
    std::this_thread::sleep_for(std::chrono::microseconds(run.settings.pause_us));
  }
}

struct Seen {
  uint64_t seq, at_ns;
};

template <class View>
void follow(Run& run, const View& view, uint64_t after, std::vector<Seen>* seen) {
  while (!run.ends) {
    if (!view.wait_feed(after, kWaitUs).ok()) return;
    const Result<FeedPage> page = view.feed({.after_seq = after, .limit = kMaxPageRows});
    const uint64_t at = now_ns();
    if (!page) return;
    for (const FeedEntry& entry : page->entries) seen->push_back({entry.commit_seq, at});
    after = page->end_seq;
  }
}

void report(const Run& run, std::string_view who, const std::vector<std::vector<Seen>>& all) {
  Histogram from_begin, from_return;
  for (const std::vector<Seen>& one : all) {
    for (const Seen& seen : one) {
      if (seen.seq >= kMostCommits) continue;
      const Moment& moment = run.moments[seen.seq];
      if (moment.began == 0) continue;
      from_begin.record(seen.at_ns - std::min<uint64_t>(seen.at_ns, moment.began));
      from_return.record(seen.at_ns - std::min<uint64_t>(seen.at_ns, moment.returned));
    }
  }
  const auto line = [&](std::string_view what, const Histogram& h) {
    fmt::print("{:<12} {:<12} {:>9} entries  p50 {:>8.1f} us  p99 {:>8.1f} us  p99.9 {:>8.1f} us\n",
               who, what, h.total(), h.percentile_us(0.5), h.percentile_us(0.99),
               h.percentile_us(0.999));
  };
  line("from begin", from_begin);
  line("from return", from_return);
}

int measure(const Settings& settings) {
  Run run;
  run.settings = settings;
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / fmt::format("bcstore-feed-{}", now_ns());
  {
    Result<Store> store = Store::open(directory.string());
    if (!store) {
      fmt::print(stderr, "{}\n", store.status().to_string());
      return 1;
    }
    std::vector<Tenant> tenants;
    for (uint64_t i = 0; i < settings.writers; ++i) {
      const std::string email = fmt::format("{}@x", i);
      const Result<UserId> user = store->service("bench").create_user({.email = email});
      if (!user) return 1;
      tenants.push_back(store->tenant(*user));
    }
    const Service service = store->service("bench");
    const uint64_t start = store->stats().last_commit_seq;
    std::vector<std::vector<Seen>> whole(1), own(settings.writers);
    std::vector<std::thread> threads;
    threads.emplace_back([&] { follow(run, service, start, whole.data()); });
    for (uint64_t i = 0; i < settings.writers; ++i) {
      threads.emplace_back([&, i] { follow(run, tenants[i], start, &own[i]); });
      threads.emplace_back([&, i] { write(run, tenants[i]); });
    }
    std::this_thread::sleep_for(std::chrono::seconds(settings.seconds));
    run.ends = true;
    for (std::thread& thread : threads) thread.join();
    fmt::print("{} writers, {}, {} us between commits: {} commits in {} s\n", settings.writers,
               settings.is_durable ? "durable" : "relaxed", settings.pause_us, run.commits.load(),
               settings.seconds);
    report(run, "everybody's", whole);
    report(run, "own", own);
    (void)store->close();
  }
  std::filesystem::remove_all(directory);
  return 0;
}

bool read_number(std::string_view text, uint64_t* number) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), *number);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

}  // namespace
}  // namespace bcstore::bench

int main(int argc, char** argv) {
  bcstore::bench::Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    uint64_t* number = word == "--seconds"   ? &settings.seconds
                       : word == "--writers" ? &settings.writers
                       : word == "--pause"   ? &settings.pause_us
                                             : nullptr;
    if (word == "--durable") {
      settings.is_durable = true;
    } else if (number == nullptr || ++i == argc || !bcstore::bench::read_number(argv[i], number)) {
      fmt::print(
          stderr,
          "usage: bcstore_feed_latency [--seconds S] [--writers N] [--pause US] [--durable]\n");
      return 2;
    }
  }
  return bcstore::bench::measure(settings);
}
