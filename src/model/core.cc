#include "model/core.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <utility>

#include "model/read_feed.h"
#include "model/replica.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

namespace {

// Of the memory budget, for the heads that the commit queue remembers.
constexpr size_t kHeadCacheShare = 8;
constexpr size_t kContentCacheShare = 8;
constexpr size_t kTailCacheSixteenths = 3;
constexpr size_t kRowCacheShare = 8;
constexpr size_t kSearchCacheShare = 8;

}  // namespace

Status check_options(const Options& o) {
  auto invalid = [](std::string_view reason) {
    return Status(Code::invalid_argument, fmt::format("options: {}", reason));
  };
  if (o.memory_budget_bytes < (size_t{16} << 20))
    return invalid("memory_budget_bytes below 16 MiB");
  if (o.idempotency_window_us < 1'000'000 || o.idempotency_window_us > kMaxIdempotencyWindowUs) {
    return invalid("idempotency_window_us outside 1 s to 30 days");
  }
  if (o.standby_groups < kMinStandbyGroups || o.standby_groups > uint64_t{1} << 32) {
    return invalid("standby_groups outside 1,024 to 2^32");
  }
  if (o.snapshot_max_age_us < 0) return invalid("snapshot_max_age_us is negative");
  if (o.initial_credits < 0) return invalid("initial_credits is negative");
  if (o.log_ahead_bytes > kMaxLogAheadBytes) return invalid("log_ahead_bytes above 16 MiB");
  if (Status s = check_rate_limits(o.rate_limits); !s.ok()) return invalid(s.message());
  if (o.group_fill_us > 1'000'000) return invalid("group_fill_us above one second");
  return Status();
}

LiveCount::Cell& LiveCount::cell() {
  const pthread_t thread = pthread_self();
  return lines_[format::hash64({reinterpret_cast<const char*>(&thread), sizeof thread}) % kCells]
      .cell;
}

uint64_t LiveCount::count() const {
  uint64_t sum = 0;
  for (const Line& line : lines_) sum += line.cell.load();
  return sum;
}

Child::Child(std::shared_ptr<Core> core) : core_(std::move(core)), cell_(core_->children_.cell()) {
  ++cell_;
}
Child::~Child() { --cell_; }

std::shared_ptr<Core> own_count(const std::shared_ptr<Core>& core) {
  if (!core) return nullptr;
  auto count = std::make_shared<std::shared_ptr<Core>>(core);
  return {std::move(count), core.get()};
}

Core::Core(const Options& options)
    : options_(options),
      contents_(
          std::min(options.revision_cache_bytes, options.memory_budget_bytes / kContentCacheShare)),
      tails_(options.memory_budget_bytes / 16 * kTailCacheSixteenths),
      rows_(options.memory_budget_bytes / kRowCacheShare),
      searches_(options.memory_budget_bytes / kSearchCacheShare),
      rates_(options.rate_limits) {
  if (!options_.clock) options_.clock = system_clock();
  if (!options_.ids) options_.ids = random_ids(options_.clock);
}

Core::~Core() {
  if (queue_ && !closed()) {
    // Nobody is left to answer to; what was acknowledged is in the log.
    (void)queue_->close();
    if (engine_->live_children() == 0) (void)engine_->close();
  }
}

Result<std::shared_ptr<Core>> Core::open(std::unique_ptr<engine::Engine> engine,
                                         const Options& options, bool fresh, OpenReport report) {
  if (Status s = check_options(options); !s.ok()) return s;
  std::shared_ptr<Core> core(new Core(options));
  core->engine_ = std::move(engine);
  if (Status s = core->found(fresh); !s.ok()) return s;
  Executor::Settings settings;
  settings.salt = core->salt_;
  settings.idempotency_window_us = core->options_.idempotency_window_us;
  settings.lock_blocks_user_writes = core->options_.lock_blocks_user_writes;
  settings.initial_credits = core->options_.initial_credits;
  settings.past_due_is_pro = core->options_.past_due_is_pro;
  settings.pro_is_unlimited = core->options_.pro_is_unlimited;
  settings.cache_bytes = core->options_.memory_budget_bytes / kHeadCacheShare;
  settings.coder = &core->coder_;
  settings.contents = &core->contents_;
  settings.tails = &core->tails_;
  settings.rows = &core->rows_;
  settings.rates = &core->rates_;
  Result<uint64_t> floor = read_feed_floor(*core->engine_, nullptr);
  if (!floor.ok()) return floor.status();
  settings.feed_floor = *floor;
  Result<ReplicaStanding> standing = read_standing(*core->engine_, nullptr);
  if (!standing.ok()) return standing.status();
  settings.replica = *std::move(standing);
  settings.standby_groups = core->options_.standby_groups;
  settings.searches = &core->searches_;
  auto executor = std::make_unique<Executor>(*core->engine_, *core->options_.clock, settings);
  core->open_report_ = std::move(report);
  if (Status s = executor->recover(&core->open_report_); !s.ok()) return s;
  Core* self = core.get();
  core->queue_ = std::make_unique<CommitQueue>(std::move(executor), *core->engine_,
                                               core->options_.group_fill_us,
                                               [self] { return self->take_read_audits(); });
  return core;
}

// Reads the store record, or writes that of a new store.
Status Core::found(bool fresh) {
  Key key(kSystemOwner, Kind::store);
  engine::Value value;
  Status s = engine_->get(engine::Family::system, key, nullptr, &value);
  if (s.code() == Code::not_found) {
    if (!fresh) return Status(Code::corruption, "the store record is missing");
    // Random even where ids are injected: no two stores are one.
    std::shared_ptr<IdSource> random_source = random_ids(system_clock());
    Uuid id = random_source->next();
    Uuid random = random_source->next();
    uint64_t salt = format::hash64({reinterpret_cast<const char*>(random.bytes.data()), 16});
    Encoder encoder;
    auto changes = engine_->new_changes();
    Draft record = encoder.store(format::kStoreFormat, id, salt, options_.clock->now());
    changes->put(engine::Family::system, key, record.seal(key));
    s = engine_->apply(*changes, true);
    if (!s.ok()) return s;
    s = engine_->get(engine::Family::system, key, nullptr, &value);
  }
  if (!s.ok()) return s;
  format::Parsed parsed;
  if (s = format::parse_record(key, value.bytes(), &parsed); !s.ok()) return s;
  Draft record = Draft::copy(value.bytes());
  if (!format::verify_meta(Kind::store, record.meta(), record.meta_bytes())) {
    return format::corrupt(key, "the payload is malformed");
  }
  const auto* store = root<fb::StoreRecord>(record);
  if (store->format() > format::kStoreFormat) {
    return Status(Code::unsupported_format,
                  fmt::format("the store has format {}, this library reads up to {}",
                              store->format(), format::kStoreFormat));
  }
  salt_ = store->salt();
  const auto hash_of = [this](const Uuid& id) {
    return format::hash64({reinterpret_cast<const char*>(id.bytes.data()), 16}, salt_);
  };
  store_id_ = from_fb(store->store_id());
  store_hash_ = hash_of(store_id_);
  open_hash_ = hash_of(random_ids(system_clock())->next());
  return Status();
}

void Core::note_read(UserId owner, const std::string& reason) {
  bool full = false;
  {
    std::lock_guard lock(audit_mutex_);
    auto same = std::find_if(read_audits_.begin(), read_audits_.end(), [&](const ReadAudit& a) {
      return a.owner == owner && a.reason == reason;
    });
    if (same != read_audits_.end()) {
      ++same->reads;
      return;
    }
    read_audits_.push_back({owner, reason, 1});
    full = read_audits_.size() >= kMaxBufferedAudits;
  }
  // Its own failure is the next writer's to hear of.
  if (full) (void)queue_->drive();
}

std::vector<std::unique_ptr<BatchBody>> Core::take_read_audits() {
  std::vector<ReadAudit> taken;
  {
    std::lock_guard lock(audit_mutex_);
    taken.swap(read_audits_);
  }
  std::vector<std::unique_ptr<BatchBody>> batches;
  for (const ReadAudit& audit : taken) {
    auto batch = std::make_unique<BatchBody>(nullptr, audit.owner, Actor::of_system(audit.reason));
    std::string payload =
        fmt::format("{{\"reason\":{},\"reads\":{}}}", json_text(audit.reason), audit.reads);
    NewEvent event{.type = "service.read", .payload = payload};
    batch->append_audit(event);
    batches.push_back(std::move(batch));
  }
  return batches;
}

Status Core::close() {
  if (closed()) return Status(Code::closed, "the store is closed");
  if (uint64_t live = live_children(); live != 0) {
    return Status(Code::failed_precondition,
                  fmt::format("{} cursors, records or snapshots are alive", live));
  }
  // A latched store closes too: what it could not write was answered when it failed.
  Status synced = queue_->close();
  if (!synced.ok() && synced.code() != Code::read_only && synced.code() != Code::closed) {
    return synced;
  }
  queue_->waiters().close();
  Status s = engine_->close();
  // Between the count and the close somebody may have begun to read: the store then stays open for
  // reading only, and closing may be tried again.
  if (s.ok()) closed_.store(true, std::memory_order_release);
  return s;
}

StoreStats Core::stats() const {
  StoreStats out;
  engine::EngineStats engine = engine_->stats();
  for (const engine::FamilyStats& family : engine.families) {
    out.families.push_back(
        {family.name, family.keys_estimate, family.sst_bytes, family.memtable_bytes});
  }
  out.wal_bytes = engine.wal_bytes;
  out.disk_bytes = engine.disk_bytes;
  out.block_cache_bytes = engine.block_cache_bytes;
  out.live_children = live_children();
  out.snapshots = engine.snapshots;
  out.oldest_snapshot_age_us = engine.oldest_snapshot_age_us;
  const CommitQueue::Counters& counters = queue_->counters();
  out.head_cache_bytes = counters.cache_bytes;
  out.revision_cache_bytes = contents_.bytes();
  out.message_cache_bytes = tails_.bytes();
  out.row_cache_bytes = rows_.bytes();
  out.search_cache_bytes = searches_.bytes();
  out.standby_groups = count_kept_groups(*engine_);
  out.last_commit_seq = counters.last_seq;
  out.durable_commit_seq = counters.durable_seq;
  out.commits = counters.commits;
  out.groups = counters.groups;
  out.syncs = counters.syncs;
  return out;
}

}  // namespace bcstore::model
