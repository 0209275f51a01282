#include "engine/fork_guard.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace bcstore::engine {
namespace {

constexpr size_t kPageBytes = 4096;

}  // namespace

ForkGuard::ForkGuard() : pid_(::getpid()) {
  void* page = ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                      /*fd=*/-1, /*offset=*/0);
  if (page == MAP_FAILED) return;
  if (::madvise(page, kPageBytes, MADV_WIPEONFORK) != 0) {
    ::munmap(page, kPageBytes);
    return;
  }
  mark_ = new (page) std::atomic<uint32_t>(1);
}

ForkGuard::~ForkGuard() {
  if (mark_ != nullptr) ::munmap(mark_, kPageBytes);
}

bool ForkGuard::other_process() const { return ::getpid() != pid_; }

}  // namespace bcstore::engine
