// SearchCache: what searches keep between them.
//
//  - Views (search_view.h) of the spaces that were searched lately, with their blocks of codes as
//    far as half of the budget takes them. The space that was not searched longest goes first.
//  - Blocks of codes of spaces that are larger: verified, laid out for the kernels. A block is
//    complete once it is written under its key and never changed, so what is here is true while a
//    snapshot may ask for it. A scan of more than their quarter would drive out everything before
//    it came round: once that is full only every eighth block that is missed gets in.
//  - Floats that were measured lately (float_rows.h), the last quarter.
//
// Only what was read from the engine enters.
//
// Thread contract: any thread; move_epoch is the leader's of the commit queue.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bcstore/status.h"
#include "format/record.h"
#include "model/float_rows.h"

namespace bcstore::model {

struct CodeBlock {
  struct Free {
    void operator()(uint8_t* bytes) const;
  };
  uint32_t dimension = 0;
  size_t stride = 0;  // bytes from one row of codes to the next; what is beyond the codes is 128
  std::vector<uint32_t> ordinals;
  std::vector<float> scales;
  std::vector<uint32_t> squares;
  std::vector<uint8_t> sections;
  std::unique_ptr<uint8_t[], Free> codes;

  size_t size() const { return ordinals.size(); }
  size_t bytes() const;
  static size_t bytes_of(uint32_t dimension, size_t rows);
  // Without rows; with room for so many.
  static std::shared_ptr<CodeBlock> make(uint32_t dimension, uint32_t rows);
  // Where the next row's codes go, and the rest of it.
  uint8_t* next_row() { return codes.get() + size() * stride; }
  void add(uint32_t ordinal, float scale, uint32_t sum_of_squares, uint8_t section);
  // Verifies a record of codes.
  static Result<std::shared_ptr<const CodeBlock>> read(std::string_view key,
                                                       std::string_view value);
};

class SearchView;

class SearchCache {
 public:
  explicit SearchCache(size_t budget_bytes);

  // Blocks, by their keys. Null when it is not here.
  std::shared_ptr<const CodeBlock> find(std::string_view key);
  void offer(std::string_view key, std::shared_ptr<const CodeBlock> block);

  // The newest view of a space, true or not; null when there is none.
  std::shared_ptr<const SearchView> find_view(std::string_view name);
  void offer_view(std::string_view name, std::shared_ptr<const SearchView> view);
  // The most that one view takes to be kept here.
  size_t view_bytes() const;
  const std::shared_ptr<FloatRows::Budget>& floats() const { return floats_; }

  static constexpr uint64_t kNoEpoch = UINT64_MAX;
  // How often lists were made or dropped. Before and after a write that does.
  uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  void move_epoch() { epoch_.fetch_add(1, std::memory_order_acq_rel); }

  size_t bytes() const;

 private:
  static constexpr size_t kShards = 16;
  static constexpr uint32_t kRefused = 8;  // of as many that are missed one gets in

  struct Entry {
    std::shared_ptr<const CodeBlock> block;
    std::list<const std::string*>::iterator use{};
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const {
      return static_cast<size_t>(format::hash64(key));
    }
  };
  using Entries = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;
  struct Shard {
    mutable std::mutex mutex;
    Entries entries;
    std::list<const std::string*> uses;  // keys; the last one asked for comes first
    size_t bytes = 0;
    uint32_t missed = 0;
  };
  static size_t cost(const Entries::value_type& entry);
  Shard& shard_of(std::string_view key) { return shards_[Hash{}(key) / 64 % kShards]; }

  struct ViewEntry {
    std::shared_ptr<const SearchView> view;
    std::list<const std::string*>::iterator use{};
  };
  using Views = std::unordered_map<std::string, ViewEntry, Hash, std::equal_to<>>;
  static size_t cost(const Views::value_type& entry);

  const size_t shard_budget_bytes_;
  std::array<Shard, kShards> shards_;

  const size_t views_budget_bytes_;
  mutable std::mutex views_mutex_;
  Views views_;
  std::list<const std::string*> view_uses_;
  size_t views_bytes_ = 0;

  const int64_t floats_budget_bytes_;
  std::shared_ptr<FloatRows::Budget> floats_;
  std::atomic<uint64_t> epoch_{0};
};

}  // namespace bcstore::model
