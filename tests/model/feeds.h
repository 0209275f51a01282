// What tests of the feed share.
#pragma once

#include <string>
#include <vector>

#include "fixture.h"
#include "format/key.h"

namespace bcstore::fixture {

// Reads a feed from a number to its end, `limit` entries at a time.
template <class View>
std::vector<FeedEntry> read_feed(const View& view, FeedOptions o = {}) {
  std::vector<FeedEntry> all;
  for (;;) {
    Result<FeedPage> page = view.feed(o);
    INFO(page.status().to_string());
    REQUIRE(page.ok());
    REQUIRE((page->at_end || page->end_seq > o.after_seq));
    for (FeedEntry& entry : page->entries) {
      CHECK(entry.commit_seq > o.after_seq);
      all.push_back(std::move(entry));
    }
    o.after_seq = page->end_seq;
    if (page->at_end) return all;
  }
}

inline std::vector<uint64_t> numbers_of(const std::vector<FeedEntry>& entries) {
  std::vector<uint64_t> numbers;
  numbers.reserve(entries.size());
  for (const FeedEntry& entry : entries) numbers.push_back(entry.commit_seq);
  return numbers;
}

// Records that are there once something was given up, or somebody follows.
inline bool is_for_followers(format::Kind kind) {
  return kind == format::Kind::feed_floor || kind == format::Kind::replica_keys ||
         kind == format::Kind::replica_state;
}

inline uint64_t append(const Tenant& tenant, std::string_view type = "t") {
  WriteBatch batch = tenant.batch();
  batch.append_event({.type = type});
  return tenant.commit(batch, {.durability = Durability::relaxed}).value().commit_seq;
}

}  // namespace bcstore::fixture
