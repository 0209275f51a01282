// Rules of how revisions are coded: every content is decoded once, from its keyframe forward.
//
// check() meets the revisions of a document newest first. Deltas wait, packed as they are, until
// their keyframe comes; a bound on the length of chains bounds how many wait.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/status.h"
#include "model/delta.h"

namespace bcstore::model {

class CheckedRecord;
class CheckWalk;

class CheckChains {
 public:
  // The next revision, verified.
  Status visit(CheckWalk& walk, const CheckedRecord& record);
  // No more of this document come.
  void close(CheckWalk& walk);

 private:
  struct Waiting {
    std::string key;
    uint32_t rev = 0, delta_of = 0, keyframe = 0;
    uint64_t content_bytes = 0;
    Uuid hash;
    std::string frame;
  };
  void wait(CheckWalk& walk, const CheckedRecord& record);
  // Those whose keyframe did not come before this number.
  void give_up(CheckWalk& walk, uint32_t below);
  Status settle(CheckWalk& walk, uint32_t keyframe, std::string_view content);

  std::string document_;  // owner, kind and id of the one under the walk
  std::vector<Waiting> waiting_;
  ContentCoder coder_;
};

}  // namespace bcstore::model
