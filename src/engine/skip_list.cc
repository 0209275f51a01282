#include "engine/skip_list.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace bcstore::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are loaded as they are stored");

constexpr size_t kTagBytes = 8;  // type and number
constexpr uint64_t kBranching = 4;

uint64_t load_number(const char* tag) {
  uint64_t bits = 0;
  std::memcpy(&bits, tag, kTagBytes);
  return bits >> 8;
}

// The size that an entry begins with, beyond its first byte; *bytes stands behind that.
uint32_t take_long_size(uint32_t first, const char** bytes) {
  uint32_t number = first & 0x7fu;
  uint8_t byte = 0x80;
  for (uint32_t shift = 7; shift < 32 && byte >= 0x80; shift += 7) {
    byte = static_cast<uint8_t>(*(*bytes)++);
    number |= (byte & 0x7fu) << shift;
  }
  return number;
}

// The size that an entry begins with; *bytes moves on to the key.
inline size_t take_size(const char** bytes) {
  const auto first = static_cast<uint8_t>(*(*bytes)++);
  return first < 0x80 ? first : take_long_size(first, bytes);
}

// As std::memcmp; keys have few words, and a call costs as much as three of them.
inline int compare_bytes(const char* a, const char* b, size_t size) {
  while (size >= sizeof(uint64_t)) {
    uint64_t left = 0;
    uint64_t right = 0;
    std::memcpy(&left, a, sizeof left);
    std::memcpy(&right, b, sizeof right);
    if (left != right) return __builtin_bswap64(left) < __builtin_bswap64(right) ? -1 : 1;
    a += sizeof left;
    b += sizeof right;
    size -= sizeof left;
  }
  for (; size > 0; --size, ++a, ++b) {
    if (*a != *b) return static_cast<uint8_t>(*a) < static_cast<uint8_t>(*b) ? -1 : 1;
  }
  return 0;
}

// Below zero when the entry comes before the key, zero when they are equal.
inline int compare(const char* entry, const SkipList::Key& key) {
  const size_t size = take_size(&entry) - kTagBytes;
  const int order = compare_bytes(entry, key.user_key.data(), std::min(size, key.user_key.size()));
  if (order != 0) return order;
  if (size != key.user_key.size()) return size < key.user_key.size() ? -1 : 1;
  const uint64_t number = load_number(entry + size);
  if (number == key.number) return 0;
  return number > key.number ? -1 : 1;
}

}  // namespace

// Stands where the entry stands; only its address matters.
class SkipList::Node {
 public:
  static Node* at(char* entry) { return reinterpret_cast<Node*>(entry); }
  const char* entry() const { return reinterpret_cast<const char*>(this); }

  Node* next(int level) const { return link(level).load(std::memory_order_acquire); }
  // Before anybody else can reach the node.
  void prepare(int level, Node* next) { link(level).store(next, std::memory_order_relaxed); }
  void publish(int level, Node* next) { link(level).store(next, std::memory_order_release); }

 private:
  Link& link(int level) { return reinterpret_cast<Link*>(this)[-1 - level]; }
  const Link& link(int level) const { return reinterpret_cast<const Link*>(this)[-1 - level]; }
};

// On which side of a key nodes lie. Remembers the last one found on each side: a search meets the
// same nodes on several levels.
class SkipList::Side {
 public:
  Side(const Node* head, const Key& key) : key_(key), before_(head) {}

  // Whether the node is before the key; an absent one, at the end of a level, is after it.
  bool is_before(const Node* node) {
    if (node == before_) return true;
    if (node == nullptr || node == after_) return false;
    const int order = compare(node->entry(), key_);
    if (order < 0) {
      before_ = node;
      return true;
    }
    if (order == 0) met_equal_ = true;
    after_ = node;
    return false;
  }

  bool met_equal() const { return met_equal_; }

 private:
  const Key& key_;
  const Node* before_;
  const Node* after_ = nullptr;
  bool met_equal_ = false;
};

SkipList::Node* SkipList::head() const {
  return Node::at(const_cast<char*>(reinterpret_cast<const char*>(&head_links_ + 1)));
}

const char* SkipList::entry_or_null(const Node* node) const {
  return node == nullptr || node == head() ? nullptr : node->entry();
}

SkipList::Key SkipList::key_of(const char* entry) {
  const size_t size = take_size(&entry) - kTagBytes;
  return {{entry, size}, load_number(entry + size)};
}

SkipList::Key SkipList::internal_key(std::string_view internal_key) {
  const size_t size = internal_key.size() - kTagBytes;
  return {internal_key.substr(0, size), load_number(internal_key.data() + size)};
}

// Marsaglia's xorshift (2003). Each further level wants two more bits to be zero.
int SkipList::draw_height() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  const auto high = static_cast<uint32_t>(random_ >> 32);
  return std::min(1 + std::countl_zero(high) / 2, kMaxHeight);
}

size_t SkipList::next_node_bytes(size_t entry_bytes) {
  next_height_ = draw_height();
  const size_t rounded = (entry_bytes + kAlignment - 1) / kAlignment * kAlignment;
  return static_cast<size_t>(next_height_) * sizeof(Link) + rounded;
}

char* SkipList::place(char* memory) {
  for (int level = 0; level < next_height_; ++level) {
    new (memory) Link(nullptr);
    memory += sizeof(Link);
  }
  placed_ = memory;
  placed_height_ = next_height_;
  return memory;
}

bool SkipList::insert(char* entry) {
  Finger finger;
  return insert(entry, &finger);
}

bool SkipList::insert(char* entry, Finger* finger) {
  // One that another was placed after gets along with its lowest link.
  const int levels = entry == placed_ ? placed_height_ : 1;
  const Key key = key_of(entry);
  Side side(head(), key);
  if (levels > height()) height_.store(levels, std::memory_order_relaxed);
  if (finger->last != nullptr) {
    aim(levels, side, finger);
  } else {
    finger->before.fill(head());
    descend(kMaxHeight, /*exact=*/0, /*nearer=*/kMaxHeight, side, finger);
  }
  if (side.met_equal()) {
    finger->last = nullptr;
    return false;
  }
  Node* node = Node::at(entry);
  link(node, levels, *finger);
  finger->last = node;
  finger->height = levels;
  return true;
}

void SkipList::link(Node* node, int levels, const Finger& finger) {
  for (int level = 0; level < levels; ++level) {
    Node* before = finger.before[static_cast<size_t>(level)];
    node->prepare(level, before->next(level));
    before->publish(level, node);
  }
}

// Makes before[i] the last node before the key on each level below `levels`; above, some node
// before it.
void SkipList::aim(int levels, Side& side, Finger* finger) const {
  auto& before = finger->before;
  if (side.is_before(finger->last)) {
    std::fill_n(before.begin(), finger->height, finger->last);
  }
  // Upwards, until a level that is high enough has the key between before[i] and the next node.
  uint32_t exact = 0;       // the levels that have
  int nearer = kMaxHeight;  // from this level on before[i] is before the key
  bool all_exact = true;
  int level = 0;
  for (; level < kMaxHeight; ++level) {
    Node* node = before[static_cast<size_t>(level)];
    if (nearer == kMaxHeight && (node == head() || side.is_before(node))) nearer = level;
    if (nearer <= level && !side.is_before(node->next(level))) {
      exact |= 1u << level;
      if (level + 1 >= levels) break;
    } else {
      all_exact = false;
    }
  }
  if (!all_exact) descend(level, exact, nearer, side, finger);
}

// Downwards to the last node before the key on each level below `from`, whose own is known; beyond
// the highest level that is the head.
void SkipList::descend(int from, uint32_t exact, int nearer, Side& side, Finger* finger) const {
  auto& before = finger->before;
  Node* node = from < kMaxHeight ? before[static_cast<size_t>(from)] : head();
  bool moved = false;
  for (int level = std::min(from, height()) - 1; level >= 0; --level) {
    Node*& own = before[static_cast<size_t>(level)];
    // What the finger knew is at least as near until the search has passed a node by.
    const bool is_exact = (exact >> level & 1u) != 0;
    if (is_exact || (!moved && level >= nearer)) node = own;
    if (is_exact) {
      moved = false;
      continue;
    }
    for (Node* next = node->next(level); side.is_before(next); next = node->next(level)) {
      node = next;
      moved = true;
    }
    own = node;
  }
}

SkipList::Gap SkipList::search(Side& side) const {
  const Node* node = head();
  const Node* next = nullptr;
  for (int level = height() - 1; level >= 0; --level) {
    for (next = node->next(level); side.is_before(next); next = node->next(level)) node = next;
  }
  return {node, next};
}

bool SkipList::contains(const Key& key) const {
  Side side(head(), key);
  (void)search(side);
  return side.met_equal();
}

const char* SkipList::first() const { return entry_or_null(head()->next(0)); }

const char* SkipList::last() const {
  const Node* node = head();
  for (int level = height() - 1; level >= 0; --level) {
    for (const Node* next = node->next(level); next != nullptr; next = node->next(level)) {
      node = next;
    }
  }
  return entry_or_null(node);
}

const char* SkipList::at_or_after(const Key& key) const {
  Side side(head(), key);
  return entry_or_null(search(side).after);
}

const char* SkipList::at_or_before(const Key& key) const {
  Side side(head(), key);
  const Gap gap = search(side);
  return entry_or_null(side.met_equal() ? gap.after : gap.before);
}

const char* SkipList::after(const char* entry) {
  const Node* next = Node::at(const_cast<char*>(entry))->next(0);
  return next == nullptr ? nullptr : next->entry();
}

const char* SkipList::before(const char* entry) const {
  const Key key = key_of(entry);
  Side side(head(), key);
  return entry_or_null(search(side).before);
}

uint64_t SkipList::estimate_before(const Key& key) const {
  Side side(head(), key);
  const Node* node = head();
  uint64_t count = 0;
  for (int level = height() - 1; level >= 0; --level) {
    count *= kBranching;  // each node that was passed stands for so many of this level
    for (const Node* next = node->next(level); side.is_before(next); next = node->next(level)) {
      node = next;
      ++count;
    }
  }
  return count;
}

}  // namespace bcstore::engine
