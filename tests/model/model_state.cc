// What is current in a store, as text.
#include "fixture.h"
#include "model_action.h"
#include "model_ids.h"

namespace bcstore::fixture {

namespace {

std::string document_state(const Tenant& t, const Document& d) {
  std::string out = number(d.version()) + number(static_cast<uint64_t>(d.section())) +
                    number(d.is_locked() ? 1 : 0);
  for (uint32_t rev = 1; rev <= d.current_rev(); ++rev) {
    const Revision revision = t.revision(d.id(), rev).value();
    out += ' ' + std::string(revision.content().value());
    Cursor<SectionBlock> rows = t.sections(d.id(), rev);
    while (rows.next()) {
      Block block{.id = std::string(rows->block_id())};
      if (rows->heading()) block.heading = *rows->heading();
      if (rows->body_md()) block.body = *rows->body_md();
      block.floats.assign(rows->embedding().begin(), rows->embedding().end());
      out += shown(block);
    }
    CHECK_CODE(ok, rows.status());
  }
  return out;
}

std::string task_state(const Tenant& t, const Task& k) {
  std::string out = number(k.activity_count()) + number(k.state() == TaskState::complete ? 1 : 0);
  for (uint32_t rev = 1; rev <= k.rev(); ++rev) {
    const TaskRevision revision = t.task_revision(k.id(), rev).value();
    out += ' ' + std::string(revision.title());
  }
  return out;
}

std::string session_state(const Tenant& t, const ChatSession& s) {
  std::string out = ' ' + std::string(s.title().value_or("-"));
  for (const std::string& text :
       rows_of(t.messages(s.id(), {.limit = kMaxPageRows}),
               [](const ChatMessage& m) { return std::string(m.content()); })) {
    out += ' ' + text;
  }
  return out;
}

// Also of one that was removed: its history stays.
std::string integration_state(const Tenant& t, IntegrationId id) {
  std::string out;
  Cursor<IntegrationChange> rows = t.integration_history(id);
  while (rows.next()) {
    out += number(rows->rev()) + ' ' + std::string(to_string(rows->action())) +
           number(static_cast<uint64_t>(rows->type()));
  }
  const auto secret = t.integration_secret(id);
  if (secret.ok()) out += ' ' + std::string(secret->metadata());
  CHECK(t.integration(id).ok() == secret.ok());
  return out;
}

std::string state_of_objects(const Tenant& t) {
  std::string out;
  for (uint8_t n = 0; n < kObjects; ++n) {
    if (const auto p = t.project(object<ProjectId>(n)); p.ok()) {
      out += " project" + number(n) + number(p->current_version()) +
             number(static_cast<uint64_t>(p->status())) + '\n';
    }
    if (const auto d = t.document(object<DocumentId>(n)); d.ok()) {
      out += " document" + number(n) + document_state(t, *d) + '\n';
    }
    if (const auto k = t.task(object<TaskId>(n)); k.ok()) {
      out += " task" + number(n) + task_state(t, *k) + '\n';
    }
    if (const auto s = t.session(object<ChatSessionId>(n)); s.ok()) {
      out += " session" + number(n) + session_state(t, *s) + '\n';
    }
    const std::string integration = integration_state(t, object<IntegrationId>(n));
    if (!integration.empty()) out += " integration" + number(n) + integration + '\n';
  }
  return out;
}

std::string public_state(const PublicView& view) {
  std::string out;
  for (uint8_t n = 0; n < kPublicNames; ++n) {
    const std::string name = public_name(n);
    const auto newest = view.get(name);
    if (!newest.ok()) continue;
    out += "public " + name;
    for (uint32_t rev = 1; rev <= newest->rev(); ++rev) {
      const PublicRecord record = view.get(name, rev).value();
      out += (record.content_type() == ContentType::json ? " json " : " text ") +
             std::string(record.content());
    }
    out += '\n';
  }
  return out;
}

}  // namespace

std::string current_state(Store& store) {
  std::string out = "# commits" + number(store.stats().last_commit_seq) + '\n';
  for (uint8_t owner = 0; owner < kOwners; ++owner) {
    const Tenant t = store.tenant(user_of(owner));
    const Result<User> user = t.profile();
    if (!user.ok()) continue;
    const Credits c = t.credits().value();
    out += "# owner" + number(owner) + " commits" + number(t.owner_seq().value()) + '\n';
    out += "owner" + number(owner) + number(user->rev()) + ' ' + std::string(user->email()) +
           number(static_cast<uint64_t>(c.allowance)) + number(static_cast<uint64_t>(c.granted)) +
           (c.remaining ? "" : " unlimited") +
           (c.resets_at ? number(static_cast<uint64_t>(c.resets_at->us / kDayUs)) : " never") +
           " events";
    for (const uint64_t id : rows_of(t.events({.limit = kMaxPageRows, .with_audit = false}),
                                     [](const Event& e) { return e.id(); })) {
      out += number(id);
    }
    out += '\n' + state_of_objects(t);
  }
  return out + public_state(store.public_view());
}

}  // namespace bcstore::fixture
