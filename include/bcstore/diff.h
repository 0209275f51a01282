// Diff: what changed in a project from one moment to another, and what changed in a document's
// contents from one revision to another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bcstore/records.h"
#include "bcstore/types.h"

namespace bcstore {

// Changed tasks in one diff, and bytes of their records, before and after together.
inline constexpr size_t kMaxDiffTasks = 1'000;
inline constexpr size_t kMaxDiffTaskBytes = size_t{64} << 20;
// Changes in one diff of contents, and lines of a text that are compared one by one, those that
// both have at the beginning and the end apart. What is longer is told as one change.
inline constexpr size_t kMaxContentChanges = 10'000;
inline constexpr size_t kMaxDiffLines = 5'000;

struct DocumentDiff {
  Section section{};
  // The effective document of the section, before and after; nullopt: there was none. At least one
  // is there, and they differ in id or revision, or in the lock.
  std::optional<Document> before{};
  std::optional<Document> after{};
};

struct TaskDiff {
  std::optional<Task> before{};
  std::optional<Task> after{};
};

struct ProjectDiff {
  Project before;
  Project after;
  std::vector<DocumentDiff> documents{};  // by section
  std::vector<TaskDiff> tasks{};          // in the order of today's list
  uint64_t tasks_left_out = 0;            // changed too, beyond either limit
};

struct RevisionRef {
  DocumentId document{};
  uint32_t rev = 0;
};

struct JsonChange {
  enum class Kind : uint8_t { added = 1, removed = 2, replaced = 3 };
  Kind kind{};
  std::string path{};  // a JSON pointer (RFC 6901); of the whole: empty
};

// Lines from..from+count of the older text became those of the newer one; counted from 1. A count
// of 0 stands behind the line before.
struct LineChange {
  uint64_t before_line = 0, before_count = 0;
  uint64_t after_line = 0, after_count = 0;
};

struct ContentDiff {
  // Of two JSON contents: the changed paths. Of any others: the changed lines.
  bool is_json = false;
  std::vector<JsonChange> paths{};
  std::vector<LineChange> lines{};
  bool is_coarse = false;  // there is more to tell than the limits let
};

}  // namespace bcstore
