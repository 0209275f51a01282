// W5: the newest contents of a project's five documents. W6: its tasks by phase, each with its
// state. W7: the whole context of the project, as of one moment: itself, documents, tasks and the
// last 50 messages. Hot: everything was read once before, and the memory budget holds it. 1 and 2
// threads.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "catalogue.h"
#include "chat_work.h"
#include "project_data.h"

namespace bcstore::bench {
namespace {

constexpr uint32_t kQuickProjects = 20;

using Read = void (*)(ProjectWorker& worker, uint32_t project, Fold* fold);

struct Work {
  std::string_view workload;
  Read read;
};

Work w5() {
  return {"W5", [](ProjectWorker& worker, uint32_t project, Fold* fold) {
            worker.newest_documents(project, fold);
          }};
}

Work w6() {
  return {"W6",
          [](ProjectWorker& worker, uint32_t project, Fold* fold) { worker.tasks(project, fold); }};
}

Work w7() {
  return {"W7", [](ProjectWorker& worker, uint32_t project, Fold* fold) {
            worker.context(project, kLastMessages, fold);
          }};
}

class ReadProject : public Operation {
 public:
  ReadProject(std::unique_ptr<ProjectWorker> worker, Read read, uint32_t projects, uint64_t seed)
      : worker_(std::move(worker)), read_(read), projects_(projects), random_(seed) {}
  void run() override { read_(*worker_, random_.below(projects_), &fold_); }

 private:
  std::unique_ptr<ProjectWorker> worker_;
  Read read_;
  uint32_t projects_;
  Random random_;
  Fold fold_;
};

Population population_of(const Bench& bench) {
  Population population = bench.population();
  if (bench.settings().quick) population.users = std::min(population.users, kQuickProjects);
  population.sessions_per_user = 1;
  population.messages_per_session = kLastMessages;
  return population;
}

bool offers_projects(Engine& engine) {
  return engine.project_sink() != nullptr && engine.project_worker() != nullptr;
}

// The engines that offer these reads, with the projects in them.
Bench::Stands lay_out(Bench& bench, const Population& population) {
  Bench::Stands stands = bench.open_stands(population, offers_projects);
  for (const std::unique_ptr<Stand>& stand : stands) {
    bench.attempt(*stand, [&] {
      fill_projects(population, bench.texts(), *stand->engine().project_sink(),
                    [&bench](uint64_t seed, uint64_t number) { return bench.body(seed, number); });
      load_messages(*stand, population, bench.texts());
    });
  }
  bench.settle();
  return stands;
}

// Reads every project in every engine, which also warms their caches.
void prove(Bench& bench, const Work& work, std::span<const std::unique_ptr<Stand>> stands,
           const Population& population) {
  const Fold fold =
      prove_equal(bench, fmt::format("{}: all projects", work.workload), stands,
                  [&](Stand& stand, Fold* folded) {
                    const std::unique_ptr<ProjectWorker> worker = stand.engine().project_worker();
                    for (uint32_t project = 0; project < population.users; ++project) {
                      check_interrupted();
                      work.read(*worker, project, folded);
                    }
                  });
  bench.report().note(fmt::format("{}: {} projects; every engine gave back {} rows, {} bytes",
                                  work.workload, population.users, fold.rows(), fold.bytes()));
}

Contestant contestant_of(Stand& stand, const Work& work, const Population& population) {
  return {&stand, [&stand, read = work.read, projects = population.users](uint64_t seed) {
            return std::make_unique<ReadProject>(stand.engine().project_worker(), read, projects,
                                                 seed);
          }};
}

void run(Bench& bench, const Work& work) {
  const Population population = population_of(bench);
  const Bench::Stands& stands = bench.kept_stands([&] { return lay_out(bench, population); });
  if (stands.empty()) return;
  prove(bench, work, stands, population);
  for (const unsigned threads : {1u, 2u}) {
    std::vector<Contestant> contestants;
    for (const std::unique_ptr<Stand>& stand : stands) {
      contestants.push_back(contestant_of(*stand, work, population));
    }
    bench.measure({.workload = std::string(work.workload),
                   .variant = "hot",
                   .threads = threads,
                   .only_reads = true},
                  contestants);
  }
}

void profile(Bench& bench, const Work& work, const ProfileRequest& request) {
  const Population population = population_of(bench);
  const auto stands = lay_out(bench, population);
  if (stands.empty()) return;
  prove(bench, work, stands, population);
  const std::unique_ptr<Operation> operation =
      contestant_of(*stands.front(), work, population).start(population.seed);
  bcstore_bench_hot_loop(operation.get(), request.operations);
}

}  // namespace

void run_w5(Bench& bench) { run(bench, w5()); }
void run_w6(Bench& bench) { run(bench, w6()); }
void run_w7(Bench& bench) { run(bench, w7()); }
void profile_w5(Bench& bench, const ProfileRequest& request) { profile(bench, w5(), request); }
void profile_w6(Bench& bench, const ProfileRequest& request) { profile(bench, w6(), request); }
void profile_w7(Bench& bench, const ProfileRequest& request) { profile(bench, w7(), request); }

}  // namespace bcstore::bench
