// WriteBatch: a write is a value.
//
// A batch is plain data. Its verbs check and encode their arguments in the caller's thread, mint
// ids, and do no I/O and take no lock. Nothing happens until Tenant::commit, which lands the whole
// batch or nothing. A verb that refuses its arguments does not stop the program: the batch
// remembers the first refusal and commit answers it, with the number of the operation.
//
// Text is UTF-8 without NUL. "note", "prompt", "description", "payload" and "metadata" are limited
// to kMaxTextBytes, names and titles to kMaxNameBytes, and so on (options.h). JSON is any JSON
// value (RFC 8259), at most kMaxJsonDepth deep, without \u0000; its bytes are kept exactly as
// given.
//
// Members named `expected...` make the operation fail with `conflict` (Status::actual() is the
// value that was there) unless the state is the expected one at its turn. An operation sees the
// effects of those before it in the same batch.
//
// Thread contract: one thread at a time. Cheap to move, not copyable. At most kMaxBatchOperations
// operations and kMaxBatchBytes of records, contents included.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "bcstore/id.h"
#include "bcstore/options.h"
#include "bcstore/status.h"
#include "bcstore/types.h"

namespace bcstore {

namespace model {
class BatchBody;
struct BatchAccess;
}  // namespace model

// Arguments. Members without a default are required: leaving one out is a compiler warning
// (-Wextra), an error under -Werror. Ids that are left out are minted; a given id must be unused
// (`already_exists`). Views need to live only until the verb returns.
struct NewProject {
  std::string_view name;         // not empty
  std::string_view idea_prompt;  // may be empty
  ProjectStatus status = ProjectStatus::processing;
  std::optional<std::string_view> change_note = std::nullopt;  // of version 1
  std::optional<ProjectId> id = std::nullopt;
};

// A new version keeps the name and prompt of the one before unless it is given others.
struct NewVersion {
  std::optional<std::string_view> change_note = std::nullopt;
  std::optional<std::string_view> name = std::nullopt;
  std::optional<std::string_view> idea_prompt = std::nullopt;
  std::optional<uint32_t> expected_current = std::nullopt;
};

struct NewDocument {
  Section section;
  std::optional<uint32_t> version = std::nullopt;          // default: the project's current one
  std::optional<std::string_view> content = std::nullopt;  // becomes revision 1
  ContentType content_type = ContentType::json;
  std::optional<std::string_view> change_note = std::nullopt;  // of revision 1
  bool is_locked = true;
  std::optional<DocumentId> id = std::nullopt;
};

struct NewRevision {
  std::string_view content;  // not empty
  ContentType content_type = ContentType::json;
  std::optional<std::string_view> change_note = std::nullopt;
  std::optional<uint32_t> expected_rev = std::nullopt;
};

struct NewTask {
  std::string_view title;  // not empty
  std::string_view description = {};
  std::optional<int32_t> phase = std::nullopt;
  std::optional<TaskId> id = std::nullopt;
};

// What is left out stays as it is.
struct TaskEdit {
  std::optional<std::string_view> title = std::nullopt;
  std::optional<std::string_view> description = std::nullopt;
  std::optional<std::optional<int32_t>> phase = std::nullopt;  // an inner nullopt unsets it
  std::optional<uint32_t> expected_rev = std::nullopt;
};

struct NewChat {
  std::optional<std::string_view> title = std::nullopt;
  std::optional<ChatSessionId> id = std::nullopt;
};

struct NewMessage {
  Role role;
  std::string_view content;                           // may be empty
  std::optional<int32_t> token_count = std::nullopt;  // not negative
  std::optional<std::string_view> call_id = std::nullopt;
  std::optional<std::string_view> name = std::nullopt;
  std::optional<std::string_view> metadata = std::nullopt;  // JSON
  std::optional<uint64_t> replaces = std::nullopt;  // the seq of an earlier message of the session
  std::optional<uint64_t> expected_seq = std::nullopt;  // the last one so far; 0: none
};

struct NewEvent {
  std::string_view type;                                   // not empty
  std::optional<std::string_view> payload = std::nullopt;  // JSON
  std::optional<ProjectId> project = std::nullopt;
  std::optional<DocumentId> document = std::nullopt;
  std::optional<uint32_t> rev = std::nullopt;  // of `document`
  std::optional<ChatSessionId> session = std::nullopt;
  std::optional<uint64_t> message_seq = std::nullopt;  // of `session`
  std::optional<std::string_view> call_id = std::nullopt;
};

// One call of a model. Tokens are 0 to kMaxCallTokens, as the provider counts them.
struct NewCall {
  std::string_view agent;     // who called: 1 to kMaxEventTypeBytes
  std::string_view model;     // 1 to kMaxModelBytes
  int64_t latency_us;         // to its end; 0 to kMaxCallUs
  int64_t cost_micros;        // millionths of the currency's unit; 0 to kMaxCallCostMicros
  std::string_view currency;  // of the cost: three letters A to Z (ISO 4217)
  CallStatus status = CallStatus::ok;
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  int64_t cached_tokens = 0;  // some providers count them among input_tokens, some beside them
  std::optional<int64_t> first_token_us = std::nullopt;  // until it came; not above latency_us
  std::optional<ProjectId> project = std::nullopt;
  std::optional<ChatSessionId> session = std::nullopt;
  std::optional<uint64_t> message_seq = std::nullopt;  // of `session`
  std::optional<uint64_t> event = std::nullopt;        // of an earlier commit
  std::optional<Uuid> hold = std::nullopt;             // of credits; kept and not looked for
};

// One section of a revision.
struct NewBlock {
  std::string_view block_id;  // 1 to kMaxBlockIdBytes, once in a revision
  std::optional<std::string_view> heading = std::nullopt;  // at most kMaxNameBytes
  std::optional<std::string_view> body_md = std::nullopt;  // at most kMaxBlockBytes
  std::span<const float> embedding = {};                   // finite; empty: none
};

// Where embeddings belong. The first embedding of a project's space fixes its dimension and metric
// for good.
struct EmbeddingSpace {
  std::string_view name = {};  // at most kMaxSpaceNameBytes
  // Null: the metric that the space has, cosine for a new one.
  std::optional<Metric> metric = std::nullopt;
};

struct NewIntegration {
  IntegrationType type;
  std::string_view metadata;  // JSON, at most kMaxTextBytes. A secret.
  std::optional<IntegrationId> id = std::nullopt;
};

struct ProfileEdit {
  std::optional<std::string_view> email = std::nullopt;
  // An inner nullopt removes the name.
  std::optional<std::optional<std::string_view>> full_name = std::nullopt;
  std::optional<uint32_t> expected_rev = std::nullopt;  // User::rev()
};

struct CreditSpend {
  int32_t amount = 1;  // 1 to kMaxCredits
  std::optional<std::string_view> reason = std::nullopt;
  std::optional<int32_t> expected_remaining = std::nullopt;  // before it; never met when unlimited
};

// A reservation: credits that are set aside before the work that they pay for, whose price may be
// known only after it.
struct NewHold {
  int32_t amount;  // 1 to kMaxCredits
  int64_t ttl_us;  // how long it lives, from its commit on: 1 to kMaxHoldTtlUs microseconds
  std::optional<std::string_view> reason = std::nullopt;
  std::optional<int32_t> expected_remaining = std::nullopt;  // as in CreditSpend
  std::optional<CreditHoldId> id = std::nullopt;
};

struct HoldCapture {
  int32_t amount;  // what the work cost: 1 to kMaxCredits
  // More than was held: takes what the balance has, and records the rest as debt.
  bool allow_overage = false;
  std::optional<std::string_view> reason = std::nullopt;
};

// What a user's message sets off, in one commit.
struct ChatTurn {
  NewMessage message;
  int32_t cost = 1;                                       // credits; 0: the turn is free
  std::optional<std::string_view> reason = std::nullopt;  // of the spending
  std::span<const NewEvent> events = {};
  std::optional<NewCall> call = std::nullopt;
  std::optional<std::string_view> rate_limit = std::nullopt;  // one of Options::rate_limits
  uint32_t rate_cost = 1;
};

class WriteBatch {
 public:
  WriteBatch(WriteBatch&&) noexcept;
  WriteBatch& operator=(WriteBatch&&) noexcept;
  ~WriteBatch();

  size_t size() const;   // operations so far
  size_t bytes() const;  // so far, contents included
  // Ok, or the first refusal: what commit would answer without looking at the store.
  Status status() const;
  void clear();  // an empty batch of the same owner and actor

  // The project and its version 1. Commit: already_exists (the given id).
  ProjectId create_project(const NewProject& project);
  // Assigns the next version number. Commit: not_found (project), conflict (expected_current).
  void add_version(ProjectId project, const NewVersion& version);
  // Any transition, also to the same status, is recorded. Commit: not_found; conflict with the
  // number of the actual ProjectStatus.
  void set_status(ProjectId project, ProjectStatus status,
                  std::optional<ProjectStatus> expected = std::nullopt);

  // A document, and with content its revision 1. Commit: not_found (project or version),
  // already_exists (the given id, or a document of the same project, version and section).
  DocumentId create_document(ProjectId project, const NewDocument& document);
  // Assigns current_rev + 1. Commit: not_found, conflict (expected_rev), failed_precondition (the
  // document is locked, the actor a user, and Options::lock_blocks_user_writes set).
  void add_revision(DocumentId document, const NewRevision& revision);
  // Recorded also when it does not change. Commit: not_found; conflict with 0 or 1.
  void set_lock(DocumentId document, bool is_locked, std::optional<bool> expected = std::nullopt);

  // Commit: not_found (project), already_exists (the given id).
  TaskId create_task(ProjectId project, const NewTask& task);
  // Assigns rev + 1. Commit: not_found, conflict (expected_rev).
  void revise_task(TaskId task, const TaskEdit& edit);
  // One row of the task's log, whether or not the state changes. Commit: not_found; conflict with
  // the number of the actual TaskState.
  void record_activity(TaskId task, TaskAction action,
                       std::optional<TaskState> expected = std::nullopt);

  // Commit: not_found (project), already_exists (the given id).
  ChatSessionId start_chat(ProjectId project, const NewChat& chat = {});
  // A session that shows messages 1 to `at_seq` of another as its own, without copying them, and
  // goes on with messages of its own from at_seq + 1: to edit a question or have an answer made
  // again. It is in the other's project. What is written to the other later does not show. Codes:
  // not_found (the session or the message), invalid_argument (at_seq 0), already_exists (the id),
  // failed_precondition (more than kMaxForkDepth sessions behind it; one that was forked at a
  // message that it shows itself stands beside it, and not behind).
  ChatSessionId fork_chat(ChatSessionId session, uint64_t at_seq, const NewChat& chat = {});
  // Commit: not_found; conflict (expected_rename: how often it was renamed so far).
  void rename_chat(ChatSessionId session, std::optional<std::string_view> title,
                   std::optional<uint32_t> expected_rename = std::nullopt);
  // Assigns the session's next seq, which the receipt gives. Commit: not_found (session, or the
  // message that it replaces), conflict (expected_seq), invalid_argument (a role that
  // Options::allow_system_and_tool_roles does not allow).
  void append_message(ChatSessionId session, const NewMessage& message);

  // The receipt gives the event's id. Commit: not_found (anything that it refers to).
  void append_event(const NewEvent& event);

  // A fact, and in the same commit the sums of its month, model and currency (Tenant::usage). The
  // receipt gives the call's id. Commit: not_found (anything that it refers to, but for the hold),
  // invalid_argument (a sum would pass INT64_MAX; more than kMaxCallModels pairs of model and
  // currency in one month).
  void record_call(const NewCall& call);

  // Spends credits of the owner, the allowance first: in the same commit as what they pay for. The
  // receipt's number is what remains, or kUnlimitedCredits. A reset that is due comes first. An
  // agent's handle may not: `failed_precondition`. Commit: out_of_credits (with what remains and
  // the next reset), conflict (expected_remaining; actual kUnlimitedCredits while it is unlimited).
  void consume_credit(const CreditSpend& spend = {});

  // Takes `cost` of one of the owner's rate limits (Options::rate_limits), by the entitlement that
  // it has. If the batch is refused later on, it is given back. Also for an agent's handle. The
  // receipt's number is what could be taken at once after it. Commit: rate_limited;
  // invalid_argument (no such limit, or a cost that is more than its burst).
  void limit_rate(std::string_view limit, uint32_t cost = 1);

  // A chat turn: the message, the events, the call of a model, the rate limit and the credits,
  // checked in this order. In the receipt they are one operation each, in this order, those that
  // there are.
  void chat_turn(ChatSessionId session, const ChatTurn& turn);

  // Sets credits aside, the allowance first. Until it is captured or voided, or its time is over,
  // they are not there to spend. An owner whose use is unlimited gets a hold that takes nothing.
  // The receipt's number is what remains. Commit: out_of_credits, conflict (expected_remaining),
  // already_exists (the given id), failed_precondition (kMaxLiveHolds, or kMaxCredits, are held).
  CreditHoldId reserve_credits(const NewHold& hold);
  // Uses a hold, or a part of it: its share of the allowance first. The rest goes back whence it
  // came; of a hold made before the last reset the allowance's share does not, its period is over.
  // A hold is resolved once. To repeat the same resolution is ok and changes nothing: alone in a
  // batch it gives the first receipt, with `replayed`. The receipt's number is what remains.
  // Commit: not_found; failed_precondition (the hold ran out: it gave back what it held at its
  // expires_at, whoever looked or did not); conflict (resolved otherwise: actual is the HoldState);
  // invalid_argument (more than was held without allow_overage, or a debt beyond kMaxCredits).
  void capture_credits(CreditHoldId hold, const HoldCapture& capture);
  // Gives a hold back unused. Commit: as capture_credits.
  void void_hold(CreditHoldId hold, std::optional<std::string_view> reason = std::nullopt);

  // The sections of one revision, all of them and in their order; once for each revision.
  // Embeddings of one call have one dimension, 1 to kMaxDimension. Commit: not_found (document or
  // revision), already_exists (the revision has sections; before that, a block_id that comes
  // twice), invalid_argument (another dimension or metric than the space's, or a zero vector under
  // cosine).
  void add_sections(DocumentId document, uint32_t rev, std::span<const NewBlock> blocks,
                    const EmbeddingSpace& space = {});

  // Its metadata is kept apart from everything else, and is in no list, log or error. Commit:
  // already_exists (the given id, also of a removed one).
  IntegrationId add_integration(const NewIntegration& integration);
  // Replaces the secret; the old one is gone with the commit, and from the disk with
  // Store::scrub_secrets(). Assigns rev + 1. Commit: not_found, conflict (expected_rev).
  void revise_integration(IntegrationId integration, std::string_view metadata,
                          std::optional<uint32_t> expected_rev = std::nullopt);
  // The same without a new one. What remains is the history. Commit: not_found, conflict.
  void remove_integration(IntegrationId integration,
                          std::optional<uint32_t> expected_rev = std::nullopt);

  // E-mail addresses are unique without regard to ASCII case. Commit: already_exists (another
  // user's address; never says whose), conflict (expected_rev).
  void edit_profile(const ProfileEdit& edit);

  // Keeps a place in the owner's feed under a name, 1 to kMaxNameBytes: everything up to commit
  // `seq` is behind it. In the batch that holds what a follower made of those commits, it is done
  // exactly once. Commit: conflict (it stands further on, and may not go back),
  // failed_precondition (there is no such commit yet, or the feed begins after it), unavailable
  // (the feed is being trimmed beyond it).
  void save_feed_cursor(std::string_view name, uint64_t seq, bool may_go_back = false);
  // Commit: not_found.
  void drop_feed_cursor(std::string_view name);

 private:
  friend struct model::BatchAccess;
  explicit WriteBatch(std::unique_ptr<model::BatchBody> body);
  std::unique_ptr<model::BatchBody> body_;
};

struct CommitOptions {
  Durability durability = Durability::durable;
  // 1 to kMaxIdempotencyKeyBytes bytes, remembered per owner for Options::idempotency_window_us.
  // The same key with the same request gives the first run's receipt and writes nothing; with
  // another request it is `conflict`. Without a key a retry may write again.
  std::string_view idempotency_key = {};
  // Refuses with `conflict` unless the owner's sequence is this one. It covers every verb.
  std::optional<uint64_t> expected_owner_seq = std::nullopt;
};

// What a commit did.
struct Receipt {
  struct Operation {
    Uuid id{};  // of the object created or written to; nil for events, calls and profiles
    // The version, revision, message or activity sequence, status or lock number, the id of the
    // event or call that it was given, the credits or units of a limit that remain; 0: none of it.
    uint64_t number = 0;
  };
  uint64_t commit_seq = 0;  // global, strictly increasing in commit order
  uint64_t owner_seq = 0;   // the owner's own, dense
  Time committed_at{};
  bool replayed = false;  // nothing was written: this is the first run's answer
  // One for each operation, in order. For a replay they are those of the first run.
  std::vector<Operation> operations{};
};

}  // namespace bcstore
