// FloatRows: the floats of a space's embeddings that were measured lately, by ordinal.
//
// What an ordinal stands for never changes, so a row is true for as long as it is here. Rows are
// only ever added; a chunk of them goes with the last view in which one of its ordinals is live.
// All rows of a store share one bound in bytes; beyond it nothing is added.
//
// Thread contract: find, add and renewed from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace bcstore::model {

class FloatRows {
 public:
  // Bytes that are still free; shared by all.
  using Budget = std::atomic<int64_t>;
  struct Row {
    double squares = 0;  // the squared length, as vector::square_sum makes it
    std::unique_ptr<float[]> floats;
  };

  FloatRows() = default;
  FloatRows(std::shared_ptr<Budget> budget, uint32_t dimension)
      : budget_(std::move(budget)), dimension_(dimension) {}

  // Ordinals that come and go together.
  static constexpr uint32_t kChunk = 1024;

  // The same rows, as far as ordinals near them are live, and room for what is live besides; by the
  // bits of what is live.
  FloatRows renewed(std::span<const uint64_t> live) const;
  // Of a live ordinal; null when it is not here.
  const Row* find(uint32_t ordinal) const {
    return chunks_[ordinal / kChunk]->rows[ordinal % kChunk].load(std::memory_order_acquire);
  }
  void add(uint32_t ordinal, std::span<const float> floats, double squares) const;
  size_t chunk_bytes() const;

 private:
  struct Chunk {
    Chunk(std::shared_ptr<Budget> of, int64_t bytes) : budget(std::move(of)), row_bytes(bytes) {}
    Chunk(const Chunk&) = delete;
    Chunk& operator=(const Chunk&) = delete;
    ~Chunk();
    std::shared_ptr<Budget> budget;
    int64_t row_bytes;
    std::array<std::atomic<const Row*>, kChunk> rows{};
  };
  int64_t row_bytes() const;

  std::shared_ptr<Budget> budget_;
  uint32_t dimension_ = 0;
  std::vector<std::shared_ptr<Chunk>> chunks_;  // null: nothing in it is live
};

// Whether anything in a chunk of ordinals is.
bool is_chunk_live(std::span<const uint64_t> live, size_t chunk);

}  // namespace bcstore::model
