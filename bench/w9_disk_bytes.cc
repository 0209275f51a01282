// W9: bytes on disk for each message and each revision in whole engines, indexes and bcstore's own
// commit log included. Not counted: what an empty engine takes, and write-ahead logs, which come
// to an end.
#include <fmt/core.h>

#include <filesystem>
#include <map>
#include <utility>

#include "catalogue.h"
#include "chat_work.h"
#include "document_data.h"
#include "failure.h"
#include "held_text.h"
#include "w9_bytes.h"

namespace bcstore::bench {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kUsers = 40;      // and documents
constexpr uint32_t kMessages = 500;  // of a session
constexpr uint32_t kQuickUsers = 10;
constexpr uint32_t kQuickMessages = 200;

// Everything written so far lies where it will stay.
uint64_t resting_bytes(Bench& bench, Stand& stand) {
  stand.engine().compact();
  stand.reopen();
  stand.engine().compact();
  bench.settle(stand.directory());
  uint64_t bytes = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(stand.directory())) {
    std::error_code gone;
    if (!entry.is_regular_file(gone) || gone || is_log(entry.path())) continue;
    const uint64_t size = entry.file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

uint64_t load_documents(Stand& stand, const std::vector<std::vector<std::string>>& documents) {
  uint64_t revisions = 0;
  const std::unique_ptr<DocumentWorker> worker = stand.engine().document_worker(Mode::relaxed);
  for (uint32_t i = 0; i < documents.size(); ++i) worker->create_document(i);
  for (uint32_t i = 0; i < documents.size(); ++i) {
    check_interrupted();
    for (const std::string& content : documents[i]) worker->append_revision(i, content);
    revisions += documents[i].size();
  }
  return revisions;
}

void add_row(Bench& bench, const char* variant, Stand& stand, double bytes,
             std::map<std::string, double>* ours) {
  Row row{.workload = "W9",
          .variant = variant,
          .engine = std::string(stand.engine_name()),
          .unit = "bytes",
          .value = bytes};
  if (stand.engine_name() == "bcstore") {
    (*ours)[variant] = bytes;
  } else if (const auto found = ours->find(variant); found != ours->end()) {
    const double ratio = found->second / bytes;
    row.ratio = Row::Ratio{
        .median = ratio, .low = ratio, .high = ratio, .is_judged = !bench.settings().quick};
  }
  bench.report().add(std::move(row));
}

}  // namespace

void measure_disk_bytes(Bench& bench, const std::vector<std::vector<std::string>>& documents) {
  const bool is_quick = bench.settings().quick;
  Population population = bench.population();
  population.users =
      std::max<uint32_t>(is_quick ? kQuickUsers : kUsers, static_cast<uint32_t>(documents.size()));
  population.messages_per_session = is_quick ? kQuickMessages : kMessages;
  const auto stands = bench.open_stands(population, [](Engine& engine) {
    return engine.chat_worker(Mode::relaxed) != nullptr &&
           engine.document_worker(Mode::relaxed) != nullptr;
  });
  std::map<std::string, double> ours;
  for (const std::unique_ptr<Stand>& stand : stands) {
    bench.attempt(*stand, [&] {
      const uint64_t empty = resting_bytes(bench, *stand);
      const uint64_t revisions = load_documents(*stand, documents);
      const uint64_t with_documents = resting_bytes(bench, *stand);
      load_messages(*stand, population, bench.texts());
      const uint64_t all = resting_bytes(bench, *stand);
      const auto each = [](uint64_t more, uint64_t less, uint64_t count) {
        return (static_cast<double>(more) - static_cast<double>(less)) / static_cast<double>(count);
      };
      add_row(bench, "bytes a revision", *stand, each(with_documents, empty, revisions), &ours);
      add_row(bench, "bytes a message", *stand, each(all, with_documents, population.messages()),
              &ours);
    });
  }
}

}  // namespace bcstore::bench
