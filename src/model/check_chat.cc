// Rules of chats, their titles and messages, of events, and of the rows that name their months.
#include <fmt/format.h>

#include <algorithm>

#include "model/check_heads.h"
#include "model/check_walk.h"
#include "model/encode.h"
#include "model/keys.h"

namespace bcstore::model {

using format::Key;
using format::Kind;
using format::Reference;

namespace {

// What a fork shows is there, and hangs on the session that it was written to.
Status check_fork(CheckWalk& walk, const CheckedRecord& record) {
  const auto& head = record.table<fb::SessionHead>();
  if (head.parent() == nullptr) {
    if (head.parent_seq() != 0 || head.depth() != 0) {
      walk.violation(record, "a session without a parent shows no other's messages",
                     fmt::format("it shows {}", head.parent_seq()));
    }
    return Status();
  }
  const Uuid parent_id = from_fb(head.parent());
  CheckRead parent{Key(record.owner(), Kind::session).append(parent_id)};
  if (Status s = walk.read_parent(record, &parent); !s.ok() || !parent.found()) return s;
  const auto& behind = parent.record.table<fb::SessionHead>();
  if (from_fb(behind.project()) != from_fb(head.project()) || head.depth() != behind.depth() + 1) {
    walk.violation(record, "a fork is in its parent's project, one deeper",
                   fmt::format("its depth is {}", head.depth()));
  }
  const Key messages = Key(record.owner(), Kind::message).append(parent_id);
  CheckRead last("");
  if (Status s = walk.read_first(messages, &last); !s.ok()) return s;
  const uint64_t newest = last.absent() ? 0 : ~format::key_u64(last.key, 37);
  if (head.parent_seq() <= behind.parent_seq() || head.parent_seq() > newest) {
    walk.violation(record, "a fork's last shown message is its parent's own",
                   fmt::format("it is {}", head.parent_seq()));
  }
  return Status();
}

}  // namespace

Status check_session(CheckWalk& walk, const CheckedRecord& record) {
  const auto& head = record.table<fb::SessionHead>();
  const UserId owner = record.owner();
  const Uuid id = record.uuid_at(17), project_id = from_fb(head.project());
  CheckRead project{Key(owner, Kind::project).append(project_id)};
  if (Status s = walk.read_parent(record, &project); !s.ok()) return s;
  const Key by_age = Key(owner, Kind::session_by_age).append(project_id).not_u64(head.age());
  if (Status s = walk.expect_entry(record, by_age, Reference{id, 0, 0}); !s.ok()) return s;

  // The owner's log may be shorter than its history.
  CheckRead begun{Key(owner, Kind::commit_body).u64(head.created_seq())};
  if (Status s = walk.read(begun); !s.ok()) return s;
  if (begun.found() && begun.record.table<fb::CommitBody>().owner_seq() != head.age() >> 16) {
    walk.violation(record, "created_seq is the commit of its age",
                   fmt::format("commit {} is another", head.created_seq()));
  }
  if (Status s = check_fork(walk, record); !s.ok()) return s;
  const uint32_t renames = head.rename_count();
  if (renames == 0 && head.first_title() != nullptr) {
    walk.violation(record, "first_title is of a session that was renamed", "it never was");
  }
  if (renames == 0) {
    expect_no_effective(walk, record, "rename_effective_at", head.rename_effective_at());
    return Status();
  }
  CheckRead newest{Key(owner, Kind::session_title).append(id).not_u32(renames)};
  if (Status s = walk.read(newest); !s.ok()) return s;
  if (newest.absent()) missing_fact(walk, record, "rename_count is the newest title", renames);
  if (!newest.found()) return Status();
  const auto* title = newest.record.table<fb::SessionTitle>().title();
  if (optional_text(head.title()) != optional_text(title)) {
    walk.violation(record, "title is the newest one",
                   fmt::format("it is not that of title {}", renames));
  }
  expect_effective(walk, record, "rename_effective_at", head.rename_effective_at(), newest.record);
  expect_commit(walk, record, {&newest.record});
  return Status();
}

Status check_session_by_age(CheckWalk& walk, const CheckedRecord& record) {
  CheckRead session{Key(record.owner(), Kind::session).append(record.reference().id)};
  if (Status s = walk.read(session); !s.ok()) return s;
  if (session.found()) {
    const auto& head = session.record.table<fb::SessionHead>();
    if (from_fb(head.project()) == record.uuid_at(17) &&
        head.age() == ~format::key_u64(record.key(), 33)) {
      return Status();
    }
  }
  stray_entry(walk, record, session);
  return Status();
}

Status check_newest_of_session(CheckWalk& walk, const CheckedRecord& record) {
  CheckRead session{Key(record.owner(), Kind::session).append(record.uuid_at(17))};
  if (Status s = walk.read_parent(record, &session); !s.ok() || !session.found()) return s;
  if (record.kind() == Kind::session_title) {
    expect_count(walk, session.record, "rename_count is the newest title",
                 session.record.table<fb::SessionHead>().rename_count(),
                 ~format::key_u32(record.key(), 33));
  }
  return Status();
}

Status check_message(CheckWalk& walk, const CheckedRecord& record) {
  const auto& message = record.table<fb::Message>();
  const uint32_t month = ~format::key_u32(record.key(), 33);
  const uint64_t seq = ~format::key_u64(record.key(), 37);
  if (to_string(static_cast<Role>(message.role())) == "unknown") {
    walk.unknown(record, "role", message.role());
  }
  if (message.token_count() < -1) {
    walk.violation(record, "token_count is not negative",
                   fmt::format("it is {}", message.token_count()));
  }
  if (message.replaces() >= seq) {
    walk.violation(record, "a message replaces an earlier one",
                   fmt::format("it is {} and replaces {}", seq, message.replaces()));
  }
  if (message.given_id() == nullptr) return Status();
  const Key key = Key(record.owner(), Kind::message_id).append(from_fb(message.given_id()));
  return walk.expect_entry(record, key, Reference{record.uuid_at(17), seq, month});
}

Status check_message_id(CheckWalk& walk, const CheckedRecord& record) {
  const Reference& of = record.reference();
  CheckRead message{
      Key(record.owner(), Kind::message).append(of.id).not_u32(of.extra).not_u64(of.number)};
  if (Status s = walk.read(message); !s.ok()) return s;
  const Uuid id = record.uuid_at(17);
  if (message.found() && !id.is_nil() &&
      from_fb(message.record.table<fb::Message>().given_id()) == id) {
    return Status();
  }
  stray_entry(walk, record, message);
  return Status();
}

void missing_reference(CheckWalk& walk, const CheckedRecord& record, std::string_view what,
                       const Uuid& id, uint64_t number) {
  walk.violation(record,
                 record.kind() == Kind::call ? "what a call refers to exists"
                                             : "what an event refers to exists",
                 fmt::format("{} {} {}", what, to_string(id), number));
}

Status expect_project(CheckWalk& walk, const CheckedRecord& record, const fb::Uuid* given) {
  if (given == nullptr) return Status();
  const Uuid id = from_fb(given);
  CheckRead project{Key(record.owner(), Kind::project).append(id)};
  if (Status s = walk.read(project); !s.ok()) return s;
  if (project.absent()) missing_reference(walk, record, "project", id, 0);
  return Status();
}

Status expect_session(CheckWalk& walk, const CheckedRecord& record, const fb::Uuid* given,
                      uint64_t message_seq) {
  if (given == nullptr) return Status();
  const Uuid id = from_fb(given);
  CheckRead session{Key(record.owner(), Kind::session).append(id)};
  if (Status s = walk.read(session); !s.ok()) return s;
  bool missing = session.absent();
  if (!missing && message_seq != 0) {
    CheckRead newest("");
    if (Status s = walk.read_first(Key(record.owner(), Kind::message).append(id), &newest);
        !s.ok()) {
      return s;
    }
    // The newest message's key counts them, whether or not it verifies.
    uint64_t last = newest.absent() ? 0 : ~format::key_u64(newest.key, 37);
    if (session.found()) {
      last = std::max(last, session.record.table<fb::SessionHead>().parent_seq());
    }
    missing = last < message_seq;
  }
  if (missing) missing_reference(walk, record, "session", id, message_seq);
  return Status();
}

namespace {

Status check_document_reference(CheckWalk& walk, const CheckedRecord& record) {
  const auto& event = record.table<fb::Event>();
  if (event.document() == nullptr) return Status();
  const Uuid id = from_fb(event.document());
  CheckRead document{Key(record.owner(), Kind::document).append(id)};
  if (Status s = walk.read(document); !s.ok()) return s;
  if (document.absent() ||
      (document.found() && event.rev() > document.record.table<fb::DocumentHead>().current_rev())) {
    missing_reference(walk, record, "document", id, event.rev());
  }
  return Status();
}

}  // namespace

Status check_event(CheckWalk& walk, const CheckedRecord& record) {
  const auto& event = record.table<fb::Event>();
  const uint64_t id = ~format::key_u64(record.key(), record.key().size() - 8);
  if (event.is_audit() != (record.kind() == Kind::audit)) {
    walk.violation(record, "audit events have a table of their own", "it says otherwise");
  }
  if (text_of(event.type()).empty()) walk.violation(record, "an event has a type", "it is empty");
  if (id >> 16 != event.commit_seq()) {
    walk.violation(record, "id is of its commit",
                   fmt::format("{} of commit {}", id, event.commit_seq()));
  }
  if (Status s = expect_project(walk, record, event.project()); !s.ok()) return s;
  if (Status s = check_document_reference(walk, record); !s.ok()) return s;
  return expect_session(walk, record, event.session(), event.message_seq());
}

// A month row: the record is there, and no two rows of one stream say one month. That every first
// record of a month has its row is asked where the records are met.
Status check_month_row(CheckWalk& walk, const CheckedRecord& record) {
  const MonthStream& stream = month_stream(record.kind());
  const uint64_t first = ~format::key_u64(record.key(), stream.group_bytes);
  const auto month = static_cast<uint32_t>(record.reference().number);
  Key key(record.owner(), stream.kind);
  if (stream.has_parent()) key.append(record.uuid_at(17));
  CheckRead named{key.not_u32(month).not_u64(first)};
  if (Status s = walk.read(named); !s.ok()) return s;
  if (named.absent() || record.reference() != Reference{Uuid(), month, 0}) {
    walk.violation(record, "index entry names its record",
                   fmt::format("{} {} is not in month {}", to_string(stream.kind), first,
                               record.reference().number));
  }
  CheckStreamRow& newer = walk.month_row();
  const std::string_view group = record.key().substr(0, stream.group_bytes);
  if (std::string_view(newer.key).substr(0, newer.group_bytes) == group && newer.month <= month) {
    walk.violation(record.info().name, newer.key, "months rise",
                   fmt::format("{} comes after {}", newer.month, month));
  }
  newer.key.assign(record.key());
  newer.group_bytes = stream.group_bytes;
  newer.month = month;
  return Status();
}

}  // namespace bcstore::model
