// The past: which facts a read sees, and heads as they were.
//
// Facts are never overwritten and lie in streams (docs/FORMAT.md, section 6). In a stream both the
// commit's sequence and effective_at never go back, so what a moment sees of it is a prefix, and
// its end is found by halving. Heads are overwritten: one that changed since is made again from the
// facts that were its newest then.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "model/reads.h"

namespace bcstore::model {

// What is seen.
struct Bound {
  enum class By : uint8_t { now, commit, time };
  By by = By::now;
  uint64_t commit = std::numeric_limits<uint64_t>::max();
  int64_t time_us = std::numeric_limits<int64_t>::max();
  uint64_t known = std::numeric_limits<uint64_t>::max();

  bool is_now() const { return by == By::now; }
  // By time: what is of the same instant is ordered by its commit.
  bool sees(uint64_t commit_seq, int64_t effective_us) const {
    if (by == By::now) return true;
    if (commit_seq > known) return false;
    if (by == By::commit) return commit_seq <= commit;
    return effective_us < time_us || (effective_us == time_us && commit_seq <= commit);
  }
  bool sees(const RecordBody& record) const {
    const auto* common = record.root<fb::Common>();
    return sees(common->commit_seq(), common->effective_at());
  }
};

// One view of the store for one read: an engine's snapshot and what is seen of it.
class Past {
 public:
  // `project`: whose versions AsOf::version names; nil where there is none.
  static Result<Past> open(const TenantState& state, const AsOf& as_of, const Snapshot* snapshot,
                           const Uuid& project = {});

  const Bound& bound() const { return bound_; }
  // When it is, for what ends by time alone.
  Result<Time> seen_at(Time now) const;
  // The same moment without a version, for reads that name no project.
  AsOf as_of() const;
  const engine::Snapshot* at() const { return at_; }

  // The last number, above `before` and not above `newest`, of a stream without gaps that is seen;
  // `before`: none. `record`, if wanted, is that fact.
  using KeyOf = std::function<Result<std::string>(uint64_t number)>;
  Result<uint64_t> last_seen(format::Kind kind, const KeyOf& key_of, uint64_t newest,
                             std::unique_ptr<RecordBody>* record = nullptr,
                             uint64_t before = 0) const;
  // The same of a stream under an id whose numbers have four bytes.
  Result<uint64_t> last_of(format::Kind kind, const Uuid& parent, uint64_t newest,
                           std::unique_ptr<RecordBody>* record = nullptr) const;
  // The newest number of a stream, as its first row tells; 0: none.
  Result<uint64_t> newest_of(format::Kind kind, const std::string& prefix,
                             size_t number_bytes) const;
  Result<uint64_t> last_message(const Uuid& session) const;
  Result<std::string> message_key(const Uuid& session, uint64_t seq) const;
  // The first key, in the order of such a stream, of those that are seen: its facts lie newest
  // first. Empty when none is.
  Result<std::string> first_key_in_months(const MonthStream& stream) const;
  Result<std::string> first_audit_key() const;

  // Whether a head is what it was.
  bool is_unchanged(const RecordBody& head) const;
  // A head as it was, in place of the one that was read; `row` is cleared when it was not there.
  Status to_past(RecordBody* row) const;
  // The head of this key as it was; null when it was not there.
  Result<std::unique_ptr<RecordBody>> head(format::Kind kind, const format::Key& key) const;
  Result<std::unique_ptr<RecordBody>> task(const Uuid& id) const;
  // Null also when it had moved away with its customer.
  Result<std::unique_ptr<RecordBody>> subscription(const Uuid& hash) const;
  // For each section the document, as it was, of the greatest version that is not above `version`,
  // or above the current one of then; by section. not_found without the project or the version.
  Result<std::vector<std::unique_ptr<RecordBody>>> effective_documents(
      const Uuid& project, std::optional<uint32_t> version) const;

  // One record by its key: a fact that is seen, or a head as it was; null when it was not there.
  Result<std::unique_ptr<RecordBody>> record(format::Kind kind, const format::Key& key) const;

  // Whether a list's parent was there: the object whose head's key or newest fact has this prefix.
  Result<bool> is_there(format::Kind kind, std::string_view prefix) const;

  // The age of the newest object that the bound sees, by the owner's log; the largest one where
  // that can not tell: what is younger is then told by its head.
  Result<uint64_t> last_age() const;

 private:
  // A head that was made again.
  struct Made {
    format::Key key;
    format::Draft draft;
  };
  explicit Past(const TenantState& state) : core_(state.core), owner_(state.owner) {}
  Status resolve(const AsOf& as_of, const Uuid& project);
  Status read(format::Kind kind, std::string_view key, RecordBody* row) const;
  Status row_from(format::Kind kind, const std::string& lower, RecordBody* row) const;
  Status make(const RecordBody& head, std::optional<Made>* made) const;
  Status make_project(const RecordBody& head, std::optional<Made>* made) const;
  Status make_document(const RecordBody& head, std::optional<Made>* made) const;
  Status make_task(const RecordBody& head, std::optional<Made>* made) const;
  Status make_session(const RecordBody& head, std::optional<Made>* made) const;
  Status make_integration(const RecordBody& head, std::optional<Made>* made) const;
  Status make_hold(const RecordBody& head, std::optional<Made>* made) const;
  // The commit of an entry of the ledger, which must be there; 0 where the bound does not see it.
  Result<uint64_t> commit_of_entry(uint64_t number) const;

  Result<std::string> first_seen(format::Kind kind, const std::string& group,
                                 uint64_t unseen) const;

  std::shared_ptr<Core> core_;
  UserId owner_;
  Bound bound_;
  std::shared_ptr<engine::Snapshot> own_;
  const engine::Snapshot* at_ = nullptr;
};

// The number of the last commit that a snapshot, or now, sees.
Result<uint64_t> last_commit_of(const TenantState& state, const Snapshot* snapshot);

}  // namespace bcstore::model
