// Rules of the commit log: the chain of links, the bodies, and the idempotency records.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "model/calendar.h"
#include "model/check_walk.h"
#include "model/encode.h"

namespace bcstore::model {

using format::Key;
using format::Kind;
using format::Link;

namespace {

constexpr uint8_t kLive = 1;
constexpr uint8_t kErased = 2;

Key body_key(UserId owner, uint64_t seq) { return Key(owner, Kind::commit_body).u64(seq); }

void check_chain(CheckWalk& walk, const CheckedRecord& record, const CheckLog& log, uint64_t seq) {
  const Link& link = record.link();
  const bool follows = seq == log.seq + 1;
  if (follows && (log.verified || seq == 1) && link.prev_hash != log.hash) {
    walk.violation(record, "prev_hash is of the link before",
                   fmt::format("it is {:016x} and should be {:016x}", link.prev_hash, log.hash));
  }
  if (log.verified && link.time_us < log.time_us) {
    walk.violation(record, "times never go back",
                   fmt::format("{} comes after {}", link.time_us, log.time_us));
  }
  if (link.durable_seq >= seq || link.durable_seq < log.durable_seq) {
    walk.violation(record, "durable_seq rises and is of an earlier commit",
                   fmt::format("it is {} after {}", link.durable_seq, log.durable_seq));
  }
}

// The owner behind the hash in a link; nullopt when it is not known.
Status find_owner(CheckWalk& walk, const CheckedRecord& record) {
  CheckLog& log = walk.log();
  const uint64_t hash = record.link().owner_hash;
  if (log.owner_hash == hash) return Status();
  log.owner_hash = hash;
  log.owner.reset();
  for (const UserId reserved : {kSystemOwner, kPublicOwner}) {
    if (hash != format::owner_hash(reserved, *walk.salt())) continue;
    log.owner = reserved;
    return Status();
  }
  CheckRead entry{Key(kSystemOwner, Kind::owner_hash).u64(hash)};
  if (Status s = walk.read(entry); !s.ok()) return s;
  if (entry.found()) log.owner = UserId(entry.record.reference().id);
  if (entry.absent()) {
    walk.violation(record, "the owner of the commit is known",
                   fmt::format("no owner has the hash {:016x}", hash));
  }
  return Status();
}

Status check_body_of(CheckWalk& walk, const CheckedRecord& record, uint64_t seq) {
  if (!walk.log().owner) return Status();
  const Key key = body_key(*walk.log().owner, seq);
  CheckRead body{key};
  if (Status s = walk.read(body, Tail::unpack); !s.ok()) return s;
  // Up to the floor of the feed it may have been given up.
  if (body.absent() && seq > walk.feed_floor()) {
    walk.violation("commit_body", key, "every link has its body",
                   "of link " + format::to_hex(record.key()));
  }
  if (!body.found()) return Status();
  const auto& fields = body.record.table<fb::CommitBody>();
  if (format::body_hash(body.value.bytes(), fields.salt()) != record.link().body_hash) {
    walk.violation(record, "body_hash is of the body", "of " + format::to_hex(key.view()));
  }
  if (fields.created_at() != record.link().time_us) {
    walk.violation(record, "link and body have one time",
                   fmt::format("{} and {}", record.link().time_us, fields.created_at()));
  }
  return Status();
}

}  // namespace

// Links come in the order of their sequence. A damaged one counts, and hides what follows from it.
Status check_link(CheckWalk& walk, const CheckedRecord& record) {
  CheckLog& log = walk.log();
  const uint64_t seq = format::key_u64(record.key(), 17);
  if (seq != log.seq + 1) {
    walk.violation(record, "seq is dense from 1", fmt::format("{} comes after {}", seq, log.seq));
  }
  if (record.verified()) check_chain(walk, record, log, seq);
  log.seq = seq;
  log.verified = record.verified();
  if (!record.verified()) return Status();
  const Link& link = record.link();
  log.time_us = link.time_us;
  log.durable_seq = std::max(log.durable_seq, link.durable_seq);
  log.hash = format::hash64(format::pack(link));
  if (!walk.salt()) return Status();
  if (Status s = find_owner(walk, record); !s.ok()) return s;
  return check_body_of(walk, record, seq);
}

namespace {

// What a service did has left an audit event in the same commit.
Status check_audit(CheckWalk& walk, const CheckedRecord& record) {
  const auto& body = record.table<fb::CommitBody>();
  if (static_cast<ActorKind>(body.actor_kind()) != ActorKind::system) return Status();
  const uint64_t seq = format::key_u64(record.key(), 17);
  const Key prefix(record.owner(), Kind::audit);
  CheckRead audit("");
  if (Status s = walk.read_first(prefix, Key(prefix).not_u64(seq << 16 | 0xFFFF), &audit);
      !s.ok()) {
    return s;
  }
  if (audit.absent() || ~format::key_u64(audit.key, 17) >> 16 != seq) {
    walk.violation(record, "what a service did is in the audit",
                   fmt::format("commit {} has no audit event", seq));
  }
  return Status();
}

Status check_body_fields(CheckWalk& walk, const CheckedRecord& record, uint64_t owner_seq) {
  const auto& body = record.table<fb::CommitBody>();
  const uint64_t seq = format::key_u64(record.key(), 17);
  if (body.commit_seq() != seq) {
    walk.violation(record, "commit_seq is the key's", fmt::format("it is {}", body.commit_seq()));
  }
  // Where bodies were given up the first that is left may have any number: what is missing above
  // the floor is missed by its link.
  const bool begins_late = owner_seq == 1 && body.owner_seq() > 1 && walk.feed_floor() > 0;
  if (body.owner_seq() != owner_seq && !begins_late) {
    walk.violation(record, "owner_seq is dense from 1",
                   fmt::format("it is {} and should be {}", body.owner_seq(), owner_seq));
  }
  if (body.state() != kLive && body.state() != kErased) {
    walk.unknown(record, "state", body.state());
  }
  if (body.epoch() < walk.log().epoch) {
    walk.violation(record, "epoch never goes back",
                   fmt::format("{} comes after {}", body.epoch(), walk.log().epoch));
  }
  std::vector<format::Touched> touched;
  if (!format::unpack(record.tail(), &touched) || touched.size() != body.operations()) {
    walk.violation(
        record, "the tail lists every operation",
        fmt::format("{} bytes for {} operations", record.tail().size(), body.operations()));
  }
  // What an erased owner had written is gone.
  if (body.state() == kErased) return Status();
  if (Status s = check_audit(walk, record); !s.ok()) return s;
  return check_operations(walk, record, touched);
}

}  // namespace

// Bodies come owner by owner, and in the order of their commits.
Status check_body(CheckWalk& walk, const CheckedRecord& record) {
  CheckLog& log = walk.log();
  if (log.owner_seq == 0 || log.body_owner != record.owner()) {
    log.body_owner = record.owner();
    log.owner_seq = 0;
    log.epoch = 0;
  }
  ++log.owner_seq;
  if (record.verified()) {
    if (Status s = check_body_fields(walk, record, log.owner_seq); !s.ok()) return s;
    const auto& body = record.table<fb::CommitBody>();
    log.owner_seq = body.owner_seq();
    log.epoch = body.epoch();
  } else if (log.owner_seq == 1 && walk.feed_floor() > 0) {
    log.owner_seq = 0;  // it may have begun late: the next one tells where
  }

  const uint64_t seq = format::key_u64(record.key(), 17);
  CheckRead link{Key(kSystemOwner, Kind::commit_link).u64(seq)};
  if (Status s = walk.read(link); !s.ok()) return s;
  const bool is_other =
      link.found() && walk.salt() &&
      link.record.link().owner_hash != format::owner_hash(record.owner(), *walk.salt());
  if (link.absent() || is_other) {
    walk.violation(record, "every body has its link",
                   fmt::format("link {} {}", seq, is_other ? "is of another owner" : "is missing"));
  }
  return Status();
}

Status check_feed_cursor(CheckWalk& walk, const CheckedRecord& record) {
  const auto& cursor = record.table<fb::FeedCursor>();
  const std::string_view name = text_of(cursor.name());
  if (name.empty()) walk.violation(record, "a cursor has a name", "it is empty");
  if (walk.salt() && format::text_hash(name, *walk.salt()) != record.uuid_at(17)) {
    walk.violation(record, "the key is the name's hash", "it is another's");
  }
  if (cursor.seq() >= record.common().commit_seq()) {
    walk.violation(
        record, "a cursor is behind an earlier commit",
        fmt::format("it is at {}, saved by {}", cursor.seq(), record.common().commit_seq()));
  }
  return Status();
}

Status check_feed_floor(CheckWalk& walk, const CheckedRecord& record) {
  const uint64_t through = record.table<fb::FeedFloor>().through_seq();
  if (through > record.common().commit_seq()) {
    walk.violation(record, "what was given up had been there",
                   fmt::format("up to {}, when {} was the last commit", through,
                               record.common().commit_seq()));
  }
  if (record.owner() != kSystemOwner) {
    walk.violation(record, "the store has one feed", "the floor lies under another owner");
  }
  return Status();
}

Status check_idempotency(CheckWalk& walk, const CheckedRecord& record) {
  const auto& fields = record.table<fb::IdempotencyRecord>();
  if (fields.request_hash() == nullptr) {
    walk.violation(record, "the request has a hash", "request_hash is absent");
  }
  if (record.tail().size() % format::kReceiptOperationBytes != 0) {
    walk.violation(record, "the tail is a receipt's operations",
                   fmt::format("{} bytes", record.tail().size()));
  }
  const uint32_t day = key_day_of(Time{fields.effective_at()});
  const uint32_t in_key = format::key_u32(record.key(), 17);
  if (in_key != day) {
    walk.violation(record, "the day is that of effective_at",
                   fmt::format("it is {} and should be {}", in_key, day));
  }
  return Status();
}

}  // namespace bcstore::model
