#include "engine/log_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "engine/engine.h"

namespace bcstore {

std::string_view to_string(OpenReport::CutReason reason) {
  switch (reason) {
    case OpenReport::CutReason::torn:
      return "the end of the log, which held no whole record";
    case OpenReport::CutReason::hole:
      return "what follows sectors that were never written, and was not promised";
    case OpenReport::CutReason::manifest:
      return "the end of the manifest, which held no whole edit";
  }
  return "unknown";
}

}  // namespace bcstore

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
  const uint64_t before = first_ == 0 ? base_ : last_;
  if (!hole_ && before != 0 && link.seq > before + 1) hole_ = Hole{before + 1, 0, 0};
  if (hole_) {
    hole_->durable_seq = std::max(hole_->durable_seq, link.link.durable_seq);
    if (hole_->next == 0) hole_->next = link.seq;
    return Status();
  }
  if (before != 0 && (link.seq != before + 1 || (first_ != 0 && link.link.prev_hash != hash_))) {
    return Status(Code::corruption,
                  fmt::format("commit {} does not follow commit {}", link.seq, before));
  }
  if (first_ == 0) first_ = link.seq;
  last_ = link.seq;
  hash_ = link.hash;
  return Status();
}

void LinkChain::interrupt() {
  const uint64_t before = first_ == 0 ? base_ : last_;
  if (!hole_) hole_ = Hole{before == 0 ? 0 : before + 1, 0, 0};
}

// Takes the records of all files of the log, one after another.
class LogGuard::Replay final : public LogRecords {
 public:
  explicit Replay(uint64_t last_commit) : chain_(last_commit) {}

  void enter(File* file) { file_ = file; }
  const LinkChain& chain() const { return chain_; }
  // The last of RocksDB's sequence numbers in the log, up to a hole; 0 when it holds none.
  uint64_t last_sequence() const { return last_sequence_; }

  void begin(uint64_t) override { batch_.begin(); }
  void piece(std::string_view bytes) override { batch_.feed(bytes); }
  Status end() override {
    if (Status sound = batch_.end(); !sound) return sound;
    ++file_->records;
    for (const LoggedLink& link : batch_.links()) {
      if (!file_->chained) break;
      if (Status added = chain_.add(link); !added) return added;
    }
    if (!chain_.hole() && batch_.count() > 0) {
      last_sequence_ = std::max(last_sequence_, batch_.sequence() + batch_.count() - 1);
    }
    return Status();
  }
  bool may_follow(std::string_view beginning) const override {
    return may_be_batch(beginning, last_sequence_);
  }
  Status hole() override {
    file_->hole = true;
    chain_.interrupt();
    return Status();
  }

 private:
  BatchWalk batch_;
  LinkChain chain_;
  File* file_ = nullptr;
  uint64_t last_sequence_ = 0;
};

Result<std::vector<LogGuard::File>> LogGuard::live_files() const {
  Result<std::vector<std::string>> names = files_.list(directory_);
  if (!names) return names.status();
  const uint64_t first = manifest_.first_log_number();
  const Manifest::Family* links = manifest_.family(to_string(Family::log));
  std::vector<File> live;
  for (const std::string& name : *names) {
    const std::optional<uint64_t> number = log_number(name);
    if (!number || *number < first) continue;
    live.push_back({name, *number, links != nullptr && *number >= links->log_number});
  }
  std::sort(live.begin(), live.end(),
            [](const File& a, const File& b) { return a.number < b.number; });
  return live;
}

Status LogGuard::read() {
  Result<std::vector<File>> live = live_files();
  if (!live) return live.status();
  logs_ = *std::move(live);
  Replay replay(last_commit_);
  for (File& log : logs_) {
    if (Status read = read_file(&log, &replay); !read) return read;
  }
  if (Status judged = judge_files(); !judged) return judged;
  if (Status judged = judge_hole(replay); !judged) return judged;
  if (Status judged = judge_ends(); !judged) return judged;
  if (Status judged = judge_tables(replay); !judged) return judged;
  const LinkChain& chain = replay.chain();
  report_.log_files = logs_.size();
  for (const File& log : logs_) report_.log_bytes += log.end.whole_bytes;
  report_.first_commit_seq = chain.first();
  report_.last_commit_seq = chain.last();
  report_.log_commits = chain.first() == 0 ? 0 : chain.last() - chain.first() + 1;
  return Status();
}

Status LogGuard::read_file(File* file, Replay* replay) {
  const std::string path = directory_ + "/" + file->name;
  Result<FileInfo> info = files_.info(path);
  if (!info) return info.status();
  Result<std::unique_ptr<Reader>> reader = files_.open_reader(path);
  if (!reader) return reader.status();
  replay->enter(file);
  Result<LogEnd> end = read_log(**reader, path, info->size, *replay);
  if (!end) return end.status();
  file->end = *end;
  return Status();
}

// RocksDB makes a file of the log before the manifest names it, and keeps every file with a record
// that a family has in no table yet.
Status LogGuard::judge_files() const {
  const uint64_t newest = manifest_.newest_log_number();
  if (logs_.empty() || logs_.back().number < newest) {
    return Status(
        Code::corruption,
        fmt::format("{}/{:06}.log, or a younger file of the log, is missing", directory_, newest));
  }
  const uint64_t flushed = manifest_.flushed_log_number;
  uint64_t records = 0;
  uint64_t needed = 0;
  for (const File& log : logs_) {
    if (log.number < flushed) needed += log.records;
    records += log.records;
  }
  if (manifest_.first_log_number() < flushed && needed == 0) {
    return Status(Code::corruption,
                  fmt::format("the log of {} holds no record in its files from {:06}.log to "
                              "{:06}.log, and a table lacks what was in them",
                              directory_, manifest_.first_log_number(), flushed));
  }
  // The first row is synced before a store counts as made.
  if (records > 0 || !manifest_.tables.empty()) return Status();
  return Status(Code::corruption,
                fmt::format("{} holds neither a table nor a record in its log", directory_));
}

// Whether the log may be cut at the hole, if there is one.
Status LogGuard::judge_hole(const Replay& replay) const {
  const std::optional<LinkChain::Hole>& hole = replay.chain().hole();
  if (!hole) return Status();
  const std::string missing =
      hole->missing == 0
          ? fmt::format("commits are missing from the log of {}", directory_)
          : fmt::format("commit {} is missing from the log of {}", hole->missing, directory_);
  const auto refused = [&](std::string_view why) {
    return Status(Code::corruption, missing + std::string(why));
  };
  // Where the number is not known, the commit before the next one is missing for certain.
  const uint64_t missed = hole->missing != 0 ? hole->missing : hole->next - (hole->next != 0);
  if (hole->durable_seq >= missed && hole->next != 0) {
    return refused(", and a later one says that it was durable");
  }
  const auto place = std::find_if(logs_.begin(), logs_.end(), [](const File& f) { return f.hole; });
  if (place == logs_.end()) return refused(" between whole records");
  const bool younger =
      std::any_of(place + 1, logs_.end(), [](const File& log) { return log.records > 0; });
  if (younger || !place->chained) return refused(", from a file that was synced as a whole");
  if (hole->missing == 0 && hole->next != 0) {
    return refused(", and whether they were durable cannot be told");
  }
  return Status();
}

// A file may end torn if no younger one holds a record, or if the chain shows that nothing of it is
// missing.
Status LogGuard::judge_ends() const {
  bool records_follow = false;
  for (size_t i = logs_.size(); i-- > 0;) {
    const File& log = logs_[i];
    if (log.end.torn() && records_follow && !log.chained) {
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
    if (!logs_[i].end.ends_early()) continue;
    const auto reason = logs_[i].hole ? OpenReport::CutReason::hole : OpenReport::CutReason::torn;
    if (Status cut = cut_file(logs_[i].name, logs_[i].end, reason); !cut) return cut;
  }
  if (!manifest_.end.ends_early()) return Status();
  return cut_file(manifest_.name, manifest_.end, OpenReport::CutReason::manifest);
}

Status LogGuard::cut_file(const std::string& name, const LogEnd& end,
                          OpenReport::CutReason reason) {
  Result<std::unique_ptr<WritableFile>> file =
      files_.open_writable(directory_ + "/" + name, FileSystem::Create::append);
  if (!file) return file.status();
  if (Status cut = (*file)->truncate(end.whole_bytes); !cut) return cut;
  if (Status synced = (*file)->sync(); !synced) return synced;
  if (Status closed = (*file)->close(); !closed) return closed;
  // What was laid out ahead never held anything.
  if (reason == OpenReport::CutReason::torn && !end.torn()) return Status();
  report_.cuts.push_back({name, end.whole_bytes, end.file_bytes - end.whole_bytes, reason});
  return Status();
}

}  // namespace bcstore::engine
