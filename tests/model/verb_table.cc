#include "verb_table.h"

#include <algorithm>

#include "billing/stripe_signature.h"

namespace bcstore::fixture {

namespace {

// NOLINTBEGIN(readability-identifier-naming)
#define TENANT(name, takes, ...)                                               \
  VerbRow {                                                                    \
    "Tenant::" #name, kOwner | (takes), [](Store& store, const Arguments& a) { \
      const Tenant t = a.tenant(store);                                        \
      return status_of(t.name(__VA_ARGS__));                                   \
    }                                                                          \
  }
#define SERVICE(name, takes, ...)                                                \
  VerbRow {                                                                      \
    "Service::" #name, kReason | (takes), [](Store& store, const Arguments& a) { \
      const Service s = a.service(store);                                        \
      return status_of(s.name(__VA_ARGS__));                                     \
    }                                                                            \
  }
#define PUBLIC(name, takes, ...)                                          \
  VerbRow {                                                               \
    "PublicView::" #name, (takes), [](Store& store, const Arguments& a) { \
      return status_of(store.public_view().name(__VA_ARGS__));            \
    }                                                                     \
  }
// A row of an import by itself: what became of it, or of the whole commit.
#define IMPORTER(name, takes, ...)                                                                 \
  VerbRow {                                                                                        \
    "Importer::" #name, kOwner | kReason | kTime | (takes), [](Store& store, const Arguments& a) { \
      Importer importer = a.service(store).importer(a.owner);                                      \
      importer.name(__VA_ARGS__);                                                                  \
      const Result<std::vector<ImportedRow>> answer = importer.commit();                           \
      return answer.ok() ? answer->at(0).status : answer.status();                                 \
    }                                                                                              \
  }
// NOLINTEND(readability-identifier-naming)

const std::vector<NewBlock> kBlocks = {{.block_id = "b", .body_md = "body"}};

// A genuine delivery, of a type that has no effect.
constexpr std::string_view kWebhook = R"({"id":"evt_1","type":"ping"})";
constexpr std::string_view kWebhookSecret = "whsec_test_secret";
std::string webhook_header() {
  return "t=12345,v1=" + billing::stripe_signature(kWebhook, "12345", kWebhookSecret).value();
}

constexpr uint32_t kRead = kSnapshot | kAsOf;
constexpr uint32_t kList = kRead | kPage;

// The numbers that the next imported rows must have; 1 where the arguments are wrong.
uint32_t next_rev(Store& store, const Arguments& a) {
  const auto document = store.tenant(a.owner).document(a.document);
  return document.ok() ? document->current_rev() + 1 : 1;
}
uint32_t next_version(Store& store, const Arguments& a) {
  const auto project = store.tenant(a.owner).project(a.project);
  return project.ok() ? project->current_version() + 1 : 2;
}
uint64_t next_seq(Store& store, const Arguments& a) {
  const auto last = store.tenant(a.owner).last_seq(a.chat);
  return last.ok() ? *last + 1 : 1;
}

// A hold that no other row has ended.
CreditHoldId unresolved(Store& store, const Arguments& a) {
  const Tenant t = store.tenant(a.owner);
  const auto hold = t.credit_hold(a.hold);
  if (!hold.ok() || hold->state() == HoldState::live) return a.hold;
  return t.reserve_credits({.amount = 1, .ttl_us = kSecondUs}).value().hold;
}

std::vector<VerbRow> imports() {
  return {
      IMPORTER(project, kText | kNew, ProjectId(a.made), {.name = a.text, .idea_prompt = ""},
               a.row()),
      IMPORTER(version, kProject | kText, a.project, next_version(store, a), {.name = a.text},
               a.row()),
      IMPORTER(document, kProject | kNew, DocumentId(a.made), a.project,
               {.section = Section::tasks, .version = 1}, a.row()),
      IMPORTER(revision, kDocument, a.document, next_rev(store, a), {.content = "1"}, a.row()),
      IMPORTER(task, kProject | kText | kNew, TaskId(a.made), a.project, {.title = a.text},
               a.row()),
      IMPORTER(activity, kTask | kIdentity, a.task, TaskAction::complete, a.identity, a.row()),
      IMPORTER(chat, kProject | kNew, ChatSessionId(a.made), a.project, {}, a.row()),
      IMPORTER(message, kChat, a.chat, next_seq(store, a), MessageId(),
               {.role = Role::user, .content = "m"}, a.row()),
      IMPORTER(event, kIdentity, {.type = "t"}, a.identity, a.row()),
      IMPORTER(credits, 0, {.remaining = 3}, a.row()),
      IMPORTER(integration, kNew, IntegrationId(a.made),
               {.type = IntegrationType::github, .metadata = "1"}, a.row()),
      // Sections have no time of their own.
      {"Importer::section", kOwner | kReason | kDocument,
       [](Store& store, const Arguments& a) {
         Importer importer = a.service(store).importer(a.owner);
         const uint32_t newest = std::max(next_rev(store, a), 2u) - 1;
         importer.section(a.document, newest, newest, {.block_id = "imported", .body_md = "b"});
         const Result<std::vector<ImportedRow>> answer = importer.commit();
         return answer.ok() ? answer->at(0).status : answer.status();
       }},
  };
}

std::vector<VerbRow> writes() {
  return {
      TENANT(create_project, kText | kCommit, {.name = a.text, .idea_prompt = ""}, a.commit()),
      TENANT(add_version, kProject | kText | kCommit, a.project, {.name = a.text}, a.commit()),
      TENANT(set_status, kProject | kCommit, a.project, ProjectStatus::ready, std::nullopt,
             a.commit()),
      TENANT(create_document, kProject | kCommit, a.project,
             {.section = Section::marketing, .version = 1}, a.commit()),
      TENANT(add_revision, kDocument | kCommit, a.document, {.content = "1"}, a.commit()),
      TENANT(set_lock, kDocument | kCommit, a.document, true, std::nullopt, a.commit()),
      TENANT(create_task, kProject | kText | kCommit, a.project, {.title = a.text}, a.commit()),
      TENANT(revise_task, kTask | kText | kCommit, a.task, {.title = a.text}, a.commit()),
      TENANT(record_activity, kTask | kCommit, a.task, TaskAction::reopen, std::nullopt,
             a.commit()),
      TENANT(start_chat, kProject | kCommit, a.project, {.title = a.text}, a.commit()),
      TENANT(fork_chat, kChat | kText | kCommit, a.chat, 1, {.title = a.text}, a.commit()),
      TENANT(rename_chat, kChat | kCommit, a.chat, std::string_view(a.text), std::nullopt,
             a.commit()),
      TENANT(append_message, kChat | kCommit, a.chat, {.role = Role::user, .content = a.text},
             a.commit()),
      TENANT(append_event, kCommit, {.type = "t"}, a.commit()),
      TENANT(record_call, kCommit,
             {.agent = "a", .model = "m", .latency_us = 1, .cost_micros = 1, .currency = "USD"},
             a.commit()),
      TENANT(edit_profile, kText | kCommit, {.email = a.text}, a.commit()),
      TENANT(consume_credit, kCommit | kAgentRefused, {.amount = 1}, a.commit()),
      TENANT(chat_turn, kChat | kCommit | kAgentRefused, a.chat,
             {.message = {.role = Role::user, .content = a.text}}, a.commit()),
      TENANT(reserve_credits, kCommit | kAgentRefused, {.amount = 1, .ttl_us = kSecondUs},
             a.commit()),
      TENANT(capture_credits, kHold | kCommit | kAgentRefused, a.hold, {.amount = 1}, a.commit()),
      TENANT(void_hold, kHold | kCommit | kAgentRefused, unresolved(store, a), std::nullopt,
             a.commit()),
      TENANT(add_sections, kDocument | kCommit, a.document, 4, kBlocks, {}, a.commit()),
      TENANT(add_integration, kCommit, {.type = IntegrationType::github, .metadata = "{}"},
             a.commit()),
      TENANT(revise_integration, kIntegration | kCommit, a.integration, "{}", std::nullopt,
             a.commit()),
      TENANT(save_feed_cursor, kText | kCommit, a.text, 1, false, a.commit()),
      SERVICE(save_feed_cursor, kText | kCommit, a.text, 1, false, a.commit()),
      SERVICE(put_public, kText | kCommit, {.name = a.text, .content = "1"}, a.commit()),
      SERVICE(create_user, kText | kCommit, {.email = a.text}, a.commit()),
      SERVICE(link_stripe_customer, kUser | kText | kCommit, a.user, a.text, a.commit()),
      SERVICE(grant_credits, kUser | kCommit, a.user, {.amount = 1}, a.commit()),
      SERVICE(adjust_credits, kUser | kCommit, a.user, {.amount = -1}, a.commit()),
      SERVICE(set_credit_plan, kUser | kCommit, a.user, {.allowance = 1}, a.commit()),
      SERVICE(apply_billing_event, kUser | kTime,
              {.kind = BillingEventKind::checkout_completed,
               .event_id = "evt_of_the_table",
               .occurred_at = a.created_at,
               .customer = "cus_of_the_table",
               .user = a.user},
              Durability::relaxed),
      SERVICE(apply_stripe_webhook, 0, kWebhook, webhook_header(), kWebhookSecret,
              Time{12345'000'000}, kWebhookToleranceS, Durability::relaxed),
      SERVICE(set_unlimited, kUser | kCommit, a.user, true, a.commit()),
  };
}

std::vector<VerbRow> summaries() {
  return {
      TENANT(context, kProject, a.project, {}),
      TENANT(diff, kProject, a.project, AsOf(), AsOf()),
      TENANT(diff_contents, kDocument | kRead, {a.document, 1}, {a.document, 1}, a.read()),
  };
}

std::vector<VerbRow> feeds() {
  return {
      TENANT(feed, kPage, {.after = a.token, .limit = a.limit}),
      TENANT(wait_feed, 0, 0, 0),
      TENANT(feed_cursor, kText | kRead, a.text, a.read()),
      TENANT(feed_cursors, kList, a.list()),
      TENANT(drop_feed_cursor, kText | kCommit, a.text, a.commit()),
      SERVICE(feed, kPage, {.after = a.token, .limit = a.limit}),
      SERVICE(wait_feed, 0, 0, 0),
      SERVICE(feed_cursor, kText | kRead, a.text, a.read()),
      SERVICE(feed_cursors, kList, a.list()),
      SERVICE(drop_feed_cursor, kText | kCommit, a.text, a.commit()),
  };
}

std::vector<VerbRow> reads() {
  return {
      TENANT(snapshot, 0),
      TENANT(profile, kRead, a.read()),
      TENANT(owner_seq, 0),
      TENANT(project, kProject | kRead, a.project, a.read()),
      TENANT(projects, kList,
             {.limit = a.limit, .after = a.token, .snapshot = a.snapshot, .as_of = a.as_of}),
      TENANT(version, kProject | kRead, a.project, 1, a.read()),
      TENANT(versions, kProject | kList, a.project, a.list()),
      TENANT(status_history, kProject | kList, a.project, a.list()),
      TENANT(document, kDocument | kRead, a.document, a.read()),
      TENANT(documents, kProject | kList, a.project, 1, a.list()),
      TENANT(effective_documents, kProject | kRead, a.project, std::nullopt, a.read()),
      TENANT(latest_documents, kProject | kRead, a.project, a.read()),
      TENANT(revision, kDocument | kRead, a.document, 1, a.read()),
      TENANT(newest_revision, kDocument | kRead, a.document, a.read()),
      TENANT(revisions, kDocument | kList, a.document, a.list()),
      TENANT(lock_history, kDocument | kList, a.document, a.list()),
      TENANT(task, kTask | kRead, a.task, a.read()),
      TENANT(tasks, kProject | kList, a.project,
             {.limit = a.limit, .after = a.token, .snapshot = a.snapshot, .as_of = a.as_of}),
      TENANT(task_revision, kTask | kRead, a.task, 1, a.read()),
      TENANT(task_revisions, kTask | kList, a.task, a.list()),
      TENANT(activity, kTask | kList, a.task, a.list()),
      TENANT(session, kChat | kRead, a.chat, a.read()),
      TENANT(sessions, kProject | kList, a.project, a.list()),
      TENANT(last_seq, kChat | kRead, a.chat, a.read()),
      TENANT(message, kChat | kRead, a.chat, 1, a.read()),
      TENANT(messages, kChat | kList, a.chat,
             {.limit = a.limit, .after = a.token, .snapshot = a.snapshot, .as_of = a.as_of}),
      TENANT(events, kList,
             {.limit = a.limit, .after = a.token, .snapshot = a.snapshot, .as_of = a.as_of}),
      TENANT(event, kRead, 1, a.read()),
      TENANT(calls, kList,
             {.limit = a.limit, .after = a.token, .snapshot = a.snapshot, .as_of = a.as_of}),
      TENANT(call, kRead, 1, a.read()),
      TENANT(usage, kSnapshot | kPage,
             {.from_month = 202501,
              .to_month = 202512,
              .limit = a.limit,
              .after = a.token,
              .snapshot = a.snapshot}),
      TENANT(sections, kDocument | kList, a.document, 1, a.list()),
      TENANT(section, kDocument | kRead, a.document, 1, a.block, a.read()),
  };
}

std::vector<VerbRow> more_reads() {
  return {
      TENANT(integration, kIntegration | kRead, a.integration, a.read()),
      TENANT(integrations, kList,
             {.limit = a.limit, .after = a.token, .snapshot = a.snapshot, .as_of = a.as_of}),
      TENANT(integration_history, kIntegration | kList, a.integration, a.list()),
      TENANT(integration_secret, kIntegration | kSnapshot, a.integration, {.snapshot = a.snapshot}),
      TENANT(remove_integration, kIntegration | kCommit, a.integration, std::nullopt, a.commit()),
      TENANT(credits, kRead, a.read()),
      TENANT(credit_entries, kList, a.list()),
      TENANT(statement, kList, Time{0}, Time{INT64_MAX}, a.list()),
      TENANT(try_acquire, 0, "rich", 0),
      TENANT(credit_hold, kHold | kRead, a.hold, a.read()),
      TENANT(credit_holds, kList, a.list()),
      {"Tenant::get", kOwner | kProject | kRead,
       [](Store& store, const Arguments& a) {
         const std::vector<ProjectId> ids = {a.project};
         return a.tenant(store).get(ids, a.read()).at(0).status();
       }},
      TENANT(subscription, kRead, a.subscription, a.read()),
      TENANT(subscriptions, kList, a.list()),
      TENANT(subscription_history, kList, a.subscription, a.list()),
      SERVICE(find_user_by_email, kText, a.text),
      SERVICE(find_user_by_stripe_customer, kText, a.text),
      SERVICE(users, kList, a.list()),
      PUBLIC(get, kText | kRead, a.text, std::nullopt, a.read()),
      PUBLIC(names, kList, a.list()),
      PUBLIC(revisions, kText | kList, a.text, a.list()),
  };
}

}  // namespace

std::vector<VerbRow> verb_table() {
  std::vector<VerbRow> all = writes();
  all.push_back(
      TENANT(search, kProject | kSnapshot, a.project, kRichFloats, {.snapshot = a.snapshot}));
  all.push_back(TENANT(search, kSnapshot, kRichFloats, {.snapshot = a.snapshot}));
  for (VerbRow& row : summaries()) all.push_back(std::move(row));
  for (VerbRow& row : reads()) all.push_back(std::move(row));
  for (VerbRow& row : more_reads()) all.push_back(std::move(row));
  for (VerbRow& row : feeds()) all.push_back(std::move(row));
  for (VerbRow& row : imports()) all.push_back(std::move(row));
  return all;
}

}  // namespace bcstore::fixture
