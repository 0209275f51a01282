#include "bcstore/write_batch.h"

#include <utility>

#include "model/batch.h"

namespace bcstore {

WriteBatch::WriteBatch(std::unique_ptr<model::BatchBody> body) : body_(std::move(body)) {}
WriteBatch::WriteBatch(WriteBatch&&) noexcept = default;
WriteBatch& WriteBatch::operator=(WriteBatch&&) noexcept = default;
WriteBatch::~WriteBatch() = default;

// A batch that was moved from is empty and refuses everything: there is nothing behind it.
size_t WriteBatch::size() const { return body_ ? body_->size() : 0; }
size_t WriteBatch::bytes() const { return body_ ? body_->bytes() : 0; }
Status WriteBatch::status() const {
  return body_ ? body_->status() : Status(Code::invalid_argument, "batch: was moved from");
}
void WriteBatch::clear() {
  if (body_) body_->clear();
}

ProjectId WriteBatch::create_project(const NewProject& project) {
  return ProjectId(body_ ? body_->create_project(project, nullptr, nullptr) : Uuid());
}
void WriteBatch::add_version(ProjectId project, const NewVersion& version) {
  if (body_) body_->add_version(project, version, std::nullopt, nullptr);
}
void WriteBatch::set_status(ProjectId project, ProjectStatus status,
                            std::optional<ProjectStatus> expected) {
  if (body_) body_->set_status(project, status, expected);
}
DocumentId WriteBatch::create_document(ProjectId project, const NewDocument& document) {
  return DocumentId(body_ ? body_->create_document(project, document, nullptr) : Uuid());
}
void WriteBatch::add_revision(DocumentId document, const NewRevision& revision) {
  if (body_) body_->add_revision(document, revision, std::nullopt, nullptr);
}
void WriteBatch::set_lock(DocumentId document, bool is_locked, std::optional<bool> expected) {
  if (body_) body_->set_lock(document, is_locked, expected);
}
TaskId WriteBatch::create_task(ProjectId project, const NewTask& task) {
  return TaskId(body_ ? body_->create_task(project, task, nullptr) : Uuid());
}
void WriteBatch::revise_task(TaskId task, const TaskEdit& edit) {
  if (body_) body_->revise_task(task, edit);
}
void WriteBatch::record_activity(TaskId task, TaskAction action,
                                 std::optional<TaskState> expected) {
  if (body_) body_->record_activity(task, action, expected, {}, nullptr);
}
ChatSessionId WriteBatch::start_chat(ProjectId project, const NewChat& chat) {
  return ChatSessionId(body_ ? body_->start_chat(project, chat, nullptr) : Uuid());
}
ChatSessionId WriteBatch::fork_chat(ChatSessionId session, uint64_t at_seq, const NewChat& chat) {
  return ChatSessionId(body_ ? body_->fork_chat(session, at_seq, chat) : Uuid());
}
void WriteBatch::rename_chat(ChatSessionId session, std::optional<std::string_view> title,
                             std::optional<uint32_t> expected_rename) {
  if (body_) body_->rename_chat(session, title, expected_rename);
}
void WriteBatch::append_message(ChatSessionId session, const NewMessage& message) {
  if (body_) body_->append_message(session, message, MessageId(), std::nullopt, nullptr);
}
void WriteBatch::append_event(const NewEvent& event) {
  if (body_) body_->append_event(event, {}, nullptr);
}
void WriteBatch::record_call(const NewCall& call) {
  if (body_) body_->record_call(call);
}
void WriteBatch::consume_credit(const CreditSpend& spend) {
  if (body_) body_->consume_credit(spend);
}
void WriteBatch::limit_rate(std::string_view limit, uint32_t cost) {
  if (body_) body_->limit_rate(limit, cost);
}
void WriteBatch::chat_turn(ChatSessionId session, const ChatTurn& turn) {
  append_message(session, turn.message);
  for (const NewEvent& event : turn.events) append_event(event);
  if (turn.call) record_call(*turn.call);
  if (turn.rate_limit) limit_rate(*turn.rate_limit, turn.rate_cost);
  if (turn.cost != 0) consume_credit({.amount = turn.cost, .reason = turn.reason});
}
CreditHoldId WriteBatch::reserve_credits(const NewHold& hold) {
  return CreditHoldId(body_ ? body_->reserve_credits(hold) : Uuid());
}
void WriteBatch::capture_credits(CreditHoldId hold, const HoldCapture& capture) {
  if (body_) body_->capture_credits(hold, capture);
}
void WriteBatch::void_hold(CreditHoldId hold, std::optional<std::string_view> reason) {
  if (body_) body_->void_hold(hold, reason);
}
void WriteBatch::add_sections(DocumentId document, uint32_t rev, std::span<const NewBlock> blocks,
                              const EmbeddingSpace& space) {
  if (body_) body_->add_sections(document, rev, blocks, space);
}
IntegrationId WriteBatch::add_integration(const NewIntegration& integration) {
  return IntegrationId(body_ ? body_->add_integration(integration, nullptr) : Uuid());
}
void WriteBatch::revise_integration(IntegrationId integration, std::string_view metadata,
                                    std::optional<uint32_t> expected_rev) {
  if (body_) body_->revise_integration(integration, metadata, expected_rev);
}
void WriteBatch::remove_integration(IntegrationId integration,
                                    std::optional<uint32_t> expected_rev) {
  if (body_) body_->remove_integration(integration, expected_rev);
}
void WriteBatch::edit_profile(const ProfileEdit& edit) {
  if (body_) body_->edit_profile(edit);
}
void WriteBatch::save_feed_cursor(std::string_view name, uint64_t seq, bool may_go_back) {
  if (body_) body_->save_feed_cursor(name, seq, may_go_back);
}
void WriteBatch::drop_feed_cursor(std::string_view name) {
  if (body_) body_->drop_feed_cursor(name);
}

}  // namespace bcstore
