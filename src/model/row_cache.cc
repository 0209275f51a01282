#include "model/row_cache.h"

#include <algorithm>
#include <utility>

namespace bcstore::model {

namespace {

// Of an answer: its places in map and list, and the vector's own. Of a row: its allocations.
constexpr size_t kEntryBytes = 256;
constexpr size_t kRowBytes = 96;

}  // namespace

RowCache::RowCache(size_t budget_bytes)
    : shard_budget_bytes_(budget_bytes / kShards),
      stamps_(std::make_unique<std::array<std::atomic<uint64_t>, kStamps>>()) {
  for (auto& stamp : *stamps_) stamp.store(0, std::memory_order_relaxed);
}

bool RowCache::are_current(const std::vector<Stamp>& stamps, uint64_t as_of) const {
  for (const Stamp& stamp : stamps) {
    if (stamp.value > as_of) return false;
    if ((*stamps_)[stamp.place].load(std::memory_order_acquire) != stamp.value) return false;
  }
  return true;
}

RowCache::Witness::Witness(const RowCache& cache, std::initializer_list<std::string_view> keys,
                           uint64_t as_of) {
  for (const std::string_view key : keys) {
    const uint32_t place = place_of(key);
    const uint64_t value = (*cache.stamps_)[place].load(std::memory_order_acquire);
    if (value > as_of) {  // a marked one is above any number
      stamps_.clear();
      return;
    }
    stamps_.push_back({place, value});
  }
}

bool RowCache::holds(const Witness& witness, uint64_t as_of) const {
  return !witness.stamps_.empty() && are_current(witness.stamps_, as_of);
}

RowCache::Answer RowCache::find(std::string_view name, uint64_t as_of) {
  Shard& shard = shard_of(name);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(name);
  if (found == shard.entries.end() || !are_current(found->second.stamps, as_of)) return nullptr;
  shard.uses.splice(shard.uses.begin(), shard.uses, found->second.use);
  return found->second.rows;
}

RowCache::Fill::Fill(RowCache* cache, std::string_view name, uint64_t as_of) {
  if (cache->shard_budget_bytes_ == 0) return;
  cache_ = cache;
  as_of_ = as_of;
  name_ = name;
  subject_of(name);
}

void RowCache::Fill::subject_of(std::string_view key) {
  const uint32_t place = place_of(key);
  if (std::find(subjects_.begin(), subjects_.end(), place) == subjects_.end()) {
    subjects_.push_back(place);
  }
}

void RowCache::Fill::add(std::string_view key, std::string_view value) {
  if (cache_ == nullptr) return;
  bytes_ += key.size() + value.size() + kRowBytes;
  if (rows_.rows.size() == kMostRows || bytes_ > kMostBytes) {
    cache_ = nullptr;
    rows_.rows.clear();
    return;
  }
  subject_of(key);
  rows_.rows.push_back({std::string(key), format::Draft::copy(value)});
}

void RowCache::Fill::keep() {
  RowCache* const cache = std::exchange(cache_, nullptr);
  if (cache == nullptr || rows_.rows.empty()) return;
  Entry entry;
  for (const uint32_t place : subjects_) {
    const uint64_t value = (*cache->stamps_)[place].load(std::memory_order_acquire);
    if (value > as_of_) return;  // a marked one is above any number
    entry.stamps.push_back({place, value});
  }
  rows_.rows.shrink_to_fit();
  entry.bytes = kEntryBytes + bytes_ + name_.size() + entry.stamps.size() * sizeof(Stamp);
  entry.rows = std::make_shared<const Rows>(std::move(rows_));
  cache->put(std::move(name_), std::move(entry));
}

void RowCache::put(std::string name, Entry entry) {
  if (entry.bytes > shard_budget_bytes_) return;
  Shard& shard = shard_of(name);
  const std::lock_guard lock(shard.mutex);
  if (const auto old = shard.entries.find(name); old != shard.entries.end()) forget(shard, old);
  while (shard.bytes + entry.bytes > shard_budget_bytes_) {
    forget(shard, shard.entries.find(*shard.uses.back()));
  }
  // What may throw comes first: an entry always has its use.
  std::list<const std::string*> use(1, nullptr);
  const auto at = shard.entries.emplace(std::move(name), std::move(entry)).first;
  use.front() = &at->first;
  at->second.use = use.begin();
  shard.uses.splice(shard.uses.begin(), use);
  shard.bytes += at->second.bytes;
}

void RowCache::forget(Shard& shard, Entries::iterator at) {
  shard.bytes -= at->second.bytes;
  shard.uses.erase(at->second.use);
  shard.entries.erase(at);
}

void RowCache::note(std::string_view key) { noted_.push_back(place_of(key)); }

void RowCache::begin_write(uint64_t seq) {
  is_writing_ = true;
  writing_seq_ = seq;
  for (const uint32_t place : noted_) {
    (*stamps_)[place].store(seq | kMarked, std::memory_order_seq_cst);
  }
}

void RowCache::end_write(bool is_applied) {
  if (is_writing_) {
    for (const uint32_t place : noted_) {
      (*stamps_)[place].store(writing_seq_, std::memory_order_release);
    }
    if (is_applied) set_applied(writing_seq_);
  }
  noted_.clear();
  is_writing_ = false;
}

size_t RowCache::bytes() const {
  size_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.bytes;
  }
  return sum;
}

}  // namespace bcstore::model
