// A product's life, generated: owners who sign up, write documents, plan tasks, talk to an
// assistant, spend credits and connect other services, in time order over three months. One shape
// gives the same life in every run.
//
// The skew is that of the real histories which the store is tried on. Owner of rank r is as busy as
// 1/r (one project of those had half of all chats, one nearly all tasks). Messages to a session,
// their lengths by role, task descriptions, revisions to a document and event payloads are drawn
// from the quantiles measured there. What those histories lack is here: credits, integrations, and
// sessions that go on past the end of a month.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <vector>

#include "data.h"

namespace bcstore::bench {

struct ProductShape {
  uint64_t seed = 42;
  uint32_t owners = 1000;
};

// 2025-06-01 to 2025-09-01, both at midnight UTC.
inline constexpr int64_t kProductBeginUs = int64_t{1'748'736'000} * 1'000'000;
inline constexpr int64_t kProductEndUs = int64_t{1'756'684'800} * 1'000'000;

// When, and whose. Times never go back from one action to the next.
struct Happening {
  int64_t at_us = 0;
  uint32_t owner = 0;  // from 0
  RawId user{};
};

// Told of everything in time order; texts live until the call returns.
class ProductSink {
 public:
  virtual ~ProductSink() = default;

  struct SignUp {
    std::string_view email;
    std::optional<std::string_view> full_name, stripe_customer_id;
    int32_t allowance = 0;  // the plan's; the balance begins with it
    bool is_unlimited = false;
    int64_t resets_at_us = 0;  // the first of the next month
  };
  virtual void sign_up(const Happening& when, const SignUp& user) = 0;
  virtual void grant(const Happening& when, int32_t credits) = 0;
  virtual void project(const Happening& when, const RawId& id, std::string_view name,
                       std::string_view prompt) = 0;
  virtual void version(const Happening& when, const RawId& project, uint32_t version,
                       std::string_view note) = 0;
  virtual void document(const Happening& when, const RawId& id, const RawId& project,
                        uint32_t version, uint8_t section) = 0;
  virtual void revision(const Happening& when, const RawId& document, uint32_t rev,
                        std::string_view json) = 0;
  struct Section {
    uint32_t number = 0;
    std::string_view body;
    std::span<const float> embedding;
  };
  virtual void sections(const Happening& when, const RawId& document, uint32_t rev,
                        std::span<const Section> sections) = 0;
  virtual void task(const Happening& when, const RawId& id, const RawId& project, int32_t phase,
                    std::string_view title, std::string_view description) = 0;
  virtual void activity(const Happening& when, const RawId& task, bool completes) = 0;
  virtual void chat(const Happening& when, const RawId& id, const RawId& project) = 0;
  struct Turn {
    RawId session{};
    uint64_t seq = 0;  // from 1
    uint8_t role = 1;  // 1 user: costs one credit; 2 assistant
    std::string_view content;
    int32_t token_count = 0;
  };
  virtual void message(const Happening& when, const Turn& turn) = 0;
  virtual void event(const Happening& when, const RawId& project, std::string_view type,
                     std::string_view payload) = 0;
  // `type` 1 to 3. Revised: the same id again. Removed: without metadata.
  virtual void integration(const Happening& when, const RawId& id, uint8_t type,
                           std::optional<std::string_view> metadata) = 0;
};

// What there was in the end, for who wants to compare.
struct ProductTotals {
  uint64_t users = 0, grants = 0, projects = 0, versions = 0, documents = 0, revisions = 0;
  uint64_t sections = 0, tasks = 0, activities = 0, chats = 0, messages = 0, spent = 0, events = 0;
  uint64_t integrations = 0, removed_integrations = 0;
  uint64_t unanswered = 0;  // messages that were not sent, for want of credits
  friend bool operator==(const ProductTotals&, const ProductTotals&) = default;
};

// What an owner has left in the last moment, as the generator itself counted: a balance that nobody
// spent from since its last reset is renewed.
struct ProductBalance {
  int32_t allowance = 0, granted = 0;
  int32_t plan_allowance = 0;
  bool is_unlimited = false;
  int64_t renews_us = 0;  // the first moment at which reading it would renew it
};

ProductTotals generate_product(const ProductShape& shape, const Texts& texts, ProductSink& sink,
                               std::vector<ProductBalance>* balances = nullptr);

}  // namespace bcstore::bench
