// Executor: decides. The leader of the commit queue runs it, one batch after another, against the
// store plus the group's own pending changes.
//
// Invariants
//  - Between begin() and finish() the cache and the change set hold the state after the last
//    accepted batch; a refused batch, or a refused row of an import, leaves no trace in either.
//  - commit_seq, owner_seq and every stream's numbers grow by exactly one for each accepted one.
//  - Times never go back: a commit's is at least the one before; effective_at and the month bucket
//    are running maxima of their stream.
//  - Nothing is visible before the engine took the whole group; when it did not, everything that
//    the group put into the cache is forgotten. What it took of rate limits is in their book, which
//    other threads see at once: it is given back when the group certainly was not written, and
//    stays taken when that is not known.
//
// When it fails: a refusal names the operation. An engine read error refuses the batch. A failed
// write answers the whole group: no_space and read_only when nothing was written, unknown_outcome
// when it may have been.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/engine.h"
#include "engine/families.h"
#include "format/key.h"
#include "format/record.h"
#include "format/search.h"
#include "model/billing_fields.h"
#include "model/commit.h"
#include "model/content_cache.h"
#include "model/credits.h"
#include "model/encode.h"
#include "model/execute_parts.h"
#include "model/feed_waiters.h"
#include "model/head_cache.h"
#include "model/keys.h"
#include "model/rate_book.h"
#include "model/replica_standing.h"
#include "model/row_cache.h"
#include "model/search_lists.h"
#include "model/section_intake.h"
#include "model/section_lists.h"
#include "model/tail_cache.h"

namespace bcstore::model {

struct ReplicaPage;

class Executor {
 public:
  using Settings = ExecutorSettings;
  Executor(engine::Engine& engine, Clock& clock, const Settings& settings);

  // Finds the end of the commit log, and checks the chain of what the engine recovered:
  // `corruption` when a commit is missing. Before the first group.
  Status recover(OpenReport* report);

  void begin();
  Outcome execute(Commit& commit);
  bool pending() const { return changes_->count() > 0; }
  // Writes what the group decided. On failure the group's state is forgotten.
  Status finish(bool sync);

  // Forgets what the group decided, as after a write that failed. What it took of rate limits comes
  // back when nothing of it can be on the disk.
  void abandon(bool nothing_written);
  // Ends a group of which nothing is to be written.
  void end_group();
  // Puts the end of the idempotency keys that the owner used on days before `day`.
  void drop_keys(UserId owner, uint32_t day);
  // Puts that bodies of commits up to this one are given up; and, in a later group, gives up those
  // of an owner whose numbers are below `end`.
  Status set_feed_floor(uint64_t through_seq);
  // Until it is let go, no cursor is saved before it. One at a time.
  Status hold_feed_floor(uint64_t through_seq);
  void let_feed_floor_go() { held_feed_floor_ = 0; }
  void drop_bodies(UserId owner, uint64_t end);
  // From the next group on, keeps what each group changed; harmless again. And gives up what was
  // kept up to a number, but for the newest.
  Status become_source();
  Status drop_replica_keys(uint64_t through);
  Status stop_being_source();
  // Of a standby: takes over a page, as one. `conflict` is another history.
  Status apply_page(const ReplicaPage& page);
  const ReplicaStanding& replica() const { return settings_.replica; }
  // Puts a part of a space's lists.
  Status write_lists(const ListsWrite& lists);
  // What is left of the rate limits that changed: whether it is time to put it, or there is any and
  // it shall be `now`; of whom; and that, of some of them, in a group of its own.
  bool rates_are_due(bool now) const;
  void take_changed_rates(bool all);
  bool has_unsaved_rates() const { return !unsaved_rates_.empty(); }
  void put_changed_rates();

  uint64_t last_seq() const { return last_seq_; }
  Time last_time() const { return last_time_; }
  uint64_t durable_seq() const { return durable_seq_; }
  void mark_durable() { durable_seq_ = last_seq_; }
  size_t cache_bytes() const { return cache_.bytes(); }
  // Of the group: the commits that a feed shows.
  const std::vector<FeedWaiters::Shown>& shown() const { return shown_; }
  uint64_t feed_floor() const { return settings_.feed_floor; }

 private:
  using Current = CurrentBatch;
  Status check_link(const engine::Scan& scan, ChainLink* link);

  // The frame around the operations of a batch.
  Status check_owner_lives(const Commit& commit, HeadEntry** owner);
  static Status check_owner_seq(const Commit& commit, const HeadEntry& owner);
  Status find_replay(const Commit& commit, UserId key_owner, const Uuid& request, Outcome* out,
                     bool* found);
  Status run_operations(BatchBody& batch, Outcome* out);
  Status write_audit(const BatchBody& batch);
  Status write_log(const Commit& commit);
  void put_idempotency(const Commit& commit, UserId key_owner, const Uuid& request,
                       const Receipt& receipt);
  void answer_unchanged(const Commit& commit, UserId key_owner, const Uuid& request,
                        const Mark& start, Outcome* out);
  void start_from_here();
  void keep_contents();
  // `known`: the tails of the sessions that were appended to are what the store has.
  void forget_group(bool known);
  Mark mark();
  void rollback(const Mark& mark);
  void accept_row(const Mark& mark);
  void accept();

  Status dispatch(Op& op);
  Status dispatch_money(Op& op);
  Status create_user(Op& op);
  Status edit_profile(Op& op);
  Status link_customer(Op& op);
  Status create_project(Op& op);
  Status add_version(Op& op);
  Status set_status(Op& op);
  Status create_document(Op& op);
  Status add_revision(Op& op);
  Status set_lock(Op& op);
  Status create_task(Op& op);
  Status revise_task(Op& op);
  Status record_activity(Op& op);
  Status start_chat(Op& op);
  Status fork_chat(Op& op);
  // The stream of a session's messages: a fork's goes on where the messages end that it shows.
  Status load_messages(const Uuid& session, const HeadEntry& head, HeadEntry** stream);
  Status put_fork(const Uuid& id, const SessionFields& fields, const HeadEntry& last);
  Status find_message(const Uuid& session, uint64_t seq, HeadEntry* place);
  Status rename_chat(Op& op);
  Status append_message(Op& op);
  Status append_event(Op& op);
  Status record_call(Op& op);
  Status consume_credit(Op& op);
  Status grant_credits(Op& op);
  Status set_credit_plan(Op& op);
  Status set_unlimited(Op& op);
  Status import_credits(Op& op);
  Status add_sections(Op& op);
  Status import_section(Op& op);
  Status add_integration(Op& op);
  Status revise_integration(Op& op);
  Status put_public(Op& op);
  Status adjust_credits(Op& op);
  Status limit_rate(Op& op);
  Status reserve_credits(Op& op);
  Status resolve_credits(Op& op);
  Status put_replica_keys();  // and what follows: execute_replica.cc
  Status put_replica_state(ReplicaRole role, bool is_consistent, std::string_view position);
  Status check_page(const ReplicaPage& page);
  Status check_page_link(std::string_view key, std::string_view value, uint64_t last,
                         uint64_t last_hash);
  bool take_page_link(std::string_view key, std::string_view value);
  void put_page(const ReplicaPage& page);
  Status save_feed_cursor(Op& op);
  Status drop_feed_cursor(Op& op);

  // Billing; see execute_billing.cc and execute_entitlement.cc. A delivery finds out by itself
  // whose it is: its commit, or two of one write, are frames of its own.
  struct Customer;
  struct Tip;
  Outcome execute_billing(Commit& commit);
  Status begin_frame(const Commit& commit, UserId owner);
  Status end_frame(const Commit& commit);
  Status deliver(const Commit& commit, const billing::StripeEvent& event, Outcome* out);
  Status deliver_to_customer(const Commit& commit, const billing::StripeEvent& event,
                             BillingOutcome* outcome, std::optional<UserId>* user);
  Status find_delivery(const billing::StripeEvent& event, Outcome* out, bool* found);
  void put_delivery(const billing::StripeEvent& event, BillingOutcome outcome);
  Status find_named_user(const billing::StripeEvent& event, std::optional<UserId>* user);
  Status fold_into(const billing::StripeEvent& event, Customer* customer, BillingOutcome* outcome);
  Status fold_customer(const billing::StripeEvent& event, Customer* customer,
                       BillingOutcome* outcome);
  Status load_customer(std::string_view id, Customer* customer);
  void put_customer(const Customer& customer);
  Status load_subscription(UserId owner, const Uuid& hash, SubscriptionFields* fields, bool* found);
  Status put_subscription(const Uuid& hash, SubscriptionFields fields, Customer* customer);
  Status put_subscription_change(const Uuid& hash, const SubscriptionFields& fields, bool is_gone);
  Status tie_customer(Customer* customer);
  Status release_customer(Customer* customer);
  Status adopt_customer(std::string_view id);
  Status load_account(BillingAccountFields* fields, bool* found);
  Status put_billing_account(const BillingAccountFields& fields);
  Status add_to_account(const Uuid& customer);
  struct Holdings;
  Status read_holdings(const BillingAccountFields& account, Holdings* all);
  Status shows_tied_customer(const UserFields& user, bool* shows);
  Status settle_user();
  Status set_pro_unlimited(bool is_unlimited);

  // Sections; see execute_sections.cc.
  struct Intake;
  struct Overlap;
  enum class Presence : uint8_t { none, beginning, whole };
  Status need_revisions(const Op& op, Uuid* project);
  Status fit_space(const Op& op, const Uuid& project);
  Status put_contents(Op& op);
  Status put_content(format::Kind kind, uint64_t check, Draft& draft, const engine::Read& read);
  Status put_list(const Uuid& document, uint32_t rev, const Encoder::ListFields& fields);
  Status load_intake(const Uuid& document, Intake* intake);
  Status put_intake(const Uuid& document, const Intake& intake);
  Status write_lists_before(const Uuid& document, uint32_t rev, const Intake& intake);
  // Calls `visit` for each list of the document that covers a revision from `first` to `last`.
  Status each_list(const Uuid& document, uint32_t first, uint32_t last,
                   const SectionLists::Visitor& visit);
  Status find_present(const Op& op, const Intake& intake, Presence* presence);
  Status refuse_section(const Op& op, const Intake& intake, const Overlap& overlap) const;
  Status fit_intake(const Op& op, const Intake& intake) const;
  Status load_spans(const Uuid& document, SectionIntake* intake);

  // What is searched; see execute_search.cc.
  struct SearchSpace;
  struct Searched;
  struct SearchedPlace;
  void note_embedded(const Op& op);
  Status index_sections();
  Status find_newest_sections(const Uuid& document, bool is_searched, SectionsOf* newest);
  Status index_document(const Uuid& document);
  Status replace_searched(const SearchedPlace& place, const Searched& before,
                          const SectionsOf& newest, std::vector<format::SearchEntry>* entries);
  Status load_search_space(const Uuid& project, const Uuid& hash, SearchSpace* space);
  Status append_searched(const SearchedPlace& place, const format::SectionEntry& section,
                         SearchSpace* space, uint32_t* ordinal);
  Status write_search_space(SearchSpace* space);
  Status load_search_rows(SearchSpace* space, uint32_t group, format::SearchRowsTail** rows);
  Status write_search_rows(SearchSpace* space);
  Status load_search_bits(SearchSpace* space, uint32_t part);
  Status write_search_bits(SearchSpace* space);
  Status write_search_block(SearchSpace* space, uint32_t block);
  void drop_if_dead(const SearchSpace& space, uint32_t block);
  void drop_lists(const SearchPlace& place, format::Kind kind, uint32_t first, uint32_t end);
  By own_work() const { return {owner_, current_.owner}; }

  // Imported rows that are here already: present, or conflict.
  Status same_user(Op& op);
  Status same_project(Op& op, const HeadEntry& head);
  Status same_version(Op& op, uint32_t version);
  Status same_document(Op& op, const HeadEntry& head);
  Status same_task(Op& op, const HeadEntry& place);
  Status same_session(Op& op, const HeadEntry& head);
  Status same_message(Op& op, uint64_t seq);
  // Compares a fact with the one of this key.
  Status same_fact(const format::Key& key, format::Kind kind, Draft& candidate, Time created_at,
                   std::string_view what);
  Status same_revision(Op& op, uint32_t rev);
  Status same_event(Op& op, uint64_t id);
  // The month that a number of a stream lies in, and the entry that tells of a stream's next month.
  Status find_month(format::Kind kind, const format::Key& prefix, uint64_t number, uint32_t* month);
  void put_month(format::Kind kind, const format::Key& prefix, uint64_t number, uint32_t month);
  static uint8_t identity_class(const Op& op);
  format::Key identity_key(const Op& op) const;
  Status find_identity(const Op& op, std::optional<format::Reference>* known);
  Status other_row(const Op& op) const;
  void remember_identity(const Op& op, const Uuid& id, uint64_t number);

  Status put_rates(UserId owner);
  void give_back_rates(std::vector<Acquired>* acquired, size_t first);
  void give_back_all();

  // Users.
  struct UserState {
    uint32_t rev = 0;
    int64_t effective_us = 0;
    Draft row;  // which the fields point into
    UserFields fields;
  };
  Status newest_user(UserState* state);
  Status write_user(const Op& op, const UserFields& fields, uint32_t rev, int64_t effective_us);
  Status claim(format::Kind kind, const Uuid& hash, std::string_view what);

  // Credits.
  enum class CounterWrite : uint8_t { none, delta, whole };
  Status open_account(Op& op);
  Status load_credits(CreditState* state);
  Status read_credits(CreditState* state);
  // The balance to decide on: with the expiries and the reset that are due, written before what
  // comes next.
  Status settled_credits(CreditState* state);
  Status renew(const DueReset& due, CreditState* state);
  Status check_room(const CreditState& state);
  Status expire_holds(Time now, CreditState* state);
  // The holds that took something, the first to expire first.
  Status load_live_holds(std::vector<LiveHold>* live);
  Status load_next_expiry(CreditState* state);
  void set_live_holds(const std::vector<LiveHold>& live, CreditState* state);
  Status end_hold(int64_t amount, HoldEnd* end, CreditState* state);
  Status write_end(const HoldEnd& end, const CreditState& before, Draft& entry);
  Status write_ends();
  Status replay_hold(const Op& op, const Draft& hold);
  Status check_spending(const Op& op, const CreditState& state) const;
  // Completes the entry with what it did to the balance, and puts it: its number first, then
  // itself.
  void number_entry(Time created_at, CreditState* after);
  Status write_entry(Draft& entry, Time created_at, const CreditState& before,
                     const CreditState& after);
  Status put_credit_entry(Draft& entry, Time created_at, const CreditState& before,
                          CreditState* after);
  Status put_account(By by, const CreditState& state);
  void put_counter(const CreditState& before, CreditState* after, CounterWrite how);
  // The entry, the counter and, when the plan or the overlay changed, the account.
  Status change_credits(Op& op, const CreditState& before, CreditState* after, CounterWrite how,
                        bool account);
  Status same_credits(Op& op, uint64_t number);
  Status same_integration(Op& op, const HeadEntry& head);

  // Tasks: the head's key and entry.
  struct TaskRef {
    Uuid project;
    uint64_t age = 0;
    std::optional<int32_t> phase;
    std::string key;
    HeadEntry* head = nullptr;
  };
  Status find_task(const Uuid& task, TaskRef* ref);
  void put_task(const TaskRef& ref, const Uuid& task, Draft head, bool moved);

  // Settles how the record of a revision is coded, and keeps its content for when it is written.
  void settle_coding(Op& op, const Uuid& document, uint32_t rev);

  // Reads. A head, reference or stream that the cache does not know is read and verified.
  Status load(format::Kind kind, std::string_view key, HeadEntry** entry);
  // All of them in one round, those that the cache does not know.
  Status load_all(format::Kind kind, const std::vector<std::string>& keys);
  Status load_stream(format::Kind kind, std::string_view prefix, HeadEntry** entry);
  Status load_owner(UserId owner, HeadEntry** entry);
  Status need(format::Kind kind, const format::Key& key, std::string_view what, const Uuid& id,
              HeadEntry** entry);
  Status read_fact(format::Kind kind, std::string_view key, Draft* fact, bool* found);
  Status first_row(const engine::ScanRequest& request, format::Kind kind, std::string* key,
                   Draft* row, bool* found);

  // Writes.
  // Changes what the cache knows; what it knew before is kept for undo.
  void replace(std::string_view key, HeadEntry entry);
  void put_head(format::Kind kind, std::string_view key, Draft draft);
  void put_fact(format::Kind kind, std::string_view key, Draft& draft);
  void put_reference(format::Kind kind, const format::Key& key, const format::Reference& reference,
                     bool cached = false);
  void erase(format::Kind kind, std::string_view key);
  void defer_head(format::Kind kind, std::string_view key, Draft draft);
  void write_deferred();
  void set_stream(std::string_view prefix, uint64_t seq, int64_t effective_us, uint32_t month,
                  uint64_t tokens = 0);
  // Sets commit_seq, created_at and effective_at, and moves the stream's running maximum.
  Status stamp(Draft& draft, Time created_at, int64_t* effective_us);
  Time created_at(const Op& op) const { return op.origin ? op.origin->created_at : current_.now; }
  uint64_t age() const { return current_.owner_seq << 16 | current_.operation; }
  void touch(format::Kind kind, const Uuid& id, uint64_t number);
  // What an event or a call refers to is there; null or 0 refers to nothing.
  Status need_project(const fb::Uuid* id);
  Status need_session(const fb::Uuid* id, uint64_t message_seq);
  Status need_event(uint64_t id);
  // Puts the next fact of such a stream, under an id that is unique among all of the owner's.
  Status put_in_month(const MonthStream& stream, Draft& draft, Time created_at, uint64_t* id,
                      uint32_t* month);
  // Calls of models; see execute_calls.cc.
  Status add_to_rollup(const Op& op, uint32_t month);
  Status begin_rollup(const Op& op, const format::Key& of_month, Draft* draft);
  Status count_rollups(const format::Key& of_month, uint64_t* count);
  Status write_audit_event(Draft& draft, uint64_t* id);

  engine::Engine& engine_;
  Clock& clock_;
  Settings settings_;
  HeadCache cache_;
  std::unique_ptr<engine::ChangeSet> changes_;
  Encoder encoder_;
  Current current_;
  bool steps_lists_ = false;  // of the group
  Actor owner_;  // of the batch under execution: what follows from others' work is its own
  std::vector<Undo> undo_;
  std::unordered_set<std::string> remembered_;  // keys in undo_ of the batch's accepted rows
  std::unordered_map<std::string, Draft> pending_facts_;  // of the group's imports
  struct PendingMonth {
    std::string prefix;
    uint64_t number;
    uint32_t month;
  };
  std::vector<PendingMonth> pending_months_;  // of the group: not in the engine yet

  struct PendingList {
    UserId owner;
    Uuid document;
    SectionsOf list;
  };
  std::vector<PendingList> pending_lists_;  // of the group
  SectionLists section_lists_;              // of the engine

  struct PendingContent {
    UserId owner;
    Uuid document;
    KnownContent known;
  };
  std::vector<PendingContent> pending_contents_;  // of the group: into the cache when written

  struct PendingTail {
    TailCache::Id id;
    uint64_t seq;
    uint32_t month;
    format::Draft* value;  // the operation's own
  };
  std::vector<PendingTail> pending_tails_;  // of the group: into the cache when written
  std::vector<TailCache::Id> tails_written_to_;

  std::vector<FeedWaiters::Shown> shown_;
  bool replaces_rows_ = false;  // the group holds a page, not commits: caches forget what it wrote

  Time rates_saved_at_;
  std::vector<Acquired> group_acquired_;  // by the accepted batches of the group
  std::vector<UserId> group_saved_;       // whose limits the group writes
  std::vector<UserId> unsaved_rates_;     // whose limits the next groups write

  uint64_t last_seq_ = 0;
  uint64_t durable_seq_ = 0;
  uint64_t last_link_hash_ = 0;
  Time last_time_;
  // As of the start of the group.
  uint64_t group_seq_ = 0;
  uint64_t group_link_hash_ = 0;
  Time group_time_;
  uint64_t group_feed_floor_ = 0;
  ReplicaStanding group_replica_;
  uint64_t held_feed_floor_ = 0;  // of a trim that looks at the cursors; 0: none
  uint64_t replica_nonce_ = 0;    // of the chains from this opening on; 0: not drawn yet
};

// A verified value, to be read and patched.
Status verified_copy(std::string_view key, std::string_view value, Draft* draft);

// Of an owner, in a commit body.
inline constexpr uint8_t kLiveState = 1;
inline constexpr uint8_t kErasedState = 2;

// The running maximum of a stream that has no record yet.
inline constexpr int64_t kNoTime = std::numeric_limits<int64_t>::min();

// A JSON string, quoted and escaped.
std::string json_text(std::string_view text);

Status refused_by_standby();

// The sentence for an object that is not there, or not this owner's.
Status no_such(std::string_view what, const Uuid& id);

}  // namespace bcstore::model
