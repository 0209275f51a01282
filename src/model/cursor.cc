// One page of a list.
//
// A token is: version u8, hash of the list u64, the row's key without its owner, checksum u64 under
// the store's hash. The list's hash covers owner, prefix, direction and filters, so a token fits
// one list of one store; the owner is never taken from it.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "model/as_of.h"

namespace bcstore {

template <class T>
Cursor<T>::Cursor(std::unique_ptr<model::CursorBody> body) : body_(std::move(body)) {
  current_ = model::RecordAccess::make<T>(std::make_unique<model::RecordBody>());
}
template <class T>
Cursor<T>::Cursor(Cursor&&) noexcept = default;
template <class T>
Cursor<T>& Cursor<T>::operator=(Cursor&& other) noexcept {
  // The current row points into the scan: it goes first.
  current_ = std::move(other.current_);
  body_ = std::move(other.body_);
  return *this;
}
template <class T>
Cursor<T>::~Cursor() = default;
template <class T>
bool Cursor<T>::next() {
  return body_ && body_->next(model::RecordAccess::body(current_));
}
template <class T>
Status Cursor<T>::status() const {
  return body_ ? body_->status() : Status(Code::invalid_argument, "the cursor was moved from");
}
template <class T>
std::string Cursor<T>::token() const {
  return body_ ? body_->token() : std::string();
}

template class Cursor<User>;
template class Cursor<Project>;
template class Cursor<ProjectVersion>;
template class Cursor<ProjectStatusChange>;
template class Cursor<Document>;
template class Cursor<DocumentLockChange>;
template class Cursor<Revision>;
template class Cursor<Task>;
template class Cursor<TaskRevision>;
template class Cursor<TaskActivity>;
template class Cursor<ChatSession>;
template class Cursor<ChatMessage>;
template class Cursor<Event>;
template class Cursor<CallRecord>;
template class Cursor<UsageRow>;
template class Cursor<CreditEntry>;
template class Cursor<CreditHold>;
template class Cursor<SectionBlock>;
template class Cursor<Integration>;
template class Cursor<IntegrationChange>;
template class Cursor<Subscription>;
template class Cursor<SubscriptionChange>;
template class Cursor<PublicName>;
template class Cursor<PublicRecord>;
template class Cursor<FeedCursor>;

namespace model {

namespace {

constexpr char kTokenVersion = 1;
constexpr size_t kTokenFrame = 1 + 8 + 8;
// Rows in memory are given without the engine, which would notice a fork.
constexpr size_t kRowsBetweenChecks = 16;

void append_u64(std::string* out, uint64_t n) {
  const uint64_t big_endian = std::endian::native == std::endian::big ? n : __builtin_bswap64(n);
  out->append(reinterpret_cast<const char*>(&big_endian), sizeof big_endian);
}

void append_u32(std::string* out, uint32_t n) {
  const uint32_t big_endian = std::endian::native == std::endian::big ? n : __builtin_bswap32(n);
  out->append(reinterpret_cast<const char*>(&big_endian), sizeof big_endian);
}

uint64_t commit_of(const format::Draft& message) {
  return flatbuffers::GetRoot<fb::Message>(message.meta())->commit_seq();
}

}  // namespace

CursorBody::CursorBody(std::shared_ptr<Core> core, UserId owner, ListPlan plan)
    : core_(std::move(core)), child_(core_), owner_(owner), plan_(std::move(plan)) {
  if (!plan_.bad.ok()) {
    end(plan_.bad);
    return;
  }
  if (plan_.limit < 1 || plan_.limit > kMaxPageRows) {
    end(Status(Code::invalid_argument,
               fmt::format("limit: {} is outside 1 to {}", plan_.limit, kMaxPageRows)));
    return;
  }
  if (plan_.snapshot != nullptr) {
    const SnapshotBody* body = Access::body(*plan_.snapshot);
    if (body == nullptr || body->open_hash != core_->open_hash()) {
      end(Status(Code::invalid_argument, "snapshot: of another store"));
      return;
    }
  }
  // Checked now: the text behind it may be gone by the first next().
  if (Status s = parse_token(); !s.ok()) end(std::move(s));
}

uint64_t CursorBody::list_hash() const {
  const std::string& prefix = list_prefix_.empty() ? plan_.prefix : list_prefix_;
  const uint64_t seed = format::hash64(prefix, plan_.parameters);
  return seed ^ (plan_.backward ? 0x9E3779B97F4A7C15ull : 0);
}

std::string CursorBody::token() const {
  if (position_.empty()) return {};
  std::string token(1, kTokenVersion);
  append_u64(&token, list_hash());
  token += position_.substr(format::kOwnerBytes);
  append_u64(&token, format::hash64(token, core_->store_hash()));
  return token;
}

Status CursorBody::parse_token() {
  std::string_view token = plan_.after;
  plan_.after = {};
  if (token.empty()) return Status();
  Status bad(Code::invalid_argument, "after: not a token of this list");
  if (token.size() <= kTokenFrame || token[0] != kTokenVersion) return bad;
  std::string_view covered = token.substr(0, token.size() - 8);
  if (format::key_u64(token, covered.size()) != format::hash64(covered, core_->store_hash()) ||
      format::key_u64(token, 1) != list_hash()) {
    return bad;
  }
  // The owner comes from the handle, never from the token.
  std::string position(plan_.prefix.substr(0, format::kOwnerBytes));
  position += covered.substr(9);
  const bool merged = !plan_.merged_prefix.empty() &&
                      position.compare(0, plan_.merged_prefix.size(), plan_.merged_prefix) == 0;
  const bool is_own = position.compare(0, plan_.prefix.size(), plan_.prefix) == 0;
  if (plan_.kind == format::Kind::message && !is_own) {
    const format::KindInfo* kind = format::parse_key(position);
    if (kind == nullptr || kind->kind != plan_.kind) return bad;
    // In a session behind this one: the list goes on there.
    position_ = std::move(position);
    return Status();
  }
  if (!merged && !is_own) return bad;
  auto go_on = [&](bool of_merged, const std::string& after) {
    std::string& lower = of_merged ? merged_lower_ : plan_.lower;
    std::string& upper = of_merged ? merged_upper_ : plan_.upper;
    // A list may begin or end within its prefix, and not where it did when the token was given.
    if (plan_.backward) {
      upper = upper.empty() ? after : std::min(upper, after);
    } else {
      lower = std::max(lower, after + '\0');
    }
  };
  go_on(merged, position);
  if (!plan_.merged_prefix.empty()) {
    Result<std::string> other = plan_.resume(!merged, plan_.order(position));
    if (!other.ok()) return other.status();
    go_on(!merged, *other);
  }
  position_ = std::move(position);
  return Status();
}

const engine::Snapshot* CursorBody::engine_snapshot() const {
  if (plan_.past) return plan_.past->at();
  if (plan_.snapshot != nullptr) return Access::body(*plan_.snapshot)->snapshot.get();
  return plan_.view ? plan_.view.get() : own_snapshot_.get();
}

bool CursorBody::end(Status status) {
  status_ = std::move(status);
  ended_ = true;
  scan_.reset();
  merged_scan_.reset();
  own_snapshot_.reset();
  plan_.view.reset();
  drop_fill();
  return false;
}

engine::ScanRequest CursorBody::request(bool merged) const {
  const std::string& prefix = merged ? plan_.merged_prefix : plan_.prefix;
  const std::string& lower = merged ? merged_lower_ : plan_.lower;
  const std::string& upper = merged ? merged_upper_ : plan_.upper;
  const std::string& first = merged ? plan_.merged_first : plan_.first;
  engine::ScanRequest request;
  request.family = engine::family_of(merged ? plan_.merged_kind : plan_.kind);
  request.lower = std::max(lower.empty() ? prefix : lower, first);
  request.upper = upper.empty() ? format::after_prefix(prefix) : upper;
  request.backward = plan_.backward;
  request.snapshot = engine_snapshot();
  return request;
}

bool CursorBody::start() {
  started_ = true;
  const bool merges = !plan_.merged_prefix.empty();
  if (plan_.is_empty) return end(check_parent());
  if (plan_.past && plan_.kind == format::Kind::task) return gather_tasks();
  if ((plan_.named || plan_.sections_of || merges) && engine_snapshot() == nullptr) {
    // Both rounds, or both lists, are read from one view.
    auto snapshot = core_->engine().snapshot();
    if (!snapshot.ok()) return end(snapshot.status());
    own_snapshot_ = std::move(*snapshot);
  }
  if (plan_.sections_of) return fetch_sections();
  if (plan_.is_kept && position_.empty() && !plan_.backward) {
    Result<RowCache::Answer> known = find_rows(*core_, plan_.prefix, plan_.snapshot, &rows_fill_);
    if (!known.ok()) return end(known.status());
    rows_ = *std::move(known);
    if (rows_) return true;
  }
  if (plan_.tail_of) {
    if (Status s = find_tail(); !s.ok()) return end(std::move(s));
    if (tail_) return true;
  }
  if (plan_.kind == format::Kind::message) {
    const bool is_own = position_.compare(0, plan_.prefix.size(), plan_.prefix) == 0;
    if (!position_.empty() && !is_own) return find_segment(position_);
    if (position_.empty() && plan_.backward) return begin_oldest();
  }
  scan_ = core_->engine().scan(request(false));
  if (merges) merged_scan_ = core_->engine().scan(request(true));
  return !plan_.named || fetch();
}

// The session's tail, when it is known and what this list would see. Else the list becomes it, if
// it can.
Status CursorBody::find_tail() {
  uint64_t as_of = RowCache::kNow;
  if (Status s = usable_caches(*core_, plan_.snapshot, &as_of); !s.ok()) return s;
  const TailCache::Id id{owner_.uuid(), *plan_.tail_of};
  tail_ = core_->tails().view(id, plan_.limit);
  if (!tail_ && plan_.limit <= TailCache::kMostRows) {
    if (plan_.snapshot == nullptr) {
      fill_ = core_->tails().begin_fill(id);
      return Status();
    }
    // A tail is that of now: what the snapshot sees may be an older one.
    ListPlan now = plan_;
    now.snapshot = nullptr;
    CursorBody reading(core_, owner_, std::move(now));
    RecordBody row;
    while (reading.next(&row)) {
    }
    tail_ = core_->tails().view(id, plan_.limit);
  }
  if (tail_ && plan_.snapshot != nullptr && commit_of(tail_.row(tail_.last).value) > as_of) {
    tail_ = {};
  }
  return Status();
}

bool CursorBody::next(RecordBody* row) {
  row->clear();
  if (ended_) return false;
  if (!started_ && !start()) return false;
  if (given_ == plan_.limit) return end(Status());
  if (plan_.named || plan_.sections_of) return next_named(row);
  if (rows_) return next_of_rows(row);
  return tail_ ? next_of_tail(row) : next_row(row);
}

bool CursorBody::next_named(RecordBody* row) {
  for (;;) {
    if (named_at_ == named_.size() && scan_ && !fetch()) return false;
    if (named_at_ == named_.size()) return end(given_ == 0 ? check_parent() : Status());
    if (plan_.sections_of && named_at_ == fetched_) fetch_round();
    Named& named = named_[named_at_++];
    Status s = named.read.status;
    if (s.code() == Code::not_found) {
      s = format::corrupt(named.position, "names a record that is missing");
    }
    if (s.ok()) s = row->keep(named.read.key, std::move(named.read.value));
    if (s.ok() && plan_.to_past) s = plan_.past->to_past(row);
    if (s.ok() && plan_.sections_of) s = place_section(named, row);
    if (!s.ok()) {
      row->clear();
      return end(std::move(s));
    }
    if (plan_.sees_time) row->see(now_of(*core_));
    position_ = named.position;
    if (!row->loaded() || (plan_.filter && !plan_.filter(*row))) continue;
    ++given_;
    return true;
  }
}

void CursorBody::drop_fill() {
  if (!fill_.is_open()) return;
  if (core_->engine().health().code() == Code::wrong_process) return fill_.leave();
  fill_ = {};
}

bool CursorBody::next_of_rows(RecordBody* row) {
  if (given_ % kRowsBetweenChecks == 0) {
    if (Status s = core_->engine().health(); s.code() == Code::wrong_process) return end(s);
  }
  if (given_ == rows_->rows.size()) return end(Status());
  const RowCache::Row& stored = rows_->rows[given_++];
  position_ = stored.key;
  row->borrow(stored.key, plan_.kind, stored.value);
  return true;
}

bool CursorBody::next_of_tail(RecordBody* row) {
  if (given_ % kRowsBetweenChecks == 0) {
    if (Status s = core_->engine().health(); s.code() == Code::wrong_process) return end(s);
  }
  const uint64_t seq = tail_.last - given_;
  if (seq < tail_.first || seq == 0) {
    tail_ = {};
    return next_segment() ? next_row(row) : false;
  }
  const TailCache::Row& stored = tail_.row(seq);
  position_.resize(plan_.prefix.size());
  if (given_ == 0) position_ = plan_.prefix;
  append_u32(&position_, ~stored.month);
  append_u64(&position_, ~seq);
  row->borrow(position_, format::Kind::message, stored.value);
  ++given_;
  return true;
}

engine::Scan* CursorBody::advance() {
  if (!row_ready_) row_ready_ = scan_->next();
  if (!merged_scan_) {
    bool ready = std::exchange(row_ready_, false);
    return ready ? scan_.get() : nullptr;
  }
  if (!merged_ready_) merged_ready_ = merged_scan_->next();
  if (!scan_->status().ok() || !merged_scan_->status().ok()) return nullptr;
  if (!row_ready_ && !merged_ready_) return nullptr;
  bool first = row_ready_;
  if (row_ready_ && merged_ready_) {
    bool newer = plan_.order(scan_->key()) > plan_.order(merged_scan_->key());
    first = newer != plan_.backward;
  }
  (first ? row_ready_ : merged_ready_) = false;
  return first ? scan_.get() : merged_scan_.get();
}

bool CursorBody::next_row(RecordBody* row) {
  while (engine::Scan* scan = advance()) {
    if (Status s = row->view(scan->key(), scan->value()); !s.ok()) {
      row->clear();
      return end(std::move(s));
    }
    if (plan_.kind == format::Kind::revision) row->bind(core_);
    position_.assign(scan->key());
    if (plan_.to_past) {
      if (Status s = plan_.past->to_past(row); !s.ok()) return end(std::move(s));
      if (!row->loaded()) continue;
    }
    if (plan_.filter && !plan_.filter(*row)) continue;
    ++given_;
    rows_fill_.add(position_, scan->value());
    if (fill_.is_open()) {
      const size_t month_at = plan_.prefix.size();
      fill_.add(~format::key_u64(position_, month_at + 4), ~format::key_u32(position_, month_at),
                scan->value());
      if (given_ == plan_.limit) fill_.keep(/*whole=*/false);
    }
    return true;
  }
  row->clear();
  if (!scan_->status().ok()) return end(scan_->status());
  if (fill_.is_open()) fill_.keep(/*whole=*/true);
  if (given_ > 0) rows_fill_.keep();
  if (merged_scan_ && !merged_scan_->status().ok()) return end(merged_scan_->status());
  if (plan_.kind == format::Kind::message) return next_segment() && next_row(row);
  return end(given_ == 0 && position_.empty() ? check_parent() : Status());
}

// Fills the page. A list of the past may lose some of it again, and goes on.
bool CursorBody::fetch() {
  named_.clear();
  named_at_ = 0;
  while (named_.size() < plan_.limit && scan_->next()) {
    format::Parsed parsed;
    if (Status s = format::parse_record(scan_->key(), scan_->value(), &parsed); !s.ok()) {
      return end(std::move(s));
    }
    format::Reference reference;
    if (!format::unpack(parsed.meta, &reference)) {
      return end(format::corrupt(scan_->key(), "the payload is malformed"));
    }
    Named named;
    if (!plan_.named(scan_->key(), reference, &named.read.key)) continue;
    named.position = std::string(scan_->key());
    named.read.family = engine::family_of(plan_.named_kind);
    named_.push_back(std::move(named));
  }
  if (!scan_->status().ok()) return end(scan_->status());
  if (!plan_.to_past || named_.size() < plan_.limit) scan_.reset();
  if (plan_.named_is_prefix) {
    for (Named& named : named_) {
      auto scan =
          core_->engine().scan({named.read.family, named.read.key,
                                format::after_prefix(named.read.key), false, engine_snapshot()});
      if (scan->next()) {
        named.read.key = std::string(scan->key());
        named.read.status = core_->engine().get(named.read.family, named.read.key,
                                                engine_snapshot(), &named.read.value);
      } else {
        named.read.status = scan->status().ok() ? Status(Code::not_found, "") : scan->status();
      }
    }
    own_snapshot_.reset();
    return true;
  }
  std::vector<engine::Read> reads;
  reads.reserve(named_.size());
  for (Named& named : named_) reads.push_back(std::move(named.read));
  core_->engine().multi_get(reads, engine_snapshot());
  for (size_t i = 0; i < named_.size(); ++i) named_[i].read = std::move(reads[i]);
  own_snapshot_.reset();
  return true;
}

Status CursorBody::check_parent() {
  if (plan_.parent_prefix.empty() && !plan_.parent_what.empty()) {
    plan_.parent_prefix = with_id(owner_, plan_.parent_kind, plan_.parent_id).str();
    plan_.parent_name = fmt::format("{} {}", plan_.parent_what, to_string(plan_.parent_id));
  }
  if (plan_.parent_prefix.empty()) return Status();
  if (plan_.past) {
    Result<bool> is_there = plan_.past->is_there(plan_.parent_kind, plan_.parent_prefix);
    if (!is_there.ok()) return is_there.status();
    if (*is_there) return Status();
    return Status(Code::not_found, plan_.parent_name + " did not exist then");
  }
  auto scan =
      core_->engine().scan({engine::family_of(plan_.parent_kind), plan_.parent_prefix,
                            format::after_prefix(plan_.parent_prefix), false, engine_snapshot()});
  if (scan->next()) return Status();
  if (!scan->status().ok()) return scan->status();
  return Status(Code::not_found, plan_.parent_name + " does not exist");
}

}  // namespace model
}  // namespace bcstore
