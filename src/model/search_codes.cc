// The search of what is current: by codes, then by floats.
#include <algorithm>
#include <bit>
#include <limits>

#include "model/core.h"
#include "model/search.h"
#include "model/search_lists.h"
#include "vector/kernels.h"

namespace bcstore::model {

using format::Key;
using format::Kind;
using format::kSearchBlockOrdinals;

namespace {

// How many of the nearest by codes may be measured. Of 10 asked for, 40 lost none on any data that
// was measured.
constexpr size_t kMeasuredTimes = 4;
constexpr size_t kLeastMeasured = 40;
constexpr size_t kMoreTimes = 8;
// Of blocks in hand at one time.
constexpr size_t kWindowBytes = size_t{2} << 20;
constexpr size_t kMostWindow = 64;

}  // namespace

Status Search::search_current(std::vector<Hit>* hits) {
  if (Status s = usable_caches(*state_.core, options_.snapshot, &as_of_); !s.ok()) return s;
  if (at_ != nullptr) epoch_ = Access::body(*options_.snapshot)->search_epoch;
  while (true) {
    if (Status s = find_view(); !s.ok()) return s;
    if (view_ == nullptr || view_->fields().live == 0) return Status();
    Status s = search_view(hits);
    if (!is_stale_) return s;
    is_stale_ = false;  // there is a snapshot now, so it will not be again
  }
}

bool Search::is_true(const SearchView& view) const {
  const uint64_t epoch = at_ == nullptr ? state_.core->searches().epoch() : epoch_;
  return view.epoch == epoch && state_.core->rows().holds(view.witness, as_of_);
}

// Null when nothing is searched in the space.
Status Search::find_view() {
  SearchCache& cache = state_.core->searches();
  RowCache& rows = state_.core->rows();
  const std::string name = place_.name();
  const auto known = cache.find_view(name);
  view_ = known;
  if (known != nullptr && is_true(*known)) {
    return query_ ? Status() : begin_query(known->fields().dimension, known->fields().metric);
  }
  view_ = nullptr;
  if (Status s = take_snapshot(); !s.ok()) return s;
  query_.reset();
  fields_.reset();
  if (Status s = open_space(); !s.ok() || !fields_) return s;
  auto view = SearchView::read({*engine_, at_, place_, cache.view_bytes(), cache.floats(), known},
                               *fields_);
  if (!view.ok()) return view.status();
  (*view)->epoch = epoch_;
  (*view)->witness = RowCache::Witness(
      rows, {name, with_id(state_.owner, Kind::search_head, place_.project)}, as_of_);
  view_ = *std::move(view);
  if (rows.holds(view_->witness) && cache.epoch() == epoch_) cache.offer_view(name, view_);
  return Status();
}

// The one that was asked for, or one of now.
Status Search::take_snapshot() {
  if (at_ != nullptr) return Status();
  const SearchCache& cache = state_.core->searches();
  as_of_ = state_.core->rows().applied();
  epoch_ = cache.epoch();
  auto snapshot = engine_->snapshot();
  if (!snapshot.ok()) return snapshot.status();
  // Lists that were made or dropped meanwhile may be in it or not: then no view is known to fit.
  if (cache.epoch() != epoch_) epoch_ = SearchCache::kNoEpoch;
  own_ = *std::move(snapshot);
  at_ = own_.get();
  return Status();
}

// Before anything beside the view is read.
Status Search::need_snapshot() {
  if (at_ != nullptr) return Status();
  if (Status s = take_snapshot(); !s.ok()) return s;
  is_stale_ = !is_true(*view_);
  return is_stale_ ? Status(Code::unavailable, "the view is of an earlier state") : Status();
}

// Nearest by codes, as far as codes can not rule them out. `is_cut`: there may be more than `kept`.
Status Search::find_candidates(size_t kept, std::vector<Candidate>* candidates, bool* is_cut) {
  const size_t k = std::min<size_t>(options_.k, view_->fields().live);
  vector::Sieve sieve(kept);
  if (Status s = scan(&sieve); !s.ok()) return s;
  candidates->clear();
  double bound = std::numeric_limits<double>::infinity();
  const std::vector<vector::Near> nearest = sieve.take();
  for (const vector::Near& near : nearest) {
    if (near.distance > bound) break;
    const auto ordinal = static_cast<uint32_t>(near.number);
    candidates->push_back({near.distance, near.number, view_->entry(ordinal).section.vector});
    if (candidates->size() != k) continue;
    bound = near.distance + query_->codes_error(view_->largest_scale(), near.distance);
  }
  *is_cut = candidates->size() == kept && kept < view_->fields().live;
  return Status();
}

Status Search::search_view(std::vector<Hit>* hits) {
  const size_t live = view_->fields().live;
  const size_t k = std::min<size_t>(options_.k, live);
  std::vector<Candidate> candidates;
  bool is_cut = true;
  // Where codes tell little, as of embeddings that are all alike but for a few components, they are
  // asked again for more, and at last for all.
  for (size_t kept = std::max(k * kMeasuredTimes, kLeastMeasured); is_cut; kept *= kMoreTimes) {
    Status s = find_candidates(std::min(kept, live), &candidates, &is_cut);
    if (!s.ok()) return s;
  }
  if (Status s = measure(&candidates); !s.ok()) return s;
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.number < b.number;
  });
  if (candidates.size() > k) candidates.resize(k);
  for (const Candidate& one : candidates) {
    const auto ordinal = static_cast<uint32_t>(one.number);
    hits->push_back({one.distance, &view_->target(ordinal), view_->index(ordinal)});
  }
  return Status();
}

// The lists that are nearest, or all; and what is in none.
Status Search::scan(vector::Sieve* sieve) {
  if (view_->tail() != nullptr) scan_block(*view_->tail(), nullptr, sieve);
  if (Status s = scan_slots(view_->flat(), sieve); !s.ok()) return s;
  const SearchSpaceFields& fields = view_->fields();
  std::optional<uint32_t> probes;
  // Of one section less is near than what was measured.
  if (!options_.section) probes = probes_for(fields, options_.k, options_.min_recall);
  if (!probes) return scan_slots(view_->listed(), sieve);
  const std::vector<uint32_t> lists = nearest_lists(*probes);
  live_met_ = 0;
  for (const uint32_t list : lists) {
    if (Status s = scan_slots(view_->blocks_of(list), sieve); !s.ok()) return s;
  }
  // Not those in no list: the lists that hold the nearest may be others than those of what is gone.
  if (live_met_ >= options_.k) return Status();
  std::vector<bool> is_seen(fields.lists);
  for (const uint32_t list : lists) is_seen[list] = true;
  for (uint32_t list = 0; list < fields.lists; ++list) {
    if (is_seen[list]) continue;
    if (Status s = scan_slots(view_->blocks_of(list), sieve); !s.ok()) return s;
  }
  return Status();
}

std::vector<uint32_t> Search::nearest_lists(uint32_t count) const {
  std::vector<vector::Near> order;
  order.reserve(view_->fields().lists);
  std::vector<int32_t> products;
  for (const auto& block : view_->centers()) {
    products.resize(block->size());
    vector::kernels().dots_u8(block->codes.get(), block->stride, block->size(), query_->codes(),
                              block->stride, products.data(), nullptr);
    for (size_t i = 0; i < block->size(); ++i) {
      order.push_back(
          {query_->by_codes(products[i], block->scales[i], block->squares[i]), block->ordinals[i]});
    }
  }
  const auto end = order.begin() + std::min<ptrdiff_t>(count, std::ssize(order));
  std::partial_sort(order.begin(), end, order.end());
  std::vector<uint32_t> lists;
  for (auto at = order.begin(); at != end; ++at) lists.push_back(static_cast<uint32_t>(at->number));
  return lists;
}

Status Search::scan_slots(std::span<const SearchView::Slot> slots, vector::Sieve* sieve) {
  if (slots.empty()) return Status();
  if (slots.front().block == nullptr) return scan_missing(slots, sieve);
  for (size_t i = 0; i < slots.size(); ++i) {
    const CodeBlock* next = i + 1 < slots.size() ? slots[i + 1].block.get() : nullptr;
    scan_block(*slots[i].block, next, sieve);
  }
  return Status();
}

// Of a space too large for a view to hold its codes: as many blocks at a time as a window holds.
Status Search::scan_missing(std::span<const SearchView::Slot> slots, vector::Sieve* sieve) {
  if (Status s = need_snapshot(); !s.ok()) return s;
  SearchCache& cache = state_.core->searches();
  const size_t bytes = kSearchBlockOrdinals * vector::padded(view_->fields().dimension);
  const size_t window = std::clamp<size_t>(kWindowBytes / bytes, 1, kMostWindow);
  while (!slots.empty()) {
    const auto now = slots.first(std::min(window, slots.size()));
    slots = slots.subspan(now.size());
    std::vector<std::string> missed;
    for (const SearchView::Slot& slot : now) {
      const Key key = slot.key(place_);
      if (const auto block = cache.find(key)) {
        scan_block(*block, nullptr, sieve);
      } else {
        missed.push_back(key.str());
      }
    }
    std::vector<std::shared_ptr<const CodeBlock>> blocks;
    Status s = read_code_blocks(*engine_, missed, at_, view_->fields(), &blocks);
    if (!s.ok()) return s;
    for (size_t i = 0; i < blocks.size(); ++i) {
      scan_block(*blocks[i], nullptr, sieve);
      cache.offer(missed[i], std::move(blocks[i]));
    }
  }
  return Status();
}

// What is near enough is told by floats for all rows at once, and then exactly for those few.
void Search::scan_block(const CodeBlock& block, const CodeBlock* next, vector::Sieve* sieve) {
  constexpr size_t kRound = 64;
  const vector::Kernels& kernels = vector::kernels();
  const bool is_euclidean = query_->metric() == Metric::euclidean;
  const auto section = static_cast<uint8_t>(options_.section.value_or(Section{}));
  for (size_t i = 0; i < block.size() && live_met_ < options_.k; ++i) {
    live_met_ += view_->is_live(block.ordinals[i]) ? 1u : 0u;
  }
  int32_t products[kRound];
  for (size_t first = 0; first < block.size(); first += kRound) {
    const size_t count = std::min(kRound, block.size() - first);
    const uint8_t* rows = block.codes.get() + first * block.stride;
    const bool is_last = first + count == block.size();
    const uint8_t* after =
        is_last ? (next != nullptr ? next->codes.get() : nullptr) : rows + count * block.stride;
    kernels.dots_u8(rows, block.stride, count, query_->codes(), block.stride, products, after);
    uint64_t near = count == kRound ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
    if (!is_euclidean) {
      near = kernels.at_least(products, block.scales.data() + first, count, query_->bias(),
                              query_->least(sieve->bound()));
    }
    for (; near != 0; near &= near - 1) {
      const auto at = static_cast<size_t>(std::countr_zero(near));
      const size_t i = first + at;
      const double distance = query_->by_codes(products[at], block.scales[i], block.squares[i]);
      if (distance > sieve->bound() || !view_->is_live(block.ordinals[i])) continue;
      if (section != 0 && block.sections[i] != section) continue;
      sieve->offer(distance, block.ordinals[i]);
    }
  }
}

// By floats: those that are here, and then those that are not.
Status Search::measure(std::vector<Candidate>* candidates) {
  const FloatRows& rows = view_->floats();
  std::vector<Candidate> missing;
  std::vector<size_t> places;
  for (size_t i = 0; i < candidates->size(); ++i) {
    Candidate& one = (*candidates)[i];
    if (const FloatRows::Row* row = rows.find(static_cast<uint32_t>(one.number))) {
      one.distance = query_->by_floats({row->floats.get(), floats_.size()}, row->squares);
    } else {
      missing.push_back(one);
      places.push_back(i);
    }
  }
  if (missing.empty()) return Status();
  if (Status s = need_snapshot(); !s.ok()) return s;
  Status s = measure_by_floats(&missing, [&](size_t i, std::span<const float> floats) {
    rows.add(static_cast<uint32_t>(missing[i].number), floats, vector::square_sum(floats));
  });
  for (size_t i = 0; i < places.size(); ++i) {
    (*candidates)[places[i]].distance = missing[i].distance;
  }
  return s;
}

}  // namespace bcstore::model
