// What the projects of a population are about, for W5 to W7: five documents of three revisions
// (JSON of 4 to 32 kB, each a 3 % edit of the one before) and fifty tasks in five phases, every
// third of them completed, once reopened and completed again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "data.h"
#include "document_data.h"
#include "generate/product.h"

namespace bcstore::bench {

inline constexpr uint32_t kProjectDocuments = 5;  // sections 1 to 5 of version 1
inline constexpr uint32_t kProjectRevisions = 3;
inline constexpr uint32_t kProjectTasks = 50;

// Tells the sink of all of it, project after project. The projects are there already; ids are
// those of the population.
// Documents are drawn, or what `body` makes of a seed and the number of a document.
using MakeBody = std::function<std::unique_ptr<Body>(uint64_t seed, uint64_t number)>;
void fill_projects(const Population& population, const Texts& texts, ProductSink& sink,
                   const MakeBody& body = nullptr);

}  // namespace bcstore::bench
