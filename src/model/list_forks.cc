// Lists of a fork's messages: its own, and below them those of the sessions behind it.
//
// A session without one behind it begins with message 1. So whether a list has to go on is only
// asked where it came to its end, or begins, at another number, and costs nothing else.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/as_of.h"
#include "model/execute.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

namespace {

constexpr size_t kSessionAt = format::kKindOffset + 1;

uint64_t seq_of(std::string_view key) { return ~format::key_u64(key, key.size() - 8); }

}  // namespace

// The session of the list, and those behind it.
Status CursorBody::load_chain() {
  list_prefix_ = plan_.prefix;
  Segment segment{format::key_uuid(plan_.prefix, kSessionAt), UINT64_MAX};
  while (true) {
    chain_.push_back(segment);
    const Key key = with_id(owner_, Kind::session, segment.session);
    if (chain_.size() > kMaxForkDepth + 1) return format::corrupt(key, "has no beginning");
    engine::Value value;
    Status s =
        core_->engine().get(engine::family_of(Kind::session), key, engine_snapshot(), &value);
    if (s.code() == Code::not_found && chain_.size() == 1) {
      return no_such(plan_.parent_what, segment.session);
    }
    if (s.code() == Code::not_found) return format::corrupt(key, "is missing");
    if (!s.ok()) return s;
    RecordBody head;
    if (s = head.view(key, value.bytes()); !s.ok()) return s;
    const auto* session = head.root<fb::SessionHead>();
    if (session->parent() == nullptr) return Status();
    segment = {from_fb(session->parent()), std::min(segment.last_seq, session->parent_seq())};
  }
}

// Scans what the list shows of one session of its chain.
bool CursorBody::open_segment(size_t at) {
  chain_at_ = at;
  const Segment& segment = chain_[at];
  const Key prefix = with_id(owner_, Kind::message, segment.session);
  plan_.prefix = prefix.str();
  plan_.lower.clear();
  plan_.upper.clear();
  plan_.first.clear();
  uint64_t last = segment.last_seq;
  if (!plan_.backward) last = std::min(last, plan_.from_seq.value_or(last));
  if (plan_.past) {
    Result<uint64_t> seen = plan_.past->last_message(segment.session);
    if (!seen.ok()) return end(seen.status());
    last = std::min(last, *seen);
  }
  const auto key_of = [&](uint64_t seq) -> Result<std::string> {
    const Key months = with_id(owner_, Kind::session_month, segment.session);
    Result<uint32_t> month = month_at(*core_, months, Kind::session_month, seq, engine_snapshot());
    if (!month.ok()) return month.status();
    return Key(prefix).not_u32(*month).not_u64(seq).str();
  };
  if (last != UINT64_MAX) {
    Result<std::string> lower = key_of(last);
    if (!lower.ok()) return end(lower.status());
    plan_.lower = *std::move(lower);
  }
  if (plan_.backward && plan_.from_seq) {
    Result<std::string> upper = key_of(*plan_.from_seq);
    if (!upper.ok()) return end(upper.status());
    plan_.upper = *upper + '\0';
  }
  row_ready_ = false;
  scan_ = core_->engine().scan(request(false));
  return true;
}

// The list begins with the oldest message that it shows.
bool CursorBody::begin_oldest() {
  scan_ = core_->engine().scan(request(false));
  row_ready_ = scan_->next();
  if (!row_ready_ && !scan_->status().ok()) return end(scan_->status());
  const uint64_t wanted = std::max<uint64_t>(plan_.from_seq.value_or(1), 1);
  if (row_ready_ && seq_of(scan_->key()) == wanted) return true;
  if (Status s = load_chain(); !s.ok()) return end(std::move(s));
  return chain_.size() == 1 || open_segment(chain_.size() - 1);
}

// After a row of a session behind the list's own.
bool CursorBody::find_segment(std::string_view position) {
  if (Status s = load_chain(); !s.ok()) return end(std::move(s));
  const Uuid session = format::key_uuid(position, kSessionAt);
  const auto it = std::find_if(chain_.begin(), chain_.end(),
                               [&](const Segment& one) { return one.session == session; });
  if (it == chain_.end()) return end(Status(Code::invalid_argument, "after: not of this list"));
  if (!open_segment(static_cast<size_t>(it - chain_.begin()))) return false;
  const std::string at(position);
  if (plan_.backward) {
    plan_.upper = at;
  } else {
    plan_.lower = at + '\0';
  }
  scan_ = core_->engine().scan(request(false));
  return true;
}

// The rows of one session are through: the next one's, or the list's end.
bool CursorBody::next_segment() {
  // A row of message 1 is the last of a list that goes backward in time.
  const bool is_first =
      !position_.empty() && position_.size() > plan_.prefix.size() && seq_of(position_) == 1;
  if (!plan_.backward && is_first) return end(Status());
  if (chain_.empty() && plan_.backward) return end(given_ == 0 ? check_parent() : Status());
  if (chain_.empty()) {
    if (Status s = load_chain(); !s.ok()) return end(std::move(s));
  }
  const bool is_last = plan_.backward ? chain_at_ == 0 : chain_at_ + 1 == chain_.size();
  if (!is_last) return open_segment(plan_.backward ? chain_at_ - 1 : chain_at_ + 1);
  return end(Status());
}

}  // namespace bcstore::model
