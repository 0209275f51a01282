// Reservations against a slow model that keeps every hold and folds all that happened.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>

#include "fixture.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};
constexpr int64_t kMinuteUs = 60 * kSecondUs;

Time day(std::string_view date) { return *parse_time(std::string(date) + "T00:00:00Z"); }

// Every hold and every bucket, in the plainest way: nothing is due that was not looked at.
struct SlowModel {
  struct Hold {
    int64_t amount, allowance, granted, epoch, end;
    bool live = true;
  };
  int64_t allowance = 10, granted = 0, debt = 0, epoch = 0, next_reset = 0;
  bool unlimited = false;
  std::map<int, Hold> holds;

  int64_t held() const {
    int64_t sum = 0;
    for (const auto& [id, hold] : holds) sum += hold.live ? hold.allowance + hold.granted : 0;
    return sum;
  }
  void end(Hold& hold, int64_t used) {
    hold.live = false;
    const int64_t of_allowance = std::min(used, hold.allowance);
    if (hold.epoch == epoch) allowance += hold.allowance - of_allowance;
    granted += hold.granted - std::min(used - of_allowance, hold.granted);
  }
  // One microsecond after another would be the definition; only these instants matter.
  void advance(int64_t now, const std::vector<int64_t>& resets) {
    std::vector<std::pair<int64_t, int>> due;
    for (const auto& [id, hold] : holds) {
      if (hold.live && hold.end <= now) due.emplace_back(hold.end, id);
    }
    for (const int64_t at : resets) {
      if (at >= next_reset && at <= now) due.emplace_back(at, INT32_MAX);
    }
    std::sort(due.begin(), due.end());
    for (const auto& [at, id] : due) {
      if (id == INT32_MAX) {
        allowance = 10;
        ++epoch;
        next_reset = at + 1;
      } else {
        end(holds.at(id), 0);
      }
    }
  }
  void take(int64_t amount, Hold* hold) {
    const int64_t a = std::min(amount, allowance);
    const int64_t g = std::min(amount - a, granted);
    allowance -= a;
    granted -= g;
    if (hold != nullptr) *hold = {amount, a, g, epoch, hold->end};
    if (hold == nullptr) debt += amount - a - g;
  }
};

// One owner's story, in the store and in the model.
class Story {
 public:
  explicit Story(uint64_t seed) : random_(seed) {
    w_.service().set_credit_plan(owner_, {.allowance = 10, .resets_at = day("2025-09-01")}).value();
  }

  void play() {
    for (int step = 0; step < 250; ++step) {
      if (below(3) == 0) {
        w_.clock->advance(below(2) == 0 ? below(kMinuteUs) : below(6 * kDayUs));
      }
      now_ = w_.clock->now().us;
      if (now_ > day("2025-12-20").us) break;
      model_.advance(now_, resets_);
      amount_ = static_cast<int32_t>(1 + below(9));
      act();
      compare();
      if (below(40) == 0) w_.reopen();
    }
    CHECK(w_.store().check().value().violations == 0);
  }

 private:
  Tenant t() { return w_.store().tenant(owner_); }
  int64_t below(uint64_t most) { return static_cast<int64_t>(random_() % most); }
  bool affords() const { return model_.unlimited || model_.allowance + model_.granted >= amount_; }

  void act() {
    switch (below(7)) {
      case 0:
      case 1:
        return reserve();
      case 2:
      case 3:
        return resolve(/*captures=*/true);
      case 4:
        return resolve(/*captures=*/false);
      case 5:
        return as_service();
      default:
        return spend();
    }
  }
  void reserve() {
    const int64_t ttl = 1 + below(2) * below(kMinuteUs) + below(2) * below(20 * kDayUs);
    const auto made = t().reserve_credits({.amount = amount_, .ttl_us = ttl}, kRelaxed);
    REQUIRE(made.ok() == affords());
    if (!made.ok()) return;
    const int id = static_cast<int>(ids_.size());
    ids_[id] = made->hold;
    SlowModel::Hold hold{amount_, 0, 0, model_.epoch, made->expires_at.us};
    if (!model_.unlimited) model_.take(amount_, &hold);
    model_.holds[id] = hold;
  }
  void resolve(bool captures) {
    if (ids_.empty()) return;
    const int id = static_cast<int>(below(ids_.size()));
    SlowModel::Hold& hold = model_.holds.at(id);
    const bool overage = below(2) == 0;
    const HoldCapture capture{.amount = amount_, .allow_overage = overage};
    const auto done = captures ? t().capture_credits(ids_.at(id), capture, kRelaxed)
                               : t().void_hold(ids_.at(id), std::nullopt, kRelaxed);
    if (!hold.live || hold.end <= now_) return;  // other tests tell what is answered
    REQUIRE(done.ok() == (!captures || overage || amount_ <= hold.amount));
    if (!done.ok()) return;
    const int64_t used = captures ? amount_ : 0;
    model_.end(hold, std::min(used, hold.amount));
    if (used > hold.amount && !model_.unlimited) model_.take(used - hold.amount, nullptr);
  }
  void as_service() {
    if (below(4) == 0) {
      w_.service().grant_credits(owner_, {.amount = amount_}, kRelaxed).value();
      const int64_t paid = std::min<int64_t>(amount_, model_.debt);
      model_.debt -= paid;
      model_.granted += amount_ - paid;
    } else if (below(8) == 0) {
      model_.unlimited = !model_.unlimited;
      w_.service().set_unlimited(owner_, model_.unlimited, kRelaxed).value();
    }
  }
  void spend() {
    const auto spent = t().consume_credit({.amount = amount_}, kRelaxed);
    REQUIRE(spent.ok() == affords());
    if (spent.ok() && !model_.unlimited) model_.take(amount_, nullptr);
  }
  void compare() {
    const Credits told = t().credits().value();
    REQUIRE(told.allowance == model_.allowance);
    REQUIRE(told.granted == model_.granted);
    REQUIRE(told.held == model_.held());
    REQUIRE(told.debt == model_.debt);
  }

  std::mt19937_64 random_;
  World w_;
  UserId owner_ = w_.user("a@x");
  SlowModel model_;
  const std::vector<int64_t> resets_ = {day("2025-09-01").us, day("2025-10-01").us,
                                        day("2025-11-01").us, day("2025-12-01").us};
  std::map<int, CreditHoldId> ids_;
  int64_t now_ = 0;
  int32_t amount_ = 0;
};

TEST_CASE("holds: any story is that of a slow model") {
  const char* given = std::getenv("BCSTORE_SEED");
  std::random_device device;
  for (int round = 0; round < (given != nullptr ? 1 : 12); ++round) {
    const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 0) : device();
    MESSAGE("BCSTORE_SEED=" << seed);
    Story(seed).play();
  }
}

}  // namespace
}  // namespace bcstore
