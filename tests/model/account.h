// An account whose holds, balance and ledger a test can tell in a word.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "fixture.h"

namespace bcstore::fixture {

inline constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};
inline constexpr int64_t kMinuteUs = 60 * kSecondUs;

inline Time day(std::string_view date) { return *parse_time(std::string(date) + "T00:00:00Z"); }

struct Account : World {
  explicit Account(const Tweak& tweak = {}) : World(tweak) {}
  UserId owner = user("a@x");
  Service s() { return service("billing"); }

  Tenant t() { return store().tenant(owner); }
  Reservation reserve(int32_t amount, int64_t ttl_us = kMinuteUs) {
    return t().reserve_credits({.amount = amount, .ttl_us = ttl_us}).value();
  }
  Result<HoldResolution> capture(CreditHoldId hold, int32_t amount, bool overage = false) {
    return t().capture_credits(hold, {.amount = amount, .allow_overage = overage});
  }
  HoldState state(CreditHoldId hold) { return t().credit_hold(hold).value().state(); }
  // "allowance+granted held" as told by a read.
  std::string balance() {
    const Credits c = t().credits().value();
    return std::to_string(c.allowance) + "+" + std::to_string(c.granted) + " " +
           std::to_string(c.held) + (c.debt == 0 ? "" : " owes " + std::to_string(c.debt));
  }
  // "kind amount allowance granted held lapsed debt" of the newest entries, oldest first.
  std::vector<std::string> ledger(size_t newest) {
    std::vector<std::string> lines =
        rows_of(t().credit_entries({.limit = newest}), [](const CreditEntry& e) {
          std::string line(to_string(e.kind()));
          for (const int32_t n : {e.amount(), e.allowance_delta(), e.granted_delta(),
                                  e.held_delta(), e.lapsed(), e.debt_delta()}) {
            line += " " + std::to_string(n);
          }
          return line;
        });
    std::reverse(lines.begin(), lines.end());
    return lines;
  }
  void sound() {
    const CheckReport report = store().check().value();
    for (const auto& v : report.listed) {
      MESSAGE(v.table, ' ', v.key, ' ', v.rule, ": ", v.detail);
    }
    CHECK(report.violations == 0);
  }
};

using Lines = std::vector<std::string>;

}  // namespace bcstore::fixture
