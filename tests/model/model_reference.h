// A model in memory of what actions do. It knows none of the store's code: it counts, folds and
// renews by itself.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model_action.h"

namespace bcstore::fixture {

class Reference {
 public:
  explicit Reference(int64_t start_us) : now_us_(start_us) {}
  void set_clock(Time now) { now_us_ = now.us; }
  // Opening a store makes durable what it found.
  void reopen() { durable_ = commits_; }
  std::string perform(const Action& action);
  std::string current_state() const;
  // How many commits there are, and how many of them no loss of power may take.
  uint64_t commits() const { return commits_; }
  uint64_t durable() const { return durable_; }

 private:
  struct Project {
    uint32_t versions = 1;
    uint32_t statuses = 1;
    uint8_t status = 1;
  };
  struct Document {
    uint8_t project = 0;
    uint32_t version = 1;
    uint8_t section = 1;
    bool is_locked = true;
    uint32_t locks = 1;
    std::vector<std::string> revisions;
    std::map<size_t, std::vector<Block>> sections;  // by revision
  };
  struct Task {
    std::vector<std::string> titles;  // of each revision
    bool is_complete = false;
    uint64_t activities = 0;
  };
  struct Session {
    uint32_t renames = 0;
    std::string title = "-";
    std::vector<std::string> messages;
  };
  struct Integration {
    uint8_t type = 1;
    std::vector<std::string> history;  // what was done, oldest first
    std::optional<std::string> secret;
  };
  struct Space {
    size_t dimension = 0;
    Metric metric = Metric::cosine;
  };
  struct Owner {
    bool exists = false;
    uint32_t rev = 1;
    std::string email;
    int64_t allowance = 6, granted = 0, plan = 6;
    bool is_unlimited = false;
    std::optional<int64_t> reset_day;  // days since 1970; the anchor is always the 1st
    uint64_t commits = 0;
    std::vector<uint64_t> events;
    std::map<uint8_t, Project> projects;
    std::map<uint8_t, Document> documents;
    std::map<std::pair<uint8_t, std::string>, Space> spaces;  // of projects
    std::map<uint8_t, Task> tasks;
    std::map<uint8_t, Session> sessions;
    std::map<uint8_t, Integration> integrations;
  };
  struct PublicRevision {
    bool is_json;
    std::string content;
  };
  // What a key was used for.
  struct Remembered {
    int64_t at_us = 0;
    uint64_t commit = 0;
    std::string request, answer;
  };
  // Of one operation: why it was refused, or the number that it is given.
  struct Answer {
    std::string refusal{};
    uint64_t number = 0;
  };

  Answer run(Owner& owner, const Action& action);
  Answer run_project(Owner& owner, const Action& action);
  Answer run_document(Owner& owner, const Action& action);
  static Answer create_document(Owner& owner, const Action& action);
  static Answer add_sections(Owner& owner, const Action& action);
  static Answer run_task(Owner& owner, const Action& action);
  static Answer run_chat(Owner& owner, const Action& action);
  static Answer run_integration(Owner& owner, const Action& action);
  Answer run_owner(Owner& owner, const Action& action);
  Answer run_credits(Owner& owner, const Action& action) const;
  Answer put_public(const Action& action);
  uint64_t add_event(Owner& owner);
  std::string commit(Owner& owner, const Action& action, const std::vector<uint64_t>& numbers);
  static std::string read(const Owner& owner, const Action& action);
  static std::string state_of(const Owner& owner);
  static void renew(Owner& owner, int64_t at_us);
  bool is_taken(const std::string& email) const;
  int64_t commit_time() const { return now_us_ > newest_us_ ? now_us_ : newest_us_; }

  int64_t now_us_;
  int64_t newest_us_ = 0;  // of any commit: the store's time never goes back
  uint64_t commits_ = 0;
  uint64_t durable_ = 0;
  uint64_t events_ = 0;  // of the commit under way
  std::array<Owner, kOwners> owners_;
  std::map<std::string, std::vector<PublicRevision>> public_;
  std::map<std::pair<uint8_t, uint8_t>, Remembered> keys_;  // by who remembers, and key
};

}  // namespace bcstore::fixture
