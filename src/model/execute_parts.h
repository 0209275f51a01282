// What an Executor is given, and what it remembers while it decides.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/service.h"
#include "bcstore/write_batch.h"
#include "format/key.h"
#include "format/record.h"
#include "format/search.h"
#include "model/commit.h"
#include "model/content_cache.h"
#include "model/credits.h"
#include "model/head_cache.h"
#include "model/rate_book.h"
#include "model/replica_standing.h"
#include "model/row_cache.h"
#include "model/search_cache.h"
#include "model/tail_cache.h"

namespace bcstore::model {

class ContentCoder;

struct ExecutorSettings {
  uint64_t salt = 0;
  int64_t idempotency_window_us = 0;
  bool lock_blocks_user_writes = false;
  size_t cache_bytes = 0;
  int32_t initial_credits = 0;
  bool past_due_is_pro = false;
  bool pro_is_unlimited = true;
  ContentCoder* coder = nullptr;
  ContentCache* contents = nullptr;
  TailCache* tails = nullptr;
  RowCache* rows = nullptr;
  RateBook* rates = nullptr;
  uint64_t feed_floor = 0;
  ReplicaStanding replica;
  uint64_t standby_groups = 0;
  SearchCache* searches = nullptr;
};

struct Undo {
  std::string key;
  bool known = false;
  HeadEntry entry;
};
struct Mark {
  size_t undo, touched, operations, months, lists, contents, tails, acquired, saved, ends, shown;
  uint32_t events;
};
// How a hold ended, with the balance after it.
struct HoldEnd {
  LiveHold hold;
  HoldState state{};
  Time at;
  int64_t captured = 0, returned = 0, lapsed = 0, debt = 0;
  CreditState after{};
};
// The batch under execution.
struct CurrentBatch {
  UserId owner;
  const Actor* actor = nullptr;
  uint64_t commit_seq = 0;
  uint64_t owner_seq = 0;
  Time now;
  uint32_t events = 0;     // and calls, written so far: the next one's ordinal
  uint32_t operation = 0;  // index of the one being executed
  bool importing = false;
  bool present = false;  // the imported row was here already
  // Of the newest commit that an operation repeats.
  std::optional<Receipt> repeated;
  std::vector<Acquired> acquired;  // given back when the batch is refused
  bool strict_rate = false;        // of a limit whose state is written with the batch
  std::vector<HoldEnd> ends;       // that are due, and written when the batch is accepted
  std::optional<ResolvedHold> resolved;
  std::vector<format::Touched> touched;
  std::vector<Receipt::Operation> operations;
  // Heads that stand in the cache and are written once, when the batch was executed.
  std::map<std::string, format::Kind> deferred;
  // Documents that got sections, and the embeddings that operations brought. Those of a row that
  // was refused do no harm.
  std::set<Uuid> sectioned;
  std::map<format::VectorHash, std::string_view> floats;
};

// A link that was checked.
struct ChainLink {
  uint64_t seq = 0;
  uint64_t prev_hash = 0;
};

}  // namespace bcstore::model
