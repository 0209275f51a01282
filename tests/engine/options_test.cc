// The options that RocksDB wrote down are the ones that the store promises.
#include <fstream>
#include <map>

#include "engine/engine_fixture.h"

namespace bcstore::engine {
namespace {

// "DBOptions" or "CFOptions \"heads\"" and so on -> name -> value.
using Sections = std::map<std::string, std::map<std::string, std::string>>;

std::string trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Sections read_options(const std::string& directory) {
  std::string newest;
  for (const std::string& name : names_in(directory)) {
    if (name.starts_with("OPTIONS-") && name > newest) newest = name;
  }
  REQUIRE_FALSE(newest.empty());
  Sections sections;
  std::string section;
  std::ifstream in(directory + "/" + newest);
  for (std::string line; std::getline(in, line);) {
    line = trimmed(line);
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '[') {
      section = line.substr(1, line.size() - 2);
      continue;
    }
    const size_t equals = line.find('=');
    REQUIRE(equals != std::string::npos);
    sections[section][trimmed(line.substr(0, equals))] = trimmed(line.substr(equals + 1));
  }
  return sections;
}

TEST_CASE("options: the OPTIONS file says what the store promises") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  const Sections sections = read_options(scratch.path());
  const std::pair<const char*, const char*> database[] = {
      {"wal_recovery_mode", "kTolerateCorruptedTailRecords"},
      {"max_total_wal_size", "67108864"},
      {"recycle_log_file_num", "0"},
      {"wal_compression", "kNoCompression"},
      {"manual_wal_flush", "false"},
      {"enable_pipelined_write", "false"},
      {"unordered_write", "false"},
      {"two_write_queues", "false"},
      {"atomic_flush", "false"},
      {"track_and_verify_wals_in_manifest", "false"},
      {"best_efforts_recovery", "false"},
      {"paranoid_checks", "true"},
      {"max_bgerror_resume_count", "0"},
      {"allow_data_in_errors", "false"},
      {"allow_mmap_reads", "false"},
      {"allow_mmap_writes", "false"},
      {"use_direct_reads", "false"},
      {"use_direct_io_for_flush_and_compaction", "false"},
      {"info_log_level", "WARN_LEVEL"},
      {"WAL_ttl_seconds", "0"},
      {"WAL_size_limit_MB", "0"},
      {"stats_dump_period_sec", "0"},
      {"stats_persist_period_sec", "0"},
      {"fail_if_options_file_error", "true"},
  };
  for (const auto& [name, value] : database) {
    const std::string shown(name);
    CAPTURE(shown);
    REQUIRE(sections.at("DBOptions").contains(name));
    CHECK(sections.at("DBOptions").at(name) == value);
  }
  size_t families = 0;
  for (const auto& [section, unused] : sections) families += section.starts_with("CFOptions");
  CHECK(families == kFamilies);
}

TEST_CASE("options: every family is shaped for its role") {
  const ScratchDirectory scratch;
  const std::unique_ptr<Engine> engine = open_engine(scratch.path());
  const Sections sections = read_options(scratch.path());
  const struct {
    const char* name;
    bool bloom;
    const char* upper;
    const char* bottom;
  } families[] = {
      {"default", false, "kNoCompression", "kNoCompression"},
      {"heads", true, "kNoCompression", "kZSTD"},
      {"history", true, "kLZ4Compression", "kZSTD"},
      {"revisions", true, "kNoCompression", "kZSTD"},
      {"months", false, "kLZ4Compression", "kZSTD"},
      {"index", true, "kLZ4Compression", "kZSTD"},
      {"log", false, "kLZ4Compression", "kZSTD"},
      {"credits", true, "kNoCompression", "kLZ4Compression"},
      {"sections", true, "kLZ4Compression", "kZSTD"},
      {"vectors", true, "kNoCompression", "kZSTD"},
      {"secrets", true, "kNoCompression", "kNoCompression"},
  };
  for (const auto& family : families) {
    CAPTURE(family.name);
    const auto& options = sections.at("CFOptions \"" + std::string(family.name) + "\"");
    CHECK(options.at("prefix_extractor") == "nullptr");
    CHECK(options.at("compaction_filter") == "nullptr");
    CHECK(options.at("compaction_filter_factory") == "nullptr");
    const bool merges = family.name == std::string_view("credits");
    CHECK((options.at("merge_operator") != "nullptr") == merges);
    CHECK(options.at("force_consistency_checks") == "true");
    CHECK(options.at("comparator") == "leveldb.BytewiseComparator");
    CHECK(options.at("enable_blob_files") == "false");
    CHECK(options.at("compression") == family.upper);
    CHECK(options.at("bottommost_compression") == family.bottom);
    const auto& table =
        sections.at("TableOptions/BlockBasedTable \"" + std::string(family.name) + "\"");
    CHECK(table.at("checksum") == "kXXH3");
    CHECK(table.at("cache_index_and_filter_blocks") == "true");
    CHECK(table.at("filter_policy").starts_with("bloomfilter") == family.bloom);
  }
  const auto& heads = sections.at("CFOptions \"heads\"");
  CHECK(std::stoull(heads.at("write_buffer_size")) <= size_t{4} << 20);
}

TEST_CASE("options: every memory budget opens") {
  for (const size_t mib : {16u, 17u, 4096u}) {
    const ScratchDirectory scratch;
    Options options = small_options();
    options.memory_budget_bytes = mib << 20;
    const std::unique_ptr<Engine> engine = open_engine(scratch.path(), options);
    CHECK(put(*engine, Family::revisions, key_of(1), std::string(size_t{17} << 20, 'x')).ok());
    CHECK(get(*engine, Family::revisions, key_of(1)).size() == size_t{17} << 20);
    REQUIRE(engine->flush(/*compact=*/false).ok());
    CHECK(get(*engine, Family::revisions, key_of(1)).size() == size_t{17} << 20);
  }
}

}  // namespace
}  // namespace bcstore::engine
