#include "model/delta.h"

#include <zstd.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "bcstore/options.h"

namespace bcstore::model {

using format::Coding;

namespace {

constexpr int kZstdLevel = 3;
constexpr size_t kMaxIdleContexts = 4;
// A context that grew larger in a long content is not kept.
constexpr size_t kMaxIdleContextBytes = size_t{4} << 20;
// From here on the tables of the level reach back too short: long matches are looked for apart.
constexpr size_t kLongBytes = size_t{1} << 20;
// A delta below this part of the content is taken without a look at the whole.
constexpr size_t kSmallDeltaDivisor = 8;
// Another is taken when it is at most three quarters of the whole.
constexpr size_t kWorthNumerator = 3, kWorthDenominator = 4;

template <class Context>
Context take(std::mutex& mutex, std::vector<Context>& idle) {
  std::lock_guard lock(mutex);
  if (idle.empty()) return Context();
  Context context = std::move(idle.back());
  idle.pop_back();
  return context;
}

template <class Context>
void give(std::mutex& mutex, std::vector<Context>& idle, Context context, size_t bytes) {
  if (bytes > kMaxIdleContextBytes) return;
  std::lock_guard lock(mutex);
  if (idle.size() < kMaxIdleContexts) idle.push_back(std::move(context));
}

// The window covers the parent and the content, so that a match may reach to the parent's start.
bool set_up(ZSTD_CCtx* context, std::string_view content, std::string_view parent) {
  bool ok = !ZSTD_isError(ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters)) &&
            !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, kZstdLevel));
  if (parent.empty()) return ok;
  const size_t span = parent.size() + content.size();
  const int window_log = std::max(10, static_cast<int>(std::bit_width(span)));
  ok = ok && !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log));
  if (span > kLongBytes) {
    ok = ok && !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_enableLongDistanceMatching, 1));
  }
  return ok && !ZSTD_isError(ZSTD_CCtx_refPrefix(context, parent.data(), parent.size()));
}

}  // namespace

void ContentCoder::FreeCompressor::operator()(ZSTD_CCtx_s* context) const {
  ZSTD_freeCCtx(context);
}
void ContentCoder::FreeDecompressor::operator()(ZSTD_DCtx_s* context) const {
  ZSTD_freeDCtx(context);
}

ContentCoder::ContentCoder() = default;
ContentCoder::~ContentCoder() = default;

bool ContentCoder::compress(std::string_view content, std::string_view parent, size_t most,
                            std::string* out) {
  Compressor context = take(mutex_, compressors_);
  if (!context) context.reset(ZSTD_createCCtx());
  if (!context || !set_up(context.get(), content, parent)) return false;
  // No more room than what would be accepted: the compressor stops when it is full.
  out->resize(std::min(most, ZSTD_compressBound(content.size())));
  const size_t size =
      ZSTD_compress2(context.get(), out->data(), out->size(), content.data(), content.size());
  const size_t held = ZSTD_sizeof_CCtx(context.get());
  give(mutex_, compressors_, std::move(context), held);
  if (ZSTD_isError(size)) return false;
  out->resize(size);
  return true;
}

CodedContent ContentCoder::code_whole(std::string_view content) {
  CodedContent coded;
  if (content.size() < kMinPackBytes || !compress(content, {}, content.size() - 1, &coded.bytes)) {
    coded.bytes.clear();
    return coded;
  }
  coded.coding = Coding::zstd;
  return coded;
}

CodedContent ContentCoder::code(std::string_view content, std::string_view parent_content,
                                const ChainPlace& parent, ChainPlace* place) {
  const uint32_t rev = parent.rev + 1;
  *place = ChainPlace::whole(rev, content.size());
  const size_t most = content.size() / kChainBytesDivisor;
  if (content.size() < kMinPackBytes || parent_content.empty() ||
      rev - parent.keyframe > kMaxChainLinks || parent.delta_bytes >= most ||
      parent.decoded_bytes + content.size() > kMaxChainDecodedBytes) {
    return code_whole(content);
  }
  CodedContent delta;
  if (!compress(content, parent_content, most - parent.delta_bytes, &delta.bytes)) {
    return code_whole(content);
  }
  if (delta.bytes.size() > content.size() / kSmallDeltaDivisor) {
    CodedContent whole = code_whole(content);
    const size_t whole_bytes = whole.coding == Coding::plain ? content.size() : whole.bytes.size();
    if (delta.bytes.size() * kWorthDenominator > whole_bytes * kWorthNumerator) return whole;
  }
  delta.coding = Coding::delta;
  *place = {rev, parent.keyframe, parent.delta_bytes + delta.bytes.size(),
            parent.decoded_bytes + content.size()};
  return delta;
}

Status ContentCoder::decode(std::string_view frame, uint64_t bytes, std::string_view parent,
                            std::string* out) {
  // Nothing is made room for that a writer could not have put there.
  if (bytes > kMaxRevisionBytes || ZSTD_getFrameContentSize(frame.data(), frame.size()) != bytes) {
    return Status(Code::corruption, "the packed content has another size");
  }
  if (ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) {
    return Status(Code::corruption, "the packed content is not one frame");
  }
  Decompressor context = take(mutex_, decompressors_);
  if (!context) context.reset(ZSTD_createDCtx());
  if (!context) return Status(Code::internal, "no memory to unpack a content");
  if (!parent.empty() &&
      ZSTD_isError(ZSTD_DCtx_refPrefix(context.get(), parent.data(), parent.size()))) {
    return Status(Code::internal, "a content cannot be unpacked against another");
  }
  out->resize(static_cast<size_t>(bytes));
  const size_t got =
      ZSTD_decompressDCtx(context.get(), out->data(), out->size(), frame.data(), frame.size());
  const bool failed = ZSTD_isError(got) != 0 || got != bytes;
  // A context in error still refers to the prefix.
  if (failed) return Status(Code::corruption, "the content does not unpack");
  const size_t held = ZSTD_sizeof_DCtx(context.get());
  give(mutex_, decompressors_, std::move(context), held);
  return Status();
}

}  // namespace bcstore::model
