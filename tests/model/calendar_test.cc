// The calendar of resets against a slow model that counts days one by one.
#include "model/credits.h"

#include <random>

#include "fixture.h"

namespace bcstore::model {
namespace {

using fixture::kDayUs;

struct Date {
  int year = 1970, month = 1, day = 1;
};

int days_in(int year, int month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

void next_day(Date* date) {
  if (++date->day <= days_in(date->year, date->month)) return;
  date->day = 1;
  if (++date->month <= 12) return;
  date->month = 1;
  ++date->year;
}

Time day_of(std::string_view text) { return *parse_time(std::string(text) + "T00:00:00Z"); }

TEST_CASE("calendar: resets fall on the anchor day or the last of a shorter month") {
  Time at = day_of("2024-01-31");
  for (const char* next : {"2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"}) {
    at = next_month(at, 31);
    CHECK(to_string(at) == to_string(day_of(next)));
  }
  CHECK(next_month(day_of("2025-01-31"), 31) == day_of("2025-02-28"));
  CHECK(next_month(day_of("2025-12-15"), 15) == day_of("2026-01-15"));
  CHECK(next_month(day_of("1969-12-31"), 31) == day_of("1970-01-31"));
}

// Walks every day of eighty years with a reset on each anchor day, and asks at random instants.
TEST_CASE("calendar: the due reset is what a model that counts days says") {
  const uint64_t seed = fixture::seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed);
  for (int anchor = 1; anchor <= 31; ++anchor) {
    CreditState state;
    state.resets = true;
    state.anchor_day = static_cast<uint8_t>(anchor);
    Date date;
    std::optional<Time> last;
    for (int64_t day = 0; day < 80 * 366; ++day, next_day(&date)) {
      const Time midnight{day * kDayUs};
      const int wanted = std::min(anchor, days_in(date.year, date.month));
      if (date.day == wanted) {
        if (last) REQUIRE(next_month(*last, state.anchor_day) == midnight);
        if (!last) state.reset_at = midnight;
        last = midnight;
        REQUIRE(due_reset(state, midnight)->at == midnight);
        REQUIRE(day_of_month(midnight) == wanted);
      }
      if (!last || random() % 16 != 0) continue;
      const Time now{midnight.us + static_cast<int64_t>(random() % kDayUs)};
      const auto due = due_reset(state, now);
      REQUIRE(due);
      REQUIRE(due->at == *last);
      REQUIRE(due->next == next_month(*last, state.anchor_day));
      REQUIRE(due->next > now);
    }
  }
}

TEST_CASE("calendar: nothing is due before the date, and not without one") {
  CreditState state;
  CHECK_FALSE(due_reset(state, Time{INT64_MAX / 2}));
  state.resets = true;
  state.anchor_day = 15;
  state.reset_at = day_of("2025-08-15");
  CHECK_FALSE(due_reset(state, Time{state.reset_at.us - 1}));
  CHECK(due_reset(state, state.reset_at));
}

}  // namespace
}  // namespace bcstore::model
