// TailCache: the last messages of the sessions that are being read, as they lie in the store.
//
// Invariants
//  - It holds committed messages alone: what a group wrote enters when the engine has taken it,
//    what a read brings was verified.
//  - A tail is a run of sequences without gaps that ends with the session's last message. While a
//    group that appends to it is being written nobody reads it: the engine answers, so that no
//    reader sees the new message before an older state.
//  - A read of the store only becomes a tail when nothing was appended since before it began.
//  - A view stays as it is: rows are written once, before they are shown.
//  - Bounded: at most kChunks * kRows messages a session, and a budget in bytes over all of them;
//    the session that was not asked for longest goes first. 0 keeps nothing.
//
// Thread contract: views and fills from any thread; the rest is the leader's of the commit queue.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "bcstore/id.h"
#include "format/record.h"

namespace bcstore::model {

class TailCache {
 public:
  static constexpr uint64_t kRows = 32;   // of a chunk
  static constexpr uint64_t kChunks = 4;  // of a tail
  // What any tail can hold from its first row on.
  static constexpr uint64_t kMostRows = kRows * (kChunks - 1);

  struct Id {
    Uuid owner, session;
    friend bool operator==(const Id&, const Id&) = default;
  };
  struct Row {
    format::Draft value;
    uint32_t month = 0;
  };
  // Rows whose sequence divided by kRows is `number`.
  struct Chunk {
    uint64_t number = 0;
    std::array<Row, kRows> rows;
  };
  // The messages from `first` to `last`.
  struct View {
    uint64_t first = 0, last = 0;
    std::vector<std::shared_ptr<const Chunk>> chunks;
    explicit operator bool() const { return last != 0; }
    const Row& row(uint64_t seq) const {
      return chunks[seq / kRows - chunks.front()->number]->rows[seq % kRows];
    }
  };

  explicit TailCache(size_t budget_bytes);

  // The last messages, at least `rows` of them or all that there are; false when it does not know.
  View view(const Id& id, uint64_t rows);

  // A read of the store on its way to become a tail. It brings rows newest first.
  class Fill {
   public:
    Fill() = default;
    Fill(TailCache* cache, const Id& id) : cache_(cache), id_(id) {}
    Fill(Fill&& other) noexcept { *this = std::move(other); }
    Fill& operator=(Fill&& other) noexcept;
    ~Fill() { end(false); }
    bool is_open() const { return cache_ != nullptr; }
    // Gives up without a word: in a child after fork the cache's mutexes may be held for ever.
    void leave() { cache_ = nullptr; }
    void add(uint64_t seq, uint32_t month, std::string_view value);
    // The rows become the session's tail, unless something came in between.
    // `whole`: there is no message before the last one added.
    void keep(bool whole) { end(true, whole); }

   private:
    void end(bool keep, bool whole = false);
    TailCache* cache_ = nullptr;
    Id id_;
    uint64_t first_ = 0, last_ = 0;
    std::deque<std::shared_ptr<Chunk>> chunks_;
  };
  // Before the store is read. Closed when somebody else is filling this tail, or writing to it.
  Fill begin_fill(const Id& id);

  // The leader: this session is about to be appended to. Once for each append.
  void begin_append(const Id& id);
  // The group was written: a tail that ends with the message before takes this one over. Rows of a
  // session come in order.
  void append(const Id& id, uint64_t seq, uint32_t month, format::Draft& value);
  // Once for each begin_append. The tail is read again when it is `known` to be the store's; else
  // it is forgotten.
  void end_append(const Id& id, bool known);

  size_t bytes() const;

 private:
  struct Tail {
    enum class State : uint8_t { filling, spoilt, ready, writing };
    State state = State::filling;
    uint64_t first = 0, last = 0;
    bool is_whole = false;  // it begins with the session's first message
    std::deque<std::shared_ptr<Chunk>> chunks;
    size_t bytes = 0;
    std::list<Id>::iterator use{};
  };
  struct Hash {
    size_t operator()(const Id& id) const {
      return static_cast<size_t>(format::hash64({reinterpret_cast<const char*>(&id), sizeof id}));
    }
  };
  using Tails = std::unordered_map<Id, Tail, Hash>;
  struct Shard {
    mutable std::mutex mutex;
    Tails tails;
    std::list<Id> uses;       // the last one asked for comes first
    std::vector<Id> writing;  // between begin_append and end_append, as often as they were called
    size_t bytes = 0;
  };
  static constexpr size_t kShards = 16;

  Shard& shard_of(const Id& id) { return shards_[Hash{}(id) % kShards]; }
  static void charge(Shard& shard, Tail& tail, size_t bytes);
  void shrink(Shard& shard, Tail& tail) const;
  static void forget(Shard& shard, Tails::iterator at);

  const size_t shard_budget_bytes_;
  std::array<Shard, kShards> shards_;
};

}  // namespace bcstore::model
