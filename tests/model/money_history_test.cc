// Histories of eight threads that reserve, capture, void, spend, are refunded, reset and made
// unlimited on one owner, some of whose clients go away in the midst; and a checker that does not
// trust the store.
//
// Every operation carries its own name as its reason, so the ledger says which of them happened and
// in which order. The checker folds that order by rules of its own and holds it against what the
// threads were told: every operation that was answered happened once, what was refused or never
// asked for did not, each answer is what the fold has at its place, and what was answered before
// something else was asked comes before it. A client that went away may find its operation done or
// not, whole in either case.
//
// The checker is checked: histories that were tampered with must be caught.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "fixture.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

constexpr int kThreads = 8;
constexpr int kEach = 24;
constexpr int32_t kPlan = 40;
constexpr CommitOptions kFast{.durability = Durability::relaxed};

enum class Verb : uint8_t { spend, refund, reserve, capture, give_back };

struct Asked {
  Verb verb{};
  int32_t amount = 0;
  bool overage = false;
  int64_t begun = 0;  // ticks of one counter
};

struct Told {
  int64_t ended = 0;
  Code code{};
  uint64_t remaining = 0;  // as the receipt says
};

struct Line {
  CreditEntryKind kind{};
  std::string name;
  CreditHoldId hold;
  Time at;
  uint64_t commit_seq = 0;
  bool is_unlimited = false;  // after it
};

struct History {
  std::map<std::string, Asked> asked;
  std::map<std::string, Told> told;  // fewer: some went away
  std::vector<Line> ledger;          // oldest first
  Credits last;
};

// A hold, folded.
struct Held {
  int64_t amount = 0, allowance = 0, granted = 0, epoch = 0;
  Time end;
  bool live = true;
};

class Checker {
 public:
  explicit Checker(const History& history) : history_(history) {}

  // Empty when the history is one of a store that keeps its word.
  std::string fault() {
    for (const Line& line : history_.ledger) {
      std::string fault = step(line);
      if (!fault.empty())
        return line.name + " (" + std::string(to_string(line.kind)) + "): " + fault;
    }
    for (const auto& [name, told] : history_.told) {
      const bool happened = places_.contains(name);
      if (happened != (told.code == Code::ok)) return name + ": told otherwise than it went";
    }
    if (std::string fault = order_fault(); !fault.empty()) return fault;
    if (std::string fault = refusal_fault(); !fault.empty()) return fault;
    int64_t held = 0;
    for (const auto& [id, hold] : holds_) held += hold.live ? hold.allowance + hold.granted : 0;
    if (history_.last.allowance != allowance_ || history_.last.granted != granted_ ||
        history_.last.held != held || history_.last.debt != debt_) {
      return "the balance at the end is not the fold";
    }
    // What was issued is where it can be seen, or was used.
    if (issued_ + debt_ != allowance_ + granted_ + held + used_ + lapsed_) return "the sum changed";
    return {};
  }

 private:
  std::string step(const Line& line) {
    switch (line.kind) {
      case CreditEntryKind::opening:
      case CreditEntryKind::reset:
        set_allowance(kPlan);
        return {};
      case CreditEntryKind::plan:
        return {};
      case CreditEntryKind::unlimited:  // has no name: what follows shows whether it was so
        unlimited_ = line.is_unlimited;
        return {};
      case CreditEntryKind::expire: {
        const auto hold = holds_.find(line.hold);
        if (hold == holds_.end() || !hold->second.live) return "no such hold is live";
        if (line.at != hold->second.end) return "not at its end";
        end(hold->second, 0);
        return {};
      }
      default:
        break;
    }
    const auto asked = history_.asked.find(line.name);
    if (asked == history_.asked.end()) return "nobody asked for it";
    if (!places_.emplace(line.name, line.commit_seq).second) return "it happened twice";
    std::string fault = perform(asked->second, line);
    if (!fault.empty()) return fault;
    const auto told = history_.told.find(line.name);
    if (told != history_.told.end() && told->second.remaining != remaining()) {
      return "told that " + std::to_string(told->second.remaining) + " remain, and " +
             std::to_string(remaining()) + " do";
    }
    return {};
  }

  std::string perform(const Asked& op, const Line& line) {
    switch (op.verb) {
      case Verb::spend:
        if (!unlimited_ && op.amount > allowance_ + granted_) return "more was spent than is there";
        if (!unlimited_) take(op.amount, nullptr);
        if (!unlimited_) used_ += op.amount;
        return {};
      case Verb::refund: {
        const int64_t paid = std::min<int64_t>(op.amount, debt_);
        debt_ -= paid;
        granted_ += op.amount - paid;
        issued_ += op.amount;
        return {};
      }
      case Verb::reserve: {
        Held hold{op.amount, 0, 0, epoch_, ends_at(line), true};
        if (!unlimited_ && op.amount > allowance_ + granted_) return "more was held than is there";
        if (!unlimited_) take(op.amount, &hold);
        holds_[line.hold] = hold;
        return {};
      }
      case Verb::capture:
      case Verb::give_back: {
        const auto found = holds_.find(line.hold);
        if (found == holds_.end() || !found->second.live) return "the hold is not live";
        Held& hold = found->second;
        if (line.at >= hold.end) return "the hold had run out";
        const bool captures = op.verb == Verb::capture;
        if (captures && op.amount > hold.amount && !op.overage) return "more than was held";
        end(hold, captures ? std::min<int64_t>(op.amount, hold.amount) : 0);
        if (captures && op.amount > hold.amount && !unlimited_) beyond(op.amount - hold.amount);
        return {};
      }
    }
    return "a verb that is none";
  }

  static Time ends_at(const Line& line) { return Time{line.at.us + kHoldUs}; }
  uint64_t remaining() const {
    return unlimited_ ? kUnlimitedCredits : static_cast<uint64_t>(allowance_ + granted_);
  }
  void set_allowance(int64_t plan) {
    lapsed_ += allowance_;
    issued_ += plan;
    allowance_ = plan;
    ++epoch_;
  }
  void take(int64_t amount, Held* hold) {
    const int64_t a = std::min(amount, allowance_);
    allowance_ -= a;
    granted_ -= amount - a;
    if (hold == nullptr) return;
    hold->allowance = a;
    hold->granted = amount - a;
  }
  void beyond(int64_t amount) {
    const int64_t there = std::min(amount, allowance_ + granted_);
    take(there, nullptr);
    debt_ += amount - there;
    used_ += amount;
  }
  void end(Held& hold, int64_t used) {
    hold.live = false;
    const int64_t of_allowance = std::min(used, hold.allowance);
    const int64_t of_granted = std::min(used - of_allowance, hold.granted);
    used_ += of_allowance + of_granted;
    granted_ += hold.granted - of_granted;
    (hold.epoch == epoch_ ? allowance_ : lapsed_) += hold.allowance - of_allowance;
  }

  // What was answered before something else was asked for comes before it.
  std::string order_fault() const {
    std::vector<std::pair<int64_t, uint64_t>> ended;  // when, and its place
    for (const auto& [name, told] : history_.told) {
      if (told.code == Code::ok) ended.emplace_back(told.ended, places_.at(name));
    }
    std::sort(ended.begin(), ended.end());
    std::vector<uint64_t> latest;  // the largest place of those that ended so far
    for (const auto& [when, place] : ended) {
      latest.push_back(std::max(place, latest.empty() ? 0 : latest.back()));
    }
    for (const auto& [name, place] : places_) {
      const int64_t begun = history_.asked.at(name).begun;
      const auto after =
          std::lower_bound(ended.begin(), ended.end(), std::pair{begun, uint64_t{0}});
      if (after == ended.begin()) continue;
      if (latest[static_cast<size_t>(after - ended.begin()) - 1] >= place) {
        return name + ": comes before what was answered before it was asked";
      }
    }
    return {};
  }

  // A refusal tells of a balance that was there while it was asked, and is too small.
  std::string refusal_fault() const {
    for (const auto& [name, told] : history_.told) {
      if (told.code != Code::out_of_credits) continue;
      const Asked& asked = history_.asked.at(name);
      if (told.remaining >= static_cast<uint64_t>(asked.amount))
        return name + ": refused in plenty";
    }
    return {};
  }

 public:
  static constexpr int64_t kHoldUs = 3 * 3600 * kSecondUs;

 private:
  const History& history_;
  int64_t allowance_ = 0, granted_ = 0, debt_ = 0, epoch_ = 0;
  int64_t issued_ = 0, used_ = 0, lapsed_ = 0;
  bool unlimited_ = false;
  std::map<CreditHoldId, Held> holds_;
  std::map<std::string, uint64_t> places_;  // commit of each
};

class Players {
 public:
  explicit Players(uint64_t seed) : seed_(seed) {
    world_.service().set_credit_plan(owner_, {.allowance = kPlan, .resets_at = tomorrow()}).value();
  }

  History play() {
    std::barrier start(kThreads);
    std::vector<std::thread> threads;
    for (int n = 0; n < kThreads; ++n) {
      threads.emplace_back([this, n, &start] {
        start.arrive_and_wait();
        thread(n);
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(world_.store().drive().ok());
    if (seed_ % 2 == 0) world_.kill();
    // What time did is written with the next change: so that the ledger says all that a read does.
    history_.asked["last"] = {.verb = Verb::refund, .amount = 1, .begun = ++ticks_};
    const Result<Receipt> last =
        world_.service().grant_credits(owner_, {.amount = 1, .reason = "last"});
    CHECK(last.ok());
    const uint64_t remaining = last.ok() ? last->operations.front().number : 0;
    history_.told["last"] = {++ticks_, last.code(), remaining};
    Cursor<CreditEntry> entries = tenant().credit_entries({.reverse = true, .limit = kMaxPageRows});
    while (entries.next()) {
      history_.ledger.push_back({entries->kind(), std::string(entries->reason().value_or("")),
                                 entries->hold().value_or(CreditHoldId()), entries->created_at(),
                                 entries->commit_seq(), entries->is_unlimited()});
    }
    CHECK(entries.status().ok());
    const Result<Credits> credits = tenant().credits();
    CHECK(credits.ok());
    if (credits.ok()) history_.last = *credits;
    CHECK(world_.store().check().value().violations == 0);
    return std::move(history_);
  }

 private:
  static Time tomorrow() { return *parse_time("2025-08-16T00:00:00Z"); }
  Tenant tenant() { return world_.store().tenant(owner_); }
  void thread(int n) {
    std::mt19937_64 random(seed_ * kThreads + static_cast<uint64_t>(n));
    const auto below = [&](uint64_t most) { return random() % most; };
    const Tenant t = tenant();
    const Service service = world_.service();
    for (int i = 0; i < kEach; ++i) {
      if (n == 0 && i % 6 == 5)
        world_.clock->advance(static_cast<int64_t>(below(9)) * 3600 * kSecondUs);
      const std::string name = "t" + std::to_string(n) + "-" + std::to_string(i);
      Asked op;
      op.amount = static_cast<int32_t>(1 + below(7));
      const uint64_t dice = below(20);
      op.verb = dice < 6    ? Verb::spend
                : dice < 8  ? Verb::refund
                : dice < 13 ? Verb::reserve
                : dice < 17 ? Verb::capture
                            : Verb::give_back;
      if (dice == 19) {
        CHECK(service.set_unlimited(owner_, below(3) == 0, kFast).ok());
        continue;
      }
      op.overage = below(3) == 0;
      CreditHoldId hold;
      if (op.verb == Verb::capture || op.verb == Verb::give_back) {
        const std::lock_guard lock(mutex_);
        if (reserved_.empty()) continue;
        hold = reserved_[below(reserved_.size())];
      }
      {
        const std::lock_guard lock(mutex_);
        op.begun = ++ticks_;
        history_.asked[name] = op;
      }
      perform(t, service, name, op, hold, below(16) == 0);
    }
  }

  void perform(const Tenant& t, const Service& service, const std::string& name, const Asked& op,
               CreditHoldId hold, bool goes_away) {
    Result<Receipt> answer = Status(Code::internal, "not asked");
    if (op.verb == Verb::refund) {
      answer = service.grant_credits(owner_, {.amount = op.amount, .reason = name}, kFast);
    } else {
      WriteBatch batch = t.batch();
      if (op.verb == Verb::spend) batch.consume_credit({.amount = op.amount, .reason = name});
      if (op.verb == Verb::reserve) {
        hold = batch.reserve_credits(
            {.amount = op.amount, .ttl_us = Checker::kHoldUs, .reason = name});
      }
      if (op.verb == Verb::capture) {
        batch.capture_credits(hold,
                              {.amount = op.amount, .allow_overage = op.overage, .reason = name});
      }
      if (op.verb == Verb::give_back) batch.void_hold(hold, name);
      if (goes_away) {
        (void)t.submit(std::move(batch), kFast);
        return;
      }
      answer = t.commit(batch, kFast);
    }
    const std::lock_guard lock(mutex_);
    // The same resolution again, or that of a hold that is resolved: nothing of its own happened.
    if (answer.ok() && answer->replayed) {
      history_.asked.erase(name);
      return;
    }
    Told told{++ticks_, answer.code(), 0};
    if (answer.ok()) told.remaining = answer->operations.front().number;
    if (!answer.ok()) told.remaining = answer.status().remaining().value_or(0);
    history_.told[name] = told;
    if (answer.ok() && op.verb == Verb::reserve) reserved_.push_back(hold);
  }

  const uint64_t seed_;
  World world_{[](Options& o) { o.initial_credits = kPlan; }};
  UserId owner_ = world_.user("a@x");
  std::mutex mutex_;
  int64_t ticks_ = 0;
  History history_;
  std::vector<CreditHoldId> reserved_;
};

uint64_t first_seed() {
  const char* given = std::getenv("BCSTORE_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device()();
}

TEST_CASE("concurrent: histories of money are those of a store that keeps its word") {
  const char* count = std::getenv("BCSTORE_HISTORIES");
  const uint64_t histories = count != nullptr ? std::strtoull(count, nullptr, 0) : 200;
  const uint64_t seed = first_seed();
  MESSAGE("BCSTORE_SEED=" << seed << ", histories: " << histories);
  size_t answered = 0, refused = 0;
  for (uint64_t n = 0; n < histories; ++n) {
    CAPTURE(seed + n);
    const History history = Players(seed + n).play();
    REQUIRE(Checker(history).fault() == "");
    for (const auto& [name, told] : history.told) ++(told.code == Code::ok ? answered : refused);
  }
  CHECK(answered > histories * 50);
  CHECK(refused > histories);
}

// Two operations that are told of, the first of them answered before the second was asked.
std::pair<std::string, std::string> in_order(const History& history) {
  for (const Line& late : history.ledger) {
    const auto asked = history.asked.find(late.name);
    if (asked == history.asked.end()) continue;
    for (const Line& early : history.ledger) {
      const auto told = history.told.find(early.name);
      if (told != history.told.end() && told->second.ended < asked->second.begun) {
        return {early.name, late.name};
      }
    }
  }
  FAIL("nothing in order");
  return {};
}

TEST_CASE("history: the checker tells each way of breaking the word") {
  const uint64_t seed = first_seed();
  MESSAGE("BCSTORE_SEED=" << seed);
  const History history = Players(seed).play();
  REQUIRE(Checker(history).fault() == "");
  const auto fault = [&](const std::function<void(History&)>& tamper) {
    History tampered = history;
    tamper(tampered);
    return Checker(tampered).fault();
  };
  const auto line_of = [](History& h, const std::string& name) {
    return std::find_if(h.ledger.begin(), h.ledger.end(),
                        [&](const Line& line) { return line.name == name; });
  };
  CHECK(fault([](History& h) { ++h.told.at("last").remaining; }) != "");
  CHECK(fault([](History& h) { ++h.last.granted; }) != "");
  CHECK(fault([](History& h) { h.last.held += 1; }) != "");
  CHECK(fault([&](History& h) { h.ledger.erase(line_of(h, "last")); }) != "");
  CHECK(fault([&](History& h) { h.ledger.push_back(*line_of(h, "last")); }) != "");
  CHECK(fault([](History& h) { h.asked.erase("last"); }) != "");
  CHECK(fault([](History& h) { h.told.at("last").code = Code::out_of_credits; }) != "");
  CHECK(fault([&](History& h) {
          // As if a refusal had been served: decided on what was not there.
          for (const auto& [name, told] : history.told) {
            const Asked& asked = history.asked.at(name);
            if (told.code != Code::out_of_credits || asked.verb != Verb::spend) continue;
            h.ledger.push_back({CreditEntryKind::consume, name, {}, h.ledger.back().at, 1'000'000});
            return;
          }
          h.ledger.clear();  // nobody was refused
        }) != "");
  CHECK(fault([&](History& h) {
          const auto [early, late] = in_order(h);
          std::swap(line_of(h, early)->commit_seq, line_of(h, late)->commit_seq);
        }) != "");
}

}  // namespace
}  // namespace bcstore
