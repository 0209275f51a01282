// Rules of tasks, their revisions and activity, and of the identities of imported rows.
#include <fmt/format.h>

#include <array>

#include "model/check_heads.h"
#include "model/check_walk.h"
#include "model/encode.h"
#include "model/keys.h"

namespace bcstore::model {

using format::Key;
using format::Kind;
using format::Reference;

namespace {

// Where the parts of a task's key begin.
constexpr size_t kProjectAt = 17, kPhaseAt = 33, kAgeAt = 38, kTaskAt = 46;

// What the task's place must say, from its head's key.
Reference place_of(std::string_view key) {
  const std::optional<int32_t> phase = format::key_phase(key, kPhaseAt);
  return {format::key_uuid(key, kProjectAt), format::key_u64(key, kAgeAt) | (phase ? kHasPhase : 0),
          static_cast<uint32_t>(phase.value_or(0))};
}

// The task's head, found through its place.
Status read_task(CheckWalk& walk, UserId owner, const Uuid& task, CheckRead* head) {
  CheckRead place{Key(owner, Kind::task_place).append(task)};
  if (Status s = walk.read(place); !s.ok()) return s;
  head->key = place.key;
  head->state = place.state;
  if (!place.found()) return Status();
  head->key = task_key(owner, place.record.reference(), task).str();
  return walk.read(*head);
}

std::optional<int32_t> phase_of(const fb::TaskRevision& revision) {
  return revision.has_phase() ? std::optional(revision.phase()) : std::nullopt;
}

void compare_revision(CheckWalk& walk, const CheckedRecord& record, const CheckedRecord& newest) {
  const auto& head = record.table<fb::TaskHead>();
  const auto& revision = newest.table<fb::TaskRevision>();
  if (text_of(head.title()) != text_of(revision.title()) || record.tail() != newest.tail() ||
      format::key_phase(record.key(), kPhaseAt) != phase_of(revision)) {
    walk.violation(record, "title, description and phase are the newest revision's",
                   fmt::format("they are not those of revision {}", head.rev()));
  }
  expect_effective(walk, record, "revision_effective_at", head.revision_effective_at(), newest);
}

void check_state(CheckWalk& walk, const CheckedRecord& record, TaskState derived) {
  const auto state = static_cast<TaskState>(record.table<fb::TaskHead>().state());
  if (state == derived) return;
  walk.violation(record, "state is the last action's",
                 fmt::format("it is {} and should be {}", to_string(state), to_string(derived)));
}

Status compare_activity(CheckWalk& walk, const CheckedRecord& record, const CheckRead& newest) {
  const auto& head = record.table<fb::TaskHead>();
  if (newest.absent()) {
    missing_fact(walk, record, "activity_seq is the newest activity", head.activity_seq());
  }
  if (!newest.found()) return Status();
  const auto action = static_cast<TaskAction>(newest.record.table<fb::TaskActivity>().action());
  check_state(walk, record, action == TaskAction::complete ? TaskState::complete : TaskState::open);
  expect_effective(walk, record, "activity_effective_at", head.activity_effective_at(),
                   newest.record);
  return Status();
}

Status check_task_facts(CheckWalk& walk, const CheckedRecord& record) {
  const auto& head = record.table<fb::TaskHead>();
  const UserId owner = record.owner();
  const Uuid id = record.uuid_at(kTaskAt);
  const bool has_activity = head.activity_seq() != 0;
  std::array<CheckRead, 3> facts{
      CheckRead{Key(owner, Kind::task_revision).append(id).not_u32(head.rev())},
      CheckRead{Key(owner, Kind::task_revision).append(id).not_u32(1)},
      CheckRead{Key(owner, Kind::task_activity).append(id).not_u64(head.activity_seq())}};
  if (Status s = walk.read(std::span(facts).first(has_activity ? 3 : 2), Tail::unpack); !s.ok()) {
    return s;
  }
  const auto& [revision, first, activity] = facts;
  if (revision.absent()) missing_fact(walk, record, "rev is the newest revision", head.rev());
  if (revision.found()) compare_revision(walk, record, revision.record);
  if (first.found()) compare_origin(walk, record, first.record);
  if (has_activity) {
    if (Status s = compare_activity(walk, record, activity); !s.ok()) return s;
    if (revision.found() && activity.found()) {
      expect_commit(walk, record, {&revision.record, &activity.record});
    }
    return Status();
  }
  check_state(walk, record, TaskState::open);
  expect_no_effective(walk, record, "activity_effective_at", head.activity_effective_at());
  if (revision.found()) expect_commit(walk, record, {&revision.record});
  return Status();
}

}  // namespace

Status check_task_place(CheckWalk& walk, const CheckedRecord& record) {
  CheckRead task{task_key(record.owner(), record.reference(), record.uuid_at(17))};
  if (Status s = walk.read(task); !s.ok()) return s;
  if (task.absent()) stray_entry(walk, record, task);
  return Status();
}

Status check_task(CheckWalk& walk, const CheckedRecord& record) {
  const auto& head = record.table<fb::TaskHead>();
  const UserId owner = record.owner();
  const Uuid id = record.uuid_at(kTaskAt);
  const Reference place = place_of(record.key());
  if (task_key(owner, place, id).view() != record.key()) {
    walk.violation(record, "key is of a known form", "its phase or age is none");
  }
  if (text_of(head.title()).empty()) walk.violation(record, "a task has a title", "it is empty");
  if (to_string(static_cast<TaskState>(head.state())) == "unknown") {
    walk.unknown(record, "state", head.state());
  }
  CheckRead project{Key(owner, Kind::project).append(place.id)};
  if (Status s = walk.read_parent(record, &project); !s.ok()) return s;
  if (Status s = walk.expect_entry(record, Key(owner, Kind::task_place).append(id), place);
      !s.ok()) {
    return s;
  }
  return check_task_facts(walk, record);
}

Status check_task_revision(CheckWalk& walk, const CheckedRecord& record) {
  const auto& revision = record.table<fb::TaskRevision>();
  if (text_of(revision.title()).empty()) {
    walk.violation(record, "a task has a title", "it is empty");
  }
  if (!revision.has_phase() && revision.phase() != 0) {
    walk.violation(record, "a phase is there or not", fmt::format("{}", revision.phase()));
  }
  return Status();
}

Status check_task_activity(CheckWalk& walk, const CheckedRecord& record) {
  const auto& activity = record.table<fb::TaskActivity>();
  if (to_string(static_cast<TaskAction>(activity.action())) == "unknown") {
    walk.unknown(record, "action", activity.action());
  }
  return Status();
}

Status check_newest_of_task(CheckWalk& walk, const CheckedRecord& record) {
  CheckRead task("");
  if (Status s = read_task(walk, record.owner(), record.uuid_at(17), &task); !s.ok()) return s;
  if (task.absent()) {
    walk.violation(record, "parent exists", "there is no " + format::to_hex(task.key));
  }
  if (!task.found()) return Status();
  const auto& head = task.record.table<fb::TaskHead>();
  if (record.kind() == Kind::task_revision) {
    expect_count(walk, task.record, "rev is the newest revision", head.rev(),
                 ~format::key_u32(record.key(), 33));
  } else {
    expect_count(walk, task.record, "activity_seq is the newest activity", head.activity_seq(),
                 ~format::key_u64(record.key(), 33));
  }
  return Status();
}

Status check_import_identity(CheckWalk& walk, const CheckedRecord& record) {
  const Reference& of = record.reference();
  CheckRead object("");
  const std::string_view what = of.extra == 'e'   ? "event"
                                : of.extra == 'c' ? "credit entry"
                                                  : "activity";
  if (of.extra == 'e') {
    Status s = walk.read_in_month(record.owner(), kEvents, of.number, &object);
    if (!s.ok()) return s;
    if (!object.absent()) return Status();
  } else if (of.extra == 'c') {
    object.key = Key(record.owner(), Kind::credit_entry).not_u64(of.number).str();
    if (Status s = walk.read(object); !s.ok()) return s;
    if (!object.absent()) return Status();
  } else if (of.extra == 'a') {
    if (Status s = read_task(walk, record.owner(), of.id, &object); !s.ok()) return s;
    if (object.state == CheckRead::State::damaged) return Status();
    if (object.found() && of.number >= 1 &&
        of.number <= object.record.table<fb::TaskHead>().activity_seq()) {
      return Status();
    }
  }
  walk.violation(record, "index entry names its record",
                 fmt::format("there is no {} {} {}", what, to_string(of.id), of.number));
  return Status();
}

}  // namespace bcstore::model
