#include "planted_engine.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "bench/program.h"

namespace bcstore::bench_test {
namespace {

using bench::Engine;
using bench::Mode;

Plan the_plan;  // an EngineEntry makes engines by a plain function
std::atomic<uint64_t> appends{0};

class PlantedWorker : public bench::ChatWorker {
 public:
  PlantedWorker(std::unique_ptr<bench::ChatWorker> inner, std::string directory)
      : inner_(std::move(inner)), directory_(std::move(directory)) {}
  uint64_t append_message(const bench::Message& message) override {
    if (appends.fetch_add(1) + 1 == the_plan.at_append) the_plan.happens(directory_);
    return inner_->append_message(message);
  }
  void last_messages(uint32_t session, uint32_t count, bench::Fold* fold) override {
    inner_->last_messages(session, count, fold);
  }
  uint64_t last_seq(uint32_t session) override { return inner_->last_seq(session); }

 private:
  std::unique_ptr<bench::ChatWorker> inner_;
  std::string directory_;
};

class PlantedEngine : public Engine {
 public:
  std::string_view name() const override { return the_plan.name; }
  std::string describe() const override { return "planted: " + inner_->describe(); }
  void open(const bench::EngineSettings& settings) override {
    directory_ = settings.directory;
    inner_->open(settings);
  }
  void create() override { inner_->create(); }
  void close() override { inner_->close(); }
  std::unique_ptr<bench::ChatWorker> chat_worker(Mode mode) override {
    return std::make_unique<PlantedWorker>(inner_->chat_worker(mode), directory_);
  }

 private:
  std::unique_ptr<Engine> inner_ = the_plan.inner();
  std::string directory_;
};

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// What goes to a descriptor goes to a file meanwhile.
class Redirection {
 public:
  Redirection(int descriptor, std::FILE* stream, std::string path)
      : descriptor_(descriptor), stream_(stream), path_(std::move(path)) {
    std::fflush(stream_);
    saved_ = ::dup(descriptor_);
    const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ::dup2(file, descriptor_);
    ::close(file);
  }
  Redirection(const Redirection&) = delete;
  Redirection& operator=(const Redirection&) = delete;
  ~Redirection() {
    std::fflush(stream_);
    ::dup2(saved_, descriptor_);
    ::close(saved_);
  }

 private:
  int descriptor_;
  std::FILE* stream_;
  std::string path_;
  int saved_ = -1;
};

}  // namespace

void set_plan(Plan plan) {
  the_plan = std::move(plan);
  appends = 0;
}

std::unique_ptr<Engine> plant() { return std::make_unique<PlantedEngine>(); }

bench::Settings brief_settings(const test::TempDirectory& directory,
                               std::vector<const bench::EngineEntry*> engines,
                               std::vector<std::string_view> workloads) {
  bench::Settings settings;
  settings.quick = true;
  settings.seconds = 0.02;
  settings.pairs = 2;
  settings.users = 3;
  settings.memory_budget_bytes = size_t{64} << 20;
  settings.scratch_parent = directory.path();
  settings.json = directory.sub("rows.json");
  settings.engines = std::move(engines);
  for (const bench::WorkloadEntry& entry : bench::all_workloads()) {
    for (const std::string_view name : workloads) {
      if (entry.name == name) settings.workloads.push_back(&entry);
    }
  }
  return settings;
}

Said run_captured(const bench::Settings& settings, const test::TempDirectory& directory) {
  Said said;
  {
    const Redirection out(STDOUT_FILENO, stdout, directory.sub("out"));
    const Redirection err(STDERR_FILENO, stderr, directory.sub("err"));
    said.code = bench::run_program(settings);
  }
  said.out = text_of(directory.sub("out"));
  said.err = text_of(directory.sub("err"));
  return said;
}

const bench::EngineEntry* engine_of(std::string_view name) {
  for (const bench::EngineEntry& entry : bench::all_engines()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

bool left_data(const test::TempDirectory& directory) {
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    if (entry.path().filename().string().rfind("bcstore-bench-", 0) == 0) return true;
  }
  return false;
}

}  // namespace bcstore::bench_test
