// The order matters: the floor is on disk before the first body goes, so that a reader who misses
// one finds the floor above him, and check() knows why it is missing.
#include "model/trim_feed.h"

#include <fmt/format.h>

#include <functional>
#include <utility>
#include <vector>

#include "model/core.h"
#include "model/encode.h"

namespace bcstore::model {

using engine::Family;
using engine::family_of;
using format::Key;
using format::Kind;

namespace {

constexpr size_t kOwnersAtOnce = 256;  // whose ranges go in one write
constexpr size_t kSeqAt = format::kKindOffset + 1;

// Bodies of an owner that are to go: those whose numbers are below `end`.
struct Going {
  UserId owner;
  uint64_t end = 0;
};

using Visit = std::function<Status(UserId)>;

// The system and the public, then every user.
Status each_owner(engine::Engine& engine, const Visit& visit) {
  for (const UserId reserved : {kSystemOwner, kPublicOwner}) {
    if (Status s = visit(reserved); !s.ok()) return s;
  }
  const Key prefix(kSystemOwner, Kind::owner_hash);
  auto owners =
      engine.scan({family_of(Kind::owner_hash), prefix.str(), format::after_prefix(prefix)});
  while (owners->next()) {
    format::Parsed parsed;
    format::Reference user;
    if (Status s = format::parse_record(owners->key(), owners->value(), &parsed); !s.ok()) return s;
    if (!format::unpack(parsed.meta, &user)) {
      return format::corrupt(owners->key(), "the payload is malformed");
    }
    if (Status s = visit(UserId(user.id)); !s.ok()) return s;
  }
  return owners->status();
}

// The owner's first cursor that stands before `through`.
Status check_cursors(engine::Engine& engine, UserId owner, uint64_t through) {
  const Key prefix(owner, Kind::feed_cursor);
  auto cursors =
      engine.scan({family_of(Kind::feed_cursor), prefix.str(), format::after_prefix(prefix)});
  while (cursors->next()) {
    Draft draft;
    if (Status s = verified_copy(cursors->key(), cursors->value(), &draft); !s.ok()) return s;
    const auto* cursor = root<fb::FeedCursor>(draft);
    if (cursor->seq() >= through) continue;
    return Status::behind(
        fmt::format("cursor {} of {} is at commit {}", text_of(cursor->name()),
                    owner == kSystemOwner ? "the service" : to_string(owner), cursor->seq()),
        cursor->seq());
  }
  return cursors->status();
}

// What goes of an owner: all up to `through`, but the newest body is the owner's head. What is the
// newest now may be an older one soon, and then stays for the next time.
Status find_going(engine::Engine& engine, UserId owner, uint64_t through, Going* going) {
  const Key prefix(owner, Kind::commit_body);
  const std::string all_end = format::after_prefix(prefix);
  const std::string after = Key(prefix).u64(through + 1).str();
  *going = {owner, 0};
  auto oldest = engine.scan({Family::log, prefix.str(), after});
  if (!oldest->next()) return oldest->status();
  const uint64_t first = format::key_u64(oldest->key(), kSeqAt);
  oldest.reset();
  uint64_t end = through + 1;
  auto younger = engine.scan({Family::log, after, all_end});
  if (!younger->next()) {
    if (!younger->status().ok()) return younger->status();
    auto newest = engine.scan({Family::log, prefix.str(), after, true});
    if (!newest->next()) return newest->status();
    end = format::key_u64(newest->key(), kSeqAt);
  }
  if (first < end) going->end = end;
  return Status();
}

Status drop_bodies(Core& core, std::vector<Going> going) {
  const auto chore = [going = std::move(going)](Executor& executor) {
    if (executor.replica().role == ReplicaRole::standby) return refused_by_standby();
    for (const Going& one : going) executor.drop_bodies(one.owner, one.end);
    return Status();
  };
  return core.queue().run_chore(chore, Durability::relaxed);
}

// No cursor is saved before the floor while the cursors are looked at.
class HeldFloor {
 public:
  explicit HeldFloor(Core& core) : core_(core) {}
  HeldFloor(const HeldFloor&) = delete;
  HeldFloor& operator=(const HeldFloor&) = delete;
  ~HeldFloor() {
    if (!is_held_) return;
    const auto let_go = [](Executor& executor) {
      executor.let_feed_floor_go();
      return Status();
    };
    (void)core_.queue().run_chore(let_go, Durability::relaxed);
  }
  Status hold(uint64_t through) {
    Status s = core_.queue().run_chore(
        [through](Executor& executor) { return executor.hold_feed_floor(through); },
        Durability::relaxed);
    is_held_ = s.ok();
    return s;
  }

 private:
  Core& core_;
  bool is_held_ = false;
};

}  // namespace

Result<FeedTrimReport> trim_feed(Core& core, const FeedTrim& trim) {
  const uint64_t last = core.queue().counters().last_seq;
  const uint64_t through = trim.through_seq;
  if (through > last) {
    return Status(Code::invalid_argument,
                  fmt::format("through_seq: {} is after the last commit, {}", through, last));
  }
  FeedTrimReport report;
  if (through == 0) return report;
  engine::Engine& engine = core.engine();
  HeldFloor held(core);
  if (!trim.past_cursors) {
    if (Status s = held.hold(through); !s.ok()) return s;
    const auto visit = [&](UserId owner) { return check_cursors(engine, owner, through); };
    if (Status s = each_owner(engine, visit); !s.ok()) return s;
  }
  Status s = core.queue().run_chore(
      [through](Executor& executor) { return executor.set_feed_floor(through); },
      Durability::durable);
  if (!s.ok()) return s;
  std::vector<Going> all;
  const auto visit = [&](UserId owner) -> Status {
    Going going;
    if (Status found = find_going(engine, owner, through, &going); !found.ok()) return found;
    ++report.owners;
    if (going.end == 0) return Status();
    ++report.trimmed;
    all.push_back(going);
    if (all.size() < kOwnersAtOnce) return Status();
    return drop_bodies(core, std::exchange(all, {}));
  };
  if (s = each_owner(engine, visit); !s.ok()) return s;
  if (!all.empty()) {
    if (s = drop_bodies(core, std::move(all)); !s.ok()) return s;
  }
  return report;
}

}  // namespace bcstore::model
