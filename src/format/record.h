// Every value byte of bcstore.
//
//   0   magic      u8   0xBC
//   1   kind       u8   the same as the key's
//   2   schema     u8   of the payload; a larger one than ours is refused
//   3   flags      u8   kTail, kZstd, kDelta; the rest must be 0 and leaves room for encryption
//   4   meta_bytes u32  little-endian
//   8   checksum   u64  XXH3-64 of (meta, tail checksum), seeded with the key and bytes 0..7
//   16  meta            a FlatBuffer of the kind's table, or the packed bytes of a Reference or
//   Link then, with kTail:
//       tail checksum u64  XXH3-64 of the tail as stored
//       tail               the long text of the record, to the end of the value
//
// Because the checksum is seeded with the key, a value that is served under another key does not
// verify: ids that stand in the key need not be repeated. The tail has a checksum of its own so
// that it can be computed before the commit is executed, in the caller's thread; what the execution
// decides (commit sequence, times) is patched into the small meta part. A meta part lies in a
// pinned value at any address: it is copied to aligned memory before it is read as a FlatBuffer.
// The tail is bytes, and is read in place.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/id.h"
#include "bcstore/status.h"
#include "format/key.h"

namespace bcstore::format {

inline constexpr uint8_t kMagic = 0xBC;
inline constexpr uint8_t kSchema = 1;
inline constexpr uint32_t kStoreFormat = 1;
inline constexpr size_t kHeaderBytes = 16;
inline constexpr size_t kTailHeaderBytes = 8;
// What a verifier accepts and a writer keeps to.
inline constexpr size_t kMaxMetaBytes = 4u << 20;
inline constexpr uint32_t kMaxTableDepth = 8;
inline constexpr uint32_t kMaxTables = 64;

enum Flag : uint8_t {
  kTail = 1,   // a tail follows the meta part
  kZstd = 2,   // of a revision: the tail is one zstd frame that carries its content size
  kDelta = 4,  // with kZstd: the frame refers to another revision's content
};
inline constexpr uint8_t kKnownFlags = kTail | kZstd | kDelta;
// How a tail is coded.
enum class Coding : uint8_t { plain = 0, zstd = kZstd, delta = kZstd | kDelta };

uint64_t hash64(std::string_view bytes, uint64_t seed = 0);
// As sixteen big-endian bytes.
Uuid hash128(std::string_view bytes, uint64_t seed = 0);

// A record being made. meta() may be patched in place until seal().
class Draft {
 public:
  Draft() = default;
  // The record's header and meta part. `meta` must begin at an address aligned to 8 once copied:
  // the buffer keeps it so.
  Draft(Kind kind, std::string_view meta);
  Draft(Kind kind, std::string_view meta, std::string_view tail, Coding coding = Coding::plain);

  // Computes the checksum for this key and gives the whole value, valid until the draft changes.
  std::string_view seal(std::string_view key);
  char* meta() { return words_ + kHeaderBytes; }
  const char* meta() const { return words_ + kHeaderBytes; }
  size_t meta_bytes() const { return meta_bytes_; }
  size_t bytes() const { return size_; }
  uint8_t flags() const { return empty() ? uint8_t{0} : static_cast<uint8_t>(words_[3]); }
  std::string_view tail() const;
  bool empty() const { return size_ == 0; }

  // A copy of a whole value that parse_record accepted; empty when it is too short for its header.
  static Draft copy(std::string_view value);
  // A copy that can be patched on its own.
  Draft clone() const;

  Draft(Draft&& other) noexcept;
  Draft& operator=(Draft&& other) noexcept;
  ~Draft();

 private:
  char* words_ = nullptr;  // from operator new: aligned for any scalar
  size_t size_ = 0;
  size_t meta_bytes_ = 0;
  uint64_t tail_hash_ = 0;
};

// A value taken apart. The views point into the value.
struct Parsed {
  Kind kind{};
  uint8_t flags = 0;
  std::string_view meta;
  std::string_view tail;
};

// Verifies the header, the checksums and that the kind is the key's. `corruption` names table, key
// and reason. `with_tail` false leaves the tail's own checksum unverified, for readers that only
// look at the meta part.
Status parse_record(std::string_view key, std::string_view value, Parsed* parsed,
                    bool with_tail = true);
// Verifies an aligned copy of a FlatBuffer meta part against the kind's table and the limits.
bool verify_meta(Kind kind, const void* meta, size_t bytes);
// "corruption" naming the table, the key in hexadecimal and the reason.
Status corrupt(std::string_view key, std::string_view reason);
std::string to_hex(std::string_view bytes);

// The packed payloads: little-endian, no padding.
struct Reference {
  Uuid id;
  uint64_t number = 0;
  uint32_t extra = 0;
  static constexpr size_t kBytes = 28;
  friend bool operator==(const Reference&, const Reference&) = default;
};
std::string pack(const Reference& reference);
bool unpack(std::string_view meta, Reference* reference);

// One commit's place in the chain. It stays when the commit's body is erased.
struct Link {
  int64_t time_us = 0;
  uint64_t owner_hash = 0;   // salted
  uint64_t prev_hash = 0;    // hash of the previous link's meta part; 0 for the first
  uint64_t body_hash = 0;    // salted with the body's own salt
  uint64_t durable_seq = 0;  // commits up to here were known durable when this one was written
  static constexpr size_t kBytes = 40;
  friend bool operator==(const Link&, const Link&) = default;
};
std::string pack(const Link& link);
bool unpack(std::string_view meta, Link* link);

// One operation of a commit, as its body names it.
struct Touched {
  Kind kind{};
  Uuid id;
  uint64_t number = 0;
  static constexpr size_t kBytes = 26;
};
void append(std::string* out, const Touched& touched);
bool unpack(std::string_view tail, std::vector<Touched>* touched);

// One section in the list of a revision: the parts of its keys that the list's own key does not
// tell. A vector of nothing but zeros is none.
struct VectorHash {
  uint64_t high = 0;
  uint32_t low = 0;
  bool none() const { return high == 0 && low == 0; }
  friend auto operator<=>(const VectorHash&, const VectorHash&) = default;
};
struct SectionEntry {
  uint64_t name = 0;   // hash of the block's id
  uint64_t block = 0;  // hash of its id, heading and body
  VectorHash vector;
  static constexpr size_t kBytes = 28;
  friend auto operator<=>(const SectionEntry&, const SectionEntry&) = default;
};
// One that is the same in several revisions.
struct SectionSpan {
  SectionEntry entry;
  uint32_t rev_first = 0;
  uint32_t rev_last = 0;
  static constexpr size_t kBytes = SectionEntry::kBytes + 8;
  friend bool operator==(const SectionSpan&, const SectionSpan&) = default;
};
void append(std::string* out, const SectionEntry& entry);
void append(std::string* out, const SectionSpan& span);
bool unpack(std::string_view tail, std::vector<SectionEntry>* entries);
bool unpack(std::string_view tail, std::vector<SectionSpan>* spans);

// The hashes that name sections, salted like text_hash.
uint64_t block_name_hash(std::string_view block_id, uint64_t store_salt);
uint64_t block_hash(std::string_view block_id, std::optional<std::string_view> heading,
                    std::optional<std::string_view> body, uint64_t store_salt);
VectorHash vector_hash(std::string_view floats, uint64_t store_salt);

// The hash of a commit body that its link keeps: of everything after the header, under the body's
// own salt.
uint64_t body_hash(std::string_view body_value, uint64_t salt);
// What stands for an owner or a text in keys and links; `store_salt` is the store record's.
uint64_t owner_hash(UserId owner, uint64_t store_salt);
Uuid text_hash(std::string_view text, uint64_t store_salt);
// ASCII letters in lower case; other bytes as they are.
std::string fold_case(std::string_view text);

// One operation of a receipt, as an idempotency record keeps it.
inline constexpr size_t kReceiptOperationBytes = 24;

}  // namespace bcstore::format
