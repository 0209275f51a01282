#include "engine/space_gate.h"

#include <algorithm>

#include "engine/monotonic.h"

namespace bcstore::engine {
namespace {

constexpr int64_t kTrustedUs = 100'000;
constexpr uint64_t kMostTrustedBytes = uint64_t{1} << 20;

bool fits(uint64_t free_bytes, uint64_t bytes, uint64_t reserve_bytes) {
  return free_bytes >= reserve_bytes && free_bytes - reserve_bytes >= bytes;
}

Status refusal(uint64_t free_bytes, uint64_t bytes, uint64_t reserve_bytes) {
  return Status(Code::no_space, std::to_string(free_bytes) + " bytes are free, " +
                                    std::to_string(bytes) + " are asked for, and " +
                                    std::to_string(reserve_bytes) + " must stay free");
}

}  // namespace

SpaceGate::SpaceGate(std::shared_ptr<FileSystem> files, std::string path, const Options& options)
    : files_(std::move(files)),
      path_(std::move(path)),
      reserve_bytes_(options.free_space_reserve_bytes),
      trusted_bytes_(options.file_system ? 0 : std::min(kMostTrustedBytes, reserve_bytes_ / 16)) {}

Status SpaceGate::admit(uint64_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (asked_ && admitted_bytes_ + bytes < trusted_bytes_ &&
      monotonic_us() - asked_us_ < kTrustedUs &&
      fits(free_bytes_, admitted_bytes_ + bytes, reserve_bytes_)) {
    admitted_bytes_ += bytes;
    return Status();
  }
  asked_ = false;
  Result<uint64_t> free_bytes = files_->free_space(path_);
  if (!free_bytes) return free_bytes.status();
  if (!fits(*free_bytes, bytes, reserve_bytes_)) {
    return refusal(*free_bytes, bytes, reserve_bytes_);
  }
  asked_ = true;
  asked_us_ = monotonic_us();
  free_bytes_ = *free_bytes;
  admitted_bytes_ = bytes;
  return Status();
}

Status SpaceGate::admit_at(const std::string& directory, uint64_t bytes) const {
  Result<uint64_t> free_bytes = files_->free_space(directory);
  if (!free_bytes) return free_bytes.status();
  return fits(*free_bytes, bytes, reserve_bytes_) ? Status()
                                                  : refusal(*free_bytes, bytes, reserve_bytes_);
}

}  // namespace bcstore::engine
