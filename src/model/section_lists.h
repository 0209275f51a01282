// SectionLists: the lists of sections of the document that is being imported, decoded once.
//
// A row that comes again is compared with every list of its interval, and the rows of a document
// come one after another. Holds what the engine has, so it is emptied before each group. Bounded:
// what is too much for it is read again.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/engine.h"
#include "format/record.h"

namespace bcstore::model {

struct SectionsOf {
  uint32_t first = 0, last = 0;
  Uuid space;  // of its embeddings
  std::vector<format::SectionEntry> entries;
};

class SectionLists {
 public:
  using Visitor = std::function<Status(const SectionsOf&)>;

  explicit SectionLists(engine::Engine& engine) : engine_(engine) {}
  void clear();
  // Calls `visit` for each list that covers a revision from `first` to `last`, oldest first.
  Status each(UserId owner, const Uuid& document, uint32_t first, uint32_t last,
              const Visitor& visit);

 private:
  Status read(uint32_t first, uint32_t last);

  engine::Engine& engine_;
  UserId owner_;
  Uuid document_;
  uint32_t first_ = 0, last_ = 0;  // what was read; 0: nothing
  size_t bytes_ = 0;
  std::vector<SectionsOf> lists_;  // oldest first
};

}  // namespace bcstore::model
