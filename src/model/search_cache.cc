#include "model/search_cache.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <utility>

#include "format/search.h"
#include "model/record_body.h"
#include "model/search_view.h"
#include "vector/codec.h"
#include "vector/kernels.h"

namespace bcstore::model {

namespace {

constexpr auto kAligned = std::align_val_t{vector::kRowAlignment};
constexpr size_t kEntryBytes = 256;  // places in map and list, and a key

}  // namespace

void CodeBlock::Free::operator()(uint8_t* bytes) const { ::operator delete(bytes, kAligned); }

size_t CodeBlock::bytes() const { return bytes_of(dimension, size()); }

size_t CodeBlock::bytes_of(uint32_t dimension, size_t rows) {
  return sizeof(CodeBlock) + rows * (format::SearchCode::kBytes + vector::padded(dimension));
}

std::shared_ptr<CodeBlock> CodeBlock::make(uint32_t dimension, uint32_t rows) {
  auto block = std::make_shared<CodeBlock>();
  block->dimension = dimension;
  block->stride = vector::padded(dimension);
  block->codes.reset(static_cast<uint8_t*>(::operator new(rows * block->stride, kAligned)));
  std::memset(block->codes.get(), vector::kCodeZero, rows * block->stride);
  block->ordinals.reserve(rows);
  block->scales.reserve(rows);
  block->squares.reserve(rows);
  block->sections.reserve(rows);
  return block;
}

void CodeBlock::add(uint32_t ordinal, float scale, uint32_t sum_of_squares, uint8_t section) {
  ordinals.push_back(ordinal);
  scales.push_back(scale);
  squares.push_back(sum_of_squares);
  sections.push_back(section);
}

Result<std::shared_ptr<const CodeBlock>> CodeBlock::read(std::string_view key,
                                                         std::string_view value) {
  RecordBody record;
  if (Status s = record.view(key, value); !s.ok()) return s;
  const auto* head = record.root<fb::SearchBlock>();
  const uint32_t entries = head->entries(), dimension = head->dimension();
  const std::string_view tail = record.tail();
  if (dimension == 0 || dimension > kMaxDimension || entries > format::kMostBlockEntries ||
      tail.size() != format::search_block_bytes(entries, dimension)) {
    return format::corrupt(key, "the tail is malformed");
  }
  auto block = make(dimension, entries);
  for (uint32_t i = 0; i < entries; ++i) {
    const format::SearchCode row = format::search_code_at(tail, i);
    std::memcpy(block->next_row(), format::search_codes_at(tail, entries, dimension, i).data(),
                dimension);
    if (!std::isfinite(row.scale)) return format::corrupt(key, "a scale that is none");
    block->add(row.ordinal, row.scale, row.squares, row.section);
  }
  return std::shared_ptr<const CodeBlock>(std::move(block));
}

SearchCache::SearchCache(size_t budget_bytes)
    : shard_budget_bytes_(budget_bytes / 4 / kShards),
      views_budget_bytes_(budget_bytes / 2),
      floats_budget_bytes_(static_cast<int64_t>(budget_bytes / 4)),
      floats_(std::make_shared<FloatRows::Budget>(floats_budget_bytes_)) {}

size_t SearchCache::cost(const Entries::value_type& entry) {
  return kEntryBytes + entry.first.capacity() + entry.second.block->bytes();
}

std::shared_ptr<const CodeBlock> SearchCache::find(std::string_view key) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(key);
  if (found == shard.entries.end()) return nullptr;
  shard.uses.splice(shard.uses.begin(), shard.uses, found->second.use);
  return found->second.block;
}

void SearchCache::offer(std::string_view key, std::shared_ptr<const CodeBlock> block) {
  const size_t bytes = kEntryBytes + key.size() + block->bytes();
  if (bytes > shard_budget_bytes_) return;
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  if (shard.entries.contains(key)) return;
  const bool is_full = shard.bytes + bytes > shard_budget_bytes_;
  if (is_full && ++shard.missed % kRefused != 0) return;
  while (shard.bytes + bytes > shard_budget_bytes_ && !shard.uses.empty()) {
    const auto last = shard.entries.find(*shard.uses.back());
    shard.bytes -= cost(*last);
    shard.uses.pop_back();
    shard.entries.erase(last);
  }
  // What may throw comes first: an entry always has its use.
  std::list<const std::string*> use(1, nullptr);
  const auto at = shard.entries.emplace(std::string(key), Entry{std::move(block)}).first;
  use.front() = &at->first;
  at->second.use = use.begin();
  shard.uses.splice(shard.uses.begin(), use);
  shard.bytes += cost(*at);
}

size_t SearchCache::view_bytes() const {
  constexpr size_t kNameBytes = 128;
  return std::max(views_budget_bytes_, kEntryBytes + kNameBytes) - kEntryBytes - kNameBytes;
}

size_t SearchCache::cost(const Views::value_type& entry) {
  return kEntryBytes + entry.first.capacity() + entry.second.view->bytes();
}

std::shared_ptr<const SearchView> SearchCache::find_view(std::string_view name) {
  const std::lock_guard lock(views_mutex_);
  const auto found = views_.find(name);
  if (found == views_.end()) return nullptr;
  view_uses_.splice(view_uses_.begin(), view_uses_, found->second.use);
  return found->second.view;
}

void SearchCache::offer_view(std::string_view name, std::shared_ptr<const SearchView> view) {
  const size_t bytes = kEntryBytes + name.size() + view->bytes();
  std::vector<std::shared_ptr<const SearchView>> dropped;  // outlive the lock
  const std::lock_guard lock(views_mutex_);
  const auto drop = [&](Views::iterator at) {
    dropped.push_back(at->second.view);
    views_bytes_ -= cost(*at);
    view_uses_.erase(at->second.use);
    views_.erase(at);
  };
  if (const auto old = views_.find(name); old != views_.end()) drop(old);
  if (bytes > views_budget_bytes_) return;
  while (views_bytes_ + bytes > views_budget_bytes_ && !view_uses_.empty()) {
    drop(views_.find(*view_uses_.back()));
  }
  std::list<const std::string*> use(1, nullptr);
  const auto at = views_.emplace(std::string(name), ViewEntry{std::move(view)}).first;
  use.front() = &at->first;
  at->second.use = use.begin();
  view_uses_.splice(view_uses_.begin(), use);
  views_bytes_ += cost(*at);
}

size_t SearchCache::bytes() const {
  size_t sum = static_cast<size_t>(floats_budget_bytes_ - floats_->load(std::memory_order_relaxed));
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.bytes;
  }
  const std::lock_guard lock(views_mutex_);
  return sum + views_bytes_;
}

}  // namespace bcstore::model
