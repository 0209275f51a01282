// Vector search beside hnswlib and faiss: how often it is asked per second, and what of the true
// nearest it finds. One thread, one run; sets follow from a seed, or come from a file .fvecs.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <numeric>
#include <optional>

#include "failure.h"
#include "scratch.h"
#include "vector/kernels.h"
#include "vectors/data.h"
#include "vectors/peers.h"

namespace bcstore::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr uint64_t kSeed = 20'251'123;
constexpr double kGoodRecall = 0.99;

double seconds_since(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

// The time in which this machine reads as many bytes as the codes have, in a row: the best of many.
double memory_limit_seconds(size_t bytes) {
  std::vector<uint64_t> memory(bytes / sizeof(uint64_t), 1);
  double best = 1e9;
  uint64_t sum = 0;
  for (int run = 0; run < 20; ++run) {
    const auto from = Clock::now();
    sum += std::accumulate(memory.begin(), memory.end(), uint64_t{0});
    best = std::min(best, seconds_since(from));
  }
  // Also by the widest loads there are.
  const std::vector<int8_t> query(4096, 1);
  std::vector<int32_t> out(memory.size() * sizeof(uint64_t) / 4096 + 1);
  for (int run = 0; run < 20; ++run) {
    const auto from = Clock::now();
    vector::kernels().dots_u8(reinterpret_cast<const uint8_t*>(memory.data()), 4096, bytes / 4096,
                              query.data(), 4096, out.data(), nullptr);
    best = std::min(best, seconds_since(from));
  }
  return sum == 0 ? 0 : best;
}

struct Point {
  int effort = 0;
  double recall = 0, rate = 0;
};

// Rounds over all queries for a quarter of a second; the best round counts.
Point measure(VectorPeer& peer, const VectorSet& set, int effort) {
  Point point{effort, 0, 0};
  for (size_t q = 0; q < set.query_count(); ++q) {
    point.recall += recall_of(set, q, peer.search(set.query(q), effort));
  }
  point.recall /= static_cast<double>(set.query_count());
  const auto begin = Clock::now();
  do {
    const auto from = Clock::now();
    for (size_t q = 0; q < set.query_count(); ++q) (void)peer.search(set.query(q), effort);
    point.rate = std::max(point.rate, static_cast<double>(set.query_count()) / seconds_since(from));
  } while (seconds_since(begin) < 0.25);
  return point;
}

// Each effort from the least on, until a recall is reached that is good.
void show_points(VectorPeer& peer, const VectorSet& set, const char* how, double build,
                 bool shows_all) {
  std::string bytes = "-";
  if (const uint64_t all = peer.index_bytes(); all != 0) {
    bytes = fmt::format("{:.2f}",
                        static_cast<double>(all) / static_cast<double>(set.size() * set.dimension));
  }
  const std::vector<int> efforts = peer.efforts(set);
  for (const int effort : efforts) {
    check_interrupted();
    const Point shown = measure(peer, set, effort);
    const bool is_last = shown.recall >= kGoodRecall || effort == efforts.back();
    if (is_last || shows_all) {
      fmt::print("| {} | {} x {} | {}{} | {} | {:.4f} | {:.0f} | {:.3f} | {:.0f} | {} |\n",
                 set.name, set.size(), set.dimension, peer.name(), how, shown.effort, shown.recall,
                 shown.rate, build, static_cast<double>(set.size()) / build, bytes);
      std::fflush(stdout);
    }
    if (is_last) break;
  }
}

void run_peer(VectorPeer& peer, const VectorSet& set, bool shows_all) {
  check_interrupted();
  auto from = Clock::now();
  peer.build(set);
  const double build = seconds_since(from);
  peer.settle();
  show_points(peer, set, "", build, shows_all);
  from = Clock::now();
  if (!peer.index()) return;
  const double index = seconds_since(from);
  peer.settle();
  show_points(peer, set, ", lists", index, shows_all);
}

struct Arguments {
  std::string directory = ".";
  std::vector<size_t> sizes = {10'000, 100'000};
  std::vector<std::string> files;
  size_t dimension = 384, queries = 200;
  bool only_bcstore = false, shows_all = false;
};

void run(const Arguments& args) {
  const Scratch scratch(args.directory);
  std::vector<VectorSet> sets;
  fmt::print("kernels: {}\n", vector::kernels().name);
  fmt::print(
      "| set | vectors | engine | effort | recall@10 | queries/s | build s | vectors/s | "
      "bytes per dimension |\n|---|---|---|---|---|---|---|---|---|\n");
  const auto run_set = [&](const VectorSet& set) {
    if (set.size() == 0) throw Refused("no vectors to search in");
    const double limit = memory_limit_seconds(set.size() * set.dimension);
    fmt::print("| {} | {} x {} | memory, read once | - | - | {:.0f} | - | - | 1 |\n", set.name,
               set.size(), set.dimension, 1 / limit);
    run_peer(*bcstore_vectors(scratch.fresh("store")), set, args.shows_all);
    if (args.only_bcstore) return;
    for (const auto& peer : {hnswlib_vectors, faiss_vectors}) {
      if (const auto made = peer()) run_peer(*made, set, args.shows_all);
    }
  };
  for (const size_t size : args.sizes) {
    for (const Hardness hardness : {Hardness::medium, Hardness::hard}) {
      run_set(make_vectors(hardness, size, args.dimension, args.queries, kSeed));
    }
  }
  for (const std::string& file : args.files) run_set(read_vectors(file, args.queries));
  if (!hnswlib_vectors()) fmt::print("without hnswlib: libhnswlib-dev was not there\n");
  if (!faiss_vectors()) fmt::print("without faiss: libfaiss-dev was not there\n");
}

int run_program(int argc, char** argv) {
  Arguments args;
  CLI::App app("Vector search beside hnswlib and faiss", "bcstore_vector_bench");
  app.add_option("--dir", args.directory, "Where the stores lie meanwhile");
  app.add_option("--sizes", args.sizes, "How many vectors")->delimiter(',');
  app.add_option("--dimension", args.dimension);
  app.add_option("--queries", args.queries);
  app.add_option("--file", args.files, "Vectors of your own, .fvecs");
  app.add_flag("--only-bcstore", args.only_bcstore);
  app.add_flag("--all", args.shows_all, "Every effort that was measured");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    catch_signals();
    run(args);
  } catch (const Refused& refused) {
    fmt::print(stderr, "{}\n", refused.what());
    return 2;
  } catch (const Interrupted& interrupted) {
    return 128 + interrupted.signal();
  } catch (const std::exception& failure) {
    fmt::print(stderr, "{}\n", failure.what());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace bcstore::bench

int main(int argc, char** argv) { return bcstore::bench::run_program(argc, argv); }
