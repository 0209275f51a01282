// Writes a product's life as files for `bcstore load`: JSON Lines, a file for each table.
#pragma once

#include <array>
#include <fstream>
#include <string>
#include <unordered_map>
#include <vector>

#include "generate/product.h"

namespace bcstore::bench {

// The table of balances is written by finish(): it says what is left in the end. Integrations have
// their last metadata there, and those that were removed are left out.
class FileWriter : public ProductSink {
 public:
  // Into an existing directory. Throws Failure when a file cannot be written.
  explicit FileWriter(const std::string& directory);
  void finish(const std::vector<ProductBalance>& balances);

  void sign_up(const Happening& when, const SignUp& user) override;
  void grant(const Happening&, int32_t) override {}
  void project(const Happening& when, const RawId& id, std::string_view name,
               std::string_view prompt) override;
  void version(const Happening& when, const RawId& project, uint32_t version,
               std::string_view note) override;
  void document(const Happening& when, const RawId& id, const RawId& project, uint32_t version,
                uint8_t section) override;
  void revision(const Happening& when, const RawId& document, uint32_t rev,
                std::string_view json) override;
  void sections(const Happening& when, const RawId& document, uint32_t rev,
                std::span<const Section> sections) override;
  void task(const Happening& when, const RawId& id, const RawId& project, int32_t phase,
            std::string_view title, std::string_view description) override;
  void activity(const Happening& when, const RawId& task, bool completes) override;
  void chat(const Happening& when, const RawId& id, const RawId& project) override;
  void message(const Happening& when, const Turn& turn) override;
  void event(const Happening& when, const RawId& project, std::string_view type,
             std::string_view payload) override;
  void integration(const Happening& when, const RawId& id, uint8_t type,
                   std::optional<std::string_view> metadata) override;

 private:
  enum File : size_t {
    users,
    chat_credits,
    integrations,
    projects,
    project_versions,
    documents,
    document_revisions,
    document_sections,
    tasks,
    task_activity,
    chat_sessions,
    chat_messages,
    events,
    section_vectors,
    kFiles
  };
  void line(File file, const std::string& json);

  std::string directory_;
  std::array<std::ofstream, kFiles> files_;
  std::unordered_map<std::string, int64_t> added_us_;       // of integrations
  std::unordered_map<std::string, std::string> connected_;  // their rows, by id
  std::vector<std::string> order_;                          // of integrations
  std::vector<RawId> owners_;
  uint32_t vectors_ = 0;
};

}  // namespace bcstore::bench
