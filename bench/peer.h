// What the engines of others have in common: how ids and the clock are handed to them, and what
// every project is called, so that all engines hold the same rows.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "data.h"

namespace bcstore::bench {

inline constexpr std::string_view kProjectName = "Benchmark";
inline constexpr std::string_view kProjectPrompt = "Measure twice";
inline constexpr std::string_view kTurnEventType = "chat.turn";
inline constexpr std::string_view kTurnEventPayload = R"({"credits":1})";
// Documents of a DocumentWorker: one a user.
inline constexpr uint8_t kBenchSection = 2;

inline std::string_view bytes_of(const RawId& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

inline int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

inline int64_t time_of(const Message& message) {
  return message.created_at_us != 0 ? message.created_at_us : now_us();
}

// Midnight UTC of the first day of the month.
inline int64_t first_of_month_us(int64_t at_us) {
  namespace time = std::chrono;
  const time::year_month_day day(
      time::floor<time::days>(time::sys_time<time::microseconds>(time::microseconds(at_us))));
  const time::sys_days first = day.year() / day.month() / 1;
  return time::duration_cast<time::microseconds>(first.time_since_epoch()).count();
}

// Midnight UTC of the first day of the month after.
inline int64_t next_month_us(int64_t at_us) {
  namespace time = std::chrono;
  const time::year_month_day day(
      time::floor<time::days>(time::sys_time<time::microseconds>(time::microseconds(at_us))));
  const time::sys_days first = (day.year() / day.month() + time::months(1)) / 1;
  return time::duration_cast<time::microseconds>(first.time_since_epoch()).count();
}

}  // namespace bcstore::bench
