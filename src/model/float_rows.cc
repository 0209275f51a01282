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

FloatRows FloatRows::extended(uint32_t count) const {
  FloatRows longer = *this;
  while (longer.chunks_.size() * uint64_t{kChunk} < count) {
    longer.chunks_.push_back(std::make_shared<Chunk>(budget_, row_bytes()));
  }
  return longer;
}

void FloatRows::add(uint32_t ordinal, std::span<const float> floats, double squares) const {
  const int64_t bytes = row_bytes();
  if (budget_->fetch_sub(bytes, std::memory_order_relaxed) < bytes) {
    budget_->fetch_add(bytes, std::memory_order_relaxed);
    return;
  }
  auto row = std::make_unique<Row>();
  row->squares = squares;
  row->floats = std::make_unique<float[]>(floats.size());
  std::copy(floats.begin(), floats.end(), row->floats.get());
  const Row* none = nullptr;
  auto& slot = chunks_[ordinal / kChunk]->rows[ordinal % kChunk];
  if (slot.compare_exchange_strong(none, row.get(), std::memory_order_acq_rel)) {
    (void)row.release();
  } else {
    budget_->fetch_add(bytes, std::memory_order_relaxed);
  }
}

}  // namespace bcstore::model
