// Reading a revision that is a delta: what it is decoded from, link by link.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "format/record.h"
#include "model/content_cache.h"
#include "model/delta.h"
#include "records_generated.h"

namespace bcstore::model {

class Core;

// Collects the records of one chain, the wanted one first, from rows that come newest first, and
// decodes them. Disk contents are untrusted: a chain that breaks a rule is `corruption`.
class RevisionChain {
 public:
  // The wanted revision's own record, which was verified.
  Status start(std::string_view key, const format::Parsed& parsed, const fb::Revision& meta);
  // An older row of the document. Rows that the chain does not lead through are passed over.
  Status take(std::string_view key, std::string_view value);
  // The revision that is needed next; 0: the chain is complete.
  uint32_t needed() const { return needed_; }
  uint32_t keyframe() const { return place_.keyframe; }
  // Of the wanted revision, once the chain is complete.
  const ChainPlace& place() const { return place_; }
  const Uuid& hash() const { return hash_; }
  // The wanted content, verified against its hash.
  Result<SharedContent> decode(ContentCoder& coder) const;
  // "corruption" of the wanted revision, because of this link.
  Status broken(uint32_t rev, const Status& why) const;
  Status missing() const;

 private:
  struct Link {
    uint32_t rev;
    format::Coding coding;
    uint64_t content_bytes;
    std::string bytes;
  };
  std::string key_;  // of the wanted revision
  Uuid hash_;
  ChainPlace place_;
  uint32_t needed_ = 0;
  std::vector<Link> links_;
};

// The rest of a chain that was started, in one scan, and its content.
Result<SharedContent> read_chain(Core& core, std::string_view key, RevisionChain* chain);
// The newest revision of a document, in one scan; nothing when it has none.
Result<std::optional<KnownContent>> read_newest_content(Core& core, UserId owner,
                                                        const Uuid& document);

// Of a revision's header.
inline format::Coding coding_of(uint8_t flags) {
  return static_cast<format::Coding>(flags & (format::kZstd | format::kDelta));
}
inline uint32_t rev_of(std::string_view revision_key) {
  return ~format::key_u32(revision_key, revision_key.size() - 4);
}

}  // namespace bcstore::model
