// The frame around a batch: replay, the operations, the audit event, the commit log.
#include "model/execute.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bcstore/options.h"
#include "format/little_endian.h"
#include "model/calendar.h"

namespace bcstore::model {

using engine::Family;
using engine::family_of;
using format::Key;
using format::Kind;
using format::Reference;

namespace {

void append_operation(std::string* out, const Receipt::Operation& op) {
  out->append(reinterpret_cast<const char*>(op.id.bytes.data()), op.id.bytes.size());
  char number[sizeof op.number];
  format::put_le(number, op.number);
  out->append(number, sizeof number);
}

std::vector<Receipt::Operation> parse_operations(std::string_view bytes) {
  std::vector<Receipt::Operation> out;
  for (; bytes.size() >= format::kReceiptOperationBytes;
       bytes.remove_prefix(format::kReceiptOperationBytes)) {
    Receipt::Operation op;
    op.id = format::key_uuid(bytes, 0);
    op.number = format::get_le<uint64_t>(bytes.data() + op.id.bytes.size());
    out.push_back(op);
  }
  return out;
}

Status check_batch(BatchBody& batch, ReplicaRole role) {
  if (!batch.status().ok()) return batch.status();
  if (batch.ops().empty()) return Status(Code::invalid_argument, "batch: holds no operation");
  return role == ReplicaRole::standby ? refused_by_standby() : Status();
}

}  // namespace

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
  return out;
}

Status no_such(std::string_view what, const Uuid& id) {
  return Status(Code::not_found, fmt::format("{} {} does not exist", what, to_string(id)));
}

Executor::Executor(engine::Engine& engine, Clock& clock, const Settings& settings)
    : engine_(engine),
      clock_(clock),
      settings_(settings),
      cache_(settings.cache_bytes),
      changes_(engine.new_changes()),
      section_lists_(engine) {}

// From the newest link back: over all that came from the log, to the one before them, and over
// kMinChecked in any case. Older ones were checked when the store was opened with them in its log.
Status Executor::recover(OpenReport* report) {
  constexpr uint64_t kMinChecked = 64;
  const uint64_t first = report->first_commit_seq;
  Key prefix(kSystemOwner, Kind::commit_link);
  engine::ScanRequest request{Family::log, prefix.str(), format::after_prefix(prefix), true};
  auto scan = engine_.scan(request);
  ChainLink link;
  bool enough = false;
  while (!enough && scan->next()) {
    if (Status s = check_link(*scan, &link); !s.ok()) return s;
    const bool many = ++report->checked_commits >= kMinChecked;
    enough = link.seq == 1 || (many && (first == 0 || link.seq < first));
  }
  if (!scan->status().ok()) return scan->status();
  if (!enough && link.seq != 0) {
    return Status(Code::corruption, fmt::format("commit {} is missing", link.seq - 1));
  }
  if (report->last_commit_seq != 0 && report->last_commit_seq != last_seq_) {
    return Status(Code::corruption, fmt::format("the log ends with commit {}, the store with {}",
                                                report->last_commit_seq, last_seq_));
  }
  settings_.rows->set_applied(last_seq_);
  return Status();
}

// The link at which the scan stands, against the one after it.
Status Executor::check_link(const engine::Scan& scan, ChainLink* link) {
  format::Parsed parsed;
  if (Status s = format::parse_record(scan.key(), scan.value(), &parsed); !s.ok()) return s;
  format::Link fields;
  if (!format::unpack(parsed.meta, &fields)) return format::corrupt(scan.key(), "no link");
  const uint64_t seq = format::key_u64(scan.key(), format::kKindOffset + 1);
  const uint64_t hash = format::hash64(parsed.meta);
  if (last_seq_ == 0) {
    last_seq_ = seq;
    last_link_hash_ = hash;
    last_time_ = Time{fields.time_us};
    // What an engine recovered it has written to files and synced before it opened.
    durable_seq_ = last_seq_;
  } else if (seq + 1 != link->seq) {
    return Status(Code::corruption, fmt::format("commit {} is missing", link->seq - 1));
  } else if (hash != link->prev_hash) {
    return Status(Code::corruption,
                  fmt::format("commit {} is not the one that commit {} followed", seq, link->seq));
  }
  *link = {seq, fields.prev_hash};
  return Status();
}

void Executor::begin() {
  shown_.clear();
  cache_.trim();
  forget_group(true);
  start_from_here();
}

// What an abandoned group goes back to.
void Executor::start_from_here() {
  group_seq_ = last_seq_;
  group_link_hash_ = last_link_hash_;
  group_time_ = last_time_;
  group_feed_floor_ = settings_.feed_floor;
  group_replica_ = settings_.replica;
}

Status Executor::finish(bool sync) {
  if (settings_.replica.role == ReplicaRole::source) {
    if (Status s = put_replica_keys(); !s.ok()) {
      abandon(/*nothing_written=*/true);
      return s;
    }
  }
  const bool steps_lists = std::exchange(steps_lists_, false);
  settings_.rows->begin_write(last_seq_);
  if (steps_lists) settings_.searches->move_epoch();
  Status status = engine_.apply(*changes_, sync);
  if (steps_lists) settings_.searches->move_epoch();
  settings_.rows->end_write(status.ok());
  if (!status.ok()) {
    abandon(status.code() != Code::unknown_outcome);
    return status;
  }
  if (sync) durable_seq_ = last_seq_;
  // These numbers are taken, whatever becomes of what comes next.
  start_from_here();
  keep_contents();
  forget_group(true);
  return status;
}

// The group is written: a cache for which there is no memory must not undo that.
void Executor::keep_contents() {
  try {
    for (PendingContent& one : pending_contents_) {
      settings_.contents->put(one.owner, one.document, std::move(one.known));
    }
    for (PendingTail& one : pending_tails_) {
      settings_.tails->append(one.id, one.seq, one.month, *one.value);
    }
  } catch (...) {
    settings_.contents->clear();
    for (const TailCache::Id& id : tails_written_to_) settings_.tails->end_append(id, false);
    tails_written_to_.clear();
  }
}

void Executor::abandon(bool nothing_written) {
  if (nothing_written) give_back_all();
  // The cache told of changes that are not there, or may not be.
  cache_.clear();
  shown_.clear();
  last_seq_ = group_seq_;
  last_link_hash_ = group_link_hash_;
  last_time_ = group_time_;
  settings_.feed_floor = group_feed_floor_;
  settings_.replica = group_replica_;
  current_.deferred.clear();
  forget_group(false);
}

void Executor::end_group() { forget_group(true); }

void Executor::forget_group(bool known) {
  changes_->clear();
  steps_lists_ = false;
  settings_.rows->end_write(false);  // of a write that an exception ended, or of none
  undo_.clear();
  pending_facts_.clear();
  pending_months_.clear();
  pending_lists_.clear();
  section_lists_.clear();
  pending_contents_.clear();
  pending_tails_.clear();
  group_acquired_.clear();
  group_saved_.clear();
  const bool is_known = known && !replaces_rows_;
  for (const TailCache::Id& id : tails_written_to_) settings_.tails->end_append(id, is_known);
  tails_written_to_.clear();
  replaces_rows_ = false;
}

Status Executor::check_owner_lives(const Commit& commit, HeadEntry** owner) {
  const bool creates = commit.batch->ops().front().verb == Verb::create_user;
  if (Status s = load_owner(current_.owner, owner); !s.ok()) return s;
  if ((*owner)->exists && (*owner)->month == kErasedState) {
    return Status(Code::erased, "the user was erased");
  }
  const bool is_reserved = current_.owner == kSystemOwner || current_.owner == kPublicOwner;
  if (!creates && !(*owner)->exists && !is_reserved) {
    return no_such("user", current_.owner.uuid());
  }
  return Status();
}

Status Executor::check_owner_seq(const Commit& commit, const HeadEntry& owner) {
  if (!commit.expected_owner_seq || *commit.expected_owner_seq == owner.seq) return Status();
  return Status::conflict(fmt::format("the owner is at sequence {}, expected {}", owner.seq,
                                      *commit.expected_owner_seq),
                          owner.seq);
}

Outcome Executor::execute(Commit& commit) {
  Outcome out;
  BatchBody& batch = *commit.batch;
  out.status = check_batch(batch, settings_.replica.role);
  if (!out.status.ok()) return out;
  if (batch.ops().front().verb == Verb::apply_billing) return execute_billing(commit);

  current_ = Current();
  current_.owner = batch.owner();
  current_.actor = &batch.actor();
  current_.importing = batch.importing();
  current_.now = std::max(clock_.now(), last_time_);
  current_.commit_seq = last_seq_ + 1;

  // A new user's key is remembered by the system owner: a retry names another new id.
  const bool creates = batch.ops().front().verb == Verb::create_user;
  const UserId key_owner = creates ? kSystemOwner : batch.owner();
  const Uuid request = commit.idempotency_key.empty() ? Uuid() : batch.request_hash();
  HeadEntry* owner = nullptr;
  out.status = check_owner_lives(commit, &owner);
  if (!out.status.ok()) return out;
  if (!commit.idempotency_key.empty()) {
    bool found = false;
    out.status = find_replay(commit, key_owner, request, &out, &found);
    if (found || !out.status.ok()) return out;
  }
  out.status = check_owner_seq(commit, *owner);
  if (!out.status.ok()) return out;
  current_.owner_seq = owner->seq + 1;

  remembered_.clear();
  Mark start = mark();
  out.status = run_operations(batch, &out);
  if (out.status.ok() && current_.touched.empty()) {
    answer_unchanged(commit, key_owner, request, start, &out);
    return out;
  }
  if (out.status.ok()) write_deferred();
  if (out.status.ok()) out.status = index_sections();
  if (out.status.ok()) out.status = write_ends();
  if (out.status.ok() && current_.strict_rate) out.status = put_rates(current_.owner);
  if (out.status.ok() && batch.audited()) out.status = write_audit(batch);
  out.receipt.commit_seq = current_.commit_seq;
  out.receipt.owner_seq = current_.owner_seq;
  out.receipt.committed_at = current_.now;
  out.receipt.operations = std::move(current_.operations);
  if (out.status.ok()) put_idempotency(commit, key_owner, request, out.receipt);
  if (out.status.ok()) out.status = write_log(commit);
  if (!out.status.ok()) {
    out.receipt = Receipt();
    rollback(start);
    return out;
  }
  accept();
  out.wrote = true;
  out.resolved = current_.resolved;
  last_seq_ = current_.commit_seq;
  last_time_ = current_.now;
  return out;
}

// An import all of whose rows are here, or refused, or what was done before: no commit. A key is
// remembered all the same: with another request it is a conflict from now on.
void Executor::answer_unchanged(const Commit& commit, UserId key_owner, const Uuid& request,
                                const Mark& start, Outcome* out) {
  if (!current_.repeated) {
    if (!current_.importing) {
      out->status = Status(Code::invalid_argument, "batch: has nothing to write");
    }
    rollback(start);
    return;
  }
  out->receipt = *std::move(current_.repeated);
  out->receipt.operations = std::move(current_.operations);
  out->resolved = current_.resolved;
  rollback(start);
  if (commit.idempotency_key.empty()) return;
  (void)mark();
  put_idempotency(commit, key_owner, request, out->receipt);
  accept();
  out->wrote = true;
}

Status Executor::run_operations(BatchBody& batch, Outcome* out) {
  const std::vector<Status>& checked = batch.row_status();
  for (size_t i = 0; i < batch.ops().size(); ++i) {
    Op& op = batch.ops()[i];
    current_.operation = static_cast<uint32_t>(i);
    if (!current_.importing) {
      Status s = dispatch(op);
      if (!s.ok()) return std::move(s).at_operation(static_cast<uint32_t>(i));
      continue;
    }
    ImportedRow row;
    row.status = checked[i];
    if (row.status.ok()) {
      Mark before = mark();
      current_.present = false;
      row.status = dispatch(op);
      if (row.status.ok() && !current_.present) {
        accept_row(before);
      } else {
        rollback(before);
      }
      // Damage and failing disks end the import; they are not the row's fault.
      Code code = row.status.code();
      if (code == Code::corruption || code == Code::io_error || code == Code::internal ||
          code == Code::closed) {
        return row.status;
      }
    }
    row.outcome = !row.status.ok()   ? ImportOutcome::refused
                  : current_.present ? ImportOutcome::present
                                     : ImportOutcome::written;
    out->rows.push_back(std::move(row));
  }
  // Rows beyond the batch's limit have no operation.
  for (size_t i = batch.ops().size(); i < checked.size(); ++i) {
    out->rows.push_back({ImportOutcome::refused, checked[i]});
  }
  return Status();
}

Status Executor::find_replay(const Commit& commit, UserId key_owner, const Uuid& request,
                             Outcome* out, bool* found) {
  const Uuid hash = format::hash128(commit.idempotency_key, settings_.salt);
  const int64_t oldest_us = current_.now.us - settings_.idempotency_window_us;
  const uint32_t last = key_day_of(current_.now);
  for (uint32_t day = key_day_of(Time{oldest_us}); day <= last; ++day) {
    Key key(key_owner, Kind::idempotency);
    key.u32(day).append(hash);
    Draft fact;
    bool here = false;
    if (const HeadEntry* pending = cache_.find(key); pending != nullptr && pending->exists) {
      fact = pending->draft.clone();
      here = true;
    } else if (Status s = read_fact(Kind::idempotency, key, &fact, &here); !s.ok()) {
      return s;
    }
    if (!here) continue;
    const auto* record = root<fb::IdempotencyRecord>(fact);
    if (record->effective_at() <= oldest_us) continue;
    if (from_fb(record->request_hash()) != request) {
      return Status::conflict("the idempotency key was used for another request",
                              record->commit_seq());
    }
    out->receipt.commit_seq = record->commit_seq();
    out->receipt.owner_seq = record->owner_seq();
    out->receipt.committed_at = Time{record->created_at()};
    out->receipt.replayed = true;
    out->receipt.operations = parse_operations(fact.tail());
    *found = true;
    return Status();
  }
  return Status();
}

void Executor::put_idempotency(const Commit& commit, UserId key_owner, const Uuid& request,
                               const Receipt& receipt) {
  if (commit.idempotency_key.empty()) return;
  std::string operations;
  for (const Receipt::Operation& op : receipt.operations) append_operation(&operations, op);
  Key key(key_owner, Kind::idempotency);
  key.u32(key_day_of(current_.now)).append(format::hash128(commit.idempotency_key, settings_.salt));
  put_head(Kind::idempotency, key,
           encoder_.idempotency(receipt, current_.now, request, operations));
}

Status Executor::write_log(const Commit& commit) {
  std::string touched;
  touched.reserve(current_.touched.size() * format::Touched::kBytes);
  for (const format::Touched& one : current_.touched) format::append(&touched, one);
  Encoder::BodyFields fields;
  fields.commit_seq = current_.commit_seq;
  fields.owner_seq = current_.owner_seq;
  fields.salt = format::hash64(commit.idempotency_key, settings_.salt ^ current_.commit_seq);
  fields.at = current_.now;
  fields.operations = static_cast<uint32_t>(current_.touched.size());
  fields.touched = touched;
  Draft body = encoder_.commit_body({*current_.actor, current_.owner}, fields);
  Key body_key(current_.owner, Kind::commit_body);
  body_key.u64(current_.commit_seq);
  std::string_view body_bytes = body.seal(body_key);
  changes_->put(Family::log, body_key, body_bytes);

  format::Link link;
  link.time_us = current_.now.us;
  link.owner_hash = format::owner_hash(current_.owner, settings_.salt);
  link.prev_hash = last_link_hash_;
  link.body_hash = format::body_hash(body_bytes, fields.salt);
  link.durable_seq = durable_seq_;
  std::string packed = format::pack(link);
  last_link_hash_ = format::hash64(packed);
  Key link_key(kSystemOwner, Kind::commit_link);
  link_key.u64(current_.commit_seq);
  changes_->put(Family::log, link_key, Draft(Kind::commit_link, packed).seal(link_key));

  Key owner_prefix(current_.owner, Kind::commit_body);
  if (!is_bookkeeping(current_.touched)) {
    shown_.push_back({current_.owner, current_.commit_seq});
  }

  HeadEntry owner;
  owner.exists = true;
  owner.seq = current_.owner_seq;
  replace(owner_prefix, std::move(owner));
  return Status();
}

Status Executor::write_audit(const BatchBody& batch) {
  std::string payload = fmt::format("{{\"reason\":{},\"operations\":{}}}",
                                    json_text(batch.actor().name), batch.size());
  EventFields fields;
  fields.type = "service.write";
  fields.payload = payload;
  fields.is_audit = true;
  Draft event = encoder_.event({*current_.actor, current_.owner}, fields);
  uint64_t id = 0;
  return write_audit_event(event, &id);
}

void Executor::touch(Kind kind, const Uuid& id, uint64_t number) {
  current_.touched.push_back({kind, id, number});
  current_.operations.push_back({id, number});
}

Status Executor::stamp(Draft& draft, Time created_at, int64_t* effective_us) {
  *effective_us = std::max(*effective_us, created_at.us);
  auto* common = mutable_root<fb::Common>(draft);
  bool patched = common->mutate_commit_seq(current_.commit_seq) &&
                 common->mutate_created_at(created_at.us) &&
                 common->mutate_effective_at(*effective_us);
  return patched ? Status() : Status(Code::internal, "a record without room for its times");
}

}  // namespace bcstore::model
