#include "cli/mapping.h"

#include <fmt/format.h>
#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

#include <limits>

namespace bcstore::cli {
namespace {

constexpr uint64_t kMaxVersion = std::numeric_limits<uint32_t>::max();
constexpr uint64_t kMaxMessageNumber = std::numeric_limits<int64_t>::max() - 1;

// Null stands for an agent that has no name in the source.
Actor actor_of(Row& row, std::string_view field) {
  std::optional<Uuid> id = row.maybe_id(field);
  return id ? Actor::of_user(UserId(*id)) : Actor::of_agent({});
}

// The enumerator that a field names.
template <class Parse>
auto name_of(Row& row, std::string_view field, Parse parse) {
  auto value = parse(row.text(field));
  if (!value) row.refuse(fmt::format("\"{}\" is none of the names that it may be", field));
  return value.value_or(typename decltype(value)::value_type{});
}

// JSON that may be left out; null is the same as left out.
std::optional<std::string_view> maybe_json(Row& row, std::string_view field) {
  std::optional<std::string_view> json = row.raw_json(field);
  return json == "null" ? std::nullopt : json;
}

void add_bytes(std::string& facts, const Uuid& id) {
  facts.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
}

void add_bytes(std::string& facts, uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) facts += static_cast<char>(number >> shift);
}

// Both identities lead with a letter of their own, and are remembered for ever: their bytes must
// never change.
std::string identity(std::string facts, Time time, Occurrences& occurrences) {
  add_bytes(facts, static_cast<uint64_t>(time.us));
  uint64_t occurrence = occurrences.count(facts, time.us);
  add_bytes(facts, occurrence);
  return facts;
}

std::string hash_of(std::string_view type, std::optional<std::string_view> payload) {
  std::string text;
  add_bytes(text, type.size());
  text.append(type);
  if (payload) text.append(*payload);
  XXH128_canonical_t hash;
  XXH128_canonicalFromHash(&hash, XXH3_128bits(text.data(), text.size()));
  return std::string(reinterpret_cast<const char*>(hash.digest), sizeof hash.digest);
}

Parent parent_of_event(Row& row) {
  if (std::optional<Uuid> project = row.maybe_id("project_id")) return {Kind::project, *project};
  std::optional<Uuid> user = row.maybe_id("user_id");
  if (!user) row.refuse("\"project_id\" is missing, and so is \"user_id\"");
  return {Kind::user, user.value_or(Uuid::nil())};
}

}  // namespace

std::optional<uint32_t> ordinal_of(Row& row) {
  const std::optional<int32_t> ordinal = row.maybe_int32("ordinal");
  if (ordinal && *ordinal < 0) row.refuse("\"ordinal\" is negative");
  return ordinal ? std::optional(static_cast<uint32_t>(*ordinal)) : std::nullopt;
}

Place place_of(Table table, Row& row) {
  switch (table) {
    case Table::users:
      break;
    case Table::chat_credits:
      return {{Kind::user, row.id("user_id")}, 0};
    case Table::integrations:
    case Table::projects:
      return {{Kind::user, row.id("user_id")}, row.time("created_at").us};
    case Table::project_versions:
      return {{Kind::project, row.id("project_id")},
              static_cast<int64_t>(row.number("version", kMaxVersion))};
    case Table::documents:
    case Table::tasks:
      return {{Kind::project, row.id("project_id")}, row.time("created_at").us};
    case Table::document_revisions:
      return {{Kind::document, row.id("document_id")},
              static_cast<int64_t>(row.number("rev", kMaxVersion))};
    case Table::document_sections: {
      const auto rev = static_cast<int64_t>(row.number("rev_first", kMaxVersion));
      return {{Kind::document, row.id("document_id")},
              rev << kOrdinalBits | ordinal_of(row).value_or(0)};
    }
    case Table::task_activity:
      return {{Kind::task, row.id("task_id")}, row.time("created_at").us};
    case Table::chat_sessions:
      return {{Kind::project, row.id("project_id")}, row.time("started_at").us};
    case Table::chat_messages:
      return {{Kind::session, row.id("session_id")},
              static_cast<int64_t>(row.number("seq", kMaxMessageNumber))};
    case Table::events:
      return {parent_of_event(row), row.time("created_at").us};
  }
  return {};
}

uint64_t Occurrences::count(const std::string& facts, int64_t order) {
  // Equal rows have equal times, and rows come in the order of their times.
  if (order != order_) seen_.clear();
  order_ = order;
  return seen_[facts]++;
}

ImportedUser user_of(Row& row) {
  return {.id = UserId(row.id("id")),
          .email = row.text("email"),
          .created_at = row.time("created_at"),
          .full_name = row.maybe_text("full_name"),
          .stripe_customer_id = row.maybe_text("stripe_customer_id"),
          .is_pro = row.flag("is_pro", false)};
}

void map_credits(Row& row, Time otherwise, Importer& importer) {
  ImportedCredits credits{.remaining = row.maybe_int32("remaining"),
                          .resets_at = row.maybe_date("reset_at")};
  Importer::Row fact{row.maybe_time("created_at").value_or(otherwise), Actor::of_system("import")};
  if (row.ok()) importer.credits(credits, fact);
}

void map_integration(Row& row, UserId owner, Importer& importer) {
  IntegrationId id(row.id("id"));
  NewIntegration integration{
      .type = name_of(row, "type", parse_integration_type),
      // Of no metadata the store would have nothing to keep; the table allows it.
      .metadata = row.raw_json("metadata").value_or("null")};
  Importer::Row fact{row.time("created_at"), Actor::of_user(owner)};
  if (row.ok()) importer.integration(id, integration, fact);
}

VersionOne version_one_of(Row& row) {
  return {.row = {row.time("created_at"), actor_of(row, "created_by")},
          .change_note = row.maybe_text("change_note")};
}

Uuid map_project(Row& row, UserId owner, const std::optional<VersionOne>& version_one,
                 Importer& importer) {
  Uuid id = row.id("id");
  NewProject project{.name = row.text("name"),
                     .idea_prompt = row.maybe_text("idea_prompt").value_or(std::string_view()),
                     .status = name_of(row, "status", parse_project_status)};
  Importer::Row fact{row.time("created_at"), Actor::of_user(owner)};
  if (!row.ok()) return id;
  std::optional<Importer::Row> first;
  if (version_one) {
    project.change_note = version_one->change_note;
    first = version_one->row;
  }
  importer.project(ProjectId(id), project, fact, first);
  return id;
}

void map_version(Row& row, Importer& importer) {
  ProjectId project(row.id("project_id"));
  auto version = static_cast<uint32_t>(row.number("version", kMaxVersion));
  NewVersion fields{.change_note = row.maybe_text("change_note")};
  Importer::Row fact{row.time("created_at"), actor_of(row, "created_by")};
  if (row.ok()) importer.version(project, version, fields, fact);
}

Uuid map_document(Row& row, UserId owner, Importer& importer) {
  Uuid id = row.id("id");
  ProjectId project(row.id("project_id"));
  NewDocument document{.section = name_of(row, "section", parse_section),
                       .version = static_cast<uint32_t>(row.number("version", kMaxVersion)),
                       .is_locked = row.flag("is_locked", true)};
  Importer::Row fact{row.time("created_at"), Actor::of_user(owner)};
  if (row.ok()) importer.document(DocumentId(id), project, document, fact);
  return id;
}

void map_revision(Row& row, Importer& importer) {
  DocumentId document(row.id("document_id"));
  auto rev = static_cast<uint32_t>(row.number("rev", kMaxVersion));
  NewRevision revision{.content = {}, .change_note = row.maybe_text("change_note")};
  std::optional<std::string_view> json = row.raw_json("content");
  if (json && !row.maybe_text("body_md")) {
    revision.content = *json;
  } else {
    revision.content = row.text("body_md");
    revision.content_type = ContentType::text;
  }
  Importer::Row fact{row.time("created_at"), actor_of(row, "created_by")};
  if (row.ok()) importer.revision(document, rev, revision, fact);
}

PlacedSection placed_section_of(Row& row) {
  return {.block_id = row.text("block_id"),
          .heading = row.maybe_text("heading").value_or(std::string_view()),
          .body = row.maybe_text("body_md").value_or(std::string_view()),
          .rev_last = static_cast<uint32_t>(row.number("rev_last", kMaxVersion))};
}

std::string_view revision_text(Row& row) {
  if (std::optional<std::string_view> text = row.maybe_text("body_md")) return *text;
  return row.raw_json("content").value_or(std::string_view());
}

void map_section(Row& row, const Vectors& vectors, uint32_t ordinal, Importer& importer) {
  DocumentId document(row.id("document_id"));
  auto rev_first = static_cast<uint32_t>(row.number("rev_first", kMaxVersion));
  auto rev_last = static_cast<uint32_t>(row.number("rev_last", kMaxVersion));
  NewBlock block{.block_id = row.text("block_id"),
                 .heading = row.maybe_text("heading"),
                 .body_md = row.maybe_text("body_md")};
  const int32_t vec = row.maybe_int32("vec").value_or(-1);
  if (vec < -1) row.refuse("\"vec\" is below -1");
  if (vec >= 0) {
    block.embedding = vectors.row(static_cast<size_t>(vec));
    if (block.embedding.empty()) row.refuse("\"vec\" names no row of section_vectors");
  }
  if (row.ok()) importer.section(document, rev_first, rev_last, block, {}, ordinal);
}

Uuid map_task(Row& row, UserId owner, Importer& importer) {
  Uuid id = row.id("id");
  ProjectId project(row.id("project_id"));
  NewTask task{.title = row.text("title"),
               .description = row.maybe_text("description").value_or(std::string_view()),
               .phase = row.maybe_int32("phase")};
  Importer::Row fact{row.time("created_at"), Actor::of_user(owner)};
  if (row.ok()) importer.task(TaskId(id), project, task, fact);
  return id;
}

void map_activity(Row& row, Occurrences& occurrences, Importer& importer) {
  TaskId task(row.id("task_id"));
  TaskAction action = name_of(row, "action", parse_task_action);
  Importer::Row fact{row.time("created_at"), actor_of(row, "user_id")};
  if (!row.ok()) return;
  std::string facts = "a";
  add_bytes(facts, task.uuid());
  facts += static_cast<char>(action);
  facts += static_cast<char>(fact.actor.kind);
  add_bytes(facts, fact.actor.user.uuid());
  importer.activity(task, action, identity(facts, fact.created_at, occurrences), fact);
}

Uuid map_session(Row& row, UserId owner, Importer& importer) {
  Uuid id = row.id("id");
  ProjectId project(row.id("project_id"));
  NewChat chat{.title = row.maybe_text("title")};
  Importer::Row fact{row.time("started_at"), Actor::of_user(owner)};
  if (row.ok()) importer.chat(ChatSessionId(id), project, chat, fact);
  return id;
}

void map_message(Row& row, UserId owner, uint64_t seq, Importer& importer) {
  ChatSessionId session(row.id("session_id"));
  MessageId id(row.maybe_id("id").value_or(Uuid::nil()));
  NewMessage message{.role = name_of(row, "role", parse_role),
                     .content = row.text("content"),
                     .token_count = row.maybe_int32("token_count"),
                     .call_id = row.maybe_text("call_id"),
                     .name = row.maybe_text("name"),
                     .metadata = maybe_json(row, "metadata")};
  // What a person wrote is the owner's; everything else came from a machine.
  Actor actor = message.role == Role::user ? Actor::of_user(owner) : Actor::of_agent({});
  Importer::Row fact{row.time("created_at"), actor};
  if (row.ok()) importer.message(session, seq, id, message, fact);
}

void map_event(Row& row, Occurrences& occurrences, Importer& importer) {
  NewEvent event{.type = row.text("event_type"), .payload = maybe_json(row, "payload")};
  std::string facts = "e";
  if (std::optional<Uuid> project = row.maybe_id("project_id")) {
    event.project = ProjectId(*project);
    add_bytes(facts, *project);
  }
  Importer::Row fact{row.time("created_at"), Actor::of_agent({})};
  if (!row.ok()) return;
  facts += hash_of(event.type, event.payload);
  importer.event(event, identity(facts, fact.created_at, occurrences), fact);
}

}  // namespace bcstore::cli
