// bcstore_generate: writes the generated product's life as files that `bcstore load` reads.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <filesystem>
#include <string>

#include "failure.h"
#include "generate/files.h"

namespace {

using namespace bcstore::bench;  // NOLINT(google-build-using-namespace)

void generate(const ProductShape& shape, const std::string& directory) {
  std::filesystem::create_directories(directory);
  const Texts texts(shape.seed);
  FileWriter files(directory);
  std::vector<ProductBalance> balances;
  const ProductTotals totals = generate_product(shape, texts, files, &balances);
  files.finish(balances);
  fmt::print(
      "seed {}, {} owners: {} projects, {} documents of {} revisions, {} sections, {} tasks,\n"
      "{} sessions of {} messages ({} unsent for want of credits), {} events, {} integrations\n",
      shape.seed, totals.users, totals.projects, totals.documents, totals.revisions,
      totals.sections, totals.tasks, totals.chats, totals.messages, totals.unanswered,
      totals.events, totals.integrations);
}

}  // namespace

int main(int count, char** words) {
  CLI::App app("Writes a generated product's life, the same for each seed, for `bcstore load`");
  ProductShape shape;
  std::string directory;
  app.add_option("directory", directory, "Where the files go")->required();
  app.add_option("--seed", shape.seed, "What everything is drawn from")->capture_default_str();
  app.add_option("--owners", shape.owners, "How many users")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  CLI11_PARSE(app, count, words);
  try {
    catch_signals();
    generate(shape, directory);
  } catch (const std::exception& failure) {
    fmt::print(stderr, "bcstore_generate: {}\n", failure.what());
    return 1;
  }
  return 0;
}
