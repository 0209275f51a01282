#include "model/tail_cache.h"

#include <algorithm>
#include <utility>

namespace bcstore::model {

namespace {

// Of a tail: its places in map and list.
constexpr size_t kTailBytes = 256;
constexpr size_t kRowBytes = 32;  // what an allocation costs beside its bytes

size_t bytes_of(const TailCache::Row& row) { return row.value.bytes() + kRowBytes; }

size_t bytes_of(const TailCache::Chunk& chunk) {
  size_t sum = sizeof chunk;
  for (const TailCache::Row& row : chunk.rows) {
    if (!row.value.empty()) sum += bytes_of(row);
  }
  return sum;
}

}  // namespace

TailCache::TailCache(size_t budget_bytes) : shard_budget_bytes_(budget_bytes / kShards) {}

TailCache::View TailCache::view(const Id& id, uint64_t rows) {
  View view;
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.tails.find(id);
  if (found == shard.tails.end() || found->second.state != Tail::State::ready) return view;
  const Tail& tail = found->second;
  const uint64_t held = tail.last - tail.first + 1;
  if (!tail.is_whole && held < rows) return view;
  shard.uses.splice(shard.uses.begin(), shard.uses, tail.use);
  view.last = tail.last;
  view.first = tail.last + 1 - std::min(held, rows);
  // Only the chunks that the rows lie in.
  for (size_t i = view.first / kRows - tail.chunks.front()->number; i < tail.chunks.size(); ++i) {
    view.chunks.push_back(tail.chunks[i]);
  }
  return view;
}

TailCache::Fill TailCache::begin_fill(const Id& id) {
  if (shard_budget_bytes_ == 0) return {};
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  // What it read could be the state before the group that is being written, or the one after.
  if (std::find(shard.writing.begin(), shard.writing.end(), id) != shard.writing.end()) return {};
  const auto found = shard.tails.find(id);
  if (found != shard.tails.end()) {
    // One that is not long enough makes room.
    if (found->second.state != Tail::State::ready) return {};
    forget(shard, found);
  }
  std::list<Id> use(1, id);  // first, since it may throw: a tail always has its use
  Tail& tail = shard.tails[id];
  tail.use = use.begin();
  shard.uses.splice(shard.uses.begin(), use);
  charge(shard, tail, kTailBytes);
  return {this, id};
}

TailCache::Fill& TailCache::Fill::operator=(Fill&& other) noexcept {
  if (this == &other) return *this;
  end(false);
  cache_ = std::exchange(other.cache_, nullptr);
  id_ = other.id_;
  first_ = other.first_;
  last_ = other.last_;
  chunks_ = std::move(other.chunks_);
  return *this;
}

void TailCache::Fill::add(uint64_t seq, uint32_t month, std::string_view value) {
  if (cache_ == nullptr) return;
  if (last_ != 0 && seq + 1 != first_) return end(false);  // no run
  if (last_ == 0) last_ = seq;
  first_ = seq;
  if (chunks_.empty() || chunks_.front()->number != seq / kRows) {
    if (chunks_.size() == kChunks) return end(false);
    chunks_.push_front(std::make_shared<Chunk>());
    chunks_.front()->number = seq / kRows;
  }
  Row& row = chunks_.front()->rows[seq % kRows];
  row.value = format::Draft::copy(value);
  row.month = month;
}

void TailCache::Fill::end(bool keep, bool whole) {
  TailCache* cache = std::exchange(cache_, nullptr);
  if (cache == nullptr) return;
  Shard& shard = cache->shard_of(id_);
  const std::lock_guard lock(shard.mutex);
  // Nobody but its filler takes a fill's place away; an append may have spoilt it.
  const auto found = shard.tails.find(id_);
  if (found == shard.tails.end()) return;
  Tail& tail = found->second;
  if (!keep || last_ == 0 || tail.state != Tail::State::filling) {
    forget(shard, found);
    return;
  }
  tail.state = Tail::State::ready;
  tail.first = first_;
  tail.last = last_;
  tail.is_whole = whole;
  tail.chunks = std::move(chunks_);
  for (const auto& chunk : tail.chunks) charge(shard, tail, bytes_of(*chunk));
  cache->shrink(shard, tail);
}

void TailCache::begin_append(const Id& id) {
  if (shard_budget_bytes_ == 0) return;
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  shard.writing.push_back(id);
  const auto found = shard.tails.find(id);
  if (found == shard.tails.end()) return;
  Tail& tail = found->second;
  if (tail.state == Tail::State::ready) tail.state = Tail::State::writing;
  if (tail.state == Tail::State::filling) tail.state = Tail::State::spoilt;
}

void TailCache::append(const Id& id, uint64_t seq, uint32_t month, format::Draft& value) {
  if (shard_budget_bytes_ == 0) return;
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.tails.find(id);
  if (found == shard.tails.end() || found->second.state != Tail::State::writing) return;
  Tail& tail = found->second;
  if (tail.last + 1 != seq) return forget(shard, found);
  if (tail.chunks.back()->number != seq / kRows) {
    if (tail.chunks.size() == kChunks) {
      const size_t freed = bytes_of(*tail.chunks.front());
      tail.bytes -= freed;
      shard.bytes -= freed;
      tail.chunks.pop_front();
      tail.first = tail.chunks.front()->number * kRows;
      tail.is_whole = false;
    }
    tail.chunks.push_back(std::make_shared<Chunk>());
    tail.chunks.back()->number = seq / kRows;
    charge(shard, tail, sizeof(Chunk));
  }
  Row& row = tail.chunks.back()->rows[seq % kRows];
  row.value = std::move(value);
  row.month = month;
  tail.last = seq;
  charge(shard, tail, bytes_of(row));
}

void TailCache::end_append(const Id& id, bool known) {
  if (shard_budget_bytes_ == 0) return;
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto one = std::find(shard.writing.begin(), shard.writing.end(), id);
  if (one != shard.writing.end()) shard.writing.erase(one);
  if (std::find(shard.writing.begin(), shard.writing.end(), id) != shard.writing.end()) return;
  const auto found = shard.tails.find(id);
  if (found == shard.tails.end() || found->second.state != Tail::State::writing) return;
  if (!known) return forget(shard, found);
  found->second.state = Tail::State::ready;
  shrink(shard, found->second);
}

size_t TailCache::bytes() const {
  size_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.bytes;
  }
  return sum;
}

void TailCache::charge(Shard& shard, Tail& tail, size_t bytes) {
  tail.bytes += bytes;
  shard.bytes += bytes;
}

// Others go first; a tail that is too large by itself goes too. Those that are filled or written to
// are let alone: they are few, and settled soon.
void TailCache::shrink(Shard& shard, Tail& tail) const {
  auto last = shard.uses.end();
  while (shard.bytes > shard_budget_bytes_ && last != shard.uses.begin()) {
    --last;
    const auto found = shard.tails.find(*last);
    const bool is_idle = found->second.state == Tail::State::ready;
    if (!is_idle || &found->second == &tail) continue;
    ++last;
    forget(shard, found);
  }
  if (shard.bytes > shard_budget_bytes_) forget(shard, shard.tails.find(*tail.use));
}

void TailCache::forget(Shard& shard, Tails::iterator at) {
  shard.bytes -= at->second.bytes;
  shard.uses.erase(at->second.use);
  shard.tails.erase(at);
}

}  // namespace bcstore::model
