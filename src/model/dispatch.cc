// Which function decides on which verb.
#include "model/execute.h"

namespace bcstore::model {

Status Executor::dispatch(Op& op) {
  switch (op.verb) {
    case Verb::create_user:
      return create_user(op);
    case Verb::edit_profile:
      return edit_profile(op);
    case Verb::link_customer:
      return link_customer(op);
    case Verb::create_project:
      return create_project(op);
    case Verb::add_version:
      return add_version(op);
    case Verb::set_status:
      return set_status(op);
    case Verb::create_document:
      return create_document(op);
    case Verb::add_revision:
      return add_revision(op);
    case Verb::set_lock:
      return set_lock(op);
    case Verb::create_task:
      return create_task(op);
    case Verb::revise_task:
      return revise_task(op);
    case Verb::record_activity:
      return record_activity(op);
    case Verb::start_chat:
      return start_chat(op);
    case Verb::fork_chat:
      return fork_chat(op);
    case Verb::rename_chat:
      return rename_chat(op);
    case Verb::append_message:
      return append_message(op);
    case Verb::append_event:
      return append_event(op);
    case Verb::record_call:
      return record_call(op);
    case Verb::add_sections:
      return add_sections(op);
    case Verb::import_section:
      return import_section(op);
    case Verb::add_integration:
      return add_integration(op);
    case Verb::revise_integration:
    case Verb::remove_integration:
      return revise_integration(op);
    case Verb::put_public:
      return put_public(op);
    default:
      return dispatch_money(op);
  }
}

Status Executor::dispatch_money(Op& op) {
  switch (op.verb) {
    case Verb::consume_credit:
      return consume_credit(op);
    case Verb::grant_credits:
      return grant_credits(op);
    case Verb::set_credit_plan:
      return set_credit_plan(op);
    case Verb::set_unlimited:
      return set_unlimited(op);
    case Verb::import_credits:
      return import_credits(op);
    case Verb::reserve_credits:
      return reserve_credits(op);
    case Verb::capture_credits:
    case Verb::void_hold:
      return resolve_credits(op);
    case Verb::adjust_credits:
      return adjust_credits(op);
    case Verb::limit_rate:
      return limit_rate(op);
    case Verb::save_feed_cursor:
      return save_feed_cursor(op);
    case Verb::drop_feed_cursor:
      return drop_feed_cursor(op);
    default:
      // Billing is a batch of its own.
      return Status(Code::internal, "an operation of no known verb");
  }
}

}  // namespace bcstore::model
