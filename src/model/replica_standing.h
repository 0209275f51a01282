// What a store is to others of the same contents.
#pragma once

#include <cstdint>
#include <string>

#include "model/encode.h"

namespace bcstore::model {

struct ReplicaStanding {
  ReplicaRole role = ReplicaRole::none;
  // Of a standby: it is what the other store was at one moment.
  bool is_consistent = false;
  std::string position;  // of a standby; of a source its run
  // Of a source: of the last group of which it kept the keys, and what stands for it and all before
  // it. A store that was put back to an older copy numbers its groups as before, with other chains.
  uint64_t number = 0;
  uint64_t chain = 0;

  // Nothing, or everything that the other store has.
  bool is_whole() const { return role != ReplicaRole::standby || is_consistent; }
};

}  // namespace bcstore::model
