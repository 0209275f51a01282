#include "model/reads.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/as_of.h"

namespace bcstore {

Snapshot::Snapshot(std::unique_ptr<model::SnapshotBody> body) : body_(std::move(body)) {}
Snapshot::Snapshot(Snapshot&&) noexcept = default;
Snapshot& Snapshot::operator=(Snapshot&&) noexcept = default;
Snapshot::~Snapshot() = default;

namespace model {

std::function<Status()> missing(std::string_view what, const Uuid& id) {
  return [what, id] { return no_such(what, id); };
}

ListPlan history(const TenantState& state, format::Kind kind, const Uuid& parent,
                 format::Kind parent_kind, std::string_view parent_name, const ListOptions& o) {
  ListPlan plan;
  if (parent.is_nil()) plan.bad = check_id(fmt::format("{} id", parent_name), parent);
  plan.kind = kind;
  plan.prefix = with_id(state.owner, kind, parent).str();
  plan.backward = o.reverse;
  plan.limit = o.limit;
  plan.after = o.after;
  plan.snapshot = o.snapshot;
  plan.as_of = o.as_of;
  if (parent_kind == format::Kind::project) plan.project = parent;
  plan.parent_kind = parent_kind;
  plan.parent_what = parent_name;
  plan.parent_id = parent;
  return plan;
}

Time now_of(Core& core) {
  return std::max(core.options().clock->now(), Time{core.queue().counters().last_time_us});
}

Status begin_read(const TenantState& state) {
  if (!state.bad.ok()) return state.bad;
  if (state.core->closed()) return Status(Code::closed, "the store is closed");
  if (!state.service) return Status();
  if (Status s = state.core->engine().health(); s.code() == Code::wrong_process) return s;
  state.core->note_read(state.owner, state.actor.name);
  return Status();
}

Tenant within(const TenantState& state) {
  auto inner = std::make_shared<TenantState>(state);
  inner->service = false;
  return Access::tenant(std::move(inner));
}

Status only_now(const AsOf& as_of, std::string_view what) {
  if (as_of.by == AsOf::By::now) return Status();
  return Status(Code::invalid_argument, fmt::format("as_of: {} is not kept of the past", what));
}

Status use_snapshot(const TenantState& state, const Snapshot* snapshot,
                    const engine::Snapshot** out) {
  *out = nullptr;
  if (snapshot == nullptr) return Status();
  const SnapshotBody* body = Access::body(*snapshot);
  if (body == nullptr || body->open_hash != state.core->open_hash()) {
    return Status(Code::invalid_argument, "snapshot: of another store");
  }
  *out = body->snapshot.get();
  return Status();
}

Status usable_caches(Core& core, const Snapshot* snapshot, uint64_t* as_of) {
  if (Status s = core.engine().health(); !s.ok() && s.code() != Code::read_only) return s;
  *as_of = RowCache::kNow;
  if (snapshot == nullptr) return Status();
  const SnapshotBody* body = Access::body(*snapshot);
  *as_of = body->applied_seq;
  return body->snapshot->check_age();
}

Result<RowCache::Answer> find_rows(Core& core, std::string_view name, const Snapshot* snapshot,
                                   RowCache::Fill* fill) {
  uint64_t as_of = RowCache::kNow;
  if (Status s = usable_caches(core, snapshot, &as_of); !s.ok()) return s;
  if (RowCache::Answer known = core.rows().find(name, as_of)) return known;
  *fill = RowCache::Fill(&core.rows(), name, snapshot != nullptr ? as_of : core.rows().applied());
  return RowCache::Answer();
}

namespace {

// A record of its own that shows a row of the cache.
std::unique_ptr<RecordBody> lend(const TenantState& state, const RowCache::Answer& answer,
                                 format::Kind kind) {
  auto body = std::make_unique<RecordBody>();
  const RowCache::Row& row = answer->rows.front();
  body->borrow(row.key, kind, row.value, lender(state.core, answer));
  return body;
}

struct Lent {
  Child child;
  RowCache::Answer answer;
};

}  // namespace

std::shared_ptr<const void> lender(const std::shared_ptr<Core>& core, RowCache::Answer answer) {
  return std::shared_ptr<const Lent>(new Lent{Child(core), std::move(answer)});
}

Result<std::unique_ptr<RecordBody>> read_record(const TenantState& state, const format::Key& key,
                                                format::Kind kind, const Snapshot* snapshot,
                                                const std::function<Status()>& missing) {
  const engine::Snapshot* at = nullptr;
  if (Status s = use_snapshot(state, snapshot, &at); !s.ok()) return s;
  RowCache::Fill fill;
  if (kind == format::Kind::project || kind == format::Kind::document) {
    Result<RowCache::Answer> known = find_rows(*state.core, key, snapshot, &fill);
    if (!known.ok()) return known.status();
    if (*known) return lend(state, *known, kind);
  }
  engine::Value value;
  Status s = state.core->engine().get(engine::family_of(kind), key, at, &value);
  if (s.code() == Code::not_found) return missing();
  if (!s.ok()) return s;
  auto body = std::make_unique<RecordBody>();
  if (s = body->keep(key, std::move(value)); !s.ok()) return s;
  fill.add(key, body->value());
  fill.keep();
  return body;
}

Result<std::unique_ptr<RecordBody>> read_record(const TenantState& state, const format::Key& key,
                                                format::Kind kind, const ReadOptions& o,
                                                const std::function<Status()>& missing,
                                                const Uuid& project) {
  if (o.as_of.by == AsOf::By::now) return read_record(state, key, kind, o.snapshot, missing);
  Result<Past> past = Past::open(state, o.as_of, o.snapshot, project);
  if (!past.ok()) return past.status();
  auto found = past->record(kind, key);
  return found.ok() && *found == nullptr ? Result<std::unique_ptr<RecordBody>>(missing())
                                         : std::move(found);
}

Result<std::unique_ptr<RecordBody>> newest_as_of(const TenantState& state, format::Kind kind,
                                                 const format::Key& prefix, const ReadOptions& o,
                                                 const std::function<Status()>& missing) {
  Result<Past> past = Past::open(state, o.as_of, o.snapshot);
  if (!past.ok()) return past.status();
  Result<uint64_t> newest = past->newest_of(kind, prefix.str(), 4);
  if (!newest.ok()) return newest.status();
  std::unique_ptr<RecordBody> row;
  Result<uint64_t> last = past->last_seen(
      kind,
      [&](uint64_t number) -> Result<std::string> {
        return format::Key(prefix).not_u32(static_cast<uint32_t>(number)).str();
      },
      *newest, &row);
  if (!last.ok()) return last.status();
  if (*last == 0) return missing();
  return row;
}

Result<std::unique_ptr<RecordBody>> read_first(const TenantState& state, std::string lower,
                                               std::string upper, format::Kind kind,
                                               const Snapshot* snapshot,
                                               const std::function<Status()>& missing) {
  const engine::Snapshot* at = nullptr;
  if (Status s = use_snapshot(state, snapshot, &at); !s.ok()) return s;
  RowCache::Fill fill;
  if (kind == format::Kind::revision) {
    Result<RowCache::Answer> known = find_rows(*state.core, lower, snapshot, &fill);
    if (!known.ok()) return known.status();
    if (*known) return lend(state, *known, kind);
  }
  auto scan = state.core->engine().scan(
      {engine::family_of(kind), std::move(lower), std::move(upper), false, at});
  if (!scan->next()) return scan->status().ok() ? missing() : scan->status();
  // A scan's row goes with the scan: what a record keeps is its own.
  auto body = std::make_unique<RecordBody>();
  if (Status s = body->keep(scan->key(), own_value(state.core, scan->value())); !s.ok()) return s;
  fill.add(scan->key(), scan->value());
  fill.keep();
  return body;
}

namespace {

class OwnedBytes : public engine::Value::Holder {
 public:
  OwnedBytes(std::shared_ptr<Core> core, std::string_view bytes)
      : child_(std::move(core)), bytes_(bytes) {}
  std::string_view bytes() const override { return bytes_; }
  void reset() override { bytes_.clear(); }

 private:
  Child child_;
  std::string bytes_;
};

}  // namespace

engine::Value own_value(std::shared_ptr<Core> core, std::string_view bytes) {
  return engine::Value(std::make_unique<OwnedBytes>(std::move(core), bytes));
}

Result<format::Reference> read_reference(const TenantState& state, const format::Key& key,
                                         format::Kind kind, const Snapshot* snapshot,
                                         const std::function<Status()>& missing) {
  const engine::Snapshot* at = nullptr;
  if (Status s = use_snapshot(state, snapshot, &at); !s.ok()) return s;
  engine::Value value;
  Status s = state.core->engine().get(engine::family_of(kind), key, at, &value);
  if (s.code() == Code::not_found) return missing();
  if (!s.ok()) return s;
  format::Parsed parsed;
  if (s = format::parse_record(key, value.bytes(), &parsed); !s.ok()) return s;
  format::Reference reference;
  if (!format::unpack(parsed.meta, &reference)) {
    return format::corrupt(key, "the payload is malformed");
  }
  return reference;
}

}  // namespace model
}  // namespace bcstore
