#include "model/section_lists.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/families.h"
#include "model/execute.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

namespace {
constexpr size_t kMaxBytes = size_t{16} << 20;
}

void SectionLists::clear() {
  lists_.clear();
  first_ = last_ = 0;
  bytes_ = 0;
}

Status SectionLists::each(UserId owner, const Uuid& document, uint32_t first, uint32_t last,
                          const Visitor& visit) {
  if (owner != owner_ || document != document_ || first < first_ || bytes_ > kMaxBytes) clear();
  owner_ = owner;
  document_ = document;
  if (first_ == 0) first_ = first;
  if (last > last_) {
    const uint32_t from = std::max(first_, last_ + 1);
    if (Status s = read(from, last); !s.ok()) {
      clear();
      return s;
    }
    last_ = last;
  }
  auto at = std::partition_point(lists_.begin(), lists_.end(),
                                 [&](const SectionsOf& list) { return list.last < first; });
  for (; at != lists_.end() && at->first <= last; ++at) {
    if (Status s = visit(*at); !s.ok()) return s;
  }
  return Status();
}

// Newest first, as they lie.
Status SectionLists::read(uint32_t first, uint32_t last) {
  const Key prefix = Key(owner_, Kind::section_list).append(document_);
  auto scan = engine_.scan({engine::family_of(Kind::section_list), Key(prefix).not_u32(last).str(),
                            format::after_prefix(prefix)});
  std::vector<SectionsOf> fresh;
  while (scan->next()) {
    Draft row;
    if (Status s = verified_copy(scan->key(), scan->value(), &row); !s.ok()) return s;
    const auto* table = root<fb::SectionList>(row);
    SectionsOf list{~format::key_u32(scan->key(), prefix.view().size()),
                    table->rev_last(),
                    from_fb(table->space()),
                    {}};
    const bool is_known = !lists_.empty() && list.first <= lists_.back().first;
    if (list.last < first || is_known) break;
    if (!format::unpack(row.tail(), &list.entries)) {
      return format::corrupt(scan->key(), "the tail is malformed");
    }
    bytes_ += sizeof list + list.entries.size() * sizeof(format::SectionEntry);
    const bool is_last = list.first <= first;
    fresh.push_back(std::move(list));
    if (is_last) break;
  }
  if (!scan->status().ok()) return scan->status();
  lists_.insert(lists_.end(), std::make_move_iterator(fresh.rbegin()),
                std::make_move_iterator(fresh.rend()));
  return Status();
}

}  // namespace bcstore::model
