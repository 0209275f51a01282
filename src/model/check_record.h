// A record under check: verified by itself, and laid out so that its fields can be read.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/id.h"
#include "bcstore/status.h"
#include "format/counter.h"
#include "format/key.h"
#include "format/record.h"
#include "records_generated.h"

struct ZSTD_DCtx_s;

namespace bcstore::model {

enum class Tail : uint8_t { skip, unpack };

class CheckedRecord {
 public:
  CheckedRecord();
  CheckedRecord(CheckedRecord&&) noexcept;
  CheckedRecord& operator=(CheckedRecord&&) noexcept;
  ~CheckedRecord();

  // Takes a value apart; `key` must be one that parse_key accepts. Not ok when the record does not
  // verify: verified() is false then, and only key() and what it holds may be asked. `value` must
  // outlive the use of tail().
  Status load(std::string_view key, std::string_view value, Tail tail);

  bool verified() const { return verified_; }
  std::string_view key() const { return key_; }
  const format::KindInfo& info() const { return *info_; }
  format::Kind kind() const { return info_->kind; }
  UserId owner() const { return format::key_owner(key_); }
  Uuid uuid_at(size_t offset) const { return format::key_uuid(key_, offset); }

  // Of a verified record of the kind that the table belongs to.
  template <class Table>
  const Table& table() const {
    return *flatbuffers::GetRoot<Table>(meta_.data());
  }
  const fb::Common& common() const { return table<fb::Common>(); }
  const format::Reference& reference() const { return reference_; }
  const format::Link& link() const { return link_; }
  const format::Counter& counter() const { return counter_; }
  // The unpacked tail, that of a delta as it is; empty without one, or when it was skipped.
  std::string_view tail() const { return tail_; }
  format::Coding coding() const { return coding_; }

 private:
  Status unpack_meta(const format::Parsed& parsed);
  Status unpack_tail(const format::Parsed& parsed);

  std::string key_;
  const format::KindInfo* info_ = nullptr;
  bool verified_ = false;
  std::vector<uint64_t> meta_;  // an aligned copy
  format::Reference reference_;
  format::Link link_;
  format::Counter counter_;
  std::string_view tail_;
  format::Coding coding_{};
  std::string unpacked_;
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_DCtx_s, Free> zstd_;
};

}  // namespace bcstore::model
