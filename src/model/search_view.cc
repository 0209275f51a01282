#include "model/search_view.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "format/little_endian.h"
#include "model/keys.h"
#include "model/record_body.h"
#include "model/search_lists.h"
#include "vector/codec.h"
#include "vector/kernels.h"

namespace bcstore::model {

using engine::family_of;
using format::Key;
using format::Kind;
using format::kSearchBitmapOrdinals;
using format::kSearchBlockOrdinals;
using format::kSearchRowsOrdinals;
using format::SearchEntry;

namespace {

constexpr uint32_t kNowhere = UINT32_MAX;
constexpr size_t kRoundBlocks = 64;

Status need(const engine::Read& read) {
  return read.status.code() == Code::not_found ? format::corrupt(read.key, "is missing")
                                               : read.status;
}

}  // namespace

Key SearchPlace::key(Kind kind) const { return in_space(owner, kind, project, space); }

Key SearchView::Slot::key(const SearchPlace& place) const {
  return block_key(place.key(Kind::search_block), generation, list, number);
}

std::string SearchPlace::name() const { return key(Kind::search_space).str(); }

Status check_block(std::string_view key, const CodeBlock& block, const SearchSpaceFields& fields) {
  if (block.dimension != fields.dimension) {
    return format::corrupt(key, "it does not fit its space");
  }
  for (const uint32_t ordinal : block.ordinals) {
    if (ordinal >= fields.count) return format::corrupt(key, "an ordinal that was not given");
  }
  return Status();
}

Status read_code_blocks(engine::Engine& engine, std::span<const std::string> keys,
                        const engine::Snapshot* at, const SearchSpaceFields& fields,
                        std::vector<std::shared_ptr<const CodeBlock>>* blocks) {
  std::vector<engine::Read> reads;
  for (const std::string& key : keys) reads.push_back({family_of(Kind::search_block), key});
  if (!reads.empty()) engine.multi_get(reads, at);
  for (const engine::Read& read : reads) {
    if (Status s = need(read); !s.ok()) return s;
    auto block = CodeBlock::read(read.key, read.value.bytes());
    if (!block.ok()) return block.status();
    if (Status s = check_block(read.key, **block, fields); !s.ok()) return s;
    blocks->push_back(*std::move(block));
  }
  return Status();
}

Status read_live_bits(engine::Engine& engine, const engine::Snapshot* at, const SearchPlace& place,
                      const SearchSpaceFields& fields, std::vector<uint64_t>* live) {
  const Key of_bitmaps = place.key(Kind::search_bitmap);
  std::vector<engine::Read> reads;
  for (uint32_t part = 0; part * uint64_t{kSearchBitmapOrdinals} < fields.count; ++part) {
    reads.push_back({family_of(Kind::search_bitmap), Key(of_bitmaps).u32(part).str()});
  }
  engine.multi_get(reads, at);
  for (const engine::Read& read : reads) {
    if (Status s = need(read); !s.ok()) return s;
    format::Parsed parsed;
    if (Status s = format::parse_record(read.key, read.value.bytes(), &parsed); !s.ok()) return s;
    if (parsed.tail.size() != format::kSearchBitmapBytes) {
      return format::corrupt(read.key, "the tail is malformed");
    }
    for (size_t i = 0; i < parsed.tail.size(); i += sizeof(uint64_t)) {
      live->push_back(format::get_le<uint64_t>(parsed.tail.data() + i));
    }
  }
  return Status();
}

bool is_sound(const SearchSpaceFields& s) {
  const bool is_known = s.metric >= Metric::cosine && s.metric <= Metric::dot;
  const bool fits = s.dimension > 0 && s.dimension <= kMaxDimension && s.live <= s.count &&
                    s.folded <= s.count && s.folded % format::kSearchBlockOrdinals == 0 &&
                    s.count - s.folded < format::kSearchBlockOrdinals;
  const bool is_listed = s.listed <= s.folded && s.in_lists <= s.listed && s.lists <= s.in_lists &&
                         (s.lists == 0) == (s.in_lists == 0);
  return is_known && fits && is_listed;
}

class ViewReader {
 public:
  ViewReader(const SearchView::Source& source, SearchView* view)
      : source_(source), view_(*view), fields_(view->fields_) {}

  Status read() {
    Status s = read_live_bits(source_.engine, source_.at, source_.place, fields_, &view_.live_);
    if (!s.ok()) return s;
    if (s = read_targets(); !s.ok()) return s;
    if (s = read_tail(); !s.ok()) return s;
    list_flat();
    if (s = read_lists(); !s.ok()) return s;
    view_.floats_ = source_.before != nullptr
                        ? source_.before->floats().renewed(view_.live_)
                        : FloatRows(source_.budget, fields_.dimension).renewed(view_.live_);
    view_.bytes_ = fixed_bytes();
    return pin_all();
  }

 private:
  Status read_targets();
  Status place(const SearchTarget& target, uint32_t number);
  Status read_tail();
  void list_flat();
  Status read_lists();
  Status read_centers(std::vector<uint32_t>* sizes);
  Status pin_all();
  Status pin(std::vector<SearchView::Slot>* slots);
  size_t places_bytes() const;
  size_t fixed_bytes() const;
  void see(const CodeBlock& block) {
    for (const float scale : block.scales) {
      view_.largest_scale_ = std::max(view_.largest_scale_, scale);
    }
  }

  const SearchView::Source& source_;
  SearchView& view_;
  const SearchSpaceFields& fields_;
};

Result<std::shared_ptr<SearchView>> SearchView::read(const Source& source,
                                                     const SearchSpaceFields& fields) {
  auto view = std::make_shared<SearchView>();
  view->fields_ = fields;
  if (Status s = ViewReader(source, view.get()).read(); !s.ok()) return s;
  return view;
}

// The heads of the project that are of this space. Each live ordinal is named once.
Status ViewReader::read_targets() {
  view_.places_.resize((fields_.count + size_t{FloatRows::kChunk} - 1) / FloatRows::kChunk);
  for (size_t chunk = 0; chunk < view_.places_.size(); ++chunk) {
    if (!is_chunk_live(view_.live_, chunk)) continue;
    view_.places_[chunk] = std::make_unique<SearchView::Chunk>();
    view_.places_[chunk]->fill(kNowhere);
  }
  const Key prefix = with_id(source_.place.owner, Kind::search_head, source_.place.project);
  auto scan = source_.engine.scan({family_of(Kind::search_head), prefix.str(),
                                   format::after_prefix(prefix), false, source_.at});
  RecordBody body;
  while (scan->next()) {
    if (Status s = body.view(scan->key(), scan->value()); !s.ok()) return s;
    const auto* head = body.root<fb::SearchHead>();
    if (from_fb(head->space()) != source_.place.space) continue;
    SearchTarget target{from_fb(head->document()),
                        source_.place.space,
                        static_cast<uint8_t>(scan->key().back()),
                        head->rev(),
                        {}};
    if (!format::unpack(body.tail(), &target.entries) ||
        target.entries.size() > SearchView::kIndexMask || view_.targets_.size() == kSections) {
      return format::corrupt(scan->key(), "the tail is malformed");
    }
    const auto number = static_cast<uint32_t>(view_.targets_.size());
    if (Status s = place(target, number); !s.ok()) return s;
    view_.targets_.push_back(std::move(target));
  }
  if (!scan->status().ok()) return scan->status();
  for (uint32_t ordinal = 0; ordinal < fields_.count; ++ordinal) {
    if (!view_.is_live(ordinal) || view_.place(ordinal) != kNowhere) continue;
    return format::corrupt(source_.place.name(), "nothing names what is searched");
  }
  return Status();
}

Status ViewReader::place(const SearchTarget& target, uint32_t number) {
  for (uint32_t i = 0; i < target.entries.size(); ++i) {
    const SearchEntry& entry = target.entries[i];
    if (entry.section.vector.none()) continue;
    if (entry.ordinal >= fields_.count || !view_.is_live(entry.ordinal) ||
        view_.place(entry.ordinal) != kNowhere) {
      return format::corrupt(
          search_head_key(source_.place.owner, source_.place.project, target.section),
          "it names what is not searched");
    }
    view_.place(entry.ordinal) = number << SearchView::kIndexBits | i;
  }
  return Status();
}

// What is in no block yet has no codes: they are made of the halves.
Status ViewReader::read_tail() {
  std::vector<engine::Read> reads;
  for (uint32_t first = fields_.folded; first < fields_.count; first += kSearchRowsOrdinals) {
    reads.push_back({family_of(Kind::search_rows),
                     source_.place.key(Kind::search_rows).u32(first / kSearchRowsOrdinals).str()});
  }
  if (reads.empty()) return Status();
  source_.engine.multi_get(reads, source_.at);
  auto made = CodeBlock::make(fields_.dimension, fields_.count - fields_.folded);
  RecordBody body;
  for (const engine::Read& read : reads) {
    if (Status s = need(read); !s.ok()) return s;
    if (Status s = body.view(read.key, read.value.bytes()); !s.ok()) return s;
    const auto* head = body.root<fb::SearchRows>();
    format::SearchRowsTail rows;
    const auto first = fields_.folded + static_cast<uint32_t>(made->size());
    if (head->dimension() != fields_.dimension ||
        head->entries() != std::min(kSearchRowsOrdinals, fields_.count - first) ||
        !format::unpack(body.tail(), head->entries(), fields_.dimension, &rows)) {
      return format::corrupt(read.key, "it does not fit its space");
    }
    for (size_t i = 0; i < rows.refs.size(); ++i) {
      uint8_t* codes = made->next_row();
      const vector::CodeRow row =
          vector::to_codes(std::span(rows.halves).subspan(i * fields_.dimension, fields_.dimension),
                           rows.refs[i].exponent, codes);
      made->add(first + static_cast<uint32_t>(i), row.scale, row.squares, rows.refs[i].section);
    }
  }
  see(*made);
  view_.tail_ = std::move(made);
  return Status();
}

// Blocks in which something is live. Those that are known already are taken over.
void ViewReader::list_flat() {
  std::span<const SearchView::Slot> known;
  if (source_.before != nullptr) known = source_.before->flat();
  const uint32_t first = fields_.listed / kSearchBlockOrdinals;
  for (uint32_t number = first; number < fields_.folded / kSearchBlockOrdinals; ++number) {
    if (view_.live_[number] == 0) continue;
    while (!known.empty() && known.front().number < number) known = known.subspan(1);
    const bool is_known = !known.empty() && known.front().number == number;
    view_.flat_.push_back({0, 0, number, is_known ? known.front().block : nullptr});
  }
}

Status ViewReader::read_lists() {
  if (fields_.lists == 0) return Status();
  if (source_.before != nullptr && source_.before->fields().generation == fields_.generation) {
    view_.centers_ = source_.before->centers_;
    view_.starts_ = source_.before->starts_;
    view_.listed_ = source_.before->listed_;
    return Status();
  }
  std::vector<uint32_t> sizes;
  if (Status s = read_centers(&sizes); !s.ok()) return s;
  const uint32_t most = list_block_rows(fields_.dimension);
  const uint64_t all = std::accumulate(sizes.begin(), sizes.end(), uint64_t{0});
  if (all != fields_.in_lists) {
    return format::corrupt(source_.place.name(), "its lists hold something else than it says");
  }
  for (uint32_t list = 0; list < sizes.size(); ++list) {
    view_.starts_.push_back(static_cast<uint32_t>(view_.listed_.size()));
    for (uint32_t from = 0; from < sizes[list]; from += most) {
      view_.listed_.push_back({fields_.generation, list, from / most, nullptr});
    }
  }
  view_.starts_.push_back(static_cast<uint32_t>(view_.listed_.size()));
  return Status();
}

// Parts follow each other; in each the lists do.
Status ViewReader::read_centers(std::vector<uint32_t>* sizes) {
  const Key prefix = source_.place.key(Kind::search_lists).u32(fields_.generation);
  auto scan = source_.engine.scan({family_of(Kind::search_lists), prefix.str(),
                                   format::after_prefix(prefix), false, source_.at});
  RecordBody body;
  while (scan->next()) {
    if (Status s = body.view(scan->key(), scan->value()); !s.ok()) return s;
    const auto* head = body.root<fb::SearchLists>();
    const uint32_t entries = head->entries();
    std::string_view tail = body.tail();
    if (head->dimension() != fields_.dimension || entries > fields_.lists - sizes->size() ||
        tail.size() != format::search_lists_bytes(entries, fields_.dimension)) {
      return format::corrupt(scan->key(), "it does not fit its space");
    }
    for (uint32_t i = 0; i < entries; ++i) {
      const uint32_t size = format::search_list_size_at(tail, i);
      if (size > fields_.in_lists) return format::corrupt(scan->key(), "a list without end");
      sizes->push_back(size);
    }
    tail.remove_prefix(entries * size_t{4});
    auto block = CodeBlock::make(fields_.dimension, entries);
    for (uint32_t i = 0; i < entries; ++i) {
      const format::SearchCode row = format::search_code_at(tail, i);
      const auto codes = format::search_codes_at(tail, entries, fields_.dimension, i);
      std::copy(codes.begin(), codes.end(), reinterpret_cast<char*>(block->next_row()));
      block->add(row.ordinal, row.scale, row.squares, 0);
      if (!std::isfinite(row.scale)) return format::corrupt(scan->key(), "a scale that is none");
      if (row.ordinal != sizes->size() - entries + i) {
        return format::corrupt(scan->key(), "lists are not in order");
      }
    }
    view_.centers_.push_back(std::move(block));
  }
  if (!scan->status().ok()) return scan->status();
  return sizes->size() == fields_.lists
             ? Status()
             : format::corrupt(source_.place.name(), "some of its lists are missing");
}

Status ViewReader::pin_all() {
  const size_t rows = view_.flat_.size() * kSearchBlockOrdinals + fields_.in_lists;
  const size_t blocks = view_.flat_.size() + view_.listed_.size();
  const size_t codes = CodeBlock::bytes_of(fields_.dimension, rows) + blocks * sizeof(CodeBlock);
  if (view_.bytes_ + codes > source_.view_bytes) {
    // They are read as they are needed: what was taken over would stay beside them.
    for (SearchView::Slot& slot : view_.flat_) slot.block.reset();
    for (SearchView::Slot& slot : view_.listed_) slot.block.reset();
    view_.largest_scale_ = std::numeric_limits<float>::infinity();
    return Status();
  }
  if (Status s = pin(&view_.flat_); !s.ok()) return s;
  if (Status s = pin(&view_.listed_); !s.ok()) return s;
  view_.bytes_ += codes;
  return Status();
}

Status ViewReader::pin(std::vector<SearchView::Slot>* slots) {
  std::vector<std::string> keys;
  std::vector<size_t> missing;
  const auto flush = [&]() -> Status {
    std::vector<std::shared_ptr<const CodeBlock>> blocks;
    Status s = read_code_blocks(source_.engine, keys, source_.at, fields_, &blocks);
    for (size_t i = 0; i < blocks.size(); ++i) (*slots)[missing[i]].block = std::move(blocks[i]);
    keys.clear();
    missing.clear();
    return s;
  };
  for (size_t i = 0; i < slots->size(); ++i) {
    const SearchView::Slot& slot = (*slots)[i];
    if (slot.block != nullptr) continue;
    missing.push_back(i);
    keys.push_back(slot.key(source_.place).str());
    if (keys.size() < kRoundBlocks) continue;
    if (Status s = flush(); !s.ok()) return s;
  }
  if (Status s = flush(); !s.ok()) return s;
  for (const SearchView::Slot& slot : *slots) see(*slot.block);
  return Status();
}

size_t ViewReader::places_bytes() const {
  size_t bytes = 0;
  for (const auto& chunk : view_.places_) {
    bytes += sizeof chunk + (chunk ? sizeof(SearchView::Chunk) : 0);
  }
  return bytes;
}

// Without the codes of blocks.
size_t ViewReader::fixed_bytes() const {
  size_t bytes = sizeof view_ + view_.live_.size() * sizeof(uint64_t) + places_bytes() +
                 (view_.flat_.size() + view_.listed_.size()) * sizeof(SearchView::Slot) +
                 view_.starts_.size() * sizeof(uint32_t) + view_.floats_.chunk_bytes();
  for (const SearchTarget& target : view_.targets_) {
    bytes += sizeof target + target.entries.size() * sizeof(SearchEntry);
  }
  if (view_.tail_ != nullptr) bytes += view_.tail_->bytes();
  for (const auto& block : view_.centers_) bytes += block->bytes();
  return bytes;
}

}  // namespace bcstore::model
