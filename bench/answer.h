// What a call of bcstore answered, or Failure with its own words.
#pragma once

#include <bcstore/bcstore.h>
#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "failure.h"

namespace bcstore::bench {

inline void check(const Status& status, std::string_view what) {
  if (!status.ok()) throw Failure(fmt::format("bcstore: {}: {}", what, status.to_string()));
}

template <class T>
T take(Result<T> result, std::string_view what) {
  check(result.status(), what);
  return *std::move(result);
}

}  // namespace bcstore::bench
