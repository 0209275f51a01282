// Recovery: what opening a store makes of a log that was cut, changed or torn, and what it tells.
#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "crash/modes.h"
#include "engine/log_guard.h"
#include "planted.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using format::Key;
using format::Kind;
namespace files = std::filesystem;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A closed store with rows in tables and rows in its log, and a copy of it to be changed.
struct Closed {
  World w;
  UserId owner;
  uint64_t in_tables = 0;  // commits
  uint64_t commits = 0;
  std::string log;  // the name of the one file of the log that holds something
  std::string bytes;

  explicit Closed(int messages = 8) {
    owner = w.user("a@x");
    const Tenant t = w.store().tenant(owner);
    CHECK_CODE(ok, t.append_event({.type = "flushed"}));
    CHECK_CODE(ok, w.store().compact());
    in_tables = w.commits();
    for (int i = 0; i < messages; ++i) {
      const std::string payload = fmt::format("\"{}\"", repeat("x", static_cast<size_t>(i) * 40));
      CHECK_CODE(ok, t.append_event({.type = "logged", .payload = payload}));
    }
    commits = w.commits();
    CHECK_CODE(ok, w.store().close());
    for (const auto& entry : files::directory_iterator(w.path)) {
      if (entry.path().extension() != ".log" || entry.file_size() == 0) continue;
      REQUIRE(log.empty());
      log = entry.path().filename().string();
    }
    REQUIRE(!log.empty());
    bytes = read_file(w.path + "/" + log);
    reset();
  }
  std::string path() const { return w.directory.sub("copy"); }
  void reset() const {
    files::remove_all(path());
    files::copy(w.path, path());
  }
  void write_log(std::string_view text) const {
    std::ofstream(path() + "/" + log, std::ios::binary) << text;
  }
  Result<Store> open() const {
    Options options = w.options;
    options.create_if_missing = false;
    return Store::open(path(), options);
  }
};

TEST_CASE("recovery: a store tells what it found in its log") {
  const Closed closed;
  const Store store = closed.open().value();
  const OpenReport report = store.open_report();
  CHECK(report.cuts.empty());
  CHECK(report.log_bytes == closed.bytes.size());
  CHECK(report.first_commit_seq == closed.in_tables + 1);
  CHECK(report.last_commit_seq == closed.commits);
  CHECK(report.log_commits == closed.commits - closed.in_tables);
  CHECK(report.checked_commits == closed.commits);
}

// What the youngest file of the log holds.
std::string newest_log(const std::string& path) {
  std::string name;
  for (const auto& entry : files::directory_iterator(path)) {
    const std::string other = entry.path().filename().string();
    if (other.ends_with(".log")) name = std::max(name, other);
  }
  return read_file(path + "/" + name);
}

TEST_CASE("recovery: the log is laid out ahead once it is synced, and a kill leaves no trace") {
  for (const size_t ahead_bytes : {size_t{0}, size_t{1} << 20, size_t{100}}) {
    CAPTURE(ahead_bytes);
    World w([&](Options& options) { options.log_ahead_bytes = ahead_bytes; });
    const Tenant t = w.tenant("a@x");
    const auto zeros = [&] {
      const std::string bytes = newest_log(w.path);
      return bytes.size() - (bytes.find_last_not_of('\0') + 1);
    };
    CHECK_CODE(ok, t.append_event({.type = "durable"}));
    const size_t first = zeros();
    CHECK((ahead_bytes == 0 ? first < 8 : first >= 100));
    for (int i = 0; i < 500; ++i) {
      CHECK_CODE(
          ok, t.append_event({.type = std::string(200, 'e')}, {.durability = Durability::relaxed}));
    }
    // Nobody synced since: what lies ahead is used up, and no more is laid out.
    if (ahead_bytes <= 100) CHECK(zeros() < 8);
    CHECK_CODE(ok, t.append_event({.type = "durable"}));
    CHECK_CODE(ok, t.append_event({.type = "durable"}));
    const uint64_t commits = w.commits();
    w.kill();
    CHECK(w.store().open_report().cuts.empty());
    CHECK(w.commits() == commits);
    CHECK(w.store().check({.files = true}).value().violations == 0);
    w.reopen();
    CHECK(w.store().open_report().cuts.empty());
    CHECK(w.commits() == commits);
  }
  Options too_far;
  too_far.log_ahead_bytes = kMaxLogAheadBytes + 1;
  CHECK_CODE(invalid_argument, Store::open(World().directory.sub("x"), too_far));
}

TEST_CASE("recovery: the log may be cut at any length, and a prefix of the commits is left") {
  const Closed closed;
  const auto system = default_file_system();
  const engine::Manifest manifest = engine::read_manifest(*system, closed.path()).value();
  uint64_t last = closed.in_tables;
  std::vector<size_t> edges;  // lengths from which on one commit more is there
  for (size_t size = 0; size <= closed.bytes.size(); ++size) {
    CAPTURE(size);
    closed.write_log(std::string_view(closed.bytes).substr(0, size));
    engine::LogGuard guard(*system, closed.path(), manifest);
    const Status read = guard.read();
    INFO(read.to_string());
    REQUIRE(read.ok());
    const uint64_t found = std::max(guard.report().last_commit_seq, closed.in_tables);
    REQUIRE(found >= last);
    REQUIRE(found <= last + 1);
    if (found > last) edges.push_back(size);
    last = found;
  }
  CHECK(last == closed.commits);
  // The whole way, where a commit ends and in between.
  for (const size_t edge : edges) {
    for (const size_t size : {edge - 1, edge, std::min(edge + 5, closed.bytes.size())}) {
      CAPTURE(size);
      closed.reset();
      closed.write_log(std::string_view(closed.bytes).substr(0, size));
      const Store store = closed.open().value();
      const auto whole =
          std::count_if(edges.begin(), edges.end(), [&](size_t one) { return one <= size; });
      const uint64_t expected = closed.in_tables + static_cast<uint64_t>(whole);
      CHECK(store.stats().last_commit_seq == expected);
      const bool torn = size != 0 && std::find(edges.begin(), edges.end(), size) == edges.end();
      CHECK(store.open_report().cuts.size() == (torn ? 1 : 0));
      CHECK(store.check({.files = true}).value().violations == 0);
      const Tenant t = store.tenant(closed.owner);
      const auto audits = rows_of(t.events(), [](const Event& e) { return e.is_audit(); });
      CHECK(std::count(audits.begin(), audits.end(), false) + 1 == static_cast<int>(expected));
    }
  }
}

TEST_CASE("recovery: an end of other bytes is cut, and the store takes new commits") {
  const Closed closed;
  const std::string half = closed.bytes.substr(0, closed.bytes.size() / 2);
  for (const std::string& tail : {std::string(700, '\0'), repeat("garbage! ", 80)}) {
    closed.reset();
    closed.write_log(half + tail);
    uint64_t last = 0;
    {
      Store store = closed.open().value();
      const OpenReport report = store.open_report();
      REQUIRE(report.cuts.size() == 1);
      CHECK(report.cuts[0].file == closed.log);
      CHECK(report.cuts[0].offset + report.cuts[0].bytes == half.size() + tail.size());
      last = store.stats().last_commit_seq;
      CHECK(last > closed.in_tables);
      CHECK_CODE(ok, store.tenant(closed.owner).append_event({.type = "new"}));
      CHECK_CODE(ok, store.close());
    }
    const Store store = closed.open().value();
    CHECK(store.open_report().cuts.empty());
    CHECK(store.stats().last_commit_seq == last + 1);
    CHECK(store.check().value().violations == 0);
  }
}

TEST_CASE("recovery: damage before the end of the log is refused, and nothing is changed") {
  const Closed closed;
  std::string damaged = closed.bytes;
  std::fill_n(damaged.begin() + static_cast<ptrdiff_t>(damaged.size() / 2), 100, 'z');
  closed.write_log(damaged);
  const Status status = closed.open().status();
  CHECK(name_of(status) == "corruption");
  CHECK(status.message().find(closed.log + " is damaged at offset") != std::string_view::npos);
  CHECK(read_file(closed.path() + "/" + closed.log) == damaged);
}

TEST_CASE("recovery: a manifest that is cut short is damage, or opens as it was before an edit") {
  const Closed closed;
  const auto system = default_file_system();
  const std::string name = engine::read_manifest(*system, closed.path()).value().name;
  const std::string bytes = read_file(closed.path() + "/" + name);
  bool opened = false;
  for (size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    std::ofstream(closed.path() + "/" + name, std::ios::binary) << bytes.substr(0, size);
    const Result<engine::Manifest> manifest = engine::read_manifest(*system, closed.path());
    const bool whole = manifest.ok() && manifest->families.size() == engine::kFamilies;
    REQUIRE((whole || !opened));
    opened = opened || whole;
    if (!manifest.ok()) {
      REQUIRE(manifest.code() == Code::corruption);
      const Status refusal = manifest.status();
      REQUIRE(refusal.message().find(name + " is damaged at offset") != std::string_view::npos);
    } else if (!whole) {
      const Status status = closed.open().status();
      // Between two edits it is what an older version wrote, with fewer families.
      const bool between = !manifest->end.torn();
      REQUIRE(name_of(status) == (between ? "unsupported_format" : "corruption"));
      if (between) continue;
      REQUIRE(status.message().find(name + " is damaged at offset") != std::string_view::npos);
    }
  }
  CHECK(opened);
}

// The log of a store that was flushed may be empty, never gone.
TEST_CASE("recovery: a store whose log is gone is refused") {
  const Closed closed;
  files::remove(closed.path() + "/" + closed.log);
  const Status status = closed.open().status();
  CHECK(name_of(status) == "corruption");
  CHECK(status.message().find(".log, or a younger file of the log, is missing") !=
        std::string_view::npos);
}

TEST_CASE("recovery: a new store whose log is gone or empty is no new store") {
  for (const bool gone : {true, false}) {
    World w;
    (void)w.user("a@x");
    CHECK_CODE(ok, w.store().close());
    for (const auto& entry : files::directory_iterator(w.path)) {
      if (entry.path().extension() != ".log") continue;
      if (gone) {
        files::remove(entry.path());
      } else {
        files::resize_file(entry.path(), 0);
      }
    }
    CHECK(name_of(Store::open(w.path, w.options).status()) == "corruption");
  }
}

TEST_CASE("recovery: any changed byte of any file is refused, found, or without meaning") {
  crash::RunOptions options;
  options.seed = seed_from_environment(20251123);
  MESSAGE("seed ", options.seed);
  options.rounds = 150;
  const crash::Verdict verdict = crash::run_flips(options, /*every=*/false, /*isolated=*/false);
  for (const std::string& detail : verdict.details) FAIL_CHECK(detail);
  CHECK(verdict.clean());
}

TEST_CASE("recovery: a commit that is missing among the last ones is seen when a store opens") {
  EngineWorld w;
  const Tenant t = w.tenant("a@x");
  for (int i = 0; i < 30; ++i) CHECK_CODE(ok, t.append_event({.type = "t"}));
  const uint64_t missing = w.commits() - 10;
  Key link(kSystemOwner, Kind::commit_link);
  link.u64(missing);
  w.erase(engine::Family::log, link);
  const auto refused = [&] {
    CHECK_CODE(ok, w.held->close());
    w.held.reset();
    return w.opener(w.path, w.options).status();
  };
  const Status status = refused();
  CHECK(name_of(status) == "corruption");
  CHECK(status.message().find(fmt::format("commit {} is missing", missing)) !=
        std::string_view::npos);
}

// Counts what is read of files.
class Counted final : public FileSystemWrapper {
 public:
  Counted() : FileSystemWrapper(default_file_system()) {}
  Result<std::unique_ptr<Reader>> open_reader(const std::string& path) override {
    Result<std::unique_ptr<Reader>> reader = FileSystemWrapper::open_reader(path);
    if (!reader) return reader;
    return std::unique_ptr<Reader>(std::make_unique<File>(this, *std::move(reader)));
  }
  std::atomic<uint64_t> reads{0};
  std::atomic<uint64_t> bytes{0};

 private:
  class File final : public Reader {
   public:
    File(Counted* owner, std::unique_ptr<Reader> target)
        : owner_(owner), target_(std::move(target)) {}
    Result<size_t> read(uint64_t offset, size_t size, char* buffer) const override {
      ++owner_->reads;
      owner_->bytes += size;
      return target_->read(offset, size, buffer);
    }

   private:
    Counted* owner_;
    std::unique_ptr<Reader> target_;
  };
};

TEST_CASE("recovery: opening reads a few small pieces of each table, whatever is in them") {
  const auto counted = std::make_shared<Counted>();
  World w([&](Options& o) {
    o.group_fill_us = 0;
    o.file_system = counted;
  });
  const UserId owner = w.user("a@x");
  const auto opened = [&](int events, int bytes) {
    constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};
    const std::string payload = fmt::format("\"{}\"", repeat("x", static_cast<size_t>(bytes)));
    for (int i = 0; i < events; ++i) {
      const NewEvent event{.type = "t", .payload = payload};
      CHECK_CODE(ok, w.store().tenant(owner).append_event(event, kRelaxed));
    }
    CHECK_CODE(ok, w.store().compact());
    w.reopen();  // nothing is in the log any more
    counted->reads = counted->bytes = 0;
    w.reopen();
    CHECK(w.store().open_report().tables > 0);
    return std::pair{counted->reads.load() / w.store().open_report().tables,
                     counted->bytes.load() / w.store().open_report().tables};
  };
  const auto few = opened(100, 100);
  const auto many = opened(900, 2'000);
  CAPTURE(few.first);
  CAPTURE(few.second);
  CAPTURE(many.first);
  CAPTURE(many.second);
  CHECK(many.first <= few.first + 3);
  CHECK(many.second <= few.second * 2);
}

TEST_CASE("recovery: a long history makes no longer opening") {
  World w([](Options& o) { o.group_fill_us = 0; });
  const Tenant t = w.tenant("a@x");
  constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};
  for (int i = 0; i < 500; ++i) CHECK_CODE(ok, t.append_event({.type = "t"}, kRelaxed));
  w.reopen();  // empties the log into tables
  w.reopen();
  CHECK(w.store().open_report().log_commits == 0);
  const uint64_t with_empty_log = w.store().open_report().checked_commits;
  CHECK(with_empty_log < 100);
  for (int i = 0; i < 200; ++i) {
    CHECK_CODE(ok, w.store().tenant(t.owner()).append_event({.type = "t"}, kRelaxed));
  }
  w.reopen();
  CHECK(w.store().open_report().log_commits == 200);
  CHECK(w.store().open_report().checked_commits == 201);
}

}  // namespace
}  // namespace bcstore
