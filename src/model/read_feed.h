// Reading the commit log as a feed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "bcstore/feed.h"
#include "bcstore/status.h"
#include "engine/engine.h"

namespace bcstore::model {

class Core;
struct TenantState;

// The first commits that a feed still shows come after this one.
Result<uint64_t> read_feed_floor(engine::Engine& engine, const engine::Snapshot* snapshot);

// An owner's own commits.
Result<FeedPage> read_own_feed(const TenantState& state, const FeedOptions& o);
// Everybody's, for a service.
Result<FeedPage> read_whole_feed(const std::shared_ptr<Core>& core, const std::string& reason,
                                 const FeedOptions& o);

// Waits for a commit of this owner's; nullopt: of anybody's.
Result<bool> wait_for_feed(Core& core, const std::optional<UserId>& owner, uint64_t after_seq,
                           int64_t timeout_us);

}  // namespace bcstore::model
