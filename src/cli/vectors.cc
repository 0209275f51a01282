#include "cli/vectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "bcstore/options.h"
#include "cli/source.h"

namespace bcstore::cli {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the file's numbers are copied as they are");

Result<std::string> read_all(const std::string& path) {
  Result<std::unique_ptr<ByteSource>> source = open_source(path);
  if (!source) return source.status();
  constexpr size_t kStep = size_t{1} << 20;
  std::string bytes;
  for (;;) {
    const size_t size = bytes.size();
    if (size > kMaxVectorBytes) {
      return Status(Code::invalid_argument,
                    fmt::format("{}: more than {} bytes of vectors", path, kMaxVectorBytes));
    }
    bytes.resize(size + kStep);
    Result<size_t> got = (*source)->read(bytes.data() + size, kStep);
    if (!got) return got.status();
    bytes.resize(size + *got);
    if (*got == 0) return bytes;
  }
}

}  // namespace

Result<Vectors> Vectors::read(const std::string& path) {
  Result<std::string> bytes = read_all(path);
  if (!bytes) return bytes.status();
  Vectors vectors;
  vectors.floats_.reserve(bytes->size() / sizeof(float));
  vectors.starts_.push_back(0);
  for (size_t at = 0; at < bytes->size();) {
    int32_t dimension = 0;
    const size_t left = bytes->size() - at;
    if (left >= sizeof dimension) std::memcpy(&dimension, bytes->data() + at, sizeof dimension);
    const bool fits = dimension > 0 && static_cast<size_t>(dimension) <= kMaxDimension &&
                      left - sizeof dimension >= static_cast<size_t>(dimension) * sizeof(float);
    if (!fits) {
      return Status(Code::corruption, fmt::format("vector {} is cut off or has {} dimensions",
                                                  vectors.size(), dimension));
    }
    const size_t start = vectors.floats_.size();
    const auto count = static_cast<size_t>(dimension);
    vectors.floats_.resize(start + count);
    std::memcpy(vectors.floats_.data() + start, bytes->data() + at + sizeof dimension,
                count * sizeof(float));
    vectors.starts_.push_back(start + count);
    at += sizeof dimension + count * sizeof(float);
  }
  return vectors;
}

}  // namespace bcstore::cli
