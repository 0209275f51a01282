// Pages of the commit log.
//
// An owner's feed is a scan of the owner's bodies. Everybody's is a scan of the links, which stand
// in the order of the commits and name owners by their hashes, with one round of reads for some
// dozens of bodies at a time, all from one snapshot.
#include "model/read_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <bitset>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "format/little_endian.h"
#include "model/feed_records.h"
#include "model/reads.h"

namespace bcstore::model {

using engine::Family;
using engine::family_of;
using format::Key;
using format::Kind;

namespace {

constexpr size_t kRoundLinks = 64;
// For one who waits: his own commits that are looked at for one that would be shown.
constexpr size_t kMaxWaitLooks = 1000;
constexpr size_t kSeqAt = format::kKindOffset + 1;

Key link_key(uint64_t seq) { return Key(kSystemOwner, Kind::commit_link).u64(seq); }
Key body_key(UserId owner, uint64_t seq) { return Key(owner, Kind::commit_body).u64(seq); }

Status unpack_link(std::string_view key, std::string_view value, format::Link* link) {
  format::Parsed parsed;
  if (Status s = format::parse_record(key, value, &parsed); !s.ok()) return s;
  return format::unpack(parsed.meta, link) ? Status() : format::corrupt(key, "no link");
}

// What stands for a commit and all before it: the hash of its link. 0 for commit 0.
Status read_link_hash(engine::Engine& engine, uint64_t seq, uint64_t* hash) {
  *hash = 0;
  if (seq == 0) return Status();
  engine::Value value;
  const Key key = link_key(seq);
  Status s = engine.get(Family::log, key, nullptr, &value);
  if (s.code() == Code::not_found) {
    return Status(Code::failed_precondition, fmt::format("there is no commit {}", seq));
  }
  format::Link link;
  if (s.ok()) s = unpack_link(key, value.bytes(), &link);
  if (s.ok()) *hash = format::hash64(format::pack(link));
  return s;
}

Status behind(uint64_t floor) {
  return Status::behind(fmt::format("the feed begins after commit {}", floor), floor);
}

// --- Positions: version u8, hash of the feed u64, seq u64, hash of that commit's link u64, and a
// checksum u64 under the store's own hash.

constexpr char kPositionVersion = 1;
constexpr size_t kPositionBytes = 1 + 4 * 8;

uint64_t feed_hash(const Core& core, const std::optional<UserId>& owner) {
  return format::owner_hash(owner.value_or(kSystemOwner), core.store_hash());
}

Result<std::string> make_position(Core& core, const std::optional<UserId>& owner, uint64_t seq) {
  uint64_t link = 0;
  if (Status s = read_link_hash(core.engine(), seq, &link); !s.ok()) return s;
  char bytes[kPositionBytes] = {kPositionVersion};
  format::put_le(bytes + 1, feed_hash(core, owner));
  format::put_le(bytes + 9, seq);
  format::put_le(bytes + 17, link);
  format::put_le(bytes + 25, format::hash64({bytes, 25}, core.store_hash()));
  return std::string(bytes, sizeof bytes);
}

Status use_position(Core& core, const std::optional<UserId>& owner, std::string_view bytes,
                    uint64_t* seq) {
  const bool whole = bytes.size() == kPositionBytes && bytes[0] == kPositionVersion;
  if (!whole || format::get_le<uint64_t>(bytes.data() + 1) != feed_hash(core, owner) ||
      format::get_le<uint64_t>(bytes.data() + 25) !=
          format::hash64(bytes.substr(0, 25), core.store_hash())) {
    return Status(Code::invalid_argument, "after: not a position of this feed");
  }
  *seq = format::get_le<uint64_t>(bytes.data() + 9);
  uint64_t link = 0;
  if (Status s = read_link_hash(core.engine(), *seq, &link); !s.ok()) return s;
  if (link == format::get_le<uint64_t>(bytes.data() + 17)) return Status();
  return Status(Code::failed_precondition,
                fmt::format("the store has another commit {} than this position", *seq));
}

// --- What is asked for.

struct Wanted {
  uint64_t after = 0;
  std::bitset<256> kinds;  // none: all
  bool with_bookkeeping = false;
  bool with_records = false;
  Uuid project;  // nil: any
  size_t limit = 0;
};

// A standby gets its rows in another order than commits wrote them.
Status check_whole(Core& core) {
  if (core.queue().counters().is_whole) return Status();
  return Status(Code::failed_precondition, "the standby has a part of what it is to get");
}

// A number beyond the last commit may be another's when it comes.
Status check_after(Core& core, uint64_t after) {
  uint64_t unused = 0;
  if (after > core.rows().applied()) return read_link_hash(core.engine(), after, &unused);
  const uint64_t floor = core.queue().counters().feed_floor;
  return after < floor ? behind(floor) : Status();
}

Status read_options(Core& core, const std::optional<UserId>& owner, const FeedOptions& o,
                    Wanted* wanted) {
  if (Status s = check_whole(core); !s.ok()) return s;
  if (o.limit < 1 || o.limit > kMaxPageRows) {
    return Status(Code::invalid_argument,
                  fmt::format("limit: {} is outside 1 to {}", o.limit, kMaxPageRows));
  }
  if (o.after_seq != 0 && !o.after.empty()) {
    return Status(Code::invalid_argument, "after: not together with after_seq");
  }
  for (const ChangeKind kind : o.kinds) {
    if (to_string(kind) == "unknown") {
      return Status(Code::invalid_argument,
                    fmt::format("kinds: {} is no such value", static_cast<int>(kind)));
    }
    wanted->kinds.set(static_cast<uint8_t>(kind));
  }
  if (o.project) {
    if (!owner) return Status(Code::invalid_argument, "project: of an owner's own feed alone");
    if (Status s = check_id("project", o.project->uuid()); !s.ok()) return s;
    wanted->project = o.project->uuid();
  }
  wanted->with_records = o.with_records;
  wanted->with_bookkeeping = o.with_bookkeeping;
  wanted->limit = o.limit;
  wanted->after = o.after_seq;
  if (!o.after.empty()) {
    if (Status s = use_position(core, owner, o.after, &wanted->after); !s.ok()) return s;
  }
  return check_after(core, wanted->after);
}

// --- A page on its way.

class PageMaker {
 public:
  PageMaker(const std::shared_ptr<Core>& core, const Wanted& wanted)
      : wanted_(wanted), records_(core, wanted.project) {
    page_.end_seq = wanted.after;
  }

  bool full() const {
    return page_.entries.size() >= wanted_.limit || bytes_ >= kMaxFeedPageBytes ||
           looks_ >= kMaxFeedPageLooks;
  }
  size_t looks() const { return looks_; }
  FeedPage& page() { return page_; }

  // The commit's body.
  Status look(UserId owner, uint64_t seq, std::string_view key, std::string_view value);
  // An owner who was erased.
  void look_at_nobody(uint64_t seq, Time time) {
    count(seq, 0);
    const bool is_any = wanted_.kinds.none() && wanted_.project.is_nil();
    if (is_any) page_.entries.push_back({.commit_seq = seq, .time = time});
  }

 private:
  void count(uint64_t seq, size_t bytes) {
    ++looks_;
    bytes_ += bytes;
    page_.end_seq = seq;
  }

  Status add_change(const format::Touched& one, FeedEntry* entry);

  const Wanted& wanted_;
  FeedRecords records_;
  FeedPage page_;
  size_t looks_ = 0, bytes_ = 0;
  std::vector<format::Touched> touched_;
};

Status unpack_body(std::string_view key, std::string_view value, Draft* body,
                   std::vector<format::Touched>* touched) {
  if (Status s = verified_copy(key, value, body); !s.ok()) return s;
  if (!format::unpack(body->tail(), touched)) {
    return format::corrupt(key, "the operations are malformed");
  }
  return Status();
}

Status PageMaker::look(UserId owner, uint64_t seq, std::string_view key, std::string_view value) {
  Draft draft;
  if (Status s = unpack_body(key, value, &draft, &touched_); !s.ok()) return s;
  const auto& body = *root<fb::CommitBody>(draft);
  if (body.state() == kErasedState) {
    look_at_nobody(seq, Time{body.created_at()});
    return Status();
  }
  count(seq, value.size());
  if (!wanted_.with_bookkeeping && is_bookkeeping(touched_)) return Status();
  records_.set_owner(owner);
  FeedEntry entry{.commit_seq = seq,
                  .owner = owner,
                  .owner_seq = body.owner_seq(),
                  .time = Time{body.created_at()},
                  .actor = actor_of(body, owner)};
  for (const format::Touched& one : touched_) {
    const auto number = static_cast<uint8_t>(one.kind);
    if (wanted_.kinds.any() && !wanted_.kinds.test(number)) continue;
    if (Status s = add_change(one, &entry); !s.ok()) return s;
  }
  if (!entry.changes.empty()) page_.entries.push_back(std::move(entry));
  return Status();
}

Status PageMaker::add_change(const format::Touched& one, FeedEntry* entry) {
  const Change change{static_cast<ChangeKind>(one.kind), one.id, one.number};
  Result<bool> is_wanted = records_.is_wanted(change);
  if (!is_wanted.ok()) return is_wanted.status();
  if (!*is_wanted) return Status();
  if (wanted_.with_records) {
    Result<FeedRecord> record = records_.read(change, &bytes_);
    if (!record.ok()) return record.status();
    entry->records.push_back(*std::move(record));
  }
  entry->changes.push_back(change);
  return Status();
}

// What is the same for every page. `applied`: a commit that the reading surely saw, and all before.
Result<FeedPage> finish_page(Core& core, const std::optional<UserId>& owner, const Wanted& wanted,
                             uint64_t applied, FeedPage page) {
  if (page.at_end) page.end_seq = std::max(page.end_seq, applied);
  if (Status s = check_whole(core); !s.ok()) return s;
  // What was given up meanwhile may be missing from this page.
  const CommitQueue::Counters& counters = core.queue().counters();
  if (const uint64_t floor = counters.feed_floor; wanted.after < floor) return behind(floor);
  page.durable_seq = counters.durable_seq;
  Result<std::string> position = make_position(core, owner, page.end_seq);
  if (!position.ok()) return position.status();
  page.position = *std::move(position);
  return page;
}

Status need_commits(engine::Engine& engine, UserId owner) {
  const Key prefix(owner, Kind::commit_body);
  auto scan = engine.scan({Family::log, prefix.str(), format::after_prefix(prefix), true});
  if (scan->next() || !scan->status().ok()) return scan->status();
  return no_such("user", owner.uuid());
}

}  // namespace

Result<uint64_t> read_feed_floor(engine::Engine& engine, const engine::Snapshot* snapshot) {
  const Key key(kSystemOwner, Kind::feed_floor);
  engine::Value value;
  Status s = engine.get(family_of(Kind::feed_floor), key, snapshot, &value);
  if (s.code() == Code::not_found) return uint64_t{0};
  Draft draft;
  if (s.ok()) s = verified_copy(key, value.bytes(), &draft);
  if (!s.ok()) return s;
  return root<fb::FeedFloor>(draft)->through_seq();
}

Result<FeedPage> read_own_feed(const TenantState& state, const FeedOptions& o) {
  if (Status s = begin_read(state); !s.ok()) return s;
  Core& core = *state.core;
  Wanted wanted;
  if (Status s = read_options(core, state.owner, o, &wanted); !s.ok()) return s;
  const uint64_t applied = core.rows().applied();
  PageMaker maker(state.core, wanted);
  const Key prefix(state.owner, Kind::commit_body);
  auto scan = core.engine().scan(
      {Family::log, body_key(state.owner, wanted.after + 1).str(), format::after_prefix(prefix)});
  for (;;) {
    if (!scan->next()) {
      if (!scan->status().ok()) return scan->status();
      maker.page().at_end = true;
      break;
    }
    if (maker.full()) break;
    const uint64_t seq = format::key_u64(scan->key(), kSeqAt);
    if (Status s = maker.look(state.owner, seq, scan->key(), scan->value()); !s.ok()) return s;
  }
  scan.reset();
  if (maker.looks() == 0) {
    if (Status s = need_commits(core.engine(), state.owner); !s.ok()) return s;
  }
  return finish_page(core, state.owner, wanted, applied, std::move(maker.page()));
}

namespace {

// The links from one on, and the bodies that they are of.
class WholeFeed {
 public:
  WholeFeed(const std::shared_ptr<Core>& core, const engine::Snapshot* at, const Wanted& wanted)
      : core_(*core), at_(at), wanted_(wanted), maker_(core, wanted) {
    for (const UserId reserved : {kSystemOwner, kPublicOwner}) {
      owners_.emplace(format::owner_hash(reserved, core_.salt()), reserved);
    }
  }

  Status read() {
    const Key prefix(kSystemOwner, Kind::commit_link);
    auto scan = core_.engine().scan(
        {Family::log, link_key(wanted_.after + 1).str(), format::after_prefix(prefix), false, at_});
    std::vector<Commit> round;
    for (bool more = true; more && !maker_.full();) {
      round.clear();
      while (round.size() < kRoundLinks && (more = scan->next())) {
        Commit commit;
        commit.seq = format::key_u64(scan->key(), kSeqAt);
        if (Status s = unpack_link(scan->key(), scan->value(), &commit.link); !s.ok()) return s;
        round.push_back(commit);
      }
      if (!scan->status().ok()) return scan->status();
      bool whole = false;
      if (Status s = look_at(round, &whole); !s.ok()) return s;
      maker_.page().at_end = whole && !more;
    }
    return Status();
  }
  FeedPage& page() { return maker_.page(); }

 private:
  struct Commit {
    uint64_t seq = 0;
    format::Link link;
  };

  // `whole`: the page had room for all of them.
  Status look_at(const std::vector<Commit>& round, bool* whole) {
    if (Status s = find_owners(round); !s.ok()) return s;
    std::vector<engine::Read> bodies;
    for (const Commit& commit : round) {
      const std::optional<UserId>& owner = owners_[commit.link.owner_hash];
      if (owner) bodies.push_back({Family::log, body_key(*owner, commit.seq).str()});
    }
    core_.engine().multi_get(bodies, at_);
    size_t next = 0;
    for (const Commit& commit : round) {
      if (maker_.full()) return Status();
      const std::optional<UserId>& owner = owners_[commit.link.owner_hash];
      if (!owner) {
        maker_.look_at_nobody(commit.seq, Time{commit.link.time_us});
        continue;
      }
      const engine::Read& body = bodies[next++];
      if (Status s = look_at(*owner, commit.seq, body); !s.ok()) return s;
    }
    *whole = true;
    return Status();
  }

  Status look_at(UserId owner, uint64_t seq, const engine::Read& body) {
    if (body.status.ok()) return maker_.look(owner, seq, body.key, body.value.bytes());
    if (body.status.code() != Code::not_found) return body.status;
    const uint64_t floor = core_.queue().counters().feed_floor;
    return wanted_.after < floor ? behind(floor) : format::corrupt(body.key, "is missing");
  }

  Status find_owners(const std::vector<Commit>& round) {
    std::vector<engine::Read> reads;
    std::vector<uint64_t> hashes;
    for (const Commit& commit : round) {
      const uint64_t hash = commit.link.owner_hash;
      if (!owners_.emplace(hash, std::nullopt).second) continue;
      hashes.push_back(hash);
      reads.push_back(
          {family_of(Kind::owner_hash), Key(kSystemOwner, Kind::owner_hash).u64(hash).str()});
    }
    core_.engine().multi_get(reads, at_);
    for (size_t i = 0; i < reads.size(); ++i) {
      if (reads[i].status.code() == Code::not_found) continue;
      if (!reads[i].status.ok()) return reads[i].status;
      format::Parsed parsed;
      format::Reference user;
      Status s = format::parse_record(reads[i].key, reads[i].value.bytes(), &parsed);
      if (!s.ok()) return s;
      if (!format::unpack(parsed.meta, &user)) {
        return format::corrupt(reads[i].key, "the payload is malformed");
      }
      owners_[hashes[i]] = UserId(user.id);
    }
    return Status();
  }

  Core& core_;
  const engine::Snapshot* at_;
  const Wanted& wanted_;
  PageMaker maker_;
  std::unordered_map<uint64_t, std::optional<UserId>> owners_;  // nullopt: of nobody
};

// Once for each user whose commits are shown; the traces of earlier reads are not looked at again.
void note_shown(Core& core, const std::string& reason, const FeedPage& page) {
  std::set<UserId> users;
  for (const FeedEntry& entry : page.entries) {
    const bool is_user =
        entry.owner && *entry.owner != kSystemOwner && *entry.owner != kPublicOwner;
    const bool tells = std::any_of(
        entry.changes.begin(), entry.changes.end(),
        [](const Change& change) { return !is_bookkeeping(static_cast<Kind>(change.kind)); });
    if (is_user && tells && users.insert(*entry.owner).second) core.note_read(*entry.owner, reason);
  }
}

}  // namespace

Result<FeedPage> read_whole_feed(const std::shared_ptr<Core>& core, const std::string& reason,
                                 const FeedOptions& o) {
  Wanted wanted;
  if (Status s = read_options(*core, std::nullopt, o, &wanted); !s.ok()) return s;
  const uint64_t applied = core->rows().applied();
  Result<std::unique_ptr<engine::Snapshot>> snapshot = core->engine().snapshot();
  if (!snapshot.ok()) return snapshot.status();
  WholeFeed feed(core, snapshot->get(), wanted);
  if (Status s = feed.read(); !s.ok()) return s;
  snapshot->reset();
  Result<FeedPage> page = finish_page(*core, std::nullopt, wanted, applied, std::move(feed.page()));
  if (page.ok()) note_shown(*core, reason, *page);
  return page;
}

namespace {

// Whether the owner has a commit after this one that is shown. After many that are not it is said
// to have, and the reader sees for himself.
Result<bool> has_shown(Core& core, UserId owner, uint64_t after) {
  const Key prefix(owner, Kind::commit_body);
  auto scan = core.engine().scan(
      {Family::log, body_key(owner, after + 1).str(), format::after_prefix(prefix)});
  std::vector<format::Touched> touched;
  for (size_t looks = 0; scan->next(); ++looks) {
    Draft body;
    if (Status s = unpack_body(scan->key(), scan->value(), &body, &touched); !s.ok()) return s;
    const bool is_erased = root<fb::CommitBody>(body)->state() == kErasedState;
    if (looks == kMaxWaitLooks || is_erased || !is_bookkeeping(touched)) return true;
  }
  if (!scan->status().ok()) return scan->status();
  return false;
}

}  // namespace

Result<bool> wait_for_feed(Core& core, const std::optional<UserId>& owner, uint64_t after_seq,
                           int64_t timeout_us) {
  if (timeout_us < 0 || timeout_us > kMaxFeedWaitUs) {
    return Status(Code::invalid_argument,
                  fmt::format("timeout_us: {} is outside 0 to {}", timeout_us, kMaxFeedWaitUs));
  }
  // In a child after fork the waiters' mutex may be held by a thread that is not there.
  if (Status s = core.engine().health(); s.code() == Code::wrong_process) return s;
  if (Status s = check_whole(core); !s.ok()) return s;
  if (Status s = check_after(core, after_seq); !s.ok()) return s;
  if (owner) {
    if (Status s = need_commits(core.engine(), *owner); !s.ok()) return s;
  }
  const auto is_there = [&]() -> Result<bool> {
    const CommitQueue::Counters& counters = core.queue().counters();
    if (counters.last_shown <= after_seq) return false;
    return owner ? has_shown(core, *owner, after_seq) : Result<bool>(true);
  };
  return core.queue().waiters().wait(owner, after_seq, std::chrono::microseconds(timeout_us),
                                     is_there);
}

}  // namespace bcstore::model
