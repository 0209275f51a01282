// Ownership: no call of one owner's view returns, counts or hints at what another owns, whatever id
// it is given, and none reads a key outside its own sixteen bytes.
#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "engine_world.h"
#include "lists.h"
#include "own_keys.h"
#include "ownership_probes.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using format::Kind;

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

TEST_CASE("ownership: every kind of record has a probe") {
  std::set<Kind> probed;
  for (const auto& probes : {read_only_probes(), probes_that_write()}) {
    for (const Probe& probe : probes) probed.insert(probe.kind);
  }
  // Below 16 the system owns: its keys are hashes and sequences that no call of a view names, but
  // for the address. Identities of imports are probed by their own test below.
  const std::set<Kind> elsewhere = {Kind::store, Kind::customer, Kind::owner_hash,
                                    Kind::commit_link, Kind::import_identity, Kind::feed_floor,
                                    Kind::replica_keys, Kind::replica_state,
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
    near.project = near.neighbour = ProjectId(next_to(w.b.neighbour.uuid(), step));
    near.message_id = MessageId(next_to(w.b.message_id.uuid(), step));
    near.document = DocumentId(w.b.project.uuid());  // an id of another kind
    near.task = step < 0 ? TaskId(w.b.chat.uuid()) : TaskId(w.b.document.uuid());
    near.integration = IntegrationId(next_to(w.b.integration.uuid(), step));
    near.hold = CreditHoldId(next_to(w.b.hold.uuid(), step));
    near.chat = step < 0 ? ChatSessionId(w.b.task.uuid()) : ChatSessionId(w.b.project.uuid());
    near.event = w.b.event + static_cast<uint64_t>(step);
    near.call = w.b.call + static_cast<uint64_t>(step);
    near.subscription = near.cursor = step < 0 ? w.b.customer : w.b.subscription + "0";
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
  nil.project = nil.neighbour = ProjectId();
  nil.document = DocumentId();
  nil.task = TaskId();
  nil.chat = ChatSessionId();
  nil.message_id = MessageId();
  nil.integration = IntegrationId();
  nil.hold = CreditHoldId();
  nil.subscription = nil.cursor = {};
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
