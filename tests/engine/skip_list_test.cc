// The memtables' skip list by itself: against a set, and with readers while one thread inserts.
#include "engine/skip_list.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "engine_fixture.h"

namespace bcstore::engine {
namespace {

uint64_t given_seed() {
  const char* given = std::getenv("BCSTORE_SEED");
  const uint64_t seed = given ? std::strtoull(given, nullptr, 0) : std::random_device()();
  MESSAGE("BCSTORE_SEED=" << seed);
  return seed;
}

struct Row {
  std::string user_key;
  uint64_t number = 0;

  bool operator<(const Row& other) const {
    return user_key != other.user_key ? user_key < other.user_key : number > other.number;
  }
  bool operator==(const Row& other) const {
    return user_key == other.user_key && number == other.number;
  }
  SkipList::Key key() const { return {user_key, number}; }
};

Row row_of(const char* entry) {
  const SkipList::Key key = SkipList::key_of(entry);
  return {std::string(key.user_key), key.number};
}

// A list, and the memory of its nodes.
class Rows {
 public:
  char* place(const Row& row) {
    std::string entry;
    size_t size = row.user_key.size() + 8;
    for (; size >= 0x80; size >>= 7) entry.push_back(static_cast<char>(size | 0x80));
    entry.push_back(static_cast<char>(size));
    entry += row.user_key;
    const uint64_t tag = row.number << 8 | 1;
    entry.append(reinterpret_cast<const char*>(&tag), sizeof(tag));
    memory_.push_back(std::make_unique<char[]>(list_.next_node_bytes(entry.size())));
    char* place = list_.place(memory_.back().get());
    std::memcpy(place, entry.data(), entry.size());
    return place;
  }
  bool insert(const Row& row, SkipList::Finger* finger = nullptr) {
    char* entry = place(row);
    return finger != nullptr ? list_.insert(entry, finger) : list_.insert(entry);
  }
  SkipList& list() { return list_; }

 private:
  std::vector<std::unique_ptr<char[]>> memory_;
  SkipList list_;
};

using Model = std::set<Row>;

void compare_walks(const SkipList& list, const Model& model) {
  const char* entry = list.first();
  for (const Row& row : model) {
    REQUIRE(entry != nullptr);
    REQUIRE(row_of(entry) == row);
    entry = SkipList::after(entry);
  }
  CHECK(entry == nullptr);
  entry = list.last();
  for (auto row = model.rbegin(); row != model.rend(); ++row) {
    REQUIRE(entry != nullptr);
    REQUIRE(row_of(entry) == *row);
    entry = list.before(entry);
  }
  CHECK(entry == nullptr);
}

void compare_seek(const SkipList& list, const Model& model, const Row& row) {
  CHECK(list.contains(row.key()) == (model.count(row) > 0));
  const auto next = model.lower_bound(row);
  const char* entry = list.at_or_after(row.key());
  REQUIRE((entry != nullptr) == (next != model.end()));
  if (entry != nullptr) CHECK(row_of(entry) == *next);
  const auto beyond = model.upper_bound(row);
  entry = list.at_or_before(row.key());
  REQUIRE((entry != nullptr) == (beyond != model.begin()));
  if (entry != nullptr) CHECK(row_of(entry) == *std::prev(beyond));
}

void compare(const SkipList& list, const Model& model, std::mt19937_64& random) {
  compare_walks(list, model);
  for (const Row& row : model) {
    if (model.size() > 2000 && random() % 8 != 0) continue;
    compare_seek(list, model, row);
    compare_seek(list, model, {row.user_key, row.number + 1});
    compare_seek(list, model, {row.user_key, row.number - 1});
    compare_seek(list, model, {row.user_key + '\0', row.number});
    compare_seek(list, model, {row.user_key.substr(0, row.user_key.size() / 2), row.number});
  }
  compare_seek(list, model, {"", 0});
  compare_seek(list, model, {std::string(300, '\xff'), 7});
}

std::string eight(uint64_t number) {
  std::string bytes(8, '\0');
  for (size_t i = 8; i-- > 0; number >>= 8) bytes[i] = static_cast<char>(number);
  return bytes;
}

// In which order the rows of a prefix come.
enum class Order { ascending, descending, mixed, twice, numbers };

std::string rest_of(Order order, uint64_t step, std::mt19937_64& random) {
  switch (order) {
    case Order::ascending:
      return eight(step);
    case Order::descending:
      return eight(~step);
    case Order::mixed:
      return eight(random() % 100'000);
    case Order::twice:  // two runs of a prefix, one upwards and one downwards
      return eight(step % 2 == 0 ? step : ~step);
    case Order::numbers:  // a key that is overwritten
      return {};
  }
  return {};
}

TEST_CASE("skip list: the same as a set, whatever the order, with fingers and without") {
  std::mt19937_64 random(given_seed());
  for (const Order order :
       {Order::ascending, Order::descending, Order::mixed, Order::twice, Order::numbers}) {
    for (const size_t prefixes : {1u, 3u, 40u}) {
      for (const bool fingers : {false, true}) {
        CAPTURE(static_cast<int>(order));
        CAPTURE(prefixes);
        CAPTURE(fingers);
        Rows rows;
        Model model;
        std::map<std::string, SkipList::Finger> at;
        for (uint64_t step = 1; step <= 1200; ++step) {
          std::string prefix = "p" + std::to_string(random() % prefixes);
          if (random() % 2 == 0) prefix += std::string(150, 'x');  // a size of two bytes
          const Row row{prefix + rest_of(order, step, random), step};
          SkipList::Finger* finger = fingers && random() % 10 != 0 ? &at[prefix] : nullptr;
          REQUIRE(rows.insert(row, finger) == model.insert(row).second);
        }
        compare(rows.list(), model, random);
      }
    }
  }
}

// A finger is only where to begin: one that was left anywhere must not lead astray.
TEST_CASE("skip list: fingers that have nothing to do with the rows") {
  std::mt19937_64 random(given_seed());
  Rows rows;
  Model model;
  std::vector<SkipList::Finger> fingers(5);
  for (int step = 0; step < 20'000; ++step) {
    const uint64_t spread = step % 3 == 0 ? 100'000'000 : 500;
    const Row row{eight(random() % spread), random() % 3 + 1};
    REQUIRE(rows.insert(row, &fingers[random() % fingers.size()]) == model.insert(row).second);
  }
  compare(rows.list(), model, random);
}

TEST_CASE("skip list: an equal row is refused and changes nothing") {
  Rows rows;
  SkipList::Finger finger;
  for (const char* key : {"b", "d", "f"}) REQUIRE(rows.insert({key, 5}, &finger));
  for (const char* key : {"b", "d", "f"}) {
    CHECK_FALSE(rows.insert({key, 5}));
    CHECK_FALSE(rows.insert({key, 5}, &finger));
    CHECK_FALSE(rows.insert({key, 5}, &finger));
  }
  CHECK(rows.insert({"c", 5}, &finger));
  CHECK(rows.insert({"d", 6}, &finger));
  std::mt19937_64 random(1);
  compare(rows.list(), {{"b", 5}, {"c", 5}, {"d", 5}, {"d", 6}, {"f", 5}}, random);
}

TEST_CASE("skip list: rows that are inserted in another order than they were placed in, or never") {
  Rows rows;
  Model model;
  std::mt19937_64 random(given_seed());
  std::vector<std::pair<Row, char*>> placed;
  for (uint64_t n = 0; n < 500; ++n) {
    const Row row{eight(random()), n};
    placed.emplace_back(row, rows.place(row));
  }
  std::shuffle(placed.begin(), placed.end(), random);
  placed.resize(400);
  for (const auto& [row, entry] : placed) {
    REQUIRE(rows.list().insert(entry));
    model.insert(row);
  }
  compare(rows.list(), model, random);
}

TEST_CASE("skip list: an empty one, and how many entries lie before a key") {
  Rows rows;
  CHECK(rows.list().first() == nullptr);
  CHECK(rows.list().last() == nullptr);
  CHECK(rows.list().at_or_after({"", 1}) == nullptr);
  CHECK(rows.list().at_or_before({"z", 1}) == nullptr);
  CHECK(rows.list().estimate_before({"z", 1}) == 0);
  for (uint64_t n = 0; n < 10'000; ++n) REQUIRE(rows.insert({eight(n), 1}));
  CHECK(rows.list().estimate_before({eight(0), 1}) == 0);
  const uint64_t half = rows.list().estimate_before({eight(5'000), 1});
  CHECK(half > 1'500);
  CHECK(half < 15'000);
}

// What readers check again and again while one thread inserts `order`.
class Reader {
 public:
  Reader(const SkipList& list, const std::vector<Row>& order, uint64_t seed)
      : list_(list), order_(order), random_(seed) {}

  bool sound(size_t acknowledged) {
    return acknowledged == 0 || (finds(acknowledged) && walks(acknowledged) && steps());
  }

 private:
  bool finds(size_t acknowledged) {
    for (int n = 0; n < 50; ++n) {
      const Row& row = order_[random_() % acknowledged];
      if (!list_.contains(row.key())) return false;
      const char* entry = list_.at_or_after(row.key());
      if (entry == nullptr || !(row_of(entry) == row)) return false;
      held_ = entry;
    }
    return true;
  }
  bool walks(size_t acknowledged) const {
    size_t count = 0;
    const char* before = nullptr;
    for (const char* entry = list_.first(); entry != nullptr; entry = SkipList::after(entry)) {
      if (before != nullptr && !(row_of(before) < row_of(entry))) return false;
      before = entry;
      ++count;
    }
    return count >= acknowledged;
  }
  // An entry that was found earlier stays where it is, and so do its neighbours' sides.
  bool steps() const {
    const Row held = row_of(held_);
    const char* before = list_.before(held_);
    const char* after = SkipList::after(held_);
    if (before != nullptr && !(row_of(before) < held)) return false;
    if (after != nullptr && !(held < row_of(after))) return false;
    const char* last = list_.last();
    return last != nullptr && !(row_of(last) < held);
  }

  const SkipList& list_;
  const std::vector<Row>& order_;
  std::mt19937_64 random_;
  const char* held_ = nullptr;
};

TEST_CASE("skip list: concurrent readers find all that was inserted, in order") {
  const uint64_t seed = given_seed();
  std::mt19937_64 random(seed);
  std::vector<Row> order;
  Model model;
  for (uint64_t n = 0; n < 6'000; ++n) {
    const uint64_t number = random() % 2 == 0 ? ~n : random();
    const Row row{"p" + std::to_string(random() % 5) + eight(number), n};
    if (model.insert(row).second) order.push_back(row);
  }
  Rows rows;
  std::atomic<size_t> acknowledged{0};
  std::atomic<bool> sound{true};
  std::vector<std::thread> readers;
  for (uint64_t n = 1; n <= 3; ++n) {
    readers.emplace_back([&, n] {
      Reader reader(rows.list(), order, seed + n);
      size_t known = 0;
      do {
        known = acknowledged.load(std::memory_order_acquire);
        if (!reader.sound(known)) sound = false;
      } while (known < order.size() && sound);
    });
  }
  std::map<char, SkipList::Finger> fingers;
  for (const Row& row : order) {
    if (!rows.insert(row, &fingers[row.user_key[1]])) sound = false;
    acknowledged.fetch_add(1, std::memory_order_release);
  }
  for (std::thread& reader : readers) reader.join();
  CHECK(sound);
  compare_walks(rows.list(), model);
}

}  // namespace
}  // namespace bcstore::engine
