// Image: what a store holds, in a form that can be compared.
//
// The same image is made in two ways: read back from a store through the public API (read_image),
// and computed from the plans that should be in it (reference.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bcstore/bcstore.h"

namespace bcstore::crash {

enum class Table : uint8_t {
  user,
  project,
  document,
  task,
  session,
  project_version,
  project_status,
  revision,
  document_lock,
  task_revision,
  task_activity,
  message,
  event,
  audit,
  credit_entry,
  section,
  integration,
  integration_change,
  public_name,
  public_record,
};
std::string_view to_string(Table table);

// Every field of a record that was asked for, as one string.
class Body {
 public:
  Body& number(uint64_t number);
  Body& text(std::string_view text);
  Body& optional(std::optional<std::string_view> text);
  Body& id(const Uuid& id) { return text(bcstore::to_string(id)); }
  Body& phase(std::optional<int32_t> phase);
  Body& actor(const Actor& actor);
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// One immutable fact.
struct Row {
  Table table{};
  Uuid object{};        // that it belongs to: a project, a document, a public name; the owner
  uint64_t number = 0;  // within the object
  std::string body{};
  size_t step = 0;  // of the plan; computed rows only
};

struct Commit {
  UserId owner{};
  std::vector<Row> rows{};
  std::vector<uint64_t> named{};  // plans that texts and agents of its rows name
  std::vector<int64_t> created_us{};
};

struct Image {
  std::map<uint64_t, Commit> commits{};                   // by commit sequence
  std::map<std::pair<Table, Uuid>, std::string> heads{};  // current state of each object
  std::map<UserId, uint64_t> owner_seqs{};
};

// Integrations by owner: no list has those that were removed.
using Integrations = std::map<UserId, std::vector<Uuid>>;

// Reads everything of these users, by pages, and what is public. A user or an integration that does
// not exist adds nothing.
Status read_image(const Store& store, const std::vector<UserId>& owners,
                  const Integrations& integrations, Image* image);

// How a head is written down.
std::string user_head(uint32_t rev, std::string_view email, std::optional<std::string_view> name,
                      int64_t credits);
std::string project_head(std::string_view name, std::string_view prompt, uint8_t status,
                         uint32_t version);
std::string document_head(const Uuid& project, uint32_t version, uint8_t section, bool is_locked,
                          uint32_t rev);
struct TaskFields {
  std::string title{};
  std::string description{};
  std::optional<int32_t> phase{};
};
std::string task_head(const Uuid& project, const TaskFields& fields, uint8_t state, uint32_t rev,
                      uint64_t activities);
std::string integration_head(uint8_t type, uint32_t rev, std::optional<std::string_view> secret);
Body section_body(const Actor& actor, std::string_view id, std::optional<std::string_view> heading,
                  std::optional<std::string_view> body, std::span<const float> embedding);
// Of a section's row: revision and place.
uint64_t section_number(uint32_t rev, uint64_t ordinal);
std::string session_head(const Uuid& project, std::optional<std::string_view> title,
                         uint64_t last_seq);

}  // namespace bcstore::crash
