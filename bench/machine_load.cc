#include "machine_load.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace bcstore::bench {
namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

MachineLoad::MachineLoad() : begin_(read()) {}

double MachineLoad::others_share(double measured_s) const {
  const Reading end = read();
  const double total_s = end.total_s - begin_.total_s;
  if (total_s <= 0) return 0;
  const double others_s = (end.busy_s - begin_.busy_s) - (end.own_s - begin_.own_s) - measured_s;
  return std::clamp(others_s / total_s, 0.0, 1.0);
}

// "cpu  user nice system idle iowait irq softirq steal guest guest_nice", in ticks.
MachineLoad::Reading MachineLoad::read() {
  constexpr int kIdle = 3;
  constexpr int kIoWait = 4;
  constexpr int kFields = 8;  // those after it are counted within user and nice
  Reading reading;
  std::ifstream stat("/proc/stat");
  std::string cpu;
  stat >> cpu;
  const double ticks_per_s = static_cast<double>(::sysconf(_SC_CLK_TCK));
  for (int field = 0; field < kFields; ++field) {
    double ticks = 0;
    stat >> ticks;
    reading.total_s += ticks / ticks_per_s;
    if (field != kIdle && field != kIoWait) reading.busy_s += ticks / ticks_per_s;
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  reading.own_s = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  return reading;
}

}  // namespace bcstore::bench
