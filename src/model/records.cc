// The accessors of public records: each reads one field in place.
#include "bcstore/records.h"

#include <algorithm>
#include <cstdint>

#include "format/key.h"
#include "model/record_body.h"

namespace bcstore {

// A UUID of version 8 (RFC 9562) over what addresses the message.
MessageId model::derived_message_id(ChatSessionId session, uint64_t seq) {
  std::string address(reinterpret_cast<const char*>(session.uuid().bytes.data()), 16);
  address += std::to_string(seq);
  Uuid id = format::hash128(address);
  id.bytes[6] = static_cast<uint8_t>((id.bytes[6] & 0x0F) | 0x80);
  id.bytes[8] = static_cast<uint8_t>((id.bytes[8] & 0x3F) | 0x80);
  return MessageId(id);
}

using format::kKindOffset;
using model::from_fb;
using model::optional_text;
using model::RecordBody;
using model::text_of;

namespace {

// Where ids and numbers stand in a key.
constexpr size_t kFirst = kKindOffset + 1;
constexpr size_t kSecond = kFirst + 16;

const RecordBody* usable(const std::unique_ptr<RecordBody>& body) {
  return body && body->loaded() ? body.get() : nullptr;
}

template <class Table>
const Table* table(const std::unique_ptr<RecordBody>& body) {
  const RecordBody* record = usable(body);
  return record ? record->root<Table>() : nullptr;
}

Uuid id_at(const std::unique_ptr<RecordBody>& body, size_t offset) {
  const RecordBody* record = usable(body);
  return record ? format::key_uuid(record->key(), offset) : Uuid();
}

// The complement of a newest-first number.
uint32_t number_at(const std::unique_ptr<RecordBody>& body, size_t offset) {
  const RecordBody* record = usable(body);
  return record ? ~format::key_u32(record->key(), offset) : 0;
}

uint64_t wide_number_at(const std::unique_ptr<RecordBody>& body, size_t offset) {
  const RecordBody* record = usable(body);
  return record ? ~format::key_u64(record->key(), offset) : 0;
}

std::string_view tail_of(const std::unique_ptr<RecordBody>& body) {
  const RecordBody* record = usable(body);
  return record ? record->tail() : std::string_view();
}

}  // namespace

Record::Record() = default;
Record::Record(Record&&) noexcept = default;
Record& Record::operator=(Record&&) noexcept = default;
Record::~Record() = default;

bool Record::valid() const { return usable(body_) != nullptr; }
UserId Record::owner() const { return UserId(id_at(body_, 0)); }
Time Record::created_at() const {
  const auto* t = table<fb::Common>(body_);
  return Time{t ? t->created_at() : 0};
}
Time Record::effective_at() const {
  const auto* t = table<fb::Common>(body_);
  return Time{t ? t->effective_at() : 0};
}
uint64_t Record::commit_seq() const {
  const auto* t = table<fb::Common>(body_);
  return t ? t->commit_seq() : 0;
}
Actor Record::actor() const {
  const auto* t = table<fb::Common>(body_);
  if (t == nullptr) return {};
  return model::actor_of(*t, owner());
}

#define BCSTORE_TEXT(type, table_type, name)            \
  std::string_view type::name() const& {                \
    const auto* t = table<fb::table_type>(body_);       \
    return t ? text_of(t->name()) : std::string_view(); \
  }
#define BCSTORE_OPTIONAL_TEXT(type, table_type, name)   \
  std::optional<std::string_view> type::name() const& { \
    const auto* t = table<fb::table_type>(body_);       \
    return t ? optional_text(t->name()) : std::nullopt; \
  }
#define BCSTORE_SCALAR(type, table_type, name, result)    \
  result type::name() const {                             \
    const auto* t = table<fb::table_type>(body_);         \
    return t ? static_cast<result>(t->name()) : result{}; \
  }

uint32_t User::rev() const { return number_at(body_, kFirst); }
BCSTORE_TEXT(User, User, email)
BCSTORE_OPTIONAL_TEXT(User, User, full_name)
BCSTORE_OPTIONAL_TEXT(User, User, stripe_customer_id)
BCSTORE_SCALAR(User, User, is_pro, bool)
Time User::joined_at() const {
  const auto* t = table<fb::User>(body_);
  return Time{t ? t->joined_at() : 0};
}

ProjectId Project::id() const { return ProjectId(id_at(body_, kFirst)); }
BCSTORE_TEXT(Project, ProjectHead, name)
BCSTORE_TEXT(Project, ProjectHead, idea_prompt)
BCSTORE_SCALAR(Project, ProjectHead, status, ProjectStatus)
BCSTORE_SCALAR(Project, ProjectHead, current_version, uint32_t)

ProjectId ProjectVersion::project() const { return ProjectId(id_at(body_, kFirst)); }
uint32_t ProjectVersion::version() const { return number_at(body_, kSecond); }
BCSTORE_TEXT(ProjectVersion, ProjectVersion, name)
BCSTORE_TEXT(ProjectVersion, ProjectVersion, idea_prompt)
BCSTORE_SCALAR(ProjectVersion, ProjectVersion, status, ProjectStatus)
BCSTORE_OPTIONAL_TEXT(ProjectVersion, ProjectVersion, change_note)

ProjectId ProjectStatusChange::project() const { return ProjectId(id_at(body_, kFirst)); }
uint32_t ProjectStatusChange::number() const { return number_at(body_, kSecond); }
BCSTORE_SCALAR(ProjectStatusChange, ProjectStatus, status, ProjectStatus)

DocumentId Document::id() const { return DocumentId(id_at(body_, kFirst)); }
ProjectId Document::project() const {
  const auto* t = table<fb::DocumentHead>(body_);
  return ProjectId(t ? from_fb(t->project()) : Uuid());
}
BCSTORE_SCALAR(Document, DocumentHead, version, uint32_t)
BCSTORE_SCALAR(Document, DocumentHead, section, Section)
BCSTORE_SCALAR(Document, DocumentHead, is_locked, bool)
BCSTORE_SCALAR(Document, DocumentHead, current_rev, uint32_t)

DocumentId DocumentLockChange::document() const { return DocumentId(id_at(body_, kFirst)); }
uint32_t DocumentLockChange::number() const { return number_at(body_, kSecond); }
BCSTORE_SCALAR(DocumentLockChange, LockChange, is_locked, bool)

DocumentId Revision::document() const { return DocumentId(id_at(body_, kFirst)); }
uint32_t Revision::rev() const { return number_at(body_, kSecond); }
BCSTORE_SCALAR(Revision, Revision, content_type, ContentType)
BCSTORE_SCALAR(Revision, Revision, content_bytes, uint64_t)
BCSTORE_OPTIONAL_TEXT(Revision, Revision, change_note)
Uuid Revision::content_hash() const {
  const auto* t = table<fb::Revision>(body_);
  return t ? from_fb(t->content_hash()) : Uuid();
}
Result<std::string_view> Revision::content() const& {
  if (!valid()) return Status(Code::invalid_argument, "the record was moved from");
  return body_->content();
}

TaskId Task::id() const { return TaskId(id_at(body_, kSecond + 5 + 8)); }
ProjectId Task::project() const { return ProjectId(id_at(body_, kFirst)); }
std::optional<int32_t> Task::phase() const {
  const RecordBody* record = usable(body_);
  return record ? format::key_phase(record->key(), kSecond) : std::nullopt;
}
BCSTORE_TEXT(Task, TaskHead, title)
std::string_view Task::description() const& { return tail_of(body_); }
BCSTORE_SCALAR(Task, TaskHead, state, TaskState)
BCSTORE_SCALAR(Task, TaskHead, rev, uint32_t)
uint64_t Task::activity_count() const {
  const auto* t = table<fb::TaskHead>(body_);
  return t ? t->activity_seq() : 0;
}

TaskId TaskRevision::task() const { return TaskId(id_at(body_, kFirst)); }
uint32_t TaskRevision::rev() const { return number_at(body_, kSecond); }
std::optional<int32_t> TaskRevision::phase() const {
  const auto* t = table<fb::TaskRevision>(body_);
  return t && t->has_phase() ? std::optional<int32_t>(t->phase()) : std::nullopt;
}
BCSTORE_TEXT(TaskRevision, TaskRevision, title)
std::string_view TaskRevision::description() const& { return tail_of(body_); }

TaskId TaskActivity::task() const { return TaskId(id_at(body_, kFirst)); }
uint64_t TaskActivity::seq() const { return wide_number_at(body_, kSecond); }
BCSTORE_SCALAR(TaskActivity, TaskActivity, action, TaskAction)

ChatSessionId ChatSession::id() const { return ChatSessionId(id_at(body_, kFirst)); }
ProjectId ChatSession::project() const {
  const auto* t = table<fb::SessionHead>(body_);
  return ProjectId(t ? from_fb(t->project()) : Uuid());
}
BCSTORE_OPTIONAL_TEXT(ChatSession, SessionHead, title)

std::optional<ChatSessionId> ChatSession::parent() const {
  const auto* t = table<fb::SessionHead>(body_);
  return t && t->parent() ? std::optional(ChatSessionId(from_fb(t->parent()))) : std::nullopt;
}
BCSTORE_SCALAR(ChatSession, SessionHead, parent_seq, uint64_t)

ChatSessionId ChatMessage::session() const { return ChatSessionId(id_at(body_, kFirst)); }
uint32_t ChatMessage::month() const { return number_at(body_, kSecond); }
uint64_t ChatMessage::seq() const { return wide_number_at(body_, kSecond + 4); }
MessageId ChatMessage::id() const {
  const auto* t = table<fb::Message>(body_);
  if (t == nullptr) return {};
  if (t->given_id() != nullptr) return MessageId(from_fb(t->given_id()));
  return model::derived_message_id(session(), seq());
}
BCSTORE_SCALAR(ChatMessage, Message, role, Role)
std::optional<int32_t> ChatMessage::token_count() const {
  const auto* t = table<fb::Message>(body_);
  return t && t->token_count() >= 0 ? std::optional<int32_t>(t->token_count()) : std::nullopt;
}
BCSTORE_SCALAR(ChatMessage, Message, tokens_through, uint64_t)
std::optional<uint64_t> ChatMessage::replaces() const {
  const auto* t = table<fb::Message>(body_);
  return t && t->replaces() != 0 ? std::optional<uint64_t>(t->replaces()) : std::nullopt;
}
std::string_view ChatMessage::content() const& { return tail_of(body_); }
BCSTORE_OPTIONAL_TEXT(ChatMessage, Message, call_id)
BCSTORE_OPTIONAL_TEXT(ChatMessage, Message, name)
BCSTORE_OPTIONAL_TEXT(ChatMessage, Message, metadata)

uint32_t Event::month() const {
  return is_audit() ? month_of(created_at()) : number_at(body_, kFirst);
}
uint64_t Event::id() const { return wide_number_at(body_, is_audit() ? kFirst : kFirst + 4); }
BCSTORE_SCALAR(Event, Event, is_audit, bool)
BCSTORE_TEXT(Event, Event, type)
std::optional<std::string_view> Event::payload() const& {
  const RecordBody* record = usable(body_);
  return record && record->has_tail() ? std::optional(record->tail()) : std::nullopt;
}
std::optional<ProjectId> Event::project() const {
  const auto* t = table<fb::Event>(body_);
  return t && t->project() ? std::optional(ProjectId(from_fb(t->project()))) : std::nullopt;
}
std::optional<DocumentId> Event::document() const {
  const auto* t = table<fb::Event>(body_);
  return t && t->document() ? std::optional(DocumentId(from_fb(t->document()))) : std::nullopt;
}
std::optional<uint32_t> Event::rev() const {
  const auto* t = table<fb::Event>(body_);
  return t && t->rev() != 0 ? std::optional<uint32_t>(t->rev()) : std::nullopt;
}
std::optional<ChatSessionId> Event::session() const {
  const auto* t = table<fb::Event>(body_);
  return t && t->session() ? std::optional(ChatSessionId(from_fb(t->session()))) : std::nullopt;
}
std::optional<uint64_t> Event::message_seq() const {
  const auto* t = table<fb::Event>(body_);
  return t && t->message_seq() != 0 ? std::optional<uint64_t>(t->message_seq()) : std::nullopt;
}
BCSTORE_OPTIONAL_TEXT(Event, Event, call_id)

uint32_t CallRecord::month() const { return number_at(body_, kFirst); }
uint64_t CallRecord::id() const { return wide_number_at(body_, kFirst + 4); }
BCSTORE_TEXT(CallRecord, Call, agent)
BCSTORE_TEXT(CallRecord, Call, model)
BCSTORE_TEXT(CallRecord, Call, currency)
BCSTORE_SCALAR(CallRecord, Call, status, CallStatus)
BCSTORE_SCALAR(CallRecord, Call, input_tokens, int64_t)
BCSTORE_SCALAR(CallRecord, Call, output_tokens, int64_t)
BCSTORE_SCALAR(CallRecord, Call, cached_tokens, int64_t)
BCSTORE_SCALAR(CallRecord, Call, latency_us, int64_t)
BCSTORE_SCALAR(CallRecord, Call, cost_micros, int64_t)
std::optional<int64_t> CallRecord::first_token_us() const {
  const auto* t = table<fb::Call>(body_);
  return t && t->first_token_us() >= 0 ? std::optional<int64_t>(t->first_token_us()) : std::nullopt;
}
std::optional<ProjectId> CallRecord::project() const {
  const auto* t = table<fb::Call>(body_);
  return t && t->project() ? std::optional(ProjectId(from_fb(t->project()))) : std::nullopt;
}
std::optional<ChatSessionId> CallRecord::session() const {
  const auto* t = table<fb::Call>(body_);
  return t && t->session() ? std::optional(ChatSessionId(from_fb(t->session()))) : std::nullopt;
}
std::optional<uint64_t> CallRecord::message_seq() const {
  const auto* t = table<fb::Call>(body_);
  return t && t->message_seq() != 0 ? std::optional<uint64_t>(t->message_seq()) : std::nullopt;
}
std::optional<uint64_t> CallRecord::event() const {
  const auto* t = table<fb::Call>(body_);
  return t && t->event() != 0 ? std::optional<uint64_t>(t->event()) : std::nullopt;
}
std::optional<Uuid> CallRecord::hold() const {
  const auto* t = table<fb::Call>(body_);
  return t && t->hold() ? std::optional(from_fb(t->hold())) : std::nullopt;
}

uint32_t UsageRow::month() const {
  const RecordBody* record = usable(body_);
  return record ? format::key_u32(record->key(), kFirst) : 0;
}
BCSTORE_TEXT(UsageRow, CallRollup, model)
BCSTORE_TEXT(UsageRow, CallRollup, currency)
BCSTORE_SCALAR(UsageRow, CallRollup, calls, int64_t)
BCSTORE_SCALAR(UsageRow, CallRollup, failed_calls, int64_t)
BCSTORE_SCALAR(UsageRow, CallRollup, input_tokens, int64_t)
BCSTORE_SCALAR(UsageRow, CallRollup, output_tokens, int64_t)
BCSTORE_SCALAR(UsageRow, CallRollup, cached_tokens, int64_t)
BCSTORE_SCALAR(UsageRow, CallRollup, cost_micros, int64_t)
BCSTORE_SCALAR(UsageRow, CallRollup, total_latency_us, int64_t)
BCSTORE_SCALAR(UsageRow, CallRollup, longest_latency_us, int64_t)

uint64_t CreditEntry::number() const { return wide_number_at(body_, kFirst); }
CreditEntryKind CreditEntry::kind() const {
  const auto* t = table<fb::CreditEntry>(body_);
  return t ? static_cast<CreditEntryKind>(t->entry_kind()) : CreditEntryKind{};
}
BCSTORE_SCALAR(CreditEntry, CreditEntry, amount, int32_t)
BCSTORE_SCALAR(CreditEntry, CreditEntry, allowance_delta, int32_t)
BCSTORE_SCALAR(CreditEntry, CreditEntry, granted_delta, int32_t)
BCSTORE_SCALAR(CreditEntry, CreditEntry, allowance, int32_t)
BCSTORE_SCALAR(CreditEntry, CreditEntry, granted, int32_t)
BCSTORE_SCALAR(CreditEntry, CreditEntry, held, int32_t)
BCSTORE_SCALAR(CreditEntry, CreditEntry, debt, int32_t)
BCSTORE_SCALAR(CreditEntry, CreditEntry, is_unlimited, bool)
BCSTORE_SCALAR(CreditEntry, CreditEntry, epoch, uint64_t)
BCSTORE_OPTIONAL_TEXT(CreditEntry, CreditEntry, reason)
namespace {
const fb::HoldEffect* effect_of(const std::unique_ptr<RecordBody>& body) {
  const auto* t = table<fb::CreditEntry>(body);
  return t ? t->effect() : nullptr;
}
}  // namespace
std::optional<CreditHoldId> CreditEntry::hold() const {
  const auto* effect = effect_of(body_);
  const Uuid id = effect ? from_fb(&effect->hold()) : Uuid();
  return id.is_nil() ? std::nullopt : std::optional(CreditHoldId(id));
}
int32_t CreditEntry::held_delta() const {
  const auto* effect = effect_of(body_);
  if (effect == nullptr) return 0;
  // Both together are an int32 in every entry that was written; of others the sum is cut.
  const int64_t sum = int64_t{effect->held_allowance()} + effect->held_granted();
  return static_cast<int32_t>(std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX));
}
int32_t CreditEntry::lapsed() const {
  const auto* effect = effect_of(body_);
  return effect ? effect->lapsed() : 0;
}
int32_t CreditEntry::debt_delta() const {
  const auto* effect = effect_of(body_);
  return effect ? effect->debt() : 0;
}

CreditHoldId CreditHold::id() const { return CreditHoldId(id_at(body_, kFirst)); }
HoldState CreditHold::state() const {
  const auto* t = table<fb::CreditHold>(body_);
  if (t == nullptr) return HoldState{};
  const auto state = static_cast<HoldState>(t->state());
  const bool ran_out = state == HoldState::live && t->expires_at() <= body_->seen_at().us;
  return ran_out ? HoldState::expired : state;
}
BCSTORE_SCALAR(CreditHold, CreditHold, amount, int32_t)
BCSTORE_SCALAR(CreditHold, CreditHold, from_allowance, int32_t)
BCSTORE_SCALAR(CreditHold, CreditHold, from_granted, int32_t)
Time CreditHold::expires_at() const {
  const auto* t = table<fb::CreditHold>(body_);
  return Time{t ? t->expires_at() : 0};
}
BCSTORE_SCALAR(CreditHold, CreditHold, captured, int32_t)
BCSTORE_SCALAR(CreditHold, CreditHold, returned, int32_t)
BCSTORE_SCALAR(CreditHold, CreditHold, lapsed, int32_t)
BCSTORE_SCALAR(CreditHold, CreditHold, debt, int32_t)
std::optional<Time> CreditHold::resolved_at() const {
  const auto* t = table<fb::CreditHold>(body_);
  if (t == nullptr || t->resolved_entry() == 0) return std::nullopt;
  return Time{t->resolved_at()};
}
BCSTORE_OPTIONAL_TEXT(CreditHold, CreditHold, reason)

DocumentId SectionBlock::document() const { return DocumentId(id_at(body_, kFirst)); }
uint32_t SectionBlock::rev() const { return usable(body_) ? body_->rev() : 0; }
uint32_t SectionBlock::ordinal() const { return usable(body_) ? body_->ordinal() : 0; }
BCSTORE_TEXT(SectionBlock, SectionBlock, block_id)
BCSTORE_OPTIONAL_TEXT(SectionBlock, SectionBlock, heading)
std::optional<std::string_view> SectionBlock::body_md() const& {
  const RecordBody* record = usable(body_);
  return record && record->has_tail() ? std::optional(record->tail()) : std::nullopt;
}
std::span<const float> SectionBlock::embedding() const& {
  const RecordBody* record = usable(body_);
  return record ? record->floats() : std::span<const float>();
}

IntegrationId Integration::id() const { return IntegrationId(id_at(body_, kFirst)); }
BCSTORE_SCALAR(Integration, IntegrationHead, type, IntegrationType)
BCSTORE_SCALAR(Integration, IntegrationHead, rev, uint32_t)

IntegrationId IntegrationChange::integration() const { return IntegrationId(id_at(body_, kFirst)); }
uint32_t IntegrationChange::rev() const { return number_at(body_, kSecond); }
BCSTORE_SCALAR(IntegrationChange, IntegrationChange, type, IntegrationType)
BCSTORE_SCALAR(IntegrationChange, IntegrationChange, action, IntegrationAction)

IntegrationId IntegrationSecret::integration() const { return IntegrationId(id_at(body_, kFirst)); }
BCSTORE_SCALAR(IntegrationSecret, Secret, rev, uint32_t)
std::string_view IntegrationSecret::metadata() const& { return tail_of(body_); }

BCSTORE_TEXT(Subscription, SubscriptionHead, id)
BCSTORE_TEXT(Subscription, SubscriptionHead, customer)
BCSTORE_SCALAR(Subscription, SubscriptionHead, status, SubscriptionStatus)
BCSTORE_TEXT(Subscription, SubscriptionHead, price)
std::optional<Time> Subscription::period_end() const {
  const auto* t = table<fb::SubscriptionHead>(body_);
  return t && t->has_period_end() ? std::optional(Time{t->period_end()}) : std::nullopt;
}
BCSTORE_SCALAR(Subscription, SubscriptionHead, cancel_at_period_end, bool)
std::string_view Subscription::last_event_id() const& {
  const auto* t = table<fb::SubscriptionHead>(body_);
  return t && t->last() ? text_of(t->last()->event_id()) : std::string_view();
}
Time Subscription::last_event_at() const {
  const auto* t = table<fb::SubscriptionHead>(body_);
  return Time{t && t->last() ? t->last()->created() : 0};
}

uint32_t SubscriptionChange::number() const { return number_at(body_, kSecond); }
BCSTORE_TEXT(SubscriptionChange, SubscriptionChange, id)
BCSTORE_TEXT(SubscriptionChange, SubscriptionChange, customer)
BCSTORE_SCALAR(SubscriptionChange, SubscriptionChange, status, SubscriptionStatus)
BCSTORE_TEXT(SubscriptionChange, SubscriptionChange, price)
std::optional<Time> SubscriptionChange::period_end() const {
  const auto* t = table<fb::SubscriptionChange>(body_);
  return t && t->has_period_end() ? std::optional(Time{t->period_end()}) : std::nullopt;
}
BCSTORE_SCALAR(SubscriptionChange, SubscriptionChange, cancel_at_period_end, bool)
BCSTORE_TEXT(SubscriptionChange, SubscriptionChange, event_id)
Time SubscriptionChange::event_at() const {
  const auto* t = table<fb::SubscriptionChange>(body_);
  return Time{t ? t->event_at() : 0};
}
BCSTORE_SCALAR(SubscriptionChange, SubscriptionChange, is_gone, bool)

BCSTORE_TEXT(PublicName, PublicName, name)
uint32_t PublicName::current_rev() const {
  const auto* t = table<fb::PublicName>(body_);
  return t ? t->rev() : 0;
}

uint32_t PublicRecord::rev() const { return number_at(body_, kSecond); }
BCSTORE_SCALAR(PublicRecord, PublicRecord, content_type, ContentType)
BCSTORE_TEXT(PublicRecord, PublicRecord, name)
std::string_view PublicRecord::content() const& { return tail_of(body_); }

BCSTORE_TEXT(FeedCursor, FeedCursor, name)
BCSTORE_SCALAR(FeedCursor, FeedCursor, seq, uint64_t)

}  // namespace bcstore
