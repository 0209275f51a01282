// A search from its arguments to its hits, and by floats alone.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>

#include "model/execute.h"
#include "model/search.h"

namespace bcstore {

Result<std::vector<SearchHit>> Tenant::search(ProjectId project, std::span<const float> query,
                                              const SearchOptions& o) const {
  if (Status s = model::begin_read(*state_); !s.ok()) return s;
  return model::Search(*state_, project, query, o).run();
}

Result<std::vector<SearchHit>> Tenant::search(std::span<const float> query,
                                              const SearchOptions& o) const {
  if (Status s = model::begin_read(*state_); !s.ok()) return s;
  return model::search_projects(*this, *state_, query, o);
}

namespace model {

using engine::family_of;
using format::Key;
using format::Kind;
using format::SearchEntry;
using format::SectionEntry;

namespace {

constexpr size_t kRoundVectors = 64;

Status invalid(std::string reason) { return Status(Code::invalid_argument, std::move(reason)); }

// The first lists lie newest first; a list may reach beyond the newest interval, or the other way.
Status read_newest_list(engine::Engine& engine, UserId owner, const Uuid& document,
                        uint32_t last_rev, const engine::Snapshot* at, NewestSections* newest) {
  const Key prefix = with_id(owner, Kind::section_list, document);
  auto scan = engine.scan({family_of(Kind::section_list), Key(prefix).not_u32(last_rev).str(),
                           format::after_prefix(prefix), false, at});
  if (!scan->next()) return scan->status();
  RecordBody body;
  if (Status s = body.view(scan->key(), scan->value()); !s.ok()) return s;
  newest->rev = std::min(body.root<fb::SectionList>()->rev_last(), last_rev);
  newest->space = from_fb(body.root<fb::SectionList>()->space());
  return format::unpack(body.tail(), &newest->entries)
             ? Status()
             : format::corrupt(scan->key(), "the tail is malformed");
}

}  // namespace

Status read_newest_sections(engine::Engine& engine, UserId owner, const Uuid& document,
                            uint32_t last_rev, const engine::Snapshot* at, NewestSections* newest) {
  Status read = read_newest_list(engine, owner, document, last_rev, at, newest);
  if (!read.ok()) return read;
  const Key key = with_id(owner, Kind::section_head, document);
  engine::Value value;
  Status s = engine.get(family_of(Kind::section_head), key, at, &value);
  if (s.code() == Code::not_found) return Status();
  RecordBody body;
  if (s.ok()) s = body.view(key, value.bytes());
  if (!s.ok()) return s;
  std::vector<format::SectionSpan> spans;
  if (!format::unpack(body.tail(), &spans)) return format::corrupt(key, "the tail is malformed");
  const uint32_t rev = body.root<fb::SectionHead>()->rev();
  uint32_t last = 0;
  for (const format::SectionSpan& span : spans) {
    if (rev <= last_rev && span.rev_last >= rev) {
      last = std::max(last, std::min(span.rev_last, last_rev));
    }
  }
  if (last <= newest->rev) return Status();
  newest->rev = last;
  newest->space = from_fb(body.root<fb::SectionHead>()->space());
  newest->entries.clear();
  for (const format::SectionSpan& span : spans) {
    if (span.rev_last >= last) newest->entries.push_back(span.entry);
  }
  return Status();
}

namespace {

// The projects that have such a space, by the dimension of the query and of one metric.
Status find_projects(const TenantState& state, std::span<const float> query, const SearchOptions& o,
                     const engine::Snapshot* at, std::vector<ProjectId>* projects) {
  const Uuid hash = format::text_hash(o.space, state.core->salt());
  const Key prefix(state.owner, Kind::vector_space);
  auto scan = state.core->engine().scan(
      {family_of(Kind::vector_space), prefix.str(), format::after_prefix(prefix), false, at});
  RecordBody body;
  std::optional<uint8_t> metric;
  while (scan->next()) {
    const size_t ids_at = prefix.view().size();
    if (format::key_uuid(scan->key(), ids_at + 16) != hash) continue;
    if (Status s = body.view(scan->key(), scan->value()); !s.ok()) return s;
    const auto* space = body.root<fb::VectorSpace>();
    if (space->dimension() != query.size()) continue;
    if (!metric) metric = space->metric();
    if (*metric == space->metric()) {
      projects->emplace_back(format::key_uuid(scan->key(), ids_at));
    }
  }
  return scan->status();
}

}  // namespace

Result<std::vector<SearchHit>> search_projects(const Tenant& tenant, const TenantState& state,
                                               std::span<const float> query,
                                               const SearchOptions& o) {
  if (o.version || o.document) return invalid("version: not of all projects");
  if (o.as_of.by == AsOf::By::version) return invalid("as_of: a version is of no project here");
  if (Status s = Search(state, ProjectId(Uuid{{1}}), query, o).check_arguments(); !s.ok()) return s;
  SearchOptions each = o;
  std::optional<Snapshot> own;
  if (o.snapshot == nullptr) {
    auto snapshot = tenant.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    own = *std::move(snapshot);
    each.snapshot = &*own;
  }
  const engine::Snapshot* at = nullptr;
  if (Status s = use_snapshot(state, each.snapshot, &at); !s.ok()) return s;
  std::vector<ProjectId> projects;
  if (Status s = find_projects(state, query, o, at, &projects); !s.ok()) return s;
  std::vector<SearchHit> all;
  for (const ProjectId project : projects) {
    auto hits = Search(state, project, query, each).run();
    // Of the past there may be none of it yet.
    if (hits.status().code() == Code::not_found) continue;
    if (!hits.ok()) return hits.status();
    std::move(hits->begin(), hits->end(), std::back_inserter(all));
    std::stable_sort(all.begin(), all.end(), [](const SearchHit& a, const SearchHit& b) {
      return a.distance < b.distance;
    });
    if (all.size() > o.k) all.erase(all.begin() + static_cast<ptrdiff_t>(o.k), all.end());
  }
  return all;
}

Result<std::vector<SearchHit>> Search::run() {
  if (Status s = check_arguments(); !s.ok()) return s;
  engine_ = &state_.core->engine();
  place_.space = format::text_hash(options_.space, state_.core->salt());
  if (Status s = use_snapshot(state_, options_.snapshot, &at_); !s.ok()) return s;
  std::vector<Hit> hits;
  const bool by_floats = options_.is_exact || !is_of_now();
  if (Status s = by_floats ? search_floats(&hits) : search_current(&hits); !s.ok()) return s;
  std::vector<SearchHit> out;
  if (Status s = read_blocks(hits, &out); !s.ok()) return s;
  return out;
}

Status Search::check_arguments() const {
  if (Status s = check_id("project id", place_.project); !s.ok()) return s;
  if (Status s = check_text("space", options_.space, kMaxSpaceNameBytes, Empty::allowed); !s.ok()) {
    return s;
  }
  if (options_.k == 0 || options_.k > kMaxPageRows) {
    return invalid(fmt::format("k: {} is outside 1 to {}", options_.k, kMaxPageRows));
  }
  if (!(options_.min_recall > 0 && options_.min_recall <= 1)) {
    return invalid(fmt::format("min_recall: {} is not above 0 and at most 1", options_.min_recall));
  }
  if (options_.section && to_string(*options_.section) == "unknown") {
    return invalid("section: no such value");
  }
  if (options_.version && options_.document) {
    return invalid("version: not together with a document");
  }
  if (options_.as_of.by != AsOf::By::now && (options_.version || options_.document)) {
    return invalid("as_of: not together with a version or a document");
  }
  if (options_.document.has_value() != options_.rev.has_value()) {
    return invalid("rev: goes together with a document");
  }
  if (floats_.empty() || floats_.size() > kMaxDimension) {
    return invalid(
        fmt::format("query: {} dimensions are outside 1 to {}", floats_.size(), kMaxDimension));
  }
  for (size_t i = 0; i < floats_.size(); ++i) {
    if (!std::isfinite(floats_[i])) {
      return invalid(fmt::format("query: component {} is not finite", i));
    }
  }
  return Status();
}

Status Search::begin_query(uint32_t dimension, Metric metric) {
  if (floats_.size() != dimension) {
    return invalid(
        fmt::format("query: has {} dimensions, the space {}", floats_.size(), dimension));
  }
  const bool is_zero = std::all_of(floats_.begin(), floats_.end(), [](float x) { return x == 0; });
  if (is_zero && metric == Metric::cosine) {
    return invalid("query: a zero vector has no direction, which cosine needs");
  }
  query_.emplace(floats_, metric);
  return Status();
}

// What is searched tells dimension and metric too; a space of older revisions alone is not
// searched.
Status Search::open_space() {
  Key key = place_.key(Kind::search_space);
  engine::Value value;
  RecordBody body;
  Status s = engine_->get(family_of(Kind::search_space), key, at_, &value);
  if (s.ok()) {
    if (s = body.view(key, value.bytes()); !s.ok()) return s;
    fields_ = fields_of(*body.root<fb::SearchSpace>());
    if (fields_->codec != vector::kCodec) {
      return Status(Code::unsupported_format, "the space was written by a newer library");
    }
    if (!is_sound(*fields_)) return format::corrupt(key, "its numbers do not go together");
    return begin_query(fields_->dimension, fields_->metric);
  }
  if (s.code() != Code::not_found) return s;
  key = place_.key(Kind::vector_space);
  s = engine_->get(family_of(Kind::vector_space), key, at_, &value);
  if (s.code() == Code::not_found) {
    if (s = need_project(); !s.ok()) return s;
    is_empty_ = true;
    if (options_.space.empty()) return Status();
    return Status(Code::not_found, fmt::format("project {} has no vector space of this name",
                                               to_string(place_.project)));
  }
  if (s.ok()) s = body.view(key, value.bytes());
  if (!s.ok()) return s;
  const auto* made = body.root<fb::VectorSpace>();
  return begin_query(made->dimension(), static_cast<Metric>(made->metric()));
}

Status Search::need_project() {
  engine::Value value;
  Status s = engine_->get(family_of(Kind::project),
                          with_id(state_.owner, Kind::project, place_.project), at_, &value);
  return s.code() == Code::not_found ? no_such("project", place_.project) : s;
}

Status Search::find_targets(std::vector<SearchTarget>* targets) {
  if (options_.as_of.by != AsOf::By::now) return find_of_past(targets);
  if (options_.version) return find_of_version(targets);
  if (options_.document) return find_of_revision(targets);
  return find_current(targets);
}

Status Search::find_current(std::vector<SearchTarget>* targets) {
  const Key prefix = with_id(state_.owner, Kind::search_head, place_.project);
  auto scan = engine_->scan(
      {family_of(Kind::search_head), prefix.str(), format::after_prefix(prefix), false, at_});
  RecordBody body;
  while (scan->next()) {
    if (Status s = body.view(scan->key(), scan->value()); !s.ok()) return s;
    const auto* head = body.root<fb::SearchHead>();
    SearchTarget target{from_fb(head->document()),
                        from_fb(head->space()),
                        static_cast<uint8_t>(scan->key().back()),
                        head->rev(),
                        {}};
    if (!format::unpack(body.tail(), &target.entries)) {
      return format::corrupt(scan->key(), "the tail is malformed");
    }
    targets->push_back(std::move(target));
  }
  return scan->status();
}

Status Search::find_of_version(std::vector<SearchTarget>* targets) {
  const Key version =
      with_id(state_.owner, Kind::project_version, place_.project).not_u32(*options_.version);
  engine::Value value;
  Status s = engine_->get(family_of(Kind::project_version), version, at_, &value);
  if (s.code() == Code::not_found) {
    if (s = need_project(); !s.ok()) return s;
    return Status(Code::not_found, fmt::format("project {} has no version {}",
                                               to_string(place_.project), *options_.version));
  }
  return s.ok() ? find_up_to(*options_.version, nullptr, targets) : s;
}

// A revision's sections are there as soon as it is.
Status Search::find_of_past(std::vector<SearchTarget>* targets) {
  Result<Past> opened = Past::open(state_, options_.as_of, options_.snapshot, place_.project);
  if (!opened.ok()) return opened.status();
  past_ = *std::move(opened);
  if (past_->at() != nullptr) at_ = past_->at();
  auto project = past_->head(Kind::project, with_id(state_.owner, Kind::project, place_.project));
  if (!project.ok()) return project.status();
  if (*project == nullptr) return no_such("project", place_.project);
  return find_up_to((*project)->root<fb::ProjectHead>()->current_version(), &*past_, targets);
}

// For each section the document of the greatest version, not above this one, that has any.
Status Search::find_up_to(uint32_t version, const Past* past, std::vector<SearchTarget>* targets) {
  for (uint8_t section = 1; section <= kSections; ++section) {
    const Key prefix = with_id(state_.owner, Kind::document_by_section, place_.project).u8(section);
    auto scan =
        engine_->scan({family_of(Kind::document_by_section), Key(prefix).not_u32(version).str(),
                       format::after_prefix(prefix), false, at_});
    bool found = false;
    while (!found && scan->next()) {
      format::Parsed parsed;
      if (Status s = format::parse_record(scan->key(), scan->value(), &parsed); !s.ok()) return s;
      format::Reference reference;
      if (!format::unpack(parsed.meta, &reference)) {
        return format::corrupt(scan->key(), "the payload is malformed");
      }
      uint32_t last_rev = UINT32_MAX;
      if (past != nullptr) {
        auto document =
            past->head(Kind::document, with_id(state_.owner, Kind::document, reference.id));
        if (!document.ok()) return document.status();
        if (*document == nullptr) continue;
        last_rev = (*document)->root<fb::DocumentHead>()->current_rev();
      }
      SearchTarget target;
      target.section = section;
      if (Status s = read_document(reference.id, last_rev, &target, &found); !s.ok()) return s;
      if (found) targets->push_back(std::move(target));
    }
    if (!scan->status().ok()) return scan->status();
  }
  return Status();
}

Status Search::read_document(const Uuid& id, uint32_t last_rev, SearchTarget* target, bool* found) {
  NewestSections newest;
  Status s = read_newest_sections(*engine_, state_.owner, id, last_rev, at_, &newest);
  if (!s.ok()) return s;
  *found = newest.rev != 0;
  target->document = id;
  target->rev = newest.rev;
  target->space = newest.space;
  for (const SectionEntry& entry : newest.entries) target->entries.push_back({entry, 0});
  return Status();
}

Status Search::find_of_revision(std::vector<SearchTarget>* targets) {
  const Uuid& id = options_.document->uuid();
  if (Status s = check_id("document id", id); !s.ok()) return s;
  const Key key = with_id(state_.owner, Kind::document, id);
  engine::Value value;
  Status s = engine_->get(family_of(Kind::document), key, at_, &value);
  if (s.code() == Code::not_found) return no_such("document", id);
  RecordBody body;
  if (s.ok()) s = body.view(key, value.bytes());
  if (!s.ok()) return s;
  const auto* head = body.root<fb::DocumentHead>();
  if (from_fb(head->project()) != place_.project) return no_such("document", id);
  if (*options_.rev == 0 || *options_.rev > head->current_rev()) {
    return Status(Code::not_found,
                  fmt::format("document {} has no revision {}", to_string(id), *options_.rev));
  }
  SearchTarget target{id, {}, head->section(), *options_.rev, {}};
  std::vector<SectionEntry> entries;
  if (s = read_entries(*engine_, state_.owner, id, target.rev, at_, &entries, &target.space);
      !s.ok()) {
    return s;
  }
  for (const SectionEntry& entry : entries) target.entries.push_back({entry, 0});
  targets->push_back(std::move(target));
  return Status();
}

// Every embedding of the targets, in rounds.
Status Search::search_floats(std::vector<Hit>* hits) {
  if (Status s = take_snapshot(); !s.ok()) return s;
  if (Status s = open_space(); !s.ok()) return s;
  if (Status s = find_targets(&targets_); !s.ok() || is_empty_) return s;
  const bool is_current = is_of_now();
  vector::Top top(options_.k);
  std::vector<Candidate> round;
  const auto measure = [&]() -> Status {
    if (Status s = measure_by_floats(&round); !s.ok()) return s;
    for (const Candidate& one : round) top.offer(one.distance, one.number);
    round.clear();
    return Status();
  };
  std::map<uint64_t, Hit> by_number;
  for (const SearchTarget& target : targets_) {
    if (target.space != place_.space) continue;
    if (options_.section && target.section != static_cast<uint8_t>(*options_.section)) continue;
    for (uint32_t i = 0; i < target.entries.size(); ++i) {
      const SearchEntry& entry = target.entries[i];
      if (entry.section.vector.none()) continue;
      // As they came, where that is known.
      const uint64_t number = is_current ? entry.ordinal : by_number.size();
      by_number[number] = {0, &target, i};
      round.push_back({0, number, entry.section.vector});
      if (round.size() < kRoundVectors) continue;
      if (Status s = measure(); !s.ok()) return s;
    }
  }
  if (Status s = measure(); !s.ok()) return s;
  for (const vector::Near& near : top.take()) {
    hits->push_back(by_number[near.number]);
    hits->back().distance = near.distance;
  }
  return Status();
}

Status Search::measure_by_floats(std::vector<Candidate>* candidates,
                                 const std::function<void(size_t, std::span<const float>)>& see) {
  if (candidates->empty()) return Status();
  std::vector<engine::Read> reads;
  for (const Candidate& one : *candidates) {
    SectionEntry entry;
    entry.vector = one.vector;
    reads.push_back({family_of(Kind::vector), vector_key(state_.owner, entry).str()});
  }
  engine_->multi_get(reads, at_);
  std::vector<float> floats(floats_.size());
  for (size_t i = 0; i < reads.size(); ++i) {
    if (reads[i].status.code() == Code::not_found) {
      return format::corrupt(reads[i].key, "is missing");
    }
    if (!reads[i].status.ok()) return reads[i].status;
    format::Parsed parsed;
    if (Status s = format::parse_record(reads[i].key, reads[i].value.bytes(), &parsed); !s.ok()) {
      return s;
    }
    if (parsed.tail.size() != floats_.size_bytes()) {
      return format::corrupt(reads[i].key, "of another dimension than its space");
    }
    std::memcpy(floats.data(), parsed.tail.data(), parsed.tail.size());
    (*candidates)[i].distance = query_->by_floats(floats, vector::square_sum(floats));
    if (see) see(i, floats);
  }
  return Status();
}

// The blocks of the hits, each with its embedding.
Status Search::read_blocks(const std::vector<Hit>& hits, std::vector<SearchHit>* out) {
  std::vector<engine::Read> reads;
  for (const Hit& hit : hits) {
    SearchHit shown;
    shown.project = ProjectId(place_.project);
    shown.document = DocumentId(hit.target->document);
    shown.section = static_cast<Section>(hit.target->section);
    shown.rev = hit.target->rev;
    shown.ordinal = hit.index;
    shown.distance = hit.distance;
    out->push_back(std::move(shown));
    if (!options_.with_blocks) continue;
    const SectionEntry& entry = hit.target->entries[hit.index].section;
    reads.push_back({family_of(Kind::section_block),
                     section_key(state_.owner, hit.target->document, entry).str()});
    reads.push_back({family_of(Kind::vector), vector_key(state_.owner, entry).str()});
  }
  if (reads.empty()) return Status();
  engine_->multi_get(reads, at_);
  for (size_t i = 0; i < hits.size(); ++i) {
    engine::Read& block = reads[2 * i];
    engine::Read& floats = reads[2 * i + 1];
    for (const engine::Read* read : {&block, &floats}) {
      if (read->status.code() == Code::not_found) return format::corrupt(read->key, "is missing");
      if (!read->status.ok()) return read->status;
    }
    auto body = std::make_unique<RecordBody>();
    if (Status s = body->keep(block.key, std::move(block.value)); !s.ok()) return s;
    body->place(hits[i].target->rev, hits[i].index);
    if (Status s = body->attach(floats.key, std::move(floats.value)); !s.ok()) return s;
    (*out)[i].block = RecordAccess::make<SectionBlock>(std::move(body));
  }
  return Status();
}

}  // namespace model
}  // namespace bcstore
