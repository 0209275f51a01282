#include "cli/json_out.h"

#include <fmt/format.h>

#include <iterator>

#include "cli/display.h"

namespace bcstore::cli {

void JsonWriter::before_value() {
  if (is_after_key_) {
    is_after_key_ = false;
    return;
  }
  if (has_members_.empty()) return;
  if (has_members_.back()) out_ += ", ";
  has_members_.back() = true;
}

JsonWriter& JsonWriter::begin_object() {
  before_value();
  has_members_.push_back(false);
  out_ += '{';
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  has_members_.pop_back();
  out_ += '}';
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  before_value();
  has_members_.push_back(false);
  out_ += '[';
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  has_members_.pop_back();
  out_ += ']';
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  text(name);
  out_ += ": ";
  is_after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view value) {
  before_value();
  quote(value);
  return *this;
}

JsonWriter& JsonWriter::number(uint64_t value) {
  before_value();
  fmt::format_to(std::back_inserter(out_), "{}", value);
  return *this;
}

JsonWriter& JsonWriter::seconds(double value) {
  before_value();
  fmt::format_to(std::back_inserter(out_), "{:.3f}", value);
  return *this;
}

JsonWriter& JsonWriter::real(double value) {
  before_value();
  fmt::format_to(std::back_inserter(out_), "{}", value);
  return *this;
}

JsonWriter& JsonWriter::flag(bool value) {
  before_value();
  out_ += value ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::null() {
  before_value();
  out_ += "null";
  return *this;
}

void JsonWriter::quote(std::string_view value) {
  out_ += '"';
  while (!value.empty()) {
    auto c = static_cast<unsigned char>(value.front());
    if (c >= 0x80) {
      size_t size = utf8_size(value);
      out_ += size > 0 ? value.substr(0, size) : "\xEF\xBF\xBD";
      value.remove_prefix(size > 0 ? size : 1);
      continue;
    }
    value.remove_prefix(1);
    if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += static_cast<char>(c);
    } else if (c == '\n') {
      out_ += "\\n";
    } else if (c < 0x20 || c == 0x7F) {
      fmt::format_to(std::back_inserter(out_), "\\u{:04x}", c);
    } else {
      out_ += static_cast<char>(c);
    }
  }
  out_ += '"';
}

}  // namespace bcstore::cli
