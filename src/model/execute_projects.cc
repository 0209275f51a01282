// Deciding on projects, versions and statuses.
#include <fmt/format.h>

#include "model/execute.h"

namespace bcstore::model {

using format::Key;
using format::Kind;
using format::Reference;

namespace {

Reference place_in_list(const Uuid& project, uint8_t status) { return {project, 0, status}; }

Key by_age_key(UserId owner, uint64_t age) {
  Key key(owner, Kind::project_by_age);
  key.not_u64(age);
  return key;
}

}  // namespace

Status Executor::create_project(Op& op) {
  Key key(current_.owner, Kind::project);
  key.append(op.id);
  HeadEntry* existing = nullptr;
  if (Status s = load(Kind::project, key, &existing); !s.ok()) return s;
  if (existing->exists) {
    if (op.origin) return same_project(op, *existing);
    return Status::already_exists(fmt::format("project {} exists", to_string(op.id)), op.id);
  }
  const Time created = created_at(op);
  int64_t version_effective = kNoTime, status_effective = kNoTime, head_effective = kNoTime;
  Time first = op.first ? op.first->created_at : created;
  if (Status s = stamp(op.fact, first, &version_effective); !s.ok()) return s;
  if (Status s = stamp(op.second, created, &status_effective); !s.ok()) return s;
  if (Status s = stamp(op.head, created, &head_effective); !s.ok()) return s;
  auto* head = mutable_root<fb::ProjectHead>(op.head);
  head->mutate_current_version(1);
  head->mutate_status_count(1);
  head->mutate_version_effective_at(version_effective);
  head->mutate_status_effective_at(status_effective);
  head->mutate_age(age());
  const uint8_t status = head->status();

  Key version_key(current_.owner, Kind::project_version);
  put_fact(Kind::project_version, version_key.append(op.id).not_u32(1), op.fact);
  Key status_key(current_.owner, Kind::project_status);
  put_fact(Kind::project_status, status_key.append(op.id).not_u32(1), op.second);
  put_reference(Kind::project_by_age, by_age_key(current_.owner, age()),
                place_in_list(op.id, status));
  put_head(Kind::project, key, op.head.clone());
  touch(Kind::project, op.id, 1);
  return Status();
}

Status Executor::same_project(Op& op, const HeadEntry& entry) {
  const auto* head = root<fb::ProjectHead>(entry.draft);
  Key key(current_.owner, Kind::project_version);
  key.append(op.id).not_u32(1);
  Draft first;
  bool found = false;
  if (Status s = read_fact(Kind::project_version, key, &first, &found); !s.ok()) return s;
  if (!found) return format::corrupt(key, "is missing");
  const auto* stored = root<fb::ProjectVersion>(first);
  const auto* given = root<fb::ProjectVersion>(op.fact);
  bool same = head->created_at() == op.origin->created_at.us &&
              text_of(stored->name()) == text_of(given->name()) &&
              text_of(stored->idea_prompt()) == text_of(given->idea_prompt());
  if (!same) {
    return Status(Code::conflict,
                  fmt::format("project {} is here with other contents", to_string(op.id)));
  }
  current_.present = true;
  return Status();
}

Status Executor::same_version(Op& op, uint32_t version) {
  Key key(current_.owner, Kind::project_version);
  key.append(op.parent).not_u32(version);
  Draft fact;
  bool found = false;
  if (Status s = read_fact(Kind::project_version, key, &fact, &found); !s.ok()) return s;
  if (!found) return format::corrupt(key, "is missing");
  const auto* stored = root<fb::ProjectVersion>(fact);
  const Edit& edit = *op.edit;
  const Actor& actor = op.origin->actor;
  bool own = actor.kind == ActorKind::user && actor.user == current_.owner;
  bool same_actor = own ? stored->actor_kind() == 0
                        : stored->actor_kind() == static_cast<uint8_t>(actor.kind) &&
                              from_fb(stored->actor_id()) == actor.user.uuid() &&
                              text_of(stored->actor_name()) == actor.name;
  OptionalText note = optional_text(stored->change_note());
  bool same = same_actor && stored->created_at() == op.origin->created_at.us &&
              note.has_value() == edit.note.has_value() && (!note || *note == *edit.note) &&
              (!edit.name || text_of(stored->name()) == *edit.name) &&
              (!edit.text || text_of(stored->idea_prompt()) == *edit.text);
  if (!same) {
    return Status::conflict(fmt::format("version {} of project {} is here with other contents",
                                        version, to_string(op.parent)),
                            version);
  }
  current_.present = true;
  return Status();
}

Status Executor::add_version(Op& op) {
  Key key(current_.owner, Kind::project);
  key.append(op.parent);
  HeadEntry* entry = nullptr;
  if (Status s = need(Kind::project, key, "project", op.parent, &entry); !s.ok()) return s;
  const auto* old = root<fb::ProjectHead>(entry->draft);
  const uint32_t current = old->current_version();
  if (op.number_given && op.number <= current) {
    return same_version(op, static_cast<uint32_t>(op.number));
  }
  if (op.number_given && op.number != uint64_t{current} + 1) {
    return Status(Code::failed_precondition,
                  fmt::format("version {} does not follow version {}", op.number, current));
  }
  if (op.expected && *op.expected != current) {
    return Status::conflict(fmt::format("project {} is at version {}, expected {}",
                                        to_string(op.parent), current, *op.expected),
                            current);
  }
  if (current == INT32_MAX) return Status(Code::failed_precondition, "no version is left");
  VersionFields fields{op.edit->name ? *op.edit->name : text_of(old->name()),
                       op.edit->text ? *op.edit->text : text_of(old->idea_prompt()),
                       static_cast<ProjectStatus>(old->status()), OptionalText()};
  if (op.edit->note) fields.change_note = *op.edit->note;
  By by{op.origin ? op.origin->actor : *current_.actor, current_.owner};
  Draft fact = encoder_.project_version(by, fields);
  int64_t effective = old->version_effective_at();
  if (Status s = stamp(fact, created_at(op), &effective); !s.ok()) return s;

  // The head keeps who made the project and when; only what the version says is new.
  Actor maker;
  if (old->actor_kind() == 0) {
    maker = Actor::of_user(current_.owner);
  } else {
    maker = {static_cast<ActorKind>(old->actor_kind()), UserId(from_fb(old->actor_id())),
             std::string(text_of(old->actor_name()))};
  }
  Draft head = encoder_.project_head({maker, current_.owner}, fields);
  auto* fresh = mutable_root<fb::ProjectHead>(head);
  fresh->mutate_commit_seq(current_.commit_seq);
  fresh->mutate_created_at(old->created_at());
  fresh->mutate_effective_at(old->effective_at());
  fresh->mutate_current_version(current + 1);
  fresh->mutate_status_count(old->status_count());
  fresh->mutate_version_effective_at(effective);
  fresh->mutate_status_effective_at(old->status_effective_at());
  fresh->mutate_age(old->age());

  Key fact_key(current_.owner, Kind::project_version);
  put_fact(Kind::project_version, fact_key.append(op.parent).not_u32(current + 1), fact);
  put_head(Kind::project, key, std::move(head));
  touch(Kind::project_version, op.parent, current + 1);
  return Status();
}

Status Executor::set_status(Op& op) {
  Key key(current_.owner, Kind::project);
  key.append(op.parent);
  HeadEntry* entry = nullptr;
  if (Status s = need(Kind::project, key, "project", op.parent, &entry); !s.ok()) return s;
  Draft draft = entry->draft.clone();
  auto* head = mutable_root<fb::ProjectHead>(draft);
  if (op.expected && *op.expected != head->status()) {
    return Status::conflict(fmt::format("project {} is {}", to_string(op.parent),
                                        to_string(static_cast<ProjectStatus>(head->status()))),
                            head->status());
  }
  int64_t effective = head->status_effective_at();
  if (Status s = stamp(op.fact, created_at(op), &effective); !s.ok()) return s;
  const uint32_t count = head->status_count() + 1;
  const auto status = static_cast<uint8_t>(op.number);
  head->mutate_commit_seq(current_.commit_seq);
  head->mutate_status(status);
  head->mutate_status_count(count);
  head->mutate_status_effective_at(effective);

  Key fact_key(current_.owner, Kind::project_status);
  put_fact(Kind::project_status, fact_key.append(op.parent).not_u32(count), op.fact);
  put_reference(Kind::project_by_age, by_age_key(current_.owner, head->age()),
                place_in_list(op.parent, status));
  put_head(Kind::project, key, std::move(draft));
  touch(Kind::project_status, op.parent, count);
  return Status();
}

}  // namespace bcstore::model
