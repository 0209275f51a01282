// Rules of lists of what is searched.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "model/check_search.h"
#include "model/search_lists.h"

namespace bcstore::model {

using format::Key;
using format::Kind;
using format::kSearchBlockOrdinals;

namespace {

// How many embeddings each list has, as the records of the lists say.
Status read_list_sizes(CheckWalk& walk, const CheckedRecord& record, std::vector<uint32_t>* sizes,
                       bool* is_whole) {
  const auto& space = record.table<fb::SearchSpace>();
  *is_whole = false;
  for (uint32_t part = 0; sizes->size() < space.lists(); ++part) {
    CheckRead lists{of_space(record, Kind::search_lists).u32(space.generation()).u32(part)};
    if (Status s = walk.read(lists, Tail::unpack); !s.ok() || lists.damaged()) return s;
    const uint32_t entries =
        lists.found() ? lists.record.table<fb::SearchLists>().entries() : uint32_t{0};
    if (entries == 0 || entries > space.lists() - sizes->size() ||
        lists.record.tail().size() != format::search_lists_bytes(entries, space.dimension())) {
      walk.violation(record, "its lists are there", format::to_hex(lists.key));
      return Status();
    }
    for (uint32_t i = 0; i < entries; ++i) {
      sizes->push_back(format::search_list_size_at(lists.record.tail(), i));
    }
  }
  *is_whole = true;
  return Status();
}

// Each embedding below `listed` that is live is in one list, once.
class ListedOnce {
 public:
  ListedOnce(CheckWalk& walk, const CheckedRecord& record)
      : walk_(walk), record_(record), space_(record.table<fb::SearchSpace>()) {}

  Status run(const std::vector<uint32_t>& sizes) {
    const uint32_t most = list_block_rows(space_.dimension());
    const uint64_t all = std::accumulate(sizes.begin(), sizes.end(), uint64_t{0});
    if (all != space_.in_lists()) {
      walk_.violation(record_, "its lists hold what it says",
                      fmt::format("{} of {}", all, space_.in_lists()));
      return Status();
    }
    for (uint32_t list = 0; list < sizes.size(); ++list) {
      for (uint32_t from = 0; from < sizes[list]; from += most) {
        wanted_ += std::min(most, sizes[list] - from);
        reads_.emplace_back(block_key(of_space(record_, Kind::search_block), space_.generation(),
                                      list, from / most));
        if (reads_.size() < kRoundReads) continue;
        if (Status s = read(); !s.ok()) return s;
      }
    }
    if (Status s = read(); !s.ok() || is_damaged_) return s;
    return compare();
  }

 private:
  Status read() {
    if (reads_.empty()) return Status();
    if (Status s = walk_.read(reads_, Tail::unpack); !s.ok()) return s;
    for (const CheckRead& read : reads_) {
      is_damaged_ |= read.damaged();
      if (read.absent()) {
        walk_.violation(record_, "what is live is in a block", format::to_hex(read.key));
        is_damaged_ = true;
      }
      if (!read.found()) continue;
      const uint32_t entries = read.record.table<fb::SearchBlock>().entries();
      const std::string_view tail = read.record.tail();
      if (tail.size() != format::search_block_bytes(entries, space_.dimension())) continue;
      for (uint32_t i = 0; i < entries; ++i) {
        is_twice_ |= !seen_.insert(format::search_code_at(tail, i).ordinal).second;
        ++met_;
      }
    }
    reads_.clear();
    return Status();
  }
  Status compare() {
    if (is_twice_ || met_ != wanted_ || met_ != space_.in_lists()) {
      walk_.violation(record_, "what is listed is in one list",
                      fmt::format("{} in all, {} in the lists' sizes, {} in the space{}", met_,
                                  wanted_, space_.in_lists(), is_twice_ ? ", some twice" : ""));
      return Status();
    }
    Bitmaps bitmaps(walk_, of_space(record_, Kind::search_bitmap));
    for (uint32_t ordinal = 0; ordinal < space_.listed(); ++ordinal) {
      bool is_live = false;
      if (Status s = bitmaps.read(ordinal, &is_live); !s.ok()) return s;
      if (!is_live || seen_.contains(ordinal)) continue;
      walk_.violation(record_, "what is listed is in one list", fmt::format("not {}", ordinal));
      break;
    }
    return Status();
  }

  CheckWalk& walk_;
  const CheckedRecord& record_;
  const fb::SearchSpace& space_;
  std::vector<CheckRead> reads_;
  std::set<uint32_t> seen_;
  uint64_t met_ = 0, wanted_ = 0;
  bool is_twice_ = false, is_damaged_ = false;
};

}  // namespace

Status check_listed(CheckWalk& walk, const CheckedRecord& record) {
  const auto& space = record.table<fb::SearchSpace>();
  const bool has_lists = space.generation() != 0;
  if (space.listed() > space.folded() || space.listed() % kSearchBlockOrdinals != 0 ||
      space.in_lists() > space.listed() || (space.lists() != 0) != has_lists ||
      (space.listed() != 0) != has_lists) {
    walk.violation(
        record, "lists are of whole blocks",
        fmt::format("{} lists of {} below {}", space.lists(), space.in_lists(), space.listed()));
    return Status();
  }
  if (!has_lists) return Status();
  std::vector<uint32_t> sizes;
  bool is_whole = false;
  if (Status s = read_list_sizes(walk, record, &sizes, &is_whole); !s.ok() || !is_whole) return s;
  return ListedOnce(walk, record).run(sizes);
}

// Of a generation that is not searched, or not yet, too.
Status check_search_lists(CheckWalk& walk, const CheckedRecord& record) {
  const auto& lists = record.table<fb::SearchLists>();
  CheckRead read("");
  if (Status s = find_space(walk, record, &read); !s.ok() || !read.found()) return s;
  const auto& space = read.record.table<fb::SearchSpace>();
  if (format::key_u32(record.key(), kNumberAt) < space.generation() ||
      lists.dimension() != space.dimension() || lists.entries() == 0 ||
      record.tail().size() != format::search_lists_bytes(lists.entries(), lists.dimension())) {
    walk.violation(record, "lists fit their space",
                   fmt::format("{} of {} dimensions", lists.entries(), lists.dimension()));
  }
  return Status();
}

}  // namespace bcstore::model
