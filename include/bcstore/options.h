// Options of a store, the limits of every argument, and the clock and ids that can be injected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/file_system.h"
#include "bcstore/id.h"
#include "bcstore/rate_limit.h"

namespace bcstore {

// Limits. A value above its limit is `invalid_argument`, and nothing is written.
inline constexpr size_t kMaxNameBytes = 1024;           // names, titles, e-mail addresses
inline constexpr size_t kMaxEventTypeBytes = 256;       // event types, call ids, agent names
inline constexpr size_t kMaxReasonBytes = 1024;         // the reason of a Service
inline constexpr size_t kMaxTextBytes = 1u << 20;       // prompts, notes, descriptions, payloads
inline constexpr size_t kMaxMessageBytes = 4u << 20;    // content of one chat message
inline constexpr size_t kMaxRevisionBytes = 16u << 20;  // content of one document revision
inline constexpr size_t kMaxBlockBytes = 4u << 20;      // body of one section of a revision
inline constexpr size_t kMaxBlockIdBytes = 256;
inline constexpr size_t kMaxBlocks = 32'768;  // sections of one revision
inline constexpr size_t kMaxDimension = 4096;
inline constexpr size_t kMaxSpaceNameBytes = 64;
inline constexpr size_t kMaxForkDepth = 16;  // sessions behind a fork
inline constexpr size_t kMaxJsonDepth = 128;
inline constexpr size_t kMaxBatchOperations = 1000;
inline constexpr size_t kMaxBatchBytes = 64u << 20;
inline constexpr size_t kMaxPageRows = 1000;
inline constexpr size_t kDefaultPageRows = 100;
inline constexpr size_t kMaxIdempotencyKeyBytes = 64;
inline constexpr int32_t kMaxCredits = INT32_MAX;  // of a plan and all that was granted together
inline constexpr size_t kMaxLiveHolds = 1024;      // of one owner, those that took credits
inline constexpr int64_t kMaxHoldTtlUs = int64_t{31} * 86'400 * 1'000'000;
inline constexpr uint64_t kUnlimitedCredits = UINT64_MAX;  // where a receipt tells what remains
inline constexpr size_t kMaxModelBytes = 256;              // the name of a model that was called
// Of one recorded call. A month's sums of an owner are int64 and never wrap: see record_call.
inline constexpr int64_t kMaxCallTokens = 1'000'000'000'000;             // of each kind
inline constexpr int64_t kMaxCallCostMicros = 1'000'000'000'000'000;     // a milliard units
inline constexpr int64_t kMaxCallUs = int64_t{30} * 86'400 * 1'000'000;  // its latency
// Distinct pairs of model and currency among an owner's calls of one month.
inline constexpr size_t kMaxCallModels = 256;
inline constexpr size_t kMaxLogAheadBytes = size_t{16} << 20;
inline constexpr uint64_t kMinStandbyGroups = 1024;
inline constexpr int64_t kMaxIdempotencyWindowUs = int64_t{30} * 86'400 * 1'000'000;

// Wall-clock time. Called from many threads. It may step back: stored times never do.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() = 0;
};

// Makes new ids. Called from many threads. Two calls must never give the same id.
class IdSource {
 public:
  virtual ~IdSource() = default;
  virtual Uuid next() = 0;
};

// The system's clock, and time-ordered random ids (UUID version 7, RFC 9562) from it.
std::shared_ptr<Clock> system_clock();
std::shared_ptr<IdSource> random_ids(std::shared_ptr<Clock> clock);

enum class LogLevel : uint8_t { info, warning, error };

// When a successful answer is given.
enum class Durability : uint8_t {
  durable = 0,  // after the log was synced: survives a loss of power
  relaxed = 1,  // after the log was handed to the system: survives the end of the process; after a
                // loss of power the store holds a consistent prefix of its commits
};

struct Options {
  // Make the directory and the store if CURRENT is absent. Otherwise a missing store is
  // `not_found`.
  bool create_if_missing = true;

  // One budget for what the store keeps in memory: block cache with memtables (5/16), and the
  // caches of heads (1/8), of newest contents (at most 1/8), of rows and lists that are being read
  // (1/8), of embeddings that are searched (1/8) and of the last messages of sessions (3/16). At
  // least 16 MiB.
  size_t memory_budget_bytes = size_t{256} << 20;
  // The part of it for contents of newest revisions, against which the next ones are coded as
  // deltas, and from which they are read: an eighth, or less if so wanted. 0 keeps none: every
  // append to a document then reads the revision before it.
  size_t revision_cache_bytes = SIZE_MAX;
  // A commit is refused with `no_space`, before anything is written, when less than this would be
  // left on the file system.
  uint64_t free_space_reserve_bytes = uint64_t{64} << 20;
  // How long a durable group may wait for others that are known to be committing; 0 never waits.
  uint32_t group_fill_us = 60;
  // How far the log is laid out with zeros ahead of what is written, once commits are synced, in
  // bytes: a sync then has no new length of the file to record, which takes a third to a half of
  // its time. At most kMaxLogAheadBytes; 0 lets the log grow as it is written, which is better on a
  // file system that never overwrites in place (btrfs, ZFS).
  size_t log_ahead_bytes = size_t{1} << 20;
  // How many of the last groups of commits are kept for standbys, once one was made (some 1,024
  // more may be): one that is further behind must be made anew. kMinStandbyGroups to 2^32.
  uint64_t standby_groups = uint64_t{1} << 20;
  // How long an idempotency key is remembered; 1 s to kMaxIdempotencyWindowUs.
  int64_t idempotency_window_us = int64_t{86'400} * 1'000'000;
  // A snapshot older than this reads nothing any more (`failed_precondition`); 0 is no limit. Those
  // that Store::check() and Store::logical_hash() take for themselves have none.
  int64_t snapshot_max_age_us = int64_t{3600} * 1'000'000;

  // The allowance that a new user is born with, and the plan's; 0 to kMaxCredits. No reset.
  int32_t initial_credits = 10;

  // Kept for every owner: WriteBatch::limit_rate and Tenant::try_acquire name one of them. At most
  // kMaxRateLimits. A limit that a store is opened without is forgotten.
  std::vector<RateLimit> rate_limits = {};
  // Whether a subscription whose payment is overdue still gives Pro; and whether Pro makes use
  // unlimited, for as long as a subscription gives it. Both are asked when a report about one of
  // the user's subscriptions is applied.
  bool past_due_is_pro = false;
  bool pro_is_unlimited = true;

  // Allows messages of Role::system and Role::tool.
  bool allow_system_and_tool_roles = false;
  // Makes a revision by a user, not by an agent or service, on a locked document
  // `failed_precondition`.
  bool lock_blocks_user_writes = false;

  // Injectable, each null for the real one.
  std::shared_ptr<Clock> clock;
  std::shared_ptr<IdSource> ids;
  std::shared_ptr<FileSystem> file_system;
  // Receives one line at a time about recovery, compaction and storage errors; never keys or
  // contents. Called from any thread; must not call the store. Null drops them.
  std::function<void(LogLevel, std::string_view)> log;
};

}  // namespace bcstore
