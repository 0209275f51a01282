// A page: "BCSP", version u8, flags u8 (1: consistent), hash of the store u64, two positions
// (length u8 and bytes), changes, and a checksum u64 of all before it. A change is how u8, family
// u8, length u8 of the key, the key, and for a row length u32 and value, for a range length u8 and
// where it ends. Numbers are little-endian. Every value carries the checksum of its record besides,
// bound to its key.
#include "model/replica.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "engine/families.h"
#include "format/little_endian.h"
#include "format/record.h"
#include "model/encode.h"
#include "model/execute.h"

namespace bcstore::model {

using engine::Family;
using engine::family_of;
using format::Key;
using format::Kind;
using How = ReplicaChange::How;

namespace {

constexpr std::string_view kPageMagic = "BCSP\x01";
constexpr std::string_view kIdentityMagic = "BCSI\x01";
constexpr size_t kChecksumBytes = 8;
constexpr uint8_t kRange = 0x80;
constexpr char kCopying = 'B', kFollowing = 'L';
constexpr size_t kPlaceChainAt = kPlaceNumberAt + 8;
constexpr size_t kFamilyAt = kPlaceBytes;
constexpr size_t kNumberAt = format::kKindOffset + 1;
constexpr size_t kReadsAtOnce = 256;
// What is given up goes in ranges of at least so many groups.
constexpr uint64_t kGivenUpAtOnce = 1024;

void append_u32(std::string* out, size_t n) {
  char bytes[4];
  format::put_le(bytes, static_cast<uint32_t>(n));
  out->append(bytes, sizeof bytes);
}

void append_u64(std::string* out, uint64_t n) {
  char bytes[8];
  format::put_le(bytes, n);
  out->append(bytes, sizeof bytes);
}

void append_short(std::string* out, std::string_view bytes) {
  *out += static_cast<char>(bytes.size());
  *out += bytes;
}

// Reads what was written; after the first piece that is not there everything is empty.
class Pieces {
 public:
  explicit Pieces(std::string_view bytes) : left_(bytes) {}
  bool failed() const { return failed_; }
  bool at_end() const { return left_.empty(); }
  std::string_view take(size_t n) {
    if (n > left_.size()) {
      failed_ = true;
      left_ = {};
      return {};
    }
    const std::string_view taken = left_.substr(0, n);
    left_.remove_prefix(n);
    return taken;
  }
  uint8_t byte() {
    const std::string_view one = take(1);
    return one.empty() ? uint8_t{0} : static_cast<uint8_t>(one[0]);
  }
  std::string_view short_text() { return take(byte()); }
  uint32_t u32() { return number<uint32_t>(); }
  uint64_t u64() { return number<uint64_t>(); }

 private:
  template <class N>
  N number() {
    const std::string_view bytes = take(sizeof(N));
    return bytes.empty() ? N{0} : format::get_le<N>(bytes.data());
  }
  std::string_view left_;
  bool failed_ = false;
};

// Without the checksum at the end; nullopt when it does not fit.
std::optional<std::string_view> checked(std::string_view bytes, std::string_view magic) {
  if (bytes.size() < magic.size() + kChecksumBytes || !bytes.starts_with(magic)) {
    return std::nullopt;
  }
  const std::string_view covered = bytes.substr(0, bytes.size() - kChecksumBytes);
  const auto checksum = format::get_le<uint64_t>(bytes.data() + covered.size());
  if (checksum != format::hash64(covered)) return std::nullopt;
  return covered.substr(magic.size());
}

}  // namespace

Status read_page(std::string_view bytes, ReplicaPage* page) {
  const Status bad(Code::invalid_argument, "page: is none");
  const std::optional<std::string_view> body = checked(bytes, kPageMagic);
  if (!body) return bad;
  Pieces pieces(*body);
  page->is_consistent = (pieces.byte() & 1) != 0;
  page->store_hash = pieces.u64();
  page->from = pieces.short_text();
  page->to = pieces.short_text();
  while (!pieces.failed() && !pieces.at_end()) {
    ReplicaChange change;
    change.how = static_cast<How>(pieces.byte());
    const uint8_t family = pieces.byte();
    change.key = pieces.short_text();
    if (change.how == How::put) change.value = pieces.take(pieces.u32());
    if (change.how == How::erase_range) change.value = pieces.short_text();
    const bool known = change.how >= How::put && change.how <= How::erase_range;
    if (!known || family >= engine::kFamilies) return bad;
    change.family = static_cast<Family>(family);
    page->changes.push_back(change);
  }
  return pieces.failed() || page->to.empty() ? bad : Status();
}

void append(std::string* out, const ReplicaKey& key) {
  const auto family = static_cast<uint8_t>(key.family);
  *out += static_cast<char>(key.upper.empty() ? family : family | kRange);
  append_short(out, key.key);
  if (!key.upper.empty()) append_short(out, key.upper);
}

bool unpack(std::string_view tail, std::vector<ReplicaKey>* keys) {
  keys->clear();
  Pieces pieces(tail);
  while (!pieces.failed() && !pieces.at_end()) {
    const uint8_t family = pieces.byte();
    if ((family & ~kRange) >= engine::kFamilies) return false;
    ReplicaKey key;
    key.family = static_cast<Family>(family & ~kRange);
    key.key = pieces.short_text();
    if ((family & kRange) != 0) key.upper = pieces.short_text();
    keys->push_back(key);
  }
  return !pieces.failed();
}

Result<ReplicaStanding> read_standing(engine::Engine& engine, const engine::Snapshot* snapshot) {
  ReplicaStanding standing;
  const Key key(kSystemOwner, Kind::replica_state);
  engine::Value value;
  Status s = engine.get(family_of(Kind::replica_state), key, snapshot, &value);
  if (s.code() == Code::not_found) return standing;
  Draft draft;
  if (s.ok()) s = verified_copy(key, value.bytes(), &draft);
  if (!s.ok()) return s;
  const auto* state = root<fb::ReplicaState>(draft);
  standing.role = static_cast<ReplicaRole>(state->role());
  standing.is_consistent = state->is_consistent();
  standing.position = draft.tail();
  const Key prefix(kSystemOwner, Kind::replica_keys);
  auto newest = engine.scan(
      {family_of(Kind::replica_keys), prefix.str(), format::after_prefix(prefix), true, snapshot});
  if (newest->next()) {
    standing.number = format::key_u64(newest->key(), kNumberAt);
    if (s = verified_copy(newest->key(), newest->value(), &draft); !s.ok()) return s;
    standing.chain = root<fb::ReplicaKeys>(draft)->chain();
  }
  if (!newest->status().ok()) return newest->status();
  return standing;
}

// They follow each other.
uint64_t count_kept_groups(engine::Engine& engine) {
  const Key prefix(kSystemOwner, Kind::replica_keys);
  uint64_t ends[2] = {};
  for (const bool is_newest : {false, true}) {
    auto scan = engine.scan({family_of(Kind::replica_keys), prefix.str(),
                             format::after_prefix(prefix), is_newest, nullptr});
    if (!scan->next()) return 0;
    ends[is_newest ? 1 : 0] = format::key_u64(scan->key(), kNumberAt);
  }
  return ends[1] >= ends[0] ? ends[1] - ends[0] + 1 : 0;
}

std::string pack_identity(const Core& core) {
  std::string out(kIdentityMagic);
  const Uuid& id = core.store_id();
  out.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
  append_u64(&out, core.salt());
  append_u64(&out, format::hash64(out));
  return out;
}

Result<Identity> unpack_identity(std::string_view bytes) {
  const std::optional<std::string_view> body = checked(bytes, kIdentityMagic);
  if (!body || body->size() != 24) {
    return Status(Code::invalid_argument, "identity: is none of a store");
  }
  return Identity{format::key_uuid(*body, 0), format::get_le<uint64_t>(body->data() + 16)};
}

namespace {

// Behind a group of a run.
struct Behind {
  uint64_t number = 0;
  uint64_t chain = 0;
};

std::string following(std::string_view run, const Behind& group) {
  std::string out(1, kFollowing);
  out += run;
  for (const uint64_t n : {group.number, group.chain}) {
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(n >> shift);
  }
  return out;
}

std::string copying(std::string_view run, const Behind& group, Family family,
                    std::string_view key) {
  std::string out = following(run, group);
  out[0] = kCopying;
  out += static_cast<char>(family);
  out += key;
  return out;
}

class PageWriter {
 public:
  void put(Family family, std::string_view key, std::string_view value) {
    begin(&rows_, How::put, family, key);
    append_u32(&rows_, value.size());
    rows_ += value;
  }
  void erase(Family family, std::string_view key) { begin(&rows_, How::erase, family, key); }
  // Ranges go before all rows: what was put into one afterwards is among the rows.
  void erase_range(Family family, std::string_view key, std::string_view upper) {
    begin(&ranges_, How::erase_range, family, key);
    append_short(&ranges_, upper);
  }
  size_t bytes() const { return ranges_.size() + rows_.size(); }

  std::string finish(const Core& core, std::string_view from, std::string_view to,
                     bool is_consistent) const {
    std::string out(kPageMagic);
    out.reserve(bytes() + 256);
    out += static_cast<char>(is_consistent);
    append_u64(&out, core.store_hash());
    append_short(&out, from);
    append_short(&out, to);
    out += ranges_;
    out += rows_;
    append_u64(&out, format::hash64(out));
    return out;
  }

 private:
  static void begin(std::string* out, How how, Family family, std::string_view key) {
    *out += static_cast<char>(how);
    *out += static_cast<char>(family);
    append_short(out, key);
  }
  std::string ranges_, rows_;
};

// One page of a standby that is at `position`.
class PageReading {
 public:
  PageReading(Core& core, const engine::Snapshot* at, std::string_view run,
              std::string_view position, size_t bytes)
      : core_(core), at_(at), run_(run), position_(position), most_bytes_(bytes) {}

  // Everything, family by family. What changes meanwhile is named by the groups after `group`.
  Result<std::string> copy(const Behind& group, Family family, std::string after) {
    for (auto i = static_cast<size_t>(family); i < engine::kFamilies; ++i, after.clear()) {
      const auto here = static_cast<Family>(i);
      if (!after.empty()) after += '\0';
      auto scan = core_.engine().scan({here, after, {}, false, at_, false, true});
      while (scan->next()) {
        const format::KindInfo* info = format::parse_key(scan->key());
        format::Parsed parsed;
        Status s = format::parse_record(scan->key(), scan->value(), &parsed);
        if (!s.ok()) return s;
        if (is_of_one_store(info->kind)) continue;
        page_.put(here, scan->key(), scan->value());
        if (page_.bytes() < most_bytes_) continue;
        return page_.finish(core_, position_, copying(run_, group, here, scan->key()), false);
      }
      if (!scan->status().ok()) return scan->status();
    }
    return page_.finish(core_, position_, following(run_, group), false);
  }

  // What groups changed, as it is now.
  Result<std::string> follow(Behind group, uint64_t newest) {
    const Key prefix(kSystemOwner, Kind::replica_keys);
    auto groups =
        core_.engine().scan({family_of(Kind::replica_keys), Key(prefix).u64(group.number + 1).str(),
                             format::after_prefix(prefix), false, at_});
    while (group.number < newest && page_.bytes() < most_bytes_) {
      if (!groups->next()) {
        if (!groups->status().ok()) return groups->status();
        return format::corrupt(Key(prefix).u64(group.number + 1), "is missing");
      }
      if (format::key_u64(groups->key(), kNumberAt) != group.number + 1) {
        return Status(Code::failed_precondition,
                      "what comes after this position was given up: make the standby anew");
      }
      Draft draft;
      if (Status s = verified_copy(groups->key(), groups->value(), &draft); !s.ok()) return s;
      if (!unpack(draft.tail(), &keys_)) {
        return format::corrupt(groups->key(), "the keys are malformed");
      }
      if (Status s = read_keys(); !s.ok()) return s;
      group = {group.number + 1, root<fb::ReplicaKeys>(draft)->chain()};
    }
    return page_.finish(core_, position_, following(run_, group), group.number == newest);
  }

 private:
  Status read_keys() {
    std::vector<engine::Read> reads;
    for (const ReplicaKey& key : keys_) {
      if (!key.upper.empty()) {
        page_.erase_range(key.family, key.key, key.upper);
        continue;
      }
      if (!seen_.emplace(key.key).second) continue;
      reads.push_back({key.family, std::string(key.key)});
      if (reads.size() < kReadsAtOnce) continue;
      if (Status s = read_round(&reads); !s.ok()) return s;
    }
    return read_round(&reads);
  }

  Status read_round(std::vector<engine::Read>* reads) {
    core_.engine().multi_get(*reads, at_);
    for (engine::Read& read : *reads) {
      if (read.status.code() == Code::not_found) {
        page_.erase(read.family, read.key);
        continue;
      }
      format::Parsed parsed;
      Status s = read.status;
      if (s.ok()) s = format::parse_record(read.key, read.value.bytes(), &parsed);
      if (!s.ok()) return s;
      page_.put(read.family, read.key, read.value.bytes());
    }
    reads->clear();
    return Status();
  }

  Core& core_;
  const engine::Snapshot* at_;
  std::string_view run_, position_;
  const size_t most_bytes_;
  PageWriter page_;
  std::vector<ReplicaKey> keys_;
  std::unordered_set<std::string> seen_;  // a key lies in one family
};

// Where a standby is; the key of a copy is empty before the first row.
struct Place {
  bool follows = false;
  Behind group;
  Family family{};
  std::string after;
};

Result<Place> read_place(std::string_view position, const ReplicaStanding& standing) {
  const uint64_t newest = standing.number;
  Place place;
  place.group = {newest, standing.chain};
  if (position.empty()) return place;
  const Status bad(Code::invalid_argument, "position: is none of a standby");
  if (position.size() < kFamilyAt || (position[0] != kCopying && position[0] != kFollowing)) {
    return bad;
  }
  place.follows = position[0] == kFollowing;
  place.group = {format::key_u64(position, kPlaceNumberAt),
                 format::key_u64(position, kPlaceChainAt)};
  if (place.follows != (position.size() == kFamilyAt)) return bad;
  if (!place.follows) {
    const auto family = static_cast<uint8_t>(position[kFamilyAt]);
    if (family >= engine::kFamilies) return bad;
    place.family = static_cast<Family>(family);
    place.after = position.substr(kFamilyAt + 1);
    if (format::parse_key(place.after) == nullptr) return bad;
  }
  const bool is_of_run = position.substr(1, kReplicaRunBytes) == standing.position;
  if (is_of_run && place.group.number <= newest) return place;
  if (!is_of_run) {
    return Status(Code::failed_precondition,
                  "what came after this position was given up: make the standby anew");
  }
  return Status(Code::failed_precondition,
                "this store has not come so far as the standby: make the standby anew");
}

// Whether the group that the standby stands behind is the one that this store had.
Status check_chain(engine::Engine& engine, const engine::Snapshot* at, const Behind& group) {
  uint64_t chain = 0;
  if (group.number > 0) {
    const Key key = Key(kSystemOwner, Kind::replica_keys).u64(group.number);
    engine::Value value;
    Status s = engine.get(family_of(Kind::replica_keys), key, at, &value);
    if (s.code() == Code::not_found) {
      return Status(Code::failed_precondition,
                    "what comes after this position was given up: make the standby anew");
    }
    Draft draft;
    if (s.ok()) s = verified_copy(key, value.bytes(), &draft);
    if (!s.ok()) return s;
    chain = root<fb::ReplicaKeys>(draft)->chain();
  }
  if (chain == group.chain) return Status();
  return Status(Code::failed_precondition,
                "this store went on from an older copy: make the standby anew");
}

// What was kept for standbys, and is behind the one that asks.
Status give_up(Core& core, uint64_t through) {
  const Key prefix(kSystemOwner, Kind::replica_keys);
  auto oldest = core.engine().scan(
      {family_of(Kind::replica_keys), prefix.str(), format::after_prefix(prefix)});
  if (!oldest->next()) return oldest->status();
  const uint64_t first = format::key_u64(oldest->key(), kNumberAt);
  oldest.reset();
  if (through < first + kGivenUpAtOnce) return Status();
  return core.queue().run_chore(
      [through](Executor& executor) { return executor.drop_replica_keys(through); },
      Durability::relaxed);
}

}  // namespace

Result<std::string> make_page(Core& core, std::string_view position, const StandbyPageOptions& o) {
  if (o.bytes < 1 || o.bytes > kMaxStandbyPageBytes) {
    return Status(Code::invalid_argument,
                  fmt::format("bytes: {} is outside 1 to {}", o.bytes, kMaxStandbyPageBytes));
  }
  Result<ReplicaStanding> standing = read_standing(core.engine(), nullptr);
  if (!standing.ok()) return standing.status();
  if (standing->role != ReplicaRole::source) {
    if (!position.empty() && standing->role == ReplicaRole::none) {
      return Status(Code::failed_precondition,
                    "this store keeps nothing for standbys: make the standby anew");
    }
    Status s = core.queue().run_chore([](Executor& executor) { return executor.become_source(); },
                                      Durability::durable);
    if (!s.ok()) return s;
  }
  Result<std::unique_ptr<engine::Snapshot>> snapshot = core.engine().snapshot();
  if (!snapshot.ok()) return snapshot.status();
  // What a standby has must never be lost here. The snapshot is older, so that all of it is synced.
  if (Status s = core.queue().sync(); !s.ok()) return s;
  standing = read_standing(core.engine(), snapshot->get());
  if (!standing.ok()) return standing.status();
  if (standing->role != ReplicaRole::source) {
    return Status(Code::failed_precondition, "what was kept for standbys was given up meanwhile");
  }
  Result<Place> place = read_place(position, *standing);
  if (!place.ok()) return place.status();
  if (Status s = check_chain(core.engine(), snapshot->get(), place->group); !s.ok()) return s;
  PageReading reading(core, snapshot->get(), standing->position, position, o.bytes);
  if (!place->follows) return reading.copy(place->group, place->family, std::move(place->after));
  Result<std::string> page = reading.follow(place->group, standing->number);
  if (page.ok() && o.gives_up_behind && place->group.number > 0) {
    if (Status s = give_up(core, place->group.number); !s.ok()) return s;
  }
  return page;
}

}  // namespace bcstore::model
