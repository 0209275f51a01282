// Days since 1970, in UTC.
#pragma once

#include <cstdint>

#include "bcstore/id.h"

namespace bcstore::model {

inline constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;

// The day that an instant lies in; before 1970 below 0.
constexpr int64_t day_of(Time time) { return time.us / kDayUs - (time.us % kDayUs < 0 ? 1 : 0); }

// As it stands in keys of idempotency records: nothing is older than day 0.
constexpr uint32_t key_day_of(Time time) {
  const int64_t day = day_of(time);
  return day < 0 ? 0 : static_cast<uint32_t>(day);
}

}  // namespace bcstore::model
