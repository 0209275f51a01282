// Keys that several parts of the model make.
#pragma once

#include "format/key.h"
#include "format/record.h"

namespace bcstore::model {

inline format::Key with_id(UserId owner, format::Kind kind, const Uuid& id) {
  return format::Key(owner, kind).append(id);
}

inline format::Key section_key(UserId owner, const Uuid& document,
                               const format::SectionEntry& entry) {
  return with_id(owner, format::Kind::section_block, document).u64(entry.name).u64(entry.block);
}

inline format::Key vector_key(UserId owner, const format::SectionEntry& entry) {
  return format::Key(owner, format::Kind::vector).u64(entry.vector.high).u32(entry.vector.low);
}

}  // namespace bcstore::model
