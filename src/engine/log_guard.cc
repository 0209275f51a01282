#include "engine/log_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "engine/engine.h"
#include "engine/monotonic.h"

namespace bcstore::engine {
namespace {

constexpr std::string_view kLogSuffix = ".log";

// The number in a name such as "000017.log".
std::optional<uint64_t> log_number(std::string_view name) {
  if (!name.ends_with(kLogSuffix)) return std::nullopt;
  name.remove_suffix(kLogSuffix.size());
  uint64_t number = 0;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool whole = read.ec == std::errc() && read.ptr == name.data() + name.size();
  return whole && !name.empty() ? std::optional<uint64_t>(number) : std::nullopt;
}

}  // namespace

Status LinkChain::add(const LoggedLink& link) {
  if (hole_) {
    hole_->durable_seq = std::max(hole_->durable_seq, link.link.durable_seq);
    return Status();
  }
  if (first_ != 0 && link.seq > last_ + 1) {
    hole_ = Hole{last_ + 1, link.link.durable_seq};
    return Status();
  }
  if (first_ != 0 && (link.seq != last_ + 1 || link.link.prev_hash != hash_)) {
    return Status(Code::corruption,
                  fmt::format("commit {} does not follow commit {}", link.seq, last_));
  }
  if (first_ == 0) first_ = link.seq;
  last_ = link.seq;
  hash_ = link.hash;
  return Status();
}

// Takes the records of all files of the log, one after another.
class LogGuard::Replay final : public LogRecords {
 public:
  // `chained`: the links of this file stand in no table.
  void enter(size_t file, bool chained) {
    file_ = file;
    chained_ = chained;
    records_ = 0;
  }
  uint64_t records() const { return records_; }
  const LinkChain& chain() const { return chain_; }
  // The file before whose first record the chain has its hole: there the log can be cut.
  const std::optional<size_t>& hole_file() const { return hole_file_; }
  // The last of RocksDB's sequence numbers in the log, up to a hole; 0 when it holds none.
  uint64_t last_sequence() const { return last_sequence_; }

  void begin(uint64_t) override { batch_.begin(); }
  void piece(std::string_view bytes) override { batch_.feed(bytes); }
  Status end() override {
    if (Status sound = batch_.end(); !sound) return sound;
    bool first = records_++ == 0 && !chain_.hole();
    for (const LoggedLink& link : batch_.links()) {
      if (!chained_) break;
      if (Status added = chain_.add(link); !added) return added;
      if (first && chain_.hole()) hole_file_ = file_;
      first = false;
    }
    if (!chain_.hole() && batch_.count() > 0) {
      last_sequence_ = std::max(last_sequence_, batch_.sequence() + batch_.count() - 1);
    }
    return Status();
  }

 private:
  BatchWalk batch_;
  LinkChain chain_;
  std::optional<size_t> hole_file_;
  size_t file_ = 0;
  bool chained_ = false;
  uint64_t records_ = 0;
  uint64_t last_sequence_ = 0;
};

Result<std::vector<LogGuard::File>> LogGuard::live_files() const {
  Result<std::vector<std::string>> names = files_.list(directory_);
  if (!names) return names.status();
  const uint64_t first = manifest_.first_log_number();
  std::vector<File> live;
  for (const std::string& name : *names) {
    const std::optional<uint64_t> number = log_number(name);
    if (number && *number >= first) live.push_back({name, *number, {}, 0});
  }
  std::sort(live.begin(), live.end(),
            [](const File& a, const File& b) { return a.number < b.number; });
  return live;
}

Status LogGuard::read() {
  const int64_t started_us = monotonic_us();
  Result<std::vector<File>> live = live_files();
  if (!live) return live.status();
  logs_ = *std::move(live);
  Replay replay;
  const Manifest::Family* links = manifest_.family(to_string(Family::log));
  for (size_t i = 0; i < logs_.size(); ++i) {
    replay.enter(i, links != nullptr && logs_[i].number >= links->log_number);
    if (Status read = read_file(&logs_[i], &replay); !read) return read;
  }
  if (Status judged = judge_hole(replay); !judged) return judged;
  if (Status judged = judge_ends(); !judged) return judged;
  if (Status judged = judge_tables(replay); !judged) return judged;
  const LinkChain& chain = replay.chain();
  report_.log_files = logs_.size();
  for (const File& log : logs_) report_.log_bytes += log.end.whole_bytes;
  report_.first_commit_seq = chain.first();
  report_.last_commit_seq = chain.last();
  report_.log_commits = chain.first() == 0 ? 0 : chain.last() - chain.first() + 1;
  report_.scan_us = monotonic_us() - started_us;
  return Status();
}

Status LogGuard::read_file(File* file, Replay* replay) {
  const std::string path = directory_ + "/" + file->name;
  Result<FileInfo> info = files_.info(path);
  if (!info) return info.status();
  Result<std::unique_ptr<Reader>> reader = files_.open_reader(path);
  if (!reader) return reader.status();
  Result<LogEnd> end = read_log(**reader, path, info->size, *replay);
  if (!end) return end.status();
  file->end = *end;
  file->records = replay->records();
  return Status();
}

// Cuts at the hole, if there is one and nothing behind it was promised.
Status LogGuard::judge_hole(const Replay& replay) {
  const std::optional<LinkChain::Hole>& hole = replay.chain().hole();
  if (!hole) return Status();
  const std::string missing =
      fmt::format("commit {} is missing from the log of {}", hole->missing, directory_);
  if (hole->durable_seq >= hole->missing) {
    return Status(Code::corruption, missing + ", and a later one says that it was durable");
  }
  if (!replay.hole_file()) {
    return Status(Code::corruption, missing + ", from the middle of a file");
  }
  for (size_t i = *replay.hole_file(); i < logs_.size(); ++i) {
    logs_[i].end.whole_bytes = 0;
    logs_[i].records = 0;
  }
  return Status();
}

// A file may end torn if no younger one holds a record, or if the chain shows that nothing of it is
// missing.
Status LogGuard::judge_ends() const {
  const Manifest::Family* links = manifest_.family(to_string(Family::log));
  bool records_follow = false;
  for (size_t i = logs_.size(); i-- > 0;) {
    const File& log = logs_[i];
    const bool chained = links != nullptr && log.number >= links->log_number;
    if (log.end.torn() && records_follow && !chained) {
      return Status(Code::corruption,
                    fmt::format("{}/{} is damaged at offset {}: it ends there, and a younger file "
                                "of the log holds records",
                                directory_, log.name, log.end.whole_bytes));
    }
    records_follow = records_follow || log.records > 0;
  }
  return Status();
}

// No table may hold what came after the end of the log.
Status LogGuard::judge_tables(const Replay& replay) const {
  const uint64_t last = replay.last_sequence();
  if (last == 0 || manifest_.largest_sequence <= last) return Status();
  return Status(Code::corruption,
                fmt::format("the log of {} ends at change {}, but a table holds change {}",
                            directory_, last, manifest_.largest_sequence));
}

Status LogGuard::cut() {
  // The youngest first: were this cut short, the next opening would find the same.
  for (size_t i = logs_.size(); i-- > 0;) {
    if (!logs_[i].end.torn()) continue;
    if (Status cut = cut_file(logs_[i].name, logs_[i].end); !cut) return cut;
  }
  if (!manifest_.end.torn()) return Status();
  return cut_file(manifest_.name, manifest_.end);
}

Status LogGuard::cut_file(const std::string& name, const LogEnd& end) {
  Result<std::unique_ptr<WritableFile>> file =
      files_.open_writable(directory_ + "/" + name, FileSystem::Create::append);
  if (!file) return file.status();
  if (Status cut = (*file)->truncate(end.whole_bytes); !cut) return cut;
  if (Status synced = (*file)->sync(); !synced) return synced;
  if (Status closed = (*file)->close(); !closed) return closed;
  report_.cuts.push_back({name, end.whole_bytes, end.file_bytes - end.whole_bytes});
  return Status();
}

}  // namespace bcstore::engine
