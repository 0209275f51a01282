// Changed bytes: a small store with rows in tables and rows in its log, of which one byte is
// changed at a time. What became of the change must show: the store does not open, or reading all
// of it finds the damage, or it holds exactly what it held before.
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "crash/image.h"
#include "crash/modes.h"

namespace bcstore::crash {
namespace {

namespace fs = std::filesystem;

enum class Outcome : uint8_t { refused, at_read, harmless, cut, silent, ended };
constexpr std::string_view kOutcomes[] = {"refused",   "at read", "harmless",
                                          "cut, told", "silent",  "aborted"};
constexpr std::string_view kKinds[] = {"log",   "MANIFEST", "CURRENT",
                                       "table", "IDENTITY", "OPTIONS"};

// RocksDB never reads its OPTIONS file when it opens a store, and it is the largest.
constexpr uint64_t kOptionsStride = 64;

uint64_t stride_of(const std::string& name, uint64_t stride) {
  return name.starts_with("OPTIONS-") ? stride * kOptionsStride : stride;
}

size_t kind_of(const std::string& name) {
  if (name.ends_with(".log")) return 0;
  if (name.starts_with("MANIFEST-")) return 1;
  if (name == "CURRENT") return 2;
  if (name.ends_with(".sst")) return 3;
  return name == "IDENTITY" ? 4 : 5;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

Options flip_options() {
  Options options;
  options.memory_budget_bytes = size_t{16} << 20;
  options.create_if_missing = false;
  return options;
}

// All that a store shows, as one text; how many of its commits it holds goes with it.
std::string text_of(const Image& image) {
  std::string text;
  for (const auto& [seq, commit] : image.commits) {
    text += fmt::format("{} {}:", seq, to_string(commit.owner));
    for (const Row& row : commit.rows) {
      text += fmt::format(" {} {} {} {}", to_string(row.table), to_string(row.object), row.number,
                          row.body);
    }
  }
  for (const auto& [object, body] : image.heads) {
    text += fmt::format("\n{} {} {}", to_string(object.first), to_string(object.second), body);
  }
  for (const auto& [owner, seq] : image.owner_seqs) {
    text += fmt::format("\n{} {}", to_string(owner), seq);
  }
  return text;
}

class FlipStore {
 public:
  // `isolated`: everything that opens a store happens in a process of its own, and what ends that
  // process is an outcome. Only for a process that has opened none itself.
  explicit FlipStore(bool isolated) : isolated_(isolated) {}

  bool make() {
    const auto making = [&] {
      if (Status made = make_store(); !made.ok()) {
        fmt::print("no store to change: {}\n", made.to_string());
        return Outcome::refused;
      }
      // Of a copy: opening a store empties its log into tables.
      fs::copy(at("sound"), at("changed"));
      std::string text;
      const Outcome outcome = look(at("changed"), &text);
      write_file(at("text"), text);
      return outcome;
    };
    if (run(making) != Outcome::harmless) return false;
    sound_ = read_file(at("text"));
    return !sound_.empty();
  }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(at("sound"))) {
      std::string name = entry.path().filename().string();
      if (name != "LOCK" && entry.file_size() > 0) names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string bytes_of(const std::string& name) const { return read_file(at("sound/" + name)); }

  Outcome change(const std::string& name, const std::string& bytes) const {
    fs::remove_all(at("changed"));
    fs::copy(at("sound"), at("changed"));
    write_file(at("changed/" + name), bytes);
    std::string found;
    return run([&] { return look(at("changed"), &found); });
  }

 private:
  std::string at(const std::string& name) const { return scratch_.path() + "/" + name; }

  template <class Work>
  Outcome run(Work work) const {
    if (!isolated_) return work();
    std::fflush(stdout);
    const pid_t child = ::fork();
    if (child == 0) {
      const auto outcome = static_cast<int>(work());
      std::fflush(stdout);
      ::_exit(outcome);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
      return Outcome::ended;
    }
    return static_cast<Outcome>(WEXITSTATUS(status));
  }

  Status make_store() const {
    Options options = flip_options();
    options.create_if_missing = true;
    options.ids = std::make_shared<SeededIds>(1);
    Result<Store> opened = Store::open(at("sound"), options);
    if (!opened) return opened.status();
    Store store = *std::move(opened);
    const Result<UserId> owner = store.service("flips").create_user({.email = "a@example.com"});
    if (!owner) return owner.status();
    const Tenant tenant = store.tenant(*owner);
    WriteBatch batch = tenant.batch();
    const ProjectId project = batch.create_project({.name = "Tea", .idea_prompt = "Sell tea"});
    const ChatSessionId chat = batch.start_chat(project);
    batch.create_task(project, {.title = "Ask", .description = "Ask them"});
    const DocumentId document =
        batch.create_document(project, {.section = Section::prd, .content = "[1]"});
    batch.add_integration({.type = IntegrationType::github, .metadata = R"({"token":"abc"})"});
    if (auto done = tenant.commit(batch); !done) return done.status();
    const float floats[] = {0.25F, -1.5F};
    const NewBlock blocks[] = {{.block_id = "goals", .body_md = "Sell", .embedding = floats}};
    if (auto done = tenant.add_sections(document, 1, blocks); !done) return done.status();
    const auto published = store.service("flips").put_public({.name = "prices", .content = "4"});
    if (!published) return published.status();
    if (Status said = say(tenant, chat, 6); !said) return said;
    if (Status flushed = store.compact(); !flushed) return flushed;
    if (Status said = say(tenant, chat, 8); !said) return said;
    return store.close();
  }

  static Status say(const Tenant& tenant, ChatSessionId chat, int count) {
    for (int i = 0; i < count; ++i) {
      const std::string text = fmt::format("message {} of {}, in a few words", i, count);
      auto said = tenant.append_message(chat, {.role = Role::user, .content = text});
      if (!said) return said.status();
      // A delta of the balance, to be merged.
      if (i % 4 != 0) continue;
      if (const auto left = tenant.consume_credit(); !left) return left.status();
    }
    return Status();
  }

  // Opens and reads everything: records one by one, and every block of every file.
  Outcome look(const std::string& path, std::string* text) const {
    Result<Store> opened = Store::open(path, flip_options());
    if (!opened) return Outcome::refused;
    const Store store = *std::move(opened);
    std::vector<UserId> owners;
    Cursor<User> users = store.service("flips").users();
    while (users.next()) owners.push_back(users->id());
    if (!users.status().ok()) return Outcome::at_read;
    Image image;
    if (!read_image(store, owners, {}, &image).ok()) return Outcome::at_read;
    const Result<CheckReport> report = store.check({.files = true});
    if (!report || report->violations > 0) return Outcome::at_read;
    *text = text_of(image);
    if (sound_.empty() || *text == sound_) return Outcome::harmless;
    return store.open_report().cuts.empty() ? Outcome::silent : Outcome::cut;
  }

  const bool isolated_;
  Scratch scratch_;
  std::string sound_;
};

using Counts = std::array<std::array<uint64_t, std::size(kOutcomes)>, std::size(kKinds)>;

void print_counts(const Counts& counts) {
  fmt::print("{:<10}{:>9}", "file", "flips");
  for (const std::string_view name : kOutcomes) fmt::print("{:>11}", name);
  fmt::print("\n");
  for (size_t kind = 0; kind < std::size(kKinds); ++kind) {
    uint64_t all = 0;
    for (const uint64_t count : counts[kind]) all += count;
    fmt::print("{:<10}{:>9}", kKinds[kind], all);
    for (const uint64_t count : counts[kind]) fmt::print("{:>11}", count);
    fmt::print("\n");
  }
}

// What a byte becomes: every bit of it may change.
std::vector<char> other_bytes(char byte, bool every, Random& random) {
  const char one_bit = static_cast<char>(byte ^ static_cast<char>(1u << random.below(8)));
  if (!every) return {one_bit};
  std::vector<char> others = {one_bit};
  if (byte != 0 && one_bit != 0) others.push_back(0);
  if (byte != '\xff' && one_bit != '\xff') others.push_back('\xff');
  return others;
}

void flip_file(const FlipStore& store, const std::string& name, uint64_t stride, bool every,
               Random& random, Counts* counts, Verdict* verdict) {
  const std::string bytes = store.bytes_of(name);
  const size_t first = random.below(std::min<uint64_t>(stride, bytes.size()));
  for (size_t place = first; place < bytes.size(); place += stride) {
    for (const char other : other_bytes(bytes[place], every, random)) {
      std::string changed = bytes;
      changed[place] = other;
      const Outcome outcome = store.change(name, changed);
      ++(*counts)[kind_of(name)][static_cast<size_t>(outcome)];
      const bool lost = outcome == Outcome::silent || outcome == Outcome::cut;
      if (!lost && outcome != Outcome::ended) continue;
      verdict->add(
          lost ? &verdict->lost : &verdict->violations,
          fmt::format("{} at {} of {}: {:02x} became {:02x}: {}", name, place, bytes.size(),
                      static_cast<uint8_t>(bytes[place]), static_cast<uint8_t>(other),
                      kOutcomes[static_cast<size_t>(outcome)]));
    }
  }
}

}  // namespace

Verdict run_flips(const RunOptions& options, bool every, bool isolated) {
  Verdict verdict;
  FlipStore store(isolated);
  if (!store.make()) {
    verdict.add(&verdict.violations, "the store to change cannot be read");
    print_details("flips", verdict);
    return verdict;
  }
  Random random(options.seed);
  uint64_t total = 0;
  for (const std::string& name : store.files()) {
    total += store.bytes_of(name).size() / stride_of(name, 1);
  }
  const uint64_t wanted = std::max<uint64_t>(1, options.rounds);
  const uint64_t stride = every ? 1 : std::max<uint64_t>(1, total / wanted);
  Counts counts{};
  for (const std::string& name : store.files()) {
    flip_file(store, name, stride_of(name, stride), every, random, &counts, &verdict);
  }
  print_counts(counts);
  print_details(fmt::format("flips, every {} of {} bytes", stride, total), verdict);
  return verdict;
}

}  // namespace bcstore::crash
