// Rows read back from the JSON of a run.
#include <fmt/format.h>
#include <simdjson.h>

#include "chart.h"
#include "failure.h"

namespace bcstore::bench {
namespace {

Row row_of(const simdjson::dom::element& element) {
  Row row;
  row.workload = std::string(element["workload"].get_string().value());
  row.variant = std::string(element["variant"].get_string().value());
  row.threads = static_cast<unsigned>(element["threads"].get_uint64().value());
  row.engine = std::string(element["engine"].get_string().value());
  row.ops_per_s = element["ops_per_s"].get_double().value();
  row.p50_us = element["p50_us"].get_double().value();
  row.p99_us = element["p99_us"].get_double().value();
  row.spread = element["spread"].get_double().value();
  row.unit = std::string(element["unit"].get_string().value());
  row.value = element["value"].get_double().value();
  return row;
}

}  // namespace

std::vector<Row> read_rows(const std::string& path) {
  simdjson::dom::parser parser;
  simdjson::dom::array array;
  if (const auto error = parser.load(path).get_array().get(array)) {
    throw Refused(
        fmt::format("'{}' holds no rows of a run: {}", path, simdjson::error_message(error)));
  }
  std::vector<Row> rows;
  for (const simdjson::dom::element element : array) {
    try {
      rows.push_back(row_of(element));
    } catch (const simdjson::simdjson_error& error) {
      throw Refused(
          fmt::format("'{}': row {} is none of a run: {}", path, rows.size() + 1, error.what()));
    }
  }
  return rows;
}

}  // namespace bcstore::bench
