// BatchWalk: the changes in a record of the write-ahead log, without RocksDB.
//
//   batch  = sequence(8) count(4) change...          numbers are little-endian
//   change = tag(1) [family(varint)] key [value]     key, value: length(varint) bytes
//
// The record comes in pieces of any size and may be as large as a batch may be; what is kept of it
// is one small key and value at a time. The only changes that are looked at are commit links.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/status.h"
#include "format/record.h"

namespace bcstore::engine {

// A commit link as it stands in the log.
struct LoggedLink {
  uint64_t seq = 0;
  uint64_t hash = 0;  // of its meta part: what the next link has to name
  format::Link link;
};

// Whether a batch that comes after change `last` can begin like this; 0: any change may be last.
bool may_be_batch(std::string_view beginning, uint64_t last);

class BatchWalk {
 public:
  void begin();
  void feed(std::string_view bytes);
  // Says what is wrong with the batch, if anything.
  Status end() const;

  // Of RocksDB's sequence: the first number that the batch takes, and how many.
  uint64_t sequence() const { return sequence_; }
  uint32_t count() const { return count_; }
  const std::vector<LoggedLink>& links() const { return links_; }

 private:
  enum class Expect : uint8_t { header, tag, family, key_size, key, value_size, value };

  size_t take(std::string_view bytes);
  void take_byte(uint8_t byte);
  void take_varint(uint8_t byte);
  void take_tag(uint8_t tag);
  void finish_string();
  void take_link();
  void fail(std::string_view reason);

  Expect expect_ = Expect::header;
  std::string header_;
  std::string key_;    // of the change that is being read, up to a link's size
  std::string value_;  // likewise
  uint64_t number_ = 0;
  uint32_t shift_ = 0;
  uint64_t left_ = 0;  // of a key or value
  bool has_value_ = false;
  bool puts_ = false;  // it may be a link
  bool counts_ = false;
  uint64_t sequence_ = 0;
  uint32_t count_ = 0;
  uint32_t seen_ = 0;
  std::vector<LoggedLink> links_;
  Status defect_;
};

}  // namespace bcstore::engine
