// A tenant's reads of its calls of models, and of what they add up to.
#include <fmt/format.h>

#include "model/reads.h"

namespace bcstore {

using format::Key;
using format::Kind;
using model::ListPlan;

Cursor<CallRecord> Tenant::calls(const CallList& o) const {
  return model::make_cursor<CallRecord>(*state_, model::month_list(*state_, model::kCalls, o));
}

Result<CallRecord> Tenant::call(uint64_t id, const ReadOptions& o) const {
  if (Status s = model::begin_read(*state_); !s.ok()) return s;
  Result<Key> key = model::key_in_month(*state_, model::kCalls, id, o.snapshot);
  if (!key.ok()) return key.status();
  return model::as<CallRecord>(model::read_record(*state_, *key, Kind::call, o, [id] {
    return Status(Code::not_found, fmt::format("call {} does not exist", id));
  }));
}

Cursor<UsageRow> Tenant::usage(const UsageRange& range) const {
  ListPlan plan;
  plan.kind = Kind::call_rollup;
  const Key prefix(state_->owner, plan.kind);
  plan.bad = model::check_month("from_month", range.from_month);
  if (plan.bad.ok()) plan.bad = model::check_month("to_month", range.to_month);
  if (plan.bad.ok() && range.to_month < range.from_month) {
    plan.bad = Status(Code::invalid_argument,
                      fmt::format("to_month: {} is before {}", range.to_month, range.from_month));
  }
  plan.prefix = prefix.str();
  plan.lower = Key(prefix).u32(range.from_month).str();
  plan.upper = format::after_prefix(Key(prefix).u32(range.to_month));
  plan.limit = range.limit;
  plan.after = range.after;
  plan.snapshot = range.snapshot;
  plan.parameters = uint64_t{range.from_month} << 32 | range.to_month;
  model::of_owner(*state_, &plan);
  return model::make_cursor<UsageRow>(*state_, std::move(plan));
}

}  // namespace bcstore
