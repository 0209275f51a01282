// What a caller hands to the queue, and what it gets back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bcstore/service.h"
#include "bcstore/write_batch.h"
#include "format/record.h"
#include "model/batch.h"

namespace bcstore::model {

// The store's own traces, which feeds leave out: what a service read, and where a cursor stands.
inline bool is_bookkeeping(format::Kind kind) {
  return kind == format::Kind::audit || kind == format::Kind::feed_cursor;
}
inline bool is_bookkeeping(const std::vector<format::Touched>& touched) {
  for (const format::Touched& one : touched) {
    if (!is_bookkeeping(one.kind)) return false;
  }
  return true;
}

// What one caller hands to the queue.
struct Commit {
  std::unique_ptr<BatchBody> batch;
  Durability durability = Durability::durable;
  std::string idempotency_key;
  std::optional<uint64_t> expected_owner_seq;
};

// What became of the hold that a batch resolved last.
struct ResolvedHold {
  int32_t returned = 0, lapsed = 0, debt = 0;
};

// What it gets back.
struct Outcome {
  Status status;
  Receipt receipt;
  std::vector<ImportedRow> rows;  // imports only
  std::optional<ResolvedHold> resolved;
  bool wrote = false;  // a commit; or, when the receipt is a replay, the key alone
};

}  // namespace bcstore::model
