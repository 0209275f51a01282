// Keeping what is searched in step with the sections.
//
// What is searched of a section of a project is one revision: the newest that has sections, of the
// document of the greatest version that has any. Its embeddings are the live ones of their space.
// After the last operation of a batch, each document that got sections is looked at once: those of
// its embeddings that were there stay, new ones are appended, others are not live any more. All of
// it is in the batch's own commit, and follows from the store's contents alone.
#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <set>

#include "format/search.h"
#include "model/execute.h"
#include "model/keys.h"
#include "model/section_intake.h"
#include "vector/codec.h"

namespace bcstore::model {

using engine::family_of;
using format::Key;
using format::Kind;
using format::kSearchBitmapOrdinals;
using format::kSearchBlockOrdinals;
using format::kSearchRowsOrdinals;
using format::SearchEntry;
using format::SearchRef;
using format::SearchRowsTail;
using format::SectionEntry;

// What is searched of a section before it changes.
struct Executor::Searched {
  Uuid document, space;
  uint32_t rev = 0;
  int64_t created_us = 0;
  std::vector<format::SearchEntry> entries;
};

struct Executor::SearchedPlace {
  Uuid project, document;
  uint8_t section;
  bool is_same_document;  // as before
};

// A space under change.
struct Executor::SearchSpace {
  Uuid project, hash;
  SearchSpaceFields fields;
  int64_t created_us = 0;
  bool exists = false;
  uint32_t first = 0;           // what was given before; `fields.count` counts the fresh ones too
  std::vector<SearchRef> refs;  // of the fresh ones
  std::vector<std::string_view> floats;
  std::vector<uint32_t> gone;
  std::map<uint32_t, SearchRowsTail> rows;  // by group: those that are read or written
  std::map<uint32_t, std::string> bitmaps;  // by part
  std::vector<Draft> held;                  // what floats were read from

  bool is_live(uint32_t ordinal) const {
    const auto part = bitmaps.find(ordinal / kSearchBitmapOrdinals);
    if (part == bitmaps.end()) return false;
    const uint32_t bit = ordinal % kSearchBitmapOrdinals;
    return (static_cast<uint8_t>(part->second[bit / 8]) >> (bit % 8) & 1) != 0;
  }
};

namespace {

using Name = std::pair<uint64_t, format::VectorHash>;

void set_bit(std::string* bits, uint32_t bit, bool is_live) {
  const auto mask = static_cast<uint8_t>(1u << (bit % 8));
  auto byte = static_cast<uint8_t>((*bits)[bit / 8]);
  byte = is_live ? byte | mask : static_cast<uint8_t>(byte & ~mask);
  (*bits)[bit / 8] = static_cast<char>(byte);
}

uint32_t count_bits(std::string_view bits) {
  int count = 0;
  for (const char byte : bits) count += std::popcount(static_cast<uint8_t>(byte));
  return static_cast<uint32_t>(count);
}

}  // namespace

void Executor::note_embedded(const Op& op) {
  current_.sectioned.insert(op.parent);
  for (const SectionItem& item : op.sections->items) {
    if (!item.entry.vector.none()) current_.floats[item.entry.vector] = item.vector.tail();
  }
}

Status Executor::index_sections() {
  if (!current_.sectioned.empty()) owner_ = Actor::of_user(current_.owner);
  for (const Uuid& document : current_.sectioned) {
    if (Status s = index_document(document); !s.ok()) return s;
  }
  return Status();
}

// The newest sections of a document. Lists that the engine has matter only where nothing of this
// document is searched yet: else the head stands for them.
Status Executor::find_newest_sections(const Uuid& document, bool is_searched, SectionsOf* newest) {
  const auto take = [&](SectionsOf list) {
    if (list.last > newest->last) *newest = std::move(list);
  };
  if (!is_searched) {
    const Key prefix = with_id(current_.owner, Kind::section_list, document);
    std::string key;
    Draft row;
    bool found = false;
    Status s =
        first_row({family_of(Kind::section_list), prefix.str(), format::after_prefix(prefix)},
                  Kind::section_list, &key, &row, &found);
    if (!s.ok()) return s;
    if (found) {
      const auto* list = root<fb::SectionList>(row);
      SectionsOf sections{0, list->rev_last(), from_fb(list->space()), {}};
      if (!format::unpack(row.tail(), &sections.entries)) {
        return format::corrupt(key, "the tail is malformed");
      }
      take(std::move(sections));
    }
  }
  for (const PendingList& pending : pending_lists_) {
    if (pending.document == document && pending.owner == current_.owner) take(pending.list);
  }
  SectionIntake intake;
  if (Status s = load_spans(document, &intake); !s.ok()) return s;
  SectionsOf imported;
  for (const format::SectionSpan& span : intake.spans) {
    if (intake.is_live(span)) imported.last = std::max(imported.last, span.rev_last);
  }
  for (const format::SectionSpan& span : intake.spans) {
    if (span.rev_last == imported.last) imported.entries.push_back(span.entry);
  }
  imported.space = intake.space;
  take(std::move(imported));
  return Status();
}

Status Executor::index_document(const Uuid& document) {
  HeadEntry* entry = nullptr;
  const Key document_key = with_id(current_.owner, Kind::document, document);
  if (Status s = need(Kind::document, document_key, "document", document, &entry); !s.ok()) {
    return s;
  }
  const auto* about = root<fb::DocumentHead>(entry->draft);
  const Uuid project = from_fb(about->project());
  const uint32_t version = about->version();
  const uint8_t section = about->section();
  const Key key = search_head_key(current_.owner, project, section);
  HeadEntry* known = nullptr;
  if (Status s = load(Kind::search_head, key, &known); !s.ok()) return s;
  Searched before;
  if (known->exists) {
    const auto* head = root<fb::SearchHead>(known->draft);
    if (head->version() > version) return Status();
    before.document = from_fb(head->document());
    before.space = from_fb(head->space());
    before.rev = head->rev();
    before.created_us = head->created_at();
    if (!format::unpack(known->draft.tail(), &before.entries)) {
      return format::corrupt(key, "the tail is malformed");
    }
  }
  const bool is_same = known->exists && before.document == document;
  SectionsOf newest;
  if (Status s = find_newest_sections(document, is_same, &newest); !s.ok()) return s;
  if (newest.last == 0 || (is_same && newest.last < before.rev)) return Status();
  const bool has_vector = std::any_of(newest.entries.begin(), newest.entries.end(),
                                      [](const SectionEntry& e) { return !e.vector.none(); });
  if (!has_vector) newest.space = Uuid();
  std::vector<SearchEntry> entries;
  if (Status s = replace_searched({project, document, section, is_same}, before, newest, &entries);
      !s.ok()) {
    return s;
  }
  std::string tail;
  for (const SearchEntry& one : entries) format::append(&tail, one);
  Draft head = encoder_.search_head(
      own_work(),
      {document, version, newest.last, static_cast<uint32_t>(entries.size()), newest.space, tail});
  int64_t effective = kNoTime;
  const Time created = known->exists ? Time{before.created_us} : current_.now;
  if (Status s = stamp(head, created, &effective); !s.ok()) return s;
  put_head(Kind::search_head, key, std::move(head));
  return Status();
}

// Entries with name and embedding alike keep their ordinal where the document stays.
Status Executor::replace_searched(const SearchedPlace& place, const Searched& before,
                                  const SectionsOf& newest, std::vector<SearchEntry>* entries) {
  std::map<Name, uint32_t> kept;
  const bool same_space = place.is_same_document && before.space == newest.space;
  for (const SearchEntry& entry : before.entries) {
    if (!entry.section.vector.none()) {
      kept.insert({{entry.section.name, entry.section.vector}, entry.ordinal});
    }
  }
  SearchSpace to;
  if (!newest.space.is_nil()) {
    if (Status s = load_search_space(place.project, newest.space, &to); !s.ok()) return s;
  }
  std::set<uint32_t> staying;
  for (const SectionEntry& section : newest.entries) {
    SearchEntry entry{section, 0};
    if (!section.vector.none()) {
      const auto old = kept.find({section.name, section.vector});
      if (same_space && old != kept.end()) {
        entry.ordinal = old->second;
        staying.insert(old->second);
      } else if (Status s = append_searched(place, section, &to, &entry.ordinal); !s.ok()) {
        return s;
      }
    }
    entries->push_back(entry);
  }
  SearchSpace other;
  SearchSpace* from = &to;
  if (!before.space.is_nil() && before.space != newest.space) {
    if (Status s = load_search_space(place.project, before.space, &other); !s.ok()) return s;
    from = &other;
  }
  for (const auto& [name, ordinal] : kept) {
    if (!staying.contains(ordinal)) from->gone.push_back(ordinal);
  }
  if (from == &other) {
    if (Status s = write_search_space(&other); !s.ok()) return s;
  }
  return to.refs.empty() && to.gone.empty() ? Status() : write_search_space(&to);
}

Status Executor::load_search_space(const Uuid& project, const Uuid& hash, SearchSpace* space) {
  space->project = project;
  space->hash = hash;
  HeadEntry* entry = nullptr;
  Key key = in_space(current_.owner, Kind::search_space, project, hash);
  if (Status s = load(Kind::search_space, key, &entry); !s.ok()) return s;
  space->exists = entry->exists;
  SearchSpaceFields& fields = space->fields;
  if (entry->exists) {
    const auto* head = root<fb::SearchSpace>(entry->draft);
    fields = fields_of(*head);
    if (!is_sound(fields)) return format::corrupt(key, "its numbers do not go together");
    space->created_us = head->created_at();
    space->first = fields.count;
    return Status();
  }
  key = in_space(current_.owner, Kind::vector_space, project, hash);
  if (Status s = load(Kind::vector_space, key, &entry); !s.ok()) return s;
  if (!entry->exists) return format::corrupt(key, "is missing");
  const auto* made = root<fb::VectorSpace>(entry->draft);
  fields.codec = vector::kCodec;
  fields.dimension = made->dimension();
  fields.metric = static_cast<Metric>(made->metric());
  return Status();
}

Status Executor::append_searched(const SearchedPlace& place, const SectionEntry& section,
                                 SearchSpace* space, uint32_t* ordinal) {
  std::string_view floats;
  if (const auto fresh = current_.floats.find(section.vector); fresh != current_.floats.end()) {
    floats = fresh->second;
  } else {
    const Key key = vector_key(current_.owner, section);
    Draft stored;
    bool found = false;
    if (Status s = read_fact(Kind::vector, key, &stored, &found); !s.ok()) return s;
    if (!found) return format::corrupt(key, "is missing");
    space->held.push_back(std::move(stored));
    floats = space->held.back().tail();
  }
  if (floats.size() != space->fields.dimension * sizeof(float)) {
    return Status(Code::internal, "an embedding that does not fit its space");
  }
  if (space->fields.count == UINT32_MAX) {
    return Status(Code::failed_precondition, "the space has no number left for an embedding");
  }
  *ordinal = space->fields.count++;
  ++space->fields.live;
  space->refs.push_back({place.section, place.document, section.name, section.vector, 0});
  space->floats.push_back(floats);
  return Status();
}

// Rows, bits, blocks, and then the head that counts them.
Status Executor::write_search_space(SearchSpace* space) {
  SearchSpaceFields& fields = space->fields;
  if (Status s = write_search_rows(space); !s.ok()) return s;
  if (Status s = write_search_bits(space); !s.ok()) return s;
  const uint32_t before = fields.folded / kSearchBlockOrdinals;
  fields.folded = fields.count / kSearchBlockOrdinals * kSearchBlockOrdinals;
  for (uint32_t block = before; block < fields.folded / kSearchBlockOrdinals; ++block) {
    if (Status s = write_search_block(space, block); !s.ok()) return s;
  }
  std::set<uint32_t> touched;
  for (const uint32_t ordinal : space->gone) touched.insert(ordinal / kSearchBlockOrdinals);
  for (const uint32_t block : touched) {
    if (block >= fields.folded / kSearchBlockOrdinals) break;
    drop_if_dead(*space, block);
  }
  fields.live -= static_cast<uint32_t>(space->gone.size());
  Draft head = encoder_.search_space(own_work(), fields);
  int64_t effective = kNoTime;
  const Time created = space->exists ? Time{space->created_us} : current_.now;
  if (Status s = stamp(head, created, &effective); !s.ok()) return s;
  put_head(Kind::search_space,
           in_space(current_.owner, Kind::search_space, space->project, space->hash),
           std::move(head));
  return Status();
}

Status Executor::load_search_rows(SearchSpace* space, uint32_t group, SearchRowsTail** rows) {
  const auto [at, is_new] = space->rows.try_emplace(group);
  *rows = &at->second;
  if (!is_new) return Status();
  const Key key =
      in_space(current_.owner, Kind::search_rows, space->project, space->hash).u32(group);
  HeadEntry* entry = nullptr;
  if (Status s = load(Kind::search_rows, key, &entry); !s.ok()) return s;
  if (!entry->exists) return format::corrupt(key, "is missing");
  const auto* head = root<fb::SearchRows>(entry->draft);
  return format::unpack(entry->draft.tail(), head->entries(), space->fields.dimension, *rows)
             ? Status()
             : format::corrupt(key, "the tail is malformed");
}

// What is not in a block yet stays in the cache: the next ones come behind it.
Status Executor::write_search_rows(SearchSpace* space) {
  const SearchSpaceFields& fields = space->fields;
  if (space->refs.empty()) return Status();
  const uint32_t folded = fields.count / kSearchBlockOrdinals * kSearchBlockOrdinals;
  std::vector<float> aligned(fields.dimension);
  std::vector<uint16_t> halves(fields.dimension);
  size_t next = 0;
  for (uint32_t group = space->first / kSearchRowsOrdinals; next < space->refs.size(); ++group) {
    SearchRowsTail* rows = nullptr;
    if (group * kSearchRowsOrdinals < space->first) {
      if (Status s = load_search_rows(space, group, &rows); !s.ok()) return s;
    } else {
      rows = &space->rows[group];
    }
    while (next < space->refs.size() && rows->refs.size() < kSearchRowsOrdinals) {
      std::memcpy(aligned.data(), space->floats[next].data(), space->floats[next].size());
      SearchRef ref = space->refs[next++];
      ref.exponent = vector::to_halves(aligned, fields.metric, halves.data());
      rows->refs.push_back(ref);
      rows->halves.insert(rows->halves.end(), halves.begin(), halves.end());
    }
    Draft draft = encoder_.search_rows(own_work(), fields.dimension,
                                       static_cast<uint32_t>(rows->refs.size()), pack(*rows));
    int64_t effective = kNoTime;
    if (Status s = stamp(draft, current_.now, &effective); !s.ok()) return s;
    const Key key =
        in_space(current_.owner, Kind::search_rows, space->project, space->hash).u32(group);
    if ((group + 1) * kSearchRowsOrdinals > folded || cache_.find(key) != nullptr) {
      put_head(Kind::search_rows, key, std::move(draft));
    } else {
      changes_->put(family_of(Kind::search_rows), key, draft.seal(key));
    }
  }
  return Status();
}

Status Executor::load_search_bits(SearchSpace* space, uint32_t part) {
  const auto [at, is_new] = space->bitmaps.try_emplace(part);
  if (!is_new) return Status();
  const Key key =
      in_space(current_.owner, Kind::search_bitmap, space->project, space->hash).u32(part);
  HeadEntry* entry = nullptr;
  if (Status s = load(Kind::search_bitmap, key, &entry); !s.ok()) return s;
  if (entry->exists && entry->draft.tail().size() != format::kSearchBitmapBytes) {
    return format::corrupt(key, "the tail is malformed");
  }
  at->second = entry->exists ? std::string(entry->draft.tail())
                             : std::string(format::kSearchBitmapBytes, '\0');
  return Status();
}

Status Executor::write_search_bits(SearchSpace* space) {
  const auto change = [&](uint32_t ordinal, bool is_live) {
    const uint32_t part = ordinal / kSearchBitmapOrdinals;
    if (Status s = load_search_bits(space, part); !s.ok()) return s;
    set_bit(&space->bitmaps[part], ordinal % kSearchBitmapOrdinals, is_live);
    return Status();
  };
  for (uint32_t ordinal = space->first; ordinal < space->fields.count; ++ordinal) {
    if (Status s = change(ordinal, true); !s.ok()) return s;
  }
  for (const uint32_t ordinal : space->gone) {
    if (Status s = change(ordinal, false); !s.ok()) return s;
  }
  for (const auto& [part, bits] : space->bitmaps) {
    Draft draft = encoder_.search_bitmap(own_work(), count_bits(bits), bits);
    int64_t effective = kNoTime;
    if (Status s = stamp(draft, current_.now, &effective); !s.ok()) return s;
    put_head(Kind::search_bitmap,
             in_space(current_.owner, Kind::search_bitmap, space->project, space->hash).u32(part),
             std::move(draft));
  }
  return Status();
}

Status Executor::write_search_block(SearchSpace* space, uint32_t block) {
  const uint32_t dimension = space->fields.dimension;
  format::SearchBlockTail tail;
  tail.codes.resize(size_t{kSearchBlockOrdinals} * dimension);
  for (uint32_t i = 0; i < kSearchBlockOrdinals; ++i) {
    const uint32_t ordinal = block * kSearchBlockOrdinals + i;
    SearchRowsTail* rows = nullptr;
    if (Status s = load_search_rows(space, ordinal / kSearchRowsOrdinals, &rows); !s.ok()) return s;
    const uint32_t at = ordinal % kSearchRowsOrdinals;
    if (at >= rows->refs.size()) {
      return format::corrupt(
          in_space(current_.owner, Kind::search_rows, space->project, space->hash)
              .u32(ordinal / kSearchRowsOrdinals),
          "it has fewer than its space says");
    }
    const SearchRef& ref = rows->refs[at];
    const vector::CodeRow row = vector::to_codes(
        std::span(rows->halves).subspan(size_t{at} * dimension, dimension), ref.exponent,
        reinterpret_cast<uint8_t*>(tail.codes.data()) + size_t{i} * dimension);
    tail.rows.push_back({ordinal, row.scale, row.squares, ref.section});
  }
  Draft draft = encoder_.search_block(own_work(), dimension, kSearchBlockOrdinals, pack(tail));
  int64_t effective = kNoTime;
  if (Status s = stamp(draft, current_.now, &effective); !s.ok()) return s;
  const Key key = block_key(
      in_space(current_.owner, Kind::search_block, space->project, space->hash), 0, 0, block);
  changes_->put(family_of(Kind::search_block), key, draft.seal(key));
  return Status();
}

// A block none of which is searched any more goes, and its rows. What is in lists stays there until
// they are made anew.
void Executor::drop_if_dead(const SearchSpace& space, uint32_t block) {
  const uint32_t first = block * kSearchBlockOrdinals;
  for (uint32_t i = 0; i < kSearchBlockOrdinals; ++i) {
    if (space.is_live(first + i)) return;
  }
  const Key of_blocks = in_space(current_.owner, Kind::search_block, space.project, space.hash);
  if (first >= space.fields.listed) {
    changes_->erase(family_of(Kind::search_block), block_key(of_blocks, 0, 0, block));
  }
  for (uint32_t i = 0; i < kSearchBlockOrdinals; i += kSearchRowsOrdinals) {
    erase(Kind::search_rows, in_space(current_.owner, Kind::search_rows, space.project, space.hash)
                                 .u32((first + i) / kSearchRowsOrdinals));
  }
}

}  // namespace bcstore::model
