// Any text as a time or a UUID: what is read is written back as the same, and nothing crashes.
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bcstore/id.h"

namespace {

using namespace bcstore;

void require(bool holds) {
  if (!holds) std::abort();
}

void look_at_time(std::string_view text) {
  std::optional<Time> time = parse_time(text);
  if (!time) return;
  std::string written = to_string(*time);
  require(written.size() == 27);
  require(parse_time(written) == time);
  uint32_t month = month_of(*time);
  require(month % 100 >= 1 && month % 100 <= 12);
  require(std::to_string(month + 1'000'000).substr(1, 4) == written.substr(0, 4));
  require(std::to_string(month % 100 + 100).substr(1) == written.substr(5, 2));
}

void look_at_uuid(std::string_view text) {
  std::optional<Uuid> uuid = parse_uuid(text);
  if (!uuid) return;
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  require(to_string(*uuid) == lower);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A copy at exactly its size, so that a read past the end is seen.
  std::unique_ptr<char[]> copy(new char[size]);
  for (size_t i = 0; i < size; ++i) copy[i] = static_cast<char>(data[i]);
  std::string_view text(copy.get(), size);
  look_at_time(text);
  look_at_uuid(text);
  return 0;
}
