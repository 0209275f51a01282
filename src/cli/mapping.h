// From a row of a table to a verb of the importer: which field means what.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "bcstore/bcstore.h"
#include "cli/row.h"
#include "cli/section_order.h"
#include "cli/spill.h"
#include "cli/tables.h"
#include "cli/vectors.h"

namespace bcstore::cli {

// Where a row belongs: what it hangs on, and its turn among the rows that hang on the same. That of
// a section is its first revision, shifted left by kOrdinalBits, plus its ordinal there.
inline constexpr int kOrdinalBits = 31;
struct Place {
  Parent parent{};
  int64_t order = 0;
};
// Of any table but users. Refuses the row when it does not say so.
Place place_of(Table table, Row& row);

// Tells equal rows of one file apart, so that each of them is written once however often the file
// is loaded. Rows must come in the order of their times within a parent.
class Occurrences {
 public:
  // How many equal rows came before.
  uint64_t count(const std::string& facts, int64_t order);

 private:
  int64_t order_ = 0;
  std::unordered_map<std::string, uint64_t> seen_;
};

// A project's version 1, as its row in project_versions tells it. The note lives as long as the
// row.
struct VersionOne {
  Importer::Row row;
  std::optional<std::string_view> change_note;
};
VersionOne version_one_of(Row& row);

ImportedUser user_of(Row& row);

// Each hands the row to the importer, unless something refuses it: then row.ok() is false and the
// importer has not seen it. Those that make a thing answer its id.
// `otherwise` is when the balance was, for a row that does not say it.
void map_credits(Row& row, Time otherwise, Importer& importer);
void map_integration(Row& row, UserId owner, Importer& importer);
Uuid map_project(Row& row, UserId owner, const std::optional<VersionOne>& version_one,
                 Importer& importer);
void map_version(Row& row, Importer& importer);
Uuid map_document(Row& row, UserId owner, Importer& importer);
void map_revision(Row& row, Importer& importer);
void map_section(Row& row, const Vectors& vectors, uint32_t ordinal, Importer& importer);
std::optional<uint32_t> ordinal_of(Row& row);
// What there is to look for in a revision's text, and that text.
PlacedSection placed_section_of(Row& row);
std::string_view revision_text(Row& row);
Uuid map_task(Row& row, UserId owner, Importer& importer);
void map_activity(Row& row, Occurrences& occurrences, Importer& importer);
Uuid map_session(Row& row, UserId owner, Importer& importer);
void map_message(Row& row, UserId owner, uint64_t seq, Importer& importer);
void map_event(Row& row, Occurrences& occurrences, Importer& importer);

}  // namespace bcstore::cli
