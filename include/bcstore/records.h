// Records: what reads give back.
//
// A record is a guard. It holds the bytes that the store keeps, pinned where that is possible, and
// its accessors read them in place; nothing is copied until you copy it. Every record was verified
// (checksum bound to its key, structure, limits) when it was read.
//
// Lifetime. Text that an accessor returns lives as long as the record that it came from is neither
// destroyed, assigned nor moved; asking a temporary for text does not compile. The record that a
// Cursor shows is valid until its next call of next(). Records are children of their store: close()
// refuses while any lives, and a store that is destroyed first is kept alive by them.
//
// Thread contract: const calls on one record are safe from many threads, but for
// Revision::content() of a compressed revision, which unpacks on first use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bcstore/billing.h"
#include "bcstore/id.h"
#include "bcstore/status.h"
#include "bcstore/types.h"

namespace bcstore {

namespace model {
class RecordBody;
struct RecordAccess;
}  // namespace model

// What every record knows.
class Record {
 public:
  // False for a record that was moved from, or a Cursor's before its first next(). Accessors of
  // such a record answer zeros and empty text.
  bool valid() const;
  UserId owner() const;
  // As given at import, else the commit's time.
  Time created_at() const;
  // created_at, but never before that of an earlier record of the same stream.
  Time effective_at() const;
  // The global sequence of the commit that wrote it.
  uint64_t commit_seq() const;
  Actor actor() const;

 protected:
  friend struct model::RecordAccess;
  Record();
  Record(Record&&) noexcept;
  Record& operator=(Record&&) noexcept;
  ~Record();
  std::unique_ptr<model::RecordBody> body_;
};

// Text can not be asked of a temporary record: it would dangle.
#define BCSTORE_RECORD_TEXT(name) \
  std::string_view name() const&; \
  std::string_view name() const&& = delete
#define BCSTORE_RECORD_OPTIONAL_TEXT(name)       \
  std::optional<std::string_view> name() const&; \
  std::optional<std::string_view> name() const&& = delete

class User : public Record {
 public:
  UserId id() const { return owner(); }
  uint32_t rev() const;  // how often the profile was written, from 1
  BCSTORE_RECORD_TEXT(email);
  BCSTORE_RECORD_OPTIONAL_TEXT(full_name);
  BCSTORE_RECORD_OPTIONAL_TEXT(stripe_customer_id);
  bool is_pro() const;
  // When the user was created; created_at() is the time of this state of the profile.
  Time joined_at() const;
};

class Project : public Record {
 public:
  ProjectId id() const;
  BCSTORE_RECORD_TEXT(name);         // of the current version
  BCSTORE_RECORD_TEXT(idea_prompt);  // of the current version
  ProjectStatus status() const;
  uint32_t current_version() const;  // the highest version, at least 1
};

class ProjectVersion : public Record {
 public:
  ProjectId project() const;
  uint32_t version() const;
  BCSTORE_RECORD_TEXT(name);
  BCSTORE_RECORD_TEXT(idea_prompt);
  ProjectStatus status() const;  // as of the moment the version was added
  BCSTORE_RECORD_OPTIONAL_TEXT(change_note);
};

class ProjectStatusChange : public Record {
 public:
  ProjectId project() const;
  uint32_t number() const;  // from 1: the status that the project was created with
  ProjectStatus status() const;
};

class Document : public Record {
 public:
  DocumentId id() const;
  ProjectId project() const;
  uint32_t version() const;
  Section section() const;
  bool is_locked() const;
  uint32_t current_rev() const;  // 0: no revision yet
};

class DocumentLockChange : public Record {
 public:
  DocumentId document() const;
  uint32_t number() const;  // from 1: the lock that the document was created with
  bool is_locked() const;
};

class Revision : public Record {
 public:
  DocumentId document() const;
  uint32_t rev() const;
  ContentType content_type() const;
  uint64_t content_bytes() const;
  // XXH3-128 of the content, as sixteen big-endian bytes. Not cryptographic.
  Uuid content_hash() const;
  BCSTORE_RECORD_OPTIONAL_TEXT(change_note);
  // The exact bytes that were given. `corruption` when they do not match content_hash().
  Result<std::string_view> content() const&;
  Result<std::string_view> content() const&& = delete;
};

class Task : public Record {
 public:
  TaskId id() const;
  ProjectId project() const;
  std::optional<int32_t> phase() const;
  BCSTORE_RECORD_TEXT(title);
  BCSTORE_RECORD_TEXT(description);
  TaskState state() const;
  uint32_t rev() const;             // of title, description and phase; at least 1
  uint64_t activity_count() const;  // the sequence of the last activity; 0: none
};

class TaskRevision : public Record {
 public:
  TaskId task() const;
  uint32_t rev() const;
  std::optional<int32_t> phase() const;
  BCSTORE_RECORD_TEXT(title);
  BCSTORE_RECORD_TEXT(description);
};

class TaskActivity : public Record {
 public:
  TaskId task() const;
  uint64_t seq() const;
  TaskAction action() const;
};

class ChatSession : public Record {
 public:
  ChatSessionId id() const;
  ProjectId project() const;
  BCSTORE_RECORD_OPTIONAL_TEXT(title);
  // Of a fork: the session whose messages 1 to parent_seq() it shows as its own. That may be one
  // behind the session that was forked.
  std::optional<ChatSessionId> parent() const;
  uint64_t parent_seq() const;
};

class ChatMessage : public Record {
 public:
  ChatSessionId session() const;  // that it was written to: a fork shows those of others
  uint64_t seq() const;           // the order of the session, from 1 without gaps
  // The id given at import, else derived from (session, seq) as a UUID of version 8.
  MessageId id() const;
  Role role() const;
  std::optional<int32_t> token_count() const;
  // Of the session's messages up to this one: the counts that were given, and estimate_tokens() of
  // the contents that came without one.
  uint64_t tokens_through() const;
  std::optional<uint64_t> replaces() const;  // the seq of the message that this one replaces
  uint32_t month() const;                    // the bucket it lies in, yyyymm
  BCSTORE_RECORD_TEXT(content);
  BCSTORE_RECORD_OPTIONAL_TEXT(call_id);
  BCSTORE_RECORD_OPTIONAL_TEXT(name);
  BCSTORE_RECORD_OPTIONAL_TEXT(metadata);  // JSON
};

class Event : public Record {
 public:
  // commit_seq << 16 plus the ordinal within the commit: increases in commit order.
  uint64_t id() const;
  uint32_t month() const;
  // Written by the store itself to record what a Service did.
  bool is_audit() const;
  BCSTORE_RECORD_TEXT(type);
  BCSTORE_RECORD_OPTIONAL_TEXT(payload);  // JSON
  std::optional<ProjectId> project() const;
  std::optional<DocumentId> document() const;
  std::optional<uint32_t> rev() const;
  std::optional<ChatSessionId> session() const;
  std::optional<uint64_t> message_seq() const;
  BCSTORE_RECORD_OPTIONAL_TEXT(call_id);
};

// One call of a model by an agent.
class CallRecord : public Record {
 public:
  uint64_t id() const;  // as of events, which never have the same one
  uint32_t month() const;
  BCSTORE_RECORD_TEXT(agent);
  BCSTORE_RECORD_TEXT(model);
  CallStatus status() const;
  int64_t input_tokens() const;
  int64_t output_tokens() const;
  int64_t cached_tokens() const;
  int64_t latency_us() const;
  std::optional<int64_t> first_token_us() const;
  int64_t cost_micros() const;
  BCSTORE_RECORD_TEXT(currency);
  std::optional<ProjectId> project() const;
  std::optional<ChatSessionId> session() const;
  std::optional<uint64_t> message_seq() const;
  std::optional<uint64_t> event() const;
  std::optional<Uuid> hold() const;
};

// What an owner's calls of one month, model and currency add up to. created_at() and actor() are of
// the first of them, commit_seq() of the last.
class UsageRow : public Record {
 public:
  uint32_t month() const;  // yyyymm
  BCSTORE_RECORD_TEXT(model);
  BCSTORE_RECORD_TEXT(currency);
  int64_t calls() const;
  int64_t failed_calls() const;  // of them: those whose status is not ok
  int64_t input_tokens() const;
  int64_t output_tokens() const;
  int64_t cached_tokens() const;
  int64_t cost_micros() const;
  int64_t total_latency_us() const;
  int64_t longest_latency_us() const;
};

// One line of an owner's credit ledger. The balance is the fold of all of them.
class CreditEntry : public Record {
 public:
  uint64_t number() const;  // from 1, dense
  CreditEntryKind kind() const;
  int32_t amount() const;  // to spend, grant, hold, capture, or adjust by (signed); else 0
  // What it did to each bucket; of a spending while use is unlimited, both 0.
  int32_t allowance_delta() const;
  int32_t granted_delta() const;
  // The balance after it.
  int32_t allowance() const;
  int32_t granted() const;
  int32_t held() const;
  int32_t debt() const;
  bool is_unlimited() const;
  uint64_t epoch() const;  // counts the times that the balance was set, from 1
  // Of a hold and what resolves it.
  std::optional<CreditHoldId> hold() const;
  int32_t held_delta() const;  // by how much it changed what live holds keep from being spent
  int32_t lapsed() const;      // what a hold of an earlier period took and does not give back
  int32_t debt_delta() const;  // what was captured beyond the balance, or what a grant paid of it
  BCSTORE_RECORD_OPTIONAL_TEXT(reason);
};

// A reservation of credits, made by actor() at created_at().
class CreditHold : public Record {
 public:
  CreditHoldId id() const;
  HoldState state() const;  // `expired` from expires_at() on, whether or not that was written yet
  int32_t amount() const;
  // What it took of each bucket; 0 of both when use was unlimited.
  int32_t from_allowance() const;
  int32_t from_granted() const;
  Time expires_at() const;
  // Once it was captured or voided, or its end was written.
  int32_t captured() const;  // the amount of the capture
  int32_t returned() const;  // to the balance
  int32_t lapsed() const;    // of the allowance of a period that was over
  int32_t debt() const;      // captured beyond the balance
  std::optional<Time> resolved_at() const;
  BCSTORE_RECORD_OPTIONAL_TEXT(reason);
};

// One section of a revision. Heading and body are shared by all revisions that have them alike, and
// so are embeddings within an owner: created_at(), commit_seq() and actor() are of the commit that
// brought these words first.
class SectionBlock : public Record {
 public:
  DocumentId document() const;
  uint32_t rev() const;      // that was asked for
  uint32_t ordinal() const;  // place among the revision's sections, from 0
  BCSTORE_RECORD_TEXT(block_id);
  BCSTORE_RECORD_OPTIONAL_TEXT(heading);
  BCSTORE_RECORD_OPTIONAL_TEXT(body_md);
  // The exact floats that were given; empty when there are none. Lives as long as the record.
  std::span<const float> embedding() const&;
  std::span<const float> embedding() const&& = delete;
};

// What is known of an integration. Its metadata is a secret, and not in here.
class Integration : public Record {
 public:
  IntegrationId id() const;
  IntegrationType type() const;
  uint32_t rev() const;  // how often the secret was written, from 1
};

// That a secret was added, revised or removed, by whom and when; never the secret.
class IntegrationChange : public Record {
 public:
  IntegrationId integration() const;
  uint32_t rev() const;
  IntegrationType type() const;
  IntegrationAction action() const;
};

class IntegrationSecret : public Record {
 public:
  IntegrationId integration() const;
  uint32_t rev() const;
  BCSTORE_RECORD_TEXT(metadata);  // JSON, the exact bytes that were given
};

// What is known of a subscription of the owner's.
class Subscription : public Record {
 public:
  BCSTORE_RECORD_TEXT(id);
  BCSTORE_RECORD_TEXT(customer);
  SubscriptionStatus status() const;
  BCSTORE_RECORD_TEXT(price);  // empty until a report named one
  std::optional<Time> period_end() const;
  bool cancel_at_period_end() const;
  // The last of all events about it, in the order in which they count.
  BCSTORE_RECORD_TEXT(last_event_id);
  Time last_event_at() const;
};

// What a subscription was from then on. The newest one is the last when it is gone: its customer
// turned out to be somebody else's.
class SubscriptionChange : public Record {
 public:
  uint32_t number() const;  // from 1, dense
  BCSTORE_RECORD_TEXT(id);
  BCSTORE_RECORD_TEXT(customer);
  SubscriptionStatus status() const;
  BCSTORE_RECORD_TEXT(price);
  std::optional<Time> period_end() const;
  bool cancel_at_period_end() const;
  BCSTORE_RECORD_TEXT(event_id);
  Time event_at() const;
  bool is_gone() const;
};

// A name of the public view.
class PublicName : public Record {
 public:
  BCSTORE_RECORD_TEXT(name);
  uint32_t current_rev() const;
};

class PublicRecord : public Record {
 public:
  uint32_t rev() const;
  ContentType content_type() const;
  BCSTORE_RECORD_TEXT(name);
  BCSTORE_RECORD_TEXT(content);
};

// A named place in a feed, kept by whom and when.
class FeedCursor : public Record {
 public:
  BCSTORE_RECORD_TEXT(name);
  uint64_t seq() const;  // everything up to this commit is behind it
};

#undef BCSTORE_RECORD_TEXT
#undef BCSTORE_RECORD_OPTIONAL_TEXT

// What an owner may spend at one moment, with a reset that is due applied.
struct Credits {
  std::optional<int32_t> remaining{};  // allowance + granted; nullopt: unlimited
  int32_t allowance = 0;               // of the current period; spent first
  int32_t granted = 0;                 // granted or bought; no reset touches it
  int32_t held = 0;                    // by live holds, and in neither of the two
  int32_t debt = 0;                    // captured beyond the balance; the next grant pays it first
  int32_t plan_allowance = 0;          // what a reset sets the allowance to
  std::optional<Time> resets_at{};     // the next reset; nullopt: never
};

}  // namespace bcstore
