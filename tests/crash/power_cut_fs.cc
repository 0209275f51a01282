#include "crash/power_cut_fs.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "crash/power_cut_model.h"

namespace bcstore::crash {
namespace {

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

}  // namespace

class PowerCutFileSystem::File : public WritableFile {
 public:
  File(PowerCutFileSystem* owner, std::string path, std::shared_ptr<Inode> inode,
       std::unique_ptr<WritableFile> target)
      : owner_(owner),
        path_(std::move(path)),
        inode_(std::move(inode)),
        target_(std::move(target)) {}

  Status append(std::string_view data) override {
    {
      const std::lock_guard<std::mutex> guard(owner_->model_->mutex);
      owner_->model_->note_overlap(path_, owner_->powered_);
    }
    return change([&] { inode_->bytes.append(data); }, [&] { return target_->append(data); });
  }
  void lay_out(uint64_t bytes) override {
    (void)change([&] { inode_->lay_out(static_cast<size_t>(bytes)); },
                 [&] {
                   target_->lay_out(bytes);
                   return Status();
                 });
  }
  Status flush() override {
    return change([] {}, [&] { return target_->flush(); });
  }
  Status truncate(uint64_t size) override {
    return change([&] { inode_->truncate(static_cast<size_t>(size)); },
                  [&] { return target_->truncate(size); });
  }
  Status close() override {
    return change([&] { inode_->laid_out = 0; }, [&] { return target_->close(); });
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

uint64_t PowerCutFileSystem::overlaps() const {
  const std::lock_guard<std::mutex> guard(model_->mutex);
  return model_->overlaps;
}

void PowerCutFileSystem::cut_at_overlap(uint64_t overlap) {
  const std::lock_guard<std::mutex> guard(model_->mutex);
  model_->cut_at_overlap = overlap;
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

Result<PowerCutFileSystem::Loss> PowerCutFileSystem::restore(Random& random, bool garbled_tails) {
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
      if (!inode->is_directory) left->bytes = inode->survivor(path, random, garbled_tails, &loss);
      left->durable = left->bytes.size();
    }
    Status laid = left->is_directory ? target_->make_directory(path) : write_out(path, left->bytes);
    if (!laid.ok()) return laid;
    names[path] = left;
  }
  model.now = names;
  model.disk = std::move(names);
  model.cut_at = 0;
  model.cut_at_overlap = 0;
  powered_.store(true);
  return loss;
}

}  // namespace bcstore::crash
