// What a reader of the feed meets between one step and the next: trims, and commits of others.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine_world.h"
#include "feeds.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

// Two owners' commits in turn, and deeds in the midst of a read.
struct Met : EngineWorld {
  Tenant a = tenant("a@x");
  Tenant b = tenant("b@x");

  void write(int count) {
    for (int i = 0; i < count; ++i) append(i % 2 == 0 ? a : b);
  }
  // Does `deed` before the nth call at this place within `read`; answers whether there was one.
  bool meet(Place place, int nth, const std::function<void()>& deed,
            const std::function<void()>& read) {
    int left = nth;
    watch->before = [&](Place at) {
      if (at == place && --left == 0) deed();
    };
    read();
    watch->before = nullptr;
    return left <= 0;
  }
};

std::vector<uint64_t> after(std::vector<uint64_t> numbers, uint64_t seq) {
  std::erase_if(numbers, [seq](uint64_t number) { return number <= seq; });
  return numbers;
}

// --- A trim between the look at the floor and the end of the read.

// At every call of the place that the read comes by: answers how many there are.
template <class View>
int trim_within(Place place, const View& view_of) {
  Met w;
  const auto view = view_of(w);
  uint64_t begin = 0;
  for (int nth = 1;; ++nth) {
    CAPTURE(nth);
    w.write(20);
    const uint64_t through = w.commits() - 7;
    const auto all = numbers_of(read_feed(view, {.after_seq = begin}));
    const auto trim = [&] { w.store().trim_feed({.through_seq = through}).value(); };
    Status told;
    const auto read = [&] { told = view.feed({.after_seq = begin, .limit = 15}).status(); };
    if (!w.meet(place, nth, trim, read)) {
      CHECK(told.ok());
      return nth - 1;
    }
    INFO(told.to_string());
    CHECK(told.code() == Code::failed_precondition);
    CHECK(told.oldest() == through);
    CHECK(numbers_of(read_feed(view, {.after_seq = through})) == after(all, through));
    begin = through;
  }
}

// The same trim under a reader who is not behind it.
template <class View>
void trim_behind(Place place, const View& view_of) {
  Met w;
  w.write(40);
  const auto view = view_of(w);
  const auto all = numbers_of(read_feed(view));
  const uint64_t through = w.commits() - 9;
  const auto trim = [&] { w.store().trim_feed({.through_seq = through}).value(); };
  Result<FeedPage> page = Status(Code::internal, "not read");
  REQUIRE(w.meet(place, 1, trim, [&] { page = view.feed({.after_seq = through}); }));
  REQUIRE(page.ok());
  CHECK(numbers_of(page->entries) == after(all, through));
}

const auto kOwn = [](Met& w) { return w.a; };
const auto kWhole = [](Met& w) { return w.service(); };

TEST_CASE("feed edges: an owner's page under which a trim went says where the feed begins") {
  CHECK(trim_within(Place::scan, kOwn) >= 1);
  CHECK(trim_within(Place::next, kOwn) > 8);
  trim_behind(Place::scan, kOwn);
}

TEST_CASE("feed edges: a service's page under which a trim went says where the feed begins") {
  CHECK(trim_within(Place::snapshot, kWhole) == 1);
  CHECK(trim_within(Place::scan, kWhole) == 1);
  CHECK(trim_within(Place::next, kWhole) > 15);
  CHECK(trim_within(Place::multi_get, kWhole) == 2);
  trim_behind(Place::snapshot, kWhole);
}

TEST_CASE("feed edges: a short page under which a trim went says it as well") {
  for (const size_t limit : {size_t{1}, size_t{7}}) {
    for (const bool whole : {false, true}) {
      CAPTURE(whole);
      Met w;
      w.write(40);
      const uint64_t through = w.commits();
      const auto trim = [&] { w.store().trim_feed({.through_seq = through}).value(); };
      Status told;
      const auto read = [&] {
        const FeedOptions o{.after_seq = 5, .limit = limit};
        told = whole ? w.service().feed(o).status() : w.a.feed(o).status();
      };
      REQUIRE(w.meet(whole ? Place::snapshot : Place::scan, 1, trim, read));
      INFO(told.to_string());
      CHECK(told.code() == Code::failed_precondition);
      CHECK(told.oldest() == through);
    }
  }
}

// --- Commits that come within a read.

// Reads on from `begin` to the end. The deed comes before the nth call of the place of all that.
template <class View>
bool commit_within(Met& w, Place place, int nth, size_t limit, const View& view) {
  const uint64_t begin = w.commits();
  w.write(5);
  const auto write = [&] {
    const CommitOptions relaxed{.durability = Durability::relaxed};
    append(w.b);
    const uint64_t mine = append(w.a);
    w.a.save_feed_cursor("mine", mine, false, relaxed).value();
    append(w.b);
    w.service().save_feed_cursor("all", mine, false, relaxed).value();
  };
  std::vector<uint64_t> told;
  uint64_t seen = begin;
  const auto read = [&] {
    for (bool ends = false; !ends;) {
      const FeedPage page = view.feed({.after_seq = seen, .limit = limit}).value();
      for (const FeedEntry& entry : page.entries) told.push_back(entry.commit_seq);
      CHECK((page.at_end || page.end_seq > seen));
      seen = page.end_seq;
      ends = page.at_end;
    }
  };
  const bool met = w.meet(place, nth, write, read);
  read();
  CHECK(seen == w.commits());
  CHECK(told == numbers_of(read_feed(view, {.after_seq = begin})));
  return met;
}

template <class View>
void commit_within(Place place, const View& view_of) {
  Met w;
  for (const size_t limit : {size_t{2}, size_t{100}}) {
    CAPTURE(limit);
    int nth = 1;
    while (commit_within(w, place, nth, limit, view_of(w))) ++nth;
    CHECK(nth > 1);
  }
}

TEST_CASE("feed edges: a commit at any moment of an owner's read is told once") {
  for (const Place place : {Place::scan, Place::next}) commit_within(place, kOwn);
}

TEST_CASE("feed edges: a commit at any moment of a service's read is told once") {
  for (const Place place : {Place::snapshot, Place::scan, Place::next, Place::multi_get}) {
    commit_within(place, kWhole);
  }
}

// --- Under threads. Readers pause at chance in what they ask of the engine, so that much happens
// within a page.

struct Shaken : Met {
  uint64_t seed = seed_from_environment(std::random_device{}());

  Shaken() {
    MESSAGE("seed ", seed);
    watch->before = [this](Place place) {
      const bool is_first = place == Place::scan || place == Place::snapshot;
      std::this_thread::sleep_for(std::chrono::microseconds(pause(is_first ? 4000 : 100)));
    };
  }
  ~Shaken() { watch->before = nullptr; }
  Shaken(const Shaken&) = delete;
  Shaken& operator=(const Shaken&) = delete;

  // This thread's reads from now on.
  void shake(uint64_t part) {
    const std::lock_guard lock(mutex_);
    readers_.emplace(std::this_thread::get_id(), seed + part);
  }

 private:
  uint64_t pause(uint64_t longest_us) {
    const std::lock_guard lock(mutex_);
    const auto reader = readers_.find(std::this_thread::get_id());
    if (reader == readers_.end() || reader->second() % 4 != 0) return 0;
    return reader->second() % longest_us;
  }

  std::mutex mutex_;
  std::map<std::thread::id, std::mt19937_64> readers_;
};

TEST_CASE("concurrent: an owner's feed among others' commits and bookkeeping tells each once") {
  Shaken w;
  const uint64_t start = w.commits();
  const CommitOptions relaxed{.durability = Durability::relaxed};
  std::atomic<bool> done{false};
  std::atomic<uint64_t> seen{start};
  std::vector<uint64_t> mine, told;
  std::thread noise([&] {
    while (!done) {
      append(w.b);
      w.b.save_feed_cursor("b", start, false, relaxed).value();
      w.service().save_feed_cursor("all", start, false, relaxed).value();
      w.a.save_feed_cursor("a", start, false, relaxed).value();
    }
  });
  std::thread writer([&] {
    for (int i = 0; i < 300; ++i) {
      mine.push_back(append(w.a));
      if (i % 20 != 0) continue;
      // Now and then the reader passes some commits that he is not shown.
      while (seen < mine.back()) std::this_thread::yield();
      for (const uint64_t from = seen; seen == from;) std::this_thread::yield();
    }
    done = true;
  });
  w.shake(0);
  uint64_t passed = 0;
  for (bool last = false; !last;) {
    const bool was_done = done;
    const FeedPage page = w.a.feed({.after_seq = seen, .limit = 3}).value();
    for (const FeedEntry& entry : page.entries) told.push_back(entry.commit_seq);
    passed += page.entries.empty() && page.at_end && page.end_seq > seen ? 1u : 0u;
    last = was_done && page.at_end;
    seen = page.end_seq;
  }
  writer.join();
  noise.join();
  CHECK(told == mine);
  CHECK(passed > 0);
}

// What a follower was told: commits, and where it was told to go on instead.
struct Told {
  std::vector<uint64_t> seqs;
  struct Gap {
    uint64_t after = 0, through = 0;
  };
  std::vector<Gap> gaps;
  uint64_t end = 0;
};

// Follows until `done` was set before a page that came to the end.
template <class View>
Told follow(Shaken& w, const View& view, uint64_t part, const std::atomic<bool>& done) {
  w.shake(part);
  std::mt19937_64 random(w.seed - part);
  Told told;
  for (bool last = false; !last;) {
    const bool was_done = done;
    const FeedOptions o{.after_seq = told.end, .limit = 1 + random() % 20};
    const Result<FeedPage> page = view.feed(o);
    if (!page.ok()) {
      const uint64_t oldest = page.status().oldest().value_or(0);
      if (oldest <= told.end) {
        told.gaps.push_back({UINT64_MAX, 0});  // no answer that helps
        return told;
      }
      told.gaps.push_back({told.end, oldest});
      told.end = oldest;
      continue;
    }
    for (const FeedEntry& entry : page->entries) told.seqs.push_back(entry.commit_seq);
    told.end = page->end_seq;
    last = was_done && page->at_end;
  }
  return told;
}

// Every commit was seen once, or lies in a gap that was told.
void check_told(const Told& told, const std::vector<uint64_t>& written) {
  std::vector<uint64_t> expected = written;
  for (const Told::Gap& gap : told.gaps) {
    REQUIRE(gap.after < gap.through);
    std::erase_if(expected, [&](uint64_t seq) { return seq > gap.after && seq <= gap.through; });
  }
  CHECK(told.seqs == expected);
  CHECK_FALSE(told.gaps.empty());
  CHECK_FALSE(told.seqs.empty());
}

TEST_CASE("concurrent: followers under trims see each commit or are told where the feed begins") {
  Shaken w;
  w.write(20);
  const uint64_t begun = w.commits() - 5;
  w.store().trim_feed({.through_seq = begun}).value();
  std::vector<uint64_t> of_a = numbers_of(read_feed(w.a, {.after_seq = begun}));
  std::vector<uint64_t> of_b = numbers_of(read_feed(w.b, {.after_seq = begun}));
  std::atomic<int> writing{2};
  std::atomic<bool> done{false};
  const auto write = [&](const Tenant& tenant, std::vector<uint64_t>* written) {
    for (int i = 0; i < 400; ++i) {
      written->push_back(append(tenant));
      if (i % 4 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    --writing;
  };
  Told own, whole;
  std::vector<std::thread> threads;
  threads.emplace_back([&] { write(w.a, &of_a); });
  threads.emplace_back([&] { write(w.b, &of_b); });
  threads.emplace_back([&] { own = follow(w, w.a, 1, done); });
  threads.emplace_back([&] { whole = follow(w, w.service(), 2, done); });
  std::mt19937_64 random(w.seed);
  for (uint64_t floor = begun; writing > 0;) {
    floor += random() % (w.commits() - floor + 1);
    w.store().trim_feed({.through_seq = floor}).value();
  }
  threads[0].join();
  threads[1].join();
  of_a.push_back(append(w.a));  // which no trim takes
  done = true;
  threads[2].join();
  threads[3].join();
  check_told(own, of_a);
  of_a.insert(of_a.end(), of_b.begin(), of_b.end());
  std::sort(of_a.begin(), of_a.end());
  check_told(whole, of_a);
}

}  // namespace
}  // namespace bcstore
