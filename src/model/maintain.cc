#include "model/maintain.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "format/key.h"
#include "format/record.h"
#include "model/calendar.h"
#include "model/core.h"
#include "model/record_body.h"
#include "model/replica.h"
#include "model/search_lists.h"

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

Status drop_keys(Core& core, std::vector<UserId> owners, uint32_t day) {
  const auto chore = [owners = std::move(owners), day](Executor& executor) {
    if (executor.replica().role == ReplicaRole::standby) return refused_by_standby();
    for (const UserId& owner : owners) executor.drop_keys(owner, day);
    return Status();
  };
  return core.queue().run_chore(chore, Durability::relaxed);
}

// The spaces of one owner, as far as `max_listed` goes; `all`: whether it went through all.
Status list_owner(Core& core, UserId owner, uint64_t max_listed, MaintainReport* report,
                  bool* all) {
  std::vector<SearchPlace> due;
  const Key prefix(owner, Kind::search_space);
  {
    auto scan = core.engine().scan({engine::family_of(Kind::search_space), prefix.str(),
                                    format::after_prefix(prefix), false, nullptr, false});
    RecordBody body;
    while (scan->next()) {
      if (Status s = body.view(scan->key(), scan->value()); !s.ok()) return s;
      const SearchSpaceFields space = fields_of(*body.root<fb::SearchSpace>());
      if (!is_sound(space)) return format::corrupt(scan->key(), "its numbers do not go together");
      if (!lists_are_due(space)) continue;
      due.push_back({owner, format::key_uuid(scan->key(), prefix.view().size()),
                     format::key_uuid(scan->key(), prefix.view().size() + 16)});
    }
    if (!scan->status().ok()) return scan->status();
  }
  for (const SearchPlace& place : due) {
    *all = report->listed < max_listed;
    if (!*all) return Status();
    const std::lock_guard lock(core.lists_mutex());
    auto at = core.engine().snapshot();
    if (!at.ok()) return at.status();
    (*at)->keep();
    const Key key = place.key(Kind::search_space);
    engine::Value value;
    Status s = core.engine().get(engine::family_of(Kind::search_space), key, at->get(), &value);
    if (s.code() == Code::not_found) continue;
    RecordBody body;
    if (s.ok()) s = body.view(key, value.bytes());
    if (!s.ok()) return s;
    const SearchSpaceFields fields = fields_of(*body.root<fb::SearchSpace>());
    if (!is_sound(fields)) return format::corrupt(key, "its numbers do not go together");
    if (!lists_are_due(fields)) continue;
    uint64_t listed = 0;
    if (s = make_lists(core, place, at->get(), fields, &listed); !s.ok()) return s;
    report->spaces += listed > 0 ? 1u : 0u;
    report->listed += listed;
  }
  return Status();
}

}  // namespace

Result<MaintainReport> maintain(Core& core, const MaintainOptions& o) {
  Result<ReplicaStanding> standing = read_standing(core.engine(), nullptr);
  if (!standing.ok()) return standing.status();
  if (standing->role == ReplicaRole::standby) return refused_by_standby();
  if (o.max_owners == 0) return Status(Code::invalid_argument, "max_owners: it is 0");
  if (!o.after.empty() && o.after.size() != kTokenBytes) {
    return Status(Code::invalid_argument, "after: not a token of maintain()");
  }
  // By the last commit, not by the clock: one that is wrong for a moment ends nothing.
  const int64_t now_us = core.queue().counters().last_time_us;
  const uint32_t day = key_day_of(Time{now_us - core.options().idempotency_window_us});
  MaintainReport report;
  std::vector<UserId> stale;
  bool is_stopped = false;  // an owner is to be looked at again
  const auto look_at = [&](UserId owner) -> Status {
    ++report.owners;
    bool has = false;
    if (Status s = has_stale(core.engine(), owner, day, &has); !s.ok() || !has) return s;
    ++report.with_stale;
    stale.push_back(owner);
    if (stale.size() < kOwnersAtOnce) return Status();
    return drop_keys(core, std::exchange(stale, {}), day);
  };
  report.next = o.after;
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
    if (o.max_listed > 0) {
      bool all = true;
      Status s = list_owner(core, UserId(reference.id), o.max_listed, &report, &all);
      if (!s.ok()) return s;
      is_stopped = !all;
      if (is_stopped) break;
    }
    report.next = owners->key().substr(prefix.view().size());
  }
  if (!owners->status().ok()) return owners->status();
  if (report.owners < o.max_owners && !is_stopped) {
    if (Status s = look_at(kPublicOwner); !s.ok()) return s;
    report.next.clear();
  }
  if (!stale.empty()) {
    if (Status s = drop_keys(core, std::move(stale), day); !s.ok()) return s;
  }
  return report;
}

}  // namespace bcstore::model
