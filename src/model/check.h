// check: verifies a whole store on one snapshot, in bounded memory, and repairs nothing.
//
// Every family is walked once, in key order. Each record is verified by itself, and then against
// the records that it must agree with: its neighbours in the same scan, and others by point reads.
// Both directions of every relation are looked at: each head has its facts and each fact its head,
// each record its index entries and each entry its record.
//
// Memory does not grow with the store: what is kept is the previous record of the stream under the
// scan, and the violations up to CheckOptions::max_violations.
#pragma once

#include "bcstore/store.h"
#include "engine/engine.h"

namespace bcstore::model {

// The report, also when it lists violations. A Status only when it could not look: the engine is
// closed, reads fail for another reason than damage, or the walk took longer than a snapshot may
// live (Options::snapshot_max_age_us).
Result<CheckReport> check_store(engine::Engine& engine, const CheckOptions& options);

}  // namespace bcstore::model
