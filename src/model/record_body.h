// RecordBody: the bytes behind a public record, verified and ready to be read in place.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bcstore/records.h"
#include "engine/engine.h"
#include "format/record.h"
#include "model/encode.h"

namespace bcstore::model {

class Core;

class RecordBody {
 public:
  // Verifies and takes a value that stays where it is (a scan's current row).
  Status view(std::string_view key, std::string_view value);
  // Takes a value that was verified before and stays where it is.
  void borrow(std::string_view key, format::Kind kind, const format::Draft& value);
  // The same, of something that it keeps alive.
  void borrow(std::string_view key, format::Kind kind, const format::Draft& value,
              std::shared_ptr<const void> of) {
    borrow(key, kind, value);
    lender_ = std::move(of);
  }
  // Verifies and keeps a value that the engine pins or owns.
  Status keep(std::string_view key, engine::Value value);
  void clear();

  bool loaded() const { return loaded_; }
  // What keep() was given.
  std::string_view value() const { return value_.bytes(); }
  std::string_view key() const { return {key_, key_bytes_}; }
  std::string_view tail() const { return parsed_.tail; }
  size_t bytes() const { return parsed_.meta.size() + parsed_.tail.size(); }
  bool packed() const { return (parsed_.flags & format::kZstd) != 0; }
  bool has_tail() const { return (parsed_.flags & format::kTail) != 0; }
  template <class Table>
  const Table* root() const {
    return flatbuffers::GetRoot<Table>(meta_at_);
  }

  // A section's place in its revision, and its embedding.
  void place(uint32_t rev, uint32_t ordinal) {
    rev_ = rev;
    ordinal_ = ordinal;
  }
  // When it was read, for what time alone changes.
  void see(Time now) { seen_at_ = now; }
  Time seen_at() const { return seen_at_; }
  uint32_t rev() const { return rev_; }
  uint32_t ordinal() const { return ordinal_; }
  // Verifies a vector record; keeps it pinned where its floats are aligned, else copies them.
  Status attach(std::string_view key, engine::Value vector);
  std::span<const float> floats() const { return floats_; }

  // A revision's content, decoded on first use and checked against its hash. A delta is decoded
  // through bind()'s store: from the cache of newest contents, or in one scan of its chain.
  Result<std::string_view> content();
  // `newest`: the content is worth keeping for the next append.
  void bind(std::shared_ptr<Core> core, bool newest = false) {
    core_ = std::move(core);
    is_newest_ = newest;
  }

 private:
  bool loaded_ = false;
  size_t key_bytes_ = 0;
  char key_[format::kMaxKeyBytes];
  format::Parsed parsed_;
  // The meta part, aligned. Grows to the largest record seen, and is used again for the next row.
  std::vector<uint64_t> meta_;
  const void* meta_at_ = nullptr;  // in `meta_`, or where the value was borrowed
  std::shared_ptr<Core> core_;     // outlives what the engine pins
  bool is_newest_ = false;
  std::shared_ptr<const void> lender_;
  engine::Value value_;
  std::shared_ptr<const std::string> content_;  // once it was decoded
  uint32_t rev_ = 0, ordinal_ = 0;
  Time seen_at_{INT64_MIN};
  engine::Value vector_;
  std::vector<float> aligned_;
  std::span<const float> floats_;
};

// The id of a message that was given none.
MessageId derived_message_id(ChatSessionId session, uint64_t seq);

// What implementation files may do with public records.
struct RecordAccess {
  template <class T>
  static T make(std::unique_ptr<RecordBody> body) {
    T record;
    record.body_ = std::move(body);
    return record;
  }
  static RecordBody* body(const Record& record) { return record.body_.get(); }
};

}  // namespace bcstore::model
