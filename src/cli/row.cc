#include "cli/row.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <limits>
#include <utility>

namespace bcstore::cli {
namespace {

using simdjson::dom::element;

static_assert(simdjson::SIMDJSON_PADDING <= 64, "kLinePaddingBytes covers the parser's look-ahead");

size_t after_string(std::string_view text, size_t quote) {
  size_t i = quote + 1;
  while (text[i] != '"') i += text[i] == '\\' ? 2u : 1u;
  return i + 1;
}

// Behind the value that starts at `i`.
size_t after_value(std::string_view text, size_t i) {
  size_t depth = 0;
  while (i < text.size()) {
    char c = text[i];
    if (depth == 0 && (c == ',' || c == '}' || c == ']')) break;
    if (c == '"') {
      i = after_string(text, i);
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    ++i;
  }
  return i;
}

std::string_view without_space_behind(std::string_view text) {
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

// The bytes of the value of field `index` of an object. The parser has found the text to be good
// JSON, so that only strings and brackets need following here.
std::string_view value_bytes(std::string_view object, size_t index) {
  size_t i = object.find('{') + 1;
  for (;; --index) {
    i = after_string(object, object.find('"', i));
    size_t value = object.find_first_not_of(" \t\r\n", object.find(':', i) + 1);
    size_t end = after_value(object, value);
    if (index == 0) return without_space_behind(object.substr(value, end - value));
    i = end + 1;
  }
}

}  // namespace

struct Row::Parsed {
  simdjson::dom::parser parser{};
  simdjson::dom::object object{};

  // The field's value, or nullopt when it is absent or null.
  std::optional<element> find(std::string_view name) const {
    element value;
    if (object.at_key(name).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
    return value;
  }
  bool has(std::string_view name) const { return object.at_key(name).error() == simdjson::SUCCESS; }
};

Row::Row() : parsed_(std::make_unique<Parsed>()) {}
Row::~Row() = default;

bool Row::parse(std::string_view line) {
  reason_.clear();
  line_ = line;
  constexpr bool kCopyFirst = false;
  element root;
  auto error = parsed_->parser.parse(line.data(), line.size(), kCopyFirst).get(root);
  if (error == simdjson::UTF8_ERROR) {
    refuse("invalid UTF-8");
  } else if (error != simdjson::SUCCESS) {
    refuse(fmt::format("invalid JSON: {}", simdjson::error_message(error)));
  } else if (root.get_object().get(parsed_->object) != simdjson::SUCCESS) {
    refuse("not a JSON object");
  }
  return ok();
}

void Row::refuse(std::string reason) {
  if (reason_.empty()) reason_ = std::move(reason);
}

std::optional<std::string_view> Row::maybe_text(std::string_view name) {
  std::optional<element> value = parsed_->find(name);
  if (!value) return std::nullopt;
  std::string_view text;
  if (value->get_string().get(text) != simdjson::SUCCESS) {
    refuse(fmt::format("\"{}\" is not a string", name));
  }
  return text;
}

std::string_view Row::text(std::string_view name) {
  std::optional<std::string_view> text = maybe_text(name);
  if (!text) refuse(fmt::format("\"{}\" is {}", name, parsed_->has(name) ? "null" : "missing"));
  return text.value_or(std::string_view());
}

std::optional<Uuid> Row::maybe_id(std::string_view name) {
  std::optional<std::string_view> text = maybe_text(name);
  if (!text) return std::nullopt;
  std::optional<Uuid> id = parse_uuid(*text);
  if (!id) refuse(fmt::format("\"{}\" is not a UUID", name));
  return id;
}

Uuid Row::id(std::string_view name) {
  (void)text(name);  // refuses what is absent
  return maybe_id(name).value_or(Uuid::nil());
}

Time Row::time(std::string_view name) {
  (void)text(name);  // refuses what is absent
  return maybe_time(name).value_or(Time{});
}

std::optional<Time> Row::maybe_time(std::string_view name) {
  std::optional<std::string_view> text = maybe_text(name);
  if (!text) return std::nullopt;
  std::optional<Time> time = parse_time(*text);
  if (!time) refuse(fmt::format("\"{}\" is not a time as RFC 3339 writes it", name));
  return time;
}

std::optional<Time> Row::maybe_date(std::string_view name) {
  std::optional<std::string_view> text = maybe_text(name);
  if (!text) return std::nullopt;
  std::optional<Time> midnight = parse_time(fmt::format("{}T00:00:00Z", *text));
  if (!midnight) refuse(fmt::format("\"{}\" is not a date such as 2025-08-01", name));
  return midnight;
}

uint64_t Row::number(std::string_view name, uint64_t max) {
  std::optional<element> value = parsed_->find(name);
  uint64_t number = 0;
  if (!value) {
    refuse(fmt::format("\"{}\" is {}", name, parsed_->has(name) ? "null" : "missing"));
  } else if (value->get_uint64().get(number) != simdjson::SUCCESS || number > max) {
    refuse(fmt::format("\"{}\" is not a whole number from 0 to {}", name, max));
    number = 0;
  }
  return number;
}

std::optional<int32_t> Row::maybe_int32(std::string_view name) {
  std::optional<element> value = parsed_->find(name);
  if (!value) return std::nullopt;
  int64_t number = 0;
  using Limits = std::numeric_limits<int32_t>;
  if (value->get_int64().get(number) != simdjson::SUCCESS || number < Limits::min() ||
      number > Limits::max()) {
    refuse(fmt::format("\"{}\" is not a whole number of 32 bits", name));
    return std::nullopt;
  }
  return static_cast<int32_t>(number);
}

bool Row::flag(std::string_view name, bool otherwise) {
  std::optional<element> value = parsed_->find(name);
  bool flag = otherwise;
  if (value && value->get_bool().get(flag) != simdjson::SUCCESS) {
    refuse(fmt::format("\"{}\" is not true or false", name));
  }
  return flag;
}

std::optional<std::string_view> Row::raw_json(std::string_view name) {
  size_t index = 0;
  for (simdjson::dom::key_value_pair field : parsed_->object) {
    if (field.key == name) return value_bytes(line_, index);
    ++index;
  }
  return std::nullopt;
}

}  // namespace bcstore::cli
