// Deciding on sections.
//
// A revision's sections are a list of entries that name contents by hash. Contents are put once for
// a document, embeddings once for an owner, and never again. A list covers one revision, or several
// that have the same sections.
//
// Imported sections come as intervals, in the order of their starts. Those that reach the newest
// start are the intake: they stand in the document's section head, and answer for every revision
// from that start on. When a later start comes, the lists of the revisions before it are complete,
// and are written; what ended right before it keeps its place for what may follow.
#include <fmt/format.h>

#include <algorithm>

#include "model/execute.h"
#include "model/keys.h"
#include "model/section_intake.h"

namespace bcstore::model {

using engine::family_of;
using format::Key;
using format::Kind;
using format::SectionEntry;
using format::SectionSpan;

struct Executor::Intake : SectionIntake {
  bool exists = false;
  int64_t created_us = 0;
  Actor actor;  // who made it, and when
};

struct Executor::Overlap {
  bool differs, is_taken;
};

namespace {

bool same_content(Kind kind, const Draft& a, const Draft& b) {
  if (a.tail() != b.tail()) return false;
  if (kind == Kind::vector) return true;
  const auto* one = root<fb::SectionBlock>(a);
  const auto* other = root<fb::SectionBlock>(b);
  return text_of(one->block_id()) == text_of(other->block_id()) &&
         optional_text(one->heading()) == optional_text(other->heading());
}

}  // namespace

Status Executor::need_revisions(const Op& op, Uuid* project) {
  HeadEntry* document = nullptr;
  if (Status s = need(Kind::document, with_id(current_.owner, Kind::document, op.parent),
                      "document", op.parent, &document);
      !s.ok()) {
    return s;
  }
  const auto* head = root<fb::DocumentHead>(document->draft);
  *project = from_fb(head->project());
  if (op.sections->rev_last <= head->current_rev()) return Status();
  return Status(Code::not_found, fmt::format("document {} has no revision {}", to_string(op.parent),
                                             op.sections->rev_last));
}

// The project's space must take these embeddings; the first one makes it.
Status Executor::fit_space(const Op& op, const Uuid& project) {
  const Sections& sections = *op.sections;
  if (sections.dimension == 0) return Status();
  const auto refuse = [&](std::string reason) {
    return Status(Code::invalid_argument, "embedding: " + std::move(reason));
  };
  const Key key = with_id(current_.owner, Kind::vector_space, project).append(sections.space_hash);
  HeadEntry* entry = nullptr;
  if (Status s = load(Kind::vector_space, key, &entry); !s.ok()) return s;
  auto metric = sections.metric.value_or(Metric::cosine);
  if (entry->exists) {
    const auto* space = root<fb::VectorSpace>(entry->draft);
    if (text_of(space->name()) != sections.space) {
      return Status(Code::internal, "two spaces have one hash");
    }
    const auto fixed = static_cast<Metric>(space->metric());
    if (space->dimension() != sections.dimension) {
      return refuse(
          fmt::format("has {} dimensions, the space {}", sections.dimension, space->dimension()));
    }
    if (sections.metric && metric != fixed) {
      return refuse(
          fmt::format("metric {}, the space has {}", to_string(metric), to_string(fixed)));
    }
    metric = fixed;
  }
  if (metric == Metric::cosine && sections.has_zero) {
    return refuse("a zero vector has no direction, which cosine needs");
  }
  if (entry->exists) return Status();
  Draft space = encoder_.vector_space({*current_.actor, current_.owner}, sections.space,
                                      sections.dimension, metric);
  int64_t effective = kNoTime;
  if (Status s = stamp(space, current_.now, &effective); !s.ok()) return s;
  put_head(Kind::vector_space, key, std::move(space));
  return Status();
}

// Puts what is not there yet. The cache holds a mark for contents that are: a second hash of them.
Status Executor::put_contents(Op& op) {
  std::vector<SectionItem>& items = op.sections->items;
  std::vector<engine::Read> reads;
  std::vector<engine::Read> missing;
  for (const SectionItem& item : items) {
    reads.push_back(
        {family_of(Kind::section_block), section_key(current_.owner, op.parent, item.entry).str()});
    reads.push_back({family_of(Kind::vector), vector_key(current_.owner, item.entry).str()});
  }
  std::vector<size_t> asked;
  for (size_t i = 0; i < reads.size(); ++i) {
    const bool is_none = i % 2 == 1 && items[i / 2].entry.vector.none();
    if (is_none || cache_.find(reads[i].key) != nullptr) continue;
    asked.push_back(i);
    missing.push_back({reads[i].family, reads[i].key});
  }
  if (!missing.empty()) engine_.multi_get(missing, nullptr);
  for (size_t i = 0; i < asked.size(); ++i) reads[asked[i]] = std::move(missing[i]);
  for (size_t i = 0; i < items.size(); ++i) {
    SectionItem& item = items[i];
    Status s = put_content(Kind::section_block, item.block_check, item.block, reads[2 * i]);
    if (s.ok() && !item.entry.vector.none()) {
      s = put_content(Kind::vector, item.vector_check, item.vector, reads[2 * i + 1]);
    }
    if (!s.ok()) return s;
  }
  return Status();
}

Status Executor::put_content(Kind kind, uint64_t check, Draft& draft, const engine::Read& read) {
  const Status collision(Code::internal, "two contents of sections have one hash");
  const HeadEntry* mark = cache_.find(read.key);
  if (mark != nullptr && mark->exists) return mark->seq == check ? Status() : collision;
  HeadEntry fresh;
  fresh.exists = true;
  fresh.seq = check;
  if (read.status.ok()) {
    Draft stored;
    if (Status s = verified_copy(read.key, read.value.bytes(), &stored); !s.ok()) return s;
    if (!same_content(kind, stored, draft)) return collision;
    cache_.put(read.key, std::move(fresh));
    return Status();
  }
  if (read.status.code() != Code::not_found) return read.status;
  int64_t effective = kNoTime;
  if (Status s = stamp(draft, current_.now, &effective); !s.ok()) return s;
  changes_->put(family_of(kind), read.key, draft.seal(read.key));
  replace(read.key, std::move(fresh));
  return Status();
}

Status Executor::put_list(const Uuid& document, uint32_t rev, const Encoder::ListFields& fields) {
  Draft list = encoder_.section_list({*current_.actor, current_.owner}, fields);
  int64_t effective = kNoTime;
  if (Status s = stamp(list, current_.now, &effective); !s.ok()) return s;
  const Key key = with_id(current_.owner, Kind::section_list, document).not_u32(rev);
  changes_->put(family_of(Kind::section_list), key, list.seal(key));
  PendingList pending{current_.owner, document, {rev, fields.rev_last, fields.space, {}}};
  if (!format::unpack(fields.entries, &pending.list.entries)) {
    return Status(Code::internal, "a list of sections that was not packed");
  }
  pending_lists_.push_back(std::move(pending));
  return Status();
}

Status Executor::each_list(const Uuid& document, uint32_t first, uint32_t last,
                           const SectionLists::Visitor& visit) {
  for (const PendingList& pending : pending_lists_) {
    const bool is_its = pending.document == document && pending.owner == current_.owner;
    if (!is_its || pending.list.last < first || pending.list.first > last) continue;
    if (Status s = visit(pending.list); !s.ok()) return s;
  }
  return section_lists_.each(current_.owner, document, first, last, visit);
}

Status Executor::load_intake(const Uuid& document, Intake* intake) {
  if (Status s = load_spans(document, intake); !s.ok()) return s;
  HeadEntry* entry = nullptr;
  const Key key = with_id(current_.owner, Kind::section_head, document);
  if (Status s = load(Kind::section_head, key, &entry); !s.ok()) return s;
  intake->exists = entry->exists;
  if (!entry->exists) return Status();
  const auto* head = root<fb::SectionHead>(entry->draft);
  intake->created_us = head->created_at();
  intake->actor = actor_of(*head, current_.owner);
  return Status();
}

Status Executor::load_spans(const Uuid& document, SectionIntake* intake) {
  HeadEntry* entry = nullptr;
  const Key key = with_id(current_.owner, Kind::section_head, document);
  if (Status s = load(Kind::section_head, key, &entry); !s.ok() || !entry->exists) return s;
  const auto* head = root<fb::SectionHead>(entry->draft);
  intake->rev = head->rev();
  intake->last = head->last();
  intake->space = from_fb(head->space());
  return format::unpack(entry->draft.tail(), &intake->spans)
             ? Status()
             : format::corrupt(key, "the tail is malformed");
}

Status Executor::put_intake(const Uuid& document, const Intake& intake) {
  std::string spans;
  for (const SectionSpan& span : intake.spans) format::append(&spans, span);
  const Actor& actor = intake.exists ? intake.actor : *current_.actor;
  Draft head = encoder_.section_head({actor, current_.owner},
                                     {intake.rev, intake.last, intake.space, spans});
  int64_t effective = kNoTime;
  const Time created = intake.exists ? Time{intake.created_us} : current_.now;
  if (Status s = stamp(head, created, &effective); !s.ok()) return s;
  defer_head(Kind::section_head, with_id(current_.owner, Kind::section_head, document),
             std::move(head));
  return Status();
}

// Everything that the revisions before `rev` hold is known: their lists are written.
Status Executor::write_lists_before(const Uuid& document, uint32_t rev, const Intake& intake) {
  for (uint32_t first = intake.rev; first < rev;) {
    uint32_t last = rev - 1, blocks = 0;
    std::string entries;
    bool has_vector = false;
    for (const SectionSpan& span : intake.spans) {
      if (span.rev_last < first) continue;
      last = std::min(last, span.rev_last);
      has_vector |= !span.entry.vector.none();
      format::append(&entries, span.entry);
      ++blocks;
    }
    if (blocks == 0) break;
    const Encoder::ListFields fields{last, blocks, has_vector ? intake.space : Uuid(), entries};
    if (Status s = put_list(document, first, fields); !s.ok()) return s;
    first = last + 1;
  }
  return Status();
}

Status Executor::add_sections(Op& op) {
  const Sections& sections = *op.sections;
  const uint32_t rev = sections.rev_first;
  Uuid project;
  if (Status s = need_revisions(op, &project); !s.ok()) return s;
  Intake intake;
  if (Status s = load_intake(op.parent, &intake); !s.ok()) return s;
  bool is_taken = std::any_of(intake.spans.begin(), intake.spans.end(), [&](const SectionSpan& s) {
    return rev >= intake.rev && rev <= s.rev_last;
  });
  Status looked = each_list(op.parent, rev, rev, [&](const SectionsOf&) {
    is_taken = true;
    return Status();
  });
  if (!looked.ok()) return looked;
  if (is_taken) {
    return Status(Code::already_exists, fmt::format("revision {} of document {} has sections", rev,
                                                    to_string(op.parent)));
  }
  if (Status s = fit_space(op, project); !s.ok()) return s;
  if (Status s = put_contents(op); !s.ok()) return s;
  std::string entries;
  for (const SectionItem& item : sections.items) format::append(&entries, item.entry);
  const Encoder::ListFields fields{rev, static_cast<uint32_t>(sections.items.size()),
                                   sections.dimension != 0 ? sections.space_hash : Uuid(), entries};
  if (Status s = put_list(op.parent, rev, fields); !s.ok()) return s;
  note_embedded(op);
  touch(Kind::section_list, op.parent, rev);
  return Status();
}

// Whether every revision of the interval has this section, or every one up to the end that it had
// before; a refusal when one says otherwise.
Status Executor::find_present(const Op& op, const Intake& intake, Presence* presence) {
  const Sections& sections = *op.sections;
  const SectionEntry& entry = sections.items.front().entry;
  const uint32_t first = sections.rev_first, last = sections.rev_last;
  const SectionSpan* span = intake.find(entry.name);
  const bool is_live = span != nullptr && intake.is_live(*span);
  // What ended has its space in the lists.
  const bool in_space = entry.vector.none() || !is_live || intake.space == sections.space_hash;
  const bool is_its =
      span != nullptr && span->entry == entry && span->rev_first == first && in_space;
  *presence = Presence::whole;
  if (is_its && is_live && span->rev_last == last) return Status();
  uint64_t covered = 0;
  bool differs = false, is_taken = false;
  Status looked = each_list(op.parent, first, last, [&](const SectionsOf& list) {
    is_taken |= list.last >= intake.rev;
    for (const SectionEntry& one : list.entries) {
      if (one.name != entry.name) continue;
      const bool same = one == entry && (entry.vector.none() || list.space == sections.space_hash);
      differs |= !same;
      if (same) covered += std::min(list.last, last) - std::max(list.first, first) + 1;
    }
    return Status();
  });
  if (!looked.ok()) return looked;
  const bool overlaps = is_live && span->rev_last >= first && last >= intake.rev;
  const bool reaches = is_its && span->rev_last < last && !differs && !is_taken;
  if (overlaps && is_its && span->rev_last <= last) {
    covered += span->rev_last - std::max(first, intake.rev) + 1;
  } else if (overlaps) {
    differs |= span->rev_first == first;
    is_taken = true;
  }
  if (covered == uint64_t{last} - first + 1) return Status();
  *presence = Presence::beginning;
  if (reaches && covered == uint64_t{span->rev_last} - first + 1) return Status();
  *presence = Presence::none;
  return refuse_section(op, intake, {differs || covered > 0, is_taken});
}

Status Executor::refuse_section(const Op& op, const Intake& intake, const Overlap& overlap) const {
  const uint32_t first = op.sections->rev_first;
  const std::string where = fmt::format("of revisions {} to {} of document {}", first,
                                        op.sections->rev_last, to_string(op.parent));
  if (overlap.differs) {
    return Status(Code::conflict, "the section " + where + " is here with other contents");
  }
  if (first < intake.rev) {
    return Status(
        Code::failed_precondition,
        fmt::format("the section {} comes after one from revision {}", where, intake.rev));
  }
  return overlap.is_taken ? Status(Code::already_exists, "a section " + where + " is here already")
                          : Status();
}

// Beside the sections of the revision from which on it is new.
Status Executor::fit_intake(const Op& op, const Intake& intake) const {
  const Sections& sections = *op.sections;
  const uint32_t rev = std::max(sections.rev_first, intake.rev);
  size_t others = 0;
  bool has_vector = false;
  for (const SectionSpan& span : intake.spans) {
    if (span.rev_last < rev || span.entry.name == sections.items.front().entry.name) continue;
    ++others;
    has_vector |= !span.entry.vector.none();
  }
  if (sections.dimension != 0 && has_vector && intake.space != sections.space_hash) {
    return Status(Code::invalid_argument,
                  fmt::format("embedding: those of revision {} are of another space", rev));
  }
  if (others < kMaxBlocks) return Status();
  return Status(Code::invalid_argument,
                fmt::format("revision {} has more than {} sections", rev, kMaxBlocks));
}

Status Executor::import_section(Op& op) {
  const Sections& sections = *op.sections;
  Uuid project;
  if (Status s = need_revisions(op, &project); !s.ok()) return s;
  Intake intake;
  if (Status s = load_intake(op.parent, &intake); !s.ok()) return s;
  if (Status s = fit_space(op, project); !s.ok()) return s;
  Presence presence = Presence::none;
  if (Status s = find_present(op, intake, &presence); !s.ok()) return s;
  if (presence == Presence::whole) {
    current_.present = true;
    return Status();
  }
  if (Status s = fit_intake(op, intake); !s.ok()) return s;
  const SectionSpan span{sections.items.front().entry, sections.rev_first, sections.rev_last};
  if (presence == Presence::beginning) {
    // The document went on and the section stayed as it was.
    intake.extend(span.entry.name, span.rev_last);
  } else {
    if (Status s = write_lists_before(op.parent, span.rev_first, intake); !s.ok()) return s;
    intake.advance(span.rev_first);
    intake.place(span, sections.ordinal);
    if (Status s = put_contents(op); !s.ok()) return s;
  }
  if (sections.dimension != 0) intake.space = sections.space_hash;
  if (Status s = put_intake(op.parent, intake); !s.ok()) return s;
  note_embedded(op);
  touch(Kind::section_head, op.parent, sections.rev_first);
  return Status();
}

}  // namespace bcstore::model
