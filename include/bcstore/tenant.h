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

#include "bcstore/context.h"
#include "bcstore/diff.h"
#include "bcstore/feed.h"
#include "bcstore/id.h"
#include "bcstore/records.h"
#include "bcstore/search.h"
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

// Reads of the past. A read with `as_of` answers what the same read answered then: an object that
// did not exist yet is `not_found`, and a list holds what it held. It costs what it returns and a
// few reads more for each object that changed since, whatever was written meanwhile; a list by time
// also looks at the heads of what was created later. Secrets and usage have no such option; the
// lists of live holds and of subscriptions refuse it: one of either can be read as it was, and the
// ledger and subscription_history() tell of all. Codes: invalid_argument for a commit that does not
// exist yet, a time after now, a version where the read does not name a project, and those lists;
// not_found for a version that does not exist. Together with a snapshot, both hold.
struct ReadOptions {
  const Snapshot* snapshot = nullptr;  // null: now
  AsOf as_of = {};
};

struct ListOptions {
  // The opposite of the list's natural order, which each list names.
  bool reverse = false;
  size_t limit = kDefaultPageRows;  // 1 to kMaxPageRows
  std::string_view after = {};      // the token() of the last row of the page before
  const Snapshot* snapshot = nullptr;
  AsOf as_of = {};
};

struct IntegrationList {
  bool newest_first = false;  // the natural order is that of the ids
  size_t limit = kDefaultPageRows;
  std::string_view after = {};
  std::optional<IntegrationType> type = std::nullopt;
  const Snapshot* snapshot = nullptr;
  AsOf as_of = {};
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
  AsOf as_of = {};
};

struct EventList {
  bool newest_first = false;
  size_t limit = kDefaultPageRows;
  std::string_view after = {};
  // yyyymm: only that bucket. Audit events lie in none, and are then left out.
  std::optional<uint32_t> month = std::nullopt;
  bool with_audit = true;
  const Snapshot* snapshot = nullptr;
  AsOf as_of = {};
};

struct CallList {
  bool newest_first = false;
  size_t limit = kDefaultPageRows;
  std::string_view after = {};
  std::optional<uint32_t> month = std::nullopt;  // yyyymm: only that bucket
  const Snapshot* snapshot = nullptr;
  AsOf as_of = {};
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
  AsOf as_of = {};
};

struct TaskList {
  // Only this phase; an inner nullopt lists the tasks without one.
  std::optional<std::optional<int32_t>> phase = std::nullopt;
  std::optional<TaskState> state = std::nullopt;
  size_t limit = kDefaultPageRows;
  std::string_view after = {};
  const Snapshot* snapshot = nullptr;
  AsOf as_of = {};
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

// What a chat turn answered.
struct TurnReceipt {
  MessageId message{};
  uint64_t seq = 0;                    // of the message in its session
  std::vector<uint64_t> events{};      // their ids
  std::optional<uint64_t> call{};      // its id
  std::optional<int32_t> remaining{};  // credits after it; nullopt: unlimited, or a free turn
  uint64_t commit_seq = 0;
  Time committed_at{};
  bool replayed = false;
};

// What a reservation of credits answered.
struct Reservation {
  CreditHoldId hold{};
  std::optional<int32_t> remaining{};  // after it; nullopt: unlimited
  Time expires_at{};
  bool replayed = false;
};

// What became of a hold, as of its resolution.
struct HoldResolution {
  int32_t returned = 0;                // to the balance
  int32_t lapsed = 0;                  // not returned: of the allowance of a period that was over
  int32_t debt = 0;                    // captured beyond the balance
  std::optional<int32_t> remaining{};  // after it; nullopt: unlimited
  bool replayed = false;
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
  Result<ChatSessionId> fork_chat(ChatSessionId session, uint64_t at_seq, const NewChat& chat = {},
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
  // A message and what it costs, exactly once: with an idempotency key a retry at any time within
  // the window gives the first answer, and nothing is written or charged again. A refusal is not
  // remembered: the same key may succeed when there are credits again.
  Result<TurnReceipt> chat_turn(ChatSessionId session, const ChatTurn& turn,
                                const CommitOptions& o = {}) const;
  // Takes from a rate limit by itself, without a commit: at once, and in memory alone. What it took
  // is on the disk after the next few seconds' commits, sync() or close(), also of a strict limit.
  // Codes: not_found, invalid_argument (no such limit, a cost that is more than its burst).
  Result<RateLimitDecision> try_acquire(std::string_view limit, uint32_t cost = 1) const;
  Result<Reservation> reserve_credits(const NewHold& hold, const CommitOptions& o = {}) const;
  Result<HoldResolution> capture_credits(CreditHoldId hold, const HoldCapture& capture,
                                         const CommitOptions& o = {}) const;
  Result<HoldResolution> void_hold(CreditHoldId hold,
                                   std::optional<std::string_view> reason = std::nullopt,
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
  Result<Receipt> save_feed_cursor(std::string_view name, uint64_t seq, bool may_go_back = false,
                                   const CommitOptions& o = {}) const;
  Result<Receipt> drop_feed_cursor(std::string_view name, const CommitOptions& o = {}) const;

  // --- Reads ------------------------------------------------------------------------------------
  Result<Snapshot> snapshot() const;

  Result<User> profile(const ReadOptions& o = {}) const;
  Result<uint64_t> owner_seq() const;  // of the owner's last commit

  // The owner's own commits, in their order; feed.h says how to follow them. Codes:
  // invalid_argument (limit, kinds, a position that is none of this feed), failed_precondition
  // (what comes next was given up: Status::oldest(); or the store has no such commit, or another
  // one in its place, or it is a standby that has a part of what it is to get), not_found (no such
  // user).
  Result<FeedPage> feed(const FeedOptions& o = {}) const;
  // Waits until a commit after this number is there that feed() shows without options: true. False
  // when `timeout_us` is over, 0 to kMaxFeedWaitUs. It may be true too early, never too late. Ends
  // with `closed` when the store is closed. Codes: unavailable (more than kMaxFeedWaiters wait),
  // failed_precondition and invalid_argument as of feed().
  Result<bool> wait_feed(uint64_t after_seq, int64_t timeout_us) const;
  // A named place in the feed; a follower goes on after FeedCursor::seq().
  Result<FeedCursor> feed_cursor(std::string_view name, const ReadOptions& o = {}) const;
  // In no order that means anything but always the same one.
  Cursor<FeedCursor> feed_cursors(const ListOptions& o = {}) const;

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

  // The k sections of the project whose embeddings are nearest to the query, nearest first; of
  // equals that which came first. Searched are, for each section of the project, embeddings of the
  // newest revision that has sections, of the document of the greatest version that has any: others
  // only when the options ask for them. Sections without an embedding are not found, and a project
  // that has none in the unnamed space has no hits. Codes: not_found (the project; a named space, a
  // version, a document or a revision that is not there), invalid_argument (another dimension than
  // the space's, a component that is not finite, zeros alone under cosine, the options).
  Result<std::vector<SearchHit>> search(ProjectId project, std::span<const float> query,
                                        const SearchOptions& o = {}) const;
  // The same of all projects that have such a space, of this dimension. Spaces are the projects'
  // own: distances of different metrics are not compared, and the first project's counts. Not with
  // a version or a document.
  Result<std::vector<SearchHit>> search(std::span<const float> query,
                                        const SearchOptions& o = {}) const;

  // not_found when it was removed.
  Result<Integration> integration(IntegrationId id, const ReadOptions& o = {}) const;
  Cursor<Integration> integrations(const IntegrationList& o = {}) const;
  Cursor<IntegrationChange> integration_history(IntegrationId id,
                                                const ListOptions& o = {}) const;  // newest first
  // The one way to a secret. not_found when it was removed; failed_precondition for an agent that
  // did not ask for it with SecretRead::as_agent.
  Result<IntegrationSecret> integration_secret(IntegrationId id, const SecretRead& o = {}) const;

  // By what the billing service calls it.
  Result<Subscription> subscription(std::string_view id, const ReadOptions& o = {}) const;
  // Of all of the owner's customers, in no order that means anything but always the same one.
  Cursor<Subscription> subscriptions(const ListOptions& o = {}) const;
  Cursor<SubscriptionChange> subscription_history(std::string_view id,
                                                  const ListOptions& o = {}) const;  // newest first

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

  // What a model is told of a project: its meta, effective documents, tasks and messages, from one
  // view, within a budget of tokens that is never passed. Whole items only: the first of a kind
  // that does not fit ends that kind, and what was left out is counted. A tool's result and the
  // call that it answers are in or out together, where they are at most 64 messages apart. Codes:
  // not_found (the project, or a session that is not its own), invalid_argument (options; a budget
  // that is less than the project's own text, with Status::needed()).
  Result<Context> context(ProjectId project, const ContextOptions& o = {}) const;
  // The same context again, by its id, whatever was written since. `count` as it was given then.
  // Codes: as context(); invalid_argument for an id of another store.
  Result<Context> context_again(std::string_view id,
                                std::function<uint64_t(std::string_view)> count = {}) const;

  // What changed in a project between two moments, either of which may be the later one. It costs a
  // look at each of the project's task heads and the reading of what changed. Codes: not_found (the
  // project did not exist at one of them), and those of AsOf.
  Result<ProjectDiff> diff(ProjectId project, const AsOf& before, const AsOf& after = {}) const;
  // What changed from one content to another: of two JSON contents the paths, of others the lines.
  Result<ContentDiff> diff_contents(const RevisionRef& before, const RevisionRef& after,
                                    const ReadOptions& o = {}) const;

  Cursor<Event> events(const EventList& o = {}) const;  // oldest first
  Result<Event> event(uint64_t id, const ReadOptions& o = {}) const;

  Cursor<CallRecord> calls(const CallList& o = {}) const;  // oldest first
  Result<CallRecord> call(uint64_t id, const ReadOptions& o = {}) const;
  // What the calls of these months add up to: a row for each month, model and currency that occurs,
  // by month. invalid_argument for a month that is none, and for a range that ends before it
  // begins.
  Cursor<UsageRow> usage(const UsageRange& range) const;

  // Computes a reset that is due by the clock or the last commit, and writes nothing. Under a
  // snapshot the balance is the snapshot's, and what is due is told by now. As of a moment: what
  // the ledger's last entry of then left; what time alone had changed by then, and no commit had
  // written, is not in it.
  Result<Credits> credits(const ReadOptions& o = {}) const;
  Cursor<CreditEntry> credit_entries(const ListOptions& o = {}) const;  // newest first
  // The entries whose effective_at() is at or after `from` and before `to`, oldest first. Codes:
  // invalid_argument (to before from).
  Cursor<CreditEntry> statement(Time from, Time to, const ListOptions& o = {}) const;
  // Whether a hold's time is over is told by the clock or the last commit, also under a snapshot;
  // as of a time by that time, as of a commit by the commit's. When it began and ended is told by
  // the dates of its entries in the ledger.
  Result<CreditHold> credit_hold(CreditHoldId id, const ReadOptions& o = {}) const;
  // Those that are live and took credits, the first to expire first.
  Cursor<CreditHold> credit_holds(const ListOptions& o = {}) const;

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
  Result<HoldResolution> resolve(CreditHoldId hold, WriteBatch& batch,
                                 const CommitOptions& o) const;
  explicit Tenant(std::shared_ptr<const model::TenantState> state);
  std::shared_ptr<const model::TenantState> state_;
};

}  // namespace bcstore
