// W4: append a revision of a document, JSON of 4 to 32 kB, each a 3 % edit of the one before. 1 and
// 8 threads, durable and relaxed. One document a user; each begins with three revisions.
#include <fmt/core.h>

#include <memory>
#include <mutex>
#include <vector>

#include "catalogue.h"
#include "document_data.h"
#include "failure.h"

namespace bcstore::bench {
namespace {

constexpr uint32_t kDocuments = 500;
constexpr uint32_t kQuickDocuments = 100;
constexpr uint32_t kFirstRevisions = 3;

// The documents of one engine as their authors have them before them.
struct Desk {
  struct Place {
    explicit Place(std::unique_ptr<Body> its_document) : document(std::move(its_document)) {}
    std::mutex mutex;  // one author at a time
    std::unique_ptr<Body> document;
    uint32_t rev = 0;
  };
  std::vector<std::unique_ptr<Place>> places;
};

void append(DocumentWorker& worker, uint32_t number, Desk::Place& place) {
  if (place.rev != 0) place.document->edit();
  const uint32_t rev = worker.append_revision(number, place.document->json());
  if (rev != ++place.rev) throw Failure(fmt::format("W4: revision {} became {}", place.rev, rev));
}

class AppendRevision : public Operation {
 public:
  AppendRevision(std::unique_ptr<DocumentWorker> worker, Desk* desk, uint64_t seed)
      : worker_(std::move(worker)), desk_(desk), random_(seed) {}
  void run() override {
    while (true) {
      const uint32_t number = random_.below(static_cast<uint32_t>(desk_->places.size()));
      Desk::Place& place = *desk_->places[number];
      const std::unique_lock lock(place.mutex, std::try_to_lock);
      if (!lock) continue;
      append(*worker_, number, place);
      return;
    }
  }

 private:
  std::unique_ptr<DocumentWorker> worker_;
  Desk* desk_;
  Random random_;
};

struct Case {
  Mode mode;
  unsigned threads;
};

std::vector<Case> all_cases() {
  return {{Mode::durable, 1}, {Mode::durable, 8}, {Mode::relaxed, 1}, {Mode::relaxed, 8}};
}

Population with_documents(const Bench& bench) {
  Population population = bench.population();
  population.users = bench.settings().quick ? kQuickDocuments : kDocuments;
  return population;
}

// Puts into `desk` what it writes to the engine.
void lay_out(Bench& bench, Stand& stand, const Population& population, Desk* desk) {
  const std::unique_ptr<DocumentWorker> worker = stand.engine().document_worker(Mode::relaxed);
  for (uint32_t number = 0; number < population.users; ++number) {
    check_interrupted();
    worker->create_document(number);
    desk->places.push_back(
        std::make_unique<Desk::Place>(bench.body(population.seed + number, number)));
    for (uint32_t i = 0; i < kFirstRevisions; ++i) append(*worker, number, *desk->places[number]);
  }
}

// Every document gives back what was written last.
void prove(Stand& stand, const Desk& desk, Fold* fold) {
  const std::unique_ptr<DocumentWorker> worker = stand.engine().document_worker(Mode::relaxed);
  for (uint32_t number = 0; number < desk.places.size(); ++number) {
    Fold read, given;
    worker->newest_revision(number, &read);
    given.number(desk.places[number]->rev);
    given.text(desk.places[number]->document->json());
    given.row();
    if (read != given) {
      throw Failure(
          fmt::format("W4: {} lost a revision of document {}", stand.engine().name(), number));
    }
    fold->add(read);
  }
}

Contestant contestant_of(Stand& stand, Desk* desk, Mode mode) {
  return {&stand, [&stand, desk, mode](uint64_t seed) {
            return std::make_unique<AppendRevision>(stand.engine().document_worker(mode), desk,
                                                    seed);
          }};
}

struct Author {
  Stand* stand;
  std::unique_ptr<Desk> desk = std::make_unique<Desk>();
};

void run_case(Bench& bench, const Case& one, const std::vector<Author>& authors) {
  std::vector<Contestant> contestants;
  for (const Author& author : authors) {
    contestants.push_back(contestant_of(*author.stand, author.desk.get(), one.mode));
  }
  bench.measure({"W4", std::string(to_string(one.mode)), one.threads}, contestants);
  for (const Author& author : authors) {
    Fold last;
    bench.attempt(*author.stand, [&] { prove(*author.stand, *author.desk, &last); });
  }
}

}  // namespace

void run_w4(Bench& bench) {
  const Population population = with_documents(bench);
  const auto stands = bench.open_stands(
      population, [](Engine& engine) { return engine.document_worker(Mode::relaxed) != nullptr; });
  std::vector<Author> authors;
  for (const std::unique_ptr<Stand>& stand : stands) {
    Author& author = authors.emplace_back(Author{stand.get()});
    bench.attempt(*stand, [&] { lay_out(bench, *stand, population, author.desk.get()); });
  }
  size_t next = 0;
  prove_equal(bench, "the newest revisions of all documents", stands,
              [&](Stand& stand, Fold* fold) {
                while (authors[next].stand != &stand) ++next;
                prove(stand, *authors[next].desk, fold);
              });
  for (const Case& one : all_cases()) {
    if (one.mode == Mode::durable && !bench.scratch().is_on_disk()) {
      bench.report().note(fmt::format("W4 durable {} skipped: {} is no disk", one.threads,
                                      bench.scratch().file_system()));
      continue;
    }
    run_case(bench, one, authors);
  }
}

void profile_w4(Bench& bench, const ProfileRequest& request) {
  const Population population = with_documents(bench);
  const auto stands = bench.open_stands(population);
  Desk desk;
  lay_out(bench, *stands.front(), population, &desk);
  const std::unique_ptr<Operation> operation =
      contestant_of(*stands.front(), &desk, request.mode).start(population.seed);
  bcstore_bench_hot_loop(operation.get(), request.operations);
}

}  // namespace bcstore::bench
