// What one run of check() holds, and what the rules of every table share.
//
// A rule is a function `Status check_...(CheckWalk&, const CheckedRecord&)`. It reports what it
// finds with violation() and answers a Status that is not ok only when the store could not be read.
// Records that do not verify are reported by the walk that meets them; a rule that reads such a one
// on its way says nothing about it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/store.h"
#include "engine/engine.h"
#include "format/key.h"
#include "format/record.h"
#include "model/check_chains.h"
#include "model/check_record.h"
#include "model/check_usage.h"
#include "model/keys.h"

namespace bcstore::model {

// A record read on the way, by its key.
struct CheckRead {
  enum class State : uint8_t { absent, damaged, found };

  explicit CheckRead(std::string_view wanted) : key(wanted) {}
  bool found() const { return state == State::found; }
  bool absent() const { return state == State::absent; }
  bool damaged() const { return state == State::damaged; }

  std::string key;
  State state = State::absent;
  CheckedRecord record{};
  engine::Value value{};
};

// A row of a stream of numbered facts, which are met newest first: each is compared with the next
// older one.
struct CheckStreamRow {
  std::string key;  // empty: none
  size_t group_bytes = 0;
  uint64_t number = 0;
  uint32_t month = 0;
  bool verified = false;
  int64_t created_at_us = 0;
  int64_t effective_at_us = 0;
  uint64_t tokens = 0, tokens_through = 0;  // of messages; 0 of others
};

// The commit log, as far as it was walked.
struct CheckLog {
  uint64_t seq = 0;  // of the newest link
  bool verified = false;
  int64_t time_us = 0;
  uint64_t durable_seq = 0;
  uint64_t hash = 0;
  // The owner that was looked up last.
  std::optional<uint64_t> owner_hash;
  std::optional<UserId> owner;
  // The newest body of the owner under the walk.
  UserId body_owner;
  uint64_t owner_seq = 0;
  uint32_t epoch = 0;
};

// The entry of a ledger that came before in the walk, which is the next newer one.
struct CheckCredits {
  UserId owner{};
  uint64_t number = 0;  // 0: none
  CreditEntryKind kind{};
  int64_t allowance_before = 0, granted_before = 0;
  int64_t allowance = 0, allowance_delta = 0;
  uint64_t epoch = 0;
  int32_t plan_allowance = 0;
  bool resets = false, is_unlimited = false;
  int64_t reset_at_us = 0;
  // What is held and owed before the entries seen so far, from what the counter and the account say
  // now, and the entry that it is after. Unknown (0) behind a gap.
  uint64_t sums_after = 0;
  int64_t held_allowance = 0, held_granted = 0, debt = 0;
};

// The list of sections that came before. What it names was looked at: the next older one, which is
// nearly equal, is only asked for the difference.
struct CheckList {
  std::string document;  // the key up to the number; empty: none
  uint32_t rev = 0;
  Uuid space;
  std::vector<format::SectionEntry> sorted{};
};

class CheckWalk {
 public:
  CheckWalk(engine::Engine& engine, const CheckOptions& options)
      : engine_(engine), options_(options) {}

  Result<CheckReport> run();

  void violation(std::string_view table, std::string_view key, std::string_view rule,
                 std::string detail);
  void violation(const CheckedRecord& record, std::string_view rule, std::string detail) {
    violation(record.info().name, record.key(), rule, std::move(detail));
  }
  // An enumerator that to_string does not know.
  void unknown(const CheckedRecord& record, std::string_view what, unsigned number);

  // One round of point reads.
  Status read(std::span<CheckRead> reads, Tail tail = Tail::skip);
  Status read(CheckRead& one, Tail tail = Tail::skip) { return read({&one, 1}, tail); }
  // The first record with this prefix, or the first of them from `from` on, without its tail.
  Status read_first(std::string_view prefix, std::string_view from, CheckRead* first);
  Status read_first(const format::Key& prefix, CheckRead* first) {
    return read_first(prefix, prefix, first);
  }
  // An event or a call by its id, through the months of its stream.
  Status read_in_month(UserId owner, const MonthStream& stream, uint64_t id, CheckRead* fact);
  // The index entry of a record: there, and nothing but this.
  Status expect_entry(const CheckedRecord& record, const format::Key& key,
                      const format::Reference& expected);
  // The head that a record belongs to; the record is reported when there is none.
  Status read_parent(const CheckedRecord& child, CheckRead* parent);

  // Unknown when the store record does not verify: what depends on it can not be looked at.
  const std::optional<uint64_t>& salt() const { return salt_; }
  uint64_t last_commit() const { return last_commit_; }
  // Bodies of commits up to this one may have been given up.
  uint64_t feed_floor() const { return feed_floor_; }
  CheckLog& log() { return log_; }
  CheckCredits& credits() { return credits_; }
  // The month row that came before.
  CheckStreamRow& month_row() { return month_row_; }
  CheckList& newer_list() { return newer_list_; }
  CheckChains& chains() { return chains_; }

 private:
  Status start();
  void unreadable(std::string_view key, const Status& status);
  Status walk_family(engine::Family family);
  Status visit(engine::Family family, std::string_view key, std::string_view value);
  Status check_owner(const CheckedRecord& record);
  void check_common(const CheckedRecord& record);
  Status step(const CheckedRecord& record);
  void check_alone(const CheckedRecord& record);
  Status compare(const CheckStreamRow& newer, const CheckStreamRow* older);
  Status find_fork(const CheckStreamRow& first, uint64_t* before, bool* is_fork);
  void compare_months(const CheckStreamRow& newer, const CheckStreamRow* older, bool gap);
  Status close_stream();
  Status expect_month_row(const CheckStreamRow& first);

  engine::Engine& engine_;
  const CheckOptions& options_;
  CheckReport report_;
  std::array<uint64_t, 256> checked_{};  // by kind
  std::unique_ptr<engine::Snapshot> snapshot_;
  std::optional<uint64_t> salt_;
  uint64_t last_commit_ = 0;
  uint64_t feed_floor_ = 0;
  CheckedRecord row_;
  std::optional<UserId> owner_;
  CheckStreamRow newer_;
  CheckLog log_;
  CheckCredits credits_;
  CheckStreamRow month_row_;
  CheckList newer_list_;
  CheckChains chains_;
  CheckUsage usage_;
};

// The rules of each table. Those of a whole record are asked of records that verified; those of
// the newest fact of a parent look at its key alone, and so hold for damaged records too.

// The whole record; check_owners.cc, check_log.cc, check_projects.cc and so on hold the rules.
Status check_record(CheckWalk& walk, const CheckedRecord& record);
// The newest of a stream of facts: its parent exists, and counts no fewer.
Status check_newest(CheckWalk& walk, const CheckedRecord& record);

Status check_store_record(CheckWalk& walk, const CheckedRecord& record);
Status check_user(CheckWalk& walk, const CheckedRecord& record);
Status check_newest_user(CheckWalk& walk, const CheckedRecord& record);
Status check_email(CheckWalk& walk, const CheckedRecord& record);
Status check_customer(CheckWalk& walk, const CheckedRecord& record);
Status check_owner_hash(CheckWalk& walk, const CheckedRecord& record);

Status check_link(CheckWalk& walk, const CheckedRecord& record);
Status check_body(CheckWalk& walk, const CheckedRecord& record);
Status check_operations(CheckWalk& walk, const CheckedRecord& body,
                        const std::vector<format::Touched>& operations);
Status check_idempotency(CheckWalk& walk, const CheckedRecord& record);
Status check_feed_cursor(CheckWalk& walk, const CheckedRecord& record);
Status check_feed_floor(CheckWalk& walk, const CheckedRecord& record);
Status check_replica_keys(CheckWalk& walk, const CheckedRecord& record);
Status check_replica_state(CheckWalk& walk, const CheckedRecord& record);

Status check_project(CheckWalk& walk, const CheckedRecord& record);
Status check_project_by_age(CheckWalk& walk, const CheckedRecord& record);
Status check_project_version(CheckWalk& walk, const CheckedRecord& record);
Status check_project_status(CheckWalk& walk, const CheckedRecord& record);
Status check_newest_of_project(CheckWalk& walk, const CheckedRecord& record);

Status check_document(CheckWalk& walk, const CheckedRecord& record);
Status check_document_entry(CheckWalk& walk, const CheckedRecord& record);
Status check_revision(CheckWalk& walk, const CheckedRecord& record);
Status check_newest_of_document(CheckWalk& walk, const CheckedRecord& record);

Status check_task_place(CheckWalk& walk, const CheckedRecord& record);
Status check_task(CheckWalk& walk, const CheckedRecord& record);
Status check_task_revision(CheckWalk& walk, const CheckedRecord& record);
Status check_task_activity(CheckWalk& walk, const CheckedRecord& record);
Status check_newest_of_task(CheckWalk& walk, const CheckedRecord& record);
Status check_import_identity(CheckWalk& walk, const CheckedRecord& record);

Status check_integration(CheckWalk& walk, const CheckedRecord& record);
Status check_integration_change(CheckWalk& walk, const CheckedRecord& record);
Status check_newest_change(CheckWalk& walk, const CheckedRecord& record);
Status check_secret(CheckWalk& walk, const CheckedRecord& record);
Status check_public_name(CheckWalk& walk, const CheckedRecord& record);
Status check_public_record(CheckWalk& walk, const CheckedRecord& record);
Status check_newest_public(CheckWalk& walk, const CheckedRecord& record);

Status check_billing_delivery(CheckWalk& walk, const CheckedRecord& record);
Status check_billing_customer(CheckWalk& walk, const CheckedRecord& record);
Status check_billing_account(CheckWalk& walk, const CheckedRecord& record);
Status check_subscription(CheckWalk& walk, const CheckedRecord& record);
Status check_subscription_change(CheckWalk& walk, const CheckedRecord& record);
Status check_newest_subscription_change(CheckWalk& walk, const CheckedRecord& record);

Status check_vector_space(CheckWalk& walk, const CheckedRecord& record);
Status check_section_head(CheckWalk& walk, const CheckedRecord& record);
Status check_section_list(CheckWalk& walk, const CheckedRecord& record);
Status check_section_block(CheckWalk& walk, const CheckedRecord& record);
Status check_vector(CheckWalk& walk, const CheckedRecord& record);

Status check_search_head(CheckWalk& walk, const CheckedRecord& record);
Status check_search_space(CheckWalk& walk, const CheckedRecord& record);
Status check_search_rows(CheckWalk& walk, const CheckedRecord& record);
Status check_search_block(CheckWalk& walk, const CheckedRecord& record);
Status check_search_bitmap(CheckWalk& walk, const CheckedRecord& record);
Status check_search_lists(CheckWalk& walk, const CheckedRecord& record);
// These sections of a document, or newer ones, or those of a later version, are searched.
Status check_is_searched(CheckWalk& walk, const CheckedRecord& record, const Uuid& document,
                         uint32_t rev_last);

Status check_session(CheckWalk& walk, const CheckedRecord& record);
Status check_session_by_age(CheckWalk& walk, const CheckedRecord& record);
Status check_newest_of_session(CheckWalk& walk, const CheckedRecord& record);
Status check_message(CheckWalk& walk, const CheckedRecord& record);
Status check_message_id(CheckWalk& walk, const CheckedRecord& record);
Status check_event(CheckWalk& walk, const CheckedRecord& record);
Status check_month_row(CheckWalk& walk, const CheckedRecord& record);

Status check_call(CheckWalk& walk, const CheckedRecord& record);
Status check_call_rollup(CheckWalk& walk, const CheckedRecord& record);

Status check_credit_account(CheckWalk& walk, const CheckedRecord& record);
Status check_credit_counter(CheckWalk& walk, const CheckedRecord& record);
Status check_credit_entry(CheckWalk& walk, const CheckedRecord& record);
Status check_credit_hold(CheckWalk& walk, const CheckedRecord& record);
Status check_rate_state(CheckWalk& walk, const CheckedRecord& record);
Status check_live_hold(CheckWalk& walk, const CheckedRecord& record);
// The live holds of an owner are what the counter says is held.
Status check_held(CheckWalk& walk, const CheckedRecord& counter);
Status check_newest_credit_entry(CheckWalk& walk, const CheckedRecord& record);

}  // namespace bcstore::model
