// The codings of revisions that were to choose from, each on raw RocksDB, without anything else.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fold.h"

namespace bcstore::bench {

// A store of revisions. Not ok is thrown as Failure.
class RevisionKeeper {
 public:
  virtual ~RevisionKeeper() = default;
  virtual void open(const std::string& directory, size_t cache_bytes) = 0;
  // Revisions of a document come in order, from 1.
  virtual void append(uint32_t document, uint32_t rev, std::string_view content) = 0;
  // Merges everything into its last place on disk.
  virtual void settle() = 0;
  virtual void close() = 0;
  virtual size_t newest(uint32_t document, Fold* fold) = 0;
  virtual size_t old(uint32_t document, uint32_t rev, Fold* fold) = 0;
};

struct RevisionCoding {
  std::string name;
  std::function<std::unique_ptr<RevisionKeeper>()> make;
};

std::vector<RevisionCoding> raw_codings();

}  // namespace bcstore::bench
