// Integrations: several of a type, a history of who changed what when, and a secret that stands in
// one place, is never repeated, and leaves the disk when it is replaced.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine_world.h"
#include "lists.h"
#include "planted.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using Type = IntegrationType;

struct Integrated : EngineWorld {
  UserId owner = user("a@x");
  Tenant t = held->tenant(owner);

  std::string secret_of(IntegrationId id) {
    const IntegrationSecret secret = t.integration_secret(id).value();
    return std::string(secret.metadata());
  }
  // Every byte of the directory, or of the files whose names hold one of these, as it lies there.
  template <class... Parts>
  std::string disk(Parts... parts) const {
    std::string all;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      const std::string name = entry.path().filename().string();
      if (sizeof...(parts) > 0 && !((name.find(parts) != std::string::npos) || ...)) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      all.append(std::istreambuf_iterator<char>(file), {});
    }
    return all;
  }
  // Every row of every family, unpacked.
  std::string decoded() const {
    std::string all;
    for (size_t f = 0; f < engine::kFamilies; ++f) {
      const auto rows = watch->engine->scan(
          {static_cast<engine::Family>(f), {}, {}, false, nullptr, false, true});
      while (rows->next()) (all += rows->key()) += rows->value();
      CHECK_CODE(ok, rows->status());
    }
    return all;
  }
};

bool holds(const std::string& bytes, std::string_view marker) {
  return bytes.find(marker) != std::string::npos;
}

TEST_CASE("integrations: several of a type, exact bytes, and a history without secrets") {
  Integrated w;
  const std::string exact = R"( { "token" : "ghp_1", "n": 1.50, "n": 2 } )";
  const IntegrationId one = w.t.add_integration({.type = Type::github, .metadata = exact}).value();
  const IntegrationId two = w.t.add_integration({.type = Type::github, .metadata = "null"}).value();
  const IntegrationId three =
      w.t.add_integration({.type = Type::zapier, .metadata = "\"z\""}).value();
  CHECK(w.secret_of(one) == exact);
  w.clock->advance(kSecondUs);
  const Tenant agent = w.t.as_agent("sync");
  CHECK(agent.revise_integration(one, "\"ghp_2\"", 1).value() == 2);
  CHECK(w.secret_of(one) == "\"ghp_2\"");
  CHECK(w.t.integration_secret(one).value().rev() == 2);
  CHECK_CODE(ok, w.t.remove_integration(two));

  const Integration head = w.t.integration(one).value();
  CHECK(head.type() == Type::github);
  CHECK(head.rev() == 2);
  const auto id = [](const Integration& i) { return i.id(); };
  CHECK(rows_of(w.t.integrations(), id) == std::vector{one, three});
  CHECK(rows_of(w.t.integrations({.type = Type::github}), id) == std::vector{one});
  CHECK(rows_of(w.t.integrations({.newest_first = true}), id) == std::vector{three, one});
  const std::vector<IntegrationId> asked = {three, two, one};
  const auto got = w.t.get(asked);
  CHECK(got[0].value().id() == three);
  CHECK_CODE(not_found, got[1]);
  CHECK(got[2].value().id() == one);
  const auto change = [](const IntegrationChange& c) {
    return std::string(to_string(c.action())) + " " + std::to_string(c.rev()) + " " +
           std::string(to_string(c.type())) + " " + c.actor().name + " " +
           std::to_string(c.created_at().us - kStartUs);
  };
  CHECK(rows_of(w.t.integration_history(one), change) ==
        std::vector<std::string>{"revised 2 github sync 1000000", "added 1 github  0"});
  CHECK(rows_of(w.t.integration_history(two), change) ==
        std::vector<std::string>{"removed 2 github  1000000", "added 1 github  0"});
  CHECK(w.store().check().value().violations == 0);
}

TEST_CASE("integrations: refusals") {
  Integrated w;
  const IntegrationId one = w.t.add_integration({.type = Type::github, .metadata = "1"}).value();
  const IntegrationId gone = w.t.add_integration({.type = Type::github, .metadata = "1"}).value();
  CHECK_CODE(ok, w.t.remove_integration(gone, 1));
  check_writes(
      w, {
             CALL(invalid_argument, w.t.add_integration({.type = Type{9}, .metadata = "1"})),
             CALL(invalid_argument, w.t.add_integration({.type = Type::zapier, .metadata = ""})),
             CALL(already_exists,
                  w.t.add_integration({.type = Type::zapier, .metadata = "1", .id = one})),
             CALL(already_exists,
                  w.t.add_integration({.type = Type::zapier, .metadata = "1", .id = gone})),
             CALL(not_found, w.t.revise_integration(gone, "1")),
             CALL(not_found, w.t.remove_integration(gone)),
             CALL(not_found, w.t.revise_integration(forged<IntegrationId>(1), "1")),
             CALL(invalid_argument, w.t.remove_integration(IntegrationId())),
             CALL(conflict, w.t.revise_integration(one, "1", 2)),
             CALL(conflict, w.t.remove_integration(one, 2)),
             CALL(ok, w.t.remove_integration(one, 1)),
         });
  CHECK(w.t.revise_integration(one, "1", 1).status().code() == Code::not_found);
  CHECK_CODE(not_found, w.t.integration(gone));
  CHECK_CODE(not_found, w.t.integration_secret(gone));
  CHECK_CODE(not_found, w.t.integration_history(forged<IntegrationId>(1)));
  CHECK_CODE(invalid_argument, w.t.integrations({.type = Type{9}}));
}

TEST_CASE("integrations: an agent reads a secret only when it says so") {
  Integrated w;
  const IntegrationId one = w.t.add_integration({.type = Type::github, .metadata = "1"}).value();
  const Tenant agent = w.t.as_agent("planner");
  CHECK_CODE(ok, agent.integration(one));
  CHECK_CODE(failed_precondition, agent.integration_secret(one));
  CHECK_CODE(ok, agent.integration_secret(one, {.as_agent = true}));
  // A service's read is in the audit.
  const auto audits = [&] {
    size_t count = 0;
    Cursor<Event> rows = w.t.events();
    while (rows.next()) count += rows->type() == "service.read" ? 1u : 0u;
    return count;
  };
  const size_t before = audits();
  CHECK_CODE(ok, w.service().tenant(w.owner).integration_secret(one));
  CHECK_CODE(ok, w.store().sync());
  CHECK(audits() == before + 1);
}

TEST_CASE("integrations: no log line, error or other record repeats a secret") {
  Integrated w;
  const std::string marker = "MARKER-4711";
  const std::string bad = R"({"token":"MARKER-4711")";  // not closed
  const IntegrationId one =
      w.t.add_integration({.type = Type::github, .metadata = "\"" + marker + "\""}).value();
  const std::vector<Status> answers = {
      w.t.add_integration({.type = Type::github, .metadata = bad}).status(),
      w.t.revise_integration(one, bad).status(),
      w.t.revise_integration(one, "\"" + marker + "\"", 7).status(),
      w.t.add_integration({.type = Type::github, .metadata = "\"" + marker + "\"", .id = one})
          .status()};
  for (const Status& answer : answers) {
    CHECK_FALSE(answer.ok());
    CHECK_FALSE(holds(answer.to_string(), marker));
  }
  // With a key that is remembered, and by a service, which is in the audit.
  const std::string keyed = "\"" + marker + "-keyed\"";
  CHECK_CODE(
      ok, w.t.add_integration({.type = Type::zapier, .metadata = keyed}, {.idempotency_key = "k"}));
  CHECK_CODE(ok, w.service("support").tenant(w.owner).add_integration(
                     {.type = Type::zapier, .metadata = "\"" + marker + "-service\""}));
  // The rows of the store that hold it are the secrets.
  const auto secrets = [&] {
    size_t rows = 0;
    for (const auto& [place, value] : w.rows({w.owner})) {
      if (!holds(value, marker) && !holds(place.second, marker)) continue;
      ++rows;
      CHECK(place.first == engine::Family::secrets);
    }
    return rows;
  };
  CHECK(secrets() == 3);
  // So are the log and the tables, and no other file ever held one.
  CHECK(holds(w.disk(".log"), marker));
  CHECK_CODE(ok, w.store().compact());
  CHECK(holds(w.disk(".sst"), marker));
  CHECK_FALSE(holds(w.disk("LOG", "MANIFEST", "OPTIONS", "CURRENT", "IDENTITY"), marker));
  std::vector<IntegrationId> ids =
      rows_of(w.t.integrations(), [](const auto& i) { return i.id(); });
  for (const IntegrationId id : ids) CHECK_CODE(ok, w.t.revise_integration(id, "1"));
  CHECK_CODE(ok, w.store().scrub_secrets());
  CHECK(secrets() == 0);
  CHECK_FALSE(holds(w.disk(), marker));
  CHECK_FALSE(holds(w.decoded(), marker));
}

TEST_CASE("integrations: the hash of a request is another one in another store") {
  std::vector<Uuid> hashes;
  for (int run = 0; run < 2; ++run) {
    EngineWorld w;
    const UserId owner = w.service().create_user({.email = "a@x", .id = forged<UserId>(1)}).value();
    CHECK_CODE(ok,
               w.store().tenant(owner).add_integration(
                   {.type = Type::github, .metadata = "\"guess me\""}, {.idempotency_key = "k"}));
    const auto rows = rows_of_kind(w, owner, format::Kind::idempotency);
    REQUIRE(rows.size() == 1);
    const format::Draft row = format::Draft::copy(rows[0].value);
    hashes.push_back(model::from_fb(model::root<fb::IdempotencyRecord>(row)->request_hash()));
  }
  CHECK(hashes[0] != hashes[1]);
}

TEST_CASE("integrations: an old secret leaves the disk, and the others stay") {
  Integrated w;
  const auto metadata = [](std::string_view marker) { return "\"" + std::string(marker) + "\""; };
  std::vector<IntegrationId> ids;
  for (const std::string_view marker : {"OLD-REVISED", "OLD-REMOVED", "KEPT-SECRET"}) {
    ids.push_back(
        w.t.add_integration({.type = Type::zapier, .metadata = metadata(marker)}).value());
  }
  CHECK_CODE(ok, w.store().compact());  // into files, so that there is something to take away
  CHECK(holds(w.disk(), "OLD-REVISED"));
  CHECK(holds(w.disk(), "OLD-REMOVED"));
  CHECK_CODE(ok, w.t.revise_integration(ids[0], metadata("NEW-SECRET")));
  CHECK_CODE(ok, w.t.remove_integration(ids[1]));
  CHECK_CODE(ok, w.t.add_integration({.type = Type::github, .metadata = metadata("ONLY-IN-LOG")}));
  {
    const Snapshot held = w.t.snapshot().value();
    CHECK_CODE(ok, w.t.revise_integration(ids[2], metadata("KEPT-SECRET-2")));
    CHECK_CODE(failed_precondition, w.store().scrub_secrets());
  }
  CHECK(holds(w.disk(), "OLD-REVISED"));
  CHECK_CODE(ok, w.store().scrub_secrets());
  for (int run = 0; run < 2; ++run) {
    const std::string disk = w.disk(), rows = w.decoded();
    for (const std::string_view gone : {"OLD-REVISED", "OLD-REMOVED", "KEPT-SECRET\""}) {
      CAPTURE(std::string(gone));
      CHECK_FALSE(holds(disk, gone));
      CHECK_FALSE(holds(rows, gone));
    }
    for (const std::string_view there : {"NEW-SECRET", "ONLY-IN-LOG", "KEPT-SECRET-2"}) {
      CAPTURE(std::string(there));
      CHECK(holds(disk, there));
      CHECK(holds(rows, there));
    }
    if (run == 0) w.reopen();
  }
  CHECK(w.store().check({.files = true}).value().violations == 0);
}

TEST_CASE("integrations: a scrub is held up by old snapshots alone") {
  Integrated w;
  const IntegrationId one =
      w.t.add_integration({.type = Type::github, .metadata = "\"OLD-REVISED\""}).value();
  CHECK_CODE(ok, w.store().compact());
  {
    const Snapshot old = w.t.snapshot().value();
    CHECK_CODE(ok, w.t.revise_integration(one, "2"));
    CHECK_CODE(failed_precondition, w.store().scrub_secrets());
    // What compact() leaves under it, it does not say.
    CHECK_CODE(ok, w.store().compact());
    CHECK(holds(w.disk(), "OLD-REVISED"));
  }
  const Snapshot newer = w.t.snapshot().value();
  CHECK_CODE(ok, w.store().scrub_secrets());
  CHECK_FALSE(holds(w.disk(), "OLD-REVISED"));
}

TEST_CASE("integrations: compact takes old secrets off the disk too") {
  Integrated w;
  const IntegrationId one =
      w.t.add_integration({.type = Type::github, .metadata = "\"OLD-REVISED\""}).value();
  CHECK_CODE(ok, w.store().compact());
  CHECK_CODE(ok, w.t.revise_integration(one, "2"));
  CHECK(holds(w.disk(), "OLD-REVISED"));
  CHECK_CODE(ok, w.store().compact());
  CHECK_FALSE(holds(w.disk(), "OLD-REVISED"));
}

TEST_CASE("integrations: imported as they were, and known by their id") {
  World w;
  const UserId owner = w.user("a@x");
  const Tenant t = w.store().tenant(owner);
  Importer i = w.service("load").importer(owner);
  const auto id = forged<IntegrationId>(1);
  const Importer::Row row{.created_at = Time{kStartUs - 90 * kDayUs},
                          .actor = Actor::of_user(owner)};
  const auto land = [&](const std::vector<std::string>& expected) {
    std::vector<std::string> words;
    for (const ImportedRow& answer : i.commit().value()) {
      words.push_back(answer.outcome == ImportOutcome::refused   ? name_of(answer.status)
                      : answer.outcome == ImportOutcome::written ? "written"
                                                                 : "present");
    }
    CHECK(words == expected);
  };
  const auto add = [&](std::string_view metadata, IntegrationType type = IntegrationType::github,
                       int64_t later_us = 0) {
    i.integration(id, {.type = type, .metadata = metadata},
                  {.created_at = Time{row.created_at.us + later_us}, .actor = row.actor});
  };
  // The same row twice in one commit, and others that claim to be it.
  add("1");
  add("1");
  add("2");
  land({"written", "present", "conflict"});
  CHECK(t.integration(id).value().created_at() == row.created_at);
  CHECK(t.integration(id).value().rev() == 1);
  const auto secret = [&] {
    const IntegrationSecret found = w.store().tenant(owner).integration_secret(id).value();
    return std::string(found.metadata());
  };
  CHECK(secret() == "1");
  w.reopen();
  i = w.service("load").importer(owner);
  const Tenant again = w.store().tenant(owner);
  add("1");
  add("2");
  add("1", IntegrationType::zapier);
  add("1", IntegrationType::github, 1);
  add("not json");
  i.integration(IntegrationId(), {.type = IntegrationType::github, .metadata = "1"}, row);
  land({"present", "conflict", "conflict", "conflict", "invalid_argument", "invalid_argument"});
  // Its first metadata are gone: type and time alone tell.
  CHECK(again.revise_integration(id, "3").value() == 2);
  add("1");
  add("2");
  add("1", IntegrationType::zapier);
  land({"present", "present", "conflict"});
  CHECK(secret() == "3");
  again.remove_integration(id).value();
  add("1");
  land({"present"});
  CHECK_CODE(not_found, again.integration_secret(id));
  CHECK(w.store().check().value().violations == 0);
}

}  // namespace
}  // namespace bcstore
