// Vectors to search in: mixtures of Gaussians, of unit length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bcstore::bench {

struct VectorSet {
  std::string name;
  size_t dimension = 0;
  std::vector<float> base, queries;
  std::vector<double> nearest;  // of each query: the distances of its kNearest nearest, 1 - cosine

  size_t size() const { return base.size() / dimension; }
  size_t query_count() const { return queries.size() / dimension; }
  std::span<const float> row(size_t i) const {
    return std::span(base).subspan(i * dimension, dimension);
  }
  std::span<const float> query(size_t i) const {
    return std::span(queries).subspan(i * dimension, dimension);
  }
};

inline constexpr size_t kNearest = 10;

// medium: 64 dimensions that matter, clusters that lie apart; hard: 128 that matter, clusters that
// run into each other.
enum class Hardness : uint8_t { medium, hard };
VectorSet make_vectors(Hardness hardness, size_t count, size_t dimension, size_t queries,
                       uint64_t seed);
// From a file .fvecs: the last `queries` rows are the queries.
VectorSet read_vectors(const std::string& path, size_t queries);

// Of an answer's distances, the share that is among the nearest; those that are as near count.
double recall_of(const VectorSet& set, size_t query, std::span<const double> distances);

}  // namespace bcstore::bench
