// The logical hash of a store: equal for two stores that hold the same, however they came to it and
// however their bytes lie. Each record becomes a line of its own facts; the hash is the sum of the
// lines' XXH3-128, so that the order of records does not matter and a repeated one does.
#pragma once

#include "bcstore/store.h"
#include "engine/engine.h"

namespace bcstore::model {

Result<Uuid> logical_hash(engine::Engine& engine, HashScope scope);

}  // namespace bcstore::model
