#include "model_reference.h"

#include <algorithm>
#include <chrono>
#include <set>

namespace bcstore::fixture {

namespace {

constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;
constexpr int64_t kWindowUs = kDayUs;  // a key is remembered for a day
constexpr uint64_t kUnlimited = UINT64_MAX;

// Who remembers a key: its owner, but for users that are being made, and for public records.
constexpr uint8_t kSystem = 100, kPublic = 101;
uint8_t keeper_of(const Action& x) {
  if (x.verb == Action::create_user) return kSystem;
  return x.verb == Action::put_public ? kPublic : x.owner;
}

std::string conflict(uint64_t actual) { return "conflict actual " + std::to_string(actual); }

bool differs(const Action& x, uint64_t actual) { return x.expected() && *x.expected() != actual; }

// What can be said without looking at the store.
std::string refused_arguments(const Action& x) {
  if (x.verb != Action::add_sections) return {};
  const std::vector<Block> blocks = blocks_of(x);
  std::set<std::string> ids;
  for (const Block& block : blocks) {
    if (block.floats.size() != blocks[0].floats.size()) return "invalid_argument";
    ids.insert(block.id);
  }
  return ids.size() == blocks.size() ? "" : "already_exists";
}

// The first of the month after the one that `us` lies in.
int64_t next_first(int64_t us) {
  using namespace std::chrono;  // NOLINT(google-build-using-namespace)
  const year_month_day date{sys_days(days(us / kDayUs))};
  const year_month next = year_month(date.year(), date.month()) + months(1);
  return sys_days(next / 1).time_since_epoch().count();
}

// What a call answers besides its code: the whole receipt, the number alone, or the id that it was
// given.
enum class Tells : uint8_t { receipt, number, nothing };
Tells tells(const Action& x) {
  switch (x.verb) {
    case Action::create_user:
      return Tells::nothing;
    case Action::put_public:
      return Tells::number;
    case Action::create_project:
    case Action::create_document:
    case Action::create_task:
    case Action::start_chat:
    case Action::add_integration:
      return x.key == 0 ? Tells::nothing : Tells::receipt;
    case Action::add_version:
    case Action::add_revision:
    case Action::revise_task:
    case Action::record_activity:
    case Action::append_message:
    case Action::append_event:
    case Action::revise_integration:
    case Action::consume_credit:
      return x.key == 0 ? Tells::number : Tells::receipt;
    default:
      return Tells::receipt;
  }
}

}  // namespace

void Reference::renew(Owner& owner, int64_t at_us) {
  if (!owner.reset_day || at_us < *owner.reset_day * kDayUs) return;
  owner.allowance = owner.plan;
  owner.reset_day = next_first(at_us);
}

bool Reference::is_taken(const std::string& email) const {
  return std::any_of(owners_.begin(), owners_.end(),
                     [&](const Owner& o) { return o.exists && o.email == email; });
}

std::string Reference::perform(const Action& x) {
  Owner& owner = owners_[x.owner];
  if (x.verb == Action::read_revision || x.verb == Action::read_section) return read(owner, x);
  const std::vector<Action> parts = x.verb == Action::batch ? x.parts : std::vector<Action>{x};
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string refusal = refused_arguments(parts[i]);
    if (!refusal.empty()) return refusal + " at " + std::to_string(i);
  }
  if (x.key != 0) {
    const auto known = keys_.find({keeper_of(x), x.key});
    if (known != keys_.end() && known->second.at_us > commit_time() - kWindowUs) {
      const Remembered& first = known->second;
      if (first.request != x.request()) return conflict(first.commit);
      if (x.is_durable) durable_ = commits_;
      return first.answer;
    }
  }
  const bool needs_owner = x.verb != Action::create_user && x.verb != Action::put_public;
  if (needs_owner && !owner.exists) return "not_found";
  const Owner before = owner;
  events_ = 0;
  std::vector<uint64_t> numbers;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Answer answer = run(owner, parts[i]);
    if (!answer.refusal.empty()) {
      owner = before;
      return answer.refusal + " at " + std::to_string(i);
    }
    numbers.push_back(answer.number);
  }
  return commit(owner, x, numbers);
}

std::string Reference::commit(Owner& owner, const Action& x, const std::vector<uint64_t>& numbers) {
  const Tells what = tells(x);
  std::string answer = "ok", replay;
  if (what != Tells::nothing) {
    for (const uint64_t n : numbers) answer += number(n);
  }
  if (x.key != 0 && x.is_tenants()) {
    answer += number(add_event(owner));  // the one that carries the request
  }
  newest_us_ = commit_time();
  ++commits_;
  if (x.is_durable) durable_ = commits_;
  if (x.verb != Action::put_public) ++owner.commits;
  if (what == Tells::receipt) {
    answer += " commit" + number(commits_) + " of owner" + number(owner.commits);
    replay = " replayed";
  }
  if (x.key != 0) {
    keys_[{keeper_of(x), x.key}] = {newest_us_, commits_, x.request(), answer + replay};
  }
  return answer;
}

uint64_t Reference::add_event(Owner& owner) {
  owner.events.push_back((commits_ + 1) << 16 | events_++);
  return owner.events.back();
}

Reference::Answer Reference::run(Owner& owner, const Action& x) {
  switch (x.verb) {
    case Action::create_project:
    case Action::add_version:
    case Action::set_status:
      return run_project(owner, x);
    case Action::create_document:
    case Action::add_revision:
    case Action::set_lock:
    case Action::add_sections:
      return run_document(owner, x);
    case Action::create_task:
    case Action::revise_task:
    case Action::record_activity:
      return run_task(owner, x);
    case Action::start_chat:
    case Action::rename_chat:
    case Action::append_message:
      return run_chat(owner, x);
    case Action::add_integration:
    case Action::revise_integration:
    case Action::remove_integration:
      return run_integration(owner, x);
    case Action::append_event:
    case Action::edit_profile:
    case Action::create_user:
      return run_owner(owner, x);
    case Action::put_public:
      return put_public(x);
    default:
      return run_credits(owner, x);
  }
}

Reference::Answer Reference::run_project(Owner& owner, const Action& x) {
  const uint8_t id = project_number(x);
  if (x.verb == Action::create_project) {
    if (owner.projects.contains(id)) return {"already_exists"};
    owner.projects[id].status = status_of(x);
    return {{}, 1};
  }
  const auto found = owner.projects.find(id);
  if (found == owner.projects.end()) return {"not_found"};
  Project& project = found->second;
  if (x.verb == Action::add_version) {
    if (differs(x, project.versions)) return {conflict(project.versions)};
    return {{}, ++project.versions};
  }
  if (differs(x, project.status)) return {conflict(project.status)};
  project.status = status_of(x);
  return {{}, ++project.statuses};
}

Reference::Answer Reference::create_document(Owner& owner, const Action& x) {
  const auto project = owner.projects.find(project_of(x));
  if (project == owner.projects.end()) return {"not_found"};
  Document made;
  made.project = project_of(x);
  made.version = version_of(x).value_or(project->second.versions);
  made.section = static_cast<uint8_t>(section_of(x));
  if (made.version > project->second.versions) return {"not_found"};
  for (const auto& [id, other] : owner.documents) {
    const bool same_place = other.project == made.project && other.version == made.version &&
                            other.section == made.section;
    if (id == x.object || same_place) return {"already_exists"};
  }
  if (has_content(x)) made.revisions.push_back(content_of(x));
  owner.documents[x.object] = made;
  return {{}, made.revisions.size()};
}

Reference::Answer Reference::add_sections(Owner& owner, const Action& x) {
  Document& document = owner.documents.at(x.object);
  if (rev_of(x) > document.revisions.size()) return {"not_found"};
  if (document.sections.contains(rev_of(x))) return {"already_exists"};
  const std::vector<Block> blocks = blocks_of(x);
  const size_t dimension = blocks[0].floats.size();
  if (dimension > 0) {
    const std::pair place(document.project, space_of(x));
    const auto known = owner.spaces.find(place);
    const Space space = known != owner.spaces.end()
                            ? known->second
                            : Space{dimension, metric_of(x).value_or(Metric::cosine)};
    const bool has_zero = std::any_of(blocks.begin(), blocks.end(), [](const Block& block) {
      return std::all_of(block.floats.begin(), block.floats.end(), [](float f) { return f == 0; });
    });
    const bool fits = space.dimension == dimension &&
                      metric_of(x).value_or(space.metric) == space.metric &&
                      !(has_zero && space.metric == Metric::cosine);
    if (!fits) return {"invalid_argument"};
    owner.spaces[place] = space;
  }
  document.sections[rev_of(x)] = blocks;
  return {{}, rev_of(x)};
}

Reference::Answer Reference::run_document(Owner& owner, const Action& x) {
  if (x.verb == Action::create_document) return create_document(owner, x);
  const auto found = owner.documents.find(x.object);
  if (found == owner.documents.end()) return {"not_found"};
  if (x.verb == Action::add_sections) return add_sections(owner, x);
  Document& document = found->second;
  if (x.verb == Action::set_lock) {
    if (differs(x, document.is_locked ? 1 : 0)) return {conflict(document.is_locked ? 1 : 0)};
    document.is_locked = lock_of(x);
    return {{}, ++document.locks};
  }
  if (differs(x, document.revisions.size())) return {conflict(document.revisions.size())};
  document.revisions.push_back(content_of(x));
  return {{}, document.revisions.size()};
}

Reference::Answer Reference::run_task(Owner& owner, const Action& x) {
  if (x.verb == Action::create_task) {
    if (!owner.projects.contains(project_of(x))) return {"not_found"};
    if (owner.tasks.contains(x.object)) return {"already_exists"};
    owner.tasks[x.object].titles.push_back(text_of(x));
    return {{}, 1};
  }
  const auto found = owner.tasks.find(x.object);
  if (found == owner.tasks.end()) return {"not_found"};
  Task& task = found->second;
  if (x.verb == Action::revise_task) {
    if (differs(x, task.titles.size())) return {conflict(task.titles.size())};
    task.titles.push_back(text_of(x));
    return {{}, task.titles.size()};
  }
  if (differs(x, task.is_complete ? 2 : 1)) return {conflict(task.is_complete ? 2 : 1)};
  task.is_complete = completes(x);
  return {{}, ++task.activities};
}

Reference::Answer Reference::run_chat(Owner& owner, const Action& x) {
  if (x.verb == Action::start_chat) {
    if (!owner.projects.contains(project_of(x))) return {"not_found"};
    if (owner.sessions.contains(x.object)) return {"already_exists"};
    owner.sessions[x.object];
    return {};
  }
  const auto found = owner.sessions.find(x.object);
  if (found == owner.sessions.end()) return {"not_found"};
  Session& session = found->second;
  if (x.verb == Action::rename_chat) {
    if (differs(x, session.renames)) return {conflict(session.renames)};
    session.title = text_of(x);
    return {{}, ++session.renames};
  }
  if (differs(x, session.messages.size())) return {conflict(session.messages.size())};
  session.messages.push_back(text_of(x));
  return {{}, session.messages.size()};
}

Reference::Answer Reference::run_integration(Owner& owner, const Action& x) {
  const auto found = owner.integrations.find(x.object);
  if (x.verb == Action::add_integration) {
    if (found != owner.integrations.end()) return {"already_exists"};  // a removed one as well
    owner.integrations[x.object] = {integration_type_of(x), {"added"}, secret_of(x)};
    return {{}, 1};
  }
  if (found == owner.integrations.end() || !found->second.secret) return {"not_found"};
  Integration& integration = found->second;
  if (differs(x, integration.history.size())) return {conflict(integration.history.size())};
  const bool revises = x.verb == Action::revise_integration;
  integration.secret = revises ? std::optional<std::string>(secret_of(x)) : std::nullopt;
  integration.history.emplace_back(revises ? "revised" : "removed");
  return {{}, integration.history.size()};
}

Reference::Answer Reference::run_owner(Owner& owner, const Action& x) {
  if (x.verb == Action::create_user) {
    if (owner.exists || is_taken(email_of(x))) return {"already_exists"};
    owner.exists = true;
    owner.email = email_of(x);
    return {};
  }
  if (x.verb == Action::append_event) {
    if (names_project(x) && !owner.projects.contains(x.b % 3)) return {"not_found"};
    return {{}, add_event(owner)};
  }
  if (differs(x, owner.rev)) return {conflict(owner.rev)};
  if (owner.email != email_of(x) && is_taken(email_of(x))) return {"already_exists"};
  owner.email = email_of(x);
  return {{}, ++owner.rev};
}

Reference::Answer Reference::run_credits(Owner& owner, const Action& x) const {
  renew(owner, commit_time());
  const auto left = [&] { return static_cast<uint64_t>(owner.allowance + owner.granted); };
  if (x.verb == Action::consume_credit && !owner.is_unlimited) {
    if (spent(x) > owner.allowance + owner.granted) {
      return {"out_of_credits remaining " + std::to_string(left())};
    }
    const int64_t of_allowance = std::min<int64_t>(spent(x), owner.allowance);
    owner.allowance -= of_allowance;
    owner.granted -= spent(x) - of_allowance;
  } else if (x.verb == Action::grant_credits) {
    owner.granted += granted(x);
  } else if (x.verb == Action::set_unlimited) {
    owner.is_unlimited = lock_of(x);
  } else if (x.verb == Action::set_credit_plan) {
    owner.plan = allowance_of(x);
    owner.reset_day = reset_day_of(x);
    // A date gone by stands for the next one, and brings no reset.
    if (owner.reset_day && commit_time() >= *owner.reset_day * kDayUs) {
      owner.reset_day = next_first(commit_time());
    }
    if (refills(x)) owner.allowance = owner.plan;
  }
  return {{}, owner.is_unlimited ? kUnlimited : left()};
}

Reference::Answer Reference::put_public(const Action& x) {
  std::vector<PublicRevision>& revisions = public_[public_name_of(x)];
  if (differs(x, revisions.size())) return {conflict(revisions.size())};
  revisions.push_back({is_json(x), public_content_of(x)});
  return {{}, revisions.size()};
}

}  // namespace bcstore::fixture
