// Search: one search of a project, from its arguments to its hits.
//
// What is current is searched by codes, in a view of its space (search_view.h): every live block of
// codes is scanned, and what is near by codes is measured by the floats that were given. Anything
// else (a version, a revision, the past, everything exactly) is measured by the floats alone.
//
// All of it is of one moment: of a snapshot, or of a view that was true when the search began. A
// rule that does not hold on the way is `corruption`: what is searched is derived, and check() says
// where it went wrong.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bcstore/search.h"
#include "format/search.h"
#include "model/as_of.h"
#include "model/encode.h"
#include "model/reads.h"
#include "model/search_view.h"
#include "vector/codec.h"
#include "vector/sieve.h"

namespace bcstore::model {

class Search {
 public:
  Search(const TenantState& state, ProjectId project, std::span<const float> query,
         const SearchOptions& options)
      : state_(state), place_{state.owner, project.uuid(), {}}, floats_(query), options_(options) {}

  Result<std::vector<SearchHit>> run();
  Status check_arguments() const;

 private:
  // One that may be a hit, with its floats when they were read.
  struct Candidate {
    double distance = 0;
    uint64_t number = 0;  // among equals the smaller one is nearer
    format::VectorHash vector;
  };
  struct Hit {
    double distance = 0;
    const SearchTarget* target = nullptr;
    uint32_t index = 0;  // of the section among the target's
  };

  // Arguments, the snapshot, and what is fixed of the space.
  bool is_of_now() const {
    return !options_.version && !options_.document && options_.as_of.by == AsOf::By::now;
  }
  Status open_space();
  Status begin_query(uint32_t dimension, Metric metric);
  Status need_project();

  // By codes.
  Status search_current(std::vector<Hit>* hits);
  Status find_view();
  Status take_snapshot();
  bool is_true(const SearchView& view) const;
  Status need_snapshot();
  Status search_view(std::vector<Hit>* hits);
  Status find_candidates(size_t kept, std::vector<Candidate>* candidates, bool* is_cut);
  Status scan(vector::Sieve* sieve);
  std::vector<uint32_t> nearest_lists(uint32_t count) const;
  Status scan_slots(std::span<const SearchView::Slot> slots, vector::Sieve* sieve);
  Status scan_missing(std::span<const SearchView::Slot> slots, vector::Sieve* sieve);
  // `next` is scanned after it, if it is not null.
  void scan_block(const CodeBlock& block, const CodeBlock* next, vector::Sieve* sieve);
  Status measure(std::vector<Candidate>* candidates);

  // By floats alone.
  Status search_floats(std::vector<Hit>* hits);
  Status find_targets(std::vector<SearchTarget>* targets);
  Status find_current(std::vector<SearchTarget>* targets);
  Status find_of_version(std::vector<SearchTarget>* targets);
  Status find_of_revision(std::vector<SearchTarget>* targets);
  Status find_of_past(std::vector<SearchTarget>* targets);
  Status find_up_to(uint32_t version, const Past* past, std::vector<SearchTarget>* targets);
  Status read_document(const Uuid& id, uint32_t last_rev, SearchTarget* target, bool* found);

  Status measure_by_floats(std::vector<Candidate>* candidates,
                           const std::function<void(size_t, std::span<const float>)>& see = {});
  Status read_blocks(const std::vector<Hit>& hits, std::vector<SearchHit>* out);

  const TenantState& state_;
  SearchPlace place_;
  std::span<const float> floats_;
  const SearchOptions& options_;
  engine::Engine* engine_ = nullptr;
  const engine::Snapshot* at_ = nullptr;
  std::unique_ptr<engine::Snapshot> own_;
  std::optional<Past> past_;
  uint64_t as_of_ = RowCache::kNow, epoch_ = 0;  // of the snapshot
  size_t live_met_ = SIZE_MAX;                   // in the lists that were looked at, up to k
  bool is_empty_ = false;                        // there is no such space, which is the unnamed one
  std::optional<SearchSpaceFields> fields_;      // of what is searched in it, if anything is
  std::optional<vector::Query> query_;
  std::shared_ptr<const SearchView> view_;
  bool is_stale_ = false;  // the view was not of the snapshot that had to be taken
  std::vector<SearchTarget> targets_;
};

// Of all projects of the owner.
Result<std::vector<SearchHit>> search_projects(const Tenant& tenant, const TenantState& state,
                                               std::span<const float> query,
                                               const SearchOptions& o);

// The newest revision of a document, up to `last_rev`, that has sections, and those; `rev` is 0
// when none has.
struct NewestSections {
  uint32_t rev = 0;
  Uuid space;
  std::vector<format::SectionEntry> entries;
};
Status read_newest_sections(engine::Engine& engine, UserId owner, const Uuid& document,
                            uint32_t last_rev, const engine::Snapshot* at, NewestSections* newest);

}  // namespace bcstore::model
