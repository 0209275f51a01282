#include "model/record_body.h"

#include <cstring>
#include <utility>

#include "model/core.h"
#include "model/revision_chain.h"

namespace bcstore::model {

Status RecordBody::view(std::string_view key, std::string_view value) {
  loaded_ = false;
  content_.reset();
  floats_ = {};
  if (Status s = format::parse_record(key, value, &parsed_); !s.ok()) return s;
  meta_.resize((parsed_.meta.size() + 7) / 8);
  std::memcpy(meta_.data(), parsed_.meta.data(), parsed_.meta.size());
  if (!format::verify_meta(parsed_.kind, meta_.data(), parsed_.meta.size())) {
    return format::corrupt(key, "the payload is malformed");
  }
  meta_at_ = meta_.data();
  std::memcpy(key_, key.data(), key.size());
  key_bytes_ = key.size();
  loaded_ = true;
  return Status();
}

void RecordBody::borrow(std::string_view key, format::Kind kind, const format::Draft& value) {
  content_.reset();
  floats_ = {};
  parsed_.kind = kind;
  parsed_.flags = value.flags();
  parsed_.meta = {value.meta(), value.meta_bytes()};
  parsed_.tail = value.tail();
  meta_at_ = value.meta();
  std::memcpy(key_, key.data(), key.size());
  key_bytes_ = key.size();
  loaded_ = true;
}

Status RecordBody::keep(std::string_view key, engine::Value value) {
  value_ = std::move(value);
  return view(key, value_.bytes());
}

void RecordBody::clear() {
  loaded_ = false;
  content_.reset();
  parsed_ = {};
  value_.reset();
  lender_.reset();
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
  if (content_) return std::string_view(*content_);
  const auto* revision = root<fb::Revision>();
  const Uuid hash = from_fb(revision->content_hash());
  if (!packed()) {
    if (format::hash128(parsed_.tail) != hash) {
      return format::corrupt(key(), "the content does not match its hash");
    }
    return parsed_.tail;
  }
  if (!core_) return Status(Code::internal, "a revision without its store");
  if (Status s = core_->engine().health(); s.code() == Code::wrong_process) return s;
  const UserId owner = format::key_owner(key());
  const Uuid document = format::key_uuid(key(), format::kKindOffset + 1);
  // Only what is of this very revision: the cache may know a newer one.
  auto cached = core_->contents().find(owner, document);
  if (cached && cached->place.rev == rev_of(key()) && cached->hash == hash) {
    content_ = std::move(cached->content);
    return std::string_view(*content_);
  }
  RevisionChain chain;
  if (Status s = chain.start(key(), parsed_, *revision); !s.ok()) return s;
  Result<SharedContent> content = read_chain(*core_, key(), &chain);
  if (!content.ok()) return content.status();
  content_ = *std::move(content);
  if (is_newest_) core_->contents().put(owner, document, {chain.place(), hash, content_});
  return std::string_view(*content_);
}

}  // namespace bcstore::model
