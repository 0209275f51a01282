// Reads: what a Tenant's verbs share. A list is a bounded scan of one prefix, either of the records
// themselves or of index rows that name them; in the second case the named records are read in one
// more round.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/tenant.h"
#include "engine/engine.h"
#include "engine/families.h"
#include "format/key.h"
#include "format/record.h"
#include "model/core.h"
#include "model/keys.h"
#include "model/record_body.h"

namespace bcstore::model {

struct TenantState {
  std::shared_ptr<Core> core;
  UserId owner;
  Actor actor;
  bool service = false;
  Status bad;        // of the owner or the service's reason
  Status bad_actor;  // of the agent's name: its commits are refused
};

class SnapshotBody {
 public:
  SnapshotBody(std::unique_ptr<engine::Snapshot> held, uint64_t opening, uint64_t applied,
               uint64_t epoch)
      : snapshot(std::move(held)), open_hash(opening), applied_seq(applied), search_epoch(epoch) {}
  std::unique_ptr<engine::Snapshot> snapshot;
  uint64_t open_hash;
  uint64_t applied_seq;   // a commit that it surely sees, and all before it
  uint64_t search_epoch;  // SearchCache::kNoEpoch: it moved meanwhile
};

class PendingBody {
 public:
  std::shared_ptr<Core> core;
  std::shared_ptr<Ticket> ticket;
  std::optional<Result<Receipt>> answer;
};

class Past;

// One list, described.
struct ListPlan {
  Status bad;           // of the arguments
  format::Kind kind{};  // of the rows scanned
  std::string prefix;   // every row's key begins with it
  bool backward = false;
  size_t limit = 0;
  std::string_view after;
  uint64_t parameters = 0;   // filters: a token is for one list
  std::string lower, upper;  // narrower than the prefix, when not empty
  const Snapshot* snapshot = nullptr;
  AsOf as_of;
  Uuid project;  // whose versions as_of may name
  // Of the past, set by view_past(): its view, whether rows are heads that become what they were,
  // whether nothing was there, and where what was there begins.
  std::shared_ptr<const Past> past;
  bool to_past = false;
  bool is_empty = false;
  std::string first, merged_first;
  // Without one: what the plan itself was made from, if it had to read.
  std::shared_ptr<const engine::Snapshot> view;
  // Rows that do not pass are skipped.
  std::function<bool(const RecordBody&)> filter;
  // A second list that is merged into this one by `order` (newest first, or oldest when backward),
  // and where it goes on after a row of the other.
  std::string merged_prefix;
  format::Kind merged_kind{};
  std::function<uint64_t(std::string_view key)> order;
  std::function<Result<std::string>(bool merged, uint64_t order)> resume;
  // Index rows: where the named record lies, or false to skip the row.
  std::function<bool(std::string_view key, const format::Reference&, std::string* record_key)>
      named;
  format::Kind named_kind{};
  // The record is the first row with that prefix, not the one of that key.
  bool named_is_prefix = false;
  // Its rows are told as of the moment when each is given.
  bool sees_time = false;
  // The whole list is worth a place in the cache of rows. Not together with a filter.
  bool is_kept = false;
  // The list is that of this session's messages, newest first and from the last one on.
  std::optional<Uuid> tail_of;
  std::optional<uint64_t> from_seq;  // of messages: where the list begins
  // The rows are the sections of this revision, whose list's key is the prefix.
  std::optional<uint32_t> sections_of;
  // An empty list whose parent has no row with this prefix is not_found.
  format::Kind parent_kind{};
  std::string parent_prefix;
  std::string parent_name;
  // The same for a parent with an id, spelled out only when it is asked for.
  std::string_view parent_what;
  Uuid parent_id{};
};

class CursorBody {
 public:
  // A list that answers `bad` and nothing else.
  explicit CursorBody(Status bad) : status_(std::move(bad)), ended_(true) {}
  CursorBody(std::shared_ptr<Core> core, UserId owner, ListPlan plan);
  ~CursorBody() { drop_fill(); }
  CursorBody(const CursorBody&) = delete;
  CursorBody& operator=(const CursorBody&) = delete;

  bool next(RecordBody* row);
  const Status& status() const { return status_; }
  std::string token() const;

 private:
  struct Named {
    std::string position;
    engine::Read read;
    engine::Read vector{};  // of a section that has one
    uint32_t ordinal = 0;
  };

  bool start();
  bool end(Status status);
  bool next_row(RecordBody* row);
  engine::Scan* advance();  // the scan whose row is next; null at the end or on an error
  engine::ScanRequest request(bool merged) const;
  Status find_tail();
  bool next_of_tail(RecordBody* row);
  bool next_of_rows(RecordBody* row);
  // Lists of messages of forks; see list_forks.cc.
  bool begin_oldest();
  bool next_segment();
  bool find_segment(std::string_view position);
  Status load_chain();
  bool open_segment(size_t at);
  bool next_named(RecordBody* row);
  bool gather_tasks();
  void drop_fill();
  Status place_section(Named& named, RecordBody* row) const;
  bool fetch_sections();
  void fetch_round();  // the next of the sections that are named
  bool fetch();        // index rows and the records that they name
  Status check_parent();
  uint64_t list_hash() const;
  Status parse_token();
  const engine::Snapshot* engine_snapshot() const;

  std::shared_ptr<Core> core_;
  std::optional<Child> child_;
  UserId owner_;
  ListPlan plan_;
  Status status_;
  bool started_ = false, ended_ = false;
  size_t given_ = 0;
  std::string position_;  // key of the current row of the list
  std::unique_ptr<engine::Scan> scan_;
  std::unique_ptr<engine::Scan> merged_scan_;
  std::string merged_lower_, merged_upper_;
  bool row_ready_ = false, merged_ready_ = false;  // the scan stands on a row not given yet
  // A session, and what it shows of those behind it: each with the last message that shows.
  struct Segment {
    Uuid session;
    uint64_t last_seq;
  };
  std::vector<Segment> chain_;
  size_t chain_at_ = 0;
  std::string list_prefix_;  // of a fork's list, while its rows are another session's
  std::vector<Named> named_;
  size_t named_at_ = 0;
  size_t fetched_ = 0;  // of the sections
  size_t round_ = 16;   // how many the next round fetches
  std::unique_ptr<engine::Snapshot> own_snapshot_;
  RowCache::Answer rows_;  // what is read, when the list is known
  RowCache::Fill rows_fill_;
  TailCache::View tail_;  // what is read, when the session's tail is known
  TailCache::Fill fill_;  // else this is on its way to become it
};

struct Access {
  static const TenantState& state(const Tenant& tenant) { return *tenant.state_; }
  static Tenant tenant(std::shared_ptr<const TenantState> state) {
    return Tenant(std::move(state));
  }
  static Snapshot snapshot(std::unique_ptr<SnapshotBody> body) { return Snapshot(std::move(body)); }
  static const SnapshotBody* body(const Snapshot& snapshot) { return snapshot.body_.get(); }
  static PendingCommit pending(std::shared_ptr<PendingBody> body) {
    return PendingCommit(std::move(body));
  }
  template <class T>
  static Cursor<T> cursor(std::unique_ptr<CursorBody> body) {
    return Cursor<T>(std::move(body));
  }
  static Store store(std::shared_ptr<Core> core) { return Store(std::move(core)); }
  static PublicView public_view(std::shared_ptr<const TenantState> state) {
    return PublicView(std::move(state));
  }
  static Service service(std::shared_ptr<Core> core, std::string reason) {
    return Service(std::move(core), std::move(reason));
  }
};

// The answer for an object that is not there.
std::function<Status()> missing(std::string_view what, const Uuid& id);
// A list of newest-first rows under one parent.
ListPlan history(const TenantState& state, format::Kind kind, const Uuid& parent,
                 format::Kind parent_kind, std::string_view parent_name, const ListOptions& o);
template <class K>
ListPlan history(const TenantState& state, format::Kind kind, Id<K> parent,
                 format::Kind parent_kind, std::string_view parent_name, const ListOptions& o) {
  return history(state, kind, parent.uuid(), parent_kind, parent_name, o);
}

// The month that holds the newest number of a stream that is not above `number`, as its month rows
// tell; `prefix` is theirs. 0 when there is none.
Result<uint32_t> month_at(const Core& core, format::Key prefix, format::Kind kind, uint64_t number,
                          const engine::Snapshot* at);
// Where the fact of this id lies, if there is one, in a stream of the owner.
Result<format::Key> key_in_month(const TenantState& state, const MonthStream& stream, uint64_t id,
                                 const Snapshot* snapshot);
inline constexpr uint32_t kLastMonth = 9999'12;
Status check_month(std::string_view what, uint32_t month);
// The list belongs to the owner alone: an empty one of nobody is not_found.
void of_owner(const TenantState& state, ListPlan* plan);
// A list of a stream of the owner, oldest first, or of one month of it.
template <class List>
ListPlan month_list(const TenantState& state, const MonthStream& stream, const List& o) {
  ListPlan plan;
  plan.kind = stream.kind;
  format::Key prefix(state.owner, stream.kind);
  if (o.month) {
    plan.bad = check_month("month", *o.month);
    prefix.not_u32(*o.month);
  }
  plan.prefix = prefix.str();
  plan.backward = !o.newest_first;
  plan.limit = o.limit;
  plan.after = o.after;
  plan.snapshot = o.snapshot;
  plan.as_of = o.as_of;
  of_owner(state, &plan);
  return plan;
}

// The same data for the reads that one read is made of: it leaves one trace in the audit, and not
// one for each.
Tenant within(const TenantState& state);
// invalid_argument for a read that is not kept of the past.
Status only_now(const AsOf& as_of, std::string_view what);
// Ok when this handle may read; notes the read for the audit.
Status begin_read(const TenantState& state);
// What time it is: never before the last commit, so that a clock that was set back takes no reset
// and no end of a hold back.
Time now_of(Core& core);
// The engine's snapshot behind a public one; invalid_argument for another store's.
Status use_snapshot(const TenantState& state, const Snapshot* snapshot,
                    const engine::Snapshot** out);
// Keeps an answer for a record that shows one of its rows, and counts as a child of the store.
std::shared_ptr<const void> lender(const std::shared_ptr<Core>& core, RowCache::Answer answer);
// What a cache may be asked as of: RowCache::kNow or the snapshot's. An error is what the engine
// would answer of a store that is closed, in a child after fork, or of a snapshot that is too old.
Status usable_caches(Core& core, const Snapshot* snapshot, uint64_t* as_of);
// Asks the cache of rows for `name`: null where it does not know, and then `fill` is open if what
// the store answers is worth keeping. An error is what the engine would have answered.
Result<RowCache::Answer> find_rows(Core& core, std::string_view name, const Snapshot* snapshot,
                                   RowCache::Fill* fill);

// A value that owns a copy of these bytes.
engine::Value own_value(std::shared_ptr<Core> core, std::string_view bytes);

// One record by its key, as of what the options say: a fact that came later is missing, and a head
// is what it was. `project`: whose versions as_of may name.
Result<std::unique_ptr<RecordBody>> read_record(const TenantState& state, const format::Key& key,
                                                format::Kind kind, const ReadOptions& o,
                                                const std::function<Status()>& missing,
                                                const Uuid& project = {});
// One record by its key; `missing` is the answer when it is not there.
Result<std::unique_ptr<RecordBody>> read_record(const TenantState& state, const format::Key& key,
                                                format::Kind kind, const Snapshot* snapshot,
                                                const std::function<Status()>& missing);
// The newest fact, as of then, of a stream without gaps whose numbers have four bytes.
Result<std::unique_ptr<RecordBody>> newest_as_of(const TenantState& state, format::Kind kind,
                                                 const format::Key& prefix, const ReadOptions& o,
                                                 const std::function<Status()>& missing);
// The first row of a prefix.
Result<std::unique_ptr<RecordBody>> read_first(const TenantState& state, std::string lower,
                                               std::string upper, format::Kind kind,
                                               const Snapshot* snapshot,
                                               const std::function<Status()>& missing);
Result<format::Reference> read_reference(const TenantState& state, const format::Key& key,
                                         format::Kind kind, const Snapshot* snapshot,
                                         const std::function<Status()>& missing);

// The entries of a revision's sections, in their order; none when it has none.
// `space`, if wanted, is that of their embeddings.
Status read_entries(engine::Engine& engine, UserId owner, const Uuid& document, uint32_t rev,
                    const engine::Snapshot* at, std::vector<format::SectionEntry>* entries,
                    Uuid* space = nullptr);

template <class T>
Result<T> as(Result<std::unique_ptr<RecordBody>> body) {
  if (!body.ok()) return body.status();
  return RecordAccess::make<T>(std::move(*body));
}

// Opens the plan's past and narrows the list to what was there.
Status view_past(const TenantState& state, ListPlan* plan);

// Of a plan that was made after begin_read().
template <class T>
Cursor<T> begun_cursor(const TenantState& state, ListPlan plan) {
  Status s;
  if (plan.bad.ok() && plan.as_of.by != AsOf::By::now) s = view_past(state, &plan);
  if (!s.ok()) return Access::cursor<T>(std::make_unique<CursorBody>(std::move(s)));
  return Access::cursor<T>(std::make_unique<CursorBody>(state.core, state.owner, std::move(plan)));
}

template <class T>
Cursor<T> make_cursor(const TenantState& state, ListPlan plan) {
  if (Status s = begin_read(state); !s.ok()) {
    return Access::cursor<T>(std::make_unique<CursorBody>(std::move(s)));
  }
  return begun_cursor<T>(state, std::move(plan));
}

}  // namespace bcstore::model
