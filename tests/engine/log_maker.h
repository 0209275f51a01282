// Logs made by hand: records in RocksDB's log format, batches with commit links, manifests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/crc32c.h"
#include "engine/log_file.h"
#include "format/key.h"
#include "format/record.h"

namespace bcstore::engine {

inline void put_number(std::string* out, uint64_t number, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) out->push_back(static_cast<char>(number >> (8 * i)));
}

inline void put_varint(std::string* out, uint64_t number) {
  for (; number >= 0x80; number >>= 7) out->push_back(static_cast<char>(number | 0x80));
  out->push_back(static_cast<char>(number));
}

inline void put_text(std::string* out, std::string_view text) {
  put_varint(out, text.size());
  out->append(text);
}

// One piece, with a right checksum.
inline std::string log_piece(uint8_t type, std::string_view payload) {
  std::string covered(1, static_cast<char>(type));
  covered.append(payload);
  std::string out;
  put_number(&out, mask_crc(crc32c(covered)), 4);
  put_number(&out, payload.size(), 2);
  return out + covered;
}

class LogMaker {
 public:
  LogMaker& add(std::string_view record) {
    bool first = true;
    while (true) {
      const size_t room = kLogBlockBytes - bytes_.size() % kLogBlockBytes;
      if (room < kLogHeaderBytes) {
        bytes_.append(room, '\0');
        continue;
      }
      if (first) starts_.push_back(bytes_.size());
      const size_t size = std::min(room - kLogHeaderBytes, record.size());
      const bool last = size == record.size();
      const uint8_t type = first ? (last ? 1 : 2) : (last ? 4 : 3);
      bytes_ += log_piece(type, record.substr(0, size));
      record.remove_prefix(size);
      first = false;
      if (last) break;
    }
    ends_.push_back(bytes_.size());
    return *this;
  }
  const std::string& bytes() const { return bytes_; }
  const std::vector<size_t>& starts() const { return starts_; }
  const std::vector<size_t>& ends() const { return ends_; }

 private:
  std::string bytes_;
  std::vector<size_t> starts_;
  std::vector<size_t> ends_;
};

// Writes batches as commits do, each with the next link.
class CommitMaker {
 public:
  // A batch of one other row and the link of commit `seq` after the one before.
  std::string commit(uint64_t seq, uint64_t durable_seq, size_t row_bytes = 10) {
    std::string batch;
    put_number(&batch, changes_, 8);
    put_number(&batch, 2, 4);
    changes_ += 2;
    batch += "\x05\x01";  // put, in family 1
    put_text(&batch, std::string(16, 'o') + "any key");
    put_text(&batch, std::string(row_bytes, 'v'));
    format::Link link;
    link.prev_hash = hash_;
    link.durable_seq = durable_seq;
    const std::string packed = format::pack(link);
    hash_ = format::hash64(packed);
    format::Key key(kSystemOwner, format::Kind::commit_link);
    key.u64(seq);
    batch += "\x05\x06";
    put_text(&batch, key.str());
    put_text(&batch, format::Draft(format::Kind::commit_link, packed).seal(key));
    return batch;
  }
  uint64_t last_change() const { return changes_ - 1; }

 private:
  uint64_t changes_ = 1;
  uint64_t hash_ = 0;
};

// An edit of a manifest that adds a family.
inline std::string family_edit(uint32_t number, std::string_view name, uint64_t log_number) {
  std::string edit;
  if (number == 0) {
    put_varint(&edit, 1);
    put_text(&edit, "leveldb.BytewiseComparator");
    put_varint(&edit, 3);  // the next number of a file: what a change says
    put_varint(&edit, 9);
  }
  put_varint(&edit, 2);
  put_varint(&edit, log_number);
  if (number == 0) return edit;
  put_varint(&edit, 200);
  put_varint(&edit, number);
  put_varint(&edit, 201);
  put_text(&edit, name);
  return edit;
}

// An edit that adds a table whose last change is `sequence`.
inline std::string table_edit(uint32_t family, uint64_t sequence) {
  std::string edit;
  put_varint(&edit, 103);
  for (const uint64_t number : {0u, 9u, 1000u}) put_varint(&edit, number);
  put_text(&edit, "smallest");
  put_text(&edit, "largest");
  put_varint(&edit, 1);
  put_varint(&edit, sequence);
  put_varint(&edit, 5);  // a field that may be left unread
  put_text(&edit, "x");
  put_varint(&edit, 1);
  put_varint(&edit, 200);
  put_varint(&edit, family);
  return edit;
}

}  // namespace bcstore::engine
