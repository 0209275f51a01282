// The tables of the system that bcstore takes the place of, with its indexes, constraints and
// row-level security, as far as the workloads need them.
#pragma once

namespace bcstore::bench {

// Who the workers are: neither the owner of the tables nor above their policies.
inline constexpr const char* kPostgresApplication = "bench_application";
// All of it, for the owner to execute in an empty database.
extern const char* const kPostgresTables;
extern const char* const kPostgresPolicies;
extern const char* const kPostgresFunctions;

}  // namespace bcstore::bench
