// How contents of revisions are coded, and how far a chain of deltas may go.
//
// A revision is stored whole, or as a zstd frame whose prefix is the content of an older revision
// of the same document. A chain begins with a whole revision, its keyframe. The bounds are kept by
// the writer, so that whoever reads any revision knows what that can cost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/status.h"
#include "format/record.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace bcstore::model {

// A delta's number is at most so far above its keyframe's: a reader scans no more rows than that.
inline constexpr uint32_t kMaxChainLinks = 32;
// The deltas of one chain are together no longer than the content divided by this.
inline constexpr size_t kChainBytesDivisor = 2;
// What a reader decodes on the way to a revision, that one and the keyframe included.
inline constexpr uint64_t kMaxChainDecodedBytes = uint64_t{64} << 20;
// Shorter contents are stored as they are.
inline constexpr size_t kMinPackBytes = 128;

// Where a revision stands in its chain.
struct ChainPlace {
  uint32_t rev = 0;
  uint32_t keyframe = 0;       // `rev` itself when it is whole
  uint64_t delta_bytes = 0;    // of the frames between the keyframe and it
  uint64_t decoded_bytes = 0;  // of the contents on the way, the first and the last included

  static ChainPlace whole(uint32_t rev, size_t content_bytes) {
    return {rev, rev, 0, content_bytes};
  }
};

// A content as it shall lie on disk.
struct CodedContent {
  format::Coding coding = format::Coding::plain;
  std::string bytes;  // empty when plain: the content itself
};

// Compresses and decompresses. Safe from many threads; a few idle contexts are kept.
class ContentCoder {
 public:
  ContentCoder();
  ~ContentCoder();

  CodedContent code_whole(std::string_view content);
  // Against the content of `parent`; whole when a delta would break a bound or save too little.
  // `place` is set to the place of the new revision, whose number is parent.rev + 1.
  CodedContent code(std::string_view content, std::string_view parent_content,
                    const ChainPlace& parent, ChainPlace* place);
  // Decodes one frame that must give exactly `bytes`; `parent` is empty for a whole one. Not ok
  // (internal, or corruption with the reason alone) when it does not.
  Status decode(std::string_view frame, uint64_t bytes, std::string_view parent, std::string* out);

 private:
  struct FreeCompressor {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  struct FreeDecompressor {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  using Compressor = std::unique_ptr<ZSTD_CCtx_s, FreeCompressor>;
  using Decompressor = std::unique_ptr<ZSTD_DCtx_s, FreeDecompressor>;

  // False when it came out longer than `most`, or there was no memory.
  bool compress(std::string_view content, std::string_view parent, size_t most, std::string* out);

  std::mutex mutex_;
  std::vector<Compressor> compressors_;
  std::vector<Decompressor> decompressors_;
};

}  // namespace bcstore::model
