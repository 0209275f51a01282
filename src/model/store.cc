#include "bcstore/store.h"

#include <utility>

#include "model/check.h"
#include "model/core.h"
#include "model/logical_hash.h"
#include "model/maintain.h"
#include "model/reads.h"
#include "model/trim_feed.h"

namespace bcstore {

namespace {

Status closed_status() { return Status(Code::closed, "the store is closed"); }

}  // namespace

Store::Store(std::shared_ptr<model::Core> core) : core_(std::move(core)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&& other) noexcept {
  if (this != &other) {
    Store old(std::move(core_));
    core_ = std::move(other.core_);
  }
  return *this;
}
// Tenants may live on; nothing that was handed in through them shall wait for their next commit.
Store::~Store() {
  if (core_ && !core_->closed()) (void)core_->queue().drive();
}

Result<Store> Store::open(const std::string& path, const Options& options) {
  if (Status s = model::check_options(options); !s.ok()) return s;
  bool fresh = false;
  OpenReport report;
  auto engine = engine::open_rocks(path, options, &fresh, &report);
  if (!engine.ok()) return engine.status();
  return model::open_over(std::move(*engine), options, fresh, std::move(report));
}

Result<Store> model::open_over(std::unique_ptr<engine::Engine> engine, const Options& options,
                               bool fresh, OpenReport report) {
  auto core = Core::open(std::move(engine), options, fresh, std::move(report));
  if (!core.ok()) return core.status();
  return Access::store(std::move(*core));
}

Tenant Store::tenant(UserId owner) const {
  auto state = std::make_shared<model::TenantState>();
  state->core = model::own_count(core_);
  state->owner = owner;
  state->actor = Actor::of_user(owner);
  state->bad = core_ ? model::check_owner(owner) : closed_status();
  return model::Access::tenant(std::move(state));
}

Service Store::service(std::string_view reason) const {
  return model::Access::service(core_, std::string(reason));
}

PublicView Store::public_view() const {
  auto state = std::make_shared<model::TenantState>();
  state->core = model::own_count(core_);
  state->owner = kPublicOwner;
  if (!core_) state->bad = closed_status();
  return model::Access::public_view(std::move(state));
}

Result<MaintainReport> Store::maintain(const MaintainOptions& options) {
  if (!core_ || core_->closed()) return closed_status();
  return model::maintain(*core_, options);
}

Result<FeedTrimReport> Store::trim_feed(const FeedTrim& trim) {
  if (!core_ || core_->closed()) return closed_status();
  return model::trim_feed(*core_, trim);
}

Status Store::scrub_secrets() {
  if (!core_ || core_->closed()) return closed_status();
  return core_->engine().scrub(engine::family_of(format::Kind::secret));
}

Status Store::sync() { return core_ ? core_->queue().sync() : closed_status(); }
Status Store::drive() { return core_ ? core_->queue().drive() : closed_status(); }
Status Store::health() const {
  if (!core_ || core_->closed()) return closed_status();
  return core_->queue().health();
}

Result<CheckReport> Store::check(const CheckOptions& options) const {
  if (!core_ || core_->closed()) return closed_status();
  return model::check_store(core_->engine(), options);
}

Result<Uuid> Store::logical_hash(HashScope scope) const {
  if (!core_ || core_->closed()) return closed_status();
  return model::logical_hash(core_->engine(), scope);
}

StoreStats Store::stats() const {
  return core_ && !core_->closed() ? core_->stats() : StoreStats();
}

OpenReport Store::open_report() const { return core_ ? core_->open_report() : OpenReport(); }

Status Store::compact() {
  return core_ && !core_->closed() ? core_->engine().flush(true) : closed_status();
}

Status Store::checkpoint(const std::string& directory) {
  return core_ && !core_->closed() ? core_->engine().checkpoint(directory) : closed_status();
}

Status Store::close() { return core_ ? core_->close() : closed_status(); }

}  // namespace bcstore
