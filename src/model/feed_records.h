// What a feed's changes are of: their projects, and the records that they wrote.
#pragma once

#include <map>

#include "bcstore/feed.h"
#include "bcstore/status.h"
#include "model/reads.h"

namespace bcstore::model {

// Of one page: what it looks up of one owner's is remembered to its end.
class FeedRecords {
 public:
  // `project`: what belongs to it and nothing else; nil: everything.
  FeedRecords(const std::shared_ptr<Core>& core, const Uuid& project);

  // Of whose commits the next changes are.
  void set_owner(UserId owner);
  Result<bool> is_wanted(const Change& change);
  // `bytes` grows by those of the record.
  Result<FeedRecord> read(const Change& change, size_t* bytes);

 private:
  Result<Uuid> project_of(const Change& change);
  Result<Uuid> project_of_parent(const Change& change);

  TenantState state_;
  Uuid project_;
  std::map<Uuid, Uuid> projects_;  // of documents, tasks and sessions
};

}  // namespace bcstore::model
