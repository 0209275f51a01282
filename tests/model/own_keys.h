// What a call of one owner's view may ask the engine for.
#pragma once

#include <string>

#include "engine_world.h"

namespace bcstore::fixture {

inline void check_keys(const Asked& asked, const UserId& owner) {
  const auto is_allowed = [&](std::string_view key) {
    if (key.size() < 16) return false;
    const UserId of = format::key_owner(key);
    return of == owner || of == kSystemOwner;
  };
  for (const std::string& key : asked.gets) CHECK(is_allowed(key));
  for (const Asked::Range& range : asked.scans) {
    CHECK(is_allowed(range.lower));
    // The upper bound ends the owner at the latest.
    const std::string prefix = range.lower.substr(0, 16);
    const std::string end = format::after_prefix(prefix);  // empty: no key is after it
    CHECK((end.empty() || range.upper <= end));
    for (const std::string& row : range.rows) CHECK(row.compare(0, 16, prefix) == 0);
  }
}

}  // namespace bcstore::fixture
