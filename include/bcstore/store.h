// Store: one directory, open once.
//
//   Result<Store> store = Store::open("path/to/store");
//
// Thread contract: all calls but close() and the destructor may be made from many threads at once.
// One process opens a directory at a time (`busy`); the store must not be used in a child after
// fork (`wrong_process`). The library starts no threads of its own; RocksDB's background threads
// flush and compact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/open_report.h"
#include "bcstore/options.h"
#include "bcstore/service.h"
#include "bcstore/status.h"
#include "bcstore/tenant.h"

namespace bcstore {

// Commits that may be handed in and not yet executed.
inline constexpr size_t kMaxPending = 65536;
// Of batches submitted and not yet taken by a leader.
inline constexpr size_t kMaxPendingBytes = size_t{256} << 20;

// One thing that check() found: nothing is repaired.
struct Violation {
  std::string table;  // "messages"
  std::string key;    // hexadecimal
  std::string rule;   // "seq is dense"
  std::string detail;
};

struct CheckOptions {
  bool files = false;            // also read and verify every block of every file
  size_t max_violations = 1000;  // more are counted but not listed
};

struct CheckReport {
  uint64_t violations = 0;
  std::vector<Violation> listed{};
  std::map<std::string, uint64_t> checked{};  // records looked at, by table
};

// What a logical hash covers.
enum class HashScope : uint8_t {
  // Every record's own facts with created_at and actor; without commit times and sequences, ids
  // that the engine gives to events, and the audit.
  content = 1,
  // What is current: users, projects, newest contents, tasks, sessions, balances; without times.
  state = 2,
};

struct StoreStats {
  struct FamilyBytes {
    std::string name;
    uint64_t keys_estimate = 0;
    uint64_t sst_bytes = 0;
    uint64_t memtable_bytes = 0;
  };
  std::vector<FamilyBytes> families{};
  uint64_t wal_bytes = 0;
  uint64_t disk_bytes = 0;
  uint64_t block_cache_bytes = 0;
  uint64_t head_cache_bytes = 0;
  uint64_t revision_cache_bytes = 0;  // contents of newest revisions
  uint64_t row_cache_bytes = 0;       // heads and lists that are read
  uint64_t message_cache_bytes = 0;   // last messages of sessions that are read
  uint64_t search_cache_bytes = 0;    // embeddings that are searched
  uint64_t last_commit_seq = 0;
  uint64_t durable_commit_seq = 0;  // no commit up to here can be lost
  uint64_t commits = 0;             // since open
  uint64_t groups = 0;              // since open: batches written
  uint64_t syncs = 0;               // since open
  uint64_t snapshots = 0;
  uint64_t oldest_snapshot_age_us = 0;
  uint64_t live_children = 0;
  uint64_t standby_groups = 0;  // of commits, kept for standbys
};

struct MaintainOptions {
  size_t max_owners = 10'000;   // that one call looks at, at least 1; system and public are two
  std::string_view after = {};  // MaintainReport::next of the call before; empty: from the start
  // A space of embeddings that are searched is divided into lists when it has grown. Once as many
  // are in lists that one call made, it begins with no other space, and says where to go on. It
  // holds at most a third of Options::memory_budget_bytes of codes beside what that bounds, and
  // some 40 bytes for each embedding that a space was ever given. 0: makes none.
  uint64_t max_listed = 200'000;
};

struct MaintainReport {
  uint64_t owners = 0;      // looked at
  uint64_t with_stale = 0;  // of these: had idempotency keys of days that are over
  uint64_t spaces = 0;      // of embeddings, that were divided into lists
  uint64_t listed = 0;      // embeddings in these
  std::string next{};       // empty: it is through
};

inline constexpr size_t kMaxStandbyPageBytes = size_t{256} << 20;

// How far a standby has come.
struct StandbyState {
  bool is_standby = false;
  // What the other store is asked for the next page with; empty before the first one.
  std::string position{};
  // It is what the other store was after last_commit_seq, neither more nor less. Else its reads may
  // meet rows whose others are not here yet, and it can not be promoted.
  bool is_consistent = false;
  uint64_t last_commit_seq = 0;
};

struct StandbyPageOptions {
  // A page ends behind the first group of commits that goes beyond this; up to
  // kMaxStandbyPageBytes.
  size_t bytes = size_t{16} << 20;
  // What the asked position says that the standby has is not kept for others: false where the store
  // has several standbys.
  bool gives_up_behind = true;
};

// What a feed may give up. Data stays as it is.
struct FeedTrim {
  // Commits up to this one are not shown any more; the last commit at most.
  uint64_t through_seq = 0;
  // Also where a named cursor stands before it, a user's or a service's: its follower then gets
  // failed_precondition, with Status::oldest().
  bool past_cursors = false;
};

struct FeedTrimReport {
  uint64_t owners = 0;   // looked at
  uint64_t trimmed = 0;  // of them: something was given up
};

// What is everybody's: records under the reserved public owner, written by Service::put_public. A
// user's reads never fall back to them. Thread contract: as Tenant.
class PublicView {
 public:
  // The newest revision, or that of a number. Codes: not_found, invalid_argument.
  Result<PublicRecord> get(std::string_view name, std::optional<uint32_t> rev = std::nullopt,
                           const ReadOptions& o = {}) const;
  // Every name, in no order that means anything but always the same one.
  Cursor<PublicName> names(const ListOptions& o = {}) const;
  Cursor<PublicRecord> revisions(std::string_view name,
                                 const ListOptions& o = {}) const;  // newest first

 private:
  friend struct model::Access;
  explicit PublicView(std::shared_ptr<const model::TenantState> state);
  std::shared_ptr<const model::TenantState> state_;
};

class Store {
 public:
  // Codes: not_found (no store, and !create_if_missing), busy, unsupported_format (written by a
  // newer library; a directory that is no store; a file), corruption, io_error, no_space,
  // invalid_argument (options).
  //
  // MANIFEST and log are read before anything else. An end that a loss of power tore is cut off,
  // which open_report() tells. Damage is `corruption`, nothing is changed, and the status names
  // file, offset and reason: a record that is followed by whole ones, a record that one changed
  // byte spoilt, a commit that is missing although it was durable.
  static Result<Store> open(const std::string& path, const Options& options = {});

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  // Commits what was handed in and lets go. With children alive it stays open until the last goes.
  ~Store();

  // Everything of one user. `owner` may not exist (yet): its reads are `not_found`. A nil or
  // reserved id is answered `invalid_argument` by every call.
  Tenant tenant(UserId owner) const;
  // 1 to kMaxReasonBytes of text; a bad reason is answered by every call.
  Service service(std::string_view reason) const;

  PublicView public_view() const;

  // Makes everything acknowledged so far durable.
  Status sync();
  // Executes everything that was handed in by Tenant::submit and not yet executed.
  Status drive();
  // Ok, or read_only with the storage error that stopped writing. Open the store again to go on.
  Status health() const;

  // Verifies every fact, head, index entry, bucket, sequence, checksum and the log's chain, on one
  // snapshot, in bounded memory, while writes go on. Answers what it found; its own status is not
  // ok only when it could not look.
  Result<CheckReport> check(const CheckOptions& options = {}) const;
  // One number for what the store holds, equal for two stores that hold the same, whatever the
  // order of commits, the ids of the stores, and how their files lie. Not cryptographic. Reads
  // everything, on one snapshot. Codes: corruption (a record does not verify), invalid_argument
  // (the scope).
  Result<Uuid> logical_hash(HashScope scope) const;
  StoreStats stats() const;
  // What opening this store found in its log and cut off. It stays as it was when the store was
  // opened, also after close().
  OpenReport open_report() const;

  // Writes memory out and merges every file into its last level.
  Status compact();
  // Drops idempotency keys of whole days that are older than Options::idempotency_window_us, as of
  // the last commit, some 10 us an owner; and divides what is searched and has grown into lists, a
  // second for 100,000 embeddings. Call it now and then, until `next` is empty. Codes:
  // invalid_argument (max_owners, a token that is none), failed_precondition (a standby),
  // unavailable, unknown_outcome, io_error, corruption, no_space, read_only, closed, wrong_process.
  Result<MaintainReport> maintain(const MaintainOptions& options = {});
  // Gives up what feeds show of the commits up to one: the bodies of the commit log, except the
  // newest of each owner. Links stay, so that the log's chain verifies, and so does all data. Some
  // 10 us an owner. It may be done again, and goes on where it was interrupted. Codes:
  // invalid_argument (there is no such commit), failed_precondition (a named cursor is before it,
  // which the message names: Status::oldest() is where it stands; or this is a standby),
  // unavailable (another trimming looks at the cursors), io_error, corruption, no_space, read_only,
  // closed, wrong_process.
  Result<FeedTrimReport> trim_feed(const FeedTrim& trim);
  // A warm standby is another store that becomes, page by page, what this one is: record by record,
  // with the same commit numbers. It is made of an identity, takes pages and is read, and refuses
  // every write (`failed_precondition`) until it is promoted.
  //
  //   Status made = Store::make_standby("standby", primary.standby_identity().value());
  //   Store standby = Store::open("standby").value();
  //   for (Status s = made; s.ok();) {
  //     StandbyState state = standby.standby_state().value();
  //     s = standby.apply_standby_page(primary.standby_page(state.position).value());
  //   }
  //
  // The first page asked for makes this store keep, from then on, the keys of what each group of
  // commits changes, of the last Options::standby_groups; drop_standbys() ends that. All that a
  // page shows is durable here. A page holds contents, secrets among them: it is to be guarded as a
  // copy of the store is.
  Result<std::string> standby_identity() const;
  // What comes after that position. Codes: invalid_argument (a position that is none, of another
  // store), failed_precondition (what came after it was given up, or this store went on from an
  // older copy: make the standby anew; or it is a standby itself).
  Result<std::string> standby_page(std::string_view position, const StandbyPageOptions& o = {});
  // Gives up what was kept for standbys: those that are there must be made anew.
  Status drop_standbys();
  // An empty standby in a directory that holds no store; both have one id, so that cursors and
  // positions of one fit the other. Codes: already_exists, invalid_argument (the identity).
  static Status make_standby(const std::string& path, std::string_view identity,
                             const Options& options = {});
  Result<StandbyState> standby_state() const;
  // All of the page, durable, or nothing. A page that was applied before changes nothing. Codes:
  // failed_precondition (this is no standby; pages between are missing), invalid_argument (no page,
  // or of another store), corruption (a row of it does not verify), conflict (it is of another
  // history than what is here: make the standby anew).
  Status apply_standby_page(std::string_view page);
  // Makes a closed standby a store like any other. The other one must not take commits any more:
  // both would go on with the same numbers. Codes: failed_precondition (it is none, or not
  // consistent), not_found, busy.
  static Status promote_standby(const std::string& path, const Options& options = {});
  // Takes secrets that were revised or removed off the disk: ends the log files that hold them and
  // rewrites the family of secrets, which is small. Copies made by checkpoint() are not reached. A
  // compact() does it too, unless a snapshot is held that can still see them: it does not say so.
  // Codes: failed_precondition (a snapshot is held that is older than the last commit; those of
  // running reads are waited for, half a second), no_space, io_error, read_only, closed,
  // wrong_process.
  Status scrub_secrets();
  // Makes a copy that opens as a store of its own, in a directory that does not exist yet.
  Status checkpoint(const std::string& directory);

  // Commits what was handed in, makes everything durable and closes. failed_precondition while
  // cursors, records or snapshots live, and the store stays open. Afterwards every call is
  // `closed`.
  Status close();

 private:
  friend struct model::Access;
  explicit Store(std::shared_ptr<model::Core> core);
  std::shared_ptr<model::Core> core_;
};

}  // namespace bcstore
