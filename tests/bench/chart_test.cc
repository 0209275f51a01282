// Charts of the benchmark's rows.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "bench/chart.h"
#include "bench/failure.h"
#include "bench/goals.h"
#include "planted_engine.h"

namespace bcstore::bench_test {
namespace {

using bench::Row;

Row rate(const char* workload, std::string variant, unsigned threads, const char* engine,
         double value) {
  return {.workload = workload,
          .variant = std::move(variant),
          .threads = threads,
          .engine = engine,
          .ops_per_s = value,
          .unit = "ops/s",
          .value = value};
}

Row measure(const char* workload, std::string variant, const char* engine, const char* unit,
            double value) {
  return {.workload = workload,
          .variant = std::move(variant),
          .engine = engine,
          .unit = unit,
          .value = value};
}

// As many rows as a full run has, and more.
std::vector<Row> many_rows() {
  std::vector<Row> rows;
  for (const bench::Goal& goal : bench::all_goals()) {
    const bool is_there = std::any_of(rows.begin(), rows.end(), [&goal](const Row& row) {
      return row.workload == goal.workload && row.variant == goal.variant &&
             row.threads == std::max(goal.threads, 1u);
    });
    if (is_there) continue;
    for (const char* engine : {"bcstore", "floor", "lmdb", "sqlite", "postgres"}) {
      rows.push_back(rate(goal.workload.data(), std::string(goal.variant),
                          goal.threads == 0 ? 1 : goal.threads, engine,
                          1000.0 + static_cast<double>(rows.size())));
    }
  }
  for (const char* layout : {"", "owner first, leveled: ", "owner first, universal: ",
                             "month first, leveled: ", "family a month: "}) {
    for (int month = 1; month <= 24; ++month) {
      const char* engine = *layout == '\0' ? "bcstore" : "floor";
      rows.push_back(measure("W12", fmt::format("{}write amplification, month {}", layout, month),
                             engine, "bytes/byte", 2 + month % 5));
      rows.push_back(
          rate("W12", fmt::format("{}append rate, month {}", layout, month), 1, engine, 5e4));
    }
  }
  return rows;
}

TEST_CASE("Ratios are drawn so that right is better, with their goals") {
  const std::vector<Row> rows = {rate("W1", "durable", 1, "bcstore", 3000),
                                 rate("W1", "durable", 1, "floor", 2000),
                                 measure("W10", "open", "bcstore", "ms", 10),
                                 measure("W10", "open", "floor", "ms", 40),
                                 rate("W11", "durable hot", 8, "bcstore", 700),
                                 rate("W11", "durable hot, plain append", 8, "bcstore", 1000)};
  const std::string chart = bench::draw_ratios(rows);
  CHECK(has(chart, ">1.50 floor</text>"));
  CHECK(has(chart, ">W1 durable</text>"));
  // A quarter of the time is four times as good.
  CHECK(has(chart, ">4.00 floor</text>"));
  CHECK(has(chart, ">0.70 own plain append</text>"));
  CHECK(has(chart, ">W11 durable hot, 8 threads</text>"));
  CHECK(has(chart, "class=\"g\""));
  CHECK(has(chart, "fill=\"#fff\""));
  CHECK(chart == bench::draw_ratios(rows));
  CHECK(bench::draw_ratios({rate("W1", "durable", 1, "floor", 2000)}).empty());
  CHECK(bench::draw_ratios({}).empty());
}

TEST_CASE("Months are drawn for each layout and for whole engines") {
  const std::string chart = bench::draw_months(many_rows(), "write amplification", "Written <1>");
  CHECK(has(chart, ">bcstore, whole engine</text>"));
  CHECK(has(chart, ">family a month</text>"));
  CHECK(has(chart, "Written &lt;1>"));
  CHECK(has(chart, "class=\"g d\""));
  CHECK(bench::draw_months({}, "append rate", "Appends").empty());
}

TEST_CASE("Charts are small, and the rows that a run wrote draw the same ones again") {
  test::TempDirectory directory;
  bench::Report report;
  for (const Row& row : many_rows()) report.keep(row);
  const std::string json = directory.sub("rows.json");
  report.write_json(json);
  const std::vector<std::string> names =
      bench::write_charts(bench::read_rows(json), directory.sub("charts"));
  REQUIRE(names.size() == 3);
  for (const std::string& name : names) {
    CAPTURE(name);
    std::ostringstream text;
    text << std::ifstream(name).rdbuf();
    CHECK(text.str().size() > 500);
    CHECK(text.str().size() < 30'000);
  }
  std::ostringstream ratios;
  ratios << std::ifstream(names[0]).rdbuf();
  CHECK(ratios.str() == bench::draw_ratios(report.rows()));
}

std::string refusal_of(const std::string& path, const char* contents) {
  if (contents != nullptr) std::ofstream(path) << contents;
  try {
    (void)bench::read_rows(path);
    return {};
  } catch (const bench::Refused& refused) {
    return refused.what();
  }
}

TEST_CASE("A file that holds no rows is refused by name") {
  test::TempDirectory directory;
  const std::string path = directory.sub("rows.json");
  CHECK(has(refusal_of(path, nullptr), path));
  for (const char* contents :
       {"", "{}", "[1]", "[{\"workload\": \"W1\"}]", "[{\"workload\": 1}]"}) {
    CAPTURE(contents);
    CHECK(has(refusal_of(path, contents), path));
  }
  CHECK(refusal_of(path, "[]").empty());
}

}  // namespace
}  // namespace bcstore::bench_test
