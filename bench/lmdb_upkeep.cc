// The LMDB engine's upkeep. Pages that were erased stay in the file as they are until they are used
// again: what purges them is a compacted copy that takes the file's place.
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "failure.h"
#include "lmdb_rows.h"

namespace bcstore::bench {
namespace {

namespace fs = std::filesystem;

class LmdbUpkeepWorker : public UpkeepWorker {
 public:
  explicit LmdbUpkeepWorker(LmdbShare& share) : share_(share) {}

  void erase_user(uint32_t user) override {
    const RawId id = share_.population.user_id(user);
    const Found found = find(id);
    LmdbWrite write(*share_.environment, Mode::durable);
    for (const std::string& session : found.sessions) {
      write.erase_under(LmdbTable::messages, session);
      write.erase(LmdbTable::sessions, session);
    }
    for (const std::string& document : found.documents) {
      write.erase_under(LmdbTable::sections, document);
      write.erase(LmdbTable::documents, document);
    }
    for (const std::string& task : found.tasks) write.erase(LmdbTable::task_places, task);
    for (const std::string& project : found.projects) write.erase(LmdbTable::projects, project);
    for (const LmdbTable table :
         {LmdbTable::versions, LmdbTable::revisions, LmdbTable::tasks, LmdbTable::activities,
          LmdbTable::ledger, LmdbTable::events, LmdbTable::integrations, LmdbTable::requests,
          LmdbTable::credits, LmdbTable::users}) {
      write.erase_under(table, bytes_of(id));
    }
    write.commit();
  }

  void purge() override {
    const char* path = nullptr;
    check_lmdb(::mdb_env_get_path(share_.environment->handle(), &path), "mdb_env_get_path");
    const std::string directory = path;
    const fs::path copy = fs::path(directory) / "copy";
    fs::create_directory(copy);
    check_lmdb(::mdb_env_copy2(share_.environment->handle(), copy.c_str(), MDB_CP_COMPACT),
               "mdb_env_copy2");
    share_.environment.reset();
    fs::rename(copy / "data.mdb", fs::path(directory) / "data.mdb");
    fs::remove(copy);
    share_.environment = std::make_unique<LmdbEnvironment>(directory);
  }

 private:
  // Keys of what hangs on a user and does not lie under it.
  struct Found {
    std::vector<std::string> sessions, documents, tasks, projects;
  };

  Found find(const RawId& user) {
    Found found;
    LmdbReader reader(*share_.environment);
    reader.read([&] {
      const auto collect = [&](LmdbTable table, std::vector<std::string>* keys) {
        LmdbReader::Row row;
        // The value begins with the owner.
        for (bool is_there = reader.seek(table, std::string_view("\0", 1), &row); is_there;
             is_there = reader.next(table, &row)) {
          if (row.value.substr(0, user.size()) == bytes_of(user)) keys->emplace_back(row.key);
        }
      };
      collect(LmdbTable::sessions, &found.sessions);
      collect(LmdbTable::documents, &found.documents);
      collect(LmdbTable::task_places, &found.tasks);
      collect(LmdbTable::projects, &found.projects);
    });
    return found;
  }

  LmdbShare& share_;
};

}  // namespace

std::unique_ptr<UpkeepWorker> make_lmdb_upkeep_worker(LmdbShare& share) {
  return std::make_unique<LmdbUpkeepWorker>(share);
}

}  // namespace bcstore::bench
