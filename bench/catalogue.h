// The engines and workloads that there are. A new one is a file of its own and a line in
// catalogue.cc.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine.h"
#include "harness.h"

namespace bcstore::bench {

struct EngineEntry {
  std::string_view name;
  // Null where the program was built without it.
  std::unique_ptr<Engine> (*make)();
  // Names what the engine needs at run time and does not find; empty: nothing. Null: needs nothing.
  std::string (*missing)() = nullptr;
  // The run goes on without a peer that fails.
  bool is_peer = true;
};

// Why an engine cannot run here; empty: it can.
std::string hindrance_of(const EngineEntry& entry);

struct WorkloadEntry {
  std::string_view name;
  std::string_view title;
  void (*run)(Bench& bench);
  // The hot loop alone, for a profiler.
  void (*profile)(Bench& bench, const ProfileRequest& request);
  // Workloads of one group, one after another, share their data.
  std::string_view group = {};
};

std::span<const EngineEntry> all_engines();
std::span<const WorkloadEntry> all_workloads();

std::unique_ptr<Engine> make_bcstore_engine();
std::unique_ptr<Engine> make_floor_engine();
// Those of the peers are there where the program was built with them.
std::unique_ptr<Engine> make_lmdb_engine();
std::unique_ptr<Engine> make_sqlite_engine();
std::unique_ptr<Engine> make_postgres_engine();
std::string missing_for_postgres();

void run_w1(Bench& bench);
void profile_w1(Bench& bench, const ProfileRequest& request);
void run_w2(Bench& bench);
void profile_w2(Bench& bench, const ProfileRequest& request);
void run_w3(Bench& bench);
void profile_w3(Bench& bench, const ProfileRequest& request);
void run_w4(Bench& bench);
void profile_w4(Bench& bench, const ProfileRequest& request);
void run_w8(Bench& bench);
void profile_w8(Bench& bench, const ProfileRequest& request);
void run_w9(Bench& bench);
void profile_w9(Bench& bench, const ProfileRequest& request);
void run_w10(Bench& bench);
void profile_w10(Bench& bench, const ProfileRequest& request);
void run_w5(Bench& bench);
void profile_w5(Bench& bench, const ProfileRequest& request);
void run_w6(Bench& bench);
void profile_w6(Bench& bench, const ProfileRequest& request);
void run_w7(Bench& bench);
void profile_w7(Bench& bench, const ProfileRequest& request);
void run_w11(Bench& bench);
void profile_w11(Bench& bench, const ProfileRequest& request);
void run_w12(Bench& bench);
void profile_w12(Bench& bench, const ProfileRequest& request);

}  // namespace bcstore::bench
