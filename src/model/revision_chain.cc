#include "model/revision_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "bcstore/options.h"
#include "engine/families.h"
#include "model/core.h"
#include "model/encode.h"

namespace bcstore::model {

using format::Coding;
using format::Key;
using format::Kind;

namespace {

// The key of another revision of the same document.
std::string sibling(std::string_view key, uint32_t rev) {
  return Key(format::key_owner(key), Kind::revision)
      .append(format::key_uuid(key, format::kKindOffset + 1))
      .not_u32(rev)
      .str();
}

}  // namespace

Status RevisionChain::broken(uint32_t rev, const Status& why) const {
  return format::corrupt(
      key_, fmt::format("revision {}, which it is decoded through, fails: {}", rev, why.message()));
}

Status RevisionChain::missing() const {
  return broken(needed_, format::corrupt(sibling(key_, needed_), "is missing"));
}

Status RevisionChain::start(std::string_view key, const format::Parsed& parsed,
                            const fb::Revision& meta) {
  key_.assign(key);
  hash_ = from_fb(meta.content_hash());
  const uint32_t rev = rev_of(key);
  const Coding coding = coding_of(parsed.flags);
  place_ = ChainPlace::whole(rev, static_cast<size_t>(meta.content_bytes()));
  if (coding == Coding::delta) {
    if (meta.keyframe() == 0 || meta.delta_of() < meta.keyframe() || meta.delta_of() >= rev ||
        rev - meta.keyframe() > kMaxChainLinks) {
      return format::corrupt(key, "it is a delta against no possible revision");
    }
    needed_ = meta.delta_of();
    place_.keyframe = meta.keyframe();
    place_.delta_bytes = parsed.tail.size();
  }
  links_.push_back({rev, coding, meta.content_bytes(), std::string(parsed.tail)});
  return Status();
}

Status RevisionChain::take(std::string_view key, std::string_view value) {
  const uint32_t rev = rev_of(key);
  if (rev > needed_) return Status();
  if (rev < needed_) return missing();
  format::Parsed parsed;
  if (Status s = format::parse_record(key, value, &parsed); !s.ok()) {
    return s.code() == Code::corruption ? broken(rev, s) : s;
  }
  std::vector<uint64_t> aligned(parsed.meta.size() / sizeof(uint64_t) + 1);
  std::memcpy(aligned.data(), parsed.meta.data(), parsed.meta.size());
  if (!format::verify_meta(Kind::revision, aligned.data(), parsed.meta.size())) {
    return broken(rev, format::corrupt(key, "the payload is malformed"));
  }
  const auto& meta = *flatbuffers::GetRoot<fb::Revision>(aligned.data());
  const Coding coding = coding_of(parsed.flags);
  const bool is_delta = coding == Coding::delta;
  const bool fits = is_delta ? meta.keyframe() == place_.keyframe && meta.delta_of() < rev &&
                                   meta.delta_of() >= place_.keyframe
                             : rev == place_.keyframe;
  if (!fits || meta.content_bytes() > kMaxRevisionBytes) {
    return broken(rev, format::corrupt(key, "it has no place in the chain"));
  }
  place_.decoded_bytes += meta.content_bytes();
  if (place_.decoded_bytes > kMaxChainDecodedBytes) {
    return broken(rev, format::corrupt(key, "its chain is longer than any that is written"));
  }
  if (is_delta) place_.delta_bytes += parsed.tail.size();
  needed_ = is_delta ? meta.delta_of() : 0;
  links_.push_back({rev, coding, meta.content_bytes(), std::string(parsed.tail)});
  return Status();
}

Result<SharedContent> RevisionChain::decode(ContentCoder& coder) const {
  std::string content, next;
  for (size_t i = links_.size(); i-- > 0;) {
    const Link& link = links_[i];
    Status s;
    if (link.coding == Coding::plain) {
      next = link.bytes;
    } else {
      s = coder.decode(link.bytes, link.content_bytes,
                       link.coding == Coding::delta ? std::string_view(content) : "", &next);
    }
    if (s.code() == Code::corruption) {
      if (i == 0) return format::corrupt(key_, s.message());
      return broken(link.rev, format::corrupt(sibling(key_, link.rev), s.message()));
    }
    if (!s.ok()) return s;
    content.swap(next);
  }
  if (format::hash128(content) != hash_) {
    return format::corrupt(key_, "the content does not match its hash");
  }
  return SharedContent(std::make_shared<const std::string>(std::move(content)));
}

Result<SharedContent> read_chain(Core& core, std::string_view key, RevisionChain* chain) {
  if (chain->needed() != 0) {
    auto scan =
        core.engine().scan({engine::family_of(Kind::revision), sibling(key, chain->needed()),
                            sibling(key, chain->keyframe()) + '\0'});
    while (chain->needed() != 0 && scan->next()) {
      if (Status s = chain->take(scan->key(), scan->value()); !s.ok()) return s;
    }
    const Status& ended = scan->status();
    if (ended.code() == Code::corruption) return chain->broken(chain->needed(), ended);
    if (!ended.ok()) return ended;
    if (chain->needed() != 0) return chain->missing();
  }
  return chain->decode(core.coder());
}

Result<std::optional<KnownContent>> read_newest_content(Core& core, UserId owner,
                                                        const Uuid& document) {
  const Key prefix = Key(owner, Kind::revision).append(document);
  auto scan = core.engine().scan(
      {engine::family_of(Kind::revision), prefix.str(), format::after_prefix(prefix)});
  if (!scan->next()) {
    if (!scan->status().ok()) return scan->status();
    return std::optional<KnownContent>();
  }
  const std::string key(scan->key());
  format::Parsed parsed;
  if (Status s = format::parse_record(key, scan->value(), &parsed); !s.ok()) return s;
  const format::Draft record = format::Draft::copy(scan->value());
  if (!format::verify_meta(Kind::revision, record.meta(), record.meta_bytes())) {
    return format::corrupt(key, "the payload is malformed");
  }
  RevisionChain chain;
  if (Status s = chain.start(key, parsed, *root<fb::Revision>(record)); !s.ok()) return s;
  while (chain.needed() != 0 && scan->next()) {
    if (Status s = chain.take(scan->key(), scan->value()); !s.ok()) return s;
  }
  if (!scan->status().ok()) return scan->status();
  if (chain.needed() != 0) return chain.missing();
  Result<SharedContent> content = chain.decode(core.coder());
  if (!content.ok()) return content.status();
  return std::optional(KnownContent{chain.place(), chain.hash(), *std::move(content)});
}

}  // namespace bcstore::model
