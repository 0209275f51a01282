// Actions on a store, and what each of their bytes means.
//
// Objects are numbered: object n has one id, whoever's it is, so that an action can name one that
// does not exist, or that only another owner has.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bcstore/bcstore.h"

namespace bcstore::fixture {

inline constexpr uint8_t kOwners = 3;
inline constexpr uint8_t kObjects = 6;
inline constexpr uint8_t kPublicNames = 3;

struct Action {
  enum class Verb : uint8_t {
    // What a tenant writes, alone or in a batch.
    create_project,
    add_version,
    set_status,
    create_document,
    add_revision,
    set_lock,
    add_sections,
    create_task,
    revise_task,
    record_activity,
    start_chat,
    rename_chat,
    append_message,
    append_event,
    add_integration,
    revise_integration,
    remove_integration,
    edit_profile,
    consume_credit,
    // What a service writes.
    create_user,
    grant_credits,
    set_credit_plan,
    set_unlimited,
    put_public,
    // Reads of one thing; current_state() reads the rest.
    read_revision,
    read_section,
    // Several operations in one commit.
    batch,
    // What happens to the store, and to its clock.
    compact,
    scrub_secrets,
    reopen,
    kill,
    step_clock,
  };
  using enum Verb;
  static constexpr unsigned kInBatch = static_cast<unsigned>(Verb::consume_credit) + 1;
  static constexpr unsigned kAlone = static_cast<unsigned>(Verb::read_section) + 1;
  static constexpr unsigned kVerbs = static_cast<unsigned>(Verb::step_clock) + 1;

  Verb verb = Verb::create_user;
  uint8_t owner = 0;
  uint8_t object = 0;
  uint8_t a = 0, b = 0;  // what they mean depends on the verb
  uint8_t key = 0;       // of idempotency; 0: none
  bool is_durable = false;
  std::vector<Action> parts{};  // of a batch

  bool is_tenants() const { return verb == batch || static_cast<unsigned>(verb) < kInBatch; }
  bool takes_key() const;
  // All that it asks for. A commit with a key writes this text somewhere, so that two requests are
  // the same one exactly when these are.
  std::string request() const;
  std::string to_string() const;
  int64_t clock_step_us() const;
  // The expectation that the action states, if any; `actual` is what is there.
  std::optional<uint64_t> expected() const;
};

// Does it, and tells the answer: its code, its numbers, and the operation that was refused.
std::string perform(Store& store, const Action& action);
// What is current, of every owner and object that actions can name. Lines that begin with '#' count
// commits.
std::string current_state(Store& store);

inline std::string number(uint64_t n) { return ' ' + std::to_string(n); }

// What an action's bytes mean. Both sides use these; what follows from them neither shares.
inline std::string email_of(const Action& x) { return "u" + std::to_string(x.a % 4) + "@x"; }
inline std::string text_of(const Action& x) {
  return std::string(size_t{1} + x.a % 50, 't') + std::to_string(x.b);
}
// A text that the revisions of a document have in common, with a change somewhere in it: most are
// long enough to be stored as what differs.
std::string content_of(const Action& x);
inline uint8_t project_of(const Action& x) { return x.a % 3; }           // as a parent
inline uint8_t project_number(const Action& x) { return x.object % 3; }  // itself
inline Section section_of(const Action& x) { return static_cast<Section>(x.b % 5 + 1); }
inline std::optional<uint32_t> version_of(const Action& x) {
  return x.a / 3 % 4 == 0 ? std::optional<uint32_t>(x.b / 5 % 3 + 1) : std::nullopt;
}
inline bool has_content(const Action& x) { return x.b % 4 != 0; }
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

// Of a revision that is read, or that sections are given to.
inline uint32_t rev_of(const Action& x) { return x.a / 64 + 1u; }
struct Block {
  std::string id;
  std::optional<std::string> heading{}, body{};
  std::vector<float> floats{};
};
// One to three. A few calls have an id twice, floats of two lengths, or floats that are all zero.
std::vector<Block> blocks_of(const Action& x);
inline std::string block_id_of(const Action& x) { return "b" + std::to_string(x.b % 4); }
inline std::string space_of(const Action& x) { return x.b / 4 % 4 == 0 ? "other" : ""; }
inline std::optional<Metric> metric_of(const Action& x) {
  if (x.b / 16 % 8 == 0) return Metric::dot;
  return x.b / 16 % 2 == 0 ? std::optional<Metric>(Metric::cosine) : std::nullopt;
}
std::string shown(const Block& block);

inline uint8_t integration_type_of(const Action& x) { return x.a % 3 + 1; }
inline std::string secret_of(const Action& x) { return '"' + text_of(x) + '"'; }
inline std::string public_name(uint8_t n) { return "n" + std::to_string(n); }
inline std::string public_name_of(const Action& x) { return public_name(x.a % kPublicNames); }
inline bool is_json(const Action& x) { return x.b % 2 == 0; }
inline std::string public_content_of(const Action& x) {
  return '"' + (x.key == 0 ? text_of(x) : x.request()) + '"';
}

}  // namespace bcstore::fixture
