// Whose a row is: the owner of the thing that it hangs on.
//
// Ownership is structural, and the store has no look-up from an id to its owner. What this load has
// written is remembered here; what an earlier one wrote is found by listing the users' things.
#pragma once

#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "bcstore/bcstore.h"
#include "cli/spill.h"

namespace bcstore::cli {

class Owners {
 public:
  explicit Owners(const Service& service) : service_(service) {}

  void learn(const Parent& thing, UserId owner) { known_.insert_or_assign(thing, owner); }

  // Fills in the owner of every group that has one. Looks at the store only for what was not
  // learned, and at no more of it than it takes to find that.
  Status place(std::vector<Spill::Group>& groups);

 private:
  using Missing = std::unordered_set<Parent, ParentHash>;
  Status find_user(const Parent& user);
  Status find_below(Kind kind, Missing& missing);
  Status find_in_project(Kind kind, const Tenant& tenant, const Project& project, Missing& missing);
  Status find_documents(const Tenant& tenant, const Project& project, Missing& missing);
  // Remembers a thing of the store, if it is one of those that are wanted.
  void found(const Parent& thing, UserId owner, Missing& missing);

  const Service& service_;
  std::unordered_map<Parent, UserId, ParentHash> known_;
  Missing absent_;  // looked for and not there: not looked for again
};

}  // namespace bcstore::cli
