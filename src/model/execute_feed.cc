// Deciding on named places in the feed, and how far back the feed reaches.
#include <fmt/format.h>

#include "model/execute.h"
#include "model/keys.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

Status Executor::save_feed_cursor(Op& op) {
  const Key key = with_id(current_.owner, Kind::feed_cursor, op.parent);
  HeadEntry* entry = nullptr;
  if (Status s = load(Kind::feed_cursor, key, &entry); !s.ok()) return s;
  const auto* given = root<fb::FeedCursor>(op.head);
  if (entry->exists) {
    const auto* known = root<fb::FeedCursor>(entry->draft);
    if (text_of(known->name()) != text_of(given->name())) {
      return Status(Code::internal, "two cursors have one hash");
    }
    if (op.number < known->seq() && !op.flag) {
      return Status::conflict(fmt::format("cursor {} is at commit {}, and {} is before it",
                                          text_of(known->name()), known->seq(), op.number),
                              known->seq());
    }
  }
  if (op.number > last_seq_) {
    return Status(Code::failed_precondition,
                  fmt::format("there is no commit {}: the last one is {}", op.number, last_seq_));
  }
  if (op.number < settings_.feed_floor) {
    return Status::behind(fmt::format("the feed begins after commit {}", settings_.feed_floor),
                          settings_.feed_floor);
  }
  if (op.number < held_feed_floor_) {
    return Status(Code::unavailable,
                  fmt::format("the feed is being trimmed up to commit {}", held_feed_floor_));
  }
  int64_t effective = kNoTime;
  if (Status s = stamp(op.head, current_.now, &effective); !s.ok()) return s;
  put_head(Kind::feed_cursor, key, op.head.clone());
  touch(Kind::feed_cursor, op.parent, op.number);
  return Status();
}

Status Executor::drop_feed_cursor(Op& op) {
  const Key key = with_id(current_.owner, Kind::feed_cursor, op.parent);
  HeadEntry* entry = nullptr;
  if (Status s = load(Kind::feed_cursor, key, &entry); !s.ok()) return s;
  if (!entry->exists) return Status(Code::not_found, "there is no cursor of this name");
  erase(Kind::feed_cursor, key);
  touch(Kind::feed_cursor, op.parent, 0);
  return Status();
}

Status Executor::hold_feed_floor(uint64_t through_seq) {
  if (settings_.replica.role == ReplicaRole::standby) return refused_by_standby();
  if (held_feed_floor_ != 0) return Status(Code::unavailable, "the feed is being trimmed already");
  held_feed_floor_ = through_seq;
  return Status();
}

Status Executor::set_feed_floor(uint64_t through_seq) {
  if (settings_.replica.role == ReplicaRole::standby) return refused_by_standby();
  if (through_seq <= settings_.feed_floor) return Status();
  const Actor keeper = Actor::of_system("feed");
  current_ = Current();
  current_.actor = &keeper;
  current_.commit_seq = last_seq_;
  Draft floor = encoder_.feed_floor({keeper, kSystemOwner}, through_seq);
  int64_t effective = kNoTime;
  Status s = stamp(floor, std::max(clock_.now(), last_time_), &effective);
  current_ = Current();
  if (!s.ok()) return s;
  const Key key(kSystemOwner, Kind::feed_floor);
  changes_->put(engine::family_of(Kind::feed_floor), key, floor.seal(key));
  settings_.feed_floor = through_seq;
  return Status();
}

void Executor::drop_bodies(UserId owner, uint64_t end) {
  const Key prefix(owner, Kind::commit_body);
  changes_->erase_range(engine::family_of(Kind::commit_body), Key(prefix).u64(0),
                        Key(prefix).u64(end));
}

}  // namespace bcstore::model
