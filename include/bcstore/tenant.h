// Tenant: everything one user owns, and nothing else.
//
// A Tenant builds every key from its own owner id. Another owner's object is `not_found`: there is
// no call that can name it, and no answer that tells whether it exists.
//
// Reads answer from one consistent view each; give several the same Snapshot to make them agree.
// A read sees every commit that was acknowledged to any thread before it began.
//
// Codes that every call can give besides those it names: closed, wrong_process, invalid_argument
// (nil ids), corruption (naming table and key; other records stay readable), io_error, internal.
// Every write can also give: no_space and read_only (nothing written), unknown_outcome (may have
// been applied: retry with the same idempotency key), not_found (the user does not exist), erased.
//
// Thread contract: a Tenant may be used from many threads at once and copied freely; it keeps its
// store alive. Cursors and snapshots are used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/id.h"
#include "bcstore/records.h"
#include "bcstore/status.h"
#include "bcstore/write_batch.h"

namespace bcstore {

class Tenant;

namespace model {
class Core;
class CursorBody;
class SnapshotBody;
class PendingBody;
struct Access;
struct TenantState;
}  // namespace model

// A view of the whole store as of one commit. Holding one keeps old data on disk; it stops
// answering after Options::snapshot_max_age_us (`failed_precondition`). A child of the store.
class Snapshot {
 public:
  Snapshot(Snapshot&&) noexcept;
  Snapshot& operator=(Snapshot&&) noexcept;
  ~Snapshot();

 private:
  friend struct model::Access;
  explicit Snapshot(std::unique_ptr<model::SnapshotBody> body);
  std::unique_ptr<model::SnapshotBody> body_;
};

struct ReadOptions {
  const Snapshot* snapshot = nullptr;  // null: now
};

struct ListOptions {
  // The opposite of the list's natural order, which each list names.
  bool reverse = false;
  size_t limit = kDefaultPageRows;  // 1 to kMaxPageRows
  std::string_view after = {};      // the token() of the last row of the page before
  const Snapshot* snapshot = nullptr;
};

struct IntegrationList {
  bool newest_first = false;  // the natural order is that of the ids
  size_t limit = kDefaultPageRows;
  std::string_view after = {};
  std::optional<IntegrationType> type = std::nullopt;
  const Snapshot* snapshot = nullptr;
};

struct SecretRead {
  // A handle of an agent reads no secret unless it says so here (`failed_precondition`).
  bool as_agent = false;
  const Snapshot* snapshot = nullptr;
};

struct MessageList {
  bool newest_first = false;
  size_t limit = kDefaultPageRows;
  std::string_view after = {};
  // Start at this sequence (inclusive), in the direction of the list. Not together with `after`.
  std::optional<uint64_t> from_seq = std::nullopt;
  const Snapshot* snapshot = nullptr;
};

struct EventList {
  bool newest_first = false;
  size_t limit = kDefaultPageRows;
  std::string_view after = {};
  // yyyymm: only that bucket. Audit events lie in none, and are then left out.
  std::optional<uint32_t> month = std::nullopt;
  bool with_audit = true;
  const Snapshot* snapshot = nullptr;
};

struct CallList {
  bool newest_first = false;
  size_t limit = kDefaultPageRows;
  std::string_view after = {};
  std::optional<uint32_t> month = std::nullopt;  // yyyymm: only that bucket
  const Snapshot* snapshot = nullptr;
};

// Months as yyyymm, both included.
struct UsageRange {
  uint32_t from_month;
  uint32_t to_month;
  size_t limit = kDefaultPageRows;
  std::string_view after = {};
  const Snapshot* snapshot = nullptr;
};

struct ProjectList {
  bool oldest_first = false;
  size_t limit = kDefaultPageRows;
  std::string_view after = {};
  std::optional<ProjectStatus> status = std::nullopt;
  const Snapshot* snapshot = nullptr;
};

struct TaskList {
  // Only this phase; an inner nullopt lists the tasks without one.
  std::optional<std::optional<int32_t>> phase = std::nullopt;
  std::optional<TaskState> state = std::nullopt;
  size_t limit = kDefaultPageRows;
  std::string_view after = {};
  const Snapshot* snapshot = nullptr;
};

// One page of a list. while (cursor.next()) use(*cursor); then look at status().
template <class T>
class Cursor {
 public:
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;
  ~Cursor();

  // False at the end of the page or on an error.
  bool next();
  const T& operator*() const { return current_; }
  const T* operator->() const { return &current_; }
  // Ok at the end of a page; invalid_argument for a bad limit or token; not_found when the parent
  // does not exist; else what went wrong.
  Status status() const;
  // Opaque bytes that continue this list after the current row, in this process or a later one,
  // whatever was appended meanwhile. Empty before the first row. Valid for the same list of the
  // same store only.
  std::string token() const;

 private:
  friend struct model::Access;
  explicit Cursor(std::unique_ptr<model::CursorBody> body);
  T current_;
  std::unique_ptr<model::CursorBody> body_;
};

// A commit that was handed in and not waited for. Dropping it does not cancel it.
class PendingCommit {
 public:
  PendingCommit(PendingCommit&&) noexcept;
  PendingCommit& operator=(PendingCommit&&) noexcept;
  ~PendingCommit();

  bool ready() const;      // never blocks
  Result<Receipt> wait();  // commits everything handed in so far, if no other thread is doing so

 private:
  friend struct model::Access;
  explicit PendingCommit(std::shared_ptr<model::PendingBody> body);
  std::shared_ptr<model::PendingBody> body_;
};

class Tenant {
 public:
  UserId owner() const;
  // The same owner's data, recorded as the work of the named agent (1 to kMaxEventTypeBytes bytes;
  // a bad name is answered by each commit).
  Tenant as_agent(std::string_view name) const;

  // --- Writes -----------------------------------------------------------------------------------
  WriteBatch batch() const;
  // Lands the whole batch atomically, or nothing. Durable unless the options say otherwise.
  // Answers the first refusal of its operations, in order, with Status::operation() telling which.
  // The batch is emptied by a commit that succeeds and kept by one that is refused.
  Result<Receipt> commit(WriteBatch& batch, const CommitOptions& options = {}) const;
  // Hands the batch in and returns at once. It is executed when any thread commits, waits or calls
  // Store::drive(), together with everything else that was handed in: one thread can fill a group.
  // At most kMaxPending of kMaxPendingBytes in all are outstanding (`unavailable`).
  PendingCommit submit(WriteBatch batch, const CommitOptions& options = {}) const;
  // The same with a callback, called once, by the thread that executed the group, after the group
  // ended. It may hand in more; it must not wait. What it throws is dropped.
  void submit(WriteBatch batch, const CommitOptions& options,
              std::function<void(Result<Receipt>)> done) const;

  // One write each: a batch of one. See WriteBatch for arguments and codes.
  Result<ProjectId> create_project(const NewProject& project, const CommitOptions& o = {}) const;
  Result<uint32_t> add_version(ProjectId project, const NewVersion& version,
                               const CommitOptions& o = {}) const;
  Result<Receipt> set_status(ProjectId project, ProjectStatus status,
                             std::optional<ProjectStatus> expected = std::nullopt,
                             const CommitOptions& o = {}) const;
  Result<DocumentId> create_document(ProjectId project, const NewDocument& document,
                                     const CommitOptions& o = {}) const;
  Result<uint32_t> add_revision(DocumentId document, const NewRevision& revision,
                                const CommitOptions& o = {}) const;
  Result<Receipt> set_lock(DocumentId document, bool is_locked,
                           std::optional<bool> expected = std::nullopt,
                           const CommitOptions& o = {}) const;
  Result<TaskId> create_task(ProjectId project, const NewTask& task,
                             const CommitOptions& o = {}) const;
  Result<uint32_t> revise_task(TaskId task, const TaskEdit& edit,
                               const CommitOptions& o = {}) const;
  Result<uint64_t> record_activity(TaskId task, TaskAction action,
                                   std::optional<TaskState> expected = std::nullopt,
                                   const CommitOptions& o = {}) const;
  Result<ChatSessionId> start_chat(ProjectId project, const NewChat& chat = {},
                                   const CommitOptions& o = {}) const;
  Result<Receipt> rename_chat(ChatSessionId session, std::optional<std::string_view> title,
                              std::optional<uint32_t> expected_rename = std::nullopt,
                              const CommitOptions& o = {}) const;
  Result<uint64_t> append_message(ChatSessionId session, const NewMessage& message,
                                  const CommitOptions& o = {}) const;
  Result<uint64_t> append_event(const NewEvent& event, const CommitOptions& o = {}) const;
  Result<uint64_t> record_call(const NewCall& call, const CommitOptions& o = {}) const;
  Result<Receipt> edit_profile(const ProfileEdit& edit, const CommitOptions& o = {}) const;
  // What remains, exactly as of this spending; nullopt: unlimited.
  Result<std::optional<int32_t>> consume_credit(const CreditSpend& spend = {},
                                                const CommitOptions& o = {}) const;
  Result<Receipt> add_sections(DocumentId document, uint32_t rev, std::span<const NewBlock> blocks,
                               const EmbeddingSpace& space = {}, const CommitOptions& o = {}) const;
  Result<IntegrationId> add_integration(const NewIntegration& integration,
                                        const CommitOptions& o = {}) const;
  Result<uint32_t> revise_integration(IntegrationId integration, std::string_view metadata,
                                      std::optional<uint32_t> expected_rev = std::nullopt,
                                      const CommitOptions& o = {}) const;
  Result<Receipt> remove_integration(IntegrationId integration,
                                     std::optional<uint32_t> expected_rev = std::nullopt,
                                     const CommitOptions& o = {}) const;

  // --- Reads ------------------------------------------------------------------------------------
  Result<Snapshot> snapshot() const;

  Result<User> profile(const ReadOptions& o = {}) const;
  Result<uint64_t> owner_seq() const;  // of the owner's last commit

  Result<Project> project(ProjectId id, const ReadOptions& o = {}) const;
  Cursor<Project> projects(const ProjectList& o = {}) const;  // newest first
  Result<ProjectVersion> version(ProjectId project, uint32_t version,
                                 const ReadOptions& o = {}) const;
  Cursor<ProjectVersion> versions(ProjectId project,
                                  const ListOptions& o = {}) const;  // newest first
  Cursor<ProjectStatusChange> status_history(ProjectId project,
                                             const ListOptions& o = {}) const;  // newest first

  Result<Document> document(DocumentId id, const ReadOptions& o = {}) const;
  // That version's own documents, by section.
  Cursor<Document> documents(ProjectId project, uint32_t version, const ListOptions& o = {}) const;
  // What the project contains at `version` (default: the current one): for each section the
  // document of the greatest version that is not above it. By section; at most kSections.
  Result<std::vector<Document>> effective_documents(ProjectId project,
                                                    std::optional<uint32_t> version = std::nullopt,
                                                    const ReadOptions& o = {}) const;
  // The same at the current version. Never stale.
  Result<std::vector<Document>> latest_documents(ProjectId project,
                                                 const ReadOptions& o = {}) const;
  Result<Revision> revision(DocumentId document, uint32_t rev, const ReadOptions& o = {}) const;
  // not_found while the document has no revision.
  Result<Revision> newest_revision(DocumentId document, const ReadOptions& o = {}) const;
  Cursor<Revision> revisions(DocumentId document, const ListOptions& o = {}) const;  // newest first
  Cursor<DocumentLockChange> lock_history(DocumentId document,
                                          const ListOptions& o = {}) const;  // newest first

  // In their order. Empty for a revision that was given none; not_found without the revision.
  Cursor<SectionBlock> sections(DocumentId document, uint32_t rev, const ListOptions& o = {}) const;
  Result<SectionBlock> section(DocumentId document, uint32_t rev, std::string_view block_id,
                               const ReadOptions& o = {}) const;

  // not_found when it was removed.
  Result<Integration> integration(IntegrationId id, const ReadOptions& o = {}) const;
  Cursor<Integration> integrations(const IntegrationList& o = {}) const;
  Cursor<IntegrationChange> integration_history(IntegrationId id,
                                                const ListOptions& o = {}) const;  // newest first
  // The one way to a secret. not_found when it was removed; failed_precondition for an agent that
  // did not ask for it with SecretRead::as_agent.
  Result<IntegrationSecret> integration_secret(IntegrationId id, const SecretRead& o = {}) const;

  Result<Task> task(TaskId id, const ReadOptions& o = {}) const;
  // By phase, those without one last, in order of creation within a phase.
  Cursor<Task> tasks(ProjectId project, const TaskList& o = {}) const;
  Result<TaskRevision> task_revision(TaskId task, uint32_t rev, const ReadOptions& o = {}) const;
  Cursor<TaskRevision> task_revisions(TaskId task,
                                      const ListOptions& o = {}) const;         // newest first
  Cursor<TaskActivity> activity(TaskId task, const ListOptions& o = {}) const;  // newest first

  Result<ChatSession> session(ChatSessionId id, const ReadOptions& o = {}) const;
  Cursor<ChatSession> sessions(ProjectId project, const ListOptions& o = {}) const;  // newest first
  // The sequence of the session's last message; 0: none.
  Result<uint64_t> last_seq(ChatSessionId session, const ReadOptions& o = {}) const;
  Result<ChatMessage> message(ChatSessionId session, uint64_t seq, const ReadOptions& o = {}) const;
  // Finds imported messages by the id that they were given.
  Result<ChatMessage> message(MessageId id, const ReadOptions& o = {}) const;
  Cursor<ChatMessage> messages(ChatSessionId session, const MessageList& o = {}) const;

  Cursor<Event> events(const EventList& o = {}) const;  // oldest first
  Result<Event> event(uint64_t id, const ReadOptions& o = {}) const;

  Cursor<CallRecord> calls(const CallList& o = {}) const;  // oldest first
  Result<CallRecord> call(uint64_t id, const ReadOptions& o = {}) const;
  // What the calls of these months add up to: a row for each month, model and currency that occurs,
  // by month. invalid_argument for a month that is none, and for a range that ends before it
  // begins.
  Cursor<UsageRow> usage(const UsageRange& range) const;

  // Computes a reset that is due by the clock or the last commit, and writes nothing. Under a
  // snapshot the balance is the snapshot's, and what is due is told by now.
  Result<Credits> credits(const ReadOptions& o = {}) const;
  Cursor<CreditEntry> credit_entries(const ListOptions& o = {}) const;  // newest first

  // Many at once, in one round of reads: one answer for each id, in order. At most kMaxPageRows.
  std::vector<Result<Project>> get(std::span<const ProjectId> ids, const ReadOptions& o = {}) const;
  std::vector<Result<Document>> get(std::span<const DocumentId> ids,
                                    const ReadOptions& o = {}) const;
  std::vector<Result<Task>> get(std::span<const TaskId> ids, const ReadOptions& o = {}) const;
  std::vector<Result<ChatSession>> get(std::span<const ChatSessionId> ids,
                                       const ReadOptions& o = {}) const;
  std::vector<Result<Integration>> get(std::span<const IntegrationId> ids,
                                       const ReadOptions& o = {}) const;

 private:
  friend struct model::Access;
  explicit Tenant(std::shared_ptr<const model::TenantState> state);
  std::shared_ptr<const model::TenantState> state_;
};

}  // namespace bcstore
