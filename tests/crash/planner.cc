#include "crash/planner.h"

#include <algorithm>

namespace bcstore::crash {
namespace {

// The commit would leave a text that names the plan.
bool leaves_name(const Step& step) {
  switch (step.verb) {
    case Verb::create_project:
    case Verb::add_version:
    case Verb::add_revision:
    case Verb::create_task:
    case Verb::revise_task:
    case Verb::append_message:
    case Verb::append_event:
    case Verb::consume_credit:
    case Verb::add_sections:
    case Verb::put_public:
      return true;
    case Verb::create_document:
      return (step.fields & kFirst) != 0;
    default:
      return false;
  }
}

template <class T>
Status collect(Cursor<T> page, std::vector<Uuid>* ids) {
  while (page.next()) ids->push_back(page->id().uuid());
  return page.status();
}

// A page of each list is plenty.
Status load_owner(const Tenant& tenant, Catalogue::Owned* owned) {
  Status listed = collect(tenant.projects(), &owned->projects);
  if (listed.ok()) listed = collect(tenant.integrations(), &owned->integrations);
  if (!listed.ok()) return listed;
  for (const Uuid& project : owned->projects) {
    const ProjectId id(project);
    auto found = tenant.project(id);
    if (!found.ok()) return found.status();
    listed = collect(tenant.documents(id, found->current_version()), &owned->documents);
    if (listed.ok()) listed = collect(tenant.tasks(id), &owned->tasks);
    if (listed.ok()) listed = collect(tenant.sessions(id), &owned->sessions);
    if (!listed.ok()) return listed;
  }
  for (const Uuid& id : owned->documents) {
    auto document = tenant.document(DocumentId(id));
    if (!document.ok()) return document.status();
    owned->revisions[id] = document->current_rev();
  }
  return {};
}

}  // namespace

Status Catalogue::load(const Store& store, const std::vector<UserId>& owners) {
  for (UserId owner : owners) {
    const Tenant tenant = store.tenant(owner);
    auto user = tenant.profile();
    if (user.code() == Code::not_found) continue;
    if (!user.ok()) return user.status();
    Owned owned;
    if (Status loaded = load_owner(tenant, &owned); !loaded.ok()) return loaded;
    const std::lock_guard<std::mutex> guard(mutex_);
    owned_[owner] = std::move(owned);
  }
  return {};
}

void Catalogue::add_user(UserId owner) {
  const std::lock_guard<std::mutex> guard(mutex_);
  owned_[owner];
}

void Catalogue::add(const Plan& plan) {
  const std::lock_guard<std::mutex> guard(mutex_);
  Owned& owned = owned_[plan.owner];
  for (const Step& step : plan.steps) owned.add(step);
}

void Catalogue::Owned::add(const Step& step) {
  if (step.verb == Verb::create_project) projects.push_back(step.object);
  if (step.verb == Verb::create_document) documents.push_back(step.object);
  if (step.verb == Verb::create_task) tasks.push_back(step.object);
  if (step.verb == Verb::start_chat) sessions.push_back(step.object);
  if (step.verb == Verb::add_integration) integrations.push_back(step.object);
  if (step.verb == Verb::remove_integration) std::erase(integrations, step.object);
  const bool has_content = step.verb == Verb::create_document && (step.fields & kFirst) != 0;
  if (has_content || step.verb == Verb::add_revision) ++revisions[step.object];
}

std::vector<UserId> Catalogue::users() const {
  const std::lock_guard<std::mutex> guard(mutex_);
  std::vector<UserId> users;
  for (const auto& [owner, owned] : owned_) users.push_back(owner);
  return users;
}

Catalogue::Owned Catalogue::of(UserId owner) const {
  const std::lock_guard<std::mutex> guard(mutex_);
  const auto it = owned_.find(owner);
  return it == owned_.end() ? Owned() : it->second;
}

Uuid Planner::some_id() {
  Uuid id;
  for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(random_->next());
  return id;
}

// Mostly one of the last ones, so that some objects grow long histories.
const Uuid& Planner::pick(const std::vector<Uuid>& ids) {
  const size_t recent = std::min<size_t>(ids.size(), 4);
  const size_t back = random_->percent(80) ? random_->below(recent) : random_->below(ids.size());
  return ids[ids.size() - 1 - back];
}

uint32_t Planner::size(uint32_t usual) {
  if (random_->percent(mood_.large_percent)) {
    return static_cast<uint32_t>(random_->between(8'000, 70'000));
  }
  return static_cast<uint32_t>(random_->between(1, usual));
}

Plan Planner::start(uint64_t id, UserId owner) {
  Plan plan;
  plan.id = id;
  plan.owner = owner;
  plan.is_durable = random_->percent(mood_.durable_percent);
  plan.by_agent = random_->percent(40);
  if (random_->percent(mood_.key_percent)) plan.key = "key " + plan_name(id);
  return plan;
}

// A plan without a text of its own needs an agent's name, and rows that repeat an earlier text
// need one of their own, so that every commit names its plan.
void Planner::finish(Plan* plan) {
  const bool is_named = std::any_of(plan->steps.begin(), plan->steps.end(), leaves_name);
  const bool has_row = std::any_of(plan->steps.begin(), plan->steps.end(), [](const Step& step) {
    return step.verb != Verb::start_chat && step.verb != Verb::rename_chat &&
           step.verb != Verb::edit_profile;
  });
  if (!has_row) add_event(plan, {});
  if (!is_named && has_row) plan->by_agent = true;
  if (plan->by_agent) return;
  for (Step& step : plan->steps) {
    const bool repeats = step.verb == Verb::create_project || step.verb == Verb::add_version ||
                         step.verb == Verb::revise_task;
    if (repeats) step.fields |= kFirst;
  }
}

Plan Planner::new_user(uint64_t id) {
  Plan plan = start(id, UserId(some_id()));
  plan.by_agent = false;
  plan.key.clear();
  plan.steps.push_back(
      {.verb = Verb::create_user, .object = plan.owner.uuid(), .fields = fields()});
  return plan;
}

// What a service writes has no agent, and answers no receipt that a repetition could be held
// against.
Plan Planner::publication(uint64_t id) {
  Plan plan = start(id, kPublicOwner);
  plan.by_agent = false;
  plan.key.clear();
  const std::string name = "public " + std::to_string(random_->below(kPublicNames));
  plan.steps.push_back({.verb = Verb::put_public,
                        .object = public_object(name),
                        .fields = fields(),
                        .bytes = size(600)});
  return plan;
}

Plan Planner::small(uint64_t id, UserId owner, const Catalogue::Owned& owned) {
  Plan plan = start(id, owner);
  Catalogue::Owned known = owned;
  add(&plan, &known);
  finish(&plan);
  return plan;
}

Plan Planner::batch(uint64_t id, UserId owner, Catalogue::Owned owned) {
  Plan plan = start(id, owner);
  const uint64_t wanted = random_->percent(10) ? random_->between(20, 60) : random_->between(2, 9);
  while (plan.steps.size() < wanted) add(&plan, &owned);
  finish(&plan);
  return plan;
}

void Planner::create(Plan* plan, Step step, Catalogue::Owned* owned) {
  step.object = some_id();
  step.minted = random_->percent(60);
  owned->add(step);
  plan->steps.push_back(step);
}

void Planner::add(Plan* plan, Catalogue::Owned* owned) {
  if (owned->projects.empty()) {
    Step project{.verb = Verb::create_project, .fields = fields(), .bytes = size(300)};
    project.choice = static_cast<uint8_t>(random_->between(1, 3));
    create(plan, project, owned);
    return;
  }
  const uint64_t roll = random_->below(100);
  if (roll < 12) {
    add_project_work(plan, owned);
  } else if (roll < 36) {
    add_document_work(plan, owned);
  } else if (roll < 42) {
    add_integration_work(plan, owned);
  } else if (roll < 58) {
    add_task_work(plan, owned);
  } else if (roll < 88) {
    add_chat_work(plan, owned);
  } else if (roll < 93) {
    add_event(plan, *owned);
  } else if (roll < 97) {
    plan->by_agent = false;  // an agent's handle can not spend
    plan->steps.push_back(
        {.verb = Verb::consume_credit, .choice = static_cast<uint8_t>(random_->between(1, 3))});
  } else {
    Step edit{.verb = Verb::edit_profile};
    edit.fields = static_cast<uint8_t>(random_->between(1, 3));
    plan->steps.push_back(edit);
  }
}

void Planner::add_project_work(Plan* plan, Catalogue::Owned* owned) {
  const uint64_t roll = random_->below(10);
  Step step{.fields = fields(), .bytes = size(300)};
  step.choice = static_cast<uint8_t>(random_->between(1, 3));
  if (roll < 2) {
    step.verb = Verb::create_project;
    create(plan, step, owned);
    return;
  }
  step.object = pick(owned->projects);
  step.verb = roll < 5 ? Verb::add_version : Verb::set_status;
  plan->steps.push_back(step);
}

void Planner::add_document_work(Plan* plan, Catalogue::Owned* owned) {
  const uint64_t roll = random_->below(10);
  Step step{.fields = fields(), .flag = random_->percent(50), .bytes = size(5'000)};
  if (owned->documents.empty() || roll < 2) {
    step.verb = Verb::create_document;
    step.parent = pick(owned->projects);
    // A new version has room for every section; without one the place may be taken.
    if (random_->percent(80)) {
      plan->steps.push_back({.verb = Verb::add_version, .object = step.parent, .fields = fields()});
    }
    step.choice = static_cast<uint8_t>(random_->between(1, kSections));
    create(plan, step, owned);
    return;
  }
  step.object = pick(owned->documents);
  step.verb = roll < 9 ? Verb::add_revision : Verb::set_lock;
  owned->add(step);
  plan->steps.push_back(step);
  if (roll < 5) add_sections(plan, owned, step.object);
}

// Of the newest revision as far as that is known, or of an older one, which may have sections.
void Planner::add_sections(Plan* plan, Catalogue::Owned* owned, const Uuid& document) {
  const uint32_t newest = owned->revisions[document];
  Step step{.verb = Verb::add_sections, .object = document, .fields = fields(), .bytes = size(900)};
  step.choice = static_cast<uint8_t>(random_->between(1, 4));
  step.flag = random_->percent(40);
  step.version = random_->percent(85) ? newest : static_cast<uint32_t>(random_->between(1, newest));
  plan->steps.push_back(step);
}

void Planner::add_integration_work(Plan* plan, Catalogue::Owned* owned) {
  const uint64_t roll = random_->below(10);
  Step step{.bytes = size(300)};
  if (owned->integrations.empty() || roll < 3) {
    step.verb = Verb::add_integration;
    step.choice = static_cast<uint8_t>(random_->between(1, 3));
    create(plan, step, owned);
    return;
  }
  step.object = pick(owned->integrations);
  step.verb = roll < 8 ? Verb::revise_integration : Verb::remove_integration;
  owned->add(step);
  plan->steps.push_back(step);
}

void Planner::add_task_work(Plan* plan, Catalogue::Owned* owned) {
  const uint64_t roll = random_->below(10);
  Step step{.fields = fields(), .bytes = size(400)};
  if (random_->percent(70)) step.phase = static_cast<int32_t>(random_->below(5)) - 1;
  if (owned->tasks.empty() || roll < 3) {
    step.verb = Verb::create_task;
    step.parent = pick(owned->projects);
    create(plan, step, owned);
    return;
  }
  step.object = pick(owned->tasks);
  if (roll < 6) {
    step.verb = Verb::revise_task;
  } else {
    step.verb = Verb::record_activity;
    step.choice = static_cast<uint8_t>(random_->between(1, 2));
  }
  plan->steps.push_back(step);
}

void Planner::add_chat_work(Plan* plan, Catalogue::Owned* owned) {
  const uint64_t roll = random_->below(20);
  Step step{.fields = fields()};
  if (owned->sessions.empty() || roll < 3) {
    step.verb = Verb::start_chat;
    step.parent = pick(owned->projects);
    create(plan, step, owned);
    if (random_->percent(70)) add_message(plan, owned->sessions.back());
    return;
  }
  const Uuid session = pick(owned->sessions);
  if (roll < 5) {
    step.verb = Verb::rename_chat;
    step.object = session;
    plan->steps.push_back(step);
    return;
  }
  add_message(plan, session);
}

void Planner::add_message(Plan* plan, const Uuid& session) {
  Step message{.verb = Verb::append_message, .object = session, .fields = fields()};
  message.choice = static_cast<uint8_t>(random_->between(1, 2));
  message.bytes = size(1'200);
  plan->steps.push_back(message);
}

void Planner::add_event(Plan* plan, const Catalogue::Owned& owned) {
  Step event{.verb = Verb::append_event, .fields = fields(), .bytes = size(300)};
  if (!owned.projects.empty() && random_->percent(50)) event.parent = pick(owned.projects);
  plan->steps.push_back(event);
}

}  // namespace bcstore::crash
