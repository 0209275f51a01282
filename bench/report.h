// Report: the rows of a run, printed as they come and written as JSON at the end.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bcstore::bench {

struct Row {
  std::string workload;
  std::string variant;
  unsigned threads = 1;
  std::string engine;
  double ops_per_s = 0;  // median of the slices
  double p50_us = 0;     // of all slices together
  double p99_us = 0;
  double spread = 1;  // fastest slice / slowest slice
  std::string unit;
  double value = 0;

  // For an engine that bcstore is compared with: bcstore's rate / this one's, pair by pair (of
  // times, bcstore's time / this one's, and the goal is a ceiling).
  struct Ratio {
    double median = 0;
    double low = 0;
    double high = 0;
    // Of goals.h, found when the row is added.
    std::optional<double> goal{};
    bool at_most = false;
    // False when the run cannot tell: too few pairs, or a machine busy with something else.
    bool is_judged = false;

    bool is_held() const { return goal && (at_most ? median <= *goal : median >= *goal); }
  };
  std::optional<Ratio> ratio{};
};

class Report {
 public:
  void add(Row row);
  // For the JSON alone.
  void keep(Row row) { rows_.push_back(std::move(row)); }
  void note(std::string_view line) const;
  const std::vector<Row>& rows() const { return rows_; }

  // Throws Failure when the file cannot be written; an old file is replaced only by a whole one.
  void write_json(const std::string& path) const;

 private:
  void print(const Row& row) const;
  std::vector<Row> rows_;
  bool has_head_ = false;
};

}  // namespace bcstore::bench
