// Contents that are edited at random, and what their records must be like whatever was edited.
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "model/delta.h"
#include "model/encode.h"
#include "model/revision_chain.h"
#include "planted.h"

namespace bcstore::fixture {

inline std::string random_words(std::mt19937_64& random, size_t bytes) {
  static constexpr std::string_view kWords[] = {"tea ",   "leaf ",   "water ", "cup\n", "steep ",
                                                "green ", "oolong ", "pot ",   "a ",    "brew "};
  std::string out;
  while (out.size() < bytes) {
    out += kWords[random() % std::size(kWords)];
    if (random() % 4 == 0) out += std::to_string(random() % 100'000);
  }
  out.resize(bytes);
  return out;
}

// One edit of a few per cent, now and then of everything or of nothing.
inline void edit(std::mt19937_64& random, size_t most_bytes, std::string* text) {
  const size_t piece = 1 + random() % (text->size() / 20 + 10);
  const size_t at = random() % (text->size() + 1);
  switch (random() % 12) {
    case 0:
      return;  // the same once more
    case 1:
      *text = random_words(random, 1 + random() % (2 * text->size() + 1));
      break;
    case 2:
    case 3:
      text->erase(at, piece);
      break;
    case 4: {  // a block moves
      const std::string moved = text->substr(at, piece);
      text->erase(at, piece);
      text->insert(random() % (text->size() + 1), moved);
      break;
    }
    case 5:
    case 6:
      text->insert(at, random_words(random, piece));
      break;
    default:
      text->replace(at, piece, random_words(random, piece));
  }
  if (text->empty()) *text = "x";
  if (text->size() > most_bytes) text->resize(most_bytes);
}

struct StoredRevision {
  uint32_t rev, delta_of, keyframe;
  format::Coding coding;
  uint64_t content_bytes;
  size_t tail_bytes, value_bytes;
};

// The records of one document, oldest first.
inline std::vector<StoredRevision> stored_revisions(EngineWorld& w, UserId owner,
                                                    DocumentId document) {
  std::vector<StoredRevision> found;
  const std::string prefix = format::Key(owner, format::Kind::revision).append(document).str();
  auto scan = w.engine().scan(
      {engine::Family::revisions, prefix, format::after_prefix(prefix), /*backward=*/true});
  while (scan->next()) {
    format::Parsed parsed;
    REQUIRE(format::parse_record(scan->key(), scan->value(), &parsed).ok());
    const format::Draft draft = format::Draft::copy(scan->value());
    const auto* meta = model::root<fb::Revision>(draft);
    found.push_back({model::rev_of(scan->key()), meta->delta_of(), meta->keyframe(),
                     model::coding_of(parsed.flags), meta->content_bytes(), parsed.tail.size(),
                     scan->value().size()});
  }
  REQUIRE(scan->status().ok());
  return found;
}

// Every bound that a reader relies on.
inline void check_chain_bounds(const std::vector<StoredRevision>& revisions) {
  std::map<uint32_t, model::ChainPlace> places;
  for (const StoredRevision& one : revisions) {
    CAPTURE(one.rev);
    if (one.coding != format::Coding::delta) {
      REQUIRE(one.delta_of == 0);
      REQUIRE(one.keyframe == 0);
      places[one.rev] = model::ChainPlace::whole(one.rev, one.content_bytes);
      continue;
    }
    REQUIRE(one.delta_of < one.rev);
    REQUIRE(places.contains(one.delta_of));
    const model::ChainPlace& parent = places[one.delta_of];
    REQUIRE(one.keyframe == parent.keyframe);
    REQUIRE(one.rev - one.keyframe <= model::kMaxChainLinks);
    const uint64_t delta_bytes = parent.delta_bytes + one.tail_bytes;
    const uint64_t decoded_bytes = parent.decoded_bytes + one.content_bytes;
    REQUIRE(delta_bytes <= one.content_bytes / model::kChainBytesDivisor);
    REQUIRE(decoded_bytes <= model::kMaxChainDecodedBytes);
    places[one.rev] = {one.rev, one.keyframe, delta_bytes, decoded_bytes};
  }
}

inline size_t count_of(const std::vector<StoredRevision>& revisions, format::Coding coding) {
  return static_cast<size_t>(std::count_if(revisions.begin(), revisions.end(),
                                           [&](const auto& one) { return one.coding == coding; }));
}

}  // namespace bcstore::fixture
