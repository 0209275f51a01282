// Rules of calls and their rollups: a rollup is the sum of the calls of its owner, month, model and
// currency, and every such call has one.
//
// check() meets the calls of a month one after another; at their end the rollups of that month are
// read and compared. What waits are the sums of one month: as many as it has models and currencies.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "bcstore/status.h"
#include "model/call_sums.h"

namespace bcstore::model {

class CheckedRecord;
class CheckWalk;

class CheckUsage {
 public:
  // The next row of the walk, verified or not. One that is no call ends the month of the last one.
  Status visit(CheckWalk& walk, const CheckedRecord& record);
  // No more calls come.
  Status close(CheckWalk& walk);

 private:
  struct Sum {
    CallSums sums;
    int64_t first_us = 0;      // created_at of the oldest
    uint64_t last_commit = 0;  // of the newest
  };
  void add(CheckWalk& walk, const CheckedRecord& record);

  std::string month_;     // owner, kind and month of the calls under the walk; empty: none
  bool is_whole_ = true;  // all of them verified, and can be added up
  std::map<Uuid, Sum> by_hash_;
};

}  // namespace bcstore::model
