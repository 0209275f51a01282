#include "report.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "failure.h"
#include "goals.h"

namespace bcstore::bench {
namespace {

constexpr const char* kLine =
    "{:<4} {:<36} {:>3}  {:<8} {:>16} {:>9} {:>9} {:>7}  {:>8} {:>13} {:>6}  {}\n";

std::string verdict(const Row::Ratio& ratio) {
  if (!ratio.is_judged) return "not judged";
  return ratio.is_held() ? "held" : "missed";
}

std::string one_row(const Row& row) {
  // Names come from the program's own tables: no character needs an escape.
  return fmt::format(
      "{{\"workload\": \"{}\", \"variant\": \"{}\", \"threads\": {}, \"engine\": \"{}\", "
      "\"ops_per_s\": {:.1f}, \"p50_us\": {:.3f}, \"p99_us\": {:.3f}, \"spread\": {:.3f}, "
      "\"unit\": \"{}\", \"value\": {:.3f}}}",
      row.workload, row.variant, row.threads, row.engine, row.ops_per_s, row.p50_us, row.p99_us,
      row.spread, row.unit, row.value);
}

}  // namespace

void Report::add(Row row) {
  if (!std::exchange(has_head_, true)) {
    fmt::print(kLine, "", "variant", "thr", "engine", "value", "p50 us", "p99 us", "spread",
               "bcstore/", "of the pairs", "goal", "");
  }
  if (row.ratio) {
    if (const Goal* goal = find_goal(row.workload, row.variant, row.threads, row.engine)) {
      row.ratio->goal = goal->ratio;
      row.ratio->at_most = goal->at_most;
    }
  }
  print(row);
  rows_.push_back(std::move(row));
}

void Report::note(std::string_view line) const {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

void Report::print(const Row& row) const {
  std::string ratio, range, goal, held;
  if (row.ratio) {
    ratio = fmt::format("{:.2f}", row.ratio->median);
    range = fmt::format("{:.2f} to {:.2f}", row.ratio->low, row.ratio->high);
    goal = row.ratio->goal ? fmt::format("{}{}", row.ratio->at_most ? "<" : "", *row.ratio->goal)
                           : "-";
    if (row.ratio->goal) held = verdict(*row.ratio);
  }
  const bool is_rate = row.unit == "ops/s";
  const bool has_times = row.p99_us > 0;
  fmt::print(kLine, row.workload, row.variant, row.threads, row.engine,
             fmt::format("{:.{}f} {}", row.value, is_rate ? 0 : 2, row.unit),
             has_times ? fmt::format("{:.1f}", row.p50_us) : "",
             has_times ? fmt::format("{:.1f}", row.p99_us) : "",
             has_times ? fmt::format("{:.2f}x", row.spread) : "", ratio, range, goal, held);
  std::fflush(stdout);
}

void Report::write_json(const std::string& path) const {
  const std::string fresh = path + ".new";
  std::FILE* file = std::fopen(fresh.c_str(), "w");
  if (file == nullptr) {
    throw Failure(fmt::format("cannot write '{}': {}", fresh, std::strerror(errno)));
  }
  std::string text = "[\n";
  for (size_t i = 0; i < rows_.size(); ++i) {
    text += "  " + one_row(rows_[i]) + (i + 1 < rows_.size() ? ",\n" : "\n");
  }
  text += "]\n";
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = std::fclose(file) == 0;
  std::error_code error;
  if (written && closed) std::filesystem::rename(fresh, path, error);
  if (!written || !closed || error) {
    std::error_code ignored;
    std::filesystem::remove(fresh, ignored);
    throw Failure(fmt::format("cannot write '{}'", path));
  }
}

}  // namespace bcstore::bench
