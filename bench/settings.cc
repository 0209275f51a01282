#include "settings.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "catalogue.h"
#include "failure.h"

namespace bcstore::bench {
namespace {

constexpr const char* kHelp = R"(usage: bcstore_bench [options]
  --quick            a smaller data set and shorter slices
  --only W1[,W2]     only these workloads
  --engines A[,B]    only these of bcstore, floor, lmdb, sqlite, postgres (default: all that can
                     run here)
  --json FILE        also write the rows as JSON
  --plot DIR         draw charts of the rows (SVG) into DIR at the end of the run
  --from FILE        with --plot: draw the rows of that JSON instead of running anything
  --data DIR         real documents for W4 to W7 and W9: those of DIR/document_revisions.jsonl.zst
  --revisions FILE   the same for W9 alone: JSON Lines in zstd with document_id and body_md
  --seconds S        length of a slice (default 1.5; quick 0.15)
  --pairs N          slices of each engine (default 5; quick 3)
  --users N          users of the data set (default 1000; quick 50)
  --memory MIB       memory budget of each engine, cache plus heap (default 1024)
  --scratch DIR      where the data lie meanwhile (default: TMPDIR, else here)
  --profile W1       run one hot loop and nothing else, in the function bcstore_bench_hot_loop
    --engines A      of this engine (default bcstore)
    --mode M         durable or relaxed (default)
    --ops N          so many operations (default 100000)
)";

template <class Entry>
std::vector<const Entry*> choose(std::span<const Entry> all, std::string_view names,
                                 std::string_view kind) {
  std::vector<bool> wanted(all.size(), false);
  while (true) {
    const size_t comma = names.find(',');
    const std::string_view name = names.substr(0, comma);
    size_t found = 0;
    std::string known;
    for (; found < all.size() && all[found].name != name; ++found) {
      known += fmt::format("{}{}", found == 0 ? "" : ", ", all[found].name);
    }
    if (found == all.size()) {
      throw Refused(fmt::format("unknown {} '{}'; there are {}", kind, name, known));
    }
    wanted[found] = true;
    if (comma == std::string_view::npos) break;
    names.remove_prefix(comma + 1);
  }
  std::vector<const Entry*> chosen;
  for (size_t i = 0; i < all.size(); ++i) {
    if (wanted[i]) chosen.push_back(&all[i]);
  }
  return chosen;
}

template <class Entry>
std::vector<const Entry*> choose_all(std::span<const Entry> all) {
  std::vector<const Entry*> chosen;
  for (const Entry& entry : all) chosen.push_back(&entry);
  return chosen;
}

double number_of(std::string_view option, const std::string& word, double low, double high) {
  char* end = nullptr;
  errno = 0;
  const double value = std::strtod(word.c_str(), &end);
  if (word.empty() || *end != '\0' || errno != 0 || !(value >= low && value <= high)) {
    throw Refused(
        fmt::format("{} takes a number from {} to {}, not '{}'", option, low, high, word));
  }
  return value;
}

Mode mode_of(const std::string& word) {
  if (word == "durable") return Mode::durable;
  if (word == "relaxed") return Mode::relaxed;
  throw Refused(fmt::format("--mode takes durable or relaxed, not '{}'", word));
}

// An answer that cannot be written should be known before the run, not after it.
void require_writable_parent(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::absolute(path).parent_path();
  if (::access(parent.c_str(), W_OK) != 0) {
    throw Refused(fmt::format("cannot write '{}': {}", path, std::strerror(errno)));
  }
}

std::string revisions_in(const std::string& directory) {
  const std::string path = (std::filesystem::path(directory) / kRealRevisions).string();
  if (::access(path.c_str(), R_OK) != 0) {
    throw Refused(fmt::format("--data: '{}' is no data directory: cannot read '{}': {}", directory,
                              path, std::strerror(errno)));
  }
  return path;
}

void apply_option(std::string_view option, const std::string& value, Settings* settings) {
  if (option == "--only") {
    settings->workloads = choose(all_workloads(), value, "workload");
  } else if (option == "--engines") {
    settings->engines = choose(all_engines(), value, "engine");
  } else if (option == "--json") {
    require_writable_parent(value);
    settings->json = value;
  } else if (option == "--plot") {
    require_writable_parent(value);
    settings->plot = value;
  } else if (option == "--from") {
    settings->from = value;
  } else if (option == "--data") {
    settings->revisions = revisions_in(value);
    settings->has_real_data = true;
  } else if (option == "--revisions") {
    settings->revisions = value;
  } else if (option == "--seconds") {
    settings->seconds = number_of(option, value, 0.01, 3600);
  } else if (option == "--pairs") {
    settings->pairs = static_cast<unsigned>(number_of(option, value, 1, 1000));
  } else if (option == "--users") {
    settings->users = static_cast<uint32_t>(number_of(option, value, 1, 1'000'000));
  } else if (option == "--memory") {
    settings->memory_budget_bytes = static_cast<size_t>(number_of(option, value, 16, 1e6)) << 20;
  } else if (option == "--scratch") {
    settings->scratch_parent = value;
  } else if (option == "--profile") {
    settings->profiled = choose(all_workloads(), value, "workload").front();
  } else if (option == "--mode") {
    settings->profile.mode = mode_of(value);
  } else if (option == "--ops") {
    settings->profile.operations = static_cast<uint64_t>(number_of(option, value, 1, 1e12));
  } else {
    throw Refused(fmt::format("unknown option '{}'; --help lists what there is", option));
  }
}

std::string default_scratch_parent() {
  const char* set = std::getenv("TMPDIR");
  return set != nullptr && *set != '\0' ? set : ".";
}

// An engine that cannot run here is skipped, unless somebody asked for it by its name.
void drop_hindered(bool engines_given, Settings* settings) {
  std::vector<const EngineEntry*> able;
  for (const EngineEntry* entry : settings->engines) {
    const std::string hindrance = hindrance_of(*entry);
    if (hindrance.empty()) {
      able.push_back(entry);
    } else if (engines_given) {
      throw Refused(fmt::format("{} cannot run: {}", entry->name, hindrance));
    } else {
      settings->skipped.push_back(fmt::format("{}: skipped, {}", entry->name, hindrance));
    }
  }
  settings->engines = std::move(able);
}

}  // namespace

std::optional<Settings> read_settings(int count, char** words) {
  Settings settings;
  settings.engines = choose_all(all_engines());
  settings.workloads = choose_all(all_workloads());
  settings.scratch_parent = default_scratch_parent();
  settings.profile.operations = 100'000;
  const std::vector<std::string> given(words + 1, words + count);
  for (const std::string& word : given) {
    if (word == "--help" || word == "-h") {
      fmt::print("{}", kHelp);
      return std::nullopt;
    }
    if (word == "--quick") settings.quick = true;
  }
  if (settings.quick) {
    settings.seconds = 0.15;
    settings.pairs = 3;
    settings.users = 50;
  }
  bool engines_given = false;
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i] == "--quick") continue;
    if (i + 1 == given.size()) {
      throw Refused(fmt::format("'{}' is unknown or lacks its value", given[i]));
    }
    engines_given = engines_given || given[i] == "--engines";
    apply_option(given[i], given[i + 1], &settings);
    ++i;
  }
  if (!settings.from.empty() && settings.plot.empty()) {
    throw Refused("--from draws an earlier run: it needs --plot DIR");
  }
  if (settings.profiled != nullptr) {
    if (!engines_given) settings.engines.resize(1);
    if (settings.engines.size() != 1) throw Refused("--profile takes one engine");
  }
  drop_hindered(engines_given, &settings);
  return settings;
}

}  // namespace bcstore::bench
