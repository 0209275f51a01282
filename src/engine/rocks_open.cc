// open_rocks: what is in the directory decides whether a store is opened, made, or refused.
//
// LOCK is taken by the engine itself, before anything is decided and before RocksDB sees the
// directory. While a store is being made, which is until its first row is on disk, the file
// CREATING lies beside it: without it, a store with a missing family would be refused, and files
// without CURRENT or a log without rows would be damage; with it, nothing was ever acknowledged,
// and making the store is simply done again.
//
// MANIFEST and log are read and judged first (log_guard.h): RocksDB only sees files without damage.
#include <rocksdb/db.h>

#include <algorithm>

#include "engine/log_guard.h"
#include "engine/manifest_file.h"
#include "engine/monotonic.h"
#include "engine/rocks_engine.h"
#include "engine/rocks_files.h"
#include "engine/rocks_logger.h"
#include "engine/rocks_options.h"
#include "engine/rocks_status.h"
#include "engine/table_guard.h"

namespace bcstore::engine {
namespace {

constexpr size_t kLeastMemoryBytes = size_t{16} << 20;
constexpr std::string_view kCurrentName = "CURRENT";
constexpr std::string_view kLockName = "LOCK";

// Names that RocksDB gives to the files of a store.
bool is_store_file(std::string_view name) {
  return name == kCurrentName || name == "IDENTITY" || name.starts_with("MANIFEST-") ||
         name.starts_with("OPTIONS-") || name.ends_with(".log") || name.ends_with(".sst") ||
         name.ends_with(".dbtmp");
}

// What a directory holds.
struct Contents {
  bool current = false;
  bool creating = false;
  bool lock_file = false;
  std::string store_file;  // one of them, if any
  std::string foreign;     // one entry that is not of a store, if any

  // A store that was made to the end.
  bool store() const { return current && !creating; }
};

class Opening {
 public:
  Opening(const std::string& path, const Options& options)
      : path_(path), options_(options), sink_(options.log), latch_(std::make_shared<Latch>()) {}

  Result<std::unique_ptr<Engine>> run(bool* fresh, OpenReport* report);

 private:
  std::string at(std::string_view name) const { return path_ + "/" + std::string(name); }

  Status open(bool* fresh);
  Status find_directory();
  Result<Contents> look();
  Status admit(const Contents& contents);
  Status make_store();
  Status write_marker();
  Status remove_store_files();
  Status check_families(const Manifest& manifest) const;
  Status guard();
  Status open_database(bool create);
  void undo(const Contents& before);

  const std::string path_;
  const Options& options_;
  const LogSink sink_;
  std::shared_ptr<RocksListener> listener_;
  const std::shared_ptr<Latch> latch_;
  rocksdb::DBOptions database_;
  RocksParts parts_;
  OpenReport report_;
  bool made_directory_ = false;
  bool making_ = false;
};

Result<std::unique_ptr<Engine>> Opening::run(bool* fresh, OpenReport* report) {
  const int64_t started_us = monotonic_us();
  if (Status opened = open(fresh); !opened) return opened;
  sink_.write(LogLevel::info, "opened the store in " + std::to_string(monotonic_us() - started_us) +
                                  " microseconds");
  if (report != nullptr) *report = std::move(report_);
  auto core = std::make_shared<RocksCore>(std::move(parts_), latch_, options_);
  return std::unique_ptr<Engine>(std::make_unique<RocksEngine>(std::move(core)));
}

Status Opening::open(bool* fresh) {
  const bool injected = options_.file_system != nullptr;
  parts_.path = path_;
  parts_.files = injected ? options_.file_system : default_file_system();
  const size_t ahead_bytes = options_.log_ahead_bytes;
  parts_.rocks_files = injected ? injected_files(options_.file_system, ahead_bytes)
                                : system_files(rocksdb::FileSystem::Default(), ahead_bytes);
  parts_.env = rocksdb::NewCompositeEnv(parts_.rocks_files);
  const MemoryShares shares = share_memory(options_.memory_budget_bytes);
  parts_.cache = new_block_cache(shares);
  database_ = database_options(shares, parts_.cache);
  database_.env = parts_.env.get();
  database_.info_log = std::make_shared<RocksLogger>(sink_);
  listener_ = std::make_shared<RocksListener>(latch_, sink_);
  database_.listeners = {listener_};

  if (Status found = find_directory(); !found) return found;
  Result<Contents> before = look();
  if (!before) return before.status();
  Status status = admit(*before);
  // Without LOCK this may be no store of ours: look before that file is made.
  if (status.ok() && before->store() && !before->lock_file) {
    Result<Manifest> manifest = read_manifest(*parts_.files, path_);
    status = manifest ? check_families(*manifest) : manifest.status();
  }
  if (status.ok()) {
    Result<std::unique_ptr<FileLock>> lock = parts_.files->lock(at(kLockName));
    status = lock.status();
    if (lock) parts_.lock = std::move(*lock);
  }
  if (status.ok()) {
    // Again, now that nobody else can change it.
    Result<Contents> now = look();
    status = now ? admit(*now) : now.status();
    if (status.ok() && now->store()) {
      status = guard();
      if (status.ok()) status = open_database(/*create=*/false);
    } else if (status.ok()) {
      status = make_store();
    }
  }
  if (!status.ok()) {
    undo(*before);
    return status;
  }
  *fresh = making_;
  return Status();
}

Status Opening::find_directory() {
  FileSystem& files = *parts_.files;
  Result<FileInfo> info = files.info(path_);
  if (info && info->is_directory) return Status();
  if (info) return Status(Code::unsupported_format, path_ + " is a file, not a store");
  if (info.code() != Code::not_found) return info.status();
  if (!options_.create_if_missing) return Status(Code::not_found, path_ + " does not exist");
  const std::string parent = parent_directory(path_);
  Result<FileInfo> above = files.info(parent);
  if (!above) return above.status();
  if (!above->is_directory) return Status(Code::not_found, parent + " is not a directory");
  if (Status space = SpaceGate(parts_.files, parent, options_).admit(0); !space) return space;
  if (Status made = files.make_directory(path_); !made) return made;
  made_directory_ = true;
  return Status();
}

Result<Contents> Opening::look() {
  Result<std::vector<std::string>> names = parts_.files->list(path_);
  if (!names) return names.status();
  Contents contents;
  for (const std::string& name : *names) {
    if (name == kCurrentName) contents.current = true;
    if (name == kCreatingName) {
      contents.creating = true;
    } else if (name == kLockName) {
      contents.lock_file = true;
    } else if (is_store_file(name)) {
      contents.store_file = name;
    } else {
      contents.foreign = name;
    }
  }
  return contents;
}

// Whether a directory with these contents may be opened, or may become a store.
Status Opening::admit(const Contents& contents) {
  if (contents.store()) return Status();
  if (!contents.creating && !contents.store_file.empty()) {
    return Status(Code::corruption,
                  path_ + " holds " + contents.store_file + " but CURRENT is missing");
  }
  if (!options_.create_if_missing) return Status(Code::not_found, path_ + " holds no store");
  if (!contents.foreign.empty()) {
    return Status(Code::unsupported_format, path_ + " holds " + contents.foreign +
                                                ", which is not of a store: it stays as it is");
  }
  return SpaceGate(parts_.files, path_, options_).admit(0);
}

Status Opening::make_store() {
  making_ = true;
  if (Status marked = write_marker(); !marked) return marked;
  if (Status removed = remove_store_files(); !removed) return removed;  // of an earlier attempt
  if (Status opened = open_database(/*create=*/true); !opened) return opened;
  parts_.making = true;
  return made_directory_ ? parts_.files->sync_directory(parent_directory(path_)) : Status();
}

Status Opening::remove_store_files() {
  Result<std::vector<std::string>> names = parts_.files->list(path_);
  if (!names) return names.status();
  Status first;
  for (const std::string& name : *names) {
    if (!is_store_file(name)) continue;
    Status removed = parts_.files->remove(at(name));
    if (first.ok()) first = std::move(removed);
  }
  return first;
}

Status Opening::write_marker() {
  Result<std::unique_ptr<WritableFile>> marker =
      parts_.files->open_writable(at(kCreatingName), FileSystem::Create::fresh);
  if (!marker) return marker.status();
  if (Status synced = (*marker)->sync(); !synced) return synced;
  if (Status closed = (*marker)->close(); !closed) return closed;
  return parts_.files->sync_directory(path_);
}

// Reads what RocksDB is about to read, and takes away what a loss of power tore.
Status Opening::guard() {
  const int64_t started_us = monotonic_us();
  Result<Manifest> manifest = read_manifest(*parts_.files, path_);
  if (!manifest) return manifest.status();
  if (Status known = check_families(*manifest); !known) return known;
  uint64_t last_commit = 0;
  if (Status sound = check_tables(*parts_.files, path_, *manifest, &last_commit); !sound) {
    return sound;
  }
  LogGuard guard(*parts_.files, path_, *manifest, last_commit);
  if (Status read = guard.read(); !read) return read;
  if (Status cut = guard.cut(); !cut) return cut;
  report_ = guard.report();
  report_.tables = manifest->tables.size();
  report_.scan_us = monotonic_us() - started_us;
  for (const OpenReport::Cut& cut : report_.cuts) {
    sink_.write(LogLevel::warning, "cut " + std::to_string(cut.bytes) + " bytes off the end of " +
                                       cut.file + " at offset " + std::to_string(cut.offset) +
                                       ": " + std::string(to_string(cut.reason)));
  }
  return Status();
}

Status Opening::check_families(const Manifest& manifest) const {
  std::vector<std::string> names;
  for (const Manifest::Family& family : manifest.families) names.push_back(family.name);
  std::vector<std::string> own;
  for (size_t i = 0; i < kFamilies; ++i) own.emplace_back(to_string(static_cast<Family>(i)));
  for (const std::string& name : names) {
    if (std::find(own.begin(), own.end(), name) != own.end()) continue;
    return Status(Code::unsupported_format,
                  path_ + " has a family '" + name + "' that this version does not know");
  }
  for (const std::string& name : own) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    if (manifest.end.ends_early()) {
      return Status(Code::corruption, path_ + "/" + manifest.name + " is damaged at offset " +
                                          std::to_string(manifest.end.whole_bytes) +
                                          ": it ends there, without the family '" + name + "'");
    }
    return Status(Code::unsupported_format, path_ + " has no family '" + name + "'");
  }
  return Status();
}

Status Opening::open_database(bool create) {
  database_.create_if_missing = create;
  const MemoryShares shares = share_memory(options_.memory_budget_bytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (size_t i = 0; i < kFamilies; ++i) {
    const auto family = static_cast<Family>(i);
    families.emplace_back(std::string(to_string(family)),
                          family_options(family, shares, parts_.cache));
  }
  // DB::Open could create the families too, but where that fails half-way it ends the process.
  std::vector<rocksdb::ColumnFamilyDescriptor> later;
  if (create) {
    later.assign(families.begin() + 1, families.end());
    families.resize(1);
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::Status opened = rocksdb::DB::Open(database_, path_, families, &handles, &parts_.db);
  if (!opened.ok()) {
    parts_.db = nullptr;
    return from_rocks(opened, "cannot open " + path_);
  }
  listener_->watch(parts_.db);
  auto place = std::copy(handles.begin(), handles.end(), parts_.families.begin());
  if (!create) return Status();
  opened = parts_.db->CreateColumnFamilies(later, &handles);
  std::copy(handles.begin(), handles.end(), place);
  return from_rocks(opened, "cannot make the families of " + path_);
}

// After a refusal: what this opening made goes away. What cannot be removed does no harm, as
// CREATING goes last and the next opening begins anew.
void Opening::undo(const Contents& before) {
  FileSystem& files = *parts_.files;
  std::unique_ptr<FileLock> lock = std::move(parts_.lock);
  (void)parts_.close();
  if (making_ && remove_store_files().ok()) (void)files.remove(at(kCreatingName));
  if (lock != nullptr && !before.lock_file) (void)files.remove(at(kLockName));
  lock.reset();
  if (made_directory_) (void)files.remove_directory(path_);
}

}  // namespace

Result<std::unique_ptr<Engine>> open_rocks(const std::string& path, const Options& options,
                                           bool* fresh, OpenReport* report) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return Status(Code::invalid_argument, "the path of a store must name a directory");
  }
  if (options.memory_budget_bytes < kLeastMemoryBytes) {
    return Status(Code::invalid_argument, "memory_budget_bytes must be at least 16 MiB");
  }
  return Opening(path, options).run(fresh, report);
}

}  // namespace bcstore::engine
