// Rounds: what each public read asks of the engine. Two rounds at most, and a list reads no key
// outside its own prefix and no row that it does not show, but for the one that ends the page.
#include <functional>
#include <string>
#include <vector>

#include "engine_world.h"
#include "lists.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using format::Key;
using format::Kind;

struct Watched : EngineWorld {
  Rich a = enrich(store(), user("a@x"), "a");
  Rich b = enrich(store(), user("b@x"), "b");

  // Several months, several rows in every list, nothing cached, everything in files.
  Watched() {
    const std::vector<List> lists = all_lists();
    for (const std::string_view time : {"2025-08-31T23:59:59Z", "2025-09-01T00:00:00Z",
                                        "2025-12-24T00:00:00Z", "2026-02-01T00:00:00Z"}) {
      clock->set(parse_time(time)->us);
      for (const List& list : lists) list.append(store().tenant(a.owner), a);
    }
    // The holds of those days ran out.
    for (int n = 0; n < 4; ++n) {
      store().tenant(a.owner).reserve_credits({.amount = 1, .ttl_us = kDayUs}).value();
    }
    REQUIRE(store().compact().ok());
    reopen();
  }
};

TEST_CASE("rounds: every read takes at most two") {
  Watched w;
  const Rich& r = w.a;
  const Tenant t = w.store().tenant(r.owner);
  const Service s = w.service();
  const std::vector<ProjectId> projects = {r.project, r.neighbour, forged<ProjectId>(1)};
  const std::vector<DocumentId> documents = {r.document, r.bare};
  const std::vector<TaskId> tasks = {r.task, r.unphased};
  const std::vector<ChatSessionId> chats = {r.chat, r.quiet};
  const uint64_t last = t.last_seq(r.chat).value();
  REQUIRE(last >= 8);
  const std::vector<Call> reads = {
      CALL(ok, t.profile()),
      CALL(ok, t.owner_seq()),
      CALL(ok, t.project(r.project)),
      CALL(ok, t.version(r.project, 1)),
      CALL(ok, t.document(r.document)),
      CALL(ok, t.revision(r.document, 1)),
      CALL(ok, t.newest_revision(r.document)),
      CALL(ok, t.task(r.task)),
      CALL(ok, t.task_revision(r.task, 1)),
      CALL(ok, t.session(r.chat)),
      CALL(ok, t.last_seq(r.chat)),
      CALL(ok, t.last_seq(r.quiet)),
      CALL(ok, t.message(r.chat, 1)),
      CALL(ok, t.message(r.chat, 5)),
      CALL(ok, t.message(r.chat, 6)),
      CALL(ok, t.message(r.chat, last)),
      CALL(ok, t.message(r.message_id)),
      CALL(ok, t.messages(r.chat, {.limit = 2, .from_seq = 1})),
      CALL(ok, t.messages(r.chat, {.limit = 2, .from_seq = 6})),
      CALL(ok, t.messages(r.chat, {.newest_first = true, .limit = 2, .from_seq = 5})),
      CALL(ok, t.event(r.event)),
      CALL(ok, t.call(r.call)),
      CALL(ok, t.get(projects)[0]),
      CALL(ok, t.get(documents)[1]),
      CALL(ok, t.get(tasks)[1]),
      CALL(ok, t.get(chats)[1]),
      CALL(ok, s.find_user_by_email("a@x")),
      CALL(ok, s.find_user_by_stripe_customer(r.customer)),
      CALL(not_found, t.project(forged<ProjectId>(1))),
      CALL(not_found, t.version(r.project, 99)),
      CALL(not_found, t.revision(r.document, 99)),
      CALL(not_found, t.message(r.chat, 99)),
      CALL(not_found, t.message(forged<MessageId>(1))),
      CALL(not_found, t.event(r.event + 1)),
      CALL(not_found, t.call(r.event)),
      CALL(not_found, t.messages(forged<ChatSessionId>(1))),
  };
  for (const Call& read : reads) {
    // Once with nothing cached, once with.
    for (int run = 0; run < 2; ++run) {
      INFO(read.what);
      CAPTURE(run);
      Status answer;
      const Asked asked = w.ask([&] { answer = read.call(); });
      CHECK(name_of(answer) == to_string(read.expected));
      CHECK(asked.calls <= 2);
      CHECK(asked.applies == 0);
    }
  }
  // Five sections are looked for independently, in one round; their documents are another.
  for (const uint32_t version : {1u, 2u}) {
    const Asked asked = w.ask([&] { CHECK_CODE(ok, t.effective_documents(r.project, version)); });
    CHECK(asked.calls <= kSections + 2);
  }
  CHECK(w.ask([&] { CHECK_CODE(ok, t.latest_documents(r.project)); }).calls <= kSections + 2);
}

TEST_CASE("rounds: a read of the past grows with the logarithm of its history") {
  EngineWorld w;
  const Tenant t = w.store().tenant(w.user("a@x"));
  const ProjectId project = t.create_project({.name = "P", .idea_prompt = "I"}).value();
  const DocumentId document = t.create_document(project, {.section = Section::prd}).value();
  const TaskId task = t.create_task(project, {.title = "T"}).value();
  const ChatSessionId chat = t.start_chat(project).value();
  const AsOf begin = AsOf::commit(w.commits());
  const auto grow = [&](int rows) {
    for (int n = 0; n < rows; ++n) {
      WriteBatch batch = t.batch();
      batch.add_revision(document, {.content = std::to_string(n)});
      batch.revise_task(task, {.title = "T" + std::to_string(n)});
      batch.record_activity(task, n % 2 == 0 ? TaskAction::complete : TaskAction::reopen);
      batch.append_message(chat, {.role = Role::user, .content = "m"});
      batch.rename_chat(chat, std::to_string(n));
      batch.set_status(project, n % 2 == 0 ? ProjectStatus::ready : ProjectStatus::archived);
      REQUIRE(t.commit(batch, {.durability = Durability::relaxed}).ok());
    }
  };
  const auto most = [&](const AsOf& at) {
    const std::vector<Call> reads = {
        CALL(ok, t.project(project, {.as_of = at})),
        CALL(ok, t.document(document, {.as_of = at})),
        CALL(ok, t.task(task, {.as_of = at})),
        CALL(ok, t.session(chat, {.as_of = at})),
        CALL(ok, t.last_seq(chat, {.as_of = at})),
        CALL(ok, t.latest_documents(project, {.as_of = at})),
        CALL(ok, t.messages(chat, {.newest_first = true, .limit = 1, .as_of = at})),
    };
    uint64_t calls = 0;
    for (const Call& read : reads) {
      INFO(read.what);
      Status answer;
      const Asked asked = w.ask([&] { answer = read.call(); });
      CHECK(name_of(answer) == to_string(read.expected));
      calls = std::max<uint64_t>(calls, asked.calls);
    }
    return calls;
  };
  grow(20);
  const AsOf middle = AsOf::commit(w.commits() - 10);
  const uint64_t early = most(begin), mid = most(middle);
  grow(620);  // 32 times as long: five doublings, of some six looks each
  MESSAGE("engine calls: ", early, " and ", mid, ", then ", most(begin), " and ", most(middle));
  CHECK(most(begin) <= early + 32);
  CHECK(most(middle) <= mid + 32);
  CHECK(most(AsOf::commit(w.commits() - 2)) <= 24);
}

// The space, its bits, heads, rows and blocks, the floats that are near, and the hits' sections.
TEST_CASE("rounds: a search takes seven, and one when its space is known") {
  Watched w;
  const Tenant t = w.store().tenant(w.a.owner);
  CHECK(w.ask([&] { CHECK_CODE(ok, t.search(w.a.neighbour, kRichFloats)); }).calls <= 7);
  CHECK(w.ask([&] { CHECK_CODE(ok, t.search(w.a.neighbour, kRichFloats)); }).calls == 1);
}

TEST_CASE("rounds: a balance takes one, and what is held of it more") {
  Watched w;
  // Of a balance of which nothing is held; else the holds that are due are two more.
  const UserId free = w.user("free@x");
  CHECK(w.ask([&] { CHECK_CODE(ok, w.store().tenant(free).credits()); }).calls == 1);
  CHECK(w.ask([&] { CHECK_CODE(ok, w.store().tenant(w.a.owner).credits()); }).calls <= 4);
}

TEST_CASE("rounds: sections, integrations, subscriptions and public records take at most two") {
  Watched w;
  const Rich& r = w.a;
  const Tenant t = w.store().tenant(r.owner);
  const std::vector<Call> reads = {
      CALL(ok, t.integration(r.integration)),
      CALL(ok, t.integration_secret(r.integration)),
      CALL(not_found, t.integration_secret(forged<IntegrationId>(1))),
      CALL(ok, w.store().public_view().get(r.public_name)),
      CALL(ok, t.subscription(r.subscription)),
      CALL(not_found, t.subscription("sub_of_nobody")),
      CALL(ok, t.subscription_history(r.subscription)),
      CALL(ok, t.subscriptions()),
  };
  for (const Call& read : reads) {
    INFO(read.what);
    Status answer;
    const Asked asked = w.ask([&] { answer = read.call(); });
    CHECK(name_of(answer) == to_string(read.expected));
    CHECK(asked.calls <= 2);
  }
  // Of several customers, which of them has the history takes one more.
  const Service billing = w.service();
  for (const std::string_view customer : {"cus_more_1", "cus_more_2"}) {
    billing
        .apply_billing_event({.kind = BillingEventKind::checkout_completed,
                              .event_id = customer,
                              .occurred_at = Time{kStartUs},
                              .customer = customer,
                              .user = r.owner})
        .value();
  }
  CHECK(w.ask([&] { CHECK_CODE(ok, t.subscription(r.subscription)); }).calls <= 2);
  CHECK(w.ask([&] { CHECK_CODE(ok, t.subscription_history(r.subscription)); }).calls == 3);
  // The head of a revision's sections, its list when the head has none, and the contents.
  for (const uint32_t rev : {1u, 2u, 3u}) {
    const Asked all = w.ask([&] { CHECK_CODE(ok, t.sections(r.document, rev)); });
    CHECK(all.calls <= 3);
    CHECK(w.ask([&] { CHECK_CODE(ok, t.section(r.document, rev, r.block)); }).calls <= 3);
  }
}

// The prefix that a list may scan.
std::string prefix_of(const std::string& name, const Rich& r) {
  const auto key = [&](Kind kind) { return Key(r.owner, kind); };
  const std::vector<std::pair<std::string, std::string>> prefixes = {
      {"projects", key(Kind::project_by_age).str()},
      {"archived projects", key(Kind::project_by_age).str()},
      {"events", key(Kind::event).str()},
      {"calls", key(Kind::call).str()},
      {"calls of a month", key(Kind::call).not_u32(202509).str()},
      {"usage", key(Kind::call_rollup).str()},
      {"credit entries", key(Kind::credit_entry).str()},
      {"credit holds", key(Kind::live_hold).str()},
      {"events of a month", key(Kind::event).not_u32(202509).str()},
      {"events without audit", key(Kind::event).str()},
      {"integrations", key(Kind::integration).str()},
      {"integration history", key(Kind::integration_change).append(r.integration).str()},
      {"versions", key(Kind::project_version).append(r.project).str()},
      {"status history", key(Kind::project_status).append(r.project).str()},
      {"documents", key(Kind::document_slot).append(r.project).u32(1).str()},
      {"tasks", key(Kind::task).append(r.project).str()},
      {"tasks of a phase",
       [&] {
         Key phase = key(Kind::task).append(r.project);
         append_phase(phase, 1);
         return phase.str();
       }()},
      {"tasks without a phase",
       [&] {
         Key phase = key(Kind::task).append(r.project);
         append_phase(phase, std::nullopt);
         return phase.str();
       }()},
      {"open tasks", key(Kind::task).append(r.project).str()},
      {"sessions", key(Kind::session_by_age).append(r.project).str()},
      {"revisions", key(Kind::revision).append(r.document).str()},
      {"lock history", key(Kind::document_lock).append(r.document).str()},
      {"task revisions", key(Kind::task_revision).append(r.task).str()},
      {"activity", key(Kind::task_activity).append(r.task).str()},
      {"messages", key(Kind::message).append(r.chat).str()},
  };
  for (const auto& [list, prefix] : prefixes) {
    if (list == name) return prefix;
  }
  FAIL("a list without a prefix: ", name);
  return {};
}

TEST_CASE("rounds: every list is one bounded scan of its own prefix") {
  Watched w;
  const Tenant t = w.store().tenant(w.a.owner);
  for (const List& list : all_lists()) {
    const std::string prefix = prefix_of(list.name, w.a);
    const bool filters = list.name == "integrations" || list.name == "archived projects" ||
                         list.name == "open tasks" || list.name == "events without audit";
    // Two streams are merged into one list: that of the audit is the second.
    const bool merges = list.name == "events";
    const std::string audit = Key(w.a.owner, Kind::audit).str();
    const std::string months = Key(w.a.owner, Kind::event_month).str();
    for (const bool reverse : {false, true}) {
      if (reverse && !list.has_reverse) continue;
      CAPTURE(list.name);
      CAPTURE(reverse);
      std::string token;
      for (int page_number = 0; page_number < 2; ++page_number) {
        CAPTURE(page_number);
        Page page;
        const Asked asked = w.ask(
            [&] { page = list.page(t, w.a, {.reverse = reverse, .limit = 2, .after = token}); });
        REQUIRE(page.status.ok());
        REQUIRE_FALSE(page.tokens.empty());
        token = page.tokens.back();
        CHECK(asked.scans.size() <= (merges ? 3u : 1u));
        // Rows of an index are followed by the records that they name, in one more round.
        CHECK(asked.calls <= (merges ? 4u : 3u));
        for (const Asked::Range& range : asked.scans) {
          std::string own = prefix;
          if (merges && range.lower.starts_with(audit)) own = audit;
          if (merges && range.lower.starts_with(months)) own = months;
          CHECK(range.lower.compare(0, own.size(), own) >= 0);
          CHECK(range.upper <= format::after_prefix(own));
          if (!filters) CHECK(range.rows.size() <= page.rows.size() + 1);
          for (const std::string& row : range.rows) CHECK(row.starts_with(own));
        }
      }
    }
  }
}

TEST_CASE("rounds: a write is one change of the engine, after at most two rounds of reads") {
  Watched w;
  const Rich& r = w.a;
  const Tenant t = w.store().tenant(r.owner);
  const CommitOptions o{.idempotency_key = "rounds"};
  const std::vector<Call> writes = {
      CALL(ok, t.create_project({.name = "P", .idea_prompt = ""})),
      CALL(ok, t.add_version(r.project, {})),
      CALL(ok, t.set_status(r.project, ProjectStatus::ready)),
      CALL(ok, t.create_document(r.project, {.section = Section::overview})),
      CALL(ok, t.add_revision(r.document, {.content = "1"})),
      CALL(ok, t.set_lock(r.document, false)),
      CALL(ok, t.create_task(r.project, {.title = "T"})),
      CALL(ok, t.revise_task(r.task, {.title = "T"})),
      CALL(ok, t.record_activity(r.task, TaskAction::reopen)),
      CALL(ok, t.start_chat(r.project)),
      CALL(ok, t.rename_chat(r.chat, "n")),
      CALL(ok, t.append_message(r.chat, {.role = Role::user, .content = "m"})),
      CALL(ok, t.append_event({.type = "t", .project = r.project, .session = r.chat})),
      CALL(ok, t.append_event({.type = "k"}, o)),
      CALL(ok, t.record_call(tea_call())),
      CALL(ok, t.edit_profile({.full_name = "n"})),
      CALL(ok, t.add_integration({.type = IntegrationType::zapier, .metadata = "1"})),
      CALL(ok, t.revise_integration(r.integration, "1")),
      CALL(ok, t.remove_integration(r.integration)),
      CALL(ok, t.consume_credit()),
      CALL(ok, t.reserve_credits({.amount = 1, .ttl_us = kDayUs})),
      CALL(ok, w.service().grant_credits(r.owner, {.amount = 1})),
      CALL(ok, w.service().set_credit_plan(r.owner, {.allowance = 1})),
      CALL(ok, w.service().set_unlimited(r.owner, true)),
  };
  for (const Call& write : writes) {
    INFO(write.what);
    Status answer;
    const Asked asked = w.ask([&] { answer = write.call(); });
    CHECK(name_of(answer) == "ok");
    CHECK(asked.applies == 1);
    // The first to change a balance of which something is held asks for the next end as well, and
    // the first to change what is held for all heads.
    const bool is_first = write.what == "t.consume_credit()" || write.what.starts_with("t.reserve");
    CHECK(asked.calls <= (is_first ? 3 : 2));
  }
  // A replay and a refusal write nothing.
  CHECK(w.ask([&] { CHECK_CODE(ok, t.append_event({.type = "k"}, o)); }).applies == 0);
  CHECK(w.ask([&] { CHECK_CODE(not_found, t.add_version(forged<ProjectId>(1), {})); }).applies ==
        0);
}

}  // namespace
}  // namespace bcstore
