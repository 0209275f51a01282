// A product's life that goes through every cache of a store and never ends: users come, and all of
// them write and read at random, with ever more behind them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/bcstore.h"

namespace bcstore::memory {

// What StoreStats tells of memory.
struct Held {
  uint64_t blocks = 0, heads = 0, contents = 0, rows = 0, messages = 0;
  uint64_t sum() const { return blocks + heads + contents + rows + messages; }
};
Held held_by(const StoreStats& stats);

// One part of the budget, as options.h divides it; what it may not exceed, with what is under way
// at a moment on top: a memtable's last arena block, one answer, one group; and the most that was
// seen.
struct Part {
  std::string_view name;
  uint64_t share_bytes;
  uint64_t bound_bytes;
  uint64_t most_bytes;
};

class Load {
 public:
  // `store` has plenty of initial_credits and outlives the load.
  Load(Store& store, uint64_t seed, uint64_t budget_bytes);

  // A few commits and reads. The first answer that is not ok ends the load: it is in status().
  bool step();
  const Status& status() const { return status_; }
  uint64_t written_bytes() const { return written_bytes_; }  // contents and texts, as handed in
  uint64_t users() const { return people_.size(); }

  // The most of each part that StoreStats told after any step, and of their sum.
  std::vector<Part> parts() const;

 private:
  struct Person {
    UserId owner;
    ProjectId project;
    DocumentId document;
    ChatSessionId chat;
  };
  void join();
  void write(const Person& person);
  void read(const Person& person);
  std::string_view text(size_t most_bytes);
  uint64_t below(uint64_t bound) { return random_() % bound; }
  template <class T>
  T take(Result<T> result);
  template <class T>
  void read_all(Cursor<T> cursor);

  Store& store_;
  const uint64_t budget_bytes_;
  std::mt19937_64 random_;
  std::string noise_;  // what texts are cut from
  std::vector<Person> people_;
  uint64_t written_bytes_ = 0;
  Status status_;
  Held most_;
  uint64_t most_sum_bytes_ = 0;
};

}  // namespace bcstore::memory
