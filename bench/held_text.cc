#include "held_text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "failure.h"

namespace bcstore::bench {
namespace {

namespace fs = std::filesystem;

uint64_t count_in(const fs::path& path, std::string_view text) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    if (errno == ENOENT) return 0;
    throw Failure(fmt::format("cannot read '{}': {}", path.string(), std::strerror(errno)));
  }
  // A piece at a time, with the end of the one before in front of it.
  std::string piece(size_t{1} << 20, '\0');
  size_t kept = 0;
  uint64_t found = 0;
  ssize_t got = 0;
  while ((got = ::read(file, piece.data() + kept, piece.size() - kept)) > 0) {
    const size_t size = kept + static_cast<size_t>(got);
    size_t at = 0;
    while (true) {
      const void* hit = ::memmem(piece.data() + at, size - at, text.data(), text.size());
      if (hit == nullptr) break;
      ++found;
      at = static_cast<size_t>(static_cast<const char*>(hit) - piece.data()) + text.size();
    }
    const size_t from = std::max(at, size - std::min(size, text.size() - 1));
    kept = size - from;
    std::memmove(piece.data(), piece.data() + from, kept);
  }
  const int cause = errno;
  ::close(file);
  if (got < 0) {
    throw Failure(fmt::format("cannot read '{}': {}", path.string(), std::strerror(cause)));
  }
  return found;
}

}  // namespace

bool is_log(const fs::path& path) {
  const std::string name = path.filename().string();
  return path.extension() == ".log" || name == "log" || name.ends_with("-wal") ||
         name.ends_with("-shm") || path.parent_path().filename() == "pg_wal";
}

HeldText find_text(const std::string& directory, std::string_view text) {
  HeldText held;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory, error)) {
    std::error_code gone;
    if (!entry.is_regular_file(gone) || gone) continue;
    check_interrupted();
    const uint64_t found = count_in(entry.path(), text);
    (is_log(entry.path()) ? held.in_log : held.in_database) += found;
    if (found > 0 && held.file.empty()) {
      held.file = fs::relative(entry.path(), directory, gone).string();
    }
  }
  if (error) throw Failure(fmt::format("cannot look through '{}': {}", directory, error.message()));
  return held;
}

}  // namespace bcstore::bench
