// Two threads write one number without a lock. Run under ThreadSanitizer, which must say so.
#include <thread>

namespace {
int shared_number = 0;
}

int main() {
  std::thread other([] {
    for (int i = 0; i < 1000; ++i) ++shared_number;
  });
  for (int i = 0; i < 1000; ++i) ++shared_number;
  other.join();
  return 0;
}
