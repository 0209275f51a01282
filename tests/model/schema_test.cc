// Schema: every record reads the same after reopening, merging, copying, and under other options.
#include <string>
#include <vector>

#include "lists.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

TEST_CASE("schema: every record of two owners is the same after reopening and merging") {
  Listed w;
  const Rich b = enrich(w.store(), w.user("b@x"), "b");
  const std::string before_a = walk(w.t);
  const std::string before_b = walk(w.store().tenant(b.owner));
  CHECK(before_a != before_b);
  const auto same = [&] {
    CHECK(walk(w.store().tenant(w.a.owner)) == before_a);
    CHECK(walk(w.store().tenant(b.owner)) == before_b);
  };
  same();
  w.reopen();
  same();
  CHECK_CODE(ok, w.store().compact());
  same();
  w.reopen();
  same();
  w.options.memory_budget_bytes = size_t{16} << 20;
  w.options.allow_system_and_tool_roles = true;
  w.options.lock_blocks_user_writes = true;
  w.clock->set(kStartUs - 400 * kDayUs);
  w.reopen();
  same();
  CHECK(w.store().check({.files = true}).value().violations == 0);
}

TEST_CASE("schema: a store goes on after reopening where it stopped") {
  Listed w;
  const uint64_t commits = w.commits();
  const uint64_t seq = w.t.owner_seq().value();
  w.reopen();
  const Tenant t = w.store().tenant(w.a.owner);
  CHECK(w.commits() == commits);
  CHECK(t.owner_seq().value() == seq);
  const uint32_t version = t.project(w.a.project).value().current_version();
  const uint32_t rev = t.document(w.a.document).value().current_rev();
  const uint64_t last = t.last_seq(w.a.chat).value();
  CHECK(t.add_version(w.a.project, {.expected_current = version}).value() == version + 1);
  CHECK(t.add_revision(w.a.document, {.content = "1", .expected_rev = rev}).value() == rev + 1);
  CHECK(t.append_message(w.a.chat, {.role = Role::user, .content = "m", .expected_seq = last})
            .value() == last + 1);
  CHECK(t.append_event({.type = "t"}).value() > w.a.event);
  CHECK(w.commits() == commits + 4);
  CHECK(t.owner_seq().value() == seq + 4);
  const User profile = t.profile().value();
  CHECK(t.edit_profile({.email = "a2@x", .expected_rev = profile.rev()}).ok());
  CHECK_CODE(already_exists, w.service().create_user({.email = "A2@X"}));
  CHECK_CODE(already_exists, w.service().create_user({.email = "n@x", .id = w.a.owner}));
}

TEST_CASE("schema: a store without anything in it opens, checks and closes") {
  World w;
  CHECK(w.store().check().value().violations == 0);
  CHECK(w.commits() == 0);
  w.reopen();
  CHECK(w.store().check({.files = true}).value().violations == 0);
  CHECK(rows_of(w.service().users(), [](const User& u) { return u.id(); }).empty());
}

}  // namespace
}  // namespace bcstore
