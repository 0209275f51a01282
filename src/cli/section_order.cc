#include "cli/section_order.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace bcstore::cli {
namespace {

constexpr size_t kNowhere = std::string_view::npos;
// Texts of one document's sections, which are looked for in every later revision of it.
constexpr size_t kMaxKeptBytes = size_t{64} << 20;
// Equal texts of one revision among which the heading decides.
constexpr int kMaxEqual = 64;

// As string_view::find, which is slow where the first character is a frequent one.
size_t find_from(std::string_view text, std::string_view part, size_t from) {
  if (part.empty() || from >= text.size()) return kNowhere;
  const void* at = ::memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return at == nullptr ? kNowhere : static_cast<size_t>(static_cast<const char*>(at) - text.data());
}

}  // namespace

void SectionOrder::start(const Uuid& document, uint32_t rev, std::string_view text) {
  if (document != document_) {
    items_.clear();
    kept_bytes_ = 0;
  }
  document_ = document;
  rev_ = rev;
  text_ = text;
  last_ = 0;
  std::erase_if(items_, [&](const Item& item) {
    const bool is_old = item.rev_last + uint64_t{1} < rev;
    if (is_old) kept_bytes_ -= item.text.size();
    return is_old;
  });
  find_items();
}

// They are expected in their order: of equal texts each one's own is found.
void SectionOrder::find_items() {
  size_t at = 0;
  for (Item& item : items_) {
    size_t found = kNowhere;
    if (is_live(item)) found = find_from(text_, item.text, at);
    if (is_live(item) && found == kNowhere) found = find_from(text_, item.text, 0);
    item.offset = found == kNowhere ? at : found;
    if (found != kNowhere) at = found + item.text.size();
  }
}

// Of several equal texts the one that stands closest behind the section's heading.
size_t SectionOrder::find(const PlacedSection& section) const {
  const std::string_view wanted = section.body.empty() ? section.heading : section.body;
  const size_t first = find_from(text_, wanted, 0);
  if (first == kNowhere || section.heading.empty() || section.body.empty()) return first;
  size_t best = first, best_gap = kNowhere, heading = kNowhere;
  size_t at = find_from(text_, wanted, first + 1) == kNowhere ? kNowhere : first;
  for (int equal = 0; at != kNowhere && equal < kMaxEqual; ++equal) {
    size_t h = find_from(text_, section.heading, heading == kNowhere ? 0 : heading + 1);
    for (; h < at; h = find_from(text_, section.heading, h + 1)) heading = h;
    const size_t gap = heading == kNowhere ? kNowhere : at - heading;
    if (gap < best_gap) best = at;
    best_gap = std::min(best_gap, gap);
    at = find_from(text_, wanted, at + 1);
  }
  return best;
}

size_t SectionOrder::place_by_text(size_t offset) const {
  size_t place = 0, best = 0;
  for (size_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    if (!is_live(item) || item.offset > offset || item.offset < best) continue;
    best = item.offset;
    place = i + 1;
  }
  return place;
}

size_t SectionOrder::place_by_id(std::string_view block_id) const {
  for (size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].block_id == block_id) return i;
  }
  return last_ != 0 ? last_ : items_.size();
}

uint32_t SectionOrder::place(const PlacedSection& section) {
  Item item{.block_id = std::string(section.block_id), .text = {}, .rev_last = section.rev_last};
  const size_t found = find(section);
  size_t at = found != kNowhere ? place_by_text(found) : place_by_id(section.block_id);
  if (found != kNowhere) {
    const std::string_view text = section.body.empty() ? section.heading : section.body;
    if (kept_bytes_ + text.size() <= kMaxKeptBytes) item.text = text;
    item.offset = found;
  } else {
    item.offset = at == 0 ? 0 : items_[at - 1].offset;
  }
  for (size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].block_id != section.block_id) continue;
    kept_bytes_ -= items_[i].text.size();
    items_.erase(items_.begin() + static_cast<ptrdiff_t>(i));
    if (i < at) --at;
    break;
  }
  kept_bytes_ += item.text.size();
  items_.insert(items_.begin() + static_cast<ptrdiff_t>(at), std::move(item));
  last_ = at + 1;
  uint32_t ordinal = 0;
  for (size_t i = 0; i < at; ++i) ordinal += is_live(items_[i]) ? 1u : 0u;
  return ordinal;
}

}  // namespace bcstore::cli
