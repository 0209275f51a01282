// Standbys: the verbs of Store. docs/ARCHITECTURE.md says what they promise.
#include <fmt/format.h>

#include <utility>

#include "bcstore/store.h"
#include "engine/families.h"
#include "model/encode.h"
#include "model/replica.h"

namespace bcstore {

using format::Key;
using format::Kind;
using model::ReplicaRole;
using model::ReplicaStanding;

namespace {

Status closed_status() { return Status(Code::closed, "the store is closed"); }

// The records of a store that holds nothing yet.
Status put_first(engine::Engine& engine, const model::Identity& identity, Time now) {
  const Actor keeper = Actor::of_system("standby");
  model::Encoder encoder;
  auto changes = engine.new_changes();
  const Key key(kSystemOwner, Kind::store);
  model::Draft store = encoder.store(format::kStoreFormat, identity.store_id, identity.salt, now);
  changes->put(engine::family_of(Kind::store), key, store.seal(key));
  model::Draft state =
      encoder.replica_state({keeper, kSystemOwner}, ReplicaRole::standby, false, {});
  const Key state_key(kSystemOwner, Kind::replica_state);
  changes->put(engine::family_of(Kind::replica_state), state_key, state.seal(state_key));
  return engine.apply(*changes, true);
}

}  // namespace

Result<std::string> Store::standby_identity() const {
  if (!core_ || core_->closed()) return closed_status();
  return model::pack_identity(*core_);
}

Result<std::string> Store::standby_page(std::string_view position, const StandbyPageOptions& o) {
  if (!core_ || core_->closed()) return closed_status();
  return model::make_page(*core_, position, o);
}

Status Store::drop_standbys() {
  if (!core_ || core_->closed()) return closed_status();
  return core_->queue().run_chore(
      [](model::Executor& executor) { return executor.stop_being_source(); }, Durability::durable);
}

Result<StandbyState> Store::standby_state() const {
  if (!core_ || core_->closed()) return closed_status();
  engine::Engine& engine = core_->engine();
  Result<std::unique_ptr<engine::Snapshot>> at = engine.snapshot();
  if (!at.ok()) return at.status();
  Result<ReplicaStanding> standing = model::read_standing(engine, at->get());
  if (!standing.ok()) return standing.status();
  const Key prefix(kSystemOwner, Kind::commit_link);
  auto newest = engine.scan({engine::family_of(Kind::commit_link), prefix.str(),
                             format::after_prefix(prefix), true, at->get()});
  StandbyState state;
  if (newest->next()) {
    state.last_commit_seq = format::key_u64(newest->key(), prefix.view().size());
  }
  if (!newest->status().ok()) return newest->status();
  state.is_standby = standing->role == ReplicaRole::standby;
  if (state.is_standby) state.position = standing->position;
  state.is_consistent = standing->is_consistent;
  return state;
}

Status Store::apply_standby_page(std::string_view bytes) {
  if (!core_ || core_->closed()) return closed_status();
  if (bytes.size() > model::kMaxPageBytes) {
    return Status(Code::invalid_argument, fmt::format("page: {} bytes are more than {}",
                                                      bytes.size(), model::kMaxPageBytes));
  }
  model::ReplicaPage page;
  if (Status s = model::read_page(bytes, &page); !s.ok()) return s;
  if (page.store_hash != core_->store_hash()) {
    return Status(Code::invalid_argument, "page: of another store");
  }
  return core_->queue().run_chore(
      [&page](model::Executor& executor) { return executor.apply_page(page); },
      Durability::durable);
}

Status Store::make_standby(const std::string& path, std::string_view identity,
                           const Options& options) {
  if (Status s = model::check_options(options); !s.ok()) return s;
  Result<model::Identity> of = model::unpack_identity(identity);
  if (!of.ok()) return of.status();
  bool fresh = false;
  auto engine = engine::open_rocks(path, options, &fresh);
  if (!engine.ok()) return engine.status();
  Status made = Status(Code::already_exists, path + " holds a store");
  if (fresh) {
    made = put_first(**engine, *of, (options.clock ? options.clock : system_clock())->now());
  }
  Status closed = (*engine)->close();
  return made.ok() ? closed : made;
}

Status Store::promote_standby(const std::string& path, const Options& options) {
  Options existing = options;
  existing.create_if_missing = false;
  if (Status s = model::check_options(existing); !s.ok()) return s;
  bool fresh = false;
  auto engine = engine::open_rocks(path, existing, &fresh);
  if (!engine.ok()) return engine.status();
  Result<ReplicaStanding> standing = model::read_standing(**engine, nullptr);
  Status promoted = standing.status();
  if (promoted.ok() && standing->role != ReplicaRole::standby) {
    promoted = Status(Code::failed_precondition, path + " holds no standby");
  } else if (promoted.ok() && !standing->is_consistent) {
    promoted = Status(Code::failed_precondition,
                      "the standby has a part of what it was to get, and is no store");
  } else if (promoted.ok()) {
    const Key key(kSystemOwner, Kind::replica_state);
    auto changes = (*engine)->new_changes();
    changes->erase(engine::family_of(Kind::replica_state), key);
    promoted = (*engine)->apply(*changes, true);
  }
  Status closed = (*engine)->close();
  return promoted.ok() ? closed : promoted;
}

}  // namespace bcstore
