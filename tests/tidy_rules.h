// The rules of the house, as functions of text: each answers the faults that it found, one sentence
// each. tidy_test.cc shows each of them a bad example, and then the whole source tree.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bcstore::tidy {

struct Source {
  std::string path;  // from the root of the repository, such as "src/format/key.h"
  std::string text;
};

using Faults = std::vector<std::string>;

inline constexpr size_t kMaxColumns = 100;
inline constexpr size_t kMaxFileLines = 500;
inline constexpr size_t kMaxFunctionLines = 70;

// The text with the contents of comments, strings and characters blanked out; every line and every
// column stays where it was.
std::string code_of(std::string_view text);

// An include may only go down; public headers include the standard library and bcstore/* only;
// nothing but src/engine includes or names RocksDB.
Faults floor_faults(const Source& source);

// Lines, files and functions are short.
Faults length_faults(const Source& source);
Faults function_faults(const Source& source);

// The library does not print, end the process, throw, or keep threads and state of its own.
Faults manner_faults(const Source& source);

// Raw iterators are made in one file of src/engine and nowhere else.
Faults iterator_faults(const std::vector<Source>& sources);

// Names of test cases are unique and made of characters that every tool on the way understands.
Faults test_name_faults(const std::vector<Source>& sources);

// The first C++ snippet of the README is the part of the example between its two markers.
Faults readme_faults(std::string_view readme, std::string_view example);

// The first two columns of FORMAT.md's table of kinds are the catalogue.
using Catalogue = std::vector<std::pair<unsigned, std::string>>;
Faults catalogue_faults(std::string_view format_document, const Catalogue& catalogue);

}  // namespace bcstore::tidy
