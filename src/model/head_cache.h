// HeadCache: what the commit queue remembers between commits, so that the hot path reads nothing.
//
// Bounded: entries live in two generations, and when the young one is full the old one is dropped.
// That happens between groups only, because within a group the cache is also the view of changes
// that are not in the engine yet. Used by the leader of the commit queue alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "format/record.h"

namespace bcstore::model {

struct HeadEntry {
  bool exists = false;
  format::Draft draft;  // a head's or reference's value, verified when it entered
  // For streams (messages of a session, events of an owner, commits of an owner): the last one.
  uint64_t seq = 0;
  int64_t effective_us = std::numeric_limits<int64_t>::min();
  uint32_t month = 0;   // of an owner: the epoch
  uint64_t tokens = 0;  // of messages: their sum

  HeadEntry clone() const {
    HeadEntry copy;
    copy.exists = exists;
    copy.draft = draft.clone();
    copy.seq = seq;
    copy.effective_us = effective_us;
    copy.month = month;
    copy.tokens = tokens;
    return copy;
  }
};

class HeadCache {
 public:
  explicit HeadCache(size_t budget_bytes) : budget_bytes_(budget_bytes) {}

  // Null when unknown. The entry stays where it is until it is erased or a generation is dropped.
  HeadEntry* find(std::string_view key) {
    if (auto it = young_.find(key); it != young_.end()) return &it->second;
    if (old_.empty()) return nullptr;
    auto it = old_.find(key);
    if (it == old_.end()) return nullptr;
    size_t bytes = cost(it->first, it->second);
    old_bytes_ -= std::min(old_bytes_, bytes);
    young_bytes_ += bytes;
    return &young_.insert(old_.extract(it)).position->second;
  }

  HeadEntry& put(std::string_view key, HeadEntry entry) {
    if (HeadEntry* known = find(key)) {
      exchange(*known, entry);
      return *known;
    }
    return add(key, std::move(entry));
  }

  // Answers whether there was an entry, which is then moved to *former.
  bool replace(std::string_view key, HeadEntry entry, HeadEntry* former) {
    HeadEntry* const known = find(key);
    if (known == nullptr) {
      add(key, std::move(entry));
      return false;
    }
    exchange(*known, entry);
    *former = std::move(entry);
    return true;
  }

  void erase(std::string_view key) {
    if (auto it = young_.find(key); it != young_.end()) {
      young_bytes_ -= std::min(young_bytes_, cost(it->first, it->second));
      young_.erase(it);
    } else if (auto old = old_.find(key); old != old_.end()) {
      old_bytes_ -= std::min(old_bytes_, cost(old->first, old->second));
      old_.erase(old);
    }
  }

  // Between groups only.
  void trim() {
    if (young_bytes_ <= budget_bytes_ / 2) return;
    old_ = std::move(young_);
    old_bytes_ = young_bytes_;
    young_.clear();
    young_bytes_ = 0;
  }

  void clear() {
    young_.clear();
    old_.clear();
    young_bytes_ = old_bytes_ = 0;
  }

  size_t bytes() const { return young_bytes_ + old_bytes_; }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const {
      return static_cast<size_t>(format::hash64(key));
    }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return a == b; }
  };
  using Map = std::unordered_map<std::string, HeadEntry, Hash, Equal>;
  static size_t cost(const std::string& key, const HeadEntry& entry) {
    constexpr size_t kNodeBytes = 128;
    return kNodeBytes + key.capacity() + entry.draft.bytes();
  }

  HeadEntry& add(std::string_view key, HeadEntry entry) {
    auto [it, inserted] = young_.emplace(std::string(key), std::move(entry));
    young_bytes_ += cost(it->first, it->second);
    return it->second;
  }
  void exchange(HeadEntry& known, HeadEntry& entry) {  // of the young generation
    young_bytes_ -= std::min(young_bytes_, known.draft.bytes());
    young_bytes_ += entry.draft.bytes();
    std::swap(known, entry);
  }

  size_t budget_bytes_;
  Map young_, old_;
  size_t young_bytes_ = 0, old_bytes_ = 0;
};

}  // namespace bcstore::model
