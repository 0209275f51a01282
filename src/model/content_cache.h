// ContentCache: contents of newest revisions, for the next append and for reads.
//
// It holds committed facts alone: a content enters after its group was written, or after it was
// read and verified. So an entry is never wrong; it may be old, and names its revision. Bounded by
// a budget in bytes; the document that was not asked for longest goes first. Safe from many
// threads.
#pragma once

#include <cstddef>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "bcstore/id.h"
#include "model/delta.h"

namespace bcstore::model {

using SharedContent = std::shared_ptr<const std::string>;

struct KnownContent {
  ChainPlace place;  // rev 0: the document had no revision yet
  Uuid hash;
  SharedContent content;  // null with rev 0
};

class ContentCache {
 public:
  explicit ContentCache(size_t budget_bytes) : budget_bytes_(budget_bytes) {}

  std::optional<KnownContent> find(UserId owner, const Uuid& document) {
    std::lock_guard lock(mutex_);
    const auto found = places_.find(Id{owner.uuid(), document});
    if (found == places_.end()) return std::nullopt;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->known;
  }

  // Keeps the newer of this and what is here.
  void put(UserId owner, const Uuid& document, KnownContent known) {
    const Id id{owner.uuid(), document};
    std::lock_guard lock(mutex_);
    if (const auto found = places_.find(id); found != places_.end()) {
      if (found->second->known.place.rev >= known.place.rev) return;
      bytes_ -= cost(found->second->known);
      entries_.erase(found->second);
      places_.erase(found);
    }
    const size_t bytes = cost(known);
    if (bytes > budget_bytes_) return;
    entries_.push_front({id, std::move(known)});
    places_.emplace(id, entries_.begin());
    bytes_ += bytes;
    while (bytes_ > budget_bytes_) {
      bytes_ -= cost(entries_.back().known);
      places_.erase(entries_.back().id);
      entries_.pop_back();
    }
  }

  void clear() {
    std::lock_guard lock(mutex_);
    places_.clear();
    entries_.clear();
    bytes_ = 0;
  }

  // At most the budget. A content that a reader still holds may outlive its entry.
  size_t bytes() const {
    std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  struct Id {
    Uuid owner, document;
    friend bool operator==(const Id&, const Id&) = default;
  };
  struct Hash {
    size_t operator()(const Id& id) const {
      return static_cast<size_t>(format::hash64({reinterpret_cast<const char*>(&id), sizeof id}));
    }
  };
  struct Entry {
    Id id;
    KnownContent known;
  };
  static size_t cost(const KnownContent& known) {
    constexpr size_t kEntryBytes = 320;  // both nodes, and the string's own
    return kEntryBytes + (known.content ? known.content->capacity() : 0);
  }

  const size_t budget_bytes_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // the last one asked for comes first
  std::unordered_map<Id, std::list<Entry>::iterator, Hash> places_;
  size_t bytes_ = 0;
};

}  // namespace bcstore::model
