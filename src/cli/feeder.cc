#include "cli/feeder.h"

#include <utility>

namespace bcstore::cli {
namespace {

constexpr size_t kMaxRows = 500;
constexpr size_t kMaxBytes = size_t{8} << 20;

}  // namespace

bool ends_load(Code code) {
  switch (code) {
    case Code::corruption:
    case Code::io_error:
    case Code::no_space:
    case Code::read_only:
    case Code::unknown_outcome:
    case Code::unavailable:
    case Code::busy:
    case Code::wrong_process:
    case Code::closed:
    case Code::internal:
      return true;
    default:
      return false;
  }
}

Status Feeder::start(Table table, UserId owner) {
  if (importer_ && table_ == table && owner_ == owner) return {};
  if (Status status = finish(); !status.ok()) return status;
  table_ = table;
  owner_ = owner;
  importer_.emplace(service_.importer(owner));
  return {};
}

Status Feeder::took(const FedRow& row) {
  rows_.push_back(row);
  bool is_full = rows_.size() >= kMaxRows || importer_->bytes() >= kMaxBytes;
  return is_full ? flush() : Status();
}

Status Feeder::finish() {
  Status status = flush();
  importer_.reset();
  return status;
}

Status Feeder::flush() {
  if (rows_.empty()) return {};
  std::vector<FedRow> rows = std::exchange(rows_, {});
  Result<std::vector<ImportedRow>> outcomes = importer_->commit(Durability::relaxed);
  if (!outcomes) {
    if (ends_load(outcomes.code())) return outcomes.status();
    for (const FedRow& row : rows) settle(row, {ImportOutcome::refused, outcomes.status()});
    return {};
  }
  if (outcomes->size() != rows.size()) {
    return Status(Code::internal, "the importer answered for another number of rows");
  }
  for (size_t i = 0; i < rows.size(); ++i) settle(rows[i], (*outcomes)[i]);
  return {};
}

void Feeder::settle(const FedRow& row, const ImportedRow& imported) {
  TableCount& count = report_.count(table_);
  if (imported.outcome == ImportOutcome::refused) {
    report_.refuse(table_, row.line, imported.status.to_string());
    return;
  }
  if (row.thing) owners_.learn(*row.thing, owner_);
  if (imported.outcome == ImportOutcome::present) {
    ++count.present;
    return;
  }
  ++count.written;
  if (row.makes_version_one && row.version_line == 0) ++report_.derived_versions;
  if (row.version_line != 0) versions_written_.insert(row.version_line);
}

}  // namespace bcstore::cli
