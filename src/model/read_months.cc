// Reads of streams that lie by month.
#include <fmt/format.h>

#include "model/reads.h"

namespace bcstore::model {

using format::Key;
using format::Kind;
using format::Reference;

// The first month row at or after the number, as they begin with the newest.
Result<uint32_t> month_at(const Core& core, Key prefix, Kind kind, uint64_t number,
                          const engine::Snapshot* at) {
  std::string upper = format::after_prefix(prefix);
  auto scan =
      core.engine().scan({engine::family_of(kind), prefix.not_u64(number).str(), upper, false, at});
  if (!scan->next()) {
    if (!scan->status().ok()) return scan->status();
    return 0u;
  }
  format::Parsed parsed;
  if (Status s = format::parse_record(scan->key(), scan->value(), &parsed); !s.ok()) return s;
  Reference reference;
  if (!format::unpack(parsed.meta, &reference)) {
    return format::corrupt(scan->key(), "the payload is malformed");
  }
  return static_cast<uint32_t>(reference.number);
}

Result<Key> key_in_month(const TenantState& state, const MonthStream& stream, uint64_t id,
                         const Snapshot* snapshot) {
  const engine::Snapshot* at = nullptr;
  if (Status s = use_snapshot(state, snapshot, &at); !s.ok()) return s;
  Result<uint32_t> month =
      month_at(*state.core, Key(state.owner, stream.months), stream.months, id, at);
  if (!month.ok()) return month.status();
  return in_month(state.owner, stream, *month, id);
}

Status check_month(std::string_view what, uint32_t month) {
  if (month % 100 >= 1 && month % 100 <= 12 && month <= kLastMonth) return Status();
  return Status(Code::invalid_argument, fmt::format("{}: {} is not yyyymm", what, month));
}

void of_owner(const TenantState& state, ListPlan* plan) {
  plan->parent_kind = Kind::user;
  plan->parent_prefix = Key(state.owner, Kind::user).str();
  plan->parent_name = "user " + to_string(state.owner);
}

}  // namespace bcstore::model
