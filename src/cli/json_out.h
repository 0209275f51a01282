// Writes JSON: commas, quotes and escapes are its business, the shape is the caller's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bcstore::cli {

class JsonWriter {
 public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);

  // Text that is not UTF-8 is written with U+FFFD where it is broken.
  JsonWriter& text(std::string_view value);
  JsonWriter& number(uint64_t value);
  JsonWriter& seconds(double value);  // three digits after the point
  JsonWriter& real(double value);     // as many digits as tell it from every other; finite
  JsonWriter& flag(bool value);
  JsonWriter& null();

  const std::string& str() const { return out_; }

 private:
  void before_value();
  void quote(std::string_view value);

  std::string out_;
  std::vector<bool> has_members_;  // one for each open object or array
  bool is_after_key_ = false;
};

}  // namespace bcstore::cli
