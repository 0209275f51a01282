// check_store over an engine whose reads fail, and beside writers.
#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "damaged.h"

namespace bcstore::model {
namespace {

// Counts reads, and fails one of them.
class FailingReads final : public engine::Engine {
 public:
  FailingReads(engine::Engine& target, uint64_t fail_at, Code code)
      : target_(target), fail_at_(fail_at), fault_(code, "made to fail") {}

  bool failed() const { return reads_ >= fail_at_; }
  Status next_read() { return ++reads_ == fail_at_ ? fault_ : Status(); }

  Status get(Family family, std::string_view key, const engine::Snapshot* snapshot,
             engine::Value* value) override {
    if (Status s = next_read(); !s.ok()) return s;
    return target_.get(family, key, snapshot, value);
  }
  void multi_get(std::span<engine::Read> reads, const engine::Snapshot* snapshot) override {
    target_.multi_get(reads, snapshot);
    for (engine::Read& read : reads) {
      if (Status s = next_read(); !s.ok()) read.status = s;
    }
  }
  std::unique_ptr<engine::Scan> scan(const engine::ScanRequest& request) override;
  Result<std::unique_ptr<engine::Snapshot>> snapshot() override {
    if (Status s = next_read(); !s.ok()) return s;
    return target_.snapshot();
  }
  std::unique_ptr<engine::ChangeSet> new_changes() override { return target_.new_changes(); }
  Status apply(engine::ChangeSet& changes, bool sync) override {
    return target_.apply(changes, sync);
  }
  Status sync() override { return target_.sync(); }
  Status health() const override { return target_.health(); }
  Status flush(bool compact) override { return target_.flush(compact); }
  Status scrub(engine::Family) override { return fault_; }
  Status verify_files() override { return fault_; }
  Status checkpoint(const std::string& directory) override { return target_.checkpoint(directory); }
  engine::EngineStats stats() const override { return target_.stats(); }
  uint64_t live_children() const override { return target_.live_children(); }
  Status close() override { return target_.close(); }

 private:
  engine::Engine& target_;
  uint64_t reads_ = 0;
  const uint64_t fail_at_;
  const Status fault_;
};

// Each row is a read.
class FailingScan final : public engine::Scan {
 public:
  FailingScan(FailingReads& reads, std::unique_ptr<Scan> target)
      : reads_(reads), target_(std::move(target)) {}
  bool next() override {
    fault_ = reads_.next_read();
    return fault_.ok() && target_->next();
  }
  std::string_view key() const override { return target_->key(); }
  std::string_view value() const override { return target_->value(); }
  const Status& status() const override { return fault_.ok() ? target_->status() : fault_; }

 private:
  FailingReads& reads_;
  const std::unique_ptr<Scan> target_;
  Status fault_;
};

std::unique_ptr<engine::Scan> FailingReads::scan(const engine::ScanRequest& request) {
  return std::make_unique<FailingScan>(*this, target_.scan(request));
}

constexpr uint64_t kNever = ~uint64_t{0};

}  // namespace

TEST_CASE("check: a read that fails is its answer, whichever read it is") {
  Damaged store;
  for (uint64_t n = 1;; n += n < 40 ? 1 : 61) {
    FailingReads failing(store.engine(), n, Code::io_error);
    const Result<CheckReport> report = check_store(failing, {});
    if (!failing.failed()) {
      CHECK(report.ok());
      CHECK(n > 500);
      break;
    }
    INFO("read ", n);
    CHECK(report.code() == Code::io_error);
  }
  CHECK(store.engine().live_children() == 0);
}

TEST_CASE("check: a block that is damaged is a violation, whichever read meets it") {
  Damaged store;
  for (uint64_t n = 2;; n += n < 40 ? 1 : 61) {
    FailingReads failing(store.engine(), n, Code::corruption);
    const Result<CheckReport> report = check_store(failing, {});
    REQUIRE(report.ok());
    if (!failing.failed()) {
      CHECK(report->violations == 0);
      break;
    }
    INFO("read ", n);
    CHECK(report->violations > 0);
    bool named = false;
    for (const Violation& v : report->listed) named = named || v.rule == "rows can be read";
    CHECK(named);
  }
}

TEST_CASE("check: files that do not verify are a violation, when they are looked at") {
  Damaged store;
  FailingReads failing(store.engine(), kNever, Code::corruption);
  CHECK(check_store(failing, {}).value().violations == 0);
  const CheckReport report = check_store(failing, {.files = true}).value();
  REQUIRE(report.violations == 1);
  CHECK(report.listed[0].table == "files");
  CHECK(report.listed[0].rule == "every block verifies");
}

TEST_CASE("check: a closed engine is no report") {
  Damaged store;
  REQUIRE(store.engine().close().ok());
  CHECK(check_store(store.engine(), {}).code() == Code::closed);
}

TEST_CASE("check: sees one state while others write") {
  World world;
  const UserId owner = world.user("ada@example.com");
  const Rich rich = fixture::enrich(world.store(), owner, "ada");
  std::atomic<bool> done{false};
  std::thread writer([&] {
    const Tenant tenant = world.store().tenant(owner);
    const CommitOptions relaxed{.durability = Durability::relaxed};
    // Few enough that a look at everything stays short.
    for (int32_t i = 0; i < 60; ++i) {
      world.clock->advance(fixture::kDayUs);
      WriteBatch batch = tenant.batch();
      batch.append_message(rich.chat, {.role = Role::user, .content = "more"});
      batch.append_event({.type = "more", .session = rich.chat});
      batch.add_revision(rich.document, {.content = R"({"more":true})"});
      batch.revise_task(rich.task, {.phase = i % 7});
      batch.record_activity(rich.task, i % 2 == 0 ? TaskAction::reopen : TaskAction::complete);
      batch.rename_chat(rich.chat, "more");
      batch.set_status(rich.project, ProjectStatus::ready);
      if (!tenant.commit(batch, relaxed).ok()) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    done = true;
  });
  uint64_t violations = 0;
  std::string found;
  while (!done) {
    const CheckReport report = world.store().check().value();
    violations += report.violations;
    found += shown(report);
  }
  writer.join();
  INFO(found);
  CHECK(violations == 0);
  CHECK(world.store().check().value().checked.at("commit_link") > 60);
}

}  // namespace bcstore::model
