// The hot calls whose instructions are counted, each on a data set of its own that is the same in
// every run.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace bcstore::bench {

// A call that can be made again and again. What it needs is drawn before, so that nothing but the
// library's own work is left in run().
class Call {
 public:
  virtual ~Call() = default;
  // At most as often as make() was told. Throws Failure when the call answers anything but what it
  // must.
  virtual void run() = 0;
};

struct CallEntry {
  std::string_view name;
  uint64_t operations;  // so many are counted
  // Opens a store in `directory`, which is empty, and fills and warms it.
  std::unique_ptr<Call> (*make)(const std::string& directory, uint64_t most);
};

std::span<const CallEntry> all_calls();

}  // namespace bcstore::bench
