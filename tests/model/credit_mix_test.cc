// Eight threads spend, grant, set plans and the overlay of one owner while the calendar moves, and
// a judge that does not trust the store: there is one order of all that was answered, it is the
// ledger's, it never contradicts what was over before what began, and every answer follows from it.
#include <algorithm>
#include <barrier>
#include <map>
#include <random>
#include <thread>

#include "fixture.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

constexpr int kThreads = 8;
constexpr int kEach = 60;

enum class Does : uint8_t { consume, grant, plan, refill, unlimited, limited };

struct Answered {
  Does does{};
  int32_t amount = 0;
  uint64_t begin = 0, end = 0;  // ticks of one clock for all threads
  uint64_t commit_seq = 0;      // 0: refused, for want of credits
  uint64_t told = 0;            // what remains
};

struct Balance {
  int64_t allowance = 0, granted = 0, plan = 0;
  bool is_unlimited = false;
  uint64_t remaining() const {
    return is_unlimited ? kUnlimitedCredits : static_cast<uint64_t>(allowance + granted);
  }
};

struct Entry {
  CreditEntryKind kind;
  uint64_t commit_seq;
  int64_t allowance, granted;
};

class Mixer {
 public:
  Mixer(World& world, UserId owner) : world_(world), owner_(owner) {}

  std::vector<Answered> run(uint64_t seed) {
    std::vector<std::vector<Answered>> all(kThreads);
    std::barrier start(kThreads);
    std::vector<std::thread> threads;
    for (unsigned n = 0; n < kThreads; ++n) {
      threads.emplace_back([&, n] {
        std::mt19937_64 random(seed * kThreads + n);
        start.arrive_and_wait();
        for (int i = 0; i < kEach; ++i) {
          if (n == 0 && i % 6 == 0) world_.clock->advance(5 * kDayUs);
          all[n].push_back(one(random));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::vector<Answered> answers;
    for (const auto& part : all) answers.insert(answers.end(), part.begin(), part.end());
    return answers;
  }

 private:
  Answered one(std::mt19937_64& random) {
    const Service service = world_.service();
    const CommitOptions o{.durability = Durability::relaxed};
    Answered x;
    const uint64_t drawn = random() % 40;
    x.does = drawn < 32   ? Does::consume
             : drawn < 35 ? Does::grant
             : drawn < 36 ? Does::plan
             : drawn < 37 ? Does::refill
             : drawn < 38 ? Does::unlimited
                          : Does::limited;
    x.amount = static_cast<int32_t>(random() % 4 + 1);
    x.begin = ++ticks_;
    Result<Receipt> receipt = Status(Code::internal, "nothing was called");
    if (x.does == Does::consume) {
      const Tenant t = world_.store().tenant(owner_);
      WriteBatch batch = t.batch();
      batch.consume_credit({.amount = x.amount});
      receipt = t.commit(batch, o);
    } else if (x.does == Does::grant) {
      receipt = service.grant_credits(owner_, {.amount = x.amount}, o);
    } else if (x.does == Does::plan || x.does == Does::refill) {
      receipt = service.set_credit_plan(owner_,
                                        {.allowance = 3 * x.amount,
                                         .resets_at = parse_time("2025-09-01T00:00:00Z"),
                                         .refill = x.does == Does::refill},
                                        o);
    } else {
      receipt = service.set_unlimited(owner_, x.does == Does::unlimited, o);
    }
    x.end = ++ticks_;
    if (receipt.ok()) {
      x.commit_seq = receipt->commit_seq;
      x.told = receipt->operations.back().number;
    } else {
      REQUIRE(receipt.code() == Code::out_of_credits);
    }
    return x;
  }

  World& world_;
  const UserId owner_;
  std::atomic<uint64_t> ticks_{0};
};

// Does to the balance what was asked for; how much it takes of which bucket is told nowhere else.
void apply(const Answered& x, Balance& b) {
  switch (x.does) {
    case Does::consume: {
      if (b.is_unlimited) break;
      const int64_t first = std::min<int64_t>(x.amount, b.allowance);
      b.allowance -= first;
      b.granted -= x.amount - first;
      break;
    }
    case Does::grant:
      b.granted += x.amount;
      break;
    case Does::plan:
      b.plan = 3 * x.amount;
      break;
    case Does::refill:
      b.plan = b.allowance = 3 * x.amount;
      break;
    case Does::unlimited:
    case Does::limited:
      b.is_unlimited = x.does == Does::unlimited;
  }
}

// The balance after each entry; empty when an answer does not follow.
std::vector<Balance> judge(const std::vector<Entry>& ledger,
                           const std::map<uint64_t, Answered>& answers) {
  std::vector<Balance> after;
  Balance b;
  for (const Entry& entry : ledger) {
    if (entry.kind == CreditEntryKind::opening) {
      b.allowance = b.plan = entry.allowance;
    } else if (entry.kind == CreditEntryKind::reset) {
      b.allowance = b.plan;
    } else {
      const auto found = answers.find(entry.commit_seq);
      if (found == answers.end()) return {};
      apply(found->second, b);
      if (found->second.told != b.remaining()) return {};
    }
    if (b.allowance < 0 || b.granted < 0) return {};
    if (b.allowance != entry.allowance || b.granted != entry.granted) return {};
    after.push_back(b);
  }
  return after;
}

// A refusal is right when there was too little at some moment between its begin and its end.
bool refused_rightly(const Answered& x, const std::vector<Entry>& ledger,
                     const std::vector<Balance>& after, const std::vector<Answered>& all) {
  uint64_t over = 0, begun = 0;  // commits that were over before it, or begun before it was over
  for (const Answered& other : all) {
    if (other.end < x.begin) over = std::max(over, other.commit_seq);
    if (other.begin < x.end) begun = std::max(begun, other.commit_seq);
  }
  for (size_t i = 0; i < ledger.size(); ++i) {
    const bool is_last_before = i + 1 == ledger.size() || ledger[i + 1].commit_seq > over;
    if (!is_last_before || ledger[i].commit_seq > begun) continue;
    const Balance& b = after[i];
    // With a reset that is due and not written the plan's allowance counts.
    const int64_t least = std::min(b.allowance, b.plan) + b.granted;
    if (!b.is_unlimited && least < x.amount) return true;
  }
  return false;
}

TEST_CASE("concurrent: spendings, grants, plans and resets of one owner have one order") {
  const uint64_t seed = seed_from_environment(std::random_device()());
  MESSAGE("seed ", seed);
  for (uint64_t round = 0; round < 4; ++round) {
    World w;
    const UserId owner = w.user("a@x");
    const std::vector<Answered> all = Mixer(w, owner).run(seed + round);
    std::map<uint64_t, Answered> answers;
    for (const Answered& x : all) {
      if (x.commit_seq != 0) REQUIRE(answers.emplace(x.commit_seq, x).second);
    }
    std::vector<Entry> ledger;
    Cursor<CreditEntry> rows =
        w.store().tenant(owner).credit_entries({.reverse = true, .limit = kMaxPageRows});
    while (rows.next()) {
      ledger.push_back({rows->kind(), rows->commit_seq(), rows->allowance(), rows->granted()});
    }
    REQUIRE(rows.status().ok());
    const auto of_calls =
        static_cast<size_t>(std::count_if(ledger.begin(), ledger.end(), [](const Entry& entry) {
          return entry.kind != CreditEntryKind::opening && entry.kind != CreditEntryKind::reset;
        }));
    CHECK(of_calls == answers.size());
    CHECK(ledger.size() > of_calls + 1);  // resets fell due in between
    const std::vector<Balance> after = judge(ledger, answers);
    REQUIRE(after.size() == ledger.size());
    uint64_t refused = 0;
    for (const Answered& x : all) {
      if (x.commit_seq == 0) {
        ++refused;
        CHECK(refused_rightly(x, ledger, after, all));
        continue;
      }
      for (const Answered& other : all) {
        if (other.commit_seq != 0 && x.end < other.begin) CHECK(x.commit_seq < other.commit_seq);
      }
    }
    CHECK(refused > 0);
    CHECK(w.store().check().value().violations == 0);
  }
}

}  // namespace
}  // namespace bcstore
