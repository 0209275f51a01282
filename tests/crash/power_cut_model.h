// What PowerCutFileSystem knows about its disk: files with what of them is durable, names as the
// process sees them and as the disk holds them, and the changes in between.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crash/power_cut_fs.h"

namespace bcstore::crash {

struct PowerCutFileSystem::Inode {
  static constexpr size_t kSectorBytes = 512;

  bool is_directory = false;
  std::string bytes;
  size_t durable = 0;                // how many of `bytes` survive for certain
  std::optional<std::string> older;  // what was durable before a truncation that is not synced
  size_t laid_out = 0;               // where the zeros behind `bytes` end, if beyond them
  size_t durable_laid_out = 0;       // the same, for certain

  void lay_out(size_t count) { laid_out = std::max(laid_out, bytes.size() + count); }
  void truncate(size_t size) {
    laid_out = 0;
    if (size < durable) {
      if (!older) older = bytes.substr(0, durable);
      durable = size;
    }
    bytes.resize(size);
  }
  void sync() {
    durable = bytes.size();
    durable_laid_out = laid_out;
    older.reset();
  }
  bool is_synced() const { return durable == bytes.size() && !older; }

  // What a loss of power leaves of it.
  std::string survivor(const std::string& path, Random& random, bool garbles, Loss* loss) const {
    std::string left = appended(path, random, garbles, loss);
    size_t end = laid_out;
    if (laid_out < durable_laid_out) {  // taken away, and not synced
      end = random.percent(50) ? durable_laid_out : 0;
    } else if (laid_out > durable_laid_out) {
      end = random.between(durable_laid_out, laid_out);
    }
    if (left.size() < end) {
      ++loss->laid_out_files;
      left.resize(end, '\0');
    }
    return left;
  }

  // Of what was appended.
  std::string appended(const std::string& path, Random& random, bool garbles, Loss* loss) const {
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
    if (garbles && random.percent(40)) {
      ++loss->garbled_files;
      const size_t sector = (left.size() - 1) / kSectorBytes * kSectorBytes;
      const size_t from = std::max(durable, sector);
      const bool zeros = random.percent(50);
      loss->story += (zeros ? ", zeros from " : ", garbage from ") + std::to_string(from);
      for (size_t at = from; at < left.size(); ++at) {
        left[at] = zeros ? '\0' : static_cast<char>(random.next());
      }
    }
    if (garbles && random.percent(40)) drop_sectors(&left, random, loss);
    loss->story += "; ";
    return left;
  }

  // Sectors of what was not synced are written in any order: some in the midst may be missing.
  void drop_sectors(std::string* left, Random& random, Loss* loss) const {
    ++loss->holed_files;
    const size_t first = random.between(durable / kSectorBytes, (left->size() - 1) / kSectorBytes);
    const size_t from = std::max(durable, first * kSectorBytes);
    const size_t count = random.percent(50) ? 1 : random.between(1, 16);
    const size_t to = std::min((first + count) * kSectorBytes, left->size());
    std::fill(left->begin() + static_cast<ptrdiff_t>(from),
              left->begin() + static_cast<ptrdiff_t>(to), '\0');
    loss->story += ", never wrote " + std::to_string(from) + " to " + std::to_string(to);
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
  uint64_t overlaps = 0;
  uint64_t cut_at_overlap = 0;
  uint64_t log_syncs = 0;
  Lies lies;

  bool covers(const std::string& path) const {
    return path.size() > root.size() && path.starts_with(root) && path[root.size()] == '/';
  }

  std::shared_ptr<Inode> find(const std::string& path) const {
    const auto it = now.find(path);
    return it == now.end() ? nullptr : it->second;
  }

  static std::string parent(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash);
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
      loss->story += stays ? "keeps" : "undoes";
      for (const auto& [path, inode] : pending[i]) {
        loss->story += (inode ? " +" : " -") + path.substr(path.rfind('/') + 1);
      }
      loss->story += "; ";
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

  // Before an operation is spent on it: whether this log is about to overlap with another.
  void note_overlap(const std::string& path, const std::atomic<bool>& powered) {
    if (!powered.load() || !path.ends_with(".log")) return;
    const bool overlap = std::any_of(now.begin(), now.end(), [&](const auto& entry) {
      return entry.first != path && entry.first.ends_with(".log") && !entry.second->is_synced();
    });
    if (overlap && ++overlaps == cut_at_overlap) cut_at = operations + 1;
  }

  bool log_entry_is_pending(const std::string& path) const {
    const auto it = disk.find(path);
    return it == disk.end() || it->second != find(path);
  }
};

}  // namespace bcstore::crash
