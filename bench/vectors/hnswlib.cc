#include "vectors/peers.h"

#ifdef BCSTORE_BENCH_HNSWLIB

#include <hnswlib/hnswlib.h>

namespace bcstore::bench {

namespace {

class HnswlibVectors : public VectorPeer {
 public:
  std::string name() const override { return "hnswlib"; }
  std::vector<int> efforts(const VectorSet& /*set*/) const override {
    return {10, 20, 40, 60, 80, 120, 160, 240, 320, 480, 640, 960};
  }
  void build(const VectorSet& set) override {
    constexpr size_t kLinks = 16, kBuildEffort = 100;
    space_ = std::make_unique<hnswlib::InnerProductSpace>(set.dimension);
    index_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(space_.get(), set.size(), kLinks,
                                                               kBuildEffort);
    for (size_t i = 0; i < set.size(); ++i) index_->addPoint(set.row(i).data(), i);
  }
  std::vector<double> search(std::span<const float> query, int effort) override {
    index_->setEf(static_cast<size_t>(effort));
    auto found = index_->searchKnn(query.data(), kNearest);
    std::vector<double> distances;
    for (; !found.empty(); found.pop()) distances.push_back(double{found.top().first});
    return distances;
  }

 private:
  std::unique_ptr<hnswlib::InnerProductSpace> space_;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> index_;
};

}  // namespace

std::unique_ptr<VectorPeer> hnswlib_vectors() { return std::make_unique<HnswlibVectors>(); }

}  // namespace bcstore::bench

#else

namespace bcstore::bench {
std::unique_ptr<VectorPeer> hnswlib_vectors() { return nullptr; }
}  // namespace bcstore::bench

#endif
