// Numbered facts of one parent: dense numbers, running maxima of time and month, newest first.
#include <fmt/format.h>

#include <algorithm>

#include "model/check_walk.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

namespace {

struct StreamForm {
  Kind kind;
  std::string_view number;  // its name
  size_t group_bytes;       // of the key: what names the parent
  size_t number_at;
  size_t number_bytes;
  bool is_dense = true;  // else numbers only rise
};

constexpr StreamForm kStreams[] = {
    {Kind::user, "rev", 17, 17, 4},
    {Kind::project_version, "version", 33, 33, 4},
    {Kind::project_status, "number", 33, 33, 4},
    {Kind::revision, "rev", 33, 33, 4},
    {Kind::document_lock, "number", 33, 33, 4},
    {Kind::task_revision, "rev", 33, 33, 4},
    {Kind::task_activity, "seq", 33, 33, 8},
    {Kind::session_title, "number", 33, 33, 4},
    {Kind::message, "seq", 33, 37, 8},
    {Kind::event, "id", 17, 21, 8, false},
    {Kind::call, "id", 17, 21, 8, false},
    {Kind::audit, "id", 17, 17, 8, false},
    {Kind::credit_entry, "number", 17, 17, 8},
    {Kind::subscription_change, "number", 33, 33, 4},
    {Kind::integration_change, "rev", 33, 33, 4},
    {Kind::public_record, "rev", 33, 33, 4},
};

const StreamForm* form_of(Kind kind) {
  for (const StreamForm& form : kStreams) {
    if (form.kind == kind) return &form;
  }
  return nullptr;
}

bool has_months(const StreamForm& form) { return form.number_at != form.group_bytes; }

}  // namespace

Status CheckWalk::step(const CheckedRecord& record) {
  const StreamForm* form = form_of(record.kind());
  if (form == nullptr) {
    check_alone(record);
    return close_stream();
  }
  CheckStreamRow row;
  row.key.assign(record.key());
  row.group_bytes = form->group_bytes;
  row.number = form->number_bytes == 4 ? ~format::key_u32(row.key, form->number_at)
                                       : ~format::key_u64(row.key, form->number_at);
  if (has_months(*form)) row.month = ~format::key_u32(row.key, form->group_bytes);
  row.verified = record.verified();
  if (row.verified) {
    row.created_at_us = record.common().created_at();
    row.effective_at_us = record.common().effective_at();
  }
  if (row.verified && record.kind() == Kind::message) {
    const auto& message = record.table<fb::Message>();
    row.tokens = message.token_count() >= 0 ? static_cast<uint64_t>(message.token_count())
                                            : estimate_tokens(record.tail());
    row.tokens_through = message.tokens_through();
  }
  const std::string_view group = std::string_view(row.key).substr(0, row.group_bytes);
  const bool newest =
      newer_.key.empty() || std::string_view(newer_.key).substr(0, newer_.group_bytes) != group;
  if (newest) {
    if (Status s = close_stream(); !s.ok()) return s;
    if (Status s = check_newest(*this, record); !s.ok()) return s;
  } else if (Status s = compare(newer_, &row); !s.ok()) {
    return s;
  }
  newer_ = std::move(row);
  return Status();
}

// A record that is in no stream has nothing before it.
void CheckWalk::check_alone(const CheckedRecord& record) {
  if (!record.verified() || record.info().payload != format::Payload::flat_buffer) return;
  const fb::Common& common = record.common();
  // An idempotency key may be kept later than in the commit that its receipt is of.
  const bool may_be_later = record.kind() == Kind::idempotency;
  if (common.effective_at() < common.created_at() ||
      (!may_be_later && common.effective_at() != common.created_at())) {
    violation(record, "effective_at of a record alone is created_at",
              fmt::format("it is {} and should be {}", common.effective_at(), common.created_at()));
  }
}

Status CheckWalk::close_stream() {
  if (newer_.key.empty()) return Status();
  Status s = compare(newer_, nullptr);
  newer_ = {};
  return s;
}

// `older` is null for the oldest row of its stream.
Status CheckWalk::compare(const CheckStreamRow& newer, const CheckStreamRow* older) {
  const format::KindInfo* info = format::parse_key(newer.key);
  const StreamForm& form = *form_of(info->kind);
  uint64_t before = older ? older->number : 0;
  bool begins_fork = false;
  if (older == nullptr && info->kind == Kind::message && newer.number != 1) {
    if (Status s = find_fork(newer, &before, &begins_fork); !s.ok()) return s;
  }
  bool gap = newer.number != before + 1;
  if (!form.is_dense) {
    gap = false;
    if (newer.number <= before) {
      violation(info->name, newer.key, "ids rise",
                fmt::format("{} comes after {}", newer.number, before));
    }
  } else if (gap) {
    violation(info->name, newer.key, fmt::format("{} is dense from 1", form.number),
              fmt::format("{} comes after {}", newer.number, before));
  }
  if (newer.verified && (older == nullptr || older->verified)) {
    const int64_t floor =
        older ? std::max(older->effective_at_us, newer.created_at_us) : newer.created_at_us;
    // Behind a gap the maximum may have been that of a row that is lost; before a fork's first
    // message are those of another session.
    if (gap || begins_fork ? newer.effective_at_us < floor : newer.effective_at_us != floor) {
      violation(info->name, newer.key, "effective_at is the running maximum of created_at",
                fmt::format("it is {} and should be {}", newer.effective_at_us, floor));
    }
  }
  const uint64_t tokens = (older ? older->tokens_through : 0) + newer.tokens;
  const bool is_known =
      newer.verified && (older == nullptr || older->verified) && !gap && !begins_fork;
  if (is_known && newer.tokens_through != tokens) {
    violation(info->name, newer.key, "tokens_through is the sum of the tokens so far",
              fmt::format("it is {} and should be {}", newer.tokens_through, tokens));
  }
  if (!has_months(form)) return Status();
  compare_months(newer, older, gap || begins_fork);
  return older == nullptr || older->month != newer.month ? expect_month_row(newer) : Status();
}

// The messages that a fork shows and that are not its own.
Status CheckWalk::find_fork(const CheckStreamRow& first, uint64_t* before, bool* is_fork) {
  const UserId owner = format::key_owner(first.key);
  CheckRead session{
      Key(owner, Kind::session).append(format::key_uuid(first.key, format::kKindOffset + 1))};
  if (Status s = read(session); !s.ok() || session.absent()) return s;
  if (!session.found()) {
    // Damaged, which is told of it: what it shows can not be known.
    *before = first.number - 1;
    *is_fork = true;
    return Status();
  }
  const auto& head = session.record.table<fb::SessionHead>();
  *is_fork = head.parent() != nullptr;
  if (*is_fork) *before = head.parent_seq();
  return Status();
}

void CheckWalk::compare_months(const CheckStreamRow& newer, const CheckStreamRow* older, bool gap) {
  if (!newer.verified) return;
  const uint32_t own = month_of(Time{newer.created_at_us});
  const uint32_t floor = older ? std::max(older->month, own) : own;
  if (gap ? newer.month < floor : newer.month != floor) {
    violation(format::parse_key(newer.key)->name, newer.key,
              "month is the running maximum of created_at",
              fmt::format("it is {} and should be {}", newer.month, floor));
  }
}

// The first record of a month in its stream has a row in the index.
Status CheckWalk::expect_month_row(const CheckStreamRow& first) {
  const MonthStream& stream = month_stream(format::parse_key(first.key)->kind);
  Key key(format::key_owner(first.key), stream.months);
  if (stream.has_parent()) key.append(format::key_uuid(first.key, 17));
  key.not_u64(first.number);
  CheckRead row{key};
  if (Status s = read(row); !s.ok()) return s;
  const std::string_view table = format::parse_key(row.key)->name;
  if (row.absent()) {
    violation(table, row.key, "record has its index entry", fmt::format("month {}", first.month));
  } else if (row.found() && row.record.reference().number != first.month) {
    violation(table, row.key, "index entry names its record",
              fmt::format("it says month {}, the record lies in {}", row.record.reference().number,
                          first.month));
  }
  return Status();
}

Status check_newest(CheckWalk& walk, const CheckedRecord& record) {
  switch (record.kind()) {
    case Kind::user:
      return check_newest_user(walk, record);
    case Kind::project_version:
    case Kind::project_status:
      return check_newest_of_project(walk, record);
    case Kind::revision:
    case Kind::document_lock:
      return check_newest_of_document(walk, record);
    case Kind::task_revision:
    case Kind::task_activity:
      return check_newest_of_task(walk, record);
    case Kind::session_title:
    case Kind::message:
      return check_newest_of_session(walk, record);
    case Kind::credit_entry:
      return check_newest_credit_entry(walk, record);
    case Kind::integration_change:
      return check_newest_change(walk, record);
    case Kind::public_record:
      return check_newest_public(walk, record);
    case Kind::subscription_change:
      return check_newest_subscription_change(walk, record);
    default:
      return Status();  // events and calls belong to their owner
  }
}

namespace {

// Of what is searched, and of those who follow.
Status check_derived_record(CheckWalk& walk, const CheckedRecord& record) {
  switch (record.kind()) {
    case Kind::search_head:
      return check_search_head(walk, record);
    case Kind::search_space:
      return check_search_space(walk, record);
    case Kind::search_rows:
      return check_search_rows(walk, record);
    case Kind::search_block:
      return check_search_block(walk, record);
    case Kind::search_bitmap:
      return check_search_bitmap(walk, record);
    case Kind::search_lists:
      return check_search_lists(walk, record);
    case Kind::feed_cursor:
      return check_feed_cursor(walk, record);
    case Kind::feed_floor:
      return check_feed_floor(walk, record);
    case Kind::replica_keys:
      return check_replica_keys(walk, record);
    case Kind::replica_state:
      return check_replica_state(walk, record);
    default:
      return Status();
  }
}

// Of billing, and kinds from 42 to 63.
Status check_later_record(CheckWalk& walk, const CheckedRecord& record) {
  switch (record.kind()) {
    case Kind::credit_account:
      return check_credit_account(walk, record);
    case Kind::credit_counter:
      return check_credit_counter(walk, record);
    case Kind::credit_entry:
      return check_credit_entry(walk, record);
    case Kind::credit_hold:
      return check_credit_hold(walk, record);
    case Kind::live_hold:
      return check_live_hold(walk, record);
    case Kind::rate_state:
      return check_rate_state(walk, record);
    case Kind::billing_delivery:
      return check_billing_delivery(walk, record);
    case Kind::billing_customer:
      return check_billing_customer(walk, record);
    case Kind::billing_account:
      return check_billing_account(walk, record);
    case Kind::subscription:
      return check_subscription(walk, record);
    case Kind::subscription_change:
      return check_subscription_change(walk, record);
    case Kind::integration:
      return check_integration(walk, record);
    case Kind::integration_change:
      return check_integration_change(walk, record);
    case Kind::secret:
      return check_secret(walk, record);
    case Kind::public_name:
      return check_public_name(walk, record);
    case Kind::public_record:
      return check_public_record(walk, record);
    case Kind::vector_space:
      return check_vector_space(walk, record);
    case Kind::section_head:
      return check_section_head(walk, record);
    case Kind::section_list:
      return check_section_list(walk, record);
    case Kind::section_block:
      return check_section_block(walk, record);
    case Kind::vector:
      return check_vector(walk, record);
    case Kind::call:
      return check_call(walk, record);
    case Kind::call_rollup:
      return check_call_rollup(walk, record);
    case Kind::call_month:
      return check_month_row(walk, record);
    default:
      return check_derived_record(walk, record);
  }
}

}  // namespace

Status check_record(CheckWalk& walk, const CheckedRecord& record) {
  switch (record.kind()) {
    case Kind::store:
      return check_store_record(walk, record);
    case Kind::email:
      return check_email(walk, record);
    case Kind::customer:
      return check_customer(walk, record);
    case Kind::owner_hash:
      return check_owner_hash(walk, record);
    case Kind::commit_link:
      return check_link(walk, record);
    case Kind::user:
      return check_user(walk, record);
    case Kind::commit_body:
      return check_body(walk, record);
    case Kind::idempotency:
      return check_idempotency(walk, record);
    case Kind::import_identity:
      return check_import_identity(walk, record);
    case Kind::project:
      return check_project(walk, record);
    case Kind::project_by_age:
      return check_project_by_age(walk, record);
    case Kind::project_version:
      return check_project_version(walk, record);
    case Kind::project_status:
      return check_project_status(walk, record);
    case Kind::document:
      return check_document(walk, record);
    case Kind::document_slot:
    case Kind::document_by_section:
      return check_document_entry(walk, record);
    case Kind::revision:
      return check_revision(walk, record);
    case Kind::task_place:
      return check_task_place(walk, record);
    case Kind::task:
      return check_task(walk, record);
    case Kind::task_revision:
      return check_task_revision(walk, record);
    case Kind::task_activity:
      return check_task_activity(walk, record);
    case Kind::session:
      return check_session(walk, record);
    case Kind::session_by_age:
      return check_session_by_age(walk, record);
    case Kind::document_lock:
    case Kind::session_title:
      return Status();  // its stream and its head say it all
    case Kind::message:
      return check_message(walk, record);
    case Kind::message_id:
      return check_message_id(walk, record);
    case Kind::event:
    case Kind::audit:
      return check_event(walk, record);
    case Kind::session_month:
    case Kind::event_month:
      return check_month_row(walk, record);
    default:
      return check_later_record(walk, record);
  }
}

}  // namespace bcstore::model
