// The verbs of a batch on tasks, chats, events and users.
#include <cstring>
#include <utility>

#include "model/batch_arguments.h"
#include "model/core.h"

namespace bcstore::model {

namespace {

Status check_message(const NewMessage& m, bool extra_roles, JsonChecker& json) {
  BCSTORE_TRY(check_enum("role", m.role));
  if ((m.role == Role::system || m.role == Role::tool) && !extra_roles) {
    return Status(
        Code::invalid_argument,
        fmt::format("role: {} needs Options::allow_system_and_tool_roles", to_string(m.role)));
  }
  BCSTORE_TRY(check_text("content", m.content, kMaxMessageBytes, Empty::allowed));
  if (m.token_count && *m.token_count < 0) {
    return Status(Code::invalid_argument,
                  fmt::format("token_count: {} is negative", *m.token_count));
  }
  if (m.replaces && *m.replaces == 0) {
    return Status(Code::invalid_argument, "replaces: 0 is no message");
  }
  BCSTORE_TRY(check_optional("call_id", m.call_id, kMaxEventTypeBytes, Empty::refused));
  BCSTORE_TRY(check_optional("name", m.name, kMaxNameBytes, Empty::refused));
  return m.metadata ? json.check("metadata", *m.metadata, kMaxTextBytes) : Status();
}

Status check_event(const NewEvent& e, JsonChecker& json) {
  BCSTORE_TRY(check_text("type", e.type, kMaxEventTypeBytes, Empty::refused));
  BCSTORE_TRY(check_optional("call_id", e.call_id, kMaxEventTypeBytes, Empty::refused));
  BCSTORE_TRY(check_optional_id("project id", e.project));
  BCSTORE_TRY(check_optional_id("document id", e.document));
  BCSTORE_TRY(check_optional_id("session id", e.session));
  if (e.rev && (!e.document || *e.rev == 0)) {
    return Status(Code::invalid_argument, "rev: needs a document and is at least 1");
  }
  if (e.message_seq && (!e.session || *e.message_seq == 0)) {
    return Status(Code::invalid_argument, "message_seq: needs a session and is at least 1");
  }
  return e.payload ? json.check("payload", *e.payload, kMaxTextBytes) : Status();
}

Status check_identity(std::string_view identity, bool imported) {
  if (!imported || (!identity.empty() && identity.size() <= kMaxIdempotencyKeyBytes)) {
    return Status();
  }
  return Status(Code::invalid_argument, "identity: must have 1 to 64 bytes");
}

}  // namespace

Uuid BatchBody::create_task(ProjectId project, const NewTask& t, std::unique_ptr<Origin> origin) {
  auto check = [&]() -> Status {
    BCSTORE_TRY(check_id("project id", project.uuid()));
    BCSTORE_TRY(check_text("title", t.title, kMaxNameBytes, Empty::refused));
    BCSTORE_TRY(check_text("description", t.description, kMaxTextBytes, Empty::allowed));
    return check_optional_id("task id", t.id);
  };
  Op op;
  op.verb = Verb::create_task;
  op.parent = project.uuid();
  op.id = mint(t.id ? std::optional<Uuid>(t.id->uuid()) : std::nullopt);
  op.origin = std::move(origin);
  Status checked = check();
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.id(op.parent).id(op.id).text(t.title).text(t.description).number(t.phase);
    TaskFields fields{t.title, t.description, t.phase};
    op.head = encoder_.task_head(by(op), fields);
    op.fact = encoder_.task_revision(by(op), fields);
  }
  Uuid id = op.id;
  finish(std::move(op), arguments, std::move(checked));
  return id;
}

void BatchBody::revise_task(TaskId task, const TaskEdit& e) {
  auto check = [&]() -> Status {
    BCSTORE_TRY(check_id("task id", task.uuid()));
    BCSTORE_TRY(check_optional("title", e.title, kMaxNameBytes, Empty::refused));
    return check_optional("description", e.description, kMaxTextBytes, Empty::allowed);
  };
  Op op;
  op.verb = Verb::revise_task;
  op.parent = task.uuid();
  op.expected = e.expected_rev;
  Status checked = check();
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.id(op.parent).text(e.title).text(e.description).number(e.expected_rev);
    arguments.number(uint64_t{e.phase.has_value()});
    if (e.phase) arguments.number(*e.phase);
    op.edit = std::make_unique<Edit>();
    if (e.title) op.edit->name = std::string(*e.title);
    if (e.description) op.edit->text = std::string(*e.description);
    op.edit->set_phase = e.phase.has_value();
    if (e.phase) op.edit->phase = *e.phase;
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::record_activity(TaskId task, TaskAction action, std::optional<TaskState> expected,
                                std::string_view identity, std::unique_ptr<Origin> origin) {
  Op op;
  op.verb = Verb::record_activity;
  op.parent = task.uuid();
  op.number = static_cast<uint64_t>(action);
  if (expected) op.expected = static_cast<uint64_t>(*expected);
  op.origin = std::move(origin);
  Status checked = check_id("task id", op.parent);
  if (checked.ok()) checked = check_enum("action", action);
  if (checked.ok() && expected) checked = check_enum("expected state", *expected);
  if (checked.ok()) checked = check_identity(identity, op.origin != nullptr);
  Arguments arguments(*this, op.verb);
  arguments.id(op.parent).number(op.number).number(op.expected);
  if (checked.ok()) {
    op.identity = std::string(identity);
    op.fact = encoder_.task_activity(by(op), action);
  }
  finish(std::move(op), arguments, std::move(checked));
}

Uuid BatchBody::start_chat(ProjectId project, const NewChat& c, std::unique_ptr<Origin> origin) {
  Op op;
  op.verb = Verb::start_chat;
  op.parent = project.uuid();
  op.id = mint(c.id ? std::optional<Uuid>(c.id->uuid()) : std::nullopt);
  op.origin = std::move(origin);
  Status checked = check_id("project id", op.parent);
  if (checked.ok()) checked = check_optional("title", c.title, kMaxNameBytes, Empty::refused);
  if (checked.ok()) checked = check_optional_id("session id", c.id);
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.id(op.parent).id(op.id).text(c.title);
    op.head = encoder_.session_head(by(op), {op.parent, c.title, {}, {}});
  }
  Uuid id = op.id;
  finish(std::move(op), arguments, std::move(checked));
  return id;
}

Uuid BatchBody::fork_chat(ChatSessionId session, uint64_t at_seq, const NewChat& c) {
  Op op;
  op.verb = Verb::fork_chat;
  op.parent = session.uuid();
  op.number = at_seq;
  op.id = mint(c.id ? std::optional<Uuid>(c.id->uuid()) : std::nullopt);
  Status checked = check_id("session id", op.parent);
  if (checked.ok() && at_seq == 0) {
    checked = Status(Code::invalid_argument, "at_seq: 0 is no message");
  }
  if (checked.ok()) checked = check_optional("title", c.title, kMaxNameBytes, Empty::refused);
  if (checked.ok()) checked = check_optional_id("session id", c.id);
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.id(op.parent).number(at_seq).id(op.id).text(c.title);
    op.edit = std::make_unique<Edit>();
    if (c.title) op.edit->name = std::string(*c.title);
  }
  const Uuid id = op.id;
  finish(std::move(op), arguments, std::move(checked));
  return id;
}

void BatchBody::rename_chat(ChatSessionId session, OptionalText title,
                            std::optional<uint32_t> expected) {
  Op op;
  op.verb = Verb::rename_chat;
  op.parent = session.uuid();
  op.expected = expected;
  Status checked = check_id("session id", op.parent);
  if (checked.ok()) checked = check_optional("title", title, kMaxNameBytes, Empty::refused);
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.id(op.parent).text(title).number(expected);
    op.fact = encoder_.session_title(by(op), title);
    op.edit = std::make_unique<Edit>();
    if (title) op.edit->name = std::string(*title);
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::append_message(ChatSessionId session, const NewMessage& m, MessageId given_id,
                               std::optional<uint64_t> seq, std::unique_ptr<Origin> origin) {
  Op op;
  op.verb = Verb::append_message;
  op.parent = session.uuid();
  op.id = given_id.uuid();
  op.expected = m.expected_seq;
  op.number_given = seq.has_value();
  op.number = seq.value_or(0);
  op.origin = std::move(origin);
  Status checked = check_id("session id", op.parent);
  if (checked.ok()) checked = check_number("seq", seq, INT64_MAX);
  if (checked.ok()) {
    const bool any_role = core_ && core_->options().allow_system_and_tool_roles;
    checked = check_message(m, any_role, json_);
  }
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.id(op.parent).number(static_cast<uint64_t>(m.role)).text(m.content);
    arguments.number(m.token_count).text(m.call_id).text(m.name).text(m.metadata);
    arguments.number(m.replaces).number(m.expected_seq);
    MessageFields fields{m.role, m.content, m.token_count, m.replaces,
                         op.id,  m.call_id, m.name,        m.metadata};
    op.tokens = m.token_count ? static_cast<uint64_t>(*m.token_count) : estimate_tokens(m.content);
    op.fact = encoder_.message(by(op), fields);
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::append_event(const NewEvent& e, std::string_view identity,
                             std::unique_ptr<Origin> origin) {
  Op op;
  op.verb = Verb::append_event;
  op.origin = std::move(origin);
  Status checked = check_event(e, json_);
  if (checked.ok()) checked = check_identity(identity, op.origin != nullptr);
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.text(e.type).text(e.payload).id(e.project).id(e.document).number(e.rev);
    arguments.id(e.session).number(e.message_seq).text(e.call_id);
    op.identity = std::string(identity);
    auto ref = [](const auto& id) { return id ? std::optional<Uuid>(id->uuid()) : std::nullopt; };
    EventFields fields;
    fields.type = e.type;
    fields.payload = e.payload;
    fields.project = ref(e.project);
    fields.document = ref(e.document);
    fields.session = ref(e.session);
    fields.rev = e.rev.value_or(0);
    fields.message_seq = e.message_seq.value_or(0);
    fields.call_id = e.call_id;
    op.fact = encoder_.event(by(op), fields);
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::append_audit(const NewEvent& event) {
  Op op;
  op.verb = Verb::append_event;
  EventFields fields;
  fields.type = event.type;
  fields.payload = event.payload;
  fields.is_audit = true;
  op.fact = encoder_.event(by(op), fields);
  const Arguments arguments(*this, op.verb);
  finish(std::move(op), arguments, Status());
}

void BatchBody::edit_profile(const ProfileEdit& e) {
  auto check = [&]() -> Status {
    BCSTORE_TRY(check_optional("email", e.email, kMaxNameBytes, Empty::refused));
    if (!e.full_name) return Status();
    return check_optional("full_name", *e.full_name, kMaxNameBytes, Empty::allowed);
  };
  Op op;
  op.verb = Verb::edit_profile;
  op.expected = e.expected_rev;
  Status checked = check();
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.text(e.email).number(uint64_t{e.full_name.has_value()}).number(e.expected_rev);
    if (e.full_name) arguments.text(*e.full_name);
    op.edit = std::make_unique<Edit>();
    if (e.email) op.edit->name = std::string(*e.email);
    op.edit->set_text = e.full_name.has_value();
    if (e.full_name && *e.full_name) op.edit->text = std::string(**e.full_name);
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::create_user(const UserFields& u, std::unique_ptr<Origin> origin) {
  auto check = [&]() -> Status {
    BCSTORE_TRY(check_owner(owner_));
    BCSTORE_TRY(check_text("email", u.email, kMaxNameBytes, Empty::refused));
    BCSTORE_TRY(check_optional("full_name", u.full_name, kMaxNameBytes, Empty::allowed));
    return check_optional("stripe_customer_id", u.stripe_customer_id, kMaxNameBytes,
                          Empty::refused);
  };
  Op op;
  op.verb = Verb::create_user;
  op.id = owner_.uuid();
  op.origin = std::move(origin);
  Status checked = check();
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.text(u.email).text(u.full_name).text(u.stripe_customer_id);
    op.edit = std::make_unique<Edit>();
    op.edit->name = std::string(u.email);
    if (u.full_name) op.edit->text = std::string(*u.full_name);
    if (u.stripe_customer_id) op.edit->note = std::string(*u.stripe_customer_id);
    op.edit->is_pro = u.is_pro;
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::link_customer(std::string_view customer_id) {
  Op op;
  op.verb = Verb::link_customer;
  Status checked = check_text("stripe_customer_id", customer_id, kMaxNameBytes, Empty::refused);
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.text(customer_id);
    op.edit = std::make_unique<Edit>();
    op.edit->note = std::string(customer_id);
  }
  finish(std::move(op), arguments, std::move(checked));
}

}  // namespace bcstore::model
