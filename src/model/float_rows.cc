#include "model/float_rows.h"

#include <algorithm>

namespace bcstore::model {

FloatRows::Chunk::~Chunk() {
  for (const auto& row : rows) {
    const Row* const held = row.load(std::memory_order_relaxed);
    if (held == nullptr) continue;
    budget->fetch_add(row_bytes, std::memory_order_relaxed);
    delete held;
  }
}

int64_t FloatRows::row_bytes() const {
  constexpr int64_t kAllocations = 48;
  return static_cast<int64_t>(sizeof(Row) + dimension_ * sizeof(float)) + kAllocations;
}

bool is_chunk_live(std::span<const uint64_t> live, size_t chunk) {
  constexpr size_t kWords = FloatRows::kChunk / 64;
  const auto words = live.subspan(std::min(chunk * kWords, live.size()));
  const auto own = words.first(std::min(kWords, words.size()));
  return std::any_of(own.begin(), own.end(), [](uint64_t word) { return word != 0; });
}

FloatRows FloatRows::renewed(std::span<const uint64_t> live) const {
  FloatRows out(budget_, dimension_);
  out.chunks_.resize((live.size() * 64 + kChunk - 1) / kChunk);
  for (size_t i = 0; i < out.chunks_.size(); ++i) {
    if (!is_chunk_live(live, i)) continue;
    if (i < chunks_.size()) out.chunks_[i] = chunks_[i];
    if (out.chunks_[i] == nullptr) out.chunks_[i] = std::make_shared<Chunk>(budget_, row_bytes());
  }
  return out;
}

size_t FloatRows::chunk_bytes() const {
  size_t bytes = 0;
  for (const auto& chunk : chunks_) bytes += sizeof chunk + (chunk ? sizeof(Chunk) : 0);
  return bytes;
}

void FloatRows::add(uint32_t ordinal, std::span<const float> floats, double squares) const {
  const int64_t bytes = row_bytes();
  if (budget_->load(std::memory_order_relaxed) < bytes) return;
  auto row = std::make_unique<Row>();
  row->squares = squares;
  row->floats = std::make_unique<float[]>(floats.size());
  std::copy(floats.begin(), floats.end(), row->floats.get());
  // After what may throw.
  if (budget_->fetch_sub(bytes, std::memory_order_relaxed) < bytes) {
    budget_->fetch_add(bytes, std::memory_order_relaxed);
    return;
  }
  const Row* none = nullptr;
  auto& slot = chunks_[ordinal / kChunk]->rows[ordinal % kChunk];
  if (slot.compare_exchange_strong(none, row.get(), std::memory_order_acq_rel)) {
    (void)row.release();
  } else {
    budget_->fetch_add(bytes, std::memory_order_relaxed);
  }
}

}  // namespace bcstore::model
