// Text for people: counted in columns, free of control characters, cut where it is too long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bcstore::cli {

// The bytes of the first character of `text`; 0 when it is not UTF-8. `text` is not empty.
size_t utf8_size(std::string_view text);

// One line of at most `columns`: white space and control characters become single spaces, and what
// is cut off leaves an ellipsis.
std::string one_line(std::string_view text, size_t columns);
// The first lines that are not blank.
std::vector<std::string> first_lines(std::string_view text, size_t lines, size_t columns);
// How many columns a terminal needs for it.
size_t columns_of(std::string_view text);
// `text` with spaces behind it.
std::string padded(std::string_view text, size_t columns);

std::string grouped(uint64_t number);     // "1,234,567"
std::string human_bytes(uint64_t bytes);  // "12.3 MiB"

}  // namespace bcstore::cli
