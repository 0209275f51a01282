#include "cli/vectors.h"

#include <fmt/format.h>

#include <bit>
#include <memory>

#include "bcstore/options.h"
#include "cli/source.h"

namespace bcstore::cli {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the file's numbers are copied as they are");

// The rest of `bytes`, or as much of it as there is.
Result<size_t> read_up_to(ByteSource& source, char* bytes, size_t size) {
  size_t done = 0;
  while (done < size) {
    Result<size_t> got = source.read(bytes + done, size - done);
    if (!got) return got;
    if (*got == 0) break;
    done += *got;
  }
  return done;
}

}  // namespace

Result<Vectors> Vectors::read(const std::string& path) {
  Result<std::unique_ptr<ByteSource>> source = open_source(path);
  if (!source) return source.status();
  Vectors vectors;
  vectors.starts_.push_back(0);
  for (;;) {
    int32_t dimension = 0;
    Result<size_t> got =
        read_up_to(**source, reinterpret_cast<char*>(&dimension), sizeof dimension);
    if (!got) return got.status();
    if (*got == 0) return vectors;
    const size_t start = vectors.floats_.size();
    bool is_whole = *got == sizeof dimension && dimension > 0 &&
                    static_cast<size_t>(dimension) <= kMaxDimension;
    if (is_whole) {
      const auto count = static_cast<size_t>(dimension);
      if ((start + count) * sizeof(float) > kMaxVectorBytes) {
        return Status(Code::invalid_argument,
                      fmt::format("{}: more than {} bytes of vectors", path, kMaxVectorBytes));
      }
      vectors.floats_.resize(start + count);
      got = read_up_to(**source, reinterpret_cast<char*>(vectors.floats_.data() + start),
                       count * sizeof(float));
      if (!got) return got.status();
      is_whole = *got == count * sizeof(float);
    }
    if (!is_whole) {
      return Status(Code::corruption, fmt::format("vector {} is cut off or has {} dimensions",
                                                  vectors.size(), dimension));
    }
    vectors.starts_.push_back(vectors.floats_.size());
  }
}

}  // namespace bcstore::cli
