// Rules of projects, their versions and their statuses.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/check_heads.h"
#include "model/check_walk.h"
#include "model/encode.h"

namespace bcstore::model {

using format::Key;
using format::Kind;
using format::Reference;

namespace {

Key fact_key(UserId owner, Kind kind, const Uuid& project, uint32_t number) {
  return Key(owner, kind).append(project).not_u32(number);
}

void check_status_number(CheckWalk& walk, const CheckedRecord& record, uint8_t status) {
  if (to_string(static_cast<ProjectStatus>(status)) == "unknown") {
    walk.unknown(record, "status", status);
  }
}

void compare_version(CheckWalk& walk, const CheckedRecord& record, const CheckedRecord& newest) {
  const auto& head = record.table<fb::ProjectHead>();
  const auto& version = newest.table<fb::ProjectVersion>();
  if (text_of(head.name()) != text_of(version.name()) ||
      text_of(head.idea_prompt()) != text_of(version.idea_prompt())) {
    walk.violation(record, "name and idea_prompt are the newest version's",
                   fmt::format("they are not those of version {}", head.current_version()));
  }
  expect_effective(walk, record, "version_effective_at", head.version_effective_at(), newest);
}

void compare_status(CheckWalk& walk, const CheckedRecord& record, const CheckedRecord& newest) {
  const auto& head = record.table<fb::ProjectHead>();
  const uint8_t status = newest.table<fb::ProjectStatus>().status();
  if (head.status() != status) {
    walk.violation(record, "status is the newest one",
                   fmt::format("it is {} and should be {}", head.status(), status));
  }
  expect_effective(walk, record, "status_effective_at", head.status_effective_at(), newest);
}

}  // namespace

Status check_project(CheckWalk& walk, const CheckedRecord& record) {
  const auto& head = record.table<fb::ProjectHead>();
  const UserId owner = record.owner();
  const Uuid id = record.uuid_at(17);
  check_status_number(walk, record, head.status());
  if (text_of(head.name()).empty()) walk.violation(record, "a project has a name", "it is empty");

  const uint32_t versions = head.current_version(), statuses = head.status_count();
  std::array<CheckRead, 3> facts{CheckRead{fact_key(owner, Kind::project_version, id, versions)},
                                 CheckRead{fact_key(owner, Kind::project_status, id, statuses)},
                                 CheckRead{fact_key(owner, Kind::project_status, id, 1)}};
  if (Status s = walk.read(facts); !s.ok()) return s;
  const auto& [version, status, first] = facts;
  if (version.absent())
    missing_fact(walk, record, "current_version is the newest version", versions);
  if (status.absent()) missing_fact(walk, record, "status_count is the newest status", statuses);
  if (version.found()) compare_version(walk, record, version.record);
  if (status.found()) compare_status(walk, record, status.record);
  if (first.found()) compare_origin(walk, record, first.record);
  if (version.found() && status.found()) {
    expect_commit(walk, record, {&version.record, &status.record});
  }
  return walk.expect_entry(record, Key(owner, Kind::project_by_age).not_u64(head.age()),
                           Reference{id, 0, head.status()});
}

Status check_project_by_age(CheckWalk& walk, const CheckedRecord& record) {
  CheckRead project{Key(record.owner(), Kind::project).append(record.reference().id)};
  if (Status s = walk.read(project); !s.ok()) return s;
  const bool found = project.found();
  if (found) {
    const auto& head = project.record.table<fb::ProjectHead>();
    if (head.age() == ~format::key_u64(record.key(), 17) &&
        head.status() == record.reference().extra) {
      return Status();
    }
  }
  stray_entry(walk, record, project);
  return Status();
}

Status check_project_version(CheckWalk& walk, const CheckedRecord& record) {
  const auto& version = record.table<fb::ProjectVersion>();
  check_status_number(walk, record, version.status());
  if (text_of(version.name()).empty()) {
    walk.violation(record, "a version has a name", "it is empty");
  }
  return Status();
}

Status check_project_status(CheckWalk& walk, const CheckedRecord& record) {
  check_status_number(walk, record, record.table<fb::ProjectStatus>().status());
  return Status();
}

Status check_newest_of_project(CheckWalk& walk, const CheckedRecord& record) {
  CheckRead project{Key(record.owner(), Kind::project).append(record.uuid_at(17))};
  if (Status s = walk.read_parent(record, &project); !s.ok() || !project.found()) return s;
  const auto& head = project.record.table<fb::ProjectHead>();
  const uint32_t number = ~format::key_u32(record.key(), 33);
  if (record.kind() == Kind::project_version) {
    expect_count(walk, project.record, "current_version is the newest version",
                 head.current_version(), number);
  } else {
    expect_count(walk, project.record, "status_count is the newest status", head.status_count(),
                 number);
  }
  return Status();
}

}  // namespace bcstore::model
