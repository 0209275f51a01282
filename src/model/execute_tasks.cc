// Deciding on tasks and their activity.
#include <fmt/format.h>

#include "model/execute.h"

namespace bcstore::model {

using format::Key;
using format::Kind;
using format::Reference;

namespace {

Reference to_place(const Uuid& project, uint64_t age, std::optional<int32_t> phase) {
  return {project, age | (phase ? kHasPhase : 0), static_cast<uint32_t>(phase.value_or(0))};
}

Key place_key(UserId owner, const Uuid& task) {
  Key key(owner, Kind::task_place);
  key.append(task);
  return key;
}

Actor maker_of(const fb::TaskHead* head, UserId owner) {
  if (head->actor_kind() == 0) return Actor::of_user(owner);
  return {static_cast<ActorKind>(head->actor_kind()), UserId(from_fb(head->actor_id())),
          std::string(text_of(head->actor_name()))};
}

}  // namespace

Status Executor::find_task(const Uuid& task, TaskRef* ref) {
  HeadEntry* place = nullptr;
  if (Status s = need(Kind::task_place, place_key(current_.owner, task), "task", task, &place);
      !s.ok()) {
    return s;
  }
  Reference reference;
  format::unpack({place->draft.meta(), place->draft.meta_bytes()}, &reference);
  ref->project = reference.id;
  ref->age = reference.number & ~kHasPhase;
  if ((reference.number & kHasPhase) != 0) ref->phase = static_cast<int32_t>(reference.extra);
  Key key = task_key(current_.owner, reference, task);
  ref->key = key.str();
  if (Status s = load(Kind::task, key, &ref->head); !s.ok()) return s;
  return ref->head->exists ? Status() : format::corrupt(key, "is missing");
}

Status Executor::create_task(Op& op) {
  Key project_key(current_.owner, Kind::project);
  HeadEntry* project = nullptr;
  if (Status s = need(Kind::project, project_key.append(op.parent), "project", op.parent, &project);
      !s.ok()) {
    return s;
  }
  HeadEntry* place = nullptr;
  if (Status s = load(Kind::task_place, place_key(current_.owner, op.id), &place); !s.ok()) {
    return s;
  }
  if (place->exists) {
    if (op.origin) return same_task(op, *place);
    return Status::already_exists(fmt::format("task {} exists", to_string(op.id)), op.id);
  }
  int64_t head_effective = kNoTime, revision_effective = kNoTime;
  if (Status s = stamp(op.head, created_at(op), &head_effective); !s.ok()) return s;
  if (Status s = stamp(op.fact, created_at(op), &revision_effective); !s.ok()) return s;
  auto* head = mutable_root<fb::TaskHead>(op.head);
  head->mutate_revision_effective_at(revision_effective);
  head->mutate_activity_effective_at(kNoTime);
  const auto* fact = root<fb::TaskRevision>(op.fact);
  std::optional<int32_t> phase;
  if (fact->has_phase()) phase = fact->phase();

  Key fact_key(current_.owner, Kind::task_revision);
  put_fact(Kind::task_revision, fact_key.append(op.id).not_u32(1), op.fact);
  const Reference where = to_place(op.parent, age(), phase);
  put_reference(Kind::task_place, place_key(current_.owner, op.id), where, true);
  put_head(Kind::task, task_key(current_.owner, where, op.id), op.head.clone());
  touch(Kind::task, op.id, 1);
  return Status();
}

Status Executor::same_task(Op& op, const HeadEntry& place) {
  Reference reference;
  format::unpack({place.draft.meta(), place.draft.meta_bytes()}, &reference);
  if (reference.id != op.parent) {
    return Status(Code::conflict,
                  fmt::format("task {} is here in another project", to_string(op.id)));
  }
  Key key(current_.owner, Kind::task_revision);
  key.append(op.id).not_u32(1);
  return same_fact(key, Kind::task_revision, op.fact, op.origin->created_at,
                   fmt::format("task {}", to_string(op.id)));
}

Status Executor::revise_task(Op& op) {
  TaskRef ref;
  if (Status s = find_task(op.parent, &ref); !s.ok()) return s;
  const auto* old = root<fb::TaskHead>(ref.head->draft);
  if (op.expected && *op.expected != old->rev()) {
    return Status::conflict(fmt::format("task {} is at revision {}, expected {}",
                                        to_string(op.parent), old->rev(), *op.expected),
                            old->rev());
  }
  if (old->rev() == INT32_MAX) return Status(Code::failed_precondition, "no revision is left");
  const Edit& edit = *op.edit;
  TaskFields fields{edit.name ? *edit.name : text_of(old->title()),
                    edit.text ? *edit.text : ref.head->draft.tail(),
                    edit.set_phase ? edit.phase : ref.phase};
  Draft fact = encoder_.task_revision({*current_.actor, current_.owner}, fields);
  int64_t effective = old->revision_effective_at();
  if (Status s = stamp(fact, created_at(op), &effective); !s.ok()) return s;
  Draft draft = encoder_.task_head({maker_of(old, current_.owner), current_.owner}, fields);
  auto* head = mutable_root<fb::TaskHead>(draft);
  const uint32_t rev = old->rev() + 1;
  head->mutate_commit_seq(current_.commit_seq);
  head->mutate_created_at(old->created_at());
  head->mutate_effective_at(old->effective_at());
  head->mutate_state(old->state());
  head->mutate_activity_seq(old->activity_seq());
  head->mutate_activity_effective_at(old->activity_effective_at());
  head->mutate_revision_effective_at(effective);
  head->mutate_rev(rev);

  Key fact_key(current_.owner, Kind::task_revision);
  put_fact(Kind::task_revision, fact_key.append(op.parent).not_u32(rev), fact);
  const Reference place = to_place(ref.project, ref.age, fields.phase);
  const Key key = task_key(current_.owner, place, op.parent);
  if (key.view() != ref.key) {
    erase(Kind::task, ref.key);
    put_reference(Kind::task_place, place_key(current_.owner, op.parent), place, true);
  }
  put_head(Kind::task, key, std::move(draft));
  touch(Kind::task_revision, op.parent, rev);
  return Status();
}

Status Executor::record_activity(Op& op) {
  std::optional<Reference> known;
  if (Status s = find_identity(op, &known); !s.ok()) return s;
  if (known) {
    if (known->id != op.parent) return other_row(op);
    Key key(current_.owner, Kind::task_activity);
    return same_fact(key.append(op.parent).not_u64(known->number), Kind::task_activity, op.fact,
                     op.origin->created_at, "the activity of this identity");
  }
  TaskRef ref;
  if (Status s = find_task(op.parent, &ref); !s.ok()) return s;
  Draft draft = ref.head->draft.clone();
  auto* head = mutable_root<fb::TaskHead>(draft);
  if (op.expected && *op.expected != head->state()) {
    return Status::conflict(fmt::format("task {} is {}", to_string(op.parent),
                                        to_string(static_cast<TaskState>(head->state()))),
                            head->state());
  }
  int64_t effective = head->activity_effective_at();
  if (Status s = stamp(op.fact, created_at(op), &effective); !s.ok()) return s;
  const uint64_t seq = head->activity_seq() + 1;
  auto action = static_cast<TaskAction>(op.number);
  auto state = action == TaskAction::complete ? TaskState::complete : TaskState::open;
  head->mutate_commit_seq(current_.commit_seq);
  head->mutate_state(static_cast<uint8_t>(state));
  head->mutate_activity_seq(seq);
  head->mutate_activity_effective_at(effective);
  Key fact_key(current_.owner, Kind::task_activity);
  put_fact(Kind::task_activity, fact_key.append(op.parent).not_u64(seq), op.fact);
  put_head(Kind::task, ref.key, std::move(draft));
  remember_identity(op, op.parent, seq);
  touch(Kind::task_activity, op.parent, seq);
  return Status();
}

}  // namespace bcstore::model
