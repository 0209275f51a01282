// The process that is killed.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "crash/modes.h"
#include "crash/writer.h"

namespace bcstore::crash {
namespace {

constexpr size_t kHoardBytes = 24 << 10;

// Reports every entry at once, in one piece for the reader, over a pipe.
class PipeWitness : public Witness {
 public:
  void take(const Entry& entry) override {
    const std::string bytes = encode(entry);
    const std::lock_guard<std::mutex> guard(mutex_);
    std::string_view left = bytes;
    while (!left.empty()) {
      const ssize_t written = ::write(kReportFd, left.data(), left.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) std::_Exit(4);  // nobody listens any more
      left.remove_prefix(static_cast<size_t>(written));
    }
  }

 private:
  std::mutex mutex_;
};

// The planted fault: a log that acknowledges flush and sync with the last bytes still in the
// process. What kill -9 takes then must be noticed.
class HoardingFile : public WritableFile {
 public:
  explicit HoardingFile(std::unique_ptr<WritableFile> target) : target_(std::move(target)) {}
  Status append(std::string_view data) override {
    held_ += data;
    if (held_.size() < kHoardBytes) return {};
    return let_go();
  }
  Status flush() override { return {}; }
  Status sync() override { return {}; }
  Status truncate(uint64_t size) override {
    if (Status done = let_go(); !done.ok()) return done;
    return target_->truncate(size);
  }
  Status close() override {
    if (Status done = let_go(); !done.ok()) return done;
    return target_->close();
  }
  uint64_t size() override { return target_->size() + held_.size(); }

 private:
  Status let_go() {
    Status done = target_->append(held_);
    held_.clear();
    return done.ok() ? target_->flush() : std::move(done);
  }

  std::unique_ptr<WritableFile> target_;
  std::string held_;
};

class HoardingFileSystem : public FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path,
                                                      Create create) override {
    auto opened = FileSystemWrapper::open_writable(path, create);
    if (!opened.ok() || !path.ends_with(".log")) return opened;
    return std::unique_ptr<WritableFile>(new HoardingFile(*std::move(opened)));
  }
};

std::vector<UserId> parse_owners(std::string_view text) {
  std::vector<UserId> owners;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    if (auto owner = UserId::parse(text.substr(0, comma))) owners.push_back(*owner);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return owners;
}

}  // namespace

int run_child(const ChildOptions& options) {
  PipeWitness witness;
  const auto fail = [&](const std::string& what, const Status& status) {
    witness.take({.kind = Entry::Kind::broken, .text = what + ": " + status.to_string()});
    return 3;
  };
  Random random(Random::derive(options.seed, options.round * 2));
  Options settings = random_options(random, options.round);
  if (options.hoard) {
    settings.file_system = std::make_shared<HoardingFileSystem>(default_file_system());
  }
  auto opened = Store::open(options.store, settings);
  if (!opened.ok()) return fail("open in the child", opened.status());
  Store store = *std::move(opened);
  Catalogue catalogue;
  if (Status loaded = catalogue.load(store, parse_owners(options.owners)); !loaded.ok()) {
    return fail("load in the child", loaded);
  }
  witness.take({.kind = Entry::Kind::ready});
  const size_t count = random.between(1, 4);
  const size_t plans = random.between(30, 150);
  Mood mood;
  mood.durable_percent = static_cast<uint32_t>(random.below(3) * 45 + 5);
  mood.large_percent = random.percent(20) ? 15 : 3;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < count; ++i) {
    WriterSetting setting{.seed = random.next(),
                          .first_plan = options.round << 32 | i << 24 | 1,
                          .is_alone = count == 1,
                          .mood = mood};
    threads.emplace_back([&store, &catalogue, &witness, setting, plans] {
      Writer(&store, &catalogue, &witness, setting).run(plans);
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (random.percent(50)) {
    if (Status closed = store.close(); !closed.ok()) return fail("close in the child", closed);
  }
  witness.take({.kind = Entry::Kind::finished});
  return 0;
}

}  // namespace bcstore::crash
