// Ownership: no call of one owner's view returns, counts or hints at what another owns, whatever id
// it is given, and none reads a key outside its own sixteen bytes.
#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "engine_world.h"
#include "lists.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
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

std::vector<Probe> probes_of_projects() {
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

std::vector<Probe> probes_of_documents_and_tasks() {
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

std::vector<Probe> probes_of_chat_and_events() {
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

Status seen_if(bool seen) {
  return seen ? Status(Code::internal, "a trace of another owner") : Status();
}

// Kinds that no id leads to: B looks where A's would show.
std::vector<Probe> probes_of_money() {
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

std::vector<Probe> probes_of_the_rest() {
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
std::vector<Probe> probes_that_write() {
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

std::vector<Probe> read_only_probes() {
  std::vector<Probe> all;
  for (auto& part : {probes_of_projects(), probes_of_documents_and_tasks(),
                     probes_of_chat_and_events(), probes_of_money(), probes_of_the_rest()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

struct TwoOwners : EngineWorld {
  // Neighbours in the order of keys, with B in the middle.
  Rich a = made(1);
  Rich b = made(2);
  Rich c = made(3);

  Rich made(uint8_t n) {
    const std::string tag(1, static_cast<char>('a' + n));
    const UserId id = service().create_user({.email = tag + "@x", .id = forged<UserId>(n)}).value();
    store().tenant(id).consume_credit({.amount = n == 2 ? 3 : 5}).value();
    if (n != 2) service().set_credit_plan(id, {.allowance = 70}).value();
    if (n != 2) CHECK(store().tenant(id).try_acquire("rich", 5).value().allowed);
    return enrich(store(), id, tag);
  }
};

void check_keys(const Asked& asked, const UserId& owner) {
  const auto is_allowed = [&](std::string_view key) {
    if (key.size() < 16) return false;
    const UserId of = format::key_owner(key);
    return of == owner || of == kSystemOwner;
  };
  for (const std::string& key : asked.gets) CHECK(is_allowed(key));
  for (const Asked::Range& range : asked.scans) {
    CHECK(is_allowed(range.lower));
    // The upper bound ends the owner at the latest.
    const std::string prefix = range.lower.substr(0, 16);
    const std::string end = format::after_prefix(prefix);  // empty: no key is after it
    CHECK((end.empty() || range.upper <= end));
    for (const std::string& row : range.rows) CHECK(row.compare(0, 16, prefix) == 0);
  }
}

TEST_CASE("ownership: every kind of record has a probe") {
  std::set<Kind> probed;
  for (const auto& probes : {read_only_probes(), probes_that_write()}) {
    for (const Probe& probe : probes) probed.insert(probe.kind);
  }
  // Below 16 the system owns: its keys are hashes and sequences that no call of a view names, but
  // for the address. Identities of imports are probed by their own test below.
  const std::set<Kind> elsewhere = {Kind::store, Kind::customer, Kind::owner_hash,
                                    Kind::commit_link, Kind::import_identity,
                                    // A service's verbs alone name them.
                                    Kind::billing_delivery, Kind::billing_customer,
                                    // Everybody's, through a view of their own.
                                    Kind::public_name, Kind::public_record};
  for (const format::KindInfo& info : format::kKinds) {
    CAPTURE(info.name);
    CHECK((probed.contains(info.kind) || elsewhere.contains(info.kind)));
    CHECK_FALSE((probed.contains(info.kind) && elsewhere.contains(info.kind)));
  }
}

TEST_CASE("ownership: B's view answers not_found to A's ids, and reads its own prefix only") {
  TwoOwners w;
  const Tenant b = w.store().tenant(w.b.owner);
  for (const Rich* other : {&w.a, &w.c}) {
    const Tenant owner = w.store().tenant(other->owner);
    const std::string theirs = walk(owner);
    const std::string ours = walk(b);
    const uint64_t commits = w.commits();
    for (const Probe& probe : read_only_probes()) {
      CAPTURE(probe.call);
      Status answer;
      const Asked asked = w.ask([&] { answer = probe.run(b, *other); });
      INFO(answer.to_string());
      CHECK(name_of(answer) == to_string(probe.expected));
      check_keys(asked, w.b.owner);
    }
    CHECK(w.commits() == commits);
    CHECK(walk(owner) == theirs);
    CHECK(walk(b) == ours);
    for (const List& list : all_lists()) {
      CAPTURE(list.name);
      Page page;
      const Asked asked = w.ask([&] { page = list.page(b, *other, {}); });
      CHECK(page.status.code() == (list.has_parent ? Code::not_found : Code::ok));
      check_keys(asked, w.b.owner);
    }
  }
}

TEST_CASE("ownership: another's id and an id of nothing are answered in the same words") {
  TwoOwners w;
  const Tenant b = w.store().tenant(w.b.owner);
  Rich none = w.a;
  none.project = forged<ProjectId>(101);
  none.document = forged<DocumentId>(102);
  none.task = forged<TaskId>(103);
  none.chat = forged<ChatSessionId>(104);
  none.message_id = forged<MessageId>(105);
  none.integration = forged<IntegrationId>(106);
  none.hold = forged<CreditHoldId>(107);
  const auto words = [&](const Probe& probe, const Rich& r) {
    std::string text = probe.run(b, r).to_string();
    for (const Uuid& id : {r.project.uuid(), r.document.uuid(), r.task.uuid(), r.chat.uuid(),
                           r.message_id.uuid(), r.integration.uuid(), r.hold.uuid()}) {
      const std::string shown_id = to_string(id);
      for (size_t at = text.find(shown_id); at != std::string::npos; at = text.find(shown_id)) {
        text.replace(at, shown_id.size(), "ID");
      }
    }
    return text;
  };
  for (const Probe& probe : read_only_probes()) {
    if (probe.expected != Code::not_found) continue;
    CAPTURE(probe.call);
    CHECK(words(probe, w.a) == words(probe, none));
  }
}

TEST_CASE("ownership: A's ids, key and identity are free in B, and A does not notice") {
  TwoOwners w;
  const Tenant a = w.store().tenant(w.a.owner);
  const Tenant b = w.store().tenant(w.b.owner);
  const std::string theirs = walk(a);
  for (const Probe& probe : probes_that_write()) {
    CAPTURE(probe.call);
    Status answer;
    const Asked asked = w.ask([&] { answer = probe.run(b, w.a); });
    INFO(answer.to_string());
    CHECK(name_of(answer) == to_string(probe.expected));
    check_keys(asked, w.b.owner);
  }
  Importer importer = w.service().importer(w.b.owner);
  const Importer::Row row{.created_at = Time{kStartUs}, .actor = Actor::of_user(w.a.owner)};
  importer.event({.type = "imported"}, "event-identity-1", row);
  importer.activity(w.b.task, TaskAction::complete, "only in B", row);
  importer.message(w.b.chat, 5, w.a.message_id, {.role = Role::user, .content = "m"}, row);
  std::vector<ImportedRow> answers;
  const Asked asked = w.ask([&] { answers = importer.commit().value(); });
  check_keys(asked, w.b.owner);
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].status.code() == Code::conflict);  // with B's own row of that identity
  CHECK(answers[1].outcome == ImportOutcome::written);
  CHECK(answers[2].outcome == ImportOutcome::written);
  CHECK(b.message(w.a.message_id).value().session() == w.b.chat);
  CHECK(a.message(w.a.message_id).value().session() == w.a.chat);

  CHECK(walk(a) == theirs);
  CHECK(w.store().check().value().violations == 0);
  // An identity that A used is new in an owner that has none.
  const UserId fresh = w.user("fresh@x");
  Importer first = w.service().importer(fresh);
  first.event({.type = "another"}, "event-identity-1", row);
  CHECK(first.commit().value().at(0).outcome == ImportOutcome::written);
}

TEST_CASE("ownership: neighbours of one's own ids, and ids of another kind, name nothing") {
  TwoOwners w;
  const Tenant b = w.store().tenant(w.b.owner);
  const auto next_to = [](Uuid id, int step) {
    for (size_t i = 16; i-- > 0;) {
      id.bytes[i] = static_cast<uint8_t>(id.bytes[i] + step);
      if (id.bytes[i] != (step > 0 ? 0x00 : 0xFF)) break;
    }
    return id;
  };
  for (const int step : {-1, 1}) {
    Rich near = w.b;
    near.project = ProjectId(next_to(w.b.neighbour.uuid(), step));
    near.message_id = MessageId(next_to(w.b.message_id.uuid(), step));
    near.document = DocumentId(w.b.project.uuid());  // an id of another kind
    near.task = step < 0 ? TaskId(w.b.chat.uuid()) : TaskId(w.b.document.uuid());
    near.integration = IntegrationId(next_to(w.b.integration.uuid(), step));
    near.hold = CreditHoldId(next_to(w.b.hold.uuid(), step));
    near.chat = step < 0 ? ChatSessionId(w.b.task.uuid()) : ChatSessionId(w.b.project.uuid());
    near.event = w.b.event + static_cast<uint64_t>(step);
    near.call = w.b.call + static_cast<uint64_t>(step);
    near.subscription = step < 0 ? w.b.customer : w.b.subscription + "0";
    for (const Probe& probe : read_only_probes()) {
      if (probe.expected != Code::not_found) continue;
      CAPTURE(probe.call);
      CHECK(name_of(probe.run(b, near)) == "not_found");
    }
  }
}

TEST_CASE("ownership: nil ids are refused by every call that takes one") {
  TwoOwners w;
  const Tenant b = w.store().tenant(w.b.owner);
  Rich nil = w.a;
  nil.project = ProjectId();
  nil.document = DocumentId();
  nil.task = TaskId();
  nil.chat = ChatSessionId();
  nil.message_id = MessageId();
  nil.integration = IntegrationId();
  nil.hold = CreditHoldId();
  nil.subscription.clear();
  for (const Probe& probe : read_only_probes()) {
    if (probe.expected != Code::not_found || probe.call == "b.event(a.event)" ||
        probe.call == "b.call(a.call)") {
      continue;
    }
    CAPTURE(probe.call);
    CHECK(name_of(probe.run(b, nil)) == "invalid_argument");
  }
}

TEST_CASE("ownership: the first and the last owner of all are owners like any other") {
  EngineWorld w;
  Uuid lowest{};
  lowest.bytes[15] = 2;
  Uuid highest{};
  highest.bytes.fill(0xFF);
  Uuid below = highest;
  below.bytes[15] = 0xFE;
  std::vector<Rich> riches;
  for (const Uuid& id : {lowest, highest, below}) {
    const std::string tag = std::to_string(riches.size());
    const UserId owner = w.service().create_user({.email = tag + "@x", .id = UserId(id)}).value();
    riches.push_back(enrich(w.store(), owner, tag));
  }
  for (const Rich& rich : riches) {
    const Tenant t = w.store().tenant(rich.owner);
    const Asked asked = w.ask([&] { CHECK_FALSE(walk(t).empty()); });
    check_keys(asked, rich.owner);
    for (const List& list : all_lists()) {
      CAPTURE(list.name);
      for (const bool reverse : {false, true}) {
        if (reverse && !list.has_reverse) continue;
        const Page page = list.page(t, rich, {.reverse = reverse});
        CHECK(page.status.ok());
        if (!list.name.ends_with("of a month")) CHECK_FALSE(page.rows.empty());
      }
    }
  }
  CHECK(w.store().check().value().violations == 0);
}

}  // namespace
}  // namespace bcstore
