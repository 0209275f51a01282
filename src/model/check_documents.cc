// Rules of documents, their revisions and their locks.
#include <fmt/format.h>

#include <array>

#include "model/check_heads.h"
#include "model/check_walk.h"
#include "model/encode.h"

namespace bcstore::model {

using format::Key;
using format::Kind;
using format::Reference;

namespace {

Key fact_key(UserId owner, Kind kind, const Uuid& document, uint32_t number) {
  return Key(owner, kind).append(document).not_u32(number);
}

Key slot_key(UserId owner, const fb::DocumentHead& head) {
  return Key(owner, Kind::document_slot)
      .append(from_fb(head.project()))
      .u32(head.version())
      .u8(head.section());
}

Key by_section_key(UserId owner, const fb::DocumentHead& head) {
  return Key(owner, Kind::document_by_section)
      .append(from_fb(head.project()))
      .u8(head.section())
      .not_u32(head.version());
}

Status check_place(CheckWalk& walk, const CheckedRecord& record) {
  const auto& head = record.table<fb::DocumentHead>();
  CheckRead project{Key(record.owner(), Kind::project).append(from_fb(head.project()))};
  if (Status s = walk.read_parent(record, &project); !s.ok()) return s;
  if (project.found()) {
    const uint32_t newest = project.record.table<fb::ProjectHead>().current_version();
    if (head.version() == 0 || head.version() > newest) {
      walk.violation(record, "version is one of the project's",
                     fmt::format("it is {}, the newest is {}", head.version(), newest));
    }
  }
  const Reference self{record.uuid_at(17), 0, 0};
  if (Status s = walk.expect_entry(record, slot_key(record.owner(), head), self); !s.ok()) return s;
  return walk.expect_entry(record, by_section_key(record.owner(), head), self);
}

void compare_lock(CheckWalk& walk, const CheckedRecord& record, const CheckedRecord& newest) {
  const auto& head = record.table<fb::DocumentHead>();
  if (head.is_locked() != newest.table<fb::LockChange>().is_locked()) {
    walk.violation(record, "is_locked is the newest lock",
                   fmt::format("it is {}", head.is_locked()));
  }
  expect_effective(walk, record, "lock_effective_at", head.lock_effective_at(), newest);
}

}  // namespace

Status check_document(CheckWalk& walk, const CheckedRecord& record) {
  const auto& head = record.table<fb::DocumentHead>();
  const Uuid id = record.uuid_at(17);
  if (to_string(static_cast<Section>(head.section())) == "unknown") {
    walk.unknown(record, "section", head.section());
  }
  if (Status s = check_place(walk, record); !s.ok()) return s;

  const uint32_t revisions = head.current_rev(), locks = head.lock_count();
  std::array<CheckRead, 3> facts{
      CheckRead{fact_key(record.owner(), Kind::document_lock, id, locks)},
      CheckRead{fact_key(record.owner(), Kind::document_lock, id, 1)},
      CheckRead{fact_key(record.owner(), Kind::revision, id, revisions)}};
  if (Status s = walk.read(std::span(facts).first(revisions == 0 ? 2 : 3)); !s.ok()) return s;
  const auto& [lock, first, revision] = facts;
  if (lock.absent()) missing_fact(walk, record, "lock_count is the newest lock", locks);
  if (lock.found()) compare_lock(walk, record, lock.record);
  if (first.found()) compare_origin(walk, record, first.record);
  if (revisions == 0) {
    expect_no_effective(walk, record, "revision_effective_at", head.revision_effective_at());
    if (lock.found()) expect_commit(walk, record, {&lock.record});
    return Status();
  }
  if (revision.absent()) {
    missing_fact(walk, record, "current_rev is the newest revision", revisions);
  }
  if (!revision.found()) return Status();
  expect_effective(walk, record, "revision_effective_at", head.revision_effective_at(),
                   revision.record);
  if (lock.found()) expect_commit(walk, record, {&lock.record, &revision.record});
  return Status();
}

// Rows of both indexes: the document's head leads back to the row.
Status check_document_entry(CheckWalk& walk, const CheckedRecord& record) {
  CheckRead document{Key(record.owner(), Kind::document).append(record.reference().id)};
  if (Status s = walk.read(document); !s.ok()) return s;
  if (document.found()) {
    const auto& head = document.record.table<fb::DocumentHead>();
    const Key key = record.kind() == Kind::document_slot ? slot_key(record.owner(), head)
                                                         : by_section_key(record.owner(), head);
    if (key.view() == record.key()) return Status();
  }
  stray_entry(walk, record, document);
  return Status();
}

Status check_revision(CheckWalk& walk, const CheckedRecord& record) {
  const auto& revision = record.table<fb::Revision>();
  if (to_string(static_cast<ContentType>(revision.content_type())) == "unknown") {
    walk.unknown(record, "content_type", revision.content_type());
  }
  return walk.chains().visit(walk, record);
}

Status check_newest_of_document(CheckWalk& walk, const CheckedRecord& record) {
  CheckRead document{Key(record.owner(), Kind::document).append(record.uuid_at(17))};
  if (Status s = walk.read_parent(record, &document); !s.ok() || !document.found()) return s;
  const auto& head = document.record.table<fb::DocumentHead>();
  const uint32_t number = ~format::key_u32(record.key(), 33);
  if (record.kind() == Kind::revision) {
    expect_count(walk, document.record, "current_rev is the newest revision", head.current_rev(),
                 number);
  } else {
    expect_count(walk, document.record, "lock_count is the newest lock", head.lock_count(), number);
  }
  return Status();
}

}  // namespace bcstore::model
