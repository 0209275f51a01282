#include "crash/reference.h"

#include <utility>

namespace bcstore::crash {
namespace {

bool has(const Step& step, Field field) { return (step.fields & field) != 0; }

std::optional<std::string_view> given(const Step& step, Field field, const std::string& text) {
  return has(step, field) ? std::optional<std::string_view>(text) : std::nullopt;
}

Actor actor_of(const Plan& plan) {
  return plan.by_agent ? Actor::of_agent(plan_name(plan.id)) : Actor::of_user(plan.owner);
}

Body body_of(const Plan& plan) {
  Body body;
  body.actor(actor_of(plan));
  return body;
}

Body version_body(const Plan& plan, std::string_view name, std::string_view prompt, uint8_t status,
                  std::optional<std::string_view> note) {
  Body body = body_of(plan);
  body.text(name).text(prompt).number(status).optional(note);
  return body;
}

Body task_body(const Plan& plan, const TaskFields& fields) {
  Body body = body_of(plan);
  body.text(fields.title).text(fields.description).phase(fields.phase);
  return body;
}

}  // namespace

std::vector<uint64_t> Reference::apply(const Plan& plan, uint64_t commit_seq,
                                       std::string* impossible) {
  Commit& commit = image_.commits[commit_seq];
  commit.owner = plan.owner;
  std::vector<uint64_t> numbers;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    numbers.push_back(run({&plan, &plan.steps[i], i, texts_of(plan, i), &commit, impossible}));
  }
  if (plan.owner == kPublicOwner) return numbers;
  if (User* user =
          find<User>({&plan, nullptr, 0, {}, &commit, impossible}, &users_, plan.owner.uuid())) {
    ++user->commits;
  }
  return numbers;
}

template <class T>
T* Reference::find(const Turn& turn, std::map<Uuid, T>* objects, const Uuid& id) {
  const auto it = objects->find(id);
  if (it != objects->end()) return &it->second;
  *turn.impossible = "it writes to " + to_string(id) + ", which no earlier commit made";
  return nullptr;
}

void Reference::add(const Turn& turn, Table table, uint64_t number, Body body) {
  const bool of_owner =
      table == Table::event || table == Table::audit || table == Table::credit_entry;
  turn.commit->rows.push_back({.table = table,
                               .object = of_owner ? turn.plan->owner.uuid() : turn.step->object,
                               .number = number,
                               .body = body.take(),
                               .step = turn.index});
}

void Reference::expect(const Turn& turn, uint64_t actual) {
  const std::optional<uint64_t>& expected = turn.step->expected;
  if (!expected || *expected == actual) return;
  *turn.impossible = "step " + std::to_string(turn.index) + " expected " +
                     std::to_string(*expected) + " where " + std::to_string(actual) + " was";
}

uint64_t Reference::run(const Turn& turn) {
  switch (turn.step->verb) {
    case Verb::create_project:
    case Verb::add_version:
    case Verb::set_status:
      return run_project(turn);
    case Verb::create_document:
    case Verb::add_revision:
    case Verb::set_lock:
    case Verb::add_sections:
      return run_document(turn);
    case Verb::create_task:
    case Verb::revise_task:
    case Verb::record_activity:
      return run_task(turn);
    case Verb::start_chat:
    case Verb::rename_chat:
    case Verb::append_message:
      return run_chat(turn);
    case Verb::add_integration:
    case Verb::revise_integration:
    case Verb::remove_integration:
      return run_integration(turn);
    case Verb::put_public:
      return put_public(turn);
    default:
      return run_owner(turn);
  }
}

void Reference::create_project(const Turn& turn) {
  const Step& step = *turn.step;
  projects_[step.object] = {.name = turn.texts.name,
                            .prompt = turn.texts.main,
                            .status = step.choice,
                            .versions = 1,
                            .statuses = 1};
  add(turn, Table::project_version, 1,
      version_body(*turn.plan, turn.texts.name, turn.texts.main, step.choice,
                   given(step, kFirst, turn.texts.note)));
  Body status = body_of(*turn.plan);
  add(turn, Table::project_status, 1, status.number(step.choice));
}

uint64_t Reference::run_project(const Turn& turn) {
  const Step& step = *turn.step;
  if (step.verb == Verb::create_project) {
    create_project(turn);
    return 0;
  }
  Project* project = find(turn, &projects_, step.object);
  if (project == nullptr) return 0;
  if (step.verb == Verb::set_status) {
    expect(turn, project->status);
    project->status = step.choice;
    Body status = body_of(*turn.plan);
    add(turn, Table::project_status, ++project->statuses, status.number(step.choice));
    return project->statuses;
  }
  expect(turn, project->versions);
  if (has(step, kSecond)) project->name = turn.texts.name;
  if (has(step, kThird)) project->prompt = turn.texts.main;
  add(turn, Table::project_version, ++project->versions,
      version_body(*turn.plan, project->name, project->prompt, project->status,
                   given(step, kFirst, turn.texts.note)));
  return project->versions;
}

uint64_t Reference::revise(const Turn& turn, Document* document) {
  const Step& step = *turn.step;
  Body body = body_of(*turn.plan);
  body.number(static_cast<uint8_t>(has(step, kSecond) ? ContentType::json : ContentType::text));
  body.text(turn.texts.main).number(turn.texts.main.size());
  body.optional(given(step, kThird, turn.texts.note));
  add(turn, Table::revision, ++document->revisions, body);
  return document->revisions;
}

uint64_t Reference::add_sections(const Turn& turn, Document* document) {
  const uint32_t rev = turn.step->version;
  if (rev == 0 || rev > document->revisions) *turn.impossible = "sections of no revision";
  if (!document->sectioned.insert(rev).second) *turn.impossible = "sections of a revision twice";
  uint64_t ordinal = 0;
  for (const Block& block : blocks_of(*turn.plan, turn.index)) {
    add(turn, Table::section, section_number(rev, ordinal++),
        section_body(actor_of(*turn.plan), block.id, block.heading, block.body, block.embedding));
  }
  return rev;
}

uint64_t Reference::run_document(const Turn& turn) {
  const Step& step = *turn.step;
  if (step.verb == Verb::create_document) {
    const Project* project = find(turn, &projects_, step.parent);
    if (project == nullptr) return 0;
    Document& made = documents_[step.object];
    made = {.project = step.parent,
            .version = step.version == 0 ? project->versions : step.version,
            .section = step.choice,
            .is_locked = step.flag,
            .locks = 1,
            .revisions = 0,
            .sectioned = {}};
    Body lock = body_of(*turn.plan);
    add(turn, Table::document_lock, 1, lock.number(step.flag ? 1 : 0));
    if (has(step, kFirst)) revise(turn, &made);
    return 0;
  }
  Document* document = find(turn, &documents_, step.object);
  if (document == nullptr) return 0;
  if (step.verb == Verb::add_revision) {
    expect(turn, document->revisions);
    return revise(turn, document);
  }
  if (step.verb == Verb::add_sections) return add_sections(turn, document);
  expect(turn, document->is_locked ? 1 : 0);
  document->is_locked = step.flag;
  Body lock = body_of(*turn.plan);
  add(turn, Table::document_lock, ++document->locks, lock.number(step.flag ? 1 : 0));
  return document->locks;
}

uint64_t Reference::run_task(const Turn& turn) {
  const Step& step = *turn.step;
  if (step.verb == Verb::create_task) {
    Task& made = tasks_[step.object];
    made.project = step.parent;
    made.fields = {turn.texts.name, has(step, kFirst) ? turn.texts.main : std::string(),
                   step.phase};
    add(turn, Table::task_revision, 1, task_body(*turn.plan, made.fields));
    return 0;
  }
  Task* task = find(turn, &tasks_, step.object);
  if (task == nullptr) return 0;
  if (step.verb == Verb::revise_task) {
    expect(turn, task->rev);
    if (has(step, kFirst)) task->fields.title = turn.texts.name;
    if (has(step, kSecond)) task->fields.description = turn.texts.main;
    if (has(step, kThird)) task->fields.phase = step.phase;
    add(turn, Table::task_revision, ++task->rev, task_body(*turn.plan, task->fields));
    return task->rev;
  }
  expect(turn, task->state);
  const auto action = static_cast<TaskAction>(step.choice);
  task->state =
      static_cast<uint8_t>(action == TaskAction::complete ? TaskState::complete : TaskState::open);
  Body activity = body_of(*turn.plan);
  add(turn, Table::task_activity, ++task->activities, activity.number(step.choice));
  return task->activities;
}

uint64_t Reference::run_chat(const Turn& turn) {
  const Step& step = *turn.step;
  const auto title = [&] {
    return has(step, kFirst) ? std::optional<std::string>(turn.texts.name) : std::nullopt;
  };
  if (step.verb == Verb::start_chat) {
    Session& made = sessions_[step.object];
    made.project = step.parent;
    made.title = title();
    return 0;
  }
  Session* session = find(turn, &sessions_, step.object);
  if (session == nullptr) return 0;
  if (step.verb == Verb::rename_chat) {
    expect(turn, session->renames++);
    session->title = title();
    return 0;
  }
  expect(turn, session->last_seq);
  Body body = body_of(*turn.plan);
  body.number(step.choice).text(turn.texts.main).optional(given(step, kFirst, turn.texts.note));
  body.optional(given(step, kSecond, turn.texts.name));
  body.phase(has(step, kThird) ? std::optional<int32_t>(static_cast<int32_t>(step.bytes))
                               : std::nullopt);
  add(turn, Table::message, ++session->last_seq, body);
  return session->last_seq;
}

uint64_t Reference::run_integration(const Turn& turn) {
  const Step& step = *turn.step;
  const auto enter = [&](const Integration& integration, IntegrationAction action) {
    Body body = body_of(*turn.plan);
    body.number(integration.type).number(static_cast<uint8_t>(action));
    add(turn, Table::integration_change, integration.rev, body);
    return integration.rev;
  };
  if (step.verb == Verb::add_integration) {
    Integration& made = integrations_[step.object];
    made = {.type = step.choice, .rev = 1, .secret = turn.texts.main};
    return enter(made, IntegrationAction::added);
  }
  Integration* integration = find(turn, &integrations_, step.object);
  if (integration == nullptr) return 0;
  expect(turn, integration->rev++);
  if (!integration->secret) *turn.impossible = "it writes to an integration that was removed";
  if (step.verb == Verb::remove_integration) {
    integration->secret.reset();
    return enter(*integration, IntegrationAction::removed);
  }
  integration->secret = turn.texts.main;
  return enter(*integration, IntegrationAction::revised);
}

uint64_t Reference::put_public(const Turn& turn) {
  uint32_t& revisions = public_names_[turn.step->object];
  expect(turn, revisions);
  Body body;
  body.actor(Actor::of_system({}));  // why it was written is nobody's but the audit's
  body.number(
      static_cast<uint8_t>(has(*turn.step, kSecond) ? ContentType::json : ContentType::text));
  add(turn, Table::public_record, ++revisions, body.text(turn.texts.main));
  return revisions;
}

void Reference::create_user(const Turn& turn) {
  User& made = users_[turn.plan->owner.uuid()];
  made.email = turn.texts.main;
  if (has(*turn.step, kFirst)) made.name = turn.texts.name;
  turn.commit->rows.push_back({.table = Table::audit,
                               .object = turn.plan->owner.uuid(),
                               .number = 1,
                               .body = "audit",
                               .step = turn.index});
  Body opening;
  opening.number(static_cast<uint8_t>(CreditEntryKind::opening)).number(0);
  opening.number(static_cast<uint64_t>(made.credits)).optional(std::nullopt);
  add(turn, Table::credit_entry, 1, opening);
}

uint64_t Reference::spend(const Turn& turn, User* user) {
  user->credits -= turn.step->choice;
  if (user->credits < 0) *turn.impossible = "it spends more credits than there were";
  Body body = body_of(*turn.plan);
  body.number(static_cast<uint8_t>(CreditEntryKind::consume)).number(turn.step->choice);
  body.number(static_cast<uint64_t>(user->credits)).text(turn.texts.name);
  add(turn, Table::credit_entry, ++user->entries, body);
  return static_cast<uint64_t>(user->credits);
}

uint64_t Reference::run_owner(const Turn& turn) {
  const Step& step = *turn.step;
  if (step.verb == Verb::create_user) {
    create_user(turn);
    return 0;
  }
  if (step.verb == Verb::append_event) {
    Body body = body_of(*turn.plan);
    body.text(turn.texts.name).optional(given(step, kFirst, turn.texts.main)).id(step.parent);
    add(turn, Table::event, ++events_, body);  // in order; the store's numbers are larger
    return 0;
  }
  User* user = find(turn, &users_, turn.plan->owner.uuid());
  if (user == nullptr) return 0;
  if (step.verb == Verb::consume_credit) return spend(turn, user);
  expect(turn, user->rev++);
  if (has(step, kFirst)) user->name = turn.texts.name;
  if (has(step, kSecond)) user->email = turn.texts.main;
  return 0;
}

Image Reference::take() {
  for (const auto& [id, user] : users_) {
    image_.heads[{Table::user, id}] = user_head(user.rev, user.email, user.name, user.credits);
    image_.owner_seqs[UserId(id)] = user.commits;
  }
  for (const auto& [id, project] : projects_) {
    image_.heads[{Table::project, id}] =
        project_head(project.name, project.prompt, project.status, project.versions);
  }
  for (const auto& [id, document] : documents_) {
    image_.heads[{Table::document, id}] =
        document_head(document.project, document.version, document.section, document.is_locked,
                      document.revisions);
  }
  for (const auto& [id, task] : tasks_) {
    image_.heads[{Table::task, id}] =
        task_head(task.project, task.fields, task.state, task.rev, task.activities);
  }
  for (const auto& [id, session] : sessions_) {
    image_.heads[{Table::session, id}] =
        session_head(session.project, session.title, session.last_seq);
  }
  for (const auto& [id, integration] : integrations_) {
    image_.heads[{Table::integration, id}] =
        integration_head(integration.type, integration.rev, integration.secret);
  }
  for (const auto& [object, revisions] : public_names_) {
    image_.heads[{Table::public_name, object}] = Body().number(revisions).take();
  }
  return std::move(image_);
}

}  // namespace bcstore::crash
