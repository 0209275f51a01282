// Which family each kind of record lies in.
#pragma once

#include "engine/engine.h"
#include "format/key.h"

namespace bcstore::engine {

constexpr Family family_of(format::Kind kind) {
  using format::Kind;
  switch (kind) {
    case Kind::store:
      return Family::system;
    case Kind::project:
    case Kind::document:
    case Kind::credit_account:
    case Kind::task_place:
    case Kind::task:
    case Kind::session:
    case Kind::integration:
    case Kind::public_name:
    case Kind::vector_space:
    case Kind::section_head:
    case Kind::call_rollup:
      return Family::heads;
    case Kind::user:
    case Kind::project_version:
    case Kind::project_status:
    case Kind::document_lock:
    case Kind::task_revision:
    case Kind::task_activity:
    case Kind::session_title:
    case Kind::audit:
    case Kind::credit_entry:
    case Kind::integration_change:
    case Kind::public_record:
      return Family::history;
    case Kind::credit_counter:
      return Family::credits;
    case Kind::revision:
      return Family::revisions;
    case Kind::message:
    case Kind::event:
    case Kind::call:
      return Family::months;
    case Kind::section_list:
    case Kind::section_block:
      return Family::sections;
    case Kind::vector:
      return Family::vectors;
    case Kind::secret:
      return Family::secrets;
    case Kind::commit_link:
    case Kind::commit_body:
      return Family::log;
    case Kind::email:
    case Kind::customer:
    case Kind::owner_hash:
    case Kind::idempotency:
    case Kind::import_identity:
    case Kind::project_by_age:
    case Kind::document_slot:
    case Kind::document_by_section:
    case Kind::session_by_age:
    case Kind::message_id:
    case Kind::session_month:
    case Kind::event_month:
    case Kind::call_month:
      return Family::index;
  }
  return Family::system;
}

}  // namespace bcstore::engine
