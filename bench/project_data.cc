#include "project_data.h"

#include <string>

#include "document_data.h"
#include "failure.h"

namespace bcstore::bench {
namespace {

// Short: all projects are there before the first message comes, or bcstore, whose time never goes
// back, would give that message a later time than the other engines.
constexpr int64_t kStepUs = 1;
constexpr uint32_t kPhases = 5;

class Filler {
 public:
  Filler(const Population& population, const Texts& texts, ProductSink& sink, const MakeBody& body)
      : population_(population), texts_(texts), sink_(sink), body_(body) {}

  void fill(uint32_t project) {
    when_ = {.at_us = kFirstInstantUs + int64_t{project} * 1'000 * kStepUs,
             .owner = project,
             .user = population_.user_id(project)};
    for (uint32_t i = 0; i < kProjectDocuments; ++i) write_document(project, i);
    Random random(population_.seed * 31 + project);
    for (uint32_t i = 0; i < kProjectTasks; ++i) write_task(project, i, random);
  }

 private:
  const Happening& next() {
    when_.at_us += kStepUs;
    return when_;
  }

  void write_document(uint32_t project, uint32_t number) {
    const RawId id = population_.project_document_id(project, number);
    sink_.document(next(), id, population_.project_id(project), 1,
                   static_cast<uint8_t>(number + 1));
    const uint64_t of_all = uint64_t{project} * kProjectDocuments + number;
    const uint64_t seed = population_.seed * 17 + of_all;
    const std::unique_ptr<Body> document =
        body_ ? body_(seed, of_all) : std::make_unique<EditedDocument>(texts_, seed);
    for (uint32_t rev = 1; rev <= kProjectRevisions; ++rev) {
      if (rev > 1) document->edit();
      sink_.revision(next(), id, rev, document->json());
    }
  }

  void write_task(uint32_t project, uint32_t number, Random& random) {
    const RawId id = population_.task_id(project, number);
    const std::string title(texts_.words(random, 60));
    const std::string_view description = texts_.words(random, 400);
    sink_.task(next(), id, population_.project_id(project),
               static_cast<int32_t>(1 + random.below(kPhases)), title, description);
    if (number % 3 != 0) return;
    sink_.activity(next(), id, true);
    if (number % 6 != 0) return;
    sink_.activity(next(), id, false);
    sink_.activity(next(), id, true);
  }

  const Population& population_;
  const Texts& texts_;
  ProductSink& sink_;
  const MakeBody& body_;
  Happening when_;
};

}  // namespace

void fill_projects(const Population& population, const Texts& texts, ProductSink& sink,
                   const MakeBody& body) {
  Filler filler(population, texts, sink, body);
  for (uint32_t project = 0; project < population.users; ++project) {
    check_interrupted();
    filler.fill(project);
  }
}

}  // namespace bcstore::bench
