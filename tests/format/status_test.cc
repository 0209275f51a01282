#include "bcstore/status.h"

#include <doctest/doctest.h>

#include <set>

namespace bcstore {
namespace {

TEST_CASE("status: ok is empty") {
  const Status status;
  CHECK(status.ok());
  CHECK(static_cast<bool>(status));
  CHECK(status.code() == Code::ok);
  CHECK(status.message().empty());
  CHECK(status.to_string() == "ok");
  CHECK_FALSE(status.actual().has_value());
  CHECK_FALSE(status.existing().has_value());
  CHECK_FALSE(status.operation().has_value());
  CHECK(Status(Code::ok, "nothing to say").ok());
  CHECK_FALSE(Status().at_operation(3).operation().has_value());
}

TEST_CASE("status: carries code and message and facts through copies") {
  const Uuid id = *parse_uuid("00112233-4455-6677-8899-aabbccddeeff");
  const Status conflict = Status::conflict("document is at revision 7, expected 6", 7);
  CHECK(conflict.code() == Code::conflict);
  CHECK(conflict.actual() == 7);
  CHECK(conflict.to_string() == "conflict: document is at revision 7, expected 6");
  const Status exists = Status::already_exists("the e-mail is taken", id).at_operation(2);
  CHECK(exists.code() == Code::already_exists);
  CHECK(exists.existing() == id);
  CHECK(exists.operation() == 2);
  CHECK(exists.to_string() == "already_exists (operation 2): the e-mail is taken");
  CHECK(Status(Code::closed, "").to_string() == "closed");

  Status copy = exists;
  CHECK(copy.existing() == id);
  CHECK(copy.operation() == 2);
  copy = conflict;
  CHECK(copy.actual() == 7);
  CHECK_FALSE(copy.existing().has_value());
  const Status& same = copy;
  copy = same;
  CHECK(copy.message() == "document is at revision 7, expected 6");
  const Status moved = std::move(copy);
  CHECK(moved.actual() == 7);
  copy = Status();
  CHECK(copy.ok());
}

TEST_CASE("status: who is behind a feed is told where it begins") {
  const Status behind = Status::behind("the feed begins after commit 5", 5);
  CHECK(behind.code() == Code::failed_precondition);
  CHECK(behind.oldest() == 5);
  CHECK_FALSE(behind.actual().has_value());
  CHECK_FALSE(Status::conflict("at 7", 7).oldest().has_value());
  CHECK_FALSE(Status(Code::failed_precondition, "no").oldest().has_value());
}

TEST_CASE("status: every code has its own name") {
  std::set<std::string_view> names;
  for (int code = 0; code <= 21; ++code) names.insert(to_string(static_cast<Code>(code)));
  CHECK(names.size() == 22);
  CHECK_FALSE(names.contains("unknown"));
  CHECK(to_string(Code::unknown_outcome) == "unknown_outcome");
  CHECK(to_string(static_cast<Code>(200)) == "unknown");
}

TEST_CASE("result: a value or the status that says why not") {
  Result<std::string> good(std::string("value"));
  REQUIRE(good.ok());
  CHECK(good.status().ok());
  CHECK(good.code() == Code::ok);
  CHECK(*good == "value");
  CHECK(good->size() == 5);
  CHECK(good.value() == "value");
  CHECK(*std::move(good) == "value");

  const Result<std::string> bad(Status(Code::not_found, "no such thing"));
  CHECK_FALSE(bad.ok());
  CHECK(bad.code() == Code::not_found);
  const Status why = bad.status();
  CHECK(why.message() == "no such thing");
  CHECK_THROWS_WITH_AS((void)bad.value(), "not_found: no such thing", std::runtime_error);
  CHECK(Result<int>(Status()).code() == Code::internal);
}

}  // namespace
}  // namespace bcstore
