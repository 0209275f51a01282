#include "model/check_heads.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "model/encode.h"

namespace bcstore::model {

void missing_fact(CheckWalk& walk, const CheckedRecord& head, std::string_view rule,
                  uint64_t number) {
  walk.violation(head, rule, fmt::format("number {} is missing", number));
}

void expect_count(CheckWalk& walk, const CheckedRecord& head, std::string_view rule,
                  uint64_t counted, uint64_t newest) {
  if (counted >= newest) return;  // a larger count is found from the head
  walk.violation(head, rule, fmt::format("it is {}, the newest is {}", counted, newest));
}

void expect_effective(CheckWalk& walk, const CheckedRecord& head, std::string_view field,
                      int64_t copied, const CheckedRecord& newest) {
  if (copied == newest.common().effective_at()) return;
  walk.violation(head, fmt::format("{} is the newest one's", field),
                 fmt::format("it is {} and should be {}", copied, newest.common().effective_at()));
}

void expect_no_effective(CheckWalk& walk, const CheckedRecord& head, std::string_view field,
                         int64_t copied) {
  if (copied == std::numeric_limits<int64_t>::min()) return;
  walk.violation(head, fmt::format("{} is the newest one's", field),
                 fmt::format("it is {} though there is none", copied));
}

void compare_origin(CheckWalk& walk, const CheckedRecord& head, const CheckedRecord& first) {
  const fb::Common& a = head.common();
  const fb::Common& b = first.common();
  if (a.created_at() != b.created_at() || a.actor_kind() != b.actor_kind() ||
      from_fb(a.actor_id()) != from_fb(b.actor_id()) ||
      text_of(a.actor_name()) != text_of(b.actor_name())) {
    walk.violation(
        head, "time and actor are the first fact's",
        fmt::format("they are not those of {} {}", first.info().name, format::to_hex(first.key())));
  }
}

void expect_commit(CheckWalk& walk, const CheckedRecord& head,
                   std::initializer_list<const CheckedRecord*> facts) {
  uint64_t newest = 0;
  for (const CheckedRecord* fact : facts) newest = std::max(newest, fact->common().commit_seq());
  if (head.common().commit_seq() == newest) return;
  walk.violation(head, "commit_seq is the newest fact's",
                 fmt::format("it is {} and should be {}", head.common().commit_seq(), newest));
}

void stray_entry(CheckWalk& walk, const CheckedRecord& entry, const CheckRead& record) {
  if (record.state == CheckRead::State::damaged) return;
  walk.violation(entry, "index entry names its record",
                 fmt::format("{} {}", format::to_hex(record.key),
                             record.absent() ? "is missing" : "says otherwise"));
}

}  // namespace bcstore::model
