// What a load has to say: counts for the summary, refused rows as they come, and a progress bar.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include "bcstore/status.h"
#include "cli/tables.h"

namespace bcstore::cli {

// More refused rows than this are counted but not printed.
inline constexpr uint64_t kMaxPrintedRefusals = 50;

// One line that is drawn over and over; it draws nothing unless it is on.
class Progress {
 public:
  Progress(std::ostream& out, bool is_on) : out_(out), is_on_(is_on) {}

  // At most ten times a second, and at once for another table or phase.
  void show(Table table, std::string_view phase, uint64_t done, uint64_t total, uint64_t rows);
  void clear();

 private:
  std::ostream& out_;
  bool is_on_;
  bool is_drawn_ = false;
  Table table_ = Table::users;
  std::string_view phase_;
  std::chrono::steady_clock::time_point drawn_at_{};
};

struct TableCount {
  uint64_t read = 0;  // rows, blank lines not among them
  uint64_t written = 0;
  uint64_t present = 0;
  uint64_t refused = 0;
};

class Report {
 public:
  Report(InputFiles files, std::ostream& err, bool with_progress, bool is_strict)
      : files_(std::move(files)), err_(err), progress_(err, with_progress), is_strict_(is_strict) {}

  const InputFiles& files() const { return files_; }
  TableCount& count(Table table) { return counts_[index_of(table)]; }
  const TableCount& count(Table table) const { return counts_[index_of(table)]; }
  Progress& progress() { return progress_; }
  uint64_t derived_versions = 0;

  // A row that is not loaded, and why.
  void refuse(Table table, uint64_t line, std::string_view reason);
  // A file that could not be read to its end.
  void damaged_file(Table table, const Status& status);
  // What ends the load.
  void fail(std::string_view what);
  void finish();  // after the last row: says how many refusals were not printed

  // Strict, and there was something to be strict about.
  bool must_stop() const { return is_strict_ && (refusals_ > 0 || has_failed_); }
  bool has_failed() const { return has_failed_; }
  uint64_t refusals() const { return refusals_; }

 private:
  std::string file_name(Table table) const;

  InputFiles files_;
  std::ostream& err_;
  Progress progress_;
  bool is_strict_;
  bool has_failed_ = false;
  uint64_t refusals_ = 0;
  std::array<TableCount, kTables> counts_{};
};

// What stands in the store's directory, and how long it took to get there.
struct LoadTotals {
  double seconds = 0;
  uint64_t bytes_on_disk = 0;
};

std::string summary_json(const Report& report, const LoadTotals& totals);
std::string summary_text(const Report& report, const LoadTotals& totals);

}  // namespace bcstore::cli
