#include "model/record_body.h"

#include <zstd.h>

#include <cstring>
#include <utility>

#include "bcstore/options.h"

namespace bcstore::model {

Status RecordBody::view(std::string_view key, std::string_view value) {
  loaded_ = false;
  is_unpacked_ = false;
  floats_ = {};
  if (Status s = format::parse_record(key, value, &parsed_); !s.ok()) return s;
  meta_.resize((parsed_.meta.size() + 7) / 8);
  std::memcpy(meta_.data(), parsed_.meta.data(), parsed_.meta.size());
  if (!format::verify_meta(parsed_.kind, meta_.data(), parsed_.meta.size())) {
    return format::corrupt(key, "the payload is malformed");
  }
  std::memcpy(key_, key.data(), key.size());
  key_bytes_ = key.size();
  loaded_ = true;
  return Status();
}

Status RecordBody::keep(std::string_view key, engine::Value value) {
  value_ = std::move(value);
  return view(key, value_.bytes());
}

void RecordBody::clear() {
  loaded_ = false;
  is_unpacked_ = false;
  parsed_ = {};
  value_.reset();
  floats_ = {};
  vector_.reset();
}

Status RecordBody::attach(std::string_view key, engine::Value vector) {
  vector_ = std::move(vector);
  format::Parsed parsed;
  if (Status s = format::parse_record(key, vector_.bytes(), &parsed); !s.ok()) return s;
  std::vector<uint64_t> meta((parsed.meta.size() + 7) / 8);
  std::memcpy(meta.data(), parsed.meta.data(), parsed.meta.size());
  if (!format::verify_meta(parsed.kind, meta.data(), parsed.meta.size())) {
    return format::corrupt(key, "the payload is malformed");
  }
  const size_t count = flatbuffers::GetRoot<fb::Vector>(meta.data())->dimension();
  if (count == 0 || count > kMaxDimension || parsed.tail.size() != count * sizeof(float)) {
    return format::corrupt(key, "the floats are not as many as the dimension");
  }
  const char* bytes = parsed.tail.data();
  if (reinterpret_cast<uintptr_t>(bytes) % alignof(float) == 0) {
    floats_ = {reinterpret_cast<const float*>(bytes), count};
    return Status();
  }
  aligned_.resize(count);
  std::memcpy(aligned_.data(), bytes, parsed.tail.size());
  floats_ = aligned_;
  vector_.reset();
  return Status();
}

Result<std::string_view> RecordBody::content() {
  const auto* revision = root<fb::Revision>();
  std::string_view content = parsed_.tail;
  if (packed()) {
    if (!is_unpacked_) {
      const unsigned long long size =
          ZSTD_getFrameContentSize(parsed_.tail.data(), parsed_.tail.size());
      if (size != revision->content_bytes() || size > kMaxRevisionBytes) {
        return format::corrupt(key(), "the packed content has another size");
      }
      unpacked_.resize(size);
      size_t got = ZSTD_decompress(unpacked_.data(), unpacked_.size(), parsed_.tail.data(),
                                   parsed_.tail.size());
      if (ZSTD_isError(got) || got != size) {
        return format::corrupt(key(), "the content does not unpack");
      }
      is_unpacked_ = true;
    }
    content = unpacked_;
  }
  if (format::hash128(content) != from_fb(revision->content_hash())) {
    return format::corrupt(key(), "the content does not match its hash");
  }
  return content;
}

}  // namespace bcstore::model
