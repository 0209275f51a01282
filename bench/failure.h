// How a benchmark ends early. Everything that the run owns is a value with a destructor, so a throw
// closes the engines and removes the scratch data on its way out.
#pragma once

#include <stdexcept>
#include <string>

namespace bcstore::bench {

// Something went wrong: an engine failed, two engines disagree, the disk is full. Exit code 1.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The command line asks for something that does not exist or makes no sense. Exit code 2.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A signal asked the run to end. Exit code 128 + its number.
class Interrupted : public std::runtime_error {
 public:
  explicit Interrupted(int signal) : std::runtime_error("interrupted"), signal_(signal) {}
  int signal() const { return signal_; }

 private:
  int signal_;
};

// From here on SIGINT, SIGTERM and SIGHUP are remembered instead of ending the process, and the
// limit of a file's size is answered by the call that meets it.
void catch_signals();
// Throws Interrupted if one came. Every loop of the program calls it now and then.
void check_interrupted();

}  // namespace bcstore::bench
