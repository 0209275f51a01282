// A model in memory of what actions do. It knows none of the store's code: it counts, folds and
// renews by itself.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model_action.h"

namespace bcstore::fixture {

class Reference {
 public:
  explicit Reference(int64_t start_us) : now_us_(start_us), newest_us_(start_us) {}
  void set_clock(Time now) { now_us_ = now.us; }
  std::string perform(const Action& action);
  std::string current_state() const;

 private:
  struct Project {
    uint32_t versions = 1;
    uint8_t status = 1;
  };
  struct Document {
    uint8_t project = 0;
    uint32_t version = 1;
    uint8_t section = 1;
    bool is_locked = true;
    std::vector<std::string> revisions;
  };
  struct Task {
    uint8_t project = 0;
    uint32_t rev = 1;
    bool is_complete = false;
    uint64_t activities = 0;
    std::string title;
  };
  struct Session {
    uint32_t renames = 0;
    std::vector<std::string> messages;
  };
  struct Owner {
    bool exists = false;
    uint32_t rev = 1;
    std::string email;
    int64_t allowance = 6, granted = 0, plan = 6;
    bool is_unlimited = false;
    std::optional<int64_t> reset_day;  // days since 1970; the anchor is always the 1st
    uint64_t events = 0;
    std::map<uint8_t, Project> projects;
    std::map<uint8_t, Document> documents;
    std::map<uint8_t, Task> tasks;
    std::map<uint8_t, Session> sessions;
  };

  std::string perform_project(Owner& owner, const Action& action);
  std::string perform_document(Owner& owner, const Action& action);
  std::string perform_task(Owner& owner, const Action& action);
  std::string perform_chat(Owner& owner, const Action& action);
  std::string perform_owner(Owner& owner, const Action& action);
  std::string perform_credits(Owner& owner, const Action& action);
  bool is_taken(const std::string& email) const;

  int64_t now_us_;
  int64_t newest_us_;  // of any commit: the store's time never goes back
  std::array<Owner, 3> owners_;
};

}  // namespace bcstore::fixture
