// Rows on their way into the store: collected by owner, landed in batches, counted by outcome.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_set>
#include <vector>

#include "bcstore/bcstore.h"
#include "cli/owners.h"
#include "cli/report.h"

namespace bcstore::cli {

// Whether a refusal is about the store, so that no other row would fare better.
bool ends_load(Code code);

// What there is to know about a row once its outcome is known.
struct FedRow {
  uint64_t line = 0;
  std::optional<Parent> thing = std::nullopt;  // that it makes, and that later rows may hang on
  bool makes_version_one = false;              // a project
  // Of the row in project_versions that gave version 1; 0: none.
  uint64_t version_line = 0;
};

class Feeder {
 public:
  Feeder(const Service& service, Owners& owners, Report& report)
      : service_(service), owners_(owners), report_(report) {}

  // All rows until finish() are of one table, those until the next call of one owner.
  Status start(Table table, UserId owner);
  Importer& importer() { return *importer_; }
  // After each row that the importer took.
  Status took(const FedRow& row);
  Status finish();

  // Lines of project_versions that were written together with their projects.
  const std::unordered_set<uint64_t>& versions_written() const { return versions_written_; }

 private:
  Status flush();
  void settle(const FedRow& row, const ImportedRow& imported);

  const Service& service_;
  Owners& owners_;
  Report& report_;
  Table table_ = Table::users;
  UserId owner_{};
  std::optional<Importer> importer_;
  std::vector<FedRow> rows_;
  std::unordered_set<uint64_t> versions_written_;
};

}  // namespace bcstore::cli
