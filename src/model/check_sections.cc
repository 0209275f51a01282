// Rules of sections: lists name contents that are there, contents are named by the list of the
// revision that brought them, and embeddings fit their space.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "bcstore/options.h"
#include "model/check_walk.h"
#include "model/encode.h"

namespace bcstore::model {

using format::Key;
using format::Kind;
using format::SectionEntry;
using format::SectionSpan;

namespace {

constexpr size_t kRoundReads = 64;

// A document's lists or head, under the rules that both share.
struct Listing {
  UserId owner;
  Uuid document;
  Uuid project;  // nil when the document's head can not be read
  Uuid space;
};

// The document of the listing, and that it has a revision of this number.
Status find_document(CheckWalk& walk, const CheckedRecord& record, uint32_t rev_last,
                     Listing* listing) {
  listing->owner = record.owner();
  listing->document = record.uuid_at(17);
  CheckRead document{Key(listing->owner, Kind::document).append(listing->document)};
  if (Status s = walk.read_parent(record, &document); !s.ok() || !document.found()) return s;
  const auto& head = document.record.table<fb::DocumentHead>();
  listing->project = from_fb(head.project());
  if (rev_last > head.current_rev()) {
    walk.violation(record, "sections are of revisions that exist",
                   fmt::format("they reach {}, the newest is {}", rev_last, head.current_rev()));
  }
  return Status();
}

void check_fit(CheckWalk& walk, const CheckedRecord& record, const CheckedRecord& vector,
               const fb::VectorSpace& space) {
  const uint32_t dimension = vector.table<fb::Vector>().dimension();
  if (dimension != space.dimension()) {
    walk.violation(record, "embeddings have the dimension of their space",
                   fmt::format("{} and {}", dimension, space.dimension()));
  }
  // Also of nothing but -0.
  const std::string_view floats = vector.tail();
  bool is_zero = true;
  for (size_t i = 0; i + sizeof(float) <= floats.size(); i += sizeof(float)) {
    float x = 0;
    std::memcpy(&x, floats.data() + i, sizeof x);
    is_zero &= x == 0;
  }
  if (is_zero && static_cast<Metric>(space.metric()) == Metric::cosine) {
    walk.violation(record, "an embedding under cosine is not zero", format::to_hex(vector.key()));
  }
}

Status check_round(CheckWalk& walk, const CheckedRecord& record, std::vector<CheckRead>* reads,
                   const CheckRead& space) {
  if (Status s = walk.read(*reads, Tail::unpack); !s.ok()) return s;
  for (const CheckRead& read : *reads) {
    if (read.absent()) {
      walk.violation(record, "what a list names exists",
                     fmt::format("{} is missing", format::to_hex(read.key)));
    }
    if (read.found() && read.record.kind() == Kind::vector && space.found()) {
      check_fit(walk, record, read.record, space.record.table<fb::VectorSpace>());
    }
  }
  reads->clear();
  return Status();
}

// Every entry names contents that are there.
Status check_entries(CheckWalk& walk, const CheckedRecord& record, const Listing& listing,
                     const std::vector<SectionEntry>& entries) {
  CheckRead space{
      Key(listing.owner, Kind::vector_space).append(listing.project).append(listing.space)};
  const bool has_vector = std::any_of(entries.begin(), entries.end(),
                                      [](const SectionEntry& e) { return !e.vector.none(); });
  if (has_vector && !listing.project.is_nil()) {
    if (Status s = walk.read(space); !s.ok()) return s;
    if (space.absent()) {
      walk.violation(record, "embeddings have their space", "there is no such space");
    }
  }
  std::vector<CheckRead> reads;
  for (const SectionEntry& entry : entries) {
    reads.emplace_back(Key(listing.owner, Kind::section_block)
                           .append(listing.document)
                           .u64(entry.name)
                           .u64(entry.block));
    if (!entry.vector.none()) {
      reads.emplace_back(
          Key(listing.owner, Kind::vector).u64(entry.vector.high).u32(entry.vector.low));
    }
    if (reads.size() < kRoundReads) continue;
    if (Status s = check_round(walk, record, &reads, space); !s.ok()) return s;
  }
  return check_round(walk, record, &reads, space);
}

void check_names(CheckWalk& walk, const CheckedRecord& record,
                 const std::vector<SectionEntry>& sorted) {
  const auto twice = std::adjacent_find(
      sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.name == b.name; });
  if (twice != sorted.end()) {
    walk.violation(record, "a block stands once in a revision",
                   fmt::format("{:016x} stands twice", twice->name));
  }
}

}  // namespace

Status check_section_list(CheckWalk& walk, const CheckedRecord& record) {
  const auto& list = record.table<fb::SectionList>();
  const uint32_t rev = ~format::key_u32(record.key(), 33);
  std::vector<SectionEntry> entries;
  if (!format::unpack(record.tail(), &entries) || entries.size() != list.blocks() ||
      entries.empty() || entries.size() > kMaxBlocks) {
    walk.violation(record, "the tail lists every section",
                   fmt::format("{} bytes for {} sections", record.tail().size(), list.blocks()));
  }
  if (rev == 0 || list.rev_last() < rev) {
    walk.violation(record, "a list covers a revision",
                   fmt::format("it is of {} to {}", rev, list.rev_last()));
  }
  Listing listing;
  listing.space = from_fb(list.space());
  if (Status s = find_document(walk, record, list.rev_last(), &listing); !s.ok()) return s;

  CheckList& newer = walk.newer_list();
  const std::string document(record.key().substr(0, 33));
  std::sort(entries.begin(), entries.end());
  check_names(walk, record, entries);
  std::vector<SectionEntry> fresh = entries;
  if (newer.document == document) {
    if (list.rev_last() >= newer.rev) {
      walk.violation(
          record, "a revision has one list",
          fmt::format("it reaches {}, another begins at {}", list.rev_last(), newer.rev));
    }
    fresh.clear();
    std::set_difference(entries.begin(), entries.end(), newer.sorted.begin(), newer.sorted.end(),
                        std::back_inserter(fresh));
    if (newer.space != listing.space) fresh = entries;
  }
  if (newer.document != document) {
    Status s = check_is_searched(walk, record, listing.document, list.rev_last());
    if (!s.ok()) return s;
  }
  newer = {document, rev, listing.space, std::move(entries)};
  return check_entries(walk, record, listing, fresh);
}

Status check_section_head(CheckWalk& walk, const CheckedRecord& record) {
  const auto& head = record.table<fb::SectionHead>();
  std::vector<SectionSpan> spans;
  if (!format::unpack(record.tail(), &spans)) {
    walk.violation(record, "the tail lists every section",
                   fmt::format("{} bytes", record.tail().size()));
  }
  uint32_t rev_last = head.rev();
  std::vector<SectionEntry> entries, live;
  for (const SectionSpan& span : spans) {
    entries.push_back(span.entry);
    if (span.rev_last >= head.rev()) live.push_back(span.entry);
    rev_last = std::max(rev_last, span.rev_last);
    if (span.rev_first == 0 || span.rev_first > head.rev() || span.rev_last < span.rev_first ||
        uint64_t{span.rev_last} + 1 < head.rev()) {
      walk.violation(record, "an interval reaches the newest start, or ends right before it",
                     fmt::format("{} to {} and {}", span.rev_first, span.rev_last, head.rev()));
    }
  }
  if (head.last() > spans.size()) {
    walk.violation(record, "the interval that came last is there",
                   fmt::format("{} of {}", head.last(), spans.size()));
  }
  Listing listing;
  listing.space = from_fb(head.space());
  if (Status s = find_document(walk, record, rev_last, &listing); !s.ok()) return s;
  std::sort(entries.begin(), entries.end());
  check_names(walk, record, entries);
  if (Status s = check_is_searched(walk, record, listing.document, rev_last); !s.ok()) return s;
  return check_entries(walk, record, listing, live);
}

namespace {

// The sections of one revision, from its list or from the intervals in the document's head.
Status find_entries(CheckWalk& walk, UserId owner, const Uuid& document, uint32_t rev,
                    std::vector<SectionEntry>* entries, bool* damaged) {
  const Key prefix = Key(owner, Kind::section_list).append(document);
  CheckRead first("");
  if (Status s = walk.read_first(prefix, Key(prefix).not_u32(rev), &first); !s.ok()) return s;
  *damaged = first.state == CheckRead::State::damaged;
  if (first.found() && first.record.table<fb::SectionList>().rev_last() >= rev) {
    CheckRead list(first.key);
    if (Status s = walk.read(list, Tail::unpack); !s.ok()) return s;
    *damaged |= !list.found();
    if (list.found()) format::unpack(list.record.tail(), entries);
    return Status();
  }
  CheckRead head{Key(owner, Kind::section_head).append(document)};
  if (Status s = walk.read(head, Tail::unpack); !s.ok()) return s;
  *damaged |= head.state == CheckRead::State::damaged;
  std::vector<SectionSpan> spans;
  if (head.found()) format::unpack(head.record.tail(), &spans);
  for (const SectionSpan& span : spans) {
    if (span.rev_first <= rev && rev <= span.rev_last) entries->push_back(span.entry);
  }
  return Status();
}

template <class Matches>
Status expect_listed(CheckWalk& walk, const CheckedRecord& record, const Uuid& document,
                     uint32_t rev, Matches matches) {
  std::vector<SectionEntry> entries;
  bool damaged = false;
  Status s = find_entries(walk, record.owner(), document, rev, &entries, &damaged);
  if (!s.ok() || damaged) return s;
  if (std::none_of(entries.begin(), entries.end(), matches)) {
    walk.violation(record, "contents are in the sections of their first revision",
                   fmt::format("not in those of revision {} of {}", rev, to_string(document)));
  }
  return Status();
}

}  // namespace

Status check_section_block(CheckWalk& walk, const CheckedRecord& record) {
  const auto& block = record.table<fb::SectionBlock>();
  const uint64_t name = format::key_u64(record.key(), 33), hash = format::key_u64(record.key(), 41);
  const std::string_view id = text_of(block.block_id());
  if (id.empty()) walk.violation(record, "a section has a block_id", "it is empty");
  if (walk.salt()) {
    // An absent body and an empty one differ: one of the two hashes must be the key's.
    const auto heading = optional_text(block.heading());
    const auto of_body = [&](OptionalText body) {
      return format::block_hash(id, heading, body, *walk.salt());
    };
    const bool is_its =
        hash == of_body(record.tail()) || (record.tail().empty() && hash == of_body(std::nullopt));
    if (!is_its || name != format::block_name_hash(id, *walk.salt())) {
      walk.violation(record, "the key is the content's hash", "it is another's");
    }
  }
  return expect_listed(walk, record, record.uuid_at(17), block.rev(),
                       [&](const SectionEntry& e) { return e.name == name && e.block == hash; });
}

Status check_vector(CheckWalk& walk, const CheckedRecord& record) {
  const auto& vector = record.table<fb::Vector>();
  const std::string_view floats = record.tail();
  if (vector.dimension() == 0 || vector.dimension() > kMaxDimension ||
      floats.size() != vector.dimension() * sizeof(float)) {
    walk.violation(record, "a vector has as many floats as its dimension",
                   fmt::format("{} bytes for {}", floats.size(), vector.dimension()));
  }
  for (size_t i = 0; i + sizeof(float) <= floats.size(); i += sizeof(float)) {
    float x = 0;
    std::memcpy(&x, floats.data() + i, sizeof x);
    if (std::isfinite(x)) continue;
    walk.violation(record, "floats are finite", fmt::format("component {}", i / sizeof(float)));
    break;
  }
  const format::VectorHash hash{format::key_u64(record.key(), 17),
                                format::key_u32(record.key(), 25)};
  if (walk.salt() && format::vector_hash(floats, *walk.salt()) != hash) {
    walk.violation(record, "the key is the content's hash", "it is another's");
  }
  return expect_listed(walk, record, from_fb(vector.document()), vector.rev(),
                       [&](const SectionEntry& e) { return e.vector == hash; });
}

Status check_vector_space(CheckWalk& walk, const CheckedRecord& record) {
  const auto& space = record.table<fb::VectorSpace>();
  if (space.dimension() == 0 || space.dimension() > kMaxDimension) {
    walk.violation(record, "a space has a dimension", fmt::format("it is {}", space.dimension()));
  }
  if (to_string(static_cast<Metric>(space.metric())) == "unknown") {
    walk.unknown(record, "metric", space.metric());
  }
  if (walk.salt() && format::text_hash(text_of(space.name()), *walk.salt()) != record.uuid_at(33)) {
    walk.violation(record, "the key is the name's hash", "it is another's");
  }
  CheckRead project{Key(record.owner(), Kind::project).append(record.uuid_at(17))};
  return walk.read_parent(record, &project);
}

}  // namespace bcstore::model
