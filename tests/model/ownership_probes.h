// What another owner could try with the ids of the first: a call for each kind of record.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine_world.h"
#include "lists.h"

namespace bcstore::fixture {

using format::Kind;

// One call through B's view with A's ids, and the kind of record that it would reach.
struct Probe {
  Kind kind;
  Code expected;
  std::string call;
  std::function<Status(const Tenant& b, const Rich& a)> run;
};

#define PROBE(kind, code, ...)                                                 \
  Probe {                                                                      \
    Kind::kind, Code::code, #__VA_ARGS__, [](const Tenant& b, const Rich& a) { \
      (void)a;                                                                 \
      return ::bcstore::fixture::status_of(__VA_ARGS__);                       \
    }                                                                          \
  }

inline std::vector<Probe> probes_of_projects() {
  return {
      PROBE(project, not_found, b.project(a.project)),
      PROBE(project, not_found, b.get(std::vector<ProjectId>{a.project}).at(0)),
      PROBE(project, not_found, b.add_version(a.project, {})),
      PROBE(project, not_found, b.add_version(a.project, {.expected_current = 2})),
      PROBE(project, not_found, b.set_status(a.project, ProjectStatus::ready)),
      PROBE(project, not_found,
            b.set_status(a.project, ProjectStatus::ready, ProjectStatus::archived)),
      PROBE(project, not_found, b.append_event({.type = "t", .project = a.project})),
      PROBE(project_version, not_found, b.version(a.project, 1)),
      PROBE(project_version, not_found, b.versions(a.project)),
      PROBE(project_status, not_found, b.status_history(a.project)),
      PROBE(document_slot, not_found, b.documents(a.project, 1)),
      PROBE(document_slot, not_found, b.create_document(a.project, {.section = Section::prd})),
      PROBE(document_slot, not_found,
            b.create_document(a.project, {.section = Section::prd, .id = a.document})),
      PROBE(document_by_section, not_found, b.effective_documents(a.project)),
      PROBE(document_by_section, not_found, b.effective_documents(a.project, 1)),
      PROBE(document_by_section, not_found, b.latest_documents(a.project)),
      PROBE(task, not_found, b.tasks(a.project)),
      PROBE(task, not_found, b.create_task(a.project, {.title = "t"})),
      PROBE(session_by_age, not_found, b.sessions(a.project)),
      PROBE(session_by_age, not_found, b.start_chat(a.project)),
      PROBE(session, not_found, b.fork_chat(a.chat, 1)),
      PROBE(project, not_found, b.context(a.project)),
      PROBE(task, not_found, b.diff(a.project, AsOf::commit(1))),
  };
}

inline std::vector<Probe> probes_of_documents_and_tasks() {
  return {
      PROBE(document, not_found, b.document(a.document)),
      PROBE(document, not_found, b.get(std::vector<DocumentId>{a.document}).at(0)),
      PROBE(document, not_found, b.add_revision(a.document, {.content = "1"})),
      PROBE(document, not_found, b.add_revision(a.document, {.content = "1", .expected_rev = 3})),
      PROBE(document, not_found, b.append_event({.type = "t", .document = a.document})),
      PROBE(revision, not_found, b.revision(a.document, 1)),
      PROBE(revision, not_found, b.newest_revision(a.document)),
      PROBE(revision, not_found, b.revisions(a.document)),
      PROBE(revision, not_found, b.append_event({.type = "t", .document = a.document, .rev = 1})),
      PROBE(document_lock, not_found, b.lock_history(a.document)),
      PROBE(document_lock, not_found, b.set_lock(a.document, true)),
      PROBE(document_lock, not_found, b.set_lock(a.document, true, false)),
      PROBE(task_place, not_found, b.task(a.task)),
      PROBE(task_place, not_found, b.get(std::vector<TaskId>{a.task}).at(0)),
      PROBE(task_revision, not_found, b.task_revision(a.task, 1)),
      PROBE(task_revision, not_found, b.task_revisions(a.task)),
      PROBE(task_revision, not_found, b.revise_task(a.task, {.title = "t"})),
      PROBE(task_revision, not_found, b.revise_task(a.task, {.title = "t", .expected_rev = 2})),
      PROBE(task_activity, not_found, b.activity(a.task)),
      PROBE(task_activity, not_found, b.record_activity(a.task, TaskAction::reopen)),
      PROBE(task_activity, not_found,
            b.record_activity(a.task, TaskAction::reopen, TaskState::complete)),
  };
}

NewCall call_of(std::optional<ProjectId> project,
                std::optional<ChatSessionId> session = std::nullopt,
                std::optional<uint64_t> message_seq = std::nullopt) {
  NewCall call = tea_call();
  call.project = project;
  call.session = session;
  call.message_seq = message_seq;
  return call;
}

// B's own, in which A's documents are looked for.
inline ProjectId b_project(const Tenant& b) {
  Cursor<Project> rows = b.projects();
  REQUIRE(rows.next());
  return rows->id();
}

inline std::vector<Probe> probes_of_chat_and_events() {
  return {
      PROBE(session, not_found, b.session(a.chat)),
      PROBE(session, not_found, b.get(std::vector<ChatSessionId>{a.chat}).at(0)),
      PROBE(session, not_found, b.append_event({.type = "t", .session = a.chat})),
      PROBE(session_title, not_found, b.rename_chat(a.chat, "n")),
      PROBE(session_title, not_found, b.rename_chat(a.chat, "n", 1)),
      PROBE(message, not_found, b.last_seq(a.chat)),
      PROBE(message, not_found, b.message(a.chat, 1)),
      PROBE(message, not_found, b.messages(a.chat)),
      PROBE(message, not_found, b.messages(a.chat, {.newest_first = true, .from_seq = 4})),
      PROBE(message, not_found, b.append_message(a.chat, {.role = Role::user, .content = ""})),
      PROBE(message, not_found,
            b.append_message(a.chat, {.role = Role::user, .content = "", .expected_seq = 4})),
      PROBE(message, not_found, b.append_event({.type = "t", .session = a.chat, .message_seq = 1})),
      PROBE(message_id, not_found, b.message(a.message_id)),
      PROBE(credit_hold, not_found, b.credit_hold(a.hold)),
      PROBE(credit_hold, not_found, b.capture_credits(a.hold, {.amount = 1})),
      PROBE(credit_hold, not_found, b.void_hold(a.hold)),
      PROBE(integration, not_found, b.integration(a.integration)),
      PROBE(integration, not_found, b.get(std::vector<IntegrationId>{a.integration}).at(0)),
      PROBE(integration, not_found, b.revise_integration(a.integration, "1")),
      PROBE(integration, not_found, b.remove_integration(a.integration, 2)),
      PROBE(integration_change, not_found, b.integration_history(a.integration)),
      PROBE(billing_account, not_found, b.subscription(a.subscription)),
      PROBE(subscription_change, not_found, b.subscription_history(a.subscription)),
      PROBE(secret, not_found, b.integration_secret(a.integration)),
      PROBE(section_list, not_found, b.sections(a.document, 1)),
      PROBE(section_list, not_found,
            b.add_sections(a.document, 1, std::vector<NewBlock>{{.block_id = "x"}})),
      PROBE(section_block, not_found, b.section(a.document, 1, a.block)),
      PROBE(vector, not_found, b.section(a.document, 2, a.block)),
      PROBE(section_head, not_found, b.section(a.document, 3, a.block)),
      PROBE(search_head, not_found, b.search(a.project, kRichFloats)),
      PROBE(search_head, not_found, b.search(a.project, kRichFloats, {.is_exact = true})),
      PROBE(search_space, not_found, b.search(a.neighbour, kRichFloats)),
      PROBE(search_rows, not_found, b.search(a.neighbour, kRichFloats, {.version = 1})),
      PROBE(search_block, not_found, b.search(a.neighbour, kRichFloats, {.with_blocks = false})),
      PROBE(search_bitmap, not_found,
            b.search(a.project, kRichFloats, {.document = a.document, .rev = 1})),
      PROBE(search_lists, not_found,
            b.search(b_project(b), kRichFloats, {.document = a.document, .rev = 1})),
      PROBE(event, not_found, b.event(a.event)),
      PROBE(session_month, not_found, b.message(a.chat, 2)),
      PROBE(event_month, not_found, b.event(a.event)),
      PROBE(call, not_found, b.call(a.call)),
      PROBE(call, not_found, b.record_call(call_of(a.project))),
      PROBE(call, not_found, b.record_call(call_of(std::nullopt, a.chat))),
      PROBE(call, not_found, b.record_call(call_of(std::nullopt, a.chat, 1))),
      PROBE(call_month, not_found, b.call(a.call)),
  };
}

inline Status seen_if(bool seen) {
  return seen ? Status(Code::internal, "a trace of another owner") : Status();
}

// Kinds that no id leads to: B looks where A's would show.
inline std::vector<Probe> probes_of_money() {
  return {
      PROBE(credit_entry, ok,
            [&] {
              bool seen = false;
              Cursor<CreditEntry> rows = b.credit_entries({.limit = kMaxPageRows});
              while (rows.next()) seen |= rows->owner() != b.owner();
              return seen_if(seen || !rows.status().ok());
            }()),
      PROBE(live_hold, ok,
            [&] {
              bool seen = false;
              Cursor<CreditHold> rows = b.credit_holds();
              while (rows.next()) seen |= rows->owner() != b.owner();
              return seen_if(seen || !rows.status().ok());
            }()),
      PROBE(subscription, ok,
            [&] {
              bool seen = false;
              Cursor<Subscription> rows = b.subscriptions({.limit = kMaxPageRows});
              while (rows.next())
                seen |= rows->owner() != b.owner() || rows->id() == a.subscription;
              return seen_if(seen || !rows.status().ok());
            }()),
      // A has spent: B's balance does not show it.
      PROBE(credit_account, ok, seen_if(b.credits().value().plan_allowance != 10)),
      PROBE(credit_counter, ok, seen_if(b.credits().value().remaining != 999'999)),
      // A has taken more of its limit than B, who took one.
      PROBE(rate_state, ok, seen_if(b.try_acquire("rich", 0).value().remaining != 999)),
  };
}

inline std::vector<Probe> probes_of_the_rest() {
  return {
      PROBE(project_by_age, ok,
            [&] {
              bool seen = false;
              Cursor<Project> rows = b.projects();
              while (rows.next()) seen |= rows->id() == a.project || rows->owner() == a.owner;
              return seen_if(seen || !rows.status().ok());
            }()),
      PROBE(event, ok,
            [&] {
              bool seen = false;
              Cursor<Event> rows = b.events({.limit = kMaxPageRows});
              while (rows.next()) seen |= rows->id() == a.event || rows->owner() == a.owner;
              return seen_if(seen || !rows.status().ok());
            }()),
      PROBE(call_rollup, ok,
            [&] {
              bool seen = false;
              Cursor<UsageRow> rows = b.usage({.from_month = 101, .to_month = 999912});
              while (rows.next()) seen |= rows->owner() != b.owner() || rows->calls() != 1;
              return seen_if(seen || !rows.status().ok());
            }()),
      PROBE(audit, ok,
            [&] {
              bool seen = false;
              Cursor<Event> rows = b.events({.newest_first = true, .limit = kMaxPageRows});
              while (rows.next()) seen |= rows->is_audit() && rows->owner() != b.owner();
              return seen_if(seen || !rows.status().ok());
            }()),
      PROBE(user, ok,
            [&] {
              const User user = b.profile().value();
              return seen_if(user.id() == a.owner || user.email() == a.email);
            }()),
      // A's space of three dimensions, with its name, does not bind B.
      PROBE(vector_space, not_found,
            b.add_sections(a.document, 1,
                           std::vector<NewBlock>{{.block_id = "x", .embedding = kRichFloats}})),
      // That an address is taken must be told, but not by whom.
      PROBE(email, already_exists,
            [&] {
              const Status answer = b.edit_profile({.email = a.email}).status();
              const bool names =
                  answer.existing().has_value() ||
                  answer.message().find(to_string(a.owner)) != std::string_view::npos;
              return names ? seen_if(true) : answer;
            }()),
      PROBE(feed_cursor, not_found, b.feed_cursor(a.cursor)),
      PROBE(feed_cursor, not_found, b.drop_feed_cursor(a.cursor)),
      // A's sequence, key and identity mean nothing here.
      PROBE(commit_body, conflict,
            [&] {
              const Status answer =
                  b.append_event({.type = "t"}, {.expected_owner_seq = ~uint64_t{0}}).status();
              return answer.actual() == b.owner_seq().value() ? answer : seen_if(true);
            }()),
  };
}

// Probes that write in B, each once.
inline std::vector<Probe> probes_that_write() {
  return {
      PROBE(idempotency, ok,
            [&] {
              WriteBatch batch = b.batch();
              batch.append_event({.type = "t"});
              const Result<Receipt> done = b.commit(batch, {.idempotency_key = a.key});
              return done.ok() ? seen_if(done->replayed) : done.status();
            }()),
      // Ids are unique per owner: taking one tells nothing.
      PROBE(project, ok, b.create_project({.name = "P", .idea_prompt = "", .id = a.project})),
      PROBE(document, ok,
            b.create_document(a.project, {.section = Section::prd, .id = a.document})),
      PROBE(task_place, ok, b.create_task(a.project, {.title = "t", .id = a.task})),
      PROBE(session, ok, b.start_chat(a.project, {.id = a.chat})),
  };
}

inline std::vector<Probe> read_only_probes() {
  std::vector<Probe> all;
  for (auto& part : {probes_of_projects(), probes_of_documents_and_tasks(),
                     probes_of_chat_and_events(), probes_of_money(), probes_of_the_rest()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace bcstore::fixture
