// The number of the last commit link in a table, kept in the table's own properties: what the log
// has to go on from is known before RocksDB opens the store.
#pragma once

#include <rocksdb/table_properties.h>

#include <cstdint>
#include <memory>
#include <string_view>

namespace bcstore::engine {

inline constexpr std::string_view kLastCommitProperty = "bcstore.last_commit";

// For the family of the commit links.
std::shared_ptr<rocksdb::TablePropertiesCollectorFactory> last_commit_collectors();

// The number in the property; 0 when it holds none.
uint64_t parse_last_commit(std::string_view property);

}  // namespace bcstore::engine
