#include "memory/load.h"

#include <algorithm>
#include <utility>

namespace bcstore::memory {
namespace {

constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};
constexpr size_t kNoiseBytes = size_t{4} << 20;
constexpr size_t kMostRevisionBytes = 40'000;
constexpr size_t kMostMessageBytes = 4'000;
constexpr size_t kMostTaskBytes = 600;
constexpr size_t kTasks = 20;
constexpr uint64_t kStepsAUser = 6;
constexpr uint64_t kUnderWayBytes = uint64_t{64} << 10;
constexpr uint64_t kBlocksUnderWayBytes = uint64_t{2} << 20;

}  // namespace

Held held_by(const StoreStats& stats) {
  return {.blocks = stats.block_cache_bytes,
          .heads = stats.head_cache_bytes,
          .contents = stats.revision_cache_bytes,
          .rows = stats.row_cache_bytes,
          .messages = stats.message_cache_bytes};
}

Load::Load(Store& store, uint64_t seed, uint64_t budget_bytes)
    : store_(store), budget_bytes_(budget_bytes), random_(seed), noise_(kNoiseBytes, ' ') {
  for (char& c : noise_) c = static_cast<char>('a' + below(26));
}

template <class T>
T Load::take(Result<T> result) {
  if (result.ok()) return *std::move(result);
  if (status_.ok()) status_ = result.status();
  return T();
}

template <class T>
void Load::read_all(Cursor<T> cursor) {
  while (cursor.next()) {
  }
  if (!cursor.status().ok() && status_.ok()) status_ = cursor.status();
}

std::string_view Load::text(size_t most_bytes) {
  const size_t bytes = 1 + below(most_bytes);
  written_bytes_ += bytes;
  return std::string_view(noise_).substr(below(noise_.size() - bytes), bytes);
}

void Load::join() {
  const std::string email = std::to_string(people_.size()) + "@example.com";
  Person person;
  person.owner = take(store_.service("load").create_user({.email = email}, kRelaxed));
  const Tenant tenant = store_.tenant(person.owner);
  WriteBatch batch = tenant.batch();
  person.project = batch.create_project({.name = "P", .idea_prompt = text(kMostTaskBytes)});
  person.document = batch.create_document(person.project, {.section = Section::prd});
  person.chat = batch.start_chat(person.project);
  for (size_t i = 0; i < kTasks; ++i) {
    batch.create_task(person.project, {.title = "T", .description = text(kMostTaskBytes)});
  }
  (void)take(tenant.commit(batch, kRelaxed));
  people_.push_back(person);
}

void Load::write(const Person& person) {
  const Tenant tenant = store_.tenant(person.owner);
  WriteBatch batch = tenant.batch();
  batch.add_revision(person.document,
                     {.content = text(kMostRevisionBytes), .content_type = ContentType::text});
  for (int i = 0; i < 4; ++i) {
    batch.append_message(person.chat, {.role = Role::user, .content = text(kMostMessageBytes)});
  }
  batch.consume_credit({});
  (void)take(tenant.commit(batch, kRelaxed));
}

void Load::read(const Person& person) {
  const Tenant tenant = store_.tenant(person.owner);
  (void)take(tenant.credits());
  read_all(tenant.messages(person.chat, {.newest_first = true, .limit = 50}));
  read_all(tenant.tasks(person.project));
  read_all(tenant.revisions(person.document, {.limit = 3}));
  const Result<Project> project = tenant.project(person.project);
  const Result<std::vector<Document>> documents = tenant.latest_documents(person.project);
  const Result<Revision> revision = tenant.newest_revision(person.document);
  for (const Status& status : {project.status(), documents.status()}) {
    if (!status.ok() && status_.ok()) status_ = status;
  }
  // A document begins without a revision.
  if (revision.ok()) {
    (void)take(revision->content());
  } else if (revision.status().code() != Code::not_found && status_.ok()) {
    status_ = revision.status();
  }
}

bool Load::step() {
  if (people_.empty() || below(kStepsAUser) == 0) join();
  write(people_[below(people_.size())]);
  read(people_[below(people_.size())]);
  read(people_[below(people_.size())]);
  const Held now = held_by(store_.stats());
  most_.blocks = std::max(most_.blocks, now.blocks);
  most_.heads = std::max(most_.heads, now.heads);
  most_.contents = std::max(most_.contents, now.contents);
  most_.rows = std::max(most_.rows, now.rows);
  most_.messages = std::max(most_.messages, now.messages);
  most_sum_bytes_ = std::max(most_sum_bytes_, now.sum());
  return status_.ok();
}

std::vector<Part> Load::parts() const {
  const auto part = [this](std::string_view name, uint64_t sixteenths, uint64_t under_way_bytes,
                           uint64_t most_bytes) {
    const uint64_t share_bytes = budget_bytes_ / 16 * sixteenths;
    return Part{name, share_bytes, share_bytes + under_way_bytes, most_bytes};
  };
  return {part("blocks and memtables", 7, kBlocksUnderWayBytes, most_.blocks),
          part("heads", 2, kUnderWayBytes, most_.heads),
          part("contents of newest revisions", 2, 0, most_.contents),
          part("rows and lists", 2, 0, most_.rows),
          part("last messages", 3, 0, most_.messages),
          part("all of them", 16, kBlocksUnderWayBytes, most_sum_bytes_)};
}

}  // namespace bcstore::memory
