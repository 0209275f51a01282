// Lists of the past: where what was there begins, and rows as they were.
#include <algorithm>
#include <map>
#include <utility>

#include "model/as_of.h"
#include "model/execute.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

namespace {

std::string with_number(const std::string& prefix, uint64_t number, size_t bytes) {
  std::string key = prefix;
  for (size_t i = bytes; i-- > 0;) key += static_cast<char>(~number >> (8 * i));
  return key;
}

// A stream without gaps, newest first.
Status narrow_stream(const Past& past, ListPlan* plan, size_t number_bytes) {
  Result<uint64_t> newest = past.newest_of(plan->kind, plan->prefix, number_bytes);
  if (!newest.ok()) return newest.status();
  Result<uint64_t> last = past.last_seen(
      plan->kind,
      [&](uint64_t number) -> Result<std::string> {
        return with_number(plan->prefix, number, number_bytes);
      },
      *newest);
  if (!last.ok()) return last.status();
  plan->is_empty = *last == 0;
  plan->first = with_number(plan->prefix, *last, number_bytes);
  return Status();
}

Status narrow_messages(const Past& past, ListPlan* plan) {
  const Uuid session = format::key_uuid(plan->prefix, format::kKindOffset + 1);
  auto head =
      past.head(Kind::session, with_id(format::key_owner(plan->prefix), Kind::session, session));
  if (!head.ok()) return head.status();
  plan->is_empty = *head == nullptr;
  if (plan->is_empty) return Status();
  Result<uint64_t> last = past.last_message(session);
  if (!last.ok()) return last.status();
  Result<std::string> first = past.message_key(session, *last);
  if (!first.ok()) return first.status();
  // Of a fork there may be some of the sessions behind it.
  plan->first = *last == 0 ? format::after_prefix(plan->prefix) : *std::move(first);
  return Status();
}

Status narrow_months(const Past& past, ListPlan* plan) {
  Result<std::string> first = past.first_key_in_months(month_stream(plan->kind));
  if (!first.ok()) return first.status();
  if (plan->merged_prefix.empty()) {
    plan->is_empty = first->empty();
    plan->first = *std::move(first);
    return Status();
  }
  Result<std::string> merged = past.first_audit_key();
  if (!merged.ok()) return merged.status();
  plan->is_empty = first->empty() && merged->empty();
  // Nothing of a stream is seen: its list begins behind its end.
  plan->first = first->empty() ? format::after_prefix(plan->prefix) : *std::move(first);
  plan->merged_first =
      merged->empty() ? format::after_prefix(plan->merged_prefix) : *std::move(merged);
  return Status();
}

Status narrow_ages(const Past& past, ListPlan* plan) {
  Result<uint64_t> age = past.last_age();
  if (!age.ok()) return age.status();
  plan->first = with_number(plan->prefix, *age, 8);
  plan->to_past = true;
  return Status();
}

Status narrow(const Past& past, ListPlan* plan) {
  switch (plan->kind) {
    case Kind::project_version:
    case Kind::project_status:
    case Kind::document_lock:
    case Kind::revision:
    case Kind::task_revision:
    case Kind::integration_change:
    case Kind::subscription_change:
    case Kind::public_record:
      return narrow_stream(past, plan, 4);
    case Kind::task_activity:
    case Kind::credit_entry:
      return narrow_stream(past, plan, 8);
    case Kind::message:
      return narrow_messages(past, plan);
    case Kind::event:
    case Kind::call:
      return narrow_months(past, plan);
    case Kind::project_by_age:
    case Kind::session_by_age:
      return narrow_ages(past, plan);
    case Kind::document_slot:
    case Kind::integration:
    case Kind::task:
      plan->to_past = true;
      return Status();
    case Kind::section_list: {
      Result<bool> is_there = past.is_there(plan->parent_kind, plan->parent_prefix);
      if (!is_there.ok()) return is_there.status();
      plan->is_empty = !*is_there;
      return Status();
    }
    default:
      return Status(Code::invalid_argument, "as_of: this list is not kept of the past");
  }
}

uint64_t hash_of(const AsOf& as_of) {
  const int64_t at = as_of.at.us;
  std::string bytes(1, static_cast<char>(as_of.by));
  bytes.append(reinterpret_cast<const char*>(&as_of.number), sizeof as_of.number);
  bytes.append(reinterpret_cast<const char*>(&at), sizeof at);
  bytes.append(reinterpret_cast<const char*>(&as_of.known_commit), sizeof as_of.known_commit);
  return format::hash64(bytes);
}

}  // namespace

Status view_past(const TenantState& state, ListPlan* plan) {
  Result<Past> opened = Past::open(state, plan->as_of, plan->snapshot, plan->project);
  if (!opened.ok()) return opened.status();
  plan->parameters ^= hash_of(plan->as_of);
  if (opened->bound().is_now()) return Status();
  auto past = std::make_shared<const Past>(*std::move(opened));
  plan->is_kept = false;
  plan->tail_of.reset();
  plan->past = past;
  return narrow(*past, plan);
}

namespace {

// Behind the tasks of this one's phase.
std::string next_phase(std::string_view task_key) {
  constexpr size_t kBehindPhase = format::kKindOffset + 1 + 16 + 5;
  return format::after_prefix(task_key.substr(0, kBehindPhase));
}

}  // namespace

// Tasks lie by the phase that they have now: all of them are looked at, and of those that belong on
// this page, in the order of then, as many are kept as it has room for.
bool CursorBody::gather_tasks() {
  constexpr size_t kPhaseAt = format::kKindOffset + 1 + 16;
  const std::string all = plan_.prefix.substr(0, kPhaseAt);
  const std::string end_of_all = format::after_prefix(all);
  Result<uint64_t> last_age = plan_.past->last_age();
  if (!last_age.ok()) return end(last_age.status());
  const auto lies_behind = [&](std::string_view key) {
    return plan_.backward ? !plan_.upper.empty() && key >= plan_.upper : key < plan_.lower;
  };
  std::map<std::string, format::Draft> page;
  RecordBody row;
  for (std::string lower = all; !lower.empty();) {
    auto scan = core_->engine().scan(
        {engine::family_of(Kind::task), lower, end_of_all, false, engine_snapshot()});
    lower.clear();
    while (scan->next()) {
      if (format::key_u64(scan->key(), kPhaseAt + 5) > *last_age) {
        lower = next_phase(scan->key());
        break;
      }
      row.clear();
      Status s = row.view(scan->key(), scan->value());
      if (s.ok()) s = plan_.past->to_past(&row);
      if (!s.ok()) return end(std::move(s));
      if (!row.loaded() || row.key().substr(0, plan_.prefix.size()) != plan_.prefix ||
          lies_behind(row.key()) || (plan_.filter && !plan_.filter(row))) {
        continue;
      }
      const bool is_made = !row.value().empty();
      page.emplace(row.key(), format::Draft::copy(is_made ? row.value() : scan->value()));
      if (page.size() > plan_.limit) {
        page.erase(plan_.backward ? page.begin() : std::prev(page.end()));
      }
    }
    if (lower.empty() && !scan->status().ok()) return end(scan->status());
  }
  if (page.empty()) return end(position_.empty() ? check_parent() : Status());
  auto rows = std::make_shared<RowCache::Rows>();
  for (auto& [key, value] : page) rows->rows.push_back({key, std::move(value)});
  if (plan_.backward) std::reverse(rows->rows.begin(), rows->rows.end());
  rows_ = std::move(rows);
  return true;
}

}  // namespace bcstore::model
