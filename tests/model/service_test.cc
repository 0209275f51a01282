// Service: a role with a reason, whose writes and reads leave an audit event under the owner that
// they touched.
#include <string>
#include <vector>

#include "fixture.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

struct Audit {
  uint64_t commit_seq;
  Actor actor;
  std::string text;
};

std::vector<Audit> audits_of(const Tenant& t) {
  std::vector<Audit> found;
  Cursor<Event> rows = t.events({.limit = kMaxPageRows});
  while (rows.next()) {
    if (!rows->is_audit()) continue;
    found.push_back({rows->commit_seq(), rows->actor(),
                     std::string(rows->type()) + ' ' + std::string(rows->payload().value_or(""))});
  }
  CHECK(rows.status().ok());
  return found;
}

TEST_CASE("service: a bad reason is answered by every call") {
  World w;
  const UserId a = w.user("a@x");
  const std::string longest(kMaxReasonBytes, 'r');
  const std::string too_long(kMaxReasonBytes + 1, 'r');
  for (std::string_view reason :
       {std::string_view(""), std::string_view(too_long), kNul, std::string_view("\xFF")}) {
    const Service s = w.service(reason);
    const Tenant t = s.tenant(a);
    Importer importer = s.importer(a);
    WriteBatch batch = t.batch();
    batch.create_project({.name = "P", .idea_prompt = ""});
    check_writes(
        w, {
               CALL(invalid_argument, s.create_user({.email = "b@x"})),
               CALL(invalid_argument, s.link_stripe_customer(a, "cus")),
               CALL(invalid_argument, s.find_user_by_email("a@x")),
               CALL(invalid_argument, s.find_user_by_stripe_customer("cus")),
               CALL(invalid_argument, s.users()),
               CALL(invalid_argument, t.profile()),
               CALL(invalid_argument, t.projects()),
               CALL(invalid_argument, t.commit(batch)),
               CALL(invalid_argument, t.append_event({.type = "t"})),
               CALL(invalid_argument, importer.commit()),
               CALL(invalid_argument,
                    s.import_user({.id = forged<UserId>(1), .email = "c@x", .created_at = Time{1}})
                        .status),
           });
  }
  CHECK_CODE(ok, w.service(longest).create_user({.email = "long@x"}));
}

TEST_CASE("service: tenants of reserved and missing users") {
  World w;
  const Service s = w.service();
  for (const UserId& reserved : {kSystemOwner, kPublicOwner}) {
    const Tenant t = s.tenant(reserved);
    Importer importer = s.importer(reserved);
    check_calls({
        CALL(invalid_argument, t.profile()),
        CALL(invalid_argument, t.events()),
        CALL(invalid_argument, t.append_event({.type = "t"})),
        CALL(invalid_argument, importer.commit()),
    });
  }
  const Tenant nobody = s.tenant(forged<UserId>(1));
  Importer importer = s.importer(forged<UserId>(1));
  importer.project(forged<ProjectId>(1), {.name = "P", .idea_prompt = ""},
                   {.created_at = Time{1}, .actor = {}});
  check_calls({
      CALL(not_found, nobody.profile()),
      CALL(not_found, nobody.append_event({.type = "t"})),
      CALL(not_found, importer.commit()),
  });
}

TEST_CASE("service: every write leaves one audit event in the same commit") {
  World w;
  const UserId a = w.service("sign-up").create_user({.email = "a@x"}).value();
  const Tenant own = w.store().tenant(a);
  CHECK(audits_of(own).size() == 1);
  CHECK(audits_of(own)[0].actor == Actor::of_system("sign-up"));

  const Tenant t = w.service("support case 7").tenant(a);
  const ProjectId p = t.create_project({.name = "Secret name", .idea_prompt = "secret"}).value();
  const Receipt done = t.set_status(p, ProjectStatus::ready).value();
  std::vector<Audit> audits = audits_of(own);
  REQUIRE(audits.size() == 3);
  CHECK(audits.back().commit_seq == done.commit_seq);
  CHECK(audits.back().actor == Actor::of_system("support case 7"));
  CHECK(own.project(p).value().actor() == Actor::of_system("support case 7"));
  for (const Audit& audit : audits) {
    CHECK(audit.text.find("ecret") == std::string::npos);
    CHECK(audit.text.find("a@x") == std::string::npos);
  }
  // A batch is one write; refusals and the owner's own writes leave none.
  WriteBatch batch = t.batch();
  batch.create_task(p, {.title = "one"});
  batch.create_task(p, {.title = "two"});
  CHECK_CODE(ok, t.commit(batch));
  CHECK(audits_of(own).size() == 4);
  CHECK_CODE(not_found, t.set_status(forged<ProjectId>(1), ProjectStatus::ready));
  CHECK_CODE(ok, own.set_status(p, ProjectStatus::ready));
  CHECK(audits_of(own).size() == 4);
  CHECK_CODE(ok, w.service("billing").link_stripe_customer(a, "cus_secret"));
  audits = audits_of(own);
  REQUIRE(audits.size() == 5);
  CHECK(audits.back().actor == Actor::of_system("billing"));
  CHECK(audits.back().text.find("cus_secret") == std::string::npos);
  // The receipt of a service's batch lists the caller's operations, not the audit.
  CHECK(done.operations.size() == 1);
}

TEST_CASE("service: reads are audited with the next commit, sync or close") {
  World w;
  const UserId a = w.user("a@x");
  const UserId b = w.user("b@x");
  const Tenant own = w.store().tenant(a);
  const size_t before = audits_of(own).size();

  CHECK_CODE(ok, w.service("look").tenant(a).profile());
  CHECK_CODE(ok, w.store().sync());
  std::vector<Audit> audits = audits_of(own);
  REQUIRE(audits.size() == before + 1);
  CHECK(audits.back().actor == Actor::of_system("look"));
  CHECK(audits.back().text.find("a@x") == std::string::npos);

  // A commit of anybody takes it along.
  CHECK_CODE(ok, w.service("look again").tenant(a).projects());
  CHECK_CODE(ok, w.store().tenant(b).append_event({.type = "t"}));
  audits = audits_of(own);
  REQUIRE(audits.size() == before + 2);
  CHECK(audits.back().actor == Actor::of_system("look again"));

  // The owner's own reads, and nothing else, leave none.
  CHECK_CODE(ok, own.profile());
  CHECK_CODE(ok, w.store().sync());
  CHECK(audits_of(own).size() == before + 2);

  CHECK_CODE(ok, w.service("before closing").tenant(a).events());
  w.reopen();
  audits = audits_of(w.store().tenant(a));
  REQUIRE(audits.size() == before + 3);
  CHECK(audits.back().actor == Actor::of_system("before closing"));
  const CheckReport report = w.store().check().value();
  CHECK(report.violations == 0);
}

TEST_CASE("service: as_agent names the actor, a bad name is answered by each commit") {
  World w;
  const Tenant t = w.tenant("a@x");
  const std::string longest(kMaxEventTypeBytes, 'g');
  const std::string too_long(kMaxEventTypeBytes + 1, 'g');
  for (std::string_view name :
       {std::string_view(""), std::string_view(too_long), kNul, std::string_view("\xFF")}) {
    const Tenant agent = t.as_agent(name);
    CHECK_CODE(ok, agent.profile());
    CHECK_CODE(invalid_argument, agent.append_event({.type = "t"}));
    WriteBatch batch = agent.batch();
    batch.create_project({.name = "P", .idea_prompt = ""});
    CHECK_CODE(invalid_argument, agent.commit(batch));
    CHECK_CODE(invalid_argument, agent.submit(std::move(batch)).wait());
  }
  const Tenant agent = t.as_agent(longest);
  CHECK(agent.owner() == t.owner());
  const ProjectId p = agent.create_project({.name = "P", .idea_prompt = ""}).value();
  CHECK(t.project(p).value().actor() == Actor::of_agent(longest));
  CHECK(agent.as_agent("other").append_event({.type = "t"}).ok());
}

}  // namespace
}  // namespace bcstore
