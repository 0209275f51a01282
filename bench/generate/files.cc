#include "generate/files.h"

#include <bcstore/bcstore.h>
#include <fmt/format.h>

#include <filesystem>

#include "failure.h"

namespace bcstore::bench {
namespace {

constexpr std::string_view kNames[] = {"users.jsonl",
                                       "chat_credits.jsonl",
                                       "integrations.jsonl",
                                       "projects.jsonl",
                                       "project_versions.jsonl",
                                       "documents.jsonl",
                                       "document_revisions.jsonl",
                                       "document_sections.jsonl",
                                       "tasks.jsonl",
                                       "task_activity.jsonl",
                                       "chat_sessions.jsonl",
                                       "chat_messages.jsonl",
                                       "events.jsonl",
                                       "section_vectors.fvecs"};
constexpr std::string_view kSections[] = {"overview", "prd", "marketing", "tech", "tasks"};
constexpr std::string_view kIntegrations[] = {"google_analytics", "github", "zapier"};

std::string id_text(const RawId& id) { return to_string(UserId(Uuid{id})); }
std::string time_text(int64_t us) { return to_string(Time{us}); }

// A JSON string. The generated texts hold no control characters but line ends.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out += '"';
}

std::string quoted_or_null(const std::optional<std::string_view>& text) {
  return text ? quoted(*text) : "null";
}

}  // namespace

FileWriter::FileWriter(const std::string& directory) : directory_(directory) {
  static_assert(std::size(kNames) == kFiles);
  for (size_t i = 0; i < kFiles; ++i) {
    files_[i].open(std::filesystem::path(directory) / kNames[i], std::ios::binary);
    if (!files_[i]) throw Failure(fmt::format("cannot write {}/{}", directory, kNames[i]));
  }
}

void FileWriter::line(File file, const std::string& json) { files_[file] << json << '\n'; }

void FileWriter::finish(const std::vector<ProductBalance>& balances) {
  for (const std::string& id : order_) {
    auto row = connected_.find(id);
    if (row != connected_.end()) line(integrations, row->second);
  }
  for (size_t owner = 0; owner < owners_.size(); ++owner) {
    const ProductBalance& balance = balances[owner];
    // No date: it would be one gone by, and the balance that of the plan when it is loaded.
    line(chat_credits,
         fmt::format(
             R"({{"user_id":"{}","remaining":{},"reset_at":null}})", id_text(owners_[owner]),
             balance.is_unlimited ? "null" : std::to_string(balance.allowance + balance.granted)));
  }
  for (size_t i = 0; i < kFiles; ++i) {
    files_[i].close();
    if (!files_[i]) throw Failure(fmt::format("cannot write {}/{}", directory_, kNames[i]));
  }
}

void FileWriter::sign_up(const Happening& when, const SignUp& user) {
  if (owners_.size() <= when.owner) owners_.resize(when.owner + 1);
  owners_[when.owner] = when.user;
  line(users, fmt::format(R"({{"id":"{}","email":{},"full_name":{},"stripe_customer_id":{},)"
                          R"("is_pro":false,"created_at":"{}"}})",
                          id_text(when.user), quoted(user.email), quoted_or_null(user.full_name),
                          quoted_or_null(user.stripe_customer_id), time_text(when.at_us)));
}

void FileWriter::project(const Happening& when, const RawId& id, std::string_view name,
                         std::string_view prompt) {
  line(projects, fmt::format(R"({{"id":"{}","user_id":"{}","name":{},"idea_prompt":{},)"
                             R"("status":"processing","created_at":"{}"}})",
                             id_text(id), id_text(when.user), quoted(name), quoted(prompt),
                             time_text(when.at_us)));
}

void FileWriter::version(const Happening& when, const RawId& project, uint32_t version,
                         std::string_view note) {
  line(project_versions,
       fmt::format(R"({{"project_id":"{}","version":{},"change_note":{},"created_by":null,)"
                   R"("created_at":"{}"}})",
                   id_text(project), version, quoted(note), time_text(when.at_us)));
}

void FileWriter::document(const Happening& when, const RawId& id, const RawId& project,
                          uint32_t version, uint8_t section) {
  line(documents, fmt::format(R"({{"id":"{}","project_id":"{}","version":{},"section":"{}",)"
                              R"("created_at":"{}"}})",
                              id_text(id), id_text(project), version, kSections[section - 1u],
                              time_text(when.at_us)));
}

void FileWriter::revision(const Happening& when, const RawId& document, uint32_t rev,
                          std::string_view json) {
  line(document_revisions,
       fmt::format(R"({{"document_id":"{}","rev":{},"created_by":"{}","created_at":"{}",)"
                   R"("content":{}}})",
                   id_text(document), rev, id_text(when.user), time_text(when.at_us), json));
}

void FileWriter::sections(const Happening&, const RawId& document, uint32_t rev,
                          std::span<const Section> sections) {
  for (const Section& section : sections) {
    line(document_sections,
         fmt::format(R"({{"document_id":"{}","rev_first":{},"rev_last":{},"block_id":"s{}",)"
                     R"("body_md":{},"vec":{}}})",
                     id_text(document), rev, rev, section.number, quoted(section.body), vectors_));
    const auto dimension = static_cast<int32_t>(section.embedding.size());
    std::ofstream& out = files_[section_vectors];
    out.write(reinterpret_cast<const char*>(&dimension), sizeof dimension);
    out.write(reinterpret_cast<const char*>(section.embedding.data()),
              static_cast<std::streamsize>(section.embedding.size_bytes()));
    ++vectors_;
  }
}

void FileWriter::task(const Happening& when, const RawId& id, const RawId& project, int32_t phase,
                      std::string_view title, std::string_view description) {
  line(tasks, fmt::format(R"({{"id":"{}","project_id":"{}","phase":{},"title":{},)"
                          R"("description":{},"created_at":"{}"}})",
                          id_text(id), id_text(project), phase, quoted(title), quoted(description),
                          time_text(when.at_us)));
}

void FileWriter::activity(const Happening& when, const RawId& task, bool completes) {
  line(task_activity,
       fmt::format(R"({{"task_id":"{}","user_id":"{}","action":"{}","created_at":"{}"}})",
                   id_text(task), id_text(when.user), completes ? "complete" : "reopen",
                   time_text(when.at_us)));
}

void FileWriter::chat(const Happening& when, const RawId& id, const RawId& project) {
  line(chat_sessions, fmt::format(R"({{"id":"{}","project_id":"{}","started_at":"{}"}})",
                                  id_text(id), id_text(project), time_text(when.at_us)));
}

void FileWriter::message(const Happening& when, const Turn& turn) {
  line(chat_messages,
       fmt::format(R"({{"session_id":"{}","seq":{},"role":"{}","content":{},"token_count":{},)"
                   R"("created_at":"{}"}})",
                   id_text(turn.session), turn.seq - 1, turn.role == 1 ? "user" : "assistant",
                   quoted(turn.content), turn.token_count, time_text(when.at_us)));
}

void FileWriter::event(const Happening& when, const RawId& project, std::string_view type,
                       std::string_view payload) {
  line(events,
       fmt::format(R"({{"project_id":"{}","event_type":"{}","payload":{},"created_at":"{}"}})",
                   id_text(project), type, payload, time_text(when.at_us)));
}

void FileWriter::integration(const Happening& when, const RawId& id, uint8_t type,
                             std::optional<std::string_view> metadata) {
  const std::string name = id_text(id);
  if (!metadata) {
    connected_.erase(name);
    return;
  }
  const auto added = added_us_.try_emplace(name, when.at_us);
  if (added.second) order_.push_back(name);
  connected_[name] = fmt::format(
      R"({{"id":"{}","user_id":"{}","type":"{}","metadata":{},"created_at":"{}"}})", name,
      id_text(when.user), kIntegrations[type - 1u], *metadata, time_text(added.first->second));
}

}  // namespace bcstore::bench
