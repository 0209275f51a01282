#include "failure.h"

#include <atomic>
#include <csignal>

namespace bcstore::bench {
namespace {

static_assert(std::atomic<int>::is_always_lock_free);
std::atomic<int> caught_signal{0};

void remember_signal(int signal) { caught_signal.store(signal, std::memory_order_relaxed); }

}  // namespace

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = remember_signal;
  ::sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
  // A file that may not grow further is an error of the call that writes it.
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGXFSZ, &action, nullptr);
}

void check_interrupted() {
  const int signal = caught_signal.load(std::memory_order_relaxed);
  if (signal != 0) throw Interrupted(signal);
}

}  // namespace bcstore::bench
