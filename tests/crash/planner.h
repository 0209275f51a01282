// Planner: mixed work, chosen by dice.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "crash/plan.h"
#include "crash/random.h"

namespace bcstore::crash {

// What writers know to exist, shared between threads.
class Catalogue {
 public:
  struct Owned {
    std::vector<Uuid> projects{};
    std::vector<Uuid> documents{};
    std::map<Uuid, uint32_t> revisions{};  // of documents, at least so many
    std::vector<Uuid> tasks{};
    std::vector<Uuid> sessions{};
    std::vector<Uuid> integrations{};

    // Learns what a step leaves behind.
    void add(const Step& step);
  };

  // Learns everything of these users from a store.
  Status load(const Store& store, const std::vector<UserId>& owners);
  void add_user(UserId owner);
  // Learns what a plan made; its ids are those of the receipt.
  void add(const Plan& plan);
  std::vector<UserId> users() const;
  Owned of(UserId owner) const;

 private:
  mutable std::mutex mutex_;
  std::map<UserId, Owned> owned_;
};

// What a run's work is like, besides its seed.
struct Mood {
  uint32_t durable_percent = 60;
  uint32_t key_percent = 30;
  uint32_t large_percent = 4;  // texts of tens of kilobytes
  uint32_t compact_permille = 6;
};

class Planner {
 public:
  Planner(Random* random, const Mood& mood) : random_(random), mood_(mood) {}

  Plan new_user(uint64_t id);
  Plan publication(uint64_t id);
  // One operation, or what belongs together.
  Plan small(uint64_t id, UserId owner, const Catalogue::Owned& owned);
  // Several operations, some on what the same batch makes.
  Plan batch(uint64_t id, UserId owner, Catalogue::Owned owned);

 private:
  Plan start(uint64_t id, UserId owner);
  void finish(Plan* plan);
  void add(Plan* plan, Catalogue::Owned* owned);
  void add_project_work(Plan* plan, Catalogue::Owned* owned);
  void add_document_work(Plan* plan, Catalogue::Owned* owned);
  void add_sections(Plan* plan, Catalogue::Owned* owned, const Uuid& document);
  void add_integration_work(Plan* plan, Catalogue::Owned* owned);
  void add_task_work(Plan* plan, Catalogue::Owned* owned);
  void add_chat_work(Plan* plan, Catalogue::Owned* owned);
  void add_message(Plan* plan, const Uuid& session);
  void add_event(Plan* plan, const Catalogue::Owned& owned);
  void create(Plan* plan, Step step, Catalogue::Owned* owned);
  Uuid some_id();
  const Uuid& pick(const std::vector<Uuid>& ids);
  uint32_t size(uint32_t usual);
  uint8_t fields() { return static_cast<uint8_t>(random_->below(8)); }

  Random* random_;
  Mood mood_;
};

}  // namespace bcstore::crash
