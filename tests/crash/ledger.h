// Ledger: the acknowledgement log, kept outside of the store.
//
// Every plan stands in it with what is known about it. verify() holds a store against the ledger
// and then enters what it found, so that the next look expects exactly that.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "crash/image.h"
#include "crash/plan.h"

namespace bcstore::crash {

struct Record {
  enum class State : uint8_t {
    pending,  // no answer came: there whole or not at all
    acked,    // there, unless it was relaxed and the power was lost
    refused,  // not there
    gone,     // was found not to be there: must never come back
  };
  Plan plan{};
  State state = State::pending;
  Ack ack{};
  uint64_t order = 0;    // of acknowledgement, from 1
  bool is_safe = false;  // acknowledged as durable, or covered by a later sync
};

class Ledger {
 public:
  void take(const Entry& entry);
  // Everything acknowledged up to this point of acked_count() is durable now.
  void make_safe(uint64_t acked_before);
  // The store said that no commit up to this one can be lost.
  void make_safe_up_to(uint64_t commit_seq);
  uint64_t acked_count() const;

  // For use when nobody writes.
  std::map<uint64_t, Record>& records() { return records_; }
  // What writers found wrong since the last call.
  std::vector<std::string> take_broken() { return std::exchange(broken_, {}); }
  // Owners that a plan was to create, in order.
  std::vector<UserId> owners() const;
  // Integrations that a plan was to make.
  Integrations integrations() const;

 private:
  mutable std::mutex mutex_;
  std::map<uint64_t, Record> records_;
  std::vector<std::string> broken_;
  uint64_t acked_ = 0;
};

}  // namespace bcstore::crash
