#include "model/validate.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <cstring>
#include <string>

#include "bcstore/options.h"

namespace bcstore::model {

namespace {

Status invalid(std::string_view what, std::string_view reason) {
  return Status(Code::invalid_argument, fmt::format("{}: {}", what, reason));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// RFC 8259: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
bool is_number(std::string_view token) {
  size_t i = 0;
  auto digits = [&] {
    size_t first = i;
    while (i < token.size() && is_digit(token[i])) ++i;
    return i > first;
  };
  if (i < token.size() && token[i] == '-') ++i;
  if (i < token.size() && token[i] == '0') {
    ++i;
  } else if (!digits()) {
    return false;
  }
  if (i < token.size() && token[i] == '.') {
    ++i;
    if (!digits()) return false;
  }
  if (i < token.size() && (token[i] == 'e' || token[i] == 'E')) {
    ++i;
    if (i < token.size() && (token[i] == '+' || token[i] == '-')) ++i;
    if (!digits()) return false;
  }
  return i == token.size();
}

std::string_view trimmed(std::string_view token) {
  while (!token.empty() && std::strchr(" \t\r\n", token.back()) != nullptr) token.remove_suffix(1);
  return token;
}

}  // namespace

Status check_text(std::string_view what, std::string_view text, size_t max_bytes, Empty empty) {
  if (text.empty()) {
    return empty == Empty::allowed ? Status() : invalid(what, "must not be empty");
  }
  if (text.size() > max_bytes) {
    return invalid(what, fmt::format("has {} bytes, the limit is {}", text.size(), max_bytes));
  }
  if (std::memchr(text.data(), 0, text.size()) != nullptr) return invalid(what, "holds a NUL byte");
  if (!simdjson::validate_utf8(text.data(), text.size())) return invalid(what, "is not UTF-8");
  return Status();
}

Status check_owner(UserId owner) {
  if (owner == kSystemOwner) return invalid("user id", "is nil");
  if (owner == kPublicOwner) return invalid("user id", "is reserved");
  return Status();
}

Status check_id(std::string_view what, const Uuid& id) {
  return id.is_nil() ? invalid(what, "is nil") : Status();
}

Status check_time(std::string_view what, Time time) {
  constexpr int64_t kFirst = -62'135'596'800'000'000;  // 0001-01-01
  constexpr int64_t kLast = 253'402'300'799'999'999;   // 9999-12-31
  if (time.us < kFirst || time.us > kLast) return invalid(what, "is outside the years 1 to 9999");
  return Status();
}

namespace {

using simdjson::error_code;
namespace ondemand = simdjson::ondemand;

error_code walk(ondemand::value& value, size_t depth);

error_code check_string(std::string_view text) {
  return text.find('\0') == std::string_view::npos ? simdjson::SUCCESS : simdjson::STRING_ERROR;
}

error_code walk_array(ondemand::value& value, size_t depth) {
  if (depth >= kMaxJsonDepth) return simdjson::DEPTH_ERROR;
  ondemand::array array;
  if (error_code error = value.get_array().get(array)) return error;
  for (auto element : array) {
    ondemand::value item;
    if (error_code error = element.get(item)) return error;
    if (error_code error = walk(item, depth + 1)) return error;
  }
  return simdjson::SUCCESS;
}

error_code walk_object(ondemand::value& value, size_t depth) {
  if (depth >= kMaxJsonDepth) return simdjson::DEPTH_ERROR;
  ondemand::object object;
  if (error_code error = value.get_object().get(object)) return error;
  for (auto field : object) {
    std::string_view key;
    if (error_code error = field.unescaped_key().get(key)) return error;
    if (error_code error = check_string(key)) return error;
    ondemand::value item;
    if (error_code error = field.value().get(item)) return error;
    if (error_code error = walk(item, depth + 1)) return error;
  }
  return simdjson::SUCCESS;
}

// On-Demand validates only what is looked at, so every value is. Numbers are checked by their text:
// any size is JSON, whatever a double can hold.
error_code walk(ondemand::value& value, size_t depth) {
  ondemand::json_type type;
  if (error_code error = value.type().get(type)) return error;
  switch (type) {
    case ondemand::json_type::array:
      return walk_array(value, depth);
    case ondemand::json_type::object:
      return walk_object(value, depth);
    case ondemand::json_type::string: {
      std::string_view text;
      if (error_code error = value.get_string().get(text)) return error;
      return check_string(text);
    }
    case ondemand::json_type::number:
      return is_number(trimmed(value.raw_json_token())) ? simdjson::SUCCESS
                                                        : simdjson::NUMBER_ERROR;
    case ondemand::json_type::boolean:
      return value.get_bool().error();
    case ondemand::json_type::null:
      return trimmed(value.raw_json_token()) == "null" ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
  }
  return simdjson::INCORRECT_TYPE;
}

// The document is read as the one element of an array, so that a scalar is a value like any other.
error_code walk_wrapped(ondemand::document& document) {
  ondemand::array array;
  if (error_code error = document.get_array().get(array)) return error;
  size_t elements = 0;
  for (auto element : array) {
    if (++elements > 1) return simdjson::TAPE_ERROR;
    ondemand::value item;
    if (error_code error = element.get(item)) return error;
    if (error_code error = walk(item, 0)) return error;
  }
  if (elements != 1) return simdjson::EMPTY;
  // Nothing may follow: the location is out of bounds once the document was read to its end.
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS
             ? simdjson::SUCCESS
             : simdjson::TRAILING_CONTENT;
}

}  // namespace

// The DOM parser is the fast one: it picks the machine's best instructions at run time. It knows
// only numbers that a double or an int64 can hold, and does not report \u0000; documents that it
// refuses, or that may hold that escape, get the exact walk.
struct JsonChecker::Parser {
  simdjson::dom::parser fast;
  ondemand::parser exact;
  std::unique_ptr<char[]> padded;
  size_t capacity = 0;
};

JsonChecker::JsonChecker() = default;
JsonChecker::~JsonChecker() = default;
JsonChecker::JsonChecker(JsonChecker&&) noexcept = default;
JsonChecker& JsonChecker::operator=(JsonChecker&&) noexcept = default;

Status JsonChecker::check(std::string_view what, std::string_view json, size_t max_bytes) {
  if (Status s = check_text(what, json, max_bytes, Empty::refused); !s.ok()) return s;
  if (!parser_) parser_ = std::make_unique<Parser>();
  const size_t wrapped_bytes = json.size() + 2;
  const size_t need = wrapped_bytes + simdjson::SIMDJSON_PADDING;
  if (parser_->capacity < need) {
    parser_->padded = std::make_unique<char[]>(need);
    parser_->capacity = need;
  }
  char* at = parser_->padded.get();
  at[0] = '[';
  std::memcpy(at + 1, json.data(), json.size());
  at[1 + json.size()] = ']';
  std::memset(at + wrapped_bytes, 0, simdjson::SIMDJSON_PADDING);
  // It does not count an innermost empty container: at the limit the exact walk decides.
  error_code error = simdjson::SUCCESS;
  if (parser_->fast.capacity() < json.size() || parser_->fast.max_depth() != kMaxJsonDepth) {
    error = parser_->fast.allocate(json.size(), kMaxJsonDepth);
  }
  if (!error) error = parser_->fast.parse(at + 1, json.size(), false).error();
  if (!error && json.find("\\u0000") == std::string_view::npos) return Status();
  ondemand::document document;
  error =
      parser_->exact.iterate(simdjson::padded_string_view(at, wrapped_bytes, need)).get(document);
  if (!error) error = walk_wrapped(document);
  if (!error) return Status();
  if (error == simdjson::DEPTH_ERROR) {
    return invalid(what, fmt::format("JSON is nested deeper than {}", kMaxJsonDepth));
  }
  return invalid(what, fmt::format("is not valid JSON: {}", simdjson::error_message(error)));
}

}  // namespace bcstore::model
