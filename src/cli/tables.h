// The tables that a load knows, and the files that hold them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/status.h"

namespace bcstore::cli {

// In the order in which they are reported.
enum class Table : uint8_t {
  users,
  chat_credits,
  integrations,
  projects,
  project_versions,
  documents,
  document_revisions,
  document_sections,
  tasks,
  task_activity,
  chat_sessions,
  chat_messages,
  events,
};
inline constexpr size_t kTables = 13;

constexpr size_t index_of(Table table) { return static_cast<size_t>(table); }
constexpr Table table_at(size_t index) { return static_cast<Table>(index); }

// The name of its file without the endings, which is the table's name too.
std::string_view stem(Table table);
std::optional<Table> parse_table(std::string_view stem);

struct InputFiles {
  std::array<std::string, kTables> paths{};  // empty: the directory has no such file
  std::string section_vectors{};             // embeddings that document_sections refers to
  std::vector<std::string> skipped{};        // names of files that are not read, sorted

  bool has(Table table) const { return !paths[index_of(table)].empty(); }
  const std::string& path(Table table) const { return paths[index_of(table)]; }
};

// Looks for STEM.jsonl, STEM.jsonl.gz and STEM.jsonl.zst of the wanted tables; no table wanted
// means all of them. Codes: io_error (the directory cannot be read), invalid_argument (two files of
// one table), not_found (nothing to read).
Result<InputFiles> find_input(const std::string& directory, const std::vector<Table>& wanted);

}  // namespace bcstore::cli
