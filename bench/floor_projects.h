// The floor of W5 to W7: what hand-written code on raw RocksDB would lay out for exactly these
// reads.
//
// W5: newest contents in a family of their own, one pinned Get each. W6: one row a task under its
// project and phase, its state in it; a plain scan. W7: both, and the messages' rows, by the same
// reused iterators.
//
//   contents   user (16) | section (1)                        rev (4) | text
//   tasks      user (16) | phase (4) | number (4)             state (1) | title bytes (2) | texts
//   messages   engine_floor.cc
#pragma once

#include <rocksdb/db.h>

#include <memory>

#include "engine.h"

namespace bcstore::bench {

struct FloorFamilies {
  rocksdb::DB* db = nullptr;
  rocksdb::ColumnFamilyHandle* contents = nullptr;
  rocksdb::ColumnFamilyHandle* tasks = nullptr;
};

std::unique_ptr<ProductSink> make_floor_project_sink(const FloorFamilies& families);
// `chats` reads the messages.
std::unique_ptr<ProjectWorker> make_floor_project_worker(const FloorFamilies& families,
                                                         const Population& population,
                                                         std::unique_ptr<ChatWorker> chats);

}  // namespace bcstore::bench
