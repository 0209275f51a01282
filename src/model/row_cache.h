// RowCache: what is read again and again at "now": a head, the newest revision of a document, the
// documents or the tasks of a project. Whole answers, as their rows lie in the store.
//
// A subject is all rows of one kind below one object of an owner: their keys begin with the same
// kSubjectBytes. Each subject has a stamp, the number of the last commit that touched it. Stamps
// lie in a table of fixed size; two subjects that share a place only cost each other a miss.
//
// Invariants
//  - Rows were verified when they were read.
//  - The leader marks the stamps of a group's subjects before the engine gets the group, and sets
//    them to the group's last number afterwards, whatever became of it.
//  - An answer is kept with the stamp of each subject that it was read from, and only if none is
//    marked and none is above the last commit that was applied before the reading began: then what
//    was read is the state of those subjects from there to now.
//  - It is given only while all these stamps are unchanged, so never after a commit that touched
//    it was acknowledged; and under a snapshot only if none is above what the snapshot surely sees.
//  - Bounded: kMostRows and kMostBytes an answer, a budget in bytes over all of them; the answer
//    that was not asked for longest goes first. 0 keeps nothing.
//
// Thread contract: find and fills from any thread; note, begin_write and end_write are the leader's
// of the commit queue.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "format/key.h"
#include "format/record.h"

namespace bcstore::model {

class RowCache {
 public:
  static constexpr size_t kSubjectBytes = format::kKindOffset + 1 + 16;
  static constexpr size_t kMostRows = 256;
  static constexpr size_t kMostBytes = size_t{256} << 10;
  static constexpr uint64_t kNow = UINT64_MAX;

  struct Row {
    std::string key;
    format::Draft value;
  };
  struct Rows {
    std::vector<Row> rows;  // at least one
  };
  using Answer = std::shared_ptr<const Rows>;

  // The kinds whose rows are stamped.
  static constexpr bool covers(format::Kind kind) {
    using format::Kind;
    return kind == Kind::project || kind == Kind::document || kind == Kind::document_by_section ||
           kind == Kind::revision || kind == Kind::task || kind == Kind::search_head ||
           kind == Kind::search_space;
  }

  // Where a subject's stamp lies, and what it was.
  struct Stamp {
    uint32_t place = 0;
    uint64_t value = 0;
  };

  explicit RowCache(size_t budget_bytes);

  // The last commit that reads of the engine surely see.
  uint64_t applied() const { return applied_.load(std::memory_order_acquire); }

  // What is known under `name`, as of kNow or of a snapshot that was taken when applied() was
  // `as_of`; null when nothing is.
  Answer find(std::string_view name, uint64_t as_of = kNow);

  // The stamps of what some answer that is kept elsewhere follows from.
  class Witness {
   public:
    Witness() = default;
    // Of subjects that were read after applied() was `as_of`; it never holds if one was written
    // meanwhile.
    Witness(const RowCache& cache, std::initializer_list<std::string_view> keys, uint64_t as_of);

   private:
    friend class RowCache;
    std::vector<Stamp> stamps_;  // none: it never holds
  };
  // Whether nothing of it was written since, and it was there `as_of`.
  bool holds(const Witness& witness, uint64_t as_of = kNow) const;

  // A reading of the store on its way to become an answer.
  class Fill {
   public:
    Fill() = default;
    // Before the store is read, or for a snapshot that was taken when applied() was `as_of`.
    Fill(RowCache* cache, std::string_view name, uint64_t as_of);
    bool is_open() const { return cache_ != nullptr; }
    // A subject that the answer follows from, beside those of its name and of its rows.
    void follow(std::string_view key) { subject_of(key); }
    // The bytes of a row that was verified.
    void add(std::string_view key, std::string_view value);
    // The reading is complete. Nothing is kept where the answer is too large, or where something
    // that it follows from was written meanwhile.
    void keep();

   private:
    void subject_of(std::string_view key);
    RowCache* cache_ = nullptr;
    uint64_t as_of_ = 0;
    std::string name_;
    std::vector<uint32_t> subjects_;
    Rows rows_;
    size_t bytes_ = 0;
  };

  // The leader: the group changes this row.
  void note(std::string_view key);
  // The engine is about to get the group, whose last number is `seq`.
  void begin_write(uint64_t seq);
  // It has it, or it may, or it has not. Harmless without begin_write.
  void end_write(bool is_applied);
  // At opening.
  void set_applied(uint64_t seq) { applied_.store(seq, std::memory_order_release); }

  size_t bytes() const;

 private:
  static constexpr uint64_t kMarked = uint64_t{1} << 63;
  static constexpr size_t kStamps = size_t{1} << 14;
  static constexpr size_t kShards = 16;

  struct Entry {
    Answer rows;
    std::vector<Stamp> stamps;
    size_t bytes = 0;
    std::list<const std::string*>::iterator use{};
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const {
      return static_cast<size_t>(format::hash64(name));
    }
  };
  using Entries = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;
  struct Shard {
    mutable std::mutex mutex;
    Entries entries;
    std::list<const std::string*> uses;  // names; the last one asked for comes first
    size_t bytes = 0;
  };

  static uint32_t place_of(std::string_view key) {
    return static_cast<uint32_t>(format::hash64(key.substr(0, kSubjectBytes)) % kStamps);
  }
  Shard& shard_of(std::string_view name) { return shards_[Hash{}(name) / 64 % kShards]; }
  bool are_current(const std::vector<Stamp>& stamps, uint64_t as_of) const;
  void put(std::string name, Entry entry);
  static void forget(Shard& shard, Entries::iterator at);

  const size_t shard_budget_bytes_;
  std::atomic<uint64_t> applied_{0};
  std::unique_ptr<std::array<std::atomic<uint64_t>, kStamps>> stamps_;
  std::array<Shard, kShards> shards_;
  // The leader's.
  std::vector<uint32_t> noted_;
  bool is_writing_ = false;
  uint64_t writing_seq_ = 0;
};

}  // namespace bcstore::model
