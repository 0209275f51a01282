// Random operations over the public API against a model in memory: every answer, its code and its
// number, is predicted; now and then everything current is compared, the store is opened again, or
// the clock steps forward or back. A failing sequence is shrunk before it is shown.
//
// Kills and losses of power are the crash harness's, which has a model of its own (tests/crash).
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "fixture.h"
#include "model_reference.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

constexpr size_t kSequences = 60;
constexpr size_t kLength = 200;
constexpr size_t kShrinkRuns = 400;

std::vector<Action> random_actions(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Action> actions(kLength);
  for (size_t i = 0; i < actions.size(); ++i) {
    Action& action = actions[i];
    action.verb = static_cast<Action::Verb>(random() % Action::kVerbs);
    // Structure first, so that there is something to work on.
    if (i < 12 && random() % 2 == 0) {
      constexpr Action::Verb kFirst[] = {Action::create_user, Action::create_project,
                                         Action::create_document, Action::start_chat,
                                         Action::create_task};
      action.verb = kFirst[random() % std::size(kFirst)];
    }
    action.owner = static_cast<uint8_t>(random() % 3);
    action.object = static_cast<uint8_t>(random() % 6);
    action.a = static_cast<uint8_t>(random());
    action.b = static_cast<uint8_t>(random());
  }
  return actions;
}

// The first difference between store and model, or empty.
std::string run(const std::vector<Action>& actions) {
  World w([](Options& o) { o.initial_credits = 6; });
  Reference model(kStartUs);
  for (size_t i = 0; i < actions.size(); ++i) {
    const std::string place = "after action " + std::to_string(i) + " " + actions[i].to_string();
    if (actions[i].verb == Action::reopen) {
      w.reopen();
    } else if (actions[i].verb == Action::step_clock) {
      w.clock->advance(actions[i].clock_step_us());
      model.set_clock(w.clock->now());
    } else {
      const std::string told = perform(w.store(), actions[i]);
      const std::string expected = model.perform(actions[i]);
      if (told != expected) return place + ": told " + told + ", expected " + expected;
    }
    if (i % 16 == 0 || i + 1 == actions.size()) {
      const std::string seen = current_state(w.store());
      const std::string expected = model.current_state();
      if (seen != expected) return place + ":\n" + seen + "instead of\n" + expected;
    }
  }
  const CheckReport report = w.store().check().value();
  if (report.violations == 0) return {};
  return "check: " + report.listed.front().table + ' ' + report.listed.front().rule + ": " +
         report.listed.front().detail;
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

TEST_CASE("model: random operations answer and leave what a model in memory says") {
  const uint64_t seed = seed_from_environment(std::random_device()());
  MESSAGE("BCSTORE_SEED=", seed);
  for (size_t i = 0; i < kSequences; ++i) {
    const std::vector<Action> actions = random_actions(seed + i);
    if (run(actions).empty()) continue;
    const std::vector<Action> fewest = shrink(actions);
    std::string story = run(fewest) + "\nof seed " + std::to_string(seed + i);
    for (const Action& action : fewest) story += "\n  " + action.to_string();
    FAIL(story);
  }
}

// The test above must be able to fail.
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
