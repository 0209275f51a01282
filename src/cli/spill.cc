#include "cli/spill.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <system_error>
#include <tuple>
#include <utility>

#include "cli/input.h"

namespace bcstore::cli {
namespace {

constexpr size_t kFlushBytes = size_t{1} << 20;

Status storage_error(std::string_view what) {
  Code code = errno == ENOSPC ? Code::no_space : Code::io_error;
  return Status(code, fmt::format("{}: {}", what, std::generic_category().message(errno)));
}

int open_unnamed(const std::string& directory) {
  int file = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) return file;
  // Some file systems have no files without a name: make one with a name, and take it away.
  std::string path = directory + "/.bcstore-load-XXXXXX";
  file = ::mkostemp(path.data(), O_CLOEXEC);
  if (file >= 0) ::unlink(path.c_str());
  return file;
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::user:
      return "user";
    case Kind::project:
      return "project";
    case Kind::document:
      return "document";
    case Kind::task:
      return "task";
    case Kind::session:
      return "session";
  }
  return "unknown";
}

Result<Spill> Spill::create(const std::string& directory) {
  int file = open_unnamed(directory.empty() ? "." : directory);
  std::error_code unknown;
  if (file < 0) file = open_unnamed(std::filesystem::temp_directory_path(unknown).string());
  if (file < 0) return storage_error("cannot make a temporary file");
  return Spill(file);
}

Spill::Spill(Spill&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      written_bytes_(other.written_bytes_),
      pending_(std::move(other.pending_)),
      groups_(std::move(other.groups_)),
      entries_(std::move(other.entries_)),
      group_index_(std::move(other.group_index_)),
      buffer_(std::move(other.buffer_)) {}

Spill::~Spill() {
  if (file_ >= 0) ::close(file_);
}

uint32_t Spill::group_of(const Parent& parent) {
  auto [at, is_new] = group_index_.try_emplace(parent, static_cast<uint32_t>(groups_.size()));
  if (is_new) groups_.push_back(Group{parent});
  return at->second;
}

Status Spill::add(std::string_view text, uint64_t line, const Parent& parent, int64_t order) {
  entries_.push_back({line, written_bytes_ + pending_.size(), order,
                      static_cast<uint32_t>(text.size()), group_of(parent)});
  pending_.append(text);
  return pending_.size() < kFlushBytes ? Status() : flush();
}

Status Spill::finish() {
  group_index_.clear();
  return flush();
}

Status Spill::flush() {
  size_t done = 0;
  while (done < pending_.size()) {
    ssize_t put = ::pwrite(file_, pending_.data() + done, pending_.size() - done,
                           static_cast<off_t>(written_bytes_));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return storage_error("writing the temporary file");
    done += static_cast<size_t>(put);
    written_bytes_ += static_cast<uint64_t>(put);
  }
  pending_.clear();
  return {};
}

void Spill::sort(bool across_parents) {
  std::vector<uint32_t> by_place(groups_.size());
  std::iota(by_place.begin(), by_place.end(), 0u);
  std::sort(by_place.begin(), by_place.end(), [this](uint32_t a, uint32_t b) {
    return std::tie(groups_[a].owner, groups_[a].parent.id) <
           std::tie(groups_[b].owner, groups_[b].parent.id);
  });
  std::vector<uint32_t> rank(groups_.size());
  for (size_t i = 1; i < by_place.size(); ++i) {
    bool is_same = across_parents && groups_[by_place[i]].owner == groups_[by_place[i - 1]].owner;
    rank[by_place[i]] = rank[by_place[i - 1]] + (is_same ? 0u : 1u);
  }
  std::sort(entries_.begin(), entries_.end(), [&rank](const Entry& a, const Entry& b) {
    return std::tuple(rank[a.group], a.order, a.line) < std::tuple(rank[b.group], b.order, b.line);
  });
}

Result<std::string_view> Spill::read(const Entry& entry) {
  if (buffer_.size() < entry.length + kLinePaddingBytes) {
    buffer_.resize(entry.length + kLinePaddingBytes);
  }
  size_t done = 0;
  while (done < entry.length) {
    ssize_t got = ::pread(file_, buffer_.data() + done, entry.length - done,
                          static_cast<off_t>(entry.offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return storage_error("reading the temporary file");
    if (got == 0) return Status(Code::io_error, "the temporary file is shorter than it was");
    done += static_cast<size_t>(got);
  }
  return std::string_view(buffer_.data(), entry.length);
}

}  // namespace bcstore::cli
