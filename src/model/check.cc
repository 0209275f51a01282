#include "model/check.h"

#include <fmt/format.h>

#include <utility>

#include "engine/families.h"
#include "model/check_walk.h"

namespace bcstore::model {

using engine::Family;
using format::Key;
using format::Kind;

Result<CheckReport> check_store(engine::Engine& engine, const CheckOptions& options) {
  return CheckWalk(engine, options).run();
}

Result<CheckReport> CheckWalk::run() {
  if (Status s = start(); !s.ok()) return s;
  for (size_t i = 0; i < engine::kFamilies; ++i) {
    if (Status s = walk_family(static_cast<Family>(i)); !s.ok()) return s;
  }
  for (const format::KindInfo& info : format::kKinds) {
    report_.checked[std::string(info.name)] = checked_[static_cast<uint8_t>(info.kind)];
  }
  if (checked_[static_cast<uint8_t>(Kind::store)] == 0) {
    violation("store", Key(kSystemOwner, Kind::store), "there is one store record",
              "it is missing");
  }
  if (options_.files) {
    Status files = engine_.verify_files();
    if (!files.ok()) violation("files", {}, "every block verifies", files.to_string());
  }
  return std::move(report_);
}

// What later rules stand on: the salt of the hashes, and the last commit.
Status CheckWalk::start() {
  Result<std::unique_ptr<engine::Snapshot>> snapshot = engine_.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  snapshot_ = *std::move(snapshot);
  snapshot_->keep();

  CheckRead store{Key(kSystemOwner, Kind::store)};
  if (Status s = read(store); !s.ok()) return s;
  if (store.found()) salt_ = store.record.table<fb::StoreRecord>().salt();
  CheckRead floor{Key(kSystemOwner, Kind::feed_floor)};
  if (Status s = read(floor); !s.ok()) return s;
  if (floor.found()) feed_floor_ = floor.record.table<fb::FeedFloor>().through_seq();
  if (floor.damaged()) feed_floor_ = UINT64_MAX;  // which bodies should be there is not known

  const Key prefix(kSystemOwner, Kind::commit_link);
  std::unique_ptr<engine::Scan> scan = engine_.scan(
      {Family::log, prefix.str(), format::after_prefix(prefix), true, snapshot_.get(), false});
  if (scan->next()) last_commit_ = format::key_u64(scan->key(), prefix.view().size());
  if (scan->status().code() != Code::corruption) return scan->status();
  unreadable(prefix, scan->status());
  return Status();
}

void CheckWalk::violation(std::string_view table, std::string_view key, std::string_view rule,
                          std::string detail) {
  ++report_.violations;
  if (report_.listed.size() >= options_.max_violations) return;
  report_.listed.push_back(
      {std::string(table), format::to_hex(key), std::string(rule), std::move(detail)});
}

void CheckWalk::unknown(const CheckedRecord& record, std::string_view what, unsigned number) {
  violation(record, "enumerators are known", fmt::format("{} is {}", what, number));
}

// Below the records: a block of a file is damaged.
void CheckWalk::unreadable(std::string_view key, const Status& status) {
  const format::KindInfo* info = format::kind_info(static_cast<uint8_t>(key[format::kKindOffset]));
  violation(info->name, key, "rows can be read", status.to_string());
}

Status CheckWalk::walk_family(Family family) {
  owner_.reset();
  month_row_ = {};
  std::string last;
  std::unique_ptr<engine::Scan> scan =
      engine_.scan({family, {}, {}, false, snapshot_.get(), false, true});
  while (scan->next()) {
    last.assign(scan->key());
    if (Status s = visit(family, last, scan->value()); !s.ok()) return s;
  }
  if (Status s = close_stream(); !s.ok()) return s;
  chains_.close(*this);
  if (Status s = usage_.close(*this); !s.ok()) return s;
  if (scan->status().code() != Code::corruption) return scan->status();
  violation(to_string(family), last, "rows can be read",
            fmt::format("none after this one: {}", scan->status().message()));
  return Status();
}

Status CheckWalk::visit(Family family, std::string_view key, std::string_view value) {
  const format::KindInfo* info = format::parse_key(key);
  if (info == nullptr) {
    violation(to_string(family), key, "key is of a known form",
              fmt::format("{} bytes", key.size()));
    return Status();
  }
  ++checked_[static_cast<uint8_t>(info->kind)];
  if (engine::family_of(info->kind) != family) {
    violation(info->name, key, "record lies in its family",
              fmt::format("it lies in {}", to_string(family)));
    return Status();
  }
  Status verified = row_.load(key, value, Tail::unpack);
  if (verified.code() == Code::internal) return verified;
  if (!verified.ok()) violation(info->name, key, "record verifies", verified.to_string());
  if (Status s = check_owner(row_); !s.ok()) return s;
  if (Status s = step(row_); !s.ok()) return s;
  if (Status s = usage_.visit(*this, row_); !s.ok()) return s;
  // The log's own rules go on over a damaged record: they count them.
  if (info->kind == Kind::commit_link) return check_link(*this, row_);
  if (info->kind == Kind::commit_body) return check_body(*this, row_);
  return row_.verified() ? check_record(*this, row_) : Status();
}

namespace {

bool is_public_kind(Kind kind) {
  return kind == Kind::public_name || kind == Kind::public_record || kind == Kind::commit_body ||
         kind == Kind::audit || kind == Kind::idempotency;
}

}  // namespace

// Once for each owner in each family.
Status CheckWalk::check_owner(const CheckedRecord& record) {
  const UserId owner = record.owner();
  if (owner == kPublicOwner && !is_public_kind(record.kind())) {
    violation(record, "owner has a user", "the public owner has public records alone");
  }
  if (owner_ != owner) {
    owner_ = owner;
    CheckRead first{Key(owner, Kind::user).not_u32(1)};
    if (owner != kSystemOwner && owner != kPublicOwner) {
      if (Status s = read(first); !s.ok()) return s;
      if (first.absent()) {
        violation(record, "owner has a user", "no user record of " + to_string(owner));
      }
    }
  }
  if (record.verified() && record.info().payload == format::Payload::flat_buffer) {
    check_common(record);
  }
  return Status();
}

void CheckWalk::check_common(const CheckedRecord& record) {
  const fb::Common& common = record.common();
  // The store record is older than the first commit, and so may a standby's be.
  const bool may_be_older = record.kind() == Kind::store || record.kind() == Kind::replica_state ||
                            record.kind() == Kind::replica_keys;
  if ((!may_be_older || common.commit_seq() > last_commit_) &&
      (common.commit_seq() == 0 || common.commit_seq() > last_commit_)) {
    violation(record, "commit_seq is of a commit",
              fmt::format("it is {}, the last commit {}", common.commit_seq(), last_commit_));
  }
  const auto kind = static_cast<ActorKind>(common.actor_kind());
  if (common.actor_kind() != 0 && to_string(kind) == "unknown") {
    unknown(record, "actor_kind", common.actor_kind());
  }
  if (kind == ActorKind::user && common.actor_id() == nullptr) {
    violation(record, "a user who acted is named", "actor_id is absent");
  }
}

Status CheckWalk::read(std::span<CheckRead> reads, Tail tail) {
  std::vector<engine::Read> round;
  round.reserve(reads.size());
  for (CheckRead& wanted : reads) {
    const format::KindInfo* info = format::parse_key(wanted.key);
    if (info == nullptr) return Status(Code::internal, "check made a key of no known form");
    round.push_back({engine::family_of(info->kind), wanted.key});
  }
  engine_.multi_get(round, snapshot_.get());
  for (size_t i = 0; i < reads.size(); ++i) {
    reads[i].state = CheckRead::State::damaged;
    reads[i].value = std::move(round[i].value);
    switch (round[i].status.code()) {
      case Code::ok: {
        Status s = reads[i].record.load(reads[i].key, reads[i].value.bytes(), tail);
        if (s.code() == Code::internal) return s;
        if (s.ok()) reads[i].state = CheckRead::State::found;
        break;
      }
      case Code::not_found:
        reads[i].state = CheckRead::State::absent;
        break;
      case Code::corruption:
        unreadable(reads[i].key, round[i].status);
        break;
      default:
        return round[i].status;
    }
  }
  return Status();
}

Status CheckWalk::read_first(std::string_view prefix, std::string_view from, CheckRead* first) {
  first->state = CheckRead::State::absent;
  const format::KindInfo* info =
      format::kind_info(static_cast<uint8_t>(prefix[format::kKindOffset]));
  if (info == nullptr) return Status(Code::internal, "check made a key of no known form");
  std::unique_ptr<engine::Scan> scan =
      engine_.scan({engine::family_of(info->kind), std::string(from), format::after_prefix(prefix),
                    false, snapshot_.get(), true});
  if (scan->next()) {
    first->key.assign(scan->key());
    first->state = CheckRead::State::damaged;
    if (format::parse_key(first->key) == info &&
        first->record.load(first->key, scan->value(), Tail::skip).ok()) {
      first->state = CheckRead::State::found;
    }
    return Status();
  }
  if (scan->status().code() != Code::corruption) return scan->status();
  unreadable(from, scan->status());
  first->state = CheckRead::State::damaged;
  return Status();
}

// It lies in the month of the last month row at or before it.
Status CheckWalk::read_in_month(UserId owner, const MonthStream& stream, uint64_t id,
                                CheckRead* fact) {
  const Key prefix(owner, stream.months);
  CheckRead month("");
  if (Status s = read_first(prefix, Key(prefix).not_u64(id), &month); !s.ok()) return s;
  fact->state = month.state;
  if (!month.found()) return Status();
  const auto number = static_cast<uint32_t>(month.record.reference().number);
  fact->key = in_month(owner, stream, number, id).str();
  return read(*fact);
}

Status CheckWalk::expect_entry(const CheckedRecord& record, const Key& key,
                               const format::Reference& expected) {
  CheckRead entry{key};
  if (Status s = read(entry); !s.ok()) return s;
  const std::string whose = fmt::format("{} {}", record.info().name, format::to_hex(record.key()));
  const format::KindInfo* info = format::parse_key(key);
  if (entry.absent()) violation(info->name, key, "record has its index entry", whose);
  if (entry.found() && entry.record.reference() != expected) {
    violation(info->name, key, "index entry names its record", "it should be of " + whose);
  }
  return Status();
}

Status CheckWalk::read_parent(const CheckedRecord& child, CheckRead* parent) {
  if (Status s = read(*parent); !s.ok()) return s;
  if (parent->absent()) {
    const format::KindInfo* info = format::parse_key(parent->key);
    violation(child, "parent exists",
              fmt::format("there is no {} {}", info->name, format::to_hex(parent->key)));
  }
  return Status();
}

}  // namespace bcstore::model
