#include "cli/display.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace bcstore::cli {
namespace {

constexpr std::string_view kEllipsis = "\xE2\x80\xA6";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0u) == 0x80u; }

char32_t code_point(std::string_view character) {
  auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first;
  char32_t point = first & (0x7Fu >> character.size());
  for (char c : character.substr(1))
    point = (point << 6u) | (static_cast<unsigned char>(c) & 0x3Fu);
  return point;
}

// Columns of a character: 2 for the wide ones of East Asia and emoji, 0 for marks that combine.
size_t width_of(char32_t c) {
  bool is_mark =
      (c >= 0x0300 && c <= 0x036F) || (c >= 0x200B && c <= 0x200F) || (c >= 0xFE00 && c <= 0xFE0F);
  if (is_mark) return 0;
  bool is_wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
                 (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
                 (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
                 (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) ||
                 (c >= 0x20000 && c <= 0x3FFFD);
  return is_wide ? 2 : 1;
}

// Controls, and the marks that turn the direction of what follows them.
bool is_unprintable(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029 ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

// Takes the first character off the front.
std::string_view take_character(std::string_view& text) {
  size_t size = utf8_size(text);
  std::string_view character = size > 0 ? text.substr(0, size) : kReplacement;
  text.remove_prefix(size > 0 ? size : 1);
  return character;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

size_t utf8_size(std::string_view text) {
  auto first = static_cast<unsigned char>(text[0]);
  size_t size = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (first > 0xF4 || size == 0 || text.size() < size) return 0;
  for (char c : text.substr(1, size - 1)) {
    if (!is_continuation(c)) return 0;
  }
  char32_t point = code_point(text.substr(0, size));
  bool is_overlong = (size == 3 && point < 0x800) || (size == 4 && point < 0x10000);
  bool is_no_character = (point >= 0xD800 && point <= 0xDFFF) || point > 0x10FFFF;
  return is_overlong || is_no_character ? 0 : size;
}

std::string one_line(std::string_view text, size_t columns) {
  text = trimmed(text);
  std::string line;
  std::string fitting;  // what still fits when an ellipsis must stand behind it
  size_t width = 0;
  while (!text.empty()) {
    std::string_view character = take_character(text);
    char32_t point = code_point(character);
    if (is_unprintable(point)) character = " ", point = ' ';
    if (point == ' ' && line.ends_with(' ')) continue;
    width += width_of(point);
    if (width > columns) return fitting.append(kEllipsis);
    line += character;
    if (width < columns) fitting = line;
  }
  return line;
}

std::vector<std::string> first_lines(std::string_view text, size_t lines, size_t columns) {
  std::vector<std::string> first;
  while (!text.empty() && first.size() < lines) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    if (!line.empty()) first.push_back(one_line(line, columns));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return first;
}

size_t columns_of(std::string_view text) {
  size_t columns = 0;
  while (!text.empty()) columns += width_of(code_point(take_character(text)));
  return columns;
}

std::string padded(std::string_view text, size_t columns) {
  size_t width = columns_of(text);
  return std::string(text) + std::string(columns > width ? columns - width : 0, ' ');
}

std::string grouped(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string human_bytes(uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto amount = static_cast<double>(bytes);
  size_t unit = 0;
  for (; amount >= 1024 && unit + 1 < kUnits.size(); ++unit) amount /= 1024;
  return unit == 0 ? fmt::format("{} {}", bytes, kUnits[0])
                   : fmt::format("{:.1f} {}", amount, kUnits[unit]);
}

}  // namespace bcstore::cli
