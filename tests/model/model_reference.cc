#include "model_reference.h"

#include <algorithm>
#include <chrono>

namespace bcstore::fixture {

namespace {

constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;

std::string number(uint64_t n) { return ' ' + std::to_string(n); }

std::string conflict(uint64_t actual) { return "conflict actual " + std::to_string(actual); }
std::string ok(uint64_t number) { return "ok " + std::to_string(number); }

bool differs(const Action& x, uint64_t actual) { return x.expected() && *x.expected() != actual; }

// The first of the month after the one that `us` lies in.
int64_t next_first(int64_t us) {
  using namespace std::chrono;  // NOLINT(google-build-using-namespace)
  const year_month_day date{sys_days(days(us / kDayUs))};
  const year_month next = year_month(date.year(), date.month()) + months(1);
  return sys_days(next / 1).time_since_epoch().count();
}

template <class OwnerState>
void renew(OwnerState& owner, int64_t at_us) {
  if (!owner.reset_day || at_us < *owner.reset_day * kDayUs) return;
  owner.allowance = owner.plan;
  owner.reset_day = next_first(at_us);
}

}  // namespace

bool Reference::is_taken(const std::string& email) const {
  return std::any_of(owners_.begin(), owners_.end(),
                     [&](const Owner& o) { return o.exists && o.email == email; });
}

std::string Reference::perform(const Action& x) {
  Owner& owner = owners_[x.owner];
  if (x.verb == Action::create_user) {
    if (owner.exists || is_taken(email_of(x))) return "already_exists";
    owner.exists = true;
    owner.email = email_of(x);
    newest_us_ = std::max(newest_us_, now_us_);
    return "ok";
  }
  if (!owner.exists) return "not_found";
  std::string answer;
  switch (x.verb) {
    case Action::create_project:
    case Action::add_version:
    case Action::set_status:
      answer = perform_project(owner, x);
      break;
    case Action::create_document:
    case Action::add_revision:
    case Action::set_lock:
      answer = perform_document(owner, x);
      break;
    case Action::create_task:
    case Action::revise_task:
    case Action::record_activity:
      answer = perform_task(owner, x);
      break;
    case Action::start_chat:
    case Action::rename_chat:
    case Action::append_message:
      answer = perform_chat(owner, x);
      break;
    case Action::append_event:
    case Action::edit_profile:
      answer = perform_owner(owner, x);
      break;
    default:
      answer = perform_credits(owner, x);
  }
  if (answer.starts_with("ok")) newest_us_ = std::max(newest_us_, now_us_);
  return answer;
}

std::string Reference::perform_project(Owner& owner, const Action& x) {
  const uint8_t id = x.object % 3;
  if (x.verb == Action::create_project) {
    if (owner.projects.contains(id)) return "already_exists";
    owner.projects[id].status = status_of(x);
    return "ok";
  }
  const auto found = owner.projects.find(id);
  if (found == owner.projects.end()) return "not_found";
  Project& project = found->second;
  if (x.verb == Action::add_version) {
    if (differs(x, project.versions)) return conflict(project.versions);
    return ok(++project.versions);
  }
  if (differs(x, project.status)) return conflict(project.status);
  project.status = status_of(x);
  return "ok";
}

std::string Reference::perform_document(Owner& owner, const Action& x) {
  if (x.verb == Action::create_document) {
    const auto project = owner.projects.find(project_of(x));
    if (project == owner.projects.end()) return "not_found";
    Document made;
    made.project = project_of(x);
    made.version = version_of(x).value_or(project->second.versions);
    made.section = static_cast<uint8_t>(section_of(x));
    if (made.version > project->second.versions) return "not_found";
    for (const auto& [id, other] : owner.documents) {
      const bool same_place = other.project == made.project && other.version == made.version &&
                              other.section == made.section;
      if (id == x.object || same_place) return "already_exists";
    }
    if (has_content(x)) made.revisions.push_back(text_of(x));
    owner.documents[x.object] = made;
    return "ok";
  }
  const auto found = owner.documents.find(x.object);
  if (found == owner.documents.end()) return "not_found";
  Document& document = found->second;
  if (x.verb == Action::set_lock) {
    if (differs(x, document.is_locked ? 1 : 0)) return conflict(document.is_locked ? 1 : 0);
    document.is_locked = lock_of(x);
    return "ok";
  }
  if (differs(x, document.revisions.size())) return conflict(document.revisions.size());
  document.revisions.push_back(text_of(x));
  return ok(document.revisions.size());
}

std::string Reference::perform_task(Owner& owner, const Action& x) {
  if (x.verb == Action::create_task) {
    if (!owner.projects.contains(project_of(x))) return "not_found";
    if (owner.tasks.contains(x.object)) return "already_exists";
    owner.tasks[x.object].title = text_of(x);
    return "ok";
  }
  const auto found = owner.tasks.find(x.object);
  if (found == owner.tasks.end()) return "not_found";
  Task& task = found->second;
  if (x.verb == Action::revise_task) {
    if (differs(x, task.rev)) return conflict(task.rev);
    task.title = text_of(x);
    return ok(++task.rev);
  }
  if (differs(x, task.is_complete ? 2 : 1)) return conflict(task.is_complete ? 2 : 1);
  task.is_complete = completes(x);
  return ok(++task.activities);
}

std::string Reference::perform_chat(Owner& owner, const Action& x) {
  if (x.verb == Action::start_chat) {
    if (!owner.projects.contains(project_of(x))) return "not_found";
    if (owner.sessions.contains(x.object)) return "already_exists";
    owner.sessions[x.object];
    return "ok";
  }
  const auto found = owner.sessions.find(x.object);
  if (found == owner.sessions.end()) return "not_found";
  Session& session = found->second;
  if (x.verb == Action::rename_chat) {
    if (differs(x, session.renames)) return conflict(session.renames);
    ++session.renames;
    return "ok";
  }
  if (differs(x, session.messages.size())) return conflict(session.messages.size());
  session.messages.push_back(text_of(x));
  return ok(session.messages.size());
}

std::string Reference::perform_owner(Owner& owner, const Action& x) {
  if (x.verb == Action::append_event) {
    if (names_project(x) && !owner.projects.contains(x.b % 3)) return "not_found";
    ++owner.events;
    return "ok";
  }
  if (differs(x, owner.rev)) return conflict(owner.rev);
  if (owner.email != email_of(x) && is_taken(email_of(x))) return "already_exists";
  owner.email = email_of(x);
  ++owner.rev;
  return "ok";
}

std::string Reference::perform_credits(Owner& owner, const Action& x) {
  Owner after = owner;
  renew(after, std::max(now_us_, newest_us_));
  std::string answer = "ok";
  if (x.verb == Action::consume_credit && after.is_unlimited) {
    answer = "ok unlimited";
  } else if (x.verb == Action::consume_credit) {
    const int64_t left = after.allowance + after.granted;
    if (spent(x) > left) return "out_of_credits remaining " + std::to_string(left);
    const int64_t of_allowance = std::min<int64_t>(spent(x), after.allowance);
    after.allowance -= of_allowance;
    after.granted -= spent(x) - of_allowance;
    answer = ok(static_cast<uint64_t>(after.allowance + after.granted));
  } else if (x.verb == Action::grant_credits) {
    after.granted += granted(x);
  } else if (x.verb == Action::set_unlimited) {
    after.is_unlimited = lock_of(x);
  } else {
    after.plan = allowance_of(x);
    after.reset_day = reset_day_of(x);
    const int64_t at_us = std::max(now_us_, newest_us_);
    // A date gone by stands for the next one, and brings no reset.
    if (after.reset_day && at_us >= *after.reset_day * kDayUs) after.reset_day = next_first(at_us);
    if (refills(x)) after.allowance = after.plan;
  }
  owner = after;
  return answer;
}

std::string Reference::current_state() const {
  std::string out;
  for (size_t o = 0; o < owners_.size(); ++o) {
    if (!owners_[o].exists) continue;
    Owner owner = owners_[o];
    renew(owner, std::max(now_us_, newest_us_));  // a read computes it
    out += "owner" + number(o) + number(owner.rev) + ' ' + owner.email +
           number(static_cast<uint64_t>(owner.allowance)) +
           number(static_cast<uint64_t>(owner.granted)) + (owner.is_unlimited ? " unlimited" : "") +
           (owner.reset_day ? number(static_cast<uint64_t>(*owner.reset_day)) : " never") +
           number(owner.events) + '\n';
    for (uint8_t n = 0; n < kObjects; ++n) {
      if (const auto p = owner.projects.find(n); p != owner.projects.end()) {
        out +=
            " project" + number(n) + number(p->second.versions) + number(p->second.status) + '\n';
      }
      if (const auto d = owner.documents.find(n); d != owner.documents.end()) {
        out += " document" + number(n) + number(d->second.version) + number(d->second.section) +
               number(d->second.is_locked ? 1 : 0);
        for (const std::string& text : d->second.revisions) out += ' ' + text;
        out += '\n';
      }
      if (const auto k = owner.tasks.find(n); k != owner.tasks.end()) {
        out += " task" + number(n) + number(k->second.rev) + number(k->second.activities) +
               number(k->second.is_complete ? 1 : 0) + ' ' + k->second.title + '\n';
      }
      if (const auto s = owner.sessions.find(n); s != owner.sessions.end()) {
        out += " session" + number(n);
        for (const std::string& text : s->second.messages) out += ' ' + text;
        out += '\n';
      }
    }
  }
  return out;
}

}  // namespace bcstore::fixture
