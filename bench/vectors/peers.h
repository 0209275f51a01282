// What answers the queries: bcstore through its public interface, and libraries that hold an index
// in memory. One thread each.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vectors/data.h"

namespace bcstore::bench {

struct VectorPeer {
  virtual ~VectorPeer() = default;
  virtual std::string name() const = 0;
  virtual void build(const VectorSet& set) = 0;
  // Makes an index of what was built, if that is another step.
  virtual bool index() { return false; }
  // What an engine does in its own time before it is asked.
  virtual void settle() {}
  // Knobs from fast to exact; at least one.
  virtual std::vector<int> efforts(const VectorSet& set) const = 0;
  // The distances of the kNearest, 1 - cosine.
  virtual std::vector<double> search(std::span<const float> query, int effort) = 0;
  // Of the index, the vectors as they were given apart where they are kept apart; 0: not told.
  virtual uint64_t index_bytes() { return 0; }
};

std::unique_ptr<VectorPeer> bcstore_vectors(const std::string& directory);
// Null where they were not there to compile with.
std::unique_ptr<VectorPeer> hnswlib_vectors();
std::unique_ptr<VectorPeer> faiss_vectors();

}  // namespace bcstore::bench
