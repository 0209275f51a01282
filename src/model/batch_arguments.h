// What the verbs of a batch share: the hash of a request's arguments, and checks of optional ones.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "format/little_endian.h"
#include "model/batch.h"
#include "model/core.h"

// A refused argument is not encoded: it may be anything.
#define BCSTORE_TRY(expression) \
  if (Status tried = (expression); !tried.ok()) return tried

namespace bcstore::model {

// Collects the arguments of one request. Every part carries its length or its presence, so that no
// two requests read alike. Texts are hashed under the store's salt: the hash stays with the
// idempotency key for its window, also that of a secret which is long gone.
class BatchBody::Arguments {
 public:
  explicit Arguments(const BatchBody& batch, Verb verb)
      : batch_(batch), salt_(batch.core_ ? batch.core_->salt() : 0), seed_(salt_) {
    number(static_cast<uint64_t>(verb));
  }
  Arguments& number(uint64_t n) {
    format::put_le(bytes_ + size_, n);
    size_ += sizeof n;
    fold();
    return *this;
  }
  template <class N>
  Arguments& number(const std::optional<N>& n) {
    number(uint64_t{n.has_value()});
    return number(n ? static_cast<uint64_t>(*n) : 0);
  }
  Arguments& text(std::string_view text) {
    number(text.size());
    return raw(format::hash128(text, salt_));
  }
  Arguments& text(const OptionalText& value) {
    number(uint64_t{value.has_value()});
    return value ? text(*value) : *this;
  }
  // An id that this batch minted counts as its place among them.
  Arguments& id(const Uuid& id) {
    for (size_t i = batch_.minted_.size(); i-- > 0;) {
      if (batch_.minted_[i] == id) return number(2).number(i);
    }
    return number(1).raw(id);
  }
  template <class K>
  Arguments& id(const std::optional<Id<K>>& value) {
    return value ? id(value->uuid()) : number(0);
  }
  template <class K>
  Arguments& id(const Id<K>& value) {
    return id(value.uuid());
  }
  Uuid hash() const { return format::hash128({bytes_, size_}, seed_); }

 private:
  Arguments& raw(const Uuid& id) {
    std::memcpy(bytes_ + size_, id.bytes.data(), id.bytes.size());
    size_ += id.bytes.size();
    fold();
    return *this;
  }
  // Keeps room for one more part by hashing what is there into the seed.
  void fold() {
    if (size_ + 32 <= sizeof bytes_) return;
    seed_ = format::hash64({bytes_, size_}, seed_);
    size_ = 0;
  }
  const BatchBody& batch_;
  char bytes_[512];
  size_t size_ = 0;
  uint64_t salt_, seed_;
};

inline Status check_optional(std::string_view what, const OptionalText& text, size_t max,
                             Empty empty) {
  return text ? check_text(what, *text, max, empty) : Status();
}

template <class K>
Status check_optional_id(std::string_view what, const std::optional<Id<K>>& id) {
  return id ? check_id(what, id->uuid()) : Status();
}

template <class E>
Status check_enum(std::string_view what, E value) {
  if (to_string(value) != "unknown") return Status();
  return Status(Code::invalid_argument,
                fmt::format("{}: {} is no such value", what, static_cast<int>(value)));
}

// No store is behind a handle of one that was moved from; nothing of its batches is ever committed.
inline uint64_t salt_of(const Core* core) { return core != nullptr ? core->salt() : 0; }

}  // namespace bcstore::model
