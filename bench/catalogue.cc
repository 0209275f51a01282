#include "catalogue.h"

namespace bcstore::bench {
namespace {

// The engine under test comes first; the others are compared with it, in this order.
constexpr EngineEntry kEngines[] = {
    {"bcstore", make_bcstore_engine, nullptr, false},
    {"floor", make_floor_engine, nullptr, false},
#ifdef BCSTORE_BENCH_LMDB
    {"lmdb", make_lmdb_engine},
#else
    {"lmdb", nullptr},
#endif
#ifdef BCSTORE_BENCH_SQLITE
    {"sqlite", make_sqlite_engine},
#else
    {"sqlite", nullptr},
#endif
#ifdef BCSTORE_BENCH_POSTGRES
    {"postgres", make_postgres_engine, missing_for_postgres},
#else
    {"postgres", nullptr},
#endif
};

constexpr WorkloadEntry kWorkloads[] = {
    {"W1", "append a chat message", run_w1, profile_w1},
    {"W2", "last 50 messages of a session", run_w2, profile_w2},
    {"W3", "consume one credit", run_w3, profile_w3},
    {"W4", "append a revision of a document", run_w4, profile_w4},
    {"W5", "the newest documents of a project", run_w5, profile_w5, "projects"},
    {"W6", "the tasks of a project by phase", run_w6, profile_w6, "projects"},
    {"W7", "the context of a project", run_w7, profile_w7, "projects"},
    {"W8", "erase a user, drop a month", run_w8, profile_w8},
    {"W9", "bytes of a revision, in several codings", run_w9, profile_w9},
    {"W10", "open a store after a clean close", run_w10, profile_w10},
    {"W11", "a chat turn that costs a credit", run_w11, profile_w11},
    {"W12", "the cost of years", run_w12, profile_w12},
};

}  // namespace

std::span<const EngineEntry> all_engines() { return kEngines; }
std::span<const WorkloadEntry> all_workloads() { return kWorkloads; }

std::string hindrance_of(const EngineEntry& entry) {
  if (entry.make == nullptr) return "the program was built without it";
  return entry.missing == nullptr ? std::string() : entry.missing();
}

std::string_view to_string(Mode mode) { return mode == Mode::durable ? "durable" : "relaxed"; }

}  // namespace bcstore::bench
