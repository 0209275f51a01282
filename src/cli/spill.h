// One table's rows on their way from the order of the file to the order of their parents.
//
// The text of the rows waits in a temporary file without a name, so that a killed load leaves
// nothing behind; 32 bytes a row stay in memory. Secrets pass through it: no one else can open the
// file, and its blocks are freed with it, not overwritten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bcstore/id.h"
#include "bcstore/status.h"

namespace bcstore::cli {

// What a row can hang on.
enum class Kind : uint8_t { user, project, document, task, session };

std::string_view to_string(Kind kind);

// A thing that rows hang on.
struct Parent {
  Kind kind = Kind::user;
  Uuid id{};
  friend bool operator==(const Parent&, const Parent&) = default;
};
struct ParentHash {
  size_t operator()(const Parent& parent) const noexcept {
    return std::hash<UserId>{}(UserId(parent.id)) + static_cast<size_t>(parent.kind);
  }
};

class Spill {
 public:
  struct Group {
    Parent parent{};
    bool is_known = false;  // with `owner`, for the one who places the groups
    UserId owner{};
  };
  struct Entry {
    uint64_t line;  // of the file, from 1
    uint64_t offset;
    int64_t order;
    uint32_t length;
    uint32_t group;  // index into groups()
  };

  // Makes the temporary file in `directory`, or where temporary files belong if that is not
  // possible.
  static Result<Spill> create(const std::string& directory);
  Spill(Spill&& other) noexcept;
  Spill& operator=(Spill&&) = delete;
  ~Spill();

  // Codes: io_error, no_space.
  Status add(std::string_view text, uint64_t line, const Parent& parent, int64_t order);
  Status finish();  // after the last row

  std::vector<Group>& groups() { return groups_; }
  const std::vector<Group>& groups() const { return groups_; }
  const std::vector<Entry>& entries() const { return entries_; }
  // By owner, then by parent unless `across_parents`, then by order and line. Groups must be
  // placed.
  void sort(bool across_parents);

  // Valid until the next read(), with kLinePaddingBytes behind it.
  Result<std::string_view> read(const Entry& entry);

 private:
  explicit Spill(int file) : file_(file) {}
  uint32_t group_of(const Parent& parent);
  Status flush();

  int file_;
  uint64_t written_bytes_ = 0;
  std::string pending_;
  std::vector<Group> groups_;
  std::vector<Entry> entries_;
  std::unordered_map<Parent, uint32_t, ParentHash> group_index_;
  std::vector<char> buffer_;
};

}  // namespace bcstore::cli
