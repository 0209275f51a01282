// What is looked at before RocksDB opens a store, on directories made by hand: several files of the
// log, holes between them, manifests.
#include "engine/log_guard.h"

#include <fstream>
#include <functional>
#include <iterator>

#include "engine/engine_fixture.h"
#include "engine/log_maker.h"

namespace bcstore::engine {
namespace {

class Directory {
 public:
  // Families whose tables lack nothing that is older than log `heads` and `links`.
  explicit Directory(uint64_t heads = 0, uint64_t links = 0) {
    manifest_.add(family_edit(0, "default", heads));
    manifest_.add(family_edit(1, "heads", heads));
    manifest_.add(family_edit(6, "log", links));
    write("CURRENT", "MANIFEST-000004\n");
  }
  std::string path(const std::string& name) const { return scratch_.at(name); }
  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  LogMaker& manifest() { return manifest_; }

  // Reads and cuts, as opening does.
  Status open(OpenReport* report = nullptr) {
    write("MANIFEST-000004", manifest_.bytes() + manifest_tail);
    const auto files = default_file_system();
    Result<Manifest> read = read_manifest(*files, scratch_.path());
    if (!read) return read.status();
    LogGuard guard(*files, scratch_.path(), *read, last_commit);
    if (Status status = guard.read(); !status) return status;
    if (Status status = guard.cut(); !status) return status;
    if (report != nullptr) *report = guard.report();
    return Status();
  }
  std::string refusal() {
    const Status status = open();
    CHECK(status.code() == Code::corruption);
    return std::string(status.message());
  }

  std::string manifest_tail;
  uint64_t last_commit = 0;  // in a table

 private:
  ScratchDirectory scratch_;
  LogMaker manifest_;
};

bool holds(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  CAPTURE(text);
  CAPTURE(part);
  CHECK(found);
  return found;
}

TEST_CASE("log guard: it tells what it read, and which commits were in it") {
  Directory dir;
  CommitMaker commits;
  LogMaker first;
  LogMaker second;
  first.add(commits.commit(5, 4)).add(commits.commit(6, 5, 100'000));
  second.add(commits.commit(7, 6));
  dir.write("000008.log", first.bytes());
  dir.write("000011.log", second.bytes());
  dir.write("000012.log", "");
  OpenReport report;
  REQUIRE(dir.open(&report).ok());
  CHECK(report.log_files == 3);
  CHECK(report.log_bytes == first.bytes().size() + second.bytes().size());
  CHECK(report.log_commits == 3);
  CHECK(report.first_commit_seq == 5);
  CHECK(report.last_commit_seq == 7);
  CHECK(report.cuts.empty());
}

TEST_CASE("log guard: the torn end of the youngest file is cut, and then nothing is left to cut") {
  Directory dir;
  CommitMaker commits;
  LogMaker log;
  log.add(commits.commit(1, 0)).add(commits.commit(2, 1));
  const std::string torn = log.bytes().substr(0, log.bytes().size() - 20);
  dir.write("000008.log", torn);
  dir.write("000009.log", std::string(40, 'x'));
  OpenReport report;
  REQUIRE(dir.open(&report).ok());
  REQUIRE(report.cuts.size() == 2);
  CHECK(report.cuts[0].file == "000009.log");
  CHECK(report.cuts[0].offset == 0);
  CHECK(report.cuts[0].reason == OpenReport::CutReason::torn);
  CHECK(report.cuts[1].file == "000008.log");
  CHECK(report.cuts[1].offset == log.ends()[0]);
  CHECK(report.cuts[1].bytes == torn.size() - log.ends()[0]);
  CHECK(report.last_commit_seq == 1);
  CHECK(dir.read("000008.log") == log.bytes().substr(0, log.ends()[0]));
  REQUIRE(dir.open(&report).ok());
  CHECK(report.cuts.empty());
}

TEST_CASE("log guard: what a file was laid out with goes, and is no tear") {
  for (const uint64_t flushed : {0u, 9u}) {
    Directory dir(0, flushed);
    CommitMaker commits;
    const std::string first = LogMaker().add(commits.commit(1, 0)).bytes();
    const std::string second = LogMaker().add(commits.commit(2, 1)).bytes();
    dir.write("000008.log", first + std::string(70'000, '\0'));
    dir.write("000009.log", second + std::string(1'000'000, '\0'));
    OpenReport report;
    REQUIRE(dir.open(&report).ok());
    CHECK((report.cuts.empty() && report.last_commit_seq == 2));
    CHECK(dir.read("000008.log") + dir.read("000009.log") == first + second);
  }
}

TEST_CASE("log guard: files that the manifest no longer needs are not looked at") {
  Directory dir(9, 9);
  CommitMaker commits;
  LogMaker log;
  dir.write("000007.log", "damage, if anybody looked");
  dir.write("notes.log", "not a file of the log");
  dir.write("000010.log", log.add(commits.commit(3, 2)).bytes());
  OpenReport report;
  REQUIRE(dir.open(&report).ok());
  CHECK(report.log_files == 1);
}

TEST_CASE("log guard: a hole behind which a commit was durable is refused") {
  Directory dir;
  CommitMaker commits;
  LogMaker first;
  LogMaker second;
  first.add(commits.commit(1, 0));
  (void)commits.commit(2, 1);
  second.add(commits.commit(3, 1)).add(commits.commit(4, 2));
  dir.write("000008.log", first.bytes());
  dir.write("000009.log", second.bytes());
  const std::string refusal = dir.refusal();
  CHECK(holds(refusal, "commit 2 is missing"));
  CHECK(holds(refusal, "durable"));
  CHECK(dir.read("000009.log") == second.bytes());
}

TEST_CASE("log guard: a hole between files is refused, whatever was promised behind it") {
  // The older file was synced before the younger one got a record: what its end lost, the disk
  // lost.
  Directory dir;
  CommitMaker commits;
  LogMaker first;
  LogMaker second;
  first.add(commits.commit(9, 8)).add(commits.commit(10, 9));
  second.add(commits.commit(11, 9));
  std::string damaged = first.bytes();
  SUBCASE("lost") { damaged.resize(first.starts()[1]); }
  SUBCASE("damaged") { std::fill_n(damaged.end() - 20, 8, 'z'); }
  SUBCASE("not written") {
    damaged.resize(first.starts()[1]);
    damaged.resize(first.bytes().size(), '\0');
  }
  dir.write("000008.log", damaged);
  dir.write("000009.log", second.bytes());
  CHECK(holds(dir.refusal(), "commit 10 is missing"));
  CHECK(dir.read("000009.log") == second.bytes());
}

// Commits in one file, a sector in the midst of which was never written.
struct Hole {
  CommitMaker commits;
  LogMaker log;
  std::string bytes;
  uint64_t last_change = 0;  // before the hole
  size_t at = 0;             // where the missing commits begin

  // Commits 5 to 8 and those that say `durable` behind the hole in commit 6.
  explicit Hole(uint64_t durable, size_t first = 5) {
    for (uint64_t seq = first; seq < 9; ++seq) {
      log.add(commits.commit(seq, seq < 7 ? 4 : durable, 1100));
      if (seq == 5) last_change = commits.last_change();
    }
    const size_t missing = first == 5 ? 1 : 0;
    REQUIRE(log.starts().size() > missing + 2);
    at = log.starts()[missing];
    bytes = log.bytes();
    const size_t sector = (at / kSectorBytes + 1) * kSectorBytes;
    REQUIRE(sector + kSectorBytes < log.ends()[missing]);
    std::fill_n(bytes.begin() + static_cast<ptrdiff_t>(sector), kSectorBytes, '\0');
  }
};

TEST_CASE("log guard: the log is cut at unwritten sectors behind which nothing was promised") {
  Directory dir;
  const Hole hole(5);
  dir.write("000008.log", hole.bytes);
  dir.write("000009.log", "");
  OpenReport report;
  const Status opened = dir.open(&report);
  INFO(opened.to_string());
  REQUIRE(opened.ok());
  CHECK(report.first_commit_seq == 5);
  CHECK(report.last_commit_seq == 5);
  REQUIRE(report.cuts.size() == 1);
  CHECK(report.cuts[0].file == "000008.log");
  CHECK(report.cuts[0].offset == hole.at);
  CHECK(report.cuts[0].bytes == hole.bytes.size() - hole.at);
  CHECK(report.cuts[0].reason == OpenReport::CutReason::hole);
  CHECK(dir.read("000008.log") == hole.bytes.substr(0, hole.at));
  REQUIRE(dir.open(&report).ok());
  CHECK(report.cuts.empty());
}

TEST_CASE("log guard: unwritten sectors are refused where the missing commit was promised") {
  Directory dir;
  SUBCASE("a later commit says so") {
    const Hole hole(6);
    dir.write("000008.log", hole.bytes);
    CHECK(holds(dir.refusal(), "commit 6 is missing"));
    CHECK(holds(dir.refusal(), "durable"));
  }
  SUBCASE("a younger file holds a record") {
    Hole hole(5);
    LogMaker younger;
    dir.write("000008.log", hole.bytes);
    dir.write("000009.log", younger.add(hole.commits.commit(9, 5)).bytes());
    CHECK(holds(dir.refusal(), "synced as a whole"));
  }
  SUBCASE("a table holds what came behind it") {
    const Hole hole(5);
    dir.write("000008.log", hole.bytes);
    dir.manifest().add(table_edit(1, hole.last_change));
    REQUIRE(dir.open().ok());
    dir.write("000008.log", hole.bytes);
    dir.manifest().add(table_edit(1, hole.last_change + 1));
    CHECK(holds(dir.refusal(), "a table holds change"));
    CHECK(dir.read("000008.log") == hole.bytes);
  }
}

TEST_CASE("log guard: unwritten sectors in front are judged by the last commit of the tables") {
  const Hole hole(5, 6);
  Directory dir;
  dir.write("000008.log", hole.bytes);
  CHECK(holds(dir.refusal(), "cannot be told"));
  dir.last_commit = 4;  // 5 is missing, and was durable
  CHECK(holds(dir.refusal(), "commit 5 is missing"));
  dir.last_commit = 5;
  OpenReport report;
  const Status opened = dir.open(&report);
  INFO(opened.to_string());
  REQUIRE(opened.ok());
  CHECK(report.cuts.size() == 1);
  CHECK(dir.read("000008.log").empty());
}

TEST_CASE("log guard: the log must follow the last commit of the tables") {
  Directory dir;
  CommitMaker commits;
  LogMaker log;
  dir.write("000008.log", log.add(commits.commit(7, 6)).bytes());
  for (const uint64_t last : {0u, 6u}) {
    dir.last_commit = last;
    CHECK(dir.open().ok());
  }
  dir.last_commit = 5;
  CHECK(holds(dir.refusal(), "commit 6 is missing"));
  dir.last_commit = 7;
  CHECK(holds(dir.refusal(), "commit 7 does not follow commit 7"));
}

// A store without any file of its log opened as a new one, and what it held was gone.
TEST_CASE("log guard: a log whose files are gone is refused") {
  CommitMaker commits;
  LogMaker log;
  log.add(commits.commit(1, 0));
  Directory dir(7, 7);
  dir.manifest().add(table_edit(1, 1));
  CHECK(holds(dir.refusal(), "000007.log, or a younger file of the log, is missing"));
  dir.write("000006.log", log.bytes());
  CHECK(holds(dir.refusal(), "is missing"));
  dir.write("000009.log", "");
  CHECK(dir.open().ok());
}

TEST_CASE("log guard: a file that a family needs must hold something") {
  // One family is in tables up to file 9, another only up to file 7.
  const auto flush_edit = [] {
    std::string edit = table_edit(1, 50);
    put_varint(&edit, 2);
    put_varint(&edit, 9);
    return edit;
  };
  Directory dir(9, 7);
  dir.manifest().add(flush_edit());
  CommitMaker commits;
  LogMaker log;
  for (uint64_t seq = 1; seq <= 25; ++seq) log.add(commits.commit(seq, 0));
  dir.write("000009.log", "");
  const char* const reason = "holds no record in its files from 000007.log to 000009.log";
  CHECK(holds(dir.refusal(), reason));
  dir.write("000008.log", "");
  CHECK(holds(dir.refusal(), reason));
  dir.write("000009.log", log.bytes());
  CHECK(holds(dir.refusal(), reason));
  Directory sound(9, 7);
  sound.manifest().add(flush_edit());
  sound.write("000008.log", log.bytes());
  sound.write("000009.log", "");
  CHECK(sound.open().ok());
}

TEST_CASE("log guard: a store that was made holds a table or a record") {
  Directory dir;
  dir.write("000008.log", "");
  CHECK(holds(dir.refusal(), "neither a table nor a record"));
}

TEST_CASE("log guard: a commit that is missing between whole records is refused") {
  Directory dir;
  CommitMaker commits;
  LogMaker log;
  log.add(commits.commit(1, 0)).add(commits.commit(3, 0));
  dir.write("000008.log", log.bytes());
  CHECK(holds(dir.refusal(), "between whole records"));
}

TEST_CASE("log guard: commits that do not follow each other are refused") {
  Directory dir;
  CommitMaker commits;
  CommitMaker others;
  LogMaker log;
  SUBCASE("the same number twice") { log.add(commits.commit(1, 0)).add(commits.commit(1, 0)); }
  SUBCASE("a number before") { log.add(commits.commit(5, 0)).add(commits.commit(4, 0)); }
  SUBCASE("another one was before it") {
    (void)others.commit(4, 3);
    log.add(commits.commit(1, 0)).add(others.commit(2, 0));
  }
  dir.write("000008.log", log.bytes());
  CHECK(holds(dir.refusal(), "does not follow commit"));
}

TEST_CASE("log guard: an older file may end torn where the chain shows that nothing is missing") {
  const auto lay = [](const Directory& dir) {
    CommitMaker commits;
    LogMaker first;
    LogMaker second;
    dir.write("000008.log", first.add(commits.commit(1, 0)).bytes() + "torn by a failed write");
    dir.write("000009.log", second.add(commits.commit(2, 0)).bytes());
  };
  OpenReport report;
  Directory chained;
  lay(chained);
  REQUIRE(chained.open(&report).ok());
  CHECK(report.cuts.size() == 1);
  CHECK(report.last_commit_seq == 2);
  // The links of the older file are in tables: the chain says nothing about its end.
  Directory flushed(0, 9);
  lay(flushed);
  CHECK(holds(flushed.refusal(), "000008.log is damaged"));
}

TEST_CASE("log guard: a record whose changes cannot be read is damage") {
  CommitMaker commits;
  const std::string good = commits.commit(1, 0);
  std::string count = good;
  count[8] = 3;
  std::string tag = good;
  tag[12] = 0x44;
  std::string link = good;
  link.back() ^= 1;
  std::string varint = good.substr(0, 13) + std::string(6, '\xff');
  const std::pair<std::string, const char*> cases[] = {
      {count, "2 changes instead of 3"},      {tag, "unknown kind 68"},
      {link, "a commit link that is none"},   {good.substr(0, good.size() - 1), "inside a change"},
      {good.substr(0, 9), "inside a change"}, {varint, "more than 32 bits"}};
  for (const auto& [batch, reason] : cases) {
    Directory dir;
    LogMaker log;
    dir.write("000008.log", log.add(batch).bytes());
    CHECK(holds(dir.refusal(), reason));
  }
}

TEST_CASE("log guard: only what is put can be a commit link") {
  const std::string key = format::Key(kSystemOwner, format::Kind::commit_link).u64(7).str();
  for (const char* tag : {"\x06\x06", "\x0e\x06"}) {  // a merge, a range that is deleted
    Directory dir;
    CommitMaker commits;
    LogMaker log;
    std::string batch;
    put_number(&batch, 9, 8);
    put_number(&batch, 1, 4);
    batch += tag;
    put_text(&batch, key);
    put_text(&batch, "no link");
    dir.write("000008.log", log.add(commits.commit(1, 0)).add(batch).bytes());
    OpenReport report;
    CHECK(dir.open(&report).ok());
    CHECK(report.last_commit_seq == 1);
  }
}

TEST_CASE("log guard: a commit link is found wherever the edges of blocks cut its record") {
  for (size_t row = kLogBlockBytes - 250; row < kLogBlockBytes - 20; ++row) {
    Directory dir;
    CommitMaker commits;
    LogMaker log;
    log.add(commits.commit(1, 0, row)).add(commits.commit(2, 1));
    dir.write("000008.log", log.bytes());
    OpenReport report;
    const Status opened = dir.open(&report);
    INFO(opened.to_string());
    REQUIRE(opened.ok());
    REQUIRE(report.log_commits == 2);
  }
}

TEST_CASE("log guard: the torn end of a manifest is cut, damage in it is refused") {
  Directory dir;
  dir.write("000008.log", "");
  const std::string edit = table_edit(1, 5);
  SUBCASE("torn") {
    const std::string last = LogMaker().add(edit).bytes();
    dir.manifest().add(edit);
    dir.manifest_tail = last.substr(0, last.size() - 3);
    OpenReport report;
    REQUIRE((dir.open(&report).ok() && report.cuts.size() == 1));
    CHECK(report.cuts[0].file == "MANIFEST-000004");
    CHECK(report.cuts[0].reason == OpenReport::CutReason::manifest);
    CHECK(dir.read("MANIFEST-000004") == dir.manifest().bytes());
  }
  SUBCASE("an unknown field") {
    dir.manifest().add(std::string("\x63", 1));
    CHECK(holds(dir.refusal(), "an edit that this version cannot read"));
  }
  SUBCASE("an edit that is cut short") {
    dir.manifest().add(edit.substr(0, 9));
    CHECK(holds(dir.refusal(), "an edit that this version cannot read"));
  }
  SUBCASE("any changed byte") {
    dir.manifest().add(edit);
    LogMaker good = dir.manifest();
    for (size_t at = 0; at < good.bytes().size(); ++at) {
      std::string changed = good.bytes();
      changed[at] ^= 0x10;
      dir.write("MANIFEST-000004", changed);
      const auto files = default_file_system();
      REQUIRE(read_manifest(*files, dir.path("")).code() == Code::corruption);
    }
  }
}

TEST_CASE("log guard: an edit of a group counts when the whole group is there") {
  Directory dir;
  CommitMaker commits;
  LogMaker log;
  dir.write("000008.log", log.add(commits.commit(1, 0)).bytes());
  const auto grouped = [](std::string edit, uint64_t left) {
    put_varint(&edit, 300);
    put_varint(&edit, left);
    return edit;
  };
  dir.manifest().add(grouped(table_edit(1, commits.last_change() + 1), 1));
  CHECK(dir.open().ok());
  dir.manifest().add(grouped(table_edit(1, 1), 0));
  CHECK(holds(dir.refusal(), "a table holds change"));
}

TEST_CASE("log guard: a manifest that lists a state and ends before the first change is damage") {
  Directory dir;
  LogMaker list;
  list.add(std::string("\x02\x00", 2)).add(family_edit(6, "log", 0));
  for (const std::string& bytes : {std::string(), list.bytes(), std::string(40, '\0')}) {
    dir.write("MANIFEST-000004", bytes);
    const Status status = read_manifest(*default_file_system(), dir.path("")).status();
    CHECK(status.code() == Code::corruption);
    CHECK(holds(status.to_string(), "MANIFEST-000004 is damaged at offset"));
  }
}

TEST_CASE("log guard: CURRENT must name a manifest that is there") {
  for (const char* text : {"", "\n", "MANIFEST-000004", "MANIFEST-\n", "MANIFEST-00x004\n",
                           "manifest-000004\n", "MANIFEST-000004\n\n", "MANIFEST-000005\n"}) {
    CAPTURE(text);
    Directory dir;
    dir.write("CURRENT", text);
    CHECK(holds(dir.refusal(), "CURRENT"));
  }
}

}  // namespace
}  // namespace bcstore::engine
