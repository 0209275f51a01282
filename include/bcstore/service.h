// Service: the explicit, audited role across users.
//
// A Service is made with a reason. Every write through it leaves an audit event under the owner
// that it touched, in the same commit; every read of one user's data through Service::tenant leaves
// one too, buffered in memory and written with the next commit of any kind, by Store::sync() or by
// close() (a crash may lose what was buffered). Audit events carry the reason, never contents.
//
// Thread contract: as Tenant.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/billing.h"
#include "bcstore/id.h"
#include "bcstore/tenant.h"

namespace bcstore {

class Service;

struct NewUser {
  std::string_view email;  // not empty
  std::optional<std::string_view> full_name = std::nullopt;
  std::optional<std::string_view> stripe_customer_id = std::nullopt;
  std::optional<UserId> id = std::nullopt;
};

// Public data of the product: templates, price lists, catalogues of prompts.
struct NewPublic {
  std::string_view name;     // 1 to kMaxNameBytes
  std::string_view content;  // at most kMaxTextBytes, not empty
  ContentType content_type = ContentType::json;
  std::optional<uint32_t> expected_rev = std::nullopt;  // 0: the name is new
};

struct ImportedUser {
  UserId id;
  std::string_view email;
  Time created_at;
  std::optional<std::string_view> full_name = std::nullopt;
  std::optional<std::string_view> stripe_customer_id = std::nullopt;
  bool is_pro = false;
};

struct CreditGrant {
  int32_t amount;  // 1 to kMaxCredits
  std::optional<std::string_view> reason = std::nullopt;
};

// A correction of what was granted.
struct CreditAdjustment {
  int32_t amount;  // not 0; less than 0 takes away
  std::optional<std::string_view> reason = std::nullopt;
};

struct CreditPlan {
  int32_t allowance;  // not negative
  // Midnight UTC of the first reset; then every month on that day, or on the last of a month that
  // is shorter (31 January, 28 February, 31 March). A date gone by stands for the first one after
  // now; it brings no reset with it. nullopt: never.
  std::optional<Time> resets_at = std::nullopt;
  bool refill = false;  // the balance's allowance becomes the plan's now, not at the next reset
  std::optional<std::string_view> reason = std::nullopt;
};

struct ImportedCredits {
  std::optional<int32_t> remaining = std::nullopt;  // not negative; nullopt: unlimited
  // Midnight UTC; nullopt: never. A date gone by is a reset that is due: the balance is that of the
  // plan from the import on.
  std::optional<Time> resets_at = std::nullopt;
};

// What became of one imported row.
enum class ImportOutcome : uint8_t {
  written = 1,
  present = 2,  // it was here already, with the same content
  refused = 3,
};

struct ImportedRow {
  ImportOutcome outcome = ImportOutcome::refused;
  Status status{};  // why it was refused; ok otherwise
};

// Writes one owner's history as it was: ids, times and actors given. Rows are collected and landed
// by commit(), each on its own merits: the good ones in one atomic commit, the bad ones reported.
//
// Times may lie anywhere between years 1 and 9999, also before those of earlier rows; each record's
// effective_at never goes back within its stream. Loading a row again adds nothing: it is `present`
// when what is here agrees with it, and refused with `conflict` when it does not. Objects are known
// by their id, versions, revisions and messages by their number; activity and events, which have
// neither, by `identity`: 1 to 64 bytes of the caller's choice that are remembered for ever, those
// of activities apart from those of events.
//
// Rows within a parent come in the order that they shall have; versions, revisions and messages
// must be the next one, or one that is here already.
//
// Thread contract: one thread at a time.
class Importer {
 public:
  Importer(Importer&&) noexcept;
  Importer& operator=(Importer&&) noexcept;
  ~Importer();

  struct Row {
    Time created_at;
    Actor actor;
  };

  // Version 1's note, actor and time may be given; else they are the project's own.
  void project(ProjectId id, const NewProject& project, const Row& row,
               std::optional<Row> version_one = std::nullopt);
  void version(ProjectId project, uint32_t version, const NewVersion& fields, const Row& row);
  void document(DocumentId id, ProjectId project, const NewDocument& document, const Row& row);
  void revision(DocumentId document, uint32_t rev, const NewRevision& revision, const Row& row);
  void task(TaskId id, ProjectId project, const NewTask& task, const Row& row);
  void activity(TaskId task, TaskAction action, std::string_view identity, const Row& row);
  void chat(ChatSessionId id, ProjectId project, const NewChat& chat, const Row& row);
  // `seq` from 1. `id` nil: derived.
  void message(ChatSessionId session, uint64_t seq, MessageId id, const NewMessage& message,
               const Row& row);
  void event(const NewEvent& event, std::string_view identity, const Row& row);
  // A balance from elsewhere, once for each user: it becomes the allowance. Without `remaining` use
  // is unlimited from then on, and the balance stays.
  void credits(const ImportedCredits& credits, const Row& row);
  // A row that comes again is held against the first metadata while they are the newest. Once they
  // were revised or removed here they are gone, and type, time and maker alone are compared.
  void integration(IntegrationId id, const NewIntegration& integration, const Row& row);
  // A section that is the same in the revisions rev_first to rev_last. The rows of a document come
  // in the order of rev_first. Sections are derived from their revisions: they carry the commit's
  // time and the service as actor. A row that came before with an earlier rev_last extends it, as
  // far as the revisions between have no sections of their own. The embeddings of one revision are
  // of one space.
  //
  // Refused with not_found (the document, or revision rev_last), invalid_argument (the interval,
  // the block, an embedding that does not fit its space or those of the revision, more than
  // kMaxBlocks), failed_precondition when a later rev_first came before, already_exists when the
  // block_id is in one of the revisions already, conflict when it is there with other contents or
  // its embedding is in another space.
  //
  // `ordinal` is the section's place in revision rev_first, from 0, among all that has come of it;
  // so rows of one rev_first come by it. Without one a section takes the place that its block_id
  // had in the revision before; a new block_id goes behind the row of the same rev_first that came
  // last, or to the end. A row says nothing of the revisions after rev_first: there the sections
  // keep their order, and one that moved without a new row stands where it was.
  void section(DocumentId document, uint32_t rev_first, uint32_t rev_last, const NewBlock& block,
               const EmbeddingSpace& space = {}, std::optional<uint32_t> ordinal = std::nullopt);

  size_t size() const;   // rows collected
  size_t bytes() const;  // their size, contents included
  // One answer for each row, in order, and an empty importer. Rows beyond kMaxBatchOperations or
  // kMaxBatchBytes are refused: commit before. A failure of the whole commit is the Result's.
  Result<std::vector<ImportedRow>> commit(Durability durability = Durability::relaxed);

 private:
  friend class Service;
  struct Body;
  explicit Importer(std::unique_ptr<Body> body);
  std::unique_ptr<Body> body_;
};

class Service {
 public:
  // Codes: invalid_argument (empty or oversized text, invalid UTF-8, a reserved id),
  // already_exists (the id; or the address or customer, without saying whose).
  Result<UserId> create_user(const NewUser& user, const CommitOptions& o = {}) const;
  // Ties a customer to a user, and applies in the same commit what was reported of it before.
  // Codes: not_found, already_exists (the customer is another user's), failed_precondition (the
  // user has another customer).
  Result<Receipt> link_stripe_customer(UserId user, std::string_view customer_id,
                                       const CommitOptions& o = {}) const;

  // Adds to the granted credits, which no reset touches; a debt is paid first. Codes: not_found,
  // invalid_argument (the amount; or more than kMaxCredits in all).
  Result<Receipt> grant_credits(UserId user, const CreditGrant& grant,
                                const CommitOptions& o = {}) const;
  // Corrects the granted credits, up or down. Codes: not_found, invalid_argument (0, or more than
  // kMaxCredits in all), out_of_credits (more would be taken than is granted and not held).
  Result<Receipt> adjust_credits(UserId user, const CreditAdjustment& adjustment,
                                 const CommitOptions& o = {}) const;
  // Sets the plan's allowance and when it is renewed. Codes: not_found, invalid_argument (a
  // negative allowance, a time that is not midnight UTC, more than kMaxCredits in all).
  Result<Receipt> set_credit_plan(UserId user, const CreditPlan& plan,
                                  const CommitOptions& o = {}) const;
  // Unlimited use lies over the balance and leaves it as it is. Codes: not_found.
  Result<Receipt> set_unlimited(UserId user, bool is_unlimited, const CommitOptions& o = {}) const;

  // Applies one report of a billing service, in one write; docs/ARCHITECTURE.md says by which
  // rules. A checkout ties its customer to the user that it names, unless an earlier one or the
  // application named another: then it is `stale`. A user may have several customers. Codes:
  // invalid_argument; not_found and erased (the user that a checkout names: deliver it again when
  // the user is there); failed_precondition (more than kMaxCustomerSubscriptions of one customer or
  // kMaxUserCustomers of one user).
  Result<BillingReceipt> apply_billing_event(const BillingEvent& event,
                                             Durability durability = Durability::durable) const;
  // The same for a Stripe webhook as it came: `payload` is the request's body byte by byte,
  // `signature_header` its Stripe-Signature, `secret` the endpoint's, of which nothing is kept. A
  // signature older than `tolerance_s` at `now` is refused; 0 accepts any age. A reference that is
  // no user's id names nobody. Codes, besides those above: invalid_argument (the signature, or the
  // payload is no event).
  Result<BillingReceipt> apply_stripe_webhook(std::string_view payload,
                                              std::string_view signature_header,
                                              std::string_view secret, Time now,
                                              int64_t tolerance_s = kWebhookToleranceS,
                                              Durability durability = Durability::durable) const;

  Result<UserId> find_user_by_email(std::string_view email) const;
  Result<UserId> find_user_by_stripe_customer(std::string_view customer_id) const;
  // Writes the next revision of a public record, which PublicView reads; answers its number. The
  // audit event lies under the reserved public owner. Codes: invalid_argument, conflict
  // (expected_rev).
  Result<uint32_t> put_public(const NewPublic& record, const CommitOptions& o = {}) const;

  // Everybody's commits, in their order, as Tenant::feed and Tenant::wait_feed: those of the
  // reserved owners too. Whoever's commits a page shows is told of it in his audit.
  Result<FeedPage> feed(const FeedOptions& o = {}) const;
  Result<bool> wait_feed(uint64_t after_seq, int64_t timeout_us) const;
  // Named places in this feed, apart from those of any user; as those of Tenant and WriteBatch.
  Result<Receipt> save_feed_cursor(std::string_view name, uint64_t seq, bool may_go_back = false,
                                   const CommitOptions& o = {}) const;
  Result<Receipt> drop_feed_cursor(std::string_view name, const CommitOptions& o = {}) const;
  Result<FeedCursor> feed_cursor(std::string_view name, const ReadOptions& o = {}) const;
  Cursor<FeedCursor> feed_cursors(const ListOptions& o = {}) const;

  // Every user, in no order that means anything but always the same one.
  Cursor<User> users(const ListOptions& o = {}) const;

  // One user's data, as the service: reads and writes are audited, and the actor is the system.
  Tenant tenant(UserId owner) const;

  // A row that is here and agrees is `present`.
  ImportedRow import_user(const ImportedUser& user,
                          Durability durability = Durability::relaxed) const;
  Importer importer(UserId owner) const;

 private:
  Result<BillingReceipt> commit_billing(std::unique_ptr<model::BatchBody> batch,
                                        Durability durability) const;
  friend struct model::Access;
  Service(std::shared_ptr<model::Core> core, std::string reason);
  std::shared_ptr<model::Core> core_;
  std::string reason_;
};

}  // namespace bcstore
