// Holds are what the ledger says of them, and those that are live are what the counter says is
// held.
#include <fmt/format.h>

#include "format/little_endian.h"
#include "model/check_walk.h"
#include "model/credits.h"
#include "model/encode.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

namespace {

constexpr size_t kHoldAt = 17;
constexpr size_t kLiveHoldAt = 25;

// The entry of the ledger that made or ended a hold.
Status expect_line(CheckWalk& walk, const CheckedRecord& record, uint64_t number,
                   CreditEntryKind kind, int64_t held_allowance, int64_t held_granted) {
  CheckRead line{Key(record.owner(), Kind::credit_entry).not_u64(number)};
  if (Status s = walk.read(line); !s.ok()) return s;
  if (line.damaged()) return Status();
  bool same = false;
  if (line.found()) {
    const auto& entry = line.record.table<fb::CreditEntry>();
    const fb::HoldEffect* effect = entry.effect();
    same = effect != nullptr && entry.entry_kind() == static_cast<uint8_t>(kind) &&
           from_fb(&effect->hold()) == format::key_uuid(record.key(), kHoldAt) &&
           effect->held_allowance() == held_allowance && effect->held_granted() == held_granted;
  }
  if (!same) {
    walk.violation(record, "a hold is what the ledger says",
                   fmt::format("entry {} is not its {}", number, to_string(kind)));
  }
  return Status();
}

CreditEntryKind ending_of(HoldState state) {
  switch (state) {
    case HoldState::captured:
      return CreditEntryKind::capture;
    case HoldState::voided:
      return CreditEntryKind::voided;
    default:
      return CreditEntryKind::expire;
  }
}

}  // namespace

Status check_credit_hold(CheckWalk& walk, const CheckedRecord& record) {
  const auto& hold = record.table<fb::CreditHold>();
  const auto state = static_cast<HoldState>(hold.state());
  if (to_string(state) == "unknown") {
    walk.unknown(record, "state", hold.state());
    return Status();
  }
  if (const char* fault = hold_fault(hold)) {
    walk.violation(record, "a hold is one of what is there", fault);
  }
  Status s = expect_line(walk, record, hold.entry(), CreditEntryKind::hold, hold.from_allowance(),
                         hold.from_granted());
  if (!s.ok()) return s;
  const bool took = hold.from_allowance() != 0 || hold.from_granted() != 0;
  Key row(record.owner(), Kind::live_hold);
  const Uuid id = format::key_uuid(record.key(), kHoldAt);
  row.time(Time{hold.expires_at()}).append(id);
  if (state == HoldState::live) {
    return took ? walk.expect_entry(record, row, {id, 0, 0}) : Status();
  }
  return expect_line(walk, record, hold.resolved_entry(), ending_of(state),
                     -int64_t{hold.from_allowance()}, -int64_t{hold.from_granted()});
}

Status check_rate_state(CheckWalk& walk, const CheckedRecord& record) {
  const std::string_view ahead = record.tail();
  bool fits = ahead.size() % 16 == 0 && ahead.size() / 16 <= 2 * kMaxRateLimits;
  for (size_t at = 0; fits && at < ahead.size(); at += 16) {
    const auto us = format::get_le<uint64_t>(ahead.data() + at + 8);
    fits = us >= 1 && us <= uint64_t{kMaxRefillUs} + 1;
  }
  if (!fits) walk.violation(record, "limits are ahead by what they may", "the tail is malformed");
  return Status();
}

Status check_live_hold(CheckWalk& walk, const CheckedRecord& record) {
  const Uuid id = format::key_uuid(record.key(), kLiveHoldAt);
  CheckRead head{Key(record.owner(), Kind::credit_hold).append(id)};
  if (Status s = walk.read_parent(record, &head); !s.ok()) return s;
  if (!head.found()) return Status();
  const auto& hold = head.record.table<fb::CreditHold>();
  // What else is wrong with the head is told there.
  if (static_cast<HoldState>(hold.state()) != HoldState::live ||
      Time{hold.expires_at()} != format::key_time(record.key(), kHoldAt)) {
    walk.violation(record, "index entry names its record", "the hold is not live until then");
  }
  return Status();
}

Status check_held(CheckWalk& walk, const CheckedRecord& counter) {
  const Key prefix(counter.owner(), Kind::live_hold);
  std::string from = prefix.str();
  int64_t allowance = 0, granted = 0;
  for (size_t n = 0; n <= kMaxLiveHolds; ++n) {
    CheckRead row("");
    if (Status s = walk.read_first(prefix, from, &row); !s.ok()) return s;
    if (row.damaged()) return Status();
    if (row.absent()) break;
    if (n == kMaxLiveHolds) {
      walk.violation(counter, "live holds are bounded", fmt::format("more than {}", n));
      return Status();
    }
    CheckRead head{
        Key(counter.owner(), Kind::credit_hold).append(format::key_uuid(row.key, kLiveHoldAt))};
    if (Status s = walk.read(head); !s.ok()) return s;
    if (!head.found()) return Status();
    allowance += head.record.table<fb::CreditHold>().from_allowance();
    granted += head.record.table<fb::CreditHold>().from_granted();
    from = row.key + '\0';
  }
  const format::Counter& says = counter.counter();
  if (says.held_allowance != allowance || says.held_granted != granted) {
    walk.violation(counter, "what is held is the sum of the live holds",
                   fmt::format("{} + {}, and should be {} + {}", says.held_allowance,
                               says.held_granted, allowance, granted));
  }
  return Status();
}

}  // namespace bcstore::model
