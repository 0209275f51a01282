#include "postgres_cluster.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

#include "failure.h"

namespace bcstore::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLongestStart{120};
constexpr std::chrono::seconds kLongestStop{120};
constexpr std::chrono::milliseconds kPoll{2};
constexpr size_t kLinesOfLog = 8;

bool has_programs(const fs::path& directory) {
  return ::access((directory / "initdb").c_str(), X_OK) == 0 &&
         ::access((directory / "postgres").c_str(), X_OK) == 0;
}

// A server refuses to run as root.
const passwd* other_user() {
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* found = ::getpwnam(name)) return found;
  }
  return nullptr;
}

std::string last_lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  std::string tail;
  for (size_t i = lines.size() - std::min(lines.size(), kLinesOfLog); i < lines.size(); ++i) {
    tail += "\n  " + lines[i];
  }
  return tail;
}

// Between fork and exec: nothing here may allocate.
struct Child {
  const char* program;
  char* const* words;
  char* const* environment;
  int output;
  int signal_at_our_death;
  pid_t parent;
  bool drops_rights;
  uid_t user;
  gid_t group;
};

[[noreturn]] void become(const Child& child) {
  // A group of its own: Ctrl-C at the terminal is for the benchmark, which stops the server.
  ::setsid();
  const bool is_other =
      !child.drops_rights ||
      (::setgroups(0, nullptr) == 0 && ::setgid(child.group) == 0 && ::setuid(child.user) == 0);
  // After the change of the user, which would forget it.
  const bool dies_with_us =
      ::prctl(PR_SET_PDEATHSIG, child.signal_at_our_death) == 0 && ::getppid() == child.parent;
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (!is_other || !dies_with_us || nothing < 0 || ::dup2(nothing, 0) < 0 ||
      ::dup2(child.output, 1) < 0 || ::dup2(child.output, 2) < 0 || ::chdir("/") != 0 ||
      ::close_range(3, UINT_MAX, 0) != 0) {
    ::_exit(126);
  }
  ::execve(child.program, child.words, child.environment);
  ::_exit(127);
}

}  // namespace

std::string postgres_programs() {
  const char* set = std::getenv("PATH");
  std::string_view path = set == nullptr ? "" : set;
  while (!path.empty()) {
    const size_t colon = path.find(':');
    const fs::path directory(path.substr(0, colon));
    if (has_programs(directory)) return directory.string();
    path.remove_prefix(colon == std::string_view::npos ? path.size() : colon + 1);
  }
  int newest = 0;
  std::string found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/usr/lib/postgresql", error)) {
    const int version = std::atoi(entry.path().filename().c_str());
    if (version <= newest || !has_programs(entry.path() / "bin")) continue;
    newest = version;
    found = (entry.path() / "bin").string();
  }
  return found;
}

std::string missing_for_postgres() {
  if (postgres_programs().empty()) {
    return "initdb and postgres are neither in PATH nor under /usr/lib/postgresql";
  }
  if (::geteuid() == 0 && other_user() == nullptr) {
    return "a server does not run as root, and there is no user postgres or nobody";
  }
  return {};
}

PostgresCluster::PostgresCluster(const std::string& directory, size_t memory_budget_bytes)
    : programs_(postgres_programs()), data_(directory + "/data"), log_path_(directory + "/log") {
  try {
    hand_over();
    directory_ = ::open(data_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory_ < 0) throw Failure(fmt::format("postgres: {}: {}", data_, std::strerror(errno)));
    host_ = fmt::format("/proc/self/fd/{}", directory_);
    if (!fs::exists(data_ + "/PG_VERSION")) make(memory_budget_bytes);
    start();
  } catch (...) {
    stop();
    throw;
  }
}

// All its processes are children of the first one, which waited for those that have ended.
double PostgresCluster::cpu_s() const {
  double ticks = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", error)) {
    const pid_t process = std::atoi(entry.path().filename().c_str());
    if (process <= 0) continue;
    std::ifstream stat(entry.path() / "stat");
    std::string all;
    std::getline(stat, all);
    const size_t name_end = all.rfind(')');  // a name may contain anything
    if (name_end == std::string::npos) continue;
    std::istringstream words(all.substr(name_end + 1));
    std::string word;
    double times[4] = {};  // its own in user and system mode, and of those it waited for
    pid_t parent = 0;
    for (int field = 3; field <= 17 && words >> word; ++field) {
      if (field == 4) parent = std::atoi(word.c_str());
      if (field >= 14) times[field - 14] = std::atof(word.c_str());
    }
    if (parent != server_ && process != server_) continue;
    ticks += times[0] + times[1];
    if (process == server_) ticks += times[2] + times[3];
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

PostgresCluster::~PostgresCluster() { stop(); }

// The data are the server's user's. That one must reach them: the scratch directory, which is the
// benchmark's own, is opened for passing through; what is above it is not ours to change.
void PostgresCluster::hand_over() {
  if (::mkdir(data_.c_str(), 0700) != 0 && errno != EEXIST) {
    throw Failure(fmt::format("postgres: cannot make '{}': {}", data_, std::strerror(errno)));
  }
  if (::geteuid() != 0) return;
  const passwd* other = other_user();
  if (other == nullptr) throw Failure("postgres: there is no user postgres or nobody");
  drops_rights_ = true;
  user_ = other->pw_uid;
  group_ = other->pw_gid;
  const fs::path own = fs::path(data_).parent_path();
  const bool is_open = ::chmod(own.c_str(), 0711) == 0 &&
                       ::chmod(own.parent_path().c_str(), 0711) == 0 &&
                       ::chown(data_.c_str(), user_, group_) == 0;
  if (!is_open) {
    throw Failure(fmt::format("postgres: cannot hand over '{}': {}", data_, std::strerror(errno)));
  }
  for (fs::path at = fs::absolute(own).parent_path(); at.has_relative_path();
       at = at.parent_path()) {
    struct stat info {};
    if (::stat(at.c_str(), &info) == 0 && (info.st_mode & S_IXOTH) == 0 && info.st_uid != user_) {
      throw Failure(
          fmt::format("postgres: its server runs as {} and cannot pass through '{}'; "
                      "choose another --scratch",
                      other->pw_name, at.string()));
    }
  }
}

void PostgresCluster::make(size_t memory_budget_bytes) {
  // Trust: whoever reaches the socket, which lies in a directory of mode 0700.
  const pid_t initdb = launch({programs_ + "/initdb", "--pgdata=" + fs::absolute(data_).string(),
                               std::string("--username=") + kOwner, "--auth=trust",
                               "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"},
                              SIGTERM);
  int status = 0;
  while (!has_ended(initdb, &status)) {
    try {
      check_interrupted();
    } catch (...) {
      ::kill(-initdb, SIGKILL);  // with what it started; nothing there is worth keeping
      ::waitpid(initdb, &status, 0);
      throw;
    }
    std::this_thread::sleep_for(kPoll);
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail("initdb failed");
  configure(memory_budget_bytes);
}

// The socket's directory is '.', of the data: the path that the server binds to stays short.
void PostgresCluster::configure(size_t memory_budget_bytes) const {
  const size_t budget_kb = memory_budget_bytes >> 10;
  std::ofstream file(data_ + "/postgresql.conf", std::ios::app);
  file << "listen_addresses = ''\nunix_socket_directories = '.'\nunix_socket_permissions = 0700\n"
       << "max_connections = 64\ndynamic_shared_memory_type = mmap\ntimezone = 'UTC'\n"
       << "shared_buffers = " << budget_kb / 4 * 3 << "kB\n"
       << "effective_cache_size = " << budget_kb << "kB\n"
       << "maintenance_work_mem = " << std::max<size_t>(budget_kb / 16, 1024) << "kB\n"
       << "max_wal_size = 2GB\ncheckpoint_timeout = 30min\nwal_buffers = 16MB\n"
       << "wal_level = minimal\nmax_wal_senders = 0\nautovacuum_naptime = 10s\n"
       // Statements are short and prepared once, for data in memory.
       << "jit = off\nplan_cache_mode = force_generic_plan\nrandom_page_cost = 1.1\n";
  file.close();
  if (!file) throw Failure(fmt::format("postgres: cannot write its configuration in '{}'", data_));
}

void PostgresCluster::start() {
  server_ = launch({programs_ + "/postgres", "-D", fs::absolute(data_).string()}, SIGQUIT);
  const std::string target = fmt::format("host={} user={} dbname=postgres", host_, kOwner);
  const Clock::time_point deadline = Clock::now() + kLongestStart;
  while (true) {
    const PGPing answer = ::PQping(target.c_str());
    if (answer == PQPING_OK) return;
    int status = 0;
    if (has_ended(server_, &status)) {
      server_ = -1;
      fail("the server did not start");
    }
    check_interrupted();
    if (Clock::now() > deadline) fail("the server does not answer");
    std::this_thread::sleep_for(kPoll);
  }
}

pid_t PostgresCluster::launch(const std::vector<std::string>& words,
                              int signal_at_our_death) const {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  const std::string path = "PATH=" + programs_ + ":/usr/bin:/bin";
  char locale[] = "LC_ALL=C";
  char* const environment[] = {const_cast<char*>(path.c_str()), locale, nullptr};
  const int log = ::open(log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) throw Failure(fmt::format("postgres: {}: {}", log_path_, std::strerror(errno)));
  const Child child{words[0].c_str(), pointers.data(), environment, log,   signal_at_our_death,
                    ::getpid(),       drops_rights_,   user_,       group_};
  const pid_t process = ::fork();
  if (process == 0) become(child);
  const int cause = errno;
  ::close(log);
  if (process < 0) throw Failure(fmt::format("postgres: fork: {}", std::strerror(cause)));
  return process;
}

bool PostgresCluster::has_ended(pid_t process, int* status) {
  return ::waitpid(process, status, WNOHANG) != 0;
}

void PostgresCluster::fail(const std::string& what) const {
  throw Failure(fmt::format("postgres: {}; its log ends:{}", what, last_lines(log_path_)));
}

// Politely (the clients are turned out, a checkpoint is written), then less so.
void PostgresCluster::stop() noexcept {
  if (server_ > 0) {
    for (const int signal : {SIGINT, SIGQUIT, SIGKILL}) {
      ::kill(server_, signal);
      const Clock::time_point deadline = Clock::now() + kLongestStop;
      int status = 0;
      bool is_over = has_ended(server_, &status);
      while (!is_over && Clock::now() < deadline) {
        std::this_thread::sleep_for(kPoll);
        is_over = has_ended(server_, &status);
      }
      if (is_over) break;
    }
    server_ = -1;
  }
  if (directory_ >= 0) ::close(directory_);
  directory_ = -1;
}

}  // namespace bcstore::bench
