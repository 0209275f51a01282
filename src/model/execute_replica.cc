// What a group changed, kept for standbys; and a standby's pages.
//
// A page is verified as a whole before its first row is put, so that it is taken or not.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "model/execute.h"
#include "model/replica.h"

namespace bcstore::model {

using engine::Family;
using engine::family_of;
using format::Key;
using format::Kind;
using How = ReplicaChange::How;

namespace {

constexpr size_t kSeqAt = format::kKindOffset + 1;
constexpr uint64_t kGivenUpAtOnce = 1024;  // groups in one range

// Within one owner's rows of a kind. Whatever else goes by ranges one day needs its caches emptied.
bool is_known_range(const ReplicaChange& change, Kind kind) {
  const bool is_known = kind == Kind::idempotency || kind == Kind::commit_body ||
                        kind == Kind::search_block || kind == Kind::search_lists;
  if (!is_known) return false;
  if (change.key.size() < kSeqAt || change.key >= change.value) return false;
  const std::string_view prefix = change.key.substr(0, kSeqAt);
  return change.value.starts_with(prefix) || change.value == format::after_prefix(prefix);
}

uint64_t number_of(std::string_view position) { return format::key_u64(position, kPlaceNumberAt); }

}  // namespace

Status refused_by_standby() { return Status(Code::failed_precondition, "the store is a standby"); }

Status Executor::put_replica_state(ReplicaRole role, bool is_consistent,
                                   std::string_view position) {
  const Actor keeper = Actor::of_system("standby");
  current_ = Current();
  current_.commit_seq = last_seq_;
  Draft state = encoder_.replica_state({keeper, kSystemOwner}, role, is_consistent, position);
  int64_t effective = kNoTime;
  if (Status s = stamp(state, last_time_, &effective); !s.ok()) return s;
  const Key key(kSystemOwner, Kind::replica_state);
  changes_->put(family_of(Kind::replica_state), key, state.seal(key));
  return Status();
}

Status Executor::become_source() {
  if (settings_.replica.role == ReplicaRole::standby) return refused_by_standby();
  if (settings_.replica.role == ReplicaRole::source) return Status();
  // Numbers may begin anew: a standby of before must not be taken for one of now.
  const Uuid random = random_ids(system_clock())->next();
  const std::string run(reinterpret_cast<const char*>(random.bytes.data() + 8), kReplicaRunBytes);
  if (Status s = put_replica_state(ReplicaRole::source, false, run); !s.ok()) return s;
  settings_.replica = {.role = ReplicaRole::source, .position = run};
  return Status();
}

// That one stays: a standby that stands behind it has its chain.
Status Executor::drop_replica_keys(uint64_t through) {
  const Key prefix(kSystemOwner, Kind::replica_keys);
  const uint64_t end = std::min(through, settings_.replica.number);
  changes_->erase_range(family_of(Kind::replica_keys), Key(prefix).u64(0), Key(prefix).u64(end));
  return Status();
}

Status Executor::stop_being_source() {
  if (settings_.replica.role == ReplicaRole::standby) return refused_by_standby();
  if (settings_.replica.role == ReplicaRole::none) return Status();
  const Key prefix(kSystemOwner, Kind::replica_keys);
  changes_->erase_range(family_of(Kind::replica_keys), Key(prefix).u64(0),
                        format::after_prefix(prefix));
  changes_->erase(family_of(Kind::replica_state), Key(kSystemOwner, Kind::replica_state));
  settings_.replica = {};
  return Status();
}

// As part of the group itself: a change that is there is named, and the other way round.
Status Executor::put_replica_keys() {
  std::string packed;
  uint32_t keys = 0;
  const auto visitor = [&](Family family, std::string_view key, std::string_view upper) {
    const format::KindInfo* info = format::kind_info(static_cast<uint8_t>(key[kSeqAt - 1]));
    // A range may begin with the erasure of what is no key.
    if (upper.empty() && format::parse_key(key) == nullptr) return;
    if (info != nullptr && is_of_one_store(info->kind)) return;
    append(&packed, {family, key, upper});
    ++keys;
  };
  if (Status s = changes_->visit(visitor); !s.ok()) return s;
  if (keys == 0) return Status();
  const Actor keeper = Actor::of_system("standby");
  current_ = Current();
  current_.commit_seq = last_seq_;
  ReplicaStanding& here = settings_.replica;
  if (replica_nonce_ == 0) {
    const Uuid random = random_ids(system_clock())->next();
    replica_nonce_ = format::hash64({reinterpret_cast<const char*>(random.bytes.data()), 16});
  }
  const uint64_t chained[] = {here.chain, replica_nonce_, ++here.number};
  here.chain = format::hash64({reinterpret_cast<const char*>(chained), sizeof chained});
  Draft record = encoder_.replica_keys({keeper, kSystemOwner}, keys, here.chain, packed);
  int64_t effective = kNoTime;
  if (Status s = stamp(record, last_time_, &effective); !s.ok()) return s;
  const Key key = Key(kSystemOwner, Kind::replica_keys).u64(here.number);
  changes_->put(family_of(Kind::replica_keys), key, record.seal(key));
  const uint64_t kept = settings_.standby_groups;
  const bool is_time = here.number % kGivenUpAtOnce == 0 && here.number > kept;
  return is_time ? drop_replica_keys(here.number - kept) : Status();
}

// A link that is here already must be the same one; the next one must name the one before.
Status Executor::check_page_link(std::string_view key, std::string_view value, uint64_t last,
                                 uint64_t last_hash) {
  const uint64_t seq = format::key_u64(key, kSeqAt);
  const Status other(Code::conflict,
                     fmt::format("commit {} is another one here: make the standby anew", seq));
  format::Parsed parsed;
  format::Link link;
  if (Status s = format::parse_record(key, value, &parsed); !s.ok()) return s;
  if (!format::unpack(parsed.meta, &link)) return format::corrupt(key, "no link");
  if (seq == last + 1) return link.prev_hash == last_hash ? Status() : other;
  if (seq > last) {
    return Status(Code::corruption, fmt::format("commit {} is missing before {}", last + 1, seq));
  }
  engine::Value known;
  Status s = engine_.get(Family::log, key, nullptr, &known);
  // Of a page of the same group.
  if (s.code() == Code::not_found && seq > group_seq_) return Status();
  if (!s.ok()) return s;
  return known.bytes() == value ? Status() : other;
}

Status Executor::check_page(const ReplicaPage& page) {
  uint64_t last = last_seq_, hash = last_link_hash_, floor = 0;
  for (const ReplicaChange& change : page.changes) {
    const bool is_range = change.how == How::erase_range;
    const format::KindInfo* info =
        is_range && change.key.size() >= kSeqAt
            ? format::kind_info(static_cast<uint8_t>(change.key[kSeqAt - 1]))
            : format::parse_key(change.key);
    if (info == nullptr || family_of(info->kind) != change.family || is_of_one_store(info->kind)) {
      return Status(Code::corruption, "page: a key is of no known form");
    }
    if (is_range) {
      if (!is_known_range(change, info->kind)) {
        return Status(Code::corruption, "page: a range is of no known form");
      }
      continue;
    }
    if (change.how == How::erase) {
      if (info->kind == Kind::commit_link) {
        return Status(Code::corruption, "page: a commit is never taken out of the log");
      }
      continue;
    }
    if (info->kind == Kind::commit_link) {
      if (Status s = check_page_link(change.key, change.value, last, hash); !s.ok()) return s;
      const uint64_t seq = format::key_u64(change.key, kSeqAt);
      if (seq <= last) continue;
      last = seq;
      format::Parsed parsed;
      if (Status s = format::parse_record(change.key, change.value, &parsed); !s.ok()) return s;
      hash = format::hash64(parsed.meta);
      continue;
    }
    Draft draft;
    if (Status s = verified_copy(change.key, change.value, &draft); !s.ok()) return s;
    if (info->kind == Kind::feed_floor) {
      const bool is_own = format::key_owner(change.key) == kSystemOwner;
      floor = is_own ? root<fb::FeedFloor>(draft)->through_seq() : UINT64_MAX;
    }
  }
  if (floor <= last) return Status();
  return Status(Code::corruption, "page: the feed begins behind its end");
}

Status Executor::apply_page(const ReplicaPage& page) {
  if (settings_.replica.role != ReplicaRole::standby) {
    return Status(Code::failed_precondition, "the store is no standby");
  }
  if (page.from != settings_.replica.position) {
    const std::string_view here = settings_.replica.position;
    const bool is_of_run = here.size() >= kPlaceBytes && page.to.size() >= kPlaceBytes &&
                           page.to.substr(1, kReplicaRunBytes) == here.substr(1, kReplicaRunBytes);
    if (is_of_run && number_of(page.to) == number_of(here) &&
        page.to.substr(0, kPlaceBytes) != here.substr(0, kPlaceBytes) && page.to[0] == here[0]) {
      return Status(Code::conflict,
                    "page: of a store that went on from an older copy: make the standby anew");
    }
    if (is_of_run && page.to <= here) return Status();  // it was applied
    return Status(Code::failed_precondition, "page: there are others before it");
  }
  if (page.to < page.from) return Status(Code::invalid_argument, "page: it goes back");
  if (Status s = check_page(page); !s.ok()) return s;
  put_page(page);
  settings_.replica.position = page.to;
  settings_.replica.is_consistent = page.is_consistent;
  return put_replica_state(ReplicaRole::standby, page.is_consistent, page.to);
}

void Executor::put_page(const ReplicaPage& page) {
  replaces_rows_ = true;
  cache_.clear();
  std::set<std::string_view> sessions;
  for (const ReplicaChange& change : page.changes) {
    // Views of what is searched must not outlive it.
    steps_lists_ = steps_lists_ || change.family == Family::search;
    if (change.how == How::erase_range) {
      changes_->erase_range(change.family, change.key, change.value);
      continue;
    }
    const Kind kind = format::parse_key(change.key)->kind;
    if (RowCache::covers(kind)) settings_.rows->note(change.key);
    if (kind == Kind::message && sessions.insert(change.key.substr(0, kSeqAt + 16)).second) {
      const TailCache::Id id{format::key_owner(change.key).uuid(),
                             format::key_uuid(change.key, kSeqAt)};
      tails_written_to_.push_back(id);
      settings_.tails->begin_append(id);
    }
    if (change.how == How::erase) {
      changes_->erase(change.family, change.key);
      continue;
    }
    if (kind == Kind::commit_link && !take_page_link(change.key, change.value)) continue;
    if (kind == Kind::commit_body) {
      shown_.push_back({format::key_owner(change.key), format::key_u64(change.key, kSeqAt)});
    }
    if (kind == Kind::feed_floor) {
      Draft floor = Draft::copy(change.value);
      settings_.feed_floor = root<fb::FeedFloor>(floor)->through_seq();
    }
    changes_->put(change.family, change.key, change.value);
  }
  std::sort(shown_.begin(), shown_.end(),
            [](const auto& a, const auto& b) { return a.seq < b.seq; });
}

// False for one that is here already: the log of this store has each of them once.
bool Executor::take_page_link(std::string_view key, std::string_view value) {
  const uint64_t seq = format::key_u64(key, kSeqAt);
  if (seq <= last_seq_) return false;
  format::Parsed parsed;
  format::Link link;
  if (!format::parse_record(key, value, &parsed).ok() || !format::unpack(parsed.meta, &link)) {
    return false;
  }
  last_seq_ = seq;
  last_link_hash_ = format::hash64(parsed.meta);
  last_time_ = Time{link.time_us};
  return true;
}

}  // namespace bcstore::model
