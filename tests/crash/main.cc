// bcstore_crash: proves that an acknowledgement means what it says.
//
//   bcstore_crash [--kills N] [--power-cuts N] [--flips N|all] [--seed S] [--only ROUND] [--keep]
//   bcstore_crash --self-test [--seed S]
//
// Without arguments: --kills 200. The seed may also come from BCSTORE_SEED; a run prints the one it
// used. What a loss of power leaves may end in other bytes than were written; with --short-tails
// only in fewer. --flips changes N bytes of a store's files one at a time, or every byte in three
// ways.
// --only repeats one round. --self-test plants a fault in each mode that must be found. Ends with 0
// when nothing was wrong, 1 when something was, 2 for wrong arguments.
#include <fmt/core.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "crash/modes.h"

namespace bcstore::crash {
namespace {

constexpr uint64_t kSelfTestRounds = 40;

struct Arguments {
  uint64_t kills = 0;
  uint64_t power_cuts = 0;
  std::optional<uint64_t> seed{};
  uint64_t only = 0;
  bool keep = false;
  uint64_t flips = 0;
  bool every_flip = false;
  bool short_tails = false;
  bool self_test = false;
  std::optional<ChildOptions> child{};
};

class ArgumentReader {
 public:
  explicit ArgumentReader(std::vector<std::string_view> words) : words_(std::move(words)) {}

  std::optional<Arguments> read() {
    Arguments arguments;
    ChildOptions child;
    while (good_ && at_ < words_.size()) {
      const std::string_view word = words_[at_++];
      if (word == "--kills") {
        arguments.kills = number();
      } else if (word == "--power-cuts") {
        arguments.power_cuts = number();
      } else if (word == "--seed") {
        arguments.seed = child.seed = number();
      } else if (word == "--only") {
        arguments.only = number();
      } else if (word == "--keep") {
        arguments.keep = true;
      } else if (word == "--flips") {
        arguments.every_flip = at_ < words_.size() && words_[at_] == "all";
        arguments.flips = arguments.every_flip ? 1 : number();
        if (arguments.every_flip) ++at_;
      } else if (word == "--short-tails") {
        arguments.short_tails = true;
      } else if (word == "--self-test") {
        arguments.self_test = true;
      } else if (word == "--child") {
        child.store = text();
      } else if (word == "--round") {
        child.round = number();
      } else if (word == "--owners") {
        child.owners = text();
      } else if (word == "--hoard") {
        child.hoard = true;
      } else {
        good_ = false;
      }
    }
    if (!child.store.empty()) arguments.child = child;
    return good_ ? std::optional<Arguments>(std::move(arguments)) : std::nullopt;
  }

 private:
  std::string_view text() {
    if (at_ < words_.size()) return words_[at_++];
    good_ = false;
    return {};
  }
  uint64_t number() {
    const std::string_view word = text();
    uint64_t value = 0;
    const auto end = std::from_chars(word.data(), word.data() + word.size(), value);
    good_ = good_ && !word.empty() && end.ec == std::errc() && end.ptr == word.data() + word.size();
    return value;
  }

  std::vector<std::string_view> words_;
  size_t at_ = 0;
  bool good_ = true;
};

uint64_t chosen_seed(const Arguments& arguments) {
  if (arguments.seed) return *arguments.seed;
  if (const char* text = std::getenv("BCSTORE_SEED")) return std::strtoull(text, nullptr, 10);
  std::random_device device;
  return device();
}

bool self_test(RunOptions options) {
  options.plant = true;
  options.rounds = kSelfTestRounds;
  fmt::print("planted: logs whose last bytes stay in the process\n");
  const Verdict kills = run_kills(options);
  fmt::print("planted: syncs that are acknowledged and not done\n");
  const Verdict cuts = run_power_cuts(options);
  fmt::print("planted: acknowledgements of what is not in the store\n");
  const bool oracle = oracle_finds_planted(options.seed);
  const bool caught = kills.lost > 0 && cuts.lost > 0 && cuts.uncovered > 0 && oracle;
  fmt::print("self-test: {}\n", caught ? "caught" : "NOT caught");
  return caught;
}

int run(const Arguments& arguments) {
  if (arguments.child) return run_child(*arguments.child);
  RunOptions options{
      .seed = chosen_seed(arguments), .only = arguments.only, .keep = arguments.keep};
  options.garbled_tails = !arguments.short_tails;
  fmt::print("seed {}\n", options.seed);
  std::fflush(stdout);
  if (arguments.self_test) return self_test(options) ? 0 : 1;
  const bool neither = arguments.kills == 0 && arguments.power_cuts == 0 && arguments.flips == 0;
  bool clean = true;
  // First: they fork, which a process that has threads of a store cannot.
  options.rounds = arguments.flips;
  if (options.rounds > 0) clean = run_flips(options, arguments.every_flip, true).clean();
  options.rounds = neither ? 200 : arguments.kills;
  if (options.rounds > 0) clean = run_kills(options).clean() && clean;
  options.rounds = arguments.power_cuts;
  if (options.rounds > 0) clean = run_power_cuts(options).clean() && clean;
  return clean ? 0 : 1;
}

}  // namespace

}  // namespace bcstore::crash

int main(int count, char** words) {
  const std::vector<std::string_view> given(words + 1, words + count);
  const auto arguments = bcstore::crash::ArgumentReader(given).read();
  if (!arguments) {
    fmt::print(stderr,
               "usage: bcstore_crash [--kills N] [--power-cuts N] [--flips N|all] [--seed S] "
               "[--only ROUND] [--keep] [--short-tails] [--self-test]\n");
    return 2;
  }
  return bcstore::crash::run(*arguments);
}
