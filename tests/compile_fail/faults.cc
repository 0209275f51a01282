// Wrong code does not compile. Each fault below is switched on alone and must be refused, for the
// reason that compile_fail.cmake gives; with none switched on the file compiles.
#include <bcstore/bcstore.h>

#include <string_view>
#include <utility>

using namespace bcstore;

Status ids(const Tenant& tenant, ProjectId project, ChatSessionId chat);
void fields(WriteBatch& batch, ProjectId project, ChatSessionId chat);
Status answers(Store& store, const Tenant& tenant, WriteBatch& batch);
Status text(const Store& store, const Tenant& tenant, ChatSessionId chat);
Status copies(const Tenant& tenant, ProjectId project);
void insides();

Status ids(const Tenant& tenant, ProjectId project, ChatSessionId chat) {
  WriteBatch batch = tenant.batch();
#if defined(FAULT_wrong_id_kind)
  Result<Project> found = tenant.project(chat);
#else
  Result<Project> found = tenant.project(project);
#endif
#if defined(FAULT_wrong_id_in_batch)
  batch.append_message(project, {.role = Role::user, .content = "hello"});
#else
  batch.append_message(chat, {.role = Role::user, .content = "hello"});
#endif
#if defined(FAULT_uuid_for_an_id)
  ProjectId from_uuid = Uuid{};
#else
  ProjectId from_uuid{Uuid{}};
#endif
  return from_uuid.is_nil() ? batch.status() : found.status();
}

void fields(WriteBatch& batch, ProjectId project, ChatSessionId chat) {
#if defined(FAULT_missing_role)
  batch.append_message(chat, {.content = "hello"});
#else
  batch.append_message(chat, {.role = Role::user, .content = "hello"});
#endif
#if defined(FAULT_missing_title)
  batch.create_task(project, {.description = "no title"});
#else
  batch.create_task(project, {.title = "a title"});
#endif
#if defined(FAULT_missing_section)
  batch.create_document(project, {.version = 1});
#else
  batch.create_document(project, {.section = Section::prd});
#endif
}

Status answers(Store& store, const Tenant& tenant, WriteBatch& batch) {
#if defined(FAULT_ignored_status)
  store.sync();
#else
  if (Status synced = store.sync(); !synced) return synced;
#endif
#if defined(FAULT_ignored_result)
  tenant.commit(batch);
#else
  if (Result<Receipt> receipt = tenant.commit(batch); !receipt) return receipt.status();
#endif
  return {};
}

Status text(const Store& store, const Tenant& tenant, ChatSessionId chat) {
  Result<ChatMessage> message = tenant.message(chat, 1);
  if (!message) return message.status();
#if defined(FAULT_text_of_a_temporary_value)
  std::string_view words = tenant.message(chat, 1).value().content();
#elif defined(FAULT_text_of_a_temporary_star)
  std::string_view words = (*tenant.message(chat, 1)).content();
#elif defined(FAULT_text_of_a_temporary_arrow)
  std::string_view words = tenant.message(chat, 1)->content();
#else
  std::string_view words = message->content();
#endif
  Result<Revision> revision = tenant.revision(DocumentId{}, 1);
  if (!revision) return revision.status();
#if defined(FAULT_content_of_a_temporary_revision)
  Result<std::string_view> content = tenant.revision(DocumentId{}, 1).value().content();
#else
  Result<std::string_view> content = revision->content();
#endif
  Status health = store.health();
#if defined(FAULT_sentence_of_a_temporary_status)
  std::string_view sentence = store.health().message();
#else
  std::string_view sentence = health.message();
#endif
  return words.empty() && sentence.empty() ? health : content.status();
}

Status copies(const Tenant& tenant, ProjectId project) {
  WriteBatch batch = tenant.batch();
  Result<Project> found = tenant.project(project);
  if (!found) return found.status();
#if defined(FAULT_copied_record)
  Project guard = *found;
#else
  Project guard = std::move(*found);
#endif
#if defined(FAULT_copied_batch)
  WriteBatch second = batch;
#else
  WriteBatch second = std::move(batch);
#endif
#if defined(FAULT_batch_of_nobody)
  WriteBatch loose;
#endif
  return guard.valid() ? second.status() : Status();
}

void insides() {
#if defined(FAULT_rocksdb_reachable)
  rocksdb::DB* raw = nullptr;
  static_cast<void>(raw);
#elif defined(FAULT_engine_reachable)
  engine::Engine* raw = nullptr;
  static_cast<void>(raw);
#elif defined(FAULT_core_is_complete)
  static_cast<void>(sizeof(model::Core));
#endif
}
