// Where a month lies in the keys: raw RocksDB with the options of bcstore's own family of messages,
// and one of several layouts. What W12 compares.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data.h"
#include "fold.h"

namespace bcstore::bench {

// Written and read by one thread; its messages are those of years_data.h.
class Layout {
 public:
  virtual ~Layout() = default;
  virtual void open(const std::string& directory, size_t memory_budget_bytes,
                    const Population& population) = 0;
  virtual void close() = 0;
  virtual void append(const Message& message) = 0;
  // The last messages of a session, newest first; how many there were.
  virtual uint32_t last_messages(uint32_t session, uint32_t count, Fold* fold) = 0;
  virtual void drop_month(uint32_t month) = 0;
  virtual void compact() = 0;
  virtual size_t families() const = 0;
};

struct LayoutEntry {
  std::string_view name;
  std::unique_ptr<Layout> (*make)();
  bool is_leveled = true;
};

std::vector<LayoutEntry> all_layouts();

}  // namespace bcstore::bench
