// Bad surroundings: paths that are no store, a second open, a newer format, directories that can
// not be written and disks that are full. Each has its code, and the process goes on.
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "billing_stories.h"
#include "engine/disturbed_files.h"
#include "planted.h"
#include "walk.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using engine::DisturbedFiles;

Status opened(const std::string& path, const World::Tweak& tweak = {}) {
  Options options;
  options.memory_budget_bytes = size_t{16} << 20;
  if (tweak) tweak(options);
  return Store::open(path, options).status();
}

void write_file(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

TEST_CASE("bad store: options that can not be") {
  const TempDir dir;
  const std::string path = dir.sub("store");
  check_calls({
      CALL(invalid_argument, opened(path, [](Options& o) { o.memory_budget_bytes = 0; })),
      CALL(invalid_argument,
           opened(path, [](Options& o) { o.memory_budget_bytes = (16u << 20) - 1; })),
      CALL(invalid_argument, opened(path, [](Options& o) { o.snapshot_max_age_us = -1; })),
      CALL(invalid_argument, opened(path, [](Options& o) { o.idempotency_window_us = 0; })),
  });
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK_CODE(ok, opened(path));
}

TEST_CASE("bad store: paths that are no store") {
  const TempDir dir;
  const auto no_create = [](Options& o) { o.create_if_missing = false; };
  const std::string stranger = dir.sub("stranger");
  std::filesystem::create_directory(stranger);
  write_file(stranger + "/letter.txt", "dear reader");
  const std::string file = dir.sub("file");
  write_file(file, "not a directory");
  const std::string empty = dir.sub("empty");
  std::filesystem::create_directory(empty);
  const std::string cut = dir.sub("cut");
  std::filesystem::create_directory(cut);
  write_file(cut + "/CURRENT", "");
  const std::string lying = dir.sub("lying");
  std::filesystem::create_directory(lying);
  write_file(lying + "/CURRENT", "MANIFEST-000001\n");
  check_calls({
      CALL(not_found, opened(dir.sub("none"), no_create)),
      CALL(not_found, opened(empty, no_create)),
      CALL(unsupported_format, opened(stranger)),
      CALL(unsupported_format, opened(file)),
      CALL(unsupported_format, opened(file, no_create)),
      CALL(ok, opened(empty)),
      CALL(ok, opened(empty, no_create)),
  });
  CHECK_FALSE(std::filesystem::exists(dir.sub("none")));
  // Broken ones are refused, with whatever fits.
  for (const std::string& path : {cut, lying}) {
    const Status answer = opened(path);
    INFO(answer.to_string());
    CHECK_FALSE(answer.ok());
    CHECK(answer.code() != Code::internal);
  }
  // What lay there lies there still.
  CHECK(std::filesystem::file_size(stranger + "/letter.txt") == 11);
  CHECK(std::filesystem::file_size(file) == 15);
}

TEST_CASE("bad store: a second open is busy, and does not disturb the first") {
  World w;
  const Tenant t = w.tenant("a@x");
  for (int i = 0; i < 3; ++i) CHECK_CODE(busy, Store::open(w.path, w.options));
  CHECK_CODE(ok, t.append_event({.type = "t"}));
  CHECK_CODE(ok, w.store().close());
  CHECK_CODE(ok, Store::open(w.path, w.options));
}

TEST_CASE("bad store: in a child after fork every call is wrong_process") {
  World w;
  const Tenant t = w.tenant("a@x");
  WriteBatch batch = t.batch();
  batch.append_event({.type = "t"});
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const bool refused = t.profile().code() == Code::wrong_process &&
                         status_of(t.projects()).code() == Code::wrong_process &&
                         t.snapshot().code() == Code::wrong_process &&
                         t.commit(batch).code() == Code::wrong_process &&
                         w.store().sync().code() == Code::wrong_process &&
                         status_of(w.service().users()).code() == Code::wrong_process;
    ::_exit(refused ? 0 : 1);  // without destructors: the store is the parent's
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK_CODE(ok, t.commit(batch));
}

TEST_CASE("bad store: a newer format is refused with a sentence, and left alone") {
  EngineWorld w;
  const UserId owner = w.user("a@x");
  const Row row = rows_of_kind(w, kSystemOwner, format::Kind::store).at(0);
  const std::string newer = remade<fb::StoreRecord>(row, row.key, [](fb::StoreRecord& record) {
    REQUIRE(record.mutate_format(format::kStoreFormat + 1));
  });
  w.put(row.family, row.key, newer);
  REQUIRE(w.store().close().ok());
  w.held.reset();
  w.watch->engine.reset();
  const Status refused = Store::open(w.path, w.options).status();
  CHECK(name_of(refused) == "unsupported_format");
  CHECK(refused.message().find(std::to_string(format::kStoreFormat + 1)) != std::string_view::npos);
  // Put back, it opens as if nothing had been.
  {
    bool fresh = false;
    const std::unique_ptr<engine::Engine> raw = *engine::open_rocks(w.path, w.options, &fresh);
    CHECK_FALSE(fresh);
    const std::unique_ptr<engine::ChangeSet> changes = raw->new_changes();
    changes->put(row.family, row.key, row.value);
    REQUIRE(raw->apply(*changes, true).ok());
    REQUIRE(raw->close().ok());
  }
  Store again = Store::open(w.path, w.options).value();
  CHECK_CODE(ok, again.tenant(owner).profile());
}

struct OnBadDisk : World {
  explicit OnBadDisk(std::shared_ptr<DisturbedFiles> disk = std::make_shared<DisturbedFiles>())
      : World([&](Options& o) { o.file_system = disk; }), files(disk) {}
  std::shared_ptr<DisturbedFiles> files;
};

TEST_CASE("bad store: a directory that can not be written") {
  const TempDir dir;
  const auto files = std::make_shared<DisturbedFiles>();
  files->fail_at(1, Code::io_error, true);
  const auto on_it = [&](Options& o) { o.file_system = files; };
  CHECK_CODE(io_error, opened(dir.sub("store"), on_it));
  files->fail_at(0);
  CHECK_CODE(ok, opened(dir.sub("store"), on_it));
  files->fail_at(1, Code::io_error, true);
  CHECK_CODE(io_error, opened(dir.sub("store"), on_it));
  files->fail_at(0);
  CHECK_CODE(ok, opened(dir.sub("store"), on_it));
}

TEST_CASE("bad store: without free space a customer does not move, not even halfway") {
  OnBadDisk w;
  const UserId had = w.user("a@x"), gets = w.user("b@x");
  apply(w, checkout("late", 2, had));
  apply(w, report("active", 3, SubscriptionStatus::active));
  const std::string before = shown(w.store().tenant(had)) + shown(w.store().tenant(gets));
  const uint64_t commits = w.commits();
  w.files->set_free_space(0);
  CHECK_CODE(no_space, w.service().apply_billing_event(checkout("early", 1, gets)));
  CHECK(w.commits() == commits);
  CHECK(shown(w.store().tenant(had)) + shown(w.store().tenant(gets)) == before);
  w.files->set_free_space(std::nullopt);
  CHECK(apply(w, checkout("early", 1, gets)) == BillingOutcome::applied);
  CHECK(w.commits() == commits + 2);
  CHECK(shown(w.store().tenant(had)) == "free - 10");
  check_clean(w);
}

TEST_CASE("bad store: without free space a commit is refused and nothing is written") {
  OnBadDisk w;
  const Tenant t = w.tenant("a@x");
  const std::string before = walk(t);
  const uint64_t commits = w.commits();
  for (const uint64_t left : {uint64_t{0}, w.options.free_space_reserve_bytes}) {
    w.files->set_free_space(left);
    WriteBatch batch = t.batch();
    const ProjectId p = batch.create_project({.name = "P", .idea_prompt = ""});
    CHECK_CODE(no_space, t.commit(batch));
    CHECK(batch.size() == 1);
    CHECK_CODE(no_space, t.append_event({.type = "t"}, {.durability = Durability::relaxed,
                                                        .idempotency_key = "k"}));
    CHECK_CODE(no_space, t.submit(std::move(batch)).wait());
    CHECK_CODE(no_space, w.service().create_user({.email = "b@x"}));
    CHECK_CODE(not_found, t.project(p));
    CHECK(walk(t) == before);
    CHECK(w.commits() == commits);
    CHECK_CODE(ok, w.store().health());  // refused is not broken
  }
  // Room again, and the same request with the same key is done for the first time.
  w.files->set_free_space(std::nullopt);
  const uint64_t id = t.append_event({.type = "t"}, {.idempotency_key = "k"}).value();
  CHECK(t.append_event({.type = "t"}, {.idempotency_key = "k"}).value() == id);
  CHECK(w.commits() == commits + 1);
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE(
    "bad store: after a write that failed the store reads on and writes no more until reopened") {
  for (const Code cause : {Code::no_space, Code::io_error}) {
    for (const auto kind : {DisturbedFiles::Operation::append, DisturbedFiles::Operation::sync}) {
      CAPTURE(to_string(cause));
      OnBadDisk w;
      const UserId owner = w.user("a@x");
      const Tenant t = w.store().tenant(owner);
      const ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
      const ChatSessionId chat = t.start_chat(p).value();
      w.files->fail_only(kind);
      w.files->fail_at(1, cause, true, ".log");
      const CommitOptions key{.idempotency_key = "turn"};
      const NewMessage hello{.role = Role::user, .content = "hello"};
      CHECK_CODE(unknown_outcome, t.append_message(chat, hello, key));
      check_calls({
          CALL(read_only, t.append_message(chat, hello, key)),
          CALL(read_only, t.append_event({.type = "t"})),
          CALL(read_only, w.service().create_user({.email = "b@x"})),
          CALL(read_only, w.store().sync()),
          CALL(read_only, w.store().health()),
          CALL(ok, t.profile()),
          CALL(ok, t.project(p)),
          CALL(ok, t.messages(chat)),
          CALL(ok, t.snapshot()),
      });
      w.files->fail_at(0);
      w.files->fail_only(std::nullopt);
      // It does not heal by itself.
      CHECK_CODE(read_only, t.append_event({.type = "t"}));
      static_cast<void>(w.store().close());
      w.held.reset();
      w.open();
      const Tenant again = w.store().tenant(owner);
      // Whatever became of the first one, the retry makes it exactly one.
      CHECK(again.append_message(chat, hello, key).value() == 1);
      CHECK(again.last_seq(chat).value() == 1);
      CHECK(w.store().check().value().violations == 0);
    }
  }
}

}  // namespace
}  // namespace bcstore
