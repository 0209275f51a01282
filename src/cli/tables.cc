#include "cli/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace bcstore::cli {
namespace {

constexpr std::array<std::string_view, kTables> kStems = {"users",
                                                          "chat_credits",
                                                          "integrations",
                                                          "projects",
                                                          "project_versions",
                                                          "documents",
                                                          "document_revisions",
                                                          "document_sections",
                                                          "tasks",
                                                          "task_activity",
                                                          "chat_sessions",
                                                          "chat_messages",
                                                          "events"};

// The table that a file of this name holds.
std::optional<Table> table_of_file(std::string_view name) {
  for (std::string_view ending : {".jsonl", ".jsonl.gz", ".jsonl.zst"}) {
    if (name.ends_with(ending)) return parse_table(name.substr(0, name.size() - ending.size()));
  }
  return std::nullopt;
}

bool holds_section_vectors(std::string_view name) {
  return name == "section_vectors.fvecs" || name == "section_vectors.fvecs.gz" ||
         name == "section_vectors.fvecs.zst";
}

Result<std::vector<std::string>> file_names(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::error_code unknown;
    if (!entry->is_directory(unknown)) names.push_back(entry->path().filename().string());
  }
  if (error) return Status(Code::io_error, fmt::format("{}: {}", directory, error.message()));
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::string_view stem(Table table) { return kStems[index_of(table)]; }

std::optional<Table> parse_table(std::string_view stem) {
  auto found = std::find(kStems.begin(), kStems.end(), stem);
  if (found == kStems.end()) return std::nullopt;
  return table_at(static_cast<size_t>(found - kStems.begin()));
}

Result<InputFiles> find_input(const std::string& directory, const std::vector<Table>& wanted) {
  Result<std::vector<std::string>> names = file_names(directory);
  if (!names) return names.status();
  InputFiles files;
  for (const std::string& name : *names) {
    std::optional<Table> table = table_of_file(name);
    if (holds_section_vectors(name) && files.section_vectors.empty()) {
      files.section_vectors = (std::filesystem::path(directory) / name).string();
      continue;
    }
    bool is_wanted = table && (wanted.empty() ||
                               std::find(wanted.begin(), wanted.end(), *table) != wanted.end());
    if (!is_wanted) {
      files.skipped.push_back(name);
      continue;
    }
    std::string& path = files.paths[index_of(*table)];
    if (!path.empty()) {
      return Status(Code::invalid_argument,
                    fmt::format("{} and {} hold the same table: leave one of them in {}",
                                std::filesystem::path(path).filename().string(), name, directory));
    }
    path = (std::filesystem::path(directory) / name).string();
  }
  bool is_empty = std::all_of(files.paths.begin(), files.paths.end(),
                              [](const std::string& path) { return path.empty(); });
  if (is_empty) {
    return Status(Code::not_found, fmt::format("{} has no file of a table to load", directory));
  }
  return files;
}

}  // namespace bcstore::cli
