// SectionIntake: the sections of one document that came as intervals and may reach beyond the
// newest start, `rev`. It stands in the document's section head.
//
// Invariants
//  - The intervals are in the order of the sections. No two have one name.
//  - Each starts at `rev` or before. It is live when it reaches `rev`; one that ended right before
//    it only keeps the place for the next interval of its name.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bcstore/id.h"
#include "format/record.h"

namespace bcstore::model {

struct SectionIntake {
  uint32_t rev = 0;   // 0: nothing came yet
  uint32_t last = 0;  // which of the intervals came last and starts at `rev`, from 1; 0: none
  Uuid space;         // of the live embeddings
  std::vector<format::SectionSpan> spans;

  bool is_live(const format::SectionSpan& span) const { return span.rev_last >= rev; }
  // Null when there is none.
  const format::SectionSpan* find(uint64_t name) const;
  void extend(uint64_t name, uint32_t rev_last);  // one that is there
  // A later start. The lists of the revisions before it are written.
  void advance(uint32_t to);
  // An interval that starts at `rev`. Without an ordinal it takes the place of its name's last one,
  // else that behind the one that came last, else the end.
  void place(const format::SectionSpan& span, std::optional<uint32_t> ordinal);

 private:
  size_t place_of(uint64_t name, std::optional<uint32_t> ordinal);
};

}  // namespace bcstore::model
