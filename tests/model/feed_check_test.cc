// What check() says of the records that are there for followers.
#include <optional>
#include <string>

#include "engine/families.h"
#include "engine_world.h"
#include "feeds.h"
#include "model/encode.h"
#include "rich.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

using format::Key;
using format::Kind;

// A rich store with a floor, of which keys are kept for standbys.
struct Followed : EngineWorld {
  Rich rich = enrich(store(), user("a@x"), "a");
  UserId bob = user("b@x");

  Followed() {
    for (int i = 0; i < 4; ++i) append(store().tenant(bob));
    store().trim_feed({.through_seq = commits() - 2, .past_cursors = true}).value();
    store().standby_page({}).value();
    append(store().tenant(rich.owner), "last");
    REQUIRE(store().check().value().violations == 0);
  }
  std::string value_of(engine::Family family, const Key& key) {
    return rows({rich.owner, bob})[{family, key.str()}];
  }
  // Writes `value`, or nothing, in the place of the record, and answers what check() says of it.
  CheckReport planted(const Key& key, const std::optional<std::string>& value) {
    const engine::Family family = engine::family_of(format::parse_key(key)->kind);
    const std::string before = value_of(family, key);
    REQUIRE_FALSE(before.empty());
    value ? put(family, key, *value) : erase(family, key);
    const CheckReport report = store().check().value();
    put(family, key, before);
    return report;
  }
  std::string flipped(const Key& key) {
    std::string value = value_of(engine::family_of(format::parse_key(key)->kind), key);
    value.back() = static_cast<char>(value.back() ^ 1);
    return value;
  }
};

const Key kFloor(kSystemOwner, Kind::feed_floor);
const Key kState(kSystemOwner, Kind::replica_state);
Key keys_of_group(uint64_t number) { return Key(kSystemOwner, Kind::replica_keys).u64(number); }

TEST_CASE("feed check: a changed bit of a follower's record is one violation") {
  Followed w;
  for (const Key& key : {kFloor, kState, keys_of_group(1)}) {
    CAPTURE(format::to_hex(key));
    const CheckReport report = w.planted(key, w.flipped(key));
    REQUIRE(report.violations == 1);
    CHECK(report.listed[0].rule == "record verifies");
  }
}

TEST_CASE("feed check: bodies that were given up are missed when there is no floor") {
  Followed w;
  const CheckReport report = w.planted(kFloor, std::nullopt);
  CHECK(report.violations > 1);
  CHECK(report.listed[0].table == "commit_body");
}

TEST_CASE("feed check: a body above the floor is missed, and the first one may begin late") {
  Followed w;
  const Key newest = Key(w.bob, Kind::commit_body).u64(w.commits() - 1);
  CHECK(w.planted(newest, std::nullopt).violations >= 1);
  // One that begins late and is damaged hides nothing, and is no second violation.
  const CheckReport report =
      w.planted(Key(w.bob, Kind::commit_body).u64(w.commits() - 2),
                w.flipped(Key(w.bob, Kind::commit_body).u64(w.commits() - 2)));
  CHECK(report.violations == 1);
}

TEST_CASE("feed check: records for followers under an owner, or of no known form, are faults") {
  Followed w;
  model::Encoder encoder;
  const Actor actor = Actor::of_system("test");
  const model::By by{actor, kSystemOwner};
  const auto sealed = [&](model::Draft draft, const Key& key) {
    auto* common = model::mutable_root<fb::Common>(draft);
    common->mutate_commit_seq(1);
    return std::string(draft.seal(key));
  };
  const auto rules = [&](const Key& key, model::Draft draft) {
    std::string all;
    for (const Violation& v : w.planted(key, sealed(std::move(draft), key)).listed) all += v.rule;
    return all;
  };
  CHECK(rules(kFloor, encoder.feed_floor(by, 2)).find("what was given up had been there") !=
        std::string::npos);
  CHECK(rules(kState, encoder.replica_state(by, model::ReplicaRole::none, false, {}))
            .find("enumerators are known") != std::string::npos);
  CHECK(rules(kState, encoder.replica_state(by, model::ReplicaRole::source, false, "x"))
            .find("a source has a run") != std::string::npos);
  CHECK(rules(keys_of_group(1), encoder.replica_keys(by, 2, 1, "x"))
            .find("the tail lists every key") != std::string::npos);
}

}  // namespace
}  // namespace bcstore
