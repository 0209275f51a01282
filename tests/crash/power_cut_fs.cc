#include "crash/power_cut_fs.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace bcstore::crash {
namespace {

constexpr size_t kSectorBytes = 512;

Status power_is_gone() { return {Code::io_error, "the power is gone"}; }

// Without doubled or closing slashes: RocksDB joins paths as they come.
std::string plain(std::string_view path) {
  std::string out;
  for (char c : path) {
    if (c != '/' || out.empty() || out.back() != '/') out += c;
  }
  while (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

std::string parent(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

}  // namespace

struct PowerCutFileSystem::Inode {
  bool is_directory = false;
  std::string bytes;
  size_t durable = 0;                // how many of `bytes` survive for certain
  std::optional<std::string> older;  // what was durable before a truncation that is not synced

  void truncate(size_t size) {
    if (size < durable) {
      if (!older) older = bytes.substr(0, durable);
      durable = size;
    }
    bytes.resize(size);
  }
  void sync() {
    durable = bytes.size();
    older.reset();
  }
  bool is_synced() const { return durable == bytes.size() && !older; }

  // What a loss of power leaves of it.
  std::string survivor(const std::string& path, Random& random, Loss* loss) const {
    if (older && random.percent(50)) return *older;
    const size_t unsynced = bytes.size() - durable;
    size_t kept = 0;
    switch (random.below(4)) {
      case 0:
        break;
      case 1:
        kept = unsynced;
        break;
      default:
        kept = random.between(0, unsynced);
    }
    loss->bytes_lost += unsynced - kept;
    std::string left = bytes.substr(0, durable + kept);
    if (kept == 0) return left;
    ++loss->torn_files;
    const std::string name = path.substr(path.rfind('/') + 1);
    loss->story += name + " keeps " + std::to_string(kept) + " of " + std::to_string(unsynced) +
                   " bytes after " + std::to_string(durable);
    if (random.percent(40)) {
      ++loss->garbled_files;
      const size_t sector = (left.size() - 1) / kSectorBytes * kSectorBytes;
      const size_t from = std::max(durable, sector);
      const bool zeros = random.percent(50);
      loss->story += (zeros ? ", zeros from " : ", garbage from ") + std::to_string(from);
      for (size_t at = from; at < left.size(); ++at) {
        left[at] = zeros ? '\0' : static_cast<char>(random.next());
      }
    }
    loss->story += "; ";
    return left;
  }
};

struct PowerCutFileSystem::Model {
  using Namespace = std::map<std::string, std::shared_ptr<Inode>>;
  // Names given new files, or null when they went, all at once.
  using Change = std::vector<std::pair<std::string, std::shared_ptr<Inode>>>;
  enum class Power { on, going, off };

  mutable std::mutex mutex;
  std::string root;
  Namespace now;                // what the process sees
  Namespace disk;               // what survives for certain
  std::vector<Change> pending;  // from `disk` to `now`, in order
  uint64_t operations = 0;
  uint64_t cut_at = 0;
  uint64_t log_syncs = 0;
  Lies lies;

  bool covers(const std::string& path) const {
    return path.size() > root.size() && path.starts_with(root) && path[root.size()] == '/';
  }

  std::shared_ptr<Inode> find(const std::string& path) const {
    const auto it = now.find(path);
    return it == now.end() ? nullptr : it->second;
  }

  static void apply(const Change& change, Namespace* names) {
    for (const auto& [path, inode] : change) {
      if (inode) {
        (*names)[path] = inode;
      } else {
        names->erase(path);
      }
    }
  }

  void record(Change change) {
    apply(change, &now);
    pending.push_back(std::move(change));
  }

  static bool touches(const Change& change, const std::string& directory) {
    return std::any_of(change.begin(), change.end(),
                       [&](const auto& set) { return parent(set.first) == directory; });
  }

  void settle(const std::string& directory) {
    std::vector<Change> rest;
    for (Change& change : pending) {
      if (touches(change, directory)) {
        apply(change, &disk);
      } else {
        rest.push_back(std::move(change));
      }
    }
    pending = std::move(rest);
  }

  Power spend(std::atomic<bool>* powered) {
    if (!powered->load()) return Power::off;
    ++operations;
    if (cut_at == 0 || operations < cut_at) return Power::on;
    powered->store(false);
    return Power::going;
  }

  // A journal loses its end; a file system without one may lose any entry that was not synced.
  void lose_entries(Random& random, Loss* loss) {
    const uint64_t manner = random.below(3);
    const size_t prefix = manner == 1 ? random.between(0, pending.size()) : 0;
    for (size_t i = 0; i < pending.size(); ++i) {
      const bool stays = manner == 2 ? random.percent(50) : i < prefix;
      if (stays) {
        apply(pending[i], &disk);
      } else {
        ++loss->entries_undone;
      }
    }
    pending.clear();
    for (auto it = disk.begin(); it != disk.end();) {  // parents come first in the map
      const std::string above = parent(it->first);
      it = above == root || disk.contains(above) ? std::next(it) : disk.erase(it);
    }
  }

  bool log_entry_is_pending(const std::string& path) const {
    const auto it = disk.find(path);
    return it == disk.end() || it->second != find(path);
  }
};

class PowerCutFileSystem::File : public WritableFile {
 public:
  File(PowerCutFileSystem* owner, std::string path, std::shared_ptr<Inode> inode,
       std::unique_ptr<WritableFile> target)
      : owner_(owner),
        path_(std::move(path)),
        inode_(std::move(inode)),
        target_(std::move(target)) {}

  Status append(std::string_view data) override {
    return change([&] { inode_->bytes.append(data); }, [&] { return target_->append(data); });
  }
  Status flush() override {
    return change([] {}, [&] { return target_->flush(); });
  }
  Status truncate(uint64_t size) override {
    return change([&] { inode_->truncate(static_cast<size_t>(size)); },
                  [&] { return target_->truncate(size); });
  }
  Status close() override {
    return change([] {}, [&] { return target_->close(); });
  }
  uint64_t size() override {
    const std::lock_guard<std::mutex> guard(owner_->model_->mutex);
    return inode_->bytes.size();
  }

  Status sync() override {
    const uint32_t sync_us = owner_->sync_us_.load();
    if (sync_us > 0 && owner_->powered()) {
      std::this_thread::sleep_for(std::chrono::microseconds(sync_us));
    }
    Model& model = *owner_->model_;
    const std::lock_guard<std::mutex> guard(model.mutex);
    // The operation at which the power goes has not synced anything.
    if (model.spend(&owner_->powered_) != Model::Power::on) return power_is_gone();
    if (Status flushed = target_->flush(); !flushed.ok()) return flushed;
    const bool is_log = path_.ends_with(".log");
    if (is_log) ++model.log_syncs;
    if (!is_log || !model.lies.log_sync) inode_->sync();
    return {};
  }

 private:
  // What the last operation wrote may still be found after the loss, though it answers an error.
  template <class OnModel, class OnTarget>
  Status change(OnModel on_model, OnTarget on_target) {
    Model& model = *owner_->model_;
    const std::lock_guard<std::mutex> guard(model.mutex);
    const Model::Power power = model.spend(&owner_->powered_);
    if (power == Model::Power::off) return power_is_gone();
    if (power == Model::Power::on) {
      if (Status done = on_target(); !done.ok()) return done;
    }
    on_model();
    return power == Model::Power::on ? Status() : power_is_gone();
  }

  PowerCutFileSystem* owner_;
  std::string path_;
  std::shared_ptr<Inode> inode_;
  std::unique_ptr<WritableFile> target_;
};

class PowerCutFileSystem::PoweredReader : public Reader {
 public:
  PoweredReader(const PowerCutFileSystem* owner, std::unique_ptr<Reader> target)
      : owner_(owner), target_(std::move(target)) {}
  Result<size_t> read(uint64_t offset, size_t size, char* buffer) const override {
    if (!owner_->powered()) return power_is_gone();
    return target_->read(offset, size, buffer);
  }

 private:
  const PowerCutFileSystem* owner_;
  std::unique_ptr<Reader> target_;
};

PowerCutFileSystem::PowerCutFileSystem(std::shared_ptr<FileSystem> target, std::string root)
    : FileSystemWrapper(target), target_(std::move(target)), model_(std::make_unique<Model>()) {
  model_->root = plain(root);
}

PowerCutFileSystem::~PowerCutFileSystem() = default;

void PowerCutFileSystem::lie(Lies lies) {
  const std::lock_guard<std::mutex> guard(model_->mutex);
  model_->lies = lies;
}

uint64_t PowerCutFileSystem::operations() const {
  const std::lock_guard<std::mutex> guard(model_->mutex);
  return model_->operations;
}

void PowerCutFileSystem::cut_at(uint64_t operation) {
  const std::lock_guard<std::mutex> guard(model_->mutex);
  model_->cut_at = operation;
}

void PowerCutFileSystem::cut_now() { powered_.store(false); }

uint64_t PowerCutFileSystem::log_syncs() const {
  const std::lock_guard<std::mutex> guard(model_->mutex);
  return model_->log_syncs;
}

bool PowerCutFileSystem::logs_are_synced() const {
  const std::lock_guard<std::mutex> guard(model_->mutex);
  return std::all_of(model_->now.begin(), model_->now.end(), [&](const auto& entry) {
    const auto& [path, inode] = entry;
    if (!path.ends_with(".log") || inode->bytes.empty()) return true;
    return inode->is_synced() && !model_->log_entry_is_pending(path);
  });
}

bool PowerCutFileSystem::unsynced_log_holds(std::string_view text) const {
  const std::lock_guard<std::mutex> guard(model_->mutex);
  return std::any_of(model_->now.begin(), model_->now.end(), [&](const auto& entry) {
    const auto& [path, inode] = entry;
    if (!path.ends_with(".log")) return false;
    const size_t safe = model_->log_entry_is_pending(path) ? 0 : inode->durable;
    return std::string_view(inode->bytes).substr(safe).find(text) != std::string_view::npos;
  });
}

Result<std::unique_ptr<WritableFile>> PowerCutFileSystem::open_writable(const std::string& raw_path,
                                                                        Create create) {
  const std::string path = plain(raw_path);
  Model& model = *model_;
  const std::lock_guard<std::mutex> guard(model.mutex);
  if (!model.covers(path)) return target_->open_writable(raw_path, create);
  const Model::Power power = model.spend(&powered_);
  if (power == Model::Power::off) return power_is_gone();
  std::unique_ptr<WritableFile> target;
  if (power == Model::Power::on) {
    auto opened = target_->open_writable(path, create);
    if (!opened.ok()) return opened.status();
    target = *std::move(opened);
  }
  std::shared_ptr<Inode> inode = model.find(path);
  if (!inode) {
    inode = std::make_shared<Inode>();
    model.record({{path, inode}});
  } else if (create == Create::fresh) {
    inode->truncate(0);
  }
  if (power == Model::Power::going) return power_is_gone();
  return std::unique_ptr<WritableFile>(new File(this, path, inode, std::move(target)));
}

Status PowerCutFileSystem::make_directory(const std::string& raw_path) {
  const std::string path = plain(raw_path);
  Model& model = *model_;
  const std::lock_guard<std::mutex> guard(model.mutex);
  if (!model.covers(path)) return target_->make_directory(raw_path);
  const Model::Power power = model.spend(&powered_);
  if (power == Model::Power::off) return power_is_gone();
  if (power == Model::Power::on) {
    if (Status made = target_->make_directory(path); !made.ok()) return made;
  }
  if (!model.find(path)) {
    auto inode = std::make_shared<Inode>();
    inode->is_directory = true;
    model.record({{path, std::move(inode)}});
  }
  return power == Model::Power::on ? Status() : power_is_gone();
}

Status PowerCutFileSystem::remove_directory(const std::string& raw_path) {
  const std::string path = plain(raw_path);
  Model& model = *model_;
  const std::lock_guard<std::mutex> guard(model.mutex);
  if (!model.covers(path)) return target_->remove_directory(raw_path);
  const Model::Power power = model.spend(&powered_);
  if (power != Model::Power::on) return power_is_gone();
  if (Status removed = target_->remove_directory(path); !removed.ok()) return removed;
  model.record({{path, nullptr}});
  return {};
}

Status PowerCutFileSystem::remove(const std::string& raw_path) {
  const std::string path = plain(raw_path);
  Model& model = *model_;
  const std::lock_guard<std::mutex> guard(model.mutex);
  if (!model.covers(path)) return target_->remove(raw_path);
  const Model::Power power = model.spend(&powered_);
  if (power == Model::Power::off) return power_is_gone();
  if (power == Model::Power::on) {
    if (Status removed = target_->remove(path); !removed.ok()) return removed;
  }
  if (model.find(path)) model.record({{path, nullptr}});
  return power == Model::Power::on ? Status() : power_is_gone();
}

Status PowerCutFileSystem::rename(const std::string& raw_from, const std::string& raw_to) {
  const std::string from = plain(raw_from);
  const std::string to = plain(raw_to);
  Model& model = *model_;
  const std::lock_guard<std::mutex> guard(model.mutex);
  if (!model.covers(from) || !model.covers(to)) return target_->rename(raw_from, raw_to);
  const std::shared_ptr<Inode> inode = model.find(from);
  if (inode && inode->is_directory) {
    return {Code::invalid_argument, "renaming a directory is not simulated"};
  }
  const Model::Power power = model.spend(&powered_);
  if (power == Model::Power::off) return power_is_gone();
  if (power == Model::Power::on) {
    if (Status renamed = target_->rename(from, to); !renamed.ok()) return renamed;
  }
  if (inode) model.record({{from, nullptr}, {to, inode}});
  return power == Model::Power::on ? Status() : power_is_gone();
}

Status PowerCutFileSystem::link(const std::string& raw_from, const std::string& raw_to) {
  const std::string from = plain(raw_from);
  const std::string to = plain(raw_to);
  Model& model = *model_;
  const std::lock_guard<std::mutex> guard(model.mutex);
  if (!model.covers(from) || !model.covers(to)) return target_->link(raw_from, raw_to);
  const Model::Power power = model.spend(&powered_);
  if (power == Model::Power::off) return power_is_gone();
  if (power == Model::Power::on) {
    if (Status linked = target_->link(from, to); !linked.ok()) return linked;
  }
  const std::shared_ptr<Inode> inode = model.find(from);
  if (inode && !model.find(to)) model.record({{to, inode}});
  return power == Model::Power::on ? Status() : power_is_gone();
}

Status PowerCutFileSystem::sync_directory(const std::string& raw_path) {
  const std::string path = plain(raw_path);
  Model& model = *model_;
  const std::lock_guard<std::mutex> guard(model.mutex);
  if (path != model.root && !model.covers(path)) return target_->sync_directory(raw_path);
  if (model.spend(&powered_) != Model::Power::on) return power_is_gone();
  if (!model.lies.directory_sync) model.settle(path);
  return {};
}

Result<std::unique_ptr<Reader>> PowerCutFileSystem::open_reader(const std::string& path) {
  if (!powered()) return power_is_gone();
  auto opened = target_->open_reader(path);
  if (!opened.ok()) return opened.status();
  return std::unique_ptr<Reader>(new PoweredReader(this, *std::move(opened)));
}

Result<FileInfo> PowerCutFileSystem::info(const std::string& path) {
  if (!powered()) return power_is_gone();
  return target_->info(path);
}

Result<std::vector<std::string>> PowerCutFileSystem::list(const std::string& directory) {
  if (!powered()) return power_is_gone();
  return target_->list(directory);
}

Result<std::unique_ptr<FileLock>> PowerCutFileSystem::lock(const std::string& path) {
  if (!powered()) return power_is_gone();
  return target_->lock(path);
}

Result<uint64_t> PowerCutFileSystem::free_space(const std::string& path) {
  if (!powered()) return power_is_gone();
  return target_->free_space(path);
}

Status PowerCutFileSystem::write_out(const std::string& path, std::string_view bytes) {
  auto opened = target_->open_writable(path, Create::fresh);
  if (!opened.ok()) return opened.status();
  WritableFile& file = **opened;
  if (Status appended = file.append(bytes); !appended.ok()) return appended;
  return file.close();
}

Status PowerCutFileSystem::remove_all(const std::string& directory) {
  auto names = target_->list(directory);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const std::string path = directory + "/" + name;
    auto found = target_->info(path);
    if (!found.ok()) return found.status();
    if (found->is_directory) {
      if (Status emptied = remove_all(path); !emptied.ok()) return emptied;
    }
    Status gone = found->is_directory ? target_->remove_directory(path) : target_->remove(path);
    if (!gone.ok()) return gone;
  }
  return {};
}

Result<PowerCutFileSystem::Loss> PowerCutFileSystem::restore(Random& random) {
  Model& model = *model_;
  const std::lock_guard<std::mutex> guard(model.mutex);
  powered_.store(false);
  Loss loss;
  model.lose_entries(random, &loss);
  if (Status emptied = remove_all(model.root); !emptied.ok()) return emptied;
  std::map<const Inode*, std::shared_ptr<Inode>> survivors;  // links share one
  Model::Namespace names;
  for (const auto& [path, inode] : model.disk) {
    std::shared_ptr<Inode>& left = survivors[inode.get()];
    if (!left) {
      left = std::make_shared<Inode>();
      left->is_directory = inode->is_directory;
      if (!inode->is_directory) left->bytes = inode->survivor(path, random, &loss);
      left->durable = left->bytes.size();
    }
    Status laid = left->is_directory ? target_->make_directory(path) : write_out(path, left->bytes);
    if (!laid.ok()) return laid;
    names[path] = left;
  }
  model.now = names;
  model.disk = std::move(names);
  model.cut_at = 0;
  powered_.store(true);
  return loss;
}

}  // namespace bcstore::crash
