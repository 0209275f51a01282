#include "model/as_of.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/execute.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

namespace {

constexpr size_t kIdAt = format::kKindOffset + 1;

Status no_past(const AsOf& as_of, std::string_view reason) {
  std::string_view what = "commit";
  if (as_of.by == AsOf::By::time) what = "time";
  if (as_of.by == AsOf::By::version) what = "version";
  return Status(
      Code::invalid_argument,
      fmt::format("as_of: {} {} {}", what,
                  as_of.by == AsOf::By::time ? as_of.at.us : static_cast<int64_t>(as_of.number),
                  reason));
}

}  // namespace

Result<Past> Past::open(const TenantState& state, const AsOf& as_of, const Snapshot* snapshot,
                        const Uuid& project) {
  Past past(state);
  if (Status s = use_snapshot(state, snapshot, &past.at_); !s.ok()) return s;
  if (as_of.by == AsOf::By::now) return past;
  if (past.at_ == nullptr) {
    auto own = state.core->engine().snapshot();
    if (!own.ok()) return own.status();
    past.own_ = std::move(*own);
    past.at_ = past.own_.get();
  }
  if (Status s = past.resolve(as_of, project); !s.ok()) return s;
  return past;
}

Status Past::resolve(const AsOf& as_of, const Uuid& project) {
  if (as_of.by == AsOf::By::commit) {
    const uint64_t last = core_->rows().applied();
    if (as_of.number > last) return no_past(as_of, fmt::format("is after the last one, {}", last));
    bound_.by = Bound::By::commit;
    bound_.commit = std::min(as_of.number, as_of.known_commit);
    return Status();
  }
  if (as_of.by == AsOf::By::time) {
    const int64_t last_us = core_->queue().counters().last_time_us;
    const int64_t now_us = std::max(last_us, core_->options().clock->now().us);
    if (as_of.at.us > now_us) return no_past(as_of, "is after now");
    bound_.by = Bound::By::time;
    bound_.time_us = as_of.at.us;
    bound_.commit = as_of.number;
    bound_.known = as_of.known_commit;
    return Status();
  }
  if (as_of.by != AsOf::By::version) return Status(Code::invalid_argument, "as_of: no such kind");
  if (project.is_nil()) return no_past(as_of, "is of no project here");
  RecordBody row;
  const Key versions = with_id(owner_, Kind::project_version, project);
  const Status missing(Code::not_found, fmt::format("project {} has no version {}",
                                                    to_string(project), as_of.number));
  if (as_of.number < 1 || as_of.number >= UINT32_MAX) return missing;
  const auto is_known = [&] { return row.root<fb::Common>()->commit_seq() <= as_of.known_commit; };
  const auto number = static_cast<uint32_t>(as_of.number);
  Status s = read(Kind::project_version, Key(versions).not_u32(number), &row);
  if (s.code() == Code::not_found || (s.ok() && !is_known())) return missing;
  if (!s.ok()) return s;
  s = read(Kind::project_version, Key(versions).not_u32(number + 1), &row);
  if (!s.ok() && s.code() != Code::not_found) return s;
  bound_.known = as_of.known_commit;
  if (!s.ok() || !is_known()) {
    // It is the newest one: what is known is as of then.
    if (as_of.known_commit == UINT64_MAX) return Status();
    bound_.by = Bound::By::commit;
    bound_.commit = as_of.known_commit;
    return Status();
  }
  bound_.by = Bound::By::time;
  bound_.time_us = row.root<fb::Common>()->effective_at();
  bound_.commit = row.root<fb::Common>()->commit_seq() - 1;
  return Status();
}

Result<Time> Past::seen_at(Time now) const {
  if (bound_.is_now()) return now;
  if (bound_.by == Bound::By::time) return Time{bound_.time_us};
  const Key key = Key(kSystemOwner, Kind::commit_link).u64(bound_.commit);
  engine::Value value;
  Status s = core_->engine().get(engine::family_of(Kind::commit_link), key, at_, &value);
  if (s.code() == Code::not_found) return Time{std::numeric_limits<int64_t>::min()};
  format::Parsed parsed;
  if (s.ok()) s = format::parse_record(key, value.bytes(), &parsed);
  if (!s.ok()) return s;
  format::Link link;
  if (!format::unpack(parsed.meta, &link)) return format::corrupt(key, "the payload is malformed");
  return Time{link.time_us};
}

AsOf Past::as_of() const {
  AsOf as_of;
  if (bound_.by == Bound::By::commit) as_of = AsOf::commit(bound_.commit);
  if (bound_.by == Bound::By::time) {
    as_of = {AsOf::By::time, bound_.commit, Time{bound_.time_us}, bound_.known};
  }
  return as_of;
}

Status Past::read(Kind kind, std::string_view key, RecordBody* row) const {
  engine::Value value;
  if (Status s = core_->engine().get(engine::family_of(kind), key, at_, &value); !s.ok()) {
    return s;
  }
  return row->keep(key, std::move(value));
}

// First in steps that double, since what is asked for is mostly of lately, then by halving.
Result<uint64_t> Past::last_seen(Kind kind, const KeyOf& key_of, uint64_t newest,
                                 std::unique_ptr<RecordBody>* record, uint64_t before) const {
  uint64_t seen = before, unseen = newest + 1, step = 1;
  bool stepping = true;
  std::unique_ptr<RecordBody> last;
  while (unseen - seen > 1) {
    uint64_t number = seen + (unseen - seen) / 2;
    if (stepping) number = unseen - std::min(step, unseen - seen - 1);
    step *= 2;
    Result<std::string> key = key_of(number);
    if (!key.ok()) return key.status();
    auto row = std::make_unique<RecordBody>();
    Status s = read(kind, *key, row.get());
    if (s.code() == Code::not_found) return format::corrupt(*key, "is missing");
    if (!s.ok()) return s;
    if (bound_.sees(*row)) {
      seen = number;
      stepping = false;
      last = std::move(row);
    } else {
      unseen = number;
    }
  }
  if (record != nullptr) *record = std::move(last);
  return seen;
}

Result<uint64_t> Past::last_of(Kind kind, const Uuid& parent, uint64_t newest,
                               std::unique_ptr<RecordBody>* record) const {
  const Key prefix = with_id(owner_, kind, parent);
  return last_seen(
      kind,
      [&](uint64_t number) -> Result<std::string> {
        return Key(prefix).not_u32(static_cast<uint32_t>(number)).str();
      },
      newest, record);
}

Result<uint64_t> Past::newest_of(Kind kind, const std::string& prefix, size_t number_bytes) const {
  auto scan = core_->engine().scan(
      {engine::family_of(kind), prefix, format::after_prefix(prefix), false, at_});
  if (!scan->next()) {
    return scan->status().ok() ? Result<uint64_t>(uint64_t{0}) : Result<uint64_t>(scan->status());
  }
  const std::string_view key = scan->key();
  if (number_bytes == 4) return uint64_t{~format::key_u32(key, key.size() - 4)};
  return ~format::key_u64(key, key.size() - 8);
}

// A fork's own messages do not begin with 1.
Result<uint64_t> Past::last_message(const Uuid& session) const {
  const Key prefix = with_id(owner_, Kind::message, session);
  Result<uint64_t> newest = newest_of(Kind::message, prefix.str(), 8);
  if (!newest.ok() || *newest == 0 || bound_.is_now()) return newest;
  auto scan = core_->engine().scan(
      {engine::family_of(Kind::message), prefix.str(), format::after_prefix(prefix), true, at_});
  if (!scan->next()) return scan->status();
  const uint64_t before = ~format::key_u64(scan->key(), scan->key().size() - 8) - 1;
  Result<uint64_t> last = last_seen(
      Kind::message, [&](uint64_t seq) { return message_key(session, seq); }, *newest, nullptr,
      before);
  return last.ok() && *last == before ? Result<uint64_t>(uint64_t{0}) : std::move(last);
}

Result<std::string> Past::message_key(const Uuid& session, uint64_t seq) const {
  Result<uint32_t> month = month_at(*core_, with_id(owner_, Kind::session_month, session),
                                    Kind::session_month, seq, at_);
  if (!month.ok()) return month.status();
  return with_id(owner_, Kind::message, session).not_u32(*month).not_u64(seq).str();
}

Status Past::row_from(Kind kind, const std::string& lower, RecordBody* row) const {
  row->clear();
  const Key prefix(owner_, kind);
  auto scan = core_->engine().scan(
      {engine::family_of(kind), lower, format::after_prefix(prefix), false, at_});
  if (scan->next()) return row->keep(scan->key(), own_value(core_, scan->value()));
  return scan->status();
}

namespace {

// Empty for no row.
std::string key_of(const RecordBody& row) {
  return row.loaded() ? std::string(row.key()) : std::string();
}

}  // namespace

// Among numbers with gaps: those of one group, behind which everything is seen. Only `unseen` is
// known not to be.
Result<std::string> Past::first_seen(Kind kind, const std::string& group, uint64_t unseen) const {
  const auto from = [&](uint64_t number) {
    std::string key = group;
    for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(~number >> shift);
    return key;
  };
  RecordBody row;
  uint64_t seen = 0;
  while (unseen - seen > 1) {
    const uint64_t middle = seen + (unseen - seen) / 2;
    if (Status s = row_from(kind, from(middle), &row); !s.ok()) return s;
    if (row.loaded() && row.key().substr(0, group.size()) == group && !bound_.sees(row)) {
      unseen = ~format::key_u64(row.key(), group.size());
    } else {
      seen = middle;
    }
  }
  if (Status s = row_from(kind, from(seen), &row); !s.ok()) return s;
  return key_of(row);
}

// The commit is part of the number. By time the months say where to look; the bound's own is the
// one that holds what is seen beside what is not.
Result<std::string> Past::first_key_in_months(const MonthStream& stream) const {
  Key lower(owner_, stream.kind);
  if (bound_.by == Bound::By::commit) {
    const uint64_t last = bound_.commit << 16 | 0xFFFF;
    Result<uint32_t> month = month_at(*core_, Key(owner_, stream.months), stream.months, last, at_);
    if (!month.ok()) return month.status();
    lower.not_u32(*month).not_u64(last);
  } else {
    lower.not_u32(month_of(Time{bound_.time_us}));
  }
  RecordBody row;
  if (Status s = row_from(stream.kind, lower.str(), &row); !s.ok()) return s;
  if (!row.loaded() || bound_.sees(row)) return key_of(row);
  const std::string_view key = row.key();
  return first_seen(stream.kind, std::string(key.substr(0, key.size() - 8)),
                    format::key_u64(key, key.size() - 8) ^ UINT64_MAX);
}

Result<std::string> Past::first_audit_key() const {
  const Key group(owner_, Kind::audit);
  Key lower = group;
  if (bound_.by == Bound::By::commit) lower.not_u64(bound_.commit << 16 | 0xFFFF);
  RecordBody row;
  if (Status s = row_from(Kind::audit, lower.str(), &row); !s.ok()) return s;
  if (!row.loaded() || bound_.sees(row)) return key_of(row);
  return first_seen(Kind::audit, group.str(), ~format::key_u64(row.key(), group.view().size()));
}

Result<uint64_t> last_commit_of(const TenantState& state, const Snapshot* snapshot) {
  const engine::Snapshot* at = nullptr;
  if (Status s = use_snapshot(state, snapshot, &at); !s.ok()) return s;
  const Key prefix(kSystemOwner, Kind::commit_link);
  auto scan = state.core->engine().scan(
      {engine::Family::log, prefix.str(), format::after_prefix(prefix), true, at});
  if (scan->next()) return format::key_u64(scan->key(), prefix.view().size());
  return scan->status().ok() ? Result<uint64_t>(uint64_t{0}) : Result<uint64_t>(scan->status());
}

Result<uint64_t> Past::last_age() const {
  constexpr uint64_t kAnyAge = UINT64_MAX;
  if (bound_.by != Bound::By::commit) return kAnyAge;
  const Key prefix(owner_, Kind::commit_body);
  auto scan = core_->engine().scan(
      {engine::Family::log, prefix.str(), Key(prefix).u64(bound_.commit).str() + '\0', true, at_});
  if (!scan->next()) {
    return scan->status().ok() ? Result<uint64_t>(kAnyAge) : Result<uint64_t>(scan->status());
  }
  RecordBody body;
  if (Status s = body.view(scan->key(), scan->value()); !s.ok()) return s;
  return body.root<fb::CommitBody>()->owner_seq() << 16 | 0xFFFF;
}

Result<bool> Past::is_there(Kind kind, std::string_view prefix) const {
  const Uuid id = prefix.size() >= kIdAt + 16 ? format::key_uuid(prefix, kIdAt) : Uuid();
  if (kind == Kind::task_place) {
    auto found = task(id);
    return found.ok() ? Result<bool>(*found != nullptr) : Result<bool>(found.status());
  }
  const bool is_head = kind == Kind::project || kind == Kind::document || kind == Kind::session ||
                       kind == Kind::integration;
  if (is_head) {
    auto found = head(kind, with_id(owner_, kind, id));
    return found.ok() ? Result<bool>(*found != nullptr) : Result<bool>(found.status());
  }
  // The first of its facts; of a user, whose rows are a stream, revision 1.
  const Key first_of_user = Key(owner_, Kind::user).not_u32(1);
  RecordBody row;
  Status s = read(kind, kind == Kind::user ? first_of_user.view() : prefix, &row);
  if (s.code() == Code::not_found) return false;
  if (!s.ok()) return s;
  return bound_.sees(row);
}

}  // namespace bcstore::model
