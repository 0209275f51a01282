// Search: the sections of a project whose embeddings are nearest to a query.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "bcstore/id.h"
#include "bcstore/records.h"
#include "bcstore/types.h"

namespace bcstore {

class Snapshot;

struct SearchOptions {
  size_t k = 10;                // how many, 1 to kMaxPageRows
  std::string_view space = {};  // by its name
  std::optional<Section> section = std::nullopt;
  // Of the k nearest, the share that an answer holds, on average over queries like what is stored:
  // above 0, at most 1. Of use where all is too much to look at. 1: all codes are looked at.
  double min_recall = 0.98;
  bool is_exact = false;  // everything is looked at, by the floats that were given
  // What the project contained at a version, or one revision of a document, instead of what is
  // current, or what was current as of then; by the floats that were given. One of the three.
  std::optional<uint32_t> version = std::nullopt;
  AsOf as_of = {};
  std::optional<DocumentId> document = std::nullopt;
  std::optional<uint32_t> rev = std::nullopt;  // with `document`
  bool with_blocks = true;                     // else hits have no block, which costs less
  const Snapshot* snapshot = nullptr;          // null: now
};

struct SearchHit {
  ProjectId project{};
  DocumentId document{};
  Section section{};
  uint32_t rev = 0;      // whose sections were searched
  uint32_t ordinal = 0;  // place among them, from 0
  // The smaller the nearer: 1 - cosine, the euclidean distance, or minus the inner product; of the
  // floats that were given, and the same on every processor.
  double distance = 0;
  SectionBlock block;  // with its embedding; not valid() without SearchOptions::with_blocks
};

}  // namespace bcstore
