// W10: opening a store after a clean close, with the generated product in it, and again with
// twice as many owners: what grows with history shows.
#include <fmt/core.h>

#include <algorithm>

#include "catalogue.h"
#include "failure.h"
#include "generate/product.h"

namespace bcstore::bench {
namespace {

constexpr uint32_t kOwners = 1000;
constexpr uint32_t kQuickOwners = 30;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Row row_of(const std::string& variant, std::string_view engine, const std::vector<double>& ms) {
  const auto [low, high] = std::minmax_element(ms.begin(), ms.end());
  return {.workload = "W10",
          .variant = variant,
          .engine = std::string(engine),
          .ops_per_s = 1e3 / median(ms),
          .p50_us = median(ms) * 1e3,
          .p99_us = *high * 1e3,
          .spread = *high / std::max(*low, 1e-9),
          .unit = "ms",
          .value = median(ms)};
}

void measure(Bench& bench, uint32_t owners, const std::string& variant) {
  Population nobody = bench.population();
  nobody.users = 0;  // the product brings its own
  const std::vector<std::unique_ptr<Stand>> stands =
      bench.open_stands(nobody, [](Engine& engine) { return engine.product_sink() != nullptr; });
  ProductTotals totals;
  for (const auto& stand : stands) {
    bench.attempt(*stand, [&] {
      {
        const std::unique_ptr<ProductSink> sink = stand->engine().product_sink();
        totals = generate_product({.owners = owners}, bench.texts(), *sink);
      }
      stand->reopen();
    });
  }
  const unsigned pairs = std::max(bench.settings().quick ? 3u : 5u, bench.settings().pairs);
  std::vector<std::vector<double>> ms(stands.size());
  for (unsigned pair = 0; pair < pairs; ++pair) {
    for (size_t i = 0; i < stands.size(); ++i) {
      check_interrupted();
      bench.attempt(*stands[i], [&] { ms[i].push_back(stands[i]->reopen() / 1e3); });
    }
  }
  bench.report().note(fmt::format("W10: {} owners, {} documents of {} revisions, {} messages",
                                  totals.users, totals.documents, totals.revisions,
                                  totals.messages));
  for (size_t i = 0; i < stands.size(); ++i) {
    if (stands[i]->is_given_up()) continue;
    Row row = row_of(variant, stands[i]->engine_name(), ms[i]);
    if (i > 0 && stands[0]->engine_name() == "bcstore") {
      std::vector<double> ratios;
      for (size_t pair = 0; pair < pairs; ++pair) ratios.push_back(ms[0][pair] / ms[i][pair]);
      const auto [low, high] = std::minmax_element(ratios.begin(), ratios.end());
      // Times here: less is better, and the goal is a ceiling.
      row.ratio = Row::Ratio{.median = median(ratios),
                             .low = *low,
                             .high = *high,
                             .is_judged = !bench.settings().quick};
    }
    bench.report().add(std::move(row));
  }
}

}  // namespace

void run_w10(Bench& bench) {
  const uint32_t owners = bench.settings().quick ? kQuickOwners : kOwners;
  measure(bench, owners, "open");
  measure(bench, 2 * owners, "open, twice the owners");
}

void profile_w10(Bench&, const ProfileRequest&) { throw Refused("W10 has no hot loop"); }

}  // namespace bcstore::bench
