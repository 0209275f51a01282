// Users: the audited sign-up, unique addresses and customers, and the profile that its owner edits.
#include <algorithm>
#include <string>
#include <vector>

#include "fixture.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

TEST_CASE("users: create_user checks its arguments, then the id, then what is unique") {
  World w;
  const Service s = w.service();
  const UserId taken =
      s.create_user({.email = "Ada@Example.com", .full_name = "Ada", .stripe_customer_id = "cus_1"})
          .value();
  const std::string longest(kMaxNameBytes, 'e');
  const std::string too_long(kMaxNameBytes + 1, 'e');
  check_writes(
      w,
      {
          CALL(invalid_argument, s.create_user({.email = ""})),
          CALL(invalid_argument, s.create_user({.email = too_long})),
          CALL(invalid_argument, s.create_user({.email = kNul})),
          CALL(invalid_argument, s.create_user({.email = "a@x", .full_name = too_long})),
          CALL(invalid_argument, s.create_user({.email = "a@x", .full_name = kNul})),
          CALL(invalid_argument, s.create_user({.email = "a@x", .stripe_customer_id = too_long})),
          CALL(invalid_argument, s.create_user({.email = "a@x", .stripe_customer_id = ""})),
          CALL(invalid_argument, s.create_user({.email = "a@x", .id = UserId()})),
          CALL(invalid_argument, s.create_user({.email = "a@x", .id = kSystemOwner})),
          CALL(invalid_argument, s.create_user({.email = "a@x", .id = kPublicOwner})),
          // Arguments come before the state of the store.
          CALL(invalid_argument, s.create_user({.email = "", .id = taken})),
          CALL(already_exists, s.create_user({.email = "new@x", .id = taken})),
          CALL(already_exists, s.create_user({.email = "Ada@Example.com"})),
          CALL(already_exists, s.create_user({.email = "ada@example.com"})),
          CALL(already_exists, s.create_user({.email = "ADA@EXAMPLE.COM"})),
          CALL(already_exists, s.create_user({.email = "b@x", .stripe_customer_id = "cus_1"})),
          CALL(ok, s.create_user({.email = longest})),
          CALL(ok, s.create_user({.email = "b@x", .stripe_customer_id = "CUS_1"})),
          CALL(ok, s.create_user({.email = "given@x", .id = forged<UserId>(1)})),
          CALL(already_exists, s.create_user({.email = "other@x", .id = forged<UserId>(1)})),
          // Only ASCII letters are folded.
          CALL(ok, s.create_user({.email = "\xC3\x84@x"})),
          CALL(ok, s.create_user({.email = "\xC3\xA4@x"})),
      });
  for (std::string_view bad : kBadUtf8) {
    CHECK_CODE(invalid_argument, s.create_user({.email = bad}));
    CHECK_CODE(invalid_argument, s.create_user({.email = "q@x", .full_name = bad}));
    CHECK_CODE(invalid_argument, s.create_user({.email = "q@x", .stripe_customer_id = bad}));
  }
}

TEST_CASE("users: already_exists names a given id, and never whose an address is") {
  World w;
  const Service s = w.service();
  const UserId a = s.create_user({.email = "a@x", .stripe_customer_id = "cus_a"}).value();
  const Status by_id = s.create_user({.email = "b@x", .id = a}).status();
  CHECK(by_id.existing() == a.uuid());
  const Status by_email = s.create_user({.email = "A@X"}).status();
  const Status by_customer =
      s.create_user({.email = "c@x", .stripe_customer_id = "cus_a"}).status();
  for (const Status& status : {by_email, by_customer}) {
    CHECK(status.code() == Code::already_exists);
    CHECK_FALSE(status.existing().has_value());
    CHECK(status.message().find(to_string(a)) == std::string_view::npos);
    CHECK(status.message().find("a@x") == std::string_view::npos);
  }
}

TEST_CASE("users: a new profile reads back as it was given") {
  World w;
  const Service s = w.service("signup");
  const UserId id = s.create_user({.email = "Ada@Example.com",
                                   .full_name = "Ada L\xC3\xB6w",
                                   .stripe_customer_id = "cus_9"})
                        .value();
  const User ada = w.store().tenant(id).profile().value();
  CHECK(ada.valid());
  CHECK(ada.id() == id);
  CHECK(ada.owner() == id);
  CHECK(ada.email() == "Ada@Example.com");
  CHECK(ada.full_name() == "Ada L\xC3\xB6w");
  CHECK(ada.stripe_customer_id() == "cus_9");
  CHECK_FALSE(ada.is_pro());
  CHECK(ada.rev() == 1);
  CHECK(ada.joined_at() == Time{kStartUs});
  CHECK(ada.created_at() == Time{kStartUs});
  CHECK(ada.actor() == Actor::of_system("signup"));
  const User bare = w.tenant("b@x").profile().value();
  CHECK_FALSE(bare.full_name().has_value());
  CHECK_FALSE(bare.stripe_customer_id().has_value());
}

TEST_CASE("users: look-ups ignore ASCII case of addresses and nothing else") {
  World w;
  const Service s = w.service();
  const UserId a = s.create_user({.email = "Ada@X.io", .stripe_customer_id = "cus_A"}).value();
  CHECK(s.find_user_by_email("ada@x.IO").value() == a);
  CHECK(s.find_user_by_email("Ada@X.io").value() == a);
  CHECK(s.find_user_by_stripe_customer("cus_A").value() == a);
  check_calls({
      CALL(not_found, s.find_user_by_email("ada@x.i")),
      CALL(not_found, s.find_user_by_email("cus_A")),
      CALL(invalid_argument, s.find_user_by_email("")),
      CALL(invalid_argument, s.find_user_by_email(kNul)),
      CALL(invalid_argument, s.find_user_by_email("\xFF")),
      CALL(not_found, s.find_user_by_stripe_customer("cus_a")),
      CALL(invalid_argument, s.find_user_by_stripe_customer("")),
      CALL(invalid_argument, s.find_user_by_stripe_customer("\xFF")),
  });
}

TEST_CASE("users: link_stripe_customer") {
  World w;
  const Service s = w.service();
  const UserId a = w.user("a@x");
  const UserId b = w.user("b@x");
  const std::string too_long(kMaxNameBytes + 1, 'c');
  check_writes(w, {
                      CALL(invalid_argument, s.link_stripe_customer(UserId(), "cus")),
                      CALL(invalid_argument, s.link_stripe_customer(kPublicOwner, "cus")),
                      CALL(invalid_argument, s.link_stripe_customer(a, "")),
                      CALL(invalid_argument, s.link_stripe_customer(a, too_long)),
                      CALL(invalid_argument, s.link_stripe_customer(a, "\xC3")),
                      CALL(invalid_argument, s.link_stripe_customer(forged<UserId>(1), "")),
                      CALL(not_found, s.link_stripe_customer(forged<UserId>(1), "cus")),
                      CALL(ok, s.link_stripe_customer(a, "cus")),
                      CALL(already_exists, s.link_stripe_customer(b, "cus")),
                      CALL(failed_precondition, s.link_stripe_customer(a, "cus_2")),
                      CALL(ok, s.link_stripe_customer(b, "cus_2")),
                  });
  CHECK(s.find_user_by_stripe_customer("cus").value() == a);
  CHECK(s.find_user_by_stripe_customer("cus_2").value() == b);
  const User linked = w.store().tenant(a).profile().value();
  CHECK(linked.stripe_customer_id() == "cus");
  CHECK(linked.email() == "a@x");
}

TEST_CASE("users: edit_profile") {
  World w;
  const Tenant a = w.tenant("a@x");
  const Tenant b = w.tenant("b@x");
  const Tenant nobody = w.store().tenant(forged<UserId>(9));
  const std::string too_long(kMaxNameBytes + 1, 'e');
  check_writes(w, {
                      CALL(invalid_argument, a.edit_profile({.email = ""})),
                      CALL(invalid_argument, a.edit_profile({.email = too_long})),
                      CALL(invalid_argument, a.edit_profile({.email = kNul})),
                      CALL(invalid_argument, a.edit_profile({.email = "\xE2\x82"})),
                      CALL(invalid_argument, a.edit_profile({.full_name = too_long})),
                      CALL(invalid_argument, a.edit_profile({.full_name = kNul})),
                      CALL(invalid_argument, nobody.edit_profile({.email = ""})),
                      CALL(not_found, nobody.edit_profile({.email = "n@x"})),
                      CALL(already_exists, a.edit_profile({.email = "B@X"})),
                      CALL(conflict, a.edit_profile({.full_name = "Ada", .expected_rev = 2})),
                      CALL(ok, a.edit_profile({.full_name = "Ada", .expected_rev = 1})),
                      CALL(ok, a.edit_profile({.email = "A@X"})),  // one's own, in another case
                      CALL(ok, a.edit_profile({.email = "ada@x"})),
                      CALL(ok, b.edit_profile({.email = "a@x"})),  // given up, so free
                  });
  User ada = a.profile().value();
  CHECK(ada.rev() == 4);
  CHECK(ada.email() == "ada@x");
  CHECK(ada.full_name() == "Ada");
  const Service s = w.service();
  CHECK(s.find_user_by_email("ada@x").value() == a.owner());
  CHECK(s.find_user_by_email("a@x").value() == b.owner());
  CHECK_CODE(not_found, s.find_user_by_email("b@x"));

  w.clock->advance(kSecondUs);
  CHECK_CODE(ok,
             a.as_agent("helper").edit_profile({.full_name = std::optional<std::string_view>()}));
  ada = a.profile().value();
  CHECK_FALSE(ada.full_name().has_value());
  CHECK(ada.joined_at() == Time{kStartUs});
  CHECK(ada.created_at() == Time{kStartUs + kSecondUs});
  CHECK(ada.actor() == Actor::of_agent("helper"));
}

TEST_CASE("users: two edits of one batch see each other, and a swap of addresses works") {
  World w;
  const Tenant a = w.tenant("a@x");
  WriteBatch batch = a.batch();
  batch.edit_profile({.email = "one@x", .expected_rev = 1});
  batch.edit_profile({.email = "two@x", .expected_rev = 2});
  batch.edit_profile({.email = "a@x", .expected_rev = 3});
  CHECK_CODE(ok, a.commit(batch));
  CHECK(w.service().find_user_by_email("a@x").value() == a.owner());
  CHECK_CODE(not_found, w.service().find_user_by_email("one@x"));
  CHECK_CODE(not_found, w.service().find_user_by_email("two@x"));
}

TEST_CASE("users: the list of all users is complete, repeatable and resumable") {
  World w;
  std::vector<UserId> made;
  for (int i = 0; i < 7; ++i) made.push_back(w.user("u" + std::to_string(i) + "@x"));
  const Service s = w.service();
  const auto id = [](const User& user) { return user.id(); };
  std::vector<UserId> listed = rows_of(s.users(), id);
  CHECK(rows_of(s.users(), id) == listed);
  std::vector<UserId> backward = rows_of(s.users({.reverse = true}), id);
  std::reverse(backward.begin(), backward.end());
  CHECK(backward == listed);
  std::vector<UserId> paged;
  std::string after;
  for (int page = 0; page < 4; ++page) {
    Cursor<User> cursor = s.users({.limit = 2, .after = after});
    std::string last;
    while (cursor.next()) {
      paged.push_back(cursor->id());
      last = cursor.token();
    }
    CHECK(cursor.status().ok());
    after = last;
  }
  CHECK(paged == listed);
  std::sort(listed.begin(), listed.end());
  std::sort(made.begin(), made.end());
  CHECK(listed == made);
  CHECK_CODE(invalid_argument, s.users({.limit = 0}));
  CHECK_CODE(invalid_argument, s.users({.after = "x"}));
}

TEST_CASE("users: a user that does not exist reads as not_found, a reserved one is refused") {
  World w;
  const Tenant nobody = w.store().tenant(forged<UserId>(1));
  check_calls({
      CALL(not_found, nobody.profile()),
      CALL(not_found, nobody.owner_seq()),
      CALL(not_found, nobody.project(forged<ProjectId>(1))),
      CALL(not_found, nobody.projects()),
      CALL(not_found, nobody.events()),
      CALL(not_found, nobody.create_project({.name = "P", .idea_prompt = ""})),
      CALL(not_found, nobody.append_event({.type = "t"})),
  });
  for (const UserId& reserved : {kSystemOwner, kPublicOwner}) {
    const Tenant t = w.store().tenant(reserved);
    check_calls({
        CALL(invalid_argument, t.profile()),
        CALL(invalid_argument, t.owner_seq()),
        CALL(invalid_argument, t.snapshot()),
        CALL(invalid_argument, t.project(forged<ProjectId>(1))),
        CALL(invalid_argument, t.projects()),
        CALL(invalid_argument, t.events()),
        CALL(invalid_argument, t.messages(forged<ChatSessionId>(1))),
        CALL(invalid_argument, t.create_project({.name = "P", .idea_prompt = ""})),
        CALL(invalid_argument, t.append_event({.type = "t"})),
    });
    WriteBatch batch = t.batch();
    CHECK_CODE(invalid_argument, t.commit(batch));
  }
}

}  // namespace
}  // namespace bcstore
