// ContentCache: contents of newest revisions, for the next append and for reads.
//
// It holds committed facts alone: a content enters after its group was written, or after it was
// read and verified. So an entry is never wrong; it may be old, and names its revision. Safe from
// many threads.
//
// Documents are spread over shards, each with a lock and an order of use of its own, so that
// readers of different documents seldom meet. The budget in bytes is over all shards: bytes are
// reserved in it before an entry goes in. Where there are too few, the entry that was not asked for
// longest goes, first in the newcomer's shard and then in the others.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <iterator>
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
    const Id id{owner.uuid(), document};
    Shard& shard = shards_[shard_of(id)];
    std::lock_guard lock(shard.mutex);
    const auto found = shard.places.find(id);
    if (found == shard.places.end()) return std::nullopt;
    shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
    return found->second->known;
  }

  // Keeps the newer of this and what is here.
  void put(UserId owner, const Uuid& document, KnownContent known) {
    const Id id{owner.uuid(), document};
    const size_t at = shard_of(id);
    const size_t bytes = cost(known);
    if (!drop_older(shards_[at], id, known.place.rev) || !reserve(bytes, at)) return;
    Shard& shard = shards_[at];
    std::lock_guard lock(shard.mutex);
    if (!drop_older_locked(shard, id, known.place.rev)) {
      bytes_ -= bytes;
      return;
    }
    shard.entries.push_front({id, std::move(known)});
    shard.places.emplace(id, shard.entries.begin());
  }

  void clear() {
    for (Shard& shard : shards_) {
      std::lock_guard lock(shard.mutex);
      while (!shard.entries.empty()) drop(shard, std::prev(shard.entries.end()));
    }
  }

  // At most the budget. A content that a reader still holds may outlive its entry.
  size_t bytes() const { return bytes_; }

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
  struct Shard {
    std::mutex mutex;
    std::list<Entry> entries;  // the last one asked for comes first
    std::unordered_map<Id, std::list<Entry>::iterator, Hash> places;
  };
  static constexpr size_t kShards = 16;

  static size_t cost(const KnownContent& known) {
    constexpr size_t kEntryBytes = 320;  // both nodes, and the string's own
    return kEntryBytes + (known.content ? known.content->capacity() : 0);
  }
  // Other bits than those that the shard's map uses.
  static size_t shard_of(const Id& id) { return (Hash{}(id) >> 48) % kShards; }

  void drop(Shard& shard, std::list<Entry>::iterator entry) {
    bytes_ -= cost(entry->known);
    shard.places.erase(entry->id);
    shard.entries.erase(entry);
  }
  // False when what is here is as new.
  bool drop_older_locked(Shard& shard, const Id& id, uint32_t rev) {
    const auto found = shard.places.find(id);
    if (found == shard.places.end()) return true;
    if (found->second->known.place.rev >= rev) return false;
    drop(shard, found->second);
    return true;
  }
  bool drop_older(Shard& shard, const Id& id, uint32_t rev) {
    std::lock_guard lock(shard.mutex);
    return drop_older_locked(shard, id, rev);
  }
  bool drop_oldest(Shard& shard) {
    std::lock_guard lock(shard.mutex);
    if (shard.entries.empty()) return false;
    drop(shard, std::prev(shard.entries.end()));
    return true;
  }
  // False when the budget is too small, or others hold all of it that can not be dropped.
  bool reserve(size_t bytes, size_t first_shard) {
    if (bytes > budget_bytes_) return false;
    size_t passed = 0;
    for (size_t known = bytes_; passed < kShards;) {
      if (known + bytes <= budget_bytes_) {
        if (bytes_.compare_exchange_weak(known, known + bytes)) return true;
        continue;
      }
      if (!drop_oldest(shards_[(first_shard + passed) % kShards])) ++passed;
      known = bytes_;
    }
    return false;
  }

  const size_t budget_bytes_;
  std::atomic<size_t> bytes_{0};  // of all entries, and reserved
  std::array<Shard, kShards> shards_;
};

}  // namespace bcstore::model
