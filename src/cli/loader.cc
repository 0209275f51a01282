#include "cli/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bcstore::cli {
namespace {

// What the rows of a table make, where other rows can hang on it.
std::optional<Kind> made_by(Table table) {
  switch (table) {
    case Table::users:
      return Kind::user;
    case Table::projects:
      return Kind::project;
    case Table::documents:
      return Kind::document;
    case Table::tasks:
      return Kind::task;
    case Table::chat_sessions:
      return Kind::session;
    default:
      return std::nullopt;
  }
}

}  // namespace

Status Loader::run() {
  Status status = load_tables();
  // What was collected before something ended the load is good: land it.
  Status landed = feeder_.finish();
  return status.ok() ? landed : status;
}

Status Loader::load_tables() {
  const InputFiles& files = report_.files();
  if (files.has(Table::users)) {
    if (Status status = load_users(); !status.ok()) return status;
  }
  if (files.has(Table::project_versions) && !report_.must_stop()) {
    Result<Spill> versions = spill_table(Table::project_versions);
    if (!versions) return versions.status();
    versions_.emplace(*std::move(versions));
    keep_version_ones(*versions_);
  }
  for (size_t i = index_of(Table::users) + 1; i < kTables && !report_.must_stop(); ++i) {
    if (!files.has(table_at(i))) continue;
    if (Status status = load_table(table_at(i)); !status.ok()) return status;
  }
  return {};
}

Status Loader::load_users() {
  return read_file(Table::users, [this](std::string_view, uint64_t line) -> Status {
    ImportedUser user = user_of(row_);
    if (!row_.ok()) {
      report_.refuse(Table::users, line, row_.reason());
      return {};
    }
    ImportedRow imported = service_.import_user(user, Durability::relaxed);
    TableCount& count = report_.count(Table::users);
    switch (imported.outcome) {
      case ImportOutcome::written:
        ++count.written;
        break;
      case ImportOutcome::present:
        ++count.present;
        break;
      case ImportOutcome::refused:
        if (ends_load(imported.status.code())) return imported.status;
        report_.refuse(Table::users, line, imported.status.to_string());
        return {};
    }
    owners_.learn({Kind::user, user.id.uuid()}, user.id);
    return {};
  });
}

template <class OnRow>
Status Loader::read_file(Table table, OnRow on_row) {
  Result<LineReader> opened = LineReader::open(report_.files().path(table));
  if (!opened) {
    report_.damaged_file(table, opened.status());
    return {};
  }
  LineReader& lines = *opened;
  TableCount& count = report_.count(table);
  while (!report_.must_stop()) {
    LineReader::Got got = lines.next();
    if (got == LineReader::Got::end) break;
    if (got == LineReader::Got::failed) {
      report_.damaged_file(table, lines.status());
      break;
    }
    ++count.read;
    report_.progress().show(table, "reading", lines.file_offset(), lines.file_bytes(), count.read);
    bool is_row = got == LineReader::Got::line && row_.parse(lines.line());
    if (!is_row) {
      bool is_too_long = got == LineReader::Got::too_long;
      report_.refuse(table, lines.number(),
                     is_too_long ? "the line is longer than 64 MiB" : row_.reason());
      if (table == Table::chat_messages) message_order_.unreadable_row();
      continue;
    }
    if (Status status = on_row(lines.line(), lines.number()); !status.ok()) return status;
  }
  return {};
}

Result<Spill> Loader::spill_table(Table table) {
  Result<Spill> spill = Spill::create(spill_directory_);
  if (!spill) return spill;
  Status status = read_file(table, [&](std::string_view text, uint64_t line) -> Status {
    Place place = place_of(table, row_);
    if (row_.ok()) return spill->add(text, line, place.parent, place.order);
    report_.refuse(table, line, row_.reason());
    if (table == Table::chat_messages) message_order_.unreadable_row();
    return {};
  });
  if (status.ok()) status = spill->finish();
  if (!status.ok()) return status;
  return spill;
}

// A project is written together with its version 1, so that this row is needed early. Of several
// the first counts; the others must agree with it when their turn comes.
void Loader::keep_version_ones(const Spill& versions) {
  if (!report_.files().has(Table::projects)) return;
  for (const Spill::Entry& entry : versions.entries()) {
    if (entry.order == 1) version_ones_.try_emplace(versions.groups()[entry.group].parent, entry);
  }
}

Status Loader::load_table(Table table) {
  if (table == Table::project_versions) return feed_table(table, *versions_);
  if (table == Table::document_sections) {
    if (Status status = read_vectors(); !status.ok()) return status;
  }
  Result<Spill> spill = spill_table(table);
  if (!spill) return spill.status();
  Status status = feed_table(table, *spill);
  if (table == Table::document_sections) revisions_.reset();
  const bool has_sections = report_.files().has(Table::document_sections);
  if (table == Table::document_revisions && has_sections) {
    revisions_.emplace(*std::move(spill));
    for (size_t i = revisions_->entries().size(); i-- > 0;) {
      revisions_of_[revisions_->groups()[revisions_->entries()[i].group].parent] = i;
    }
  }
  return status;
}

// Without the file, a row that names a vector is refused, and the rest of its document waits.
Status Loader::read_vectors() {
  const std::string& path = report_.files().section_vectors;
  if (path.empty()) return {};
  Result<Vectors> vectors = Vectors::read(path);
  if (vectors) {
    vectors_ = *std::move(vectors);
    return {};
  }
  const Status status = vectors.status();
  report_.fail(fmt::format("{}: {}", path, status.message()));
  return {};
}

Status Loader::feed_table(Table table, Spill& spill) {
  if (report_.must_stop()) return {};
  if (Status status = owners_.place(spill.groups()); !status.ok()) return status;
  spill.sort(/*across_parents=*/table == Table::events);
  if (table == Table::chat_messages) message_order_.look_at(spill.entries());
  uint64_t fed = 0;
  for (const Spill::Entry& entry : spill.entries()) {
    if (report_.must_stop()) return {};
    if (Status status = feed_row(table, spill, entry); !status.ok()) return status;
    ++fed;
    report_.progress().show(table, "writing", fed, spill.entries().size(), fed);
  }
  return feeder_.finish();
}

Status Loader::feed_row(Table table, Spill& spill, const Spill::Entry& entry) {
  if (table == Table::project_versions && feeder_.versions_written().contains(entry.line)) {
    ++report_.count(table).written;
    return {};
  }
  const Spill::Group& group = spill.groups()[entry.group];
  if (!group.is_known) {
    report_.refuse(table, entry.line,
                   fmt::format("{} {} is not known", to_string(group.parent.kind),
                               bcstore::to_string(group.parent.id)));
    return {};
  }
  if (Status status = feeder_.start(table, group.owner); !status.ok()) return status;
  Result<std::string_view> text = spill.read(entry);
  if (!text) return text.status();
  if (row_.parse(*text)) {
    if (Status status = map_row(table, group.owner, entry); !status.ok()) return status;
  }
  if (!row_.ok()) report_.refuse(table, entry.line, row_.reason());
  return {};
}

Status Loader::map_row(Table table, UserId owner, const Spill::Entry& entry) {
  Importer& importer = feeder_.importer();
  Uuid made;
  switch (table) {
    case Table::users:
      break;
    case Table::chat_credits:
      if (Status status = map_credits_row(owner); !status.ok()) return status;
      break;
    case Table::integrations:
      map_integration(row_, owner, importer);
      break;
    case Table::projects:
      return map_project_row(owner, entry.line);
    case Table::project_versions:
      map_version(row_, importer);
      break;
    case Table::documents:
      made = map_document(row_, owner, importer);
      break;
    case Table::document_revisions:
      map_revision(row_, importer);
      break;
    case Table::document_sections:
      return map_section_row(owner, entry);
    case Table::tasks:
      made = map_task(row_, owner, importer);
      break;
    case Table::task_activity:
      map_activity(row_, occurrences_, importer);
      break;
    case Table::chat_sessions:
      made = map_session(row_, owner, importer);
      break;
    case Table::chat_messages:
      return map_message_row(owner, entry);
    case Table::events:
      map_event(row_, occurrences_, importer);
      break;
  }
  if (!row_.ok()) return {};
  FedRow fed{.line = entry.line};
  if (std::optional<Kind> kind = made_by(table)) fed.thing = Parent{*kind, made};
  return feeder_.took(fed);
}

// The table has no time: such a balance is as old as its user, and the same in every load.
Status Loader::map_credits_row(UserId owner) {
  Result<User> user = service_.tenant(owner).profile();
  if (!user) return user.status();
  map_credits(row_, user->joined_at(), feeder_.importer());
  return {};
}

Status Loader::map_project_row(UserId owner, uint64_t line) {
  FedRow fed{.line = line, .makes_version_one = true};
  Uuid project = row_.id("id");
  Result<std::optional<VersionOne>> first = version_one(project, &fed.version_line);
  if (!first) return first.status();
  map_project(row_, owner, *first, feeder_.importer());
  if (!row_.ok()) return {};
  fed.thing = Parent{Kind::project, project};
  return feeder_.took(fed);
}

// The project's row for version 1, with its line, if there is one and it is good. A bad one is
// refused when its own turn comes.
Result<std::optional<VersionOne>> Loader::version_one(const Uuid& project, uint64_t* line) {
  auto at = version_ones_.find({Kind::project, project});
  if (at == version_ones_.end()) return std::optional<VersionOne>();
  Result<std::string_view> text = versions_->read(at->second);
  if (!text) return text.status();
  if (!version_row_.parse(*text)) return std::optional<VersionOne>();
  VersionOne first = version_one_of(version_row_);
  if (!version_row_.ok()) return std::optional<VersionOne>();
  *line = at->second.line;
  return std::optional<VersionOne>(std::move(first));
}

// Sections come in the order of their first revisions: once a later one is there, a row that was
// refused could not be loaded any more. So the rest of its document waits until it is mended.
Status Loader::map_section_row(UserId owner, const Spill::Entry& entry) {
  if (section_group_ != entry.group) {
    if (Status status = start_sections(owner, entry); !status.ok()) return status;
  }
  if (section_refused_ != 0) {
    row_.refuse(fmt::format("waits for line {}, which was refused and is of the same document",
                            section_refused_));
    return {};
  }
  const Uuid document = row_.id("document_id");
  const auto rev = static_cast<uint32_t>(entry.order >> kOrdinalBits);
  std::optional<uint32_t> ordinal = ordinal_of(row_);
  const PlacedSection section = placed_section_of(row_);
  if (section.rev_last > section_newest_) {
    row_.refuse(fmt::format("document {} has no revision {}", bcstore::to_string(document),
                            section.rev_last));
  }
  if (row_.ok() && !ordinal) {
    if (!section_order_.is_at(document, rev)) {
      Result<std::string_view> text = text_of_revision(owner, document, rev);
      if (!text && ends_load(text.code())) return text.status();
      section_order_.start(document, rev, text ? *text : std::string_view());
    }
    ordinal = section_order_.place(section);
  }
  if (row_.ok()) map_section(row_, vectors_, *ordinal, feeder_.importer());
  if (row_.ok()) return feeder_.took({.line = entry.line});
  section_refused_ = entry.line;
  return {};
}

Status Loader::start_sections(UserId owner, const Spill::Entry& entry) {
  section_group_ = entry.group;
  section_refused_ = 0;
  Result<Document> document = service_.tenant(owner).document(DocumentId(row_.id("document_id")));
  if (!document && ends_load(document.code())) return document.status();
  section_newest_ = document ? document->current_rev() : 0;
  return {};
}

// Valid until the next call.
Result<std::string_view> Loader::text_of_revision(UserId owner, const Uuid& document,
                                                  uint32_t rev) {
  const auto of_document = revisions_of_.find({Kind::document, document});
  if (revisions_ && of_document != revisions_of_.end()) {
    const std::vector<Spill::Entry>& entries = revisions_->entries();
    const auto first = entries.begin() + static_cast<ptrdiff_t>(of_document->second);
    const auto at = std::partition_point(first, entries.end(), [&](const Spill::Entry& e) {
      return e.group == first->group && e.order < rev;
    });
    if (at != entries.end() && at->group == first->group && at->order == rev) {
      Result<std::string_view> text = revisions_->read(*at);
      if (!text) return text;
      if (text_row_.parse(*text)) return revision_text(text_row_);
    }
  }
  Result<Revision> revision = service_.tenant(owner).revision(DocumentId(document), rev);
  if (!revision) return revision.status();
  return text_revision_.emplace(*std::move(revision)).content();
}

Status Loader::map_message_row(UserId owner, const Spill::Entry& entry) {
  auto number = static_cast<uint64_t>(entry.order);
  if (session_group_ != entry.group) {
    session_group_ = entry.group;
    ChatSessionId session(row_.id("session_id"));
    session_shift_ = message_order_.shift(service_.tenant(owner), session, number, row_);
  }
  if (!session_shift_) {
    Status status = session_shift_.status();
    if (ends_load(status.code())) return status;
    row_.refuse(std::string(status.message()));
    return {};
  }
  map_message(row_, owner, number + *session_shift_, feeder_.importer());
  return row_.ok() ? feeder_.took({.line = entry.line}) : Status();
}

}  // namespace bcstore::cli
