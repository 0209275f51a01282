#include "model/section_intake.h"

#include <algorithm>

namespace bcstore::model {

using format::SectionSpan;

const SectionSpan* SectionIntake::find(uint64_t name) const {
  const auto found = std::find_if(spans.begin(), spans.end(),
                                  [&](const SectionSpan& span) { return span.entry.name == name; });
  return found == spans.end() ? nullptr : &*found;
}

void SectionIntake::extend(uint64_t name, uint32_t rev_last) {
  for (SectionSpan& span : spans) {
    if (span.entry.name == name) span.rev_last = rev_last;
  }
}

void SectionIntake::advance(uint32_t to) {
  if (to == rev) return;
  std::erase_if(spans, [&](const SectionSpan& span) { return span.rev_last + 1 < to; });
  rev = to;
  last = 0;
}

void SectionIntake::place(const SectionSpan& span, std::optional<uint32_t> ordinal) {
  const size_t at = place_of(span.entry.name, ordinal);
  spans.insert(spans.begin() + static_cast<ptrdiff_t>(at), span);
  last = static_cast<uint32_t>(at) + 1;
}

// Takes away what kept the place.
size_t SectionIntake::place_of(uint64_t name, std::optional<uint32_t> ordinal) {
  size_t came_last = last == 0 || last > spans.size() ? spans.size() : last;
  const auto before = std::find_if(
      spans.begin(), spans.end(), [&](const SectionSpan& span) { return span.entry.name == name; });
  const auto at = static_cast<size_t>(before - spans.begin());
  if (before != spans.end()) {
    spans.erase(before);
    if (!ordinal) return at;
    if (at < came_last) --came_last;
  }
  if (!ordinal) return came_last;
  size_t i = 0;
  for (uint32_t live = 0; i < spans.size(); ++i) {
    if (is_live(spans[i]) && live++ == *ordinal) break;
  }
  return i;
}

}  // namespace bcstore::model
