// Public records: read through their own view, written by a service, and never a user's.
#include <algorithm>
#include <string>
#include <vector>

#include "engine_world.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

TEST_CASE("public: named records with all their revisions") {
  World w;
  const PublicView view = w.store().public_view();
  CHECK_CODE(not_found, view.get("prices"));
  CHECK_CODE(not_found, view.revisions("prices"));
  const Service service = w.service("price list");
  CHECK(service.put_public({.name = "prices", .content = R"({"tea": 4})"}).value() == 1);
  w.clock->advance(kSecondUs);
  CHECK(service.put_public({.name = "prices", .content = R"({"tea": 5})", .expected_rev = 1})
            .value() == 2);
  CHECK(service
            .put_public({.name = "terms",
                         .content = "Be kind.",
                         .content_type = ContentType::text,
                         .expected_rev = 0})
            .value() == 1);
  for (int run = 0; run < 2; ++run) {
    const PublicView now = w.store().public_view();
    const PublicRecord newest = now.get("prices").value();
    CHECK(newest.rev() == 2);
    CHECK(newest.content() == R"({"tea": 5})");
    CHECK(newest.content_type() == ContentType::json);
    CHECK(newest.owner() == kPublicOwner);
    CHECK(newest.actor() == Actor::of_system(""));
    const PublicRecord first = now.get("prices", 1).value();
    CHECK(first.content() == R"({"tea": 4})");
    CHECK(now.get("terms").value().content_type() == ContentType::text);
    CHECK_CODE(not_found, now.get("prices", 3));
    CHECK_CODE(not_found, now.get("Prices"));
    const auto rev = [](const PublicRecord& r) { return r.rev(); };
    CHECK(rows_of(now.revisions("prices"), rev) == std::vector<uint32_t>{2, 1});
    CHECK(rows_of(now.revisions("prices", {.reverse = true}), rev) == std::vector<uint32_t>{1, 2});
    std::vector<std::string> names = rows_of(now.names(), [](const PublicName& n) {
      return std::string(n.name()) + " " + std::to_string(n.current_rev());
    });
    std::sort(names.begin(), names.end());
    CHECK(names == std::vector<std::string>{"prices 2", "terms 1"});
    if (run == 0) CHECK_CODE(ok, w.store().compact());
  }
  CHECK(w.store().check({.files = true}).value().violations == 0);
}

TEST_CASE("public: who reads it does not learn why it was written") {
  EngineWorld w;
  CHECK_CODE(ok, w.service("CASE-4711 of ada@x").put_public({.name = "a", .content = "1"}));
  const PublicView view = w.store().public_view();
  CHECK(view.get("a").value().actor() == Actor::of_system({}));
  for (const PublicRecord& row :
       rows_of(view.revisions("a"), [&](const PublicRecord&) { return view.get("a").value(); })) {
    CHECK(row.actor().name.empty());
  }
  CHECK(rows_of(view.names(), [](const PublicName& n) { return n.actor().name; }) ==
        std::vector<std::string>{""});
  size_t audits = 0;
  for (const auto& [place, value] : w.rows({})) {
    if (value.find("CASE-4711") == std::string::npos) continue;
    const format::KindInfo* info = format::parse_key(place.second);
    REQUIRE(info != nullptr);
    CHECK(info->kind != format::Kind::public_name);
    CHECK(info->kind != format::Kind::public_record);
    audits += info->kind == format::Kind::audit ? 1u : 0u;
  }
  CHECK(audits == 1);
}

TEST_CASE("public: refusals write nothing, and the owner's id names no user") {
  World w;
  const Service service = w.service();
  CHECK_CODE(ok, service.put_public({.name = "a", .content = "1"}));
  const ContentType none{9};
  check_writes(
      w, {
             CALL(conflict, service.put_public({.name = "a", .content = "1", .expected_rev = 0})),
             CALL(conflict, service.put_public({.name = "b", .content = "1", .expected_rev = 1})),
             CALL(invalid_argument, service.put_public({.name = "", .content = "1"})),
             CALL(invalid_argument, service.put_public({.name = "a", .content = "{"})),
             CALL(invalid_argument,
                  service.put_public({.name = "a", .content = "1", .content_type = none})),
             CALL(invalid_argument, w.service("").put_public({.name = "a", .content = "1"})),
             CALL(invalid_argument, w.store().tenant(kPublicOwner).append_event({.type = "t"})),
             CALL(invalid_argument, service.tenant(kPublicOwner).append_event({.type = "t"})),
             CALL(invalid_argument, service.create_user({.email = "p@x", .id = kPublicOwner})),
         });
  CHECK_CODE(invalid_argument, w.store().tenant(kPublicOwner).profile());
  CHECK_CODE(invalid_argument, w.store().public_view().get(""));
  CHECK_CODE(invalid_argument, w.store().public_view().revisions("\xFF"));
  CHECK(service.put_public({.name = "a", .content = "2"}, {.idempotency_key = "k"}).value() == 2);
  CHECK(service.put_public({.name = "a", .content = "2"}, {.idempotency_key = "k"}).value() == 2);
}

TEST_CASE("public: a user's reads never fall back to it, and what a service did is on record") {
  EngineWorld w;
  const UserId owner = w.user("a@x");
  CHECK_CODE(ok, w.service("catalogue").put_public({.name = "a", .content = "1"}));
  const Tenant t = w.store().tenant(owner);
  const auto is_public = [](std::string_view key) {
    return format::key_owner(key) == kPublicOwner;
  };
  const Asked asked = w.ask([&] {
    CHECK_CODE(ok, t.projects());
    CHECK_CODE(ok, t.integrations());
    CHECK_CODE(not_found, t.project(forged<ProjectId>(1)));
  });
  for (const std::string& key : asked.gets) CHECK_FALSE(is_public(key));
  for (const Asked::Range& range : asked.scans) CHECK_FALSE(is_public(range.lower));
  // The audit event lies where the change was made.
  const auto audits = [&](UserId whose) {
    const format::Key prefix(whose, format::Kind::audit);
    size_t count = 0;
    for (const auto& [place, value] : w.rows({whose})) {
      count += place.second.starts_with(prefix.view()) ? 1u : 0u;
    }
    return count;
  };
  CHECK(audits(kPublicOwner) == 1);
  const size_t users = rows_of(w.service().users(), [](const User& u) { return u.id(); }).size();
  CHECK(users == 1);
  CHECK(w.store().check().value().violations == 0);
}

}  // namespace
}  // namespace bcstore
