// One owner with at least one record of every kind, for tests that go over the whole catalogue.
#pragma once

#include <string>
#include <vector>

#include "fixture.h"

namespace bcstore::fixture {

struct Rich {
  UserId owner;
  ProjectId project;          // two versions, three statuses
  ProjectId neighbour;        // with one of each, so that lists have something not to show
  DocumentId document;        // version 1, prd: three revisions, two lock changes
  DocumentId bare;            // version 2, tech: no revision
  TaskId task;                // phase 1: two revisions, two activities, complete
  TaskId unphased;            // neither phase nor activity
  ChatSessionId chat;         // renamed once; four messages, the last one imported with an id
  ChatSessionId quiet;        // no message
  ChatSessionId fork;         // of chat, after its first message; one of its own
  MessageId message_id;       // of message 4
  uint64_t event = 0;         // refers to everything
  uint64_t call = 0;          // refers to everything; another one is of no reference and failed
  IntegrationId integration;  // github, revised once; another one was removed
  CreditHoldId hold;          // live, of 5 credits
  std::string block;          // in the sections of the document's three revisions
  std::string public_name;    // with one revision
  std::string key;            // of an idempotent commit
  std::string email;
  std::string customer;
  std::string cursor;        // a named place in the feed
  std::string subscription;  // of the customer: two changes, and none of them gives Pro
};

inline constexpr size_t kNeighbourBlocks = 70;

// More embeddings than one block of codes takes.
inline void embed_neighbour(WriteBatch& batch, DocumentId document) {
  std::vector<std::string> names;
  std::vector<std::vector<float>> floats;
  for (size_t i = 0; i < kNeighbourBlocks; ++i) {
    names.push_back("block " + std::to_string(i));
    floats.push_back({1, static_cast<float>(i), -2});
  }
  std::vector<NewBlock> blocks;
  for (size_t i = 0; i < kNeighbourBlocks; ++i) {
    blocks.push_back({.block_id = names[i], .embedding = floats[i]});
  }
  batch.add_sections(document, 1, blocks);
}

inline void enrich_neighbour(const Tenant& tenant, Rich& rich) {
  WriteBatch batch = tenant.batch();
  rich.neighbour = batch.create_project({.name = "Neighbour", .idea_prompt = "Other"});
  embed_neighbour(batch, batch.create_document(rich.neighbour,
                                               {.section = Section::prd, .content = R"({"n":1})"}));
  const TaskId task = batch.create_task(rich.neighbour, {.title = "Other task", .phase = 1});
  batch.record_activity(task, TaskAction::complete);
  const ChatSessionId chat = batch.start_chat(rich.neighbour, {.title = "Other chat"});
  batch.append_message(chat, {.role = Role::user, .content = "other"});
  tenant.commit(batch, {.durability = Durability::relaxed}).value();
}

inline constexpr float kRichFloats[] = {0.5F, -0.25F, 3.0F};

// Sections of revisions 1 and 2; those of revision 3 are imported.
inline void enrich_sections(WriteBatch& batch, Rich& rich) {
  rich.block = "goals";
  const NewBlock goals{
      .block_id = rich.block, .heading = "Goals", .body_md = "Sell tea.", .embedding = kRichFloats};
  const NewBlock blocks[] = {{.block_id = "top"}, goals};
  batch.add_sections(rich.document, 1, blocks);
  batch.add_sections(rich.document, 2, {&goals, 1});
}

inline void enrich_integrations(WriteBatch& batch, Rich& rich) {
  rich.integration = batch.add_integration(
      {.type = IntegrationType::github, .metadata = R"({"token":"first secret"})"});
  batch.revise_integration(rich.integration, R"({"token":"second secret"})", 1);
  const IntegrationId gone = batch.add_integration(
      {.type = IntegrationType::zapier, .metadata = R"({"token":"third secret"})"});
  batch.remove_integration(gone);
}

inline void enrich_history(const Tenant& tenant, Rich& rich) {
  const Tenant agent = tenant.as_agent("planner");
  WriteBatch batch = agent.batch();
  batch.add_version(rich.project, {.change_note = "second", .name = "Tea house"});
  batch.set_status(rich.project, ProjectStatus::ready);
  batch.set_status(rich.project, ProjectStatus::archived);
  batch.add_revision(rich.document, {.content = R"({"goal": 2})", .change_note = "more"});
  batch.add_revision(rich.document, {.content = "# Text", .content_type = ContentType::text});
  batch.set_lock(rich.document, false);
  rich.bare = batch.create_document(rich.project, {.section = Section::tech, .version = 2});
  batch.revise_task(rich.task, {.title = "Buy more tea"});
  batch.record_activity(rich.task, TaskAction::reopen);
  batch.record_activity(rich.task, TaskAction::complete);
  batch.rename_chat(rich.chat, "Renamed");
  batch.append_message(rich.chat, {.role = Role::assistant,
                                   .content = "Buy tea.",
                                   .token_count = 3,
                                   .call_id = "call-1",
                                   .name = "planner",
                                   .metadata = R"({"k":[1]})"});
  batch.append_message(rich.chat, {.role = Role::user, .content = "Why?", .replaces = 1});
  enrich_sections(batch, rich);
  enrich_integrations(batch, rich);
  batch.save_feed_cursor(rich.cursor, 1);
  agent.commit(batch, {.durability = Durability::relaxed}).value();
}

inline void enrich_billing(const Service& service, Rich& rich) {
  rich.subscription = "sub_" + rich.customer;
  BillingEvent event{.kind = BillingEventKind::subscription_created,
                     .event_id = "evt_1",
                     .occurred_at = Time{kStartUs},
                     .customer = rich.customer,
                     .subscription = rich.subscription,
                     .status = SubscriptionStatus::incomplete,
                     .price = "price_1",
                     .period_end = Time{kStartUs + 30 * kDayUs}};
  REQUIRE(service.apply_billing_event(event).value().outcome == BillingOutcome::applied);
  event.kind = BillingEventKind::subscription_changed;
  event.event_id = "evt_2";
  event.occurred_at.us += kSecondUs;
  event.status = SubscriptionStatus::unpaid;
  REQUIRE(service.apply_billing_event(event).value().outcome == BillingOutcome::applied);
}

inline constexpr std::string_view kRichModel = "tea-1";

// A call that succeeded, and one of another model that did not.
inline uint64_t enrich_calls(const Tenant& tenant, const Rich& rich) {
  tenant
      .record_call({.agent = "planner",
                    .model = "tea-1-mini",
                    .latency_us = 30'000'000,
                    .cost_micros = 0,
                    .currency = "EUR",
                    .status = CallStatus::timed_out})
      .value();
  return tenant
      .record_call({.agent = "planner",
                    .model = kRichModel,
                    .latency_us = 2'500'000,
                    .cost_micros = 12'345,
                    .currency = "USD",
                    .input_tokens = 1'200,
                    .output_tokens = 340,
                    .cached_tokens = 1'000,
                    .first_token_us = 400'000,
                    .project = rich.project,
                    .session = rich.chat,
                    .message_seq = 2,
                    .event = rich.event,
                    .hold = rich.chat.uuid()})
      .value();
}

// Makes everything that Rich names, under an owner that exists already.
inline Rich enrich(Store& store, UserId owner, std::string_view tag) {
  Rich rich;
  rich.owner = owner;
  rich.key = "key-" + std::string(tag);
  rich.cursor = "reader-" + std::string(tag);
  rich.customer = "cus_" + std::string(tag);
  const Tenant tenant = store.tenant(owner);
  const Service service = store.service("enrich");
  service.link_stripe_customer(owner, rich.customer).value();
  service.grant_credits(owner, {.amount = 1'000'000}).value();
  enrich_billing(service, rich);
  const User user = tenant.profile().value();
  rich.email = std::string(user.email());

  WriteBatch batch = tenant.batch();
  rich.project = batch.create_project(
      {.name = "Tea shop", .idea_prompt = "Sell rare teas", .change_note = "first"});
  rich.document = batch.create_document(
      rich.project, {.section = Section::prd, .content = R"({"goal":1})", .change_note = "begin"});
  rich.task = batch.create_task(rich.project,
                                {.title = "Buy tea", .description = "A lot of it", .phase = 1});
  rich.unphased = batch.create_task(rich.project, {.title = "Think"});
  rich.chat = batch.start_chat(rich.project, {.title = "First talk"});
  rich.quiet = batch.start_chat(rich.project);
  batch.append_message(rich.chat, {.role = Role::user, .content = "What first?"});
  batch.limit_rate("rich");
  rich.fork = batch.fork_chat(rich.chat, 1, {.title = "Another way"});
  batch.append_message(rich.fork, {.role = Role::user, .content = "What last?"});
  tenant.commit(batch, {.idempotency_key = rich.key}).value();
  enrich_neighbour(tenant, rich);
  enrich_history(tenant, rich);
  rich.hold = tenant.reserve_credits({.amount = 5, .ttl_us = 30 * kDayUs}).value().hold;
  for (int n = 0; n < 3; ++n) {
    tenant.reserve_credits({.amount = 1, .ttl_us = 30 * kDayUs}).value();
  }
  rich.event = tenant
                   .append_event({.type = "agent.step",
                                  .payload = R"({"a":1})",
                                  .project = rich.project,
                                  .document = rich.document,
                                  .rev = 2,
                                  .session = rich.chat,
                                  .message_seq = 1,
                                  .call_id = "call-1"})
                   .value();
  rich.call = enrich_calls(tenant, rich);
  Uuid given = SeededIds::make(0xABCDEF);
  given.bytes[15] = owner.uuid().bytes[15];
  given.bytes[14] = owner.uuid().bytes[14];
  rich.message_id = MessageId(given);
  Importer importer = service.importer(owner);
  const Importer::Row row{.created_at = Time{kStartUs - 40 * kDayUs},
                          .actor = Actor::of_user(owner)};
  importer.message(rich.chat, 4, rich.message_id, {.role = Role::user, .content = "imported"}, row);
  importer.event({.type = "imported"}, "event-identity-1", row);
  importer.section(rich.document, 3, 3,
                   {.block_id = rich.block, .body_md = "Sell more.", .embedding = kRichFloats});
  rich.public_name = "prices of " + std::string(tag);
  service.put_public({.name = rich.public_name, .content = R"({"tea":4})"}).value();
  for (const ImportedRow& answer : importer.commit().value()) {
    INFO(answer.status.to_string());
    REQUIRE(answer.outcome == ImportOutcome::written);
  }
  return rich;
}

}  // namespace bcstore::fixture
