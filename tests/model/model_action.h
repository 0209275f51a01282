// Actions on a store, and what each of their bytes means.
//
// Objects are numbered: object n has one id, whoever's it is, so that an action can name one that
// does not exist, or that only another owner has.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "bcstore/bcstore.h"

namespace bcstore::fixture {

inline constexpr uint8_t kObjects = 6;

struct Action {
  enum class Verb : uint8_t {
    create_user,
    create_project,
    add_version,
    set_status,
    create_document,
    add_revision,
    set_lock,
    create_task,
    revise_task,
    record_activity,
    start_chat,
    rename_chat,
    append_message,
    append_event,
    edit_profile,
    consume_credit,
    grant_credits,
    set_credit_plan,
    set_unlimited,
    reopen,
    step_clock,
  };
  using enum Verb;
  static constexpr unsigned kVerbs = static_cast<unsigned>(Verb::step_clock) + 1;

  Verb verb = Verb::create_user;
  uint8_t owner = 0;
  uint8_t object = 0;
  uint8_t a = 0, b = 0;  // what they mean depends on the verb

  std::string to_string() const;
  int64_t clock_step_us() const;
  // The expectation that the action states, if any; `actual` is what is there.
  std::optional<uint64_t> expected() const;
};

// Does it, and tells the answer: its code and, where there is one, its number.
std::string perform(Store& store, const Action& action);
// What is current, of every owner and object that actions can name.
std::string current_state(Store& store);

// What an action's bytes mean. Both sides use these; what follows from them neither shares.
inline std::string email_of(const Action& x) { return "u" + std::to_string(x.a % 4) + "@x"; }
inline std::string text_of(const Action& x) {
  return std::string(size_t{1} + x.a % 50, 't') + std::to_string(x.b);
}
inline uint8_t project_of(const Action& x) { return x.a % 3; }
inline Section section_of(const Action& x) { return static_cast<Section>(x.b % 5 + 1); }
inline std::optional<uint32_t> version_of(const Action& x) {
  return x.a / 3 % 4 == 0 ? std::optional<uint32_t>(x.b / 5 % 3 + 1) : std::nullopt;
}
inline bool has_content(const Action& x) { return x.b % 2 == 1; }
inline uint8_t status_of(const Action& x) { return x.a % 3 + 1; }
inline bool lock_of(const Action& x) { return x.a % 2 == 1; }
inline bool completes(const Action& x) { return x.a % 2 == 1; }
inline bool names_project(const Action& x) { return x.a % 3 == 0; }
inline int32_t spent(const Action& x) { return x.a % 4 + 1; }
inline int32_t granted(const Action& x) { return x.a % 3 + 1; }
inline int32_t allowance_of(const Action& x) { return x.a % 8; }
inline bool refills(const Action& x) { return x.b % 5 == 0; }
// The first of September 2025 or of one of the two months after it, in days since 1970.
inline std::optional<int64_t> reset_day_of(const Action& x) {
  using namespace std::chrono;  // NOLINT(google-build-using-namespace)
  if (x.b % 2 == 0) return std::nullopt;
  return sys_days(year(2025) / month(9u + x.b / 2 % 3) / 1).time_since_epoch().count();
}

}  // namespace bcstore::fixture
