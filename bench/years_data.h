// Years of chat: each user has one session in each month, and each session gets the same number of
// messages, so that a month costs the same work whichever it is, and only what lies behind it
// grows.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "data.h"

namespace bcstore::bench {

inline constexpr uint32_t kMonths = 24;
inline constexpr uint32_t kMessagesAMonth = 50;  // of a session
inline constexpr int64_t kMonthUs = int64_t{30} * 86'400 * 1'000'000;
// The 24 months end before the data of the other workloads begin.
inline constexpr int64_t kYearsBeginUs = kFirstInstantUs - kMonths * kMonthUs;

inline Population years_population(uint32_t users) {
  Population population;
  population.users = users;
  population.sessions_per_user = kMonths;
  population.messages_per_session = kMessagesAMonth;
  return population;
}

inline uint32_t session_of(uint32_t user, uint32_t month) { return user * kMonths + month; }
// From 0; months here have thirty days.
inline uint32_t month_at(int64_t time_us) {
  return static_cast<uint32_t>((time_us - kYearsBeginUs) / kMonthUs);
}

// Calls `sink` with every message of one month in time order: in each round every user's session
// gets one, in an order of its own.
template <class Sink>
void for_each_message_of_month(const Population& population, const Texts& texts, uint32_t month,
                               Sink&& sink) {
  Random random(population.seed * 1000 + month);
  std::vector<uint32_t> order(population.users);
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  const int64_t step_us = kMonthUs / (int64_t{kMessagesAMonth} * population.users + 1);
  int64_t now_us = kYearsBeginUs + month * kMonthUs;
  for (uint32_t round = 0; round < kMessagesAMonth; ++round) {
    check_interrupted();
    for (uint32_t i = population.users; i > 1; --i) {
      std::swap(order[i - 1], order[random.below(i)]);
    }
    for (const uint32_t user : order) {
      Message message = draw_message(texts, session_of(user, month), random);
      message.created_at_us = now_us += step_us;
      sink(message);
    }
  }
}

}  // namespace bcstore::bench
