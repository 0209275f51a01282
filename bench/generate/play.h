// Plays a product's life through bcstore's public interface, call by call, as its application would
// have made them: a typed message is one commit of the message, what it costs and its idempotency
// key.
#pragma once

#include <bcstore/bcstore.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "generate/product.h"

namespace bcstore::bench {

// The time that a player sets, or with 0 the system's.
class PlayedClock : public Clock {
 public:
  Time now() override {
    const int64_t set = us_.load(std::memory_order_relaxed);
    if (set != 0) return Time{set};
    return Time{std::chrono::duration_cast<std::chrono::microseconds>(
                    std::chrono::system_clock::now().time_since_epoch())
                    .count()};
  }
  void set(int64_t us) { us_.store(us, std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> us_{0};
};

// Throws Failure when a call answers anything but success, or a number other than the expected one.
class Player : public ProductSink {
 public:
  // The store's clock is `clock`. Both outlive the player.
  Player(Store& store, PlayedClock& clock, Durability durability = Durability::relaxed)
      : store_(store), service_(store.service("generated")), clock_(clock) {
    options_.durability = durability;
  }

  void sign_up(const Happening& when, const SignUp& user) override;
  void grant(const Happening& when, int32_t credits) override;
  void project(const Happening& when, const RawId& id, std::string_view name,
               std::string_view prompt) override;
  void version(const Happening& when, const RawId& project, uint32_t version,
               std::string_view note) override;
  void document(const Happening& when, const RawId& id, const RawId& project, uint32_t version,
                uint8_t section) override;
  void revision(const Happening& when, const RawId& document, uint32_t rev,
                std::string_view json) override;
  void sections(const Happening& when, const RawId& document, uint32_t rev,
                std::span<const Section> sections) override;
  void task(const Happening& when, const RawId& id, const RawId& project, int32_t phase,
            std::string_view title, std::string_view description) override;
  void activity(const Happening& when, const RawId& task, bool completes) override;
  void chat(const Happening& when, const RawId& id, const RawId& project) override;
  void message(const Happening& when, const Turn& turn) override;
  void event(const Happening& when, const RawId& project, std::string_view type,
             std::string_view payload) override;
  void integration(const Happening& when, const RawId& id, uint8_t type,
                   std::optional<std::string_view> metadata) override;

 private:
  const Tenant& tenant(const Happening& when);

  Store& store_;
  Service service_;
  PlayedClock& clock_;
  CommitOptions options_;
  std::unordered_map<uint32_t, Tenant> tenants_;  // by owner
  std::unordered_map<std::string, uint32_t> integration_revs_;
};

}  // namespace bcstore::bench
