// One row of a table as it stands in the file: a JSON object, read field by field.
//
// A field that is absent, of a wrong type or out of range refuses the row: the first such reason is
// kept, the accessors answer zeros, and whoever maps the row asks ok() once, at the end. Fields
// that nobody asks for are ignored.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bcstore/id.h"

namespace bcstore::cli {

class Row {
 public:
  Row();
  ~Row();
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;

  // `line` has kLinePaddingBytes of readable memory behind it, and lives until the next parse().
  // False, with a reason, for anything but one JSON object in UTF-8.
  bool parse(std::string_view line);

  bool ok() const { return reason_.empty(); }
  const std::string& reason() const { return reason_; }
  void refuse(std::string reason);

  // Required fields: null refuses the row as well.
  Uuid id(std::string_view name);
  Time time(std::string_view name);
  // Valid until the next parse(), and so is every other text.
  std::string_view text(std::string_view name);
  uint64_t number(std::string_view name, uint64_t max);

  // Optional fields: absent and null are the same.
  std::optional<Uuid> maybe_id(std::string_view name);
  std::optional<Time> maybe_time(std::string_view name);
  std::optional<Time> maybe_date(std::string_view name);  // "2025-08-01": its midnight UTC
  std::optional<std::string_view> maybe_text(std::string_view name);
  std::optional<int32_t> maybe_int32(std::string_view name);
  bool flag(std::string_view name, bool otherwise);
  // The exact bytes of a value of any type, null included; nullopt only when it is absent.
  std::optional<std::string_view> raw_json(std::string_view name);

 private:
  struct Parsed;
  std::unique_ptr<Parsed> parsed_;
  std::string_view line_;
  std::string reason_;
};

}  // namespace bcstore::cli
