// SkipList: the order of a memtable's entries (W. Pugh, "Skip Lists: A Probabilistic Alternative to
// Balanced Trees", 1990).
//
//   entry = size(varint) user_key type(1) number(7) ...     size: with type and number
//
// Entries stand in the order of their user keys' bytes, of one key the largest number first: that
// is the order of RocksDB's memtables with the bytewise comparator. The type does not tell entries
// apart, and nothing after the number is looked at.
//
// One thread at a time inserts; any number read meanwhile, without locks. Nothing is ever removed
// or moved. The invariant that readers rely on: whatever can be reached is whole, and each level is
// a part, in order, of the level below.
//   - A node is reachable once a link to it is stored. These stores release, loads acquire: who
//     finds a node also sees its entry and its own links, which are written before.
//   - Its lowest level is linked first. Who finds it on a higher level, and goes down, finds it or
//     a node after it.
//   - The height of the list may be seen late: the search then begins lower, or on a level where
//     the head has no link yet, and only takes longer.
//
// The caller owns the memory: a node is its links, the lowest one last, and then its entry, so that
// the entry's address names the node.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bcstore::engine {

class SkipList {
 public:
  static constexpr int kMaxHeight = 12;  // each level has a quarter of the one below
  static constexpr size_t kAlignment = alignof(std::atomic<void*>);

  class Node;

  // What an entry is ordered by.
  struct Key {
    std::string_view user_key;
    uint64_t number = 0;
  };

  // Where the last entry of many that lie near to each other went in. Made by the list's writer.
  //
  // Invariant: before[i] is the head or reaches level i, is before `last`, and not after
  // before[i - 1]. Inserting elsewhere does not change that; so each level is tried before it is
  // used, and a finger that is far off costs time and no more.
  struct Finger {
    Node* last = nullptr;  // none yet
    int height = 0;        // of `last`
    std::array<Node*, kMaxHeight> before{};
  };

  SkipList() = default;
  SkipList(const SkipList&) = delete;
  SkipList& operator=(const SkipList&) = delete;

  // For the writer. How much memory, with which alignment, the next entry takes; then, with that
  // memory, where its bytes go.
  size_t next_node_bytes(size_t entry_bytes);
  char* place(char* memory);
  // Inserts the entry that was written there, and answers false when an equal key is in the list.
  // With a finger, the entry directly before or after its last one takes two comparisons, and one
  // more in four times.
  bool insert(char* entry);
  bool insert(char* entry, Finger* finger);

  // For readers. An entry is null when there is none.
  bool contains(const Key& key) const;
  const char* first() const;
  const char* last() const;
  const char* at_or_after(const Key& key) const;
  const char* at_or_before(const Key& key) const;
  static const char* after(const char* entry);
  const char* before(const char* entry) const;
  // Of the entries before the key; exact for few, else about as many as there are.
  uint64_t estimate_before(const Key& key) const;

  static Key key_of(const char* entry);
  // `internal_key` is a user key with type and number.
  static Key internal_key(std::string_view internal_key);

 private:
  class Side;
  using Link = std::atomic<Node*>;

  // The nodes on both sides of a key, on the lowest level, as they were at one moment.
  struct Gap {
    const Node* before;  // the head, where there is none
    const Node* after;
  };

  int height() const { return height_.load(std::memory_order_relaxed); }
  Node* head() const;
  const char* entry_or_null(const Node* node) const;
  int draw_height();
  Gap search(Side& side) const;
  void aim(int levels, Side& side, Finger* finger) const;
  void descend(int from, uint32_t exact, int nearer, Side& side, Finger* finger) const;
  static void link(Node* node, int levels, const Finger& finger);

  std::array<Link, kMaxHeight> head_links_{};  // as a node's lie
  std::atomic<int> height_{1};
  // The writer's.
  uint64_t random_ = 0x9e3779b97f4a7c15u;
  int next_height_ = 1;
  const char* placed_ = nullptr;  // the last entry that was placed, and its height
  int placed_height_ = 1;
};

}  // namespace bcstore::engine
