// Deciding on integrations and public records.
#include <fmt/format.h>

#include "model/execute.h"
#include "model/keys.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

Status Executor::add_integration(Op& op) {
  const Key key = with_id(current_.owner, Kind::integration, op.id);
  HeadEntry* existing = nullptr;
  if (Status s = load(Kind::integration, key, &existing); !s.ok()) return s;
  if (existing->exists) {
    if (op.origin) return same_integration(op, *existing);
    return Status::already_exists(fmt::format("integration {} exists", to_string(op.id)), op.id);
  }
  int64_t head_effective = kNoTime, effective = kNoTime, secret_effective = kNoTime;
  if (Status s = stamp(op.head, created_at(op), &head_effective); !s.ok()) return s;
  if (Status s = stamp(op.fact, created_at(op), &effective); !s.ok()) return s;
  if (Status s = stamp(op.second, created_at(op), &secret_effective); !s.ok()) return s;
  mutable_root<fb::IntegrationHead>(op.head)->mutate_rev_effective_at(effective);
  put_fact(Kind::integration_change,
           with_id(current_.owner, Kind::integration_change, op.id).not_u32(1), op.fact);
  // The secret is not kept in the cache of heads: it stands in one place only.
  const Key secret = with_id(current_.owner, Kind::secret, op.id);
  put_fact(Kind::secret, secret, op.second);
  put_head(Kind::integration, key, op.head.clone());
  touch(Kind::integration_change, op.id, 1);
  return Status();
}

// What was revised or removed since is physically gone, and can not be compared.
Status Executor::same_integration(Op& op, const HeadEntry& entry) {
  const auto* head = root<fb::IntegrationHead>(entry.draft);
  const std::string what = fmt::format("integration {}", to_string(op.id));
  const Key change = with_id(current_.owner, Kind::integration_change, op.id).not_u32(1);
  const Time created_at = op.origin->created_at;
  Status same = same_fact(change, Kind::integration_change, op.fact, created_at, what);
  if (!same.ok() || head->rev() > 1) return same;
  return same_fact(with_id(current_.owner, Kind::secret, op.id), Kind::secret, op.second,
                   created_at, what);
}

// Revises or removes: both end the secret that was there.
Status Executor::revise_integration(Op& op) {
  const Key key = with_id(current_.owner, Kind::integration, op.parent);
  HeadEntry* entry = nullptr;
  if (Status s = need(Kind::integration, key, "integration", op.parent, &entry); !s.ok()) return s;
  Draft draft = entry->draft.clone();
  auto* head = mutable_root<fb::IntegrationHead>(draft);
  if (head->is_removed()) return no_such("integration", op.parent);
  if (op.expected && *op.expected != head->rev()) {
    return Status::conflict(fmt::format("integration {} is at revision {}, expected {}",
                                        to_string(op.parent), head->rev(), *op.expected),
                            head->rev());
  }
  if (head->rev() == INT32_MAX) return Status(Code::failed_precondition, "no revision is left");
  const uint32_t rev = head->rev() + 1;
  const bool removes = op.verb == Verb::remove_integration;
  int64_t effective = head->rev_effective_at();
  if (Status s = stamp(op.fact, current_.now, &effective); !s.ok()) return s;
  mutable_root<fb::IntegrationChange>(op.fact)->mutate_type(head->type());
  head->mutate_commit_seq(current_.commit_seq);
  head->mutate_rev(rev);
  head->mutate_is_removed(removes);
  head->mutate_rev_effective_at(effective);

  const Key secret = with_id(current_.owner, Kind::secret, op.parent);
  if (removes) {
    changes_->erase(engine::family_of(Kind::secret), secret);
  } else {
    int64_t secret_effective = kNoTime;
    if (Status s = stamp(op.second, current_.now, &secret_effective); !s.ok()) return s;
    mutable_root<fb::Secret>(op.second)->mutate_rev(rev);
    changes_->put(engine::family_of(Kind::secret), secret, op.second.seal(secret));
  }
  put_fact(Kind::integration_change,
           with_id(current_.owner, Kind::integration_change, op.parent).not_u32(rev), op.fact);
  put_head(Kind::integration, key, std::move(draft));
  touch(Kind::integration_change, op.parent, rev);
  return Status();
}

Status Executor::put_public(Op& op) {
  const Key key = with_id(current_.owner, Kind::public_name, op.parent);
  HeadEntry* entry = nullptr;
  if (Status s = load(Kind::public_name, key, &entry); !s.ok()) return s;
  const bool exists = entry->exists;
  Draft draft = exists ? entry->draft.clone() : op.head.clone();
  auto* head = mutable_root<fb::PublicName>(draft);
  if (exists && text_of(head->name()) != text_of(root<fb::PublicName>(op.head)->name())) {
    return Status(Code::internal, "two public names have one hash");
  }
  const uint32_t current = head->rev();
  if (op.expected && *op.expected != current) {
    return Status::conflict(
        fmt::format("the public record is at revision {}, expected {}", current, *op.expected),
        current);
  }
  if (current == INT32_MAX) return Status(Code::failed_precondition, "no revision is left");
  int64_t head_effective = kNoTime;
  if (!exists) {
    if (Status s = stamp(draft, current_.now, &head_effective); !s.ok()) return s;
  }
  int64_t effective = exists ? head->rev_effective_at() : kNoTime;
  if (Status s = stamp(op.fact, current_.now, &effective); !s.ok()) return s;
  head->mutate_commit_seq(current_.commit_seq);
  head->mutate_rev(current + 1);
  head->mutate_rev_effective_at(effective);
  put_fact(Kind::public_record,
           with_id(current_.owner, Kind::public_record, op.parent).not_u32(current + 1), op.fact);
  put_head(Kind::public_name, key, std::move(draft));
  touch(Kind::public_record, op.parent, current + 1);
  return Status();
}

}  // namespace bcstore::model
