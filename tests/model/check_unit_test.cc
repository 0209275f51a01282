// check_store as a whole: what it counts, and what a damaged or a missing record makes it say.
#include <map>
#include <string>

#include "damaged.h"
#include "feeds.h"

namespace bcstore::model {

TEST_CASE("check: a store of every kind has no violation, and every record is looked at") {
  Damaged store;
  const CheckReport report = store.check({.files = true});
  INFO(shown(report));
  CHECK(report.violations == 0);
  std::map<std::string, uint64_t> expected;
  for (const format::KindInfo& info : format::kKinds) expected[std::string(info.name)] = 0;
  for (const std::string& key : store.keys()) {
    ++expected[std::string(format::parse_key(key)->name)];
  }
  CHECK(report.checked == expected);
  for (const auto& table : report.checked) {
    INFO(table.first);
    bool is_there = true;
    for (const format::KindInfo& info : format::kKinds) {
      if (info.name == table.first) is_there = !fixture::is_for_followers(info.kind);
    }
    CHECK((table.second > 0) == is_there);
  }
}

TEST_CASE("check: a damaged record is one violation, and hides no other") {
  Damaged store;
  const std::map<std::string, uint64_t> looked_at = store.check().checked;
  for (const std::string& key : store.keys()) {
    std::string value = *store.read(key);
    value.back() = static_cast<char>(value.back() ^ 1);
    store.put(key, value);
    const CheckReport report = store.check();
    INFO(shown(report));
    REQUIRE(report.violations == 1);
    CHECK(report.listed[0].table == format::parse_key(key)->name);
    CHECK(report.listed[0].key == format::to_hex(key));
    CHECK(report.listed[0].rule == "record verifies");
    CHECK(report.checked == looked_at);
    store.take_back();
  }
}

TEST_CASE("check: a record that is missing is missed") {
  Damaged store;
  for (const std::string& key : store.keys()) {
    const Kind kind = format::parse_key(key)->kind;
    // These follow from nothing else.
    if (kind == Kind::idempotency || kind == Kind::import_identity || kind == Kind::rate_state ||
        kind == Kind::feed_cursor) {
      continue;
    }
    store.erase(key);
    const CheckReport report = store.check();
    INFO(format::to_string(kind), " ", format::to_hex(key));
    CHECK(report.violations > 0);
    store.take_back();
  }
}

TEST_CASE("check: violations beyond the limit are counted and not listed") {
  Damaged store;
  store.erase(Key(store.rich.owner, Kind::user).not_u32(1));
  store.erase(store.project());
  const uint64_t all = store.check().violations;
  CHECK(all > 3);
  const CheckReport some = store.check({.max_violations = 2});
  CHECK(some.violations == all);
  CHECK(some.listed.size() == 2);
  CHECK(store.check({.max_violations = 0}).listed.empty());
}

}  // namespace bcstore::model
