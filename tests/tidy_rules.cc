#include "tidy_rules.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <regex>
#include <sstream>

namespace bcstore::tidy {
namespace {

bool starts_with(std::string_view text, std::string_view start) { return text.starts_with(start); }

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream stream{std::string(text)};
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string at(const Source& source, size_t line) {
  return source.path + ":" + std::to_string(line) + ": ";
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool has_word(std::string_view line, std::string_view word) {
  for (size_t p = line.find(word); p != std::string_view::npos; p = line.find(word, p + 1)) {
    bool free_before = p == 0 || !is_word(line[p - 1]);
    size_t end = p + word.size();
    if (free_before && (end == line.size() || !is_word(line[end]) || !is_word(word.back())))
      return true;
  }
  return false;
}

// The end of a raw string that starts at `quote`, such as the one in R"x(...)x".
size_t raw_string_end(std::string_view text, size_t quote) {
  size_t open = text.find('(', quote);
  if (open == std::string_view::npos) return text.size();
  std::string close = ")" + std::string(text.substr(quote + 1, open - quote - 1)) + "\"";
  size_t end = text.find(close, open);
  return end == std::string_view::npos ? text.size() : end + close.size();
}

// The end of a string or character literal that starts at `quote`.
size_t literal_end(std::string_view text, size_t quote) {
  size_t i = quote + 1;
  while (i < text.size() && text[i] != text[quote] && text[i] != '\n')
    i += text[i] == '\\' ? 2u : 1u;
  return std::min(i + 1, text.size());
}

// The end of the comment or literal that starts at `i`, or `i` where none does.
size_t opaque_end(std::string_view text, size_t i) {
  std::string_view rest = text.substr(i);
  if (starts_with(rest, "//")) return std::min(text.find('\n', i), text.size());
  if (starts_with(rest, "/*")) {
    size_t end = text.find("*/", i + 2);
    return end == std::string_view::npos ? text.size() : end + 2;
  }
  if (text[i] == '"') {
    bool raw = i > 0 && text[i - 1] == 'R' && (i < 2 || !is_word(text[i - 2]));
    return raw ? raw_string_end(text, i) : literal_end(text, i);
  }
  // A quote between digits groups them: 86'400.
  if (text[i] == '\'' && (i == 0 || !is_word(text[i - 1]))) return literal_end(text, i);
  return i;
}

// The floor of a source, or nothing for what stands outside the house: tests, bench, examples.
std::optional<int> floor_of(std::string_view path) {
  if (starts_with(path, "include/")) return 0;
  if (starts_with(path, "src/format/")) return 1;
  if (starts_with(path, "src/billing/")) return 1;
  if (starts_with(path, "src/vector/")) return 1;
  if (starts_with(path, "src/engine/")) return 2;
  if (starts_with(path, "src/model/")) return 3;
  if (starts_with(path, "src/cli/")) return 4;
  return std::nullopt;
}

// The floor of what an include names, or nothing for what is not ours.
std::optional<int> floor_of_include(std::string_view name) {
  if (starts_with(name, "bcstore/")) return 0;
  if (starts_with(name, "format/") || name == "records_generated.h") return 1;
  if (starts_with(name, "billing/")) return 1;
  if (starts_with(name, "vector/")) return 1;
  if (starts_with(name, "engine/")) return 2;
  if (starts_with(name, "model/")) return 3;
  if (starts_with(name, "cli/")) return 4;
  return std::nullopt;
}

bool is_standard_header(const std::string& name) {
  static const std::regex kPlain("[a-z_0-9]+");
  return std::regex_match(name, kPlain);
}

// `template <...>` taken off the front of a declaration.
std::string without_template(std::string header) {
  static const std::regex kTemplate(R"(\btemplate\s*<)");
  for (std::smatch match; std::regex_search(header, match, kTemplate);) {
    size_t start = static_cast<size_t>(match.position());
    size_t i = start + static_cast<size_t>(match.length());
    for (int depth = 1; i < header.size() && depth > 0; ++i)
      depth += header[i] == '<' ? 1 : header[i] == '>' ? -1 : 0;
    header.erase(start, i - start);
  }
  return header;
}

enum class Brace { scope, function, member, other };

// What a brace opens that stands outside every function, by the words before it.
Brace brace_kind(const std::string& words) {
  static const std::regex kScope(R"(^[^(]*\b(namespace|class|struct|union|extern)\b)");
  static const std::regex kInitializers(R"(\)[^)]*[^:]:[^:].*[A-Za-z0-9_>]\s*$)");
  std::string header = without_template(words);
  while (!header.empty() && std::isspace(static_cast<unsigned char>(header.back())))
    header.pop_back();
  if (header.find('(') == std::string::npos)
    return std::regex_search(header, kScope) ? Brace::scope : Brace::other;
  if (header.back() == '=') return Brace::other;
  std::replace(header.begin(), header.end(), '\n', ' ');
  if (std::regex_search(header, kInitializers)) return Brace::member;
  return Brace::function;
}

// Follows braces, and knows where each function began.
class FunctionCounter {
 public:
  explicit FunctionCounter(const Source& source) : source_(source) {}

  void take(char c, size_t line) {
    bool inside = !open_.empty() && open_.back() != Brace::scope;
    if (c == '{') {
      open_.push_back(inside ? Brace::other : brace_kind(words_));
      if (open_.back() == Brace::scope) words_.clear();
    } else if (c == '}') {
      if (!open_.empty()) close(line);
    } else if (!inside) {
      if (c == ';') {
        words_.clear();
      } else if (!words_.empty() || std::isspace(static_cast<unsigned char>(c)) == 0) {
        if (words_.empty()) first_line_ = line;
        words_ += c;
      }
    }
  }
  Faults faults;

 private:
  void close(size_t line) {
    Brace brace = open_.back();
    open_.pop_back();
    if (!open_.empty() && open_.back() != Brace::scope) return;
    size_t lines = line - first_line_ + 1;
    if (brace == Brace::function && lines >= kMaxFunctionLines)
      faults.push_back(at(source_, first_line_) + "a function of " + std::to_string(lines) +
                       " lines");
    // An initializer reads like a call, so that the body after it is not taken for another.
    if (brace == Brace::member)
      words_ += ')';
    else
      words_.clear();
  }

  const Source& source_;
  std::vector<Brace> open_;
  std::string words_;  // since the last declaration, outside every function
  size_t first_line_ = 0;
};

std::string trimmed(std::string_view cell) {
  size_t first = cell.find_first_not_of(" \t`");
  if (first == std::string_view::npos) return {};
  return std::string(cell.substr(first, cell.find_last_not_of(" \t`") - first + 1));
}

std::vector<std::string> cells_of(std::string_view row) {
  std::vector<std::string> cells;
  for (size_t i = row.find('|'); i != std::string_view::npos;) {
    size_t next = row.find('|', i + 1);
    if (next == std::string_view::npos) break;
    cells.push_back(trimmed(row.substr(i + 1, next - i - 1)));
    i = next;
  }
  return cells;
}

}  // namespace

std::string code_of(std::string_view text) {
  std::string code(text);
  for (size_t i = 0; i < text.size();) {
    size_t end = opaque_end(text, i);
    bool comment = text[i] == '/';
    for (size_t j = i; j < end; ++j)
      if (code[j] != '\n' && (comment || (j != i && j + 1 != end))) code[j] = ' ';
    i = std::max(end, i + 1);
  }
  return code;
}

Faults floor_faults(const Source& source) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  Faults faults;
  std::optional<int> floor = floor_of(source.path);
  if (!floor) return faults;
  bool engine = starts_with(source.path, "src/engine/");
  size_t line = 0;
  std::vector<std::string> code = lines_of(code_of(source.text));
  for (const std::string& text : lines_of(source.text)) {
    const std::string& bare = code[line++];
    if (!engine && bare.find("rocksdb::") != std::string::npos)
      faults.push_back(at(source, line) + "names rocksdb:: outside src/engine");
    std::smatch match;
    if (bare.find('#') == std::string::npos || !std::regex_search(text, match, kInclude)) continue;
    std::string name = match[2];
    std::optional<int> target = floor_of_include(name);
    if (target && *target > *floor)
      faults.push_back(at(source, line) + "includes " + name + " from a floor above");
    if (*floor == 0 && !target && (match[1] != "<" || !is_standard_header(name)))
      faults.push_back(at(source, line) + "a public header includes " + name);
    if (!engine && starts_with(name, "rocksdb/"))
      faults.push_back(at(source, line) + "includes " + name + " outside src/engine");
  }
  return faults;
}

Faults length_faults(const Source& source) {
  Faults faults;
  size_t line = 0;
  for (const std::string& text : lines_of(source.text)) {
    ++line;
    // Columns are code points: UTF-8's continuation bytes take no room.
    auto columns = std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    });
    if (static_cast<size_t>(columns) > kMaxColumns)
      faults.push_back(at(source, line) + std::to_string(columns) + " columns");
  }
  if (line > kMaxFileLines) faults.push_back(source.path + ": " + std::to_string(line) + " lines");
  return faults;
}

Faults function_faults(const Source& source) {
  FunctionCounter counter(source);
  size_t line = 0;
  bool continued = false;  // a preprocessor line that ends with a backslash
  for (const std::string& text : lines_of(code_of(source.text))) {
    ++line;
    size_t first = text.find_first_not_of(" \t");
    bool directive = continued || (first != std::string::npos && text[first] == '#');
    continued = directive && !text.empty() && text.back() == '\\';
    if (directive) continue;
    for (char c : text) counter.take(c, line);
    counter.take('\n', line);
  }
  return std::move(counter.faults);
}

Faults manner_faults(const Source& source) {
  static constexpr std::string_view kWords[] = {
      "printf",  "fprintf", "puts",        "fputs",        "cout",       "cerr",         "clog",
      "abort",   "exit",    "_exit",       "quick_exit",   "terminate",  "throw",        "assert",
      "getenv",  "setenv",  "std::thread", "std::jthread", "std::async", "thread_local", "fwrite",
      "putchar", "perror",  "psignal",     "fmt::print",   "std::print"};
  // What throws where it does not answer, or ends the process without exceptions.
  static const std::regex kThrowing(
      R"re(\bstd::sto(?:[ifd]|l{1,2}|ul{1,2}|ld)\b|\.at\(|\)\.value\(\))re");
  Faults faults;
  std::optional<int> floor = floor_of(source.path);
  if (!floor || *floor > 3) return faults;
  // Result::value() is the one call that throws.
  size_t throws_left = source.path == "include/bcstore/status.h" ? 1 : 0;
  size_t line = 0;
  for (const std::string& text : lines_of(code_of(source.text))) {
    ++line;
    for (std::string_view word : kWords) {
      if (!has_word(text, word)) continue;
      if (word == "throw" && throws_left > 0) {
        --throws_left;
        continue;
      }
      faults.push_back(at(source, line) + "the library must not use " + std::string(word));
    }
    if (std::smatch found; std::regex_search(text, found, kThrowing)) {
      faults.push_back(at(source, line) + "the library must not use " + found.str());
    }
  }
  return faults;
}

Faults iterator_faults(const std::vector<Source>& sources) {
  Faults faults;
  std::string home;
  for (const Source& source : sources) {
    if (!floor_of(source.path)) continue;
    std::string code = code_of(source.text);
    if (!has_word(code, "NewIterator") && !has_word(code, "NewIterators")) continue;
    if (!starts_with(source.path, "src/engine/"))
      faults.push_back(source.path + ": a raw iterator outside src/engine");
    else if (!home.empty())
      faults.push_back(source.path + ": a raw iterator, which " + home + " makes already");
    else
      home = source.path;
  }
  return faults;
}

Faults test_name_faults(const std::vector<Source>& sources) {
  static const std::regex kCase(
      R"re((?:^|\n)TEST_CASE(?:_FIXTURE\(\s*\w+,|\()\s*((?:"[^"\n]*"\s*)*)\))re");
  static const std::regex kSeam("\"\\s+\"|\\s+$");
  static const std::regex kGood(R"re("[A-Za-z0-9 _.,:()'/<>=+&-]+")re");
  Faults faults;
  std::map<std::string, std::string> seen;
  for (const Source& source : sources) {
    if (!starts_with(source.path, "tests/")) continue;
    const auto end = std::sregex_iterator();
    for (auto it = std::sregex_iterator(source.text.begin(), source.text.end(), kCase); it != end;
         ++it) {
      // A long name may stand on several lines, in pieces.
      std::string name = std::regex_replace((*it)[1].str(), kSeam, "");
      auto first = source.text.begin();
      size_t line = 1 + static_cast<size_t>(std::count(first, first + it->position(1), '\n'));
      if (!std::regex_match(name, kGood))
        faults.push_back(at(source, line) + "a test name with other characters: " + name);
      auto [other, fresh] = seen.emplace(name, at(source, line));
      if (!fresh) faults.push_back(at(source, line) + "the name of " + other->second + name);
    }
  }
  return faults;
}

Faults readme_faults(std::string_view readme, std::string_view example) {
  constexpr std::string_view kBegin = "// README-BEGIN\n";
  constexpr std::string_view kEnd = "// README-END\n";
  constexpr std::string_view kFence = "```cpp\n";
  size_t begin = example.find(kBegin);
  size_t end = example.find(kEnd);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin)
    return {"the example has no README-BEGIN and README-END"};
  size_t fence = readme.find(kFence);
  if (fence == std::string_view::npos) return {"the README has no C++ snippet"};
  begin += kBegin.size();
  std::string_view part = example.substr(begin, end - begin);
  std::string_view snippet = readme.substr(fence + kFence.size());
  snippet = snippet.substr(0, std::min(snippet.find("```"), snippet.size()));
  if (part != snippet) return {"the README's snippet is not the example"};
  return {};
}

Faults catalogue_faults(std::string_view format_document, const Catalogue& catalogue) {
  Catalogue table;
  bool inside = false;
  bool found = false;
  for (const std::string& line : lines_of(format_document)) {
    std::vector<std::string> cells = cells_of(line);
    if (cells.size() < 2) {
      inside = false;
    } else if (cells[0] == "number" && cells[1] == "name") {
      inside = found = true;
    } else if (inside && !cells[0].empty() && cells[0].size() <= 3 &&
               std::isdigit(static_cast<unsigned char>(cells[0][0])) != 0) {
      table.emplace_back(static_cast<unsigned>(std::stoul(cells[0])), cells[1]);
    }
  }
  if (!found) return {"the document has no table | number | name |"};
  Faults faults;
  for (const auto& [number, name] : catalogue)
    if (std::count(table.begin(), table.end(), std::pair(number, name)) != 1)
      faults.push_back("kind " + std::to_string(number) + " " + name + " has not one row");
  for (const auto& [number, name] : table)
    if (std::count(catalogue.begin(), catalogue.end(), std::pair(number, name)) != 1)
      faults.push_back("row " + std::to_string(number) + " " + name + " is no kind");
  return faults;
}

}  // namespace bcstore::tidy
