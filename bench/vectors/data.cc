#include "vectors/data.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <random>

#include "vector/kernels.h"

namespace bcstore::bench {

namespace {

void to_unit(std::span<float> x) {
  double squares = 0;
  for (const float v : x) squares += double{v} * v;
  const double by = squares > 0 ? 1 / std::sqrt(squares) : 1;
  for (float& v : x) v = static_cast<float>(double{v} * by);
}

class Mixture {
 public:
  Mixture(Hardness hardness, size_t dimension, size_t clusters, uint64_t seed)
      : random_(seed),
        dimension_(dimension),
        inner_(hardness == Hardness::medium ? 64 : 128),
        spread_(hardness == Hardness::medium ? 0.8F : 2.0F),
        centers_(clusters * inner_),
        map_(inner_ * dimension) {
    for (float& x : centers_) x = normal_(random_);
    for (float& x : map_) x = normal_(random_);
  }

  void draw(std::span<float> to) {
    const size_t cluster = random_() % (centers_.size() / inner_);
    std::vector<float> inner(inner_);
    for (size_t i = 0; i < inner_; ++i) {
      inner[i] = centers_[cluster * inner_ + i] + spread_ * normal_(random_);
    }
    // A row of the map for each component.
    for (size_t i = 0; i < dimension_; ++i) {
      to[i] = vector::kernels().dot_f32(inner.data(), map_.data() + i * inner_, inner_) +
              0.05F * normal_(random_);
    }
    to_unit(to);
  }

 private:
  std::mt19937_64 random_;
  std::normal_distribution<float> normal_;
  size_t dimension_, inner_;
  float spread_;
  std::vector<float> centers_, map_;
};

void find_nearest(VectorSet* set) {
  std::vector<double> all(set->size());
  for (size_t q = 0; q < set->query_count(); ++q) {
    for (size_t i = 0; i < all.size(); ++i) {
      all[i] = 1 - double{vector::kernels().dot_f32(set->query(q).data(), set->row(i).data(),
                                                    set->dimension)};
    }
    std::partial_sort(all.begin(), all.begin() + kNearest, all.end());
    set->nearest.insert(set->nearest.end(), all.begin(), all.begin() + kNearest);
    all.resize(set->size());
  }
}

}  // namespace

VectorSet make_vectors(Hardness hardness, size_t count, size_t dimension, size_t queries,
                       uint64_t seed) {
  VectorSet set;
  set.name = hardness == Hardness::medium ? "medium" : "hard";
  set.dimension = dimension;
  set.base.resize(count * dimension);
  set.queries.resize(queries * dimension);
  const size_t clusters = std::max<size_t>(16, count / (hardness == Hardness::medium ? 100 : 1000));
  Mixture mixture(hardness, dimension, clusters, seed);
  for (size_t i = 0; i < count; ++i)
    mixture.draw(std::span(set.base).subspan(i * dimension, dimension));
  for (size_t i = 0; i < queries; ++i) {
    mixture.draw(std::span(set.queries).subspan(i * dimension, dimension));
  }
  find_nearest(&set);
  return set;
}

VectorSet read_vectors(const std::string& path, size_t queries) {
  VectorSet set;
  set.name = path.substr(path.find_last_of('/') + 1);
  std::ifstream file(path, std::ios::binary);
  for (int32_t dimension = 0; file.read(reinterpret_cast<char*>(&dimension), sizeof dimension);) {
    if (dimension <= 0 || (set.dimension != 0 && set.dimension != static_cast<size_t>(dimension))) {
      break;
    }
    set.dimension = static_cast<size_t>(dimension);
    const size_t from = set.base.size();
    set.base.resize(from + set.dimension);
    file.read(reinterpret_cast<char*>(set.base.data() + from),
              static_cast<std::streamsize>(set.dimension * sizeof(float)));
    to_unit(std::span(set.base).subspan(from));
  }
  if (set.dimension == 0 || set.size() < queries + kNearest) return {};
  const size_t split = (set.size() - queries) * set.dimension;
  set.queries.assign(set.base.begin() + static_cast<ptrdiff_t>(split), set.base.end());
  set.base.resize(split);
  find_nearest(&set);
  return set;
}

double recall_of(const VectorSet& set, size_t query, std::span<const double> distances) {
  constexpr double kSame = 1e-5;  // what single precision leaves of a difference
  const double last = set.nearest[(query + 1) * kNearest - 1];
  size_t hits = 0;
  for (const double distance : distances) hits += distance <= last + kSame ? 1u : 0u;
  return static_cast<double>(std::min(hits, kNearest)) / static_cast<double>(kNearest);
}

}  // namespace bcstore::bench
