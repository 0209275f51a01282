// Charts of a run's rows, as SVG: a white ground of their own, text as text, the same bytes for the
// same rows.
#pragma once

#include <string>
#include <vector>

#include "report.h"

namespace bcstore::bench {

// bcstore beside each of the others, workload by workload, on a logarithmic scale, with the goals.
// Of times and bytes the inverse is drawn: further right is always better. Empty: nothing to draw.
std::string draw_ratios(const std::vector<Row>& rows);

// What W12 told of each month: "write amplification" or "append rate". Empty: nothing to draw.
std::string draw_months(const std::vector<Row>& rows, const std::string& what,
                        const std::string& title);

// Into files of that directory, which is made if it is not there; their names. Throws Failure.
std::vector<std::string> write_charts(const std::vector<Row>& rows, const std::string& directory);

// The rows that a run wrote as JSON. Throws Refused, naming the file and what is wrong with it.
std::vector<Row> read_rows(const std::string& path);

}  // namespace bcstore::bench
