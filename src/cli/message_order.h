// From a source's message numbers to the store's.
//
// The store counts the messages of a session from 1 without gaps; a source counts from 0 or from 1.
// What is to be added to a source's number is decided once a session, from the smallest number that
// the file has of it and from what the store already holds. A row that could not be read may have
// been a session's first; where that would shift the session, its rows are refused instead: order
// is the truth, and the mended file can then be loaded.
#pragma once

#include <cstdint>

#include "bcstore/bcstore.h"
#include "cli/row.h"
#include "cli/spill.h"

namespace bcstore::cli {

class MessageOrder {
 public:
  // While the file is read: a row whose session or number is not known.
  void unreadable_row() { ++unreadable_rows_; }
  // After that, with the rows in order.
  void look_at(const std::vector<Spill::Entry>& entries);

  // What to add to the numbers of this session, 0 or 1, given its first row in this file.
  // failed_precondition when that is not certain.
  Result<uint64_t> shift(const Tenant& tenant, ChatSessionId session, uint64_t first_number,
                         Row& first_row) const;

 private:
  Result<uint64_t> shift_of_new(uint64_t first_number) const;

  uint64_t unreadable_rows_ = 0;
  bool counts_from_zero_ = false;   // some session has a row 0
  uint64_t sessions_from_one_ = 0;  // whose smallest number is 1
};

}  // namespace bcstore::cli
