#include "model/check_record.h"

#include <zstd.h>

#include <cstring>

#include "bcstore/options.h"
#include "format/search.h"

namespace bcstore::model {

using format::Kind;

namespace {

// Keys of one group of commits; a group is written as one batch.
constexpr size_t kMaxGroupKeys = size_t{256} << 20;

// What a writer keeps to, and so what a reader needs to have room for.
size_t tail_limit(Kind kind) {
  switch (kind) {
    case Kind::revision:
      return kMaxRevisionBytes;
    case Kind::message:
      return kMaxMessageBytes;
    case Kind::task:
    case Kind::task_revision:
    case Kind::event:
    case Kind::audit:
    case Kind::secret:
    case Kind::public_record:
      return kMaxTextBytes;
    case Kind::section_block:
      return kMaxBlockBytes;
    case Kind::section_head:
    case Kind::section_list:
      return kMaxBlocks * format::SectionSpan::kBytes;
    case Kind::replica_keys:
      return kMaxGroupKeys;
    case Kind::vector:
      return kMaxDimension * sizeof(float);
    case Kind::search_head:
      return kMaxBlocks * format::SearchEntry::kBytes;
    default:
      return kMaxMessageBytes;  // lists of a commit's operations
  }
}

}  // namespace

CheckedRecord::CheckedRecord() = default;
CheckedRecord::CheckedRecord(CheckedRecord&&) noexcept = default;
CheckedRecord& CheckedRecord::operator=(CheckedRecord&&) noexcept = default;
CheckedRecord::~CheckedRecord() = default;

void CheckedRecord::Free::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }

Status CheckedRecord::load(std::string_view key, std::string_view value, Tail tail) {
  key_.assign(key);
  info_ = format::parse_key(key_);
  verified_ = false;
  tail_ = {};
  format::Parsed parsed;
  Status s = format::parse_record(key_, value, &parsed, tail == Tail::unpack);
  if (s.ok() && (parsed.flags & format::kTail) != 0 && !info_->has_tail) {
    s = format::corrupt(key_, "a tail where the kind has none");
  }
  if (s.ok()) s = unpack_meta(parsed);
  if (s.ok() && tail == Tail::unpack) s = unpack_tail(parsed);
  verified_ = s.ok();
  return s;
}

Status CheckedRecord::unpack_meta(const format::Parsed& parsed) {
  bool whole = false;
  switch (info_->payload) {
    case format::Payload::reference:
      whole = format::unpack(parsed.meta, &reference_);
      break;
    case format::Payload::link:
      whole = format::unpack(parsed.meta, &link_);
      break;
    case format::Payload::counter:
      whole = format::unpack(parsed.meta, &counter_);
      break;
    case format::Payload::flat_buffer:
      meta_.resize(parsed.meta.size() / sizeof(uint64_t) + 1);
      std::memcpy(meta_.data(), parsed.meta.data(), parsed.meta.size());
      whole = format::verify_meta(parsed.kind, meta_.data(), parsed.meta.size());
      break;
  }
  return whole ? Status() : format::corrupt(key_, "the payload is malformed");
}

Status CheckedRecord::unpack_tail(const format::Parsed& parsed) {
  const size_t limit = tail_limit(parsed.kind);
  coding_ = static_cast<format::Coding>(parsed.flags & (format::kZstd | format::kDelta));
  if (coding_ != format::Coding::zstd) {
    tail_ = parsed.tail;
    return tail_.size() <= limit ? Status() : format::corrupt(key_, "the tail is too long");
  }
  const char* frame = parsed.tail.data();
  const unsigned long long size = ZSTD_getFrameContentSize(frame, parsed.tail.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > limit) {
    return format::corrupt(key_, "the compressed tail has no acceptable size");
  }
  if (ZSTD_findFrameCompressedSize(frame, parsed.tail.size()) != parsed.tail.size()) {
    return format::corrupt(key_, "the compressed tail is not one frame");
  }
  if (!zstd_) zstd_.reset(ZSTD_createDCtx());
  if (!zstd_) return Status(Code::internal, "no memory to unpack a record");
  unpacked_.resize(static_cast<size_t>(size));
  const size_t got = ZSTD_decompressDCtx(zstd_.get(), unpacked_.data(), unpacked_.size(), frame,
                                         parsed.tail.size());
  if (got != unpacked_.size()) return format::corrupt(key_, "the tail does not unpack");
  tail_ = unpacked_;
  return Status();
}

}  // namespace bcstore::model
