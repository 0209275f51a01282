// Rules of what is searched. It follows from sections and embeddings: each head names the newest
// sections there are, each live ordinal is named by one head, and halves and codes are what the
// floats give.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>

#include "bcstore/options.h"
#include "format/search.h"
#include "model/check_search.h"
#include "model/encode.h"
#include "model/search_lists.h"
#include "vector/codec.h"

namespace bcstore::model {

using format::Key;
using format::Kind;
using format::kSearchBitmapOrdinals;
using format::kSearchBlockOrdinals;
using format::kSearchRowsOrdinals;
using format::SearchEntry;
using format::SearchRef;
using format::SectionEntry;

namespace {

// The newest sections of a document, as its lists and its head say.
Status find_newest(CheckWalk& walk, UserId owner, const Uuid& document, uint32_t* rev,
                   std::vector<SectionEntry>* entries, bool* damaged) {
  const Key prefix = Key(owner, Kind::section_list).append(document);
  CheckRead first("");
  if (Status s = walk.read_first(prefix, &first); !s.ok()) return s;
  *damaged = first.damaged();
  if (first.found()) {
    CheckRead list(first.key);
    if (Status s = walk.read(list, Tail::unpack); !s.ok()) return s;
    *damaged |= !list.found();
    if (list.found()) {
      *rev = list.record.table<fb::SectionList>().rev_last();
      format::unpack(list.record.tail(), entries);
    }
  }
  CheckRead head{Key(owner, Kind::section_head).append(document)};
  if (Status s = walk.read(head, Tail::unpack); !s.ok()) return s;
  *damaged |= head.damaged();
  std::vector<format::SectionSpan> spans;
  if (head.found()) format::unpack(head.record.tail(), &spans);
  uint32_t last = 0;
  for (const format::SectionSpan& span : spans) {
    if (span.rev_last >= head.record.table<fb::SectionHead>().rev()) {
      last = std::max(last, span.rev_last);
    }
  }
  if (last <= *rev) return Status();
  *rev = last;
  entries->clear();
  for (const format::SectionSpan& span : spans) {
    if (span.rev_last == last) entries->push_back(span.entry);
  }
  return Status();
}

// Each embedding of a head is live, and the row of its ordinal names it.
Status check_ordinals(CheckWalk& walk, const CheckedRecord& record, const SearchRef& of_head,
                      const Uuid& space, const std::vector<SearchEntry>& entries) {
  const auto key_of = [&](Kind kind) {
    return in_space(record.owner(), kind, record.uuid_at(17), space);
  };
  Bitmaps bitmaps(walk, key_of(Kind::search_bitmap));
  for (const SearchEntry& entry : entries) {
    if (entry.section.vector.none()) continue;
    bool is_live = false;
    if (Status s = bitmaps.read(entry.ordinal, &is_live); !s.ok()) return s;
    if (!is_live && !bitmaps.is_damaged()) {
      walk.violation(record, "what is searched is live",
                     fmt::format("ordinal {} is not", entry.ordinal));
    }
    CheckRead rows{key_of(Kind::search_rows).u32(entry.ordinal / kSearchRowsOrdinals)};
    if (Status s = walk.read(rows, Tail::unpack); !s.ok()) return s;
    if (rows.damaged()) continue;
    const uint32_t at = entry.ordinal % kSearchRowsOrdinals;
    SearchRef expected = of_head;
    expected.name = entry.section.name;
    expected.vector = entry.section.vector;
    bool is_its = false;
    if (rows.found()) {
      const auto& table = rows.record.table<fb::SearchRows>();
      const bool fits = rows.record.tail().size() ==
                        format::search_rows_bytes(table.entries(), table.dimension());
      if (fits && at < table.entries()) {
        const SearchRef ref = format::search_ref_at(rows.record.tail(), at);
        expected.exponent = ref.exponent;
        is_its = ref == expected;
      }
    }
    if (!is_its) {
      walk.violation(record, "an ordinal is its embedding's",
                     fmt::format("{} is another's or nobody's", entry.ordinal));
    }
  }
  return Status();
}

}  // namespace

Status check_search_head(CheckWalk& walk, const CheckedRecord& record) {
  const auto& head = record.table<fb::SearchHead>();
  const Uuid document_id = from_fb(head.document());
  CheckRead document{Key(record.owner(), Kind::document).append(document_id)};
  if (Status s = walk.read_parent(record, &document); !s.ok() || !document.found()) return s;
  const auto& about = document.record.table<fb::DocumentHead>();
  if (from_fb(about.project()) != record.uuid_at(17) || about.version() != head.version() ||
      about.section() != static_cast<uint8_t>(record.key().back())) {
    walk.violation(record, "a head is of a document of its section", to_string(document_id));
  }
  std::vector<SearchEntry> entries;
  if (!format::unpack(record.tail(), &entries) || entries.size() != head.entries()) {
    walk.violation(record, "the tail lists every section",
                   fmt::format("{} bytes for {}", record.tail().size(), head.entries()));
    return Status();
  }
  uint32_t rev = 0;
  std::vector<SectionEntry> newest;
  bool damaged = false;
  Status s = find_newest(walk, record.owner(), document_id, &rev, &newest, &damaged);
  if (!s.ok()) return s;
  const bool has_vector = std::any_of(entries.begin(), entries.end(), [](const SearchEntry& e) {
    return !e.section.vector.none();
  });
  const bool same = std::equal(
      entries.begin(), entries.end(), newest.begin(), newest.end(),
      [](const SearchEntry& e, const SectionEntry& section) { return e.section == section; });
  if (!damaged && (!same || rev != head.rev())) {
    walk.violation(record, "the newest sections are searched",
                   fmt::format("those of revision {}, the newest are of {}", head.rev(), rev));
  }
  if (has_vector != (head.space() != nullptr)) {
    walk.violation(record, "embeddings have their space", "it is absent, or there are none");
    return Status();
  }
  if (!has_vector) return Status();
  SearchRef ref;
  ref.section = about.section();
  ref.document = document_id;
  return check_ordinals(walk, record, ref, from_fb(head.space()), entries);
}

Status check_is_searched(CheckWalk& walk, const CheckedRecord& record, const Uuid& document_id,
                         uint32_t rev_last) {
  CheckRead document{Key(record.owner(), Kind::document).append(document_id)};
  if (Status s = walk.read(document); !s.ok() || !document.found()) return s;
  const auto& about = document.record.table<fb::DocumentHead>();
  CheckRead read{search_head_key(record.owner(), from_fb(about.project()), about.section())};
  if (Status s = walk.read(read); !s.ok() || read.damaged()) return s;
  bool is_searched = read.found();
  if (is_searched) {
    const auto& head = read.record.table<fb::SearchHead>();
    is_searched = head.version() > about.version() ||
                  (from_fb(head.document()) == document_id && head.rev() >= rev_last);
  }
  if (!is_searched) {
    walk.violation(record, "the newest sections are searched",
                   fmt::format("not those of {}", to_string(document_id)));
  }
  return Status();
}

namespace {

// How many embeddings the heads of a project name in a space.
Status count_named(CheckWalk& walk, const CheckedRecord& record, uint32_t* count, bool* damaged) {
  for (uint8_t section = 1; section <= kSections; ++section) {
    CheckRead head{search_head_key(record.owner(), record.uuid_at(17), section)};
    if (Status s = walk.read(head, Tail::unpack); !s.ok()) return s;
    *damaged |= head.damaged();
    if (!head.found()) continue;
    if (from_fb(head.record.table<fb::SearchHead>().space()) != record.uuid_at(kSpaceAt)) continue;
    std::vector<SearchEntry> entries;
    format::unpack(head.record.tail(), &entries);
    for (const SearchEntry& entry : entries) *count += entry.section.vector.none() ? 0u : 1u;
  }
  return Status();
}

// Blocks in which something is live are there.
Status check_blocks(CheckWalk& walk, const CheckedRecord& record, uint32_t listed,
                    uint32_t folded) {
  Bitmaps bitmaps(walk, of_space(record, Kind::search_bitmap));
  std::vector<CheckRead> reads;
  const auto flush = [&]() -> Status {
    if (Status s = walk.read(reads); !s.ok()) return s;
    for (const CheckRead& read : reads) {
      if (read.absent()) {
        walk.violation(record, "what is live is in a block", format::to_hex(read.key));
      }
    }
    reads.clear();
    return Status();
  };
  for (uint32_t block = listed / kSearchBlockOrdinals; block < folded / kSearchBlockOrdinals;
       ++block) {
    bool is_live = false;
    if (Status s = bitmaps.read_block(block * kSearchBlockOrdinals, &is_live); !s.ok()) return s;
    if (!is_live) continue;
    reads.emplace_back(block_key(of_space(record, Kind::search_block), 0, 0, block));
    if (reads.size() < kRoundReads) continue;
    if (Status s = flush(); !s.ok()) return s;
  }
  return reads.empty() ? Status() : flush();
}

}  // namespace

Status check_search_space(CheckWalk& walk, const CheckedRecord& record) {
  const auto& space = record.table<fb::SearchSpace>();
  CheckRead made{of_space(record, Kind::vector_space)};
  if (Status s = walk.read_parent(record, &made); !s.ok()) return s;
  if (made.found()) {
    const auto& table = made.record.table<fb::VectorSpace>();
    if (table.dimension() != space.dimension() || table.metric() != space.metric()) {
      walk.violation(record, "dimension and metric are the space's",
                     fmt::format("{} and {}", space.dimension(), table.dimension()));
    }
  }
  if (space.codec() != vector::kCodec) {
    walk.violation(record, "the codec is known", fmt::format("it is {}", space.codec()));
  }
  if (space.folded() != space.count() / kSearchBlockOrdinals * kSearchBlockOrdinals) {
    walk.violation(record, "whole blocks are folded",
                   fmt::format("{} of {}", space.folded(), space.count()));
    return Status();
  }
  uint32_t bits = 0, named = 0;
  bool damaged = false;
  for (uint32_t part = 0; part * uint64_t{kSearchBitmapOrdinals} < space.count(); ++part) {
    CheckRead bitmap{of_space(record, Kind::search_bitmap).u32(part)};
    if (Status s = walk.read(bitmap); !s.ok()) return s;
    damaged |= bitmap.damaged();
    if (bitmap.found()) bits += bitmap.record.table<fb::SearchBitmap>().live();
  }
  if (Status s = count_named(walk, record, &named, &damaged); !s.ok()) return s;
  if (!damaged && (bits != space.live() || named != space.live())) {
    walk.violation(
        record, "live is what the heads name",
        fmt::format("{} are live, {} bits are set, {} are named", space.live(), bits, named));
  }
  if (damaged) return Status();
  if (Status s = check_blocks(walk, record, space.listed(), space.folded()); !s.ok()) return s;
  return check_listed(walk, record);
}

namespace {

bool gives(const CheckedRecord& vector, const fb::SearchSpace& space, const SearchRef& ref,
           std::string_view halves) {
  std::vector<float> floats(space.dimension());
  if (vector.tail().size() != floats.size() * sizeof(float)) return false;
  std::memcpy(floats.data(), vector.tail().data(), vector.tail().size());
  std::vector<uint16_t> made(floats.size());
  const int32_t exponent =
      vector::to_halves(floats, static_cast<Metric>(space.metric()), made.data());
  return exponent == ref.exponent && std::memcmp(made.data(), halves.data(), halves.size()) == 0;
}

Status check_halves(CheckWalk& walk, const CheckedRecord& record, const fb::SearchSpace& space) {
  const uint32_t entries = record.table<fb::SearchRows>().entries();
  std::vector<CheckRead> reads;
  for (uint32_t i = 0; i < entries; ++i) {
    const SearchRef ref = format::search_ref_at(record.tail(), i);
    reads.emplace_back(Key(record.owner(), Kind::vector).u64(ref.vector.high).u32(ref.vector.low));
  }
  if (Status s = walk.read(reads, Tail::unpack); !s.ok()) return s;
  for (uint32_t i = 0; i < entries; ++i) {
    if (reads[i].damaged()) continue;
    const SearchRef ref = format::search_ref_at(record.tail(), i);
    const bool is_made = reads[i].found() && gives(reads[i].record, space, ref,
                                                   format::search_halves_at(record.tail(), entries,
                                                                            space.dimension(), i));
    if (!is_made) {
      walk.violation(record, "halves are what the floats give", fmt::format("not the {}th", i));
    }
  }
  return Status();
}

}  // namespace

Status check_search_rows(CheckWalk& walk, const CheckedRecord& record) {
  const auto& rows = record.table<fb::SearchRows>();
  CheckRead read("");
  if (Status s = find_space(walk, record, &read); !s.ok() || !read.found()) return s;
  const auto& space = read.record.table<fb::SearchSpace>();
  const uint64_t first = uint64_t{format::key_u32(record.key(), kNumberAt)} * kSearchRowsOrdinals;
  const uint64_t end = std::min<uint64_t>(first + kSearchRowsOrdinals, space.count());
  if (first >= end || rows.entries() != end - first || rows.dimension() != space.dimension() ||
      record.tail().size() != format::search_rows_bytes(rows.entries(), rows.dimension())) {
    walk.violation(record, "rows fit their space",
                   fmt::format("{} of {} dimensions", rows.entries(), rows.dimension()));
    return Status();
  }
  Bitmaps bitmaps(walk, of_space(record, Kind::search_bitmap));
  bool is_live = true;
  if (first < space.folded()) {
    if (Status s = bitmaps.read_block(static_cast<uint32_t>(first), &is_live); !s.ok()) return s;
  }
  if (!is_live && !bitmaps.is_damaged()) {
    walk.violation(record, "rows of dead blocks are gone", fmt::format("from {}", first));
  }
  return check_halves(walk, record, space);
}

namespace {

// Against the rows that the block was made of. Those of what is in a list and not searched any more
// may be gone.
Status check_codes(CheckWalk& walk, const CheckedRecord& record,
                   const std::vector<uint32_t>& ordinals) {
  const uint32_t dimension = record.table<fb::SearchBlock>().dimension();
  const auto entries = static_cast<uint32_t>(ordinals.size());
  std::map<uint32_t, size_t> groups;
  std::vector<CheckRead> reads;
  for (const uint32_t ordinal : ordinals) {
    const uint32_t group = ordinal / kSearchRowsOrdinals;
    if (!groups.emplace(group, reads.size()).second) continue;
    reads.emplace_back(of_space(record, Kind::search_rows).u32(group));
  }
  if (Status s = walk.read(reads, Tail::unpack); !s.ok()) return s;
  Bitmaps bitmaps(walk, of_space(record, Kind::search_bitmap));
  std::vector<uint8_t> codes(dimension);
  for (uint32_t i = 0; i < entries; ++i) {
    const CheckRead& rows = reads[groups[ordinals[i] / kSearchRowsOrdinals]];
    if (rows.damaged()) continue;
    bool is_live = true;
    if (rows.absent()) {
      if (Status s = bitmaps.read(ordinals[i], &is_live); !s.ok()) return s;
    }
    if (!is_live || bitmaps.is_damaged()) continue;
    format::SearchRowsTail tail;
    const uint32_t at = ordinals[i] % kSearchRowsOrdinals;
    bool is_made =
        rows.found() && format::unpack(rows.record.tail(), kSearchRowsOrdinals, dimension, &tail);
    if (is_made) {
      const vector::CodeRow row =
          vector::to_codes(std::span(tail.halves).subspan(size_t{at} * dimension, dimension),
                           tail.refs[at].exponent, codes.data());
      const format::SearchCode expected{ordinals[i], row.scale, row.squares, tail.refs[at].section};
      const std::string_view kept = format::search_codes_at(record.tail(), entries, dimension, i);
      is_made = format::search_code_at(record.tail(), i) == expected &&
                std::memcmp(kept.data(), codes.data(), codes.size()) == 0;
    }
    if (!is_made) {
      walk.violation(record, "codes are what the halves give", fmt::format("not {}", ordinals[i]));
    }
  }
  return Status();
}

}  // namespace

Status check_search_block(CheckWalk& walk, const CheckedRecord& record) {
  const auto& block = record.table<fb::SearchBlock>();
  CheckRead read("");
  if (Status s = find_space(walk, record, &read); !s.ok() || !read.found()) return s;
  const auto& space = read.record.table<fb::SearchSpace>();
  const uint64_t number = format::key_u32(record.key(), kNumberAt + 8);
  const uint32_t generation = format::key_u32(record.key(), kNumberAt);
  const uint32_t list = format::key_u32(record.key(), kNumberAt + 4);
  const bool is_flat = generation == 0;
  const bool fits = is_flat ? list == 0 && (number + 1) * kSearchBlockOrdinals <= space.folded() &&
                                  number * kSearchBlockOrdinals >= space.listed() &&
                                  block.entries() == kSearchBlockOrdinals
                            : generation >= space.generation() && block.entries() > 0 &&
                                  block.entries() <= list_block_rows(space.dimension()) &&
                                  (generation != space.generation() || list < space.lists());
  if (!fits || block.dimension() != space.dimension() ||
      record.tail().size() != format::search_block_bytes(block.entries(), block.dimension())) {
    walk.violation(record, "a block fits its space",
                   fmt::format("{} of {} dimensions", block.entries(), block.dimension()));
    return Status();
  }
  std::vector<uint32_t> ordinals;
  for (uint32_t i = 0; i < block.entries(); ++i) {
    ordinals.push_back(format::search_code_at(record.tail(), i).ordinal);
  }
  if (!is_flat) return check_codes(walk, record, ordinals);
  const auto first = static_cast<uint32_t>(number * kSearchBlockOrdinals);
  Bitmaps bitmaps(walk, of_space(record, Kind::search_bitmap));
  bool is_live = false;
  if (Status s = bitmaps.read_block(first, &is_live); !s.ok()) return s;
  if (!is_live && !bitmaps.is_damaged()) {
    walk.violation(record, "dead blocks are gone", fmt::format("from {}", first));
  }
  for (uint32_t i = 0; i < kSearchBlockOrdinals; ++i) {
    if (ordinals[i] == first + i) continue;
    walk.violation(record, "codes are what the halves give", fmt::format("not {}", first + i));
    return Status();
  }
  return check_codes(walk, record, ordinals);
}

Status check_search_bitmap(CheckWalk& walk, const CheckedRecord& record) {
  CheckRead read("");
  if (Status s = find_space(walk, record, &read); !s.ok() || !read.found()) return s;
  const uint64_t first = uint64_t{format::key_u32(record.key(), kNumberAt)} * kSearchBitmapOrdinals;
  const uint64_t count = read.record.table<fb::SearchSpace>().count();
  uint32_t bits = 0;
  bool is_beyond = record.tail().size() != format::kSearchBitmapBytes || first >= count;
  for (uint32_t i = 0; i < kSearchBitmapOrdinals; ++i) {
    if (!bit_of(record.tail(), i)) continue;
    ++bits;
    is_beyond |= first + i >= count;
  }
  if (is_beyond) {
    walk.violation(record, "bits are of ordinals that were given", fmt::format("of {}", count));
  }
  if (bits != record.table<fb::SearchBitmap>().live()) {
    walk.violation(record, "live counts the bits",
                   fmt::format("{} and {}", record.table<fb::SearchBitmap>().live(), bits));
  }
  return Status();
}

}  // namespace bcstore::model
