// Reference: what the store should hold, computed from the plans that are in it.
//
// Plans are applied in commit order. It knows none of the store's code: numbers are counted here,
// current states are folded here, texts are made again from the plans.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "crash/image.h"
#include "crash/plan.h"
#include "crash/setting.h"

namespace bcstore::crash {

class Reference {
 public:
  // Answers the number that each step is given, 0 where the API promises none. A plan that cannot
  // have been accepted in this order is described by `impossible`.
  std::vector<uint64_t> apply(const Plan& plan, uint64_t commit_seq, std::string* impossible);
  // With the heads as they are after the last plan.
  Image take();

 private:
  struct User {
    uint32_t rev = 1;
    std::string email;
    std::optional<std::string> name;
    uint64_t commits = 0;
    int64_t credits = kCredits;
    uint64_t entries = 1;
  };
  struct Project {
    std::string name, prompt;
    uint8_t status = 0;
    uint32_t versions = 1;
    uint32_t statuses = 1;
  };
  struct Document {
    Uuid project;
    uint32_t version = 0;
    uint8_t section = 0;
    bool is_locked = true;
    uint32_t locks = 1;
    uint32_t revisions = 0;
    std::set<uint32_t> sectioned{};  // revisions that were given sections
  };
  struct Integration {
    uint8_t type = 0;
    uint32_t rev = 1;
    std::optional<std::string> secret;
  };
  struct Task {
    Uuid project;
    TaskFields fields;
    uint8_t state = static_cast<uint8_t>(TaskState::open);
    uint32_t rev = 1;
    uint64_t activities = 0;
  };
  struct Session {
    Uuid project;
    std::optional<std::string> title;
    uint32_t renames = 0;
    uint64_t last_seq = 0;
  };

  // One step at its turn.
  struct Turn {
    const Plan* plan;
    const Step* step;
    size_t index;
    Texts texts;
    Commit* commit;
    std::string* impossible;
  };

  uint64_t run(const Turn& turn);
  uint64_t run_project(const Turn& turn);
  uint64_t run_document(const Turn& turn);
  uint64_t run_task(const Turn& turn);
  uint64_t run_chat(const Turn& turn);
  uint64_t run_integration(const Turn& turn);
  uint64_t run_owner(const Turn& turn);
  uint64_t revise(const Turn& turn, Document* document);
  uint64_t put_public(const Turn& turn);
  static uint64_t add_sections(const Turn& turn, Document* document);
  void create_project(const Turn& turn);
  void create_user(const Turn& turn);
  static uint64_t spend(const Turn& turn, User* user);
  static void add(const Turn& turn, Table table, uint64_t number, Body body);
  static void expect(const Turn& turn, uint64_t actual);
  template <class T>
  static T* find(const Turn& turn, std::map<Uuid, T>* objects, const Uuid& id);

  Image image_;
  std::map<Uuid, User> users_;
  std::map<Uuid, Project> projects_;
  std::map<Uuid, Document> documents_;
  std::map<Uuid, Task> tasks_;
  std::map<Uuid, Session> sessions_;
  std::map<Uuid, Integration> integrations_;
  std::map<Uuid, uint32_t> public_names_;  // how many revisions of each
  uint64_t events_ = 0;
};

}  // namespace bcstore::crash
