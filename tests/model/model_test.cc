// Random operations over the public API against a model in memory: every answer, its code and its
// numbers, is predicted; now and then everything current is compared, the store is opened again,
// its process killed, its files rewritten, or the clock steps forward or back. A failing sequence
// is shrunk before it is shown.
//
// Kills in the midst of a call and losses of power are the crash harness's, which has a model of
// its own (tests/crash).
#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <utility>

#include "fixture.h"
#include "model_reference.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

constexpr size_t kSequences = 12;  // of each test
constexpr size_t kLength = 250;
constexpr size_t kShrinkRuns = 400;
constexpr size_t kLookEvery = 25;

Action::Verb random_verb(std::mt19937_64& random) {
  const uint64_t roll = random() % 1000;
  if (roll < 8) return Action::kill;
  if (roll < 12) return Action::reopen;
  if (roll < 15) return Action::compact;
  if (roll < 18) return Action::scrub_secrets;
  if (roll < 50) return Action::step_clock;
  if (roll < 130) return Action::batch;
  // These find more to do than the others.
  constexpr Action::Verb kOften[] = {Action::add_revision, Action::add_sections,
                                     Action::create_document};
  if (roll < 280) return kOften[random() % std::size(kOften)];
  return static_cast<Action::Verb>(random() % Action::kAlone);
}

Action random_action(std::mt19937_64& random, Action::Verb verb) {
  Action action{.verb = verb};
  // Most of it happens to few things, which so grow a history.
  action.owner = static_cast<uint8_t>(random() % 3 == 0 ? random() % kOwners : 0);
  action.object = static_cast<uint8_t>(random() % 3 == 0 ? random() % kObjects : random() % 2);
  action.a = static_cast<uint8_t>(random());
  action.b = static_cast<uint8_t>(random());
  action.is_durable = random() % 16 == 0;
  if (action.takes_key() && random() % 6 == 0) action.key = static_cast<uint8_t>(random() % 8 + 1);
  return action;
}

std::vector<Action> random_actions(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Action> actions;
  std::vector<Action> keyed;
  for (size_t i = 0; i < kLength; ++i) {
    // Structure first, so that there is something to work on.
    constexpr Action::Verb kFirst[] = {Action::create_user,     Action::create_project,
                                       Action::create_document, Action::create_document,
                                       Action::add_integration, Action::start_chat,
                                       Action::create_task,     Action::put_public};
    Action action =
        random_action(random, i < 16 && random() % 4 != 0 ? kFirst[i / 2] : random_verb(random));
    if (action.verb == Action::batch) {
      for (uint64_t parts = random() % 5 + 1; parts > 0; --parts) {
        const auto verb = static_cast<Action::Verb>(random() % Action::kInBatch);
        action.parts.push_back(random_action(random, verb));
        action.parts.back().owner = action.owner;
        action.parts.back().key = 0;
      }
    }
    // The same request again, acknowledged in whatever way.
    if (!keyed.empty() && random() % 24 == 0) {
      action = keyed[keyed.size() - 1 - random() % std::min<size_t>(keyed.size(), 8)];
      action.is_durable = random() % 4 == 0;
    }
    if (action.key != 0) keyed.push_back(action);
    actions.push_back(std::move(action));
  }
  return actions;
}

bool is_of_store(Action::Verb verb) { return verb >= Action::compact; }

// Does to the store what is no call of a tenant or service.
Status treat(World& w, Reference& model, const Action& action) {
  switch (action.verb) {
    case Action::compact:
      return w.store().compact();
    case Action::scrub_secrets:
      return w.store().scrub_secrets();
    case Action::reopen:
      w.reopen();
      break;
    case Action::kill:
      w.kill();
      break;
    default:
      w.clock->advance(action.clock_step_us());
      model.set_clock(w.clock->now());
      return Status();
  }
  model.reopen();
  return Status();
}

std::string difference(World& w, const Reference& model) {
  const std::string seen = current_state(w.store());
  const std::string expected = model.current_state();
  if (seen != expected) return ":\n" + seen + "instead of\n" + expected;
  const uint64_t durable = w.store().stats().durable_commit_seq;
  if (durable >= model.durable()) return {};
  return ": durable up to " + std::to_string(durable) + " instead of " +
         std::to_string(model.durable());
}

std::string run_once(const std::vector<Action>& actions) {
  World w([](Options& o) { o.initial_credits = 6; });
  Reference model(kStartUs);
  for (size_t i = 0; i < actions.size(); ++i) {
    const Action& action = actions[i];
    const std::string place = "after action " + std::to_string(i) + " " + action.to_string();
    if (is_of_store(action.verb)) {
      const Status done = treat(w, model, action);
      if (!done.ok()) return place + ": " + done.to_string();
    } else {
      const std::string told = perform(w.store(), action);
      const std::string expected = model.perform(action);
      if (told != expected) return place + ": told " + told + ", expected " + expected;
    }
    const bool is_new = action.verb == Action::kill || action.verb == Action::reopen;
    if (!is_new && i % kLookEvery != 0 && i + 1 != actions.size()) continue;
    const std::string differs = difference(w, model);
    if (!differs.empty()) return place + differs;
  }
  const CheckReport report = w.store().check().value();
  if (report.violations == 0) return {};
  return "check: " + report.listed.front().table + ' ' + report.listed.front().rule + ": " +
         report.listed.front().detail;
}

// The first difference between store and model, or empty. A store that does not open again, or does
// not find what it names, is one.
std::string run(const std::vector<Action>& actions) {
  try {
    return run_once(actions);
  } catch (const std::runtime_error& failed) {
    return failed.what();
  }
}

// Takes away parts, ever smaller ones, as long as it still fails.
std::vector<Action> shrink(std::vector<Action> actions) {
  size_t runs = 0;
  for (size_t part = actions.size() / 2; part >= 1 && runs < kShrinkRuns; part /= 2) {
    for (size_t at = 0; at + part <= actions.size() && runs < kShrinkRuns; ++runs) {
      std::vector<Action> fewer = actions;
      const auto from = fewer.begin() + static_cast<std::ptrdiff_t>(at);
      fewer.erase(from, from + static_cast<std::ptrdiff_t>(part));
      if (run(fewer).empty()) {
        at += part;
      } else {
        actions = std::move(fewer);
      }
    }
  }
  return actions;
}

// `which` keeps the tests' sequences apart when they are given one seed.
void compare_with_model(uint64_t which) {
  const uint64_t seed = seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  for (size_t i = 0; i < kSequences; ++i) {
    const std::vector<Action> actions = random_actions(seed + which * kSequences + i);
    if (run(actions).empty()) continue;
    const std::vector<Action> fewest = shrink(actions);
    std::string story = run(fewest) + "\nof seed " + std::to_string(seed);
    for (const Action& action : fewest) story += "\n  " + action.to_string();
    FAIL(story);
  }
}

// Several tests, so that they can run at one time.
TEST_CASE("model: random operations answer and leave what a model in memory says, first") {
  compare_with_model(0);
}
TEST_CASE("model: random operations answer and leave what a model in memory says, second") {
  compare_with_model(1);
}
TEST_CASE("model: random operations answer and leave what a model in memory says, third") {
  compare_with_model(2);
}

// --- The tests above must be able to fail --------------------------------------------------------

std::string without_counts(const std::string& state) {
  std::string out;
  for (size_t at = 0; at < state.size();) {
    const size_t end = state.find('\n', at) + 1;
    if (state[at] != '#') out += state.substr(at, end - at);
    at = end;
  }
  return out;
}

TEST_CASE("model: every verb is accepted and refused, and its loss shows in the state") {
  std::map<std::string, std::set<Action::Verb>> met;
  for (uint64_t seed = 0; seed < 250; ++seed) {
    Reference model(kStartUs);
    int64_t now_us = kStartUs;
    std::string state;
    for (const Action& action : random_actions(seed)) {
      if (action.verb == Action::step_clock) {
        model.set_clock({now_us += action.clock_step_us()});
        state = without_counts(model.current_state());
      }
      if (is_of_store(action.verb)) continue;
      const std::string answer = model.perform(action);
      const std::string how = answer.substr(0, answer.find(' '));
      met[how].insert(action.verb);
      if (answer.ends_with("replayed")) met["replayed"].insert(action.verb);
      if (answer.find(" at ") != std::string::npos) met["refused"].insert(action.verb);
      if (!answer.starts_with("ok")) continue;
      std::string now = without_counts(model.current_state());
      if (now != std::exchange(state, now)) met["shown"].insert(action.verb);
    }
  }
  for (unsigned v = 0; v <= static_cast<unsigned>(Action::batch); ++v) {
    const Action action{.verb = static_cast<Action::Verb>(v)};
    CAPTURE(action.to_string());
    const bool reads = action.verb == Action::read_revision || action.verb == Action::read_section;
    CHECK(met["ok"].contains(action.verb));
    CHECK(met["not_found"].contains(action.verb) !=
          (action.verb == Action::create_user || action.verb == Action::put_public));
    if (!reads) CHECK(met["shown"].contains(action.verb));
    if (!action.is_tenants()) continue;
    CHECK(met["conflict"].contains(action.verb));
    CHECK(met["replayed"].contains(action.verb));
  }
  CHECK(met["already_exists"].contains(Action::add_sections));
  CHECK(met["invalid_argument"].contains(Action::add_sections));
  CHECK(met["out_of_credits"].contains(Action::batch));
}

TEST_CASE("model: a kill keeps what was acknowledged, and the loss of one commit is told") {
  World w([](Options& o) { o.initial_credits = 6; });
  Reference model(kStartUs);
  const auto both = [&](const Action& action) {
    CHECK(perform(w.store(), action) == model.perform(action));
  };
  both({.verb = Action::create_user, .is_durable = true});
  both({.verb = Action::create_project, .a = 1});
  const std::string earlier = w.directory.sub("earlier");
  copy_files(w.path, earlier);
  both({.verb = Action::append_event, .a = 1});
  w.kill();
  model.reopen();
  CHECK(difference(w, model).empty());
  w.go_on_with(earlier);
  CHECK_FALSE(difference(w, model).empty());
}

TEST_CASE("model: a model that counts otherwise is told, and the sequence shrunk to a few") {
  std::vector<Action> actions = random_actions(1);
  actions.insert(actions.begin(), {.verb = Action::create_user, .owner = 0});
  World w([](Options& o) { o.initial_credits = 5; });  // the model says 6
  Reference model(kStartUs);
  perform(w.store(), actions[0]);
  model.perform(actions[0]);
  CHECK(current_state(w.store()) != model.current_state());
}

}  // namespace
}  // namespace bcstore
