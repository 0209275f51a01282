// The data of the benchmarks: the same for every engine and every run, drawn from one seed.
//
// Users, each with a few sessions, each with the same number of messages; bodies of lognormal
// length around a median of 400 bytes; spread over twelve months and handed out in time order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "failure.h"

namespace bcstore::bench {

// splitmix64: one multiply-and-shift chain a number, no state to share between threads.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  // 0 to bound - 1; the bias is below 2^-32 for the bounds used here.
  uint32_t below(uint32_t bound) {
    return static_cast<uint32_t>(((next() >> 32) * uint64_t{bound}) >> 32);
  }
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_;
};

using RawId = std::array<uint8_t, 16>;

// Of that seed, kind and number; as random as UUID version 7 after its time.
RawId random_id(uint64_t seed, uint64_t kind, uint64_t number);
// The same with the time first, as applications mint ids (UUID version 7).
RawId timed_id(uint64_t seed, uint64_t kind, uint64_t number, int64_t ms);

struct Message {
  uint32_t session = 0;  // number of the session within the population
  // Microseconds since 1970; 0 lets the engine take its own clock.
  int64_t created_at_us = 0;
  uint8_t role = 1;  // 1 user, 2 assistant
  int32_t token_count = 0;
  std::string_view content;
};

// Who there is. Session s belongs to user s / sessions_per_user.
struct Population {
  uint64_t seed = 42;
  uint32_t users = 1000;
  uint32_t sessions_per_user = 5;
  uint32_t messages_per_session = 200;

  uint32_t sessions() const { return users * sessions_per_user; }
  uint64_t messages() const { return uint64_t{sessions()} * messages_per_session; }
  uint32_t owner_of(uint32_t session) const { return session / sessions_per_user; }
  RawId user_id(uint32_t user) const;
  RawId project_id(uint32_t user) const;
  RawId session_id(uint32_t session) const;
  RawId document_id(uint32_t document) const;  // of the user of that number
  // Of those that fill_projects() makes.
  RawId project_document_id(uint32_t project, uint32_t number) const;
  RawId task_id(uint32_t project, uint32_t number) const;
};

// Words to cut bodies from: a body costs two table look-ups, so that the driver is not what is
// measured. Mostly ASCII, with a few characters of two and three bytes. Safe from many threads.
class Texts {
 public:
  explicit Texts(uint64_t seed);
  std::string_view body(Random& random) const;
  // At most so many bytes, and at least a quarter of them.
  std::string_view words(Random& random, size_t most) const;
  // So many bytes, or up to two fewer where a character would be cut; at most kLongestText.
  std::string_view text(Random& random, size_t bytes) const;
  static constexpr size_t kLongestText = size_t{32} << 10;

 private:
  std::string pool_;
  std::vector<uint32_t> starts_;  // of words
  std::vector<uint32_t> lengths_;
};

Message draw_message(const Texts& texts, uint32_t session, Random& random);

inline constexpr int64_t kFirstInstantUs = int64_t{1'751'328'000} * 1'000'000;  // 2025-07-01
inline constexpr int64_t kSpanUs = int64_t{365} * 86'400 * 1'000'000;

// Calls `sink` with every message of the population in time order. In each of
// `messages_per_session` rounds every session gets one message, in an order of its own.
template <class Sink>
void for_each_message(const Population& population, const Texts& texts, Sink&& sink) {
  Random random(population.seed);
  std::vector<uint32_t> order(population.sessions());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  const int64_t step_us = kSpanUs / static_cast<int64_t>(population.messages());
  int64_t now_us = kFirstInstantUs;
  uint64_t drawn = 0;
  for (uint32_t round = 0; round < population.messages_per_session; ++round) {
    for (uint32_t i = population.sessions(); i > 1; --i) {
      std::swap(order[i - 1], order[random.below(i)]);
    }
    for (const uint32_t session : order) {
      if ((drawn++ & 1023u) == 0) check_interrupted();
      Message message = draw_message(texts, session, random);
      message.created_at_us = now_us += step_us;
      sink(message);
    }
  }
}

}  // namespace bcstore::bench
