// The tables of a load, in the order in which they depend on each other.
//
// Each goes in two passes. The first reads the file as it comes, finds out what every row hangs on
// and its turn there, and spills the rows to a temporary file. The second goes through them in
// order, owner by owner, and feeds the importer. Users have no order and are written as they come.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "bcstore/bcstore.h"
#include "cli/feeder.h"
#include "cli/input.h"
#include "cli/mapping.h"
#include "cli/message_order.h"
#include "cli/owners.h"
#include "cli/report.h"
#include "cli/row.h"
#include "cli/section_order.h"
#include "cli/spill.h"

namespace bcstore::cli {

class Loader {
 public:
  Loader(const Store& store, std::string spill_directory, Report& report)
      : service_(store.service("import of a directory")),
        spill_directory_(std::move(spill_directory)),
        report_(report),
        owners_(service_),
        feeder_(service_, owners_, report) {}
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // Not ok when the store or the temporary file failed: what was committed before stays.
  Status run();

 private:
  Status load_tables();
  Status load_users();
  Status load_table(Table table);

  // First pass. `row` is called for each line that is a JSON object.
  template <class OnRow>
  Status read_file(Table table, OnRow on_row);
  Result<Spill> spill_table(Table table);
  void keep_version_ones(const Spill& versions);

  // Second pass.
  Status feed_table(Table table, Spill& spill);
  Status feed_row(Table table, Spill& spill, const Spill::Entry& entry);
  Status map_row(Table table, UserId owner, const Spill::Entry& entry);
  Status map_credits_row(UserId owner);
  Status map_project_row(UserId owner, uint64_t line);
  Status read_vectors();
  Status map_section_row(UserId owner, const Spill::Entry& entry);
  Status start_sections(UserId owner, const Spill::Entry& entry);
  Result<std::string_view> text_of_revision(UserId owner, const Uuid& document, uint32_t rev);
  Status map_message_row(UserId owner, const Spill::Entry& entry);
  Result<std::optional<VersionOne>> version_one(const Uuid& project, uint64_t* line);

  Service service_;
  std::string spill_directory_;
  Report& report_;
  Owners owners_;
  Feeder feeder_;
  Row row_;

  std::optional<Spill> versions_;  // of project_versions, read before the projects are written
  std::unordered_map<Parent, Spill::Entry, ParentHash> version_ones_;
  Row version_row_;
  Vectors vectors_;

  // The texts that sections are looked for in: of this load, else of the store.
  std::optional<Spill> revisions_;
  std::unordered_map<Parent, size_t, ParentHash> revisions_of_;  // a document's first entry
  Row text_row_;
  std::optional<Revision> text_revision_;
  SectionOrder section_order_;
  // The document whose rows are being fed, and the line of its first refused row; 0: none.
  std::optional<uint32_t> section_group_;
  uint32_t section_newest_ = 0;  // its newest revision
  uint64_t section_refused_ = 0;

  Occurrences occurrences_;
  MessageOrder message_order_;
  std::optional<uint32_t> session_group_;  // whose rows are being fed
  Result<uint64_t> session_shift_ = uint64_t{0};
};

}  // namespace bcstore::cli
