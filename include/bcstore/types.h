// The vocabulary of the model: enumerators with their numbers on disk, and who did something.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bcstore/id.h"

namespace bcstore {

// Enumerators are stored by number. Numbers are never reused and 0 is never written.
enum class ProjectStatus : uint8_t { processing = 1, ready = 2, archived = 3 };
enum class Section : uint8_t { overview = 1, prd = 2, marketing = 3, tech = 4, tasks = 5 };
inline constexpr size_t kSections = 5;
enum class ContentType : uint8_t { json = 1, text = 2 };
enum class TaskAction : uint8_t { complete = 1, reopen = 2 };
enum class TaskState : uint8_t { open = 1, complete = 2 };
enum class Role : uint8_t { user = 1, assistant = 2, system = 3, tool = 4 };
enum class ActorKind : uint8_t { user = 1, agent = 2, system = 3 };
// What an entry of the credit ledger records.
enum class CreditEntryKind : uint8_t {
  opening = 1,  // the account, born with its user
  consume = 2,
  grant = 3,
  reset = 4,      // the allowance was set to the plan's, at a date of the calendar
  plan = 5,       // another plan, or another date of resets
  unlimited = 6,  // unlimited use began or ended
  import = 7,     // a balance taken over from another system
  hold = 8,       // a reservation took credits out of the balance
  capture = 9,    // a hold was used, and what was left of it went back
  voided = 10,    // a hold was not used, and went back
  expire = 11,    // a hold ran out, and went back, dated at that instant
  adjust = 12,    // a correction of the granted credits
};
// What became of a reservation of credits. All but `live` are for good.
enum class HoldState : uint8_t { live = 1, captured = 2, voided = 3, expired = 4 };
enum class IntegrationType : uint8_t { google_analytics = 1, github = 2, zapier = 3 };
enum class IntegrationAction : uint8_t { added = 1, revised = 2, removed = 3 };
// How a call of a model ended.
enum class CallStatus : uint8_t {
  ok = 1,
  error = 2,         // any failure that none of the others names
  timed_out = 3,     // by a deadline, the caller's or the provider's
  canceled = 4,      // by the caller, before its end
  rate_limited = 5,  // refused for the number of calls or tokens
};
// How near two embeddings are.
enum class Metric : uint8_t { cosine = 1, euclidean = 2, dot = 3 };

// The enumerator's name as written here; "unknown" for a number that is none of them.
std::string_view to_string(ProjectStatus status);
std::string_view to_string(Section section);
std::string_view to_string(ContentType type);
std::string_view to_string(TaskAction action);
std::string_view to_string(TaskState state);
std::string_view to_string(Role role);
std::string_view to_string(ActorKind kind);
std::string_view to_string(CreditEntryKind kind);
std::string_view to_string(HoldState state);
std::string_view to_string(IntegrationType type);
std::string_view to_string(IntegrationAction action);
std::string_view to_string(CallStatus status);
std::string_view to_string(Metric metric);

// The enumerator of that exact name, or nullopt.
std::optional<ProjectStatus> parse_project_status(std::string_view name);
std::optional<Section> parse_section(std::string_view name);
std::optional<TaskAction> parse_task_action(std::string_view name);
std::optional<Role> parse_role(std::string_view name);
std::optional<IntegrationType> parse_integration_type(std::string_view name);
std::optional<Metric> parse_metric(std::string_view name);

// A moment of a store's past, for reads. What a read answers as of a commit never changes again; as
// of a time it changes only by what is dated before that and written later: imports, and in the
// ledger of credits also ends of holds and resets, which have the date on which they were due.
struct AsOf {
  enum class By : uint8_t {
    now = 0,
    commit = 1,   // as that commit and all before it left it
    time = 2,     // by effective_at(), so that imported history can be travelled
    version = 3,  // of a project: as it was before its next version was added
  };
  By by = By::now;
  // Of the commit or version; of a time, the last commit of that very instant that is meant.
  uint64_t number = 0;
  Time at{};
  // What came after this commit is not known, whenever it says that it happened.
  uint64_t known_commit = UINT64_MAX;

  static AsOf commit(uint64_t seq) { return {By::commit, seq}; }
  static AsOf time(Time at) { return {By::time, UINT64_MAX, at}; }
  static AsOf version(uint32_t number) { return {By::version, number}; }
  friend bool operator==(const AsOf&, const AsOf&) = default;
};

// Who did it. The owner of a record is in its key; the actor is a fact about it.
struct Actor {
  ActorKind kind = ActorKind::user;
  UserId user{};       // set for users
  std::string name{};  // an agent's name, or the reason of a service; may be empty

  static Actor of_user(UserId id) { return {ActorKind::user, id, {}}; }
  static Actor of_agent(std::string agent) { return {ActorKind::agent, {}, std::move(agent)}; }
  static Actor of_system(std::string reason) { return {ActorKind::system, {}, std::move(reason)}; }
  friend bool operator==(const Actor&, const Actor&) = default;
};

}  // namespace bcstore
