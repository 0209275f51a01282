#include "model_action.h"

#include "fixture.h"

namespace bcstore::fixture {

namespace {

constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};

Uuid id_of(uint8_t kind, uint8_t number) {
  Uuid id;
  id.bytes.fill(0x30);
  id.bytes[0] = kind;
  id.bytes[15] = number;
  return id;
}
UserId user_of(uint8_t owner) { return UserId(id_of(0x51, owner)); }
template <class SomeId>
SomeId object(uint8_t number) {
  return SomeId(id_of(0x61, number));
}

template <class N>
std::optional<N> narrow(const std::optional<uint64_t>& n) {
  return n ? std::optional<N>(static_cast<N>(*n)) : std::nullopt;
}

// "ok", "ok 7", or the code with the value that was there.
std::string told(const Status& status, std::optional<uint64_t> number = std::nullopt) {
  std::string out(to_string(status.code()));
  if (status.ok() && number) out += ' ' + std::to_string(*number);
  if (status.actual()) out += " actual " + std::to_string(*status.actual());
  if (status.remaining()) out += " remaining " + std::to_string(*status.remaining());
  return out;
}
template <class T>
std::string told_number(const Result<T>& result) {
  return told(result.status(),
              result.ok() ? std::optional<uint64_t>(static_cast<uint64_t>(*result)) : std::nullopt);
}
template <class T>
std::string told_only(const Result<T>& result) {
  return told(result.status());
}

std::string perform_project(const Tenant& t, const Action& x) {
  const ProjectId id = object<ProjectId>(x.object % 3);
  if (x.verb == Action::create_project) {
    return told_only(t.create_project({.name = "P" + std::to_string(x.b),
                                       .idea_prompt = "",
                                       .status = static_cast<ProjectStatus>(status_of(x)),
                                       .id = id},
                                      kRelaxed));
  }
  if (x.verb == Action::add_version) {
    return told_number(
        t.add_version(id, {.expected_current = narrow<uint32_t>(x.expected())}, kRelaxed));
  }
  return told_only(t.set_status(id, static_cast<ProjectStatus>(status_of(x)),
                                narrow<ProjectStatus>(x.expected()), kRelaxed));
}

std::string perform_document(const Tenant& t, const Action& x) {
  const DocumentId id = object<DocumentId>(x.object);
  const std::string text = text_of(x);
  if (x.verb == Action::create_document) {
    NewDocument document{.section = section_of(x), .version = version_of(x)};
    document.content_type = ContentType::text;
    if (has_content(x)) document.content = text;
    document.id = id;
    return told_only(t.create_document(object<ProjectId>(project_of(x)), document, kRelaxed));
  }
  if (x.verb == Action::add_revision) {
    return told_number(t.add_revision(id,
                                      {.content = text,
                                       .content_type = ContentType::text,
                                       .expected_rev = narrow<uint32_t>(x.expected())},
                                      kRelaxed));
  }
  std::optional<bool> expected;
  if (x.expected()) expected = *x.expected() != 0;
  return told_only(t.set_lock(id, lock_of(x), expected, kRelaxed));
}

std::string perform_task(const Tenant& t, const Action& x) {
  const TaskId id = object<TaskId>(x.object);
  const std::string title = text_of(x);
  if (x.verb == Action::create_task) {
    return told_only(
        t.create_task(object<ProjectId>(project_of(x)), {.title = title, .id = id}, kRelaxed));
  }
  if (x.verb == Action::revise_task) {
    return told_number(t.revise_task(
        id, {.title = title, .expected_rev = narrow<uint32_t>(x.expected())}, kRelaxed));
  }
  return told_number(t.record_activity(id, completes(x) ? TaskAction::complete : TaskAction::reopen,
                                       narrow<TaskState>(x.expected()), kRelaxed));
}

std::string perform_chat(const Tenant& t, const Action& x) {
  const ChatSessionId id = object<ChatSessionId>(x.object);
  const std::string text = text_of(x);
  if (x.verb == Action::start_chat) {
    return told_only(t.start_chat(object<ProjectId>(project_of(x)), {.id = id}, kRelaxed));
  }
  if (x.verb == Action::rename_chat) {
    return told_only(t.rename_chat(id, text, narrow<uint32_t>(x.expected()), kRelaxed));
  }
  return told_number(t.append_message(
      id, {.role = Role::user, .content = text, .expected_seq = x.expected()}, kRelaxed));
}

std::string perform_credits(const Tenant& t, const Service& s, const Action& x) {
  if (x.verb == Action::consume_credit) {
    const auto left = t.consume_credit({.amount = spent(x)}, kRelaxed);
    if (!left.ok()) return told(left.status());
    return left->has_value() ? told(Status(), static_cast<uint64_t>(**left)) : "ok unlimited";
  }
  if (x.verb == Action::grant_credits) {
    return told_only(s.grant_credits(t.owner(), {.amount = granted(x)}, kRelaxed));
  }
  if (x.verb == Action::set_unlimited) {
    return told_only(s.set_unlimited(t.owner(), lock_of(x), kRelaxed));
  }
  CreditPlan plan{.allowance = allowance_of(x), .refill = refills(x)};
  if (const auto day = reset_day_of(x)) plan.resets_at = Time{*day * kDayUs};
  return told_only(s.set_credit_plan(t.owner(), plan, kRelaxed));
}

std::string perform_owner(const Tenant& t, const Service& s, const Action& x) {
  if (x.verb == Action::create_user) {
    return told_only(s.create_user({.email = email_of(x), .id = t.owner()}, kRelaxed));
  }
  if (x.verb == Action::append_event) {
    NewEvent event{.type = "t"};
    if (names_project(x)) event.project = object<ProjectId>(x.b % 3);
    return told_only(t.append_event(event, kRelaxed));
  }
  const std::string email = email_of(x);
  return told_only(
      t.edit_profile({.email = email, .expected_rev = narrow<uint32_t>(x.expected())}, kRelaxed));
}

std::string number(uint64_t n) { return ' ' + std::to_string(n); }

std::string state_of_objects(const Tenant& t) {
  std::string out;
  for (uint8_t n = 0; n < kObjects; ++n) {
    if (const auto p = t.project(object<ProjectId>(n)); p.ok()) {
      out += " project" + number(n) + number(p->current_version()) +
             number(static_cast<uint64_t>(p->status())) + '\n';
    }
    if (const auto d = t.document(object<DocumentId>(n)); d.ok()) {
      out += " document" + number(n) + number(d->version()) +
             number(static_cast<uint64_t>(d->section())) + number(d->is_locked() ? 1 : 0);
      for (uint32_t rev = 1; rev <= d->current_rev(); ++rev) {
        const Revision revision = t.revision(d->id(), rev).value();
        out += ' ' + std::string(revision.content().value());
      }
      out += '\n';
    }
    if (const auto k = t.task(object<TaskId>(n)); k.ok()) {
      out += " task" + number(n) + number(k->rev()) + number(k->activity_count()) +
             number(k->state() == TaskState::complete ? 1 : 0) + ' ' + std::string(k->title()) +
             '\n';
    }
    if (t.session(object<ChatSessionId>(n)).ok()) {
      out += " session" + number(n);
      for (const std::string& text :
           rows_of(t.messages(object<ChatSessionId>(n), {.limit = kMaxPageRows}),
                   [](const ChatMessage& m) { return std::string(m.content()); })) {
        out += ' ' + text;
      }
      out += '\n';
    }
  }
  return out;
}

}  // namespace

std::string Action::to_string() const {
  static constexpr const char* kNames[] = {
      "create_user",    "create_project", "add_version",     "set_status",    "create_document",
      "add_revision",   "set_lock",       "create_task",     "revise_task",   "record_activity",
      "start_chat",     "rename_chat",    "append_message",  "append_event",  "edit_profile",
      "consume_credit", "grant_credits",  "set_credit_plan", "set_unlimited", "reopen",
      "step_clock"};
  return std::string(kNames[static_cast<size_t>(verb)]) + " owner" + number(owner) + " object" +
         number(object) + " a" + number(a) + " b" + number(b);
}

int64_t Action::clock_step_us() const {
  const int64_t steps[] = {3600 * kSecondUs, 20 * kDayUs, -3 * kDayUs, int64_t{b} * kDayUs / 4};
  return steps[a % 4];
}

std::optional<uint64_t> Action::expected() const {
  if (b % 4 != 0) return std::nullopt;
  switch (verb) {
    case set_status:
      return b / 4 % 3 + 1;
    case set_lock:
      return b / 4 % 2;
    case record_activity:
      return b / 4 % 2 + 1;
    default:
      return b / 4 % 4;
  }
}

std::string perform(Store& store, const Action& x) {
  const Tenant t = store.tenant(user_of(x.owner));
  const Service s = store.service("model");
  switch (x.verb) {
    case Action::create_project:
    case Action::add_version:
    case Action::set_status:
      return perform_project(t, x);
    case Action::create_document:
    case Action::add_revision:
    case Action::set_lock:
      return perform_document(t, x);
    case Action::create_task:
    case Action::revise_task:
    case Action::record_activity:
      return perform_task(t, x);
    case Action::start_chat:
    case Action::rename_chat:
    case Action::append_message:
      return perform_chat(t, x);
    case Action::consume_credit:
    case Action::grant_credits:
    case Action::set_credit_plan:
    case Action::set_unlimited:
      return perform_credits(t, s, x);
    default:
      return perform_owner(t, s, x);
  }
}

std::string current_state(Store& store) {
  std::string out;
  for (uint8_t owner = 0; owner < 3; ++owner) {
    const Tenant t = store.tenant(user_of(owner));
    const Result<User> user = t.profile();
    if (!user.ok()) continue;
    const Credits c = t.credits().value();
    uint64_t events = 0;
    Cursor<Event> rows = t.events({.limit = kMaxPageRows, .with_audit = false});
    while (rows.next()) ++events;
    out += "owner" + number(owner) + number(user->rev()) + ' ' + std::string(user->email()) +
           number(static_cast<uint64_t>(c.allowance)) + number(static_cast<uint64_t>(c.granted)) +
           (c.remaining ? "" : " unlimited") +
           (c.resets_at ? number(static_cast<uint64_t>(c.resets_at->us / kDayUs)) : " never") +
           number(events) + '\n' + state_of_objects(t);
  }
  return out;
}

}  // namespace bcstore::fixture
