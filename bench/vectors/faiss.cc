#include "vectors/peers.h"

#ifdef BCSTORE_BENCH_FAISS

#include <faiss/IndexFlat.h>
#include <faiss/IndexIVFFlat.h>
#include <omp.h>

#include <array>
#include <cmath>

namespace bcstore::bench {

namespace {

class FaissVectors : public VectorPeer {
 public:
  std::string name() const override { return "faiss"; }
  std::vector<int> efforts(const VectorSet& /*set*/) const override {
    std::vector<int> probes;
    for (int n = 1; n <= static_cast<int>(index_->nlist); n *= 2) probes.push_back(n);
    return probes;
  }
  void build(const VectorSet& set) override {
    omp_set_num_threads(1);
    const auto lists = static_cast<size_t>(std::sqrt(static_cast<double>(set.size())));
    centers_ =
        std::make_unique<faiss::IndexFlatIP>(static_cast<faiss::Index::idx_t>(set.dimension));
    index_ = std::make_unique<faiss::IndexIVFFlat>(centers_.get(), set.dimension, lists,
                                                   faiss::METRIC_INNER_PRODUCT);
    const auto count = static_cast<faiss::Index::idx_t>(set.size());
    index_->train(count, set.base.data());
    index_->add(count, set.base.data());
  }
  std::vector<double> search(std::span<const float> query, int effort) override {
    index_->nprobe = static_cast<size_t>(effort);
    std::array<float, kNearest> products{};
    std::array<faiss::Index::idx_t, kNearest> labels{};
    index_->search(1, query.data(), kNearest, products.data(), labels.data());
    std::vector<double> distances;
    for (size_t i = 0; i < kNearest; ++i) {
      if (labels[i] >= 0) distances.push_back(1 - double{products[i]});
    }
    return distances;
  }

 private:
  std::unique_ptr<faiss::IndexFlatIP> centers_;
  std::unique_ptr<faiss::IndexIVFFlat> index_;
};

}  // namespace

std::unique_ptr<VectorPeer> faiss_vectors() { return std::make_unique<FaissVectors>(); }

}  // namespace bcstore::bench

#else

namespace bcstore::bench {
std::unique_ptr<VectorPeer> faiss_vectors() { return nullptr; }
}  // namespace bcstore::bench

#endif
