// A PostgreSQL server of the benchmark's own: a cluster in the engine's directory, reached by a
// socket in there and by nothing else. It never outlives the benchmark.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

namespace bcstore::bench {

// What a server needs and this machine does not have; empty: nothing.
std::string missing_for_postgres();
// Where initdb and postgres are: in PATH, or where Debian has its newest.
std::string postgres_programs();

class PostgresCluster {
 public:
  // Makes the cluster, unless the directory has it, and starts it; returns as soon as it answers.
  PostgresCluster(const std::string& directory, size_t memory_budget_bytes);
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;
  ~PostgresCluster();

  // What libpq calls the host. Short, however long the directory's own path is.
  const std::string& host() const { return host_; }
  // Processor time of all its processes so far.
  double cpu_s() const;
  static constexpr const char* kOwner = "bench_owner";

 private:
  void hand_over();
  void make(size_t memory_budget_bytes);
  void configure(size_t memory_budget_bytes) const;
  void start();
  // Runs `words` as the server's user, its output in the log.
  pid_t launch(const std::vector<std::string>& words, int signal_at_our_death) const;
  // Whether it has ended; `status` is as waitpid tells it.
  static bool has_ended(pid_t process, int* status);
  [[noreturn]] void fail(const std::string& what) const;
  void stop() noexcept;

  std::string programs_;
  std::string data_, log_path_, host_;
  bool drops_rights_ = false;
  uid_t user_ = 0;
  gid_t group_ = 0;
  int directory_ = -1;  // of the data
  pid_t server_ = -1;
};

}  // namespace bcstore::bench
