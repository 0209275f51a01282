// Making the lists of a space (IVF): its embeddings divided by what is near to each other, so that
// a search looks only at the lists that are nearest to its query.
//
// A generation of lists is written beside the one that is searched, in several writes, and then
// stepped to in one, which also drops the generation before it and the blocks that the lists take
// the place of. Until then nothing refers to it: what a crash leaves of one goes when the next is
// begun. What is added later lies in blocks of its own, as without lists, and is always searched.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/encode.h"
#include "model/search_view.h"

namespace bcstore::model {

class Core;

// One write of it, for the commit queue.
struct ListsWrite {
  SearchPlace place;
  uint32_t generation = 0;  // that is made
  bool is_first = false;    // whatever there is of it, and of any later one, goes
  std::vector<std::pair<std::string, Draft>> rows{};
  // The step, when it is complete: what the head says of lists from then on.
  std::optional<SearchSpaceFields> step{};
};

// Lists are made of as many embeddings at least.
inline constexpr uint32_t kLeastListed = 4096;
// Whether lists are to be made, of a space without any or with too many embeddings beside them.
bool lists_are_due(const SearchSpaceFields& fields);
// How many lists.
uint32_t lists_of(uint32_t embeddings, uint32_t dimension, size_t memory_budget_bytes);
// How many embeddings a block of a list takes.
uint32_t list_block_rows(uint32_t dimension);
// The lists to be looked at so that an answer of k holds its share of the nearest, by what was
// measured when they were made; none: everything is to be looked at.
std::optional<uint32_t> probes_for(const SearchSpaceFields& fields, size_t k, double min_recall);

// Makes them. `listed`: how many embeddings; 0 when a commit came in between that changed too much.
Status make_lists(Core& core, const SearchPlace& place, const engine::Snapshot* at,
                  const SearchSpaceFields& fields, uint64_t* listed);

}  // namespace bcstore::model
