// What the tests of the command stand on: a temporary directory with input files, packed ones too,
// and the verbs with what they said.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/bcstore.h"
#include "temp_directory.h"

namespace bcstore::cli_fixture {

class TempDir {
 public:
  TempDir();

  std::string input() const { return directory_.sub("in"); }
  std::string db() const { return directory_.sub("db"); }
  // Writes a file of the input; answers its path.
  std::string file(std::string_view name, std::string_view bytes) const;
  void remove(std::string_view name) const {
    std::filesystem::remove(std::filesystem::path(input()) / name);
  }

 private:
  test::TempDirectory directory_;
};

std::string zst(std::string_view text);
std::string gz(std::string_view text);

struct Answer {
  int code = 0;
  std::string out{};
  std::string err{};
};

Answer command(const std::vector<std::string>& words);
// Loads the directory's input into its store, with more words if there are any.
Answer load(const TempDir& dir, const std::vector<std::string>& more = {});

struct Counts {
  uint64_t read = 0;
  uint64_t written = 0;
  uint64_t present = 0;
  uint64_t refused = 0;
  friend bool operator==(const Counts&, const Counts&) = default;
};
std::ostream& operator<<(std::ostream& out, const Counts& counts);

inline Counts all_written(uint64_t rows) { return {rows, rows, 0, 0}; }
inline Counts all_present(uint64_t rows) { return {rows, 0, rows, 0}; }

// What the summary of a load says of one table.
Counts counts_of(const Answer& answer, std::string_view table);
uint64_t derived_versions(const Answer& answer);

inline bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

Store reopen(const TempDir& dir);

// Ids and rows of a small history, by number.
std::string id(int number);
template <class AnyId>
AnyId id_of(int number) {
  return AnyId::parse(id(number)).value_or(AnyId());
}
std::string user_row(int user);
std::string project_row(int project, int user, std::string_view time);
std::string version_row(int project, int version, std::string_view time);
std::string document_row(int document, int project, int version, std::string_view section);
std::string revision_row(int document, int rev, std::string_view body);
std::string section_row(int document, int first, int last, std::string_view block, int vec);
std::string task_row(int task, int project, std::string_view title, std::string_view time);
std::string activity_row(int task, std::string_view action, std::string_view time);
std::string session_row(int session, int project, std::string_view time);
std::string message_row(int session, int seq, std::string_view content);
std::string event_row(int project, std::string_view payload, std::string_view time);

}  // namespace bcstore::cli_fixture
