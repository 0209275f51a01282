// The operations that a commit body lists: what each wrote is there.
//
// The numbers of a stream say that none is missing before its newest row; this says that the newest
// row itself is not missing.
#include <fmt/format.h>

#include <optional>
#include <vector>

#include "model/check_walk.h"

namespace bcstore::model {

using format::Key;
using format::Kind;
using format::Touched;

namespace {

constexpr size_t kRoundReads = 64;

// The key of what was written; nullopt for what has no key that the operation alone tells.
std::optional<Key> written_key(UserId owner, const Touched& one) {
  const auto number = static_cast<uint32_t>(one.number);
  Key key(owner, one.kind);
  switch (one.kind) {
    case Kind::user:
      return key.not_u32(number);
    case Kind::project:
    case Kind::document:
    case Kind::session:
    case Kind::section_head:
    case Kind::credit_hold:
      return key.append(one.id);
    case Kind::billing_delivery:
      return Key(kSystemOwner, one.kind).append(one.id);
    case Kind::task:
      return Key(owner, Kind::task_place).append(one.id);
    case Kind::project_version:
    case Kind::project_status:
    case Kind::document_lock:
    case Kind::task_revision:
    case Kind::session_title:
    case Kind::integration_change:
    case Kind::subscription_change:
    case Kind::public_record:
    case Kind::section_list:
      return key.append(one.id).not_u32(number);
    case Kind::task_activity:
      return key.append(one.id).not_u64(one.number);
    case Kind::audit:
    case Kind::credit_entry:
      return key.not_u64(one.number);
    default:
      return std::nullopt;
  }
}

void report(CheckWalk& walk, const CheckedRecord& body, const Touched& one) {
  walk.violation(
      body, "what a commit wrote exists",
      fmt::format("{} {} {}", format::to_string(one.kind), to_string(one.id), one.number));
}

// Messages, events and calls lie in months that the operation does not tell, and contents of
// documents are long. Numbers of messages and revisions are dense: a newest one that is not below
// this one says that it is there.
bool is_apart(Kind kind) {
  return kind == Kind::message || kind == Kind::event || kind == Kind::call ||
         kind == Kind::revision;
}

Status check_apart(CheckWalk& walk, const CheckedRecord& body, const Touched& one) {
  const UserId owner = body.owner();
  CheckRead read("");
  uint64_t newest = one.number;
  if (one.kind == Kind::event || one.kind == Kind::call) {
    Status s = walk.read_in_month(owner, month_stream(one.kind), one.number, &read);
    if (!s.ok()) return s;
  } else if (one.kind == Kind::revision) {
    read.key = Key(owner, Kind::document).append(one.id).str();
    if (Status s = walk.read(read); !s.ok()) return s;
    if (read.found()) newest = read.record.table<fb::DocumentHead>().current_rev();
  } else {
    const Key prefix = Key(owner, Kind::message).append(one.id);
    if (Status s = walk.read_first(prefix, &read); !s.ok()) return s;
    if (read.found()) newest = ~format::key_u64(read.key, 37);
  }
  if (read.absent() || newest < one.number) report(walk, body, one);
  return Status();
}

Status read_round(CheckWalk& walk, const CheckedRecord& body, const std::vector<Touched>& round,
                  std::vector<CheckRead>* reads) {
  if (Status s = walk.read(*reads); !s.ok()) return s;
  for (size_t i = 0; i < reads->size(); ++i) {
    if ((*reads)[i].absent()) report(walk, body, round[i]);
  }
  return Status();
}

}  // namespace

Status check_operations(CheckWalk& walk, const CheckedRecord& body,
                        const std::vector<Touched>& operations) {
  std::vector<Touched> round;
  std::vector<CheckRead> reads;
  for (const Touched& one : operations) {
    if (one.kind == Kind::feed_cursor) continue;  // which may have been dropped since
    if (is_apart(one.kind)) {
      if (Status s = check_apart(walk, body, one); !s.ok()) return s;
      continue;
    }
    const std::optional<Key> key = written_key(body.owner(), one);
    if (!key) {
      report(walk, body, one);  // no commit writes such a record by itself
      continue;
    }
    round.push_back(one);
    reads.emplace_back(*key);
    if (reads.size() < kRoundReads) continue;
    if (Status s = read_round(walk, body, round, &reads); !s.ok()) return s;
    round.clear();
    reads.clear();
  }
  return reads.empty() ? Status() : read_round(walk, body, round, &reads);
}

}  // namespace bcstore::model
