// The places of sections that come as intervals of revisions.
//
// A row says from which revision to which a section is the same, and nothing of its place. The
// place is looked for in the text of the revision that the row begins with; what the text does not
// show stays where it was, or comes behind the row before. A section that moves without a new row
// is not seen to move.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/id.h"

namespace bcstore::cli {

struct PlacedSection {
  std::string_view block_id, heading, body;
  uint32_t rev_last = 0;
};

class SectionOrder {
 public:
  // Rows of a document come by rev_first: this revision's follow. `text` is that of the revision,
  // empty if it is not known, and lives until the next start().
  void start(const Uuid& document, uint32_t rev, std::string_view text);
  bool is_at(const Uuid& document, uint32_t rev) const {
    return rev_ == rev && document_ == document;
  }
  // Its place among the sections of the revision that have come, from 0.
  uint32_t place(const PlacedSection& section);

 private:
  struct Item {
    std::string block_id;
    std::string text;  // to look for; empty if it is not kept
    uint32_t rev_last = 0;
    size_t offset = 0;  // in the revision's text
  };
  bool is_live(const Item& item) const { return item.rev_last >= rev_; }
  void find_items();
  size_t find(const PlacedSection& section) const;
  size_t place_by_text(size_t offset) const;
  size_t place_by_id(std::string_view block_id) const;

  Uuid document_;
  uint32_t rev_ = 0;
  std::string_view text_;
  std::vector<Item> items_;  // in order; those that ended right before the revision keep a place
  size_t kept_bytes_ = 0;    // of their texts
  size_t last_ = 0;          // behind the one that came last in this revision; 0: none did
};

}  // namespace bcstore::cli
