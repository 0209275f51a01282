// Where an owner's last row of a kind went into the memtable is remembered: the next one lies near,
// and the skip list need not be searched from its head.
//
// The trap: RocksDB 7.8 keeps one set of hints for the rows and the range tombstones of a memtable,
// which are two skip lists. A tombstone that begins with a key of the hints' domain is put into one
// list at a place of the other: asserts abort the process, and without them memory is damaged. So
// the domain is whole keys of known kinds alone, and RocksChanges::erase_range never begins a range
// with one.
#pragma once

#include <rocksdb/slice_transform.h>

#include <memory>
#include <string_view>

namespace bcstore::engine {

bool takes_insert_hint(std::string_view key);
std::shared_ptr<const rocksdb::SliceTransform> insert_hint();

}  // namespace bcstore::engine
