// Lists of a space that is too small for maintain() to make any.
#pragma once

#include "model/reads.h"
#include "model/search_lists.h"
#include "records_generated.h"
#include "rich.h"

namespace bcstore::fixture {

inline void list_neighbour(const Tenant& tenant, const Rich& rich) {
  model::Core& core = *model::Access::state(tenant).core;
  const model::SearchPlace place{rich.owner, rich.neighbour.uuid(),
                                 format::text_hash("", core.salt())};
  const auto at = core.engine().snapshot().value();
  engine::Value value;
  const format::Key key = place.key(format::Kind::search_space);
  REQUIRE(core.engine().get(engine::Family::heads, key, at.get(), &value).ok());
  const format::Draft head = format::Draft::copy(value.bytes());
  uint64_t listed = 0;
  REQUIRE(model::make_lists(core, place, at.get(),
                            model::fields_of(*model::root<fb::SearchSpace>(head)), &listed)
              .ok());
  REQUIRE(listed == 64);
}

}  // namespace bcstore::fixture
