// MachineLoad: how busy everybody else kept the processors while something was measured. Figures
// taken on a busy machine are worth less, and a row should say so.
#pragma once

#include <cstdint>

namespace bcstore::bench {

class MachineLoad {
 public:
  MachineLoad();
  // The share, 0 to 1, of all processors' time since construction that others used: neither this
  // process nor those that it measures, which used `measured_s`.
  double others_share(double measured_s = 0) const;

 private:
  struct Reading {
    double total_s = 0;  // of all processors, idle time included
    double busy_s = 0;   // of all processes
    double own_s = 0;
  };
  static Reading read();
  Reading begin_;
};

}  // namespace bcstore::bench
