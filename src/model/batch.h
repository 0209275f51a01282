// BatchBody: what a WriteBatch and an Importer collect.
//
// Everything that needs no decision happens here, in the caller's thread: validation, hashing,
// encoding, compression, minting of ids. What is left for the commit queue is to decide (does the
// parent exist, which number is next), to patch the decisions into the encoded records, and to put
// them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/service.h"
#include "bcstore/write_batch.h"
#include "billing/stripe_event.h"
#include "format/record.h"
#include "model/delta.h"
#include "model/encode.h"
#include "model/validate.h"

namespace bcstore::model {

class Core;

enum class Verb : uint8_t {
  create_user = 1,
  edit_profile,
  link_customer,
  create_project,
  add_version,
  set_status,
  create_document,
  add_revision,
  set_lock,
  create_task,
  revise_task,
  record_activity,
  start_chat,
  rename_chat,
  append_message,
  append_event,
  consume_credit,
  grant_credits,
  set_credit_plan,
  set_unlimited,
  import_credits,
  add_sections,
  import_section,
  add_integration,
  revise_integration,
  remove_integration,
  put_public,
  reserve_credits,
  capture_credits,
  void_hold,
  adjust_credits,
  limit_rate,
  apply_billing,
  record_call,
  fork_chat,
  save_feed_cursor,
  drop_feed_cursor,
};
std::string_view to_string(Verb verb);

// When and by whom an imported row was made.
struct Origin {
  Time created_at;
  Actor actor;
};

// Texts of an edit that can only be encoded when the state that it edits is known.
struct Edit {
  std::optional<std::string> name, text, note;
  bool set_text = false;  // `text` is to be replaced, also by nothing
  bool set_phase = false;
  std::optional<int32_t> phase;
  bool is_pro = false;
  std::optional<Time> reset_at;  // of credits
  int64_t amount = 0;            // of credits, with its sign
};

// A section with what its keys are made of. `..._check` is a second hash of the same contents.
struct SectionItem {
  format::SectionEntry entry;
  uint64_t block_check = 0, vector_check = 0;
  Draft block, vector;
};

// What add_sections and an imported section bring.
struct Sections {
  uint32_t rev_first = 0, rev_last = 0;
  std::string space;
  Uuid space_hash;
  std::optional<Metric> metric;
  uint32_t dimension = 0;           // 0: no embedding
  bool has_zero = false;            // a zero vector is among them
  std::optional<uint32_t> ordinal;  // of an imported section
  std::vector<SectionItem> items;

  size_t bytes() const {
    size_t sum = 0;
    for (const SectionItem& item : items) {
      sum += sizeof item + item.block.bytes() + item.vector.bytes();
    }
    return sum;
  }
};

// A revision on its way: its content, and how its record is coded.
struct RevisionOp {
  std::shared_ptr<const std::string> content;
  // As prepared: a delta against an earlier operation of the batch or against a committed
  // revision, or whole. The execution has the last word.
  bool is_coded = false;
  uint32_t parent_rev = 0;  // 0: whole
  const RevisionOp* parent = nullptr;
  ChainPlace place;
  uint32_t written_rev = 0;  // by the execution; 0: not, or not yet
};

struct Op {
  Verb verb{};
  bool number_given = false;  // the caller said which version, revision or seq it must be
  bool flag = false;          // lock
  uint64_t number = 0;        // that number; or an enumerator; or the message it replaces
  Uuid parent;                // the object written to
  Uuid id;                    // the object created
  std::optional<uint64_t> expected;
  uint64_t tokens = 0;             // of a message
  std::unique_ptr<Origin> origin;  // imported rows only
  std::string identity;            // imported rows without a natural key
  std::unique_ptr<Origin> first;   // of version 1, if it differs from the project's
  std::unique_ptr<Edit> edit;
  std::unique_ptr<Sections> sections;
  std::unique_ptr<billing::StripeEvent> billing;
  Draft head, fact, second;
  std::unique_ptr<RevisionOp> revision;
  Uuid request;  // of the arguments, minted ids replaced by their ordinals

  size_t bytes() const {
    return sizeof(Op) + head.bytes() + fact.bytes() + second.bytes() +
           (sections ? sections->bytes() : 0) + (revision ? revision->content->size() : 0);
  }
};

// The same record with its content coded in another way.
Draft recoded(const Draft& from, std::string_view content, const CodedContent& coded);

class BatchBody {
 public:
  BatchBody(std::shared_ptr<Core> core, UserId owner, Actor actor, const Status& bad = {});
  ~BatchBody();

  UserId owner() const { return owner_; }
  const Actor& actor() const { return actor_; }
  const std::shared_ptr<Core>& core() const { return core_; }
  // A batch in the commit queue does not keep the store alive that the queue is part of.
  void detach() { core_.reset(); }
  void attach(std::shared_ptr<Core> core) { core_ = std::move(core); }
  const Status& status() const { return status_; }
  std::vector<Op>& ops() { return ops_; }
  size_t size() const { return ops_.size(); }
  size_t bytes() const { return bytes_; }
  void clear();
  // Importing: a refused row does not refuse the others; it stands in row_status().
  void set_importing() { importing_ = true; }
  bool importing() const { return importing_; }
  bool audited() const { return audited_; }
  void set_audited() { audited_ = true; }
  const std::vector<Status>& row_status() const { return row_status_; }
  // The owner was minted for this batch: a retry will name another.
  void set_owner_minted() { owner_minted_ = true; }
  // Codes the revisions as deltas against what is the newest now. Reads the store when a document's
  // newest content is not known. Before each hand-in; leaves the request as it is.
  void prepare();
  // Hash of the whole request, for its idempotency key.
  Uuid request_hash() const;

  Uuid create_project(const NewProject& project, std::unique_ptr<Origin> origin,
                      std::unique_ptr<Origin> version_one);
  void add_version(ProjectId project, const NewVersion& version, std::optional<uint32_t> number,
                   std::unique_ptr<Origin> origin);
  void set_status(ProjectId project, ProjectStatus status, std::optional<ProjectStatus> expected);
  Uuid create_document(ProjectId project, const NewDocument& document,
                       std::unique_ptr<Origin> origin);
  void add_revision(DocumentId document, const NewRevision& revision, std::optional<uint32_t> rev,
                    std::unique_ptr<Origin> origin);
  void set_lock(DocumentId document, bool is_locked, std::optional<bool> expected);
  Uuid create_task(ProjectId project, const NewTask& task, std::unique_ptr<Origin> origin);
  void revise_task(TaskId task, const TaskEdit& edit);
  void record_activity(TaskId task, TaskAction action, std::optional<TaskState> expected,
                       std::string_view identity, std::unique_ptr<Origin> origin);
  Uuid fork_chat(ChatSessionId session, uint64_t at_seq, const NewChat& chat);
  Uuid start_chat(ProjectId project, const NewChat& chat, std::unique_ptr<Origin> origin);
  void rename_chat(ChatSessionId session, OptionalText title, std::optional<uint32_t> expected);
  void append_message(ChatSessionId session, const NewMessage& message, MessageId given_id,
                      std::optional<uint64_t> seq, std::unique_ptr<Origin> origin);
  void append_event(const NewEvent& event, std::string_view identity,
                    std::unique_ptr<Origin> origin);
  void record_call(const NewCall& call);
  // The store's own trace of what a service read.
  void append_audit(const NewEvent& event);
  void edit_profile(const ProfileEdit& edit);
  void create_user(const UserFields& user, std::unique_ptr<Origin> origin);
  void link_customer(std::string_view customer_id);
  void consume_credit(const CreditSpend& spend);
  void grant_credits(const CreditGrant& grant);
  void set_credit_plan(const CreditPlan& plan);
  void set_unlimited(bool is_unlimited);
  void import_credits(const ImportedCredits& credits, std::unique_ptr<Origin> origin);
  void adjust_credits(const CreditAdjustment& adjustment);
  void limit_rate(std::string_view limit, uint32_t cost);
  Uuid reserve_credits(const NewHold& hold);
  void capture_credits(CreditHoldId hold, const HoldCapture& capture);
  void void_hold(CreditHoldId hold, OptionalText reason);
  void add_sections(DocumentId document, uint32_t rev, std::span<const NewBlock> blocks,
                    const EmbeddingSpace& space);
  void import_section(DocumentId document, uint32_t rev_first, uint32_t rev_last,
                      const NewBlock& block, const EmbeddingSpace& space,
                      std::optional<uint32_t> ordinal);
  Uuid add_integration(const NewIntegration& integration, std::unique_ptr<Origin> origin);
  void revise_integration(IntegrationId integration, std::string_view metadata,
                          std::optional<uint32_t> expected_rev);
  void remove_integration(IntegrationId integration, std::optional<uint32_t> expected_rev);
  void put_public(const NewPublic& record);
  void save_feed_cursor(std::string_view name, uint64_t seq, bool may_go_back);
  void drop_feed_cursor(std::string_view name);
  void apply_billing(const BillingEvent& event);
  // One that was read, and so checked, already.
  void apply_billing(billing::StripeEvent event);

 private:
  class Arguments;  // collects what a request hash covers

  // The start and end of each verb. finish() keeps the operation, or its refusal.
  bool room(size_t bytes) const;
  void finish(Op op, const Arguments& arguments, Status checked);
  Uuid mint(const std::optional<Uuid>& given);
  By by(const Op& op) const { return {op.origin ? op.origin->actor : actor_, owner_}; }
  Status check_origin(const Op& op);
  Status check_number(std::string_view what, std::optional<uint64_t> number, uint64_t max);
  Status check_revision(const RevisionFields& fields);
  void keep_revision(Op* op, const RevisionFields& fields);
  void put_sections(Op op, std::span<const NewBlock> blocks, const EmbeddingSpace& space);
  SectionItem encode_section(const Op& op, const NewBlock& block);

  std::shared_ptr<Core> core_;
  UserId owner_;
  Actor actor_;
  Status bad_;  // of the handle that made the batch
  Status status_;
  bool importing_ = false;
  bool audited_ = false;
  bool owner_minted_ = false;
  std::vector<Op> ops_;
  std::vector<Status> row_status_;
  std::vector<Uuid> minted_;
  size_t bytes_ = 0;
  Encoder encoder_;
  JsonChecker json_;
};

struct BatchAccess {
  static WriteBatch make(std::unique_ptr<BatchBody> body) { return WriteBatch(std::move(body)); }
  static BatchBody* body(WriteBatch& batch) { return batch.body_.get(); }
  static std::unique_ptr<BatchBody> take(WriteBatch& batch) { return std::move(batch.body_); }
};

}  // namespace bcstore::model
