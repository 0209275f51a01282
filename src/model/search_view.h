// SearchView: what a search of one space of one project needs beside the floats, read and verified
// once: what is searched and where it stands, which ordinals are live, and the blocks of codes, as
// far as there is room for them.
//
// A view is true while no commit touched the project's sections and no list was made or dropped
// since (SearchCache::epoch). A later one takes over what has not changed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/families.h"
#include "format/search.h"
#include "model/encode.h"
#include "model/float_rows.h"
#include "model/row_cache.h"
#include "model/search_cache.h"

namespace bcstore::model {

// Whether its numbers go together: what is on the disk may be anything.
bool is_sound(const SearchSpaceFields& space);

// The sections of one revision.
struct SearchTarget {
  Uuid document, space;
  uint8_t section = 0;
  uint32_t rev = 0;
  std::vector<format::SearchEntry> entries;
};

// What a view is of.
struct SearchPlace {
  UserId owner;
  Uuid project, space;

  format::Key key(format::Kind kind) const;
  // Of the view in the cache.
  std::string name() const;
};

class SearchView {
 public:
  // A block whose codes are not here is asked for by its number.
  struct Slot {
    uint32_t generation = 0, list = 0, number = 0;
    std::shared_ptr<const CodeBlock> block{};

    format::Key key(const SearchPlace& place) const;
  };
  struct Source {
    engine::Engine& engine;
    const engine::Snapshot* at;
    const SearchPlace& place;
    size_t view_bytes;  // of a view with its codes, if they are to stay in it
    std::shared_ptr<FloatRows::Budget> budget;
    std::shared_ptr<const SearchView> before;  // of an earlier state, or null
  };
  static Result<std::shared_ptr<SearchView>> read(const Source& source,
                                                  const SearchSpaceFields& fields);

  const SearchSpaceFields& fields() const { return fields_; }
  bool is_live(uint32_t ordinal) const { return (live_[ordinal / 64] >> (ordinal % 64) & 1) != 0; }
  // In no list: whole blocks in the order of their ordinals, and what is in no block yet.
  std::span<const Slot> flat() const { return flat_; }
  // In lists: of each list its blocks, in their order.
  std::span<const Slot> listed() const { return listed_; }
  // By the lists' numbers.
  std::span<const std::shared_ptr<const CodeBlock>> centers() const { return centers_; }
  std::span<const Slot> blocks_of(uint32_t list) const {
    return listed().subspan(starts_[list], starts_[list + 1] - starts_[list]);
  }
  const CodeBlock* tail() const { return tail_.get(); }
  const FloatRows& floats() const { return floats_; }
  // No code's step is larger.
  float largest_scale() const { return largest_scale_; }
  // Of a live ordinal.
  const SearchTarget& target(uint32_t ordinal) const {
    return targets_[place(ordinal) >> kIndexBits];
  }
  uint32_t index(uint32_t ordinal) const { return place(ordinal) & kIndexMask; }
  const format::SearchEntry& entry(uint32_t ordinal) const {
    return target(ordinal).entries[index(ordinal)];
  }
  size_t bytes() const { return bytes_; }

  // Set by whoever puts it into the cache, before.
  RowCache::Witness witness;
  uint64_t epoch = 0;

 private:
  friend class ViewReader;
  static constexpr uint32_t kIndexBits = 29;
  static constexpr uint32_t kIndexMask = (uint32_t{1} << kIndexBits) - 1;
  using Chunk = std::array<uint32_t, FloatRows::kChunk>;

  const uint32_t& place(uint32_t ordinal) const {
    return (*places_[ordinal / FloatRows::kChunk])[ordinal % FloatRows::kChunk];
  }
  uint32_t& place(uint32_t ordinal) {
    return (*places_[ordinal / FloatRows::kChunk])[ordinal % FloatRows::kChunk];
  }

  SearchSpaceFields fields_;
  std::vector<uint64_t> live_;
  std::vector<SearchTarget> targets_;
  // By live ordinals: a target and an index. Null where a chunk has none, so that what was once
  // searched takes a bit.
  std::vector<std::unique_ptr<Chunk>> places_;
  std::vector<Slot> flat_, listed_;
  std::vector<std::shared_ptr<const CodeBlock>> centers_;
  std::vector<uint32_t> starts_;  // by list: where its blocks begin; and the end
  std::shared_ptr<const CodeBlock> tail_;
  FloatRows floats_;
  float largest_scale_ = 0;
  size_t bytes_ = 0;
};

// The bits of what is live, 64 ordinals in each number.
Status read_live_bits(engine::Engine& engine, const engine::Snapshot* at, const SearchPlace& place,
                      const SearchSpaceFields& fields, std::vector<uint64_t>* live);
// Whether a block of codes fits the space.
Status check_block(std::string_view key, const CodeBlock& block, const SearchSpaceFields& fields);
// Blocks by their keys, from the engine.
Status read_code_blocks(engine::Engine& engine, std::span<const std::string> keys,
                        const engine::Snapshot* at, const SearchSpaceFields& fields,
                        std::vector<std::shared_ptr<const CodeBlock>>* blocks);

}  // namespace bcstore::model
