#include "model/maintain.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "format/key.h"
#include "format/record.h"
#include "model/calendar.h"
#include "model/core.h"

namespace bcstore::model {

using engine::Family;
using format::Key;
using format::Kind;

namespace {

constexpr size_t kOwnersAtOnce = 256;  // whose ranges go in one write
constexpr size_t kTokenBytes = 8;      // an owner's hash, as in its key

// Whether the first key of the owner is of a day before `day`.
Status has_stale(engine::Engine& engine, UserId owner, uint32_t day, bool* stale) {
  const Key prefix(owner, Kind::idempotency);
  auto scan = engine.scan({Family::index, prefix.str(), Key(prefix).u32(day).str()});
  *stale = scan->next();
  return scan->status();
}

}  // namespace

Result<MaintainReport> maintain(Core& core, const MaintainOptions& o) {
  if (o.max_owners == 0) return Status(Code::invalid_argument, "max_owners: it is 0");
  if (!o.after.empty() && o.after.size() != kTokenBytes) {
    return Status(Code::invalid_argument, "after: not a token of maintain()");
  }
  // By the last commit, not by the clock: one that is wrong for a moment ends nothing.
  const int64_t now_us = core.queue().counters().last_time_us;
  const uint32_t day = key_day_of(Time{now_us - core.options().idempotency_window_us});
  MaintainReport report;
  std::vector<UserId> stale;
  const auto look_at = [&](UserId owner) -> Status {
    ++report.owners;
    bool has = false;
    if (Status s = has_stale(core.engine(), owner, day, &has); !s.ok() || !has) return s;
    ++report.with_stale;
    stale.push_back(owner);
    if (stale.size() < kOwnersAtOnce) return Status();
    return core.queue().drop_keys(std::exchange(stale, {}), day);
  };
  if (o.after.empty()) {
    // The keys of those who created users; those of public records come last.
    if (Status s = look_at(kSystemOwner); !s.ok()) return s;
    report.next.assign(kTokenBytes, '\0');
  }
  const Key prefix(kSystemOwner, Kind::owner_hash);
  std::string from = prefix.str() + std::string(o.after);
  if (!o.after.empty()) from += '\0';
  auto owners = core.engine().scan({Family::index, from, format::after_prefix(prefix)});
  while (owners->next()) {
    if (report.owners >= o.max_owners) break;
    format::Parsed parsed;
    format::Reference reference;
    if (Status s = format::parse_record(owners->key(), owners->value(), &parsed); !s.ok()) return s;
    if (!format::unpack(parsed.meta, &reference)) {
      return format::corrupt(owners->key(), "the payload is malformed");
    }
    if (Status s = look_at(UserId(reference.id)); !s.ok()) return s;
    report.next = owners->key().substr(prefix.view().size());
  }
  if (!owners->status().ok()) return owners->status();
  if (report.owners < o.max_owners) {
    if (Status s = look_at(kPublicOwner); !s.ok()) return s;
    report.next.clear();
  }
  if (!stale.empty()) {
    if (Status s = core.queue().drop_keys(std::move(stale), day); !s.ok()) return s;
  }
  return report;
}

}  // namespace bcstore::model
