#include "floor_projects.h"

#include <fmt/core.h>

#include <cstring>
#include <map>
#include <string>
#include <utility>

#include "failure.h"
#include "project_data.h"

namespace bcstore::bench {
namespace {

constexpr size_t kStateAt = 0;
constexpr size_t kTitleBytesAt = 1;
constexpr size_t kTextsAt = 3;
constexpr size_t kPhaseAt = 16;

void check(const rocksdb::Status& status, std::string_view what) {
  if (!status.ok()) throw Failure(fmt::format("floor: {}: {}", what, status.ToString()));
}

std::string user_key(const RawId& user) {
  return {reinterpret_cast<const char*>(user.data()), user.size()};
}

void append_u32(uint32_t number, std::string* key) {
  for (int shift = 24; shift >= 0; shift -= 8) key->push_back(static_cast<char>(number >> shift));
}

uint32_t read_u32(const char* at) {
  uint32_t number = 0;
  for (int i = 0; i < 4; ++i) number = number << 8 | static_cast<uint8_t>(at[i]);
  return number;
}

std::string content_key(const RawId& user, uint8_t section) {
  return user_key(user) + static_cast<char>(section);
}

// Keeps in memory what an application would know from its own objects: whose a document is, and
// under which key a task lies.
class FloorProjectSink : public ProductSink {
 public:
  explicit FloorProjectSink(const FloorFamilies& families) : families_(families) {}

  void document(const Happening& when, const RawId& id, const RawId&, uint32_t,
                uint8_t section) override {
    documents_[id] = content_key(when.user, section);
  }
  void revision(const Happening&, const RawId& document, uint32_t rev,
                std::string_view json) override {
    std::string value(reinterpret_cast<const char*>(&rev), sizeof rev);
    value += json;
    check(families_.db->Put({}, families_.contents, documents_.at(document), value), "Put");
  }
  void task(const Happening& when, const RawId& id, const RawId&, int32_t phase,
            std::string_view title, std::string_view description) override {
    std::string key = user_key(when.user);
    append_u32(static_cast<uint32_t>(phase), &key);
    append_u32(++number_, &key);
    std::string value(1, '\0');
    const auto title_bytes = static_cast<uint16_t>(title.size());
    value.append(reinterpret_cast<const char*>(&title_bytes), sizeof title_bytes);
    value += title;
    value += description;
    check(families_.db->Put({}, families_.tasks, key, value), "Put");
    tasks_[id] = key;
  }
  void activity(const Happening&, const RawId& task, bool completes) override {
    const std::string& key = tasks_.at(task);
    std::string value;
    check(families_.db->Get({}, families_.tasks, key, &value), "Get");
    value[kStateAt] = completes ? 1 : 0;
    check(families_.db->Put({}, families_.tasks, key, value), "Put");
  }

  void sign_up(const Happening&, const SignUp&) override {}
  void grant(const Happening&, int32_t) override {}
  void project(const Happening&, const RawId&, std::string_view, std::string_view) override {}
  void version(const Happening&, const RawId&, uint32_t, std::string_view) override {}
  void sections(const Happening&, const RawId&, uint32_t, std::span<const Section>) override {}
  void chat(const Happening&, const RawId&, const RawId&) override {}
  void message(const Happening&, const Turn&) override {}
  void event(const Happening&, const RawId&, std::string_view, std::string_view) override {}
  void integration(const Happening&, const RawId&, uint8_t,
                   std::optional<std::string_view>) override {}

 private:
  FloorFamilies families_;
  std::map<RawId, std::string> documents_, tasks_;
  uint32_t number_ = 0;
};

class FloorProjectWorker : public ProjectWorker {
 public:
  FloorProjectWorker(const FloorFamilies& families, const Population& population,
                     std::unique_ptr<ChatWorker> chats)
      : families_(families), population_(population), chats_(std::move(chats)) {}

  void newest_documents(uint32_t project, Fold* fold) override {
    const RawId user = population_.user_id(project);
    for (uint8_t section = 1; section <= kProjectDocuments; ++section) {
      rocksdb::PinnableSlice content;
      check(families_.db->Get({}, families_.contents, content_key(user, section), &content), "Get");
      uint32_t rev;
      std::memcpy(&rev, content.data(), sizeof rev);
      fold_document(section, rev, {content.data() + sizeof rev, content.size() - sizeof rev}, fold);
    }
  }

  void tasks(uint32_t project, Fold* fold) override {
    const std::string prefix = user_key(population_.user_id(project));
    if (!rows_) rows_.reset(families_.db->NewIterator({}, families_.tasks));
    for (rows_->Seek(prefix); rows_->Valid() && rows_->key().starts_with(prefix); rows_->Next()) {
      const rocksdb::Slice value = rows_->value();
      uint16_t title_bytes;
      std::memcpy(&title_bytes, value.data() + kTitleBytesAt, sizeof title_bytes);
      const std::string_view texts(value.data() + kTextsAt, value.size() - kTextsAt);
      fold_task(static_cast<int32_t>(read_u32(rows_->key().data() + kPhaseAt)),
                value[kStateAt] != 0, texts.substr(0, title_bytes), texts.substr(title_bytes),
                fold);
    }
    check(rows_->status(), "Next");
  }

  void context(uint32_t project, uint32_t messages, Fold* fold) override {
    fold_project("Benchmark", "Measure twice", 1, fold);  // as create() gave them
    newest_documents(project, fold);
    tasks(project, fold);
    chats_->last_messages(project * population_.sessions_per_user, messages, fold);
  }

 private:
  FloorFamilies families_;
  Population population_;
  std::unique_ptr<ChatWorker> chats_;
  std::unique_ptr<rocksdb::Iterator> rows_;
};

}  // namespace

std::unique_ptr<ProductSink> make_floor_project_sink(const FloorFamilies& families) {
  return std::make_unique<FloorProjectSink>(families);
}

std::unique_ptr<ProjectWorker> make_floor_project_worker(const FloorFamilies& families,
                                                         const Population& population,
                                                         std::unique_ptr<ChatWorker> chats) {
  return std::make_unique<FloorProjectWorker>(families, population, std::move(chats));
}

}  // namespace bcstore::bench
