#include "model/check_chains.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "model/check_walk.h"
#include "model/encode.h"
#include "model/revision_chain.h"

namespace bcstore::model {

namespace {

constexpr std::string_view kDecodes = "content can be decoded";

void expect_content(CheckWalk& walk, std::string_view key, std::string_view content, uint64_t bytes,
                    const Uuid& hash) {
  if (content.empty() || content.size() != bytes) {
    walk.violation("revision", key, "content_bytes is the content's length",
                   fmt::format("it is {}, the content has {}", bytes, content.size()));
  }
  if (hash != format::hash128(content)) {
    walk.violation("revision", key, "content_hash is the content's hash",
                   "it is " + to_string(hash));
  }
}

// A content, and what lies between its keyframe and it.
struct Decoded {
  std::string content;
  uint64_t delta_bytes = 0;
  uint64_t decoded_bytes = 0;
};

void expect_bounds(CheckWalk& walk, std::string_view key, const Decoded& one) {
  if (one.delta_bytes > one.content.size() / kChainBytesDivisor ||
      one.decoded_bytes > kMaxChainDecodedBytes) {
    walk.violation("revision", key, "a chain of deltas is short, packed and decoded",
                   fmt::format("{} bytes of frames lead to {}, {} are decoded on the way",
                               one.delta_bytes, one.content.size(), one.decoded_bytes));
  }
}

}  // namespace

Status CheckChains::visit(CheckWalk& walk, const CheckedRecord& record) {
  const std::string_view document = record.key().substr(0, record.key().size() - 4);
  if (document != document_) {
    close(walk);
    document_.assign(document);
  }
  const uint32_t rev = rev_of(record.key());
  give_up(walk, rev);
  const auto& meta = record.table<fb::Revision>();
  if (record.coding() == format::Coding::delta) {
    wait(walk, record);
    return Status();
  }
  if (meta.delta_of() != 0 || meta.keyframe() != 0) {
    walk.violation(record, "a whole revision is against no other",
                   fmt::format("delta_of {}, keyframe {}", meta.delta_of(), meta.keyframe()));
  }
  expect_content(walk, record.key(), record.tail(), meta.content_bytes(),
                 from_fb(meta.content_hash()));
  return settle(walk, rev, record.tail());
}

void CheckChains::close(CheckWalk& walk) {
  give_up(walk, 0);
  document_.clear();
}

void CheckChains::wait(CheckWalk& walk, const CheckedRecord& record) {
  const auto& meta = record.table<fb::Revision>();
  const uint32_t rev = rev_of(record.key());
  if (meta.keyframe() == 0 || meta.delta_of() < meta.keyframe() || meta.delta_of() >= rev ||
      rev - meta.keyframe() > kMaxChainLinks) {
    walk.violation(record, "a delta is against an older revision of a short chain",
                   fmt::format("delta_of {}, keyframe {}", meta.delta_of(), meta.keyframe()));
    return;
  }
  waiting_.push_back({std::string(record.key()), rev, meta.delta_of(), meta.keyframe(),
                      meta.content_bytes(), from_fb(meta.content_hash()),
                      std::string(record.tail())});
}

void CheckChains::give_up(CheckWalk& walk, uint32_t below) {
  std::erase_if(waiting_, [&](const Waiting& one) {
    if (one.keyframe <= below && below != 0) return false;
    walk.violation("revision", one.key, kDecodes,
                   fmt::format("there is no whole revision {}", one.keyframe));
    return true;
  });
}

Status CheckChains::settle(CheckWalk& walk, uint32_t keyframe, std::string_view content) {
  // A content is kept as long as a waiting delta is against it.
  std::map<uint32_t, uint32_t> uses;
  for (const Waiting& one : waiting_) {
    if (one.keyframe == keyframe) ++uses[one.delta_of];
  }
  if (uses.empty()) return Status();
  std::map<uint32_t, Decoded> contents;
  contents.emplace(keyframe, Decoded{std::string(content), 0, content.size()});
  for (size_t i = waiting_.size(); i-- > 0;) {
    const Waiting& one = waiting_[i];
    if (one.keyframe != keyframe) continue;
    const auto parent = contents.find(one.delta_of);
    Decoded decoded;
    if (parent == contents.end()) {
      walk.violation("revision", one.key, kDecodes,
                     fmt::format("revision {} of its chain cannot be used", one.delta_of));
    } else {
      const Decoded& from = parent->second;
      const Status s = coder_.decode(one.frame, one.content_bytes, from.content, &decoded.content);
      if (s.code() == Code::internal) return s;
      if (s.ok()) {
        expect_content(walk, one.key, decoded.content, one.content_bytes, one.hash);
        decoded.delta_bytes = from.delta_bytes + one.frame.size();
        decoded.decoded_bytes = from.decoded_bytes + decoded.content.size();
        expect_bounds(walk, one.key, decoded);
      } else {
        walk.violation("revision", one.key, kDecodes, std::string(s.message()));
      }
      if (s.ok() && uses.contains(one.rev)) contents.emplace(one.rev, std::move(decoded));
    }
    if (--uses[one.delta_of] == 0) contents.erase(one.delta_of);
  }
  std::erase_if(waiting_, [&](const Waiting& one) { return one.keyframe == keyframe; });
  return Status();
}

}  // namespace bcstore::model
